"""Durable rooms on a node: what is acknowledged is in the log, and who comes back gets it."""

import asyncio
import json
from typing import Any

import pytest
from tests.engine.conftest import Make
from tests.support.stores import ControlledStore
from tests.support.wired import Peer, World, let_in, refused

from hubbub.engine import control
from hubbub.engine.events import Admission, Ticket
from hubbub.engine.member import Member, TextDoor
from hubbub.errors import ConfigurationError, Conflict, Refused, Unavailable, Unrecoverable
from hubbub.model import EVERYONE, TRY_AGAIN_LATER, Disconnect, Draft, Position
from hubbub.options import RoomOptions
from hubbub.testing import RecordingSink, settle
from hubbub.wire.frames import unframe

UNAVAILABLE = {
    "error": {"code": 100, "message": "the log is not available: try again", "temporary": True}
}

OPTIONS = let_in(
    durability="commit",
    allow_publish_for_client=True,
    allow_publish_for_anonymous=True,
    allow_history_for_client=True,
    allow_history_for_anonymous=True,
)


async def durable(make: Make, **settings: Any) -> tuple[World, ControlledStore]:
    world = make(**{"without_namespace": OPTIONS, "client_ping_interval": 100_000, **settings})
    return world, await world.open_logs()


async def log_of(store: ControlledStore, *values: int, room: str = "a") -> Position:
    """Append to the log past this node, as another one does; where it stands then."""
    results = await store.inner.append([(room, Draft(b"%d" % value)) for value in values])
    return results[-1].position


def offsets(body: Any) -> list[int]:
    return [one["offset"] for one in body.get("publications", [])]


def no_twos(room: str, draft: Draft) -> Draft:
    if draft.data.endswith((b"2", b'2"')):
        raise Refused("no twos", 402)
    return draft


async def resume(world: World, position: Position, room: str = "a") -> tuple[Peer, Any]:
    peer = await world.connect()
    answer = await peer.ask(
        "subscribe", channel=room, recover=True, offset=position.offset, epoch=position.epoch
    )
    return peer, answer.get("subscribe", answer)


# Publishing. -----------------------------------------------------------------------------------


async def test_a_publication_is_seen_and_acknowledged_once_it_is_stored(make: Make) -> None:
    world, store = await durable(make)
    ann, bob = await world.join("a"), await world.join("a")
    store.hold()
    ann.say(ann.command("publish", channel="a", data=1))
    assert await bob.told() == []
    ann.listen()
    assert ann.replies == {}
    store.release()
    await settle()
    assert await bob.heard("a") == [1]
    assert await ann.answer(3) == {"publish": {}}
    assert await ann.heard("a") == [1]
    page = await store.inner.read("a", 0, 10, 1_000)
    assert [(one.data, one.offset) for one in page.publications] == [(b"1", 1)]
    assert page.publications[0].info is not None
    assert page.publications[0].info.client == ann.client.id


async def test_many_publishes_of_a_client_are_under_way_at_once(make: Make) -> None:
    world, store = await durable(make)
    ann = await world.join("a")
    store.hold()
    ann.say(*(ann.command("publish", channel="a", data=n) for n in range(5)))
    await settle()
    ann.say(*(ann.command("publish", channel="a", data=n) for n in range(5, 9)))
    await settle()
    store.release()
    assert await ann.heard("a") == list(range(9))
    assert store.appends == [5, 4]
    assert sorted(ann.replies) == list(range(3, 12))


async def test_other_commands_wait_for_the_publishes_before_them(make: Make) -> None:
    world, store = await durable(make)
    ann = await world.join("a")
    store.hold()
    ann.say(
        ann.command("publish", channel="a", data=1),
        ann.command("history", channel="a", limit=5),
        ann.command("publish", channel="a", data=2),
        ann.command("history", channel="a", limit=5),
    )
    await settle()
    ann.listen()
    assert ann.replies == {}
    store.release()
    assert offsets((await ann.answer(4))["history"]) == [1]
    assert offsets((await ann.answer(6))["history"]) == [1, 2]


async def test_a_publish_that_a_projection_refuses_is_answered_with_its_code_and_reason(
    make: Make,
) -> None:
    world, store = await durable(make)
    ann, bob = await world.join("a", "ann"), await world.join("a", "bob")
    store.take = no_twos
    ann.say(*(ann.command("publish", channel="a", data=n) for n in (1, 2, 3)))
    assert await ann.answer(3) == {"publish": {}}
    assert await ann.answer(4) == {"error": {"code": 402, "message": "no twos"}}
    assert await ann.answer(5) == {"publish": {}}
    assert await bob.heard("a") == [1, 3]
    room = world.node.room("a")
    with pytest.raises(Refused, match="no twos") as refused:
        await room.publish(2)
    assert refused.value.code == 402
    assert await room.publish(3) == Position(3, (await room.history()).position.epoch)


