"""The chat on each of its databases: a test that asks for a `store` or a `place` runs on both."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.chat import DATABASES, Chat, Database, chat, database


@pytest.fixture(params=DATABASES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new database."""
    kind: Database = request.param
    return await database(kind, tmp_path)


@pytest.fixture
async def place(store: str, tmp_path: Path) -> AsyncIterator[Chat]:
    async with chat(store, str(tmp_path / "files")) as place:
        yield place
