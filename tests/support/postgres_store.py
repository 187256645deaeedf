"""A log in PostgreSQL for tests, and somebody else who looks into its database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import asyncpg
import pytest
from tests.support.cable import Cable, cable

from hubbub.contracts import Store
from hubbub.errors import Unavailable
from hubbub.model import Draft
from hubbub.stores.postgres import PostgresStore

DEADLINE = 20.0
"""Seconds for what takes a fraction of one."""


def host(url: str) -> str:
    """Where the database is, `127.0.0.1:5432`."""
    return urlsplit(url).netloc.rpartition("@")[2]


@asynccontextmanager
async def opened(url: str, patience: float = 10.0, **how: Any) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(url, migrate=True, patience=patience, **how)
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    """A connection of somebody else."""
    connection = await asyncpg.connect(url, timeout=DEADLINE)
    try:
        yield connection
    finally:
        await connection.close()


async def unavailable(call: Any, unknown: bool = False) -> str:
    """The text of the failure that `call` has to be."""
    with pytest.raises(Unavailable) as raised:
        await call
    assert raised.value.unknown is unknown
    return str(raised.value)


def draft(value: object, key: str = "") -> Draft:
    return Draft(f'"{value}"'.encode(), key=key)


async def values(store: Store, room: str) -> list[str]:
    """What is in the room, whose offsets have no hole."""
    found: list[str] = []
    while True:
        page = await store.read(room, len(found), 1_000, 10_000_000)
        if not page.publications:
            assert page.position.offset == len(found)
            return found
        for one in page.publications:
            assert one.offset == len(found) + 1
            found.append(one.value)


async def waiting(connection: Any, how_many: int = 1) -> list[int]:
    """The processes that wait for a lock, once there are so many."""
    async with asyncio.timeout(DEADLINE):
        while True:
            rows = await connection.fetch(
                "SELECT pid FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if len(rows) == how_many:
                return [pid for (pid,) in rows]
            await asyncio.sleep(0.01)


async def holds(connection: Any, condition: str) -> None:
    """Wait until `condition` is true in the database."""
    async with asyncio.timeout(DEADLINE):
        while True:
            if await connection.fetchval(f"SELECT {condition}"):
                return
            await asyncio.sleep(0.01)


QUIET = """NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
  AND pid <> pg_backend_pid() AND state <> 'idle')"""
"""Nobody else is in a transaction."""


class Wired(NamedTuple):
    """A store at the far end of a cable, and somebody else's connection without one."""

    store: PostgresStore
    cable: Cable
    other: Any


@asynccontextmanager
async def wired_to(url: str) -> AsyncIterator[Wired]:
    """A store that gives up after two seconds, and asks for one."""
    server = host(url)
    async with (
        cable(server) as line,
        opened(url.replace(server, line.at, 1), 2.0) as store,
        connected(url) as other,
    ):
        await store.append([("a", draft("before"))])
        yield Wired(store, line, other)


@asynccontextmanager
async def locked(other: Any) -> AsyncIterator[None]:
    """The log of the room `a` is somebody else's for a while."""
    async with other.transaction():
        await other.execute("SELECT FROM hubbub_logs WHERE room = 'a' FOR UPDATE")
        yield


LATE = """
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(1);
  RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE ON hubbub_batches
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new.results IS NOT NULL)
  EXECUTE FUNCTION late();
SELECT pg_advisory_lock(1);
"""
"""Every batch waits in its commit, until the lock is released."""

RELEASE = "SELECT pg_advisory_unlock(1)"