async def test_a_projection_may_end_the_connection_of_who_publishes(make: Make) -> None:
    world, store = await durable(make)
    ann, bob = await world.join("a", "ann"), await world.join("a", "bob")

    def take(room: str, draft: Draft) -> Draft:
        raise Refused("you again", 4503)

    store.take = take
    assert await ann.ask("publish", channel="a", data=1) == Disconnect(4503, "you again")
    assert world.node.live["a"].audiences[0].members.keys() == {bob.client}
    assert await bob.heard("a") == []


async def test_what_a_projection_made_is_what_members_get(make: Make) -> None:
    world, store = await durable(make)
    ann, bob = await world.join("a", "ann"), await world.join("a", "bob")
    store.take = lambda room, draft: draft._replace(data=b'{"made":%b}' % draft.data)
    assert await ann.ask("publish", channel="a", data=1) == {"publish": {}}
    assert await ann.heard("a") == await bob.heard("a") == [{"made": 1}]
    _, resumed = await resume(world, Position(0, ""))
    assert [one["data"] for one in resumed["publications"]] == [{"made": 1}]


async def test_a_client_that_is_gone_has_published_what_it_said(make: Make) -> None:
    world, store = await durable(make)
    ann, bob = await world.join("a"), await world.join("a")
    store.hold()
    ann.say(ann.command("publish", channel="a", data=1), ann.command("unsubscribe", channel="a"))
    await settle()
    ann.vanish()
    store.release()
    assert await bob.heard("a") == [1]


async def test_one_that_publishes_faster_than_is_stored_is_not_read(make: Make) -> None:
    world, store = await durable(make, inbox_bytes=2_000)
    ann = await world.join("a")
    store.hold()
    for number in range(6):
        ann.say(ann.command("publish", channel="a", data=number))
    assert not ann.sink.reading
    store.release()
    assert await ann.heard("a") == [*range(6)]
    assert ann.sink.reading


async def test_a_store_that_fails_is_told_of_and_nothing_is_delivered(make: Make) -> None:
    world, store = await durable(make)
    ann = await world.join("a")
    store.failing = Unavailable("the disk is full")
    assert await ann.ask("publish", channel="a", data=1) == UNAVAILABLE
    assert world.node.trouble == "the disk is full"
    with pytest.raises(Unavailable, match="full"):
        await world.node.room("a").publish(2)
    assert await ann.told() == []
    await world.clock.advance(3)
    assert world.node.trouble == "the disk is full"
    store.failing = None
    await world.clock.advance(1)
    assert world.node.trouble == ""
    assert await ann.ask("publish", channel="a", data=3) == {"publish": {}}
    assert await ann.heard("a") == [3]


async def test_a_commit_whose_answer_was_lost_reaches_the_members_all_the_same(make: Make) -> None:
    world, store = await durable(make)
    ann = await world.join("a")
    store.lost = True
    assert await ann.ask("publish", channel="a", data=1) == UNAVAILABLE
    await world.clock.advance(1)
    assert await ann.heard("a") == [1]
    assert await ann.ask("publish", channel="a", data=2) == {"publish": {}}
    assert await ann.heard("a") == [2]


async def test_publish_in_python_returns_the_position_after_the_commit(make: Make) -> None:
    world, store = await durable(make)
    room = world.node.room("a")
    first = await room.publish({"n": 1}, tags={"t": "x"}, idempotency_key="k")
    assert first == (1, (await store.inner.states(["a"]))[0].position.epoch)
    assert await room.publish({"n": 1}, tags={"t": "x"}, idempotency_key="k") == first
    with pytest.raises(Conflict):
        await room.publish({"n": 2}, idempotency_key="k")
    assert await room.publish("unlogged", history=False) is None
    (stored,) = (await room.history()).publications
    assert (stored.value, stored.tags) == ({"n": 1}, {"t": "x"})


async def test_a_caller_that_gave_up_has_published(make: Make) -> None:
    world, store = await durable(make)
    store.hold()
    publishing = asyncio.ensure_future(world.node.room("a").publish(1))
    await settle()
    publishing.cancel()
    await settle()
    store.release()
    await settle()
    assert (await store.inner.states(["a"]))[0].position.offset == 1


async def test_what_is_broadcast_is_in_no_log_and_waits_for_nothing(make: Make) -> None:
    world, store = await durable(make)
    ann = await world.join("a")
    store.hold()
    world.node.room("a").broadcast("now")
    assert await ann.heard("a") == ["now"]
    assert store.appends == []


# Both doors. -----------------------------------------------------------------------------------


