"""People in a SQLite file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.chat import database
from tests.support.people import Scene
from tests.support.tables import Watched, watched


@pytest.fixture
async def tables(tmp_path: Path) -> AsyncIterator[Watched]:
    async with watched(await database("sqlite", tmp_path)) as tables:
        yield tables


@pytest.fixture
async def scene(tables: Watched) -> AsyncIterator[Scene]:
    scene = Scene(tables)
    await scene.start()
    yield scene
    await scene.people.stop()
