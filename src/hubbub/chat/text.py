"""What people write: names, mentions, emoji, and how each is brought into its one form.

All of it takes time in proportion to the text.
"""

from __future__ import annotations

import re
import unicodedata

MAX_MENTIONS = 50
"""Users that one message mentions in particular."""

EXCERPT = 200
"""Characters of a message that its replies show."""

ROOM_MENTIONS = frozenset({"room", "all", "everyone"})
"""Names that mention everybody; no user has one of them."""

MAX_SLUG = 64

# Code is quoted, not said: what looks like a mention there is none.
_code = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_mention = re.compile(r"(?<![\w@.])@([A-Za-z0-9][A-Za-z0-9._-]{0,31})")

# Not for people to see, and able to make others see something else than what is there.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

_JOINER, _VARIATION, _KEYCAP = "\u200d", "\ufe0f", "\u20e3"


def mentioned(text: str) -> list[str]:
    """The names after an @ in `text`, in lower case, each once, in order; `MAX_MENTIONS` at most.

    A name's full stop may be the sentence's: then both ways to read it come, the longer first.
    """
    found: dict[str, None] = {}
    for match in _mention.finditer(_code.sub(" ", text)):
        name = match.group(1).lower()
        found[name] = None
        found[name.rstrip("._-")] = None
        if len(found) >= MAX_MENTIONS:
            break
    return list(found)[:MAX_MENTIONS]


def cleaned(text: str) -> str:
    """`text` as it is kept: without control characters but tabs and line breaks, and without
    white space around it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(
        char for char in text if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs")
    )
    return kept.strip("\n\t ")


def excerpt(text: str) -> str:
    """The beginning of `text`, on one line."""
    line = " ".join(text[: EXCERPT * 2].split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1] + "…"


def title(name: str) -> str | None:
    """A room's name in its one form; None for one that is empty or holds what cannot be seen."""
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not name or any(unicodedata.category(char) in _HIDDEN for char in name):
        return None
    return name


def slug(name: str) -> str | None:
    """What a room's name is in an address: letters and digits, with hyphens between; None where
    nothing is left of it."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    words = "".join(char if char.isalnum() or char in "_" else " " for char in folded).split()
    return "-".join(words)[:MAX_SLUG].strip("-") or None


def is_emoji(text: str) -> bool:
    """Whether `text` is one emoji, or what looks like one: a picture with what belongs to it.

    Sequences as in UTS #51, more of them than are in use: what there is grows every year.
    """
    base = text.rstrip(_VARIATION + _KEYCAP)
    if len(base) == 1 and base in "0123456789#*":
        return text.endswith(_KEYCAP)
    if not text or len(text) > 32 or text[0] in (_JOINER, _VARIATION, _KEYCAP):
        return False
    pictures = 0
    for char in text:
        if char in (_JOINER, _VARIATION, _KEYCAP) or 0xE0020 <= ord(char) <= 0xE007F:
            continue  # joins, asks for colour, or spells a flag
        if 0x1F3FB <= ord(char) <= 0x1F3FF:
            continue  # the colour of a skin
        if unicodedata.category(char) not in ("So", "Sm", "Po") or ord(char) < 0xA9:
            return False
        pictures += 1
    joints = text.count(_JOINER)
    flag = all(0x1F1E6 <= ord(char) <= 0x1F1FF for char in text)
    return pictures == joints + 1 or (flag and pictures == 2)
