"""Which event loop a test of this folder runs on: asyncio's, or those that it names.

pytestmark = pytest.mark.asyncio(loop_factories=["uvloop", "asyncio"])
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping

import pytest
import uvloop

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    marker = item.get_closest_marker("asyncio")
    if marker is not None and "loop_factories" in marker.kwargs:
        return LOOPS
    return {"asyncio": LOOPS["asyncio"]}


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """No fault that a peer can cause is an error, or worth a traceback, in the server's log.

    A test that provokes one says so: the texts it appends are parts of records that may be there.
    """
    expected: list[str] = []
    with caplog.at_level(logging.INFO):
        yield expected
    bad = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.levelno >= logging.ERROR or record.exc_info
    ]
    assert [text for text in bad if not any(part in text for part in expected)] == []
