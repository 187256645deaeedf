"""What only a log in a database has to stand: several servers, and connections that break."""

import asyncio
import json
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.support.postgres import PostgresServer, fresh_database
from tests.support.postgres_store import (
    DEADLINE,
    LATE,
    QUIET,
    RELEASE,
    Wired,
    connected,
    draft,
    holds,
    host,
    locked,
    opened,
    unavailable,
    values,
    waiting,
)

from hubbub.errors import ConfigurationError, Unavailable
from hubbub.model import Appended, Draft, Fate
from hubbub.stores import open_store, postgres, postgres_lines
from hubbub.stores.migrate import HEAD, VERSION_TABLE, upgrade
from hubbub.stores.postgres import PostgresStore
from hubbub.stores.schema import metadata as log_tables
from hubbub.testing.client import until
from hubbub.testing.store_laws.projections import Words, in_tables
from hubbub.testing.store_laws.tables import metadata

# Several servers.


async def test_servers_append_to_the_same_rooms_without_a_hole_or_a_deadlock(url: str) -> None:
    async with opened(url) as first, opened(url) as second:

        async def append(store: PostgresStore, name: int) -> dict[str, list[tuple[int, str]]]:
            given: dict[str, list[tuple[int, str]]] = {}
            for number in range(15):
                # In another order each time, and with rooms among them that are new.
                rooms = [f"r{(name * number + 7 * step) % 11}" for step in range(8)]
                rooms += [f"new {number}", f"new {number + 1}"][:: 1 if name % 2 else -1]
                text = f"{name} {number}"
                made = await store.append(
                    [(room, draft(f"{text} {n}", f"{text} {n}")) for n, room in enumerate(rooms)]
                )
                for n, (room, one) in enumerate(zip(rooms, made, strict=True)):
                    given.setdefault(room, []).append((one.position.offset, f"{text} {n}"))
            return given

        done = await asyncio.gather(
            *[append(store, name) for name in range(1, 5) for store in (first, second)]
        )
        # Both stores used the same keys, so that each publication is there once.
        for room in {room for given in done for room in given}:
            found = await values(second, room)
            assert len(found) == len(set(found))
            for given in done:
                for offset, value in given.get(room, []):
                    assert found[offset - 1] == value


async def test_nothing_is_left_of_logs_that_are_trimmed_removed_and_swept_by_all(url: str) -> None:
    rooms = [f"r{number}" for number in range(4)]
    async with opened(url) as first, opened(url) as second:
        running = True

        async def append(store: PostgresStore) -> None:
            for number in range(60):
                one = draft(number, f"{number}")._replace(unread=True, mentions=["ann"])
                await store.append([(room, one) for room in rooms * 3])
                await store.mark(rooms[number % 4], "ann", number)

        async def tend(store: PostgresStore, step: int) -> None:
            while running:
                for room in rooms[::step]:
                    (state,) = await store.states([room])
                    await store.trim(room, state.position.offset - 3, 0, 5)
                    await store.remove(room)
                    await store.sweep(7)

        tending = [asyncio.create_task(tend(first, 1)), asyncio.create_task(tend(second, -1))]
        await asyncio.gather(append(first), append(second))
        running = False
        await asyncio.gather(*tending)
        while await first.sweep(100) == 100:
            pass
        async with connected(url) as other:
            for table in ("entries", "keys", "unread", "mentions", "markers"):
                outside = await other.fetchval(
                    f"SELECT count(*) FROM hubbub_{table} AS one WHERE NOT EXISTS"
                    " (SELECT FROM hubbub_logs WHERE id = one.log AND one.seq <= top)"
                )
                assert outside == 0, f"{table} that belong to no log"
            assert await other.fetchval(
                "SELECT count(*) FROM hubbub_entries"
            ) == await other.fetchval("SELECT sum(top + 1 - first) FROM hubbub_logs")
            for table in ("unread", "mentions"):
                assert await other.fetchval(
                    f"SELECT count(*) FROM hubbub_{table}"
                ) == await other.fetchval("SELECT count(*) FROM hubbub_entries")
            assert await other.fetchval("SELECT count(*) FROM hubbub_removed") == 0


