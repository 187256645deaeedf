"""Bytes waiting for a member that is behind."""

from __future__ import annotations

from collections.abc import Callable


class Outbox:
    """Holds frames up to `limit` bytes; past it, calls `overflow` once and drops everything.

    The frames are shared with every other member's outbox, so holding them costs a reference.
    """

    __slots__ = ("_frames", "_limit", "_overflow", "size")

    def __init__(self, limit: int, overflow: Callable[[], object]) -> None:
        self._frames: list[bytes] = []
        self._limit = limit
        self._overflow = overflow
        self.size = 0

    @property
    def overflowed(self) -> bool:
        return self.size > self._limit

    def put(self, frames: bytes) -> None:
        if self.overflowed:
            return
        self.size += len(frames)
        if self.overflowed:
            self._frames.clear()
            self._overflow()
        else:
            self._frames.append(frames)

    def take(self) -> bytes:
        """Everything held, in order, and hold nothing."""
        data = b"".join(self._frames)
        self._frames.clear()
        self.size = 0
        return data
