"""One connection from its first line to its last: order, waiting, pings, and every kind of end.

Mirrors engine/client.py; protocol.md sections 1, 2, 4 and 10.
"""

import asyncio
import gc
import itertools
import json
import weakref
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.conftest import Make
from tests.engine.test_conversation import answer
from tests.support.wired import Message, Peer, World, let_in, refused

from hubbub.engine.events import Disconnected, Leave
from hubbub.model import (
    BAD_REQUEST,
    EXPIRED,
    NO_PONG,
    SHUTDOWN,
    SLOW,
    STALLED,
    Disconnect,
)
from hubbub.options import OPEN
from hubbub.testing import settle
from hubbub.wire.centrifuge import BODIES

ROOMS = {"without_namespace": OPEN}


# Pings (4). -----------------------------------------------------------------------------------


async def first_ping(world: World, peer: Peer) -> float:
    began = world.clock.now()
    while not await peer.told():
        await world.clock.advance(0.25)
        assert world.clock.now() - began < 60
    return world.clock.now() - began


async def test_the_first_ping_comes_after_half_to_a_whole_interval_then_each_interval(
    make: Make,
) -> None:
    for _ in range(10):
        world = make(client_ping_interval=20, client_pong_timeout=8, **ROOMS)
        peer = await world.connect()
        assert 10 <= await first_ping(world, peer) <= 20.5
        for _ in range(3):
            peer.say("{}")
            assert 19.5 <= await first_ping(world, peer) <= 20.5


async def test_the_reply_to_connect_says_how_often_pings_come_and_that_they_want_answers(
    make: Make,
) -> None:
    world = make(client_ping_interval=20, **ROOMS)
    result = (await world.arrive().ask("connect"))["connect"]
    assert result["ping"] == 20
    assert result["pong"] is True
    result = (await world.arrive(pings=False).ask("connect"))["connect"]
    assert not {"ping", "pong"} & set(result)


async def test_before_connect_and_after_the_end_there_are_no_pings(make: Make) -> None:
    world = make(stale_seconds=100, **ROOMS)
    new, gone = world.arrive(), await world.connect()
    gone.client.close(4000)
    await world.clock.advance(60)
    assert await new.told() == await gone.told() == []


async def test_who_answers_no_ping_is_cut_in_time_whatever_else_it_says(make: Make) -> None:
    world = make(client_ping_interval=25, client_pong_timeout=8, **ROOMS)
    quiet, busy, well = [await world.connect(name) for name in ("quiet", "busy", "well")]
    pinged: dict[str, float] = {}
    closed: dict[str, float] = {}
    for _ in range(200):
        await world.clock.advance(0.25)
        for name, peer in (("quiet", quiet), ("busy", busy), ("well", well)):
            if peer.closed is not None:
                closed.setdefault(name, world.clock.now())
                continue
            if {} in await peer.told():
                pinged.setdefault(name, world.clock.now())
                if name == "well":
                    peer.say("{}")
            if name == "busy":
                peer.say(peer.command("rpc"))
    assert quiet.closed == busy.closed == NO_PONG
    assert well.closed is None
    for name in ("quiet", "busy"):
        assert 7 <= closed[name] - pinged[name] <= 9


async def test_a_pong_without_a_ping_or_a_second_one_ends_the_connection(make: Make) -> None:
    world = make(**ROOMS)
    early = await world.connect()
    early.say("{}")
    assert early.closed == BAD_REQUEST
    twice = await world.connect()
    await first_ping(world, twice)
    twice.say("{}")
    assert twice.closed is None
    twice.say("{}")
    assert twice.closed == BAD_REQUEST


async def test_a_client_whose_message_stalls_is_cut_at_its_ping(make: Make) -> None:
    world = make(**ROOMS)
    peer = await world.connect()
    peer.sink.stalled = lambda: True  # type: ignore[method-assign]
    await world.clock.advance(25)
    assert peer.closed == STALLED


# What the programmer says to it. ----------------------------------------------------------------


async def test_a_message_to_a_connection_is_a_push_without_a_room(make: Make) -> None:
    world = make(**ROOMS)
    peer = await world.connect("ann")
    peer.client.send({"n": 1})
    world.node.user("ann").send("to the user")
    assert await peer.told() == [
        {"message": {"data": {"n": 1}}},
        {"message": {"data": "to the user"}},
    ]
    with pytest.raises(TypeError):
        peer.client.send(object())


async def test_a_connection_that_is_not_in_yet_or_gone_is_told_nothing(make: Make) -> None:
    world = make(**ROOMS)
    new, gone = world.arrive(), await world.connect()
    gone.vanish()
    for peer in (new, gone):
        peer.client.send("hi")
        assert await peer.told() == []


