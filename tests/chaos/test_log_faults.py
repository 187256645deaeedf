"""E-8: the log's disk is full, its file locked or slow, and the server says so and goes on.

While nothing can be stored nothing is acknowledged or delivered in durable rooms, what is stored
is read, rooms in memory live on, and it is all over once its cause is.
"""

from __future__ import annotations

import asyncio
import resource
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.support.commands import hubbub_serve
from tests.support.invariants import Witness, converges
from tests.support.logs import enter, hear, world_on
from tests.support.peers import until
from tests.support.publishers import (
    API_KEY,
    Answer,
    ApiPublisher,
    Http,
    SocketPublisher,
    Subscriber,
    Wire,
    tell_history,
)
from tests.support.server import ROOT, ServerProcess
from tests.support.stores import ControlledStore

from hubbub.errors import Unavailable
from hubbub.model import Position

ROOM, MEMORY, QUIET = "log:room", "memory:room", "log:quiet"
BUSY_S = 2.0
"""Seconds that the store waits for a lock."""

DEADLINE = 30.0

CONFIG = f"""
anonymous = true
api_keys = ["{API_KEY}"]

[namespaces.log]
durability = "commit"
allow_subscribe_for_client = true
allow_subscribe_for_anonymous = true
allow_publish_for_client = true
allow_publish_for_anonymous = true

[namespaces.memory]
history_size = 100
allow_subscribe_for_client = true
allow_subscribe_for_anonymous = true
allow_publish_for_client = true
allow_publish_for_anonymous = true
"""

NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]
SMALL_DISK = 'mount -t tmpfs -o size=2m tmpfs "$1" && shift && exec "$@"'


class Ground:
    """A server, and the file that its log is in."""

    def __init__(self, server: ServerProcess, path: Path) -> None:
        self.server = server
        self.path = path
        self.witness = Witness()
        self.api = ApiPublisher(self.witness.publisher("http"), ROOM)
        self.socket = SocketPublisher(self.witness.publisher("socket"), ROOM)
        self.subscriber = Subscriber(self.witness.listener("subscriber"), ROOM)

    async def begin(self) -> None:
        await self.subscriber.enter(self.server.port)
        await self.api.run(self.server.port, most=10)
        await self.socket.run(self.server.port, in_flight=4, most=10)
        await self.ask("POST", "/api/publish", {"channel": QUIET, "data": "before"})
        assert await self.health() == (200, 200)
        assert self.acknowledged == 20

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        http = Http(self.server.port)
        answer = await http.ask(method, path, body)
        http.close()
        return answer

    @property
    def acknowledged(self) -> int:
        return self.api.acknowledged + self.socket.acknowledged

    async def health(self) -> tuple[int, int]:
        """Whether it lives, and whether it is ready."""
        alive = await self.ask("GET", "/healthz")
        ready = await self.ask("GET", "/readyz")
        assert alive.body == {"status": "ok"}
        assert ready.body["status"] == {200: "ok", 503: "degraded"}[ready.status]
        return alive.status, ready.status

    async def is_ready(self, status: int) -> None:
        """Wait until it says so, without anybody's doing."""
        await converges("health", self.health, (200, status), DEADLINE)

    async def breaks(self, why: str) -> None:
        """Publish until it does not work, and the server says so; see what goes on meanwhile."""
        ready = await self.ask("GET", "/readyz")
        async with asyncio.timeout(DEADLINE):
            # It tries again by itself: small things may fit in where large ones do not.
            while ready.status == 200 or not self.api.record.unknown():
                await self.api.run(self.server.port, most=1)
                ready = await self.ask("GET", "/readyz")
        assert (ready.status, ready.body["status"]) == (503, "degraded")
        assert why in ready.body["log"]
        await self.reads_go_on()
        await self.memory_goes_on()

    async def stores_nothing(self) -> None:
        before = self.acknowledged
        await self.socket.run(self.server.port, in_flight=8, most=8)
        assert self.acknowledged == before
        assert await self.health() == (200, 503)

    async def reads_go_on(self) -> None:
        for room, least in ((ROOM, 20), (QUIET, 1)):
            asked = {"channel": room, "limit": -1}
            result = (await self.ask("POST", "/api/history", asked)).body["result"]
            assert [one["offset"] for one in result["publications"][:least]] == [
                *range(1, least + 1)
            ]
        witness = Witness()
        for room in (ROOM, QUIET):  # where somebody is, and where nobody is
            newcomer = Subscriber(witness.listener("newcomer"), room)
            await newcomer.enter(self.server.port)
            assert newcomer.position is not None
            assert newcomer.position.offset
            await newcomer.leave()

    async def read_history(self) -> Position:
        """All of it, page by page."""
        stored: list[tuple[int, Any]] = []
        while True:
            since = {"offset": stored[-1][0] if stored else 0, "epoch": ""}
            asked = {"channel": ROOM, "limit": -1, "since": since}
            page = (await self.ask("POST", "/api/history", asked)).body["result"]
            if not page["publications"]:
                self.witness.history(ROOM, page["epoch"], stored, top=page["offset"])
                return Position(page["offset"], page["epoch"])
            stored += [(one["offset"], one["data"]) for one in page["publications"]]

    async def memory_goes_on(self) -> None:
        wire = await Wire.connect(self.server.port)
        assert "subscribe" in await wire.ask("subscribe", channel=MEMORY)
        await wire.say(wire.command("publish", channel=MEMORY, data="now"))
        answers = [await wire.next(), await wire.next()]
        assert [one["publish"] for one in answers if "id" in one] == [{}]
        assert [one["push"]["pub"]["data"] for one in answers if "push" in one] == ["now"]
        await wire.close()

    async def end(self) -> None:
        """It has healed: everything works, nothing was lost, and nothing is there twice."""
        await self.is_ready(200)
        await self.api.again(self.server.port, [one.id for one in self.api.record.unknown()])
        await self.api.run(self.server.port, most=10)
        await self.socket.run(self.server.port, in_flight=4, most=10)
        top = await self.read_history()
        await until(lambda: self.subscriber.position == top)
        counts = self.witness.check().whole().counts
        assert counts["unknown"] == 0
        assert counts["acknowledged"] == counts["stored"] == counts["heard"]


