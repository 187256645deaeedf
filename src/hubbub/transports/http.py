"""uvicorn's HTTP class with two bounds it lacks: how long and how large a request head may be.

`uvicorn module:app --http hubbub.transports.http:HttpProtocol`. Without them a client that
connects and sends nothing, or a byte a second, or headers without end, holds its place for ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from hubbub.model import RESTART
from hubbub.transports.direct import closing_delay
from hubbub.transports.stream import EXTENSION, ResponseStream
from hubbub.wire.handshake import MAX_HEADER_BYTES, refuse_response

log = logging.getLogger("hubbub")

HEAD_SECONDS = 10.0
"""Seconds a client has for a whole request head, from connecting or from its first byte."""


class Record:
    """A transport, and what was written to it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.written = bytearray()

    def write(self, data: bytes) -> None:
        self.written += data
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class HttpProtocol(HttpToolsProtocol):
    """Answers 408 to a head that is late and 431 to one over `MAX_HEADER_BYTES`."""

    head_seconds = HEAD_SECONDS

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.stream: ResponseStream | None = None
        """The response that does not end by itself, while there is one."""
        self._head_deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_arrived()
        super().connection_lost(exc)
        if self.stream is not None:
            self.stream.connection_lost()  # before anything more is written
        self._let_go()

    def _let_go(self) -> None:
        """The scope of its request holds this protocol, which holds the scope."""
        scope: dict[str, Any] | None = self.scope  # type: ignore[assignment] # None before a request
        if scope is not None:
            scope.pop("extensions", None)

    def data_received(self, data: bytes) -> None:
        if self._head_deadline is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEADER_BYTES and not self._head_fits(data):
                self._give_up(431, "request head over 64 KiB")
                return
        super().data_received(data)

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        # Parser and protocol hold each other, and nobody tells this one that its connection is
        # over: thousands of them would wait for the garbage collector.
        self.parser = None  # type: ignore[assignment] # as uvicorn itself does at the end
        self._let_go()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.stream is not None:
            self.stream.writing_paused()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.stream is not None:
            self.stream.writing_resumed()

    @contextmanager
    def recording(self) -> Iterator[bytearray]:
        """What its response writes within the block, whatever is between that and who sends it."""
        record = Record(self.transport)
        cycle = self.cycle
        cycle.transport = cast("asyncio.Transport", record)
        try:
            yield record.written
        finally:
            cycle.transport = self.transport

    def shutdown(self) -> None:
        if self.stream is None:
            super().shutdown()
        else:
            self.loop.call_later(closing_delay(self.server_state), self._end_stream)

    def _end_stream(self) -> None:
        if self.stream is not None:
            self.stream.hang_up(RESTART)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: self}  # type: ignore[dict-item]
        if self._head_deadline is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._head_arrived()
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._head_deadline = self.loop.call_later(
            self.head_seconds, self._give_up, 408, "request head not finished in time"
        )

    def _head_arrived(self) -> None:
        self._head_bytes = 0
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def _head_fits(self, data: bytes) -> bool:
        """Whether the head ends within what is allowed, although a body behind it goes further."""
        allowed = MAX_HEADER_BYTES - (self._head_bytes - len(data))
        return b"\r\n\r\n" in data[: max(allowed, 0)]

    def _give_up(self, status: int, reason: str) -> None:
        if not self.transport.is_closing():
            log.debug("closed a connection: %d %s", status, reason)
            self.transport.write(refuse_response(status, [], reason.encode()))
            self.transport.close()
