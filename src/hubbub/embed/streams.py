"""Doors for who has no WebSocket: responses that do not end, and commands in requests beside them.

protocol.md sections 17 and 18. What holds for WebSockets holds here: the origin, the gate, the
rights, the limits, and what becomes of a reader that does not keep up.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
from fastapi import HTTPException, Request, Response
from google.protobuf.message import DecodeError
from starlette.types import Receive, Scope, Send

from hubbub.embed.requests import read_body
from hubbub.engine.codec import ClientCodec
from hubbub.engine.emulation import EmulatedClient
from hubbub.engine.listener import Listener
from hubbub.model import TOO_MANY_REQUESTS, VANISHED, Disconnect, may_come_back
from hubbub.transports.stream import EXTENSION, ResponseStream
from hubbub.wire import centrifuge_pb2 as pb
from hubbub.wire.centrifuge_json import (
    JSON_EVENTS,
    JSON_EVENTS_CHUNKED,
    JSON_LINES,
    JSON_LINES_CHUNKED,
    LISTENING_EVENTS,
    LISTENING_EVENTS_CHUNKED,
    LISTENING_LINES,
    LISTENING_LINES_CHUNKED,
)
from hubbub.wire.centrifuge_protobuf import PROTOBUF_BYTES, PROTOBUF_CHUNKED

if TYPE_CHECKING:
    from hubbub.embed.hub import Hub
    from hubbub.transports.http import HttpProtocol

PROTOBUF_TYPE = "application/octet-stream"

NOT_KEPT = {
    # Of proxies: not to wait for more before they pass it on, and not to change it.
    "X-Accel-Buffering": "no",
    "Cache-Control": "private, no-cache, no-store, no-transform, must-revalidate, max-age=0",
    "Pragma": "no-cache",
    # Of compressing middleware, which would wait as well.
    "Content-Encoding": "identity",
}

CHUNKED: dict[ClientCodec, ClientCodec] = {
    JSON_LINES: JSON_LINES_CHUNKED,
    JSON_EVENTS: JSON_EVENTS_CHUNKED,
    LISTENING_LINES: LISTENING_LINES_CHUNKED,
    LISTENING_EVENTS: LISTENING_EVENTS_CHUNKED,
    PROTOBUF_BYTES: PROTOBUF_CHUNKED,
}
"""What is spoken where bytes go to the transport as they are."""

EVENTS_TYPE = "text/event-stream; charset=utf-8"
LINES_TYPE = "application/x-ndjson; charset=utf-8"

PREFLIGHT_S = 300
"""Seconds for which a browser need not ask again whether a page may send requests."""


AROUND = 1_024
"""Bytes around the commands in a request of their own; in JSON each of theirs may be two."""


class EmulationRequest(msgspec.Struct):
    """Commands of a client, and which one it is."""

    session: str
    node: str
    data: str | bytes


class JsonEmulationRequest(EmulationRequest):
    data: str


_emulation = msgspec.json.Decoder(JsonEmulationRequest).decode


class Streams:
    """The endpoints."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    # Both ways. --------------------------------------------------------------------------------

    async def http_stream(self, request: Request) -> Response:
        binary = _is_protobuf(request)
        body = await self._body(request)
        codec: ClientCodec = PROTOBUF_BYTES if binary else JSON_LINES
        first = body if binary else _text(body)
        kind = PROTOBUF_TYPE if binary else LINES_TYPE
        return self._response(request, codec, kind, EmulatedClient, first)

    async def sse(self, request: Request) -> Response:
        first = _text(await self._asked(request))
        return self._response(request, JSON_EVENTS, EVENTS_TYPE, EmulatedClient, first)

    async def emulation(self, request: Request) -> Response:
        """Commands of a client that is told what becomes of them by its stream."""
        hub = self._hub
        headers = self._let_in(request)
        most = hub.settings.message_bytes
        told = _told(await self._body(request, 2 * most + AROUND), _is_protobuf(request))
        if told.node != hub.node.id:
            raise HTTPException(404, "there is no such node here", headers)
        if len(told.data) > most:
            raise HTTPException(413, f"commands have at most {most} bytes at once", headers)
        client = hub.node.emulated.get(told.session)
        if client is not None:
            stream = client.sink
            assert isinstance(stream, ResponseStream)
            if not await stream.take(told.data, hub.settings.inbox_bytes):
                client.hang_up(TOO_MANY_REQUESTS)
        return Response(status_code=204, headers=headers)

    # One way. ----------------------------------------------------------------------------------

    async def uni_http_stream(self, request: Request) -> Response:
        first = _text(await self._body(request))
        return self._response(request, LISTENING_LINES, LINES_TYPE, Listener, first)

    async def uni_sse(self, request: Request) -> Response:
        first = _text(await self._asked(request))
        return self._response(request, LISTENING_EVENTS, EVENTS_TYPE, Listener, first)

    # What they have in common. -----------------------------------------------------------------

    def _let_in(self, request: Request) -> dict[str, str]:
        """The headers that let a page of another origin read the answer, where it may.

        Raises a 403 where it may not.
        """
        self._hub.node.bind()
        self._hub.doors.check_origin(request)
        if "origin" not in request.headers:
            # A page may have a browser send such a request without saying whose page it is, as
            # for a picture; then this says that it is another's.
            if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
                raise HTTPException(403, "this origin is not allowed")
            return {}
        return {
            "Access-Control-Allow-Origin": request.headers["origin"],
            "Access-Control-Allow-Credentials": "true",
            "Vary": "Origin",
        }

    async def preflight(self, request: Request) -> Response:
        headers = self._let_in(request)
        headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        headers["Access-Control-Max-Age"] = str(PREFLIGHT_S)
        if asked := request.headers.get("access-control-request-headers"):
            headers["Access-Control-Allow-Headers"] = asked
        return Response(status_code=204, headers=headers)

    async def _body(self, request: Request, most: int = 0) -> bytes:
        self._let_in(request)  # before anything is read
        settings = self._hub.settings
        try:
            async with asyncio.timeout(settings.handshake_seconds):
                return await read_body(request, most or settings.message_bytes)
        except TimeoutError:
            raise HTTPException(408, "the body did not come in time") from None

    async def _asked(self, request: Request) -> bytes:
        """What is asked by a GET in its address, by a POST in its body."""
        if request.method == "POST":
            return await self._body(request)
        self._let_in(request)
        return request.query_params.get("cf_connect", "").encode()

    def _response(
        self,
        request: Request,
        codec: ClientCodec,
        kind: str,
        session: type[EmulatedClient | Listener],
        first: str | bytes,
    ) -> Response:
        if not first:
            raise HTTPException(400, "what the client has to say first is missing")
        headers = self._let_in(request) | NOT_KEPT | {"Content-Type": kind}
        prologue = b"\r\n" if kind is EVENTS_TYPE else b""
        return StreamResponse(self._hub, codec, headers, prologue, session, first)


