"""O-1 to O-8: one order, each once, and a history that can be read while it changes.

O-5, editing and deleting, is the chat's.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.support.invariants import Listener, Publisher, Witness
from tests.support.logs import (
    DURABLE,
    LogServer,
    answered,
    enter,
    hear,
    hear_up_to,
    log_server,
    replied,
    since,
    world_on,
    world_on_file,
)
from tests.support.peers import Peer, until
from tests.support.publishers import ApiPublisher, Http, SocketPublisher, Subscriber, tell_history
from tests.support.stores import ControlledStore
from tests.support.wired import Peer as Client
from tests.support.wired import World

from hubbub.errors import Conflict, Unavailable
from hubbub.model import Draft, Position
from hubbub.options import Keep, RoomOptions
from hubbub.stores.sqlite import SQLiteStore
from hubbub.testing import settle

ROOM = "room"
SEED = 20


# O-1. ------------------------------------------------------------------------------------------


async def publish_many(world: World, publisher: Publisher, count: int, at_once: int) -> None:
    """Over one connection, so many before the answers to them."""
    client = await world.connect()
    for begin in range(0, count, at_once):
        ids = {}
        for number in range(begin, min(begin + at_once, count)):
            data = {"id": f"{publisher.name}-{number}"}
            publisher.sent(ROOM, data["id"], data)
            command = client.command("publish", channel=ROOM, data=data)
            ids[command["id"]] = data["id"], command
        client.say(*(command for _, command in ids.values()))
        await replied(client, *ids)
        for number, (id, _) in ids.items():
            assert client.replies.pop(number) == {"publish": {}}
            publisher.acknowledged(ROOM, id)


async def one_order_for_all(path: Path, messages: int) -> None:
    publishers, witness = 8, Witness()
    async with world_on_file(path) as (world, store):
        listeners = [witness.listener(f"listener{number}") for number in range(2)]
        clients = [await enter(world, listener, ROOM) for listener in listeners]
        async with asyncio.TaskGroup() as group:
            for number in range(publishers):
                publisher = witness.publisher(f"publisher{number}")
                count = messages // publishers
                group.create_task(publish_many(world, publisher, count, at_once=250))
        top = await tell_history(witness, store, ROOM)
        for client, listener in zip(clients, listeners, strict=True):
            await hear_up_to(client, listener, ROOM, top)
    counts = witness.check().whole().counts
    assert counts["acknowledged"] == counts["stored"] == messages
    assert counts["heard"] == messages * len(listeners)


async def test_eight_publishers_are_in_one_order_for_all(tmp_path: Path) -> None:
    """O-1, small."""
    await one_order_for_all(tmp_path, 4_000)


@pytest.mark.slow
async def test_a_hundred_thousand_messages_are_in_one_order_for_all(tmp_path: Path) -> None:
    """O-1 at its full size."""
    await one_order_for_all(tmp_path, 100_000)


# O-2. ------------------------------------------------------------------------------------------


async def publish_in_python(server: LogServer, publisher: Publisher, count: int) -> None:
    for number in range(count):
        data = {"id": f"{publisher.name}-{number}"}
        publisher.sent(ROOM, data["id"], data)
        position = await server.hub.publish(ROOM, data)
        assert position is not None
        publisher.acknowledged(ROOM, data["id"], *position)


def publish_in_a_thread(server: LogServer, publisher: Publisher, count: int) -> threading.Thread:
    """On a loop that is not the hub's."""
    work = publish_in_python(server, publisher, count)
    thread = threading.Thread(target=asyncio.run, args=[work])
    thread.start()
    return thread


async def publish_text(door: Peer, publisher: Publisher, count: int) -> None:
    """Whoever says something here hears it once it is stored, and has no other answer."""
    for number in range(count):
        id = f"{publisher.name}-{number}"
        publisher.sent(ROOM, id, f"Room {ROOM}: {id}")
        await door.send(id)
    said = {id for _, id in publisher.messages}
    await until(lambda: said <= set(ids_of(door.messages)))
    for id in said:
        publisher.acknowledged(ROOM, id)


