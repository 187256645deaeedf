"""What a back-up of the chat is made of beside the log: its tables, and the bytes of its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, inspect, select

from hubbub import ConfigurationError
from hubbub.chat import schema
from hubbub.chat.files.uploads import preview_key
from hubbub.chat.migrate import HEAD, VERSION_TABLE, current

if TYPE_CHECKING:
    from sqlalchemy import Connection

TABLES = schema.metadata.sorted_tables

FILES = 500
"""Asked for at once."""


class Kept(NamedTuple):
    """A file, and the keys that its bytes are under."""

    id: str
    keys: list[str]


def revision(connection: Connection) -> str:
    """The revision of the chat's tables, which is `HEAD`.

    Raises `ConfigurationError` where there are none, and for those of another version.
    """
    there = VERSION_TABLE in inspect(connection).get_table_names()
    found = current(connection) if there else None
    if found is None:
        raise ConfigurationError("there is no chat here: `hubbub serve` makes one when it starts")
    if found != HEAD:
        raise ConfigurationError(
            f"the chat's tables are at {found}, and this hubbub needs {HEAD}: `hubbub serve` "
            "upgrades them when it starts, and what is newer needs a newer hubbub"
        )
    return found


def count_files(connection: Connection) -> int:
    """How many files there are."""
    asked = select(func.count()).where(schema.files.c.gone_at.is_(None))
    return int(connection.execute(asked).scalar_one())


def kept_files(connection: Connection, after: str) -> list[Kept]:
    """The next files by id, beginning behind `after`; those that are gone are none."""
    c = schema.files.c
    asked = select(c.id, c.preview).where(c.gone_at.is_(None), c.id > after)
    rows = connection.execute(asked.order_by(c.id).limit(FILES))
    return [Kept(id, [id, preview_key(id)] if preview else [id]) for id, preview in rows]
