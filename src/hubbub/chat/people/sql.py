"""What the statements of this package have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table, update
from sqlalchemy.dialects import postgresql, sqlite

from hubbub.chat.schema import settings

SERVER = "server"
"""The row of `chat_settings` with what administrators set; there from the first start on."""


def add_once(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert `row`, unless one with its primary key is there; whether there was none."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    done = connection.execute(dialect.insert(table).values(row).on_conflict_do_nothing())
    return done.rowcount == 1


def one_at_a_time(connection: Connection) -> None:
    """Wait until no other transaction is behind this line, until the end of this one.

    For what is decided by counting: who is the first administrator, or the last one. It is a
    write, so that where a transaction sees but one moment, that moment is not an old one.
    """
    row = settings.c.name == SERVER
    connection.execute(update(settings).where(row).values(value=settings.c.value))
