"""How the log's database is spoken to: connections that are made when needed, and in time.

No call waits longer than the patience it was given, and of each it is known whether what was asked
for is surely not done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from hubbub.errors import ConfigurationError

CLOSING = 1.0
"""Seconds to say goodbye to the database in."""

SETTINGS = {
    "application_name": "hubbub",
    "synchronous_commit": "on",
    "jit": "off",
    # All that is asked here is a look-up in an index, also where the statistics of a table that
    # has just begun to grow make reading the whole of it seem cheaper.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}

HOPELESS = ("28", "3D", "3F", "42501")
"""Beginnings of SQLSTATEs that do not pass by themselves: no such user, database, or right."""

MALFORMED = (
    "the address of the log's database is to be postgresql://user:password@host:5432/database, "
    "and what is special in a password percent-encoded"
)


class Failure(Exception):
    """What went wrong in speaking to the database.

    `certain`: what was asked for is surely not done. `hopeless`: nor will it be by itself.
    """

    def __init__(self, text: str, *, certain: bool = False, hopeless: bool = False) -> None:
        super().__init__(text)
        self.certain = certain
        self.hopeless = hopeless
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

    async def connect(self, within: float) -> Any:
        """A connection, if there is one `within` so many seconds. Raises `Failure`."""
        # The server is the first to give up, so that it can say that nothing was done.
        limit = str(int(self.patience * 900))
        try:
            return await asyncpg.connect(
                self._url,
                timeout=within,
                max_cached_statement_lifetime=0,
                server_settings={**SETTINGS, "statement_timeout": limit},
            )
        except asyncpg.ClientConfigurationError as error:
            raise Failure(f"{MALFORMED} ({error})", certain=True, hopeless=True) from None
        except ValueError:
            raise Failure(MALFORMED, certain=True, hopeless=True) from None
        except Exception as error:
            failure = self.failure(error, late=isinstance(error, TimeoutError))
            failure.certain = True
            raise failure from error

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
    """One connection: made when it is needed, and anew after it broke."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Any = None

    async def rows(self, sql: str, *arguments: Any, within: float = 0.0) -> list[Any]:
        """The answer, if it comes `within` so many seconds. Raises `Failure`.

        It is not to be cancelled, which would leave it open whether the statement is carried out.
        """
        patience = within or self._database.patience
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._database.connect(
                min(patience, self._database.patience / 2)
            )
        connection = self._connection
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

    async def close(self) -> None:
        if self._connection is not None:
            try:
                await self._connection.close(timeout=CLOSING)
            except Exception:
                self._connection.terminate()


class Lines:
    """A few connections, each for one who needs it at a time, in the order of their coming."""

    def __init__(self, database: Database, size: int) -> None:
        self._patience = database.patience
        self._all = [Line(database) for _ in range(size)]
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

    async def close(self) -> None:
        await asyncio.gather(*(line.close() for line in self._all))
