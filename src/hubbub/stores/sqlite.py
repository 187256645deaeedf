"""The log in a file, for one server process.

One thread writes and others read, each with a connection of its own, so that reading never waits
for a commit. The sqlite3 module gives up the interpreter's lock for every step of a statement,
and beside a busy event loop each of them is a wait of milliseconds to get it back: all of this is
made of few steps that do much. Rows are written many to a statement, and a page is read as one
row, which is JSON.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from msgspec.json import Decoder, encode

from hubbub.contracts import Store
from hubbub.errors import ConfigurationError, Unavailable
from hubbub.model import Appended, Draft, Fate, LogState, Page, Position
from hubbub.stores.rows import (
    MAX_NUMBER,
    Head,
    Use,
    digest,
    info_text,
    judge,
    new_epoch,
    publication,
    tags_text,
    user_of,
)
from hubbub.stores.sqlite_file import READING, WRITING, File, certain
from hubbub.stores.worker import Workers

READERS = 2

ROWS = (256, 128, 64, 32, 16, 8, 4, 2, 1)
"""How many rows a statement may write: few sizes, so that each is prepared once."""

BACKUP_PAGES = 256
BACKUP_PAUSE = 0.002
"""A backup copies so many pages, and leaves the disk to others for so many seconds."""

T = TypeVar("T")

_heads = Decoder(list[tuple[int, str, str, int, int, int, int, str]])
_uses = Decoder(list[tuple[int, int, str]])
_entries = Decoder(list[tuple[int, int, str, str | None, str | None]])
_states = Decoder(list[tuple[str, str, int, int, int]])

HEADS = """
SELECT (SELECT epoch FROM hubbub_store), (SELECT coalesce(max(id), 0) FROM hubbub_logs),
  json_group_array(json_array(id, room, epoch, top, first, touched, version, version_epoch))
FROM hubbub_logs WHERE room IN (SELECT value FROM json_each(?))
"""

PUT_ENTRIES = "INSERT INTO hubbub_entries (log, seq, at, data, tags, info) VALUES {rows}"

PUT_LOGS = """
INSERT INTO hubbub_logs (id, room, epoch, top, first, touched, version, version_epoch)
VALUES {rows} ON CONFLICT (id) DO UPDATE SET top = excluded.top, touched = excluded.touched,
  version = excluded.version, version_epoch = excluded.version_epoch
"""

PUT_KEYS = """
INSERT INTO hubbub_keys (log, "user", "key", seq, digest, at) VALUES {rows}
ON CONFLICT (log, "user", "key") DO UPDATE
SET seq = excluded.seq, digest = excluded.digest, at = excluded.at
"""

USES = """
WITH asked (number, log, "user", "key") AS (VALUES {rows})
SELECT json_group_array(json_array(asked.number, k.seq, hex(k.digest)))
FROM asked CROSS JOIN hubbub_keys AS k
  ON k.log = asked.log AND k."user" = asked."user" AND k."key" = asked."key"
WHERE k.at > ?
"""

# What is kept of a log has no hole, so that the next entry is found by its number, and no more
# is read than is returned.
READ = """
WITH RECURSIVE
  found AS (SELECT * FROM hubbub_logs WHERE room = :room),
  page (log, seq, at, data, tags, info, number, size) AS (
    SELECT e.*, 1, length(CAST(e.data AS BLOB)) FROM found
    CROSS JOIN hubbub_entries AS e ON e.log = found.id AND e.seq = {begin}
    WHERE :limit > 0
    UNION ALL
    SELECT e.*, page.number + 1, page.size + length(CAST(e.data AS BLOB)) FROM page
    CROSS JOIN hubbub_entries AS e ON e.log = page.log AND e.seq = page.seq {step}
    WHERE page.number < :limit AND page.size + length(CAST(e.data AS BLOB)) <= :size
  )
SELECT coalesce(found.top, 0), coalesce(found.epoch, hubbub_store.epoch),
  (SELECT json_group_array(json_array(seq, at, data, tags, info)) FROM page)