async def test_a_server_that_has_gone_leaves_no_trace_for_long(url: str) -> None:
    now = 1_000_000.0
    async with opened(url, now=lambda: now) as gone:
        await gone.append([("a", draft(1))])
    now += 60 * 60 * 24 + 1
    async with opened(url, now=lambda: now) as store, connected(url) as other:
        await store.append([("a", draft(2))])
        assert await other.fetchval("SELECT count(*) FROM hubbub_batches") == 2
        assert await store.sweep(10) == 0
        assert await other.fetchval("SELECT count(*) FROM hubbub_batches") == 1
        await store.append([("a", draft(3))])
        assert await values(store, "a") == ["1", "2", "3"]


async def test_a_page_costs_as_much_as_it_holds_however_much_there_is(url: str) -> None:
    async with opened(url) as store, connected(url) as other:
        for _ in range(5):
            await store.append([("a", Draft(b"1" * 1_000))] * 1_000)
        for name, value in postgres_lines.READING.items():
            await other.execute(f"SET {name} = '{value}'")
        for sql, offset in ((postgres.READ_ON, 2_000), (postgres.READ_BACK, 3_000)):
            explained = await other.fetchval(
                f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", "a", offset, 1_000, 10_000
            )
            assert 10 <= touched(json.loads(explained)[0]["Plan"], "hubbub_entries") <= 12


def touched(plan: dict[str, Any], table: str) -> float:
    """How many rows of a table, or of its indexes, the parts of a plan have touched."""
    own = 0.0
    if table in (plan.get("Relation Name"), plan.get("Index Name", "").removesuffix("_pkey")):
        removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Join Filter", 0)
        own = plan["Actual Loops"] * (plan["Actual Rows"] + removed)
    return float(own) + sum(touched(part, table) for part in plan.get("Plans", []))


async def test_what_is_unread_costs_as_much_as_is_counted_however_much_there_is(url: str) -> None:
    everyone = Draft(b"1", unread=True, mentions=["*"])
    async with opened(url) as store, connected(url) as other:
        for _ in range(4):
            await store.append([(f"r{number % 5}", everyone) for number in range(1_000)])
        for number in range(5):
            await store.mark(f"r{number}", "ann", 300)
        for name, value in postgres_lines.READING.items():
            await other.execute(f"SET {name} = '{value}'")
        rooms = [f"r{number}" for number in range(5)]
        for analysed in (False, True):
            if analysed:
                await other.execute("VACUUM ANALYZE")
            for user, most in (("ann", 10), ("bob", 50)):
                explained = await other.fetchval(
                    f"EXPLAIN (ANALYZE, FORMAT JSON) {postgres.UNREAD}", user, rooms, most, "*"
                )
                plan = json.loads(explained)[0]["Plan"]
                assert touched(plan, "hubbub_mentions") == 5 * most
                assert touched(plan, "hubbub_unread") == 10 * most, "once more for each of them"
                assert touched(plan, "hubbub_markers") <= 5
                assert "Seq Scan" not in explained
                if analysed:
                    assert '"Heap Fetches": 1' not in explained, "from the indexes alone"


# Broken connections.


async def test_an_answer_that_is_lost_is_asked_for(wired: Wired) -> None:
    store, line, other = wired
    line.hold()
    appending = asyncio.create_task(
        store.append([("a", draft(1, "k")), ("a", draft(1, "k")), ("b", draft(2))])
    )
    await holds(other, "top = 2 FROM hubbub_logs WHERE room = 'a'")
    line.cut()
    line.release()
    line.mend()
    first, repeated, elsewhere = await appending
    assert (first.position.offset, first.fate) == (2, Fate.STORED)
    assert repeated == Appended(first.position, Fate.REPEATED)
    assert elsewhere.position.offset == 1
    assert await values(store, "a") == ["before", "1"]


