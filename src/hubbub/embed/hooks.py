"""The application's hooks: functions with an event and FastAPI dependencies, called for a client.

Their dependencies are resolved for one call and closed after it. What a hook may return stands in
its annotation, and is checked when it is registered. What dependencies raise for HTTP refuses a
client here too: a dependency serves routes and hooks alike.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Any, Generic, TypeVar, cast, get_args, get_origin

import msgspec
from fastapi import params
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_dependant
from fastapi.exceptions import WebSocketRequestValidationError
from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from starlette.exceptions import HTTPException, WebSocketException

from hubbub.embed.depends import solve
from hubbub.engine.client import Client
from hubbub.errors import ConfigurationError, Refused
from hubbub.wire.centrifuge import BAD_REQUEST
from hubbub.wire.encode import to_json

T = TypeVar("T")


class Hook:
    """One hook. `given` names the parameters that are not FastAPI's, beside the one of `event`.

    Raises `ConfigurationError` for a function that cannot be called so.
    """

    def __init__(
        self, function: Callable[..., Any], event: type | None, given: Collection[str] = ()
    ) -> None:
        self.function = function
        self.name = getattr(function, "__qualname__", repr(function))
        try:
            signature = inspect.signature(function, eval_str=True)
        except (NameError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"the signature of hook {self.name} cannot be read: {error}"
            ) from None
        self.returns = signature.return_annotation
        self.event_type: Any = None
        self._event_name = ""
        self._given: list[str] = []
        others = []
        for parameter in signature.parameters.values():
            kind = parameter.annotation
            if event is not None and (kind is event or get_origin(kind) is event):
                self._event_name, self.event_type = parameter.name, kind
            elif parameter.name in given and not _is_fastapis(parameter):
                self._given.append(parameter.name)
            else:
                others.append(parameter)
        if event is not None and not self._event_name and not given:
            raise ConfigurationError(
                f"hook {self.name} needs a parameter for what it is asked about, annotated "
                f"{event.__name__}"
            )
        self._dependant = _dependant(self.name, others) if others else None

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def has_dependencies(self) -> bool:
        return self._dependant is not None

    def may_return(self, *kinds: Any) -> None:
        """Raises `ConfigurationError` where the annotation says anything but one of `kinds`."""
        if self.returns is inspect.Signature.empty or self.returns in kinds:
            return
        wanted = " or ".join(getattr(kind, "__name__", str(kind)) for kind in kinds)
        raise ConfigurationError(f"hook {self.name} has to return {wanted}")

    async def __call__(self, client: Client, event: Any = None, **given: Any) -> Any:
        """What the hook returns; raises what it and its dependencies raise."""
        values = {name: given[name] for name in self._given}
        if self._event_name:
            values[self._event_name] = event
        try:
            if self._dependant is None:
                return await _finished(self.function(**values))
            async with solve(client.scope, self._dependant) as solved:
                return await _finished(self.function(**values, **solved))
        except (HTTPException, WebSocketException, WebSocketRequestValidationError) as error:
            refused = _refused(error)
            if refused is None:
                raise
            raise refused from error


def _refused(
    error: HTTPException | WebSocketException | WebSocketRequestValidationError,
) -> Refused | None:
    """What a client is told of an `error` that was meant for one."""
    if isinstance(error, WebSocketRequestValidationError):
        return Refused(_first_problem(error.errors()), BAD_REQUEST.code)
    if isinstance(error, WebSocketException):
        reason = error.reason or "permission denied"
        return Refused(reason, error.code) if 4000 <= error.code <= 4999 else Refused(reason)
    # The statuses of errors are codes that the protocol leaves to the application.
    return Refused(str(error.detail), error.status_code) if error.status_code >= 400 else None


def _first_problem(problems: Any) -> str:
    place = ".".join(str(part) for part in problems[0]["loc"])
    text = str(problems[0]["msg"])
    return (f"{place}: {text}" if place else text)[:MAX_PROBLEM]


def _is_fastapis(parameter: inspect.Parameter) -> bool:
    """Whether it says itself where its value comes from: Depends(), Query() and so on."""
    said = (parameter.default, *getattr(parameter.annotation, "__metadata__", ()))
    return any(isinstance(one, params.Depends | params.Param) for one in said)


async def _finished(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result


def _dependant(name: str, parameters: list[inspect.Parameter]) -> Dependant:
    def call() -> None: ...

    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__name__ = name
    try:
        dependant = get_dependant(path="", call=call)
    except Exception as error:
        raise ConfigurationError(
            f"FastAPI does not understand the parameters of hook {name}: {error}"
        ) from None
    _check(name, dependant)
    return dependant


def _check(name: str, dependant: Dependant) -> None:
    """Refuse what works in a route and could not work here."""
    where = f"hook {name}"
    if dependant.call is not None:
        where += f", with {getattr(dependant.call, '__qualname__', dependant.call)!s},"
    if dependant.body_params:
        raise ConfigurationError(
            f"{where} takes {dependant.body_params[0].name} from the body of a request, and there "
            "is none: data comes with the event"
        )
    if dependant.request_param_name:
        raise ConfigurationError(
            f"{where} takes a Request, and a WebSocket has none: take starlette's HTTPConnection, "
            "which is either"
        )
    if dependant.background_tasks_param_name:
        raise ConfigurationError(
            f"{where} takes BackgroundTasks, which run after a response, and there is none: start "
            "a task of your own"
        )
    for one in dependant.dependencies:
        _check(name, one)


class Wrong(ValueError):
    """Data that is not what the model says; the text is for whoever sent it."""


MAX_PROBLEM = 200
"""Characters of what is wrong that are told."""


class Model(Generic[T]):
    """JSON ⇄ values of a type that Pydantic or msgspec knows; of any, without a type. For `bytes`
    whatever was published, JSON or not.

    Raises `ConfigurationError` for a type that neither knows.
    """

    def __init__(self, kind: Any = Any) -> None:
        self._adapter: TypeAdapter[T] | None = None
        self._decoder: Any = None
        self._bytes = kind is bytes
        if kind is Any or kind is bytes:
            self._decoder = msgspec.json.Decoder()
        elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            self._decoder = msgspec.json.Decoder(kind)
        else:
            try:
                self._adapter = TypeAdapter(kind)
            except PydanticUserError as error:
                raise ConfigurationError(f"{kind!r} cannot be read from JSON: {error}") from None

    def decode(self, data: bytes) -> T:
        """Raises `Wrong`."""
        if self._bytes:
            return cast("T", data)
        try:
            if self._adapter is not None:
                return self._adapter.validate_json(data)
            value: T = self._decoder.decode(data)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False, include_input=False)
            raise Wrong(_first_problem(problems)) from None
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Wrong(str(error)[:MAX_PROBLEM]) from None
        return value

    def encode(self, value: T) -> bytes:
        if self._bytes:
            return cast("bytes", value)
        if self._adapter is not None:
            return self._adapter.dump_json(value)
        return to_json(value)

    def normal(self, data: bytes) -> bytes:
        """`data` as the model says it: defaults filled in. Raises `Wrong`."""
        return self.encode(self.decode(data))


def argument_of(kind: Any) -> Any:
    """The type that a generic event was annotated with: of Call[Rename] it is Rename."""
    arguments = get_args(kind)
    return arguments[0] if arguments else Any


def json_or_nothing(value: Any) -> bytes:
    return b"" if value is None else to_json(value)