@asynccontextmanager
async def ground(tmp_path: Path, before: Sequence[str] = ()) -> AsyncIterator[Ground]:
    """A server with its log in a folder of its own; `before` is what runs its command."""
    config, folder = tmp_path / "hubbub.toml", tmp_path / "disk"
    config.write_text(CONFIG)
    folder.mkdir()
    command = [*before, *hubbub_serve("--headless", "--config", str(config))]
    settings = {"store": f"sqlite:///{folder / 'log.db'}"}
    async with ServerProcess(command=command, settings=settings) as server:
        here = Ground(server, folder / "log.db")
        try:
            await here.begin()
            yield here
        finally:
            await here.subscriber.leave()
        assert "Traceback" not in await server.log()


@asynccontextmanager
async def locked(path: Path) -> AsyncIterator[None]:
    """In the block another process has the right to write to the file."""
    holder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.log_process", "lock", str(path)),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    try:
        async with asyncio.timeout(DEADLINE):
            assert await holder.stdout.readline() == b"locked\n"
        yield
    finally:
        await holder.communicate(b"\n")
    assert holder.returncode == 0


# A lock. ---------------------------------------------------------------------------------------


async def test_a_lock_shorter_than_the_wait_for_it_is_only_a_wait(tmp_path: Path) -> None:
    async with ground(tmp_path) as here:
        async with locked(here.path):
            waiting = asyncio.ensure_future(here.api.run(here.server.port, most=1))
            await here.reads_go_on()
            await here.memory_goes_on()
            assert here.acknowledged == 20, "nothing is acknowledged before it is stored"
        await waiting
        assert here.acknowledged == 21
        await here.end()


async def hold_the_lock(tmp_path: Path, seconds: float) -> None:
    async with ground(tmp_path) as here:
        clock = asyncio.get_running_loop()
        async with locked(here.path):
            end = clock.time() + seconds
            before = here.acknowledged
            await here.breaks("locked by another process")
            await here.stores_nothing()
            while clock.time() < end:
                await here.stores_nothing()
                await here.reads_go_on()
            assert here.acknowledged == before
        await here.end()


async def test_a_locked_file_is_told_and_heals(tmp_path: Path) -> None:
    """E-8: for as long as the store waits, and a little more."""
    await hold_the_lock(tmp_path, BUSY_S)


@pytest.mark.slow
async def test_a_file_that_is_locked_for_ten_seconds_is_told_and_heals(tmp_path: Path) -> None:
    """E-8 at its full length."""
    await hold_the_lock(tmp_path, 10.0)


