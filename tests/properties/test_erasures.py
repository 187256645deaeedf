"""Whatever is under way: a client never ends with what was erased, whichever way it learned of it.

Clients follow a durable room, page through its history and come back to it, while publications
are erased, reads and commits are held up, and another node does the same to the log. Each applies
what it is told in its order; in the end it has what the log has, of all that it has.
"""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.logs import SETTINGS
from tests.support.stores import ControlledStore
from tests.support.wired import Message, Peer, World

from hubbub.model import Draft, Position
from hubbub.testing import settle
from hubbub.wire.frames import unframe

ROOM = "a"
LIMIT = 8
"""Publications that are caught up with, and are in a page: less than there come to be."""

STEPS = 60


def blank(offset: int) -> Any:
    """What takes the place of what is erased."""
    return {"blank": offset}


class Reader:
    """A client that keeps what it is told, connection after connection."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.known: dict[int, Any] = {}
        self.position = Position(0, "")
        self.peer: Peer = world.arrive()
        self._asked: dict[int, str] = {}

    def ask(self, kind: str, **body: Any) -> None:
        command = self.peer.command(kind, **body)
        self._asked[command["id"]] = kind
        self.peer.say(command)

    def come(self) -> None:
        """Connect, and follow the room from where it was."""
        self._asked.clear()
        self.peer = self.world.arrive()
        offset, epoch = self.position
        since = {"recover": True, "offset": offset, "epoch": epoch} if epoch else {}
        self.ask("connect")
        self.ask("subscribe", channel=ROOM, **since)

    def go(self) -> None:
        self.hear()
        self.peer.vanish()

    def hear(self) -> None:
        for frame in unframe(self.peer.sink.take()):
            assert isinstance(frame, str)
            for line in frame.split("\n"):
                self._take(json.loads(line))
        assert self.peer.closed is None, self.peer.closed

    def _take(self, message: Message) -> None:
        if "push" in message:
            assert "pub" in message["push"], message
            self._apply(message["push"]["pub"], live=True)
            return
        assert "error" not in message, message
        kind = self._asked.pop(message["id"])
        body = message[kind]
        if kind == "subscribe":
            if not body.get("recovered"):
                self.known.clear()
            self.position = Position(body.get("offset", 0), body["epoch"])
        for one in body.get("publications", ()):
            self._apply(one, live=kind == "subscribe")

    def _apply(self, publication: Message, *, live: bool) -> None:
        offset, data = publication["offset"], publication["data"]
        for erased in data.get("erases", ()):
            if erased in self.known:
                self.known[erased] = blank(erased)
        self.known[offset] = data
        if live:
            assert offset == self.position.offset + 1
            self.position = self.position._replace(offset=offset)


class Run:
    def __init__(self, dice: random.Random, world: World, store: ControlledStore) -> None:
        self.dice = dice
        self.world = world
        self.store = store
        self.readers = [Reader(world) for _ in range(3)]
        self.published = 0
        self.erasable: list[int] = []
        """Those that erase nothing: who never hears of an erasure keeps what it took away."""
        self.tasks: list[asyncio.Future[Any]] = []

    def erasing(self) -> dict[int, Any]:
        """Some of what may be there by now."""
        count = self.dice.randint(0, min(3, len(self.erasable)))
        offsets = self.dice.sample(self.erasable, count)
        return {offset: blank(offset) for offset in offsets}

    def next_data(self, erased: dict[int, Any]) -> Any:
        self.published += 1
        if not erased:
            self.erasable.append(self.published)
        return {"number": self.published, "erases": [*erased]}

    async def step(self) -> None:
        dice, store = self.dice, self.store
        match dice.choice(["publish"] * 6 + ["page"] * 4 + ["back"] * 2 + ["hold"] * 2 + ["node"]):
            case "publish":
                erased = self.erasing()
                room = self.world.node.room(ROOM)
                publish = room.publish(self.next_data(erased), erase=erased)
                self.tasks.append(asyncio.ensure_future(publish))
            case "page":
                since = {"offset": dice.randint(1, self.published + 2), "epoch": ""}
                where = {"since": since} if dice.random() < 0.7 else {}
                reverse, limit = dice.random() < 0.5, dice.randint(1, LIMIT)
                reader = dice.choice(self.readers)
                reader.ask("history", channel=ROOM, limit=limit, reverse=reverse, **where)
            case "back":
                reader = dice.choice(self.readers)
                reader.go()
                reader.come()
            case "hold":
                what = [store.hold, store.release, store.hold_reads, store.release_reads]
                dice.choice(what)()
            case "node":
                await self.another_node()
        for _ in range(dice.choice([0, 1, 2, 5, 20])):
            await asyncio.sleep(0)
        for reader in self.readers:
            reader.hear()

    async def another_node(self) -> None:
        """Append as another node does, and be told of it. What is being read then is its own."""
        await self.calm()
        erased = self.erasing()
        data = json.dumps(self.next_data(erased)).encode()
        erase = [(offset, json.dumps(value).encode()) for offset, value in erased.items()]
        await self.store.inner.append([(ROOM, Draft(data, erase=erase))])
        if self.dice.random() < 0.5:
            await self.world.node.logs.refresh(ROOM)
        await self.calm()

    async def calm(self) -> None:
        self.store.release()
        self.store.release_reads()
        await asyncio.gather(*self.tasks)
        self.tasks.clear()
        await settle()
        await settle()

    async def end(self) -> None:
        await self.calm()
        await self.world.clock.advance(40)  # what another node appended is heard of by then
        await settle()
        page = await self.store.inner.read(ROOM, 0, 10_000, 10_000_000)
        log = {one.offset: one.value for one in page.publications}
        assert len(log) == self.published
        for reader in self.readers:
            reader.hear()
            assert reader.position == page.position
            assert reader.known == {offset: log[offset] for offset in reader.known}
            reader.peer.vanish()


async def run(dice: random.Random) -> None:
    """Play it once."""
    world = World(**{**SETTINGS, "recovery_limit": LIMIT, "history_page": LIMIT})
    play = Run(dice, world, await world.open_logs())
    for reader in play.readers:
        reader.come()
    for _ in range(STEPS):
        await play.step()
    await play.end()
    await world.end()


@settings(max_examples=200)
@given(st.integers(0, 2**32))
def test_nobody_ends_with_what_was_erased(seed: int) -> None:
    asyncio.run(run(random.Random(seed)))
