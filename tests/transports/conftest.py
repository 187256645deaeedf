from tests.chaos.conftest import (
    pytest_asyncio_loop_factories as pytest_asyncio_loop_factories,
)
