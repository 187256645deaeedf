"""The published JavaScript client works with our server as it is: the scenarios in `js/`, in both
encodings over every transport that it has."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from tests.clients.servers import Addresses, all_servers, succeeded
from tests.support.node import node_with_modules
from tests.support.protocol_app import SECRET

JS = Path(__file__).with_name("js")

DEADLINE = 30.0
"""Seconds a scenario may take; most take a fraction of one."""

TOGETHER = 10
"""Scenarios that are run in one process."""

SUCCESSION = "a stopping server is 3001, and its successor gets its clients back"

TRANSPORTS = [
    "websocket json",
    "websocket protobuf",
    "http_stream json",
    "http_stream protobuf",
    "sse json",
]

_SCENARIO = re.compile(r"^(scenario|wired)\('(.+?)', async", re.MULTILINE)
"""Those that are `wired` are for the first transport alone."""


def scenarios(transport: str) -> list[str]:
    found = []
    for file in sorted(JS.glob("*.mjs")):
        for kind, name in _SCENARIO.findall(file.read_text()):
            if name != SUCCESSION and (transport == TRANSPORTS[0] or kind == "scenario"):
                found.append(name)
    return found


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Addresses]]:
    """New servers for each transport: the scenarios count what is in their rooms."""
    with ExitStack() as stack:

        @cache
        def start(transport: str) -> Addresses:
            return stack.enter_context(all_servers(tmp_path_factory.mktemp("servers")))

        yield start


@pytest.fixture
def servers(started: Callable[[str], Addresses], transport: str) -> Addresses:
    return started(transport)


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, with what the scenarios need beside it."""
    return node_with_modules(JS)


def run(node: str, servers: Addresses, transport: str, *scenarios: str) -> None:
    given = {"SERVERS": json.dumps(servers), "SECRET": SECRET, "TRANSPORT": transport}
    environment = {**os.environ, **given}
    done = subprocess.run(
        [node, "run.mjs", *scenarios],
        cwd=JS,
        env=environment,
        timeout=DEADLINE * len(scenarios),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(60 + DEADLINE)
@pytest.mark.parametrize(
    ("transport", "first"),
    [
        pytest.param(transport, first, id=f"{transport} {first}")
        for transport in TRANSPORTS
        for first in range(0, len(scenarios(transport)), TOGETHER)
    ],
)
def test_the_published_javascript_client(
    node: str, servers: Addresses, transport: str, first: int
) -> None:
    """What fails is told by its name."""
    run(node, servers, transport, *scenarios(transport)[first : first + TOGETHER])


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_published_javascript_client_outlives_its_server(
    node: str, servers: Addresses, transport: str
) -> None:
    with succeeded() as stopping:
        run(node, {**servers, "stopping": stopping}, transport, SUCCESSION)
