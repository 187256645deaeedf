"""What the words of a text are, so that `Cafés` is found by `cafe`.

A database's own idea of words differs from the other's: here a text is taken apart by Unicode's
properties (UAX #44), and the databases only split at spaces. All of it takes time in proportion
to the text.

- Letters, digits and the marks on them are words, everything else is between them.
- Words are in lower case (full case folding) and without accents; compatible forms are one
  (`ﬁ`, full-width letters). Marks that make another letter stay: on kana and in Indic scripts.
- Scripts that are written without spaces (Chinese, Japanese, Thai, Lao, Burmese, Khmer) have each
  character as a word; several in a row are looked for as a phrase.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from unicodedata import category, combining, normalize

MAX_WORD = 64
"""Characters; words that differ only behind them are the same."""

# Ranges of code points, both ends included; what is folded to them, half-width kana for one, too.
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),  # signs that repeat or stand for a character
    (0x3040, 0x30FF),  # kana
    (0x3105, 0x312F),  # bopomofo
    (0x31F0, 0x31FF),  # more kana
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xAA60, 0xAA7F),  # more Burmese
    (0x1B000, 0x1B16F),  # more kana
    (0x20000, 0x3FFFF),  # more Han
)

_SPACE = "\u200b"
"""Zero wide, and between words all the same."""

_JOINING = {7, 8, 9, 84, 91, 103, 107, 118, 122, 129, 130, 132}
"""Combining classes of marks that make another letter: nukta, voiced kana, virama, vowels."""


class Word(NamedTuple):
    """A word and where it is in the text: `text[start:end]`."""

    word: str
    start: int
    end: int


class _Folds(dict[int, str]):
    """What each character becomes, for `str.translate`: a space where it is between words, nothing
    where it is within one and does not count, and between spaces where it is one by itself."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        kind = category(char)
        if kind in ("Co", "Cn", "Cs"):
            return " "  # and not remembered: there are a million of them
        folded = _folded(char, kind)
        self[code] = folded
        return folded


_folds = _Folds()
_ascii = re.compile("[a-z0-9]+")


def words(text: str) -> str:
    """The words of `text`, with one space between two. They are their own words."""
    folded = normalize("NFC", normalize("NFC", text).translate(_folds))
    return " ".join([word[:MAX_WORD] for word in folded.split()])


def located(text: str) -> list[Word]:
    """The words of `text`, which is in normal form C, and where they are."""
    if text.isascii():
        return [Word(one[0][:MAX_WORD], *one.span()) for one in _ascii.finditer(text.lower())]
    found: list[Word] = []
    letters, start, end = "", 0, 0
    for place, char in enumerate(f"{text} "):
        fold = _folds[ord(char)]
        if not fold:  # belongs to what is before it
            if letters:
                end = place + 1
            elif found and found[-1].end == place:
                found[-1] = found[-1]._replace(end=place + 1)
        elif fold[0] != " ":
            start = start if letters else place
            letters, end = letters + fold, place + 1
        else:
            if letters:
                found.append(Word(normalize("NFC", letters)[:MAX_WORD], start, end))
                letters = ""
            found.extend([Word(one, place, place + 1) for one in fold.split()])
    return found


def is_unspaced(char: str) -> bool:
    """Whether `char`, which is folded, is of a script that is written without spaces."""
    return any(low <= ord(char) <= high for low, high in _UNSPACED)


def _folded(char: str, kind: str) -> str:
    if char == _SPACE or kind[0] in "ZPS" or kind == "Cc":
        return " "
    if kind in ("Cf", "Me"):
        return ""
    parts = normalize("NFKD", normalize("NFKD", char).casefold())
    folded = normalize("NFC", "".join(filter(_counts, parts)))
    if folded and is_unspaced(folded[0]):
        return f" {' '.join(folded)} "
    return folded


def _counts(char: str) -> bool:
    kind = category(char)
    if kind in ("Mn", "Mc"):
        variation = "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
        return not variation and (not combining(char) or combining(char) in _JOINING)
    return kind[0] in "LN"
