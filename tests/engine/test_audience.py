import logging

import pytest
from tests.engine.conftest import Enter

from hubbub.engine.audience import write_all
from hubbub.engine.node import Node
from hubbub.testing import settle
from hubbub.wire.frames import text_frame, unframe


async def test_a_broadcast_reaches_everyone_in_the_room_and_no_one_else(enter: Enter) -> None:
    ann, anns = enter("a")
    _, bobs = enter("a")
    _, carls = enter("b")
    ann.room.broadcast("hi")
    await settle()
    assert unframe(anns.take()) == ["hi"]
    assert unframe(bobs.take()) == ["hi"]
    assert carls.take() == b""


async def test_one_turn_of_the_loop_is_one_write_of_the_same_bytes(enter: Enter) -> None:
    ann, anns = enter()
    _, bobs = enter()
    for number in range(5):
        ann.room.broadcast(str(number))
    await settle()
    assert len(anns.frames) == 1
    assert anns.frames[0] is bobs.frames[0]
    assert unframe(anns.take()) == ["0", "1", "2", "3", "4"]


async def test_who_joins_gets_nothing_from_before_and_who_leaves_everything_up_to_then(
    node: Node, enter: Enter
) -> None:
    ann, anns = enter()
    ann.room.broadcast("before")
    bob, bobs = enter()
    ann.room.broadcast("both")
    node.leave(ann)
    bob.room.broadcast("after")
    await settle()
    assert unframe(anns.take()) == ["before", "both"]
    assert unframe(bobs.take()) == ["both", "after"]


async def test_the_excluded_member_misses_that_message_only(enter: Enter) -> None:
    ann, anns = enter()
    _, bobs = enter()
    ann.room.broadcast("1")
    ann.room.broadcast("2", exclude=ann)
    ann.room.broadcast("3")
    await settle()
    assert unframe(anns.take()) == ["1", "3"]
    assert unframe(bobs.take()) == ["1", "2", "3"]


async def test_what_is_sent_to_one_member_keeps_its_place_among_the_broadcasts(
    enter: Enter,
) -> None:
    ann, anns = enter()
    _, bobs = enter()
    ann.send("0")
    ann.room.broadcast("1")
    ann.send("2")
    ann.send("3")
    ann.room.broadcast("4", exclude=ann)
    ann.send("5")
    await settle()
    assert unframe(anns.take()) == ["0", "1", "2", "3", "5"]
    assert unframe(bobs.take()) == ["1", "4"]


async def test_excluding_someone_who_is_not_there_excludes_nobody(enter: Enter) -> None:
    ann, anns = enter("a")
    bob, bobs = enter("b")
    ann.room.broadcast("hi", exclude=bob)
    await settle()
    assert unframe(anns.take()) == ["hi"]
    assert bobs.take() == b""


async def test_an_edit_for_a_member_that_left_in_the_same_turn_is_dropped_with_it(
    node: Node, enter: Enter
) -> None:
    ann, anns = enter()
    _, bobs = enter()
    ann.room.broadcast("1", exclude=ann)
    ann.send("2")
    node.leave(ann)
    ann.send("3")
    await settle()
    assert unframe(anns.take()) == ["2"]
    assert unframe(bobs.take()) == ["1"]


def test_a_sink_that_raises_costs_nobody_else_anything(caplog: pytest.LogCaptureFixture) -> None:
    got: list[bytes] = []

    def broken(data: bytes) -> None:
        raise OSError("gone")

    frame = text_frame(b"hi")
    with caplog.at_level(logging.ERROR, "hubbub"):
        write_all([got.append, broken, got.append], frame)
    assert got == [frame, frame]
    assert "a sink raised" in caplog.text
