"""What a client says and what it is answered: protocol.md section 2."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from tests.engine.conftest import Make
from tests.support.wired import World, refused

from hubbub.engine.events import Admission, Call, Connect
from hubbub.errors import Refused
from hubbub.model import (
    BAD_REQUEST,
    STALE,
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
