"""What a room's log says of who might read it when, and whether a crowd was held to it."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from tests.support.chat_crowd import Crowd, Person, Wire

from hubbub.chat import events as e
from hubbub.chat.policy import Action, Place, Role, Standing, may
from hubbub.chat.projection import ROOMS
from hubbub.contracts import Store

LATE_MS = 10_000
"""Milliseconds within which somebody is out whose right was taken away, on any machine: what is
on its way by then may still come."""

PAGE = 10_000_000


class Since(NamedTuple):
    """How it is behind the event at `offset`: a membership, or a ban until then (0 for good)."""

    offset: int
    member: bool
    banned_until: int | None


OUT = Since(0, False, None)


class Record:
    """The log of a room: its events by offset, and who could read it behind each of them."""

    def __init__(self, events: dict[int, e.AnyEvent]) -> None:
        self.events = events
        self._people: dict[str, list[Since]] = {}
        self._kinds: list[tuple[int, str]] = []
        self.removals: Counter[str] = Counter()
        """By user: how often there was a reason to put them out."""
        self.closings = 0
        """How often it became private."""
        for offset, event in events.items():
            self._note(offset, event)

    def _note(self, offset: int, event: e.AnyEvent) -> None:
        match event:
            case e.Created():
                self._kinds.append((offset, event.kind))
                for user in event.members:
                    self._is(user, Since(offset, True, None))
            case e.Changed() if event.kind is not None:
                self._kinds.append((offset, event.kind))
                self.closings += event.kind == "private"
            case e.Joined():
                self._is(event.user, Since(offset, True, self._last(event.user).banned_until))
            case e.Left() | e.Kicked():
                self._is(event.user, Since(offset, False, self._last(event.user).banned_until))
                self.removals[event.user] += 1
            case e.Banned():
                self._is(event.user, Since(offset, False, event.until))
                self.removals[event.user] += 1
            case e.Unbanned():
                self._is(event.user, Since(offset, self._last(event.user).member, None))

    def _is(self, user: str, since: Since) -> None:
        self._people.setdefault(user, []).append(since)

    def _last(self, user: str) -> Since:
        return self._people.get(user, [OUT])[-1]

    @property
    def top(self) -> int:
        return len(self.events)

    def readable(self, user: str, behind: int, at: int) -> bool:
        """Whether the user might read the room behind the event at offset `behind`, at the time
        `at` (Unix milliseconds)."""
        history = self._people.get(user, [])
        found = bisect_right(history, behind, key=lambda one: one.offset)
        since = history[found - 1] if found else OUT
        kinds = bisect_right(self._kinds, behind, key=lambda one: one[0])
        if not kinds:
            return False
        until = since.banned_until
        standing = Standing(
            Role.MEMBER if since.member else None,
            banned=until is not None and (not until or until > at),
        )
        return may(Action.READ, standing, Place(self._kinds[kinds - 1][1]))

    def lost_at(self, user: str, before: int, at: int) -> int:
        """When (Unix milliseconds) the event was that took the right away, which the user has no
        more before the event at that offset."""
        for offset in range(before - 1, 0, -1):
            if self.readable(user, offset - 1, at):
                return self.events[offset].at
        return 0


async def records(store: Store, rooms: Iterable[str]) -> dict[str, Record]:
    found = {}
    for room in rooms:
        events: dict[int, e.AnyEvent] = {}
        while True:
            page = await store.read(ROOMS + room, len(events), 10_000, PAGE)
            for one in page.publications:
                assert one.offset == len(events) + 1, "the log has no hole"
                events[one.offset] = e.event_of(one.data)
            if len(events) == page.position.offset:
                break
        found[room] = Record(events)
    return found


class Told(NamedTuple):
    """How much was held to the log, and how much of it came while somebody was being put out: the
    last `latest` milliseconds after the right was taken away."""

    publications: int
    entries: int
    on_its_way: int
    latest: int

    def add(self, other: Told) -> Told:
        return Told(
            self.publications + other.publications,
            self.entries + other.entries,
            self.on_its_way + other.on_its_way,
            max(self.latest, other.latest),
        )


def check_access(crowd: Crowd, logs: dict[str, Record]) -> Told:
    """Nobody was told of a room what they might not read."""
    told = Told(0, 0, 0, 0)
    for person in crowd.people:
        told = told.add(_check_wire(person, logs))
        for room, offset, at in person.fetched:
            assert logs[room].readable(person.id, offset, at), f"{person.id} opened {room}@{offset}"
    return told


def _check_wire(person: Person, logs: dict[str, Record]) -> Told:
    inside: dict[str, bool] = {}
    """The rooms that it is in, and whether it has to be put out: also of one that it might read
    again by then."""
    outs: Counter[str] = Counter()
    publications = entries = on_its_way = latest = 0
    for wire in person.ear.heard:
        room, what = wire.room.removeprefix(ROOMS), f"{person.id} got {wire}"
        match wire.kind:
            case "connect":
                inside.clear()
            case "leave":
                inside.pop(room, None)
            case "out":
                assert room in inside, what
                del inside[room]
                outs[room] += 1
            case "enter" | "pub":
                log = logs[room]
                if wire.kind == "enter":
                    entries, behind = entries + 1, wire.offset
                else:
                    publications, behind = publications + 1, wire.offset - 1
                    assert room in inside, f"{what}, out of the room"
                allowed = log.readable(person.id, behind, wire.at)
                if not allowed:
                    on_its_way += 1
                    latest = max(latest, _check_late(person, log, wire))
                inside[room] = not allowed or (wire.kind == "pub" and inside[room])
            case "history" | "moment":
                assert room in inside, f"{what}, out of the room"
    for room, going in inside.items():
        assert not going, f"{person.id} is still in {room}"
        assert logs[room].readable(person.id, logs[room].top, person.ear.heard[-1].at)
    for room, times in outs.items():
        reasons = logs[room].removals[person.id] + logs[room].closings + person.crowd.again[room]
        assert times <= reasons, f"{person.id} was put out of {room} {times} times, not {reasons}"
    return Told(publications, entries, on_its_way, latest)


def _check_late(person: Person, log: Record, wire: Wire) -> int:
    """What comes to who may not read the room any more was on its way then: for how long (ms)."""
    lost = log.lost_at(person.id, wire.offset, wire.at)
    assert lost, f"{person.id} got {wire}, and never could read it"
    since = log.events[wire.offset].at - lost
    assert since <= LATE_MS, f"{person.id} got {wire}, {since} ms after the right was taken"
    return since


def check_acked(crowd: Crowd, logs: dict[str, Record]) -> None:
    """What was acknowledged is there, and once."""
    kinds: dict[str, type[e.Event] | tuple[type[e.Event], ...]] = {
        "say": e.Message, "edit": e.Edited, "delete": e.Deleted, "react": e.Reacted,
        "unreact": e.Unreacted, "pin": e.Pinned, "unpin": e.Unpinned, "join": e.Joined,
        "leave": e.Left, "kick": e.Kicked, "ban": e.Banned, "unban": e.Unbanned, "mute": e.Muted,
        "unmute": e.Unmuted, "appoint": e.Appointed, "add": e.Joined, "invite": e.Invited,
        "change": e.Changed, "archive": e.Archived, "restore": e.Restored,
    }  # fmt: skip
    places = Counter((one.room, one.offset) for one in crowd.acked)
    assert set(places.values()) == {1}, "every wish has an event of its own"
    for one in crowd.acked:
        event = logs[one.room].events[one.offset]
        assert isinstance(event, kinds[one.kind]) and event.by == one.user, f"{one}: {event}"
        if isinstance(event, e.Message):
            assert event.nonce == one.key
    nonces = Counter(
        event.nonce
        for log in logs.values()
        for event in log.events.values()
        if isinstance(event, e.Message) and event.nonce
    )
    assert not [nonce for nonce, times in nonces.items() if times > 1], "each was said once"


def check_offsets(crowd: Crowd) -> None:
    """What a client gets of a room follows, one by one, on the page that it began with."""
    for person in crowd.people:
        for view in [*person.past, *person.views.values()]:
            begins = set(view.begins)
            for before, after in zip(view.offsets, view.offsets[1:], strict=False):
                assert after == before + 1 or after in begins, (
                    f"{person.id} got {after} behind {before} of {view.room}"
                )
