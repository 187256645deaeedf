"""What everybody saw, held against what was promised: I1 to I6 of a log, and I7 of a process.

    witness = Witness()
    ann = witness.publisher("ann")
    ann.sent("a", "ann-1", {"id": "ann-1"})
    ann.acknowledged("a", "ann-1", offset=1)
    bob = witness.listener("bob")
    bob.reset("a", Position(0, epoch))
    bob.heard("a", 1, {"id": "ann-1"})
    witness.history("a", epoch, [(1, {"id": "ann-1"})])
    print(witness.check().whole())

One witness may hear from any number of nodes: nothing here knows where an answer came from. Each
message has an id of its own, whether or not it was published with an idempotency key.

I1 what was acknowledged is in the history, and so is what was heard; in the order of each sender
I2 each id is stored once, and each answer about it names the same offset
I3 between two resets a listener's offsets rise by one, and who is there at the end has heard all
I4 all agree on what is at an offset
I5 nobody hears of a room that it may not
I6 who is there, is seen there (`converges`)
I7 tasks, threads and descriptors are back to what they were (`Baseline`)
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple, Self

from hubbub.model import Position

DEADLINE = 10.0
"""Seconds until everything has to have converged."""

SHOWN = 20
"""Violations that a text names."""


class Fate(Enum):
    """What a publisher knows of a message."""

    UNKNOWN = "unknown"
    """It was sent, and no answer came, or one that says that it may be stored."""
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    """It is said not to be stored."""


class Violation(NamedTuple):
    """`invariant` is "I1" to "I7"; `text` who saw what, and where."""

    invariant: str
    text: str


class Heard(NamedTuple):
    room: str
    epoch: str
    offset: int
    id: str
    hash: str


class Reset(NamedTuple):
    """Continuity begins at `position`, or is lost: None, and whatever is heard next is right."""

    room: str
    position: Position | None


def hash_of(data: Any) -> str:
    """What tells two messages apart, whoever encoded them."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def id_of(data: Any) -> str:
    """The id of a message: {"id": …}, or the text that it is, without what a text door says."""
    if isinstance(data, Mapping):
        return str(data["id"])
    return str(data).rpartition(": ")[2]


class Listener:
    """A client that hears. `may` are the rooms that it may hear of, None for all."""

    def __init__(self, name: str, may: Collection[str] | None = None) -> None:
        self.name = name
        self.may = may
        self.events: list[Heard | Reset] = []
        self.positions: dict[str, Position] = {}
        """Where it is in each room: what it would ask to be brought what it misses from."""
        self.rooms: set[str] = set()
        """Those that it is in: at the end, it has to have heard all of them."""

    def reset(self, room: str, position: Position) -> None:
        """It has entered `room` at `position`, or goes on there: continuity was lost."""
        self.events.append(Reset(room, position))
        self.positions[room] = position
        self.rooms.add(room)

    def heard(self, room: str, offset: int, data: Any) -> None:
        position = self.positions.get(room)
        epoch = "" if position is None else position.epoch
        self.events.append(Heard(room, epoch, offset, id_of(data), hash_of(data)))
        self.positions[room] = Position(offset, epoch)

    def subscribed(self, room: str, body: Mapping[str, Any]) -> None:
        """It was let in with this answer, as the protocol has it."""
        position = Position(body.get("offset", 0), body.get("epoch", ""))
        if not body.get("recovered") or room not in self.positions:
            self.reset(room, position)
        self.rooms.add(room)
        for publication in body.get("publications", ()):
            self.heard(room, publication["offset"], publication["data"])

    def pushed(self, push: Mapping[str, Any]) -> None:
        """It was told something unasked, as the protocol has it."""
        room = push.get("channel", "")
        if "pub" in push:
            self.heard(room, push["pub"].get("offset", 0), push["pub"]["data"])
        elif "unsubscribe" in push:
            self.lost(room)

    def left(self, room: str) -> None:
        """It is not in the room, and may come back to where it was."""
        self.rooms.discard(room)

    def cut(self) -> None:
        """Its connection is lost."""
        self.rooms.clear()

    def lost(self, room: str) -> None:
        """It is not in the room, and was told that it has to begin anew."""
        self.left(room)
        self.events.append(Reset(room, None))
        self.positions.pop(room, None)


