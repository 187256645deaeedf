"""`python -m benchmarks.log`: what durable rooms cost, and whether they stay that fast."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.log import big
from benchmarks.log.load import Delays, command, connect, delays, throughput
from benchmarks.parts import RESULTS, Place, Row, place, quantile, run, table
from benchmarks.servers import Server, _hubbub, _python, running
from hubbub.cli.bench.process import cpu_seconds
from hubbub.stores import open_store

SHAPES = {"one room": 1, "100 rooms": 100}
TARGET = 25_000
GROWTH = 1.5
RESTART_S = 2.0
CONFIG = "benchmarks/log.toml"


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
    results: dict[str, Any] = {"rounds": rounds, "seconds": seconds}
    with place("log", results) as here:
        bench = Bench(here)
        if "throughput" in only:
            results["throughput"] = bench.throughput(rounds, seconds)
        if "delays" in only:
            results["delays"] = bench.delays(rounds, seconds)
        if "growth" in only:
            results["growth"] = bench.growth(rows)


class Bench:
    def __init__(self, here: Place) -> None:
        self._here = here
        self._folder = here.folder
        self._postgres = here.postgres
        self._console = here.console
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
            store, more = run(self._postgres.create_database), ("--migrate",)
        command = _hubbub("--headless", "--config", CONFIG, "--store", store, *more)
        return Server(f"hubbub, {kind}", "", command, "/connection/websocket", "centrifuge")

    @contextmanager
    def _running(self, server: Server) -> Iterator[tuple[int, int]]:
        """Its port and its process."""
        with ExitStack() as stack:
            log = RESULTS / f"log-{server.name.split(', ')[-1]}.log"
            target, pid = stack.enter_context(running(server, self._here.cores, log))
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
                        result = run(
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
        made = table(
            "acknowledged publishes, 32 connections with 8 in flight each",
            "server",
            "shape",
            "acknowledged/s",
            "min to max",
            "× tutorial",
            "CPU",
            left=2,
        )
        rows = []
        for (kind, shape), runs in found.items():
            rates = [rate for rate, _ in runs]
            median = statistics.median(rates)
            base = statistics.median(rate for rate, _ in found["tutorial", shape])
            used = statistics.median(one for _, one in runs)
            rows.append({"server": kind, "shape": shape, "rates": rates, "cpu": used})
            made.add_row(
                kind,
                shape,
                f"{median:,.0f}",
                f"{min(rates):,.0f} to {max(rates):,.0f}",
                f"{median / base:.1f}",
                f"{used:.0%}",
            )
        self._console.print(made)
        for shape in SHAPES:
            rate = statistics.median(rate for rate, _ in found["sqlite", shape])
            self._here.verdict(f"sqlite, {shape}: ≥ {TARGET:,}/s", f"{rate:,.0f}", rate >= TARGET)
        return rows

    def delays(self, rounds: int, seconds: float) -> list[Row]:
        found: dict[str, Delays] = {}
        for _ in range(rounds):
            for kind in ("sqlite", "postgresql", "memory"):
                with self._running(self._fresh(kind)) as (port, _):
                    namespace = "bench" if kind == "memory" else "log"
                    rooms = [f"{namespace}:{number}" for number in range(10)]
                    one = run(partial(delays, port, rooms, seconds))
                into = found.setdefault(kind, Delays())
                into.acknowledged += one.acknowledged
                into.delivered += one.delivered
        made = table(
            "1,000 publishes/s of 100 connections in 10 rooms, ms",
            "log",
            "acknowledged p50",
            "p99",
            "delivered p50",
            "p99",
        )
        rows = []
        for kind, all_of_them in found.items():
            cells = [
                1000 * quantile(times, part)
                for times in (all_of_them.acknowledged, all_of_them.delivered)
                for part in (0.5, 0.99)
            ]
            rows.append({"log": kind, "ms": cells, "publishes": len(all_of_them.acknowledged)})
            made.add_row(kind, *(f"{cell:.2f}" for cell in cells))
        self._console.print(made)
        return rows

    def growth(self, many: int) -> list[Row]:
        few = 10_000
        rows: list[Row] = []
        for kind in ("sqlite", "postgresql"):
            urls = [f"sqlite:///{self._folder}/log-{count}.db" for count in (few, many)]
            if kind == "postgresql":
                urls = [run(self._postgres.create_database) for _ in urls]
            found, size = run(partial(self._measure, urls, (few, many)))
            made = table(
                f"{kind}: the same calls on {few:,} and on {many:,} rows, ms",
                "call",
                f"{few:,}",
                f"{many:,}",
                "ratio",
            )
            for name, small, large in found:
                made.add_row(
                    name, f"{small * 1e3:.3f}", f"{large * 1e3:.3f}", f"{large / small:.2f}"
                )
                rows.append({"log": kind, "call": name, "ms": [small * 1e3, large * 1e3]})
            self._console.print(made)
            worst = max(large / small for _, small, large in found)
            self._here.verdict(f"{kind}: within {GROWTH} ×", f"{worst:.2f}", worst <= GROWTH)
            self._console.print(
                f"{kind}: {size / many:.0f} bytes a message, of which "
                f"{len(big.DATA) + len(big.INFO)} are what was said and who said it"
            )
            taken = self._restart(urls[1])
            name = f"{kind}: serving again within {RESTART_S:g} s of a start with {many:,} rows"
            self._here.verdict(name, f"{taken:.2f} s", taken <= RESTART_S)
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
            run(partial(_first_page, port))
            return time.perf_counter() - began


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


if __name__ == "__main__":
    typer.run(main)
