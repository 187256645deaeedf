"""`hubbub db`, as it is typed."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from tests.cli.conftest import Hubbub
from tests.support.looked_after import (
    ask,
    at_terminal,
    entries,
    fill,
    publishing,
    serve,
    state_of,
)
from tests.support.server import ROOT

from hubbub.stores import migrate


def make_old(url: str) -> None:
    """Make the tables at `url` as they were at first."""

    async def run() -> None:
        engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
        async with engine.begin() as connection:
            await connection.run_sync(migrate.upgrade)
        await engine.dispose()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrate, "HEAD", migrate.REVISIONS[0])
        if url.startswith("postgresql:"):
            asyncio.run(run())
            return
        engine = create_engine(url)
        with engine.begin() as connection:
            migrate.upgrade(connection)
        engine.dispose()


# Upgrade.


def test_tables_are_upgraded_and_it_is_told_from_where_to_where(hubbub: Hubbub, url: str) -> None:
    make_old(url)
    upgraded = f"{url}: its tables are upgraded from {migrate.REVISIONS[0]} to {migrate.HEAD}\n"
    assert hubbub("db", "upgrade", "--store", url) == (0, upgraded, "")
    nothing = f"{url}: its tables are at {migrate.HEAD}, there is nothing to do\n"
    assert hubbub("db", "upgrade", "--store", url) == (0, nothing, "")
    fill(url, "chat:7", b"1")
    assert hubbub("rooms", "export", "chat:7", "--store", url)[0] == 0


def test_database_without_tables_is_asked_for_them_and_gets_them(
    hubbub: Hubbub, database: str
) -> None:
    code, out, err = hubbub("rooms", "list", "--store", database)
    assert (code, out) == (2, "")
    assert "hubbub db upgrade" in err
    made = f"its tables are made, at {migrate.HEAD}\n"
    assert hubbub("db", "upgrade", "--store", database) == (0, f"{database}: {made}", "")
    assert hubbub("rooms", "list", "--store", database) == (0, "", "")


def test_password_is_shown_to_nobody(hubbub: Hubbub, database: str) -> None:
    url = database.replace("postgres@", "postgres:secret@")
    for _ in range(2):
        code, out, err = hubbub("db", "upgrade", "--store", url)
        assert (code, err) == (0, "")
        assert out.startswith("postgresql://postgres:***@127.0.0.1:")


def test_file_that_is_not_a_log_is_told_and_left_alone(hubbub: Hubbub, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but more than a hundred bytes " * 5)
    before = (tmp_path / "notes.txt").read_bytes()
    code, out, err = hubbub("db", "upgrade", "--store", f"sqlite:///{tmp_path}/notes.txt")
    assert (code, out) == (2, "")
    assert "notes.txt cannot be opened" in err
    assert (tmp_path / "notes.txt").read_bytes() == before


# Backup.


def test_server_on_a_backup_has_what_was_there_in_a_new_epoch(
    hubbub: Hubbub, file: str, tmp_path: Path
) -> None:
    fill(file, "chat:7", *[b'"%s"' % (b"x" * 1000)] * 2000)
    old = state_of(file, "chat:7").position.epoch
    copy = tmp_path / "copy.db"
    with serve(file) as server, publishing(server, "chat:7") as published:
        before = len(published.acknowledged)
        code, out, err = hubbub("db", "backup", str(copy), "--store", file)
        assert (code, err) == (0, "")
        assert re.fullmatch(rf"{copy} is a copy of {file}: \d+\.\d MB\n", out)
        published.wait_for(3)
    url = f"sqlite:///{copy}"
    there, copied = entries(file, "chat:7"), entries(url, "chat:7")
    assert copied == there[: len(copied)]
    assert 2000 + before <= len(copied) <= len(there)
    assert sorted(one.name for one in tmp_path.glob("copy.db.part*")) == []
    with serve(url) as server:
        history = ask(server, "history", channel="chat:7", limit=0)
        assert history["offset"] == len(copied)
        assert history["epoch"] != old
        next_one = ask(server, "publish", channel="chat:7", data={})
        assert next_one == {"offset": len(copied) + 1, "epoch": history["epoch"]}


def test_backup_overwrites_nothing(hubbub: Hubbub, file: str, tmp_path: Path) -> None:
    fill(file, "chat:7", b"1")
    copy = tmp_path / "copy.db"
    copy.write_text("of yesterday")
    done = hubbub("db", "backup", str(copy), "--store", file)
    told = f"hubbub: {copy} is there already: a backup overwrites nothing\n"
    assert done == (2, "", told)
    assert copy.read_text() == "of yesterday"


def test_backup_to_where_no_file_can_be_is_told(hubbub: Hubbub, file: str, tmp_path: Path) -> None:
    fill(file, "chat:7", b"1")
    code, out, err = hubbub("db", "backup", str(tmp_path / "nowhere" / "copy"), "--store", file)
    assert (code, out) == (2, "")
    assert err == f"hubbub: there is no directory {tmp_path}/nowhere: make it first\n"


def test_at_a_terminal_there_is_a_bar_for_a_backup(file: str, tmp_path: Path) -> None:
    fill(file, "chat:7", b"1")
    code, shown = at_terminal(file, "db", "backup", str(tmp_path / "copy.db"))
    assert code == 0
    assert "Copying" in shown
    assert "100%" in shown
    assert f"copy.db is a copy of {file}: " in shown


def test_what_the_page_says_gives_a_restored_database_new_epochs(database: str) -> None:
    before = fill(database, "chat:7", b"1").position
    page = (ROOT / "docs/how-to/the-log.md").read_text(encoding="utf-8")
    statements = page.partition("```sql\n")[2].partition("```")[0]

    async def run() -> None:
        connection = await asyncpg.connect(database)
        await connection.execute(statements)
        await connection.close()

    asyncio.run(run())
    after = state_of(database, "chat:7").position
    assert after.offset == before.offset
    assert after.epoch not in {"", before.epoch}
    assert state_of(database, "never published to").position.epoch == after.epoch
    assert fill(database, "chat:7", b"2").position == (2, after.epoch)


def test_postgresql_has_its_own_backups(hubbub: Hubbub, tmp_path: Path) -> None:
    url = "postgresql://ann:secret@127.0.0.1:1/log"
    code, out, err = hubbub("db", "backup", str(tmp_path / "copy"), "--store", url)
    assert (code, out) == (2, "")
    assert "pg_dump" in err
    assert "secret" not in err
