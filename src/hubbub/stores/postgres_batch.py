"""How a batch gets into a log in PostgreSQL: as the arguments of a function, or step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec.json import Decoder

from hubbub.model import Appended, Draft, Fate, Position
from hubbub.stores.postgres_lines import Failure
from hubbub.stores.rows import (
    MAX_NUMBER,
    Entry,
    Head,
    Key,
    Name,
    Use,
    column,
    data_text,
    digest,
    info_text,
    key_of,
    tags_text,
    user_of,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

_results = Decoder(tuple[list[tuple[str, int]], list[tuple[int, int, Fate]]])

APPEND = f"SELECT hubbub_append({', '.join(f'${number}' for number in range(1, 16))})"

LOCK = """
SELECT id, room, epoch, top, first, touched, version, version_epoch FROM hubbub_lock($1)
"""

USED = """
SELECT asked.number, past.seq, past.digest
FROM unnest($1::bigint[], $2::text[], $3::text[]) WITH ORDINALITY AS asked (log, who, name, number)
CROSS JOIN LATERAL (
  SELECT seq, digest FROM hubbub_keys AS k
  WHERE k.log = asked.log AND k."user" = asked.who AND k."key" = asked.name AND k.at > $4 LIMIT 1
) AS past
"""

# What becomes of a batch, and its number, as in `hubbub_append`. Its results are known to the
# server that asks for them; only that it is stored has to be there.
PUT = """
WITH
  added AS (
    INSERT INTO hubbub_entries (log, seq, at, data, tags, info)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[],
                         $6::text[])),
  used AS (
    INSERT INTO hubbub_keys (log, "user", "key", seq, at, digest)
    SELECT * FROM unnest($7::bigint[], $8::text[], $9::text[], $10::bigint[], $11::bigint[],
                         $12::bytea[])
    ON CONFLICT (log, "user", "key") DO UPDATE
    SET seq = excluded.seq, digest = excluded.digest, at = excluded.at),
  moved AS (
    UPDATE hubbub_logs AS log SET top = made.top, touched = made.touched, version = made.version,
      version_epoch = made.epoch
    FROM unnest($13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::text[])
      AS made (id, top, touched, version, epoch)
    WHERE log.id = made.id)
INSERT INTO hubbub_batches AS last (writer, batch, at, results) VALUES ($18, $19, $20, '[]')
ON CONFLICT (writer) DO UPDATE
SET batch = excluded.batch, at = excluded.at, results = excluded.results
WHERE last.batch < excluded.batch RETURNING true
"""


class Batch:
    """Drafts as the arguments of `hubbub_append`, and its results as theirs."""

    def __init__(self, drafts: Sequence[tuple[str, Draft]]) -> None:
        self._drafts = drafts
        self._rooms = sorted({room for room, _ in drafts})
        places = {room: place for place, room in enumerate(self._rooms, 1)}
        self._places = [places[room] for room, _ in drafts]

    def arguments(self) -> tuple[Any, ...]:
        drafts = [draft for _, draft in self._drafts]
        return (
            self._rooms,
            self._places,
            [data_text(draft) for draft in drafts],
            [tags_text(draft.tags) for draft in drafts],
            [info_text(draft.info) for draft in drafts],
            *(self._keys(drafts) if any(draft.key for draft in drafts) else [None] * 4),
            *(_versions(drafts) if any(draft.version > 0 for draft in drafts) else [None] * 2),
        )

    def _keys(self, drafts: list[Draft]) -> tuple[list[Any], ...]:
        users = [user_of(draft) for draft in drafts]
        names = [key_of(draft) for draft in drafts]
        digests = [digest(draft) if draft.key else b"" for draft in drafts]
        last: dict[tuple[int, str, str], int] = {}
        earlier = []
        for number, name in enumerate(zip(self._places, users, names, strict=True), 1):
            earlier.append(last.get(name, 0))
            last[name] = number
        return users, names, digests, earlier

    def results(self, text: str) -> list[Appended]:
        heads, others = _results.decode(text)
        fates = {number: (seq, fate) for number, seq, fate in others}
        tops = [top for _, top in heads]
        made = []
        for number, place in enumerate(self._places):
            epoch = heads[place - 1][0]
            if number in fates:
                seq, fate = fates[number]
                made.append(Appended(Position(seq, epoch), fate))
            else:
                tops[place - 1] += 1
                made.append(Appended(Position(tops[place - 1], epoch)))
        return made


def _versions(drafts: list[Draft]) -> tuple[list[Any], ...]:
    return (
        [min(draft.version, MAX_NUMBER) for draft in drafts],
        [column(draft.version_epoch) for draft in drafts],
    )


class Book:
    """As `stores.ledger.Book`, in the transaction of `connection`. `since` is when the window of
    keys begins; `named` are who appends, the number of the batch, and when."""

    def __init__(self, connection: Connection, since: int, named: tuple[UUID, int, int]) -> None:
        self._connection = connection
        self._since = since
        self._named = named

    def known(
        self, rooms: Sequence[str], names: Sequence[Name]
    ) -> tuple[dict[str, Head], dict[Name, Use]]:
        locked = self._connection.exec_driver_sql(LOCK, (sorted(rooms),))
        heads = {row.room: Head(*row) for row in locked}
        if not names:
            return heads, {}
        logs = [heads[room].id for room, _, _ in names]
        users, keys = [user for _, user, _ in names], [key for _, _, key in names]
        used = self._connection.exec_driver_sql(USED, (logs, users, keys, self._since))
        return heads, {names[number - 1]: Use(seq, made) for number, seq, made in used}

    def put(self, heads: Sequence[Head], entries: Sequence[Entry], keys: Sequence[Key]) -> None:
        logs = [(one.id, one.top, one.touched, one.version, one.version_epoch) for one in heads]
        arguments = (*_turned(entries, 6), *_turned(keys, 6), *_turned(logs, 5), *self._named)
        if self._connection.exec_driver_sql(PUT, arguments).first() is None:
            raise Failure("the batch was given up", certain=True)


def _turned(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """A list for each column."""
    return [[row[number] for row in rows] for number in range(width)]
