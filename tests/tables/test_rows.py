"""Many rows in one statement: what goes in comes out, in both databases."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    Engine,
    Float,
    Integer,
    MetaData,
    NullPool,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from tests.support.postgres import fresh_database

from hubbub.tables.rows import find, put, remove, update

metadata = MetaData()

things = Table(
    "things of 'ours' \"%s: $1?",
    metadata,
    Column("user", Text(), nullable=False),
    Column("offset", BigInteger().with_variant(Integer(), "sqlite"), nullable=False),
    Column("by", Text(), default=""),
    Column('kind of "it" %s :a $1?\'', Text(), default="new"),
    Column("small", Integer),
    Column("truth", Boolean, default=False),
    PrimaryKeyConstraint("user", "offset"),
)
BY, ODD = list(things.columns)[2:4]

weights = Table(
    "weights",
    metadata,
    Column("name", Text(), primary_key=True),
    Column("weight", Float(53)),
    Column("heavy", Boolean),
)

counted = Table(
    "counted",
    metadata,
    Column(
        "key",
        BigInteger().with_variant(Integer(), "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("room", Text(), nullable=False),
    Column("id", BigInteger, nullable=False),
    Column("text", Text(), nullable=False),
    UniqueConstraint("room", "id"),
)

timed = Table("timed", metadata, Column("at", DateTime, primary_key=True))

Test = Callable[[Connection], None]
Run = Callable[[Test], None]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = create_engine("sqlite://")
    yield engine
    engine.dispose()


class Postgres:
    """A database of its own, and a loop to speak to it on."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        url = self.loop.run_until_complete(fresh_database())
        self.engine = create_async_engine(
            url.replace("postgresql:", "postgresql+asyncpg:"), poolclass=NullPool
        )
        self.connection: AsyncConnection = self.loop.run_until_complete(self._connect())

    async def _connect(self) -> AsyncConnection:
        return await self.engine.connect()

    def run(self, test: Test) -> None:
        self.loop.run_until_complete(self._run(test))

    async def _run(self, test: Test) -> None:
        transaction = await self.connection.begin()
        try:
            await self.connection.run_sync(metadata.create_all)
            await self.connection.run_sync(test)
        finally:
            await transaction.rollback()

    def close(self) -> None:
        self.loop.run_until_complete(self.connection.close())
        self.loop.run_until_complete(self.engine.dispose())
        self.loop.close()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    postgres = Postgres()
    yield postgres
    postgres.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def run(request: pytest.FixtureRequest, engine: Engine) -> Run:
    """Has a test done in empty tables."""
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        return postgres.run

    def in_sqlite(test: Test) -> None:
        with engine.begin() as connection:
            metadata.drop_all(connection)
            metadata.create_all(connection)
            test(connection)

    return in_sqlite


def content(connection: Connection, table: Table) -> list[tuple[Any, ...]]:
    order = list(table.primary_key.columns)
    return [tuple(row) for row in connection.execute(select(table).order_by(*order))]


def thing(user: str, offset: Any, **more: Any) -> dict[str, Any]:
    return {"user": user, "offset": offset, **more}


def test_rows_are_put_changed_and_removed(run: Run) -> None:
    def test(connection: Connection) -> None:
        put(connection, things, [thing("ann", 1, by="x"), thing("bob", 1, by="y")])
        assert content(connection, things) == [
            ("ann", 1, "x", "new", None, False),
            ("bob", 1, "y", "new", None, False),
        ]
        put(connection, things, [thing("ann", 1, truth=True), thing("ann", 2, truth=None)])
        assert content(connection, things) == [
            ("ann", 1, "x", "new", None, True),
            ("ann", 2, "", "new", None, None),
            ("bob", 1, "y", "new", None, False),
        ], "of a row that is there only what is given changes, and no default undoes the rest"
        put(connection, things, [thing("ann", 1), thing("cid", 9)])
        assert len(content(connection, things)) == 4, "nothing but a key is fine, too"
        update(connection, things, [thing("ann", 1, small=5), thing("nobody", 1, small=6)])
        assert content(connection, things)[0] == ("ann", 1, "x", "new", 5, True)
        assert len(content(connection, things)) == 4, "what is not there is not inserted"
        remove(connection, things, [("ann", 2), ("nobody", 1), ("bob", 2)])
        assert [row[:2] for row in content(connection, things)] == [
            ("ann", 1),
            ("bob", 1),
            ("cid", 9),
        ]
        put(connection, things, [thing("ann", 3), thing("bob", 3)])
        remove(connection, things, [["ann"], ["cid"]])
        assert [row[:2] for row in content(connection, things)] == [("bob", 1), ("bob", 3)]
        for call in (put, update):
            call(connection, things, [])
        remove(connection, things, [])
        assert find(connection, [things.c.user], []) == []

    run(test)