class Sent:
    """A message, and what its publisher knows of it."""

    def __init__(self, room: str, id: str, data: Any) -> None:
        self.room = room
        self.id = id
        self.hash = hash_of(data)
        self.fate = Fate.UNKNOWN
        self.positions: list[Position] = []
        """Where each answer said that it stands; without an epoch where none was told."""


class Publisher:
    """A client that publishes, message after message; `ordered` where they are stored so.

    They are not where a message is tried again after later ones, or sent over two connections.
    """

    def __init__(self, name: str, ordered: bool = True) -> None:
        self.name = name
        self.ordered = ordered
        self.messages: dict[tuple[str, str], Sent] = {}

    def sent(self, room: str, id: str, data: Any) -> None:
        """It is on its way; once for all attempts with the same idempotency key."""
        self.messages.setdefault((room, id), Sent(room, id, data))

    def acknowledged(self, room: str, id: str, offset: int = 0, epoch: str = "") -> None:
        """`offset` 0: the answer did not say where."""
        message = self.messages[room, id]
        message.fate = Fate.ACKNOWLEDGED
        if offset:
            message.positions.append(Position(offset, epoch))

    def refused(self, room: str, id: str) -> None:
        """An answer said that it is not stored; unless another one said that it is, it is not."""
        message = self.messages[room, id]
        if message.fate is Fate.UNKNOWN:
            message.fate = Fate.REFUSED

    def unknown(self) -> list[Sent]:
        return [one for one in self.messages.values() if one.fate is Fate.UNKNOWN]


class Told(NamedTuple):
    """What was read of a room's log in one go: `stored` are offsets, ids and hashes."""

    room: str
    epoch: str
    stored: list[tuple[int, str, str]]
    first: int
    top: int


class History:
    """What is known of one log: all that was ever read of it, put together."""

    def __init__(self) -> None:
        self.entries: dict[int, str] = {}
        """Ids by offset."""
        self.first = 1
        """What is below was never read."""
        self.top = 0

    def add(self, told: Told) -> None:
        fresh = not self.entries and not self.top
        self.first = told.first if fresh else min(self.first, told.first)
        self.top = told.top
        for offset, id, _ in told.stored:
            self.entries.setdefault(offset, id)


class Report(NamedTuple):
    """What a check found."""

    violations: list[Violation]
    counts: Counter[str]
    """acknowledged, refused, unknown, stored, heard, lost, repeated."""

    def __add__(self, other: object) -> Report:
        assert isinstance(other, Report)
        return Report(self.violations + other.violations, self.counts + other.counts)

    def __str__(self) -> str:
        words = ("acknowledged", "refused", "unknown", "stored", "heard", "lost", "repeated")
        return ", ".join(f"{self.counts[word]} {word}" for word in words)

    def broken(self) -> set[str]:
        """The invariants that do not hold."""
        return {violation.invariant for violation in self.violations}

    def whole(self) -> Report:
        """Raises AssertionError with a text that says what is wrong; else itself."""
        if self.violations:
            lines = [f"{one.invariant} {one.text}" for one in self.violations[:SHOWN]]
            more = len(self.violations) - len(lines)
            lines += [f"and {more} more"] * bool(more)
            raise AssertionError("\n".join([f"{self}, and not as promised:", *lines]))
        return self


EMPTY = Report([], Counter())


