"""`python -m benchmarks.chat`: what the chat costs, and whether it stays that fast."""

from __future__ import annotations

import statistics
import time
from functools import partial
from typing import Annotated, Any

import httpx
import typer

from benchmarks.chat.load import messages
from benchmarks.chat.place import COMMON, RARE, Builder, Somebody
from benchmarks.chat.server import chat_server
from benchmarks.parts import Place, Row, place, run, table
from hubbub.chat import events as e
from hubbub.cli.bench.process import cpu_seconds

API = "/api/chat/v1"
KINDS = ("sqlite", "postgresql")
PEOPLE = 100
TEXT = "a message of the length that messages in a chat have, more or less"
FIRST_PAGE_MS = 10.0
REPEATS = 100


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
    results: dict[str, Any] = {"rounds": rounds, "seconds": seconds}
    with place("chat", results) as here:
        bench = Bench(here)
        if "talking" in only:
            results["talking"] = bench.talking(rounds, seconds)
        if "reading" in only:
            results["reading"] = bench.reading(many)
        if "unread" in only:
            results["unread"] = bench.unread()


class Bench:
    def __init__(self, here: Place) -> None:
        self._here = here
        self._folder = here.folder
        self._postgres = here.postgres
        self._console = here.console
        self._count = 0

    def _fresh(self, kind: str) -> str:
        """The address of an empty database."""
        self._count += 1
        if kind == "postgresql":
            return str(run(self._postgres.create_database))
        return f"sqlite:///{self._folder}/{self._count}.db"

    # Messages a second.

    def talking(self, rounds: int, seconds: float) -> list[Row]:
        found: dict[tuple[str, int], list[tuple[float, float, float]]] = {}
        for _ in range(rounds):
            for kind in KINDS:
                for talkers in (1, 32, 100):
                    url = self._fresh(kind)
                    people = run(partial(_room_of, url, PEOPLE))
                    with chat_server(self._here, url) as (port, pid):
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
                        result, delivered = run(work)
                    found.setdefault((kind, talkers), []).append(
                        (result.rate, delivered, result.cpu / result.seconds)
                    )
        made = table(
            f"messages through the chat, a room of {PEOPLE}, one in flight each",
            "store",
            "talking",
            "messages/s",
            "min to max",
            "delivered/s",
            "CPU",
        )
        rows = []
        for (kind, talkers), runs in found.items():
            rates = [rate for rate, _, _ in runs]
            delivered = statistics.median(one for _, one, _ in runs)
            used = statistics.median(one for _, _, one in runs)
            row = {"store": kind, "talkers": talkers, "rates": rates, "delivered": delivered}
            rows.append({**row, "cpu": used})
            made.add_row(
                kind,
                f"{talkers}",
                f"{statistics.median(rates):,.0f}",
                f"{min(rates):,.0f} to {max(rates):,.0f}",
                f"{delivered:,.0f}",
                f"{used:.0%}",
            )
        self._console.print(made)
        return rows

    # First pages and searches.

    def reading(self, many: int) -> list[Row]:
        few, rows = 10_000, []
        for kind in KINDS:
            found: dict[str, list[float]] = {}
            for count in (few, many):
                url = self._fresh(kind)
                rooms = [f"r{number}" for number in range(10)]
                people = run(partial(_talked, url, rooms, count))
                with chat_server(self._here, url) as (port, _):
                    for name, path in {
                        "first page of a room": f"/rooms/{rooms[0]}/open",
                        "older messages": f"/rooms/{rooms[0]}/messages?before={count // 20}",
                        "search, rare word": f"/search?q={RARE}",
                        "search, common word": f"/search?q={COMMON}",
                        "search, common, one room": f"/search?q={COMMON}&room={rooms[1]}",
                        "search, nothing": "/search?q=zyzzyva",
                    }.items():
                        taken = run(partial(_asked, port, people[0], path))
                        found.setdefault(name, []).append(taken)
            made = table(
                f"{kind}: answers with {few:,} and with {many:,} messages, ms",
                "request",
                f"{few:,}",
                f"{many:,}",
                "ratio",
            )
            for name, (small, large) in found.items():
                made.add_row(
                    name, f"{small * 1e3:.2f}", f"{large * 1e3:.2f}", f"{large / small:.2f}"
                )
                rows.append({"store": kind, "request": name, "ms": [small * 1e3, large * 1e3]})
            self._console.print(made)
            page = found["first page of a room"][1] * 1e3
            name = f"{kind}: first page under {FIRST_PAGE_MS:g} ms"
            self._here.verdict(name, f"{page:.2f}", page < FIRST_PAGE_MS)
        return rows

    # Unread counts.

    def unread(self) -> list[Row]:
        rows: list[Row] = []
        made = table(
            "500 rooms of 1,000 members: what unread counts cost, ms",
            "store",
            "my rooms, 4 unread each",
            "all read",
            "mark one read",
        )
        for kind in KINDS:
            url = self._fresh(kind)
            rooms = [f"r{number}" for number in range(500)]
            people = run(partial(_crowded, url, rooms, 1_000))
            with chat_server(self._here, url) as (port, _):
                who = people[1]
                before = run(partial(_asked, port, who, "/rooms", 20))
                marked = run(partial(_marked, port, who, rooms))
                after = run(partial(_asked, port, who, "/rooms", 20))
            made.add_row(kind, *(f"{one * 1e3:.2f}" for one in (before, after, marked)))
            rows.append({"store": kind, "unread": before, "read": after, "mark": marked})
        self._console.print(made)
        return rows


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


if __name__ == "__main__":
    typer.run(main)
