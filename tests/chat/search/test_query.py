"""What people write to find messages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.chat.search.fold import words
from hubbub.chat.search.query import MAX_QUERY, MIN_PREFIX, Query, QueryError, Term, parse


def moment(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("hello", [Term(("hello",))]),
        ("Hello  WORLD\thello", [Term(("hello",)), Term(("world",))]),
        ('"Hello World"', [Term(("hello", "world"))]),
        ('say "hello world', [Term(("say",)), Term(("hello", "world"))]),
        ('a"b c"d', [Term(("a",)), Term(("b", "c")), Term(("d",))]),
        ("„hello world“ «a b»", [Term(("hello", "world")), Term(("a", "b"))]),
        ("wor* well-kn*", [Term(("wor",), True), Term(("well", "kn"), True)]),
        ('"hello wor"*', [Term(("hello", "wor"), True)]),
        ('"hello wor*"', [Term(("hello", "wor"))]),
        ('a -b -"c d" -ef*', [Term(("a",)), Term(("b",), negated=True),
                              Term(("c", "d"), negated=True), Term(("ef",), True, True)]),
        ("don't 10:30 http://a.b/c", [Term(("don", "t")), Term(("10", "30")),
                                      Term(("http", "a", "b", "c"))]),
        ("to: re:you", [Term(("to",)), Term(("re", "you"))]),
        ("会议* 会", [Term(("会", "议")), Term(("会",))]),
        ('- -- "" * ... a', [Term(("a",))]),
        ("a-b -a- --a", [Term(("a", "b")), Term(("a",), negated=True)]),
        ('"from:ann" "-b"', [Term(("from", "ann")), Term(("b",))]),
    ],
)  # fmt: skip
def test_words_are_terms(text: str, terms: list[Term]) -> None:
    assert parse(text) == Query(tuple(terms))


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("from:ann", Query(user="ann")),
        ("From:@Ann", Query(user="ann")),
        ("from:me", Query(mine=True)),
        ("from:@me", Query(user="me")),
        ("in:general", Query(room="general")),
        ("in:#General", Query(room="general")),
        ("in:My--Room", Query(room="my-room")),
        ("has:file", Query(files=True)),
        ("HAS:Files", Query(files=True)),
    ],
)
def test_operators_are_said_in_words(text: str, query: Query) -> None:
    assert parse(text) == query


@pytest.mark.parametrize(
    ("said", "begins", "over"),
    [
        ("2026-01-31", moment(2026, 1, 31), moment(2026, 2, 1)),
        ("2024-02-29", moment(2024, 2, 29), moment(2024, 3, 1)),
        ("2026-01-31T18:00", moment(2026, 1, 31, 18), moment(2026, 1, 31, 18) + 1),
        ("2026-01-31t18:00:30z", moment(2026, 1, 31, 18, 0, 30),
         moment(2026, 1, 31, 18, 0, 30) + 1),
        ("2026-01-31T18:00:30.5Z", moment(2026, 1, 31, 18, 0, 30) + 500,
         moment(2026, 1, 31, 18, 0, 30) + 501),
        ("2026-01-31T18:00+02:00", moment(2026, 1, 31, 16), moment(2026, 1, 31, 16) + 1),
        ("2026-01-31T18:00-05:30", moment(2026, 1, 31, 23, 30), moment(2026, 1, 31, 23, 30) + 1),
        ("1970-01-01", 0, 86_400_000),
        ("9999-12-31", moment(9999, 12, 31), 253_402_300_799_999),
    ],
)  # fmt: skip
def test_times_are_days_or_moments(said: str, begins: int, over: int) -> None:
    assert parse(f"a before:{said}").before == begins
    assert parse(f"a after:{said}").after == over


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Write a word"),
        ("... - *", "Write a word"),
        ("-hello", "Write a word"),
        ("after:2026-01-01", "Write a word"),
        ("a*", "at least 2 letters"),
        ("hello -b*", "at least 2 letters"),
        ("from:", "name of a user"),
        ("from:@", "name of a user"),
        ("from:room", "name of a user"),
        ("from:a\0b", "name of a user"),
        ("from:\ud800", "name of a user"),
        ('from:"ann"', "name of a user"),
        ("in:", "name of a room"),
        ("in:#", "name of a room"),
        ("in:\0", "name of a room"),
        ("has:link", "has:file"),
        ("has:", "has:file"),
        ("from:ann from:bob", "once"),
        ("a -in:general", "minus"),
        ("a before:", "a day like 2026-01-31"),
        ("a before:yesterday", "a day like 2026-01-31"),
        ("a after:2026-13-01", "a day like 2026-01-31"),
        ("a after:2026-02-30", "a day like 2026-01-31"),
        ("a after:2026-1-1", "a day like 2026-01-31"),
        ("a after:26-01-01", "a day like 2026-01-31"),
        ("a after:1969-12-31", "a day like 2026-01-31"),
        ("a after:2026-01-01T25:00", "a day like 2026-01-31"),
        ("a after:2026-01-01T10:00+24:00", "a day like 2026-01-31"),
        ("a after:2026-01-01T10", "a day like 2026-01-31"),
        ("a after:٢٠٢٦-٠١-٠١", "a day like 2026-01-31"),
        ("x" * (MAX_QUERY + 1), "at most 500"),
        ("x" * 1_000_000, "at most 500"),
    ],
)
def test_what_cannot_be_looked_for_is_refused_with_a_text(text: str, reason: str) -> None:
    with pytest.raises(QueryError, match=reason):
        parse(text)


# Pieces of the language in any order, beside any text.
pieces = st.sampled_from(
    ["from:", "in:", "has:", "before:", "after:", "-", '"', "*", " ", ":", "@", "#", "me", "file"]
    + ["ann", "2026-01-31", "T10:00", "Z", "+02:00", "会", "é", "“", "\0", "a", "\u202e"]
)
written = st.text(max_size=80) | st.lists(pieces, max_size=30).map("".join)


@given(written)
def test_every_text_is_a_query_or_refused(text: str) -> None:
    try:
        query = parse(text)
    except QueryError as error:
        assert str(error).endswith(".")
    else:
        assert parse(str(query)) == query


folded = st.text(min_size=1, max_size=8).map(words).filter(bool).map(lambda text: text.split())
terms = st.builds(
    Term, st.lists(folded, min_size=1, max_size=2).map(lambda all: tuple(sum(all, []))),
    st.booleans(), st.booleans(),
)  # fmt: skip
names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,10}[a-z0-9]", fullmatch=True)
times = st.none() | st.integers(1, 253_402_300_799_999)


@given(
    st.lists(terms, max_size=4, unique=True), names, st.booleans(),
    st.sampled_from(["", "general", "überall", "a-b"]), st.booleans(), times, times,
)  # fmt: skip
def test_what_is_written_for_a_query_means_it(
    found: list[Term], name: str, mine: bool, room: str, files: bool,
    before: int | None, after: int | None,
) -> None:  # fmt: skip
    query = Query(
        tuple(dict.fromkeys(
            term._replace(prefix=term.prefix and len(term.words[-1]) >= MIN_PREFIX)
            for term in found
        )),
        None if mine else name, mine, room or None, files, before, after,
    )  # fmt: skip
    if len(str(query)) <= MAX_QUERY and name not in ("all", "room", "here", "everyone", "channel"):
        assert parse(str(query)) == query
