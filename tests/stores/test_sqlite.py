"""What only a log in a file has to stand: full disks, other processes, and being killed."""

import asyncio
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from blockbuster import blockbuster_ctx
from tests.support.log_process import draft, numbers, opened, unavailable

from hubbub.errors import ConfigurationError, Unavailable
from hubbub.model import ClientInfo, Draft, Fate
from hubbub.stores import open_store
from hubbub.stores.memory import MemoryStore
from hubbub.stores.projections import Projections
from hubbub.stores.sqlite import SQLiteStore
from hubbub.stores.sqlite_batch import Batch
from hubbub.stores.sqlite_file import File
from hubbub.stores.sqlite_writer import Writer
from hubbub.testing.store_laws.projections import in_tables, projected

ROOT = Path(__file__).parents[2]
DEADLINE = 20.0
"""Seconds that another process may take to answer; it takes a fraction of one."""

NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]
CAN_MOUNT = (
    shutil.which("unshare") is not None
    and subprocess.run([*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).returncode == 0
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


def content(path: Path) -> bytes:
    return path.read_bytes()


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def lose(path: Path) -> None:
    """Delete a log that is open, with what SQLite has beside it."""
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink()


def make_foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE users (id INTEGER)")


class Other:
    """Another process on the log's file."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def heard(self) -> str:
        """The next thing it says; "" once it is gone."""
        assert self._process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            return (await self._process.stdout.readline()).decode().strip()

    def tell(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"go on\n")

    def kill(self) -> None:
        self._process.kill()

    async def ended(self) -> int:
        async with asyncio.timeout(DEADLINE):
            return await self._process.wait()


@asynccontextmanager
async def other(what: str, path: Path, *before: str) -> AsyncIterator[Other]:
    process = await asyncio.create_subprocess_exec(
        *[*before, sys.executable, "-W", "error", "-m", "tests.support.log_process"],
        *[what, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield Other(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


# What can be the matter.


async def test_a_write_that_the_system_refuses_is_told_and_heals(path: Path) -> None:
    async with other("limited", path) as process:
        assert await process.ended() == 0


async def test_a_file_that_may_not_be_written_to_is_told_and_heals() -> None:
    with TemporaryDirectory() as folder:  # where a user without rights can get to
        async with other("readonly", Path(folder) / "log.db") as process:
            assert await process.ended() == 0


@pytest.mark.skipif(not CAN_MOUNT, reason="needs a namespace to mount a small disk in")
async def test_a_full_disk_is_told_and_heals(tmp_path: Path) -> None:
    async with other("full", tmp_path / "log.db", *NAMESPACE) as process:
        assert await process.ended() == 0


async def test_another_process_that_writes_is_waited_for_and_nobody_waits_to_read(
    path: Path,
) -> None:
    async with opened(path) as store, other("lock", path) as process:
        await store.append([("a", draft(0))])
        assert await process.heard() == "locked"
        waiting = asyncio.ensure_future(store.append([("a", draft(1))]))
        assert await numbers(store, "a") == [0]
        assert not waiting.done(), "reading does not wait for what waits to be written"
        assert await unavailable(waiting) == "the log is locked by another process"
        waiting = asyncio.ensure_future(store.append([("a", draft(2))]))
        process.tell()
        assert await process.heard() == "released"
        await waiting
        assert await numbers(store, "a") == [0, 2]


async def test_a_file_that_is_gone_is_told_and_found_again(path: Path) -> None:
    async with opened(path) as store:
        await store.append([("a", draft(0))])
        aside = path.with_name("aside.db")
        shutil.move(path, aside)
        for failing in (store.check(), store.append([("a", draft(1))]), store.trim("a", 1, 0, 1)):
            assert await unavailable(failing) == f"the log's file is gone: {path}"
        assert await unavailable(store.read("a", 0, 1, 1)), "a read opens it anew, and cannot"
        shutil.move(aside, path)
        await store.check()
        await store.append([("a", draft(1))])
        assert await numbers(store, "a") == [0, 1]


async def test_a_file_in_its_place_is_told_once_and_used_from_then_on(
    path: Path, tmp_path: Path
) -> None:
    async with opened(path) as store:
        await store.append([("a", draft(0))])
        await store.backup(tmp_path / "copy.db")
        await store.append([("a", draft(1))])
        (before,) = await store.states(["a"])
        lose(path)
        shutil.move(tmp_path / "copy.db", path)
        assert "replaced" in await unavailable(store.check())
        await store.check()
        (state,) = await store.states(["a"])
        assert state.position.offset == 1
        assert state.position.epoch != before.position.epoch
        await store.append([("a", draft(2))])
        assert await numbers(store, "a") == [0, 2]


async def test_a_foreign_file_in_its_place_is_left_alone(path: Path) -> None:
    async with opened(path) as store:
        await store.append([("a", draft(0))])
        lose(path)
        make_foreign(path)
        before = content(path)
        assert "replaced" in await unavailable(store.check())
        assert "users" in await unavailable(store.append([("a", draft(1))]))
        assert "users" in await unavailable(store.read("a", 0, 1, 1))
    assert content(path) == before


class Failing(sqlite3.Connection):
    """A connection whose commits of batches fail: not seen from here whether done or not."""

    done = False
    again = False

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        if not sql.startswith("INSERT INTO hubbub_batch") or self.in_transaction:
            return super().execute(sql, *arguments)
        if self.done:
            super().execute(sql, *arguments)
        raise self._error()

    def commit(self) -> None:
        if self.done:
            super().commit()
        raise self._error()

    def _error(self) -> sqlite3.OperationalError:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
        return error


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, kind: type[Failing]) -> Iterator[None]:
    """Have the next connection fail; those after it do not, or none can be opened."""
    connect = sqlite3.connect
    kinds = [kind]

    def opening(*arguments: Any, **how: Any) -> sqlite3.Connection:
        if kinds:
            how["factory"] = kinds.pop()
        elif not kind.again:
            raise sqlite3.OperationalError("disk I/O error")
        connection: sqlite3.Connection = connect(*arguments, **how)
        return connection

    with monkeypatch.context() as patched:
        patched.setattr("hubbub.stores.sqlite_file.sqlite3.connect", opening)
        yield


class Done(Failing):
    done = again = True


class NotDone(Failing):
    again = True


class DoneAndGone(Failing):
    done = True


async def reopened(store: SQLiteStore) -> None:
    """Have it open its connections anew when next it needs them."""
    assert store._writing is not None
    await store._writing.do(lambda writer: writer.close())


@pytest.fixture(params=[False, True], ids=["in one statement", "in several"])
def make(request: pytest.FixtureRequest) -> Callable[[int], Draft]:
    """Makes drafts for a batch of either kind."""
    return lambda number: draft(number)._replace(unread=request.param)


async def test_a_commit_that_fails_and_is_done_all_the_same_is_done(
    path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[int], Draft]
) -> None:
    async with opened(path) as store:
        await reopened(store)
        with failing(monkeypatch, Done):
            made = await store.append([("a", make(0)), ("b", draft(0)), ("a", draft(1))])
        assert [(one.position.offset, one.fate) for one in made] == [
            (1, Fate.STORED),
            (1, Fate.STORED),
            (2, Fate.STORED),
        ]
        await store.append([("a", draft(2))])
        assert await numbers(store, "a") == [0, 1, 2]


async def test_a_commit_that_fails_and_is_not_done_is_told_to_be_not_done(
    path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[int], Draft]
) -> None:
    async with opened(path) as store:
        await reopened(store)
        with failing(monkeypatch, NotDone):
            text = await unavailable(store.append([("a", make(0))]))
        assert text == "the log's disk does not work (SQLITE_IOERR_FSYNC)"
        await store.append([("a", draft(1))])
        assert await numbers(store, "a") == [1]


async def test_a_commit_of_which_nothing_can_be_known_is_told_to_be_unknown(
    path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[int], Draft]
) -> None:
    async with opened(path) as store:
        one = make(0)._replace(key="k")
        await reopened(store)
        with failing(monkeypatch, DoneAndGone), pytest.raises(Unavailable) as raised:
            await store.append([("a", one)])
        assert raised.value.unknown
        (made,) = await store.append([("a", one)])
        assert made.fate is Fate.REPEATED, "the keys tell"


async def test_data_that_is_no_text_is_its_callers_error_and_nothing_is_stored(
    path: Path,
) -> None:
    async with opened(path) as store:
        with pytest.raises(UnicodeDecodeError):
            await store.append([("a", draft(0)), ("a", Draft(b'"\xff"'))])
        await store.append([("a", draft(1))])
        assert await numbers(store, "a") == [1]


async def test_before_the_start_and_after_the_stop_it_is_unavailable(path: Path) -> None:
    store = SQLiteStore(path)
    await store.stop()
    assert names(path.parent) == []
    for _ in range(2):
        await unavailable(store.append([("a", draft(0))]))
        await unavailable(store.read("a", 0, 1, 1))
        await store.start()
        await store.append([("a", draft(0))])
        await store.stop()


# Other processes.


@pytest.mark.parametrize(("what", "room"), [("append", "a"), ("project", "said")])
async def test_what_was_acknowledged_outlives_a_kill(path: Path, what: str, room: str) -> None:
    dice = random.Random(7)
    acknowledged = 0
    for _ in range(6):
        async with other(what, path) as process:
            for _ in range(dice.randrange(1, 60)):
                acknowledged = int(await process.heard())
            process.kill()
            while word := await process.heard():
                acknowledged = int(word)
        async with opened(path) as store:
            page = await store.read(room, 0, 100_000, 100_000_000)
            found = [one.value if room == "said" else one.value["number"] for one in page[0]]
            assert list(map(int, found)) == list(range(len(found))), "in order, without a hole"
            assert len(found) >= acknowledged
            acknowledged = len(found)
            if room == "said":
                assert await in_tables(store, room) == list(enumerate(found, 1)), "and in step"
    assert acknowledged


async def test_what_another_process_does_is_noticed(path: Path) -> None:
    async with opened(path) as store:
        rooms = ["appended", "trimmed", "removed"]
        before = await store.append([(room, draft(n)) for room in rooms for n in range(4)])
        async with other("change", path) as process:
            assert await process.ended() == 0
        appended, trimmed, removed = await store.states(rooms)
        assert appended.position.offset == 5
        assert trimmed.first == 3
        assert removed.position.offset == 0
        made = await store.append([(room, draft(9)) for room in [*rooms, "new"]])
        assert [one.position.offset for one in made] == [6, 5, 1, 2]
        assert made[2].position.epoch not in {one.position.epoch for one in before}
        page = await store.read("trimmed", 0, 10, 10_000)
        assert [one.offset for one in page.publications] == [3, 4, 5]


async def test_a_batch_is_judged_again_when_another_process_was_faster(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge, times = Batch.judge, 0

    def slowly(batch: Batch, connection: sqlite3.Connection) -> None:
        nonlocal times
        judge(batch, connection)
        times += 1
        if times % 2:
            monkeypatch.setattr(Batch, "judge", judge)
            faster = Writer(File(path), 300, time.time, Projections())
            change(faster)
            faster.close()
            monkeypatch.setattr(Batch, "judge", slowly)

    def appended(faster: Writer) -> None:
        faster.append([("a", draft(7)._replace(key="k")), ("new", draft(7))])

    def appended_and_trimmed(faster: Writer) -> None:
        faster.append([("a", draft(8))])
        faster.trim("a", 1_000, 0, 1_000)

    def removed(faster: Writer) -> None:
        faster.remove("a")

    async with opened(path) as store:
        await store.append([("a", draft(0))])
        monkeypatch.setattr(Batch, "judge", slowly)
        change = appended
        batch = [("a", draft(7)._replace(key="k")), ("new", draft(1)), ("a", draft(1))]
        made = await store.append(batch)
        assert [(one.position.offset, one.fate) for one in made] == [
            (2, Fate.REPEATED),
            (2, Fate.STORED),
            (3, Fate.STORED),
        ]
        assert await numbers(store, "new") == [7, 1]
        change = appended_and_trimmed
        (late,) = await store.append([("a", draft(2))])
        assert late.position.offset == 5
        change = removed
        (anew,) = await store.append([("a", draft(3))])
        assert anew.position.offset == 1
        assert anew.position.epoch != late.position.epoch
        assert await numbers(store, "a") == [3]
        assert times == 6


async def test_a_second_server_is_refused_and_a_tool_is_not(path: Path) -> None:
    store = SQLiteStore(path, alone=True)
    await store.start()
    async with other("server", path) as process:
        assert "for one server process, and PostgreSQL for several" in await process.heard()
    second = SQLiteStore(path, alone=True)
    with pytest.raises(ConfigurationError, match="another hubbub server"):
        await second.start()
    await second.stop()
    await store.check()
    async with opened(path) as tool:
        await tool.append([("a", draft(0))])
    await store.append([("a", draft(1))])
    assert await numbers(store, "a") == [0, 1]
    await store.stop()
    async with other("server", path) as process:
        assert await process.heard() == "started"
        with pytest.raises(ConfigurationError, match="another hubbub server"):
            await second.start()
        process.kill()
        await process.ended()
        await second.start()
    await second.stop()


async def test_two_that_make_the_file_at_once_make_one_log(path: Path) -> None:
    stores = [SQLiteStore(path) for _ in range(4)]
    await asyncio.gather(*[store.start() for store in stores])
    epochs = {(await store.states(["a"]))[0].position.epoch for store in stores}
    assert len(epochs) == 1
    for store in stores:
        await store.stop()


# Backups.


async def test_a_backup_is_of_one_moment_while_others_append(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    told: list[tuple[int, int]] = []
    async with opened(path) as store:
        await store.append([("a", draft(number, 2_000)) for number in range(1_500)])
        await store.remove("removed")
        appending, top = True, 1_500

        async def append() -> None:
            nonlocal top
            while appending:
                await store.append([("a", draft(top)), ("b", draft(top))])
                top += 1

        task = asyncio.ensure_future(append())
        await store.backup(copy, lambda done, pages: told.append((done, pages)))
        appending = False
        await task
        assert top > 1_500
        assert await numbers(store, "a") == list(range(top))
        rooms = ["a", "b", "removed", "never"]
        states = await store.states(rooms)
    assert len(told) > 1, "in steps"
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]
    assert names(tmp_path) == ["copy.db", "log.db"]
    async with opened(copy) as store:
        found = await numbers(store, "a")
        assert found == list(range(len(found)))
        assert 1_500 <= len(found) <= top
        assert [one + 1_500 for one in range(len(found) - 1_500)] == await numbers(store, "b")
        for before, after in zip(states, await store.states(rooms), strict=True):
            assert before.position.epoch != after.position.epoch, "continuity is lost, and told"
        (made,) = await store.append([("a", draft(len(found)))])
        assert made.position.offset == len(found) + 1


async def test_a_backup_overwrites_nothing_and_leaves_nothing_behind(
    path: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there.db"
    make_foreign(there)
    mine = content(there)
    async with opened(path) as store:
        await store.append([("a", draft(number, 2_000)) for number in range(1_500)])
        with pytest.raises(ConfigurationError, match="overwrites nothing"):
            await store.backup(there)
        with pytest.raises(ConfigurationError, match="no directory"):
            await store.backup(tmp_path / "none" / "copy.db")
        begun, loop = asyncio.Event(), asyncio.get_running_loop()

        def progress(done: int, pages: int) -> None:
            loop.call_soon_threadsafe(begun.set)

        task = asyncio.ensure_future(store.backup(tmp_path / "copy.db", progress))
        async with asyncio.timeout(DEADLINE):
            await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert names(tmp_path) == ["log.db", "there.db"]
    assert content(there) == mine


# Addresses and starts.


async def test_a_file_of_something_else_is_refused_and_stays_as_it_is(path: Path) -> None:
    make_foreign(path)
    before = content(path)
    with pytest.raises(ConfigurationError, match=r"users.*a database of its own"):
        await SQLiteStore(path).start()
    assert content(path) == before


async def test_a_file_that_is_no_database_is_refused_and_stays_as_it_is(path: Path) -> None:
    lines = b"Dear diary, " * 1_000
    await asyncio.to_thread(path.write_bytes, lines)
    with pytest.raises(ConfigurationError, match="not a database"):
        await SQLiteStore(path).start()
    assert content(path) == lines


async def test_a_log_of_a_newer_hubbub_is_refused_and_stays_as_it_is(path: Path) -> None:
    async with opened(path) as store:
        await store.append([("a", draft(0))])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE hubbub_schema SET version_num = '9999'")
    before = content(path)
    with pytest.raises(ConfigurationError, match=r"9999.*a newer hubbub"):
        await SQLiteStore(path).start()
    assert content(path) == before


async def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no directory"):
        await SQLiteStore(tmp_path / "none" / "log.db", alone=True).start()
    with pytest.raises(ConfigurationError, match="is a directory"):
        await SQLiteStore(tmp_path).start()


async def test_a_log_that_is_there_is_used_without_what_upgrades_and_tables_need(
    path: Path,
) -> None:
    async with opened(path):
        pass
    async with other("start", path) as process:
        assert await process.heard() == "[]"


async def test_an_address_says_where_the_log_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for address, where in [
        ("sqlite:///relative %41.db", tmp_path / "relative %41.db"),
        (f"sqlite:///{tmp_path}/absolute?.db", tmp_path / "absolute?.db"),
    ]:
        store = open_store(address, alone=True)
        await store.start()
        await store.check()
        await store.stop()
        assert where.name in names(tmp_path)
    assert isinstance(open_store("memory://"), MemoryStore)


@pytest.mark.parametrize(
    "address",
    ["", "log.db", "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite://log.db"]
    + ["mysql://me:secret@host/log", "me:secret@host", "postgres+psycopg://me:secret@host/log"],
)
def test_any_other_address_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        open_store(address)
    assert "sqlite:///hubbub.db" in str(raised.value)
    assert "secret" not in str(raised.value)


# What it costs.


async def test_the_loop_waits_for_no_file(path: Path, tmp_path: Path) -> None:
    with blockbuster_ctx():
        store = SQLiteStore(path, alone=True)
        await store.start()
        await store.append([("a", draft(0))])
        await store.read("a", 0, 1, 1)
        await store.states(["a"])
        await store.rooms("", 1)
        await store.trim("a", 1, 0, 1)
        await store.remove("a")
        await store.sweep(1)
        await store.check()
        await store.append([("a", draft(0)._replace(unread=True))])
        await store.mark("a", "ann", 1)
        await store.unread("ann", ["a"], 1)
        tables = store.tables()
        await tables.write(lambda connection: connection.exec_driver_sql("CREATE TABLE x (y)"))
        await tables.read(lambda connection: connection.exec_driver_sql("SELECT * FROM x").all())
        await store.backup(tmp_path / "copy.db")
        await store.stop()


async def test_a_page_reads_no_more_than_it_returns(path: Path) -> None:
    async with opened(path) as store:
        for _ in range(5):
            await store.append([("a", draft(number)) for number in range(1_000)])

        async def cost(limit: int, size: int, backwards: bool) -> int:
            return await steps(store, store.read("a", 2_500, limit, size, backwards=backwards))

        for backwards in (False, True):
            ten = await cost(10, 1_000_000, backwards)
            assert await cost(10_000, 300, backwards) < 2 * ten
            assert await cost(1_000, 1_000_000, backwards) > 10 * ten, "it is counted"


async def steps(store: SQLiteStore, reading: Awaitable[object]) -> int:
    """How much SQLite had to do for it, in hundreds of its virtual machine's instructions."""
    made = 0

    def count() -> int:
        nonlocal made
        made += 1
        return 0

    for reader in store._reading:
        await reader.do(lambda one: one.connection().set_progress_handler(count, 100))
    await reading
    return made


async def test_what_is_unread_costs_as_much_as_is_counted_however_much_there_is(
    path: Path,
) -> None:
    async with opened(path) as store:
        rooms = [f"r{number}" for number in range(5)]
        one = Draft(b"1", unread=True, mentions=["ann", "bob"])
        everyone = one._replace(mentions=["*"])
        for turn in range(4):
            await store.append([(rooms[number % 5], one) for number in range(1_000)])
            await store.append([(rooms[number % 5], everyone) for number in range(1_000)])
            if turn == 0:
                few = await steps(store, store.unread("ann", rooms, 10))
                some = await steps(store, store.unread("ann", rooms, 100))
        assert some > 4 * few, "it is counted"
        assert await steps(store, store.unread("ann", rooms, 10)) < 1.5 * few
        assert await steps(store, store.unread("ann", rooms, 100)) < 1.5 * some
        for room in rooms:
            await store.mark(room, "ann", 800)
        assert await steps(store, store.unread("ann", rooms, 10)) < 2 * few, "behind a marker, too"


async def test_a_batch_that_changes_nothing_but_the_log_is_a_statement(path: Path) -> None:
    async with opened(path) as store:
        said: list[str] = []
        await store.append([("a", draft(0)._replace(unread=True))])
        assert store._writing is not None
        await store._writing.do(lambda one: one.connection().set_trace_callback(said.append))
        projected(store)
        await store.append([("a", draft(1)), ("b", draft(1)), ("a", draft(2))])
        # A trigger's come as the statement that it belongs to.
        assert [one.split()[0] for one in dict.fromkeys(said)] == ["SELECT", "INSERT"]
        said.clear()
        await store.append([("a", draft(1)._replace(unread=True))])
        kinds = [one.split()[0] for one in dict.fromkeys(said)]
        assert kinds == ["BEGIN", "SELECT", "INSERT", "INSERT", "COMMIT"]


async def test_a_check_writes(path: Path) -> None:
    async with opened(path) as store:
        wal = path.with_name(path.name + "-wal")
        await store.append([("a", draft(0))])
        before = content(wal)
        await store.check()
        assert content(wal) != before
        assert await store.sweep(1) == 0, "and leaves nothing behind"


async def test_a_sweep_counts_what_it_purges(path: Path) -> None:
    async with opened(path) as store:
        ann = ClientInfo("ann", "1")
        await store.append([("a", Draft(b"1", key=str(number), info=ann)) for number in range(3)])
        await store.append([("a", draft(number)) for number in range(7)])
        await store.append([("b", draft(number)) for number in range(3)])
        counts = Draft(b"1", unread=True, mentions=["ann", "bob"])
        await store.append([("b", counts), ("b", counts), ("b", counts._replace(mentions=[]))])
        assert await store.mark("b", "ann", 5) == 5
        await store.trim("b", 5, 0, 10)
        await store.remove("a")
        await store.remove("b")
        # Ten entries and three keys; two entries, both unread, two mentions and a marker.
        assert [await store.sweep(4) for _ in range(6)] == [4, 4, 4, 4, 4, 0]
    with closing(sqlite3.connect(path)) as connection:
        for name in ("entries", "keys", "removed", "unread", "mentions", "markers"):
            table = f"hubbub_{name}"
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
