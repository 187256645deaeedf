"""Every file in examples/ does what it says."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.server import ROOT, ServerProcess

from examples import database, lifespan, tutorial
from hubbub.testing import TestHub

EXAMPLES = sorted(p.stem for p in (ROOT / "examples").glob("*.py") if p.stem != "__init__")


def http(app: object) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://example")


def test_every_example_has_a_test_here() -> None:
    tests = Path(__file__).read_text()
    for name in EXAMPLES:
        assert f"async def test_{name}_" in tests, name


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_starts_as_its_docstring_says(name: str, tmp_path: Path) -> None:
    path = ROOT / "examples" / f"{name}.py"
    command = f"hubbub serve examples.{name}:app"
    assert f"    {command}\n" in path.read_text()
    arguments = [*command.split()[1:], "--port", "0"]
    with ServerProcess(
        command=["env", "-C", str(tmp_path), sys.executable, "-m", "hubbub", *arguments],
        environment={"PYTHONPATH": str(ROOT)},
    ) as server:
        assert server.stop_now() == 0, server.log_now()
        assert "Traceback" not in server.log_now()


async def test_tutorial_sends_to_everyone_in_the_room_and_to_nobody_else() -> None:
    async with TestHub(tutorial.app) as hub:
        ann, bob, eve = [await hub.connect(f"/ws/{room}") for room in ("tea", "tea", "milk")]
        await ann.send("hello")
        for member in (ann, bob):
            assert await member.receive() == "Room tea: hello"
        assert await eve.waiting() == []


async def test_lifespan_broadcasts_from_a_route_and_from_a_task() -> None:
    async with TestHub(lifespan.app) as hub, http(lifespan.app) as client:
        watcher, clock = await hub.connect("/ws/orders"), await hub.connect("/ws/clock")
        answer = await client.post("/orders", json={"id": 7, "item": "tea"})
        assert answer.status_code == 201
        assert await watcher.receive_json() == {"created": {"id": 7, "item": "tea"}}
        assert "time" in await clock.receive_json()
        assert await watcher.waiting() == []


async def test_lifespan_ends_its_task() -> None:
    async with TestHub(lifespan.app):
        before = len(asyncio.all_tasks())
    assert len(asyncio.all_tasks()) < before
    assert not [task for task in asyncio.all_tasks() if "tell_the_time" in repr(task)]


@pytest.fixture
def messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "messages.db"
    monkeypatch.setattr(database, "DATABASE", str(path))
    monkeypatch.setattr(database, "pool", asyncio.Queue())
    yield path
    assert database.pool.empty(), "the pool is closed with the application"


async def test_database_stores_each_message_before_the_room_hears_it(messages: Path) -> None:
    async with TestHub(database.app) as hub, http(database.app) as client:
        ann, bob = await hub.connect("/ws/tea"), await hub.connect("/ws/tea")
        await ann.send("one")
        assert await bob.receive_json() == {"number": 1, "text": "one"}
        await bob.send("two")
        assert [(await ann.receive_json())["number"] for _ in range(2)] == [1, 2]
        assert (await client.get("/rooms/tea")).json() == ["one", "two"]
        assert (await client.get("/rooms/milk")).json() == []
    with sqlite3.connect(messages) as session:
        assert session.execute("SELECT count(*) FROM messages").fetchone() == (2,)
    session.close()


async def test_database_holds_no_session_while_its_sockets_are_idle(messages: Path) -> None:
    async with TestHub(database.app) as hub:
        people = [await hub.connect("/ws/tea") for _ in range(4 * database.POOL_SIZE)]
        assert database.pool.qsize() == database.POOL_SIZE
        for person in people:
            await person.send("hi")
        for person in people:
            numbers = [(await person.receive_json())["number"] for _ in people]
            assert sorted(numbers) == list(range(1, len(people) + 1))
        assert database.pool.qsize() == database.POOL_SIZE
