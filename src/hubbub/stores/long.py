"""One transaction that takes as long as it needs: for tools that look after a whole database.

    async with reading(url) as run:
        rows = await run(work, …)   # work(connection, …), all of it of one moment

It is on a connection of its own, beside whatever servers do, and what is written is committed
together, at the end of the block, or not at all where the block raises.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

from hubbub.errors import ConfigurationError, Unavailable
from hubbub.stores.sqlite_file import READING, SETTINGS, WRITING, File, Side
from hubbub.stores.worker import Worker

if TYPE_CHECKING:
    from sqlalchemy import Connection

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 10.0
"""Seconds to wait for a connection to PostgreSQL."""

NO_LIMITS = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0"

MAKING = (*SETTINGS, "PRAGMA journal_mode = MEMORY", "PRAGMA synchronous = OFF")
"""For a file that nobody sees before it is whole and on the disk."""

SQLITE = "sqlite:///"


class Run(Protocol):
    """Calls `work(connection, …)` in the transaction; what that returns or raises. Raises
    `Unavailable` where the database cannot be reached any more."""

    async def __call__(
        self, work: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[Run]:
    """Read the database at `url` as it is at one moment. Raises `ConfigurationError` for one that
    is not there or is no log of this version, and `Unavailable`."""
    if url.startswith(SQLITE):
        file = File(_existing(url))
        async with _in_file(Long(file, READING)) as run:
            yield run
    else:
        async with _in_postgres(url, reading=True) as run:
            yield run


@asynccontextmanager
async def writing(url: str) -> AsyncIterator[Run]:
    """Write to the database at `url`; nobody else does meanwhile, in SQLite. Raises as `reading`."""
    if url.startswith(SQLITE):
        file = File(_existing(url))
        async with _in_file(Long(file, WRITING, "BEGIN IMMEDIATE")) as run:
            yield run
    else:
        async with _in_postgres(url) as run:
            yield run


@asynccontextmanager
async def making(url: str, names: Iterable[str]) -> AsyncIterator[Run]:
    """Make the tables with these names at `url`, where none of them may be yet, and a file not
    either. Raises `ConfigurationError` and `Unavailable`."""
    if url.startswith(SQLITE):
        path = Path(url.removeprefix(SQLITE))
        _nothing_at(path)
        part = path.with_name(f"{path.name}.part-{secrets.token_hex(4)}")
        try:
            async with _in_file(New(File(part))) as run:
                yield run
            _put(part, path)
        finally:
            part.unlink(missing_ok=True)
    else:
        async with _in_postgres(url) as run:
            await run(_alone_with, frozenset(names))
            yield run


# SQLite. --------------------------------------------------------------------------------------


class Long(Side):
    """A connection whose one transaction begins with the first work."""

    def run(self, work: Callable[[Connection], T]) -> T:
        try:
            sql = self.sql()
            if not sql.in_transaction():
                sql.begin()
            return work(sql)
        except BaseException as error:
            matter = self.trouble(error)
            if matter is not None:
                raise self._file.unavailable(matter) from error
            raise

    def commit(self) -> None:
        self.run(lambda sql: sql.commit())


class New(Long):
    """A connection to a file that it makes."""

    def __init__(self, file: File) -> None:
        super().__init__(file, MAKING)

    def connection(self) -> sqlite3.Connection:
        if self._open is None:
            try:
                self._open = sqlite3.connect(self._file.path, isolation_level=None)
                for setting in self._settings:
                    self._open.execute(setting)
            except sqlite3.Error as error:
                raise self._file.unavailable(error) from error
        return self._open


@asynccontextmanager
async def _in_file(side: Long) -> AsyncIterator[Run]:
    worker = Worker("hubbub, one long transaction", side)

    async def run(
        work: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await worker.do(lambda side: side.run(lambda sql: work(sql, *args, **kwargs)))

    try:
        yield run
        await worker.do(Long.commit)
    finally:
        await worker.stop()  # which closes the connection, and takes back what is not committed


def _existing(url: str) -> Path:
    path = Path(url.removeprefix(SQLITE))
    if not path.exists():
        raise ConfigurationError(f"there is no log at {path}")
    return path


def _nothing_at(path: Path) -> None:
    """Raises `ConfigurationError`."""
    if not path.parent.is_dir():
        raise ConfigurationError(f"there is no directory {path.parent}: make it first")
    # What is left of another file's journal would be taken for the new one's.
    for there in (path, Path(f"{path}-wal"), Path(f"{path}-journal")):
        if there.exists():
            raise ConfigurationError(f"{there} is there already: nothing is overwritten")


def _put(part: Path, path: Path) -> None:
    """Have the file at `part`, once it is on the disk, be the one at `path`."""
    try:
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        _nothing_at(path)
        part.rename(path)
        if os.name != "nt":  # where folders cannot be opened
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from error


# PostgreSQL. ----------------------------------------------------------------------------------


@asynccontextmanager
async def _in_postgres(url: str, *, reading: bool = False) -> AsyncIterator[Run]:
    from hubbub.stores.postgres_lines import ORDINARY, Database, Failure, Line

    class Unhurried(Line):
        @asynccontextmanager
        async def transaction(self) -> AsyncIterator[Run]:
            connection = await self._connected(PATIENCE)
            await connection.execute(NO_LIMITS)
            sql = await self._sqlalchemy()

            async def run(
                work: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
            ) -> T:
                with self._told():
                    return await sql.run_sync(lambda sql: work(sql, *args, **kwargs))

            await sql.begin()
            yield run
            await sql.commit()
