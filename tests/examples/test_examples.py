"""Every file in examples/ does what it says."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.server import ROOT, ServerProcess

from examples import chat_rules, database, durable, lifespan, read_markers, tutorial
from hubbub import Position
from hubbub.client import ReplyError, connect
from hubbub.testing import Closed, Rejected, TestHub

EXAMPLES = sorted(p.stem for p in (ROOT / "examples").glob("*.py") if p.stem != "__init__")

FOLDERS = sorted(p.parent.name for p in (ROOT / "examples").glob("*/app.py"))


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


@pytest.mark.parametrize("folder", FOLDERS)
def test_readme_of_an_example_starts_it_as_its_docstring_says(folder: str) -> None:
    app, readme = ROOT / "examples" / folder / "app.py", ROOT / "examples" / folder / "README.md"
    commands = re.findall(r"^    ((?:npm|hubbub) .+)$", app.read_text(), re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        assert command in readme.read_text()
    assert (ROOT / f"tests/examples/test_{folder}.py").exists()
    assert f"examples/{folder}" in (ROOT / "README.md").read_text()


def test_the_readme_prints_the_example_with_rules_as_it_is() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    source = (ROOT / "examples/chat_rules.py").read_text()
    assert any("@hub.authenticate" in block and source.endswith(block) for block in blocks)


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


async def test_durable_orders_outlive_the_server_and_a_repeated_one_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tea, cake = {"table": 1, "dish": "tea"}, {"table": 2, "dish": "cake"}
    key = {"Idempotency-Key": "one click"}
    async with TestHub(durable.app) as hub, http(durable.app) as client:
        kitchen = await hub.connect()
        joined = await kitchen.join("orders:west")
        for _ in range(2):
            answer = await client.post("/orders/west", json=tea, headers=key)
            assert (answer.status_code, answer.json()) == (201, {"number": 1})
        answer = await client.post("/orders/west", json=cake, headers=key)
        assert answer.status_code == 409
        assert (await kitchen.next("orders:west")).data == tea
        await kitchen.close()
        await client.post("/orders/west", json=cake)
    async with TestHub(durable.app) as hub, http(durable.app) as client:
        kitchen = await hub.connect()
        seen = Position(1, joined.position.epoch)
        again = await kitchen.join("orders:west", recover=seen)
        assert [one.data for one in again.publications] == [cake]
        latest = (await client.get("/orders/west")).json()
        assert latest == [{"number": 1, "order": tea}, {"number": 2, "order": cake}]
        before = (await client.get("/orders/west", params={"before": 2})).json()
        assert before == latest[:1]
        assert (await client.get("/readyz")).json() == {"status": "ok"}


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


async def test_chat_rules_lets_members_talk_and_nobody_else() -> None:
    async with TestHub(chat_rules.app) as hub:
        ann, bob = await hub.connect(token="ann-s3cret"), await hub.connect(token="bob-s3cret")
        with pytest.raises(Closed, match="3500 invalid token"):
            await hub.connect(token="eve-s3cret")
        with pytest.raises(Closed, match="3501"):
            await hub.connect()
        await ann.join("chat:7")
        await bob.join("chat:7")
        await ann.publish("chat:7", {"text": "hi", "by": "somebody else"})
        heard = await bob.next("chat:7")
        assert heard.data == {"text": "hi", "by": "ann"}
        assert [one.user for one in (await bob.presence("chat:7")).values()] == ["ann", "bob"]
        await ann.join("chat:8")
        with pytest.raises(Rejected, match="103 not a member of this room"):
            await bob.join("chat:8")
        for room in ("chat:8", "chat:9", "lobby"):
            with pytest.raises(Rejected, match="10[23]"):
                await bob.publish(room, {"text": "let me in"})
        for wrong in ({"text": ""}, {"text": "x" * 1001}, {}, "text"):
            with pytest.raises(Rejected, match="107"):
                await ann.publish("chat:7", wrong)
        page = await bob.history("chat:7")
        assert [one.data["text"] for one in page.publications] == ["hi"]


async def test_chat_rules_publishes_from_a_route() -> None:
    async with TestHub(chat_rules.app) as hub, http(chat_rules.app) as client:
        bob = await hub.connect(token="bob-s3cret")
        await bob.join("chat:7")
        ann = {"Authorization": "Bearer ann-s3cret"}
        answer = await client.post("/rooms/7", json={"text": "from a route"}, headers=ann)
        assert answer.status_code == 201
        assert (await bob.next("chat:7")).data == {"text": "from a route", "by": "ann"}
        for room, token, status in [
            ("7", "Bearer eve", 403),
            ("8", "Bearer bob-s3cret", 403),
            ("7", "", 401),
        ]:
            answer = await client.post(
                f"/rooms/{room}", json={"text": "x"}, headers={"Authorization": token}
            )
            assert answer.status_code == status
        assert await bob.waiting() == []


async def test_chat_rules_as_a_server_with_a_client_over_the_network() -> None:
    command = [sys.executable, "-m", "hubbub", "serve", "examples.chat_rules:app", "--port", "0"]
    async with ServerProcess(command=command) as server:
        url = f"http://127.0.0.1:{server.port}"
        async with (
            connect(url, token="ann-s3cret") as ann,
            connect(url, token="bob-s3cret") as bob,
        ):
            ann_in, bob_in = await ann.join("chat:7"), await bob.join("chat:7")
            await ann_in.publish({"text": "hi"})
            assert (await bob_in.next()).data == {"text": "hi", "by": "ann"}
            assert (await ann_in.next()).data == {"text": "hi", "by": "ann"}
            with pytest.raises(ReplyError):
                await bob.join("chat:8")
        assert await server.stop() == 0, await server.log()
        assert "Traceback" not in await server.log()


async def test_read_markers_counts_for_each_user_and_tells_all_their_devices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    as_ann, as_bob = ({"Authorization": f"Bearer {name}"} for name in ("ann", "bob"))
    async with TestHub(read_markers.app) as hub, http(read_markers.app) as client:
        phone, desk = await hub.connect(token="bob"), await hub.connect(token="bob")
        for device in (phone, desk):
            await device.join("team:tea")
        for text in ("hi", "@bob look", "@all tea is ready", "@eve nobody of ours"):
            answer = await client.post("/teams/tea", json={"text": text}, headers=as_ann)
            assert answer.status_code == 201
        assert (await phone.next("team:tea")).data == {"text": "hi", "by": "ann"}
        unread = {"team:tea": {"unread": 4, "for you": 2}}
        assert (await client.get("/unread", headers=as_bob)).json() == unread
        nothing = {
            "team:tea": {"unread": 0, "for you": 0},
            "team:cake": {"unread": 0, "for you": 0},
        }
        assert (await client.get("/unread", headers=as_ann)).json() == nothing
        assert await phone.mark_read("team:tea", 2) == 2
        for device in (phone, desk):
            told = (await device.next(kind="message")).data
            assert told == {"read": {"room": "team:tea", "offset": 2}}
        assert [one[1:] for one in await desk.unread("team:tea")] == [(2, 2, 1, 4)]
        answer = await client.post("/teams/tea/read/9", headers=as_bob)
        assert answer.json() == {"read": 4}
        for path in ("/teams/cake/read/1", "/teams/cake"):
            answer = await client.post(path, json={"text": "cake"}, headers=as_bob)
            assert answer.status_code == 403
        with pytest.raises(Rejected, match="103"):
            await desk.join("team:cake")
