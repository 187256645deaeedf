"""Every store is held to one law."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path

import pytest
from tests.support.postgres import fresh_database

from hubbub.contracts import Store
from hubbub.stores.memory import MemoryStore
from hubbub.stores.postgres import PostgresStore
from hubbub.stores.sqlite import SQLiteStore
from hubbub.testing import store_laws, tables_laws

Opening = Callable[[], AbstractAsyncContextManager[Store]]
Fresh = Callable[[Callable[[], float]], Opening]


@asynccontextmanager
async def started(store: Store) -> AsyncIterator[Store]:
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


async def test_the_memory_store_keeps_the_laws() -> None:
    await store_laws(lambda now: lambda: started(MemoryStore(now=now)), shared=False)


def files(folder: Path) -> Fresh:
    numbers = count()

    def fresh(now: Callable[[], float]) -> Opening:
        path = folder / f"{next(numbers)}.db"
        return lambda: started(SQLiteStore(path, now=now))

    return fresh


def databases(now: Callable[[], float]) -> Opening:
    url = asyncio.create_task(fresh_database())

    @asynccontextmanager
    async def opening() -> AsyncIterator[Store]:
        async with started(PostgresStore(await url, migrate=True, now=now)) as store:
            yield store

    return opening


async def test_the_sqlite_store_keeps_the_laws(tmp_path: Path) -> None:
    await store_laws(files(tmp_path))


async def test_tables_beside_the_sqlite_store_keep_the_laws(tmp_path: Path) -> None:
    await tables_laws(files(tmp_path))


@pytest.mark.slow  # it starts a server
@pytest.mark.timeout(300)  # and makes a database for each law
async def test_the_postgres_store_keeps_the_laws() -> None:
    await store_laws(databases)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_tables_beside_the_postgres_store_keep_the_laws() -> None:
    await tables_laws(databases)
