"""Bringing a database's schema to what this version needs: Alembic's migrations beside this file.

`check` knows from two plain queries what there is to do, so that Alembic is imported only where
there is something.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hubbub.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Connection

VERSION_TABLE = "hubbub_schema"

REVISIONS = ("0001", "0002", "0003")
"""All that there are, oldest first."""

HEAD = REVISIONS[-1]


def check(revision: str | None, tables: Iterable[str]) -> None:
    """Whether a database at `revision` (None where it says none), with these `tables`, can be
    upgraded to `HEAD`. Raises `ConfigurationError` for one that is newer or not hubbub's."""
    if revision is None:
        foreign = sorted(tables)
        if foreign:
            raise ConfigurationError(
                f"it holds tables that are not a hubbub log's ({', '.join(foreign[:3])}, …): "
                "give the log a database of its own"
            )
    elif revision not in REVISIONS:
        raise ConfigurationError(
            f"its schema is {revision}, and this hubbub knows none after {HEAD}: a newer hubbub "
            "has upgraded it, which has to be used from then on"
        )


def upgrade(connection: Connection, to: str = "") -> None:
    """Bring the schema to `HEAD`, or `to` an earlier revision, in the transaction that
    `connection` is in."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to or HEAD)
