"""What people write, in its one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.chat.text import (
    EXCERPT,
    MAX_MENTIONS,
    cleaned,
    excerpt,
    is_emoji,
    mentioned,
    slug,
    title,
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("hi @Ann", ["ann"]),
        ("@ann. And (@bob), @c_d-e!", ["ann.", "ann", "bob", "c_d-e"]),
        ("me@ann.org @@ann a@ann", []),
        ("`@ann` and ```\n@bob\n``` but @eve", ["eve"]),
        ("``` never closed @ann", []),
        ("@ann @ANN @ann", ["ann"]),
        ("@" + "a" * 33, ["a" * 32]),
    ],
)
def test_mentions_are_names_after_an_at(text: str, names: list[str]) -> None:
    assert mentioned(text) == names


def test_mentions_are_bounded() -> None:
    assert len(mentioned(" ".join(f"@u{number}" for number in range(1_000)))) == MAX_MENTIONS


@pytest.mark.parametrize(
    "emoji", ["👍", "👍🏽", "❤️", "☺", "🇩🇪", "1️⃣", "#️⃣", "👨‍👩‍👧", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "✅", "🧑🏾‍🚀"]
)
def test_emoji_are_emoji(emoji: str) -> None:
    assert is_emoji(emoji)


@pytest.mark.parametrize(
    "text", ["", "a", "1", "!", "👍👍", "<", "\u200d", "\ufe0f", "👍a", "👍" * 40, "\u202e"]
)
def test_other_texts_are_no_emoji(text: str) -> None:
    assert not is_emoji(text)


@given(st.text(max_size=200))
def test_slugs_are_stable_and_safe_in_addresses(name: str) -> None:
    made = slug(name)
    if made is not None:
        assert slug(made) == made
        assert len(made) <= 64 and not set(made) & set("/?#%&\\ .\x00\u202e*:")


@given(st.text(max_size=200))
def test_titles_and_texts_have_one_form(text: str) -> None:
    named = title(text)
    if named is not None:
        assert title(named) == named
    assert cleaned(cleaned(text)) == cleaned(text)
    assert "\x00" not in cleaned(text)
    assert len(excerpt(text)) <= EXCERPT and "\n" not in excerpt(text)
