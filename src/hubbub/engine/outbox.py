"""Bytes waiting for a member that is behind."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from itertools import chain


class Outbox:
    """Holds frames up to `limit` bytes; past it, calls `overflow` once and drops everything.

    The frames are shared with every other member's outbox, so holding them costs a reference.
    """

    __slots__ = ("_last", "_limit", "_overflow", "_parts", "size")

    def __init__(self, limit: int, overflow: Callable[[], object]) -> None:
        # What waits, in order. A part is all that was put between two of those that have a place,
        # or that one.
        self._parts: dict[Hashable, list[bytes]] = {}
        self._last: list[bytes] | None = None
        self._limit = limit
        self._overflow = overflow
        self.size = 0

    @property
    def overflowed(self) -> bool:
        return self.size > self._limit

    def put(self, frames: bytes) -> None:
        if self._takes(len(frames)):
            if self._last is None:
                self._last = self._parts[object()] = []
            self._last.append(frames)

    def put_latest(self, place: Hashable, frame: bytes) -> None:
        """As `put`, and drop what was put in the same place before.

        So what has places takes as much memory as there are places, however often it is put.
        """
        if self.overflowed:
            return
        for outdated in self._parts.pop(place, ()):
            self.size -= len(outdated)
        if self._takes(len(frame)):
            self._parts[place] = [frame]
            self._last = None

    def _takes(self, size: int) -> bool:
        if self.overflowed:
            return False
        self.size += size
        if self.overflowed:
            self._parts.clear()
            self._overflow()
            return False
        return True

    def take(self) -> bytes:
        """Everything held, in order, and hold nothing."""
        data = b"".join(chain.from_iterable(self._parts.values()))
        self._parts.clear()
        self._last = None
        self.size = 0
        return data
