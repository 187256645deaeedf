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
from hubbub.testing import store_laws


@asynccontextmanager
async def started(store: Store) -> AsyncIterator[Store]:
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


async def test_the_memory_store_keeps_the_laws() -> None:
    await store_laws(lambda now: lambda: started(MemoryStore(now=now)), shared=False)


async def test_the_sqlite_store_keeps_the_laws(tmp_path: Path) -> None:
    numbers = count()

    def fresh(now: Callable[[], float]) -> Callable[[], AbstractAsyncContextManager[Store]]:
        path = tmp_path / f"{next(numbers)}.db"
        return lambda: started(SQLiteStore(path, now=now))

    await store_laws(fresh)


@pytest.mark.slow  # it starts a server
async def test_the_postgres_store_keeps_the_laws() -> None:
    def fresh(now: Callable[[], float]) -> Callable[[], AbstractAsyncContextManager[Store]]:
        url = asyncio.create_task(fresh_database())

        @asynccontextmanager
        async def opening() -> AsyncIterator[Store]:
            async with started(PostgresStore(await url, migrate=True, now=now)) as store:
                yield store

        return opening

    await store_laws(fresh)
