"""The pages' own code in Node.js: programs of web/tests/replay, for tests of the server."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.support.node import node_with_modules

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
CLIENTS = ROOT / "tests/clients/js"


def program(name: str, folder: Path) -> list[str]:
    """The command that runs it, built into `folder`; else the test fails."""
    if not (WEB / "node_modules/.package-lock.json").exists():
        pytest.fail("the pages' packages are not there: `make web` installs them")
    node = [str(WEB / "with-node"), "node"]
    command = [*node, "tests/replay/build.mjs", str(folder)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert built.returncode == 0, built.stderr
    return [*node, str(folder / f"{name}.mjs")]


def sockets() -> str:
    """The address of a module with sockets for Node.js."""
    node_with_modules(CLIENTS)
    return (CLIENTS / "node_modules/ws/wrapper.mjs").as_uri()
