"""The log in PostgreSQL, for any number of server processes.

A batch is one call of a function that the migrations made: one round trip, one transaction; one
that changes more than the log is a transaction of several statements (`stores.ledger`). It
leaves its number and its results in `hubbub_batches`, one row for each server, so that after a
broken connection a fresh one can find out what became of it. Writing the number there first makes
sure that a batch which is still on its way is not stored any more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from hubbub.contracts import Store
from hubbub.errors import ConfigurationError, Unavailable
from hubbub.model import EVERYONE, Appended, Draft, LogState, Page, Position, Unread
from hubbub.stores.markers import Mark, Markers
from hubbub.stores.migrate import HEAD, VERSION_TABLE, check, upgrade
from hubbub.stores.postgres_appending import Appender
from hubbub.stores.postgres_lines import ORDINARY, READING, Database, Failure, Lines
from hubbub.stores.projections import Projections
from hubbub.stores.rows import MAX_NUMBER, column, data_size, new_epoch, publication
from hubbub.stores.schema import metadata
from hubbub.stores.tables import StoreTables
from hubbub.tables import Tables

if TYPE_CHECKING:
    from sqlalchemy import Connection

READERS = 4

WRITERS = 2
"""Connections on which an application writes its tables."""

GONE = 86_400_000
"""Milliseconds after which a server that appended nothing is not expected to ask any more."""

UPGRADING = 600.0
"""Seconds that an upgrade of the schema may take, other servers' that come first included."""

OURS = [*metadata.tables, VERSION_TABLE]

LOCK = "SELECT pg_advisory_xact_lock(114853371082082)"
"""Only one at a time upgrades the schema; the number is "hubbub"."""

T = TypeVar("T")

SCHEMA = """
SELECT current_setting('server_encoding') AS encoding, ARRAY(
  SELECT relname::text FROM pg_class WHERE relname = ANY ($1::text[]) AND pg_table_is_visible(oid)
) AS tables
"""

REVISION = f"SELECT max(to_jsonb(row) ->> 'version_num') FROM {VERSION_TABLE} AS row"

TOUCH = """
INSERT INTO hubbub_batches (writer, batch, at) VALUES ($1, 0, $2)
ON CONFLICT (writer) DO UPDATE SET at = excluded.at
"""

# What is kept of a log has no hole, so that the next entry is found by its number, and no more
# is read than is returned.
READ = """
WITH RECURSIVE
  log AS MATERIALIZED (SELECT * FROM hubbub_logs WHERE room = $1),
  page AS (
    SELECT e.*, 1::bigint AS number, ({size})::bigint AS size
    FROM log JOIN hubbub_entries AS e ON e.log = log.id AND e.seq = {begin}
    WHERE $3::bigint > 0
    UNION ALL
    SELECT e.*, page.number + 1, page.size + {size}
    FROM page JOIN hubbub_entries AS e ON e.log = page.log AND e.seq = page.seq {step}
    WHERE page.number < $3 AND page.size + {size} <= $4::bigint
  )
SELECT coalesce(log.top, 0), coalesce(log.epoch, store.epoch),
  page.seq, page.at, page.data, page.tags, page.info
FROM hubbub_store AS store LEFT JOIN log ON true LEFT JOIN page ON true ORDER BY page.number
"""
SIZE = data_size("octet_length(e.data)")
READ_ON = READ.format(begin="greatest(log.first, $2::bigint + 1)", step="+ 1", size=SIZE)
READ_BACK = READ.format(begin="least(log.top, $2::bigint - 1)", step="- 1", size=SIZE)

STATES = """
SELECT asked.room, coalesce(log.epoch, store.epoch), coalesce(log.top, 0),
  coalesce(log.first, 1), coalesce(log.touched, 0)
FROM hubbub_store AS store
CROSS JOIN unnest($1::text[]) WITH ORDINALITY AS asked (room, number)
LEFT JOIN LATERAL (SELECT * FROM hubbub_logs AS log WHERE log.room = asked.room LIMIT 1) AS log
  ON true
ORDER BY asked.number
"""

