"""How the log's database is spoken to: connections that are made when needed, and in time.

No call waits longer than the patience it was given, and of each it is known whether what was asked
for is surely not done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import asyncpg

from hubbub.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

CLOSING = 1.0
"""Seconds to say goodbye to the database in."""

ORDINARY = {"application_name": "hubbub", "synchronous_commit": "on"}
"""Settings for what an application asks."""

SETTINGS = {
    **ORDINARY,
    "jit": "off",
    # All that is asked here is a look-up in an index, also where the statistics of a table that
    # has just begun to grow make reading the whole of it seem cheaper.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}

HOPELESS = ("28", "3D", "3F", "42501")
"""Beginnings of SQLSTATEs that do not pass by themselves: no such user, database, or right."""

READING = {**SETTINGS, "enable_bitmapscan": "off"}
"""Settings for what reads in the order of an index, and stops when it has enough."""

OUTAGES = ("08", "25006", "40", "53", "55", "57", "58", "XX")
"""Beginnings of SQLSTATEs that are the database's trouble, and no mistake of who asked."""

AGAIN = ("40001", "40P01")
"""SQLSTATEs of a transaction that got in another's way: done once more, it may not."""

ATTEMPTS = 5
"""How often a transaction is tried at most."""

MALFORMED = (
    "the address of the log's database is to be postgresql://user:password@host:5432/database, "
    "and what is special in a password percent-encoded"
)


T = TypeVar("T")

_handed: ContextVar[Any] = ContextVar("_handed")
"""The connection that SQLAlchemy is being given."""


class Failure(Exception):
    """What went wrong in speaking to the database.

    `certain`: what was asked for is surely not done. `hopeless`: nor will it be by itself.
    `again`: it may be, where it is asked for once more.
    """

    def __init__(self, text: str, *, certain: bool = False, hopeless: bool = False) -> None:
        super().__init__(text)
        self.certain = certain
        self.hopeless = hopeless
        self.again = False
        self.unknown = False


class Database:
    """Where the database is, and how long to wait for it: `patience`, in seconds.

    Raises `ConfigurationError`. Of the address no text quotes more than host and port.
    """

    def __init__(self, url: str, patience: float) -> None:
        self._url = url.replace("postgresql+asyncpg:", "postgresql:", 1)
        self.patience = patience
        try:
            parts = urlsplit(self._url)
        except ValueError:
            raise ConfigurationError(MALFORMED) from None
        if "@" in parts.path + parts.query + parts.fragment:
            raise ConfigurationError(MALFORMED)  # it began in the midst of a password
        self._name = f"the log's database ({parts.netloc.rpartition('@')[2] or 'on this machine'})"
        self._engine: AsyncEngine | None = None

    async def connect(self, within: float, settings: Mapping[str, str] = SETTINGS) -> Any:
        """A connection, if there is one `within` so many seconds. Raises `Failure`."""
        limits = {
            # The server is the first to give up, so that it can say that nothing was done.
            "statement_timeout": str(int(self.patience * 900)),
            # Where it is not told that we are gone, what is locked would stay so for hours. This
            # is over before we stop asking what became of a batch.
            "idle_in_transaction_session_timeout": str(int(self.patience * 400)),
        }
        try:
            return await asyncpg.connect(
                self._url,
                timeout=within,
                max_cached_statement_lifetime=0,
                server_settings={**settings, **limits},
            )
        except asyncpg.ClientConfigurationError as error:
            raise Failure(f"{MALFORMED} ({error})", certain=True, hopeless=True) from None
        except ValueError:
            raise Failure(MALFORMED, certain=True, hopeless=True) from None
        except Exception as error:
            failure = self.failure(error, late=isinstance(error, TimeoutError))
            failure.certain = True
            raise failure from error

    async def to_sqlalchemy(self, connection: Any) -> AsyncConnection:
        """The same connection, as SQLAlchemy has it."""
        if self._engine is None:
            from sqlalchemy import NullPool
            from sqlalchemy.ext.asyncio import create_async_engine

            async def handed() -> Any:
                return _handed.get()

            self._engine = create_async_engine(
                "postgresql+asyncpg://",
                async_creator=handed,
                poolclass=NullPool,
                hide_parameters=True,
            )
        token = _handed.set(connection)
        try:
            return await self._engine.connect()
        finally:
            _handed.reset(token)

    def failure(self, error: BaseException, *, late: bool = False) -> Failure:
        """What to tell of `error`; `late` where it comes of having waited long enough."""
        if late:
            return Failure(f"{self._name} does not answer")
        severity = getattr(error, "severity_en", None)
        if severity is not None:
            hopeless = error.sqlstate.startswith(HOPELESS)  # type: ignore[attr-defined]
            text = f"{self._name} says: {error.args[0]}"
            return Failure(text, certain=severity == "ERROR", hopeless=hopeless)
        if isinstance(error, OSError):
            return Failure(f"{self._name} cannot be reached: {error}")
        return Failure(f"the connection to {self._name} broke")


