"""`python -m benchmarks.chat`: what the chat costs, and whether it stays that fast."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
import uvloop
from rich.console import Console
from rich.table import Table
from tests.support.postgres import PostgresServer

from benchmarks.chat.load import messages
from benchmarks.chat.place import COMMON, RARE, Builder, Somebody
from benchmarks.servers import ROOT, Cores, _free_port, _hubbub, _stop
from hubbub.chat import events as e
from hubbub.cli.bench.process import cpu_seconds, machine
from hubbub.cli.bench.report import console as console_for_tables
from hubbub.cli.bench.report import write_json

RESULTS = Path(__file__).parent.parent / "results"
API = "/api/chat/v1"
KINDS = ("sqlite", "postgresql")
PEOPLE = 100
TEXT = "a message of the length that messages in a chat have, more or less"
FIRST_PAGE_MS = 10.0
REPEATS = 100
START_S = 30.0

Row = dict[str, Any]


def main(
    seconds: Annotated[float, typer.Option(min=0.1, help="Measured per cell.")] = 4.0,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    many: Annotated[int, typer.Option(help="Messages of the large chat.")] = 1_000_000,
    quick: Annotated[bool, typer.Option(help="Short, to see that all runs.")] = False,
    only: Annotated[
        str, typer.Option(help="Parts, with commas: talking, reading, unread.")
    ] = "talking,reading,unread",
) -> None:
    """Messages a second through the chat, first pages, searches, and unread counts.

    The server has one core, the load the other; PostgreSQL, where it takes part, has both.
    """
    if quick:
        seconds, rounds, many = 1.0, 1, 20_000
    cores = Cores.of_this_machine()
    os.sched_setaffinity(0, cores.own)
    console = console_for_tables()
    RESULTS.mkdir(exist_ok=True)
    results: dict[str, Any] = {"machine": machine(), "rounds": rounds, "seconds": seconds}
    with (
        tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder,
        PostgresServer() as postgres,
    ):
        bench = Bench(Path(folder), postgres, cores, console)
        if "talking" in only:
            results["talking"] = bench.talking(rounds, seconds)
        if "reading" in only:
            results["reading"] = bench.reading(many)
        if "unread" in only:
            results["unread"] = bench.unread()
    console.print(", ".join(f"{key}: {value}" for key, value in machine().items()), highlight=False)
    write_json(RESULTS / "chat.json", results)
    console.print("written: benchmarks/results/chat.json", highlight=False)


class Bench:
    def __init__(
        self, folder: Path, postgres: PostgresServer, cores: Cores, console: Console
    ) -> None:
        self._folder = folder
        self._postgres = postgres
        self._cores = cores
        self._console = console
        self._count = 0

    def _fresh(self, kind: str) -> str:
        """The address of an empty database."""
        self._count += 1
        if kind == "postgresql":
            return str(_run(self._postgres.create_database))
        return f"sqlite:///{self._folder}/{self._count}.db"

    @contextmanager
    def _running(self, url: str) -> Iterator[tuple[int, int]]:
        """Port and process of a chat server on that database."""
        port = _free_port()
        files = f"{self._folder}/files"
        command = _hubbub("--store", url, "--files", files, "--migrate", "--no-anonymous")(port)
        environment = {key: value for key, value in os.environ.items() if key[:7] != "HUBBUB_"}
        os.sched_setaffinity(0, self._cores.server)  # inherited by all threads of the child
        try:
            with (RESULTS / "chat.log").open("wb") as output:
                process = subprocess.Popen(
                    command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
                )
        finally:
            os.sched_setaffinity(0, self._cores.own)
        try:
            _wait(port, process)
            yield port, process.pid
        finally:
            _stop(process)

    # Messages a second.

    def talking(self, rounds: int, seconds: float) -> list[Row]:
        found: dict[tuple[str, int], list[tuple[float, float, float]]] = {}
        for _ in range(rounds):
            for kind in KINDS:
                for talkers in (1, 32, 100):
                    url = self._fresh(kind)
                    people = _run(partial(_room_of, url, PEOPLE))
                    with self._running(url) as (port, pid):
                        work = partial(
                            messages,
                            port,
                            people,
                            ["r0"],
                            seconds,
                            talkers=talkers,
                            text=TEXT,
                            cpu=partial(cpu_seconds, pid),
                        )
                        result, delivered = _run(work)
                    found.setdefault((kind, talkers), []).append(
                        (result.rate, delivered, result.cpu / result.seconds)
                    )
        table = Table(title=f"messages through the chat, a room of {PEOPLE}, one in flight each")
        for column in ("store", "talking", "messages/s", "min to max", "delivered/s", "CPU"):
            table.add_column(column, justify="left" if column == "store" else "right")
        rows = []
        for (kind, talkers), runs in found.items():
            rates = [rate for rate, _, _ in runs]
            delivered = statistics.median(one for _, one, _ in runs)
            used = statistics.median(one for _, _, one in runs)
            row = {"store": kind, "talkers": talkers, "rates": rates, "delivered": delivered}
            rows.append({**row, "cpu": used})
            table.add_row(
                kind,
                f"{talkers}",
                f"{statistics.median(rates):,.0f}",
                f"{min(rates):,.0f} to {max(rates):,.0f}",
                f"{delivered:,.0f}",
                f"{used:.0%}",
            )
        self._console.print(table)
        return rows

    # First pages and searches.

    def reading(self, many: int) -> list[Row]:
        few, rows = 10_000, []
        for kind in KINDS:
            found: dict[str, list[float]] = {}
            for count in (few, many):
                url = self._fresh(kind)
                rooms = [f"r{number}" for number in range(10)]
                people = _run(partial(_talked, url, rooms, count))
                with self._running(url) as (port, _):
                    for name, path in {
                        "first page of a room": f"/rooms/{rooms[0]}/open",
                        "older messages": f"/rooms/{rooms[0]}/messages?before={count // 20}",
                        "search, rare word": f"/search?q={RARE}",
                        "search, common word": f"/search?q={COMMON}",
                        "search, common, one room": f"/search?q={COMMON}&room={rooms[1]}",
                        "search, nothing": "/search?q=zyzzyva",
                    }.items():
                        taken = _run(partial(_asked, port, people[0], path))
                        found.setdefault(name, []).append(taken)
            table = Table(title=f"{kind}: answers with {few:,} and with {many:,} messages, ms")
            for column in ("request", f"{few:,}", f"{many:,}", "ratio"):
                table.add_column(column, justify="left" if column == "request" else "right")
            for name, (small, large) in found.items():
                table.add_row(
                    name, f"{small * 1e3:.2f}", f"{large * 1e3:.2f}", f"{large / small:.2f}"
                )
                rows.append({"store": kind, "request": name, "ms": [small * 1e3, large * 1e3]})
            self._console.print(table)
            page = found["first page of a room"][1] * 1e3
            met = "met" if page < FIRST_PAGE_MS else "missed"
            self._console.print(f"{kind}: first page under {FIRST_PAGE_MS:g} ms: {page:.2f}, {met}")
        return rows

    # Unread counts.

    def unread(self) -> list[Row]:
        rows: list[Row] = []
        table = Table(title="500 rooms of 1,000 members: what unread counts cost, ms")
        for column in ("store", "my rooms, 4 unread each", "all read", "mark one read"):
            table.add_column(column, justify="left" if column == "store" else "right")
        for kind in KINDS:
            url = self._fresh(kind)
            rooms = [f"r{number}" for number in range(500)]
            people = _run(partial(_crowded, url, rooms, 1_000))
            with self._running(url) as (port, _):
                who = people[1]
                before = _run(partial(_asked, port, who, "/rooms", 20))
                marked = _run(partial(_marked, port, who, rooms))
                after = _run(partial(_asked, port, who, "/rooms", 20))
            table.add_row(kind, *(f"{one * 1e3:.2f}" for one in (before, after, marked)))
            rows.append({"store": kind, "unread": before, "read": after, "mark": marked})
        self._console.print(table)
        return rows


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz").raise_for_status()
            return
        except httpx.HTTPError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


async def _room_of(url: str, count: int) -> list[Somebody]:
    async with Builder(url) as builder:
        people = await builder.people(count)
        await builder.room("r0", people)
        return people


async def _talked(url: str, rooms: list[str], count: int) -> list[Somebody]:
    async with Builder(url) as builder:
        people = await builder.people(PEOPLE)
        for room in rooms:
            await builder.room(room, people)
        await builder.messages(rooms, people, count)
        return people


async def _crowded(url: str, rooms: list[str], count: int) -> list[Somebody]:
    """Rooms in which everybody is, with four messages each."""
    async with Builder(url) as builder:
        people = await builder.people(count)
        for room in rooms:
            await builder.room(room, people)
        says = [(room, people[0].id, e.Say(text=TEXT)) for room in rooms for _ in range(4)]
        await builder.wishes(says)
        return people


async def _asked(port: int, who: Somebody, path: str, repeats: int = REPEATS) -> float:
    """Seconds that the answer takes, in the median, on a connection that is open."""
    async with _browser(port, who) as client:
        taken = []
        for _ in range(repeats + 5):
            began = time.perf_counter()
            (await client.get(API + path)).raise_for_status()
            taken.append(time.perf_counter() - began)
        return statistics.median(taken[5:])


async def _marked(port: int, who: Somebody, rooms: list[str]) -> float:
    async with _browser(port, who) as client:
        taken = []
        for room in rooms:
            began = time.perf_counter()
            answer = await client.put(f"{API}/rooms/{room}/read", json={"offset": 2**40})
            answer.raise_for_status()
            taken.append(time.perf_counter() - began)
        return statistics.median(taken)


def _browser(port: int, who: Somebody) -> httpx.AsyncClient:
    base = f"http://127.0.0.1:{port}"
    return httpx.AsyncClient(
        base_url=base, cookies={"hubbub": who.cookie}, headers={"Origin": base}
    )


def _run(work: Callable[[], Awaitable[Any]]) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:

        async def run() -> Any:
            return await work()

        return runner.run(run())


if __name__ == "__main__":
    typer.run(main)
