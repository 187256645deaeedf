"""`hubbub db`: the tables of the log, and a copy of them."""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from hubbub.cli.config import ConfigOption
from hubbub.cli.log import StoreOption, address, file_of, opened, progress
from hubbub.errors import ConfigurationError
from hubbub.settings import without_password

db = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

ASKING_S = 10.0
"""Seconds to wait for PostgreSQL."""


@db.callback()
def _db() -> None:
    """Look after the log of durable rooms: upgrade its tables, or make a backup."""


@db.command()
def upgrade(store: StoreOption = None, config: ConfigOption = None) -> None:
    """Bring the tables of the log up to what this version of hubbub needs.

    PostgreSQL needs it after an update of hubbub; a file is upgraded by whatever opens it.
    """
    url = address(config, store)
    typer.echo(f"{without_password(url)}: {asyncio.run(_upgrade(url))}")


async def _upgrade(url: str) -> str:
    from hubbub.stores.migrate import HEAD

    before = await _revision(url)
    async with opened(url, migrate=True):
        pass
    if before == HEAD:
        return f"its tables are at {HEAD}, there is nothing to do"
    if before is None:
        return f"its tables are made, at {HEAD}"
    return f"its tables are upgraded from {before} to {HEAD}"


async def _revision(url: str) -> str | None:
    """None where there are no tables, or it cannot be asked: why, is told who opens it."""
    from hubbub.stores.migrate import VERSION_TABLE

    query = f"SELECT max(version_num) FROM {VERSION_TABLE}"
    file = file_of(url)
    if file is not None:
        import sqlite3

        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as connection,
        ):
            return str(connection.execute(query).fetchone()[0])
        return None

    import asyncpg

    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError):
        address = url.replace("postgresql+asyncpg:", "postgresql:", 1)
        asked = await asyncpg.connect(address, timeout=ASKING_S)
        try:
            return str(await asked.fetchval(query))
        finally:
            await asked.close()
    return None


@db.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where the copy goes; nothing may be there.")],
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Copy the log to FILE, as it is now, while a server uses it. For SQLite.

    A server that is started on the copy has clients begin anew: every log in it is of another
    epoch, because what they have seen since is not in it.
    """
    url = address(config, store)
    asyncio.run(_backup(url, file))
    typer.echo(f"{file} is a copy of {without_password(url)}: {_size(file)}")


async def _backup(url: str, file: Path) -> None:
    from hubbub.stores.sqlite import SQLiteStore

    if url.startswith("postgresql"):
        raise ConfigurationError(
            "PostgreSQL makes its own backups: use pg_dump, which can be run beside a server"
        )
    async with opened(url) as store:
        assert isinstance(store, SQLiteStore)
        with progress("Copying") as advance:
            await store.backup(file, advance)


def _size(file: Path) -> str:
    size = file.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size} bytes"
