"""Live figures on lines that do not carry them all: `latest_only` and `batch_interval`."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.support.arena import Way, arena, both_loops, every_way
from tests.support.peers import Peer, until

from hubbub import Member
from hubbub.options import OPEN

pytestmark = both_loops

KEYS = 10
PADDING = "x" * 1_000
EACH = len(f"key 0 1000 {PADDING}") + 4
"""Bytes of a figure on the line, at most."""


def rooms(**options: Any) -> dict[str, Any]:
    return {
        "anonymous": True,
        "without_namespace": {**OPEN.model_dump(exclude_unset=True), **options},
    }


def thin(**options: Any) -> dict[str, Any]:
    """With an outbox that a backlog of two seconds would not fit into."""
    return {
        **rooms(latest_only=True, latest_key="key", **options),
        "outbox_bytes": 65_536,
        "outbox_seconds": 60.0,
    }


def figure(message: str | bytes) -> tuple[str, int]:
    """What it is about, and its number."""
    assert isinstance(message, str)
    _, key, number, _ = message.split(" ", 3)
    return key, int(number)


async def tell(here: Any, quick: Peer, rounds: range) -> None:
    """A figure of each key a round, once who reads has heard those of the last."""
    room = here.hub.room("lobby")
    for number in rounds:
        for key in range(KEYS):
            text = f"key {key} {number} {PADDING}"
            await room.publish(text, tags={"key": str(key)})
        await quick.heard((number + 1) * KEYS)


@every_way
async def test_who_does_not_read_for_minutes_gets_little_and_that_is_true(way: Way) -> None:
    """Ten figures a second for almost two minutes, one after the other without the waiting."""
    async with arena(ws=way.ws, **thin()) as here:
        stalled = await here.connect(f"{way.path}/lobby", receive_buffer=4096)
        await here.in_room("lobby", 1)
        member = here.member("lobby")
        assert isinstance(member, Member)
        quick = (await here.connect(f"{way.path}/lobby")).listen(figure)
        await here.in_room("lobby", 2)
        reached = 0
        while not member.behind:
            await tell(here, quick, range(reached, reached + 1))
            reached += 1
        rounds = reached + 1_000
        await tell(here, quick, range(reached, rounds))
        everything = [(str(key), number) for number in range(rounds) for key in range(KEYS)]
        assert quick.messages == everything
        assert member._outbox is not None
        assert member._outbox.size <= KEYS * EACH

        heard = [figure(await stalled.receive())]
        while heard[-1] != everything[-1]:
            heard.append(figure(await stalled.receive()))
        assert heard[-KEYS:] == everything[-KEYS:]
        assert heard[:-KEYS] == everything[: len(heard) - KEYS]  # what was on its way already
        assert len(heard) <= reached * KEYS + KEYS
        await until(lambda: not member.behind)
        await tell(here, quick, range(rounds, rounds + 2))
        assert [figure(await stalled.receive()) for _ in range(2 * KEYS)] == quick.messages[-20:]
        assert here.leaves == []


@every_way
async def test_what_comes_together_is_all_of_it_and_in_order(way: Way) -> None:
    async with arena(ws=way.ws, **rooms(batch_interval=0.02)) as here:
        peers = [peer.listen(figure) for peer in await here.crowd(3, f"{way.path}/lobby")]
        await here.in_room("lobby", 3)
        for number in range(200):
            here.hub.room("lobby").broadcast(f"key 0 {number} {PADDING}")
            if number % 7 == 0:
                await asyncio.sleep(0.003)
        for peer in peers:
            assert await peer.heard(200) == [("0", number) for number in range(200)]


@every_way
async def test_at_an_interval_the_newest_of_each_key_is_what_remains(way: Way) -> None:
    async with arena(ws=way.ws, **thin(batch_interval=0.02)) as here:
        peer = (await here.connect(f"{way.path}/lobby")).listen(figure)
        await here.in_room("lobby", 1)
        last = ("9", 299)
        for number in range(300):
            for key in range(KEYS):
                text = f"key {key} {number} {PADDING}"
                await here.hub.room("lobby").publish(text, tags={"key": str(key)})
        await until(lambda: peer.messages and peer.messages[-1] == last)
        assert peer.messages[-KEYS:] == [(str(key), 299) for key in range(KEYS)]
        assert len(peer.messages) < 300 * KEYS
        for key in range(KEYS):
            numbers = [number for of, number in peer.messages if of == str(key)]
            assert numbers == sorted(set(numbers))
