"""The HTTP API for other servers: keys, bounds and envelopes (protocol.md section 19).

Of a request nothing is read before its key is known to be right, and nothing of it is logged.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Request, Response, Security
from fastapi.security import APIKeyHeader, APIKeyQuery
from msgspec import Raw, Struct

from hubbub.embed.api_bodies import ErrorBody
from hubbub.embed.api_methods import METHODS, SLICE, Api, Method
from hubbub.embed.api_schema import ERROR_MODE, BatchRequest, batch_operation, operation
from hubbub.embed.requests import read_body
from hubbub.wire.centrifuge import METHOD_NOT_FOUND, Error

if TYPE_CHECKING:
    from hubbub.embed.hub import Hub

MAX_BODY = 1_048_576
"""Bytes."""

NOT_FOUND = Error(METHOD_NOT_FOUND.code, "not found")

STATUSES = {102: 404, 103: 403, 104: 404, 107: 400, 108: 400, 112: 416, 113: 409}
"""Of errors, for who wants them as statuses; 500 for any other that is none itself. The protocol
has nothing that is denied to a server; a projection's `Refused` is."""

HEADER = APIKeyHeader(name="X-API-Key", scheme_name="ApiKey", auto_error=False)
_AUTHORIZATION = APIKeyHeader(
    name="Authorization",
    scheme_name="ApiKeyAuthorization",
    description='"apikey", a space, and the key.',
    auto_error=False,
)
_QUERY = APIKeyQuery(
    name="api_key",
    scheme_name="ApiKeyQuery",
    description="Servers log what is in an address: better give it in a header.",
    auto_error=False,
)

_SCHEME = "apikey "

_encode = msgspec.json.Encoder().encode

Handler = Callable[[Request], Awaitable[Response]]
Asked = tuple[str, Any]
"""The name of a method, and its body."""


class Command(Struct):
    """One of the legacy form."""

    method: str = ""
    params: Raw = Raw(b"{}")


_decode_command = msgspec.json.Decoder(Command)
_decode_batch = msgspec.json.Decoder(BatchRequest)
_decoders = {name: msgspec.json.Decoder(method.request) for name, method in METHODS.items()}


def build_api(hub: Hub) -> APIRouter:
    """The routes under `/api`, for the keys of the hub's settings."""
    api = Api(hub.node)
    keys = [key.get_secret_value().encode() for key in hub.settings.api_keys]
    check = Depends(_key_check([key for key in keys if key]))
    router = APIRouter(prefix="/api", tags=["server API"], dependencies=[check])

    def add(path: str, name: str, handler: Handler, **documented: Any) -> None:
        # Written out, because FastAPI reads the signature.
        async def endpoint(request: Request) -> Response:
            hub.node.bind()
            return await handler(request)

        router.add_api_route(
            path,
            endpoint,
            methods=["POST"],
            name=f"api_{name}",
            operation_id=f"api_{name}",
            response_class=Response,
            **documented,
        )

    for method in METHODS.values():
        add(f"/{method.name}", method.name, partial(_one, api, method), **operation(method))
    add("/batch", "batch", partial(_batch, api), **batch_operation())
    add("", "legacy", partial(_legacy, api), include_in_schema=False)
    return router


# The key. --------------------------------------------------------------------------------------


def _key_check(keys: list[bytes]) -> Callable[..., Awaitable[None]]:
    async def check_key(
        header: Annotated[str | None, Security(HEADER)],
        authorization: Annotated[str | None, Security(_AUTHORIZATION)],
        query: Annotated[str | None, Security(_QUERY)],
    ) -> None:
        if authorization is not None and not authorization.lower().startswith(_SCHEME):
            authorization = None  # somebody else's: a proxy's, for one
        if header is not None:
            given = header.encode("latin-1")  # the bytes as they came
        elif authorization is not None:
            given = authorization[len(_SCHEME) :].encode("latin-1")
        else:
            given = (query or "").encode()
        if not is_one_of(given, keys):
            told = "an API key is needed: one of `api_keys` (HUBBUB_API_KEYS)"
            raise HTTPException(401, told, {"WWW-Authenticate": "apikey"})

    return check_key


def is_one_of(given: bytes, keys: Iterable[bytes]) -> bool:
    """Whether `given` is a key, in a time that does not say how much of which one it is."""
    found = False
    for key in keys:
        found |= hmac.compare_digest(key, given)
    return found


# One method, many, and the legacy form. --------------------------------------------------------


async def _one(api: Api, method: Method, request: Request) -> Response:
    command = _decoded(_decoders[method.name].decode, await _body(request))
    answer = await api.carry_out(method, command)
    if isinstance(answer, Error) and request.headers.get(ERROR_MODE) == "transport":
        return _response(_encode(ErrorBody.of(answer)), status_of(answer))
    return _response(_envelope(answer))


async def _batch(api: Api, request: Request) -> Response:
    batch = _decoded(_decode_batch.decode, await _body(request))
    replies: list[dict[str, Any]] = []
    # One after the other, whatever `parallel` says: nothing here waits for anything.
    async for name, answer in _answers(api, map(_chosen, batch.commands)):
        if isinstance(answer, Error):
            replies.append({"error": ErrorBody.of(answer)})
        else:
            replies.append({name: answer})
    return _response(_encode({"replies": replies}))


def status_of(error: Error) -> int:
    if 400 <= error.code < 500:
        return error.code  # of a `Refused`, whose codes may be the statuses of HTTP
    return STATUSES.get(error.code, 500)


def _chosen(command: Struct) -> Asked:
    for name in METHODS:
        if (body := getattr(command, name)) is not None:
            return name, body
    return "", None


async def _legacy(api: Api, request: Request) -> Response:
    """Commands that name their method: one, or one a line, answered line by line."""
    text = await _body(request)
    try:
        commands = [_decode_command.decode(text)]
    except (ValueError, RecursionError):
        commands = _decoded(_decode_command.decode_lines, text)
    # All are understood before the first is carried out.
    asked = [(one.method, _params(one)) for one in commands]
    answers = [_envelope(answer) async for _, answer in _answers(api, asked)]
    if not answers:
        raise HTTPException(400, "the body is empty")
    return _response(b"\n".join(answers))


def _params(command: Command) -> Any:
    decoder = _decoders.get(command.method)
    return None if decoder is None else _decoded(decoder.decode, command.params)


async def _answers(api: Api, asked: Iterable[Asked]) -> AsyncIterator[tuple[str, Struct | Error]]:
    for number, (name, body) in enumerate(asked, 1):
        method = METHODS.get(name)
        yield name, NOT_FOUND if method is None else await api.carry_out(method, body)
        if not number % SLICE:
            await asyncio.sleep(0)


# In and out. -----------------------------------------------------------------------------------


async def _body(request: Request) -> str:
    """The body, decoded: JSON that is passed on as it is may not be UTF-8 in its strings."""
    try:
        return (await read_body(request, MAX_BODY)).decode()
    except UnicodeDecodeError:
        raise HTTPException(400, "the body is not UTF-8") from None


def _decoded(decode: Callable[[Any], Any], text: Any) -> Any:
    try:
        return decode(text)
    except ValueError as error:
        raise HTTPException(400, str(error)) from None  # which says where, and not what
    except RecursionError:
        raise HTTPException(400, "the body is nested too deeply") from None


def _envelope(answer: Struct | Error) -> bytes:
    if isinstance(answer, Error):
        return _encode({"error": ErrorBody.of(answer)})
    return b'{"result":' + _encode(answer) + b"}"


def _response(content: bytes, status: int = 200) -> Response:
    return Response(content, status, media_type="application/json")
