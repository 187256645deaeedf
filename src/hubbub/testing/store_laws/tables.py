"""The laws of `hubbub.tables`: an application's own tables beside the log."""

from __future__ import annotations

import asyncio

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    insert,
    select,
)
from sqlalchemy import update as change

from hubbub.contracts import Store
from hubbub.errors import Refused, Unavailable
from hubbub.model import Fate
from hubbub.tables.rows import put
from hubbub.testing.store_laws.common import Opening, numbered, values_of

metadata = MetaData()

counts = Table(
    "law_counts",
    metadata,
    Column("room", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
)

words = Table(
    "law_words",
    metadata,
    Column("room", Text, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    PrimaryKeyConstraint("room", "offset"),
)


def rows_of(connection: Connection, room: str) -> list[tuple[int, str]]:
    asked = select(words.c.offset, words.c.text).where(words.c.room == room)
    return [(offset, text) for offset, text in connection.execute(asked.order_by(words.c.offset))]


def count_up(connection: Connection, room: str, by: int = 1) -> int:
    connection.execute(
        change(counts).where(counts.c.room == room).values(count=counts.c.count + by)
    )
    return int(connection.execute(select(counts.c.count)).scalar_one())


def count(connection: Connection) -> int:
    return int(connection.execute(select(counts.c.count)).scalar_one())


def start_at(connection: Connection, number: int) -> None:
    connection.execute(insert(counts).values(room="x", count=number, last=0))


async def what_is_written_is_read(store: Store) -> None:
    tables = store.tables()
    await tables.write(start_at, 5)
    assert await tables.write(count_up, "x", by=2) == 7, "it gives what the function does"
    assert await tables.read(count) == 7, "committed once it has given it"
    assert await store.tables().read(count) == 7, "as often as they are asked for"
    sums = await asyncio.gather(*[tables.write(count_up, "x") for _ in range(20)])
    assert sorted(sums) == list(range(8, 28)), "writes may be many at once"
    await store.append([("a", numbered(1))])
    assert await values_of(store, "a") == [1], "the log goes on beside"


async def a_write_that_raises_leaves_nothing(store: Store) -> None:
    tables = store.tables()
    await tables.write(start_at, 5)

    class Mine(Exception):
        pass

    def raising(connection: Connection, error: BaseException) -> None:
        count_up(connection, "x")
        raise error

    for error in (Mine("a"), Refused("no"), ValueError("b"), Unavailable("mine")):
        for call in (tables.write, tables.read):
            try:
                await call(raising if call == tables.write else raised, error)
            except type(error) as told:
                assert str(told) == str(error), "it is told as it is"
            else:
                raise AssertionError("it is told")
    assert await tables.read(count) == 5

    def wrong(connection: Connection) -> None:
        count_up(connection, "x")
        connection.execute(insert(counts).values(room="x", count=None, last=0))

    def caught(connection: Connection) -> int:
        count_up(connection, "x")
        return count(connection)

    try:
        await tables.write(wrong)
    except Unavailable:
        raise AssertionError("a mistake is not the database's trouble") from None
    except Exception:
        pass
    else:
        raise AssertionError("it is told")
    assert await tables.read(count) == 5
    assert await tables.write(caught) == 6, "nothing of it stands in the way of what comes later"
    (made,) = await store.append([("a", numbered(1))])
    assert made.fate is Fate.STORED


def raised(connection: Connection, error: BaseException) -> None:
    raise error


async def reading_writes_nothing(store: Store) -> None:
    tables = store.tables()
    await tables.write(start_at, 5)
    try:
        await tables.read(count_up, "x")
    except Unavailable:
        raise AssertionError("a mistake is not the database's trouble") from None
    except Exception:
        pass
    else:
        raise AssertionError("it is told")
    assert await tables.read(count) == 5


async def a_cancelled_write_is_whole_or_nothing(store: Store) -> None:
    tables = store.tables()

    def twice(connection: Connection, room: str) -> None:
        for offset in (1, 2):
            put(connection, words, [{"room": room, "offset": offset, "at": 0, "text": ""}])

    for turns in range(12):
        task = asyncio.ensure_future(tables.write(twice, f"{turns}"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await tables.write(twice, "x")
        for turn in range(turns + 1):
            found = await tables.read(rows_of, f"{turn}")
            assert len(found) in (0, 2), "carried out whole or not at all"
    assert len(await tables.read(rows_of, "x")) == 2, "nothing is in the way of what comes later"


async def tables_are_there_as_long_as_the_store(opening: Opening) -> None:
    async with opening() as store:
        tables = store.tables()
        await tables.write(metadata.create_all)
        await tables.write(start_at, 5)
    for call in (tables.read(count), tables.write(count)):
        try:
            await call
        except Unavailable:
            continue
        raise AssertionError("a store that is stopped is not available")
    async with opening() as store:
        assert await store.tables().read(count) == 5, "what was written stays"


LAWS = (
    what_is_written_is_read,
    a_write_that_raises_leaves_nothing,
    reading_writes_nothing,
    a_cancelled_write_is_whole_or_nothing,
)
SHARED_LAWS = (tables_are_there_as_long_as_the_store,)