async def test_an_answer_to_a_commit_that_is_lost_is_asked_for(wired: Wired) -> None:
    store, line, other = wired
    one = draft(1, "k")._replace(unread=True)

    def hold_from_there(said: bytes) -> bool:
        if b"COMMIT" in said:
            line.hold()
        return False

    line.loses = hold_from_there
    appending = asyncio.create_task(store.append([("a", one), ("a", one), ("b", draft(2))]))
    await holds(other, "top = 2 FROM hubbub_logs WHERE room = 'a'")
    line.cut()
    line.loses = lambda said: False
    line.release()
    line.mend()
    first, repeated, elsewhere = await appending
    assert (first.position.offset, first.fate) == (2, Fate.STORED)
    assert repeated == Appended(first.position, Fate.REPEATED)
    assert elsewhere.position.offset == 1
    assert await values(store, "a") == ["before", "1"]


async def test_a_commit_that_is_lost_is_not_done(wired: Wired) -> None:
    store, line, other = wired
    line.loses = lambda said: b"COMMIT" in said
    text = await unavailable(store.append([("a", draft(1)._replace(unread=True))]))
    assert "broke" in text, "the database does not wait for us, with what we have locked, for ever"
    line.loses = lambda said: False
    await holds(other, QUIET)
    assert await values(store, "a") == ["before"]
    (made,) = await store.append([("a", draft(2)._replace(unread=True))])
    assert made.position.offset == 2


Make = Callable[..., Draft]


@pytest.fixture(params=[False, True], ids=["in one call", "in several statements"])
def make(request: pytest.FixtureRequest) -> Make:
    """Makes drafts for a batch of either kind."""
    return lambda *given: draft(*given)._replace(unread=request.param)


async def test_a_batch_that_still_works_when_it_is_asked_about_is_not_stored(
    wired: Wired, make: Make
) -> None:
    store, line, other = wired
    async with locked(other):
        appending = asyncio.create_task(store.append([("a", make(1)), ("b", make(2))]))
        (working,) = await waiting(other)
        line.cut()
        line.mend()
        text = await unavailable(appending)
        assert text == f"the connection to the log's database ({line.at}) broke"
        assert await waiting(other) == [working], "it works on, and will find out"
    await holds(other, QUIET)
    assert await values(store, "a") == ["before"]
    assert await values(store, "b") == []
    (made,) = await store.append([("a", make(3))])
    assert made.position.offset == 2


async def test_a_batch_that_is_being_committed_is_waited_for(wired: Wired, make: Make) -> None:
    store, line, other = wired
    await other.execute(LATE)
    appending = asyncio.create_task(store.append([("a", make(1))]))
    await waiting(other)
    line.cut()
    line.mend()
    await waiting(other, 2)
    await other.execute(RELEASE)
    (made,) = await appending
    assert (made.position.offset, made.fate) == (2, Fate.STORED)
    assert await values(store, "a") == ["before", "1"]


async def test_what_cannot_be_known_is_said_to_be_unknown_and_a_key_tells(
    wired: Wired, make: Make
) -> None:
    store, line, other = wired
    await other.execute(LATE)
    appending = asyncio.create_task(store.append([("a", make(1, "k")), ("a", make(2))]))
    await waiting(other)
    line.cut()
    await unavailable(appending, unknown=True)
    line.mend()
    await other.execute(RELEASE)
    (made,) = await store.append([("a", make(1, "k"))])
    assert (made.position.offset, made.fate) == (2, Fate.REPEATED)
    assert await values(store, "a") == ["before", "1", "2"]


async def test_a_connection_that_is_ended_by_the_server_is_made_anew(
    wired: Wired, make: Make
) -> None:
    store, _, other = wired
    async with locked(other):
        appending = asyncio.create_task(store.append([("a", make(1))]))
        (working,) = await waiting(other)
        await other.execute("SELECT pg_terminate_backend($1)", working)
        await unavailable(appending)
    await store.append([("a", make(2))])
    await other.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hubbub'"
    )
    await holds(other, QUIET)
    # All of them are gone. That may be found out by trying.
    for call in (store.append, store.append):
        try:
            await call([("b", make(3, "k"))])
        except Unavailable as error:
            assert not error.unknown
    assert await values(store, "a") == ["before", "2"]
    assert await values(store, "b") == ["3"]