async def test_every_door_sees_the_same_durable_room(make: Make) -> None:
    world, store = await durable(make)
    node = world.node
    ann = await world.join("a")
    plain, door = RecordingSink(), RecordingSink()
    member = Member(node, plain, None, node.room("a"))
    node.enter(member, "a")
    texter = TextDoor(node, door, None, node.room("a"))
    node.enter(texter, "a")
    await settle()
    texter.received(["hello", "you"])
    await settle()
    assert await ann.ask("publish", channel="a", data="hi") == {"publish": {}}
    await member.room.publish("from the endpoint")
    await settle()
    said = ["Room a: hello", "Room a: you", "hi", "from the endpoint"]
    assert await ann.heard("a") == said
    assert [*unframe(plain.take())] == [*unframe(door.take())] == said
    assert len((await store.inner.read("a", 0, 10, 1_000)).publications) == 4
    store.failing = Unavailable("the disk is full")
    texter.received(["lost"])
    await settle()
    assert door.closed == TRY_AGAIN_LATER
    node.leave(member)
    store.failing = None
    await world.clock.advance(1)


@pytest.mark.parametrize(("code", "closed"), [(103, 1008), (900, 1008), (4403, 4403)])
async def test_the_text_door_is_closed_to_who_says_what_a_projection_refuses(
    make: Make, code: int, closed: int
) -> None:
    world, store = await durable(make)
    ann, node, door = await world.join("a"), world.node, RecordingSink()
    texter = TextDoor(node, door, None, node.room("a"))
    node.enter(texter, "a")

    def take(room: str, draft: Draft) -> Draft:
        if b"bad" in draft.data:
            raise Refused("mind your words", code)
        return draft

    store.take = take
    texter.received(["good", "bad", "better"])
    await settle()
    assert await ann.heard("a") == ["Room a: good", "Room a: better"]
    assert door.closed == Disconnect(closed, "mind your words")


async def test_one_that_says_more_at_the_text_door_than_is_stored_is_not_read(make: Make) -> None:
    world, store = await durable(make, inbox_bytes=2_000)
    node, door = world.node, RecordingSink()
    texter = TextDoor(node, door, None, node.room("a"))
    async with node.logs.reaching({"a": None}):
        node.enter(texter, "a")
    store.hold()
    said = 0
    while door.reading:
        texter.received([str(said)])
        said += 1
        assert said < 20
    assert said > 2
    store.release()
    await settle()
    assert door.reading
    assert len([*unframe(door.take())]) == said
    node.leave(texter)


async def test_a_plain_member_hears_what_was_published_while_the_log_was_looked_at(
    make: Make,
) -> None:
    world, store = await durable(make)
    node, sink = world.node, RecordingSink()
    await log_of(store, 1, 2)
    store.reads_fail = True
    member = Member(node, sink, None, node.room("a"))
    node.enter(member, "a")
    await settle()
    await node.room("a").publish(3)
    assert sink.take() == b""
    store.reads_fail = False
    await world.clock.advance(1)
    await node.room("a").publish(4)
    await settle()
    assert [*unframe(sink.take())][-1] == "4"
    node.leave(member)
    await world.clock.advance(2)


# Coming in, and coming back. -------------------------------------------------------------------


async def test_an_empty_room_has_a_position_that_its_first_publication_continues(
    make: Make,
) -> None:
    world, _ = await durable(make)
    peer = await world.connect()
    body = (await peer.ask("subscribe", channel="a"))["subscribe"]
    assert body == {"recoverable": True, "positioned": True, "epoch": body["epoch"]}
    position = await world.node.room("a").publish(1)
    assert position == (1, body["epoch"])


async def test_who_comes_back_after_a_restart_gets_exactly_what_was_missed(make: Make) -> None:
    world, store = await durable(make)
    position = await log_of(store, 1, 2)
    await log_of(store, 3, 4, 5)
    peer, body = await resume(world, position)
    assert body["recovered"] is True
    assert (body["offset"], offsets(body)) == (2, [3, 4, 5])
    await world.node.room("a").publish(6)
    assert await peer.heard("a") == [6]


async def test_a_storm_of_resumes_reads_each_missing_range_once(make: Make) -> None:
    world, store = await durable(make)
    positions = [await log_of(store, number) for number in range(1, 31)]
    answers = await asyncio.gather(*(resume(world, positions[9]) for _ in range(50)))
    assert all(offsets(body) == list(range(11, 31)) for _, body in answers)
    assert store.reads == [("a", store.reads[0][1], 0), ("a", 31, 20)]
    answers = await asyncio.gather(*(resume(world, positions[4]) for _ in range(50)))
    assert all(offsets(body) == list(range(6, 31)) for _, body in answers)
    assert store.reads[2:] == [("a", 11, 5)], "only what is before what was read"
    answers = await asyncio.gather(*(resume(world, positions[20]) for _ in range(50)))
    assert all(offsets(body) == list(range(22, 31)) for _, body in answers)
    assert len(store.reads) == 3


