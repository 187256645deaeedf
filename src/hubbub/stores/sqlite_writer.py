"""The side of a log in a file that writes: one thread, one connection, one statement for a batch.

Why so few steps: see `stores.sqlite`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from msgspec.json import Decoder, encode

from hubbub.errors import Unavailable
from hubbub.model import Appended, Draft
from hubbub.stores.markers import Mark
from hubbub.stores.projections import Projections
from hubbub.stores.rows import Entry, new_epoch
from hubbub.stores.sqlite_batch import BATCH, Batch, Book
from hubbub.stores.sqlite_file import WRITING, File, Side, doubtful

if TYPE_CHECKING:
    from hubbub.stores.ledger import Ledger

LOOK = 1.0
"""Seconds after which it is looked whether the file is still the one at its path."""

T = TypeVar("T")

NEXT_ID = "(SELECT coalesce(max(id), 0) + 1 FROM hubbub_logs)"

PURGED = (
    ("hubbub_keys", 'log, "user", "key"'),
    ("hubbub_unread", 'log, seq, "user"'),
    ("hubbub_mentions", 'log, seq, "user"'),
    ("hubbub_markers", 'log, "user"'),
)
"""What goes with a log beside its entries, and how its rows are told from each other."""

MARK = """
INSERT INTO hubbub_markers (log, "user", seq)
SELECT l.id, json_extract(value, '$[1]'), min(json_extract(value, '$[2]'), l.top)
FROM json_each(?) CROSS JOIN hubbub_logs AS l ON l.room = json_extract(value, '$[0]')
WHERE min(json_extract(value, '$[2]'), l.top) > 0
ON CONFLICT (log, "user") DO UPDATE SET seq = excluded.seq WHERE seq < excluded.seq
"""

MARKED = """
SELECT json_group_array(coalesce(m.seq, 0))
FROM json_each(?)
LEFT JOIN hubbub_logs AS l ON l.room = json_extract(value, '$[0]')
LEFT JOIN hubbub_markers AS m ON m.log = l.id AND m."user" = json_extract(value, '$[1]')
"""

_offsets = Decoder(list[int])


class Writer(Side):
    def __init__(
        self, file: File, window: float, now: Callable[[], float], projections: Projections
    ) -> None:
        super().__init__(file, (*WRITING, *BATCH), "BEGIN IMMEDIATE")
        self._window = int(window * 1000)
        self._now = now
        self._projections = projections
        self._identity = (0, 0)
        self._look_at = 0.0

    def start(self, alone: bool) -> None:
        """Raises `ConfigurationError` and `Unavailable`."""
        self._file.prepare(alone)
        self.connection()

    def connection(self) -> sqlite3.Connection:
        # A file that was deleted or replaced can be written to, and all of it would be lost.
        if time.monotonic() >= self._look_at:
            try:
                identity = self._file.identity()
            except OSError as error:
                self.close()
                raise self._file.unavailable(error) from error
            if self._open is not None and identity != self._identity:
                self.close()
                raise Unavailable(f"the log's file was replaced by another: {self._file.path}")
            self._identity = identity
            self._look_at = time.monotonic() + LOOK
        return super().connection()

    def close(self) -> None:
        super().close()
        self._look_at = 0.0

    def rest(self) -> None:
        """Copy the WAL into the database, so that fewer commits have to."""
        if self._open is not None:
            try:
                self._open.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            except sqlite3.Error:
                self.close()

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in a transaction: whole or not at all. Raises `Unavailable`."""
        connection = self.connection()
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = work(connection)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.close()
            raise self._file.unavailable(error) from error
        except BaseException:
            self.close()
            raise
        return result

    def append(self, drafts: Sequence[tuple[str, Draft]]) -> list[Appended]:
        """As `Store.append`."""
        if not self._projections.plain(drafts):
            return self._carry(drafts)
        batch = Batch(drafts, int(self._now() * 1000), self._window)
        connection = self.connection()
        try:
            try:
                batch.judge(connection)
                batch.put()
            except sqlite3.IntegrityError:
                # Another process was faster, to one of these rooms. Now it has to wait.
                connection.execute("BEGIN IMMEDIATE")
                batch.judge(connection)
                batch.put()
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.close()
            self._settle(batch.entries, error)
        except BaseException:
            self.close()
            raise
        return batch.made

    def _carry(self, drafts: Sequence[tuple[str, Draft]]) -> list[Appended]:
        from hubbub.stores.ledger import Ledger, Mistake  # and with it SQLAlchemy

        at = int(self._now() * 1000)
        ledger = Ledger(
            drafts, at, self._projections, lambda error: self.trouble(error) is not None
        )
        try:
            self._transact(ledger, at - self._window)
        except Mistake as mistake:
            if len(drafts) == 1:
                return [mistake.refusal()]
        else:
            return ledger.made
        # Each alone, so that only the one at fault has to pay for it.
        made: list[Appended] = []
        for draft in drafts:
            try:
                made += self.append([draft])
            except Unavailable as error:
                raise Unavailable(str(error), unknown=error.unknown or bool(made)) from error
        return made

    def _transact(self, ledger: Ledger, since: int) -> None:
        sql = self.sql()
        try:
            with sql.begin():
                ledger.carry(sql, Book(self.connection(), since))
        except BaseException as error:
            matter = self.trouble(error)
            if matter is None:
                self.tidy()
                raise
            self.close()
            self._settle(ledger.entries, matter)

    def _settle(self, entries: Sequence[Entry], error: sqlite3.Error) -> None:
        """Raises `Unavailable` unless the batch of `entries`, whose commit failed with `error`,
        is done all the same."""
        if not (entries and doubtful(error) and self._done(entries[-1], error)):
            raise self._file.unavailable(error) from error

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
                for table in ("hubbub_unread", "hubbub_mentions"):
                    connection.execute(
                        f"DELETE FROM {table} WHERE log = ? AND seq BETWEEN ? AND ?",
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
                for table, key in PURGED:
                    left -= _purge(connection, table, key, "log = ?", log, left)
                if not left:
                    return most
                connection.execute("DELETE FROM hubbub_removed WHERE log = ?", (log,))
            past = int(self._now() * 1000) - self._window
            left -= _purge(connection, *PURGED[0], "at <= ?", past, left)
            return most - left

        return self.write(work)

    def mark(self, marks: Sequence[Mark]) -> list[int]:
        """Move markers, and say where they are."""
        asked = (encode(marks).decode(),)

        def work(connection: sqlite3.Connection) -> list[int]:
            connection.execute(MARK, asked)
            return _offsets.decode(connection.execute(MARKED, asked).fetchone()[0])

        return self.write(work)

    def check(self) -> None:
        self._look_at = 0.0
        self.write(_touch)


def _touch(connection: sqlite3.Connection) -> None:
    """Change something, and change it back: SQLite writes no page that is equal before."""
    connection.execute("INSERT INTO hubbub_removed VALUES (-1)")
    connection.execute("DELETE FROM hubbub_removed WHERE log = -1")


def _purge(
    connection: sqlite3.Connection, table: str, key: str, which: str, value: int, most: int
) -> int:
    return connection.execute(
        f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {which} LIMIT ?)",
        (value, most),
    ).rowcount
