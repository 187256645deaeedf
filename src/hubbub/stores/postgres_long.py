"""Long transactions in a log's database in PostgreSQL: see `stores.long`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from hubbub.errors import ConfigurationError, Unavailable
from hubbub.stores.long import Run
from hubbub.stores.migrate import HEAD, VERSION_TABLE
from hubbub.stores.postgres import LOCK
from hubbub.stores.postgres_lines import ORDINARY, Database, Failure, Line

if TYPE_CHECKING:
    from sqlalchemy import Connection

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 10.0
"""Seconds to wait for a connection."""

UNHURRIED = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0"


@asynccontextmanager
async def read_database(url: str) -> AsyncIterator[Run]:
    async with _transaction(url, reading=True) as run:
        await run(_check)
        yield run


@asynccontextmanager
async def write_database(url: str) -> AsyncIterator[Run]:
    async with _transaction(url) as run:
        await run(_check)
        yield run


@asynccontextmanager
async def make_database(url: str, names: Collection[str]) -> AsyncIterator[Run]:
    async with _transaction(url) as run:
        await run(_check_free, names)
        yield run


class Unhurried(Line):
    """A connection with one transaction."""

    async def begin(self) -> Run:
        """Raises `Unavailable`, and `ConfigurationError` for what does not pass by itself."""
        try:
            connection = await self._connected(PATIENCE)
        except Failure as failure:
            kind = ConfigurationError if failure.hopeless else Unavailable
            raise kind(str(failure)) from failure
        with self._told():
            await connection.execute(UNHURRIED)
            sql = await self._sqlalchemy()
            await sql.begin()

        async def run(
            work: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
        ) -> T:
            with self._told():
                return await sql.run_sync(lambda sql: work(sql, *args, **kwargs))

        return run

    async def commit(self) -> None:
        """Raises `Unavailable`."""
        with self._told(unknown=True):
            await (await self._sqlalchemy()).commit()

    @contextmanager
    def _told(self, *, unknown: bool = False) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            trouble = self.trouble(error)
            if trouble is None:
                raise
            failure = self._database.failure(trouble)
            raise Unavailable(str(failure), unknown and not failure.certain) from error


@asynccontextmanager
async def _transaction(url: str, *, reading: bool = False) -> AsyncIterator[Run]:
    line = Unhurried(Database(url, PATIENCE), ORDINARY, reading)
    try:
        yield await line.begin()
        await line.commit()
    finally:
        await line.close()  # which takes back what is not committed


def _check(connection: Connection) -> None:
    from sqlalchemy import inspect, text

    revision = None
    if VERSION_TABLE in inspect(connection).get_table_names():
        revision = connection.scalar(text(f"SELECT max(version_num) FROM {VERSION_TABLE}"))
    if revision != HEAD:
        raise ConfigurationError(
            f"the database has {'no log' if revision is None else f'a log of version {revision}'}, "
            f"and this hubbub needs {HEAD}: see `hubbub db upgrade`"
        )


def _check_free(connection: Connection, names: Collection[str]) -> None:
    from sqlalchemy import inspect, text

    connection.execute(text(LOCK))  # nobody else makes them meanwhile
    if connection.scalar(text("SHOW server_encoding")) != "UTF8":
        raise ConfigurationError("the database is not encoded in UTF8, as a log has to be")
    there = sorted(set(inspect(connection).get_table_names()).intersection(names))
    if there:
        raise ConfigurationError(
            f"the database is not empty ({', '.join(there[:3])}, …): nothing is overwritten. "
            "Make another one, with createdb"
        )
