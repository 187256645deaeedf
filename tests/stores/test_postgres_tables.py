"""What only tables in PostgreSQL have to stand: others that write, and connections that break."""

import asyncio
import logging
import time
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from tests.support.postgres import fresh_database
from tests.support.postgres_store import (
    LATE,
    QUIET,
    RELEASE,
    Wired,
    connected,
    draft,
    holds,
    opened,
    unavailable,
    values,
    waiting,
)

from hubbub.model import Draft
from hubbub.stores.postgres import PostgresStore
from hubbub.tables import Step
from hubbub.testing.store_laws.projections import Words, all_said, fates, in_tables, projected
from hubbub.testing.store_laws.tables import counts, metadata


async def prepare(store: PostgresStore) -> None:
    """Make the tables, with a row for each of two rooms."""
    await store.tables().write(metadata.create_all)
    await store.tables().write(add, "a", "b")


def add(connection: Connection, *rooms: str) -> None:
    connection.execute(insert(counts), [{"room": room, "count": 0, "last": 0} for room in rooms])


def count_up(connection: Connection, *rooms: str) -> None:
    for room in rooms:
        row = update(counts).where(counts.c.room == room)
        connection.execute(row.values(count=counts.c.count + 1))


def counted(connection: Connection) -> list[int]:
    return list(connection.execute(select(counts.c.count).order_by(counts.c.room)).scalars())


# Others that write.


async def test_writes_that_wait_for_each_other_in_a_circle_are_both_done(url: str) -> None:
    calls = 0

    def crossing(connection: Connection, first: str, second: str) -> None:
        nonlocal calls
        count_up(connection, first)
        calls += 1
        while calls < 2:
            connection.execute(text("SELECT"))  # the other one goes on meanwhile
        count_up(connection, second)

    async with opened(url) as store:
        await prepare(store)
        tables = store.tables()
        await asyncio.gather(tables.write(crossing, "a", "b"), tables.write(crossing, "b", "a"))
        assert await tables.read(counted) == [2, 2]
        assert calls == 3, "one was called again"


async def test_a_batch_that_waits_in_a_circle_with_a_write_is_stored(url: str) -> None:
    calls = []

    class Counting:
        """Locks a row of the tables, once it has the log's."""

        def concerns(self, room: str) -> bool:
            return True

        def begin(self, connection: Connection, drafts: Sequence[tuple[str, Draft]]) -> Step:
            calls.append("append")
            while "write" not in calls:
                connection.execute(text("SELECT"))
            count_up(connection, "a")
            return self

        def take(self, room: str, draft: Draft, offset: int, at: int) -> Draft:
            return draft

        def finish(self) -> None:
            pass

    def crossing(connection: Connection) -> None:
        count_up(connection, "a")
        calls.append("write")
        while "append" not in calls:
            connection.execute(text("SELECT"))
        connection.execute(text("SELECT FROM hubbub_logs WHERE room = 'a' FOR UPDATE"))

    async with opened(url) as store:
        await prepare(store)
        await store.append([("a", draft(1))])
        store.tables().project(Counting())
        made, _ = await asyncio.gather(
            store.append([("a", draft(2))]), store.tables().write(crossing)
        )
        assert fates(made) == [(2, "stored")]
        assert len(calls) == 3, "one was called again"
        assert await store.tables().read(counted) == [2, 0]
        assert await values(store, "a") == ["1", "2"]


async def test_a_table_that_was_changed_meanwhile_is_used_as_it_is(url: str) -> None:
    async with opened(url) as store, connected(url) as other:
        tables = store.tables()
        await tables.write(metadata.create_all)
        await tables.write(add, "a")
        for type_ in ("text", "bigint"):
            for _ in range(6):  # one of each connection
                await tables.read(lambda one: one.execute(text("SELECT * FROM law_counts")).all())
                await tables.write(count_up, "a")
            await other.execute(f"ALTER TABLE law_counts ADD more {type_}")
            (row,) = await tables.read(
                lambda one: one.execute(text("SELECT * FROM law_counts")).all()
            )
            assert len(row) == 4
            await other.execute("ALTER TABLE law_counts DROP more")


async def test_who_computes_for_too_long_holds_up_nobody(wired: Wired) -> None:
    await prepare(wired.store)

    def slow(connection: Connection) -> None:
        count_up(connection, "a")
        time.sleep(1.5)  # with the row locked, and the loop as well
        count_up(connection, "a")

    assert "broke" in await unavailable(wired.store.tables().write(slow))
    await wired.store.tables().write(count_up, "a")
    assert await wired.store.tables().read(counted) == [1, 0]


