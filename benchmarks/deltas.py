"""`python -m benchmarks.deltas`: a document that changes, told whole and told as what has changed.

One room, whose document of 10 kB gets ten new values at a time, about 1 % of it. A next version is
published once everyone has the last one. The server has one core, the load the other.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from functools import partial
from itertools import chain, count, cycle
from random import Random
from typing import Annotated, Any, NamedTuple

import typer
from centrifuge.codecs import _JsonCodec, _ProtobufCodec
from tests.support.documents import change, document, encoded

from benchmarks.log.load import Connection, connect, frame
from benchmarks.parts import RESULTS, Row, conclude, run, table
from benchmarks.servers import Cores, Server, _hubbub, running
from hubbub.cli.bench.process import cpu_seconds, raise_file_limit
from hubbub.cli.bench.report import console as console_for_tables
from hubbub.wire.frames import unframe

ROOM = "bench:document"
SIZE = 10_000
VALUES = 10
"""That change from one version to the next."""

VERSIONS = 200
WARM_UP = 10
"""Publications before those that are measured; the first is whole in any case."""

WAIT_S = 60.0
CONFIG = "benchmarks/deltas.toml"
WAYS = {
    f"{encoding}, {kind}": (encoding, kind == "deltas")
    for encoding in ("JSON", "Protobuf")
    for kind in ("whole", "deltas")
}


class Found(NamedTuple):
    """Of one publication: bytes that each member got, and seconds of the server's processor."""

    bytes: float
    cpu: float
    rate: float


class Member:
    """A client that counts what it gets."""

    def __init__(self, everybody: Room, protobuf: bool, delta: bool) -> None:
        self._everybody = everybody
        self._codec: Any = _ProtobufCodec if protobuf else _JsonCodec
        self._path = "/connection/websocket" + ("?format=protobuf" if protobuf else "")
        self._binary = protobuf
        self._delta = {"delta": "fossil"} if delta else {}
        self._answers = b""
        self._head = b""
        self._left = 0
        self.in_it = asyncio.get_running_loop().create_future()

    async def come(self, port: int) -> Connection:
        connection = await connect(port, self._path, self._hear)
        asks = [
            {"id": 1, "connect": {}},
            {"id": 2, "subscribe": {"channel": ROOM, **self._delta}},
        ]
        payload = self._codec.encode_commands(asks)
        data = frame(payload if self._binary else payload.encode())
        connection.transport.write((b"\x82" if self._binary else b"\x81") + data[1:])
        return connection

    def _hear(self, connection: Connection, data: bytes) -> None:
        if self.in_it.done():
            self._count(data)
            return
        self._answers += data
        replies = [
            reply for one in unframe(self._answers) for reply in self._codec.decode_replies(one)
        ]
        for reply in replies:
            assert "error" not in reply, reply
            if reply["id"] == 2:
                assert reply["subscribe"].get("delta", False) is bool(self._delta)
                self.in_it.set_result(None)

    def _count(self, data: bytes) -> None:
        """Count frames by their heads alone."""
        everybody, at = self._everybody, 0
        everybody.bytes += len(data)
        while at < len(data):
            if not self._left:
                head = self._head + data[at : at + 10 - len(self._head)]
                wide = {126: 2, 127: 8}.get(head[1], 0) if len(head) > 1 else 10
                if len(head) < 2 + wide:
                    self._head = head
                    return
                at += 2 + wide - len(self._head)
                self._head = b""
                self._left = int.from_bytes(head[2 : 2 + wide]) if wide else head[1]
            step = min(self._left, len(data) - at)
            self._left -= step
            at += step
            if not self._left:
                everybody.got()


