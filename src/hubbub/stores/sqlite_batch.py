"""How a batch gets into a log in a file: one statement reads about it, and one writes it.

Why so few steps: see `stores.sqlite`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from operator import itemgetter

from msgspec.json import Decoder, encode
from msgspec.structs import astuple

from hubbub.model import Appended, Draft, Fate
from hubbub.stores.rows import (
    Entry,
    Head,
    Key,
    Name,
    Use,
    data_text,
    digest,
    info_text,
    judge,
    key_of,
    tags_text,
    user_of,
)

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


class Book:
    """The log's own tables, as a batch needs them; `since` is when the window of keys begins."""

    def __init__(self, connection: sqlite3.Connection, since: int) -> None:
        self._connection = connection
        self._since = since
        self._before: dict[str, int] = {}

    def known(
        self, rooms: Sequence[str], names: Sequence[Name]
    ) -> tuple[dict[str, Head], dict[Name, Use]]:
        """How the logs of `rooms` stand, also of those that are not there, and what of `names`
        was used for within the window. Raises sqlite3.Error."""
        epoch, highest, heads, uses = self._connection.execute(
            KNOWN,
            {
                "rooms": encode(rooms).decode(),
                "keys": encode(names).decode(),
                "since": self._since,
            },
        ).fetchone()
        known = {row[1]: Head(*row) for row in _heads.decode(heads)}
        self._before = {room: head.top for room, head in known.items()}
        for room in rooms:
            if room not in known:
                highest += 1
                known[room] = Head(highest, room, epoch)
        used = {
            names[number]: Use(seq, bytes.fromhex(hexed))
            for number, seq, hexed in _uses.decode(uses)
        }
        return known, used

    def put(self, heads: Sequence[Head], entries: Sequence[Entry], keys: Sequence[Key]) -> None:
        """Write what a batch has become. Raises sqlite3.Error; sqlite3.IntegrityError where
        something else was stored since it was asked what was known."""
        # Neighbours in a table are written one after the other.
        logs = sorted((*astuple(head), self._before.get(head.room)) for head in heads)
        entries, keys = sorted(entries, key=itemgetter(0)), sorted(keys, key=itemgetter(0))
        texts = [encode(rows).decode() for rows in (logs, entries, [key[:-1] for key in keys])]
        self._connection.execute(PUT, (*texts, b"".join(key.digest for key in keys)))


class Batch:
    """The drafts of one call on their way into the log, at `at` (Unix milliseconds)."""

    def __init__(self, drafts: Sequence[tuple[str, Draft]], at: int, window: int) -> None:
        self._drafts = drafts
        self._at = at
        self._since = at - window
        self._heads: list[Head] = []
        self._keys: list[Key] = []
        self.made: list[Appended] = []
        self.entries: list[Entry] = []

    def judge(self, connection: sqlite3.Connection) -> None:
        """Find out what becomes of each draft. Raises sqlite3.Error."""
        self._book = Book(connection, self._since)
        rooms = dict.fromkeys(room for room, _ in self._drafts)
        names = {(room, user_of(one), key_of(one)): None for room, one in self._drafts if one.key}
        known, used = self._book.known(list(rooms), list(names))

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
                    data_text(draft),
                    tags_text(draft.tags),
                    info_text(draft.info),
                )
            )
            if draft.key:
                use = used[name] = Use(head.top, digest(draft))
                self._keys.append(Key(head.id, name[1], name[2], use.seq, self._at, use.digest))
        self._heads = list(changed.values())

    def put(self) -> None:
        """Write what is to be stored. Raises sqlite3.Error; sqlite3.IntegrityError where
        something else was stored since it was judged."""
        if self.entries:
            self._book.put(self._heads, self.entries, self._keys)
