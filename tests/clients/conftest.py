"""The servers, started once for all tests of published clients."""

from collections.abc import Iterator
from importlib.metadata import version

import pytest
from tests.clients.servers import Addresses, all_servers


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    with all_servers(tmp_path_factory.mktemp("servers")) as addresses:
        yield addresses


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "older: also run with an old release of centrifuge-python")


def pytest_report_header() -> str:
    return f"centrifuge-python=={version('centrifuge-python')}"
