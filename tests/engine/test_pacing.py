"""Rooms on thin lines (also `Outbox.put_latest`)."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.engine.conftest import Make
from tests.support.wired import Peer, World, let_in

from hubbub.engine.member import Member, TextDoor
from hubbub.engine.outbox import Outbox
from hubbub.engine.pacing import FEW, Item, PacedAudience, needed, newest
from hubbub.model import NORMAL, SLOW, Draft
from hubbub.options import RoomOptions
from hubbub.testing import RecordingSink, settle
from hubbub.wire.frames import text_frame, unframe

LATEST: dict[str, Any] = {"latest_only": True, "latest_key": "s"}
HALF: dict[str, Any] = {"batch_interval": 0.5}


def rooms(**options: Any) -> dict[str, Any]:
    return {"without_namespace": let_in(allow_publish_for_subscriber=True, **options)}


def enter(world: World, kind: type[Member] = Member) -> tuple[Member, RecordingSink]:
    sink = RecordingSink()
    member = kind(world.node, sink, None, world.node.room("a"))
    world.node.enter(member, "a")
    return member, sink


def publish(world: World, data: Any, key: str = "") -> None:
    world.node.publish("a", Draft(json.dumps(data).encode(), {"s": key} if key else None))


async def taken(sink: RecordingSink) -> list[str | bytes]:
    await settle()
    return unframe(sink.take())


def gone(*members: Member) -> None:
    for member in members:
        member.lost(NORMAL)


# The newest alone. ---------------------------------------------------------------------------


async def test_a_member_that_is_behind_gets_the_newest_of_each_key_in_the_order_of_publishing(
    make: Make,
) -> None:
    world = make(**rooms(**LATEST))
    slow, sink = enter(world)
    quick, quicks = enter(world)
    slow.writing_paused()
    said = [("x", "x1"), ("y", "y1"), ("z", "z1"), ("x", "x2"), ("y", "y2"), ("", "1"), ("", "2")]
    for key, text in said:
        publish(world, text, key)
        await settle()
    assert await taken(sink) == []
    slow.writing_resumed()
    assert await taken(sink) == ["z1", "x2", "y2", "2"]
    assert await taken(quicks) == [text for _, text in said]
    publish(world, "x3", "x")
    publish(world, "x4", "x")
    assert await taken(sink) == ["x3", "x4"]  # it keeps up again
    gone(slow, quick)


async def test_who_is_behind_does_not_get_what_it_is_excluded_from(make: Make) -> None:
    world = make(**rooms(**LATEST))
    slow, sink = enter(world)
    slow.writing_paused()
    slow.room.broadcast("1")
    await settle()
    slow.room.broadcast("2", exclude=slow)
    publish(world, "x", "x")
    await settle()
    slow.writing_resumed()
    assert await taken(sink) == ["1", "x"]
    gone(slow)


@pytest.mark.parametrize("options", [{}, {"latest_key": "other"}], ids=["no key", "no such tag"])
async def test_without_a_key_the_whole_room_is_one(make: Make, options: dict[str, Any]) -> None:
    world = make(**rooms(latest_only=True, **options))
    slow, sink = enter(world)
    slow.writing_paused()
    for text, key in (("1", "x"), ("2", "y"), ("3", "")):
        publish(world, text, key)
    slow.room.broadcast("4")
    await settle()
    slow.writing_resumed()
    assert await taken(sink) == ["4"]
    gone(slow)


async def test_those_that_keep_up_get_the_same_bytes_once_a_turn(make: Make) -> None:
    world = make(**rooms(**LATEST))
    members = [enter(world) for _ in range(3)]
    slow, sink = enter(world)
    slow.writing_paused()
    for number in range(5):
        publish(world, str(number), "x")
    await settle()
    first = members[0][1].frames
    assert len(first) == 1
    assert all(other.frames[0] is first[0] for _, other in members)
    slow.writing_resumed()
    assert await taken(sink) == ["4"]
    before = world.node.tick.deliveries
    publish(world, "5", "x")
    await settle()
    assert world.node.tick.deliveries == before + 4
    gone(slow, *[member for member, _ in members])


async def test_of_joins_and_answers_and_what_is_sent_to_one_nothing_is_outdated(
    make: Make,
) -> None:
    world = make(**rooms(**LATEST, join_leave=True, force_push_join_leave=True))
    ann = await world.join("a", "ann")
    await ann.told()
    ann.client.writing_paused()
    publish(world, 1, "x")
    bob = await world.join("a", "bob")
    publish(world, 2, "x")
    command = ann.command("publish", channel="a", data="hers")
    ann.say(command)
    await settle()
    ann.client.subs["a"].send("to her")
    publish(world, 3, "x")
    bob.vanish()
    publish(world, 4, "y")
    await settle()
    assert ann.sink.frames == []
    ann.client.writing_resumed()
    pushes = await ann.told()
    assert ann.replies.pop(command["id"]) == {"publish": {}}
    told = [next(iter(one.keys() - {"channel"})) for one in pushes]
    assert told == ["join", "pub", "pub", "pub", "leave", "pub"]
    assert [one["pub"]["data"] for one in pushes if "pub" in one] == ["hers", "to her", 3, 4]


async def test_what_is_kept_takes_as_much_as_there_are_keys(make: Make) -> None:
    world = make(**rooms(**LATEST), outbox_bytes=1000)
    slow, sink = enter(world)
    slow.writing_paused()
    for number in range(5000):
        publish(world, "x" * 200, f"key {number % 3}")
        if not number % 7:
            await settle()
    await settle()
    outbox = slow._outbox
    assert outbox is not None
    assert outbox.size == 3 * len(text_frame(b"x" * 200))
    assert len(outbox._parts) == 3
    slow.writing_resumed()
    assert await taken(sink) == ["x" * 200] * 3
    gone(slow)


async def test_a_member_is_cut_when_the_keys_are_too_many_or_it_takes_too_long(
    make: Make,
) -> None:
    world = make(**rooms(**LATEST), outbox_bytes=1000, outbox_seconds=10)
    many, sink = enter(world)
    long, other = enter(world)
    many.writing_paused()
    for number in range(5):
        publish(world, "x" * 200, f"key {number}")
    await settle()
    assert sink.closed == SLOW
    long.writing_paused()
    for _ in range(11):
        publish(world, "x", "x")
        await world.clock.advance(1)
    assert other.closed == SLOW


async def test_who_leaves_and_comes_back_while_it_is_behind_gets_the_last_of_both(
    make: Make,
) -> None:
    world = make(**rooms(**LATEST))
    ann, _ = await world.join("a", "ann"), await world.join("a", "bob")
    ann.client.writing_paused()
    publish(world, 1, "x")
    publish(world, 2, "x")
    await ann.ask("unsubscribe", channel="a")
    publish(world, 3, "x")
    await ann.ask("subscribe", channel="a")
    publish(world, 4, "x")
    publish(world, 5, "x")
    await settle()
    ann.client.writing_resumed()
    assert await ann.heard("a") == [2, 5]


async def test_what_waits_for_who_is_told_to_go_comes_before_the_close(make: Make) -> None:
    world = make(**rooms(**LATEST, **HALF))
    slow, sink = enter(world)
    quick, quicks = enter(world)
    publish(world, "0", "x")
    await settle()
    slow.writing_paused()
    for text in ("1", "2"):
        publish(world, text, "x")
    for member in (slow, quick):
        member.close()
    assert await taken(sink) == await taken(quicks) == ["0", "2"]
    assert sink.closed is not None


async def test_a_filter_and_an_encoding_have_keys_of_their_own(make: Make) -> None:
    world = make(**rooms(**LATEST, allow_tags_filter=True))
    only_x = {"key": "s", "cmp": "eq", "val": "x"}
    ann, bob = await world.join("a", "ann", tf=only_x), await world.join("a", "bob")
    member, sink = enter(world)
    for session in (ann.client, bob.client, member):
        session.writing_paused()
    for number, key in enumerate("xyxyy"):
        publish(world, str(number), key)
    await settle()
    for session in (ann.client, bob.client, member):
        session.writing_resumed()
    assert await ann.heard("a") == ["2"]
    assert await bob.heard("a") == await taken(sink) == ["2", "4"]
    gone(member)


# Together. -------------------------------------------------------------------------------------


async def test_the_first_after_a_silence_comes_at_once_and_what_follows_once_an_interval(
    make: Make,
) -> None:
    world = make(**rooms(**HALF))
    ann, anns = enter(world)
    _, bobs = enter(world)
    publish(world, "1")
    publish(world, "2")
    assert await taken(anns) == ["1", "2"]
    bobs.take()
    for number in range(3, 6):
        publish(world, str(number))
        await world.clock.advance(0.1)
    assert anns.frames == bobs.frames == []
    await world.clock.advance(0.2)
    assert anns.frames[0] is bobs.frames[0]
    assert unframe(anns.take()) == ["3", "4", "5"]
    await world.clock.advance(0.5)
    assert world.timers() == 0  # silence
    publish(world, "6")
    assert await taken(anns) == ["6"]
    for member in ann.room.members:
        member.hang_up(NORMAL)


async def test_nobody_is_written_to_more_often_than_once_an_interval(make: Make) -> None:
    world = make(**rooms(**HALF))
    ann, anns = enter(world)
    for number in range(100):
        ann.room.broadcast(str(number))
        other, _ = enter(world)
        await world.clock.advance(0.1)
        gone(other)
    await world.clock.advance(0.5)
    assert 20 <= len(anns.frames) <= 21
    assert unframe(anns.take()) == [str(number) for number in range(100)]
    gone(ann)


async def test_with_the_newest_alone_an_interval_brings_one_of_each_key(make: Make) -> None:
    world = make(**rooms(**LATEST, **HALF))
    ann, anns = enter(world)
    slow, slows = enter(world)
    slow.writing_paused()
    publish(world, "x0", "x")
    publish(world, "x1", "x")
    assert await taken(anns) == ["x1"]
    for text in ("x2", "y1", "x3", "z1", "y2"):
        publish(world, text, text[0])
    await world.clock.advance(0.5)
    assert unframe(anns.take()) == ["x3", "z1", "y2"]
    publish(world, "z2", "z")
    await world.clock.advance(0.5)
    slow.writing_resumed()
    assert await taken(slows) == ["x3", "y2", "z2"]
    gone(ann, slow)


async def test_what_waits_for_the_interval_is_bounded_by_the_keys_too(make: Make) -> None:
    world = make(**rooms(**LATEST, **HALF))
    ann, anns = enter(world)
    bob, bobs = enter(world)
    publish(world, "0", "x")
    await settle()
    anns.take()
    bobs.take()
    audience = world.node.live["a"].plain
    assert isinstance(audience, PacedAudience)
    for number in range(2000):
        ann.room.broadcast(str(number), exclude=(ann, bob, None)[number % 3])
        publish(world, f"x{number}", "x")
        assert len(audience._items) <= 2 * 4 + FEW + 1
    ann.room.broadcast("bob's", exclude=bob)
    await world.clock.advance(0.5)
    assert unframe(anns.take()) == ["x1999", "bob's"]
    assert unframe(bobs.take()) == ["1998", "x1999"]
    gone(ann, bob)


async def test_who_comes_gets_nothing_that_waits_who_goes_all_of_it_and_the_others_wait(
    make: Make,
) -> None:
    world = make(**rooms(**HALF))
    ann, anns = enter(world)
    bob, bobs = enter(world)
    publish(world, "0")
    await settle()
    publish(world, "1")
    carl, carls = enter(world)
    publish(world, "2")
    world.node.leave(ann)
    dora, doras = enter(world)
    assert await taken(anns) == ["0", "1", "2"]
    assert await taken(bobs) == ["0"]
    await world.clock.advance(0.5)
    assert await taken(anns) == []
    assert await taken(bobs) == ["1", "2"]
    assert await taken(carls) == ["2"]
    assert await taken(doras) == []
    publish(world, "3")
    publish(world, "4")
    await world.clock.advance(0.5)
    assert bobs.frames[0] is carls.frames[0] is doras.frames[0]  # and all are as everyone again
    assert unframe(bobs.take()) == ["3", "4"]
    gone(ann, bob, carl, dora)


async def test_answers_do_not_wait_and_what_was_said_before_them_comes_first(make: Make) -> None:
    world = make(**rooms(**HALF))
    ann, bob = await world.join("a", "ann"), await world.join("a", "bob")
    publish(world, 0)
    assert await ann.heard("a") == await bob.heard("a") == [0]
    assert await ann.ask("publish", channel="a", data=1) == {"publish": {}}
    assert await ann.heard("a") == []
    ann.client.subs["a"].send("to her")
    assert await ann.heard("a") == [1, "to her"]
    publish(world, 2)
    ann.client.subs["a"].send("too")
    assert await ann.heard("a") == [2, "too"]
    assert await bob.heard("a") == []
    publish(world, 3)
    await world.clock.advance(0.5)
    assert await ann.heard("a") == [3]
    assert await bob.heard("a") == [1, 2, 3]


async def test_who_was_in_the_answer_that_caught_up_does_not_hear_it_again(make: Make) -> None:
    world = make(**rooms(**HALF, history_size=10, force_recovery=True))
    ann = await world.join("a", "ann")
    for number in range(3):
        await ann.ask("publish", channel="a", data=number)
    assert await ann.heard("a") == [0]
    bob = await world.connect("bob")
    answer = await bob.ask("subscribe", channel="a", recover=True)
    assert [one["data"] for one in answer["subscribe"]["publications"]] == [0, 1, 2]
    bob.say(*[bob.command("publish", channel="a", data=number) for number in (3, 4)])
    await world.clock.advance(0.5)
    assert await ann.heard("a") == [1, 2, 3, 4]
    assert await bob.heard("a") == [3, 4]


async def test_a_room_that_empties_leaves_no_timer_and_begins_as_a_new_one(make: Make) -> None:
    world = make(**rooms(**HALF))
    for _ in range(2):
        ann, anns = enter(world)
        publish(world, "1")
        await settle()
        publish(world, "2")
        assert world.timers() == 1
        room = world.node.live["a"]
        room.pins += 1  # somebody is about to come
        gone(ann)
        assert world.timers() == 0
        bob, bobs = enter(world)
        publish(world, "3")
        assert await taken(bobs) == ["3"]
        room.pins -= 1
        gone(bob)
        assert world.node.live == {}
        assert unframe(anns.take()) == ["1", "2"]
    await world.clock.advance(1)


async def test_a_node_that_stops_brings_what_waits_and_leaves_no_timer() -> None:
    world = World(**rooms(**HALF))
    ann, sink = enter(world)
    publish(world, "1")
    await settle()
    publish(world, "2")
    await world.node.stop()
    assert unframe(sink.take()) == ["1", "2"]
    assert ann.disconnect is not None
    assert world.timers() == 0


# Whatever room it is. ----------------------------------------------------------------------------


async def test_a_durable_room_has_a_pace_too(make: Make) -> None:
    world = make(**rooms(**LATEST, **HALF, durability="commit"))
    await world.open_logs()
    ann = await world.join("a", "ann")
    slow, sink = enter(world)
    for number, key in enumerate("xyxyx"):
        await world.node.store("a", Draft(b"%d" % number, {"s": key}))
    await settle()
    assert await ann.heard("a") == [0]
    slow.writing_paused()
    await world.clock.advance(0.5)
    assert await ann.heard("a") == [3, 4]
    await world.node.store("a", Draft(b"5", {"s": "x"}))
    await world.clock.advance(0.5)
    slow.writing_resumed()
    assert await taken(sink) == ["0", "3", "5"]
    gone(slow)


async def test_the_text_door_of_such_a_room(make: Make) -> None:
    world = make(**rooms(**LATEST))
    talker, sink = enter(world, TextDoor)
    slow, slows = enter(world, TextDoor)
    slow.writing_paused()
    talker.received(["1", "2", "3"])
    await settle()
    slow.writing_resumed()
    assert await taken(sink) == ["Room a: 1", "Room a: 2", "Room a: 3"]
    assert await taken(slows) == ["Room a: 3"]
    gone(talker, slow)


async def test_other_rooms_have_no_pace(make: Make) -> None:
    world = make(namespaces={"live": let_in(**HALF)}, rooms={"thin:{x}": let_in(**LATEST)})
    paced = []
    for name in ("live:a", "thin:a", "a"):
        peer = Peer(world.node)
        member = Member(world.node, peer.sink, None, world.node.room(name))
        world.node.enter(member, name)
        room = world.node.live[name]
        paced.append(isinstance(room.plain, PacedAudience))
        assert room.only_plain is not paced[-1]
        member.lost(NORMAL)
        peer.client.lost(NORMAL)
    assert paced == [True, True, False]


@pytest.mark.parametrize("seconds", [-0.1, 60.1, math.inf, math.nan])
def test_an_interval_is_no_longer_than_a_minute(seconds: float) -> None:
    with pytest.raises(ValidationError):
        RoomOptions(batch_interval=seconds)


@pytest.mark.parametrize("options", [HALF, {"latest_only": True}], ids=lambda one: next(iter(one)))
def test_a_room_that_leaves_something_out_has_no_deltas(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="take out either"):
        RoomOptions(history_size=1, allowed_delta_types=["fossil"], **options)


# What is dropped, and what is kept. --------------------------------------------------------------

WHO = [RecordingSink() for _ in range(3)]  # any three things that are not the same

ITEMS = st.lists(
    st.tuples(st.sampled_from([None, "x", "y"]), st.sampled_from([None, *range(3)]))
).map(
    lambda given: [
        Item(number, b"%d" % number, key, None if who is None else WHO[who])
        for number, (key, who) in enumerate(given)
    ]
)


@given(ITEMS)
def test_what_is_needed_is_all_that_is_the_newest_for_anybody(items: list[Item]) -> None:
    def seen(by: object, some: list[Item]) -> list[Item]:
        return newest([one for one in some if one.exclude is not by])

    kept = needed(items)
    for who in [None, *WHO]:
        by = who if who is not None else object()
        assert seen(by, kept) == seen(by, items)
    assert sum(one.key is not None for one in kept) <= 2 * 2
    assert needed(kept) == kept


@given(
    st.lists(st.tuples(st.sampled_from([None, "x", "y", "z"]), st.binary(max_size=30))),
    st.integers(0, 300),
)
def test_an_outbox_holds_what_was_put_but_the_last_alone_in_each_place(
    puts: list[tuple[str | None, bytes]], limit: int
) -> None:
    overflows: list[None] = []
    outbox = Outbox(limit, lambda: overflows.append(None))
    expected: list[tuple[str | None, bytes]] = []
    for place, data in puts:
        if place is None:
            outbox.put(data)
        else:
            outbox.put_latest(place, data)
        if outbox.overflowed:
            break
        expected = [one for one in expected if place is None or one[0] != place] + [(place, data)]
        assert outbox.size == sum(len(one) for _, one in expected) <= limit
    assert len(overflows) == outbox.overflowed
    if outbox.overflowed:
        outbox.put(b"")
        outbox.put_latest("x", b"")
        assert outbox.overflowed
        expected = []
    assert outbox.take() == b"".join(data for _, data in expected)
    assert (outbox.size, outbox.take()) == (0, b"")
