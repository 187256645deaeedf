"""The log in a file, for one server process.

One thread writes and others read, each with a connection of its own, so that reading never waits
for a commit. The sqlite3 module gives up the interpreter's lock for every step of a statement,
and beside a busy event loop each of them is a wait of milliseconds to get it back: all of this is
made of few steps that do much. What goes in and comes out is JSON: a batch is read about in one
statement and written in another, which is a transaction by itself; a page is one row. Batches
that change more than the log are a transaction of several statements (`stores.ledger`).
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.json import Decoder, encode

from hubbub.contracts import Store
from hubbub.errors import Unavailable
from hubbub.model import EVERYONE, Appended, Draft, LogState, Page, Position, Unread
from hubbub.stores.markers import Mark, Markers
from hubbub.stores.projections import Projections
from hubbub.stores.rows import MAX_NUMBER, column, data_size, publication
from hubbub.stores.sqlite_file import READING, File, Side, is_readonly
from hubbub.stores.sqlite_writer import Writer
from hubbub.stores.tables import StoreTables
from hubbub.stores.worker import ToolT, Worker
from hubbub.tables import Tables

if TYPE_CHECKING:
    from sqlalchemy import Connection

READERS = 2

BACKUP_PAUSE = 0.002
"""Seconds for which a backup leaves the disk to others after each part of it."""

T = TypeVar("T")

_entries = Decoder(list[tuple[int, int, str, str | None, str | None]])
_states = Decoder(list[tuple[str, str, int, int, int]])
_unread = Decoder(list[Unread])

# What is kept of a log has no hole, so that the next entry is found by its number, and no more
# is read than is returned.
READ = """
WITH RECURSIVE
  found AS (SELECT * FROM hubbub_logs WHERE room = :room),
  page (log, seq, at, data, tags, info, number, size) AS (
    SELECT e.*, 1, {size} FROM found
    CROSS JOIN hubbub_entries AS e ON e.log = found.id AND e.seq = {begin}
    WHERE :limit > 0
    UNION ALL
    SELECT e.*, page.number + 1, page.size + {size} FROM page
    CROSS JOIN hubbub_entries AS e ON e.log = page.log AND e.seq = page.seq {step}
    WHERE page.number < :limit AND page.size + {size} <= :size
  )
SELECT coalesce(found.top, 0), coalesce(found.epoch, hubbub_store.epoch),
  (SELECT json_group_array(json_array(seq, at, data, tags, info)) FROM page)
FROM hubbub_store LEFT JOIN found
"""
SIZE = data_size("length(CAST(e.data AS BLOB))")
READ_ON = READ.format(begin="max(found.first, :offset + 1)", step="+ 1", size=SIZE)
READ_BACK = READ.format(begin="min(found.top, :offset - 1)", step="- 1", size=SIZE)

STATES = """
SELECT json_group_array(json_array(asked.value, coalesce(logs.epoch, hubbub_store.epoch),
  coalesce(logs.top, 0), coalesce(logs.first, 1), coalesce(logs.touched, 0)))
FROM hubbub_store, json_each(?) AS asked LEFT JOIN hubbub_logs AS logs ON logs.room = asked.value
"""

# Of each room no more is read than is counted, and that from indexes alone. A mention of everyone
# is kept without a mention of anybody else, and who published is not mentioned by it.
UNREAD = """
SELECT json_group_array(json_array(asked.value, coalesce(m.seq, 0),
  (SELECT count(*) FROM (
    SELECT 1 FROM hubbub_unread AS u
    WHERE u.log = l.id AND u.seq > coalesce(m.seq, 0) AND u."user" <> :user LIMIT :most)),
  (SELECT count(*) FROM (
    SELECT * FROM (
      SELECT seq FROM hubbub_mentions AS to_me
      WHERE to_me.log = l.id AND to_me."user" = :user AND to_me.seq > coalesce(m.seq, 0)
        AND :user <> :everyone LIMIT :most)
    UNION ALL
    SELECT * FROM (
      SELECT seq FROM hubbub_mentions AS to_all
      WHERE to_all.log = l.id AND to_all."user" = :everyone AND to_all.seq > coalesce(m.seq, 0)
        AND NOT EXISTS (SELECT 1 FROM hubbub_unread AS own
          WHERE own.log = l.id AND own.seq = to_all.seq AND own."user" = :user)
      LIMIT :most)
    LIMIT :most)),
  coalesce(l.top, 0)))
