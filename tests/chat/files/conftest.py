"""What the tests of files have in common: a database with two people in it, and a folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert
from tests.support.chat import database
from tests.support.tables import Watched, watched

from hubbub.chat.files.disk import DiskBlobs
from hubbub.chat.schema import users


def add_people(connection: Connection) -> None:
    for id in ("ann", "bob"):
        person = {"id": id, "name": id, "display": id, "kind": "person", "created_at": 0}
        connection.execute(insert(users), person)


@pytest.fixture
async def tables(tmp_path: Path) -> AsyncIterator[Watched]:
    async with watched(await database("sqlite", tmp_path)) as tables:
        await tables.write(add_people)
        yield tables


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def blobs(folder: Path) -> DiskBlobs:
    return DiskBlobs(folder)
