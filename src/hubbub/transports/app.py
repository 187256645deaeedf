"""The ASGI side of a connection that our WebSocket class holds (ASGI spec, "WebSocket", 2.4).

A complete implementation: any FastAPI or Starlette WebSocket endpoint runs on it. It lives as
long as the application's call; for an endpoint that gives its connection to a hub that is a
moment.
"""

from __future__ import annotations

import asyncio
import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from uvicorn.protocols.utils import (
    ClientDisconnected,
    get_client_addr,
    get_local_addr,
    get_path_with_query_string,
    get_remote_addr,
    is_ssl,
)

from hubbub.engine.inbox import Inbox
from hubbub.model import INTERNAL_ERROR, NORMAL, VANISHED, Disconnect
from hubbub.wire.frames import binary_frame, text_frame
from hubbub.wire.handshake import Handshake, accept_response

if TYPE_CHECKING:
    from uvicorn.config import Config

    from hubbub.transports.direct import WebSocketProtocol

log = logging.getLogger("uvicorn.error")  # where uvicorn's users look for their endpoints

INBOX_BYTES = 65_536
"""Bytes of unread messages after which a plain ASGI application's socket is not read."""

EXTENSION = "hubbub.direct"
"""The key in a scope's extensions under which an endpoint finds its connection."""

# The same for every connection, so one object serves them all.
ASGI: dict[str, str] = {"version": "3.0", "spec_version": "2.4"}
DENIAL: dict[str, Any] = {}

Message = dict[str, Any]
T = TypeVar("T")


