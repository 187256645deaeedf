"""The logs of this node's durable rooms: where a live room and its store meet.

A live room learns where its log stands by `Log.sync`, and again whenever it may have missed
something: an offset that does not follow, an epoch it does not know, a store that was away, and
once in a while on suspicion, since other nodes append to the same logs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from hubbub.engine.entering import lose_all
from hubbub.engine.journal import Journal
from hubbub.engine.reading import FAR, Reading
from hubbub.engine.retention import Retention
from hubbub.engine.tail import LATEST, Tail
from hubbub.errors import Unavailable
from hubbub.model import Page, Position

if TYPE_CHECKING:
    from hubbub.contracts import Store, Timer
    from hubbub.engine.node import Node
    from hubbub.engine.room import Room
    from hubbub.model import LogState

log = logging.getLogger("hubbub")

RETRY_S = 1.0
"""Seconds until a store that failed is tried again."""

POSITIONS_S = 40.0
"""Seconds between two looks at where the logs of live rooms stand (protocol.md section 6.5)."""

AT_ONCE = 1_000
"""Rooms that are asked about in one call of the store."""

FILL = 1_000
"""Publications read at once to fill a hole."""


class Log:
    """What a live room knows of its log. `room.stream` is its tail.

    `unread` says whether what is published in it is, until it was read.
    """

    __slots__ = (
        "_logs",
        "_reading",
        "_retry",
        "_room",
        "_stale",
        "_syncing",
        "_unreachable",
        "unread",
    )

    def __init__(self, logs: Logs, room: Room, unread: bool) -> None:
        self.unread = unread
        self._logs = logs
        self._room = room
        self._stale = True
        self._syncing: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._retry: Timer | None = None
        self._unreachable = -1  # no tail can begin at this offset or an earlier one

    @property
    def tail(self) -> Tail | None:
        """None until the store has been asked."""
        stream = self._room.stream
        return stream if isinstance(stream, Tail) else None

    def sync(self) -> asyncio.Task[None]:
        """Find out where the log stands, and bring the room there. Again, if it is on its way."""
        self._stale = True
        if self._syncing is None or self._syncing.done():
            task = self._syncing = self._logs.begin(self._sync())
            task.add_done_callback(self._synced)
        return self._syncing

    async def reach(self, asked: Position | None) -> None:
        """Wait for the tail, and with `asked`, have it go back to there if it can.

        Raises `Unavailable`.
        """
        while self.tail is None:
            await asyncio.shield(self.sync())
        if asked is LATEST:
            asked = Position(self.tail.offset - 1, "")
        while (
            asked is not None and (tail := self.tail) is not None and self._too_short(tail, asked)
        ):
            # One that is done has not told yet: to wait for it would wait for nothing, for ever.
            if self._reading is None or self._reading.done():
                self._reading = self._logs.begin(self._deepen(tail, asked.offset))
                self._reading.add_done_callback(self._read)
            await asyncio.shield(self._reading)

    def close(self) -> None:
        """Nobody is in the room."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _too_short(self, tail: Tail, asked: Position) -> bool:
        """Whether to read, for who was last at `asked`, what is before the tail."""
        return (
            asked.epoch in ("", tail.epoch)
            and self._unreachable < asked.offset < tail.bottom
            and tail.offset - asked.offset <= self._logs.most
        )

    async def _deepen(self, tail: Tail, offset: int) -> None:
        """Read what is between `offset` and the tail: once, for all who want it."""
        bottom = tail.bottom
        count, size = tail.room_for
        wanted = min(bottom - offset, count)
        name = self._room.name
        page = await self._logs.reading.read(name, bottom + 1, wanted, size, backwards=True)
        if self.tail is not tail or tail.bottom != bottom:
            return  # it has moved on meanwhile: whoever waits looks again
        tail.prepend(page.publications)
        if tail.bottom > offset:
            # Trimmed, or more than there is room for.
            self._unreachable = max(self._unreachable, offset)

    def _read(self, task: asyncio.Task[None]) -> None:
        if self._reading is task:
            self._reading = None
        if not task.cancelled():
            task.exception()  # told to whoever waits, if anybody does

    async def _sync(self) -> None:
        room, logs = self._room, self._logs
        while self._stale:
            self._stale = False
            tail = self.tail
            if tail is None:
                page = await logs.reading.read(room.name, FAR, 0, 0)
                room.restart(logs.tail_at(page.position))
                continue
            expected = room.expected
            page = await logs.reading.read(room.name, expected - 1, FILL, logs.page_bytes)
            position = page.position
            if position.epoch != tail.epoch or position.offset < expected - 1:
                self._begin_anew(position)
                continue
            first = page.publications[0].offset if page.publications else position.offset + 1
            if first > room.expected:
                self._begin_anew(position)  # what is missing has been trimmed
                continue
            if page.publications and page.publications[-1].offset >= room.expected:
                # Nobody told us of these, nor of what they may have erased before them.
                tail.clear()
            for publication in page.publications:
                room.advance(publication)
            self._stale |= room.expected <= position.offset

    def _begin_anew(self, position: Position) -> None:
        """What the members have and what the log has do not fit together."""
        room = self._room
        log.info("room %r begins anew: its log is another one, or misses a part", room.name)
        self._unreachable = -1
        room.restart(self._logs.tail_at(position))
        lose_all(room)

    def _synced(self, task: asyncio.Task[None]) -> None:
        if self._syncing is task:
            self._syncing = None
        failed = task.cancelled() or task.exception() is not None
        if not failed and not self._stale:
            return
        # A room that somebody is in must hear of what is published; nobody else will ask.
        if self._logs.live(self._room) and self._retry is None:
            self._retry = self._logs.later(RETRY_S, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        if self._logs.live(self._room):
            self.sync()


class Logs:
    """Everything of a node that has to do with its store."""

    def __init__(self, node: Node, store: Store) -> None:
        self._node = node
        self.store = store
        settings = node.settings
        self.most = settings.recovery_limit
        self.page_bytes = settings.history_page_bytes
        self.journal = Journal(
            store,
            node.live,
            node.start,
            settings.journal_bytes,
            self._erase,
            self._written,
            self._failed,
        )
        self.reading = Reading(store, self.page_bytes)
        self.retention = Retention(store, node.rules.find)
        self.trouble = ""
        """Why the log cannot be written to, empty where it can."""
        self._timers: dict[str, Timer] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Raises `ConfigurationError`, and `Unavailable` where the store is not there."""
        await self.store.start()
        self.arm()

    async def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self.retention.stop()
        self.reading.stop()
        for task in self._tasks:
            task.cancel()
        await self.store.stop()

    def arm(self) -> None:
        """Begin to look after the logs, by the node's clock."""
        self.retention.start(self._node.clock)
        self._repeat("positions", POSITIONS_S, self._look)

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._node.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def later(self, delay: float, call: Callable[[], None]) -> Timer:
        return self._node.clock.call_later(delay, call)

    def live(self, room: Room) -> bool:
        return self._node.live.get(room.name) is room

    def tail_at(self, position: Position) -> Tail:
        return Tail(position, self.most, self.page_bytes)

    # Rooms.

    def open(self, room: Room, unread: bool) -> None:
        """`room` is live, and has a log; `unread` as in `Log`."""
        room.log = Log(self, room, unread)
        room.log.sync()

    @asynccontextmanager
    async def reaching(self, wanted: Mapping[str, Position | None]) -> AsyncIterator[None]:
        """Have these rooms live, and their tails go back to what is asked, where they can.

        In the block nothing must be awaited: then the tails are where the members are.
        Raises `Unavailable`.
        """
        node = self._node
        rooms = [node.open(name) for name in wanted]
        for room in rooms:
            room.pins += 1
        try:
            for room in rooms:
                if room.log is not None:
                    await room.log.reach(wanted[room.name])
            yield
        finally:
            for room in rooms:
                room.pins -= 1
                node.close_if_empty(room)

    async def page(
        self, name: str, offset: int | None, limit: int, *, backwards: bool = False
    ) -> Page:
        """A page of the room's log: after `offset` (None: from the oldest on), or `backwards`,
        descending, before it (None: from the newest on). Raises `Unavailable`.

        Many who ask for the same at once are one who asks; but who asks after a publish was
        acknowledged is not given what was read before.
        """
        if offset is None:
            offset = FAR if backwards else 0
        offset = min(offset, FAR)
        page = self._from_tail(name, offset, limit, backwards)
        if page is not None:
            return page
        after = self.journal.batches
        return await self.reading.page(name, offset, limit, backwards=backwards, after=after)

    def _from_tail(self, name: str, offset: int, limit: int, backwards: bool) -> Page | None:
        room = self._node.live.get(name)
        tail = None if room is None or room.log is None else room.log.tail
        if tail is None:
            return None
        if backwards:
            if limit > max(0, min(offset, tail.offset + 1) - 1 - tail.bottom):
                return None
            return Page(tail.before(offset, limit), tail.position)
        if offset < tail.bottom and limit:
            return None
        return Page(tail.after(offset, limit), tail.position)

    def _erase(self, name: str, epoch: str, erased: Mapping[int, bytes]) -> None:
        """The log has other data for these offsets: so has what is made of them from here on."""
        self.reading.erase(name, epoch, erased)
        self._node.pages.flush()
        room = self._node.live.get(name)
        if room is not None:
            room.erase(epoch, erased)

    async def forget(self, name: str) -> None:
        """Have the log begin anew, in another epoch. Raises `Unavailable`."""
        await self.store.remove(name)
        await self.refresh(name)

    async def clear(self, name: str) -> None:
        """Remove every publication of the room; its position stays. Raises `Unavailable`."""
        position = (await self.store.read(name, FAR, 0, 0)).position
        while await self.store.trim(name, position.offset + 1, 0, FILL) == FILL:
            pass
        await self.refresh(name)

    async def refresh(self, name: str) -> None:
        room = self._node.live.get(name)
        if room is not None and room.log is not None:
            (state,) = await self.store.states([name])
            self._compare(room, state)

    # Trouble, and its end.

    def _written(self, rooms: set[str]) -> None:
        self.retention.touch(rooms)
        if self.trouble:
            self._healed()

    def _failed(self, error: Unavailable) -> None:
        if not self.trouble:
            log.error("the log cannot be written to: %s", error)
        self.trouble = str(error)
        if "check" not in self._timers:
            self._timers["check"] = self.later(RETRY_S, self._check)

    def _check(self) -> None:
        self._timers.pop("check", None)
        if self.trouble:
            self._node.start(self._try_writing())

    async def _try_writing(self) -> None:
        try:
            await self.store.check()
        except Unavailable as error:
            self._failed(error)
        else:
            self._healed()

    def _healed(self) -> None:
        if self.trouble:
            self.trouble = ""
            log.warning("the log can be written to again")
            # What became of a commit whose answer got lost is in the log, and nowhere else.
            self._node.start(self._compare_all())

    # What other nodes have appended.

    def _repeat(self, what: str, interval: float, call: Callable[[], None]) -> None:
        timer = self._timers.get(what)
        if timer is not None:
            timer.cancel()
        self._timers[what] = self.later(interval, call)

    def _look(self) -> None:
        self._repeat("positions", POSITIONS_S, self._look)
        self._node.start(self._compare_all())

    async def _compare_all(self) -> None:
        rooms = [room for room in self._node.live.values() if room.log is not None]
        for begin in range(0, len(rooms), AT_ONCE):
            some = rooms[begin : begin + AT_ONCE]
            try:
                states = await self.store.states([room.name for room in some])
            except Unavailable:
                return  # the next look is never far
            for room, state in zip(some, states, strict=True):
                if self.live(room):
                    self._compare(room, state)

    def _compare(self, room: Room, state: LogState) -> None:
        """`state` was true a moment ago: it may be behind what the room has heard since."""
        assert room.log is not None
        tail = room.log.tail
        if tail is None:
            return
        if state.position.epoch != tail.epoch or state.position.offset != tail.offset:
            room.log.sync()
        else:
            tail.drop_below(state.first)
