import asyncio

from tests.engine.conftest import Enter

from hubbub.engine.node import Node
from hubbub.model import Disconnect
from hubbub.testing import settle
from hubbub.wire.frames import unframe


async def test_a_handle_tells_who_is_there(node: Node, enter: Enter) -> None:
    room = node.room("a")
    assert len(room) == 0
    assert room
    assert list(room) == []
    ann, _ = enter("a", user="ann")
    ann2, _ = enter("a", user="ann")
    nobody, _ = enter("a")
    assert room.members == (ann, ann2, nobody)
    assert room.users == ["ann"]
    assert repr(room) == "<Room 'a', 3 here>"
    assert ann in room


async def test_handles_of_one_name_are_equal(node: Node) -> None:
    assert node.room("a") == node.room("a")
    assert node.room("a") != node.room("b")
    assert node.room("a") != "a"
    assert len({node.room("a"), node.room("a")}) == 1


async def test_an_old_handle_speaks_to_who_is_there_now(node: Node, enter: Enter) -> None:
    ann, _ = enter("a")
    room = ann.room
    ann.lost(Disconnect(1006, ""))
    room.broadcast("to nobody")
    await settle()
    _, bobs = enter("a")
    ann.room.broadcast("to bob")
    await settle()
    assert unframe(bobs.take()) == ["to bob"]


async def test_a_thread_can_broadcast_in_order(node: Node, enter: Enter) -> None:
    _, anns = enter("a")

    def elsewhere() -> None:
        for number in range(50):
            node.room("a").broadcast(str(number))
        node.room("empty").broadcast("to nobody")

    await asyncio.to_thread(elsewhere)
    await settle()
    assert unframe(anns.take()) == [str(number) for number in range(50)]


async def test_closing_a_room_ends_every_connection_in_it(node: Node, enter: Enter) -> None:
    _, anns = enter("a")
    _, bobs = enter("a")
    _, carls = enter("b")
    node.room("a").close(4000, "over")
    assert anns.closed == bobs.closed == Disconnect(4000, "over")
    assert carls.closed is None
    assert list(node.live) == ["b"]


async def test_a_user_is_all_their_connections(node: Node, enter: Enter) -> None:
    _, first = enter("a", user="42")
    _, second = enter("b", user=42)
    _, other = enter("a", user="7")
    user = node.user("42")
    assert len(user) == 2
    assert repr(user) == "<User '42', 2 connections>"
    user.send("hi")
    assert unframe(first.take()) == unframe(second.take()) == ["hi"]
    user.disconnect(4001, "out")
    assert first.closed == second.closed == Disconnect(4001, "out")
    assert other.closed is None
    assert len(user) == 0
    assert user
    assert list(node.present) == ["7"]


def test_without_a_loop_a_broadcast_reaches_nobody_and_fails_nothing() -> None:
    from hubbub.settings import Settings

    Node(Settings()).room("a").broadcast("hello?")
