"""Long transactions in the file of a log: see `stores.long`."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from hubbub.errors import ConfigurationError, Unavailable
from hubbub.stores.long import Run
from hubbub.stores.sqlite_file import HOPELESS, READING, SETTINGS, WRITING, File, Side
from hubbub.stores.worker import Worker

if TYPE_CHECKING:
    from sqlalchemy import Connection

P = ParamSpec("P")
T = TypeVar("T")

MAKING = (*SETTINGS, "PRAGMA journal_mode = MEMORY", "PRAGMA synchronous = OFF")
"""For a file that nobody sees before it is whole, and on the disk."""


@asynccontextmanager
async def read_file(path: Path) -> AsyncIterator[Run]:
    async with _in_thread(Long(_there(path), READING)) as run:
        yield run


@asynccontextmanager
async def write_file(path: Path) -> AsyncIterator[Run]:
    async with _in_thread(Long(_there(path), WRITING, "BEGIN IMMEDIATE")) as run:
        yield run


@asynccontextmanager
async def make_file(path: Path) -> AsyncIterator[Run]:
    _nothing_at(path)
    part = path.with_name(f"{path.name}.part-{secrets.token_hex(4)}")
    try:
        async with _in_thread(New(File(part), MAKING)) as run:
            yield run
        _put(part, path)
    finally:
        part.unlink(missing_ok=True)


class Long(Side):
    """A connection whose one transaction begins with the first work."""

    def connection(self) -> sqlite3.Connection:
        """Raises `ConfigurationError` and `Unavailable`."""
        if self._open is None:
            try:
                self._open = self._opened()
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF in HOPELESS:
                    raise ConfigurationError(
                        f"{self._file.path} cannot be opened: {error}"
                    ) from error
                raise self._file.unavailable(error) from error
        return self._open

    def _opened(self) -> sqlite3.Connection:
        return self._file.connect(self._settings)

    def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, and raises. Raises `Unavailable`."""
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
        """Raises `Unavailable`."""
        self.run(lambda sql: sql.commit())


class New(Long):
    """As `Long`, to a file that it makes."""

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file.path, isolation_level=None)
        for setting in self._settings:
            connection.execute(setting)
        return connection


@asynccontextmanager
async def _in_thread(side: Long) -> AsyncIterator[Run]:
    worker = Worker("hubbub, one long transaction", side)

    async def run(
        work: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await worker.do(lambda side: side.run(lambda sql: work(sql, *args, **kwargs)))

    try:
        yield run
        await worker.do(Long.commit)
    finally:
        await worker.stop()  # it closes the connection, which takes back what is not committed


def _there(path: Path) -> File:
    if not path.is_file():
        raise ConfigurationError(f"there is no log at {path}")
    return File(path)


def _nothing_at(path: Path) -> None:
    """Raises `ConfigurationError`."""
    if not path.parent.is_dir():
        raise ConfigurationError(f"there is no directory {path.parent}: make it first")
    # The journal of another file that was there would be taken for the new one's.
    for there in (path, Path(f"{path}-wal"), Path(f"{path}-journal")):
        if there.exists():
            raise ConfigurationError(f"{there} is there already: nothing is overwritten")


def _put(part: Path, path: Path) -> None:
    """Have the file at `part` be the one at `path`, for good."""
    try:
        _sync(part)
        _nothing_at(path)
        part.rename(path)
        if os.name != "nt":  # where folders cannot be opened
            _sync(path.parent)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from error


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