async def test_who_is_too_far_behind_is_told_so_without_a_read(make: Make) -> None:
    world, store = await durable(make, recovery_limit=10)
    positions = [await log_of(store, number) for number in range(1, 31)]
    await world.join("a")
    before = len(store.reads)
    _, body = await resume(world, positions[18])
    assert "recovered" not in body
    assert (body["offset"], offsets(body)) == (30, [])
    assert len(store.reads) == before
    _, body = await resume(world, positions[19])
    assert offsets(body) == list(range(21, 31))


async def test_a_resume_is_bounded_in_bytes(make: Make) -> None:
    world, store = await durable(make, history_page_bytes=3_000)
    positions = [
        (await store.inner.append([("a", Draft(b'"' + b"x" * 700 + b'"'))]))[0].position
        for _ in range(9)
    ]
    _, body = await resume(world, positions[5])
    assert offsets(body) == [7, 8, 9]
    _, body = await resume(world, positions[4])
    assert "recovered" not in body
    reads = len(store.reads)
    _, body = await resume(world, positions[4])
    assert "recovered" not in body
    assert len(store.reads) == reads, "that it cannot be had is known"


async def test_what_was_trimmed_is_a_gap_and_never_a_silent_hole(make: Make) -> None:
    world, store = await durable(make)
    positions = [await log_of(store, number) for number in range(1, 11)]
    await store.inner.trim("a", 6, 0, 100)
    _, body = await resume(world, positions[3])
    assert "recovered" not in body
    _, body = await resume(world, positions[4])
    assert offsets(body) == [6, 7, 8, 9, 10]


async def test_a_position_of_another_epoch_is_not_recovered(make: Make) -> None:
    world, store = await durable(make)
    await log_of(store, 1, 2)
    _, body = await resume(world, Position(1, "another"))
    assert "recovered" not in body
    _, body = await resume(world, Position(9, ""))
    assert "recovered" not in body


async def test_a_subscribe_while_the_log_cannot_be_read_is_to_be_tried_again(make: Make) -> None:
    world, store = await durable(make)
    store.reads_fail = True
    peer = await world.connect()
    assert await peer.ask("subscribe", channel="a") == UNAVAILABLE
    assert world.node.live == {}
    store.reads_fail = False
    assert "subscribe" in await peer.ask("subscribe", channel="a")


async def test_a_room_that_is_live_lets_in_without_the_store(make: Make) -> None:
    world, store = await durable(make)
    await world.join("a")
    position = await world.node.room("a").publish(1)
    assert position is not None
    await world.node.room("a").publish(2)
    store.reads_fail = True
    _, body = await resume(world, position)
    assert offsets(body) == [2]


async def test_one_that_vanishes_while_the_log_is_looked_at_leaves_nothing(make: Make) -> None:
    world, _ = await durable(make)
    peer = await world.connect()
    peer.say(peer.command("subscribe", channel="a"))
    peer.vanish()
    await settle()
    world.assert_nobody_is_left()


async def test_the_rooms_of_the_server_are_resumed_with_the_connection(make: Make) -> None:
    world, store = await durable(make)
    position = await log_of(store, 1, 2)
    await log_of(store, 3)
    world.gate.admissions["ann"] = Admission("ann", subs={"a": Ticket(), "b": Ticket()})
    asked = {"recover": True, "offset": position.offset, "epoch": position.epoch}
    peer = world.arrive()
    answer = await peer.ask("connect", token="ann", subs={"a": asked})
    subs = answer["connect"]["subs"]
    assert offsets(subs["a"]) == [3]
    assert subs["b"]["epoch"]
    await world.node.room("b").publish(9)
    assert await peer.heard("b") == [9]


async def test_a_token_lets_a_client_into_a_durable_room(make: Make) -> None:
    world, store = await durable(make, without_namespace=RoomOptions(durability="commit"))
    await log_of(store, 1)
    world.gate.tickets["t"] = Ticket("a", "ann")
    peer = await world.connect("ann")
    body = (await peer.ask("subscribe", channel="a", token="t"))["subscribe"]
    assert body["offset"] == 1
    await world.node.room("a").publish(2)
    assert await peer.heard("a") == [2]


