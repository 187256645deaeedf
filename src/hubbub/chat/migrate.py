"""Bringing the chat's tables to what this version needs: Alembic's migrations beside this file.

await hub.tables.write(upgrade)

They live in the database of the log and are counted by themselves, in `VERSION_TABLE`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Select, column, func, inspect, select, table, text

from hubbub import ConfigurationError
from hubbub.chat.schema import metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection

VERSION_TABLE = "chat_schema"

REVISIONS = ("0001",)
"""All that there are, oldest first."""

HEAD = REVISIONS[-1]

SEARCH_TABLE = "chat_search"
"""The index of the messages' words, in SQLite; PostgreSQL has it beside the messages."""

OURS = frozenset({*metadata.tables, SEARCH_TABLE})

# The lock makes other servers wait until the tables are there. What is read behind it has to be
# of a moment after it: of one before, as in other levels, they would still be missing.
_ALONE = (
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SELECT pg_advisory_xact_lock(109263442543988)",  # the number is "chat", and a bit
)

_REVISION: Select[str | None] = select(func.max(column("version_num"))).select_from(
    table(VERSION_TABLE)
)


def current(connection: Connection) -> str | None:
    """The revision that the chat's tables are at; `VERSION_TABLE` has to be there."""
    return connection.scalar(_REVISION)


def check(revision: str | None, tables: Iterable[str]) -> None:
    """Whether a database whose chat is at `revision` (None where it says none), with these
    `tables`, can be upgraded to `HEAD`.

    Raises `ConfigurationError` for one that is newer, or has tables of these names already.
    """
    if revision is None:
        foreign = sorted(OURS.intersection(tables))
        if foreign:
            raise ConfigurationError(
                "the database holds tables that have the names of the chat's and are not its "
                f"({', '.join(foreign[:3])}, …): give the chat a database of its own"
            )
    elif revision not in REVISIONS:
        raise ConfigurationError(
            f"the chat's tables are at {revision}, and this hubbub knows none after {HEAD}: a "
            "newer hubbub has upgraded them, which has to be used from then on"
        )


def upgrade(connection: Connection, to: str = "") -> None:
    """Bring the chat's tables to `HEAD`, or `to` an earlier revision, in the transaction that
    `connection` is in and has done nothing else yet. Raises `ConfigurationError` as `check` does.

    In PostgreSQL other servers that upgrade wait until this transaction ends, and find all done.
    """
    if connection.dialect.name == "postgresql":
        for statement in _ALONE:
            connection.execute(text(statement))
    tables = inspect(connection).get_table_names()
    revision = current(connection) if VERSION_TABLE in tables else None
    check(revision, tables)
    if revision == HEAD:
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to or HEAD)
