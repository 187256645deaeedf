"""What the words of a text are."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.chat.search.fold import MAX_WORD, located, words

# Beside all there is, what is likely to go together and to be told apart wrongly.
texts = st.text() | st.text(
    st.sampled_from("aAé 'eİſßﬁ\u0301\u0327\u200d\u200b\ufe0f한ㅎㅏ会がか\u3099ｶำ一.-_🎉")
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ""),
        ("  ", ""),
        ("Hello, World!", "hello world"),
        ("snake_case, well-known, don't", "snake case well known don t"),
        ("v1.2.3 at 10:30", "v1 2 3 at 10 30"),
        ("Café e\u0301te\u0301", "cafe ete"),
        ("Straße ΣΑΣ İstanbul", "strasse σασ istanbul"),
        ("ﬁne ＦＵＬＬ x²", "fine full x2"),
        ("Foo™ (⑴) 🎉 1️⃣", "foo 1 1"),
        ("Ёлка й", "елка и"),
        ("שָׁלוֹם مُحَمَّد", "שלום محمد"),
        ("हिन्दी", "हिन्दी"),
        ("한국어 ㅎㅏ", "한국어 하"),
        ("会议室A座", "会 议 室 a 座"),
        ("がか\u3099ガ", "が が ガ"),
        ("ครับ", "ค ร ั บ"),
        ("a\u200db\u2060c\u00add", "abcd"),
        ("a\u200bb", "a b"),
        ("\u202ea\x00b\x7f\ud800c\ue000", "a b c"),
        ("x" * 100 + " y", "x" * MAX_WORD + " y"),
    ],
)
def test_words_are_folded(text: str, found: str) -> None:
    assert words(text) == found


@given(texts)
def test_words_are_their_own_words(text: str) -> None:
    assert words(words(text)) == words(text)


@given(texts)
def test_a_text_and_its_forms_have_the_same_words(text: str) -> None:
    found = words(text)
    assert words(normalize("NFC", text)) == found
    assert words(f" {text}\n") == found
    if text.isascii():
        assert words(text.upper()) == found


@given(texts)
def test_no_word_has_a_sign_in_it_that_a_database_knows(text: str) -> None:
    for word in words(text).split(" ") if words(text) else ():
        assert 0 < len(word) <= MAX_WORD
        assert all(char.isalnum() if char.isascii() else not char.isspace() for char in word)
        assert not set(word) & set("§¶¤")


@given(texts)
def test_words_are_located_in_their_order(text: str) -> None:
    text = normalize("NFC", text)
    found = located(text)
    assert [word.word for word in found] == words(text).split()
    for before, after in zip(found, found[1:], strict=False):
        assert before.end <= after.start or before.start == after.start, "one sign is two words"
    for word in found:
        assert word.word in words(text[word.start : word.end]).split()


def test_marks_belong_to_what_they_are_on() -> None:
    text = "x\u0301 会\ufe00 1\ufe0f\u20e3"
    assert [text[word.start : word.end] for word in located(text)] == text.split(" ")
