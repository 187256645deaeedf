"""The published Python client puts together what a room tells it of documents that change.

Over real sockets, with clients that lose their connection, come late, and catch up with what was
erased meanwhile. Its codecs check the sum of every document themselves.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from centrifuge import DeltaType
from tests.clients.hearing import Guests, Room
from tests.support.cable import cable
from tests.support.documents import change, document
from tests.support.logs import LogServer, log_server
from tests.support.publishers import API_KEY
from tests.support.wired import let_in

from hubbub.stores.sqlite import SQLiteStore

DELTAS: dict[str, Any] = {
    "allowed_delta_types": ["fossil"],
    "delta_publish": True,
    "force_recovery": True,
    "allow_history_for_client": True,
    "allow_history_for_anonymous": True,
}
NAMESPACES = {
    "log": let_in(durability="commit", **DELTAS),
    "memory": let_in(history_size=100, **DELTAS),
    "marked": let_in(history_size=100, **{**DELTAS, "delta_publish": False}),
}

ENCODINGS = ["json", "protobuf"]


class Watching:
    """A room as a client of this encoding has it; its documents by offset."""

    def __init__(self, room: Room, encoding: str) -> None:
        self.room = room
        self.encoding = encoding

    async def hear(self, count: int) -> None:
        for _ in range(count):
            await self.room.heard.next("publication")

    def value(self, data: Any) -> Any:
        return json.loads(data) if self.encoding == "protobuf" else data

    @property
    def documents(self) -> dict[int, Any]:
        publications = [event.pub for event in self.room.heard.all("publication")]
        offsets = [one.offset for one in publications]
        assert offsets == sorted(set(offsets))
        return {one.offset: self.value(one.data) for one in publications}

    @property
    def patches(self) -> int:
        return sum(event.pub.delta for event in self.room.heard.all("publication"))


class Audience:
    """Clients of a server, and how they come to watch a room of it."""

    def __init__(self, server: LogServer, guests: Guests) -> None:
        self.hub = server.hub
        self.at = f"127.0.0.1:{server.port}"
        self.guests = guests

    async def watch(
        self, name: str, encoding: str, at: str = "", delta: DeltaType | None = DeltaType.FOSSIL
    ) -> Watching:
        guest = await self.guests.connected(at=at or self.at, use_protobuf=encoding == "protobuf")
        return Watching(await guest.joined(name, delta=delta), encoding)


@asynccontextmanager
async def playing(path: Path, namespaces: Any = NAMESPACES) -> AsyncIterator[Audience]:
    """A server on the loop of the test, for clients that are gone in the end."""
    guests = Guests({})
    try:
        async with log_server(SQLiteStore(path / "log.db"), namespaces=namespaces) as server:
            yield Audience(server, guests)
    finally:
        await guests.go()


@pytest.mark.parametrize("name", ["log:board", "memory:board"])
async def test_a_document_that_changes_is_what_everybody_has(tmp_path: Path, name: str) -> None:
    random = Random(name)
    rows = document(3_000, random)
    said: dict[int, Any] = {}

    async with playing(tmp_path) as audience:

        async def publish(count: int) -> None:
            nonlocal rows
            for _ in range(count):
                rows = change(rows, 3, random)
                position = await audience.hub.publish(name, rows)
                assert position is not None
                said[position.offset] = rows

        async with cable(audience.at) as line:
            steady = [await audience.watch(name, encoding) for encoding in ENCODINGS]
            steady.append(await audience.watch(name, "json", delta=None))
            moving = [await audience.watch(name, encoding, line.at) for encoding in ENCODINGS]
            await publish(4)
            for one in steady + moving:
                await one.hear(4)
            line.cut()
            for one in moving:
                await one.room.heard.next("subscribing")
            await publish(5)
            line.mend()
            late = [await audience.watch(name, encoding) for encoding in ENCODINGS]
            for one in moving:
                assert (await one.room.heard.next("subscribed")).recovered
                await one.hear(5)
            await publish(3)
            for one in steady:
                await one.hear(8)
            for one in moving + late:
                await one.hear(3)

    assert len(said) == 12
    for one in steady + moving:
        assert one.documents == said
    for one in late:
        assert one.documents == {offset: said[offset] for offset in (10, 11, 12)}
    assert [one.patches for one in steady] == [11, 11, 0]
    assert [one.patches for one in moving] == [3 + 4 + 3] * 2
    assert [one.patches for one in late] == [2, 2]


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_what_was_erased_meanwhile_is_what_is_caught_up_with(
    tmp_path: Path, encoding: str
) -> None:
    name, random = "log:erased", Random(3)
    versions = [document(2_000, random)]
    for _ in range(6):
        versions.append(change(versions[-1], 2, random))

    async with playing(tmp_path) as audience:
        hub = audience.hub
        async with cable(audience.at) as line:
            steady = await audience.watch(name, encoding)
            moving = await audience.watch(name, encoding, line.at)
            await hub.publish(name, versions[0])
            await steady.hear(1)
            await moving.hear(1)
            line.cut()
            await moving.room.heard.next("subscribing")
            for version in versions[1:4]:
                await hub.publish(name, version)
            gone = {"erased": True, "was": versions[3][:1]}
            await hub.publish(name, versions[4], erase={2: gone, 4: gone})
            line.mend()
            await moving.hear(4)
            await hub.publish(name, versions[5], erase={5: gone})
            await hub.publish(name, versions[6])
            await moving.hear(2)
            await steady.hear(6)
            history = await moving.room.sub.history(limit=-1)

    expected = dict(enumerate(versions, 1))
    assert steady.documents == expected
    assert moving.documents == {**expected, 2: gone, 4: gone}
    assert steady.patches == 6
    # No client puts deltas together in a history: there are none in it.
    assert [moving.value(one.data) for one in history.publications] == [
        gone if one in (2, 4, 5) else versions[one - 1] for one in range(1, 8)
    ]


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_another_server_marks_what_is_a_version(tmp_path: Path, encoding: str) -> None:
    name, random = "marked:board", Random(5)
    rows = document(2_000, random)
    async with playing(tmp_path) as audience:
        one = await audience.watch(name, encoding)
        said = []
        async with httpx.AsyncClient(headers={"X-API-Key": API_KEY}) as api:
            for marked in (True, True, False, True, True, True):
                rows = change(rows, 2, random)
                said.append(rows)
                body: dict[str, Any] = {"channel": name, "data": rows, "delta": marked}
                answer = await api.post(f"http://{audience.at}/api/publish", json=body)
                assert answer.json()["result"]["offset"] == len(said)
            body = {"channels": [name], "data": rows, "delta": True}
            answer = await api.post(f"http://{audience.at}/api/broadcast", json=body)
            assert "result" in answer.json()["result"]["responses"][0]
        await one.hear(7)
    assert list(one.documents.values()) == [*said, rows]
    patched = [event.pub.delta for event in one.room.heard.all("publication")]
    assert patched == [False, True, False, False, True, True, True]


async def test_a_room_without_deltas_grants_none(tmp_path: Path) -> None:
    namespaces = {"plain": let_in(history_size=10, force_recovery=True)}
    async with playing(tmp_path, namespaces) as audience:
        both = [await audience.watch("plain:1", encoding) for encoding in ENCODINGS]
        for number in range(3):
            await audience.hub.publish("plain:1", {"number": number})
        for one in both:
            await one.hear(3)
            assert list(one.documents.values()) == [{"number": number} for number in range(3)]
            assert one.patches == 0
