"""Hooks as functions: what they are given, what they may return, and what their data is."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import pytest
from fastapi import (
    BackgroundTasks,
    Depends,
    FastAPI,
    HTTPException,
    Query,
    Request,
    WebSocket,
    WebSocketException,
)
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection

from hubbub import Call, ConfigurationError, Connect, Grant, Join, Publish, Refused
from hubbub.embed.hooks import (
    MAX_PROBLEM,
    Hook,
    Model,
    Wrong,
    argument_of,
    json_or_nothing,
)
from hubbub.engine.client import Client
from hubbub.engine.node import Node
from hubbub.settings import Settings
from hubbub.testing import FakeClock, RecordingSink
from hubbub.wire.centrifuge_json import JSON

EVENT = object()
BEARER = OAuth2PasswordBearer("/token")


class Pydantic(BaseModel):
    text: str = Field(max_length=5)
    size: int = 1


class Struct(msgspec.Struct):
    text: Annotated[str, msgspec.Meta(max_length=5)]
    size: int = 1


@dataclass
class Data:
    text: Annotated[str, Field(max_length=5)]
    size: int = 1


def make_client(**more: Any) -> Client:
    scope = {
        "type": "websocket",
        "path": "/",
        "path_params": {},
        "query_string": b"page=7",
        "headers": [(b"x-user", b"ann")],
        "app": FastAPI(),
        **more,
    }
    node = Node(Settings())
    node.bind(FakeClock())
    return Client(node, RecordingSink(), JSON, scope)


# What a hook is given. ------------------------------------------------------------------------


async def test_a_hook_is_sync_or_async_and_takes_the_event_by_its_annotation() -> None:
    def sync(join: Join) -> Any:
        return join

    async def later(it: Join) -> Any:
        return it

    for function in (sync, later):
        hook = Hook(function, Join)
        assert not hook.has_dependencies
        assert await hook(make_client(), EVENT) is EVENT


async def test_the_event_may_be_generic_and_a_callable_object_is_a_hook_too() -> None:
    class Answer:
        async def __call__(self, call: Call[int]) -> Any:
            return call

    hook = Hook(Answer(), Call)
    assert argument_of(hook.event_type) is int
    assert argument_of(Call) is Any
    assert await hook(make_client(), EVENT) is EVENT


async def test_parameters_that_are_not_the_event_are_fastapis() -> None:
    closed: list[str] = []

    async def session(page: int) -> AsyncIterator[str]:
        yield f"session {page}"
        closed.append("session")

    async def ask(
        join: Join,
        page: Annotated[int, Query()],
        request: HTTPConnection,
        websocket: WebSocket,
        opened: Annotated[str, Depends(session)],
        old_style: str = Depends(session),
    ) -> Any:
        assert closed == []
        assert websocket.scope["path"] == request.scope["path"] == "/"
        return [page, request.headers["x-user"], opened, old_style]

    hook = Hook(ask, Join)
    assert hook.has_dependencies
    assert await hook(make_client(), EVENT) == [7, "ann", "session 7", "session 7"]
    assert closed == ["session"]


async def test_dependencies_are_closed_when_the_hook_raises() -> None:
    closed: list[str] = []

    async def session() -> AsyncIterator[None]:
        try:
            yield
        finally:
            closed.append("session")

    async def ask(join: Join, session: Annotated[None, Depends(session)]) -> None:
        raise LookupError("as asked")

    with pytest.raises(LookupError):
        await Hook(ask, Join)(make_client(), EVENT)
    assert closed == ["session"]


async def test_what_is_given_by_name_wins_unless_the_parameter_says_where_it_comes_from() -> None:
    async def who(token: str | None, connect: Connect) -> Any:
        return token

    async def from_query(token: Annotated[str, Query(alias="page")]) -> Any:
        return token

    async def old_style(token: str = Query(alias="page")) -> Any:
        return token

    async def nothing() -> Any:
        return "nobody asked"

    client = make_client()
    assert await Hook(who, Connect, ("token",))(client, EVENT, token="given") == "given"
    assert await Hook(from_query, Connect, ("token",))(client, EVENT, token="given") == "7"
    assert await Hook(old_style, Connect, ("token",))(client, EVENT, token="given") == "7"
    assert await Hook(nothing, Connect, ("token",))(client, EVENT, token="x") == "nobody asked"


async def test_what_dependencies_raise_for_http_refuses_the_client() -> None:
    def raising(error: Exception) -> Any:
        def dependency() -> None:
            raise error

        async def ask(join: Join, _: Annotated[None, Depends(dependency)]) -> None: ...

        return Hook(ask, Join)(make_client(), EVENT)

    with pytest.raises(Refused) as refused:
        await raising(HTTPException(404, "no such room"))
    assert (refused.value.code, refused.value.reason) == (404, "no such room")
    with pytest.raises(Refused) as refused:
        await raising(WebSocketException(4401, "who are you?"))
    assert (refused.value.code, refused.value.reason) == (4401, "who are you?")
    with pytest.raises(Refused) as refused:
        await raising(WebSocketException(1008))
    assert (refused.value.code, refused.value.reason) == (103, "permission denied")
    with pytest.raises(HTTPException):
        await raising(HTTPException(307, headers={"Location": "/login"}))


async def test_what_fastapi_has_for_security_works() -> None:
    async def who(token: Annotated[str, Depends(BEARER)]) -> str:
        return token

    hook = Hook(who, Connect, ("token",))
    headers = [(b"authorization", b"Bearer s3cret")]
    assert await hook(make_client(headers=headers), EVENT, token=None) == "s3cret"
    with pytest.raises(Refused) as refused:
        await hook(make_client(), EVENT, token=None)
    assert (refused.value.code, refused.value.reason) == (401, "Not authenticated")


async def test_parameters_that_do_not_fit_are_the_clients_mistake() -> None:
    async def ask(join: Join, page: int) -> None: ...

    with pytest.raises(Refused) as refused:
        await Hook(ask, Join)(make_client(query_string=b"page=many"), EVENT)
    assert refused.value.code == 107
    assert "query.page" in refused.value.reason


class Unknown:
    """Nothing that anybody reads from a request or from JSON."""


# What cannot be a hook. -----------------------------------------------------------------------


def test_a_hook_without_its_event_or_with_a_signature_that_cannot_be_is_refused() -> None:
    def nothing() -> None: ...

    def unknown(join: "Nowhere") -> None: ...  # type: ignore[name-defined] # noqa: F821

    def strange(join: Join, what: Unknown) -> None: ...

    def with_body(join: Join, message: Pydantic) -> None: ...

    with pytest.raises(ConfigurationError, match="needs a parameter .* annotated Join"):
        Hook(nothing, Join)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Hook(unknown, Join)
    with pytest.raises(ConfigurationError, match="does not understand the parameters of hook"):
        Hook(strange, Join)
    with pytest.raises(ConfigurationError, match="message from the body of a request"):
        Hook(with_body, Join)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Hook(42, Join)  # type: ignore[arg-type]


def test_what_works_in_a_route_alone_is_refused_as_the_hook_is_registered() -> None:
    def of_request(request: Request) -> None: ...

    def between(_: Annotated[None, Depends(of_request)]) -> None: ...

    def body(message: Pydantic) -> None: ...

    def asks(join: Join, _: Annotated[None, Depends(between)]) -> None: ...

    def asks_later(join: Join, tasks: BackgroundTasks) -> None: ...

    def reads(join: Join, _: Annotated[None, Depends(body)]) -> None: ...

    cases: list[tuple[Callable[..., None], str]] = [
        (asks, "hook .*asks, with .*of_request, takes a Request.*HTTPConnection"),
        (asks_later, "takes BackgroundTasks"),
        (reads, "with .*body, takes message from the body"),
    ]
    for hook, text in cases:
        with pytest.raises(ConfigurationError, match=text):
            Hook(hook, Join)


def test_what_a_hook_may_return_is_in_its_annotation() -> None:
    async def good(join: Join) -> Grant:
        return Grant()

    async def silent(join: Join): ...  # type: ignore[no-untyped-def]

    async def wrong(join: Join) -> bool:
        return True

    Hook(good, Join).may_return(Grant)
    Hook(silent, Join).may_return(Grant)
    with pytest.raises(ConfigurationError, match="has to return Grant"):
        Hook(wrong, Join).may_return(Grant)


def test_a_publish_is_generic() -> None:
    async def clean(publish: Publish[int]) -> int:
        return publish.data

    assert argument_of(Hook(clean, Publish).event_type) is int


# Data. ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Pydantic, Struct, Data])
def test_a_model_reads_fills_in_and_writes(kind: Any) -> None:
    model = Model[Any](kind)
    value = model.decode(b'{"text": "hi"}')
    assert isinstance(value, kind)
    assert (value.text, value.size) == ("hi", 1)
    assert msgspec.json.decode(model.normal(b'{"text":"hi"}')) == {"text": "hi", "size": 1}
    assert b"\n" not in model.normal(b'{"text":"a\\nb"}')


@pytest.mark.parametrize("kind", [Pydantic, Struct, Data])
@pytest.mark.parametrize("data", [b'{"text":"too long"}', b"{}", b"[1]", b"no json", b"null"])
def test_data_that_is_not_what_the_model_says_is_wrong(kind: Any, data: bytes) -> None:
    with pytest.raises(Wrong) as wrong:
        Model[Any](kind).decode(data)
    assert 0 < len(str(wrong.value)) <= MAX_PROBLEM


def test_what_is_wrong_names_the_place_and_not_the_data() -> None:
    with pytest.raises(Wrong, match=r"^text: .*at most 5") as wrong:
        Model(Pydantic).decode(b'{"text":"a secret"}')
    assert "secret" not in str(wrong.value)
    with pytest.raises(Wrong, match=r"\$\.text"):
        Model(Struct).decode(b'{"text":"a secret"}')


def test_without_a_type_any_json_will_do() -> None:
    model = Model[Any]()
    for value in (None, 1, "x", [1], {"a": None}):
        assert model.decode(model.encode(value)) == value
    with pytest.raises(Wrong):
        model.decode(b"{")
    with pytest.raises(Wrong):
        model.decode(b"[" * 100_000)


def test_types_of_the_standard_library_are_models_too() -> None:
    assert Model(dict[str, int]).decode(b'{"a":1}') == {"a": 1}
    assert Model(int | None).decode(b"null") is None
    with pytest.raises(Wrong):
        Model(dict[str, int]).decode(b'{"a":"b"}')


def test_a_type_that_nobody_can_read_from_json_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="cannot be read from JSON"):
        Model(Unknown)
    with pytest.raises(ConfigurationError, match="cannot be read from JSON"):
        Model(list[Struct])


def test_nothing_is_no_json() -> None:
    assert json_or_nothing(None) == b""
    assert json_or_nothing({"a": Struct("hi")}) == b'{"a":{"text":"hi","size":1}}'
