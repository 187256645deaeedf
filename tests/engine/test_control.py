"""What the server does to those who are connected: protocol.md section 19."""

from typing import Any

import pytest
from tests.engine.conftest import Enter, Make
from tests.support.wired import World, let_in

from hubbub.engine import control
from hubbub.engine.events import Admission, Ticket
from hubbub.engine.member import LoginMember, Member
from hubbub.engine.node import Node
from hubbub.model import CHANNEL_LIMIT, EXPIRED, FORCED, Disconnect, Draft, Position, Stats
from hubbub.testing import RecordingSink, settle
from hubbub.wire import centrifuge as wire

LOG = {"history_size": 10, "force_recovery": True, "join_leave": True, "presence": True}


def rooms(**options: Any) -> dict[str, Any]:
    return {"without_namespace": let_in(**LOG, **options), "client_ping_interval": 100_000}


def publish(world: World, *values: int) -> None:
    for value in values:
        world.node.publish("a", Draft(str(value).encode()))


async def test_what_goes_on_is_counted(node: Node, enter: Enter) -> None:
    assert control.stats(node) == Stats(0, 0, 0, 0)
    ann, _ = enter("a", "ann")
    enter("a", "bob")
    enter("b", "bob")
    enter("b")
    assert control.stats(node) == Stats(connections=4, users=2, rooms=2, deliveries=0)
    ann.room.broadcast("to two")
    ann.room.broadcast("to one of them", exclude=ann)
    ann.send("to one")
    node.room("nobody's").broadcast("to none")
    await settle()
    assert control.stats(node).deliveries == 4
    ann.send("at once")
    node.publish("b", Draft(b'"to two"'))
    await settle()
    assert control.stats(node).deliveries == 7
    node.leave(ann)
    assert control.stats(node) == Stats(connections=3, users=1, rooms=2, deliveries=7)


async def test_clients_are_connections_wherever_they_are(make: Make) -> None:
    world = make(**rooms())
    await world.connect("ann")
    await world.join("a", "bob")
    before = control.stats(world.node)
    assert before[:3] == (2, 2, 1)
    publish(world, 1, 2)
    await settle()
    assert control.stats(world.node).deliveries == before.deliveries + 2


async def test_a_user_is_put_into_a_room_on_each_connection_and_nobody_else_is(make: Make) -> None:
    world = make(**rooms())
    first, second = await world.connect("ann"), await world.connect("ann")
    bob, new = await world.connect("bob"), world.arrive()
    assert await control.subscribe(world.node, "ann", "a", Ticket(data=b'"d"'), None) is None
    for peer in (first, second):
        [push] = await peer.told()
        assert push["channel"] == "a"
        assert push["subscribe"]["recoverable"] and push["subscribe"]["positioned"]
        assert len(push["subscribe"]["epoch"]) == 8
        assert push["subscribe"]["data"] == "d"
        assert peer.client.subs["a"].server_side
    assert await bob.told() == await new.told() == []
    assert len(world.node.room("a")) == 2
    publish(world, 1)
    assert await first.heard("a") == [1]


async def test_who_is_in_the_room_stays_in_it_as_they_are(make: Make) -> None:
    world = make(**rooms())
    peer = await world.join("a", "ann")
    assert await control.subscribe(world.node, "ann", "a", Ticket(), None) is None
    assert await peer.told() == []
    assert not peer.client.subs["a"].server_side


async def test_a_position_brings_what_came_after_it_in_order_and_then_what_is_live(
    make: Make,
) -> None:
    world = make(**rooms(force_push_join_leave=True))
    publish(world, 1, 2, 3)
    peer = await world.connect("ann")
    epoch = world.node.memory.streams.get("a").epoch  # type: ignore[union-attr]
    await control.subscribe(world.node, "ann", "a", Ticket(), Position(1, epoch))
    publish(world, 4)
    pushes = await peer.told()
    assert [next(iter(push.keys() - {"channel"})) for push in pushes] == [
        "subscribe",
        "pub",
        "pub",
        "join",
        "pub",
    ]
    assert pushes[0]["subscribe"]["offset"] == 1
    assert [push["pub"]["offset"] for push in pushes if "pub" in push] == [2, 3, 4]


async def test_a_position_that_is_too_old_begins_at_the_top(make: Make) -> None:
    world = make(**rooms())
    publish(world, 1, 2, 3)
    peer = await world.connect("ann")
    await control.subscribe(world.node, "ann", "a", Ticket(), Position(1, "another"))
    [push] = await peer.told()
    assert push["subscribe"]["offset"] == 3


async def test_a_room_that_is_nowhere_is_the_callers_error_and_nobodys_end(make: Make) -> None:
    world = make(**rooms())
    peer = await world.connect("ann")
    refused = await control.subscribe(world.node, "ann", "no:where", Ticket(), None)
    assert refused == wire.UNKNOWN_CHANNEL
    assert await control.subscribe(world.node, "nobody here", "no:where", Ticket(), None) is None
    assert await peer.told() == []
    assert peer.closed is None


