"""How a user starts a server; each on a free port, which it prints."""

from __future__ import annotations

import sys

HUBBUB = [sys.executable, "-m", "hubbub"]
WORKER = "tests.support.worker.RoomWorker"

_WITHOUT_UVLOOP = "import sys; sys.modules['uvloop'] = None; from hubbub.cli import main; main()"


def hubbub_serve(*arguments: str, loop: str = "uvloop") -> list[str]:
    """`hubbub serve`; on asyncio's loop as it is where uvloop is not installed."""
    command = HUBBUB if loop == "uvloop" else [sys.executable, "-c", _WITHOUT_UVLOOP]
    return [*command, "serve", "--port", "0", *arguments]


def gunicorn(app: str) -> list[str]:
    options = ["-k", WORKER, "-b", "127.0.0.1:0", "--no-control-socket"]
    return [sys.executable, "-m", "gunicorn", *options, app]