class Witness:
    """All who publish and listen, and the histories in the end."""

    def __init__(self) -> None:
        self.publishers: list[Publisher] = []
        self.listeners: list[Listener] = []
        self._told: list[Told] = []

    def publisher(self, name: str, *, ordered: bool = True) -> Publisher:
        self.publishers.append(Publisher(name, ordered))
        return self.publishers[-1]

    def listener(self, name: str, *, may: Collection[str] | None = None) -> Listener:
        self.listeners.append(Listener(name, may))
        return self.listeners[-1]

    def history(
        self,
        room: str,
        epoch: str,
        stored: Iterable[tuple[int, Any]],
        *,
        first: int = 1,
        top: int | None = None,
    ) -> None:
        """All that the room's log holds, by offset: each entry once, as it was read.

        `first` is the oldest offset that is kept, `top` the last one given. Told last in the end;
        and before, whenever something of it is about to be trimmed or removed, or else what is
        gone by then is excused where somebody knows where it was.
        """
        entries = [(offset, id_of(data), hash_of(data)) for offset, data in stored]
        last = entries[-1][0] if entries else first - 1
        self._told.append(Told(room, epoch, entries, first, last if top is None else top))

    def check(self) -> Report:
        """Prove I1 to I5 of what was told."""
        return Check(self.publishers, self.listeners, self._told).report()


class Check:
    def __init__(
        self, publishers: list[Publisher], listeners: list[Listener], told: list[Told]
    ) -> None:
        self._publishers = publishers
        self._listeners = listeners
        self._told = told
        self._logs: dict[tuple[str, str], History] = {}
        self._ends: dict[str, Position] = {}
        """Where each room is in the end."""
        self._found: list[Violation] = []
        self._counts: Counter[str] = Counter()
        self._agreed: dict[tuple[str, str, int], tuple[str, str]] = {}
        """Who said it first, and what: by room, epoch and offset."""
        self._seen_at: dict[tuple[str, str], Position] = {}
        """By room and id: where somebody heard it."""
        self._places: dict[tuple[str, str], list[Position]] = {}
        """By room and id: where the histories have it."""

    def report(self) -> Report:
        for told in self._told:
            self._read(told)
        for (room, epoch), history in self._logs.items():
            self._look_for_repeats(room, epoch, history)
        for listener in self._listeners:
            self._follow(listener)
        for publisher in self._publishers:
            self._ask(publisher)
        return Report(self._found, self._counts)

    def _tell(self, invariant: str, text: str) -> None:
        self._found.append(Violation(invariant, text))

    def _read(self, told: Told) -> None:
        room, expected = told.room, told.first
        for offset, _, hash in told.stored:
            if offset != expected:
                self._tell("I3", f"the history of {room} has {offset} where {expected} is due")
            expected = offset + 1
            self._agree("the history", room, Position(offset, told.epoch), hash)
        if expected != told.top + 1:
            self._tell("I3", f"the history of {room} ends at {expected - 1}, not {told.top}")
        self._logs.setdefault((room, told.epoch), History()).add(told)
        self._ends[room] = Position(told.top, told.epoch)

    def _look_for_repeats(self, room: str, epoch: str, history: History) -> None:
        first: dict[str, int] = {}
        for offset, id in sorted(history.entries.items()):
            self._counts["stored"] += 1
            if id in first:
                self._counts["repeated"] += 1
                self._tell("I2", f"{id} is stored in {room} twice: at {first[id]} and {offset}")
            else:
                first[id] = offset
                self._places.setdefault((room, id), []).append(Position(offset, epoch))

    def _agree(self, who: str, room: str, position: Position, hash: str) -> None:
        offset, epoch = position
        other, said = self._agreed.setdefault((room, epoch, offset), (who, hash))
        if said != hash:
            where = f"{offset} of {room} in epoch {epoch!r}"
            self._tell("I4", f"{who} has another message at {where} than {other}")

    def _follow(self, listener: Listener) -> None:
        expected: dict[str, Position | None] = {}
        for event in listener.events:
            room = event.room
            if isinstance(event, Reset):
                expected[room] = event.position
            else:
                expected[room] = self._hear(listener, event, expected.get(room))
            if listener.may is not None and room not in listener.may:
                self._tell("I5", f"{listener.name} was told of {room}, which it may not read")
        for room in sorted(listener.rooms):
            position, end = listener.positions[room], self._ends.get(room)
            if end is not None and position != end:
                where = f"{position.offset} of {room}, which is at {end.offset}"
                self._tell("I3", f"{listener.name} is there at the end, and ended at {where}")

    def _hear(self, listener: Listener, event: Heard, last: Position | None) -> Position | None:
        name, room = listener.name, event.room
        self._counts["heard"] += 1
        if not event.offset:
            return last  # published past the history: it is nowhere, and comes as it comes
        if last is not None and event.offset != last.offset + 1:
            self._tell("I3", f"{name} heard {event.offset} of {room} after {last.offset}")
        position = Position(event.offset, event.epoch)
        self._agree(name, room, position, event.hash)
        self._seen_at.setdefault((room, event.id), position)
        history = self._logs.get((room, event.epoch))
        if history and event.offset > history.top:
            self._tell("I1", f"{name} heard {event.offset} of {room}, which ends at {history.top}")
        return position

    def _ask(self, publisher: Publisher) -> None:
        tops: dict[tuple[str, str], int] = {}
        for message in publisher.messages.values():
            room, name = message.room, f"{message.id} of {publisher.name} in {message.room}"
            self._counts[message.fate.value] += 1
            places = self._places.get((room, message.id), [])
            self._look_up(name, message)
            if message.fate is Fate.ACKNOWLEDGED and not places and not self._excused(message):
                self._counts["lost"] += 1
                self._tell("I1", f"{name} was acknowledged, and is not in the history")
            for offset, epoch in places:
                if message.fate is Fate.REFUSED:
                    self._tell("I1", f"{name} was refused, and is in the history at {offset}")
                if publisher.ordered and offset < tops.get((room, epoch), 0):
                    self._tell("I1", f"{name} is at {offset}, behind what was sent after it")
                tops[room, epoch] = max(offset, tops.get((room, epoch), 0))

    def _look_up(self, name: str, message: Sent) -> None:
        """Whether it is where each answer said."""
        said: dict[str, int] = {}
        for offset, epoch in message.positions:
            epoch = epoch or self._epoch_of(message.room)
            if said.setdefault(epoch, offset) != offset:
                self._tell("I2", f"{name} was acknowledged at {said[epoch]} and at {offset}")
            self._agree(name, message.room, Position(offset, epoch), message.hash)
            history = self._logs.get((message.room, epoch))
            if history and offset >= history.first and history.entries.get(offset) != message.id:
                self._tell("I1", f"{name} was acknowledged at {offset}, and is not there")

    def _excused(self, message: Sent) -> bool:
        """Whether it was where nobody has read: below what was kept, or in another log."""
        seen = self._seen_at.get((message.room, message.id))
        for offset, epoch in (*message.positions, *([seen] if seen else [])):
            history = self._logs.get((message.room, epoch or self._epoch_of(message.room)))
            if history is None or offset < history.first:
                return True
        return False

    def _epoch_of(self, room: str) -> str:
        end = self._ends.get(room)
        return "" if end is None else end.epoch