class Room:
    """Members, and what they have got together."""

    def __init__(self, members: int) -> None:
        self.members = members
        self.bytes = 0
        self._waiting = 0
        self._done = asyncio.Event()

    def got(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._done.set()

    async def publish(self, publisher: Connection, version: bytes, id: int) -> None:
        """Publish it, and wait until everyone has it."""
        self._waiting = self.members
        self._done.clear()
        command = b'{"id":%d,"publish":{"channel":"%b","data":%b}}' % (id, ROOM.encode(), version)
        publisher.transport.write(frame(command))
        async with asyncio.timeout(WAIT_S):
            await self._done.wait()


async def measure(
    port: int, pid: int, members: int, seconds: float, protobuf: bool, delta: bool
) -> Found:
    room = Room(members)
    crowd = [Member(room, protobuf, delta) for _ in range(members)]
    connections = [await one.come(port) for one in crowd]
    async with asyncio.timeout(WAIT_S):
        await asyncio.gather(*(one.in_it for one in crowd))
    publisher = await connect(port, "/connection/websocket", lambda connection, data: None)
    publisher.transport.write(frame(json.dumps({"id": 1, "connect": {}}).encode()))
    ids = count(2)
    versions = cycle(documents())
    for _ in range(WARM_UP):
        await room.publish(publisher, next(versions), next(ids))
    room.bytes, published = 0, 0
    begin, cpu = time.monotonic(), cpu_seconds(pid)
    while time.monotonic() < begin + seconds:
        await room.publish(publisher, next(versions), next(ids))
        published += 1
    taken = time.monotonic() - begin
    used = cpu_seconds(pid) - cpu
    for connection in (*connections, publisher):
        connection.transport.abort()
    return Found(room.bytes / published / members, used / published, published / taken)


def documents() -> list[bytes]:
    """Versions, forth and back, so that each is near to the one before it."""
    random = Random(1)
    rows = [document(SIZE, random)]
    for _ in range(VERSIONS):
        rows.append(change(rows[-1], VALUES, random))
    return [encoded(one) for one in chain(rows, rows[-2:0:-1])]


def main(
    members: Annotated[int, typer.Option(min=1)] = 1_000,
    seconds: Annotated[float, typer.Option(min=0.1, help="Measured per cell.")] = 5.0,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    quick: Annotated[bool, typer.Option(help="Short, to see that all runs.")] = False,
) -> None:
    """Bytes on the wire and processor time for a document that changes, with and without deltas."""
    if quick:
        members, seconds, rounds = min(members, 100), min(seconds, 1.0), 1
    raise_file_limit()
    cores = Cores.of_this_machine()
    os.sched_setaffinity(0, cores.own)
    RESULTS.mkdir(exist_ok=True)
    server = Server(
        "hubbub-deltas",
        "",
        _hubbub("--headless", "--config", CONFIG),
        "/connection/websocket",
        "centrifuge",
    )
    found: dict[str, list[Found]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, (encoding, delta) in WAYS.items():
            with running(server, cores, RESULTS / "deltas.log") as (target, pid):
                protobuf = encoding == "Protobuf"
                work = partial(measure, target.port, pid, members, seconds, protobuf, delta)
                found[way].append(run(work))
    report(found, members, rounds, seconds)


def report(found: dict[str, list[Found]], members: int, rounds: int, seconds: float) -> None:
    made = table(
        f"a document of {SIZE:,} bytes with {VALUES} new values, to a room of {members:,}",
        "told",
        "bytes each",
        "of JSON, whole",
        "server CPU, ms",
        "min to max",
        "of JSON, whole",
        "versions/s",
    )
    medians = {
        way: Found(*(statistics.median(values) for values in zip(*runs, strict=True)))
        for way, runs in found.items()
    }
    base = medians["JSON, whole"]
    rows: list[Row] = []
    for way, one in medians.items():
        times = [1_000 * run.cpu for run in found[way]]
        made.add_row(
            way,
            f"{one.bytes:,.0f}",
            f"{one.bytes / base.bytes:.1%}",
            f"{1_000 * one.cpu:.2f}",
            f"{min(times):.2f} to {max(times):.2f}",
            f"{one.cpu / base.cpu:.2f}",
            f"{one.rate:,.0f}",
        )
        rows.append({"told": way, **one._asdict(), "cpus": [run.cpu for run in found[way]]})
    console = console_for_tables()
    console.print(made)
    conclude(console, "deltas", rounds, seconds, rows)


if __name__ == "__main__":
    typer.run(main)
