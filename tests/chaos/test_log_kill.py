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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from tests.support.commands import hubbub_serve
from tests.support.invariants import EMPTY, Report, Witness
from tests.support.peers import until
from tests.support.publishers import (
    API_KEY,
    ApiPublisher,
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
    """Those who publish in a room and listen to it, in one round."""

    def __init__(self, room: str) -> None:
        self.room = room
        self.witness = Witness()
        self.sockets = [
            SocketPublisher(self.witness.publisher(f"socket{number}"), room)
            for number in range(SOCKETS)
        ]
        self.requests = [
            ApiPublisher(self.witness.publisher(f"http{number}"), room)
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

    def __init__(self, url: str, config: Path) -> None:
        self.url = url
        self._command = hubbub_serve("--headless", "--config", str(config))

    def start(self) -> ServerProcess:
        return ServerProcess(command=self._command, settings={"store": self.url, "migrate": True})

    async def round(self, server: ServerProcess, seed: str) -> tuple[Report, ServerProcess]:
        """What was found, and the server that is there now."""
        dice = random.Random(seed)
        crowd = Crowd(f"log:{seed}")
        await crowd.enter(server.port)
        enough = dice.choice([0, 1, dice.randrange(50), dice.randrange(500)])
        async with crowd.publishing(server.port, dice):
            await until(lambda: crowd.acknowledged >= enough)
            for _ in range(dice.randrange(20)):
                await asyncio.sleep(0)
            if dice.random() < 0.5:
                await crowd.subscribers[0].leave()  # it misses some that the others do not
            await server.stop(signal.SIGKILL)
        server = await self.start().__aenter__()
        try:
            await crowd.enter(server.port)
            await crowd.retry(server.port, dice)
            await crowd.publish_some(server.port)
            report = await crowd.judge(self.url)
            assert all(one.recovered == 1 for one in crowd.subscribers), "brought what it missed"
        except BaseException:
            await server.__aexit__(None, None, None)
            raise
        return report, server

    async def rounds(self, count: int) -> Report:
        seed = os.environ.get("CHAOS_SEED") or secrets.token_hex(4)
        only = os.environ.get("CHAOS_ROUND")
        numbers = range(count) if only is None else [int(only)]
        began, total = time.monotonic(), EMPTY
        server = await self.start().__aenter__()
        try:
            for number in numbers:
                try:
                    async with asyncio.timeout(ROUND_S):
                        report, server = await self.round(server, f"{seed}-{number}")
                    total += report.whole()
                except Exception as error:
                    error.add_note(f"CHAOS_SEED={seed} CHAOS_ROUND={number}")
                    raise
        finally:
            await server.__aexit__(None, None, None)
        took = time.monotonic() - began
        print(f"\n{len(numbers)} rounds in {took:.0f} s: {total}; seed {seed}")  # noqa: T201
        return total


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "hubbub.toml"
    path.write_text(CONFIG)
    return path


async def kill(url: str, config: Path, count: int) -> None:
    report = await Siege(url, config).rounds(count)
    assert report.counts["acknowledged"] > count * (SOCKETS + REQUESTS)
    assert (report.counts["lost"], report.counts["repeated"]) == (0, 0)


async def kill_on_a_file(tmp_path: Path, config: Path, count: int) -> None:
    path = tmp_path / "log.db"
    await kill(f"sqlite:///{path}", config, count)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_what_a_killed_server_acknowledged_is_in_its_file(
    tmp_path: Path, config: Path
) -> None:
    """E-10, 20 rounds."""
    await kill_on_a_file(tmp_path, config, 20)


@pytest.mark.soak
async def test_what_a_server_killed_500_times_acknowledged_is_in_its_file(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """E-10 at its full size."""
    with capsys.disabled():
        await kill_on_a_file(tmp_path, config, 500)
