"""Rows as lines, and lines as rows: whatever is in them, wherever they are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    insert,
    select,
    text,
)
from tests.support.looked_after import fill, state_of
from tests.support.postgres import fresh_database

from hubbub.errors import ConfigurationError
from hubbub.model import ClientInfo, Draft
from hubbub.stores import dump, migrate
from hubbub.stores.dump import Rows, check_forms, count, finish, form, log_forms, put
from hubbub.stores.long import Run, making, reading, writing
from hubbub.stores.schema import metadata

things = Table(
    "things",
    MetaData(),
    Column("name", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("user", Text),
    Column("big", BigInteger),
    Column("true", Boolean),
    Column("blob", LargeBinary),
)

numbered = Table(
    "numbered",
    MetaData(),
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("text", Text),
)

words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
numbers = st.integers(-(2**63), 2**63 - 1)
rows = st.lists(
    st.tuples(
        words,
        numbers,
        st.none() | words,
        st.none() | numbers,
        st.none() | st.booleans(),
        st.none() | st.binary(max_size=20),
    ),
    max_size=30,
    unique_by=lambda row: row[:2],
)


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        things.metadata.create_all(connection)
        numbered.metadata.create_all(connection)
        connection.commit()
        yield connection
    engine.dispose()


def add(connection: Connection, found: list[tuple[Any, ...]]) -> None:
    if found:
        names = [column.name for column in things.columns]
        values = [dict(zip(names, row, strict=True)) for row in found]
        connection.execute(insert(things), values)


def everything(connection: Connection) -> set[tuple[Any, ...]]:
    return {tuple(row) for row in connection.execute(select(things))}


def lines_of(connection: Connection, table: Table) -> list[tuple[bytes, int]]:
    pages, left = [], Rows(form(table))
    while not left.over:
        pages.append(left.read(connection))
    return pages


@given(rows)
def test_what_went_out_comes_in(connection: Connection, found: list[tuple[Any, ...]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dump, "ROWS", 4)
        add(connection, found)
        assert count(connection, form(things)) == len(found)
        pages = lines_of(connection, things)
        assert sum(number for _, number in pages) == len(found)
        connection.rollback()
        assert [put(connection, form(things), lines) for lines, _ in pages] == [
            number for _, number in pages
        ]
        assert everything(connection) == set(found)
        connection.rollback()


@pytest.mark.parametrize("number", [0, 1, 3, 4, 5, 8])
def test_rows_come_in_pages_in_the_order_of_their_key(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(dump, "ROWS", 4)
    add(connection, [("ab"[n % 2], n, None, None, None, None) for n in range(number)])
    lines = b"".join(page for page, _ in lines_of(connection, things)).decode().splitlines()
    expected = sorted(("ab"[n % 2], n) for n in range(number))
    assert lines == [f'["{name}",{n},null,null,null,null]' for name, n in expected]
    connection.rollback()


def test_of_long_rows_there_are_fewer_on_a_page(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump, "ROWS", 8)
    monkeypatch.setattr(dump, "SIZE", 1000)
    add(connection, [("a", n, "x" * 300, None, None, None) for n in range(20)])
    sizes = [number for _, number in lines_of(connection, things)]
    assert sizes[0] == 8 and sum(sizes) == 20
    assert set(sizes[1:-1]) <= {2, 3}
    connection.rollback()


@pytest.mark.parametrize(
    "line",
    [
        b'["a",1,null,null,null]',
        b'["a","1",null,null,null,null]',
        b'["a",1,null,null,null,"no base64"]',
        b'["a",1,null,9223372036854775808,null,null]',
        b'{"name":"a"}',
        b"[",
        b"[null,1,null,null,null,null]",
        b'["a",1,null,null,null,null]\n["a",1,null,null,null,null]',
    ],
)
def test_lines_that_are_no_rows_are_told(connection: Connection, line: bytes) -> None:
    with pytest.raises(ConfigurationError, match="things"):
        put(connection, form(things), line)
    connection.rollback()


def test_tables_have_to_have_what_the_rows_have(connection: Connection) -> None:
    check_forms(connection, [form(things), form(numbered)])
    other = Table("things", MetaData(), Column("name", Text, primary_key=True), Column("no", Text))
    missing = Table("none", MetaData(), Column("name", Text, primary_key=True))
    for table in (other, missing):
        with pytest.raises(ConfigurationError, match=f"no such table as {table.name}"):
            check_forms(connection, [form(things), form(table)])


def test_a_column_of_another_kind_is_not_dumped() -> None:
    odd = Table("odd", MetaData(), Column("id", Integer, primary_key=True), Column("x", Float))
    with pytest.raises(TypeError, match=r"odd\.x"):
        form(odd)


def test_all_tables_of_the_log_are_dumped_but_those_of_servers() -> None:
    names = {one.table for one in log_forms()}
    assert names == set(metadata.tables) - {"hubbub_store", "hubbub_batches"}


# Whole logs.


@pytest.fixture(params=["file", "database"])
async def source(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'a.db'}" if request.param == "file" else await fresh_database()


@pytest.fixture(params=["file", "database"])
async def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'b.db'}" if request.param == "file" else await fresh_database()


async def dumped(run: Run) -> list[tuple[dump.Form, bytes]]:
    found = []
    for one in log_forms():
        left = Rows(one)
        while not left.over:
            lines, _ = await run(left.read)
            found.append((one, lines))
    return found


async def moved(source: str, target: str, to: str = "") -> None:
    async with reading(source) as run:
        lines = await dumped(run)
    async with making(target, metadata.tables) as run:
        await run(migrate.upgrade, to)
        for one, some in lines:
            await run(put, one, some)
        await run(finish, log_forms())
        await run(migrate.upgrade)


async def test_a_log_is_moved_and_is_of_another_epoch(source: str, target: str) -> None:
    drafts = [
        Draft(b'{"n":1}', key="one", info=ClientInfo("ann", "c1", b"{}", b"[]")),
        Draft('"ünïcödé \\u0001 👍"'.encode(), tags={"a": "b"}, version=7, unread=True),
    ]
    before = await asyncio.to_thread(fill, source, "chat:7", *drafts)
    await asyncio.to_thread(fill, source, "chat:8", b"1")
    await moved(source, target)
    after = await asyncio.to_thread(state_of, target, "chat:7")
    assert after.position.offset == before.position.offset == 2
    assert after.position.epoch not in ("", before.position.epoch)
    never = await asyncio.to_thread(state_of, target, "chat:never")
    assert never.position == (0, after.position.epoch)
    lines = []
    for url in (source, target):
        async with reading(url) as run:
            lines.append([some for one, some in await dumped(run) if one.table != "hubbub_logs"])
    assert lines[0] == lines[1]
    # What comes next has numbers of its own.
    assert (await asyncio.to_thread(fill, target, "chat:9", b"1")).position.offset == 1
    assert (await asyncio.to_thread(fill, target, "chat:7", b"3")).position.offset == 3


async def test_numbers_go_on_behind_those_that_were_put_in() -> None:
    url = await fresh_database()
    async with making(url, metadata.tables) as run:
        await run(migrate.upgrade)
        await run(lambda connection: numbered.metadata.create_all(connection))
        await run(put, form(numbered), b'[7,"a"]\n[12,"b"]\n')
        await run(finish, [form(numbered), *log_forms()])

    def next_one(connection: Connection) -> int:
        return int(connection.scalar(text("INSERT INTO numbered (text) VALUES ('c') RETURNING id")))

    async with writing(url) as run:
        assert await run(next_one) == 13
