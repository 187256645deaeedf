"""N-3 and N-4: whoever is cut off, for however long and wherever, gets all of it or is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.support.cable import CHUNK, Cable, cable
from tests.support.invariants import EMPTY, Listener, Publisher, Report, Witness
from tests.support.logs import (
    LogServer,
    enter,
    hear,
    log_server,
    since,
    world_on,
)
from tests.support.peers import until
from tests.support.publishers import GONE, Wire, tell_history
from tests.support.stores import ControlledStore
from tests.support.wired import Peer, World

from hubbub.client import Back, Lost, Publication, Room, connect
from hubbub.model import Appended, Draft, Page, Position
from hubbub.stores.sqlite import SQLiteStore

ROOM = "room"


# N-3. ------------------------------------------------------------------------------------------


async def publish(server: LogServer, publisher: Publisher, numbers: Sequence[int]) -> None:
    for number in numbers:
        data = {"id": f"m{number}"}
        publisher.sent(ROOM, data["id"], data)
        position = await server.hub.publish(ROOM, data)
        assert position is not None
        publisher.acknowledged(ROOM, data["id"], *position)


async def hear_back(room: Room, listener: Listener) -> Back:
    """Read on until it is told that it was lost, and is back."""
    async for event in room.events():
        if isinstance(event, Publication):
            listener.heard(ROOM, event.offset, event.data)
        elif isinstance(event, Lost):
            listener.cut()
        elif isinstance(event, Back):
            return event
    raise AssertionError(room.ended)


async def page_all(room: Room, listener: Listener) -> Position:
    """Read the history from where `listener` is."""
    while True:
        history = await room.history(300, since=listener.positions[ROOM])
        if not history.publications:
            return history.position
        for one in history.publications:
            listener.heard(ROOM, one.offset, one.data)


@pytest.mark.parametrize("limit", [2_000, 999], ids=["whole", "told"])
async def test_a_published_client_that_is_cut_off_while_1000_messages_pass(
    tmp_path: Path, limit: int
) -> None:
    """N-3: it is brought all of them; beyond `recovery_limit` it is told, and pages the history."""
    witness, store = Witness(), SQLiteStore(tmp_path / "log.db")
    async with (
        log_server(store, recovery_limit=limit) as server,
        cable(f"127.0.0.1:{server.port}") as line,
        connect(f"http://{line.at}") as client,
    ):
        publisher, listener = witness.publisher("publisher"), witness.listener("listener")
        room = await client.join(ROOM, unread=3_000)
        listener.reset(ROOM, Position(0, (await room.history(0)).position.epoch))
        await publish(server, publisher, range(10))
        for _ in range(10):
            one = await room.next()
            listener.heard(ROOM, one.offset, one.data)
        line.cut()
        await publish(server, publisher, range(10, 1_010))
        line.mend()
        async with asyncio.timeout(30):
            back = await hear_back(room, listener)
        assert back.recovered is (limit >= 1_000)
        if not back.recovered:
            position = await page_all(room, listener)
            assert position == listener.positions[ROOM]
        await publish(server, publisher, range(1_010, 1_020))
        top = await tell_history(witness, store, ROOM)
        async with asyncio.timeout(30):
            while listener.positions[ROOM].offset < top.offset:
                one = await room.next()
                listener.heard(ROOM, one.offset, one.data)
        listener.rooms.add(ROOM)
    counts = witness.check().whole().counts
    assert (counts["heard"], counts["stored"]) == (1_020, 1_020)


@pytest.mark.parametrize("away", [5, 60, 600])
@pytest.mark.parametrize("company", [False, True], ids=["alone", "in company"])
async def test_how_long_somebody_is_cut_off_makes_no_difference(away: int, company: bool) -> None:
    """N-3: 5 s, 60 s and 10 min by the clock, whether or not the room lives on meanwhile."""
    witness, store = Witness(), ControlledStore()
    async with world_on(store) as world:
        listener = witness.listener("listener")
        client = await enter(world, listener, ROOM)
        if company:
            await world.join(ROOM)
        client.vanish()
        listener.cut()
        for number in range(10):
            await world.clock.advance(away / 10)
            room = world.node.room(ROOM)
            await asyncio.gather(*(room.publish({"id": f"{number}.{n}"}) for n in range(100)))
        client = await enter(world, listener, ROOM)
        assert listener.positions[ROOM].offset == 1_000
        await tell_history(witness, store, ROOM)
    assert witness.check().whole().counts["heard"] == 1_000


# N-4, at every turn of the loop. ---------------------------------------------------------------


class PatientStore(ControlledStore):
    """Takes a few turns of the loop before and after everything it does."""

    async def append(self, drafts: Sequence[tuple[str, Draft]]) -> list[Appended]:
        await turns(4)
        results = await super().append(drafts)
        await turns(4)
        return results

    async def read(
        self, room: str, offset: int, limit: int, size: int, *, backwards: bool = False
    ) -> Page:
        await turns(4)
        page = await super().read(room, offset, limit, size, backwards=backwards)
        await turns(4)
        return page


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


class Exchange:
    """Ann publishes and listens in a room where others do, and is cut off at some moment."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.witness = Witness()
        self.ann = self.witness.publisher("ann")
        self.hears = self.witness.listener("ann")
        self.others = self.witness.publisher("others")
        self.asked: dict[int, str] = {}
        self.wire: Peer

    async def begin(self) -> None:
        """Ann has been there, and missed thirty messages since."""
        self.bob = self.witness.listener("bob")
        self.bobs = await enter(self.world, self.bob, ROOM)
        (await enter(self.world, self.hears, ROOM)).vanish()
        self.hears.cut()
        await self.publish(range(30))
        self.wire = await self.world.connect()

    async def publish(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            data = {"id": f"others-{number}"}
            self.others.sent(ROOM, data["id"], data)
            position = await self.world.node.room(ROOM).publish(data)
            assert position is not None
            self.others.acknowledged(ROOM, data["id"], *position)

    def say(self) -> None:
        """Ann comes back and publishes, without waiting for an answer in between."""
        subscribe = self.wire.command("subscribe", channel=ROOM, **since(self.hears, ROOM))
        self.joins = subscribe["id"]
        publishes = []
        for number in range(5):
            data = {"id": f"ann-{number}"}
            self.ann.sent(ROOM, data["id"], data)
            publishes.append(self.wire.command("publish", channel=ROOM, data=data))
            self.asked[publishes[-1]["id"]] = data["id"]
        self.wire.say(subscribe, *publishes, apart=True)

    def hear(self) -> None:
        """What reached Ann is what she knows."""
        self.wire.listen()
        for id, reply in self.wire.replies.items():
            if id == self.joins:
                self.hears.subscribed(ROOM, reply["subscribe"])
            else:
                assert reply == {"publish": {}}
                self.ann.acknowledged(ROOM, self.asked[id])
        for push in self.wire._pushes:
            self.hears.pushed(push)

    async def end(self) -> Report:
        """Ann comes back, and everybody hears all."""
        self.hears.cut()
        wire = await enter(self.world, self.hears, ROOM)
        await self.publish([98, 99])
        await hear(wire, self.hears)
        await hear(self.bobs, self.bob)
        await tell_history(self.witness, self.world.node.logs.store, ROOM)
        return self.witness.check().whole()


@asynccontextmanager
async def exchanging() -> AsyncIterator[Exchange]:
    async with world_on(PatientStore()) as world:
        exchange = Exchange(world)
        await exchange.begin()
        yield exchange


async def test_a_cut_at_each_turn_of_an_exchange_loses_and_repeats_nothing() -> None:
    """N-4: before and after each step of the server, while others publish."""
    total = EMPTY
    for cut in range(120):
        async with exchanging() as exchange:
            exchange.say()
            others = asyncio.ensure_future(exchange.publish(range(30, 36)))
            await turns(cut)
            exchange.hear()
            exchange.wire.vanish()
            await others
            total += await exchange.end()
    assert total.counts["unknown"] > 50, "it was cut before answers"
    assert total.counts["acknowledged"] > 120 * 38, "and after them"


# N-4, at every few bytes of the stream. --------------------------------------------------------

MISSED = 20
STEP = 5
"""Bytes between two cuts."""


class Scissors(Cable):
    """Cuts itself behind so many bytes that one side says, from the moment it is armed."""

    _left = -1
    _client = False

    def arm(self, after: int, *, said_by_client: bool) -> None:
        self._left, self._client = after, said_by_client

    def disarm(self) -> int:
        """How many bytes it would have let pass."""
        left, self._left = self._left, -1
        return left

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, said_by_client: bool
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if said_by_client is self._client and self._left >= 0:
                    whole = len(data) <= self._left
                    data = data[: self._left]
                    self._left -= len(data)
                    if not whole:
                        writer.write(data)
                        await writer.drain()
                        writer.close()  # what was said until here arrives
                        await writer.wait_closed()
                        self.cut()
                        self.mend()
                        return
                writer.write(data)
                await writer.drain()


@asynccontextmanager
async def scissors(to: str) -> AsyncIterator[tuple[Scissors, int]]:
    """One, and the port of its near end."""
    line = Scissors(to)
    server = await asyncio.start_server(line.connect, "127.0.0.1", 0)
    async with server:
        yield line, server.sockets[0].getsockname()[1]
        line.cut()


class Cut:
    """One exchange over a line that is cut in the middle of it, in a room of its own."""

    def __init__(self, server: LogServer, line: Scissors, near: int, room: str) -> None:
        self.server = server
        self.line = line
        self.near = near
        self.room = room
        self.witness = Witness()
        self.publisher = self.witness.publisher("ann")
        self.listener = self.witness.listener("ann")

    async def run(self, after: int, *, said_by_client: bool) -> tuple[int, Report]:
        """How many bytes it would have gone on, and what was found."""
        store = self.server.hub.node.logs.store
        drafts = [(self.room, Draft(b'{"id":"%d"}' % number)) for number in range(MISSED)]
        epoch = (await store.append(drafts))[0].position.epoch
        self.listener.reset(self.room, Position(2, epoch))
        wire = await Wire.connect(self.near)
        self.line.arm(after, said_by_client=said_by_client)
        with suppress(*GONE):
            await self._exchange(wire)
        await wire.close()
        left = self.line.disarm()
        self.listener.cut()
        clients = self.server.hub.node.clients
        await until(lambda: not clients)
        await self._come_back()
        await tell_history(self.witness, store, self.room)
        return left, self.witness.check()

    async def _exchange(self, wire: Wire) -> None:
        asked = wire.command("subscribe", channel=self.room, **since(self.listener, self.room))
        await wire.say(asked)
        waits = {asked["id"]: ""}
        for number in range(3):
            data = {"id": f"ann-{number}"}
            command = wire.command("publish", channel=self.room, data=data)
            self.publisher.sent(self.room, data["id"], data)
            waits[command["id"]] = data["id"]
            await wire.say(command)
        while waits or self.listener.positions[self.room].offset < MISSED + 3:
            line = await wire.next()
            id = waits.pop(line.get("id", 0), None)
            if id is None:
                self.listener.pushed(line["push"])
            elif id:
                assert line["publish"] == {}
                self.publisher.acknowledged(self.room, id)
            else:
                self.listener.subscribed(self.room, line["subscribe"])

    async def _come_back(self) -> None:
        wire = await Wire.connect(self.server.port)
        body = (await wire.ask("subscribe", channel=self.room, **since(self.listener, self.room)))[
            "subscribe"
        ]
        assert body["recovered"], "all of it is there"
        self.listener.subscribed(self.room, body)
        last = await self.server.hub.publish(self.room, {"id": "last"})
        while self.listener.positions[self.room] != last:
            self.listener.pushed((await wire.next())["push"])
        await wire.close()


@pytest.mark.parametrize("said_by_client", [False, True], ids=["of the server", "of the client"])
async def test_a_cut_behind_any_byte_loses_and_repeats_nothing(
    tmp_path: Path, said_by_client: bool
) -> None:
    """N-4: in the answer to a join, in what it replays, in acknowledgements and what is heard."""
    total, points = EMPTY, 0
    store = SQLiteStore(tmp_path / "log.db")
    async with (
        log_server(store) as server,
        scissors(f"127.0.0.1:{server.port}") as (line, near),
    ):
        while True:
            cut = Cut(server, line, near, f"room{points}")
            left, report = await cut.run(points * STEP, said_by_client=said_by_client)
            total += report.whole()
            points += 1
            if left > 0:
                break  # it was whole
    assert points >= (60 if said_by_client else 200)
    assert total.counts["unknown"] > points // 4
    assert total.counts["acknowledged"] > 0