async def test_a_write_that_waits_for_too_long_is_given_up(wired: Wired) -> None:
    await prepare(wired.store)
    tables = wired.store.tables()
    async with wired.other.transaction():
        await wired.other.execute("SELECT FROM law_counts FOR UPDATE")
        assert "statement timeout" in await unavailable(tables.write(count_up, "a"))
        assert await tables.read(counted) == [0, 0], "reading waits for nobody"
    await tables.write(count_up, "a")
    assert await tables.read(counted) == [1, 0]


async def test_a_write_that_this_side_was_held_up_in_is_done_once_more() -> None:
    """For so long that the database has given it up, as the loop may be by anything."""
    url = await fresh_database()
    async with opened(url, patience=2.0) as store:
        await prepare(store)
        tries = []

        def held_up(connection: Connection) -> None:
            tries.append("")
            count_up(connection, "a")
            if len(tries) == 1:
                gone_after_s = 1.2
                time.sleep(gone_after_s)

        await store.tables().write(held_up)
        assert len(tries) == 2
        assert await store.tables().read(counted) == [1, 0]


async def test_a_cancelled_write_that_waits_is_carried_out(wired: Wired) -> None:
    await prepare(wired.store)
    tables = wired.store.tables()
    async with wired.other.transaction():
        await wired.other.execute("SELECT FROM law_counts FOR UPDATE")
        writing = asyncio.create_task(tables.write(count_up, "a", "b"))
        await waiting(wired.other)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
    await holds(wired.other, QUIET)
    assert await tables.read(counted) == [1, 1]


async def test_a_constraint_that_is_looked_at_in_the_commit_is_the_error_of_one_draft(
    wired: Wired,
) -> None:
    await prepare(wired.store)
    projected(wired.store)
    await wired.other.execute(
        "CREATE TABLE known (text text PRIMARY KEY); INSERT INTO known VALUES ('a'), ('b');"
        "ALTER TABLE law_words ADD FOREIGN KEY (text) REFERENCES known INITIALLY DEFERRED"
    )
    made = await wired.store.append([*all_said("said", "a", "x", "b"), ("a", draft(1))])
    assert fates(made) == [(1, "stored"), (1, "refused"), (2, "stored"), (2, "stored")]
    assert await in_tables(wired.store, "said") == [(1, "a"), (2, "b")]


