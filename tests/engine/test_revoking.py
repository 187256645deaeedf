"""What is taken from users is taken from those who are about to have it, too."""

import asyncio
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from tests.engine.conftest import Make
from tests.support.wired import Peer, World, let_in, refused

from hubbub.engine import control
from hubbub.engine.events import Admission, Join, Ticket
from hubbub.engine.revoking import Revoked, Revoking, connection_revoked, room_revoked
from hubbub.model import FORCED, INSUFFICIENT_STATE, Disconnect
from hubbub.testing import until

OUT = Disconnect(4403, "out")
ROOMS: dict[str, Any] = {
    "without_namespace": let_in(history_size=10),
    "namespaces": {"log": let_in(durability="commit")},
    "client_ping_interval": 100_000,
}


class Asked:
    """Something that is being looked up until the test lets it be answered."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.began = asyncio.Event()
        self.may_end = asyncio.Event()

    async def __call__(self, *_: Any) -> Any:
        self.began.set()
        await self.may_end.wait()
        return self.answer


async def connecting(world: World, asked: Asked) -> tuple[Peer, dict[str, Any]]:
    """A client about which the gate is being asked."""
    world.gate.connect = asked  # type: ignore[assignment, method-assign]
    peer = world.arrive()
    command = peer.command("connect", token="t")
    peer.say(command)
    await asked.began.wait()
    return peer, command


async def entering(world: World, room: str, user: str) -> tuple[Peer, dict[str, Any], Asked]:
    """A client about which a room's `on_join` is being asked."""
    peer = await world.connect(user)
    asked, rule = Asked(Ticket()), world.node.rules.find(room)
    assert rule is not None
    rule.on_join = asked
    command = peer.command("subscribe", channel=room)
    peer.say(command)
    await asked.began.wait()
    return peer, command, asked


CONNECTIONS = [*product(("ann", "bob", ""), ("", "phone", "desk"), ("", "one", "other"))]
"""User, login and id."""


@pytest.mark.parametrize(
    ("narrower", "meant"),
    [
        ({}, lambda session, client: True),
        ({"session": "phone"}, lambda session, client: session == "phone"),
        ({"client": "one"}, lambda session, client: client == "one"),
        ({"room": "a"}, lambda session, client: False),
    ],
)
def test_it_is_taken_from_all_of_a_user_or_from_one_login_or_connection(
    narrower: dict[str, str], meant: Callable[[str, str], bool]
) -> None:
    revoked = [Revoked("bob", OUT, "b"), Revoked("ann", OUT, **narrower)]
    for user, session, client in CONNECTIONS:
        found = connection_revoked(revoked, user, session, client)
        assert (found is not None) is (user == "ann" and meant(session, client))
        room = narrower.get("room", "")
        in_room = room_revoked(revoked, "a", user, session, client)
        assert in_room is (user == "ann" and room == "a")
        assert room_revoked(revoked, "b", user, session, client) is (user == "bob")


def test_who_waits_is_told_of_its_user_and_who_has_no_name_yet_of_all() -> None:
    revoking = Revoking()
    ann, bob = Revoked("ann", OUT), Revoked("bob", OUT, "a")
    nobody = Revoked("", OUT)
    with revoking.watching("ann") as of_ann, revoking.watching("") as of_all:
        for one in (ann, bob, nobody):
            revoking.revoke(one)
    assert (of_ann, of_all) == ([ann], [ann, bob, nobody])


# Connections. ----------------------------------------------------------------------------------


@pytest.mark.parametrize("room", ["", "log:a"])
async def test_who_is_disconnected_while_the_gate_is_asked_does_not_come_in(
    make: Make, room: str
) -> None:
    world = make(**ROOMS)
    await world.open_logs()
    subs = {room: Ticket()} if room else {}
    asked = Asked(Admission("ann", subs=subs))
    peer, command = await connecting(world, asked)
    world.node.user("ann").disconnect(4403, "out")
    asked.may_end.set()
    assert await peer.answer(command["id"]) == OUT
    assert peer.closed == OUT
    assert len(world.node.revoking) == 0


async def test_who_is_disconnected_while_the_log_of_its_room_is_looked_at_does_not_come_in(
    make: Make,
) -> None:
    world = make(**ROOMS)
    store = await world.open_logs()
    world.gate.admissions["t"] = Admission("ann", subs={"log:a": Ticket()})
    store.hold_reads()
    peer = world.arrive()
    command = peer.command("connect", token="t")
    peer.say(command)
    await until(lambda: store.reads)
    world.node.user("ann").disconnect(4403, "out")
    store.release_reads()
    assert await peer.answer(command["id"]) == OUT


