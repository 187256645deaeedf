"""E-10: the server is killed at any moment, and what it acknowledged is there.

A round: publishers write over sockets and over HTTP, `kill -9`, a new server on the same log,
retries, and everybody's record is held against the history. What is random in a round comes from
its seed, which every failure names: `CHAOS_SEED=… CHAOS_ROUND=… pytest …` does that round again.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Self

import pytest
from tests.support.commands import hubbub_serve
from tests.support.invariants import EMPTY, Report, Witness, converges
from tests.support.peers import until
from tests.support.postgres import PostgresServer, fresh_database
from tests.support.publishers import (
    API_KEY,
    ApiPublisher,
    Http,
    SocketPublisher,
    Subscriber,
    tell_history,
)
from tests.support.server import ServerProcess

from hubbub.stores import open_store

SOCKETS, REQUESTS, SUBSCRIBERS = 6, 2, 3
ROUND_S = 30.0
"""Seconds after which a round hangs; it takes one."""

CONFIG = f"""
anonymous = true
api_keys = ["{API_KEY}"]

[namespaces.log]
durability = "commit"
allow_subscribe_for_client = true
allow_subscribe_for_anonymous = true
allow_publish_for_client = true
allow_publish_for_anonymous = true
"""


class Crowd:
    """Those who publish in a room and listen to it, in one round.

    `in_order`: nobody tries something again after it has published something else.
    """

    def __init__(self, room: str, in_order: bool = True) -> None:
        self.room = room
        self.witness = Witness()
        self.sockets = [
            SocketPublisher(self.witness.publisher(f"socket{number}"), room, certain=False)
            for number in range(SOCKETS)
        ]
        self.requests = [
            ApiPublisher(self.witness.publisher(f"http{number}", ordered=in_order), room)
            for number in range(REQUESTS)
        ]
        self.subscribers = [
            Subscriber(self.witness.listener(f"listener{number}"), room)
            for number in range(SUBSCRIBERS)
        ]

    @property
    def acknowledged(self) -> int:
        of_sockets = sum(one.acknowledged for one in self.sockets)
        return of_sockets + sum(one.acknowledged for one in self.requests)

    @asynccontextmanager
    async def publishing(self, port: int, dice: random.Random) -> AsyncIterator[None]:
        """All of them publish in the block, and have heard the last answer after it."""
        async with asyncio.TaskGroup() as group:
            for socket in self.sockets:
                group.create_task(socket.run(port, in_flight=dice.choice([1, 4, 16, 64])))
            for request in self.requests:
                group.create_task(request.run(port))
            yield

    def stop(self) -> None:
        for socket in self.sockets:
            socket.stop()
        for request in self.requests:
            request.stop()

    async def retry(self, port: int, dice: random.Random) -> None:
        """Ask again for what has a key and no answer, and for some of what has one."""
        for publisher in self.requests:
            unknown = [message.id for message in publisher.record.unknown()]
            known = [id for _, id in publisher.record.messages if id not in unknown]
            await publisher.again(port, dice.sample(known, min(3, len(known))) + unknown)

    async def publish_some(self, port: int) -> None:
        """Everybody publishes as if nothing had been."""
        async with asyncio.TaskGroup() as group:
            for publisher in self.sockets:
                group.create_task(publisher.run(port, in_flight=4, most=8))
            for request in self.requests:
                group.create_task(request.run(port, most=3))

    async def enter(self, port: int) -> None:
        for subscriber in self.subscribers:
            await subscriber.enter(port)

    async def judge(self, url: str) -> Report:
        """Once everybody has heard all, what they saw against what is stored."""
        store = open_store(url)
        await store.start()
        try:
            top = await tell_history(self.witness, store, self.room)
        finally:
            await store.stop()
        await until(lambda: all(one.position == top for one in self.subscribers))
        report = self.witness.check()
        for subscriber in self.subscribers:
            await subscriber.leave()
        return report


class Siege:
    """A server on one log, that is killed and started again."""

    server: ServerProcess

    def __init__(self, url: str, config: Path) -> None:
        self.url = url
        self._command = hubbub_serve("--headless", "--config", str(config))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.__aexit__(None, None, None)

    async def start(self) -> None:
        settings = {"store": self.url, "migrate": True}
        self.server = await ServerProcess(command=self._command, settings=settings).__aenter__()

    async def round(self, seed: str) -> Report:
        dice = random.Random(seed)
        crowd = Crowd(f"log:{seed}")
        await crowd.enter(self.server.port)
        enough = dice.choice([0, 1, dice.randrange(50), dice.randrange(500)])
        async with crowd.publishing(self.server.port, dice):
            await until(lambda: crowd.acknowledged >= enough)
            for _ in range(dice.randrange(20)):
                await asyncio.sleep(0)
            if dice.random() < 0.5:
                await crowd.subscribers[0].leave()  # it misses some that the others do not
            await self.server.stop(signal.SIGKILL)
        await self.__aexit__()
        await self.start()
        await crowd.enter(self.server.port)
        await crowd.retry(self.server.port, dice)
        await crowd.publish_some(self.server.port)
        report = await crowd.judge(self.url)
        assert all(one.recovered == 1 for one in crowd.subscribers), "brought what it missed"
        return report


class DatabaseSiege(Siege):
    """A server that stays, and a database that is killed and started again."""

    def __init__(self, url: str, config: Path, database: PostgresServer) -> None:
        super().__init__(url, config)
        self._database = database

    async def round(self, seed: str) -> Report:
        dice = random.Random(seed)
        crowd = Crowd(f"log:{seed}", in_order=False)
        await crowd.enter(self.server.port)
        enough = dice.choice([0, 1, dice.randrange(50), dice.randrange(500)])
        async with crowd.publishing(self.server.port, dice):
            await until(lambda: crowd.acknowledged >= enough)
            await asyncio.to_thread(self._database.kill)
            if dice.random() < 0.3:
                await self.ready(503)  # which takes as long as a batch waits for its answer
            await asyncio.to_thread(self._database.start)
            before = crowd.acknowledged
            await until(lambda: crowd.acknowledged > before + SOCKETS, ROUND_S)
            await self.ready(200)
            crowd.stop()
        await crowd.retry(self.server.port, dice)
        await crowd.publish_some(self.server.port)
        report = await crowd.judge(self.url)
        assert not any(one.recovered or one.told for one in crowd.subscribers), "all stayed"
        return report

    async def ready(self, status: int) -> None:
        http = Http(self.server.port)

        async def seen() -> int:
            return (await http.ask("GET", "/readyz")).status

        await converges("readiness", seen, status, ROUND_S)
        http.close()


async def rounds(siege: Siege, count: int) -> Report:
    """So many, and a line that says what became of them."""
    seed = os.environ.get("CHAOS_SEED") or secrets.token_hex(4)
    only = os.environ.get("CHAOS_ROUND")
    numbers = range(count) if only is None else [int(only)]
    began, total = time.monotonic(), EMPTY
    for number in numbers:
        try:
            async with asyncio.timeout(ROUND_S):
                total += (await siege.round(f"{seed}-{number}")).whole()
        except Exception as error:
            error.add_note(f"CHAOS_SEED={seed} CHAOS_ROUND={number}")
            raise
    took = time.monotonic() - began
    print(f"\n{len(numbers)} rounds in {took:.0f} s: {total}; seed {seed}")  # noqa: T201
    return total


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "hubbub.toml"
    path.write_text(CONFIG)
    return path


async def besiege(siege: Siege, count: int) -> None:
    async with siege:
        report = await rounds(siege, count)
    assert report.counts["acknowledged"] > count * (SOCKETS + REQUESTS)
    assert (report.counts["lost"], report.counts["repeated"]) == (0, 0)


async def kill_on_a_file(tmp_path: Path, config: Path, count: int) -> None:
    path = tmp_path / "log.db"
    await besiege(Siege(f"sqlite:///{path}", config), count)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def kill_on_a_database(tmp_path: Path, config: Path, count: int) -> None:
    await besiege(Siege(await fresh_database(), config), count)


async def kill_the_database(tmp_path: Path, config: Path, count: int) -> None:
    async with PostgresServer() as database:
        url = await database.create_database()
        await besiege(DatabaseSiege(url, config, database), count)


Attack = Callable[[Path, Path, int], Awaitable[None]]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("attack", "count"),
    [(kill_on_a_file, 20), (kill_on_a_database, 20), (kill_the_database, 5)],
)
async def test_what_was_acknowledged_outlives_a_kill(
    attack: Attack, count: int, tmp_path: Path, config: Path
) -> None:
    """E-10, a few rounds: of the server on a file and on PostgreSQL, and of PostgreSQL."""
    await attack(tmp_path, config, count)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("attack", "count"),
    [(kill_on_a_file, 500), (kill_on_a_database, 500), (kill_the_database, 100)],
)
async def test_what_was_acknowledged_outlives_500_kills(
    attack: Attack,
    count: int,
    tmp_path: Path,
    config: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """E-10 at its full size."""
    with capsys.disabled():
        await attack(tmp_path, config, count)
