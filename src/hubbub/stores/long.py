"""One transaction that takes as long as it needs: for tools that look after a whole database.

    async with reading(url) as run:
        rows = await run(work, …)   # work(connection, …), all of it of one moment

It is on a connection of its own, beside whatever servers do. What is written is committed together
at the end of the block, or not at all where the block raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from hubbub.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Connection

P = ParamSpec("P")
T = TypeVar("T")

SQLITE = "sqlite:///"


class Run(Protocol):
    """Calls `work(connection, …)` in the transaction: what it returns, and raises. Raises
    `Unavailable` where the database cannot be reached any more."""

    async def __call__(
        self, work: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...


def reading(url: str) -> AbstractAsyncContextManager[Run]:
    """Read the database at `url`, as it is at one moment.

    Raises `ConfigurationError` for one that is not there, or is no log of this version's, and
    `Unavailable`.
    """
    if _is_file(url):
        from hubbub.stores.sqlite_long import read_file

        return read_file(_path(url))
    from hubbub.stores.postgres_long import read_database

    return read_database(url)


def writing(url: str) -> AbstractAsyncContextManager[Run]:
    """Write to the database at `url`, while nobody else does in SQLite. Raises as `reading`."""
    if _is_file(url):
        from hubbub.stores.sqlite_long import write_file

        return write_file(_path(url))
    from hubbub.stores.postgres_long import write_database

    return write_database(url)


def making(url: str, names: Iterable[str]) -> AbstractAsyncContextManager[Run]:
    """Make tables with these names at `url`: in a file that is not there yet, and is there once
    all is done, or in a database that has none of them.

    Raises `ConfigurationError` for any other, which is left as it is, and `Unavailable`.
    """
    if _is_file(url):
        from hubbub.stores.sqlite_long import make_file

        return make_file(_path(url))
    from hubbub.stores.postgres_long import make_database

    return make_database(url, frozenset(names))


def _is_file(url: str) -> bool:
    """Raises `ConfigurationError` for what is neither a file nor a database."""
    if not url.startswith((SQLITE, "postgresql://", "postgresql+asyncpg://")):
        raise ConfigurationError(
            "this is for what is kept, in SQLite or PostgreSQL: say with --store where that is, "
            "as sqlite:///hubbub.db or postgresql://user@host/database"
        )
    return url.startswith(SQLITE)


def _path(url: str) -> Path:
    return Path(url.removeprefix(SQLITE))
