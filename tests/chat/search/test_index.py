"""How the indexes are asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.chat.search.index import Index, PostgreSQL, Span, SQLite
from hubbub.chat.search.query import Term

HELLO = [Term(("hello",))]

keys = st.integers(0, 2**20) | st.integers(0, 2**33)


@pytest.mark.parametrize("index", [SQLite(), PostgreSQL()])
@given(keys, st.integers(0, 2**24))
def test_steps_are_the_span_from_its_end_on(index: Index, low: int, length: int) -> None:
    span = Span(low, low + length)
    high = span.high
    for step in index.steps(span):
        assert span.low <= step.low < step.high == high
        high = step.low
    assert high == span.low


@given(keys, st.integers(0, 2**24))
def test_a_step_in_postgresql_is_of_few_signs_that_cover_it(low: int, length: int) -> None:
    for step in PostgreSQL().steps(Span(low, low + length)):
        match = PostgreSQL().match(HELLO, [], step)
        signs = match.removeprefix("'hello' & ").strip("()").split(" | ")
        assert 1 <= len(signs) <= PostgreSQL.MOST
        for key in (step.low + 1, step.high, (step.low + 1 + step.high) // 2):
            assert {f"'<{key >> 12}'", f"'<<{key >> 16}'"} & set(signs)


def test_words_and_signs_are_quoted() -> None:
    terms = [Term(("hello", "wor"), prefix=True), Term(("hello",))]
    span = Span(0, 10)
    sqlite, postgresql = SQLite(), PostgreSQL()
    assert sqlite.match(terms, [sqlite.room("a\"'"), sqlite.files], span) == (
        '"hello" AND "wor" * AND "¤" AND "§612227"'
    )
    assert postgresql.match(terms, [postgresql.user("a'\\"), postgresql.files], span) == (
        "'+' & '@a''\\\\' & 'hello' & 'wor':* & ('<0')"
    )
