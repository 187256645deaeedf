"""The chat's HTTP API, with a database of its own for each file of tests."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.support.chat_http import Site, site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with site(tmp_path_factory.mktemp("chat")) as made:
        yield made
