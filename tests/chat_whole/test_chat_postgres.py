"""What holds for the chat over sockets and over HTTP holds on PostgreSQL, too: the same tests."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import pytest
from tests.support.chat import Chat, chat, database
from tests.support.chat_http import Site, site

TESTS = Path(__file__).parents[1] / "chat"


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Chat]:
    async with chat(await database("postgresql", tmp_path), str(tmp_path / "files")) as place:
        yield place


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Site]:
    async with site(tmp_path, await database("postgresql", tmp_path)) as scene:
        yield scene


OURS = {"place", "scene"}


def adopt(module: ModuleType) -> int:
    """Have pytest find here what it finds in `module`; how many tests that are."""
    stem, tests = module.__name__.rpartition(".")[2], 0
    for name, value in vars(module).items():
        if name.startswith("test_") and callable(value):
            globals()[f"{stem}_{name.removeprefix('test_')}"] = value
            tests += 1
        elif type(value).__name__ == "FixtureFunctionDefinition" and name not in OURS:
            globals()[name] = value
    return tests


ADOPTED = {
    module: adopt(importlib.import_module(module))
    for module in [
        "tests.chat.test_chat_sockets",
        *(f"tests.chat.http.{path.stem}" for path in sorted(TESTS.glob("http/test_*.py"))),
    ]
}


def test_there_is_something_of_every_module() -> None:
    assert len(ADOPTED) > 1 and all(ADOPTED.values()), ADOPTED