def ids_of(texts: Iterable[str]) -> list[str]:
    """Of what a text door says: values as JSON, and texts as they are."""
    return [
        json.loads(text)["id"] if text.startswith("{") else text.rpartition(": ")[2]
        for text in texts
    ]


async def test_all_doors_together_make_one_order(tmp_path: Path) -> None:
    """O-2: sockets, HTTP, Python on this loop and on another, and text, 100 messages each."""
    count, witness = 100, Witness()
    store = SQLiteStore(tmp_path / "log.db")
    async with log_server(store) as server:
        listener = Subscriber(witness.listener("listener"), ROOM)
        await listener.enter(server.port)
        doors = [(await Peer.connect(server.port, f"/ws/{ROOM}")).listen() for _ in range(2)]
        await until(lambda: len(server.hub.room(ROOM)) == 3)
        thread = publish_in_a_thread(server, witness.publisher("thread"), count)
        async with asyncio.TaskGroup() as group:
            for number in (1, 2):
                socket = SocketPublisher(witness.publisher(f"socket{number}"), ROOM)
                group.create_task(socket.run(server.port, in_flight=8, most=count))
                api = ApiPublisher(witness.publisher(f"http{number}"), ROOM)
                group.create_task(api.run(server.port, most=count))
                python = witness.publisher(f"python{number}")
                group.create_task(publish_in_python(server, python, count))
                text = witness.publisher(f"text{number}")
                group.create_task(publish_text(doors[number - 1], text, count))
            group.create_task(asyncio.to_thread(thread.join))
        top = await tell_history(witness, store, ROOM)
        await until(lambda: listener.position == top)
        stored = await server.hub.history(ROOM, limit=2_000)
        in_order = ids_of(
            one.data.decode() if one.data[:1] == b"{" else one.value for one in stored.publications
        )
        for door in doors:
            assert ids_of(await door.heard(9 * count)) == in_order
            await door.close()
        await listener.leave()
    report = witness.check().whole()
    assert report.counts["acknowledged"] == report.counts["stored"] == 9 * count


# O-3 and O-4. ----------------------------------------------------------------------------------


async def test_each_publish_of_many_is_stored_once_however_often_it_is_tried(
    quiet_log: list[str],
) -> None:
    """O-3: 1 to 5 attempts with one key, the answer to any of them lost, others in between."""
    quiet_log.append("the connection broke during the commit")
    dice, witness, store = random.Random(SEED), Witness(), ControlledStore()
    lost = 0
    async with world_on(store) as world:
        room = world.node.room(ROOM)
        publishers = [witness.publisher(f"publisher{number}") for number in range(4)]

        async def attempt(publisher: Publisher, id: str) -> None:
            nonlocal lost
            try:
                position = await room.publish({"id": id}, idempotency_key=id)
            except Unavailable as error:
                assert error.unknown
                lost += 1
            else:
                assert position is not None
                publisher.acknowledged(ROOM, id, *position)

        for number in range(200):
            tries = {}
            for publisher in publishers:
                id = f"{publisher.name}-{number}"
                publisher.sent(ROOM, id, {"id": id})
                tries[publisher] = id
            for _ in range(dice.randint(1, 5)):
                store.lost = dice.random() < 0.3
                await asyncio.gather(*(attempt(*one) for one in tries.items()))
            store.lost = False
            await asyncio.gather(*(attempt(*one) for one in tries.items()))
        await world.clock.advance(1)
        assert world.node.trouble == "", "it was only for a moment each time"
        await tell_history(witness, store, ROOM)
    assert lost > 100
    counts = witness.check().whole().counts
    assert counts["acknowledged"] == counts["stored"] == 800


