"""What only tables in a file have to stand: other processes, full disks, and being copied."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError
from tests.support.log_process import draft, numbers, opened, unavailable

from hubbub.errors import Unavailable
from hubbub.model import Draft, Fate, Unread
from hubbub.stores import sqlite_file
from hubbub.stores.sqlite import SQLiteStore
from hubbub.testing.store_laws.projections import (
    all_said,
    fates,
    in_log,
    in_tables,
    projected,
)
from hubbub.testing.store_laws.tables import counts, metadata


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for another process to write waits for a moment."""
    monkeypatch.setattr(sqlite_file, "BUSY", 0.1)


async def prepare(store: SQLiteStore) -> None:
    await store.tables().write(metadata.create_all)
    await store.tables().write(add, "a")


def add(connection: Connection, room: str) -> None:
    connection.execute(insert(counts).values(room=room, count=0, last=0))


def count_up(connection: Connection) -> None:
    connection.execute(update(counts).values(count=counts.c.count + 1))


def counted(connection: Connection) -> list[int]:
    return list(connection.execute(select(counts.c.count)).scalars())


async def test_another_process_that_writes_is_told_and_nobody_waits_to_read(path: Path) -> None:
    locked = "the log is locked by another process"
    async with opened(path) as store:
        await prepare(store)
        projected(store)
        tables = store.tables()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await unavailable(tables.write(count_up)) == locked
            assert await unavailable(store.append(all_said("said", "a"))) == locked
            assert await unavailable(store.append([("b", Draft(b"1", unread=True))])) == locked
            assert await unavailable(store.mark("a", "ann", 1)) == locked
            assert await tables.read(counted) == [0]
            other.execute("ROLLBACK")
        await tables.write(count_up)
        assert fates(await store.append(all_said("said", "b"))) == [(1, "stored")]
        assert await in_tables(store, "said") == [(1, "b")]
        assert await tables.read(lambda one: counted(one)[0]) == 1


async def test_what_another_process_wrote_is_seen(path: Path) -> None:
    async with opened(path) as store, opened(path) as other:
        await prepare(store)
        projected(store)
        projected(other)
        for number in range(5):
            await store.append(all_said("said", f"{number}"))
            await other.append(all_said("said", f"{number} again", "no"))
            await other.append([("said too", Draft(f'"{number}"'.encode()))])
            await store.append([("plain", draft(number))])
        assert len(await in_tables(store, "said")) == 10
        assert await in_tables(store, "said") == list(enumerate(await in_log(other, "said"), 1))
        assert await numbers(other, "plain") == list(range(5))


async def test_a_mistake_leaves_no_transaction_open(path: Path) -> None:
    async with opened(path) as store:
        await prepare(store)
        tables = store.tables()

        def twice(connection: Connection) -> None:
            count_up(connection)
            add(connection, "a")

        def ended(connection: Connection) -> None:
            count_up(connection)
            connection.exec_driver_sql("ROLLBACK")
            count_up(connection)
            raise ValueError("after that")

        def begun(connection: Connection) -> None:
            count_up(connection)
            connection.exec_driver_sql("BEGIN")

        def committed(connection: Connection) -> None:
            count_up(connection)
            connection.commit()
            count_up(connection)

        for work, error in (
            (twice, IntegrityError),
            (begun, OperationalError),
            (ended, ValueError),
        ):
            with pytest.raises(error):
                await tables.write(work)
            (made,) = await store.append([("b", draft(1))])
            assert made.fate is Fate.STORED
        with pytest.raises(Exception, match="closed transaction"):
            await tables.write(committed)
        assert store._writing is not None
        assert not await store._writing.do(lambda writer: writer.connection().in_transaction)
        for asker in store._asking:
            assert not await asker.do(lambda one: one.connection().in_transaction)


async def test_a_read_sees_what_was_written_just_before(path: Path) -> None:
    async with opened(path) as store:
        await prepare(store)
        for number in range(1, 30):
            await store.tables().write(count_up)
            assert await store.tables().read(counted) == [number]


class Failing(sqlite3.Connection):
    """A connection whose commits fail: not seen from here whether done or not."""

    def commit(self) -> None:
        super().commit()
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
        raise error


async def test_a_write_whose_commit_fails_is_unknown(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(path) as store:
        await prepare(store)
        assert store._writing is not None
        await store._writing.do(lambda writer: writer.close())
        connect = sqlite3.connect

        def failing(*arguments: Any, **how: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*arguments, factory=Failing, **how)
            return connection

        with monkeypatch.context() as patched:
            patched.setattr("hubbub.stores.sqlite_file.sqlite3.connect", failing)
            with pytest.raises(Unavailable, match="IOERR_FSYNC") as raised:
                await store.tables().write(count_up)
        assert raised.value.unknown
        assert await store.tables().read(counted) == [1]


async def test_a_file_that_is_gone_is_told_and_found_again(path: Path) -> None:
    async with opened(path) as store:
        await prepare(store)
        projected(store)
        tables = store.tables()
        await tables.read(counted)
        aside = path.with_name("aside.db")
        shutil.move(path, aside)
        await unavailable(store.check())
        for failing in (tables.write(count_up), store.append(all_said("said", "a"))):
            assert "is gone" in await unavailable(failing)
        await unavailable(tables.read(counted))
        shutil.move(aside, path)
        await tables.write(count_up)
        await store.append(all_said("said", "b"))
        assert await in_tables(store, "said") == [(1, "b")]


async def test_a_disk_that_is_full_is_told_and_heals(path: Path) -> None:
    async with opened(path) as store:
        await prepare(store)
        projected(store)

        def pages(connection: Connection, most: int) -> None:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {most}")

        async def limit(most: int) -> None:
            assert store._writing is not None
            await store._writing.do(
                lambda writer: list(writer.connection().execute(f"PRAGMA max_page_count = {most}"))
            )

        await limit(1)  # which is as many as there are
        stored: list[str] = []
        with pytest.raises(Unavailable, match="full"):
            while True:
                word = f"{len(stored)}" + "x" * 5_000
                await store.append(all_said("said", word))
                stored.append(word)
        assert await in_log(store, "said") == stored
        assert [said for _, said in await in_tables(store, "said")] == stored, "and in step"
        await limit(1_000_000)
        await store.append(all_said("said", "after"))
        assert [said for _, said in await in_tables(store, "said")] == [*stored, "after"]


async def test_a_backup_takes_tables_and_markers_along(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    async with opened(path) as store:
        await prepare(store)
        projected(store)
        await store.append(all_said("said", "tell", "tell", "b"))
        await store.mark("said", "bob", 1)
        appending = True

        async def append() -> None:
            while appending:
                await store.append(all_said("said", "while it is copied"))

        task = asyncio.ensure_future(append())
        await store.backup(copy)
        appending = False
        await task
    async with opened(copy) as store:
        projected(store)
        found = await in_tables(store, "said")
        assert found[:3] == [(1, "tell"), (2, "tell"), (3, "b")]
        assert [said for _, said in found] == await in_log(store, "said"), "of one moment"
        assert await store.unread("bob", ["said"], 10) == [Unread("said", 1, 1, 1, len(found))]
        (made,) = await store.append(all_said("said", "c"))
        assert made.position.offset == len(found) + 1


async def test_an_error_does_not_tell_what_was_written(path: Path) -> None:
    async with opened(path) as store:
        await prepare(store)
        with pytest.raises(IntegrityError) as raised:
            await store.tables().write(add, "a")
        assert "parameters hidden" in str(raised.value)
