"""The rows of a log's database, and of tables beside it, as lines of JSON; and back again.

A line is a row, `[1,"chat:7",…]`, as the `Form` of its table says: with that it can be put into the
tables as they were made at its revision, by a later version too, which upgrades them then. It is
the same for SQLite and PostgreSQL.

What a restored log gives out again as offsets must not pass for what was given out after it was
dumped: `finish` gives all logs a new epoch. What only means something to the servers that ran
(`hubbub_batches`) is not dumped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, MsgspecError, Struct
from msgspec.json import Decoder, Encoder
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    func,
    insert,
    inspect,
    select,
    text,
    tuple_,
)
from sqlalchemy.exc import DataError, IntegrityError

from hubbub.errors import ConfigurationError
from hubbub.stores.schema import batches, metadata, store

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.types import TypeEngine

ROWS = 500
"""Read at once, at most."""

SIZE = 4_194_304
"""Bytes of lines that are read at once, about."""

Kind = Literal["text", "number", "truth", "bytes"]

_TYPES: dict[Kind, tuple[type[TypeEngine[Any]], Any]] = {
    "text": (Text, str | None),
    "number": (BigInteger, Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None),
    "truth": (Boolean, bool | None),
    "bytes": (LargeBinary, bytes | None),
}
"""What each is in a database, and as what it is read: bytes are in base64."""

_encoder = Encoder()


class Form(Struct, frozen=True):
    """How the rows of a table are written: its columns in their order, and those of its key."""

    table: str
    columns: tuple[tuple[str, Kind], ...]
    key: tuple[str, ...]

    def to_table(self) -> Table:
        """As much of the table as it takes to read and write it."""
        columns = [Column(name, _TYPES[kind][0]()) for name, kind in self.columns]
        return Table(self.table, MetaData(), *columns)

    def decoder(self) -> Decoder[tuple[Any, ...]]:
        return Decoder(tuple[tuple(_TYPES[kind][1] for _, kind in self.columns)])  # type: ignore[misc]


def form(table: Table) -> Form:
    columns = tuple((str(column.name), _kind(column)) for column in table.columns)
    return Form(str(table.name), columns, tuple(str(column.name) for column in table.primary_key))


def log_forms() -> list[Form]:
    """The log's own tables, but those that a new database has by itself."""
    return [form(table) for table in metadata.sorted_tables if table not in (store, batches)]


def _kind(column: Column[Any]) -> Kind:
    kinds: tuple[tuple[type[TypeEngine[Any]], Kind], ...] = (
        (Boolean, "truth"),
        (Integer, "number"),
        (String, "text"),
        (LargeBinary, "bytes"),
    )
    for type_, kind in kinds:
        if isinstance(column.type, type_):
            return kind
    raise TypeError(f"{column} is of a type that is not dumped: {column.type!r}")


# Out. -----------------------------------------------------------------------------------------


def count(connection: Connection, form: Form) -> int:
    return int(connection.execute(select(func.count()).select_from(form.to_table())).scalar_one())


class Rows:
    """The rows of a table, in the order of its key, for a transaction that is of one moment."""

    def __init__(self, form: Form) -> None:
        table = form.to_table()
        self._key = [table.c[name] for name in form.key]
        self._select = select(table).order_by(*self._key)
        self._places = [[name for name, _ in form.columns].index(name) for name in form.key]
        self._after: tuple[Any, ...] | None = None
        self._limit = ROWS
        self.over = False

    def read(self, connection: Connection) -> tuple[bytes, int]:
        """The next lines, and how many there are; `over` once there are no more."""
        asked = self._select.limit(self._limit)
        if self._after is not None:
            asked = asked.where(tuple_(*self._key) > self._after)
        rows = connection.execute(asked).all()
        self.over = len(rows) < self._limit
        if rows:
            self._after = tuple(rows[-1][place] for place in self._places)
        lines = _encoder.encode_lines([tuple(row) for row in rows])
        # Long ones: fewer of them. They are much alike within a table.
        self._limit = max(1, min(ROWS, self._limit * SIZE // max(1, len(lines))))
        return lines, len(rows)


# In. ------------------------------------------------------------------------------------------


def put(connection: Connection, form: Form, lines: bytes) -> int:
    """Insert what these lines say; how many rows that are.

    Raises `ConfigurationError` for lines that are not of this form, and for what cannot be.
    """
    names = [name for name, _ in form.columns]
    try:
        rows = form.decoder().decode_lines(lines)
    except MsgspecError as error:
        raise ConfigurationError(f"these are no rows of {form.table}: {error}") from error
    if rows:
        values = [dict(zip(names, row, strict=True)) for row in rows]
        try:
            connection.execute(insert(form.to_table()), values)
        except (IntegrityError, DataError) as error:
            raise ConfigurationError(f"rows of {form.table} do not fit: {error.orig}") from error
    return len(rows)


def check_forms(connection: Connection, forms: Iterable[Form]) -> None:
    """Whether the tables that are there have these columns. Raises `ConfigurationError`."""
    there = inspect(connection)
    tables = set(there.get_table_names())
    for one in forms:
        columns: set[str] = set()
        if one.table in tables:
            columns = {column["name"] for column in there.get_columns(one.table)}
        if not one.key or not columns.issuperset([*one.key, *(name for name, _ in one.columns)]):
            raise ConfigurationError(f"there is no such table as {one.table} at this revision")


def finish(connection: Connection, forms: Sequence[Form]) -> None:
    """Have numbers go on behind those that were put in, and the logs be of another epoch."""
    for one in forms:
        if connection.dialect.name == "postgresql" and one.key in [
            (name,) for name, kind in one.columns if kind == "number"
        ]:
            _go_on(connection, one)
    connection.execute(text("UPDATE hubbub_logs SET epoch = (SELECT epoch FROM hubbub_store)"))


def _go_on(connection: Connection, form: Form) -> None:
    quoted = connection.dialect.identifier_preparer.quote
    table, column = form.table, form.key[0]
    sequence = connection.scalar(select(func.pg_get_serial_sequence(quoted(table), column)))
    top = connection.scalar(select(func.max(form.to_table().c[column])))
    if sequence is not None and top is not None:
        connection.execute(select(func.setval(sequence, top)))
