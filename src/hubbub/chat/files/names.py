"""The names of files: what is shown of them, and how they travel in a header.

A name is for people alone. Nothing is ever stored, looked up or opened under it.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

NAMELESS = "file"
"""What a file is called of whose name nothing is left."""

MAX_BYTES = 255
"""Of a name in UTF-8, as file systems have it."""

MAX_ENDING = 20
"""Bytes of an ending, with its dot, that is kept where a name is cut short."""

_JOINERS = "\u200c\u200d"
"""Without them some scripts are misspelt, and families of emoji fall apart."""

_ATTR_CHAR = "!#$&+-.^_`|~"
"""What stands for itself in an extended value, beside letters and digits (RFC 8187 section
3.2.1)."""


def clean_name(name: str) -> str:
    """What `name` is shown as, with nothing in it that could move a cursor, a line or a path.

    The last part of a path; without control characters, invisible ones and those that turn the
    direction of writing; without dots and spaces at either end; in NFC, `MAX_BYTES` at most.
    Never empty. What comes out goes in unchanged.
    """
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(char for char in name if char in _JOINERS or char.isspace() or _shown(char))
    name = unicodedata.normalize("NFC", " ".join(name.split())).strip(" .")
    name = _cut(name).strip(" .")
    return name if name.strip(_JOINERS + " .") else NAMELESS


def disposition(kind: str, name: str) -> str:
    """The value of Content-Disposition for a clean `name` (RFC 6266).

    What is not plain in it is said twice: with underscores for what reads `filename` alone, and
    encoded (RFC 8187). A per cent sign is not plain either: some decode it where it stands for
    itself (RFC 6266 appendix D).
    """
    plain = re.sub(r'[^ -~]|["\\%]', "_", name)
    value = f'{kind}; filename="{plain}"'
    if plain != name:
        value += f"; filename*=UTF-8''{quote(name, safe=_ATTR_CHAR)}"
    return value


def _shown(char: str) -> bool:
    # Not what is unassigned: the next Unicode's emoji are, here.
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs"}


def _cut(name: str) -> str:
    """At most `MAX_BYTES` of it, with its ending where that is a short one."""
    if len(name.encode()) <= MAX_BYTES:
        return name
    stem, dot, ending = name.rpartition(".")
    ending = dot + ending
    if not stem or len(ending.encode()) > MAX_ENDING:
        stem, ending = name, ""
    most = MAX_BYTES - len(ending.encode())
    return stem.encode()[:most].decode(errors="ignore").rstrip(" .") + ending
