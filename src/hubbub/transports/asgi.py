"""A member's connection on an ASGI server that is not ours (protocol: ASGI spec, "WebSocket").

The same promises as `direct`, at less speed: one task reads, and one writes while there is
something to write. What ASGI has no words for stays with the server: it answers and sends the
pings, so how soon a vanished peer is found is the server's setting.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from hubbub.contracts import Receiver, Sink
from hubbub.model import NORMAL, VANISHED, Disconnect
from hubbub.wire.frames import unframe

log = logging.getLogger("hubbub")

Event = MutableMapping[str, Any]

HIGH_WATER = 65_536
"""Bytes waiting for the server to take them, after which the member counts as behind."""


class AsgiSink:
    """The `Sink` of a session, and what feeds it, over the messages of an ASGI connection.

    Nobody else may receive or send on it until `finish`.
    """

    def __init__(self, close_seconds: float) -> None:
        self._close_seconds = close_seconds
        self._deadline: asyncio.TimerHandle | None = None
        self._receiver: Receiver | None = None
        self._waiting: list[bytes] = []
        self._size = 0
        self._paused = False
        self._closing: Disconnect | None = None
        self._gone = False
        self._reader: asyncio.Task[None] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._readable = asyncio.Event()
        self._readable.set()

    def attach(self, receiver: Receiver) -> None:
        """Begin to read for `receiver`."""
        self._receiver = receiver
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def finish(self) -> None:
        """Stop reading, and wait until what was written, and a close, has left.

        The connection is the application's again after it, unless it was closed.
        """
        self._receiver = None
        for task in (self._reader, self._writer):
            if task is None:
                continue
            if task is self._reader:
                task.cancel()
            await asyncio.wait([task])
        if self._deadline is not None:
            self._deadline.cancel()

    async def closed(self) -> None:
        """Wait until the peer is gone or the connection is closed."""
        if self._reader is not None:
            await asyncio.wait([self._reader])

    # contracts.Sink

    def write(self, frames: bytes) -> None:
        if self._closing is None and not self._gone:
            self._waiting.append(frames)
            self._size += len(frames)
            self._begin_writing()
            if self._size > HIGH_WATER and not self._paused and self._receiver is not None:
                self._paused = True
                self._receiver.writing_paused()

    def close(self, disconnect: Disconnect) -> None:
        if self._closing is None and not self._gone:
            self._closing = disconnect
            self._begin_writing()
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(self._close_seconds, self.abort)

    def abort(self) -> None:
        """ASGI knows no abort: forget what waits, and let the application return."""
        self._gone = True
        self._waiting.clear()
        self._readable.set()
        for task in (self._reader, self._writer):
            if task is not None:
                task.cancel()

    def pause_reading(self) -> None:
        self._readable.clear()

    def resume_reading(self) -> None:
        self._readable.set()

    def stalled(self) -> bool:
        return False  # the server's to know: here messages are whole

    # The two tasks.

    async def _read(self) -> None:
        """Receive until the peer is gone, and then tell of it (`_lost`)."""
        raise NotImplementedError

    async def _put(self, data: bytes) -> None:
        """Send what was written."""
        raise NotImplementedError

    async def _put_end(self, disconnect: Disconnect) -> None:
        """Send the end."""
        raise NotImplementedError

    def _begin_writing(self) -> None:
        if self._writer is None or self._writer.done():
            self._writer = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting, self._size = self._waiting, [], 0
                await self._put(b"".join(waiting))
                if self._paused and self._size <= HIGH_WATER and self._receiver is not None:
                    self._paused = False
                    self._receiver.writing_resumed()
            if self._closing is not None:
                await self._put_end(self._closing)
        except Exception as error:
            # Servers and frameworks differ in what they raise when the peer is gone.
            log.debug("a send failed: %r", error)
            self._lost(Disconnect(VANISHED.code, "connection lost"))

    def _lost(self, disconnect: Disconnect) -> None:
        self._gone = True
        self._waiting.clear()
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.lost(self._closing or disconnect or NORMAL)


class AsgiConnection(AsgiSink):
    """One accepted WebSocket. `receive` and `send` are the application's."""

    def __init__(
        self,
        receive: Callable[[], Awaitable[Event]],
        send: Callable[[Event], Awaitable[None]],
        close_seconds: float,
    ) -> None:
        super().__init__(close_seconds)
        self._receive = receive
        self._send = send

    async def _read(self) -> None:
        while True:
            await self._readable.wait()
            try:
                event = await self._receive()
            except Exception as error:
                # Not every server, and not every middleware, has a message for it.
                log.debug("a receive failed: %r", error)
                self._lost(Disconnect(VANISHED.code, "connection lost"))
                return
            if event["type"] == "websocket.disconnect":
                self._lost(
                    Disconnect(event.get("code") or VANISHED.code, event.get("reason") or "")
                )
                return
            text = event.get("text")
            if self._receiver is not None and self._closing is None:
                self._receiver.received([event["bytes"] if text is None else text])

    async def _put(self, data: bytes) -> None:
        for message in unframe(data):
            kind = "text" if isinstance(message, str) else "bytes"
            await self._send({"type": "websocket.send", kind: message})

    async def _put_end(self, disconnect: Disconnect) -> None:
        code, reason = disconnect
        await self._send({"type": "websocket.close", "code": code, "reason": reason})


_: type[Sink] = AsgiConnection
