"""People in a SQLite file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.people import Scene
from tests.support.tables import SqliteTables, sqlite_tables

from hubbub.chat import schema


@pytest.fixture
async def tables(tmp_path: Path) -> AsyncIterator[SqliteTables]:
    async with sqlite_tables(tmp_path, schema.metadata) as tables:
        yield tables


@pytest.fixture
async def scene(tables: SqliteTables) -> AsyncIterator[Scene]:
    scene = Scene(tables)
    await scene.start()
    yield scene
    await scene.people.stop()
