"""The log in memory, for trials and tests: gone with the process, and bounded."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

from msgspec.structs import replace

from hubbub.contracts import Store
from hubbub.errors import ConfigurationError
from hubbub.model import (
    EVERYONE,
    Appended,
    Draft,
    Fate,
    LogState,
    Page,
    Position,
    Publication,
    Unread,
)
from hubbub.stores.rows import (
    Head,
    Use,
    column,
    digest,
    erased,
    judge,
    mentioned,
    new_epoch,
    user_of,
)
from hubbub.tables import Tables

COUNT = 10_000
"""Publications of a room that are kept."""

AGE = 86_400.0
"""Seconds for which one is kept."""


class Counting(NamedTuple):
    """A publication that counts as unread: who published it, and whom it mentions."""

    user: str
    mentions: frozenset[str]


class Log:
    """A room's head, what is kept of it, the keys that it was published with, and how far
    everybody has read."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.entries: deque[Publication] = deque()
        self.keys: dict[tuple[str, str], tuple[Use, float]] = {}
        """By user and key: what for, and when, oldest first."""
        self.counting: dict[int, Counting] = {}
        """By offset, ascending."""
        self.markers: dict[str, int] = {}

    @property
    def position(self) -> Position:
        return Position(self.head.top, self.head.epoch)

    def state(self) -> LogState:
        return LogState(self.head.room, self.position, self.head.first, self.head.touched)

    def drop(self, first: int, before: int, most: int) -> int:
        """As `Store.trim`."""
        entries, dropped = self.entries, 0
        while dropped < most and entries and (entries[0].offset < first or entries[0].at < before):
            self.counting.pop(entries.popleft().offset, None)
            dropped += 1
        self.head.first += dropped
        return dropped

    def erase(self, offset: int, data: bytes) -> None:
        """Put `data` in the place of what was published at `offset`."""
        if offset >= self.head.first:
            number = offset - self.head.first
            self.entries[number] = replace(
                self.entries[number], data=data, binary=False, patch=None
            )
            self.counting.pop(offset, None)

    def unread(self, user: str, most: int) -> Unread:
        read = self.markers.get(user, 0)
        count = mentions = 0
        for offset, one in reversed(self.counting.items()):
            if offset <= read:
                break
            if one.user != user:
                count += 1
                mentions += user in one.mentions or EVERYONE in one.mentions
        head = self.head
        return Unread(head.room, read, min(count, most), min(mentions, most), head.top)

    def forget(self, until: float, most: int) -> int:
        """Forget at most `most` keys that were used at `until` or before."""
        past = [name for name, (_, at) in islice(self.keys.items(), most) if at <= until]
        for name in past:
            del self.keys[name]
        return len(past)


class MemoryStore:
    """Keeps the last `count` publications of a room for `age` seconds, and keys for `window`.

    What is too old is dropped when somebody looks, or by `sweep`.
    """

    def __init__(
        self,
        window: float = 300.0,
        *,
        count: int = COUNT,
        age: float = AGE,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._window = window
        self._count = count
        self._age = age
        self._now = now
        self._epoch = new_epoch()
        self._logs: dict[str, Log] = {}

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def append(self, drafts: Sequence[tuple[str, Draft]]) -> list[Appended]:
        now = self._now()
        return [self._append(room, draft, now) for room, draft in drafts]

    async def read(
        self, room: str, offset: int, limit: int, size: int, *, backwards: bool = False
    ) -> Page:
        log = self._log(room)
        # What is kept has no hole: so many are behind `offset`, so many before it.
        entries, skipped = iter(log.entries), offset + 1 - log.head.first
        if backwards:
            entries, skipped = reversed(log.entries), log.head.top + 1 - offset
        skipped = min(max(0, skipped), len(log.entries))
        page: list[Publication] = []
        for entry in islice(entries, skipped, skipped + limit):
            size -= len(entry.data)
            if page and size < 0:
                break
            page.append(replace(entry))
        return Page(page, log.position)

    async def states(self, rooms: Sequence[str]) -> list[LogState]:
        return [self._log(room).state() for room in rooms]

    async def rooms(self, after: str, limit: int) -> list[LogState]:
        names = sorted(room for room, log in self._logs.items() if room > after and log.head.top)
        return [self._log(room).state() for room in names[:limit]]

    async def trim(self, room: str, first: int, before: int, most: int) -> int:
        return self._log(room).drop(first, before, most)

    async def remove(self, room: str) -> None:
        self._logs[room] = Log(Head(0, room, new_epoch()))

    async def sweep(self, most: int) -> int:
        left = most
        for log in self._logs.values():
            left -= log.drop(0, self._oldest(), left)
            left -= log.forget(self._now() - self._window, left)
        return most - left

    async def check(self) -> None:
        pass

    async def mark(self, room: str, user: str, offset: int) -> int:
        log, user = self._log(room), column(user)
        read = log.markers.get(user, 0)
        if (marked := min(offset, log.head.top)) > read:
            read = log.markers[user] = marked
        return read

    async def unread(self, user: str, rooms: Sequence[str], most: int) -> list[Unread]:
        return [self._log(room).unread(column(user), most) for room in rooms]

    def tables(self) -> Tables:
        raise ConfigurationError(
            "a log in memory has no database for tables: use sqlite:///hubbub.db, or "
            "postgresql://user@host/database"
        )

    def _oldest(self) -> int:
        return int((self._now() - self._age) * 1000)

    def _log(self, room: str) -> Log:
        log = self._logs.get(room)
        if log is None:
            return Log(Head(0, room, self._epoch))  # kept once there is something in it
        log.drop(0, self._oldest(), len(log.entries))
        return log

    def _append(self, room: str, draft: Draft, now: float) -> Appended:
        log = self._logs.get(room) or Log(Head(0, room, self._epoch))
        head, name = log.head, (user_of(draft), draft.key)
        use, at = log.keys.get(name, (None, 0.0))
        appended = judge(head, draft, use if draft.key and at > now - self._window else None)
        if appended.fate is Fate.STORED:
            self._logs[room] = log
            head.touched = int(now * 1000)
            log.entries.append(draft.entry(head.top, head.touched))
            if draft.unread:
                log.counting[head.top] = Counting(name[0], frozenset(mentioned(draft)))
            for offset, data in erased(draft, head.top):
                log.erase(offset, data)
            log.drop(head.top + 1 - self._count, 0, 1)
            if draft.key:
                log.keys.pop(name, None)  # so that it comes last
                log.keys[name] = Use(head.top, digest(draft)), now
        return appended


_: type[Store] = MemoryStore