FROM json_each(:rooms) AS asked
LEFT JOIN hubbub_logs AS l ON l.room = asked.value
LEFT JOIN hubbub_markers AS m ON m.log = l.id AND m."user" = :user
"""

ROOMS = """
SELECT json_group_array(json_array(room, epoch, top, first, touched)) FROM (
  SELECT * FROM hubbub_logs WHERE room > ? AND top > 0 ORDER BY room LIMIT ?
)
"""


class Reader(Side):
    def __init__(self, file: File) -> None:
        super().__init__(file, READING)

    def row(self, sql: str, arguments: Any) -> Any:
        """The one row that is the answer. Raises `Unavailable`."""
        try:
            return self.connection().execute(sql, arguments).fetchone()
        except sqlite3.Error as error:
            self.close()
            raise self._file.unavailable(error) from error


class Asker(Side):
    """Reads tables."""

    def __init__(self, file: File) -> None:
        super().__init__(file, READING)

    def trouble(self, error: BaseException) -> sqlite3.Error | None:
        # Nothing is wrong with the file when it is not to be written to from here.
        matter = super().trouble(error)
        return None if matter is not None and is_readonly(matter) else matter


class Copier:
    """Makes one backup, in a thread of its own."""

    def __init__(self, file: File) -> None:
        self._file = file
        self.given_up = threading.Event()

    def copy(self, path: Path, progress: Callable[[int, int], None] | None) -> None:
        def pause(done: int, pages: int) -> None:
            if progress is not None:
                progress(done, pages)
            if self.given_up.wait(BACKUP_PAUSE):
                raise Unavailable("the backup was given up")

        self._file.copy(path, pause)

    def rest(self) -> None:
        pass

    def close(self) -> None:
        pass


class SQLiteStore:
    """The log in the file at `path`, which is made where there is none.

    `window` is how long keys are good for, in seconds. `alone` says that this is the one server
    on the file: a second one is refused. Tools beside it do without, and may write as well.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        window: float = 300.0,
        alone: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._file = File(Path(path))
        self._alone = alone
        self._window = window
        self._now = now
        self._writing: Worker[Writer] | None = None
        self._reading: deque[Worker[Reader]] = deque()
        self._asking: deque[Worker[Asker]] = deque()
        self._projections = Projections()
        self._markers = Markers(self._mark)

    async def start(self) -> None:
        writer = Writer(self._file, self._window, self._now, self._projections)
        writing = Worker("hubbub log", writer)
        try:
            await writing.do(lambda writer: writer.start(self._alone))
        except BaseException:
            await writing.stop()
            self._file.release()
            raise
        self._writing = writing
        self._reading.extend(
            Worker("hubbub log, reading", Reader(self._file)) for _ in range(READERS)
        )
        self._asking.extend(
            Worker("hubbub tables, reading", Asker(self._file)) for _ in range(READERS)
        )
        self._markers = Markers(self._mark)

    async def stop(self) -> None:
        reading, self._reading = self._reading, deque()
        asking, self._asking = self._asking, deque()
        writing, self._writing = self._writing, None
        await self._markers.settled()
        workers: list[Worker[Any]] = [*reading, *asking]
        for worker in workers:
            await worker.stop()
        if writing is not None:
            await writing.stop()
        self._file.release()

    async def append(self, drafts: Sequence[tuple[str, Draft]]) -> list[Appended]:
        return await self._write(lambda writer: writer.append(drafts))

    async def read(
        self, room: str, offset: int, limit: int, size: int, *, backwards: bool = False
    ) -> Page:
        arguments = {
            "room": room,
            "offset": min(offset, MAX_NUMBER - 1),
            "limit": limit,
            "size": size,
        }

        def work(reader: Reader) -> Page:
            top, epoch, found = reader.row(READ_BACK if backwards else READ_ON, arguments)
            entries = [publication(*row) for row in _entries.decode(found)]
            return Page(entries, Position(top, epoch))

        return await self._read(work)

    async def states(self, rooms: Sequence[str]) -> list[LogState]:
        asked = encode(rooms).decode()
        return await self._read(lambda reader: _log_states(reader.row(STATES, (asked,))))

    async def rooms(self, after: str, limit: int) -> list[LogState]:
        return await self._read(lambda reader: _log_states(reader.row(ROOMS, (after, limit))))

    async def trim(self, room: str, first: int, before: int, most: int) -> int:
        return await self._write(lambda writer: writer.trim(room, first, before, most))

    async def remove(self, room: str) -> None:
        await self._write(lambda writer: writer.remove(room))

    async def sweep(self, most: int) -> int:
        return await self._write(lambda writer: writer.sweep(most))

    async def check(self) -> None:
        await self._write(Writer.check)

    async def mark(self, room: str, user: str, offset: int) -> int:
        return await self._markers.mark(room, user, offset)

    async def unread(self, user: str, rooms: Sequence[str], most: int) -> list[Unread]:
        arguments = {
            "user": column(user),
            "everyone": EVERYONE,
            "rooms": encode(rooms).decode(),
            "most": most,
        }
        (found,) = await self._read(lambda reader: reader.row(UNREAD, arguments))
        return _unread.decode(found)

    def tables(self) -> Tables:
        return StoreTables(self._ask, self._change, self._projections)

    async def backup(self, path: Path, progress: Callable[[int, int], None] | None = None) -> None:
        """Copy the log, as it is now, to a new file at `path`, while it is being used.

        A server on the copy tells clients that continuity was lost: what they have seen since
        is not in it. `progress` is called in another thread, with the pages that are copied
        and all there are. Cancelled or raising, it leaves nothing behind. Raises
        `ConfigurationError` where something is at `path`, and `Unavailable`.
        """
        copier = Copier(self._file)
        copying = Worker("hubbub log, copying", copier)
        try:
            await copying.do(lambda copier: copier.copy(path, progress))
        finally:
            copier.given_up.set()
            await copying.stop()

    async def _write(self, work: Callable[[Writer], T]) -> T:
        if self._writing is None:
            raise Unavailable("the log is not open")
        try:
            return await self._writing.do(work)
        except Unavailable:
            # Nobody holds on to what may be at fault: the next call finds the file as it is.
            workers: list[Worker[Any]] = [*self._reading, *self._asking]
            await asyncio.gather(*[worker.do(Side.close) for worker in workers])
            raise

    async def _read(self, work: Callable[[Reader], T]) -> T:
        return await _any(self._reading, work)

    async def _ask(self, work: Callable[[Connection], T]) -> T:
        return await _any(self._asking, lambda asker: asker.transact(work))

    async def _change(self, work: Callable[[Connection], T]) -> T:
        return await self._write(lambda writer: writer.transact(work))

    async def _mark(self, marks: Sequence[Mark]) -> list[int]:
        return await self._write(lambda writer: writer.mark(marks))


async def _any(workers: deque[Worker[ToolT]], work: Callable[[ToolT], T]) -> T:
    """Have one of `workers` do it, each in turn."""
    if not workers:
        raise Unavailable("the log is not open")
    workers.rotate()
    return await workers[0].do(work)


def _log_states(row: tuple[str]) -> list[LogState]:
    return [
        LogState(room, Position(top, epoch), first, touched)
        for room, epoch, top, first, touched in _states.decode(row[0])
    ]


_: type[Store] = SQLiteStore
