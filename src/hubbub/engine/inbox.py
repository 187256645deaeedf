"""Messages that arrived and have not been handled: bounded, one reader."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator

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
        self._batch = _NOTHING  # the one begun
        # The ones after it; None while there are none, as in thousands of idle connections.
        self._batches: deque[list[str | bytes]] | None = None
        self._size = 0
        self._paused = False
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None

    def put(self, messages: list[str | bytes]) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            # A reader that waits has read everything: it begins with this one.
            self._batch = iter(messages)
            waiter.set_result(None)
            return
        if self._batches is None:
            self._batches = deque()
        self._batches.append(messages)
        self._size += sum(map(len, messages)) + OVERHEAD * len(messages)
        if self._size > self._limit and not self._paused:
            self._paused = True
            self._sink.pause_reading()

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
        self._batch = _NOTHING
        self._empty()
        return rest

    async def get(self) -> str | bytes | None:
        """The next message, or None when there will be none.

        Cancelled, it has taken nothing. Raises `HubbubError` where somebody else is waiting.
        """
        while True:
            message = next(self._batch, None)
            if message is not None:
                return message
            if not self._begin():
                if self._ended:
                    return None
                await self._filled()

    async def messages(self) -> AsyncGenerator[str | bytes, None]:
        """Every message until there will be none; left early, the rest stays. Raises as `get`."""
        while True:
            for message in self._batch:
                yield message
            if not self._begin():
                if self._ended:
                    return
                await self._filled()

    def _begin(self) -> bool:
        """Begin the next batch; whether there was one."""
        if not self._batches:
            return False
        self._batch = iter(self._batches.popleft())
        if not self._batches:
            self._empty()
        return True

    def _filled(self) -> asyncio.Future[None]:
        """Done when there is something to read, or never will be."""
        if self._waiter is not None and not self._waiter.done():
            raise HubbubError("two tasks read from one connection: give each member one reader")
        self._waiter = asyncio.get_running_loop().create_future()
        return self._waiter

    def _empty(self) -> None:
        self._batches, self._size = None, 0
        if self._paused:
            self._paused = False
            self._sink.resume_reading()