FROM hubbub_store LEFT JOIN found
"""
READ_ON = READ.format(begin="max(found.first, :offset + 1)", step="+ 1")
READ_BACK = READ.format(begin="min(found.top, :offset - 1)", step="- 1")

STATES = """
SELECT json_group_array(json_array(asked.value, coalesce(logs.epoch, hubbub_store.epoch),
  coalesce(logs.top, 0), coalesce(logs.first, 1), coalesce(logs.touched, 0)))
FROM hubbub_store, json_each(?) AS asked LEFT JOIN hubbub_logs AS logs ON logs.room = asked.value
"""

ROOMS = """
SELECT json_group_array(json_array(room, epoch, top, first, touched)) FROM (
  SELECT * FROM hubbub_logs WHERE room > ? AND top > 0 ORDER BY room LIMIT ?
)
"""

NEXT_ID = "(SELECT coalesce(max(id), 0) + 1 FROM hubbub_logs)"


class Entry(NamedTuple):
    """A row of `hubbub_entries`."""

    log: int
    seq: int
    at: int
    data: str
    tags: str | None
    info: str | None


class Side:
    """A thread's connection: opened when it is needed, and anew after every failure."""

    def __init__(self, file: File, pragmas: tuple[str, ...]) -> None:
        self._file = file
        self._pragmas = pragmas
        self._open: sqlite3.Connection | None = None

    def connection(self) -> sqlite3.Connection:
        """Raises `Unavailable`."""
        if self._open is None:
            try:
                self._open = self._file.connect(self._pragmas)
            except ConfigurationError as error:
                raise Unavailable(str(error)) from error
            except (sqlite3.Error, OSError) as error:
                raise self._file.unavailable(error) from error
        return self._open

    def rest(self) -> None:
        pass

    def close(self) -> None:
        """Close the connection, which takes back what is not committed."""
        if self._open is not None:
            with suppress(sqlite3.Error):
                self._open.close()
            self._open = None


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


