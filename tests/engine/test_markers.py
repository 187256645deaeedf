"""How far users have read rooms with read markers: their connections ask, move, and are told."""

import asyncio
from typing import Any

import pytest
from tests.engine.conftest import Make
from tests.support.stores import ControlledStore
from tests.support.wired import Peer, World, let_in, refused

from hubbub.engine.member import Member
from hubbub.errors import ConfigurationError, Unavailable, Unrecoverable
from hubbub.model import Position
from hubbub.options import RoomOptions
from hubbub.testing import RecordingSink, settle

PUBLISH: dict[str, Any] = {"allow_publish_for_subscriber": True, "durability": "commit"}
MARKED = let_in(**PUBLISH, read_markers=True)
ROOMS: dict[str, Any] = {
    "namespaces": {"marked": MARKED, "log": let_in(**PUBLISH), "memory": let_in(history_size=9)},
    "client_ping_interval": 100_000,
}
ROOM = "marked:a"


async def marked(make: Make, **settings: Any) -> tuple[World, ControlledStore]:
    world = make(**{**ROOMS, **settings})
    return world, await world.open_logs()


async def call(peer: Peer, method: str, data: Any) -> Any:
    """What it is answered: the result's data, or all of the answer where it is an error."""
    answer = await peer.ask("rpc", method=f"hubbub.{method}", data=data)
    return answer["rpc"]["data"] if "rpc" in answer else answer


def read(room: str, offset: int) -> dict[str, Any]:
    """The push that says so."""
    return {"message": {"data": {"read": {"room": room, "offset": offset}}}}


async def test_a_client_asks_for_what_it_has_not_read_and_says_how_far_it_has(make: Make) -> None:
    world, _ = await marked(make)
    ann, bob = await world.join(ROOM, "ann"), await world.join(ROOM, "bob")
    await bob.ask("subscribe", channel="marked:b")
    for number in range(3):
        await ann.ask("publish", channel=ROOM, data=number)
    await world.node.room(ROOM).publish("look", mentions=["bob"])
    rooms = await call(bob, "unread", {"rooms": ["marked:b", ROOM]})
    assert rooms == {
        "rooms": [
            {"room": "marked:b", "read": 0, "unread": 0, "mentions": 0, "offset": 0},
            {"room": ROOM, "read": 0, "unread": 4, "mentions": 1, "offset": 4},
        ]
    }
    (of_ann,) = (await call(ann, "unread", {"rooms": [ROOM]}))["rooms"]
    assert (of_ann["unread"], of_ann["mentions"]) == (1, 0)
    assert await call(bob, "read", {"room": ROOM, "offset": 3}) == {"offset": 3}
    (left,) = (await call(bob, "unread", {"rooms": [ROOM]}))["rooms"]
    assert left == {"room": ROOM, "read": 3, "unread": 1, "mentions": 1, "offset": 4}
    assert await call(bob, "unread", {"rooms": []}) == {"rooms": []}


async def test_what_is_asked_after_a_publish_counts_it(make: Make) -> None:
    world, store = await marked(make)
    ann, bob = await world.join(ROOM, "ann"), await world.join(ROOM, "bob")
    store.hold()
    commands = [bob.command("publish", channel=ROOM, data=1)]
    commands += [bob.command("rpc", method="hubbub.read", data={"room": ROOM, "offset": 1})]
    bob.say(*commands)
    await settle()
    store.release()
    assert (await bob.answer(commands[1]["id"]))["rpc"]["data"] == {"offset": 1}
    (of_ann,) = (await call(ann, "unread", {"rooms": [ROOM]}))["rooms"]
    assert of_ann["unread"] == 1


async def test_every_client_of_the_user_is_told_where_the_marker_is_and_nobody_else(
    make: Make,
) -> None:
    world, _ = await marked(make)
    node, plain = world.node, RecordingSink()
    phone, desk, eve = [await world.join(ROOM, user) for user in ("ann", "ann", "eve")]
    elsewhere = await world.connect("ann")
    member = Member(node, plain, "ann", node.room("b"))
    node.enter(member, "b")
    for number in range(5):
        await node.room(ROOM).publish(number, unread=False)
    for peer in (phone, desk, eve):
        await peer.told()
    await call(phone, "read", {"room": ROOM, "offset": 2})
    assert await node.room(ROOM).mark_read("ann", 4) == 4
    assert await call(desk, "read", {"room": ROOM, "offset": 3}) == {"offset": 4}
    assert await call(desk, "read", {"room": ROOM, "offset": 99}) == {"offset": 5}
    for peer in (phone, desk, elsewhere):
        assert await peer.told() == [read(ROOM, 2), read(ROOM, 4), read(ROOM, 5)]
    assert await eve.told() == []
    assert plain.take() == b"", "its words are the application's"
    node.leave(member)


async def test_nobody_is_told_of_a_marker_in_an_empty_room(make: Make) -> None:
    world, _ = await marked(make)
    ann = await world.join(ROOM, "ann")
    assert await world.node.room(ROOM).mark_read("ann", 7) == 0
    assert await ann.told() == []


