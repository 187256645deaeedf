"""Rooms on thin lines: publications that leave together, and publications that outdate others.

Only for rooms whose options say so (`Pace.of`). In every other room nothing here is called, and a
frame does not know which publication it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from hubbub.engine.audience import Audience, Kind, Write, write_all
from hubbub.engine.tags import everything

if TYPE_CHECKING:
    from hubbub.contracts import Clock, Timer
    from hubbub.engine.member import Member
    from hubbub.engine.room import Room
    from hubbub.engine.session import Session
    from hubbub.engine.subscription import Subscription
    from hubbub.engine.tags import Predicate
    from hubbub.engine.tick import Tick
    from hubbub.options import RoomOptions

FEW = 64
"""Deliveries that wait for an interval's end before the outdated among them are dropped."""


class Pace:
    """When a room's audiences write, and which of its publications outdate which.

    With an interval, what comes after a silence leaves with its turn, so that a figure that seldom
    changes is never late; what follows waits until the interval is over, and leaves together. One
    timer for the room, and none after an interval in which nothing came.
    """

    __slots__ = ("_clock", "_interval", "_key", "_tick", "_timer", "_waiting", "latest_only")

    def __init__(self, options: RoomOptions, clock: Clock, tick: Tick) -> None:
        self.latest_only = options.latest_only
        self._interval = options.batch_interval
        self._key = options.latest_key
        self._clock = clock
        self._tick = tick
        self._timer: Timer | None = None
        self._waiting: list[PacedAudience] = []

    @classmethod
    def of(cls, options: RoomOptions, clock: Clock, tick: Tick) -> Pace | None:
        """None for a room that is as every other."""
        paced = options.latest_only or options.batch_interval
        return cls(options, clock, tick) if paced else None

    @property
    def thins(self) -> bool:
        """Whether also members that keep up get the newest alone, once an interval."""
        return self.latest_only and self._interval > 0

    def key(self, tags: Mapping[str, str] | None) -> str:
        """What a publication is about: it outdates those before it that are about the same."""
        return tags.get(self._key, "") if tags and self._key else ""

    def mark(self, audience: PacedAudience) -> None:
        """Flush `audience` as soon as the pace allows."""
        if not self._interval:
            self._tick.mark(audience)
            return
        if not self._waiting and self._timer is None:
            self._tick.mark(self)
        self._waiting.append(audience)

    def flush(self) -> None:
        """Flush all that wait, unless an interval is under way."""
        if self._timer is not None or not self._waiting:
            return
        self._timer = self._clock.call_later(self._interval, self._over)
        waiting, self._waiting = self._waiting, []
        for audience in waiting:
            audience.flush()

    def _over(self) -> None:
        self._timer = None
        self.flush()

    def stop(self) -> None:
        """Nobody is in the room: nothing waits, and nothing is due."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Item(NamedTuple):
    """A frame that waits. It outdates others of its `key`, and without a key none."""

    number: int
    frame: bytes
    key: str | None = None
    exclude: Session | None = None


class PacedAudience(Audience):
    """An audience that remembers what its frames are, until its room's pace lets them go.

    `accepts` is set, also where it is everything, so that a room delivers nothing to it by the
    short ways, which have forgotten what a frame was.

    Who comes or goes meanwhile, or gets something alone, costs the others no flush: `_since` has
    the number of the last item that such a member has, or is not to get. Members that are behind
    where the newest is enough for them are not in the loop over the others (`_behind`).
    """

    __slots__ = ("_behind", "_bound", "_items", "_number", "_pace", "_since")

    def __init__(
        self, room: Room, kind: Kind, tick: Tick, accepts: Predicate | None, pace: Pace
    ) -> None:
        super().__init__(room, kind, tick, accepts or everything)
        self._pace = pace
        self._items: list[Item] = []
        self._number = 0
        self._bound = FEW
        self._since: dict[Session, int] = {}
        self._behind: list[Session] = []

    def add(self, session: Session, member: Member | Subscription) -> None:
        self.members[session] = member
        self._writes = None
        if self._items:
            self._since[session] = self._number

    def discard(self, session: Session) -> None:
        self.flush_to(session)
        self.members.pop(session, None)
        self._since.pop(session, None)
        self._writes = None
        if not self.members:
            self._items.clear()

    def deliver(
        self,
        frame: bytes,
        exclude: Session | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self._put(frame, self._pace.key(tags), exclude)

    def announce(self, frame: bytes) -> None:
        self._put(frame, None, None)

    def deliver_to(self, member: Session, frame: bytes) -> None:
        # An answer, perhaps, and that waits for no interval; but what was said before comes first.
        self.flush_to(member)
        self._tick.deliveries += 1
        member.write(frame)

    def _put(self, frame: bytes, key: str | None, exclude: Session | None) -> None:
        if not self._items:
            self._pace.mark(self)
        self._number += 1
        self._items.append(Item(self._number, frame, key, exclude))
        if len(self._items) > self._bound and self._pace.thins:
            self._items = needed(self._items)
            self._bound = 2 * len(self._items) + FEW

    def flush_to(self, session: Session) -> None:
        if self._items and session in self.members:
            self._write(session, self._for(session))
            self._since[session] = self._number

    def flush(self) -> None:
        items, pace = self._items, self._pace
        if not items:
            return
        writes = self._split() if self._writes is None else self._writes
        behind = self._behind
        apart = {item.exclude for item in items if item.exclude is not None} | self._since.keys()
        own = {one: self._for(one) for one in apart if one in self.members}
        if own:
            late = set(behind)
            writes = [one.write for one in self.members if one not in own and one not in late]
            behind = [one for one in behind if one not in own]
        self._items, self._since = [], {}
        if pace.thins:
            items = newest(items)
        for session, some in own.items():
            self._write(session, some)
        if behind:
            last = newest(items)
            for session in behind:
                self._write(session, last)
        self._tick.deliveries += len(items) * len(writes)
        write_all(writes, _joined(items))

    def _split(self) -> list[Write]:
        """Find who is written to in the loop, and who is behind and cared for apart from it."""
        self._behind = []
        if self._pace.latest_only:
            self._behind = [one for one in self.members if one.behind]
        late = set(self._behind)
        self._writes = [one.write for one in self.members if one not in late]
        return self._writes

    def _for(self, session: Session) -> list[Item]:
        """The items that `session` is still to get."""
        done = self._since.get(session, 0)
        return [one for one in self._items if one.number > done and one.exclude is not session]

    def _write(self, session: Session, items: Sequence[Item]) -> None:
        """Write `items` to `session` alone, or as much of them as is worth it."""
        outdating = self._pace.latest_only and session.behind
        if outdating or self._pace.thins:
            items = newest(items)
        self._tick.deliveries += len(items)
        if not outdating:
            if items:
                write_all([session.write], _joined(items))
            return
        # A member that goes and comes back is another one: what it got before stays as it is.
        member = self.members[session]
        for item in items:
            if item.key is None:
                session.write(item.frame)
            else:
                session.hold((self, member, item.key), item.frame)


def newest(items: Iterable[Item]) -> list[Item]:
    """Those of `items` that none after them outdates, for somebody who gets them all."""
    items = list(items)
    last = {item.key: item for item in items}
    return [item for item in items if item.key is None or last[item.key] is item]


def needed(items: Sequence[Item]) -> list[Item]:
    """Those of `items` that are the newest for somebody.

    For who is excluded from the newest of a key, that is the last one before it with another
    exclusion, or none; so there are two of a key at most.
    """
    seen: dict[str, list[Item]] = {}
    kept = []
    for item in reversed(items):
        if item.key is not None:
            later = seen.setdefault(item.key, [])
            if later and (
                len(later) > 1 or later[0].exclude is None or later[0].exclude is item.exclude
            ):
                continue
            later.append(item)
        kept.append(item)
    return kept[::-1]


def _joined(items: Sequence[Item]) -> bytes:
    # One frame stays the object that every audience of its codec has.
    return items[0].frame if len(items) == 1 else b"".join([item.frame for item in items])
