"""A room: one order for what its members get, whatever kind they are (also engine/tick.py)."""

from hypothesis import given
from hypothesis import strategies as st
from tests.engine.conftest import Enter, Make
from tests.support.wired import Peer, World, let_in

from hubbub.engine.member import Member
from hubbub.engine.node import Node
from hubbub.engine.room import Room
from hubbub.model import INAPPROPRIATE_PROTOCOL, Draft, Publication
from hubbub.testing import RecordingSink, settle
from hubbub.wire.frames import unframe

ROOMS = {
    "without_namespace": let_in(
        join_leave=True, allow_presence_for_client=True, allow_tags_filter=True
    )
}
ONLY_X = {"key": "t", "cmp": "eq", "val": "x"}


def numbered(offset: int) -> Publication:
    return Publication(str(offset).encode(), offset)


async def taken(sink: RecordingSink) -> list[object]:
    await settle()
    return list(unframe(sink.take()))


# The one way in. ------------------------------------------------------------------------------


async def test_the_next_is_delivered_what_is_ahead_held_and_what_is_behind_ignored(
    node: Node, enter: Enter
) -> None:
    _, sink = enter("a")
    room = node.live["a"]
    assert room.expected == 1
    said = [room.advance(numbered(offset)) for offset in (1, 1, 3, 5, 3, 2, 2, 4, 7)]
    assert said == [True, True, False, False, False, True, True, True, False]
    assert await taken(sink) == ["1", "2", "3", "4", "5"]
    assert room.expected == 6
    assert room.advance(numbered(6))
    assert await taken(sink) == ["6", "7"]


async def test_what_has_no_offset_is_delivered_at_once_and_counts_for_nothing(
    node: Node, enter: Enter
) -> None:
    _, sink = enter("a")
    room = node.live["a"]
    room.advance(numbered(2))
    assert room.advance(Publication(b"0"))
    assert room.expected == 1
    room.advance(numbered(1))
    assert await taken(sink) == ["0", "1", "2"]


@given(st.permutations(range(1, 9)), st.lists(st.integers(1, 8), max_size=8))
async def test_any_order_with_any_repeats_is_delivered_in_order_and_once(
    order: list[int], repeats: list[int]
) -> None:
    world = World()
    sink = RecordingSink()
    member = Member(world.node, sink, None, world.node.room("a"))
    world.node.enter(member, "a")
    room = world.node.live["a"]
    for offset in [*order, *repeats]:
        room.advance(numbered(offset))
    assert await taken(sink) == [str(offset) for offset in range(1, 9)]
    await world.node.stop()


async def test_a_room_that_is_entered_expects_what_follows_its_history(make: Make) -> None:
    world = make(without_namespace=let_in(history_size=5))
    for _ in range(3):
        world.node.publish("a", Draft(b"1"))
    peer = await world.join("a", "ann")
    assert world.node.live["a"].expected == 4
    world.node.publish("a", Draft(b"4"))
    assert await peer.heard("a") == [4]


# Who hears what. ------------------------------------------------------------------------------


async def mixed(world: World) -> tuple[dict[str, Peer], RecordingSink]:
    """A room with every kind of member."""
    peers = {
        "plain": await world.join("a", "ann"),
        "joins": await world.join("a", "bob", join_leave=True),
        "filtered": await world.join("a", "carl", tf=ONLY_X),
        "filtered too": await world.join("a", "dora", tf=ONLY_X),
    }
    sink = RecordingSink()
    world.node.enter(Member(world.node, sink, "eve", world.node.room("a")), "a")
    await settle()
    for peer in peers.values():
        await peer.told()
    return peers, sink


async def gone(world: World) -> None:
    for member in world.node.room("a").members:
        member.close()
    await settle()


async def test_those_who_get_the_same_are_one_audience_and_each_is_counted(make: Make) -> None:
    world = make(**ROOMS)
    await mixed(world)
    room = world.node.live["a"]
    assert len(room) == len(world.node.room("a")) == 5
    assert sorted(len(audience.members) for audience in room.audiences) == [1, 1, 1, 2]
    assert {member.user for member in room} == {"ann", "bob", "carl", "dora", "eve"}
    assert not room.only_plain
    assert world.node.room("a").users.count("carl") == 1
    await gone(world)
    assert world.node.live == {}


