"""Messages that arrived and have not been handled: bounded, one reader."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator

from hubbub.contracts import Sink
from hubbub.errors import HubbubError

_NOTHING: Iterator[str | bytes] = iter(())

OVERHEAD = 64
"""Bytes a message counts for beyond its length, so that many empty ones are not free."""


class Inbox:
    """What one read brought is one batch; a reader is woken once for all of it.

    Past `limit` bytes of batches not begun, the sink's reading is paused, and resumed when the
    last of them is begun. One batch is at most what one read brings, whatever the limit.
    """

    __slots__ = ("_batch", "_batches", "_ended", "_limit", "_paused", "_size", "_sink", "_waiter")

    def __init__(self, sink: Sink, limit: int) -> None:
        self._sink = sink
        self._limit = limit
        self._batch = _NOTHING
        self._batches: deque[list[str | bytes]] | None = None
        self._size = 0
        self._paused = False
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None

    def put(self, messages: list[str | bytes]) -> None:
        if self._batches is None:
            self._batches = deque()
        self._batches.append(messages)
        self._size += sum(map(len, messages)) + OVERHEAD * len(messages)
        if self._size > self._limit and not self._paused:
            self._paused = True
            self._sink.pause_reading()
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def end(self) -> None:
        """No more will come; what is held can still be read."""
        self._ended = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def drain(self) -> list[str | bytes]:
        """Everything unread; the inbox is empty after it."""
        rest = list(self._batch)
        for batch in self._batches or ():
            rest += batch
        self._batches = None
        self._batch, self._size = _NOTHING, 0
        self._resume()
        return rest

    async def get(self) -> str | bytes | None:
        """The next message, or None when there will be none.

        Cancelled, it has taken nothing. Raises `HubbubError` where somebody else is waiting.
        """
        message = next(self._batch, None)
        while message is None:
            if self._batches:
                self._batch = iter(self._batches.popleft())
                if not self._batches:
                    # An idle connection holds no queue: there are thousands of them.
                    self._batches, self._size = None, 0
                    self._resume()
                message = next(self._batch, None)
            elif self._ended:
                return None
            else:
                await self._wait()
        return message

    async def _wait(self) -> None:
        if self._waiter is not None:
            raise HubbubError("two tasks read from one connection: give each member one reader")
        self._batch = _NOTHING
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._sink.resume_reading()