def test_other_columns_may_tell_which_row_it_is(run: Run) -> None:
    by = (counted.c.room, counted.c.id)

    def test(connection: Connection) -> None:
        rows = [{"room": "a", "id": number, "text": f"{number}"} for number in range(3)]
        put(connection, counted, rows, by=by)
        before = content(connection, counted)
        assert [row[1:] for row in before] == [("a", 0, "0"), ("a", 1, "1"), ("a", 2, "2")]
        put(connection, counted, [{"text": "x", "room": "a", "id": 1}], by=by)
        update(connection, counted, [{"room": "a", "text": "y", "id": 2}], by=by)
        after = content(connection, counted)
        assert [row[1:] for row in after] == [("a", 0, "0"), ("a", 1, "x"), ("a", 2, "y")]
        assert [row[0] for row in after] == [row[0] for row in before], "they are the same rows"

    run(test)


def test_rows_are_found_by_their_first_columns(run: Run) -> None:
    def test(connection: Connection) -> None:
        put(connection, things, [thing(user, number) for user in "abc" for number in range(3)])
        columns = [things.c.user, things.c.offset, things.c.truth]
        found = find(connection, columns, [("a", 1), ("a", 1), ("c", 2), ("c", 3)])
        assert sorted(map(tuple, found)) == [("a", 1, False), ("c", 2, False)], "once each"
        assert all(type(row.truth) is bool for row in found), "by name, and as they are"
        assert {row.offset for row in found} == {1, 2}
        found = find(connection, columns, [["b"], ["c"]])
        assert sorted(row[:2] for row in found) == [(u, n) for u in "bc" for n in range(3)]
        assert find(connection, columns, [("d", 1)]) == []

    run(test)


texts = st.text(st.characters(exclude_categories=["Cs"]))
whole = st.integers(-(2**63), 2**63 - 1)
rows = st.dictionaries(
    st.tuples(texts, whole),
    st.fixed_dictionaries(
        {
            "by": st.none() | texts,
            ODD.name: st.none() | texts,
            "small": st.none() | st.integers(-(2**31), 2**31 - 1),
            "truth": st.none() | st.booleans(),
        }
    ),
    max_size=8,
)
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9)
weighed = st.dictionaries(
    texts.filter(lambda text: "\0" not in text), st.tuples(numbers, st.none() | st.booleans())
)


