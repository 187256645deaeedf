"""Many rows in one statement, in SQLite and PostgreSQL alike.

A statement costs a round trip in PostgreSQL, and in SQLite the interpreter's lock for each row
of it that is bound by itself: here the rows go in as one argument, in JSON. Columns may be text,
numbers and booleans; where a column is JSON itself, give the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Row, Table


def put(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert `rows`, which all have the same columns; where one with that primary key is there,
    its columns get these values. No two of them have the same primary key."""
    raise NotImplementedError


def remove(connection: Connection, table: Table, keys: Sequence[Sequence[Any]]) -> None:
    """Delete the rows with these primary keys, each given in the order of its columns."""
    raise NotImplementedError


def find(
    connection: Connection, columns: Sequence[Column[Any]], keys: Sequence[Sequence[Any]]
) -> Sequence[Row[Any]]:
    """The rows of the columns' table whose first columns, as many as each key has, are one of
    `keys`; there has to be an index on these. Rows come once, in no order."""
    raise NotImplementedError
