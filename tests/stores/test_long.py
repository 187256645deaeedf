"""One long transaction, in a file and in a database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from tests.support.looked_after import fill, state_of
from tests.support.postgres import fresh_database

from hubbub.errors import ConfigurationError, Unavailable
from hubbub.stores import migrate, open_store
from hubbub.stores.long import making, reading, writing
from hubbub.stores.schema import metadata

NAMES = [*metadata.tables, migrate.VERSION_TABLE]

TOP = text("SELECT coalesce(max(top), 0) FROM hubbub_logs")


@pytest.fixture(params=["file", "database"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where nothing is yet."""
    return f"sqlite:///{tmp_path / 'log.db'}" if request.param == "file" else await fresh_database()


@pytest.fixture
async def log(url: str) -> str:
    """Where a log with one publication is."""
    await asyncio.to_thread(fill, url, "chat:7", b"1")
    return url


def top(connection: Connection) -> int:
    return int(connection.execute(TOP).scalar_one())


def tables(connection: Connection) -> list[str]:
    return inspect(connection).get_table_names()


def add(connection: Connection) -> None:
    connection.execute(text("UPDATE hubbub_logs SET top = top + 1"))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Reading and writing.


async def test_what_is_read_is_of_one_moment(log: str) -> None:
    async with reading(log) as run:
        assert await run(top) == 1
        await asyncio.to_thread(fill, log, "chat:7", b"2")
        assert await run(top) == 1
    async with reading(log) as run:
        assert await run(top) == 2


async def test_reading_writes_nothing(log: str) -> None:
    with pytest.raises((DBAPIError, Unavailable)):
        async with reading(log) as run:
            await run(add)
    assert (await asyncio.to_thread(state_of, log, "chat:7")).position.offset == 1


async def test_what_is_written_is_there_at_the_end_of_the_block(log: str) -> None:
    async with writing(log) as run:
        await run(add)
        await run(add)
        async with reading(log) as others:
            assert await others(top) == 1
    assert (await asyncio.to_thread(state_of, log, "chat:7")).position.offset == 3


class Wrong(Exception):
    pass


async def test_nothing_is_written_where_the_block_raises(log: str) -> None:
    with pytest.raises(Wrong):
        async with writing(log) as run:
            await run(add)
            raise Wrong
    assert (await asyncio.to_thread(state_of, log, "chat:7")).position.offset == 1


async def test_nothing_is_written_where_the_block_is_cancelled(log: str) -> None:
    reached = asyncio.Event()

    async def work() -> None:
        async with writing(log) as run:
            await run(add)
            reached.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await asyncio.to_thread(state_of, log, "chat:7")).position.offset == 1


async def test_a_mistake_of_the_work_is_raised_as_it_is(log: str) -> None:
    def work(connection: Connection) -> None:
        raise Wrong

    for kind in (reading, writing):
        with pytest.raises(Wrong):
            async with kind(log) as run:
                await run(work)


async def test_a_log_of_another_version_is_told(url: str) -> None:
    async with making(url, NAMES) as run:
        await run(migrate.upgrade, migrate.REVISIONS[0])
    for other in (reading, writing):
        with pytest.raises(ConfigurationError, match="older|version"):
            async with other(url) as run:
                await run(top)