class Writer(Side):
    def __init__(self, file: File, window: float, now: Callable[[], float]) -> None:
        super().__init__(file, WRITING)
        self._window = int(window * 1000)
        self._now = now
        self._identity = (0, 0)

    def start(self, alone: bool) -> None:
        """Raises `ConfigurationError` and `Unavailable`."""
        self._file.prepare(alone)
        self.connection()

    def connection(self) -> sqlite3.Connection:
        # A file that was deleted or replaced can be written to, and all of it would be lost.
        try:
            identity = self._file.identity()
        except OSError as error:
            self.close()
            raise self._file.unavailable(error) from error
        if identity != self._identity:
            self.close()
            self._identity = identity
        return super().connection()

    def rest(self) -> None:
        """Copy the WAL into the database, so that fewer commits have to."""
        if self._open is not None:
            try:
                self._open.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            except sqlite3.Error:
                self.close()

    def write(
        self,
        work: Callable[[sqlite3.Connection], T],
        last: Callable[[], Entry | None] = lambda: None,
    ) -> T:
        """Do `work` in a transaction: whole or not at all.

        Raises `Unavailable`. `last` is an entry by which it can be told whether it was done.
        """
        connection = self.connection()
        committing = False
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = work(connection)
            committing = True
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.close()
            entry = last()
            if committing and entry and not certain(error) and self._done(entry, error):
                return result
            raise self._file.unavailable(error) from error
        except BaseException:
            self.close()
            raise
        return result

    def _done(self, entry: Entry, error: sqlite3.Error) -> bool:
        """Whether the commit that `error` came of is done, and holds `entry`.

        Raises `Unavailable` if that cannot be known.
        """
        try:
            connection = self.connection()
            connection.execute("BEGIN IMMEDIATE")
            (done,) = connection.execute(
                "SELECT count(*) FROM hubbub_entries WHERE log = ? AND seq = ? AND at = ?"
                " AND data = ? AND tags IS ? AND info IS ?",
                entry,
            ).fetchone()
            # What the commit left in the WAL is there no more when something else is written in
            # its place: else it could be found after a crash, and be done then.
            _touch(connection)
            connection.execute("COMMIT")
        except (sqlite3.Error, Unavailable):
            self.close()
            raise self._file.unavailable(error, unknown=True) from error
        return bool(done)

    def append(self, drafts: Sequence[tuple[str, Draft]]) -> list[Appended]:
        batch = Batch(drafts, int(self._now() * 1000), self._window)
        return self.write(batch.append, batch.last)

    def trim(self, room: str, first: int, before: int, most: int) -> int:
        def work(connection: sqlite3.Connection) -> int:
            found = connection.execute(
                "SELECT id, top, first FROM hubbub_logs WHERE room = ?", (room,)
            ).fetchone()
            if found is None:
                return 0
            log, top, oldest = found
            end = min(max(first, oldest), top + 1)
            if end - oldest < most:
                (kept,) = connection.execute(
                    "SELECT min(seq) FROM (SELECT seq, at FROM hubbub_entries"
                    " WHERE log = ? AND seq >= ? ORDER BY seq LIMIT ?) WHERE at >= ?",
                    (log, end, most - (end - oldest), before),
                ).fetchone()
                end = kept or min(oldest + most, top + 1)
            end = min(end, oldest + most)
            if end > oldest:
                connection.execute(
                    "DELETE FROM hubbub_entries WHERE log = ? AND seq BETWEEN ? AND ?",
                    (log, oldest, end - 1),
                )
                connection.execute("UPDATE hubbub_logs SET first = ? WHERE id = ?", (end, log))
            return int(end - oldest)

        return self.write(work)

    def remove(self, room: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO hubbub_removed SELECT id FROM hubbub_logs WHERE room = ?", (room,)
            )
            # With another number it is another log. Numbers only rise, and none is used twice.
            connection.execute(
                "INSERT INTO hubbub_logs (id, room, epoch, top, first, touched, version,"
                f" version_epoch) VALUES ({NEXT_ID}, ?, ?, 0, 1, 0, 0, '')"
                " ON CONFLICT (room) DO UPDATE SET id = excluded.id, epoch = excluded.epoch,"
                " top = 0, first = 1, touched = 0, version = 0, version_epoch = ''",
                (room, new_epoch()),
            )

        self.write(work)

    def sweep(self, most: int) -> int:
        def work(connection: sqlite3.Connection) -> int:
            left = most
            logs = connection.execute("SELECT log FROM hubbub_removed LIMIT ?", (most,)).fetchall()
            for (log,) in logs:
                left -= connection.execute(
                    "DELETE FROM hubbub_entries WHERE log = ? AND seq <= (SELECT max(seq) FROM"
                    " (SELECT seq FROM hubbub_entries WHERE log = ? ORDER BY seq LIMIT ?))",
                    (log, log, left),
                ).rowcount
                left -= _sweep_keys(connection, "log = ?", log, left)
                if not left:
                    return most
                connection.execute("DELETE FROM hubbub_removed WHERE log = ?", (log,))
            past = int(self._now() * 1000) - self._window
            left -= _sweep_keys(connection, "at <= ?", past, left)
            return most - left

        return self.write(work)

    def check(self) -> None:
        self.write(_touch)


def _touch(connection: sqlite3.Connection) -> None:
    """Change something, and change it back: SQLite writes no page that is equal before."""
    connection.execute("INSERT INTO hubbub_removed VALUES (-1)")
    connection.execute("DELETE FROM hubbub_removed WHERE log = -1")


def _sweep_keys(connection: sqlite3.Connection, which: str, value: int, most: int) -> int:
    return connection.execute(
        'DELETE FROM hubbub_keys WHERE (log, "user", "key") IN'
        f' (SELECT log, "user", "key" FROM hubbub_keys WHERE {which} LIMIT ?)',
        (value, most),
    ).rowcount