async def test_a_publication_reaches_all_whose_filter_lets_it_pass(make: Make) -> None:
    world = make(**ROOMS)
    peers, sink = await mixed(world)
    for data, tags in ((b"1", None), (b"2", {"t": "x"}), (b"3", {"t": "y"}), (b'"4"', {"t": "x"})):
        world.node.publish("a", Draft(data, tags))
    for name, peer in peers.items():
        expected = [2, "4"] if "filtered" in name else [1, 2, 3, "4"]
        assert await peer.heard("a") == expected, name
    assert await taken(sink) == ["1", "2", "3", "4"]
    await gone(world)


async def test_those_of_one_codec_get_the_same_bytes(make: Make) -> None:
    world = make(**ROOMS)
    peers, _ = await mixed(world)
    world.node.publish("a", Draft(b"1", {"t": "x"}))
    await settle()
    frames = [peer.sink.frames for peer in peers.values()]
    assert all(frame == frames[0] and len(frame) == 1 for frame in frames)
    await gone(world)


async def test_a_broadcast_reaches_every_kind_in_its_own_words_and_not_who_is_excluded(
    make: Make,
) -> None:
    world = make(**ROOMS)
    peers, sink = await mixed(world)
    room = world.node.room("a")
    room.broadcast("text")
    room.broadcast({"n": 1}, exclude=peers["joins"].client.subs["a"])
    room.broadcast("not to eve", exclude=next(m for m in room if m.user == "eve"))
    for name, peer in peers.items():
        expected = ["text", {"n": 1}, "not to eve"]
        if name == "joins":
            expected.remove({"n": 1})
        if "filtered" not in name:
            assert await peer.heard("a") == expected, name
    assert await taken(sink) == ["text", '{"n":1}']
    await gone(world)


async def test_who_is_spoken_to_in_json_is_cut_when_bytes_are_broadcast(make: Make) -> None:
    world = make(**ROOMS)
    peers, sink = await mixed(world)
    room = world.node.room("a")
    room.broadcast("before")
    room.broadcast(b"\x00\xff")
    assert {peer.closed for peer in peers.values()} == {INAPPROPRIATE_PROTOCOL}
    assert "before" in await peers["plain"].heard("a")
    assert await taken(sink) == ["before", b"\x00\xff"]
    assert [member.user for member in room] == ["eve"]
    assert world.node.live["a"].only_plain
    await gone(world)


async def test_bytes_in_a_room_of_clients_alone_leave_it_empty(make: Make) -> None:
    world = make(**ROOMS)
    ann, bob = await world.join("a", "ann"), await world.join("a", "bob", join_leave=True)
    world.node.room("a").broadcast(bytearray(b"\x00"))
    assert ann.closed == bob.closed == INAPPROPRIATE_PROTOCOL
    world.assert_nobody_is_left()


async def test_who_is_excluded_from_bytes_is_not_cut_for_them(make: Make) -> None:
    world = make(**ROOMS)
    ann, bob = await world.join("a", "ann"), await world.join("a", "bob")
    world.node.room("a").broadcast(b"\x00", exclude=ann.client.subs["a"])
    assert bob.closed == INAPPROPRIATE_PROTOCOL
    assert ann.closed is None


async def test_a_client_and_a_door_hear_each_other(make: Make) -> None:
    world = make(without_namespace=let_in(allow_publish_for_client=True))
    ann = await world.join("a", "ann")
    sink = RecordingSink()
    member = Member(world.node, sink, None, world.node.room("a"))
    world.node.enter(member, "a")
    await ann.ask("publish", channel="a", data="hi")
    member.room.broadcast("hello")
    assert await taken(sink) == ["hi", "hello"]
    assert await ann.heard("a") == ["hi", "hello"]
    member.close()


# Turns (engine/tick.py). -------------------------------------------------------------------------


async def test_a_turn_is_one_write_for_each_member_in_the_order_of_what_happened(
    make: Make,
) -> None:
    world = make(**ROOMS)
    peer, other = await world.join("a", "ann"), await world.join("b", "bob")
    for number in range(5):
        world.node.publish("a", Draft(str(number).encode()))
        world.node.publish("b", Draft(str(number).encode()))
    assert peer.sink.frames == []
    await settle()
    assert len(peer.sink.frames) == len(other.sink.frames) == 1
    assert await peer.heard("a") == await other.heard("b") == [0, 1, 2, 3, 4]


async def test_a_room_that_empties_and_fills_again_is_another_one_by_the_same_name(
    make: Make,
) -> None:
    world = make(**ROOMS)
    handle = world.node.room("a")
    first: Room | None = None
    for _ in range(2):
        peer = await world.join("a", "ann")
        assert world.node.live["a"] is not first
        first = world.node.live["a"]
        handle.broadcast("hi")
        assert await peer.heard("a") == ["hi"]
        peer.vanish()
        assert world.node.live == {}
