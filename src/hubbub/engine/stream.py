"""What a room remembers in memory: its position, and its last publications.

protocol.md section 6.1. Offsets rise by one within an epoch, so a publication is found by
counting. What is dropped for its age is dropped when somebody looks, or by `Streams.sweep`.
"""

from __future__ import annotations

import secrets
import string
from collections import deque
from collections.abc import Container, Iterator
from itertools import islice

from hubbub.model import Page, Position, Publication

SWEEP_SLICE = 5_000
"""Streams looked at in one step of a sweep: a few milliseconds at most."""


def new_epoch() -> str:
    return "".join(secrets.choice(string.ascii_letters) for _ in range(8))


class Stream:
    """The publications of one room, at most `size` of them, for `ttl` seconds after the last.

    `now` is the engine's clock, in seconds.
    """

    __slots__ = ("_entries", "epoch", "offset", "touched", "ttl", "version")

    def __init__(self, epoch: str, size: int, ttl: float, now: float) -> None:
        self.epoch = epoch
        self.offset = 0
        self.ttl = ttl
        self.touched = now
        self.version: tuple[str, int] = ("", 0)
        self._entries: deque[Publication] = deque(maxlen=size)

    @property
    def position(self) -> Position:
        return Position(self.offset, self.epoch)

    def append(self, publication: Publication, now: float) -> None:
        """Give `publication` the next offset, and keep it."""
        self.extend([publication], now)

    def extend(self, publications: list[Publication], now: float) -> None:
        """As `append`, for several."""
        if now - self.touched >= self.ttl:
            self._entries.clear()
        offset = self.offset
        for publication in publications:
            publication.offset = offset = offset + 1
        self.offset = offset
        self.touched = now
        self._entries.extend(publications)

    def expire(self, now: float) -> None:
        if now - self.touched >= self.ttl:
            self._entries.clear()

    def clear(self) -> None:
        """Drop the publications; the position stays."""
        self._entries.clear()

    def after(self, offset: int, limit: int) -> list[Publication]:
        """At most `limit` publications after `offset`, or from the oldest kept, ascending."""
        if offset >= self.offset:
            return []
        entries = self._entries
        skip = max(0, offset - (self.offset - len(entries)))
        return list(islice(entries, skip, skip + limit))

    def before(self, offset: int, limit: int) -> list[Publication]:
        """At most `limit` publications before `offset`, descending."""
        entries = self._entries
        skip = max(0, self.offset + 1 - offset)
        return list(islice(reversed(entries), skip, skip + limit))

    def page(self, since: Position | None, limit: int, reverse: bool) -> Page:
        """At most `limit` from the oldest on, or backwards from the newest (section 7.5).

        With `since` only what is after it, or backwards, before it.
        """
        if reverse:
            found = self.before(self.offset + 1 if since is None else since.offset, limit)
        else:
            found = self.after(0 if since is None else since.offset, limit)
        return Page(found, self.position)

    def renew(self, epoch: str, version: int) -> bool:
        """Whether `version` is newer than the last one; then it is the last one."""
        if self.version[0] == epoch and version <= self.version[1]:
            return False
        self.version = (epoch, version)
        return True

    @property
    def latest(self) -> Publication | None:
        return self._entries[-1] if self._entries else None


class Streams:
    """The streams of a node, by room.

    One that is empty needs no keeping: all that begin empty have the same epoch, so a position
    of (0, epoch) is as true of the stream that is made next. Once a stream with publications
    is forgotten, streams begin with another epoch, so that no old position fits by accident.
    """

    def __init__(self, meta_ttl: float) -> None:
        self._meta_ttl = meta_ttl
        self._epoch = new_epoch()
        self._streams: dict[str, Stream] = {}
        self._sweep: Iterator[str] = iter(())

    def __len__(self) -> int:
        return len(self._streams)

    def get(self, room: str) -> Stream | None:
        return self._streams.get(room)

    def begin(self, size: int, ttl: float, now: float) -> Stream:
        """An empty stream that nobody keeps: to look at."""
        return Stream(self._epoch, size, ttl, now)

    def open(self, room: str, size: int, ttl: float, now: float) -> Stream:
        """The room's stream, kept from here on."""
        stream = self._streams.get(room)
        if stream is None:
            stream = self._streams[room] = self.begin(size, ttl, now)
        return stream

    def close(self, room: str) -> None:
        """Nobody is in the room: keep its stream only if it has a past."""
        stream = self._streams.get(room)
        if stream is not None and not stream.offset:
            del self._streams[room]

    def sweep(self, now: float, live: Container[str]) -> None:
        """Drop what is too old from the next few streams; positions only of rooms not `live`."""
        names = list(islice(self._sweep, SWEEP_SLICE))
        if not names:
            self._sweep = iter(list(self._streams))
            names = list(islice(self._sweep, SWEEP_SLICE))
        for name in names:
            stream = self._streams.get(name)
            if stream is None:
                continue
            stream.expire(now)
            if now - stream.touched >= self._meta_ttl and name not in live:
                self.drop(name)

    def drop(self, room: str) -> None:
        """Forget the room: its position is gone, and what comes next has another epoch."""
        stream = self._streams.pop(room, None)
        if stream is not None and stream.offset:
            self._epoch = new_epoch()