class Line:
    """One connection: made when it is needed, and anew after it broke. `reading`: its
    transactions are of one moment, and write nothing."""

    def __init__(
        self, database: Database, settings: Mapping[str, str] = SETTINGS, reading: bool = False
    ) -> None:
        self._database = database
        self._settings = settings
        self._reading = reading
        self._connection: Any = None
        self._sql: AsyncConnection | None = None

    async def rows(self, sql: str, *arguments: Any, within: float = 0.0) -> list[Any]:
        """The answer, if it comes `within` so many seconds. Raises `Failure`.

        It is not to be cancelled, which would leave it open whether the statement is carried out.
        """
        patience = within or self._database.patience
        connection = await self._connected(patience)
        timer = asyncio.get_running_loop().call_later(patience, connection.terminate)
        try:
            return list(await connection.fetch(sql, *arguments))
        except Exception as error:  # of many kinds, for a connection that broke just before
            late = timer.when() <= asyncio.get_running_loop().time()
            failure = self._database.failure(error, late=late)
            if not failure.certain:
                connection.terminate()
            raise failure from error
        finally:
            timer.cancel()

    async def transact(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, once what it did in a transaction is committed; it is called again
        where the database asks for that, or did not wait for it. Nothing is to be waited for in
        it but its connection.

        Raises `Failure`, and what `work` does, for which nothing is done. Not to be cancelled.
        """
        for left in reversed(range(ATTEMPTS)):
            try:
                return await self._transact(work)
            except Failure as failure:
                if not (left and failure.again):
                    raise
        raise AssertionError  # the last attempt returns or raises

    async def _transact(self, work: Callable[[Connection], T]) -> T:
        connection = await self._connected(self._database.patience)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._database.patience, connection.terminate)
        done = False
        try:
            sql = await self._sqlalchemy()
            async with sql.begin():
                result = await sql.run_sync(work)
                done = True
            return result
        except BaseException as error:
            trouble = self.trouble(error)
            if trouble is None:
                raise
            failure = self._database.failure(trouble, late=timer.when() <= loop.time())
            # Held up for long on this side, it was given up on that one before its end.
            idle = isinstance(trouble.__cause__, asyncpg.IdleInTransactionSessionTimeoutError)
            failure.certain = failure.certain or idle or not done
            failure.again = failure.certain and (idle or _again(trouble))
            raise failure from error
        finally:
            timer.cancel()
            if not connection.is_closed() and connection.is_in_transaction():
                connection.terminate()

    def trouble(self, error: BaseException) -> BaseException | None:
        """What is the matter with the database, where that is what `error` comes of; None where
        it is a mistake of who raised it."""
        if isinstance(error, Failure):
            return None  # it says so itself
        cause = getattr(error, "orig", None)  # SQLAlchemy has wrapped it
        cause = error if cause is None else cause.__cause__ or cause
        if self._connection.is_closed() or _again(cause):
            return cause
        state = getattr(cause, "sqlstate", None) or ""
        if self._reading and state.startswith("25"):
            return None
        return cause if state.startswith(OUTAGES) else None

    async def close(self) -> None:
        if self._connection is not None:
            try:
                await self._connection.close(timeout=CLOSING)
            except Exception:
                self._connection.terminate()
        await self._forget()

    async def _connected(self, patience: float) -> Any:
        if self._connection is None or self._connection.is_closed():
            await self._forget()
            within = min(patience, self._database.patience / 2)
            self._connection = await self._database.connect(within, self._settings)
        return self._connection

    async def _sqlalchemy(self) -> AsyncConnection:
        if self._sql is None:
            self._sql = await self._database.to_sqlalchemy(self._connection)
            if self._reading:
                await self._sql.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
        return self._sql

    async def _forget(self) -> None:
        """Let SQLAlchemy go of a connection that is closed."""
        sql, self._sql = self._sql, None
        if sql is not None:
            with suppress(Exception):  # all that can be wrong is that it is closed
                await sql.invalidate()
            await sql.close()


def _again(error: BaseException) -> bool:
    return (
        isinstance(error, asyncpg.InvalidCachedStatementError)  # a table has changed since
        or getattr(error, "sqlstate", None) in AGAIN
    )


class Lines:
    """A few connections, each for one who needs it at a time, in the order of their coming."""

    def __init__(
        self,
        database: Database,
        size: int,
        settings: Mapping[str, str] = SETTINGS,
        reading: bool = False,
    ) -> None:
        self._patience = database.patience
        self._all = [Line(database, settings, reading) for _ in range(size)]
        self._free = list(self._all)
        self._turn = asyncio.Semaphore(size)

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Line]:
        """Raises `Failure` where all are in use for too long."""
        try:
            async with asyncio.timeout(self._patience):
                await self._turn.acquire()
        except TimeoutError:
            raise Failure("the log's database does not keep up", certain=True) from None
        line = self._free.pop()
        try:
            yield line
        finally:
            self._free.append(line)
            self._turn.release()

    async def transact(self, work: Callable[[Connection], T]) -> T:
        """As `Line.transact`, on one of them."""
        async with self.take() as line:
            try:
                return await line.transact(work)
            except Failure as failure:
                failure.unknown = not failure.certain
                raise

    async def close(self) -> None:
        await asyncio.gather(*(line.close() for line in self._all))
