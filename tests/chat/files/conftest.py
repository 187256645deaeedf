"""What the tests of files have in common: a database with two people in it, and a folder."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert
from tests.support.tables import SqliteTables, sqlite_tables

from hubbub.chat.files.disk import DiskBlobs
from hubbub.chat.schema import metadata, users


def add_people(connection: Connection) -> None:
    for id in ("ann", "bob"):
        person: dict[str, Any] = {"id": id, "name": id, "display": id, "kind": "person"}
        connection.execute(insert(users), {**person, "created_at": 0})


@pytest.fixture
async def tables(tmp_path: Path) -> AsyncIterator[SqliteTables]:
    async with sqlite_tables(tmp_path, metadata) as tables:
        await tables.write(add_people)
        yield tables


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def blobs(folder: Path) -> DiskBlobs:
    return DiskBlobs(folder)
