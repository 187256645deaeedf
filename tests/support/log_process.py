"""Another process on a log's file: `python -m tests.support.log_process WHAT PATH`.

It says what it has come to line by line, and goes on when it is told to. What it asserts about a
disk that is full or must not be written, it asserts itself: limits and rights are a process's.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from hubbub.errors import ConfigurationError, Unavailable
from hubbub.model import Draft
from hubbub.stores.sqlite import SQLiteStore

WIDE = 4_000
"""Bytes of what is appended where a disk has to fill up."""


def draft(number: int, width: int = 0) -> Draft:
    """What says which one it is."""
    return Draft(f'{{"number":{number},"wide":"{"x" * width}"}}'.encode())


async def numbers(store: SQLiteStore, room: str) -> list[int]:
    """What is in the room."""
    found: list[int] = []
    while True:
        page = await store.read(room, len(found), 1_000, 10_000_000)
        if not page.publications:
            assert page.position.offset == len(found)
            return found
        for one in page.publications:
            assert one.offset == len(found) + 1, "offsets have no hole"
            found.append(one.value["number"])


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SQLiteStore]:
    store = SQLiteStore(path)
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


async def unavailable(call: Awaitable[object]) -> str:
    """The text of the failure that `call` has to be."""
    try:
        await call
    except Unavailable as error:
        assert not error.unknown
        return str(error)
    raise AssertionError("that should have failed")


def say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def told() -> None:
    assert sys.stdin.readline()


async def lock(path: Path) -> None:
    """Hold the right to write until told."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    say("locked")
    await asyncio.to_thread(told)
    connection.execute("COMMIT")
    connection.close()
    say("released")


async def append(path: Path) -> None:
    """Append batches until killed, and say how far each that was stored reaches."""
    async with opened(path) as store:
        (state,) = await store.states(["a"])
        top = state.position.offset
        while True:
            size = 1 + top % 13
            made = await store.append([("a", draft(top + number)) for number in range(size)])
            top = made[-1].position.offset
            say(top)


async def project(path: Path) -> None:
    """As `append`, with tables that are kept in step."""
    # Here, since the rest is tried without SQLAlchemy.
    from hubbub.testing.store_laws.projections import all_said, projected
    from hubbub.testing.store_laws.tables import metadata

    async with opened(path) as store:
        await store.tables().write(metadata.create_all)
        projected(store)
        (state,) = await store.states(["said"])
        top = state.position.offset
        while True:
            size = 1 + top % 13
            made = await store.append(all_said("said", *map(str, range(top, top + size))))
            top = made[-1].position.offset
            say(top)


async def change(path: Path) -> None:
    """Append to one room, trim another, and have a third begin anew."""
    async with opened(path) as store:
        await store.append([("appended", draft(1)), ("new", draft(1))])
        assert await store.trim("trimmed", 3, 0, 10) == 2
        await store.remove("removed")


async def server(path: Path) -> None:
    """Be a server, until told."""
    store = SQLiteStore(path, alone=True)
    try:
        await store.start()
    except ConfigurationError as error:
        say(error)
        return
    say("started")
    await asyncio.to_thread(told)
    await store.stop()


async def start(path: Path) -> None:
    """Say which of the packages for upgrades and for tables are needed for what needs neither."""
    async with opened(path) as store:
        await store.append([("a", draft(0))])
        await store.mark("a", "ann", 1)
        await store.unread("ann", ["a"], 1)
        say(sorted({"alembic", "sqlalchemy"} & set(sys.modules)))


async def fill(store: SQLiteStore, heal: Callable[[], None], text: str) -> None:
    """Append until it fails with `text`, and see what it is like before and after `heal`."""
    stored: list[int] = []
    failed = None
    while failed is None:
        batch = range(len(stored), len(stored) + 5)
        try:
            await store.append([("a", draft(number, WIDE)) for number in batch])
            stored += batch
        except Unavailable as error:
            assert not error.unknown, "it can be known that it is not stored"
            failed = str(error)
    assert text in failed, failed
    assert stored
    assert await numbers(store, "a") == stored, "what was stored can be read all the while"
    batch = range(len(stored), len(stored) + 300)
    failed = await unavailable(store.append([("a", draft(number, WIDE)) for number in batch]))
    assert text in failed, failed
    assert await numbers(store, "a") == stored

    heal()
    await store.append([("a", draft(number, WIDE)) for number in batch])
    await store.check()
    assert await numbers(store, "a") == [*stored, *batch], "it heals, and offsets have no hole"


async def limited(path: Path) -> None:
    """A file that may not grow: the system refuses the write."""
    async with opened(path) as store:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
        unlimited = (hard, hard)
        text = "the log's disk does not work (SQLITE_IOERR_WRITE)"
        await fill(store, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, unlimited), text)


async def full(path: Path) -> None:
    """A disk of its own that is full: run in a mount namespace."""

    def mount(*how: str) -> None:
        subprocess.run(["mount", *how, str(path.parent)], check=True)

    mount("-t", "tmpfs", "-o", "size=1m", "tmpfs")
    async with opened(path) as store:
        await fill(store, lambda: mount("-o", "remount,size=32m"), "the disk is full")
    async with opened(path) as store:
        before = await numbers(store, "a")
    mount("-o", "remount,ro")
    try:
        async with opened(path):
            raise AssertionError("a log has to be written to")
    except ConfigurationError as error:
        assert str(path) in str(error)
    mount("-o", "remount,rw")
    async with opened(path) as store:
        assert await numbers(store, "a") == before


async def readonly(path: Path) -> None:
    """A file that this process has no right to write to, until it has."""
    async with opened(path) as store:
        await store.append([("a", draft(0))])
    os.chmod(path.parent, 0o777)
    os.chmod(path, 0o444)
    if root := os.geteuid() == 0:
        os.seteuid(65_534)
    async with opened(path) as store:
        assert await numbers(store, "a") == [0], "it can be read"
        for failing in (store.append([("a", draft(1))]), store.check(), store.remove("a")):
            assert await unavailable(failing) == "the log's file is read-only"
        if root:
            os.seteuid(0)
        os.chmod(path, 0o666)
        await store.append([("a", draft(1))])
        assert await numbers(store, "a") == [0, 1], "it heals"


if __name__ == "__main__":
    asyncio.run(globals()[sys.argv[1]](Path(sys.argv[2])))
