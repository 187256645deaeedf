"""Into the server, and into the rooms that it has for a client: protocol.md sections 3 and 8."""

from typing import Any

import pytest
from tests.engine.conftest import Make
from tests.support.wired import Message, Peer, World, let_in, refused

from hubbub.engine.events import Admission, Ticket
from hubbub.model import (
    BAD_REQUEST,
    CHANNEL_LIMIT,
    CONNECTION_LIMIT,
    INVALID_TOKEN,
    Disconnect,
    Draft,
)
from hubbub.testing import settle
from hubbub.wire import centrifuge as wire

RECOVER: dict[str, Any] = {"history_size": 10, "force_recovery": True}
JOINS: dict[str, Any] = {"join_leave": True, "force_push_join_leave": True, "presence": True}


def rooms(**options: Any) -> dict[str, Any]:
    return {"without_namespace": let_in(**options)}


def publish(world: World, *values: int) -> None:
    for value in values:
        world.node.publish("a", Draft(str(value).encode()))


def epoch_of(world: World) -> str:
    return world.node.history_of("a", 0, None, None).position.epoch


def entries(first: int, last: int) -> list[Message]:
    return [{"data": number, "offset": number} for number in range(first, last + 1)]


async def subscribed(peer: Peer, room: str) -> Any:
    return await peer.ask("subscribe", channel=room)


async def test_a_connection_has_an_id_of_its_own_and_hears_the_servers_version(make: Make) -> None:
    world = make(**rooms())
    results = [(await world.arrive().ask("connect", token="ann"))["connect"] for _ in range(20)]
    assert len({result["client"] for result in results}) == 20
    assert all(result["version"] and result["client"] for result in results)
    assert set(results[0]) == {"client", "version", "ping", "pong"}
    assert set(world.node.clients) == {result["client"] for result in results}


async def test_the_gate_is_given_what_the_client_says_of_itself(make: Make) -> None:
    world = make(**rooms())
    await world.connect("ann", data={"a": [1]}, headers={"X-Y": "z"}, name="js", version="1")
    await world.connect("", data=None)
    first, second = world.gate.asked
    assert (first.token, first.data, first.headers) == ("ann", {"a": [1]}, {"X-Y": "z"})
    assert (second.token, second.data, second.headers) == (None, None, {})


async def test_what_a_token_says_to_the_application_alone_reaches_nobody_else(make: Make) -> None:
    world = make(**rooms(presence=True, allow_presence_for_subscriber=True))
    world.gate.admissions["t"] = Admission("ann", meta={"secret": 1}, info=b"{}")
    peer = await world.connect("t")
    await peer.ask("subscribe", channel="a")
    assert peer.client.meta == {"secret": 1}
    assert "secret" not in str(await peer.ask("presence", channel="a"))


async def test_rooms_of_the_server_are_in_the_reply_to_connect_and_joins_come_behind(
    make: Make,
) -> None:
    world = make(**rooms(**RECOVER, **JOINS))
    publish(world, 1, 2)
    world.gate.admissions["t"] = Admission(
        "ann", subs={"a": Ticket(data=b"1"), "b": Ticket()}, data=b'{"x":1}'
    )
    peer = world.arrive()
    peer.say(peer.command("connect", token="t"))
    await settle()
    assert peer.sink.frames[0].index(b'"connect"') > 0
    result = (await peer.answer(1))["connect"]
    base = {"recoverable": True, "positioned": True, "epoch": epoch_of(world)}
    assert result["subs"] == {"a": {**base, "offset": 2, "data": 1}, "b": base}
    assert result["data"] == {"x": 1}
    assert {push["channel"] for push in await peer.told()} == {"a", "b"}
    assert await subscribed(peer, "a") == refused(105)
    publish(world, 3)
    assert await peer.heard("a") == [3]


async def test_rooms_of_the_server_recover_what_the_client_says_it_missed(make: Make) -> None:
    world = make(**rooms(**RECOVER))
    publish(world, 1, 2, 3)
    world.gate.admissions["t"] = Admission("ann", subs={"a": Ticket()})
    peer = world.arrive()
    since = {"recover": True, "offset": 1, "epoch": epoch_of(world)}
    answer = await peer.ask("connect", token="t", subs={"a": since, "elsewhere": since})
    result = answer["connect"]["subs"]
    assert list(result) == ["a"]
    assert result["a"]["recovered"] and result["a"]["publications"] == entries(2, 3)


async def test_a_room_of_the_server_that_cannot_be_keeps_the_client_out(make: Make) -> None:
    world = make(channel_limit=2, **rooms())
    world.gate.admissions["unknown"] = Admission("ann", subs={"no:where": Ticket()})
    world.gate.admissions["many"] = Admission("ann", subs={name: Ticket() for name in "abc"})
    peer = world.arrive()
    assert await peer.ask("connect", token="unknown") == refused(102)
    assert await world.arrive().ask("connect", token="many") == CHANNEL_LIMIT
    assert world.node.clients == {}
    assert world.node.live == {}


async def test_everyone_has_a_room_of_their_own_where_it_is_set(make: Make) -> None:
    world = make(personal_channel=True, namespaces={"user": let_in()}, personal_namespace="user")
    peer = world.arrive()
    assert list((await peer.ask("connect", token="ann"))["connect"]["subs"]) == ["user:#ann"]
    world.node.room("user:#ann").broadcast("hi")
    assert await peer.heard("user:#ann") == ["hi"]
    nobody = world.arrive()
    assert "subs" not in (await nobody.ask("connect"))["connect"]
    world = make(personal_channel=True)
    assert list((await world.arrive().ask("connect", token="x"))["connect"]["subs"]) == ["#x"]


async def test_one_user_has_so_many_connections_and_no_more(make: Make) -> None:
    world = make(user_connections=2, **rooms())
    first, _ = await world.connect("ann"), await world.connect("ann")
    third = world.arrive()
    assert await third.ask("connect", token="ann") == CONNECTION_LIMIT
    assert await world.connect("bob")
    for _ in range(3):
        assert await world.connect()  # nobody in particular is not one user
    assert len(world.node.user("ann")) == 2
    first.vanish()
    assert await world.connect("ann")


async def test_without_a_gate_only_anonymous_clients_come_in_and_only_if_they_may(
    make: Make,
) -> None:
    for anonymous in (True, False):
        world = make(anonymous=anonymous, **rooms())
        world.node.gate = None
        answer = await world.arrive().ask("connect")
        assert ("connect" in answer) if anonymous else answer == BAD_REQUEST
        assert await world.arrive().ask("connect", token="t") == INVALID_TOKEN


@pytest.mark.parametrize(
    "why", [INVALID_TOKEN, Disconnect(4321, "go"), wire.TOKEN_EXPIRED, wire.UNKNOWN_CHANNEL]
)
async def test_what_the_gate_says_is_what_the_client_is_told(
    make: Make, why: Disconnect | wire.Error
) -> None:
    world = make(**rooms())
    world.gate.admissions["t"] = why
    expected = why if isinstance(why, Disconnect) else refused(why.code)
    assert await world.arrive().ask("connect", token="t") == expected
    assert world.node.clients == {}
