"""An old release of the Python client works too: the tests that are marked `older`, with it.

0.5.0 sends an empty Sec-WebSocket-Protocol header, as all do up to 0.6.0, and leaves the channel
out when it renews a subscription.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.server import ROOT

OLD = Path(__file__).with_name("old")
SITE = OLD / ".venv"
"""Where the release and all it needs is installed; git does not see it."""

TESTS = Path(__file__).with_name("test_python_client.py")

RELEASE = (OLD / "requirements.in").read_text().strip()


@pytest.fixture(scope="session")
def site() -> Path:
    wanted, installed = OLD / "requirements.txt", SITE / "installed.txt"
    if not installed.exists() or installed.read_bytes() != wanted.read_bytes():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps"]
        command = [*pip, "--upgrade", "--target", str(SITE), "-r", str(wanted)]
        subprocess.run(command, check=True, timeout=120)
        installed.write_bytes(wanted.read_bytes())
    return SITE


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_an_old_release_passes_the_same_tests(site: Path) -> None:
    options = ["-m", "older", "-W", "default", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(TESTS)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *inherited()])},
        timeout=120,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert RELEASE in done.stdout


def inherited() -> list[str]:
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
