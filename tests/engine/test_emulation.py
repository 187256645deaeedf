"""A client whose commands come apart from what it is told (protocol.md section 17)."""

from __future__ import annotations

import json
from typing import Any

from tests.engine.conftest import Make
from tests.support.wired import Sink, World, let_in

from hubbub.engine.emulation import EmulatedClient
from hubbub.model import INVALID_TOKEN, VANISHED
from hubbub.testing import settle
from hubbub.wire.centrifuge_json import JSON_EVENTS, JSON_LINES
from hubbub.wire.centrifuge_protobuf import PROTOBUF_BYTES


def lines(sink: Sink) -> list[Any]:
    return [json.loads(line) for line in sink.take().splitlines()]


async def come_in(world: World) -> tuple[EmulatedClient, Sink, Any]:
    sink = Sink()
    client = EmulatedClient(world.node, sink, JSON_LINES)
    client.received(['{"id":1,"connect":{}}'])
    await settle()
    (hello,) = lines(sink)
    return client, sink, hello["connect"]


async def test_it_is_told_where_to_send_its_commands(make: Make) -> None:
    world = make(without_namespace=let_in())
    client, _, hello = await come_in(world)
    assert hello["node"] == world.node.id
    assert world.node.emulated == {hello["session"]: client}
    assert hello["session"] != client.id, "which everyone in its rooms sees"
    other, _, again = await come_in(world)
    assert again["session"] != hello["session"]
    for one in (client, other):
        one.lost(VANISHED)


async def test_nobody_is_found_who_is_not_let_in_or_gone(make: Make) -> None:
    world = make(without_namespace=let_in())
    world.gate.admissions["nonsense"] = INVALID_TOKEN
    sink = Sink()
    client = EmulatedClient(world.node, sink, JSON_LINES)
    assert world.node.emulated == {}
    client.received(['{"id":1,"connect":{"token":"nonsense"}}'])
    await settle()
    assert sink.closed is not None
    assert world.node.emulated == {}
    client, _, _ = await come_in(world)
    client.lost(VANISHED)
    assert world.node.emulated == {}


async def test_it_hears_what_everybody_hears_in_its_own_framing(make: Make) -> None:
    world = make(without_namespace=let_in())
    ann = await world.connect("ann")
    client, sink, _ = await come_in(world)
    client.received(['{"id":2,"subscribe":{"channel":"lobby"}}'])
    await settle()
    assert lines(sink) == [{"id": 2, "subscribe": {}}]
    await world.node.room("lobby").publish({"a": 1})
    await settle()
    assert sink.take() == b'{"push":{"channel":"lobby","pub":{"data":{"a":1}}}}\n'
    client.lost(VANISHED)
    ann.vanish()


async def test_a_room_of_many_framings_makes_each_message_once_an_encoding(make: Make) -> None:
    world = make(without_namespace=let_in())
    node = world.node
    made: list[str] = []
    sinks = []
    for one in (JSON_LINES, JSON_EVENTS, PROTOBUF_BYTES, JSON_LINES):
        sink = Sink()
        client = EmulatedClient(node, sink, one)
        said: list[str | bytes] = [
            '{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"lobby"}}'
        ]
        if one is PROTOBUF_BYTES:
            said = [b"\x04\x08\x01\x22\x00", b"\x0b\x08\x02\x2a\x07\x0a\x05lobby"]
        client.received(said)
        await settle()
        sink.take()
        sinks.append((client, sink))
    for audience in node.live["lobby"].audiences:
        codec = audience.kind.codec
        name, make_message = codec.encoding, codec.payloads("lobby")

        def counted(publication: Any, name: str = name, make_message: Any = make_message) -> bytes:
            made.append(name)
            message: bytes = make_message(publication)
            return message

        audience._messages = counted
    await node.room("lobby").publish(1)
    await settle()
    assert sorted(made) == ["json", "protobuf"]
    told = [sink.take() for _, sink in sinks]
    assert told[0] == told[3] == b'{"push":{"channel":"lobby","pub":{"data":1}}}\n'
    assert told[1] == b"data: " + told[0] + b"\n"
    assert told[2].endswith(b"\x22\x03\x22\x011")
    for client, _ in sinks:
        client.lost(VANISHED)