async def test_a_client_asks_about_rooms_it_is_in_that_keep_markers_and_of_no_others(
    make: Make,
) -> None:
    world, store = await marked(make)
    ann = await world.join(ROOM, "ann")
    for room in ("log:a", "memory:a"):
        await ann.ask("subscribe", channel=room)
    await ann.ask("subscribe", channel="marked:left")
    await ann.ask("unsubscribe", channel="marked:left")
    for room in ("log:a", "memory:a", "marked:left", "marked:never", "nowhere:a", ""):
        assert await call(ann, "unread", {"rooms": [ROOM, room]}) == refused(103)
        assert await call(ann, "read", {"room": room, "offset": 1}) == refused(103)
    nobody = await world.join(ROOM)
    assert await call(nobody, "unread", {"rooms": [ROOM]}) == refused(103)
    assert await call(nobody, "read", {"room": ROOM, "offset": 1}) == refused(103)
    assert await call(nobody, "unread", {"rooms": []}) == refused(103)
    assert [one.read for one in await store.inner.unread("ann", [ROOM, "marked:left"], 1)] == [0, 0]


@pytest.mark.parametrize(
    ("method", "data"),
    [
        ("read", {"room": ROOM}),
        ("read", {"room": ROOM, "offset": -1}),
        ("read", {"room": ROOM, "offset": "1"}),
        ("read", [ROOM, 1]),
        ("read", None),
        ("unread", {"rooms": ROOM}),
        ("unread", {"rooms": [ROOM] * 1_001}),
        ("unread", {}),
    ],
)
async def test_what_a_method_does_not_take_is_a_bad_request_that_says_why(
    make: Make, method: str, data: Any
) -> None:
    world, _ = await marked(make)
    ann = await world.join(ROOM, "ann")
    error = (await call(ann, method, data))["error"]
    assert error["code"] == 107
    assert error["message"]
    assert ann.closed is None


async def test_as_many_rooms_as_a_call_may_ask_about_are_answered(make: Make) -> None:
    world, _ = await marked(make)
    ann = await world.join(ROOM, "ann")
    answer = await call(ann, "unread", {"rooms": [ROOM] * 1_000})
    assert len(answer["rooms"]) == 1_000


async def test_counts_of_a_call_end_at_a_hundred(make: Make) -> None:
    world, _ = await marked(make)
    ann, room = await world.join(ROOM, "ann"), world.node.room(ROOM)
    await asyncio.gather(*(room.publish(n, mentions=["ann"]) for n in range(130)))
    assert (await call(ann, "unread", {"rooms": [ROOM]}))["rooms"] == [
        {"room": ROOM, "read": 0, "unread": 100, "mentions": 100, "offset": 130}
    ]


async def test_the_methods_are_there_where_any_room_keeps_markers(make: Make) -> None:
    for settings, code in (
        ({"namespaces": {}, "without_namespace": let_in()}, 108),
        ({"namespaces": {"log": ROOMS["namespaces"]["log"]}}, 108),
        ({"namespaces": {"log": MARKED}}, 103),
        ({"namespaces": {}, "without_namespace": MARKED}, 103),
        ({"namespaces": {}, "rooms": {"chat:{id}": MARKED}}, 103),
    ):
        world, _ = await marked(make, **settings)
        ann = await world.connect("ann")
        assert await call(ann, "unread", {"rooms": ["x"]}) == refused(code)
        if code == 103:
            assert await call(ann, "sum", 1) == refused(104)
    world, _ = await marked(make, namespaces={})
    world.node.rules.add("chat:{id}", RoomOptions(durability="commit", read_markers=True))
    assert await call(await world.connect("ann"), "unread", {"rooms": ["x"]}) == refused(103)


async def test_a_log_that_is_away_is_a_temporary_error(make: Make) -> None:
    world, store = await marked(make)
    ann = await world.join(ROOM, "ann")

    async def away(room: str, user: str, offset: int) -> int:
        raise Unavailable("no markers now")

    store.inner.mark = away  # type: ignore[method-assign]
    answer = await call(ann, "read", {"room": ROOM, "offset": 1})
    assert (answer["error"]["code"], answer["error"]["temporary"]) == (100, True)
    with pytest.raises(Unavailable):
        await world.node.room(ROOM).mark_read("ann", 1)


async def test_a_position_marks_its_own_log_alone(make: Make) -> None:
    world, _ = await marked(make)
    room = world.node.room(ROOM)
    position = await room.publish(1)
    assert position is not None
    with pytest.raises(Unrecoverable):
        await room.mark_read("ann", Position(1, "another"))
    assert await room.mark_read("ann", position) == 1
    assert await room.mark_read("ann", Position(1, "")) == 1


async def test_what_cannot_be_marked_is_refused_with_a_text(make: Make) -> None:
    world, _ = await marked(make)
    for name in ("log:a", "memory:a", "nowhere:a"):
        with pytest.raises(ConfigurationError, match="read_markers=True"):
            await world.node.room(name).mark_read("ann", 1)
    room = world.node.room(ROOM)
    for user in (None, ""):
        with pytest.raises(ConfigurationError, match="nobody in particular"):
            await room.mark_read(user, 1)
    with pytest.raises(ValueError, match="-1 is no offset"):
        await room.mark_read("ann", -1)
    assert await room.mark_read("ann", 10**30) == 0
