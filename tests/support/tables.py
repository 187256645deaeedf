"""The database of an application's tables, without the store that it is in.

    async with sqlite_tables(tmp_path) as tables: ...
    async with postgres_tables(await fresh_database()) as tables: ...

The tables of `metadata` are there, empty.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, MetaData, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from hubbub import Unavailable
from hubbub.tables import Projection, Tables

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """What a test may do to a database. While it is `away`, it cannot be reached; `reads` and
    `writes` count the calls."""

    def __init__(self) -> None:
        self.away = False
        self.reads = self.writes = 0

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        self.reads += 1
        return await self._run(False, lambda connection: work(connection, *args, **kwargs))

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        self.writes += 1
        return await self._run(True, lambda connection: work(connection, *args, **kwargs))

    def project(self, projection: Projection) -> None:
        raise NotImplementedError

    async def _run(self, writes: bool, work: Callable[[Connection], T]) -> T:
        if self.away:
            raise Unavailable("the database is away")
        return await self._do(writes, work)

    async def _do(self, writes: bool, work: Callable[[Connection], T]) -> T:
        raise NotImplementedError


class SqliteTables(Database):
    """Reads side by side, writes one at a time, each in a thread."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self._writing = asyncio.Lock()

    async def _do(self, writes: bool, work: Callable[[Connection], T]) -> T:
        if not writes:
            return await asyncio.to_thread(self._transaction, "BEGIN", work)
        async with self._writing:
            return await asyncio.to_thread(self._transaction, "BEGIN IMMEDIATE", work)

    def _transaction(self, begin: str, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(begin)
            result = work(connection)
            connection.commit()
            return result


@asynccontextmanager
async def sqlite_tables(folder: Path, metadata: MetaData) -> AsyncIterator[SqliteTables]:
    file = folder / "tables.db"
    file.write_bytes(_empty(metadata))
    engine = create_engine(f"sqlite:///{file}")

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say so
        connection.execute("PRAGMA synchronous = OFF")

    yield SqliteTables(engine)
    engine.dispose()


@lru_cache(maxsize=1)
def _empty(metadata: MetaData) -> bytes:
    """A file with the tables, which take a while to make."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "tables.db"
        engine = create_engine(f"sqlite:///{file}", poolclass=NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            metadata.create_all(connection)
            connection.commit()
        return file.read_bytes()


SERIALIZATION, DEADLOCK = "40001", "40P01"


class PostgresTables(Database):
    """Each call on a connection of its own; what the database asks to be repeated, is."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__()
        self._engine = engine

    async def _do(self, writes: bool, work: Callable[[Connection], T]) -> T:
        while True:
            try:
                async with self._engine.begin() as connection:
                    return await connection.run_sync(work)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", "") not in (SERIALIZATION, DEADLOCK):
                    raise


@asynccontextmanager
async def postgres_tables(
    url: str, metadata: MetaData, isolation: str = "READ COMMITTED"
) -> AsyncIterator[PostgresTables]:
    """`isolation` is what transactions see of each other. What was in the tables is gone."""
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://"), isolation_level=isolation
    )
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        names = ", ".join(metadata.tables)
        await connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY")
    yield PostgresTables(engine)
    await engine.dispose()


_: list[type[Tables]] = [SqliteTables, PostgresTables]