async def test_a_batch_that_waits_for_too_long_is_given_up(wired: Wired, make: Make) -> None:
    store, _, other = wired
    async with locked(other):
        reading = store.read("a", 0, 10, 1_000)
        text = await unavailable(store.append([("a", make(1))]))
        assert "statement timeout" in text
        assert len((await reading).publications) == 1, "reading waits for nobody"
    await store.append([("a", make(2))])
    assert await values(store, "a") == ["before", "2"]


async def test_a_cancelled_append_that_waits_is_carried_out(wired: Wired, make: Make) -> None:
    store, _, other = wired
    async with locked(other):
        appending = asyncio.create_task(store.append([("a", make(1)), ("b", make(2))]))
        await waiting(other)
        appending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await appending
    (made,) = await store.append([("a", make(3))])
    assert made.position.offset == 3
    assert await values(store, "a") == ["before", "1", "3"]
    assert await values(store, "b") == ["2"]


async def test_what_was_begun_is_done_before_it_stops(wired: Wired, url: str, make: Make) -> None:
    store, _, other = wired
    async with locked(other):
        appending = asyncio.create_task(store.append([("a", make(1))]))
        await waiting(other)
        stopping = asyncio.create_task(store.stop())
    await stopping
    assert (await appending)[0].position.offset == 2
    assert await unavailable(store.append([("a", make(2))])) == "the log is not open"
    assert await unavailable(store.states(["a"])) == "the log is not open"
    await store.stop()
    await store.start()
    assert await values(store, "a") == ["before", "1"]


# A server that stops, dies, or does nothing.


class Told:
    """What became of what several tasks appended, as they were told."""

    def __init__(self) -> None:
        self.stored: list[str] = []
        self.not_stored: list[str] = []
        self.unknown: list[str] = []


async def append_until(
    store: PostgresStore, room: str, name: str, told: Told, done: asyncio.Event
) -> None:
    number = 0
    while not done.is_set():
        number += 1
        batch = [f"{name} {number} {n}" for n in range(3)]
        try:
            made = await store.append([(room, draft(one, one)) for one in batch])
        except Unavailable as error:
            (told.unknown if error.unknown else told.not_stored).extend(batch)
            await asyncio.sleep(0.01)
        else:
            assert {one.fate for one in made} == {Fate.STORED}
            told.stored += batch


HOWS: dict[str, Callable[[PostgresServer], None]] = {
    "stopped": lambda server: server.stop(signal.SIGINT),
    "crashed": lambda server: server.stop(signal.SIGQUIT),
    "killed": lambda server: server.kill(),
}


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """One that is stopped, killed and paused, and runs again after each test."""
    with PostgresServer() as server:
        yield server


@pytest.mark.parametrize("room", ["a", "said"])  # with tables that are kept in step, or without
@pytest.mark.parametrize("how", HOWS)
async def test_what_was_acknowledged_is_there_once_whatever_became_of_the_server(
    server: PostgresServer, how: str, room: str
) -> None:
    url = await server.create_database()
    async with opened(url) as first, opened(url) as second:
        await first.tables().write(metadata.create_all)
        for store in (first, second):
            store.tables().project(Words())
        told, done = Told(), asyncio.Event()
        tasks = [
            asyncio.create_task(append_until(store, room, f"{name} {store is first}", told, done))
            for store in (first, second)
            for name in range(3)
        ]

        async def more() -> None:
            before = len(told.stored)
            await until(lambda: len(told.stored) > before + 100, DEADLINE)

        for _ in range(3):
            await more()
            await asyncio.to_thread(HOWS[how], server)
            await asyncio.to_thread(server.start)
        await more()
        done.set()
        await asyncio.gather(*tasks)

        found = await values(first, room)
        assert len(found) == len(set(found)), "each at most once"
        assert set(told.stored) <= set(found), "what was acknowledged is there"
        assert not set(told.not_stored) & set(found), "what was refused is not"
        await first.append([(room, draft(one, one)) for one in told.unknown])
        found = await values(first, room)
        assert sorted(found) == sorted(told.stored + told.unknown), "and a key tells the rest"
        rows = await in_tables(second, room)
        assert rows == (list(enumerate(found, 1)) if room == "said" else []), "and in the tables"


