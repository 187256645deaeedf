"""The published JavaScript client works with our server as it is: the scenarios in `js/`."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from tests.clients.servers import Addresses, succeeded
from tests.support.node import node_with_modules
from tests.support.protocol_app import SECRET

JS = Path(__file__).with_name("js")

DEADLINE = 30.0
"""Seconds a scenario may take; most take a fraction of one."""

SUCCESSION = "a stopping server is 3001, and its successor gets its clients back"

_SCENARIO = re.compile(r"^scenario\('(.+?)', async", re.MULTILINE)


def scenarios() -> list[str]:
    return [
        name for file in sorted(JS.glob("*.mjs")) for name in _SCENARIO.findall(file.read_text())
    ]


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, with what the scenarios need beside it."""
    return node_with_modules(JS)


def run(node: str, scenario: str, servers: Addresses) -> None:
    environment = {**os.environ, "SERVERS": json.dumps(servers), "SECRET": SECRET}
    done = subprocess.run(
        [node, "run.mjs", scenario],
        cwd=JS,
        env=environment,
        timeout=DEADLINE,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("scenario", [name for name in scenarios() if name != SUCCESSION])
def test_the_published_javascript_client(node: str, servers: Addresses, scenario: str) -> None:
    run(node, scenario, servers)


def test_the_published_javascript_client_outlives_its_server(node: str, servers: Addresses) -> None:
    with succeeded() as stopping:
        run(node, SUCCESSION, {**servers, "stopping": stopping})