def _is_protobuf(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip() == PROTOBUF_TYPE


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise HTTPException(400, "the commands are not UTF-8") from None


def _told(body: bytes, binary: bool) -> EmulationRequest:
    try:
        if not binary:
            return _emulation(_text(body))
        message = pb.EmulationRequest.FromString(body)
    except (msgspec.MsgspecError, DecodeError, RecursionError) as error:
        raise HTTPException(400, f"that is no emulation request: {error}") from None
    return EmulationRequest(message.session, message.node, message.data)


def as_connection(scope: Scope) -> Scope:
    """The scope of a request as the hooks of a WebSocket's connection know it."""
    scheme = "wss" if scope["scheme"] == "https" else "ws"
    return {**scope, "type": "websocket", "scheme": scheme, "subprotocols": []}


class StreamResponse(Response):
    """Lasts as long as its session, which begins with what the client says `first`."""

    def __init__(
        self,
        hub: Hub,
        codec: ClientCodec,
        headers: dict[str, str],
        prologue: bytes,
        session: type[EmulatedClient | Listener],
        first: str | bytes,
    ) -> None:
        super().__init__(headers=headers)
        del self.headers["content-length"]
        self._hub = hub
        self._codec = codec
        self._prologue = prologue
        self._session = session
        self._first = first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        protocol: HttpProtocol | None = scope.get("extensions", {}).get(EXTENSION)
        direct = False
        if protocol is None:
            await self._begin(send)
        else:
            with protocol.recording() as written:
                await self._begin(send)
            direct = self._is_as_meant(bytes(written))
        hub = self._hub
        seconds = hub.settings.close_seconds
        stream = ResponseStream(receive, send, seconds, self._farewell, protocol, direct)
        seen = as_connection(scope) if hub.keeps_scope else None
        codec = CHUNKED[self._codec] if direct else self._codec
        client = self._session(hub.node, stream, codec, seen)
        stream.attach(client)
        client.received([self._first])
        try:
            await stream.ended()
        finally:
            client.lost(VANISHED)

    async def _begin(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        # So that the head is on its way, whatever comes next.
        await send({"type": "http.response.body", "body": self._prologue, "more_body": True})

    def _is_as_meant(self, written: bytes) -> bool:
        """Whether the head, and what follows it, went out as it is: then nothing between here and
        the transport changes the response, or holds it back."""
        head, _, rest = written.partition(b"\r\n\r\n")
        there = {line.lower() for line in head.split(b"\r\n")}
        ours = {b"%b: %b" % (name, value.lower()) for name, value in self.raw_headers}
        prologue = b"%x\r\n%b\r\n" % (len(self._prologue), self._prologue)
        return ours | {b"transfer-encoding: chunked"} <= there and rest == (
            prologue if self._prologue else b""
        )

    def _farewell(self, disconnect: Disconnect) -> bytes:
        return self._codec.disconnect(*disconnect, may_come_back(disconnect.code))