async def test_who_cannot_be_put_into_a_room_whose_log_is_away_is_left_where_they_are(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    world, store = await durable(make)
    peer = await world.connect("ann")
    store.reads_fail = True
    control.subscribe_soon(world.node, "ann", "a")
    assert await peer.told() == []
    assert "users were not put into the room 'a'" in caplog.text
    assert world.node.live == {}


async def test_the_server_puts_a_client_into_a_durable_room(make: Make) -> None:
    world, store = await durable(make)
    position = await log_of(store, 1)
    await log_of(store, 2)
    peer = await world.connect("ann")
    assert await control.subscribe(world.node, "ann", "a", Ticket(), position) is None
    assert await control.subscribe(world.node, "nobody", "a", Ticket(), None) is None
    control.subscribe_soon(world.node, "ann", "b")
    await settle()
    told = await peer.told()
    assert [(one["channel"], [*one][-1]) for one in told] == [
        *(("a", "subscribe"), ("a", "pub"), ("b", "subscribe"))
    ]


# Erasing. --------------------------------------------------------------------------------------


def data(body: Any) -> list[Any]:
    return [one["data"] for one in body.get("publications", [])]


async def test_what_is_erased_is_brought_to_nobody_any_more(make: Make) -> None:
    world, store = await durable(make)
    room, epoch = world.node.room("a"), (await log_of(store, 1, 2)).epoch
    ann = await world.join("a")
    await room.publish(3)
    await room.publish(4)
    assert await ann.heard("a") == [3, 4]
    _, body = await resume(world, Position(0, epoch))
    assert data(body) == [1, 2, 3, 4]
    await room.publish({"erased": [2, 3]}, erase={2: "two", 3: None})
    assert await ann.heard("a") == [{"erased": [2, 3]}]
    reads = len(store.reads)
    now = [1, "two", None, 4, {"erased": [2, 3]}]
    _, body = await resume(world, Position(0, epoch))
    assert data(body) == now
    page = await ann.ask("history", channel="a", limit=5, reverse=True)
    assert data(page["history"]) == now[::-1]
    assert len(store.reads) == reads, "all of it was remembered"
    ann.vanish()
    assert [one.value for one in (await room.history()).publications] == now


async def test_what_is_erased_while_it_is_read_is_not_in_what_was_read(make: Make) -> None:
    world, store = await durable(make)
    position, room = await log_of(store, 1, 2, 3), world.node.room("a")
    live, ann, bob = await world.join("a"), await world.connect(), await world.connect()
    store.hold_reads()
    shared = [(one, one.command("history", channel="a", limit=9)) for one in (ann, bob)]
    for peer, command in shared:
        peer.say(command)
    back = await world.connect()
    resuming = back.command("subscribe", channel="a", recover=True, offset=0, epoch=position.epoch)
    back.say(resuming)
    python = asyncio.ensure_future(room.history())
    await settle()
    await room.publish("gone", erase={2: "two"})
    store.release_reads()
    for peer, command in shared:
        assert data((await peer.answer(command["id"]))["history"]) == [1, "two", 3]
    body = (await back.answer(resuming["id"]))["subscribe"]
    assert data(body) == [1, "two", 3, "gone"]
    assert [one.value for one in (await python).publications] == [1, "two", 3]
    assert await live.heard("a") == ["gone"]


async def test_a_page_that_was_made_in_the_turn_of_an_erasure_is_made_again(make: Make) -> None:
    world, store = await durable(make)
    room, ann, bob = world.node.room("a"), await world.connect(), await world.connect()
    epoch = (await log_of(store, 1, 2, 3)).epoch
    await ann.ask("subscribe", channel="a", recover=True, offset=0, epoch=epoch)
    node, tail = world.node, world.node.live["a"].stream
    assert tail is not None
    before = node.pages.entries(ann.client.codec, tail.after(0, 3))
    node.logs._erase("a", epoch, {2: b"0"})
    after = node.pages.entries(bob.client.codec, tail.after(0, 3))
    assert [[one["data"] for one in json.loads(bytes(page))] for page in (before, after)] == [
        [1, 2, 3],
        [1, 0, 3],
    ]
    assert len(room) == 1


async def test_what_is_held_until_a_hole_is_filled_is_erased_too(make: Make) -> None:
    world, store = await durable(make)
    room, ann = world.node.room("a"), await world.join("a")
    store.reads_fail = True
    await log_of(store, 1)
    await room.publish("two")
    await room.publish("gone", erase={2: 2})
    assert await ann.heard("a") == []
    store.reads_fail = False
    await world.clock.advance(1)
    assert await ann.heard("a") == [1, 2, "gone"]


async def test_an_erasure_of_another_epoch_changes_nothing(make: Make) -> None:
    world, _ = await durable(make)
    room, ann = world.node.room("a"), await world.join("a")
    position = await room.publish(1)
    assert position is not None
    world.node.live["a"].erase("another", {1: b"0"})
    assert await ann.heard("a") == [1]
    _, body = await resume(world, Position(0, position.epoch))
    assert data(body) == [1]


async def test_what_another_node_erased_is_brought_to_nobody_once_that_is_known(
    make: Make,
) -> None:
    world, store = await durable(make)
    room, ann = world.node.room("a"), await world.join("a")
    position = await room.publish("one")
    assert position is not None
    await store.inner.append([("a", Draft(b'"gone"', erase=[(1, b'"erased"')]))])
    await world.clock.advance(40)
    assert await ann.heard("a") == ["one", "gone"]
    _, body = await resume(world, Position(0, position.epoch))
    assert data(body) == ["erased", "gone"]


async def test_an_erasure_whose_answer_got_lost_is_one(make: Make) -> None:
    world, store = await durable(make)
    room, ann = world.node.room("a"), await world.join("a")
    position = await room.publish("one")
    assert position is not None
    store.lost = True
    with pytest.raises(Unavailable):
        await room.publish("gone", erase={1: "erased"})
    await world.clock.advance(2)
    assert await ann.heard("a") == ["one", "gone"]
    _, body = await resume(world, Position(0, position.epoch))
    assert data(body) == ["erased", "gone"]


async def test_only_what_is_in_a_log_can_be_erased(make: Make) -> None:
    world, _ = await durable(make, namespaces={"memory": let_in(history_size=9)})
    for room, history in (("memory:a", True), ("nowhere:a", True), ("a", False)):
        with pytest.raises(ConfigurationError, match="nothing can be erased in"):
            await world.node.room(room).publish(1, erase={1: 1}, history=history)
    assert (await world.node.room("a").history()).publications == []


# What counts as unread. ------------------------------------------------------------------------


async def unread(store: ControlledStore, room: str = "a", user: str = "reader") -> tuple[int, int]:
    """How many are unread there, and how many of them mention the user."""
    (found,) = await store.inner.unread(user, [room], 100)
    return found.unread, found.mentions


MARKED = RoomOptions(**{**OPTIONS.model_dump(exclude_unset=True), "read_markers": True})


@pytest.mark.parametrize("options", [OPTIONS, MARKED])
async def test_what_is_in_a_log_counts_as_unread_where_the_room_says_so_whoever_published_it(
    make: Make, options: RoomOptions
) -> None:
    world, store = await durable(make, without_namespace=options)
    node, room, door = world.node, world.node.room("a"), RecordingSink()
    ann, bob = await world.join("a", "ann"), await world.connect("bob")
    texter = TextDoor(node, door, None, room)
    node.enter(texter, "a")
    ways = 0

    async def counts_the_next_one() -> None:
        nonlocal ways
        await settle()
        ways += 1
        assert await unread(store) == (ways if options.read_markers else 0, 0)

    assert await ann.ask("publish", channel="a", data=1) == {"publish": {}}  # many at once
    await counts_the_next_one()
    assert await bob.ask("publish", channel="a", data=1) == {"publish": {}}  # by itself
    await counts_the_next_one()
    texter.received(["hi"])
    await counts_the_next_one()
    await room.publish(1)
    await counts_the_next_one()
    room.broadcast("not in the log")
    await room.publish("nor is this", history=False)
    await room.publish("read or not", unread=False)
    await settle()
    assert await unread(store) == (ways if options.read_markers else 0, 0)
    node.leave(texter)


async def test_whoever_is_mentioned_has_that_counted(make: Make) -> None:
    world, store = await durable(make, without_namespace=MARKED)
    room = world.node.room("a")
    await room.publish("to ann", mentions=["ann", 7], unread=True)
    await room.publish("to all", mentions={EVERYONE})
    await room.publish("of ann's own", user="ann", mentions=["ann"])
    counts = [await unread(store, user=user) for user in ("ann", "7", "bob")]
    assert counts == [(2, 2), (3, 2), (3, 1)]


async def test_what_cannot_count_as_unread_is_refused_with_a_text(make: Make) -> None:
    world, store = await durable(make, namespaces={"marked": MARKED})
    for room, how in (
        ("a", {"unread": True}),
        ("a", {"mentions": ["ann"]}),
        ("marked:a", {"unread": True, "history": False}),
        ("marked:a", {"mentions": ["ann"], "history": False}),
        ("nowhere:a", {"unread": True}),
    ):
        with pytest.raises(ConfigurationError, match="read_markers=True"):
            await world.node.room(room).publish(1, **how)
    marked = world.node.room("marked:a")
    with pytest.raises(ConfigurationError, match="counts as unread"):
        await marked.publish(1, mentions=["ann"], unread=False)
    with pytest.raises(ConfigurationError, match="nobody in particular"):
        await marked.publish(1, mentions=[None])
    with pytest.raises(TypeError, match="mentions="):
        await marked.publish(1, mentions="ann")
    assert await world.node.room("nowhere:a").publish(1, unread=False) is None
    assert store.appends == []


async def test_a_publication_of_the_servers_is_the_users_where_it_says_so(make: Make) -> None:
    world, store = await durable(make)
    ann = await world.join("a", "ann")
    for number in (1, 2):
        position = await world.node.room("a").publish(1, user="bob", idempotency_key="k")
        assert position is not None and position.offset == 1, number
    other = await world.node.room("a").publish(1, user="eve", idempotency_key="k")
    assert other is not None and other.offset == 2
    told = [one["pub"]["info"] for one in await ann.told()]
    assert told == [{"user": "bob", "client": ""}, {"user": "eve", "client": ""}]


# What other nodes do. --------------------------------------------------------------------------


async def test_a_hole_is_filled_from_the_log(make: Make) -> None:
    world, store = await durable(make)
    peer = await world.join("a")
    await log_of(store, 1, 2)
    await world.node.room("a").publish(3)
    assert await peer.heard("a") == [1, 2, 3]
    await log_of(store, *range(4, 60))
    await world.node.room("a").publish(60)
    await world.node.room("a").publish(61)
    assert await peer.heard("a") == [*range(4, 62)]


async def test_what_others_appended_is_heard_of_within_the_time_of_a_look(make: Make) -> None:
    world, store = await durable(make)
    peer = await world.join("a")
    await log_of(store, 1, 2)
    assert await peer.heard("a") == []
    await world.clock.advance(40)
    assert await peer.heard("a") == [1, 2]


async def test_a_hole_is_filled_once_the_store_can_be_read_again(make: Make) -> None:
    world, store = await durable(make)
    peer = await world.join("a")
    await log_of(store, 1)
    store.reads_fail = True
    await world.node.room("a").publish(2)
    assert await peer.heard("a") == []
    await world.clock.advance(2)
    store.reads_fail = False
    await world.clock.advance(1)
    assert await peer.heard("a") == [1, 2]


async def test_a_hole_that_was_trimmed_is_told(make: Make) -> None:
    world, store = await durable(make)
    peer = await world.join("a")
    await log_of(store, 1, 2, 3)
    await store.inner.trim("a", 3, 0, 100)
    await world.node.room("a").publish(4)
    told = await peer.told()
    assert [one["unsubscribe"]["code"] for one in told] == [2500]
    body = (await peer.ask("subscribe", channel="a"))["subscribe"]
    assert body["offset"] == 4


async def test_members_are_told_when_another_node_removed_the_log(make: Make) -> None:
    world, store = await durable(make)
    await log_of(store, 1, 2)
    peer = await world.join("a")
    await store.inner.remove("a")
    await world.node.room("a").publish(1)
    told = await peer.told()
    assert [one["unsubscribe"]["code"] for one in told] == [2500]
    body = (await peer.ask("subscribe", channel="a"))["subscribe"]
    assert body["offset"] == 1


async def test_a_tail_forgets_what_others_have_trimmed(make: Make) -> None:
    world, store = await durable(make)
    await world.join("a")
    positions = [await world.node.room("a").publish(number) for number in range(1, 6)]
    await store.inner.trim("a", 4, 0, 100)
    await world.clock.advance(40)
    assert positions[1] is not None
    _, body = await resume(world, positions[1])
    assert "recovered" not in body


async def test_forgetting_a_room_begins_a_new_epoch(make: Make) -> None:
    world, _ = await durable(make)
    peer = await world.join("a")
    before = await world.node.room("a").publish(1)
    await peer.told()
    await control.forget(world.node, "a")
    assert [one["unsubscribe"]["code"] for one in await peer.told()] == [2500]
    after = await world.node.room("a").publish(2)
    assert before is not None
    assert after is not None
    assert (after.offset, after.epoch == before.epoch) == (1, False)
    with pytest.raises(Unrecoverable):
        await world.node.room("a").history(since=before)


async def test_removing_the_history_keeps_the_position(make: Make) -> None:
    world, _ = await durable(make)
    peer = await world.join("a")
    before = await world.node.room("a").publish(1)
    await control.history_remove(world.node, "a")
    assert await world.node.room("a").history() == ([], before)
    assert before is not None
    await world.node.room("a").publish(2)
    assert await peer.heard("a") == [1, 2]
    _, body = await resume(world, before)
    assert offsets(body) == [2]
    _, body = await resume(world, Position(0, before.epoch))
    assert "recovered" not in body


# History. --------------------------------------------------------------------------------------


async def test_history_is_paged_both_ways_to_its_ends(make: Make) -> None:
    world, store = await durable(make, history_page=10)
    epoch = (await log_of(store, *range(1, 36))).epoch
    peer = await world.connect()
    for join in (False, True):
        if join:
            await peer.ask("subscribe", channel="a", recover=True, offset=20, epoch=epoch)
        for reverse, edge, wanted in ((False, 0, range(1, 36)), (True, 36, range(35, 0, -1))):
            found: list[int] = []
            while True:
                since = {"offset": found[-1] if found else edge, "epoch": epoch}
                body = await peer.ask(
                    "history", channel="a", since=since, limit=-1, reverse=reverse
                )
                page = offsets(body["history"])
                assert len(page) <= 10
                if not page:
                    break
                found += page
            assert found == [*wanted]


async def test_pages_of_python_end_where_the_log_does(make: Make) -> None:
    world, store = await durable(make)
    top = await log_of(store, *range(1, 26))
    room, found, before = world.node.room("a"), list[int](), None
    while page := (await room.history(limit=10, before=before)).publications:
        found[:0] = [one.offset for one in page]
        before = Position(page[0].offset, top.epoch)
    assert found == [*range(1, 26)]
    after = await room.history(since=Position(20, top.epoch))
    assert [one.offset for one in after.publications] == [21, 22, 23, 24, 25]


async def test_many_who_ask_for_a_page_at_once_are_one_who_asks(make: Make) -> None:
    world, store = await durable(make)
    await log_of(store, *range(1, 26))
    peers = [await world.connect() for _ in range(20)]
    pages = await asyncio.gather(
        *(peer.ask("history", channel="a", limit=5, reverse=True) for peer in peers)
    )
    assert all(offsets(one["history"]) == [25, 24, 23, 22, 21] for one in pages)
    assert len(store.reads) == 1


async def test_who_asks_after_an_acknowledgement_is_not_given_what_was_read_before(
    make: Make,
) -> None:
    world, store = await durable(make)
    await log_of(store, 1)
    ann, bob = await world.connect(), await world.connect()
    reading, read = asyncio.Event(), store.inner.read

    async def slowly(*args: Any, **how: Any) -> Any:
        page = await read(*args, **how)
        await reading.wait()
        return page

    store.inner.read = slowly  # type: ignore[method-assign]
    bob.say(bob.command("history", channel="a", limit=5))
    await settle()
    assert await ann.ask("publish", channel="a", data=2) == {"publish": {}}
    ann.say(ann.command("history", channel="a", limit=5))
    await settle()
    reading.set()
    assert offsets((await bob.answer(2))["history"]) == [1]
    assert offsets((await ann.answer(3))["history"]) == [1, 2]


async def test_the_end_of_a_live_rooms_history_is_not_read(make: Make) -> None:
    world, store = await durable(make)
    await log_of(store, 1)
    peer = await world.join("a")
    for number in range(2, 12):
        await world.node.room("a").publish(number)
    reads = len(store.reads)
    body = await peer.ask("history", channel="a", limit=10, reverse=True)
    assert offsets(body["history"]) == [*range(11, 1, -1)]
    body = await peer.ask("history", channel="a", limit=0)
    assert body["history"]["offset"] == 11
    assert len(store.reads) == reads
    body = await peer.ask("history", channel="a", limit=11, reverse=True)
    assert offsets(body["history"]) == [*range(11, 0, -1)]


async def test_history_of_another_epoch_or_of_a_log_that_is_away_is_an_error(make: Make) -> None:
    world, store = await durable(make)
    await log_of(store, 1)
    peer = await world.connect()
    since = {"offset": 1, "epoch": "another"}
    assert await peer.ask("history", channel="a", since=since, limit=5) == refused(112)
    store.reads_fail = True
    assert await peer.ask("history", channel="a", limit=5) == UNAVAILABLE


async def test_who_comes_when_a_read_is_over_and_has_not_told_reads_again(make: Make) -> None:
    """Its task is done, and what that brings is due: to wait for it would be to wait for ever."""
    world, store = await durable(make)
    await log_of(store, *range(1, 11))
    await world.join("a")
    log = world.node.live["a"].log
    assert log is not None
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    over.set_result(None)
    # Neither has read anything, as where the tail has moved on meanwhile.
    log._reading = log._syncing = over  # type: ignore[assignment]
    await log.reach(Position(4, ""))
    assert log.tail is not None
    assert log.tail.bottom == 4
    await log.sync()
    await settle()
    assert log._reading is log._syncing is None


async def test_cache_mode_brings_the_latest_of_the_log(make: Make) -> None:
    options = OPTIONS.model_dump(exclude_unset=True) | {
        "force_recovery_mode": "cache",
        "auto_cache_recover": True,
    }
    world, store = await durable(make, without_namespace=RoomOptions(**options))
    await log_of(store, 1, 2)
    peer = await world.connect()
    body = (await peer.ask("subscribe", channel="a"))["subscribe"]
    assert offsets(body) == [2]
