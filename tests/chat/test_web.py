"""Pages and their cursors."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from hubbub.chat.problem import Problem
from hubbub.chat.web import MAX_NUMBER, agent, cursor, paged, place

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
numbers = st.integers(-MAX_NUMBER, MAX_NUMBER)


@given(numbers, texts)
def test_cursor_comes_back_as_it_was_and_is_fit_for_an_address(number: int, text: str) -> None:
    made = cursor(number, text)
    assert place(made, int, str) == (number, text)
    assert all(char.isascii() and (char.isalnum() or char in "-_") for char in made)


@given(st.text(max_size=60))
def test_what_is_no_cursor_is_refused(said: str) -> None:
    try:
        values = place(said, int, str)
    except Problem as problem:
        assert problem.status == 400
    else:
        assert [type(value) for value in values] == [int, str]


@pytest.mark.parametrize(
    "wrong",
    [
        cursor(1),
        cursor("a", 1),
        cursor(1, "a", 2),
        cursor(2**63, "a"),
        cursor(1, "a\x00"),
        cursor("", ""),
        "é",
        "%",
        "W1tbW1tb" * 50,
    ],
)
def test_cursor_of_another_list_is_refused(wrong: str) -> None:
    with pytest.raises(Problem) as problem:
        place(wrong, int, str)
    assert problem.value.status == 400


def test_page_ends_where_nothing_more_is() -> None:
    assert paged([1, 2, 3], 2) == ([1, 2], True)
    assert paged([1, 2], 2) == ([1, 2], False)


def test_what_a_program_calls_itself_is_kept_short_and_on_one_line() -> None:
    headers: Any = [(b"user-agent", b"Fire\r\nfox\x00\x1b[0m" + b"x" * 1000)]
    said = agent(Request({"type": "http", "headers": headers}))
    assert said.startswith("Firefox[0mx") and len(said) == 200
