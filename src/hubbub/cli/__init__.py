"""The command line: `hubbub`."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from hubbub.cli.bench import bench
from hubbub.cli.chat import chat
from hubbub.cli.config import config
from hubbub.cli.db import db
from hubbub.cli.rooms import rooms
from hubbub.cli.serve import serve
from hubbub.cli.talk import talk
from hubbub.cli.token import token
from hubbub.errors import HubbubError, Unavailable

app = typer.Typer(
    name="hubbub",
    help="Real-time rooms for Python.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(serve)
app.command()(bench)
app.command()(talk)
app.command()(token)
app.add_typer(config, name="config")
app.add_typer(rooms, name="rooms")
app.add_typer(db, name="db")
app.add_typer(chat, name="chat")

TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h."""


@app.callback()
def _program() -> None:
    """Real-time rooms for Python."""


def main() -> None:
    """Run the command line; an error that says what to do ends it with code 2, and one that will
    pass with 75, so that a script can try again."""
    try:
        app()
    except HubbubError as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(
            f"hubbub: {error}", markup=False
        )
        sys.exit(TRY_AGAIN if isinstance(error, Unavailable) else 2)
