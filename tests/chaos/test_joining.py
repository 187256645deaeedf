"""Thousands join while others publish: what a reply brings ends where the live ones begin.

And a hundred thousand rooms come and go, and nothing is left of them.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from typing import Any

import pytest
from fastapi import FastAPI
from tests.support.peers import Peer as SocketPeer
from tests.support.peers import until
from tests.support.server import serving
from tests.support.wired import Message, Peer, World, let_in

from hubbub import Hub, Settings
from hubbub.engine.events import Ticket
from hubbub.model import Draft
from hubbub.options import RoomOptions
from hubbub.wire.frames import unframe

OPTIONS: dict[str, Any] = {
    "history_size": 100,
    "force_recovery": True,
    "allow_recovery": True,
    "allow_publish_for_client": True,
    "allow_publish_for_anonymous": True,
    "allow_subscribe_for_client": True,
    "allow_subscribe_for_anonymous": True,
}

JOINERS = 1_000

SUBSCRIBE = '{"id":1,"subscribe":{"channel":"%s"}}'
UNSUBSCRIBE = '{"id":2,"unsubscribe":{"channel":"%s"}}'


class Seen:
    """What one joiner has been told, held against the order that it must have."""

    def __init__(self) -> None:
        self.last: int | None = None
        self.recovered = 0
        self.live = 0
        self.outcome = ""

    def reply(self, result: Message) -> None:
        assert self.last is None, "subscribed twice"
        self.last = result.get("offset", 0)
        for publication in result.get("publications", ()):
            self.publication(publication)
            self.recovered += 1

    def push(self, publication: Message) -> None:
        self.publication(publication)
        self.live += 1

    def hear(self, message: str | bytes) -> None:
        """One frame."""
        assert isinstance(message, str)
        for line in message.split("\n"):
            told = json.loads(line)
            if "subscribe" in told:
                self.reply(told["subscribe"])
                self.outcome = outcome_of(told["subscribe"])
            elif "push" in told:
                self.push(told["push"]["pub"])
            else:
                assert "connect" in told, told

    def publication(self, publication: Message) -> None:
        assert self.last is not None, "a publication before the reply"
        self.last += 1
        assert publication["offset"] == self.last, "a gap, or a repeat"
        assert publication["data"] == self.last, "somebody else's data"


def outcome_of(result: Message) -> str:
    if "was_recovering" not in result:
        return "first"
    return "recovered" if result.get("recovered") else "told"


def asked(choose: random.Random, top: int, epoch: str) -> Message:
    """A first subscribe, or one that recovers from an old position or from one too old."""
    body: Message = {"channel": "flood"}
    if choose.random() < 0.7:
        offset = max(0, top - choose.choice([0, 1, 5, 50, 99, 150]))
        body |= {"recover": True, "offset": offset, "epoch": epoch}
    return body


async def test_a_thousand_join_a_flood_without_a_gap_or_a_repeat() -> None:
    world = World(without_namespace=RoomOptions(**OPTIONS), channel_limit=5)
    choose = random.Random(1)
    top = 0
    epoch = world.node.history_of("flood", 0, None, None).position.epoch
    joiners: list[tuple[Peer, Seen]] = []

    def publish(count: int) -> None:
        nonlocal top
        for _ in range(count):
            top += 1
            position = world.node.publish("flood", Draft(b"%d" % top))
            assert position is not None and position.offset == top

    async def slow_join(join: Any) -> Ticket:
        for _ in range(choose.randrange(4)):
            await asyncio.sleep(0)
        return Ticket()

    rule = world.node.rules.default
    assert rule is not None
    publish(150)
    for number in range(JOINERS):
        # Some join at once, some while the application thinks and others publish.
        rule.on_join = slow_join if number % 3 == 0 else None
        peer = world.arrive()
        joiners.append((peer, Seen()))
        body = asked(choose, top, epoch)
        peer.say(peer.command("connect"), peer.command("subscribe", **body))
        publish(choose.randrange(3))
        if choose.random() < 0.5:
            await asyncio.sleep(0)
    for _ in range(10):
        publish(1)
        await asyncio.sleep(0)
    for peer, seen in joiners:
        for frame in unframe(peer.sink.take()):
            seen.hear(frame)
        assert seen.last == top, "something is missing at the end"
        assert seen.live > 0
    outcomes = Counter(seen.outcome for _, seen in joiners)
    assert set(outcomes) == {"first", "recovered", "told"}
    assert min(outcomes.values()) > 50, outcomes
    assert len(world.node.room("flood")) == JOINERS
    await world.end()


async def test_a_hundred_join_a_flood_over_sockets_without_a_gap_or_a_repeat() -> None:
    hub = Hub(settings=Settings(without_namespace=RoomOptions(**OPTIONS), anonymous=True))
    app = FastAPI(lifespan=hub.lifespan)
    app.include_router(hub.router)
    choose = random.Random(2)
    joiners: list[tuple[SocketPeer, Seen]] = []
    top = 0
    over = asyncio.Event()

    async with serving(app) as server:

        async def flood() -> None:
            nonlocal top
            while not over.is_set():
                top += 1
                await hub.room("flood").publish(top)
                await asyncio.sleep(0.001)

        flooding = asyncio.create_task(flood())
        epoch = hub.node.history_of("flood", 0, None, None).position.epoch
        for _ in range(100):
            peer = await SocketPeer.connect(server.port, "/connection/websocket")
            seen = Seen()
            joiners.append((peer, seen))
            peer.listen(seen.hear)
            body = asked(choose, top, epoch)
            lines = [{"id": 1, "connect": {}}, {"id": 2, "subscribe": body}]
            await peer.send("\n".join(json.dumps(line) for line in lines))
        await until(lambda: all(seen.outcome for _, seen in joiners))
        over.set()
        await flooding
        await until(lambda: all(seen.last == top for _, seen in joiners))
        assert all(peer.ended is None for peer, _ in joiners)
        assert sum(seen.recovered for _, seen in joiners) > 100
        for peer, _ in joiners:
            await peer.close()
        await until(lambda: not hub.node.clients)
        assert hub.node.live == {}


@pytest.mark.timeout(120)
async def test_a_hundred_thousand_rooms_come_and_go_and_nothing_is_left() -> None:
    world = World(
        namespaces={"kept": let_in(history_size=10, force_recovery=True, presence=True)},
        without_namespace=let_in(join_leave=True),
    )
    peers = [await world.connect(f"user {number}") for number in range(10)]
    for number in range(0, 100_000, 50):
        peer = peers[number // 50 % 10]
        prefix = "kept:" if number % 100 else ""
        names = [f"{prefix}{room}" for room in range(number, number + 50)]
        peer.client.received(["\n".join(SUBSCRIBE % name for name in names)])
        assert len(world.node.live) == 50
        peer.client.received(["\n".join(UNSUBSCRIBE % name for name in names)])
        assert len(world.node.live) == 0
        await asyncio.sleep(0)
        written = peer.sink.take()
        assert written.count(b'"unsubscribe":{}') == 50
        assert b"error" not in written
    assert len(world.node.memory.streams) == 0
    assert len(world.node.memory.once) == 0
    assert len(world.node.hooks) == 0
    assert len(world.node.rules._cache) <= 10_000
    assert all(peer.client.subs == {} for peer in peers)
    await world.end()
