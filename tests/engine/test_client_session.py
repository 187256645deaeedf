"""One connection from its first line to its last: order, waiting, pings, and every kind of end.

Mirrors engine/client.py; protocol.md sections 1, 2, 4 and 10.
"""

import asyncio
import gc
import itertools
import json
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.conftest import Make
from tests.support.wired import Message, Peer, World, let_in, refused

from hubbub.engine.events import Admission, Call, Connect, Disconnected, Leave
from hubbub.errors import Refused
from hubbub.model import (
    BAD_REQUEST,
    EXPIRED,
    NO_PONG,
    SHUTDOWN,
    SLOW,
    STALE,
    STALLED,
    Disconnect,
)
from hubbub.options import OPEN
from hubbub.testing import settle
from hubbub.wire.centrifuge import BODIES

ROOMS = {"without_namespace": OPEN}


class Held:
    """An rpc method that waits until it is let go, and then does as it is told."""

    def __init__(self, world: World, method: str = "held") -> None:
        self.calls: list[bytes] = []
        self.gate = asyncio.Event()
        self.then: Callable[[], object] = bytes
        world.node.calls[method] = self

    async def __call__(self, call: Call[Any]) -> bytes:
        self.calls.append(call.data)
        await self.gate.wait()
        self.then()
        return bytes(call.data)


async def answer(call: Call[Any]) -> bytes:
    return bytes(call.data)


# The first command (2.3, 1 to 4, 8 and 9). ----------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in BODIES if kind != "connect"])
@pytest.mark.parametrize("id", [0, 1])
async def test_the_first_command_is_connect_and_nothing_else(
    make: Make, kind: str, id: int
) -> None:
    peer = make(**ROOMS).arrive()
    peer.say({"id": id, kind: {"channel": "a"}})
    assert peer.closed == BAD_REQUEST
    assert peer.sink.take() == b""


async def test_a_pong_before_connect_is_nothing_a_client_says(make: Make) -> None:
    peer = make(**ROOMS).arrive()
    peer.say("{}")
    assert peer.closed == BAD_REQUEST


async def test_a_second_connect_ends_the_connection(make: Make) -> None:
    peer = await make(**ROOMS).connect()
    assert await peer.ask("connect") == BAD_REQUEST


@pytest.mark.parametrize("kind", [kind for kind in BODIES if kind != "send"])
async def test_only_a_send_comes_without_an_id(make: Make, kind: str) -> None:
    world = make(**ROOMS)
    peer = await world.join("a")
    peer.say({kind: {"channel": "a", "data": 1}})
    assert peer.closed == BAD_REQUEST
    assert await peer.told() == []


@pytest.mark.parametrize("text", ['{"id":2}', '{"id":2,"ping":{}}', '{"id":2,"unknown":{}}'])
async def test_an_id_without_a_body_ends_the_connection(make: Make, text: str) -> None:
    peer = await make(**ROOMS).connect()
    peer.say(text)
    assert peer.closed == BAD_REQUEST


async def test_of_several_bodies_the_first_in_the_order_of_the_protocol_counts(make: Make) -> None:
    order = [kind for kind in BODIES if kind not in ("connect", "ping")]
    for first, second in itertools.combinations(order, 2):
        peer = await make(**ROOMS).connect()
        both = {second: {"channel": "a", "token": "t"}, first: {"channel": "a", "token": "t"}}
        peer.say({"id": 9, **both})
        alone = await make(**ROOMS).connect()
        alone.say({"id": 9, first: {"channel": "a", "token": "t"}})
        got, expected = await peer.answer(9), await alone.answer(9)
        if first in ("subscribe", "history"):
            assert got.keys() == expected.keys()  # with an epoch of their own
        else:
            assert got == expected, (first, second)
    for kind in ("connect", "ping"):
        peer = await make(**ROOMS).connect()
        peer.say({"id": 9, "subscribe": {"channel": "a"}, kind: {}})
        assert await peer.answer(9) == BAD_REQUEST


async def test_a_publish_beside_another_body_is_not_published(make: Make) -> None:
    world = make(**ROOMS)
    peer = await world.join("a")
    peer.say({"id": 9, "publish": {"channel": "a", "data": 1}, "unsubscribe": {"channel": "a"}})
    assert await peer.answer(9) == {"unsubscribe": {}}
    assert await peer.heard("a") == []


async def test_what_follows_connect_in_one_message_is_carried_out_behind_it(make: Make) -> None:
    peer = make(**ROOMS).arrive()
    peer.say(
        peer.command("connect", token="ann"),
        peer.command("subscribe", channel="a"),
        peer.command("publish", channel="a", data="hi"),
        peer.command("unsubscribe", channel="a"),
    )
    await settle()
    peer.listen()
    assert list(peer.replies) == [1, 2, 3, 4]
    assert [next(iter(reply)) for reply in peer.replies.values()] == [
        "connect",
        "subscribe",
        "publish",
        "unsubscribe",
    ]
    assert await peer.heard("a") == ["hi"]


