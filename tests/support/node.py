"""Node.js, with the npm packages of a folder installed beside it."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest


def node_with_modules(folder: Path) -> str:
    """The path of Node.js, once what `folder`'s lock file names is there; else the test fails."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.fail("the JavaScript clients are tried with node and npm 20 or newer: install them")
    installed, wanted = folder / "node_modules/.package-lock.json", folder / "package-lock.json"
    with wanted.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=folder, check=True, timeout=120)
    return node