# Of each room no more is read than is counted, and that from indexes alone. A mention of everyone
# is kept without a mention of anybody else, and who published is not mentioned by it.
UNREAD = """
SELECT asked.room, coalesce(marker.seq, 0),
  (SELECT count(*) FROM (
    SELECT FROM hubbub_unread AS one
    WHERE one.log = log.id AND one.seq > coalesce(marker.seq, 0) AND one."user" <> $1
    ORDER BY one.seq LIMIT $3) AS counted),
  (SELECT count(*) FROM (
    (SELECT FROM hubbub_mentions AS to_me
      WHERE to_me.log = log.id AND to_me."user" = $1 AND to_me.seq > coalesce(marker.seq, 0)
        AND $1 <> $4 ORDER BY to_me.seq LIMIT $3)
    UNION ALL
    (SELECT FROM hubbub_mentions AS to_all
      CROSS JOIN LATERAL (SELECT FROM hubbub_unread AS one
        WHERE one.log = log.id AND one.seq = to_all.seq AND one."user" <> $1 LIMIT 1) AS of_another
      WHERE to_all.log = log.id AND to_all."user" = $4 AND to_all.seq > coalesce(marker.seq, 0)
      ORDER BY to_all.seq LIMIT $3)
    LIMIT $3) AS mentioning),
  coalesce(log.top, 0)
FROM unnest($2::text[]) WITH ORDINALITY AS asked (room, number)
LEFT JOIN LATERAL (SELECT id, top FROM hubbub_logs AS log WHERE log.room = asked.room LIMIT 1)
  AS log ON true
LEFT JOIN LATERAL (
  SELECT seq FROM hubbub_markers WHERE hubbub_markers.log = log.id AND "user" = $1 LIMIT 1
) AS marker ON true
ORDER BY asked.number
"""

ROOMS = """
SELECT room, epoch, top, first, touched FROM hubbub_logs
WHERE room > $1 AND top > 0 ORDER BY room LIMIT $2
"""


class Sides:
    """Connections for each purpose: batches are stored in the order in which they come, what
    else is written waits for its like alone, and reading for neither."""

    def __init__(self, database: Database) -> None:
        self.appending = Lines(database, 1)
        self.tending = Lines(database, 1)
        self.reading = Lines(database, READERS, READING)
        self.asking = Lines(database, READERS, ORDINARY, reading=True)
        self.changing = Lines(database, WRITERS, ORDINARY)

    async def close(self) -> None:
        for lines in vars(self).values():
            await lines.close()


