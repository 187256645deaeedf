"""The side of a log in a file that writes: one thread, one connection, one statement for a batch.

Why so few steps: see `stores.sqlite`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from msgspec.json import Decoder, encode
from msgspec.structs import astuple

from hubbub.errors import Unavailable
from hubbub.model import Appended, Draft, Fate
from hubbub.stores.rows import (
    Head,
    Use,
    digest,
    info_text,
    judge,
    key_of,
    new_epoch,
    tags_text,
    user_of,
)
from hubbub.stores.sqlite_file import WRITING, File, Side, doubtful

LOOK = 1.0
"""Seconds after which it is looked whether the file is still the one at its path."""

T = TypeVar("T")

_heads = Decoder(list[tuple[int, str, str, int, int, int, int, str]])
_uses = Decoder(list[tuple[int, int, str]])

# All that has to be known about a batch before it can be judged, as one row.
KNOWN = """
SELECT (SELECT epoch FROM hubbub_store), (SELECT coalesce(max(id), 0) FROM hubbub_logs),
  (SELECT json_group_array(json_array(l.id, room, epoch, top, first, touched, version,
                                      version_epoch))
   FROM json_each(:rooms) AS asked CROSS JOIN hubbub_logs AS l ON l.room = asked.value),
  (SELECT json_group_array(json_array(asked.key, k.seq, hex(k.digest)))
   FROM json_each(:keys) AS asked
   CROSS JOIN hubbub_logs AS l ON l.room = json_extract(asked.value, '$[0]')
   CROSS JOIN hubbub_keys AS k ON k.log = l.id AND k.at > :since
     AND k."user" = json_extract(asked.value, '$[1]')
     AND k."key" = json_extract(asked.value, '$[2]'))
"""

# A batch is a row of a view, and writing it a statement: all that becomes of it is done by a
# trigger, in one step, unless a log has moved on since it was read about.
BATCH = (
    "CREATE TEMP VIEW hubbub_batch (logs, entries, keys, digests) AS VALUES (0, 0, 0, 0)",
    """
CREATE TEMP TRIGGER hubbub_batch_put INSTEAD OF INSERT ON hubbub_batch BEGIN
  SELECT raise(ABORT, 'moved on') FROM json_each(NEW.logs) AS n
  LEFT JOIN hubbub_logs AS l ON l.id = json_extract(n.value, '$[0]')
  WHERE l.top IS NOT json_extract(n.value, '$[8]');
  INSERT INTO hubbub_logs (id, room, epoch, top, first, touched, version, version_epoch)
  SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
    json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
    json_extract(value, '$[6]'), json_extract(value, '$[7]')
  FROM json_each(NEW.logs) WHERE true
  ON CONFLICT (id) DO UPDATE SET top = excluded.top, touched = excluded.touched,
    version = excluded.version, version_epoch = excluded.version_epoch;
  INSERT INTO hubbub_entries (log, seq, at, data, tags, info)
  SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
    json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]')
  FROM json_each(NEW.entries);
  INSERT INTO hubbub_keys (log, "user", "key", seq, digest, at)
  SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
    json_extract(value, '$[3]'), substr(NEW.digests, key * 16 + 1, 16), json_extract(value, '$[4]')
  FROM json_each(NEW.keys) WHERE true
  ON CONFLICT (log, "user", "key") DO UPDATE
  SET seq = excluded.seq, digest = excluded.digest, at = excluded.at;
END
""",
)
PUT = "INSERT INTO hubbub_batch VALUES (?, ?, ?, ?)"

NEXT_ID = "(SELECT coalesce(max(id), 0) + 1 FROM hubbub_logs)"


class Entry(NamedTuple):
    """A row of `hubbub_entries`."""

    log: int
    seq: int
    at: int
    data: str
    tags: str | None
    info: str | None


class Writer(Side):
    def __init__(self, file: File, window: float, now: Callable[[], float]) -> None:
        super().__init__(file, (*WRITING, *BATCH))
        self._window = int(window * 1000)
        self._now = now
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
        batch = Batch(drafts, int(self._now() * 1000), self._window)
        connection = self.connection()
        try:
            try:
                batch.judge(connection)
                batch.put(connection)
            except sqlite3.IntegrityError:
                # Another process was faster, to one of these rooms. Now it has to wait.
                connection.execute("BEGIN IMMEDIATE")
                batch.judge(connection)
                batch.put(connection)
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.close()
            if not (batch.entries and doubtful(error) and self._done(batch.entries[-1], error)):
                raise self._file.unavailable(error) from error
        except BaseException:
            self.close()
            raise
        return batch.made

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
        self._look_at = 0.0
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


class Batch:
    """The drafts of one call on their way into the log, at `at` (Unix milliseconds)."""

    def __init__(self, drafts: Sequence[tuple[str, Draft]], at: int, window: int) -> None:
        self._drafts = drafts
        self._at = at
        self._since = at - window
        self._logs: list[tuple[Any, ...]] = []
        self._keys: list[tuple[int, str, str, int, int, bytes]] = []
        self.made: list[Appended] = []
        self.entries: list[Entry] = []

    def judge(self, connection: sqlite3.Connection) -> None:
        """Find out what becomes of each draft. Raises sqlite3.Error."""
        rooms = dict.fromkeys(room for room, _ in self._drafts)
        asked = {(room, user_of(one), key_of(one)): None for room, one in self._drafts if one.key}
        epoch, highest, heads, uses = connection.execute(
            KNOWN,
            {
                "rooms": encode(list(rooms)).decode(),
                "keys": encode(names := list(asked)).decode(),
                "since": self._since,
            },
        ).fetchone()
        known = {row[1]: Head(*row) for row in _heads.decode(heads)}
        before = {room: head.top for room, head in known.items()}
        for room in rooms:
            if room not in known:
                highest += 1
                known[room] = Head(highest, room, epoch)
        used = {
            names[number]: Use(seq, bytes.fromhex(hexed))
            for number, seq, hexed in _uses.decode(uses)
        }

        self.made, self.entries, self._keys = [], [], []
        changed: dict[str, Head] = {}
        for room, draft in self._drafts:
            head = known[room]
            name = (room, user_of(draft), key_of(draft))
            appended = judge(head, draft, used.get(name) if draft.key else None)
            self.made.append(appended)
            if appended.fate is not Fate.STORED:
                continue
            changed[room] = head
            head.touched = self._at
            self.entries.append(
                Entry(
                    head.id,
                    head.top,
                    self._at,
                    draft.data.decode(),
                    tags_text(draft.tags),
                    info_text(draft.info),
                )
            )
            if draft.key:
                use = used[name] = Use(head.top, digest(draft))
                self._keys.append((head.id, name[1], name[2], use.seq, self._at, use.digest))
        self._logs = [(*astuple(head), before.get(room)) for room, head in changed.items()]

    def put(self, connection: sqlite3.Connection) -> None:
        """Write what is to be stored. Raises sqlite3.Error; sqlite3.IntegrityError where
        something else was stored since it was judged."""
        if not self.entries:
            return
        # Neighbours in a table are written one after the other.
        for rows in (self._logs, self.entries, self._keys):
            rows.sort(key=itemgetter(0))
        keys = [row[:-1] for row in self._keys]
        texts = [encode(rows).decode() for rows in (self._logs, self.entries, keys)]
        connection.execute(PUT, (*texts, b"".join(row[-1] for row in self._keys)))