class AppReceiver:
    """Runs the ASGI application for one connection, and is its `receive` and `send`."""

    # An endpoint that joined a room keeps this for the life of its socket: no dict, no queue.
    __slots__ = (
        "_accepted",
        "_application",
        "_connect_told",
        "_default_headers",
        "_ended",
        "_inbox",
        "_key",
        "_protocol",
        "_response",
        "_scope",
        "_writable",
    )

    def __init__(
        self,
        protocol: WebSocketProtocol,
        config: Config,
        handshake: Handshake,
        app_state: dict[str, Any],
        default_headers: list[tuple[bytes, bytes]],
    ) -> None:
        self._protocol = protocol
        self._key = handshake.key
        self._default_headers = default_headers
        self._application = config.loaded_app
        self._scope = _scope(protocol, config, handshake, app_state)
        self._inbox: Inbox | None = None
        self._connect_told = False
        self._accepted = False
        self._response: tuple[int, list[tuple[bytes, bytes]], bytearray] | None = None
        self._ended: Disconnect | None = None
        self._writable: asyncio.Event | None = None  # while the peer does not keep up

    def start(self, tasks: set[asyncio.Task[None]]) -> None:
        task = self._protocol.loop.create_task(self._run(), name="websocket")
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    # What the connection tells (contracts.Receiver).

    def received(self, messages: list[str | bytes]) -> None:
        self._unread.put(messages)

    def lost(self, disconnect: Disconnect) -> None:
        if self._ended is None:
            self._ended = disconnect
            if self._inbox is not None:
                self._inbox.end()
            self.writing_resumed()

    def hang_up(self, disconnect: Disconnect) -> None:
        if self._ended is None:
            self.lost(disconnect)
            if not self._accepted:
                self._refuse(503, [], disconnect.reason.encode())
            elif self._protocol.outlives_app:
                self._protocol.hang_up(disconnect)  # who has it leaves its rooms, and then closes
            else:
                self._protocol.close(disconnect)

    def writing_paused(self) -> None:
        if self._writable is None:
            self._writable = asyncio.Event()

    def writing_resumed(self) -> None:
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    def take_unread(self) -> list[str | bytes]:
        """Messages that the application has not received; it will not any more."""
        return [] if self._inbox is None else self._inbox.drain()

    @property
    def _unread(self) -> Inbox:
        """Made when it is needed: most endpoints give their connection to a hub before that."""
        if self._inbox is None:
            self._inbox = Inbox(self._protocol, INBOX_BYTES)
            if self._ended is not None:
                self._inbox.end()
        return self._inbox

    # The application.

    async def _run(self) -> None:
        try:
            await self._application(self._scope, self.receive, self.send)
        except ClientDisconnected:
            self._leave(NORMAL)
        except asyncio.CancelledError:
            self._leave(INTERNAL_ERROR)
            raise
        except BaseException:
            # BaseException, because an endpoint that calls sys.exit is not the server's end.
            log.exception("Exception in ASGI application\n")
            self._leave(INTERNAL_ERROR)
        else:
            if not self._accepted and self._ended is None:
                log.error("ASGI application returned without accepting or refusing the handshake")
            self._leave(NORMAL)

    def _leave(self, disconnect: Disconnect) -> None:
        protocol = self._protocol
        if self._accepted:
            if not protocol.outlives_app and self._ended is None:
                protocol.close(disconnect)
        elif self._ended is None:
            self._refuse(500, [], b"Internal Server Error")
        protocol.app_done()

    async def receive(self) -> Message:
        if not self._connect_told:
            self._connect_told = True
            return {"type": "websocket.connect"}
        message = await self._unread.get()
        if message is None:
            code, reason = self._ended or VANISHED
            return {"type": "websocket.disconnect", "code": code, "reason": reason}
        if isinstance(message, str):
            return {"type": "websocket.receive", "text": message}
        return {"type": "websocket.receive", "bytes": message}

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if self._writable is not None:
            await self._writable.wait()
        if self._ended is not None or self._protocol.closing:
            # An OSError, as ASGI asks: frameworks turn it into their own disconnect.
            raise ClientDisconnected
        if self._accepted and kind == "websocket.send":
            self._send(message)
        elif self._accepted and kind == "websocket.close":
            # A code of None is how some frameworks say "none given".
            code, reason = message.get("code") or NORMAL.code, message.get("reason") or ""
            self.hang_up(Disconnect.given(code, reason))
        elif self._accepted:
            raise _unexpected(kind, "websocket.send or websocket.close")
        elif self._response is not None:
            self._respond(message)
        elif kind == "websocket.accept":
            self._accept(message)
        elif kind == "websocket.close":
            self._refuse(403, [], b"")
            self.lost(VANISHED)
        elif kind == "websocket.http.response.start":
            self._response = (message["status"], list(message.get("headers", [])), bytearray())
        else:
            raise _unexpected(kind, "websocket.accept, .close or .http.response.start")

    def _accept(self, message: Message) -> None:
        headers = [
            (name.lower(), value)
            for name, value in [*self._default_headers, *message.get("headers", [])]
        ]
        response = accept_response(self._key, message.get("subprotocol"), headers)
        self._accepted = True
        self._key = b""  # it was for this
        self._log("[accepted]")
        self._protocol.write(response)
        self._protocol.opened()

    def _send(self, message: Message) -> None:
        data, text = message.get("bytes"), message.get("text")
        if text is not None:
            self._protocol.write(text_frame(text.encode()))
        elif data is not None:
            self._protocol.write(binary_frame(bytes(data)))

    def _respond(self, message: Message) -> None:
        assert self._response is not None
        if message["type"] != "websocket.http.response.body":
            raise _unexpected(message["type"], "websocket.http.response.body")
        status, headers, body = self._response
        body += message.get("body", b"")
        if not message.get("more_body", False):
            self._refuse(status, headers, bytes(body))
            self.lost(VANISHED)

    def _refuse(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self._log(str(status))
        self._protocol.refuse(status, headers, body)

    def _log(self, outcome: str) -> None:
        if not log.isEnabledFor(logging.INFO):
            return
        scope: Any = self._scope
        address, path = get_client_addr(scope), get_path_with_query_string(scope)
        log.info('%s - "WebSocket %s" %s', address, path, outcome)


def _unexpected(kind: str, expected: str) -> RuntimeError:
    return RuntimeError(f"expected the ASGI message {expected}, not {kind}")


def _scope(
    protocol: WebSocketProtocol, config: Config, handshake: Handshake, app_state: dict[str, Any]
) -> Message:
    transport = protocol.transport
    client = get_remote_addr(transport)
    raw_path, _, query = handshake.target.partition(b"?")
    path, raw_path = _paths(config.root_path, raw_path)
    return {
        "type": "websocket",
        "asgi": ASGI,
        "http_version": "1.1",
        "scheme": "wss" if is_ssl(transport) else "ws",
        "server": _shared(get_local_addr(transport)),
        "client": client and (_shared(client[0]), client[1]),
        "root_path": config.root_path,
        "path": path,
        "raw_path": raw_path,
        "query_string": query,
        "headers": handshake.headers,
        "subprotocols": handshake.subprotocols,
        "state": app_state.copy(),
        "extensions": {"websocket.http.response": DENIAL, EXTENSION: protocol},
    }


@lru_cache(maxsize=256)
def _paths(root: str, raw_path: bytes) -> tuple[str, bytes]:
    """`path` and `raw_path`; one pair for the many connections to one room or endpoint."""
    return root + unquote(raw_path.decode("ascii")), root.encode("ascii") + raw_path


@lru_cache(maxsize=256)
def _shared(address: T) -> T:
    """One object for an address that many connections have: ours, or a proxy's."""
    return address
