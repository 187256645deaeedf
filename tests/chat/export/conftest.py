"""A chat to take things out of."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.chat import Chat, chat


@pytest.fixture(scope="session")
def empty_chat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a chat in which nobody was yet: to be copied, since making it takes longer."""
    folder = tmp_path_factory.mktemp("chat")
    path = folder / "chat.db"

    async def make() -> None:
        async with chat(f"sqlite:///{path}", str(folder / "files")):
            pass

    asyncio.run(make())
    return path


@pytest.fixture
async def place(tmp_path: Path, empty_chat: Path) -> AsyncIterator[Chat]:
    path = shutil.copy(empty_chat, tmp_path)
    async with chat(f"sqlite:///{path}", str(tmp_path / "files")) as place:
        yield place