async def test_one_room_too_many_ends_the_connection(make: Make) -> None:
    world = make(channel_limit=1, **rooms())
    peer = await world.join("a", "ann")
    await control.subscribe(world.node, "ann", "b", Ticket(), None)
    assert peer.closed == CHANNEL_LIMIT
    world.assert_nobody_is_left()


async def test_a_user_is_taken_out_of_a_room_and_told_why(make: Make) -> None:
    world = make(**rooms())
    first, second = await world.join("a", "ann"), await world.join("a", "ann")
    bob = await world.join("a", "bob")
    await first.ask("subscribe", channel="b")
    control.unsubscribe(world.node, "ann", "a")
    expected = [{"channel": "a", "unsubscribe": {"code": 2000, "reason": "server unsubscribe"}}]
    assert await first.told() == await second.told() == expected
    assert await bob.told() == []
    assert list(first.client.subs) == ["b"]
    assert [info.user for info in world.node.presence_of("a")] == ["bob"]
    publish(world, 1)
    assert await first.told() == []
    control.unsubscribe(world.node, "bob", "a", Disconnect(2502, "state invalidated"))
    told = await bob.told()
    assert told[-1]["unsubscribe"] == {"code": 2502, "reason": "state invalidated"}
    control.unsubscribe(world.node, "bob", "a")  # is not there, and that is no error
    assert await bob.told() == []


async def test_one_connection_of_a_user_is_named_by_its_id_and_only_by_its_user(
    make: Make,
) -> None:
    world = make(**rooms())
    first, second = await world.connect("ann"), await world.connect("ann")
    id = first.client.id
    assert list(control.clients_of(world.node, "ann", id)) == [first.client]
    assert list(control.clients_of(world.node, "bob", id)) == []
    assert list(control.clients_of(world.node, "ann", "nobody")) == []
    await control.subscribe(world.node, "ann", "a", Ticket(), None, client=id)
    assert [list(peer.client.subs) for peer in (first, second)] == [["a"], []]
    control.unsubscribe(world.node, "bob", "a", client=id)
    assert list(first.client.subs) == ["a"]
    control.disconnect(world.node, "ann", FORCED, client=id)
    assert (first.closed, second.closed) == (FORCED, None)


async def test_nobody_in_particular_is_all_who_are_anonymous(make: Make) -> None:
    world = make(**rooms())
    ann, first, second = await world.connect("ann"), await world.connect(), await world.connect()
    control.disconnect(world.node, "", FORCED, keep=[second.client.id])
    assert [peer.closed for peer in (ann, first, second)] == [None, FORCED, None]


async def test_a_user_is_disconnected_everywhere_but_where_it_is_kept(make: Make) -> None:
    world = make(**rooms())
    peers = [await world.join("a", "ann") for _ in range(3)]
    bob = await world.join("a", "bob")
    control.disconnect(world.node, "ann", Disconnect(4000, "out"), keep={peers[1].client.id})
    assert [peer.closed for peer in peers] == [Disconnect(4000, "out"), None, (4000, "out")]
    assert bob.closed is None
    assert len(world.node.user("ann")) == 1


async def test_a_user_is_disconnected_from_doors_as_well(node: Node, enter: Enter) -> None:
    _, anns = enter("a", user="ann")
    _, bobs = enter("a", user="bob")
    control.disconnect(node, "ann", FORCED, client="one of hers")
    assert anns.closed is None
    control.disconnect(node, "ann", FORCED)
    assert [sink.closed for sink in (anns, bobs)] == [FORCED, None]


async def test_a_room_forgets_its_publications_and_keeps_its_position(make: Make) -> None:
    world = make(**rooms())
    publish(world, 1, 2)
    peer = await world.join("a", "ann")
    before = world.node.history_of("a", 9, None, None).position
    await control.history_remove(world.node, "a")
    await control.history_remove(world.node, "never there")
    after = world.node.history_of("a", 9, None, None)
    assert (after.publications, after.position) == ([], before)
    publish(world, 3)
    assert [push["pub"]["offset"] for push in await peer.told()] == [3]


async def test_a_room_that_begins_anew_tells_those_who_follow_its_position(make: Make) -> None:
    world = make(namespaces={"plain": let_in()}, **rooms())
    publish(world, 1, 2)
    peer = await world.join("a", "ann")
    before = world.node.history_of("a", 9, None, None).position
    await control.forget(world.node, "a")
    lost = {"code": 2500, "reason": "insufficient state"}
    assert await peer.told() == [{"channel": "a", "unsubscribe": lost}]
    body = {"recover": True, "offset": before.offset, "epoch": before.epoch}
    result = (await peer.ask("subscribe", channel="a", **body))["subscribe"]
    assert "recovered" not in result
    assert result["epoch"] != before.epoch
    publish(world, 3)
    assert [push["pub"]["offset"] for push in await peer.told()] == [1]
    bob = await world.join("plain:b", "bob")
    await control.forget(world.node, "plain:b")
    world.node.publish("plain:b", Draft(b"1"))
    assert await bob.heard("plain:b") == [1]