async def test_after_a_refused_connect_anything_else_ends_the_connection(make: Make) -> None:
    world = make(**ROOMS)
    for later in ("connect", "subscribe"):
        peer = world.arrive()
        world.gate.admissions["late"] = Admission(expires_at=world.clock.time() - 1)
        assert await peer.ask("connect", token="late") == refused(110)
        assert peer.closed is None
        assert await peer.ask(later, channel="a") == BAD_REQUEST


async def test_a_client_that_was_refused_and_stays_is_stale(make: Make) -> None:
    world = make(**ROOMS)
    peer = world.arrive()
    world.gate.admissions["late"] = Admission(expires_at=world.clock.time() - 1)
    assert await peer.ask("connect", token="late") == refused(110)
    await world.clock.advance(10)
    assert peer.closed == STALE


async def test_who_says_nothing_is_stale_and_who_was_let_in_is_not(make: Make) -> None:
    world = make(stale_seconds=10, **ROOMS)
    silent, ann = world.arrive(), await world.connect("ann")
    await world.clock.advance(9.9)
    assert silent.closed is None
    await world.clock.advance(0.2)
    assert silent.closed == STALE
    assert ann.closed is None


async def test_who_waits_too_long_to_be_let_in_is_stale_and_does_not_come_in(make: Make) -> None:
    world = make(**ROOMS)
    let_go = asyncio.Event()

    async def connect(event: Connect) -> Admission:
        await let_go.wait()
        return Admission("ann")

    world.gate.connect = connect  # type: ignore[method-assign]
    peer = world.arrive()
    peer.say(peer.command("connect"))
    await settle()
    await world.clock.advance(11)
    assert peer.closed == STALE
    let_go.set()
    await settle()
    world.assert_nobody_is_left()
    assert peer.sink.take() == b""


async def test_what_is_no_command_ends_the_connection_after_what_came_before(make: Make) -> None:
    for message in ("", "[]", '{"id":"x"}', "{"):
        peer = await make(**ROOMS).connect()
        peer.say(peer.command("subscribe", channel="a"), message or "\x00")
        assert peer.closed == BAD_REQUEST
        peer.listen()
        assert "subscribe" in peer.replies[2]


async def test_an_empty_and_a_binary_message_end_the_connection(make: Make) -> None:
    messages: list[str | bytes] = ["", "\n", b'{"id":2,"rpc":{}}']
    for message in messages:
        peer = await make(**ROOMS).connect()
        peer.client.received([message])
        assert peer.closed == BAD_REQUEST


async def test_nothing_is_written_after_the_end_whatever_comes_behind(make: Make) -> None:
    world = make(**ROOMS)
    peer = await world.join("a")
    peer.say("{}", {"id": 7, "publish": {"channel": "a", "data": 1}}, {"id": 8, "rpc": {}})
    assert peer.closed == BAD_REQUEST
    peer.say({"id": 9, "subscribe": {"channel": "b"}})
    await peer.told()
    assert peer.replies == {}
    world.assert_nobody_is_left()


# Replies (2.2). -------------------------------------------------------------------------------


async def test_replies_to_one_message_leave_in_one_frame_in_order(make: Make) -> None:
    peer = await make(**ROOMS).connect()
    peer.say(*(peer.command("rpc", method="x") for _ in range(5)))
    await settle()
    assert len(peer.sink.frames) == 1
    peer.listen()
    assert list(peer.replies) == [2, 3, 4, 5, 6]


async def test_ids_come_back_as_they_were_even_the_largest_and_twice(make: Make) -> None:
    peer = await make(**ROOMS).connect()
    for id in (4_294_967_295, 1, 1):
        peer.say({"id": id, "rpc": {}})
        assert await peer.answer(id) == refused(108)


async def test_a_publish_is_answered_as_any_other_command(make: Make) -> None:
    peer = await make(**ROOMS).join("a")
    peer.say(*({"id": id, "publish": {"channel": "a", "data": 1}} for id in (4_294_967_295, 7)))
    await settle()
    frames = peer.sink.take()
    assert b'{"id":4294967295,"publish":{}}\n{"id":7,"publish":{}}' in frames


# Waiting for the application (2.3, 7). ----------------------------------------------------------


async def test_commands_wait_behind_one_that_asks_the_application_and_keep_their_order(
    make: Make,
) -> None:
    world = make(**ROOMS)
    held = Held(world)
    world.node.calls["now"] = answer
    peer = await world.join("a")
    peer.say(
        peer.command("rpc", method="held", data=1),
        peer.command("publish", channel="a", data="behind"),
        peer.command("rpc", method="now", data=2),
    )
    peer.say(peer.command("unsubscribe", channel="a"))
    assert await peer.answer(3) is None
    assert await peer.heard("a") == []
    held.gate.set()
    await settle()
    peer.listen()
    assert list(peer.replies) == [3, 4, 5, 6]
    assert peer.replies[3] == {"rpc": {"data": 1}}
    assert await peer.heard("a") == ["behind"]


