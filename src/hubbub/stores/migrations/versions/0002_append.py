"""Appending, trimming, removing and sweeping in one step each: functions, in PostgreSQL alone.

Each is one round trip and one transaction. A statement in them sees what was committed before it
began, so that what is read behind a lock is what the one who held it left.

Who changes a log holds the lock on its row in `hubbub_logs`. Several are locked in the order of
their rooms' names, which never change, and nobody who holds one makes a new one: nobody waits in
a circle.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

# One row for each server that appends: its last batch. A server whose connection breaks asks here
# what became of it (`stores.postgres`). `results` is NULL for a batch that must not be stored.
BATCHES = """
CREATE TABLE hubbub_batches (
  writer uuid PRIMARY KEY,
  batch bigint NOT NULL,
  at bigint NOT NULL,
  results text
) WITH (fillfactor = 50)
"""

# These rows change with every batch: with room on its page a changed one needs no new index entry.
ROOM_TO_CHANGE = "ALTER TABLE hubbub_logs SET (fillfactor = 50)"

# Gives JSON, [[[epoch, top before] for each of `rooms`], [[draft, offset, fate] for each draft
# that is not stored]]. `rooms` are sorted, and each is there once. The other arrays have an item
# for each draft: `place` is where its room is in `rooms`, `earlier` which draft before it has the
# same room, user and key, 0 for none. Those of keys are NULL where no draft has one, and so are
# those of versions.
APPEND = """
CREATE FUNCTION hubbub_append(
  this_writer uuid, this_batch bigint, now_at bigint, since bigint,
  rooms text[], place int[], datas text[], tagses text[], infos text[],
  users text[], names text[], digests bytea[], earlier int[],
  versions bigint[], version_epochs text[]
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  ids bigint[];
  epochs text[];
  before bigint[];
  tops bigint[];
  last_versions bigint[];
  last_epochs text[];
  seqs bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(place)]);
  used bigint[];
  used_for bytea[];
  others json[] := '{}';
  answer text;
  r int;
BEGIN
  IF (SELECT count(*) FROM hubbub_logs WHERE room = ANY (rooms)) < cardinality(rooms) THEN
    INSERT INTO hubbub_logs (room, epoch, top, first, touched, version, version_epoch)
      SELECT name, (SELECT epoch FROM hubbub_store), 0, 1, 0, 0, ''
      FROM unnest(rooms) WITH ORDINALITY AS made (name, number) ORDER BY number
      ON CONFLICT (room) DO NOTHING;
  END IF;
  SELECT array_agg(log.id), array_agg(log.epoch), array_agg(log.top),
      array_agg(log.version), array_agg(log.version_epoch)
    INTO ids, epochs, before, last_versions, last_epochs
    FROM (SELECT * FROM hubbub_logs WHERE room = ANY (rooms) ORDER BY room FOR UPDATE) AS log;
  tops := before;

  IF names IS NOT NULL THEN
    SELECT array_agg(past.seq ORDER BY number), array_agg(past.digest ORDER BY number)
      INTO used, used_for
      FROM unnest(place, users, names) WITH ORDINALITY AS draft (place, who, name, number)
      LEFT JOIN LATERAL (
        SELECT k.seq, k.digest FROM hubbub_keys AS k
        WHERE k.log = ids[draft.place] AND k."user" = draft.who AND k."key" = draft.name
          AND draft.name <> '' AND k.at > since
        LIMIT 1
      ) AS past ON true;
  END IF;

  FOR n IN 1 .. cardinality(place) LOOP
    r := place[n];
    IF names[n] <> '' THEN
      IF used[n] IS NULL AND earlier[n] > 0 THEN
        used[n] := used[earlier[n]];
        used_for[n] := used_for[earlier[n]];
      END IF;
      IF used[n] IS NOT NULL THEN
        others := array_append(others, json_build_array(n - 1, used[n],
          CASE WHEN used_for[n] = digests[n] THEN 'repeated' ELSE 'conflict' END));
        CONTINUE;
      END IF;
    END IF;
    IF versions[n] > 0 THEN
      IF version_epochs[n] = last_epochs[r] AND versions[n] <= last_versions[r] THEN
        others := array_append(others, json_build_array(n - 1, tops[r], 'outdated'));
        CONTINUE;
      END IF;
      last_versions[r] := versions[n];
      last_epochs[r] := version_epochs[n];
    END IF;
    tops[r] := tops[r] + 1;
    seqs[n] := tops[r];
    IF names[n] <> '' THEN
      used[n] := seqs[n];
      used_for[n] := digests[n];
    END IF;
  END LOOP;

  INSERT INTO hubbub_entries (log, seq, at, data, tags, info)
    SELECT ids[draft.place], draft.seq, now_at, draft.data, draft.tags, draft.info
    FROM unnest(place, seqs, datas, tagses, infos) AS draft (place, seq, data, tags, info)
    WHERE draft.seq IS NOT NULL;
  IF names IS NOT NULL THEN
    INSERT INTO hubbub_keys (log, "user", "key", seq, digest, at)
      SELECT ids[draft.place], draft.who, draft.name, draft.seq, draft.digest, now_at
      FROM unnest(place, users, names, seqs, digests) AS draft (place, who, name, seq, digest)
      WHERE draft.seq IS NOT NULL AND draft.name <> ''
      ON CONFLICT (log, "user", "key") DO UPDATE
      SET seq = excluded.seq, digest = excluded.digest, at = excluded.at;
  END IF;
  UPDATE hubbub_logs AS log
    SET top = made.top, touched = now_at, version = made.version, version_epoch = made.epoch
    FROM unnest(ids, tops, last_versions, last_epochs) AS made (id, top, version, epoch)
    WHERE log.id = made.id AND log.top < made.top;

  SELECT json_build_array(json_agg(json_build_array(head.epoch, head.top)), array_to_json(others))
    INTO answer FROM unnest(epochs, before) AS head (epoch, top);
  INSERT INTO hubbub_batches AS last (writer, batch, at, results)
    VALUES (this_writer, this_batch, now_at, answer)
    ON CONFLICT (writer) DO UPDATE
    SET batch = excluded.batch, at = excluded.at, results = excluded.results
    WHERE last.batch < excluded.batch;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the batch was given up';
  END IF;
  RETURN answer;
END
$$
"""

TRIM = """
CREATE FUNCTION hubbub_trim(name text, below bigint, older bigint, most bigint)
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
  UPDATE hubbub_logs SET first = kept WHERE id = log.id AND first < kept;
  RETURN kept - log.first;
END
$$
"""

REMOVE = """
CREATE FUNCTION hubbub_remove(name text, anew text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO hubbub_logs (room, epoch, top, first, touched, version, version_epoch)
    VALUES (name, anew, 0, 1, 0, 0, '') ON CONFLICT (room) DO NOTHING;
  IF FOUND THEN
    RETURN;
  END IF;
  INSERT INTO hubbub_removed SELECT id FROM hubbub_logs WHERE room = name FOR UPDATE;
  -- With another number it is another log, whose entries and keys are none yet.
  UPDATE hubbub_logs SET id = DEFAULT, epoch = anew,
    top = 0, first = 1, touched = 0, version = 0, version_epoch = '' WHERE room = name;
END
$$
"""

# What others have locked is left to them: a key that is being used anew, a log that another
# server purges.
SWEEP = """
CREATE FUNCTION hubbub_sweep(since bigint, gone bigint, most bigint)
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
    if op.get_bind().dialect.name == "postgresql":
        for statement in (BATCHES, ROOM_TO_CHANGE, APPEND, TRIM, REMOVE, SWEEP):
            op.execute(statement)
