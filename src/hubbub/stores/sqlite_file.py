"""The file of an SQLite log: whose it is, how it is opened, and what can be the matter with it."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar
from urllib.parse import quote

from hubbub.errors import ConfigurationError, Unavailable
from hubbub.stores.migrate import HEAD, VERSION_TABLE, check, upgrade
from hubbub.stores.rows import new_epoch

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be locked like this
    fcntl = None  # type: ignore[assignment]

BUSY = 2.0
"""Seconds to wait for another process that is writing."""

CHECKPOINT = 1000
"""Pages in the WAL at which a commit copies them into the database: 4 MB."""

BACKUP_PAGES = 256
"""Copied at once, before others have the disk again."""

HOPELESS = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
"""What stands in the way of a start does not pass by itself."""

MISTAKES = {
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_MISUSE,
    sqlite3.SQLITE_RANGE,
    sqlite3.SQLITE_TOOBIG,
}
"""What is wrong with a statement, and not with the file."""

SETTINGS = ("PRAGMA cache_size = -16384", "PRAGMA temp_store = MEMORY")
READING = (*SETTINGS, "PRAGMA query_only = ON")
WRITING = (
    *SETTINGS,
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",  # a disk's own cache, on macOS
    f"PRAGMA wal_autocheckpoint = {CHECKPOINT}",
    "PRAGMA journal_size_limit = 33554432",
)


T = TypeVar("T")


class File:
    """The database at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[bytes] | None = None

    def prepare(self, alone: bool) -> None:
        """Make the file if it is not there, and upgrade its schema if that is an older one;
        `alone`: be the one server on it until `release`.

        Raises `ConfigurationError` for a file that is not a log or of a newer hubbub, which is
        left as it is, for one that another server has, and for a place where none can be;
        `Unavailable` for what may pass.
        """
        if not self.path.parent.is_dir():
            raise ConfigurationError(f"there is no directory {self.path.parent}: make it first")
        if self.path.is_dir():
            raise ConfigurationError(f"{self.path} is a directory: a log is a file")
        try:
            if alone:
                self._claim()
            if self._revision() != HEAD:
                self._upgrade()
        except (sqlite3.Error, OSError) as error:
            if not isinstance(error, sqlite3.Error) or _code(error) in HOPELESS:
                raise ConfigurationError(f"{self.path} cannot be opened: {error}") from error
            raise self.unavailable(error) from error

    def release(self) -> None:
        """Let another server have the file."""
        # The lock's file stays: who waited for it would else hold one that nobody else finds.
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def connect(self, settings: tuple[str, ...]) -> sqlite3.Connection:
        """A connection to the file, which has to be there. Raises sqlite3.Error and OSError, and
        `ConfigurationError` if it is not what it was any more."""
        connection = self._open("rw")
        try:
            if _check(self.path, connection) != HEAD:
                raise ConfigurationError(f"{self.path} is an older log: start anew to upgrade it")
            for setting in settings:
                connection.execute(setting)
        except BaseException:
            connection.close()
            raise
        return connection

    def copy(self, path: Path, pause: Callable[[int, int], None]) -> None:
        """Copy the log, as it is now, to `path`, where nothing may be yet. `pause` is called now
        and then, with how many pages are copied and how many there are; it may raise.

        In the copy every log is of a new epoch: offsets that it gives again must not pass for
        those that were given after it was made. Raises `ConfigurationError` and `Unavailable`.
        """
        if path.exists():
            raise ConfigurationError(f"{path} is there already: a backup overwrites nothing")
        if not path.parent.is_dir():
            raise ConfigurationError(f"there is no directory {path.parent}: make it first")
        part = path.with_name(f"{path.name}.part-{secrets.token_hex(4)}")
        try:
            with closing(self.connect(READING)) as source, closing(sqlite3.connect(part)) as target:
                # As of one moment: without it the copy begins anew with each commit.
                source.execute("BEGIN")
                source.execute("SELECT epoch FROM hubbub_store").fetchone()
                source.backup(
                    target,
                    pages=BACKUP_PAGES,
                    progress=lambda _, left, pages: pause(pages - left, pages),
                )
                epoch = (new_epoch(),)
                with target:
                    target.execute("UPDATE hubbub_store SET epoch = ?", epoch)
                    target.execute("UPDATE hubbub_logs SET epoch = ?", epoch)
            if path.exists():
                raise ConfigurationError(f"{path} is there already: a backup overwrites nothing")
            part.rename(path)
        except (sqlite3.Error, OSError) as error:
            raise Unavailable(f"the backup failed: {self.unavailable(error)}") from error
        finally:
            part.unlink(missing_ok=True)

    def identity(self) -> tuple[int, int]:
        """Which file is at the path now. Raises OSError."""
        stat = self.path.stat()
        return stat.st_dev, stat.st_ino

    def unavailable(self, error: Exception, unknown: bool = False) -> Unavailable:
        """What to tell of `error`."""
        if isinstance(error, FileNotFoundError):
            return Unavailable(f"the log's file is gone: {self.path}", unknown)
        if not isinstance(error, sqlite3.Error):
            return Unavailable(f"the log's file cannot be used: {error}", unknown)
        match _code(error):
            case sqlite3.SQLITE_FULL:
                text = "the disk is full"
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                text = "the log is locked by another process"
            case sqlite3.SQLITE_READONLY:
                text = "the log's file is read-only"
            case sqlite3.SQLITE_CANTOPEN:
                text = f"the log's file cannot be opened: {self.path}"
            case sqlite3.SQLITE_IOERR:
                name = getattr(error, "sqlite_errorname", "SQLITE_IOERR")
                text = f"the log's disk does not work ({name})"
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
                text = f"the log's file is damaged: {self.path}"
            case _:
                text = f"the log cannot be used: {error}"
        return Unavailable(text, unknown)

    def _claim(self) -> None:
        if fcntl is None:
            return
        lock = open(f"{self.path}.lock", "ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            if not isinstance(error, BlockingIOError):
                raise
            raise ConfigurationError(
                f"another hubbub server has {self.path} open: a log in SQLite is for one server "
                "process, and PostgreSQL for several"
            ) from None
        self._lock = lock

    def _open(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"file:{quote(str(self.path))}?mode={mode}",
            uri=True,
            timeout=BUSY,
            isolation_level=None,
            cached_statements=512,
        )

    def _revision(self) -> str | None:
        if not self.path.exists():
            return None
        # Read-only, since whatever else is done to a file that is not ours alters it.
        with closing(self._open("ro")) as connection:
            return _check(self.path, connection)

    def _upgrade(self) -> None:
        from sqlalchemy import NullPool, create_engine, event
        from sqlalchemy.exc import DBAPIError

        with closing(self._open("rwc")) as connection:
            for setting in WRITING:
                connection.execute(setting)
            engine = create_engine(
                "sqlite://", creator=lambda: self._open("rw"), poolclass=NullPool
            )
            # At once with the right to write: what another process makes meanwhile is seen.
            event.listen(engine, "begin", lambda sa: sa.exec_driver_sql("BEGIN IMMEDIATE"))
            try:
                with engine.begin() as begun:
                    upgrade(begun)
            except DBAPIError as error:
                raise error.orig or error from error


def _check(path: Path, connection: sqlite3.Connection) -> str | None:
    """The revision of the schema. Raises `ConfigurationError` for one that cannot be used."""
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
    revision = None
    if VERSION_TABLE in tables:
        (revision,) = connection.execute(f"SELECT max(version_num) FROM {VERSION_TABLE}").fetchone()
    try:
        check(revision, tables)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path} cannot be the log: {error}") from None
    return revision


