import pytest
from tests.engine.conftest import Enter

from hubbub.engine.node import Node
from hubbub.engine.session import Session
from hubbub.model import SLOW, Disconnect
from hubbub.testing import FakeClock, RecordingSink, settle
from hubbub.wire.frames import unframe


async def test_a_member_that_is_behind_gets_everything_in_order_when_it_catches_up(
    enter: Enter,
) -> None:
    ann, anns = enter()
    ann.room.broadcast("1")
    await settle()
    ann.writing_paused()
    ann.writing_paused()
    ann.room.broadcast("2")
    await settle()
    ann.room.broadcast("3")
    ann.writing_resumed()
    ann.room.broadcast("4")
    await settle()
    assert unframe(anns.take()) == ["1", "2", "3", "4"]


async def test_catching_up_with_nothing_waiting_is_quiet(enter: Enter, clock: FakeClock) -> None:
    ann, anns = enter()
    ann.writing_resumed()
    ann.writing_paused()
    ann.writing_resumed()
    await clock.advance(60)
    assert anns.closed is None
    assert anns.take() == b""


async def test_a_member_too_many_bytes_behind_is_cut_and_told_to_come_back(
    enter: Enter, node: Node
) -> None:
    ann, anns = enter()
    bob, bobs = enter()
    ann.writing_paused()
    for _ in range(3):
        bob.room.broadcast("x" * 600)
        await settle()
    assert anns.closed == SLOW
    assert ann.disconnect == SLOW
    assert node.room("a").members == (bob,)
    assert len(unframe(bobs.take())) == 3
    ann.writing_resumed()
    assert anns.take() == b""


async def test_an_overflow_is_never_a_silent_hole(enter: Enter) -> None:
    ann, anns = enter()
    ann.writing_paused()
    for _ in range(3):
        ann.room.broadcast("x" * 600)
        ann.node.live["a"].plain.flush()
    ann.writing_resumed()  # before the cut, which comes with the next turn
    ann.room.broadcast("late")
    await settle()
    assert anns.closed == SLOW
    assert anns.take() == b""


async def test_a_member_that_takes_nothing_for_too_long_is_cut(
    enter: Enter, clock: FakeClock
) -> None:
    ann, anns = enter()
    ann.writing_paused()
    await clock.advance(9.9)
    assert anns.closed is None
    await clock.advance(0.2)
    assert anns.closed == SLOW


async def test_the_deadline_begins_anew_when_the_member_made_progress(
    enter: Enter, clock: FakeClock
) -> None:
    ann, anns = enter()
    for _ in range(3):
        ann.writing_paused()
        await clock.advance(9)
        ann.writing_resumed()
    assert anns.closed is None


async def test_a_close_flushes_what_waits_first(enter: Enter) -> None:
    ann, anns = enter()
    ann.writing_paused()
    ann.room.broadcast("1")
    await settle()
    ann.room.broadcast("2")
    ann.close(4001, "bye")
    ann.close(4002)
    assert unframe(anns.take()) == ["1", "2"]
    assert anns.closed == Disconnect(4001, "bye")
    ann.writing_paused()
    ann.lost(Disconnect(1006, ""))
    assert ann.disconnect == Disconnect(4001, "bye")


async def test_a_session_takes_messages_only_by_what_it_is(node: Node) -> None:
    with pytest.raises(NotImplementedError):
        Session(node, RecordingSink()).received(["hi"])
