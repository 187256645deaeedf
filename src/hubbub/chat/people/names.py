"""What people are called: each name in its one form, and none that passes for another.

A *name* is what somebody is mentioned by, and theirs alone: ASCII, so that no two look alike. What
is *displayed* beside it is free, as far as it can be seen and moves nothing around it.
"""

from __future__ import annotations

import re
import unicodedata

from hubbub.chat.problem import Problem
from hubbub.chat.text import ROOM_MENTIONS

MIN_NAME, MAX_NAME = 2, 32
MAX_DISPLAY = 64
MAX_STATUS = 140
"""Characters."""

RESERVED = ROOM_MENTIONS | {"here", "channel"}
"""Mentions of many, here or in the habits that people bring along: nobody is called so."""

NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of what is not for people to see, writing in another direction among it."""

_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks by their category that show nothing (Unicode, default ignorable)."""

_JOINERS = frozenset("\u200c\u200d")
"""Within words of some languages, and within emoji."""


def handle(said: str) -> str:
    """The name that `said` means: compatible forms are one (NFKC), and so are the cases.

    Raises `Problem` (422) for what nobody can be called.
    """
    name = _folded(said)
    if not MIN_NAME <= len(name) <= MAX_NAME:
        raise Problem(422, "name", f"A name has {MIN_NAME} to {MAX_NAME} characters.")
    if not NAME.fullmatch(name):
        raise Problem(
            422,
            "name",
            "A name is made of the letters a to z, digits, full stops, hyphens and underscores, "
            "and begins and ends with a letter or a digit.",
        )
    if name in RESERVED:
        raise Problem(422, "name", f"@{name} is for many people at once: choose another name.")
    return name


def meant(said: str) -> str | None:
    """As `handle`, for a name that is there or not: None for one that nobody has."""
    try:
        return handle(said)
    except Problem:
        return None


def suggested(*said: str) -> str:
    """A name made of the first of `said` that leaves one."""
    for words in said:
        plain = unicodedata.normalize("NFKD", words[: MAX_NAME * 4]).casefold()
        kept = "".join(char for char in plain if not unicodedata.combining(char))
        name = re.sub(r"[^a-z0-9._-]+", "-", kept).strip("._-")[: MAX_NAME - 4].strip("._-")
        if len(name) >= MIN_NAME and name not in RESERVED:
            return name
    return "somebody"


def display(said: str) -> str:
    """What is displayed for somebody, in its one form: composed (NFC), single spaces.

    Raises `Problem` (422) for nothing, for too much, and for what cannot be seen.
    """
    text = _line(said, MAX_DISPLAY * 4)
    if not text:
        raise Problem(422, "display", "Say what to call you.")
    if len(text) > MAX_DISPLAY:
        raise Problem(422, "display", f"A displayed name has at most {MAX_DISPLAY} characters.")
    if not _is_shown(text):
        raise Problem(422, "display", "A displayed name holds no invisible characters.")
    if all(unicodedata.category(char)[0] in "MZ" for char in text):
        raise Problem(422, "display", "A displayed name needs a letter, a digit or a sign.")
    return text


def displayed(*said: str) -> str:
    """What is displayed of the first of `said` that leaves anything, without what must not be."""
    for words in said:
        text = _line("".join(c for c in words[:1024] if c.isspace() or _is_shown(c)), MAX_DISPLAY)
        try:
            return display(text)
        except Problem:
            continue
    return "Somebody"


def status(said: str) -> str:
    """A status text in its one form; empty for none. Raises `Problem` (422)."""
    text = _line(said, MAX_STATUS * 4)
    if len(text) > MAX_STATUS:
        raise Problem(422, "status", f"A status has at most {MAX_STATUS} characters.")
    if not all(char in _JOINERS or _is_shown(char) for char in text):
        raise Problem(422, "status", "A status holds no invisible characters.")
    return text


def initials(text: str) -> str:
    """One or two letters that stand for somebody who is displayed as `text`."""
    words = [word for part in text.split() if (word := part.strip("._-()[]'\""))] or [text]
    ends = words[:1] if len(words) == 1 else [words[0], words[-1]]
    return unicodedata.normalize("NFC", "".join(word[0] for word in ends).upper())[:2]


def _folded(said: str) -> str:
    # Long ones are not looked through: normalizing may make eighteen of one character.
    text = unicodedata.normalize("NFKC", said[: MAX_NAME * 4].strip()).casefold()
    return unicodedata.normalize("NFKC", text)


def _line(said: str, most: int) -> str:
    return " ".join(unicodedata.normalize("NFC", said[:most]).split())


def _is_shown(text: str) -> bool:
    return not any(char in _BLANK or unicodedata.category(char) in _HIDDEN for char in text)