async def test_a_request_whose_answer_nobody_heard_is_answered_the_same_again(
    tmp_path: Path,
) -> None:
    """O-3 over HTTP: the connection is cut behind the request, which then comes 1 to 5 times."""
    dice, witness, store = random.Random(SEED), Witness(), SQLiteStore(tmp_path / "log.db")
    async with log_server(store) as server:
        publisher = ApiPublisher(witness.publisher("http"), ROOM)
        for number in range(60):
            id = f"http-{number}"
            data = {"id": id, "padding": ""}
            publisher.record.sent(ROOM, id, data)
            http = Http(server.port)
            body = {"channel": ROOM, "data": data, "idempotency_key": id}
            await http.say("POST", "/api/publish", body)
            for _ in range(dice.randrange(10)):
                await asyncio.sleep(0)
            http.close()
            await publisher.again(server.port, [id] * dice.randint(1, 5))
        await tell_history(witness, store, ROOM)
    counts = witness.check().whole().counts
    assert counts["acknowledged"] == counts["stored"] == 60


async def test_a_key_that_was_used_for_something_else_is_a_conflict(tmp_path: Path) -> None:
    """O-4, in Python and over HTTP; and nothing is stored of it, also at the same time."""
    store = SQLiteStore(tmp_path / "log.db")
    async with log_server(store) as server:
        hub, http = server.hub, Http(server.port)
        first = await hub.publish(ROOM, {"id": "a"}, idempotency_key="key")
        with pytest.raises(Conflict):
            await hub.publish(ROOM, {"id": "b"}, idempotency_key="key")
        with pytest.raises(Conflict):
            await hub.publish(ROOM, {"id": "a"}, tags={"another": "tag"}, idempotency_key="key")
        body = {"channel": ROOM, "data": {"id": "c"}, "idempotency_key": "key"}
        assert (await http.ask("POST", "/api/publish", body)).body["error"]["code"] == 113
        body["data"] = {"id": "a"}
        same = (await http.ask("POST", "/api/publish", body)).body["result"]
        assert (same["offset"], same["epoch"]) == first
        http.close()
        outcomes = await asyncio.gather(
            *(hub.publish(ROOM, {"id": str(n)}, idempotency_key="race") for n in range(10)),
            return_exceptions=True,
        )
        assert sum(isinstance(one, Position) for one in outcomes) == 1
        assert sum(isinstance(one, Conflict) for one in outcomes) == 9
        assert len((await hub.history(ROOM)).publications) == 2


# O-6. ------------------------------------------------------------------------------------------