async def test_a_reply_that_waits_goes_out_before_a_push_and_before_the_close(make: Make) -> None:
    world = make(**ROOMS)
    peer = await world.connect()
    peer.say(peer.command("rpc"))
    peer.client.send("behind")
    peer.say(peer.command("rpc"))
    peer.client.close(4001, "bye")
    assert peer.closed == Disconnect(4001, "bye")
    frames = peer.sink.take()
    peer.sink.frames.append(frames)
    peer.listen()
    assert list(peer.replies) == [2, 3]
    assert frames.index(b'"id":2') < frames.index(b"message") < frames.index(b'"id":3')
    with pytest.raises(ValueError, match="no code"):
        peer.client.close(1005)


# Who does not keep up (2.3, 11). ----------------------------------------------------------------


async def test_who_is_behind_gets_replies_and_pushes_in_order_once_it_has_caught_up(
    make: Make,
) -> None:
    world = make(**ROOMS)
    ann, bob = await world.join("a", "ann"), await world.join("a", "bob")
    ann.client.writing_paused()
    ann.say(ann.command("rpc"))
    for number in range(3):
        await bob.ask("publish", channel="a", data=number)
    assert ann.sink.take() == b""
    ann.client.writing_resumed()
    assert await ann.answer(3) == refused(108)
    assert await ann.heard("a") == [0, 1, 2]


async def test_who_is_too_far_behind_is_told_to_come_back_and_is_gone_from_everywhere(
    make: Make,
) -> None:
    world = make(outbox_bytes=1_000, **ROOMS)
    ann, bob = await world.join("a", "ann"), await world.join("a", "bob")
    ann.client.writing_paused()
    for _ in range(20):
        await bob.ask("publish", channel="a", data="x" * 100)
    assert ann.closed == SLOW
    assert bob.closed is None
    assert ann.sink.take() == b""
    assert list(world.node.clients) == [bob.client.id]
    assert await bob.ask("presence_stats", channel="a") == {
        "presence_stats": {"num_clients": 1, "num_users": 1}
    }


async def test_own_replies_count_for_who_does_not_read_them(make: Make) -> None:
    world = make(outbox_bytes=1_000, **ROOMS)
    peer = await world.connect()
    peer.client.writing_paused()
    for _ in range(40):
        peer.say(peer.command("rpc"))
        await settle()
    assert peer.closed == SLOW


async def test_who_takes_nothing_for_too_long_is_cut(make: Make) -> None:
    world = make(outbox_seconds=10, **ROOMS)
    peer = await world.connect()
    peer.client.writing_paused()
    await world.clock.advance(9.9)
    assert peer.closed is None
    await world.clock.advance(0.2)
    assert peer.closed == SLOW


# Every kind of end. ---------------------------------------------------------------------------

End = Callable[[World, Peer], Awaitable[None]]


async def lost(world: World, peer: Peer) -> None:
    peer.vanish()
    peer.vanish()


async def closed_by_us(world: World, peer: Peer) -> None:
    peer.client.close(4000, "bye")
    peer.client.close(4001)
    peer.vanish()


async def violation(world: World, peer: Peer) -> None:
    peer.say("{}")


async def malformed(world: World, peer: Peer) -> None:
    peer.say("x")


async def no_pong(world: World, peer: Peer) -> None:
    await world.clock.advance(40)
    assert peer.closed == NO_PONG


async def slow(world: World, peer: Peer) -> None:
    peer.client.writing_paused()
    await world.clock.advance(11)
    assert peer.closed == SLOW


async def expired(world: World, peer: Peer) -> None:
    peer.client.expire_at(world.clock.time() + 1)
    await world.clock.advance(1)
    assert peer.closed == EXPIRED


async def stopped(world: World, peer: Peer) -> None:
    await world.node.stop()
    assert peer.closed == SHUTDOWN


async def room_closed(world: World, peer: Peer) -> None:
    world.node.room("a").close(4000)


async def user_disconnected(world: World, peer: Peer) -> None:
    world.node.user("ann").disconnect()


async def in_the_middle_of_a_turn(world: World, peer: Peer) -> None:
    peer.say(peer.command("publish", channel="a", data=1), peer.command("rpc"))
    peer.vanish()


ENDS: list[End] = [
    lost,
    closed_by_us,
    violation,
    malformed,
    no_pong,
    slow,
    expired,
    stopped,
    room_closed,
    user_disconnected,
    in_the_middle_of_a_turn,
]


