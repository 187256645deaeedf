"""A membership as the programmer holds it."""

import asyncio

import pytest
from tests.engine.conftest import Make
from tests.support.wired import let_in

from hubbub.engine.events import Join, Leave
from hubbub.model import Disconnect, Draft
from hubbub.options import RoomOptions

ROOMS = {"without_namespace": let_in(history_size=5, force_recovery=True)}


async def test_a_membership_knows_its_user_its_room_and_the_parameters_of_its_name(
    make: Make,
) -> None:
    world = make(rooms={"chat:{room}:{part}": let_in()}, **ROOMS)
    peer = await world.join("chat:a:b", "ann")
    sub = peer.client.subs["chat:a:b"]
    assert sub.user == "ann"
    assert sub.room == world.node.room("chat:a:b")
    assert sub.params == {"room": "a", "part": "b"}
    assert world.node.room("chat:a:b").members == (sub,)
    assert "chat:a:b" in repr(sub) and "ann" in repr(sub)
    assert peer.client.id in repr(peer.client)


async def test_what_is_sent_to_one_member_keeps_its_place_and_is_in_no_history(make: Make) -> None:
    world = make(**ROOMS)
    ann, bob = await world.join("a", "ann"), await world.join("a", "bob")
    sub = ann.client.subs["a"]
    sub.send("0")
    world.node.publish("a", Draft(b"1"))
    sub.send({"n": 2})
    world.node.room("a").broadcast("3", exclude=sub)
    world.node.publish("a", Draft(b"4"))
    pubs = [push["pub"] for push in await ann.told()]
    assert [pub["data"] for pub in pubs] == ["0", 1, {"n": 2}, 4]
    assert [pub.get("offset") for pub in pubs] == [None, 1, None, 2]
    assert await bob.heard("a") == [1, "3", 4]


async def test_a_member_that_left_is_sent_nothing_even_when_it_came_back(make: Make) -> None:
    world = make(**ROOMS)
    peer = await world.join("a", "ann")
    old = peer.client.subs["a"]
    await peer.ask("unsubscribe", channel="a")
    old.send("to nobody")
    await peer.ask("subscribe", channel="a")
    old.send("to nobody")
    assert await peer.told() == []
    with pytest.raises(TypeError):
        old.send(object())


async def test_a_member_can_be_sent_something_from_another_thread(make: Make) -> None:
    peer = await make(**ROOMS).join("a", "ann")
    await asyncio.to_thread(peer.client.subs["a"].send, "hi")
    assert await peer.heard("a") == ["hi"]


async def test_closing_a_member_ends_its_connection_and_all_its_memberships(make: Make) -> None:
    world = make(**ROOMS)
    peer = await world.join("a", "ann")
    await peer.ask("subscribe", channel="b")
    peer.client.subs["a"].close(4000, "out")
    assert peer.closed == Disconnect(4000, "out")
    world.assert_nobody_is_left()


async def test_hooks_hear_of_memberships_that_come_and_go_and_why(make: Make) -> None:
    world = make(rooms={"chat:{room}": RoomOptions(allow_subscribe_for_client=True)}, **ROOMS)
    joins: list[Join] = []
    leaves: list[Leave] = []
    of_rule: list[Leave] = []
    world.node.join_hooks.append(joins.append)
    world.node.leave_hooks.append(leaves.append)
    rule = world.node.rules.find("chat:x")
    assert rule is not None
    rule.on_leave.append(of_rule.append)
    peer = await world.join("chat:x", "ann")
    sub = peer.client.subs["chat:x"]
    assert [(one.member, one.user, one.params) for one in joins] == [(sub, "ann", {"room": "x"})]
    await peer.ask("unsubscribe", channel="chat:x")
    await peer.ask("subscribe", channel="chat:x")
    peer.vanish()
    whys = [(leave.room.name, leave.user, leave.disconnect.code) for leave in leaves]
    assert whys == [("chat:x", "ann", 0), ("chat:x", "ann", 1006)]
    assert of_rule == leaves


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, asyncio.CancelledError])
async def test_hooks_that_fail_at_joins_and_leaves_harm_nobody(
    make: Make, error: type[BaseException]
) -> None:
    world = make(**ROOMS)

    def fail(event: object) -> None:
        raise error

    world.node.join_hooks.append(fail)
    world.node.leave_hooks.append(fail)
    world.node.disconnect_hooks.append(fail)
    ann, bob = await world.join("a", "ann"), await world.join("a", "bob")
    ann.vanish()
    world.node.publish("a", Draft(b"1"))
    assert await bob.heard("a") == [1]
    assert [member.user for member in world.node.room("a")] == ["bob"]