class Library:
    """A history that is read while it grows at one end and is trimmed at the other."""

    def __init__(self, world: World, store: SQLiteStore, witness: Witness) -> None:
        self.world = world
        self.store = store
        self.witness = witness
        self.done = False
        self.read = 0

    async def grow(self, count: int) -> None:
        publisher = self.witness.publisher("publisher")
        await publish_many(self.world, publisher, count, at_once=10)
        self.done = True

    async def trim(self, dice: random.Random, least: int) -> None:
        """Little by little, and never the last `least`."""
        while not self.done:
            (state,) = await self.store.states([ROOM])
            first = min(state.first + dice.randint(1, 12), state.position.offset - least)
            if first > state.first:
                await self.store.trim(ROOM, first, 0, 100)
            await asyncio.sleep(0.001)

    async def first(self) -> int:
        return (await self.store.states([ROOM]))[0].first

    async def read_on(self, number: int, limit: int) -> None:
        """From the oldest on, until there is no more to come."""
        client, listener = await self.world.connect(), self.witness.listener(f"on{number}")
        last = 0
        while True:
            done = self.done
            page = await self.page(client, limit, offset=last)
            if not page["publications"]:
                if done:
                    return
                continue
            begin = page["publications"][0]["offset"]
            if begin != last + 1:
                assert begin <= await self.first(), "only what was trimmed is left out"
                self.witness_run(listener, begin, page["epoch"])
            elif not last:
                self.witness_run(listener, 1, page["epoch"])
            for one in page["publications"]:
                listener.heard(ROOM, one["offset"], one["data"])
            last = page["publications"][-1]["offset"]
            self.read += len(page["publications"])

    async def read_back(self, number: int, limit: int) -> None:
        """From the newest on, to the oldest that is there then; over and over."""
        client = await self.world.connect()
        while not self.done:
            found: list[Any] = []
            page = await self.page(client, limit, reverse=True)
            while page["publications"]:
                found += page["publications"]
                page = await self.page(client, limit, reverse=True, offset=found[-1]["offset"])
            if found:
                assert found[-1]["offset"] <= await self.first(), "only what was trimmed is missing"
                listener = self.witness.listener(f"back{number}")
                self.witness_run(listener, found[-1]["offset"], page["epoch"])
                for one in reversed(found):
                    listener.heard(ROOM, one["offset"], one["data"])
                listener.cut()
                self.read += len(found)

    def witness_run(self, listener: Listener, begin: int, epoch: str) -> None:
        """What `listener` reads from here on begins at `begin`."""
        listener.reset(ROOM, Position(begin - 1, epoch))

    async def page(self, client: Client, limit: int, offset: int = 0, **how: Any) -> Any:
        if offset or not how:
            how["since"] = {"offset": offset, "epoch": ""}
        body = (await answered(client, "history", channel=ROOM, limit=limit, **how))["history"]
        return {"publications": [], **body}


async def test_pages_in_both_directions_hold_each_message_once(tmp_path: Path) -> None:
    """O-6: while others publish, and what is old is trimmed."""
    witness = Witness()
    async with world_on_file(tmp_path) as (world, store):
        library = Library(world, store, witness)
        async with asyncio.TaskGroup() as group:
            group.create_task(library.grow(1_200))
            group.create_task(library.trim(random.Random(SEED), least=40))
            for number, limit in enumerate((1, 7, 50)):
                group.create_task(library.read_on(number, limit))
                group.create_task(library.read_back(number, limit))
        await tell_history(witness, store, ROOM)
        assert await library.first() > 1
    assert library.read > 1_000
    witness.check().whole()


# O-7. ------------------------------------------------------------------------------------------


