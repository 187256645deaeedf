"""`python -m benchmarks.log`: what durable rooms cost, and whether they stay that fast."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console
from rich.table import Table
from tests.support.postgres import PostgresServer

from benchmarks.log import big
from benchmarks.log.load import Delays, command, connect, delays, throughput
from benchmarks.servers import Cores, Server, _hubbub, _python, running
from hubbub.cli.bench.process import cpu_seconds, machine
from hubbub.cli.bench.report import console as console_for_tables
from hubbub.cli.bench.report import write_json
from hubbub.stores import open_store

RESULTS = Path(__file__).parent.parent / "results"
SHAPES = {"one room": 1, "100 rooms": 100}
TARGET = 25_000
GROWTH = 1.5
RESTART_S = 2.0
CONFIG = "benchmarks/log.toml"

Row = dict[str, Any]


def main(
    seconds: Annotated[float, typer.Option(min=0.1, help="Measured per cell.")] = 4.0,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    rows: Annotated[int, typer.Option(help="Rows of the large log.")] = 10_000_000,
    quick: Annotated[bool, typer.Option(help="Short, to see that all runs.")] = False,
    only: Annotated[
        str, typer.Option(help="Parts, with commas: throughput, delays, growth.")
    ] = "throughput,delays,growth",
) -> None:
    """Acknowledged publishes a second, delays, and the cost of ten million rows.

    The server has one core, the load the other; PostgreSQL, where it takes part, has both.
    """
    if quick:
        seconds, rounds, rows = 1.0, 1, 100_000
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
        if "throughput" in only:
            results["throughput"] = bench.throughput(rounds, seconds)
        if "delays" in only:
            results["delays"] = bench.delays(rounds, seconds)
        if "growth" in only:
            results["growth"] = bench.growth(rows)
    console.print(", ".join(f"{key}: {value}" for key, value in machine().items()), highlight=False)
    write_json(RESULTS / "log.json", results)
    console.print("written: benchmarks/results/log.json", highlight=False)


class Bench:
    def __init__(
        self, folder: Path, postgres: PostgresServer, cores: Cores, console: Console
    ) -> None:
        self._folder = folder
        self._postgres = postgres
        self._cores = cores
        self._console = console
        self._count = 0

    def _fresh(self, kind: str) -> Server:
        """A server with an empty log of its own."""
        self._count += 1
        file = self._folder / f"{self._count}.db"
        if kind == "tutorial":
            command = _python("tutorial_log", arguments=(str(file),))
            return Server("tutorial", "", command)
        store = f"sqlite:///{file}"
        more: tuple[str, ...] = ()
        if kind == "postgresql":
            store, more = _run(self._postgres.create_database), ("--migrate",)
        command = _hubbub("--headless", "--config", CONFIG, "--store", store, *more)
        return Server(f"hubbub, {kind}", "", command, "/connection/websocket", "centrifuge")

    @contextmanager
    def _running(self, server: Server) -> Iterator[tuple[int, int]]:
        """Its port and its process."""
        with ExitStack() as stack:
            log = RESULTS / f"log-{server.name.split(', ')[-1]}.log"
            target, pid = stack.enter_context(running(server, self._cores, log))
            yield target.port, pid

    def throughput(self, rounds: int, seconds: float) -> list[Row]:
        kinds = ("sqlite", "postgresql", "memory", "tutorial")
        found: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for _ in range(rounds):
            for kind in kinds:
                for shape, count in SHAPES.items():
                    with self._running(self._fresh(kind)) as (port, pid):
                        namespace = "bench" if kind == "memory" else "log"
                        rooms = [f"{namespace}:{number}" for number in range(count)]
                        result = _run(
                            partial(
                                throughput,
                                port,
                                rooms,
                                seconds,
                                tutorial=kind == "tutorial",
                                cpu=partial(cpu_seconds, pid),
                            )
                        )
                    found.setdefault((kind, shape), []).append(
                        (result.rate, result.cpu / result.seconds)
                    )
        table = Table(title="acknowledged publishes, 32 connections with 8 in flight each")
        for column in ("server", "shape", "acknowledged/s", "min to max", "× tutorial", "CPU"):
            table.add_column(column, justify="left" if column in ("server", "shape") else "right")
        rows = []
        for (kind, shape), runs in found.items():
            rates = [rate for rate, _ in runs]
            median = statistics.median(rates)
            base = statistics.median(rate for rate, _ in found["tutorial", shape])
            used = statistics.median(one for _, one in runs)
            rows.append({"server": kind, "shape": shape, "rates": rates, "cpu": used})
            table.add_row(
                kind,
                shape,
                f"{median:,.0f}",
                f"{min(rates):,.0f} to {max(rates):,.0f}",
                f"{median / base:.1f}",
                f"{used:.0%}",
            )
        self._console.print(table)
        for shape in SHAPES:
            rate = statistics.median(rate for rate, _ in found["sqlite", shape])
            self._verdict(f"sqlite, {shape}: ≥ {TARGET:,}/s", f"{rate:,.0f}", rate >= TARGET)
        return rows

    def delays(self, rounds: int, seconds: float) -> list[Row]:
        found: dict[str, Delays] = {}
        for _ in range(rounds):
            for kind in ("sqlite", "postgresql", "memory"):
                with self._running(self._fresh(kind)) as (port, _):
                    namespace = "bench" if kind == "memory" else "log"
                    rooms = [f"{namespace}:{number}" for number in range(10)]
                    one = _run(partial(delays, port, rooms, seconds))
                into = found.setdefault(kind, Delays())
                into.acknowledged += one.acknowledged
                into.delivered += one.delivered
        table = Table(title="1,000 publishes/s of 100 connections in 10 rooms, ms")
        for column in ("log", "acknowledged p50", "p99", "delivered p50", "p99"):
            table.add_column(column, justify="left" if column == "log" else "right")
        rows = []
        for kind, all_of_them in found.items():
            cells = [
                1000 * _quantile(times, part)
                for times in (all_of_them.acknowledged, all_of_them.delivered)
                for part in (0.5, 0.99)
            ]
            rows.append({"log": kind, "ms": cells, "publishes": len(all_of_them.acknowledged)})
            table.add_row(kind, *(f"{cell:.2f}" for cell in cells))
        self._console.print(table)
        return rows

    def growth(self, many: int) -> list[Row]:
        few = 10_000
        rows: list[Row] = []
        for kind in ("sqlite", "postgresql"):
            urls = [f"sqlite:///{self._folder}/log-{count}.db" for count in (few, many)]
            if kind == "postgresql":
                urls = [_run(self._postgres.create_database) for _ in urls]
            found, size = _run(partial(self._measure, urls, (few, many)))
            table = Table(title=f"{kind}: the same calls on {few:,} and on {many:,} rows, ms")
            for column in ("call", f"{few:,}", f"{many:,}", "ratio"):
                table.add_column(column, justify="left" if column == "call" else "right")
            for name, small, large in found:
                table.add_row(
                    name, f"{small * 1e3:.3f}", f"{large * 1e3:.3f}", f"{large / small:.2f}"
                )
                rows.append({"log": kind, "call": name, "ms": [small * 1e3, large * 1e3]})
            self._console.print(table)
            worst = max(large / small for _, small, large in found)
            self._verdict(f"{kind}: within {GROWTH} ×", f"{worst:.2f}", worst <= GROWTH)
            self._console.print(
                f"{kind}: {size / many:.0f} bytes a message, of which "
                f"{len(big.DATA) + len(big.INFO)} are what was said and who said it"
            )
            taken = self._restart(urls[1])
            name = f"{kind}: serving again within {RESTART_S:g} s of a start with {many:,} rows"
            self._verdict(name, f"{taken:.2f} s", taken <= RESTART_S)
            rows.append({"log": kind, "bytes": size / many, "restart": taken})
        return rows

    async def _measure(
        self, urls: list[str], counts: tuple[int, int]
    ) -> tuple[list[tuple[str, float, float]], int]:
        """What the same calls cost on both logs, and the bytes of the second one."""
        stores = [open_store(url, migrate=True) for url in urls]
        try:
            for store, url, count in zip(stores, urls, counts, strict=True):
                await store.start()
                if url.startswith("sqlite"):
                    path = Path(url.removeprefix("sqlite:///"))
                    await big.fill_sqlite(store, path, count)
                    size = await asyncio.to_thread(_size, path)
                else:
                    await big.fill_postgres(store, url, count)
                    size = await big.size_of_postgres(url)
            both = [big.calls(store, count) for store, count in zip(stores, counts, strict=True)]
            await big.costs(*both)  # what is read first is in no cache yet
            return await big.costs(*both), size
        finally:
            for store in stores:
                await store.stop()

    def _restart(self, url: str) -> float:
        """Seconds from the start of the process to the first page of history."""
        command = _hubbub("--headless", "--config", CONFIG, "--store", url)
        server = Server("hubbub, restart", "", command, "/connection/websocket", "centrifuge")
        began = time.perf_counter()
        with self._running(server) as (port, _):
            _run(partial(_first_page, port))
            return time.perf_counter() - began

    def _verdict(self, what: str, found: str, met: bool) -> None:
        self._console.print(f"{what}: {found}, {'met' if met else 'missed'}", highlight=False)


async def _first_page(port: int) -> None:
    answered = asyncio.get_running_loop().create_future()

    def heard(connection: object, data: bytes) -> None:
        if b'"publications":[{' in data and not answered.done():
            answered.set_result(None)

    connection = await connect(port, "/connection/websocket", heard)
    connection.transport.write(
        command(1, "connect")
        + command(2, "subscribe", channel="log:7")
        + command(3, "history", channel="log:7", limit=50, reverse=True)
    )
    await asyncio.wait_for(answered, 20)
    connection.transport.abort()


def _size(path: Path) -> int:
    return path.stat().st_size


def _quantile(times: list[float], part: float) -> float:
    return sorted(times)[int(part * (len(times) - 1))]


def _run(work: Callable[[], Awaitable[Any]]) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:

        async def run() -> Any:
            return await work()

        return runner.run(run())


if __name__ == "__main__":
    typer.run(main)