def doubtful(error: sqlite3.Error) -> bool:
    """Whether a commit that failed so may be done all the same."""
    return _code(error) == sqlite3.SQLITE_IOERR


def is_readonly(error: sqlite3.Error) -> bool:
    return _code(error) == sqlite3.SQLITE_READONLY


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


class Side:
    """A thread's connection: opened when it is needed, and anew after every failure.

    `begin` is how a transaction of SQLAlchemy's begins on it.
    """

    def __init__(self, file: File, settings: tuple[str, ...], begin: str = "BEGIN") -> None:
        self._file = file
        self._settings = settings
        self._begin = begin
        self._open: sqlite3.Connection | None = None
        self._engine: Engine | None = None
        self._sql: Connection | None = None

    def connection(self) -> sqlite3.Connection:
        """Raises `Unavailable`."""
        if self._open is None:
            try:
                self._open = self._file.connect(self._settings)
            except ConfigurationError as error:
                raise Unavailable(str(error)) from error
            except (sqlite3.Error, OSError) as error:
                raise self._file.unavailable(error) from error
        return self._open

    def sql(self) -> Connection:
        """The same connection, as SQLAlchemy has it. Raises `Unavailable`."""
        self.connection()
        if self._sql is None:
            if self._engine is None:
                self._engine = self._make_engine()
            self._sql = self._engine.connect()
        return self._sql

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in a transaction of SQLAlchemy's: whole or not at all. Raises `Unavailable`,
        and what `work` does."""
        done = False
        try:
            with self.sql().begin():
                result = work(self.sql())
                done = True
        except BaseException as error:
            matter = self.trouble(error)
            if matter is not None:
                self.close()
                unknown = done and doubtful(matter)
                raise self._file.unavailable(matter, unknown) from error
            self.tidy()
            raise
        return result

    def trouble(self, error: BaseException) -> sqlite3.Error | None:
        """What is the matter with the file, where that is what `error` comes of; None where it
        is a mistake of who raised it."""
        cause = getattr(error, "orig", error)  # SQLAlchemy has wrapped it
        return cause if isinstance(cause, sqlite3.Error) and _code(cause) not in MISTAKES else None

    def tidy(self) -> None:
        """See to it that no transaction is left open, whatever became of it."""
        if self._open is not None and self._open.in_transaction:
            self.close()

    def rest(self) -> None:
        pass

    def close(self) -> None:
        """Close the connection, which takes back what is not committed."""
        if self._open is not None:
            with suppress(sqlite3.Error):
                self._open.close()
        if self._sql is not None:
            self._sql.invalidate()
            self._sql.close()
        self._open = self._sql = None

    def _make_engine(self) -> Engine:
        from sqlalchemy import NullPool, create_engine, event

        engine = create_engine(
            "sqlite://", creator=lambda: self._open, poolclass=NullPool, hide_parameters=True
        )
        event.listen(engine, "begin", lambda sql: sql.exec_driver_sql(self._begin))
        return engine
