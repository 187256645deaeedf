"""What holds for the chat over sockets and over HTTP holds on PostgreSQL, too: the same tests."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import asyncpg
import pytest
from tests.support.chat import Chat, chat, database
from tests.support.chat_http import Site, site

TESTS = Path(__file__).parents[1] / "chat"


KEPT = {"hubbub_schema", "hubbub_store", "chat_schema"}
"""Tables that say what the database is, and not what is in it."""


@pytest.fixture(scope="module")
def urls() -> list[str]:
    """The database of all these tests, once there is one: to make one takes longer than a test."""
    return []


@pytest.fixture
async def empty(urls: list[str], tmp_path: Path) -> str:
    """The address of a database that nothing is in."""
    if not urls:
        urls.append(await database("postgresql", tmp_path))
    connection = await asyncpg.connect(urls[0])
    try:
        found = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        for (table,) in found:
            if table not in KEPT:
                await connection.execute(f'DELETE FROM "{table}"')
    finally:
        await connection.close()
    return urls[0]


@pytest.fixture
async def place(empty: str, tmp_path: Path) -> AsyncIterator[Chat]:
    async with chat(empty, str(tmp_path / "files")) as place:
        yield place


@pytest.fixture
async def scene(empty: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with site(tmp_path, empty) as scene:
        yield scene


OURS = {"urls", "empty", "place", "scene"}

ELSEWHERE = {
    "test_what_is_no_id_comes_to_no_database",
    "test_a_body_that_does_not_fit_is_told_so",
    "test_a_body_has_an_end",
    "test_a_key_that_cannot_be_kept_is_refused",
    "test_another_sites_page_changes_nothing",
    "test_secrets_in_addresses_are_in_no_scope_that_a_server_logs",
    "test_document_http",
}
"""Tests, and a module, of what comes to no database."""


def adopt(module: ModuleType) -> int:
    """Have pytest find here what it finds in `module`; how many tests that are."""
    stem, tests = module.__name__.rpartition(".")[2], 0
    for name, value in vars(module).items():
        if name.startswith("test_") and name not in ELSEWHERE and callable(value):
            globals()[f"{stem}_{name.removeprefix('test_')}"] = value
            tests += 1
        elif type(value).__name__ == "FixtureFunctionDefinition" and name not in OURS:
            globals()[name] = value
    return tests


ADOPTED = {
    module: adopt(importlib.import_module(module))
    for module in [
        "tests.chat.test_chat_sockets",
        *(
            f"tests.chat.http.{path.stem}"
            for path in sorted(TESTS.glob("http/test_*.py"))
            if path.stem not in ELSEWHERE
        ),
    ]
}


def test_there_is_something_of_every_module() -> None:
    assert len(ADOPTED) > 1 and all(ADOPTED.values()), ADOPTED