async def converges(
    what: str, seen: Callable[[], Any], wanted: Any, deadline: float = DEADLINE
) -> None:
    """I6: what `seen` gives, or its awaited result, becomes `wanted` in time.

    Raises AssertionError, with what it was last.
    """
    last: Any = None
    try:
        async with asyncio.timeout(deadline):
            while True:
                last = seen()
                if isinstance(last, Awaitable):
                    last = await last
                if last == wanted:
                    return
                await asyncio.sleep(0.001)
    except TimeoutError:
        raise AssertionError(f"I6 {what} is {last!r} and never became {wanted!r}") from None


class Baseline:
    """I7: what there is of this process in the block, and is there no more after it."""

    async def __aenter__(self) -> Self:
        self._tasks = asyncio.all_tasks()
        self._threads = set(threading.enumerate())
        self._files = _open_files()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await converges("what is left over", self.left, [])

    def left(self) -> list[str]:
        """What is there that was not."""
        tasks = asyncio.all_tasks() - self._tasks - {asyncio.current_task()}
        threads = set(threading.enumerate()) - self._threads
        kept = Counter(_open_files()) - Counter(self._files)
        return [*map(repr, tasks), *map(repr, threads), *kept.elements()]


def _open_files() -> list[str]:
    """What the descriptors of this process are of; sockets by their kind alone."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            name = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue  # the one that the list was read by
        kind, separator, _ = name.partition(":[")
        found.append(kind if separator else name)
    return sorted(found)