async def test_who_is_disconnected_before_or_is_somebody_else_comes_in(make: Make) -> None:
    world = make(**ROOMS)
    world.node.user("ann").disconnect(4403, "out")
    asked = Asked(Admission("ann", session="new"))
    peer, command = await connecting(world, asked)
    world.node.user("bob").disconnect(4403, "out")
    world.node.user("ann").disconnect(4403, "out", session="old")
    control.unsubscribe(world.node, "ann", "a")
    control.disconnect(world.node, "", FORCED)
    asked.may_end.set()
    assert "connect" in await peer.answer(command["id"])
    assert peer.client.session == "new"


async def test_a_login_that_ends_while_the_gate_is_asked_does_not_come_in(make: Make) -> None:
    world = make(**ROOMS)
    asked = Asked(Admission("ann", session="old"))
    peer, command = await connecting(world, asked)
    world.node.user("ann").disconnect(4403, "out", session="old")
    asked.may_end.set()
    assert await peer.answer(command["id"]) == OUT


async def test_who_loses_a_room_while_the_gate_is_asked_comes_back_to_be_asked_about_anew(
    make: Make,
) -> None:
    world = make(**ROOMS)
    asked = Asked(Admission("ann", subs={"a": Ticket(), "b": Ticket()}))
    peer, command = await connecting(world, asked)
    control.unsubscribe(world.node, "ann", "b")
    asked.may_end.set()
    assert await peer.answer(command["id"]) == INSUFFICIENT_STATE
    assert not world.node.live


# Rooms. ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", ["a", "log:a"])
async def test_who_is_taken_out_of_a_room_while_it_asks_to_enter_stays_out(
    make: Make, room: str
) -> None:
    world = make(**ROOMS)
    await world.open_logs()
    peer, command, asked = await entering(world, room, "ann")
    control.unsubscribe(world.node, "ann", room)
    asked.may_end.set()
    assert await peer.answer(command["id"]) == refused(103)
    assert world.node.live == {}
    assert len(world.node.revoking) == 0


async def test_who_is_taken_out_while_the_log_is_looked_at_stays_out(make: Make) -> None:
    world = make(**ROOMS)
    store = await world.open_logs()
    store.hold_reads()
    peer, command, asked = await entering(world, "log:a", "ann")
    asked.may_end.set()
    await until(lambda: store.reads)
    control.unsubscribe(world.node, "ann", "log:a")
    store.release_reads()
    assert await peer.answer(command["id"]) == refused(103)


async def test_who_is_taken_out_of_another_room_or_was_before_enters(make: Make) -> None:
    world = make(**ROOMS)
    control.unsubscribe(world.node, "ann", "a")
    peer, command, asked = await entering(world, "a", "ann")
    control.unsubscribe(world.node, "ann", "b")
    control.unsubscribe(world.node, "bob", "a")
    control.unsubscribe(world.node, "ann", "a", client="another")
    control.unsubscribe(world.node, "ann", "a", session="another")
    asked.may_end.set()
    assert "subscribe" in await peer.answer(command["id"])


async def test_whoever_was_refused_may_ask_again(make: Make) -> None:
    world = make(**ROOMS)
    peer, command, asked = await entering(world, "a", "ann")
    control.unsubscribe(world.node, "ann", "a")
    asked.may_end.set()
    assert await peer.answer(command["id"]) == refused(103)
    assert "subscribe" in await peer.ask("subscribe", channel="a")


async def test_a_hook_that_fails_or_is_refused_leaves_nobody_waiting(make: Make) -> None:
    world = make(**ROOMS)
    rule = world.node.rules.find("a")
    assert rule is not None

    async def fails(join: Join) -> Ticket:
        raise KeyError

    rule.on_join = fails
    peer = await world.connect("ann")
    assert await peer.ask("subscribe", channel="a") == refused(100)
    assert len(world.node.revoking) == 0


async def test_who_is_put_into_a_durable_room_and_taken_out_at_once_is_out(make: Make) -> None:
    world = make(**ROOMS)
    await world.open_logs()
    peer = await world.connect("ann")
    control.subscribe_soon(world.node, "ann", "log:a")
    control.unsubscribe(world.node, "ann", "log:a")
    assert await peer.told() == []
    assert peer.client.subs == {}
    control.subscribe_soon(world.node, "ann", "log:a")
    control.unsubscribe(world.node, "ann", "log:a")
    control.subscribe_soon(world.node, "ann", "log:a")
    assert [*(await peer.told())[0]] == ["channel", "subscribe"]
    assert [*peer.client.subs] == ["log:a"]
    assert len(world.node.revoking) == 0