def without_nul(value: Any) -> Any:
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def as_kept(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(without_nul(row[column.name]) for column in things.columns)


@settings(max_examples=60)
@given(made=rows)
def test_what_goes_in_comes_out_in_sqlite(engine: Engine, made: dict[Any, Any]) -> None:
    with engine.begin() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
        goes_in_and_comes_out(connection, made)


@pytest.mark.slow
@settings(max_examples=60)
@given(made=rows)
def test_what_goes_in_comes_out_in_postgresql(postgres: Postgres, made: dict[Any, Any]) -> None:
    postgres.run(lambda connection: goes_in_and_comes_out(connection, made))


def goes_in_and_comes_out(connection: Connection, made: dict[Any, Any]) -> None:
    given = {}
    for (user, offset), more in made.items():
        given[without_nul(user), offset] = thing(user, offset, **more)
    put(connection, things, list(given.values()))
    kept = {key: as_kept(row) for key, row in given.items()}
    assert {row[:2]: row for row in content(connection, things)} == kept
    found = find(connection, list(things.columns), [*made, ("nobody", 1)])
    assert {row[:2]: tuple(row) for row in found} == kept
    assert [[type(value) for value in row] for row in found] == [
        [type(value) for value in kept[row[0], row[1]]] for row in found
    ]
    remove(connection, things, list(made))
    assert content(connection, things) == []


@given(made=weighed)
def test_numbers_are_exact_to_the_last_bit_in_sqlite(engine: Engine, made: Any) -> None:
    with engine.begin() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
        numbers_are_exact(connection, made)


@pytest.mark.slow
@given(made=weighed)
def test_numbers_are_exact_to_the_last_bit_in_postgresql(postgres: Postgres, made: Any) -> None:
    postgres.run(lambda connection: numbers_are_exact(connection, made))


def numbers_are_exact(connection: Connection, made: Any) -> None:
    put(
        connection,
        weights,
        [{"name": name, "weight": one, "heavy": heavy} for name, (one, heavy) in made.items()],
    )
    found = find(connection, list(weights.columns), [(name,) for name in made])
    assert {name: (weight, heavy) for name, weight, heavy in found} == made
    assert all(type(row.heavy) is bool or row.heavy is None for row in found)


@pytest.mark.parametrize(
    ("table", "row", "kind", "text"),
    [
        (things, thing("a", 1, by=b"x"), TypeError, "by is of text, not of bytes"),
        (things, thing("a", 1, by=1), TypeError, "by is of text, not of int"),
        (things, thing("a", "1"), TypeError, "offset is of whole numbers, not of str"),
        (things, thing("a", True), TypeError, "offset is of whole numbers, not of bool"),
        (things, thing("a", 1.0), TypeError, "offset is of whole numbers, not of float"),
        (things, thing("a", 1, truth=1), TypeError, "truth is of booleans, not of int"),
        (things, thing("a", 2**63), ValueError, "offset cannot hold 9223372036854775808"),
        (weights, {"name": "a", "weight": float("inf")}, ValueError, "weight cannot hold inf"),
        (weights, {"name": "a", "weight": False}, TypeError, "weight is of numbers, not of bool"),
        (timed, {"at": None}, TypeError, "neither text nor a number nor a boolean"),
    ],
)
def test_what_a_column_cannot_hold_is_told(
    run: Run, table: Table, row: dict[str, Any], kind: type[Exception], text: str
) -> None:
    def test(connection: Connection) -> None:
        for call in (put, update):
            with pytest.raises(kind, match=text):
                call(connection, table, [row])
        assert content(connection, table) == []

    run(test)


def test_rows_of_different_columns_are_told(run: Run) -> None:
    def test(connection: Connection) -> None:
        with pytest.raises(ValueError, match="the same columns"):
            put(connection, things, [thing("a", 1), thing("a", 2, by="x")])
        with pytest.raises(KeyError):
            put(connection, things, [thing("a", 1, by=""), thing("a", 2, small=1)])
        with pytest.raises(ValueError, match="a key has 2 parts, for 1 column"):
            find(connection, [things.c.user], [("a", 1)])

    run(test)


def test_what_must_not_be_null_has_to_be_given(run: Run) -> None:
    def test(connection: Connection) -> None:
        with pytest.raises(DBAPIError), connection.begin_nested():
            put(connection, counted, [{"key": 1, "room": "a"}])
        assert content(connection, counted) == []

    run(test)


def plans(connection: Connection, act: Callable[[], object]) -> list[str]:
    """How SQLite goes about the statements of `act`."""
    said: list[tuple[str, Any]] = []

    def note(_: Any, cursor: Any, sql: str, arguments: Any, *rest: Any) -> None:
        said.append((sql, arguments))

    event.listen(connection, "before_cursor_execute", note)
    act()
    event.remove(connection, "before_cursor_execute", note)
    return [
        row[3]
        for sql, arguments in said
        for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", arguments)
    ]


def test_rows_are_looked_up_and_no_table_is_read_through(engine: Engine) -> None:
    def whole(lines: Sequence[str]) -> list[str]:
        return [line for line in lines if line.startswith("SCAN") and "json_each" not in line]

    with engine.begin() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
        put(connection, things, [thing(f"{number}", number) for number in range(1_000)])
        columns, by = list(things.columns), (counted.c.room, counted.c.id)
        for act in (
            lambda: find(connection, columns, [("1", 1)]),
            lambda: find(connection, columns, [["1"]]),
            lambda: remove(connection, things, [("1", 1)]),
            lambda: remove(connection, things, [["1"]]),
            lambda: update(connection, things, [thing("1", 1, by="")]),
            lambda: update(connection, counted, [{"room": "", "id": 1, "text": ""}], by=by),
        ):
            lines = plans(connection, act)
            assert any(line.startswith("SEARCH") for line in lines), lines
            assert whole(lines) in ([], ["SCAN given"]), lines
