"""The part of a message that shows why it was found."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple
from unicodedata import normalize

from hubbub.chat.search.fold import Word, located
from hubbub.chat.search.query import Term

LENGTH = 200
"""Characters of an excerpt, about."""

LEAD = 60
"""Characters before the first words that are marked."""

_spaces = re.compile(r"\s+")


class Segment(NamedTuple):
    """A piece of text, and whether it is what was looked for. Show it as text, never as HTML."""

    text: str
    marked: bool


def excerpt(text: str, terms: Sequence[Term]) -> list[Segment]:
    """The part of `text` around the first place that one of `terms` is at, in pieces that make
    it up, with those places marked; where there is none, the beginning.

    White space is single spaces, and "…" stands where something is left out. Takes time in
    proportion to the text, for each term.
    """
    text = normalize("NFC", text)
    words = located(text)
    finder = _Finder(words, terms)
    begin, end = _part(text, words, finder.first())
    pieces = [Segment("… " if begin else "", False)]
    at = begin
    for start, stop in _merged(finder.places(begin, end)):
        start, stop = max(start, begin), min(stop, end)
        pieces += [Segment(text[at:start], False), Segment(text[start:stop], True)]
        at = stop
    pieces.append(Segment(text[at:end] + (" …" if end < len(text) else ""), False))
    return _tidy(pieces)


class _Finder:
    """Where terms are among words: the words are one text, in which strings are found."""

    def __init__(self, words: Sequence[Word], terms: Sequence[Term]) -> None:
        self._words = words
        self._text = f" {' '.join(word.word for word in words)} "
        self._places = list(accumulate((len(word.word) + 1 for word in words), initial=0))
        self._sought = [
            (f" {' '.join(term.words)}{'' if term.prefix else ' '}", len(term.words))
            for term in terms
        ]

    def first(self) -> int:
        """The first place of any of them in the original text, or 0."""
        found = [self._text.find(sought) for sought, _ in self._sought]
        place = min((place for place in found if place >= 0), default=-1)
        return self._words[self._number(place)].start if place >= 0 else 0

    def places(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """From where to where each is that begins in this part of the original text."""
        words = self._words
        low = self._places[bisect_left(words, begin, key=lambda word: word.start)]
        high = self._places[bisect_left(words, end, key=lambda word: word.start)]
        for sought, length in self._sought:
            found = self._text.find(sought, low)
            while 0 <= found < high:
                number = self._number(found)
                yield words[number].start, words[number + length - 1].end
                found = self._text.find(sought, found + 1)

    def _number(self, place: int) -> int:
        return bisect_right(self._places, place) - 1


def _merged(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same without overlaps, in their order."""
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(places):
        if merged and start <= merged[-1][1]:
            start, before = merged.pop()
            stop = max(stop, before)
        merged.append((start, stop))
    return merged


def _part(text: str, words: Sequence[Word], found: int) -> tuple[int, int]:
    """From where to where the text is shown: whole words, as far as they are not too long."""
    if len(text) <= LENGTH:
        return 0, len(text)
    least = max(0, min(found - LEAD, len(text) - LENGTH))
    begin = 0
    if least:
        begin = next((word.start for word in words if least <= word.start <= found), least)
    most = begin + LENGTH
    if most >= len(text):
        return begin, len(text)
    last = bisect_right(words, most, key=lambda word: word.end) - 1
    return begin, words[last].end if last >= 0 and words[last].end > begin + LEAD else most


def _tidy(pieces: Sequence[Segment]) -> list[Segment]:
    """The same pieces with single spaces, and none that is empty or like the one before."""
    tidy: list[Segment] = []
    for text, marked in pieces:
        if tidy and tidy[-1].marked == marked:
            text = tidy.pop().text + text
        if text := _spaces.sub(" ", text):
            tidy.append(Segment(text, marked))
    return tidy
