"""`python -m benchmarks.lines`: figures for a room of a thousand, as they come and at an interval.

Fifty publications a second of ten figures in turn, made by the server itself (`app`). It has
one core, the members the other.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Annotated, NamedTuple

import typer
from fastapi import FastAPI

from benchmarks.log.load import Connection, command, connect
from benchmarks.parts import RESULTS, Row, conclude, run, table
from benchmarks.servers import Cores, Server, _hubbub, running
from hubbub import Hub
from hubbub.cli.bench.process import cpu_seconds, raise_file_limit
from hubbub.cli.bench.report import console as console_for_tables
from hubbub.options import OPEN

RATE = 50
"""Publications a second."""

FIGURES = 10
WAIT_S = 60.0

WAYS: dict[str, dict[str, object]] = {
    "as they come": {},
    "at 0.1 s": {"batch_interval": 0.1},
    "at 0.5 s": {"batch_interval": 0.5},
    "at 0.5 s, the newest": {"batch_interval": 0.5, "latest_only": True, "latest_key": "figure"},
}

# The server. -------------------------------------------------------------------------------------

hub = Hub(anonymous=True)
_everyone = {"allow_subscribe_for_client": True, "allow_subscribe_for_anonymous": True}
_rooms = {
    name: hub.rooms(f"{number}:figures", **_everyone, **options)()
    for number, (name, options) in enumerate(WAYS.items())
}
hub.rooms("bench:{room}", **OPEN.model_dump(exclude_unset=True))  # where it says that it is up


async def _publish() -> None:
    loop = asyncio.get_running_loop()
    due, number = loop.time(), 0
    while True:
        figure = f"figure {number % FIGURES}"
        for room in _rooms.values():
            if len(room):
                await room.publish({"is": number, "since": due}, tags={"figure": figure})
        number += 1
        due += 1 / RATE
        await asyncio.sleep(max(0.0, due - loop.time()))


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with hub.lifespan(app):
        publishing = asyncio.create_task(_publish())
        yield
        publishing.cancel()
        with suppress(asyncio.CancelledError):
            await publishing


app = FastAPI(lifespan=_lifespan)
app.include_router(hub.router)


# The members. ------------------------------------------------------------------------------------


class Found(NamedTuple):
    """What a member got in a second, and the share of its core that the server used."""

    bytes: float
    figures: float
    reads: float
    cpu: float


class Crowd:
    """What came to all of them."""

    def __init__(self) -> None:
        self.bytes = 0
        self.figures = 0
        self.reads = 0

    def hear(self, connection: Connection, data: bytes) -> None:
        self.bytes += len(data)
        self.figures += data.count(b'"pub":')
        self.reads += 1


async def measure(port: int, pid: int, room: str, members: int, seconds: float) -> Found:
    crowd = Crowd()
    connections = []
    for _ in range(members):
        connection = await connect(port, "/connection/websocket", crowd.hear)
        connection.transport.write(command(1, "connect"))
        connection.transport.write(command(2, "subscribe", channel=room))
        connections.append(connection)
    async with asyncio.timeout(WAIT_S):
        while crowd.figures < members * FIGURES:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    before = crowd.bytes, crowd.figures, crowd.reads
    begin, cpu = time.monotonic(), cpu_seconds(pid)
    await asyncio.sleep(seconds)
    taken = time.monotonic() - begin
    used = cpu_seconds(pid) - cpu
    after = crowd.bytes, crowd.figures, crowd.reads
    for connection in connections:
        connection.transport.abort()
    size, figures, reads = (
        (new - old) / taken / members for old, new in zip(before, after, strict=True)
    )
    return Found(size, figures, reads, used / taken)


def main(
    members: Annotated[int, typer.Option(min=1)] = 1_000,
    seconds: Annotated[float, typer.Option(min=0.1, help="Measured per cell.")] = 5.0,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    quick: Annotated[bool, typer.Option(help="Short, to see that all runs.")] = False,
) -> None:
    """Bytes and processor time for figures, each by itself, together, and the newest alone."""
    if quick:
        members, seconds, rounds = min(members, 100), min(seconds, 1.0), 1
    raise_file_limit()
    cores = Cores.of_this_machine()
    os.sched_setaffinity(0, cores.own)
    RESULTS.mkdir(exist_ok=True)
    program = _hubbub("benchmarks.lines:app")
    server = Server("hubbub-lines", "", program, "/connection/websocket", "centrifuge")
    found: dict[str, list[Found]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for number, way in enumerate(WAYS):
            with running(server, cores, RESULTS / "lines.log") as (target, pid):
                room = f"{number}:figures"
                found[way].append(run(partial(measure, target.port, pid, room, members, seconds)))
    report(found, members, rounds, seconds)


def report(found: dict[str, list[Found]], members: int, rounds: int, seconds: float) -> None:
    made = table(
        f"{RATE} publications a second of {FIGURES} figures, to a room of {members:,}",
        "told",
        "publications/s each",
        "bytes/s each",
        "reads/s each",
        "server CPU",
        "min to max",
    )
    rows: list[Row] = []
    for way, runs in found.items():
        one = Found(*(statistics.median(values) for values in zip(*runs, strict=True)))
        cpus = [run.cpu for run in runs]
        made.add_row(
            way,
            f"{one.figures:,.1f}",
            f"{one.bytes:,.0f}",
            f"{one.reads:,.1f}",
            f"{one.cpu:.1%}",
            f"{min(cpus):.1%} to {max(cpus):.1%}",
        )
        rows.append({"told": way, **one._asdict(), "cpus": cpus})
    console = console_for_tables()
    console.print(made)
    conclude(console, "lines", rounds, seconds, rows)


if __name__ == "__main__":
    typer.run(main)
