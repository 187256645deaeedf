"""A chat to take things out of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.chat import Chat, chat, database


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Chat]:
    async with chat(await database("sqlite", tmp_path), str(tmp_path / "files")) as place:
        yield place
