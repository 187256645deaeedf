"""Logs with something in them, servers on them, and terminals to look after them at."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TypeVar

import httpx
from tests.support.commands import HUBBUB, hubbub_serve
from tests.support.server import DEADLINE, ServerProcess

from hubbub.contracts import Store
from hubbub.model import Draft, LogState, Publication
from hubbub.stores import open_store
from hubbub.stores.sqlite import SQLiteStore

API_KEY = "the key of the tests of tools"
T = TypeVar("T")


def with_store(url: str, work: Callable[[Store], Awaitable[T]]) -> T:
    """What `work` makes of the log at `url`, which is made where there is none."""

    async def run() -> T:
        store = open_store(url, migrate=True)
        await store.start()
        try:
            return await work(store)
        finally:
            await store.stop()

    return asyncio.run(run())


def fill(url: str, room: str, *drafts: Draft | bytes) -> LogState:
    """Publish these in `room`; how its log stands then."""

    async def work(store: Store) -> LogState:
        made = [one if isinstance(one, Draft) else Draft(one) for one in drafts]
        await store.append([(room, draft) for draft in made])
        (state,) = await store.states([room])
        return state

    return with_store(url, work)


def fill_at(url: str, room: str, times: Sequence[float]) -> None:
    """Publish 1, 2, 3, … in `room` of the file at `url`, at these Unix seconds."""

    async def run() -> None:
        now = iter(times)
        store = SQLiteStore(url.removeprefix("sqlite:///"), now=lambda: next(now))
        await store.start()
        for number in range(len(times)):
            await store.append([(room, Draft(b"%d" % (number + 1)))])
        await store.stop()

    asyncio.run(run())


def state_of(url: str, room: str) -> LogState:
    async def work(store: Store) -> LogState:
        (state,) = await store.states([room])
        return state

    return with_store(url, work)


def entries(url: str, room: str) -> list[Publication]:
    """All that the log keeps of `room`."""

    async def work(store: Store) -> list[Publication]:
        found: list[Publication] = []
        while page := (
            await store.read(room, found[-1].offset if found else 0, 1000, 10_000_000)
        ).publications:
            found += page
        return found

    return with_store(url, work)


def serve(url: str) -> ServerProcess:
    """A server with durable rooms `chat:…` on the log at `url`."""
    settings = {
        "store": url,
        "anonymous": "true",
        "api_keys": json.dumps([API_KEY]),
        "namespaces": json.dumps({"chat": {"durability": "commit"}}),
    }
    return ServerProcess(command=hubbub_serve("--headless"), settings=settings)


def ask(server: ServerProcess, method: str, **body: object) -> dict[str, object]:
    """The result of a call of the HTTP API."""
    answer = httpx.post(
        f"http://127.0.0.1:{server.port}/api/{method}", json=body, headers={"X-API-Key": API_KEY}
    ).json()
    assert "error" not in answer, answer
    result: dict[str, object] = answer["result"]
    return result


class Publishing:
    """What was acknowledged so far: (offset, epoch, what)."""

    def __init__(self) -> None:
        self.acknowledged: list[tuple[object, object, int]] = []
        self.changed = threading.Condition()
        self.over = False

    def wait_for(self, more: int) -> None:
        """Until so many more were acknowledged than now."""
        with self.changed:
            wanted = len(self.acknowledged) + more
            enough = self.changed.wait_for(
                lambda: self.over or len(self.acknowledged) >= wanted, DEADLINE
            )
            assert enough and not self.over, "publishing came to an end"


@contextmanager
def publishing(server: ServerProcess, room: str) -> Iterator[Publishing]:
    """Publish 0, 1, 2, … one after the other, all the while; every one has to be acknowledged."""
    made = Publishing()
    stopped = threading.Event()
    failed: list[BaseException] = []

    def run() -> None:
        numbers = count()
        try:
            with httpx.Client(headers={"X-API-Key": API_KEY}, timeout=DEADLINE) as client:
                while not stopped.is_set():
                    body = {"channel": room, "data": {"number": (number := next(numbers))}}
                    url = f"http://127.0.0.1:{server.port}/api/publish"
                    result = client.post(url, json=body).json()["result"]
                    with made.changed:
                        made.acknowledged.append((result["offset"], result["epoch"], number))
                        made.changed.notify_all()
        except BaseException as error:
            failed.append(error)
        finally:
            with made.changed:
                made.over = True
                made.changed.notify_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        made.wait_for(1)
        yield made
    finally:
        stopped.set()
        thread.join(DEADLINE)
    assert not failed, failed


def environment(url: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUBBUB_")}
    return {**kept, "HUBBUB_STORE": url, "TERM": "xterm", "COLUMNS": "120", "TZ": "JST-9"}


def at_terminal(url: str, *arguments: str, answer: str = "") -> tuple[int, str]:
    """Exit code of `hubbub ...` and all that a terminal nine hours ahead of UTC shows of it.

    `answer` is typed once it asks.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*HUBBUB, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment(url)
    )
    os.close(theirs)
    shown = b""
    end = time.monotonic() + DEADLINE
    try:
        while select.select([ours], [], [], max(0.0, end - time.monotonic()))[0]:
            try:
                shown += os.read(ours, 65_536)
            except OSError:  # how Linux tells that nobody has the other end any more
                break
            if answer and b"[y/N]" in shown:
                os.write(ours, f"{answer}\n".encode())
                answer = ""
        return process.wait(DEADLINE), shown.decode()
    finally:
        os.close(ours)
        if process.poll() is None:
            process.kill()
            process.wait()