class PostgresStore:
    """The log in the database at `url`, `postgresql://user:password@host:port/database`.

    `window` is how long keys are good for, in seconds. `migrate` has `start` upgrade the schema,
    which it else asks for. `patience` is how many seconds to wait for the database's answer.
    Raises `ConfigurationError` for an address that is none.
    """

    def __init__(
        self,
        url: str,
        *,
        window: float = 300.0,
        migrate: bool = False,
        patience: float = 10.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = Database(url, patience)
        self._window = int(window * 1000)
        self._migrate = migrate
        self._now = now
        self._lines: Sides | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._projections = Projections()
        self._appender = Appender(self._window, patience, now, self._projections)
        self._markers = Markers(self._mark)

    async def start(self) -> None:
        self._lines = Sides(self._database)
        self._markers = Markers(self._mark)
        try:
            async with self._lines.tending.take() as line:
                revision = await _revision(line.rows)
            if revision != HEAD:
                await self._upgrade(revision)
        except Failure as failure:
            await self.stop()
            kind = ConfigurationError if failure.hopeless else Unavailable
            raise kind(str(failure)) from failure
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        lines, self._lines = self._lines, None
        await self._markers.settled()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if lines is not None:
            await lines.close()

    async def append(self, drafts: Sequence[tuple[str, Draft]]) -> list[Appended]:
        if not drafts:
            return []
        return await self._do(lambda lines: self._append(lines.appending, drafts))

    async def read(
        self, room: str, offset: int, limit: int, size: int, *, backwards: bool = False
    ) -> Page:
        sql = READ_BACK if backwards else READ_ON
        offset = min(offset, MAX_NUMBER - 1)
        rows = await self._do(lambda lines: _rows(lines.reading, sql, room, offset, limit, size))
        top, epoch = rows[0][:2]
        entries = [publication(*row[2:]) for row in rows if row[2] is not None]
        return Page(entries, Position(top, epoch))

    async def states(self, rooms: Sequence[str]) -> list[LogState]:
        return _states(await self._do(lambda lines: _rows(lines.reading, STATES, list(rooms))))

    async def rooms(self, after: str, limit: int) -> list[LogState]:
        return _states(await self._do(lambda lines: _rows(lines.reading, ROOMS, after, limit)))

    async def trim(self, room: str, first: int, before: int, most: int) -> int:
        sql = "SELECT hubbub_trim($1, $2, $3, $4)"
        first = min(first, MAX_NUMBER)
        rows = await self._do(lambda lines: _rows(lines.tending, sql, room, first, before, most))
        return int(rows[0][0])

    async def remove(self, room: str) -> None:
        sql = "SELECT hubbub_remove($1, $2)"
        await self._do(lambda lines: _rows(lines.tending, sql, room, new_epoch()))

    async def sweep(self, most: int) -> int:
        sql = "SELECT hubbub_sweep($1, $2, $3)"
        now = int(self._now() * 1000)
        since, gone = now - self._window, now - GONE
        rows = await self._do(lambda lines: _rows(lines.tending, sql, since, gone, most))
        return int(rows[0][0])

    async def check(self) -> None:
        now = int(self._now() * 1000)
        await self._do(lambda lines: _rows(lines.tending, TOUCH, self._appender.id, now))

    async def mark(self, room: str, user: str, offset: int) -> int:
        return await self._markers.mark(room, user, offset)

    async def unread(self, user: str, rooms: Sequence[str], most: int) -> list[Unread]:
        asked = (column(user), list(rooms), most, EVERYONE)
        rows = await self._do(lambda lines: _rows(lines.reading, UNREAD, *asked))
        return [Unread(*row) for row in rows]

    def tables(self) -> Tables:
        return StoreTables(self._ask, self._change, self._projections)

    async def _do(self, work: Callable[[Sides], Coroutine[Any, Any, T]]) -> T:
        """Do `work` to its end, whether or not who asked for it still waits.

        Raises `Unavailable`.
        """
        if self._lines is None:
            raise Unavailable("the log is not open")
        task = asyncio.create_task(work(self._lines))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        await asyncio.wait({task})
        try:
            return task.result()
        except Failure as failure:
            raise Unavailable(str(failure), unknown=failure.unknown) from failure

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # is seen, also where nobody waits for it any more

    async def _append(
        self, appending: Lines, drafts: Sequence[tuple[str, Draft]]
    ) -> list[Appended]:
        async with appending.take() as line:
            return await self._appender.append(line, drafts)

    async def _ask(self, work: Callable[[Connection], T]) -> T:
        return await self._do(lambda lines: lines.asking.transact(work))

    async def _change(self, work: Callable[[Connection], T]) -> T:
        return await self._do(lambda lines: lines.changing.transact(work))

    async def _mark(self, marks: Sequence[Mark]) -> list[int]:
        columns = [list(values) for values in zip(*marks, strict=True)]
        sql = "SELECT hubbub_mark($1, $2, $3)"
        rows = await self._do(lambda lines: _rows(lines.tending, sql, *columns))
        return [offset for (offset,) in rows]

    async def _upgrade(self, revision: str | None) -> None:
        if not self._migrate:
            has = "no log yet" if revision is None else f"a log of an older hubbub ({revision})"
            raise ConfigurationError(
                f"the database has {has}: run `hubbub db upgrade --store postgresql://…`, or "
                "start with --migrate"
            )
        from sqlalchemy import NullPool, text
        from sqlalchemy.exc import DBAPIError
        from sqlalchemy.ext.asyncio import create_async_engine

        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=lambda: self._database.connect(self._database.patience),
            poolclass=NullPool,
        )
        try:
            async with asyncio.timeout(UPGRADING), engine.begin() as connection:
                await connection.execute(text("SET LOCAL statement_timeout = 0"))
                # Of servers that start together one upgrades, and the others find it done.
                await connection.execute(text(LOCK))
                driver: Any = (await connection.get_raw_connection()).driver_connection
                await _revision(driver.fetch)
                await connection.run_sync(upgrade)
        except DBAPIError as error:
            raise self._database.failure((error.orig or error).__cause__ or error) from error
        except TimeoutError as error:
            raise self._database.failure(error, late=True) from error
        finally:
            await engine.dispose()


async def _rows(lines: Lines, sql: str, *arguments: Any) -> list[Any]:
    async with lines.take() as line:
        return await line.rows(sql, *arguments)


async def _revision(rows: Callable[..., Awaitable[list[Any]]]) -> str | None:
    """The revision of the schema, None where there is none; `rows` asks the database.

    Raises `ConfigurationError` for one that cannot be used.
    """
    ((encoding, tables),) = await rows(SCHEMA, OURS)
    revision = None
    if VERSION_TABLE in tables:
        ((revision,),) = await rows(REVISION)
    try:
        check(revision, tables)
    except ConfigurationError as error:
        raise ConfigurationError(f"the database cannot be the log's: {error}") from None
    if encoding != "UTF8":
        raise ConfigurationError(
            f"the database is encoded in {encoding}, and a log needs one in UTF8"
        )
    return revision


def _states(rows: list[Any]) -> list[LogState]:
    return [
        LogState(room, Position(top, epoch), first, touched)
        for room, epoch, top, first, touched in rows
    ]


_: type[Store] = PostgresStore