async def test_who_waits_keeps_nobody_else_waiting_and_still_hears_the_room(make: Make) -> None:
    world = make(**ROOMS)
    held = Held(world)
    ann, bob = await world.join("a", "ann"), await world.join("a", "bob")
    ann.say(ann.command("rpc", method="held"))
    assert await bob.ask("publish", channel="a", data="hi") == {"publish": {}}
    assert await ann.heard("a") == ["hi"]
    held.gate.set()


async def test_reading_stops_when_too_much_waits_and_goes_on_when_it_is_done(make: Make) -> None:
    world = make(inbox_bytes=2_000, **ROOMS)
    held = Held(world)
    peer = await world.connect()
    peer.say(peer.command("rpc", method="held"))
    await settle()
    said = 0
    while peer.sink.reading:
        peer.say(peer.command("rpc", method="x" * 100))
        said += 1
        assert said < 10
    assert said > 2
    await settle()
    assert not peer.sink.reading
    held.gate.set()
    await settle()
    assert peer.sink.reading
    peer.listen()
    assert len(peer.replies) == said + 1


async def test_a_client_that_goes_while_it_waits_leaves_nothing_and_nothing_is_done(
    make: Make,
) -> None:
    world = make(**ROOMS)
    held = Held(world)
    bob = await world.join("a", "bob")
    for end in ("lost", "hung up"):
        held.gate.clear()
        peer = await world.join("a", "ann")
        peer.say(
            peer.command("rpc", method="held"), peer.command("publish", channel="a", data="late")
        )
        await settle()
        if end == "lost":
            peer.vanish()
        else:
            peer.client.close(4000)
        assert len(world.node.clients) == 1
        held.gate.set()
        await settle()
        assert peer.sink.take() == b""
        assert await bob.heard("a") == []
        assert not world.node._tasks


async def test_what_is_no_command_ends_a_connection_that_waits_at_once(make: Make) -> None:
    world = make(**ROOMS)
    held = Held(world)
    peer = await world.connect()
    peer.say(peer.command("rpc", method="held"))
    await settle()
    peer.say("nonsense")
    assert peer.closed == BAD_REQUEST
    held.gate.set()


async def test_a_pong_counts_while_a_command_waits_for_the_application(make: Make) -> None:
    world = make(**ROOMS)
    held = Held(world)
    peer = await world.connect()
    peer.say(peer.command("rpc", method="held"))
    await settle()
    for _ in range(100):
        await world.clock.advance(1)
        for push in await peer.told():
            assert push == {}
            peer.say("{}")
    held.gate.set()
    await settle()
    assert peer.closed is None


def cancelled() -> None:
    raise asyncio.CancelledError


def exits() -> None:
    raise SystemExit(1)


def fails() -> None:
    raise RuntimeError("a fault in a hook")


@pytest.mark.parametrize("fault", [fails, exits, cancelled])
async def test_what_a_hook_raises_is_its_clients_error_and_nobody_elses(
    make: Make, caplog: pytest.LogCaptureFixture, fault: Callable[[], None]
) -> None:
    world = make(**ROOMS)
    held = Held(world)
    held.then = fault
    held.gate.set()
    ann, bob = await world.join("a", "ann"), await world.join("a", "bob")
    answers = [await ann.ask("rpc", method="held"), await ann.ask("publish", channel="a", data=1)]
    heard = await bob.heard("a")
    ann.vanish()
    bob.vanish()
    await settle()
    assert answers == [refused(100), {"publish": {}}]
    assert heard == [1]
    assert "a hook failed" in caplog.text


@pytest.mark.parametrize(
    "refusal, expected",
    [
        (Refused(), refused(103)),
        (Refused("no", 444), {"error": {"code": 444, "message": "no"}}),
        (Refused("bye", 4000), Disconnect(4000, "bye")),
        (Refused("bye", 4999), Disconnect(4999, "bye")),
    ],
)
async def test_a_hooks_refusal_is_told_as_it_was_said(
    make: Make, refusal: Refused, expected: object
) -> None:
    world = make(**ROOMS)
    held = Held(world)
    held.gate.set()

    def then() -> None:
        raise refusal

    held.then = then
    peer = await world.connect()
    assert await peer.ask("rpc", method="held") == expected


@pytest.mark.parametrize("code", [100, 111])
async def test_a_refusal_with_a_temporary_code_says_that_it_is_temporary(
    make: Make, code: int
) -> None:
    world = make(**ROOMS)
    held = Held(world)
    held.gate.set()
    peer = await world.connect()

    def then() -> None:
        raise Refused(refused(code)["error"]["message"], code)

    held.then = then
    assert await peer.ask("rpc", method="held") == refused(code)


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
        assert len(world.node.streams) == 0
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
