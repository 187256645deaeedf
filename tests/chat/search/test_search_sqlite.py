"""Finding messages in SQLite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from tests.chat.search.search_laws import Scene, SearchLaws, asked
from tests.support.chat import database
from tests.support.tables import watched

from hubbub.chat.search import arrange


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with watched(await database("sqlite", tmp_path)) as tables:
        yield Scene(tables)


class TestSearchInSQLite(SearchLaws):
    pass


@pytest.mark.parametrize("query", ["hello", "hel*", '"hello world" -x', "from:me has:file"])
async def test_the_index_is_walked_through_from_the_newest_on(scene: Scene, query: str) -> None:
    await scene.room("hall")
    await scene.say_all("hall", ["hello world"] * 10)

    def plan(connection: Connection) -> list[str]:
        statement, parameters = asked(connection, query)
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return [str(row.detail) for row in rows]

    steps = await scene.tables.read(plan)
    assert steps[0].startswith("SCAN chat_search VIRTUAL TABLE INDEX")
    assert steps[1] == "SEARCH m USING INTEGER PRIMARY KEY (rowid=?)"
    assert not any("TEMP B-TREE" in step for step in steps), "nothing is sorted"
    assert not any("CORRELATED" in step and "LIST" in step for step in steps)


async def test_the_index_is_whole_whatever_happened(scene: Scene) -> None:
    ids = await scene.say_all("hall", [f"hello {number}" for number in range(50)])
    await scene.edit(ids[3], "goodbye")
    await scene.delete(ids[4])
    await scene.edit(ids[4], "of a message that is deleted")
    await scene.say("hall", "of long ago", at=0)
    assert await scene.tables.write(arrange)
    await scene.edit(ids[5], "goodbye, too")
    check = text("INSERT INTO chat_search (chat_search, rank) VALUES ('integrity-check', 1)")
    await scene.run(check)
