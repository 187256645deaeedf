"""What the commands that look after the log have in common."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from hubbub.cli.serve import STORE
from hubbub.contracts import Store
from hubbub.errors import ConfigurationError
from hubbub.settings import load
from hubbub.stores import open_store

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        help=f"Where the log is, as for `hubbub serve`. [default: HUBBUB_STORE, or {STORE}]",
        show_default=False,
    ),
]

YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

KEYS_S = 1e9
"""How long idempotency keys are good for is the server's to know: no other sweeps them."""

SQLITE = "sqlite:///"

STEP = 500
"""Publications removed in one step: a few milliseconds for which a server cannot write."""

PAUSE = 0.01
"""Seconds left to it after each of them."""


def address(config: Path | None, store: str | None) -> str:
    """Where the log is, as `hubbub serve` would find it. Raises `ConfigurationError`."""
    return load(config, **({"store": store} if store else {})).store or STORE


def file_of(url: str) -> Path | None:
    """The file that `url` is the address of, None where it is one of something else."""
    return Path(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else None


@asynccontextmanager
async def opened(url: str, *, migrate: bool = False, alone: bool = False) -> AsyncIterator[Store]:
    """The log at `url`, which has to be there, beside whoever else has it open; `alone`: while no
    server does, in SQLite.

    Raises `ConfigurationError` and `Unavailable`.
    """
    store = open_store(url, window=KEYS_S, migrate=migrate, alone=alone)
    file = file_of(url)
    if file is not None and not file.exists():
        raise ConfigurationError(
            f"there is no log at {file}: say with --store or --config where it is; "
            "a server with durable rooms makes it when it starts"
        )
    if url.startswith("memory:"):
        raise ConfigurationError(
            "a log in memory is seen by its own server alone: this is for SQLite and PostgreSQL"
        )
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


Advance = Callable[[int, int | None], None]
"""How much is done by now, and of how much, if that is known."""


@contextmanager
def progress(what: str, *, shown: bool = True) -> Iterator[Advance]:
    """A bar on standard error, where that is a terminal; gone at the end."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not (shown and sys.stderr.isatty()),
    )
    task = bar.add_task(what, total=None)
    with bar:
        # It is called from other threads too, which a Progress allows.
        yield lambda done, total: bar.update(task, completed=done, total=total)


async def in_steps(
    step: Callable[[int], Awaitable[int]], advance: Advance, total: int | None
) -> int:
    """Call `step` with how much it may do at most, until it does less; how much it did in all."""
    done = 0
    while True:
        last = await step(STEP)
        done += last
        advance(done, total)
        if last < STEP:
            return done
        await asyncio.sleep(PAUSE)


@contextmanager
def new_file(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A file that is at `path` once all is written, and nowhere if not."""
    if path.exists() and not path.is_file():
        raise ConfigurationError(f"{path} is no file")
    part = path.with_name(f"{path.name}.part-{secrets.token_hex(4)}")
    try:
        with open(part, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None
    finally:
        with suppress(OSError):
            part.unlink()


def confirm(question: str, yes: bool) -> None:
    """Ask at the terminal, unless `yes` says the answer; a no ends the program with code 1.

    Raises `ConfigurationError` where there is nobody to ask.
    """
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigurationError(f"{question} There is no terminal to ask at: say --yes")
    typer.confirm(question, abort=True, err=True)


def local(at: int) -> str:
    """Unix milliseconds as somebody at this machine reads them."""
    return f"{datetime.fromtimestamp(at / 1000):%Y-%m-%d %H:%M:%S}" if at else "-"


def iso(at: int) -> str | None:
    """Unix milliseconds in ISO 8601, UTC; None for 0, which stands for "not known"."""
    if not at:
        return None
    when = datetime.fromtimestamp(at // 1000, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"
