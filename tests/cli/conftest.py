"""Logs to look after, and the program that does it, as it is typed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.postgres import fresh_database

from hubbub.cli import main

Hubbub = Callable[..., tuple[int | str | None, str, str]]


@pytest.fixture
def hubbub(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Hubbub:
    """Exit code, standard output and standard error of `hubbub ...`, nowhere near a terminal."""
    for name in [name for name in os.environ if name.startswith("HUBBUB_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str) -> tuple[int | str | None, str, str]:
        monkeypatch.setattr(sys, "argv", ["hubbub", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in err, err
        return end.value.code, out, err

    return run


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The address of a log in a file that is not there yet."""
    return f"sqlite:///{tmp_path / 'log.db'}"


@pytest.fixture
def database() -> str:
    """The address of a database in PostgreSQL, in which there is nothing."""
    return asyncio.run(fresh_database())


@pytest.fixture(params=["file", "database"])
def url(request: pytest.FixtureRequest) -> str:
    """The address of a log that is yet to be made, in each of the stores."""
    address: str = request.getfixturevalue(request.param)
    return address
