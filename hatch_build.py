"""Builds the chat's pages into the package, so that whoever installs it needs no Node.js."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = "src/hubbub/chat/client/index.html"

SOURCES = ("web/src", "web/public", "web/vite", "web/index.html", "web/package-lock.json")


class ClientHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":  # a checkout, where `make web` builds them
            return
        root = Path(self.root)
        if not _is_fresh(root):
            _build(root)


def _is_fresh(root: Path) -> bool:
    """Whether the pages are built, of nothing older than what is there now."""
    built = root / BUILT
    if not built.exists():
        return False
    sources = [path for name in SOURCES for path in (root / name, *(root / name).rglob("*"))]
    newest = max((path.stat().st_mtime for path in sources if path.is_file()), default=0)
    return built.stat().st_mtime >= newest


def _build(root: Path) -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        if (root / BUILT).exists():
            return
        raise SystemExit(
            "hubbub: the chat's pages are not built, and there is no Node.js to build them with. "
            "Run `make web` in the checkout, which brings its own Node.js, and try again."
        )
    run = ("sh", "web/with-node", "npm")
    subprocess.run([*run, "ci", "--ignore-scripts"], cwd=root, check=True)
    subprocess.run([*run, "run", "build"], cwd=root, check=True)
