"""What is unread, and for whom: markers, the entries that count, and their mentions.

In PostgreSQL trimming, removing and sweeping take them along, and there are two functions more:
one that moves markers, and one that locks logs for a batch of several statements.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

# As of this revision: what `schema` says later is not what this one makes.
NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# A marker that moves is a changed row, which with room on its page needs no new index entry.
ROOM_TO_CHANGE = "ALTER TABLE hubbub_markers SET (fillfactor = 50)"

# Gives the rows of `rooms`, which are sorted, made where they are missing and locked in their
# order: as `hubbub_append` does, and so with it nobody waits in a circle.
LOCK = """
CREATE FUNCTION hubbub_lock(rooms text[]) RETURNS SETOF hubbub_logs LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT count(*) FROM hubbub_logs WHERE room = ANY (rooms)) < cardinality(rooms) THEN
    INSERT INTO hubbub_logs (room, epoch, top, first, touched, version, version_epoch)
      SELECT name, (SELECT epoch FROM hubbub_store), 0, 1, 0, 0, ''
      FROM unnest(rooms) WITH ORDINALITY AS made (name, number) ORDER BY number
      ON CONFLICT (room) DO NOTHING;
  END IF;
  RETURN QUERY SELECT * FROM hubbub_logs WHERE room = ANY (rooms) ORDER BY room FOR UPDATE;
END
$$
"""

# Gives where the marker of each of `users` is in the room of `names` beside it, in their order.
# The pairs are sorted, each is there once, and nobody waits in a circle. Whose log is removed
# meanwhile marks nothing that a sweep has left behind: it waits for all that may not know yet.
MARK = """
CREATE FUNCTION hubbub_mark(names text[], users text[], wanted bigint[])
RETURNS SETOF bigint LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(114853371082083);
  INSERT INTO hubbub_markers AS marker (log, "user", seq)
    SELECT log.id, asked.who, least(asked.seq, log.top)
    FROM unnest(names, users, wanted) WITH ORDINALITY AS asked (name, who, seq, number)
    JOIN hubbub_logs AS log ON log.room = asked.name
    WHERE least(asked.seq, log.top) > 0 ORDER BY number
    ON CONFLICT (log, "user") DO UPDATE SET seq = excluded.seq WHERE marker.seq < excluded.seq;
  RETURN QUERY SELECT coalesce(marker.seq, 0)
    FROM unnest(names, users) WITH ORDINALITY AS asked (name, who, number)
    LEFT JOIN hubbub_logs AS log ON log.room = asked.name
    LEFT JOIN hubbub_markers AS marker ON marker.log = log.id AND marker."user" = asked.who
    ORDER BY number;
END
$$
"""

TRIM = """
CREATE OR REPLACE FUNCTION hubbub_trim(name text, below bigint, older bigint, most bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  log hubbub_logs;
  kept bigint;
BEGIN
  SELECT * INTO log FROM hubbub_logs WHERE room = name FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 0;
  END IF;
  kept := least(log.first + most, log.top + 1);
  kept := coalesce((
    SELECT seq FROM hubbub_entries AS entry
    WHERE entry.log = log.id AND seq >= greatest(log.first, below) AND seq < kept AND at >= older
    ORDER BY seq LIMIT 1
  ), kept);
  DELETE FROM hubbub_entries AS entry
    WHERE entry.log = log.id AND seq >= log.first AND seq < kept;
  DELETE FROM hubbub_unread AS one WHERE one.log = log.id AND seq >= log.first AND seq < kept;
  DELETE FROM hubbub_mentions AS one WHERE one.log = log.id AND seq >= log.first AND seq < kept;
  UPDATE hubbub_logs SET first = kept WHERE id = log.id AND first < kept;
  RETURN kept - log.first;
END
$$
"""

# What others have locked is left to them: a key that is being used anew, a log that another
# server purges.
SWEEP = """
CREATE OR REPLACE FUNCTION hubbub_sweep(since bigint, gone bigint, most bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  remaining bigint := most;
  done bigint;
  purged bigint;
BEGIN
  FOR purged IN SELECT log FROM hubbub_removed LIMIT most FOR UPDATE SKIP LOCKED LOOP
    DELETE FROM hubbub_entries WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM hubbub_entries WHERE log = purged ORDER BY seq LIMIT remaining));
    GET DIAGNOSTICS done = ROW_COUNT;
    remaining := remaining - done;
    DELETE FROM hubbub_keys WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM hubbub_keys WHERE log = purged LIMIT remaining));
    GET DIAGNOSTICS done = ROW_COUNT;
    remaining := remaining - done;
    DELETE FROM hubbub_unread WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM hubbub_unread WHERE log = purged LIMIT remaining));
    GET DIAGNOSTICS done = ROW_COUNT;
    remaining := remaining - done;
    DELETE FROM hubbub_mentions WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM hubbub_mentions WHERE log = purged LIMIT remaining));
    GET DIAGNOSTICS done = ROW_COUNT;
    remaining := remaining - done;
    PERFORM pg_advisory_xact_lock(114853371082083);  -- as in hubbub_mark
    DELETE FROM hubbub_markers WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM hubbub_markers WHERE log = purged LIMIT remaining));
    GET DIAGNOSTICS done = ROW_COUNT;
    remaining := remaining - done;
    IF remaining = 0 THEN
      RETURN most;
    END IF;
    DELETE FROM hubbub_removed WHERE log = purged;
  END LOOP;
  DELETE FROM hubbub_keys WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM hubbub_keys WHERE at <= since LIMIT remaining FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS done = ROW_COUNT;
  DELETE FROM hubbub_batches WHERE at <= gone;  -- not counted: they are as few as servers
  RETURN most - remaining + done;
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "hubbub_markers",
        sa.Column("log", NUMBER, nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("log", "user"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hubbub_unread",
        sa.Column("log", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.PrimaryKeyConstraint("log", "seq", "user"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hubbub_mentions",
        sa.Column("log", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.PrimaryKeyConstraint("log", "seq", "user"),
        sqlite_with_rowid=False,
    )
    op.create_index("hubbub_mentions_user", "hubbub_mentions", ["log", "user", "seq"])
    if op.get_bind().dialect.name == "postgresql":
        for statement in (ROOM_TO_CHANGE, LOCK, MARK, TRIM, SWEEP):
            op.execute(statement)
