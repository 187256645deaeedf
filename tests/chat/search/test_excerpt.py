"""The part of a message that shows why it was found."""

from __future__ import annotations

import re
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.chat.search.excerpt import LENGTH, Segment, excerpt
from hubbub.chat.search.fold import words
from hubbub.chat.search.query import Term, parse


def marked(text: str, query: str) -> str:
    """The excerpt, with what is marked in brackets."""
    pieces = excerpt(text, parse(query).wanted)
    return "".join(f"[{text}]" if is_marked else text for text, is_marked in pieces)


@pytest.mark.parametrize(
    ("text", "query", "shown"),
    [
        ("Hello, World", "world", "Hello, [World]"),
        ("Hello, World", "hello world", "[Hello], [World]"),
        ("Hello, World", '"hello world"', "[Hello, World]"),
        ("hello world hello", '"world hello" hello', "[hello] [world hello]"),
        ("a b a b a", '"a b a"', "[a b a b a]"),
        ("working words", "wor*", "[working] [words]"),
        ("working", "wor", "working"),
        ("Cafés, cafe\u0301!", "cafe cafes", "[Cafés], [café]!"),
        ("the ﬁne print", "fine", "the [ﬁne] print"),
        ("don\u2019t", "don't", "[don\u2019t]"),
        ("明日の会議は会議室で", "会議", "明日の[会議]は[会議]室で"),
        ("<script>alert(1)</script>", "alert", "<script>[alert](1)</script>"),
        ("x\u0301y z", "xy", "[x\u0301y] z"),
        ("one\n\n  two\tthree", "two", "one [two] three"),
        ("hello world", "from:ann", "hello world"),
        ("hello world", "hello -world", "[hello] world"),
        ("", "hello", ""),
    ],
)
def test_what_was_looked_for_is_marked(text: str, query: str, shown: str) -> None:
    assert marked(text, query) == shown


def test_of_a_long_text_the_part_around_is_shown() -> None:
    text = "before " * 100 + "the needle here " + "after " * 100
    shown = marked(text, "needle")
    assert shown.startswith("… before")
    assert "before the [needle] here after" in shown
    assert shown.endswith("after …")
    assert len(shown) <= LENGTH + 10


def test_a_long_text_is_shown_from_its_beginning_where_nothing_is_marked() -> None:
    shown = marked("word " * 100, "from:ann")
    assert shown.startswith("word word")
    assert shown.endswith("word …")


def test_the_end_of_a_long_text_is_shown_in_full() -> None:
    shown = marked("word " * 100 + "needle", "needle")
    assert shown.startswith("… word")
    assert shown.endswith("word [needle]")
    assert len(shown) > LENGTH - 10


def test_a_word_that_is_longer_than_the_excerpt_is_cut() -> None:
    text = "a" * 50 + "b" * 5000
    assert marked(text, f"{'a' * 50}*") == f"[{'a' * 50}{'b' * (LENGTH - 50)}] …"
    assert marked(text, "other") == f"{'a' * 50}{'b' * (LENGTH - 50)} …"


texts = st.text() | st.text(st.sampled_from("ab é会\n\u0301-"), max_size=600)
some_terms = st.lists(
    st.builds(
        Term,
        st.text(st.sampled_from("ab 会"), min_size=1, max_size=5)
        .map(lambda text: tuple(words(text).split()))
        .filter(bool),
        st.booleans(),
    ),
    max_size=3,
)


@given(texts, some_terms)
def test_an_excerpt_is_a_part_of_the_text_in_pieces(text: str, terms: list[Term]) -> None:
    pieces = excerpt(text, terms)
    shown = "".join(piece.text for piece in pieces)
    whole = re.sub(r"\s+", " ", normalize("NFC", text))
    assert shown.removeprefix("… ").removesuffix(" …") in whole
    assert len(shown) <= LENGTH + 4
    assert all(piece.text for piece in pieces)
    assert all(one.marked != next.marked for one, next in zip(pieces, pieces[1:], strict=False))


@given(texts, some_terms)
def test_what_is_marked_are_words_that_were_looked_for(text: str, terms: list[Term]) -> None:
    sought = {word for term in terms for word in term.words}
    begins = tuple(term.words[-1] for term in terms if term.prefix)
    pieces = excerpt(text, terms)
    for piece in pieces:
        if piece.marked and len(normalize("NFC", text)) <= LENGTH:
            found = words(piece.text).split()
            assert found
            assert all(word in sought or word.startswith(begins) for word in found)
    folded = f" {words(text)} "
    there = any(f" {' '.join(term.words)}{' ' * (not term.prefix)}" in folded for term in terms)
    assert any(piece.marked for piece in pieces) == there


def test_what_is_long_takes_no_longer_than_its_length() -> None:
    # With a search at each word this would be a hundred million steps.
    text = "a " * 30_000
    terms = [Term(("a",) * length) for length in range(1, 200)]
    assert excerpt(text, terms)[0] == Segment("a " * (LENGTH // 2 - 1) + "a", True)
    assert excerpt(text, [Term(("a",) * 29_000 + ("b",))])[0].marked is False