async def test_a_server_that_does_nothing_is_waited_for_as_long_as_was_said(
    server: PostgresServer,
) -> None:
    url = await server.create_database()
    async with opened(url, 1.0) as store:
        await store.append([("a", draft("before"))])
        await asyncio.to_thread(server.pause)
        began = time.monotonic()
        try:
            tables = [
                *(store.tables().read(metadata.create_all) for _ in range(10)),
                *(store.tables().write(metadata.create_all) for _ in range(5)),
            ]
            calls = [
                *(store.append([("a", draft(n))]) for n in range(3)),
                *(store.read("a", 0, 10, 1_000) for _ in range(20)),
                *(store.check(), store.trim("a", 1, 0, 1), store.remove("b"), store.sweep(1)),
                *(store.append([("a", draft("counts")._replace(unread=True))]), *tables),
                *(store.mark("a", "ann", 1), store.unread("ann", ["a"], 1)),
            ]
            async with asyncio.timeout(DEADLINE):
                failed = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(one) for one in failed} == {Unavailable}
            # A turn, the call itself, and asking what became of it; each of them with a deadline.
            assert time.monotonic() - began < 10
            with pytest.raises(Unavailable, match="does not answer"):
                await PostgresStore(url, patience=1.0).start()
        finally:
            await asyncio.to_thread(server.resume)
        async with asyncio.timeout(DEADLINE):
            while True:
                try:
                    await store.append([("a", draft("after"))])
                    break
                except Unavailable:
                    await asyncio.sleep(0.01)
        found = await values(store, "a")
        assert found[0] == "before"
        assert found[-1] == "after"
        for n, one in enumerate(failed[:3]):
            assert isinstance(one, Unavailable)
            assert one.unknown or str(n) not in found


# Starting.


async def content(url: str) -> list[Any]:
    """What there is in a database, and how it was made."""
    async with connected(url) as other:
        made = await other.fetch(
            "SELECT relname, relkind, relfilenode, xmin FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        functions = await other.fetch(
            "SELECT proname, xmin FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        )
        return [*map(tuple, made), *map(tuple, functions)]


async def refused(url: str, **how: Any) -> str:
    """Why a store does not start there, which changes nothing."""
    before = await content(url)
    store = PostgresStore(url, **how)
    with pytest.raises(ConfigurationError) as raised:
        await store.start()
    assert await content(url) == before
    return str(raised.value)


async def test_a_new_database_is_not_changed_unless_somebody_says_so(url: str) -> None:
    assert await content(url) == []
    assert "hubbub db upgrade --store" in await refused(url)
    async with opened(url) as store:
        await store.append([("a", draft(1))])
    store = PostgresStore(url)
    await store.start()
    assert await values(store, "a") == ["1"]
    await store.stop()


async def test_an_older_log_is_upgraded_when_somebody_says_so(url: str) -> None:
    async with opened(url), connected(url) as other:
        await other.execute(
            f"UPDATE {VERSION_TABLE} SET version_num = '0001'; DROP TABLE hubbub_batches,"
            " hubbub_markers, hubbub_unread, hubbub_mentions; DROP FUNCTION hubbub_append,"
            " hubbub_trim, hubbub_remove, hubbub_sweep, hubbub_lock, hubbub_mark"
        )
    assert "of an older hubbub (0001): run `hubbub db upgrade" in await refused(url)
    async with opened(url) as store:
        await store.append([("a", draft(1))])


async def test_a_newer_log_is_refused(url: str) -> None:
    async with opened(url), connected(url) as other:
        await other.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    for migrate in (False, True):
        assert "its schema is 9999" in await refused(url, migrate=migrate)


@pytest.mark.parametrize("table", ["hubbub_logs", "hubbub_batches", VERSION_TABLE])
async def test_tables_of_the_same_name_are_refused(url: str, table: str) -> None:
    async with connected(url) as other:
        await other.execute(f"CREATE TABLE {table} (mine text); INSERT INTO {table} VALUES ('x')")
    for migrate in (False, True):
        assert table in await refused(url, migrate=migrate)


async def test_an_applications_own_tables_are_none_of_its_business(url: str) -> None:
    async with connected(url) as other:
        await other.execute(
            "CREATE TABLE alembic_version (version_num text); CREATE TABLE logs (mine text);"
            " INSERT INTO alembic_version VALUES ('abc'); INSERT INTO logs VALUES ('mine')"
        )
        async with opened(url) as store:
            await store.append([("a", draft(1))])
        assert await other.fetchval("SELECT version_num FROM alembic_version") == "abc"
        assert await other.fetchval("SELECT mine FROM logs") == "mine"
        assert await other.fetchval(f"SELECT version_num FROM {VERSION_TABLE}") == HEAD


async def test_servers_that_start_together_upgrade_once(url: str) -> None:
    stores = [PostgresStore(url, migrate=True) for _ in range(4)]
    await asyncio.gather(*(store.start() for store in stores))
    await asyncio.gather(*(store.append([("a", draft(1))]) for store in stores))
    assert len(await values(stores[0], "a")) == 4
    async with connected(url) as other:
        assert await other.fetchval("SELECT count(*) FROM hubbub_store") == 1
    for store in stores:
        await store.stop()


async def test_the_migrations_lead_to_the_tables_as_they_are_defined(url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import Connection, NullPool
    from sqlalchemy.ext.asyncio import create_async_engine

    def differences(connection: Connection) -> list[Any]:
        upgrade(connection)
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_server_default": False,
                "include_name": lambda name, kind, _: kind != "table" or name in log_tables.tables,
            },
        )
        return list(compare_metadata(context, log_tables))

    engine = create_async_engine(
        url.replace("postgresql:", "postgresql+asyncpg:"), poolclass=NullPool
    )
    async with engine.begin() as connection:
        found = await connection.run_sync(differences)
    await engine.dispose()
    assert [one for one in found if "comment" not in str(one[0])] == []


