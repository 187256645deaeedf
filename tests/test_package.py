"""What is built of the checkout, for whoever installs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


def build(
    target: str, folder: Path, source: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)],
        cwd=source,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The sources without anything built, as a fresh clone has them."""
    source = tmp_path / "source"
    built = shutil.ignore_patterns("node_modules", "client", "__pycache__")
    for name in ("src", "web"):
        shutil.copytree(ROOT / name, source / name, ignore=built)
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    return source


def test_the_wheel_has_the_pages_and_their_compressed_forms(tmp_path: Path) -> None:
    done = build("wheel", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name.removeprefix("hubbub/chat/client/") for name in archive.namelist()}
        page = archive.read("hubbub/chat/client/index.html").decode()
    assert {"index.html", "sw.js", "manifest.webmanifest", "favicon.svg"} <= names
    scripts = [name for name in names if name.startswith("assets/") and name.endswith(".js")]
    assert any(name in page for name in scripts)
    assert any(f"{name}.br" in names for name in scripts)
    assert not [name for name in archive.namelist() if name.startswith(("web/", "tests/"))]


def test_of_the_source_archive_a_wheel_can_be_built_without_node(tmp_path: Path) -> None:
    done = build("sdist", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert (source / "web/src/main.ts").exists() and (source / "web/package-lock.json").exists()
    assert not (source / "web/node_modules").exists()
    done = build("wheel", tmp_path, source, PATH="")
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert "hubbub/chat/client/index.html" in archive.namelist()


def test_what_cannot_be_built_says_what_to_do(source: Path, tmp_path: Path) -> None:
    done = build("wheel", tmp_path, source, PATH="")
    assert done.returncode != 0
    assert "make web" in done.stderr and "Traceback" not in done.stderr


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("system", "used"),
    [(None, "own"), ("0", "system"), ("1", "own")],
    ids=["none", "new enough", "too old"],
)
def test_node_is_installed_where_the_system_has_none_that_fits(
    tmp_path: Path, system: str | None, used: str
) -> None:
    place, path = tmp_path / "checkout", tmp_path / "bin"
    (place / "web").mkdir(parents=True)
    shutil.copy(ROOT / "web/with-node", place / "web")
    # Whether a Node.js fits, it is asked itself: with -e.
    if system is not None:
        script(path / "node", f'test "$1" = -e && exit {system}; echo system')
        script(path / "npm", "")
    own = place / ".venv/bin"
    brought = tmp_path / "brought"
    script(brought / "node", 'test "$1" = -e && exit 0; echo own')
    script(brought / "npm", "")
    script(own / "python", f'case "$*" in *requirements/node.txt*) cp {brought}/* {own};; esac')
    for tool in ("sh", "dirname", "cp"):
        found = shutil.which(tool)
        assert found is not None
        path.mkdir(exist_ok=True)
        (path / tool).symlink_to(found)
    done = subprocess.run(
        [str(place / "web/with-node"), "node"],
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout.strip()) == (0, used), done.stderr
    assert (own / "node").exists() is (used == "own")
