"""Rooms that bring the newest alone, or much at once: whoever is in them ends with what is true."""

import asyncio
import json
from collections.abc import Iterator

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.properties.test_rooms import FakeLoop
from tests.support.wired import Peer, World, let_in

from hubbub.engine.member import Member
from hubbub.engine.session import Session
from hubbub.model import SLOW, Draft
from hubbub.testing import RecordingSink
from hubbub.wire.frames import unframe

KEYS = st.sampled_from([None, "x", "y"])
PICK = st.integers(0, 1000)
ONLY_X = {"key": "s", "cmp": "eq", "val": "x"}
INTERVAL = 1.0


class Somebody:
    """Who is in the room, or was: what was said meanwhile, and about what; None: about nothing
    that anything else outdates."""

    def __init__(self, session: Session, filtered: bool = False) -> None:
        self.session = session
        self.filtered = filtered
        self.joined = 0  # the id of the command, and of the one that it left with
        self.left = 0
        self.said: list[tuple[str, str | None]] = []
        self.was_behind = session.behind


class PacedRooms(RuleBasedStateMachine):
    """One room with members of both kinds, against lists of what each could have got."""

    @initialize(
        latest=st.booleans(), interval=st.sampled_from([0.0, INTERVAL]), history=st.booleans()
    )
    def begin(self, latest: bool, interval: float, history: bool) -> None:
        self.latest, self.interval = latest, interval
        options = let_in(
            latest_only=latest,
            latest_key="s",
            batch_interval=interval,
            history_size=20 * history,
            join_leave=True,
            force_push_join_leave=True,
            allow_tags_filter=True,
        )

        async def world() -> World:
            return World(without_namespace=options)

        self.world = asyncio.run(world())
        self.node = self.world.node
        self.loop = FakeLoop()
        self.node.loop = self.loop  # type: ignore[assignment]
        self.node.tick._loop = self.loop  # type: ignore[assignment]
        self.here: list[Somebody] = []
        self.done: list[Somebody] = []
        self.clients: list[Peer] = []
        self.count = 0

    def _text(self) -> str:
        self.count += 1
        return str(self.count)

    def _pick(self, number: int) -> Somebody | None:
        return self.here[number % len(self.here)] if self.here else None

    def _peer(self, one: Somebody) -> Peer | None:
        return next((peer for peer in self.clients if peer.client is one.session), None)

    def _tell_clients(self, what: str) -> None:
        for one in self.here:
            if self._peer(one):
                one.said.append((what, None))

    # Coming and going.

    @rule()
    def enter(self) -> None:
        member = Member(self.node, RecordingSink(), None, self.node.room("a"))
        self.node.enter(member, "a")
        self.here.append(Somebody(member))

    @rule()
    def connect(self) -> None:
        if len(self.clients) < 3:
            peer = self.world.arrive()
            self.clients.append(peer)
            peer.client.user = "ann"
            peer.client.start_asking()
            peer.client.here(None)

    @rule(number=PICK, filtered=st.booleans())
    def subscribe(self, number: int, filtered: bool) -> None:
        out = [peer for peer in self.clients if not peer.client.subs]
        if not out:
            return
        peer = out[number % len(out)]
        body = {"channel": "a", **({"tf": ONLY_X} if filtered else {})}
        command = peer.command("subscribe", **body)
        peer.say(command)
        assert peer.client.subs
        one = Somebody(peer.client, filtered)
        one.joined = command["id"]
        self.here.append(one)
        self._tell_clients(f"join {peer.client.id}")

    @rule(number=PICK)
    def leave(self, number: int) -> None:
        if (one := self._pick(number)) is None:
            return
        self.here.remove(one)
        self.done.append(one)
        peer = self._peer(one)
        if peer is None:
            assert isinstance(one.session, Member)
            one.session.close()
            return
        command = peer.command("unsubscribe", channel="a")
        one.left = command["id"]
        peer.say(command)
        self._tell_clients(f"leave {peer.client.id}")

    @rule(number=PICK)
    def go_and_come_back(self, number: int) -> None:
        out = {peer.client.id for peer in self.clients if not peer.client.subs}
        self.leave(number)
        if {peer.client.id for peer in self.clients if not peer.client.subs} != out:
            self.subscribe(number, False)

    @rule(number=PICK)
    def vanish(self, number: int) -> None:
        if (one := self._pick(number)) is None:
            return
        self.here.remove(one)
        one.session.lost(SLOW)
        if (peer := self._peer(one)) is not None:
            # What waited for it is lost with it, also of when it was there before.
            self.done = [other for other in self.done if other.session is not one.session]
            self.clients.remove(peer)
            self._tell_clients(f"leave {peer.client.id}")

    # What is said.

    def _said(self, text: str, key: str | None, exclude: Session | None = None) -> None:
        for one in self.here:
            if one.session is not exclude and not (one.filtered and key not in ("x", "all")):
                one.said.append((text, "" if key in (None, "all") else key))

    @rule(key=KEYS)
    def publish(self, key: str | None) -> None:
        text = self._text()
        tags = None if key is None else {"s": key}
        self.node.publish("a", Draft(json.dumps(text).encode(), tags))
        self._said(text, key)

    @rule(exclude=st.none() | PICK)
    def broadcast(self, exclude: int | None) -> None:
        text = self._text()
        one = None if exclude is None else self._pick(exclude)
        member = None
        if one is not None:
            member = next(m for m in self.node.room("a") if one.session in (m, _client(m)))
        self.node.room("a").broadcast(text, exclude=member)
        self._said(text, "all", one.session if one else None)

    @rule(number=PICK)
    def send(self, number: int) -> None:
        if one := self._pick(number):
            text = self._text()
            next(m for m in self.node.room("a") if one.session in (m, _client(m))).send(text)
            one.said.append((text, None))

    # What time does.

    @rule(number=PICK)
    def fall_behind(self, number: int) -> None:
        if one := self._pick(number):
            one.session.writing_paused()
            one.was_behind = True

    @rule(number=PICK)
    def catch_up(self, number: int) -> None:
        if one := self._pick(number):
            one.session.writing_resumed()

    @rule()
    def turn(self) -> None:
        calls, self.loop.soon = self.loop.soon, []
        for call in calls:
            call()  # type: ignore[operator]

    @precondition(lambda self: self.interval)
    @rule()
    def interval_over(self) -> None:
        self.turn()
        self._pass(INTERVAL)

    def _pass(self, seconds: float) -> None:
        # Without the loop that `FakeClock.advance` wants, for the one timer that is ours.
        self.world.clock._now += seconds
        room = self.node.live.get("a")
        pace = None if room is None else room._pace
        if pace is not None and pace._timer is not None:
            due = [one for one in self.world.clock._timers if one[2] is pace._timer]
            assert due[0][0] <= self.world.clock.now()
            pace._timer.cancel()
            pace._over()

    # What must hold.

    @invariant()
    def nobody_gets_anything_else_nor_in_another_order(self) -> None:
        for one in [*self.here, *self.done]:
            got = iter(one.said)
            for text in self._got(one):
                assert any(text == said for said, _ in got), (text, one.said)

    def _got(self, one: Somebody) -> list[str]:
        sink = one.session.sink
        assert isinstance(sink, RecordingSink)
        frames = unframe(b"".join(sink.frames))
        if self._peer(one) is None:
            return [str(text) for text in frames]
        return list(self._pushes(one, [json.loads(line) for f in frames for line in _lines(f)]))

    def _pushes(self, one: Somebody, messages: list[dict[str, object]]) -> Iterator[str]:
        """What came between the answers that it is in the room, and that it has left."""
        inside = False
        for message in messages:
            if id := message.get("id"):
                inside = id == one.joined or (inside and id != one.left)
            elif inside:
                push = message["push"]
                assert isinstance(push, dict)
                for kind in ("join", "leave"):
                    if kind in push:
                        yield f"{kind} {push[kind]['info']['client']}"
                if "pub" in push:
                    yield push["pub"]["data"]

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        for one in [*self.here, *self.done]:
            one.session.writing_resumed()
        for _ in range(3):
            self.turn()
            self._pass(INTERVAL)
        for one in [*self.here, *self.done]:
            assert one.session.disconnect != SLOW
            self._ended_well(one)
        for one in self.here:
            one.session.lost(SLOW)
        for peer in self.clients:
            peer.vanish()
        self.world.assert_nobody_is_left()

    def _ended_well(self, one: Somebody) -> None:
        got = self._got(one)
        keys = dict(one.said)
        if not self.latest or not (self.interval or one.was_behind):
            assert got == [said for said, _ in one.said]
        last = {key: said for said, key in one.said if key is not None}
        assert {keys[text]: text for text in got if keys[text] is not None} == last
        complete = [said for said, key in one.said if key is None]
        assert [text for text in got if keys[text] is None] == complete


def _client(member: object) -> object:
    return getattr(member, "client", None)


def _lines(frame: str | bytes) -> list[str]:
    assert isinstance(frame, str)
    return frame.split("\n")


TestPacedRooms = PacedRooms.TestCase
TestPacedRooms.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