async def test_a_database_that_cannot_hold_every_text_is_refused() -> None:
    url = await fresh_database(ENCODING="'LATIN1'", LOCALE="'C'", TEMPLATE="template0")
    assert "LATIN1" in await refused(url, migrate=True)


async def test_somebody_who_may_not_make_tables_is_told_so(url: str) -> None:
    async with connected(url) as other:
        await other.execute(
            "REVOKE CREATE ON SCHEMA public FROM public; CREATE ROLE nobody LOGIN PASSWORD 'none'"
        )
        try:
            text = await refused(
                f"postgresql://nobody:none@{host(url)}/{url.rpartition('/')[2]}", migrate=True
            )
            assert "permission denied for schema public" in text
        finally:
            await other.execute("DROP ROLE nobody")


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("postgresql://user:pa/secret@host/database", ConfigurationError),
        ("postgresql://user:12/secret@host/database", ConfigurationError),
        ("postgresql://user:pa#secret@host/database", ConfigurationError),
        ("postgresql://user:pa?secret@host/database", ConfigurationError),
        ("postgresql://user:[secret@host/database", ConfigurationError),
        ("postgresql://user:secret@127.0.0.1:port/database", ConfigurationError),
        ("postgresql://user:secret@127.0.0.1/database?sslmode=some", ConfigurationError),
        ("postgresql://user:secret@{server}/there_is_none", ConfigurationError),
        ("postgresql://there_is_none:secret@{server}/postgres", ConfigurationError),
        ("postgresql://user:secret@127.0.0.1:1/database", Unavailable),
        ("postgresql+asyncpg://user:secret@127.0.0.1:1/database", Unavailable),
        ("postgresql://127.0.0.1:1/database?user=me&password=secret", Unavailable),
    ],
)
async def test_no_text_has_the_password_in_it(url: str, address: str, kind: Any) -> None:
    with pytest.raises(kind) as raised:
        await open_store(address.format(server=host(url))).start()
    assert "secret" not in "".join(traceback.format_exception(raised.value))
    if kind is Unavailable:
        assert "127.0.0.1:1" in str(raised.value)
