"""Whatever happens in whatever order: everyone sees exactly what they are to see, in order."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hubbub.engine.member import Member
from hubbub.engine.node import Node
from hubbub.model import NORMAL, SLOW
from hubbub.settings import Settings
from hubbub.testing import FakeClock, RecordingSink
from hubbub.wire.frames import unframe

ROOMS = st.sampled_from(["a", "b"])
PICK = st.integers(0, 1000)


class FakeLoop:
    """Keeps what is to be called in the next turn."""

    def __init__(self) -> None:
        self.soon: list[object] = []

    def call_soon(self, call: object) -> None:
        self.soon.append(call)

    def is_closed(self) -> bool:
        return False


class Expected:
    def __init__(self, member: Member, sink: RecordingSink, room: str) -> None:
        self.member = member
        self.sink = sink
        self.room = room
        self.messages: list[str] = []


class Rooms(RuleBasedStateMachine):
    """Members of two rooms, some of them behind, against lists of what each must have got."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.node = Node(Settings(outbox_bytes=10_000))
        self.loop = FakeLoop()
        self._bind()
        self.here: list[Expected] = []
        self.gone: list[Expected] = []
        self.sent = 0

    def _bind(self) -> None:
        import asyncio

        async def bind() -> None:
            self.node.bind(self.clock)

        asyncio.run(bind())
        self.node.loop = self.loop  # type: ignore[assignment]
        self.node.tick._loop = self.loop  # type: ignore[assignment]

    def _text(self) -> str:
        self.sent += 1
        return str(self.sent)

    def _pick(self, number: int) -> Expected | None:
        return self.here[number % len(self.here)] if self.here else None

    @rule(room=ROOMS, user=st.sampled_from([None, "ann", "bob"]))
    def join(self, room: str, user: str | None) -> None:
        sink = RecordingSink()
        member = Member(self.node, sink, user, self.node.room(room))
        self.node.enter(member, room)
        self.here.append(Expected(member, sink, room))

    @rule(number=PICK, by_us=st.booleans())
    def leave(self, number: int, by_us: bool) -> None:
        if one := self._pick(number):
            behind = one.member._outbox is not None
            self.here.remove(one)
            if by_us:
                one.member.close()
                self.gone.append(one)
            else:
                one.member.lost(NORMAL)
                if not behind:  # what waited for a lost peer is lost with it
                    self.gone.append(one)

    @rule(room=ROOMS, exclude=st.none() | PICK)
    def broadcast(self, room: str, exclude: int | None) -> None:
        text = self._text()
        excluded = None if exclude is None else self._pick(exclude)
        self.node.room(room).broadcast(text, exclude=excluded.member if excluded else None)
        for one in self.here:
            if one.room == room and one is not excluded:
                one.messages.append(text)

    @rule(number=PICK)
    def send(self, number: int) -> None:
        if one := self._pick(number):
            text = self._text()
            one.member.send(text)
            one.messages.append(text)

    @rule(number=PICK)
    def fall_behind(self, number: int) -> None:
        if one := self._pick(number):
            one.member.writing_paused()

    @rule(number=PICK)
    def catch_up(self, number: int) -> None:
        if one := self._pick(number):
            one.member.writing_resumed()

    @rule()
    def turn(self) -> None:
        calls, self.loop.soon = self.loop.soon, []
        for call in calls:
            call()  # type: ignore[operator]

    @invariant()
    def everyone_who_left_in_order_got_all(self) -> None:
        for one in self.gone:
            assert unframe(b"".join(one.sink.frames)) == one.messages

    @invariant()
    def nobody_got_anything_else(self) -> None:
        for one in self.here:
            got = unframe(b"".join(one.sink.frames))
            assert got == one.messages[: len(got)]

    @invariant()
    def the_registries_hold_who_is_here_and_nobody_else(self) -> None:
        rooms = {one.room for one in self.here}
        assert set(self.node.live) == rooms
        for room in rooms:
            members = [one.member for one in self.here if one.room == room]
            assert list(self.node.room(room).members) == members
        users = {one.member.user for one in self.here} - {None}
        assert set(self.node.present) == users

    def teardown(self) -> None:
        for number in range(len(self.here)):
            self.catch_up(number)
        self.turn()
        for one in self.here:
            assert one.member.disconnect != SLOW
            assert unframe(b"".join(one.sink.frames)) == one.messages


TestRooms = Rooms.TestCase
TestRooms.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
