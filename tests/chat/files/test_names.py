"""What files are called, on the screen and in a header."""

import re
import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hubbub.chat.files.names import MAX_BYTES, NAMELESS, clean_name, disposition

ANY = st.text(st.characters(), max_size=400) | st.text(
    "./\\ \u202e\u200d\x00\r\ne\u0301x", max_size=30
)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("holiday.jpg", "holiday.jpg"),
        ("Übersicht 2026.pdf", "Übersicht 2026.pdf"),
        ("U\u0308bersicht.pdf", "Übersicht.pdf"),
        ("日本語.txt", "日本語.txt"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\fakepath\\cat.png", "cat.png"),
        ("/", NAMELESS),
        ("..", NAMELESS),
        ("", NAMELESS),
        ("\u200d .\u200c", NAMELESS),
        (".bashrc", "bashrc"),
        ("a\r\nSet-Cookie: x=1", "a Set-Cookie: x=1"),
        ("a\x00b\x1b[31m.txt", "ab[31m.txt"),
        ("harmless\u202egnp.exe", "harmlessgnp.exe"),
        ("  two   spaces\u00a0here . ", "two spaces here"),
        ("a\u2028b\u2029c", "a b c"),
        ("👩\u200d💻.png", "👩\u200d💻.png"),
        ("\ud800.txt", "txt"),
        ('"quoted".txt', '"quoted".txt'),
    ],
)
def test_a_name_is_shown_without_what_does_harm(given: str, shown: str) -> None:
    assert clean_name(given) == shown


@given(ANY)
@example("a" * 300 + " .txt")
@example("a." + "é" * 300)
@example("." + "x" * 300 + ". .")
def test_what_is_shown_is_harmless_whatever_it_was(name: str) -> None:
    shown = clean_name(name)
    assert 0 < len(shown.encode()) <= MAX_BYTES
    assert not set(shown) & set("/\\\r\n\t\x00")
    assert not any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in shown)
    assert not any(unicodedata.bidirectional(char) in BIDI_CONTROLS for char in shown)
    assert unicodedata.is_normalized("NFC", shown)
    assert not shown.startswith((".", " ")) and not shown.endswith((".", " "))
    assert clean_name(shown) == shown


BIDI_CONTROLS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize("letter", ["a", "é", "日", "😀"])
def test_a_long_name_keeps_its_ending_and_whole_letters(letter: str) -> None:
    shown = clean_name(letter * 300 + ".txt")
    assert shown.endswith(letter + ".txt")
    assert MAX_BYTES - 4 < len(shown.encode()) <= MAX_BYTES
    long_ending = clean_name("a." + letter * 300)
    assert MAX_BYTES - 4 < len(long_ending.encode()) <= MAX_BYTES
    assert set(long_ending) == {"a", ".", letter}


HEADER = re.compile(
    r'([a-z]+); filename="([ !#-\[\]-~]*)"'
    r"(?:; filename\*=UTF-8''([!#$&+.^_`|~0-9A-Za-z%-]+))?"
)


def parsed(value: str) -> tuple[str, str]:
    """Kind and name as a browser takes them: `filename*` wins (RFC 6266 section 4.3)."""
    match = HEADER.fullmatch(value)
    assert match is not None, value
    kind, plain, encoded = match.groups()
    return kind, plain if encoded is None else unquote(encoded, errors="strict")


@given(ANY)
@example('a"b.txt')
@example("a%41.txt")
@example("a\\b'c*(d).txt")
def test_a_header_brings_the_name_and_nothing_else(name: str) -> None:
    shown = clean_name(name)
    value = disposition("attachment", shown)
    value.encode("ascii")
    assert parsed(value) == ("attachment", shown)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cat.png", 'inline; filename="cat.png"'),
        ("a;b=c.txt", 'inline; filename="a;b=c.txt"'),
        ('"; x="y', "inline; filename=\"_; x=_y\"; filename*=UTF-8''%22%3B%20x%3D%22y"),
        ("€ rates", "inline; filename=\"_ rates\"; filename*=UTF-8''%E2%82%AC%20rates"),
        ("100%.txt", "inline; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"),
    ],
)
def test_what_is_not_plain_is_said_twice(name: str, value: str) -> None:
    assert disposition("inline", name) == value
