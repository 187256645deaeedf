"""The one wait on the path: drafts that become publications once they are in the log.

Group commit: while one batch is being stored, the next one gathers. What is stored is delivered,
in the order in which it was given, and only then acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from hubbub.engine.tail import erase
from hubbub.errors import Unavailable
from hubbub.model import Appended, Draft, Fate, Publication

if TYPE_CHECKING:
    from hubbub.contracts import Store
    from hubbub.engine.room import Room

log = logging.getLogger("hubbub")

BATCH = 1_000
"""Drafts that are committed together at most."""

BATCH_BYTES = 4_194_304
"""Bytes of them, so that one commit is no long wait for everybody."""

OVERHEAD = 256
"""Bytes a draft counts for beyond its data."""

Outcome = Appended | Unavailable

Done = Callable[[int, Draft, Outcome], None]
"""Told what became of a draft, with it and the number as they were given. Must not raise."""


class Entry(NamedTuple):
    """A draft that waits, how many bytes it counts for, and who wants to know what became of it."""

    room: str
    draft: Draft
    done: Done
    id: int
    size: int


class Journal:
    """The drafts of this node, on their way into its store. All on the loop's thread.

    `live` are the rooms that somebody is in. `erase` is called with the room, the epoch, and by
    offset the data that took the place of what was published there, before whatever erased it is
    delivered; `written` with the rooms of each batch that was stored, `failing` with the reason
    of each that was not.
    """

    def __init__(
        self,
        store: Store,
        live: Mapping[str, Room],
        start: Callable[[Coroutine[Any, Any, None]], None],
        limit: int,
        erase: Callable[[str, str, Mapping[int, bytes]], None],
        written: Callable[[set[str]], None],
        failing: Callable[[Unavailable], None],
    ) -> None:
        self._store = store
        self._live = live
        self._start = start
        self._limit = limit
        self._erase = erase
        self._written = written
        self._failing = failing
        self._waiting: list[Entry] = []
        self._size = 0
        self._running = False
        self.batches = 0
        self.stored = 0

    def __len__(self) -> int:
        """Drafts that wait for the batch under way."""
        return len(self._waiting)

    def put(self, room: str, draft: Draft, done: Done, id: int = 0) -> None:
        """Have `draft` stored, then delivered, then `done` called; or else `done` called alone."""
        size = len(draft.data) + OVERHEAD
        for _, data in draft.erase:
            size += len(data) + OVERHEAD
        if self._size + size > self._limit:
            done(id, draft, Unavailable("too much waits to be stored: try again in a moment"))
            return
        self._size += size
        self._waiting.append(Entry(room, draft, done, id, size))
        if not self._running:
            self._running = True
            self._start(self._run())

    async def _run(self) -> None:
        batch, after = self._take(), list[Entry]()
        following: asyncio.Task[list[Appended] | Unavailable] | None = None
        outcome: list[Appended] | Unavailable
        try:
            while batch:
                outcome = await (following or self._append(batch))
                following, after = None, self._take()
                if after:
                    # On its way before this one is told of: the store need not wait for us.
                    following = asyncio.ensure_future(self._append(after))
                    await asyncio.sleep(0)
                self._settle(batch, outcome)
                batch, after = after or self._take(), []
        except asyncio.CancelledError:
            # The node stops, and has waited for as long as it may.
            unknown = Unavailable("the server stopped before the log answered", unknown=True)
            for entry in (*batch, *after):
                _tell(entry, unknown)
            for entry in self._waiting:
                _tell(entry, Unavailable("the server stops"))
            self._waiting.clear()
            raise
        finally:
            self._running = False

    def _take(self) -> list[Entry]:
        """The next batch."""
        waiting = self._waiting
        size = count = 0
        for entry in waiting:
            size += entry.size
            count += 1
            if count == BATCH or size >= BATCH_BYTES:
                break
        self._size -= size
        self._waiting = waiting[count:]
        return waiting[:count]

    async def _append(self, batch: list[Entry]) -> list[Appended] | Unavailable:
        try:
            return await self._store.append([(entry.room, entry.draft) for entry in batch])
        except Unavailable as unavailable:
            return unavailable
        except Exception as error:
            # Against its laws; and still nobody must wait for ever.
            log.exception("the store failed")
            return Unavailable(f"the log failed ({type(error).__name__})", unknown=True)

    def _settle(self, batch: list[Entry], outcome: list[Appended] | Unavailable) -> None:
        """Deliver what was stored, and tell everybody."""
        if isinstance(outcome, Unavailable):
            for entry in batch:
                _tell(entry, outcome)
            self._failing(outcome)
            return
        self.batches += 1
        live, rooms = self._live, set[str]()
        heard: dict[Room, tuple[str, list[Publication]]] = {}
        for entry, (position, fate, made, _) in zip(batch, outcome, strict=True):
            if fate is not Fate.STORED:
                continue
            name, draft = entry.room, made or entry.draft
            self.stored += 1
            rooms.add(name)
            room = live.get(name)
            if draft.erase:
                erased = {at: data for at, data in draft.erase if at < position.offset}
                self._erase(name, position.epoch, erased)
                if room is not None and room in heard:
                    erase(heard[room][1], erased)
            if room is None:
                continue
            publication = draft.entry(position.offset)
            if room in heard and heard[room][0] == position.epoch:
                heard[room][1].append(publication)
            else:
                heard[room] = position.epoch, [publication]
        for room, (epoch, publications) in heard.items():
            room.hear(epoch, publications)
        for entry, appended in zip(batch, outcome, strict=True):
            _tell(entry, appended)
        if rooms:
            self._written(rooms)


def _tell(entry: Entry, outcome: Outcome) -> None:
    try:
        entry.done(entry.id, entry.draft, outcome)
    except Exception:
        log.exception("whoever published could not be told what became of it")