async def test_who_joins_in_a_flood_misses_nothing_between_history_and_now(tmp_path: Path) -> None:
    """O-7: half of them page the history from where they came in, the others catch up from 0."""
    witness, joins, messages = Witness(), 40, 2_000
    async with world_on_file(tmp_path) as (world, store):
        epoch = (await store.states([ROOM]))[0].position.epoch
        journal = world.node.logs.journal

        async def join(number: int, listener: Listener) -> tuple[Client, Listener]:
            await until(lambda: journal.stored >= number * messages // joins)
            if number % 2:
                return await join_and_page(world, listener), listener
            listener.reset(ROOM, Position(0, epoch))
            return await enter(world, listener, ROOM), listener

        async with asyncio.TaskGroup() as group:
            for number in range(4):
                publisher = witness.publisher(f"publisher{number}")
                group.create_task(publish_many(world, publisher, messages // 4, at_once=20))
            joining = [
                group.create_task(join(number, witness.listener(f"listener{number}")))
                for number in range(joins)
            ]
        top = await tell_history(witness, store, ROOM)
        for task in joining:
            await hear_up_to(*task.result(), ROOM, top)
    counts = witness.check().whole().counts
    assert counts["heard"] == joins * messages, "everybody has heard everything"


async def join_and_page(world: World, listener: Listener) -> Client:
    """Come in, and then read all that was before that."""
    client = world.arrive()
    await answered(client, "connect")
    body = (await answered(client, "subscribe", channel=ROOM))["subscribe"]
    position = Position(body.get("offset", 0), body["epoch"])
    listener.reset(ROOM, Position(0, position.epoch))
    last = 0
    while last < position.offset:
        asked = {"since": {"offset": last, "epoch": position.epoch}, "limit": 100}
        page = (await answered(client, "history", channel=ROOM, **asked))["history"]
        for one in page["publications"]:
            last = one["offset"]
            if last <= position.offset:
                listener.heard(ROOM, last, one["data"])
    return client


# O-8. ------------------------------------------------------------------------------------------


async def fill(store: ControlledStore, many: int) -> Position:
    drafts = [(ROOM, Draft(b'{"id":"%d"}' % number)) for number in range(1, many + 1)]
    return (await store.inner.append(drafts))[-1].position


@pytest.mark.parametrize("others", [False, True], ids=["alone", "in company"])
@pytest.mark.parametrize("first", [3, 6, 12, 31])
async def test_a_trim_at_any_moment_of_a_resume_is_told_or_not_felt(
    first: int, others: bool
) -> None:
    """O-8: the client was at 5 of 30; the log is trimmed after each turn that its answer takes."""
    outcomes = set()
    for turns in range(30):
        witness, store = Witness(), ControlledStore()
        async with world_on(store) as world:
            epoch = (await fill(store, 30)).epoch
            if others:
                await world.join(ROOM)
            listener = witness.listener("listener")
            listener.reset(ROOM, Position(5, epoch))
            client = await world.connect()
            asked = client.command("subscribe", channel=ROOM, **since(listener, ROOM))
            client.say(asked)
            for _ in range(turns):
                await asyncio.sleep(0)
            await store.inner.trim(ROOM, first, 0, 100)
            await replied(client, asked["id"])
            body = client.replies.pop(asked["id"])["subscribe"]
            outcomes.add(bool(body.get("recovered")))
            listener.subscribed(ROOM, body)
            await world.node.room(ROOM).publish({"id": "after"})
            await hear(client, listener)
            await tell_history(witness, store, ROOM)
        report = witness.check().whole()
        assert report.counts["heard"] == (26 if body.get("recovered") else 1), "whole, or told"
    assert outcomes == ({True} if first <= 6 else {True, False})


async def test_what_is_kept_no_longer_is_told_to_who_comes_back_for_it() -> None:
    """O-8 by the rules of a room, and by the clock."""
    keep = RoomOptions(**{**DURABLE.model_dump(), "history": Keep(count=10)})
    store = ControlledStore()
    async with world_on(store, without_namespace=keep) as world:
        epoch = (await fill(store, 30)).epoch
        await world.node.room(ROOM).publish({"id": "31"})
        await world.clock.advance(2)
        assert (await store.inner.states([ROOM]))[0].first == 22
        for offset, recovered in ((20, False), (21, True), (31, True)):
            client = await world.connect()
            asked = {"recover": True, "offset": offset, "epoch": epoch}
            body = (await client.ask("subscribe", channel=ROOM, **asked))["subscribe"]
            assert bool(body.get("recovered")) is recovered
            assert len(body.get("publications", [])) == recovered * (31 - offset)
        await settle()


@pytest.mark.parametrize("left", [0, 1])
async def test_what_a_live_room_missed_and_cannot_have_any_more_is_told(left: int) -> None:
    """O-8: another node has published, and all of it, or all but the last, is trimmed."""
    store = ControlledStore()
    async with world_on(store) as world:
        client = await world.join(ROOM)
        top = await fill(store, 5)
        await store.inner.trim(ROOM, top.offset + 1 - left, 0, 100)
        await world.clock.advance(40)
        reads = len(store.reads)
        assert [one["unsubscribe"]["code"] for one in await client.told()] == [2500]
        body = (await client.ask("subscribe", channel=ROOM))["subscribe"]
        assert body["offset"] == top.offset
        await settle()
        assert len(store.reads) <= reads + 2, "it is not looked for over and over"