async def test_what_is_seen_of_a_user_changes_in_the_rooms_entered_from_then_on(
    make: Make,
) -> None:
    world = make(**rooms(allow_presence_for_subscriber=True))
    peer = await world.join("a", "ann")
    control.refresh(world.node, "ann", False, None, info=b'{"name":"Ann"}')
    await peer.ask("subscribe", channel="b")
    seen = [world.node.presence_of(room)[0].conn_info for room in "ab"]
    assert seen == [b"", b'{"name":"Ann"}']


async def test_a_plain_connection_is_put_nowhere_and_not_refreshed(
    node: Node, enter: Enter
) -> None:
    member, sink = enter("a", user="ann")
    assert list(control.clients_of(node, "ann")) == []
    await control.subscribe(node, "ann", "b", Ticket(), None)
    control.refresh(node, "ann", True, None)
    assert sink.closed is None
    assert node.room("a").members == (member,)


async def test_a_plain_connection_ends_when_its_user_is_taken_out_of_its_room(
    node: Node, enter: Enter
) -> None:
    _, here = enter("a", user="ann")
    _, elsewhere = enter("b", user="ann")
    _, bob = enter("a", user="bob")
    _, nobody = enter("a")
    control.unsubscribe(node, "ann", "a", client="one of hers")
    control.unsubscribe(node, "ann", "c")
    control.unsubscribe(node, "", "a")
    assert here.closed is None
    control.unsubscribe(node, "ann", "a")
    assert here.closed == FORCED
    assert [sink.closed for sink in (elsewhere, bob, nobody)] == [None] * 3
    assert len(node.room("a")) == 2


async def test_one_login_of_a_user_can_be_meant(make: Make) -> None:
    world = make(**rooms())
    node, peers, sinks = world.node, {}, {}
    for login in ("", "phone", "desk"):
        world.gate.admissions[login or "none"] = Admission("ann", session=login)
        peers[login] = await world.join("a", login or "none")
        sinks[login] = RecordingSink()
        room = node.room("b")
        member = (
            LoginMember(node, sinks[login], "ann", room, login)
            if login
            else Member(node, sinks[login], "ann", room)
        )
        assert member.session == login
        node.enter(member, "b")
    assert [one.session for one in node.user("ann").sessions] == [
        *("", "", "phone", "phone", "desk", "desk")
    ]
    await control.subscribe(node, "ann", "c", Ticket(), None, session="desk")
    assert [name for name, peer in peers.items() if "c" in peer.client.subs] == ["desk"]
    control.unsubscribe(node, "ann", "a", session="phone")
    assert [name for name, peer in peers.items() if "a" in peer.client.subs] == ["", "desk"]
    control.unsubscribe(node, "ann", "b", session="desk")
    assert [name for name, sink in sinks.items() if sink.closed] == ["desk"]
    control.refresh(node, "ann", True, None, session="desk")
    assert [name for name, peer in peers.items() if peer.closed] == ["desk"]
    node.user("ann").disconnect(4001, "signed out", session="phone")
    node.user("ann").disconnect(4001, "signed out", session="unknown")
    assert peers["phone"].closed == sinks["phone"].closed == (4001, "signed out")
    assert peers[""].closed is None and sinks[""].closed is None
    assert node.user("ann").sessions == (peers[""].client, *node.room("b").members)
    node.user("ann").disconnect()
    assert len(node.user("ann")) == 0


async def test_a_refresh_by_the_server_moves_the_end_and_tells_of_it(make: Make) -> None:
    world = make(**rooms())
    world.gate.admissions["t"] = Admission("ann", expires_at=world.clock.time() + 60)
    peer, bob = await world.connect("t"), await world.connect("bob")
    control.refresh(world.node, "ann", False, world.clock.time() + 120)
    assert await peer.told() == [{"refresh": {"expires": True, "ttl": 120}}]
    await world.clock.advance(119)
    assert peer.closed is None
    control.refresh(world.node, "ann", False, None)
    assert await peer.told() == [{"refresh": {}}]
    await world.clock.advance(1_000)
    assert peer.closed is None
    assert await bob.told() == []


@pytest.mark.parametrize("expired, seconds", [(True, None), (True, 60), (False, -1), (False, 0)])
async def test_a_refresh_that_says_it_is_over_ends_the_connection(
    make: Make, expired: bool, seconds: float | None
) -> None:
    world = make(**rooms())
    peer, bob = await world.connect("ann"), await world.connect("bob")
    until = None if seconds is None else world.clock.time() + seconds
    control.refresh(world.node, "ann", expired, until)
    assert peer.closed == EXPIRED
    assert bob.closed is None
