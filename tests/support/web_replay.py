"""The pages' own code in Node.js: programs of web/tests/replay, for tests of the server."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"


def replays(folder: Path) -> dict[str, list[str]]:
    """The commands that there are, by name, built into `folder`; else the test fails."""
    if not (WEB / "node_modules/.package-lock.json").exists():
        pytest.fail("the pages' packages are not there: `make web` installs them")
    node = [str(WEB / "with-node"), "node"]
    command = [*node, "tests/replay/build.mjs", str(folder)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert built.returncode == 0, built.stderr
    return {
        "replay": [*node, str(folder / "replay.mjs")],
        "crowd": [*node, "--experimental-websocket", str(folder / "crowd.mjs")],
    }
