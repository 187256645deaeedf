"""Finding messages in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests.chat.search.search_laws import Scene, SearchLaws, asked
from tests.support.chat import database
from tests.support.tables import watched


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with watched(await database("postgresql", tmp_path)) as tables:
        yield Scene(tables)


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
