"""What the benches of the log and of the chat have in common: a place, and a table at the end."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import uvloop
from rich.console import Console
from rich.table import Table
from tests.support.postgres import PostgresServer

from benchmarks.servers import Cores
from hubbub.cli.bench.process import machine
from hubbub.cli.bench.report import console as console_for_tables
from hubbub.cli.bench.report import write_json

RESULTS = Path(__file__).parent / "results"

Row = dict[str, Any]


class Place(NamedTuple):
    """Where a bench works. The server has one core, the load the other; PostgreSQL has both."""

    folder: Path
    postgres: PostgresServer
    cores: Cores
    console: Console

    def verdict(self, what: str, found: str, met: bool) -> None:
        self.console.print(f"{what}: {found}, {'met' if met else 'missed'}", highlight=False)


@contextmanager
def place(name: str, results: dict[str, Any]) -> Iterator[Place]:
    """A place to work in; at the end `results` are written to `benchmarks/results/{name}.json`."""
    cores = Cores.of_this_machine()
    os.sched_setaffinity(0, cores.own)
    console = console_for_tables()
    RESULTS.mkdir(exist_ok=True)
    results["machine"] = machine()
    with (
        tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder,
        PostgresServer() as postgres,
    ):
        yield Place(Path(folder), postgres, cores, console)
    console.print(", ".join(f"{key}: {value}" for key, value in machine().items()), highlight=False)
    write_json(RESULTS / f"{name}.json", results)
    console.print(f"written: benchmarks/results/{name}.json", highlight=False)


def table(title: str, *columns: str, left: int = 1) -> Table:
    """A table of numbers, whose first columns are names."""
    made = Table(title=title)
    for number, column in enumerate(columns):
        made.add_column(column, justify="left" if number < left else "right")
    return made


def conclude(console: Console, name: str, rounds: int, seconds: float, rows: list[Row]) -> None:
    """Say what was measured on and how; `rows` go to `benchmarks/results/{name}.json`."""
    console.print(", ".join(f"{key}: {value}" for key, value in machine().items()), highlight=False)
    console.print(f"{rounds} rounds of {seconds:g} s each, medians", highlight=False)
    results = {"machine": machine(), "rounds": rounds, "seconds": seconds, "rows": rows}
    write_json(RESULTS / f"{name}.json", results)
    console.print(f"written: benchmarks/results/{name}.json", highlight=False)


def quantile(times: Sequence[float], part: float) -> float:
    return sorted(times)[int(part * (len(times) - 1))]


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    """What `work` returns, on a loop of its own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:

        async def carry_out() -> Any:
            return await work()

        return runner.run(carry_out())
