"""The end of a live durable room's log, kept in memory: what a client can catch up from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from hubbub.engine.stream import Stream
from hubbub.model import Position, Publication

LATEST = Position(-1, "")
"""Where somebody was, to whom the latest publication alone is to be brought."""

OVERHEAD = 256
"""Bytes a publication counts for beyond its data, so that many small ones are not free."""


class Tail(Stream):
    """The last publications of a log, at most `most` of them and about `size` bytes.

    It begins empty at a position, grows at its end with what is delivered (`keep`), and at its
    beginning with what was read because somebody missed it (`prepend`). There is no hole in it.
    """

    __slots__ = ("_bytes", "_most", "_size")

    def __init__(self, position: Position, most: int, size: int) -> None:
        super().__init__(position.epoch, most, math.inf, 0.0)
        self.offset = position.offset
        self._most = most
        self._size = size
        self._bytes = 0

    @property
    def bottom(self) -> int:
        """The offset before the first publication that is here."""
        return self.offset - len(self._entries)

    @property
    def room_for(self) -> tuple[int, int]:
        """How many publications, and bytes of data, can still be prepended."""
        return self._most - len(self._entries), max(0, self._size - self._bytes)

    def keep(self, publications: list[Publication]) -> None:
        """Add what follows, which has its offsets."""
        entries = self._entries
        self._bytes += _size_of(publications)
        spare = len(entries) + len(publications) - self._most
        while entries and (spare > 0 or self._bytes > self._size):
            self._bytes -= len(entries.popleft().data) + OVERHEAD
            spare -= 1
        entries.extend(publications)  # more than there may be: the deque keeps the last of them
        if spare > 0:
            self._bytes -= _size_of(publications[:spare])
        self.offset = publications[-1].offset

    def prepend(self, publications: Iterable[Publication]) -> None:
        """Add what came before, descending from `bottom`; as much of it as there is room for."""
        for publication in publications:
            size = len(publication.data) + OVERHEAD
            if publication.offset != self.bottom or len(self._entries) == self._most:
                return
            if self._bytes + size > self._size:
                return
            self._bytes += size
            self._entries.appendleft(publication)

    def drop_below(self, first: int) -> None:
        """Forget what the log has no more."""
        while self._entries and self._entries[0].offset < first:
            self._bytes -= len(self._entries.popleft().data) + OVERHEAD

    def erase(self, erased: Mapping[int, bytes]) -> None:
        """Put other data in the place of what has these offsets, as the log has."""
        bottom = self.bottom
        for offset, data in erased.items():
            if bottom < offset <= self.offset:
                publication = self._entries[offset - bottom - 1]
                self._bytes += len(data) - len(publication.data)
                put(data, publication)

    def clear(self) -> None:
        super().clear()
        self._bytes = 0


def put(data: bytes, publication: Publication) -> None:
    """Have `publication` hold `data` (JSON) and nothing of what it held, in no encoding."""
    publication.data = data
    publication.binary = False
    publication.json = b""
    publication.patch = None


def erase(publications: Iterable[Publication], erased: Mapping[int, bytes]) -> None:
    """Put other data in the place of that which was erased, by offset."""
    for publication in publications:
        data = erased.get(publication.offset)
        if data is not None:
            put(data, publication)


def _size_of(publications: list[Publication]) -> int:
    return sum(len(one.data) for one in publications) + OVERHEAD * len(publications)
