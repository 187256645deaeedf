"""A client that only listens (protocol.md section 18)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.engine.conftest import Make
from tests.support.wired import Sink, World, let_in

from hubbub.engine.events import Join, Ticket
from hubbub.engine.listener import Listener
from hubbub.errors import Refused
from hubbub.model import INVALID_TOKEN, SLOW, VANISHED, Disconnect
from hubbub.testing import settle
from hubbub.wire.centrifuge_json import LISTENING_LINES

REMEMBERED = let_in(history_size=10, force_recovery=True)


class Ear:
    """Somebody who listens."""

    def __init__(self, world: World) -> None:
        self.sink = Sink()
        self.client = Listener(world.node, self.sink, LISTENING_LINES)

    def say(self, request: Any) -> None:
        self.client.received([request if isinstance(request, str) else json.dumps(request)])

    async def told(self) -> list[Any]:
        await settle()
        return [json.loads(line) for line in self.sink.take().splitlines()]

    @property
    def closed(self) -> Disconnect | None:
        return self.sink.closed

    def go(self) -> None:
        self.client.lost(VANISHED)


async def test_it_is_told_first_in_which_rooms_it_is(make: Make) -> None:
    world = make(without_namespace=let_in(), namespaces={"shut": {}, "kept": REMEMBERED})
    ear = Ear(world)
    ear.say({"subs": {"lobby": {}, "shut:1": {}, "kept:1": {}, "$private": {}}})
    (hello,) = await ear.told()
    connect = hello["connect"]
    assert set(connect["subs"]) == {"lobby", "kept:1"}, "the others are passed over"
    assert connect["subs"]["lobby"] == {}
    assert connect["subs"]["kept:1"]["recoverable"]
    assert connect["client"]
    assert connect["session"]
    assert connect["ping"] == 25
    assert "pong" not in connect
    await world.node.room("lobby").publish({"a": 1})
    assert await ear.told() == [{"channel": "lobby", "pub": {"data": {"a": 1}}}]
    ear.go()


async def test_what_comes_before_it_is_told_comes_after_that(make: Make) -> None:
    world = make(without_namespace=let_in())
    asked = asyncio.Event()

    async def later(join: Join) -> Ticket:
        await asked.wait()
        return Ticket()

    world.node.rules.add("slow:{id}", let_in()).on_join = later
    ear = Ear(world)
    ear.say({"subs": {"lobby": {}, "slow:1": {}}})
    await settle()
    await world.node.room("lobby").publish(1)
    assert await ear.told() == []
    asked.set()
    hello, publication = await ear.told()
    assert set(hello["connect"]["subs"]) == {"lobby", "slow:1"}
    assert publication == {"channel": "lobby", "pub": {"data": 1}}
    ear.go()


async def test_more_than_may_wait_for_that_is_the_end(make: Make) -> None:
    world = make(without_namespace=let_in(), outbox_bytes=1000)

    asked = asyncio.Event()

    async def later(join: Join) -> Ticket:
        await asked.wait()
        return Ticket()

    world.node.rules.add("slow:{id}", let_in()).on_join = later
    ear = Ear(world)
    ear.say({"subs": {"lobby": {}, "slow:1": {}}})
    await settle()
    for _ in range(3):
        await world.node.room("lobby").publish("x" * 500)
        await settle()
    assert ear.closed == SLOW
    asked.set()


async def test_it_catches_up_with_what_it_has_missed(make: Make) -> None:
    world = make(without_namespace=REMEMBERED)
    room = world.node.room("lobby")
    epoch = ""
    for number in range(3):
        position = await room.publish(number)
        assert position is not None
        epoch = position.epoch
    ear = Ear(world)
    ear.say({"subs": {"lobby": {"recover": True, "offset": 1, "epoch": epoch}}})
    (hello,) = await ear.told()
    found = hello["connect"]["subs"]["lobby"]
    assert found["recovered"]
    assert [one["data"] for one in found["publications"]] == [1, 2]
    ear.go()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("no json", 3501),
        ("[1]", 3501),
        ('{"subs":{"lobby":{"offset":"x"}}}', 3501),
        ('{"token":"nonsense"}', 3500),
        ('{"subs":{"nowhere:1":{}}}', 3501),
        ('{"subs":{"lobby":{"delta":"unheard of"}}}', 3501),
        ("[" * 100_000, 3501),
    ],
)
async def test_what_cannot_be_is_the_end(make: Make, said: str, code: int) -> None:
    world = make(without_namespace=let_in())
    world.gate.admissions["nonsense"] = INVALID_TOKEN
    ear = Ear(world)
    ear.say(said)
    await settle()
    assert ear.closed is not None
    assert ear.closed.code == code
    assert await ear.told() == []


@pytest.mark.parametrize(("refusal", "code"), [(103, 3507), (109, 3005), (111, 3013), (400, 3004)])
async def test_an_error_is_an_end_where_nothing_can_be_answered(
    make: Make, refusal: int, code: int
) -> None:
    world = make(without_namespace=let_in())

    class Gate:
        async def connect(self, event: Any) -> Any:
            raise Refused("no", refusal)

    world.node.gate = Gate()  # type: ignore[assignment]
    ear = Ear(world)
    ear.say("{}")
    await settle()
    assert ear.closed is not None
    assert ear.closed.code == code


async def test_whatever_else_it_says_nobody_listens(make: Make) -> None:
    world = make(without_namespace=let_in())
    ear = Ear(world)
    ear.say({"subs": {"lobby": {}}})
    ear.say("no json")
    await ear.told()
    ear.say('{"id":1,"publish":{"channel":"lobby","data":1}}')
    assert await ear.told() == []
    assert ear.closed is None
    ear.go()


async def test_it_is_pinged_and_need_not_answer(make: Make) -> None:
    world = make(without_namespace=let_in())
    ear = Ear(world)
    ear.say("{}")
    await ear.told()
    told = []
    for _ in range(4 * 25):
        await world.clock.advance(1.0)
        told += await ear.told()
    assert told
    assert told == [{}] * len(told)
    assert 3 <= len(told) <= 4
    assert ear.closed is None
    ear.go()


async def test_who_goes_while_it_is_asked_about_is_in_no_room(make: Make) -> None:
    world = make(without_namespace=let_in())
    asked = asyncio.Event()

    async def later(join: Join) -> Ticket:
        await asked.wait()
        return Ticket()

    world.node.rules.add("slow:{id}", let_in()).on_join = later
    ear = Ear(world)
    ear.say({"subs": {"slow:1": {}, "lobby": {}}})
    await settle()
    ear.go()
    asked.set()
    await settle()
    assert not world.node.live
    assert await ear.told() == []
