"""Whoever comes and goes, and whatever is published, sent and erased in between: who is told what
has changed ends with what was said.

Followers of both encodings, with deltas and without, are in one room; what they are told is put
together by the codecs of a published client, and is to be what was published at that offset.
"""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.documents import change, document
from tests.support.versions import Follower
from tests.support.wired import World, let_in

from hubbub.model import Draft
from hubbub.testing import settle

ROOM = "a"
LIMIT = 6
"""Publications that are caught up with: fewer than there come to be."""

STEPS = 50

DELTAS: dict[str, Any] = {"force_recovery": True, "allowed_delta_types": ["fossil"]}
MEMORY = {**DELTAS, "history_size": LIMIT}
DURABLE = {**DELTAS, "durability": "commit"}


class Play:
    """One room, who follows it, and all that was ever said in it by offset."""

    def __init__(self, dice: random.Random, world: World, durable: bool) -> None:
        self.dice = dice
        self.world = world
        self.durable = durable
        self.rows = document(600, dice)
        self.said: dict[int, list[Any]] = {0: []}
        self.top = 0
        self.followers = [
            Follower(
                world, ROOM, protobuf=bool(number % 2), **({"delta": ""} if number > 3 else {})
            )
            for number in range(6)
        ]
        self.patches = 0

    def document(self) -> Any:
        """The next one: a few values changed, or now and then another altogether."""
        if self.dice.random() < 0.15:
            self.rows = document(self.dice.randrange(1, 600), self.dice)
        self.rows = change(self.rows, self.dice.randrange(4), self.dice)
        return self.rows

    async def publish(self) -> None:
        room, rows = self.world.node.room(ROOM), self.document()
        self.top += 1
        self.said[self.top] = [rows]
        erase = {}
        if self.durable and self.dice.random() < 0.3:
            offset = self.dice.randint(max(1, self.top - 4), self.top)
            if offset < self.top:
                erase[offset] = {"erased": offset}
                self.said[offset].append(erase[offset])
        await room.publish(rows, delta=self.dice.random() < 0.8, erase=erase)

    async def step(self) -> None:
        dice, node = self.dice, self.world.node
        follower = dice.choice(self.followers)
        sub = follower.client.subs.get(ROOM)
        match dice.choice(
            ["publish"] * 8 + ["move"] * 6 + ["broadcast", "send", "unstored", "bulk"]
        ):
            case "publish":
                await self.publish()
            case "bulk":
                if not self.durable:
                    for _ in range(3):
                        self.top += 1
                        self.said[self.top] = [self.document()]
                        data = json.dumps(self.said[self.top][0]).encode()
                        node.publish(ROOM, Draft(data, delta=True))
            case "move" if sub is None:
                await follower.come()
            case "move":
                await follower.go()
                if dice.random() < 0.3:
                    follower.begin_anew()
            case "broadcast":
                excluded = sub if dice.random() < 0.5 else None
                self.said[0].append(self.document())
                node.room(ROOM).broadcast(self.said[0][-1], exclude=excluded)
            case "send" if sub is not None:
                self.said[0].append(self.document())
                sub.send(self.said[0][-1])
            case "unstored":
                self.said[0].append(self.document())
                await node.room(ROOM).publish(self.said[0][-1], history=False)
        if dice.random() < 0.5:
            await settle()

    async def end(self) -> None:
        await settle()
        for follower in self.followers:
            if ROOM not in follower.client.subs:
                await follower.come()
            await follower.hear()
            assert follower.sink.closed is None
            assert follower.position.offset == self.top
            for offset, data in follower.told:
                assert data in self.said[offset]
            self.patches += sum(way.startswith("patch") for way in follower.how)


async def run(dice: random.Random, durable: bool, every: bool) -> int:
    """Play it once; how many patches there were."""
    options = let_in(**(DURABLE if durable else MEMORY), delta_publish=every)
    world = World(without_namespace=options, recovery_limit=LIMIT, client_ping_interval=100_000)
    if durable:
        await world.open_logs()
    play = Play(dice, world, durable)
    for follower in play.followers:
        await follower.come()
    for _ in range(STEPS):
        await play.step()
    await play.end()
    await world.end()
    return play.patches


@settings(max_examples=100)
@given(st.integers(0, 2**32), st.booleans(), st.booleans())
def test_who_is_told_what_has_changed_ends_with_what_was_said(
    seed: int, durable: bool, every: bool
) -> None:
    asyncio.run(run(random.Random(seed), durable, every))


def test_the_play_is_about_patches() -> None:
    for durable in (False, True):
        for every in (False, True):
            assert asyncio.run(run(random.Random(1), durable, every)) > 20