async def test_a_projection_that_waits_for_too_long_is_no_mistake(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    await prepare(wired.store)
    projected(wired.store)
    async with wired.other.transaction():
        await wired.other.execute("LOCK TABLE law_words")
        await unavailable(wired.store.append(all_said("said", "a", "b")))
    assert caplog.records == []
    assert fates(await wired.store.append(all_said("said", "c"))) == [(1, "stored")]


# Connections that break.


async def test_a_connection_that_breaks_in_a_write_leaves_nothing(wired: Wired) -> None:
    await prepare(wired.store)
    tables = wired.store.tables()
    async with wired.other.transaction():
        await wired.other.execute("SELECT FROM law_counts WHERE room = 'b' FOR UPDATE")
        writing = asyncio.create_task(tables.write(count_up, "a", "b"))
        await waiting(wired.other)
        wired.cable.cut()
        wired.cable.mend()
        assert "broke" in await unavailable(writing)
    await holds(wired.other, QUIET)
    assert await tables.read(counted) == [0, 0]
    await tables.write(count_up, "a")
    assert await tables.read(counted) == [1, 0]


async def test_a_commit_that_gets_lost_is_made_once_more(wired: Wired) -> None:
    await prepare(wired.store)
    lost = []

    def first(said: bytes) -> bool:
        if b"COMMIT" in said:
            lost.append(said)
        return b"COMMIT" in said and len(lost) == 1

    wired.cable.loses = first
    await wired.store.tables().write(count_up, "a")
    assert len(lost) == 2
    assert await wired.store.tables().read(counted) == [1, 0]


async def test_a_commit_whose_answer_does_not_come_is_unknown(wired: Wired) -> None:
    await prepare(wired.store)
    tables = wired.store.tables()

    def hold_from_there(said: bytes) -> bool:
        if b"COMMIT" in said:
            wired.cable.hold()
        return False

    wired.cable.loses = hold_from_there
    await unavailable(tables.write(count_up, "a"), unknown=True)
    wired.cable.loses = lambda said: False
    wired.cable.release()
    await holds(wired.other, QUIET)
    assert await tables.read(counted) == [1, 0]


async def test_a_database_that_is_gone_is_told_and_found_again(wired: Wired) -> None:
    await prepare(wired.store)
    tables = wired.store.tables()
    await asyncio.gather(*[tables.read(counted) for _ in range(8)])
    wired.cable.cut()
    for call in (
        tables.read(counted),
        tables.write(count_up, "a"),
        *(tables.read(counted) for _ in range(4)),
    ):
        await unavailable(call)
    wired.cable.mend()
    for _ in range(8):
        await tables.write(count_up, "a")
        assert await tables.read(counted)
    assert await tables.read(counted) == [8, 0]


async def test_tables_are_in_step_when_an_answer_is_lost(wired: Wired) -> None:
    await prepare(wired.store)
    store, line, other = wired
    projected(store)
    await other.execute(LATE)
    appending = asyncio.create_task(store.append(all_said("said", "loud", "no", "b")))
    await waiting(other)
    line.cut()
    line.mend()
    await waiting(other, 2)
    await other.execute(RELEASE)
    made = await appending
    assert fates(made) == [(1, "stored"), (1, "refused"), (2, "stored")]
    assert made[0].draft is not None, "it is still known what was made of it"
    assert await in_tables(store, "said") == [(1, "LOUD"), (2, "b")]


async def test_tables_are_in_step_when_a_connection_breaks_midway(wired: Wired) -> None:
    await prepare(wired.store)
    store, line, other = wired
    projected(store)
    async with other.transaction():
        await other.execute("LOCK TABLE law_words IN SHARE MODE")  # it can be read
        appending = asyncio.create_task(store.append(all_said("said", "a")))
        await waiting(other)
        line.cut()
        line.mend()
        await unavailable(appending)
    await holds(other, QUIET)
    assert await in_tables(store, "said") == []
    assert await values(store, "said") == []
    await store.append(all_said("said", "b"))
    assert await in_tables(store, "said") == [(1, "b")]


async def test_drafts_that_are_tried_alone_may_be_stored_when_a_later_one_cannot_be(
    wired: Wired,
) -> None:
    await prepare(wired.store)
    store, line, _ = wired

    class Cutting(Words):
        def begin(self, connection: Connection, drafts: Sequence[tuple[str, Draft]]) -> Step:
            if [one.data for _, one in drafts] == [b'"c"']:
                line.cut()
            return super().begin(connection, drafts)

    store.tables().project(Cutting())
    batch = all_said("said", "a", "take fails", "c", "d")
    await unavailable(store.append(batch), unknown=True)
    line.mend()
    assert await in_tables(store, "said") == [(1, "a")]
    assert await values(store, "said") == ["a"]
    assert fates(await store.append(all_said("said", "e"))) == [(2, "stored")]


# What is asked of the application.


async def test_its_statements_are_planned_as_ever(url: str) -> None:
    def setting(connection: Connection) -> tuple[str, ...]:
        names = ("enable_seqscan", "enable_hashjoin", "transaction_isolation")
        return tuple(connection.execute(text(f"SHOW {name}")).scalar_one() for name in names)

    async with opened(url) as store:
        tables = store.tables()
        assert await tables.read(setting) == ("on", "on", "repeatable read")
        assert await tables.write(setting) == ("on", "on", "read committed")


async def test_no_error_and_no_log_has_what_was_written_in_it(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(url) as store:
        tables = store.tables()
        await tables.write(metadata.create_all)
        row = {"room": "the secret", "count": None, "last": 0}
        with pytest.raises(DBAPIError) as raised:
            await tables.write(lambda connection: connection.execute(insert(counts), row))
        assert "the secret" not in str(raised.value).partition("DETAIL")[0]
        store.tables().project(Words())
        made = await store.append(all_said("said secret", "finish fails"))
        assert fates(made) == [(0, "refused")]
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "null value" in record.getMessage(), "it says what is wrong"
    assert "in finish" in record.getMessage(), "and where"
    assert "finish fails" not in record.getMessage().replace('finish fails"', "")


async def test_stores_without_tables_make_no_connection_for_them(url: str) -> None:
    async with opened(url) as store, connected(url) as other:
        await store.append([("a", draft(1))])
        await store.read("a", 0, 1, 1_000)
        assert (
            await other.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hubbub'"
                " AND datname = current_database()"
            )
            == 3
        )
