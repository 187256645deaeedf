"""What people may be called (A-8)."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.chat.people import names
from hubbub.chat.problem import Problem

ALPHABET = set("abcdefghijklmnopqrstuvwxyz0123456789._-")

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


@given(st.one_of(anything, st.from_regex(names.NAME, fullmatch=True)))
def test_name_has_one_form_or_is_refused(said: str) -> None:
    try:
        name = names.handle(said)
    except Problem as problem:
        assert problem.status == 422 and problem.detail
        assert names.meant(said) is None
        return
    assert set(name) <= ALPHABET and 2 <= len(name) <= 32
    assert names.handle(name) == name == names.meant(said)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Ann", "ann"),
        (" ann ", "ann"),
        ("\uff21nn", "ann"),
        ("\u212aim", "kim"),
        ("a.b_c-9", "a.b_c-9"),
    ],
)
def test_forms_of_one_name_are_one_name(said: str, name: str) -> None:
    assert names.handle(said) == name


@pytest.mark.parametrize(
    "said",
    [
        "",
        "a",
        "x" * 33,
        "\ufdfa" * 32,  # eighteen letters each, once normalized
        "x" * 1_000_000,
        "../etc",
        "a/b",
        "a*b",
        "a b",
        "a\r\nb",
        "a\x00b",
        "a\u202eb",
        "a\u200bb",
        "\u0430nn",  # a Cyrillic a
        "pa\u0443pal",
        "\u03b1lpha",
        "jos\u00e9",
        "\u0131nn",  # a dotless i
        ".ann",
        "ann.",
        "-ann",
        "ann-",
        "@ann",
        "*",
        "room",
        "All",
        "EVERYONE",
        "here",
    ],
)
def test_what_nobody_can_be_called(said: str) -> None:
    with pytest.raises(Problem) as refused:
        names.handle(said)
    assert (refused.value.status, refused.value.slug) == (422, "name")


@given(anything)
def test_what_is_displayed_has_one_form_and_can_be_seen(said: str) -> None:
    try:
        text = names.display(said)
    except Problem as problem:
        assert problem.status == 422
        return
    assert names.display(text) == text == unicodedata.normalize("NFC", text)
    assert 1 <= len(text) <= 64 and "  " not in text
    assert not {unicodedata.category(char) for char in text} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert 1 <= len(names.initials(text)) <= 2


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("  Ann \t Example\n", "Ann Example"),
        ("Jose\u0301", "José"),
        ("Ann\u00a0Example", "Ann Example"),
        ("安", "安"),
        ("🦊", "🦊"),
    ],
)
def test_what_is_displayed_is_free(said: str, text: str) -> None:
    assert names.display(said) == text


@pytest.mark.parametrize(
    "said",
    [
        "",
        "  ",
        "x" * 65,
        "a\x00b",
        "a\u202eb",
        "a\u200db",
        "\u2066a",
        "\u3164",
        "\u2800",
        "\u0301",
        "a\ue000",
    ],
)
def test_what_cannot_be_displayed(said: str) -> None:
    with pytest.raises(Problem):
        names.display(said)


@pytest.mark.parametrize(
    ("said", "initials"),
    [
        ("Ann", "A"),
        ("ann example", "AE"),
        ("Ann van der Example", "AE"),
        ("(bob)", "B"),
        ("...", "."),
        ("ßeta", "S"),
        ("安 心", "安心"),
    ],
)
def test_initials(said: str, initials: str) -> None:
    assert names.initials(said).startswith(initials)


def test_status_is_short_and_may_have_emoji_of_several_parts() -> None:
    assert names.status(" on a  train ") == "on a train"
    assert names.status("👩\u200d💻") == "👩\u200d💻"
    assert names.status("") == ""
    for wrong in ("x" * 141, "a\u202eb", "a\x1bb"):
        with pytest.raises(Problem):
            names.status(wrong)


@given(anything, anything)
def test_what_a_provider_says_always_makes_a_name_and_something_to_display(
    preferred: str, name: str
) -> None:
    suggested = names.suggested(preferred, name)
    assert names.handle(suggested + "9999") == suggested + "9999"
    displayed = names.displayed(name, preferred)
    assert names.display(displayed) == displayed


def test_what_a_provider_says_is_kept_as_far_as_it_can_be() -> None:
    assert names.suggested("Ann.Example", "x") == "ann.example"
    assert names.suggested("安", "Jörg Müller") == "jorg-muller"
    assert names.suggested("", "", "room") == "somebody"
    assert names.displayed("Ann\u202e Example", "") == "Ann Example"
    assert names.displayed("\u3164", "ann") == "ann"
