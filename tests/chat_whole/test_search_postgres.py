"""Finding messages in PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from tests.chat.search.search_laws import Scene, SearchLaws, asked
from tests.support.postgres import fresh_database
from tests.support.tables import PostgresTables

from hubbub.chat import schema
from hubbub.chat.migrate import upgrade


@pytest.fixture(scope="module")
def url() -> str:
    return asyncio.run(fresh_database())


@pytest.fixture
async def scene(url: str) -> AsyncIterator[Scene]:
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://"), isolation_level="REPEATABLE READ"
    )
    tables = PostgresTables(engine)
    await tables.write(upgrade)
    await tables.write(empty)
    yield Scene(tables)
    await engine.dispose()


def empty(connection: Connection) -> None:
    names = ", ".join(schema.metadata.tables)
    connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY")


class TestSearchInPostgreSQL(SearchLaws):
    pass


@pytest.mark.parametrize("query", ["hello", "hel*", '"hello world" -x', "from:me has:file"])
async def test_the_index_is_what_is_asked(scene: Scene, query: str) -> None:
    await scene.room("hall")
    await scene.say_all("hall", ["hello world"] * 10)

    def plan(connection: Connection) -> str:
        statement, parameters = asked(connection, query)
        # There are so few messages that all of them would be read.
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        rows = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        return json.dumps(rows.scalar_one())

    steps = await scene.tables.read(plan)
    assert '"Index Name": "chat_messages_search"' in steps
    assert "BitmapAnd" not in steps


async def test_what_waits_to_be_put_into_the_index_is_found(
    scene: Scene,
) -> None:
    await scene.room("hall")
    old = await scene.say_all("hall", [f"hello {number}" for number in range(3000)])
    new = await scene.say("hall", "hello new")
    assert await scene.found("hello", limit=1000) == [new, *old[::-1]]