@pytest.mark.parametrize("end", ENDS)
async def test_however_it_ends_no_row_and_no_timer_is_left(make: Make, end: End) -> None:
    world = make(
        namespaces={"plain": let_in(join_leave=True, presence=True)},
        user_connections=5,
        **ROOMS,
    )
    left: list[Leave] = []
    gone: list[Disconnected] = []
    world.node.leave_hooks.append(left.append)
    world.node.disconnect_hooks.append(gone.append)
    peer = await world.join("a", "ann")
    await peer.ask("subscribe", channel="plain:b", join_leave=True)
    assert len(world.node.client_heartbeat) == 1
    await end(world, peer)
    await settle()
    world.assert_nobody_is_left()
    assert sorted(leave.room.name for leave in left) == ["a", "plain:b"]
    assert [one.client for one in gone] == [peer.client]
    assert world.node.presence_of("a") == []
    # A room that nobody wrote in is not remembered.
    if end is not in_the_middle_of_a_turn:
        assert len(world.node.memory.streams) == 0
    before = list(peer.sink.frames)
    await world.clock.advance(100)
    assert peer.sink.frames == before
    assert len(gone) == 1


async def test_a_client_that_never_came_in_is_no_disconnected_client(make: Make) -> None:
    world = make(**ROOMS)
    gone: list[Disconnected] = []
    world.node.disconnect_hooks.append(gone.append)
    world.arrive().vanish()
    assert gone == []
    world.assert_nobody_is_left()


async def test_nothing_holds_a_client_that_is_gone(make: Make) -> None:
    world = make(**ROOMS)
    peer = await world.join("a", "ann")
    gone = weakref.ref(peer.sink)
    await peer.ask("publish", channel="a", data=1)
    peer.vanish()
    world.peers.clear()
    world.gate.asked.clear()
    await settle()
    del peer
    gc.collect()
    assert gone() is None


# Anything at all (P-9, P-10). --------------------------------------------------------------------

HOSTILE = {
    "a huge number": "9" * 30,
    "the largest offset": str(2**64 - 1),
    "a number of 5,000 digits": "9" * 5_000,
    "a float that is none": "1e400",
    "a negative one": "-1",
    "null": "null",
    "an empty string": '""',
    "a long string": json.dumps("x" * 60_000),
    "NUL": '"\\u0000"',
    "line breaks": '"a\\r\\nb"',
    "a path": '"../../etc/passwd"',
    "marks": '"$:#*,{}[]"',
    "bidirectional": '"\\u202e"',
    "emptiness": "{}",
    "a list": "[]",
    "depth": "[" * 200 + "]" * 200,
    "a filter": '{"op":"not","nodes":[{"op":"and"}]}',
    "a position": '{"offset":9223372036854775807,"epoch":""}',
}
FIELDS = """
    channel token data offset epoch recover delta tf flag type limit since reverse method positioned
    headers subs
""".split()


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_values_in_any_field_raise_nothing(make: Make, value: str) -> None:
    world = make(**ROOMS)
    world.node.calls["m"] = answer
    raised = []

    async def listen(message: object) -> None:
        pass

    world.node.on_message = listen
    for kind, field in itertools.product(BODIES, FIELDS):
        beside = {"channel": '"a"', "recover": "true", "method": '"m"', "limit": "9", field: value}
        body = ",".join(f'"{key}":{one}' for key, one in beside.items())
        for first in ({}, {"channel": "a"}):
            peer = world.arrive()
            if kind != "connect":
                await peer.ask("connect")
            if first:
                await peer.ask("subscribe", **first)
            try:
                peer.say(f'{{"id":99,"{kind}":{{{body}}}}}')
                peer.say(f'{{"{kind}":{{{body}}}}}')
                await settle()
            except Exception as error:
                raised.append((kind, field, error))
            peer.vanish()
    assert raised == []


@given(st.lists(st.text(max_size=30) | st.text('{}"ideconct:,019\n', max_size=30), max_size=4))
def test_whatever_is_said_raises_nothing(texts: list[str]) -> None:
    async def main() -> None:
        world = World(**ROOMS)
        new, peer = world.arrive(), await world.join("a")
        for text in texts:
            new.client.received([text])
            peer.client.received([text])
        await settle()
        await world.end()

    asyncio.run(main())


async def test_ten_thousand_joins_in_one_message_are_answered_one_by_one(make: Make) -> None:
    world = make(channel_limit=128, **ROOMS)
    peer = await world.connect()
    commands: list[Message | str] = [
        f'{{"id":{number},"subscribe":{{"channel":"{number}"}}}}' for number in range(2, 10_002)
    ]
    peer.say(*commands)
    await settle()
    peer.listen()
    assert len(peer.replies) == 10_000
    assert sum("subscribe" in reply for reply in peer.replies.values()) == 128
    assert peer.replies[10_001] == refused(106)
    assert len(world.node.live) == 128