# A disk. ---------------------------------------------------------------------------------------


LARGE = 50_000
"""Bytes of a message that finds no place."""


@contextmanager
def small_files(here: Ground) -> Iterator[None]:
    """In the block the system refuses writes that make a file of the server's larger than that."""
    soft, hard = resource.prlimit(here.server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(here.server.pid, resource.RLIMIT_FSIZE, (LARGE, hard))
    yield
    resource.prlimit(here.server.pid, resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def full_disk(here: Ground) -> Iterator[None]:
    """In the block something else takes all the room there was, on a disk that only the server
    sees."""
    filler = Path(f"/proc/{here.server.pid}/root{here.path.with_name('filler')}")
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4_096)
    yield
    filler.unlink()


async def test_writes_that_the_system_refuses_are_told_and_heal(tmp_path: Path) -> None:
    """E-8: an error of the disk, as far as the store can see."""
    async with ground(tmp_path) as here:
        here.api = ApiPublisher(here.witness.publisher("large"), ROOM, padding=LARGE)
        with small_files(here):
            await here.breaks("the log's disk does not work")
        await here.end()


def can_mount() -> bool:
    command = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return shutil.which("unshare") is not None and subprocess.run(command).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="needs a namespace to mount a small disk in")
async def test_a_full_disk_is_told_and_heals(tmp_path: Path) -> None:
    """E-8 on a disk of its own."""
    before = [*NAMESPACE, "sh", "-c", SMALL_DISK, "sh", str(tmp_path / "disk")]
    async with ground(tmp_path, before) as here:
        here.api = ApiPublisher(here.witness.publisher("large"), ROOM, padding=LARGE)
        with full_disk(here):
            await here.breaks("the disk is full")
        await here.end()


# A store that is slow, or loses its answers. ---------------------------------------------------


async def test_a_store_that_takes_a_second_holds_up_nobody_else() -> None:
    """E-8: nothing is acknowledged or heard before it is stored; reads and other rooms go on."""
    store, witness = ControlledStore(), Witness()
    async with world_on(store) as world:
        room, memory = world.node.room("room"), world.node.room("memory:room")
        listener = witness.listener("listener")
        client = await enter(world, listener, "room")
        bystander = await world.join("memory:room")
        store.hold()
        publishing = [asyncio.ensure_future(room.publish({"id": str(n)})) for n in range(100)]
        await world.clock.advance(1)
        await memory.publish("now")
        room.broadcast({"id": "typing"})
        assert await bystander.heard("memory:room") == ["now"]
        assert [one["pub"] for one in await client.told()] == [{"data": {"id": "typing"}}]
        assert (await room.history()).publications == []
        assert "subscribe" in await (await world.connect()).ask("subscribe", channel="room")
        assert not any(one.done() for one in publishing)
        store.release()
        publisher = witness.publisher("publisher")
        for number, position in enumerate(await asyncio.gather(*publishing)):
            assert position is not None
            publisher.sent("room", str(number), {"id": str(number)})
            publisher.acknowledged("room", str(number), *position)
        await hear(client, listener)
        await tell_history(witness, store, "room")
    assert witness.check().whole().counts["heard"] == 100


async def test_what_waits_for_a_slow_store_is_bounded(quiet_log: list[str]) -> None:
    """E-8: beyond the bound publishing is turned down at once, and goes on when there is room."""
    store, witness = ControlledStore(), Witness()
    async with world_on(store, journal_bytes=10_000) as world:
        publisher, room = witness.publisher("publisher"), world.node.room("room")
        store.hold()

        async def publish(id: str) -> None:
            publisher.sent("room", id, {"id": id})
            try:
                position: Any = await room.publish({"id": id})
            except Unavailable as error:
                assert not error.unknown
                publisher.refused("room", id)
            else:
                publisher.acknowledged("room", id, *position)

        publishing = [asyncio.ensure_future(publish(str(number))) for number in range(100)]
        await until(lambda: any(one.done() for one in publishing))
        turned_down = sum(one.done() for one in publishing)
        assert 0 < turned_down < 100
        store.release()
        await asyncio.gather(*publishing)
        await publish("after")
        await tell_history(witness, store, "room")
    counts = witness.check().whole().counts
    assert (counts["refused"], counts["acknowledged"]) == (turned_down, 101 - turned_down)