@lru_cache(maxsize=64)
def _statement(sql: str, columns: int, rows: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return sql.format(rows=", ".join([row] * rows))


def _put(connection: sqlite3.Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write `rows`, in as few statements as their number allows."""
    at = 0
    for size in ROWS:
        while len(rows) - at >= size:
            values = list(chain.from_iterable(rows[at : at + size]))
            connection.execute(_statement(sql, len(rows[at]), size), values)
            at += size


class Batch:
    """The drafts of one call on their way into the log."""

    def __init__(self, drafts: Sequence[tuple[str, Draft]], at: int, window: int) -> None:
        self._drafts = drafts
        self._at = at
        self._since = at - window
        self._entries: list[Entry] = []

    def last(self) -> Entry | None:
        """One that is stored if all are."""
        return self._entries[-1] if self._entries else None

    def append(self, connection: sqlite3.Connection) -> list[Appended]:
        heads = self._heads(connection)
        uses = self._uses(connection, heads)
        made: list[Appended] = []
        touched: dict[int, Head] = {}
        keys: list[tuple[int, str, str, int, bytes, int]] = []
        for room, draft in self._drafts:
            head = heads[room]
            name = (head.id, user_of(draft), draft.key)
            appended = judge(head, draft, uses.get(name) if draft.key else None)
            made.append(appended)
            if appended.fate is not Fate.STORED:
                continue
            touched[head.id] = head
            tags, info = tags_text(draft.tags), info_text(draft.info)
            self._entries.append(
                Entry(head.id, head.top, self._at, draft.data.decode(), tags, info)
            )
            if draft.key:
                use = uses[name] = Use(head.top, digest(draft))
                keys.append((*name, use.seq, use.digest, self._at))
        # Neighbours in the tables are written one after the other.
        self._entries.sort(key=itemgetter(0))
        _put(connection, PUT_ENTRIES, self._entries)
        _put(connection, PUT_LOGS, [self._log(head) for head in touched.values()])
        _put(connection, PUT_KEYS, sorted(keys))
        return made

    def _heads(self, connection: sqlite3.Connection) -> dict[str, Head]:
        rooms = list(dict.fromkeys(room for room, _ in self._drafts))
        epoch, highest, found = connection.execute(HEADS, (encode(rooms).decode(),)).fetchone()
        heads = {row[1]: Head(*row) for row in _heads.decode(found)}
        for room in rooms:
            if room not in heads:
                highest += 1
                heads[room] = Head(highest, room, epoch)
        return heads

    def _uses(
        self, connection: sqlite3.Connection, heads: dict[str, Head]
    ) -> dict[tuple[int, str, str], Use]:
        """What the keys of the batch were used for within the window, before it."""
        names = list(
            {(heads[room].id, user_of(one), one.key): None for room, one in self._drafts if one.key}
        )
        uses: dict[tuple[int, str, str], Use] = {}
        for at in range(0, len(names), ROWS[0]):
            some = names[at : at + ROWS[0]]
            size = next(size for size in reversed(ROWS) if size >= len(some))
            rows: Iterable[tuple[Any, ...]] = ((number, *name) for number, name in enumerate(some))
            values = list(chain.from_iterable(rows))
            values += [None] * 4 * (size - len(some))
            (found,) = connection.execute(
                _statement(USES, 4, size), [*values, self._since]
            ).fetchone()
            for number, seq, hexed in _uses.decode(found):
                uses[some[number]] = Use(seq, bytes.fromhex(hexed))
        return uses

    def _log(self, head: Head) -> tuple[int, str, str, int, int, int, int, str]:
        return (
            head.id,
            head.room,
            head.epoch,
            head.top,
            head.first,
            self._at,
            head.version,
            head.version_epoch,
        )


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
        self._writing: Workers[Writer] | None = None
        self._reading: Workers[Reader] | None = None

    async def start(self) -> None:
        writing = Workers("hubbub log", [Writer(self._file, self._window, self._now)])
        try:
            await writing.do(lambda writer: writer.start(self._alone))
        except BaseException:
            await writing.stop()
            self._file.release()
            raise
        self._writing = writing
        self._reading = Workers("hubbub log, reading", [Reader(self._file) for _ in range(READERS)])

    async def stop(self) -> None:
        for workers in (self._reading, self._writing):
            if workers is not None:
                await workers.stop()
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

    async def _write(self, work: Callable[[Writer], T]) -> T:
        if self._writing is None:
            raise Unavailable("the log is not open")
        return await self._writing.do(work)

    async def _read(self, work: Callable[[Reader], T]) -> T:
        if self._reading is None:
            raise Unavailable("the log is not open")
        return await self._reading.do(work)


def _log_states(row: tuple[str]) -> list[LogState]:
    return [
        LogState(room, Position(top, epoch), first, touched)
        for room, epoch, top, first, touched in _states.decode(row[0])
    ]


_: type[Store] = SQLiteStore