async def test_a_file_that_is_no_log_is_told_and_left_alone(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("not a database, but more than a hundred bytes " * 5)
    before = notes.read_bytes()
    for kind in (reading, writing):
        with pytest.raises(ConfigurationError, match=r"notes\.txt cannot be opened"):
            async with kind(f"sqlite:///{notes}") as run:
                await run(top)
    assert notes.read_bytes() == before and files(tmp_path) == ["notes.txt"]


async def test_where_nothing_is_there_is_nothing_to_read(url: str) -> None:
    for kind in (reading, writing):
        with pytest.raises(ConfigurationError, match="no log"):
            async with kind(url) as run:
                await run(top)


@pytest.mark.parametrize("url", ["memory://", "mysql://host/database", "hubbub.db"])
async def test_what_is_not_kept_cannot_be_looked_after(url: str) -> None:
    for kind in (reading, writing, lambda url: making(url, NAMES)):
        with pytest.raises(ConfigurationError, match="SQLite or PostgreSQL"):
            async with kind(url):
                pass


# Making.


async def test_what_is_made_is_there_once_all_is_done(url: str) -> None:
    async with making(url, NAMES) as run:
        await run(migrate.upgrade)
        assert set(NAMES).issuperset(await run(tables))
        with pytest.raises(ConfigurationError):
            async with reading(url) as others:
                await others(top)
    store = open_store(url)
    await store.start()
    assert (await store.states(["chat:7"]))[0].position.offset == 0
    await store.stop()


async def test_nothing_is_left_of_what_was_not_made(url: str, tmp_path: Path) -> None:
    with pytest.raises(Wrong):
        async with making(url, NAMES) as run:
            await run(migrate.upgrade)
            raise Wrong
    assert files(tmp_path) == []
    async with making(url, NAMES) as run:
        assert await run(tables) == []


async def test_nothing_is_overwritten(log: str, tmp_path: Path) -> None:
    before = files(tmp_path)
    with pytest.raises(ConfigurationError, match="nothing is overwritten"):
        async with making(log, NAMES) as run:
            await run(migrate.upgrade)
    assert (await asyncio.to_thread(state_of, log, "chat:7")).position.offset == 1
    assert files(tmp_path) == before


async def test_no_file_is_put_where_one_came_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with pytest.raises(ConfigurationError, match="there already"):
        async with making(f"sqlite:///{path}", NAMES) as run:
            await run(migrate.upgrade)
            path.write_text("mine")
    assert files(tmp_path) == ["log.db"] and path.read_text() == "mine"


@pytest.mark.parametrize("ending", ["-wal", "-journal"])
async def test_the_journal_of_another_file_is_not_taken_for_the_new_ones(
    tmp_path: Path, ending: str
) -> None:
    (tmp_path / f"log.db{ending}").write_bytes(b"of one that was moved away")
    with pytest.raises(ConfigurationError, match=rf"log.db{ending} is there already"):
        async with making(f"sqlite:///{tmp_path / 'log.db'}", NAMES):
            pass


async def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="make it first"):
        async with making(f"sqlite:///{tmp_path / 'no' / 'log.db'}", NAMES):
            pass


async def test_other_tables_in_the_database_are_no_matter() -> None:
    url = await fresh_database()
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE mine (id int)")
    await connection.close()
    async with making(url, NAMES) as run:
        await run(migrate.upgrade)


# Trouble.


async def test_nobody_ends_it_because_it_takes_long() -> None:
    url = await fresh_database()

    def limits(connection: Connection) -> list[object]:
        names = ("statement_timeout", "idle_in_transaction_session_timeout")
        return [connection.scalar(text(f"SHOW {name}")) for name in names]

    async with making(url, NAMES) as run:
        assert await run(limits) == ["0", "0"]


async def test_a_database_that_goes_away_is_unavailable() -> None:
    url = await fresh_database()
    await asyncio.to_thread(fill, url, "chat:7", b"1")
    for more in (True, False):
        with pytest.raises(Unavailable):
            async with writing(url) as run:
                await run(add)
                await _end_others(url)
                if more:
                    await run(top)
    assert (await asyncio.to_thread(state_of, url, "chat:7")).position.offset == 1


async def _end_others(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()


async def test_a_database_that_is_not_there_is_told_and_no_password_with_it() -> None:
    url = await fresh_database()
    nowhere = url.rsplit("/", 1)[0].replace("postgres@", "postgres:secret@") + "/nowhere"
    with pytest.raises(ConfigurationError) as told:
        async with reading(nowhere):
            pass
    assert "nowhere" in str(told.value) and "secret" not in str(told.value)
    with pytest.raises(Unavailable):
        async with reading("postgresql://postgres:secret@127.0.0.1:1/log"):
            pass
