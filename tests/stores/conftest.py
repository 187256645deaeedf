"""What the tests of stores begin with."""

from collections.abc import AsyncIterator

import pytest
from tests.support.postgres import fresh_database
from tests.support.postgres_store import Wired, wired_to


@pytest.fixture
async def url() -> str:
    return await fresh_database()


@pytest.fixture
async def wired(url: str) -> AsyncIterator[Wired]:
    async with wired_to(url) as wired:
        yield wired
