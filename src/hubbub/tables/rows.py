"""Many rows in one statement, in SQLite and PostgreSQL alike.

A statement costs a round trip in PostgreSQL, and in SQLite the interpreter's lock for each row
that it is given or gives: here rows go into SQLite as one argument and come out of it as one row,
in JSON, and into PostgreSQL as an array for each column.

Columns may be text, numbers and booleans; where a column is JSON itself, give the text. A NUL in
a text becomes U+FFFD, since PostgreSQL holds none. Raises TypeError for a value of another kind
than its column, and ValueError for a number that a column cannot hold. Floats are read row by
row in SQLite, whose JSON cuts them short.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.json import Decoder, encode
from sqlalchemy import Boolean, Float, Integer, String
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Row, Table

STATEMENTS = 1024
"""How many of each kind are kept as text, so as not to be made anew."""

_rows = Decoder(list[tuple[Any, ...]])


def put(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    by: Sequence[Column[Any]] = (),
) -> None:
    """Insert `rows`, which all have the same columns; where one with that primary key is there,
    its columns get these values. No two of them have the same primary key.

    In place of the primary key there may be other columns that are unique together: `by`. A new
    row gets the `default` of a column that is not given. All others that must not be null have to
    be given, whether or not the row is there: see `update`.
    """
    if rows:
        names = tuple(rows[0])
        given = _columns(table, rows, names)
        for column in _defaults(table, names):
            given.append((column, [column.default.arg] * len(rows)))
        unique = _names(by or table.primary_key.columns)
        _write(connection, _put(table, names, unique, _is_sqlite(connection)), given)


def update(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    by: Sequence[Column[Any]] = (),
) -> None:
    """As `put`, for rows that are there: what is not is not inserted, and columns that are not
    given stay as they are. At least one has to be given beside those that tell which row it is.
    """
    if rows:
        names = tuple(rows[0])
        unique = _names(by or table.primary_key.columns)
        sql = _update(table, names, unique, _is_sqlite(connection))
        _write(connection, sql, _columns(table, rows, names))


def remove(connection: Connection, table: Table, keys: Sequence[Sequence[Any]]) -> None:
    """Delete the rows with these primary keys, each given in the order of its columns. Of each
    the first few will do: then all that begin so are deleted."""
    if keys:
        columns = tuple(table.primary_key.columns)[: len(keys[0])]
        sql = _remove(table, columns, _is_sqlite(connection))
        _write(connection, sql, _keys(columns, keys))


def find(
    connection: Connection, columns: Sequence[Column[Any]], keys: Sequence[Sequence[Any]]
) -> Sequence[Row[*tuple[Any, ...]]]:
    """The rows of the columns' table whose first columns, as many as each key has, are one of
    `keys`; there has to be an index on these. Rows come once, in no order."""
    if not keys:
        return []
    given = _keys(columns, keys)
    finding = _find(tuple(columns), len(given), _is_sqlite(connection))
    result = connection.exec_driver_sql(finding.sql, _arguments(connection, given))
    rows = _rows.decode(result.scalar_one()) if finding.whole else [tuple(row) for row in result]
    for place in finding.truths:
        rows = [(*row[:place], _truth(row[place]), *row[place + 1 :]) for row in rows]
    made: IteratorResult[*tuple[Any, ...]] = IteratorResult(
        SimpleResultMetaData(_names(columns)), iter(rows)
    )
    return made.all()


# What goes in.

Given = list[tuple["Column[Any]", list[Any]]]
"""Columns, and for each the values of all rows."""


def _columns(table: Table, rows: Sequence[Mapping[str, Any]], names: tuple[str, ...]) -> Given:
    if any(len(row) != len(names) for row in rows):
        raise ValueError(f"all rows for {table.name} are to have the same columns")
    return [_checked(table.columns[name], [row[name] for row in rows]) for name in names]


def _keys(columns: Sequence[Column[Any]], keys: Sequence[Sequence[Any]]) -> Given:
    given = list(zip(*keys, strict=True))
    if len(given) > len(columns):
        raise ValueError(f"a key has {len(given)} parts, for {len(columns)} columns")
    return [_checked(column, values) for column, values in zip(columns, given, strict=False)]


def _defaults(table: Table, names: tuple[str, ...]) -> list[Any]:
    return [
        column
        for column in table.columns
        if column.default is not None and column.default.is_scalar and column.name not in names
    ]


class Kind(NamedTuple):
    """What a column may hold: how it is called here and in PostgreSQL, and as what it is given."""

    name: str
    sql: str
    types: tuple[Any, ...]


TEXT = Kind("text", "text", (str,))
INTEGER = Kind("whole numbers", "bigint", (int,))
FLOAT = Kind("numbers", "double precision", (float, int))
TRUTH = Kind("booleans", "boolean", (bool,))


def _kind(column: Column[Any]) -> Kind:
    for type_, kind in ((Boolean, TRUTH), (Integer, INTEGER), (Float, FLOAT), (String, TEXT)):
        if isinstance(column.type, type_):
            return kind
    raise TypeError(f"{column} is neither text nor a number nor a boolean, but {column.type!r}")


def _checked(column: Column[Any], values: Sequence[Any]) -> tuple[Column[Any], list[Any]]:
    kind, checked = _kind(column), list(values)
    for number, value in enumerate(checked):
        if value is None:
            continue
        if not isinstance(value, kind.types) or (isinstance(value, bool) and kind is not TRUTH):
            raise TypeError(f"{column} is of {kind.name}, not of {type(value).__name__}")
        if kind is TEXT:
            if "\0" in value:
                checked[number] = value.replace("\0", "\ufffd")
        elif not (-(2**63) <= value < 2**63 if kind is INTEGER else math.isfinite(value)):
            raise ValueError(f"{column} cannot hold {value}")
    return column, checked


# How it is said.


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _write(connection: Connection, sql: str, given: Given) -> None:
    connection.exec_driver_sql(sql, _arguments(connection, given))


def _arguments(connection: Connection, given: Given) -> tuple[Any, ...]:
    values = [values for _, values in given]
    if _is_sqlite(connection):
        return (encode(list(zip(*values, strict=True))).decode(),)
    return tuple(values)


def _source(columns: Sequence[Column[Any]], sqlite: bool) -> str:
    """The rows that are given, with columns `v0`, `v1`, …"""
    numbers = range(len(columns))
    if sqlite:
        parts = ", ".join(f"json_extract(value, '$[{number}]') AS v{number}" for number in numbers)
        return f"SELECT {parts} FROM json_each(?)"
    arrays = ", ".join(f"${number}::{_kind(one).sql}[]" for number, one in enumerate(columns, 1))
    names = ", ".join(f"v{number}" for number in numbers)
    return f"SELECT {names} FROM unnest({arrays}) AS given ({names})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _named(table: Any) -> str:
    return ".".join(_quoted(part) for part in (table.schema, table.name) if part)


def _names(columns: Iterable[Column[Any]]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)


@lru_cache(STATEMENTS)
def _put(table: Table, names: tuple[str, ...], unique: tuple[str, ...], sqlite: bool) -> str:
    columns = [*(table.columns[name] for name in names), *_defaults(table, names)]
    changes = ", ".join(
        f"{_quoted(name)} = excluded.{_quoted(name)}" for name in names if name not in unique
    )
    return (
        f"INSERT INTO {_named(table)} ({', '.join(_quoted(one.name) for one in columns)})"
        # SQLite takes ON for that of a join, were it not for the WHERE.
        f" SELECT * FROM ({_source(columns, sqlite)}) AS rows WHERE true"
        f" ON CONFLICT ({', '.join(map(_quoted, unique))})"
        f" DO {'UPDATE SET ' + changes if changes else 'NOTHING'}"
    )


@lru_cache(STATEMENTS)
def _update(table: Table, names: tuple[str, ...], unique: tuple[str, ...], sqlite: bool) -> str:
    columns = [table.columns[name] for name in names]
    places = {name: f"given.v{number}" for number, name in enumerate(names)}
    changes = [f"{_quoted(name)} = {places[name]}" for name in names if name not in unique]
    same = [f"row.{_quoted(name)} = {places[name]}" for name in unique]
    return (
        f"UPDATE {_named(table)} AS row SET {', '.join(changes)}"
        f" FROM ({_source(columns, sqlite)}) AS given WHERE {' AND '.join(same)}"
    )


@lru_cache(STATEMENTS)
def _remove(table: Table, columns: tuple[Column[Any], ...], sqlite: bool) -> str:
    return f"DELETE FROM {_named(table)} WHERE {_among(columns, sqlite)}"


class Finding(NamedTuple):
    """How rows are found: `whole` where all of them come as one, in JSON. `truths` are the
    columns that are booleans, and come as numbers."""

    sql: str
    whole: bool
    truths: tuple[int, ...]


@lru_cache(STATEMENTS)
def _find(columns: tuple[Column[Any], ...], width: int, sqlite: bool) -> Finding:
    kinds = [_kind(column) for column in columns]
    names = ", ".join(_quoted(column.name) for column in columns)
    whole = sqlite and FLOAT not in kinds
    what = f"json_group_array(json_array({names}))" if whole else names
    where = _among(columns[:width], sqlite)
    truths = [place for place, kind in enumerate(kinds) if kind is TRUTH] if sqlite else []
    sql = f"SELECT {what} FROM {_named(columns[0].table)} WHERE {where}"
    return Finding(sql, whole, tuple(truths))


def _truth(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _among(columns: Sequence[Column[Any]], sqlite: bool) -> str:
    names = ", ".join(_quoted(column.name) for column in columns)
    return f"({names}) IN ({_source(columns, sqlite)})"
