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


class AsgiConnection:
    """One accepted ASGI WebSocket: the `Sink` of a session, and what feeds it.

    `receive` and `send` are the application's; nobody else may call them until `run` ends.
    """

    def __init__(
        self,
        receive: Callable[[], Awaitable[Event]],
        send: Callable[[Event], Awaitable[None]],
        close_seconds: float,
    ) -> None:
        self._receive = receive
        self._send = send
        self._close_seconds = close_seconds
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
            asyncio.get_running_loop().call_later(self._close_seconds, self.abort)

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

    def _begin_writing(self) -> None:
        if self._writer is None or self._writer.done():
            self._writer = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting, self._size = self._waiting, [], 0
                for message in unframe(b"".join(waiting)):
                    if isinstance(message, str):
                        await self._send({"type": "websocket.send", "text": message})
                    else:
                        await self._send({"type": "websocket.send", "bytes": message})
                if self._paused and self._size <= HIGH_WATER and self._receiver is not None:
                    self._paused = False
                    self._receiver.writing_resumed()
            if self._closing is not None:
                code, reason = self._closing
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except Exception as error:
            # Servers and frameworks differ in what they raise when the peer is gone.
            log.debug("a send failed: %r", error)
            self._lost(Disconnect(VANISHED.code, "connection lost"))

    def _lost(self, disconnect: Disconnect) -> None:
        self._gone = True
        self._waiting.clear()
        if self._receiver is not None:
            self._receiver.lost(self._closing or disconnect or NORMAL)


_: type[Sink] = AsgiConnection
