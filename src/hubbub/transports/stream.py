"""A response that does not end: where the bytes of a session go without a WebSocket.

ASGI spec, "HTTP Connection Scope"; protocol.md sections 17 and 18. On uvicorn with our
`http.HttpProtocol` what is said goes to the transport as it is, once its head went out as it was
meant; a peer that takes nothing is dropped at once, and a server that stops ends the response. On
others each turn's bytes are a message of ASGI, and the rest is the server's to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from hubbub.contracts import Receiver, Sink
from hubbub.model import VANISHED, Disconnect
from hubbub.transports.asgi import AsgiSink, Event

if TYPE_CHECKING:
    from hubbub.transports.http import HttpProtocol

EXTENSION = "hubbub.http"
"""The key in a scope's extensions under which an endpoint finds our HTTP class."""


class ResponseStream(AsgiSink):
    """The response to one request, begun with its head: the `Sink` of a session.

    `farewell` makes what goes out last, since HTTP has no word for why it ends. `direct` has
    what is written go to the transport of `protocol`: then it is in chunks of HTTP already, but
    for the farewell.
    """

    def __init__(
        self,
        receive: Callable[[], Awaitable[Event]],
        send: Callable[[Event], Awaitable[None]],
        close_seconds: float,
        farewell: Callable[[Disconnect], bytes],
        protocol: HttpProtocol | None,
        direct: bool,
    ) -> None:
        super().__init__(close_seconds)
        self._receive = receive
        self._send = send
        self._farewell = farewell
        self._protocol = protocol
        self._direct = direct
        self._turn = asyncio.Lock()
        self._held = 0  # bytes that wait for their turn
        if protocol is not None and direct:
            self.write = protocol.transport.write  # type: ignore[assignment, method-assign]

    def attach(self, receiver: Receiver) -> None:
        super().attach(receiver)
        if self._protocol is not None:
            self._protocol.stream = self
            if self._direct and self._protocol.flow.write_paused:
                receiver.writing_paused()

    async def ended(self) -> None:
        """Wait until the peer is gone or the response is over."""
        try:
            await self.closed()
        finally:
            if self._protocol is not None and self._protocol.stream is self:
                self._protocol.stream = None
            await self.finish()

    # What our HTTP class tells.

    def hang_up(self, disconnect: Disconnect) -> None:
        if self._receiver is not None:
            self._receiver.hang_up(disconnect)

    def connection_lost(self) -> None:
        self._lost(Disconnect(VANISHED.code, "connection lost"))

    def writing_paused(self) -> None:
        if self._direct and self._receiver is not None:
            self._receiver.writing_paused()

    def writing_resumed(self) -> None:
        if self._direct and self._receiver is not None:
            self._receiver.writing_resumed()

    # What its session, and who brings the session's commands, does.

    async def take(self, data: str | bytes, most: int) -> bool:
        """Give `data`, which came by another way, to the session once that takes more.

        In the order of the calls. False where more than `most` bytes would have to wait.
        """
        if self._held and self._held + len(data) > most:
            return False
        self._held += len(data)
        try:
            async with self._turn:
                await self._readable.wait()
                if self._receiver is not None:
                    self._receiver.received([data])
        finally:
            self._held -= len(data)
        return True

    def abort(self) -> None:
        super().abort()
        if self._protocol is not None:
            self._protocol.transport.abort()

    async def _read(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.connection_lost()

    async def _put(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def _put_end(self, disconnect: Disconnect) -> None:
        body = self._farewell(disconnect)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})
        if self._reader is not None:
            self._reader.cancel()  # not every server tells of an end that is one's own


_: type[Sink] = ResponseStream
