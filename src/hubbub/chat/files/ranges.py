"""Which part of a file is asked for (RFC 9110 section 14)."""

from __future__ import annotations

import re

_BYTES = re.compile(r"bytes=[ \t]*(\d{0,19})-(\d{0,19})[ \t]*", re.ASCII | re.IGNORECASE)


class Unsatisfiable(ValueError):
    """There is nothing of the file where it is asked for."""


def asked(header: str | None, size: int) -> tuple[int, int] | None:
    """The part `[start, stop)` of `size` bytes that the Range header asks for; None for all.

    What is malformed, in another unit, or more than one range at once is all of it: to ignore
    the header is always right (section 14.2). Raises `Unsatisfiable`.
    """
    match = _BYTES.fullmatch(header or "")
    if match is None:
        return None
    first, last = match.groups()
    if first:
        start, stop = int(first), int(last) + 1 if last else size
        if stop <= start and last:
            return None  # backwards: invalid, and so ignored (section 14.1.1)
    elif last:
        start, stop = max(0, size - int(last)), size
    else:
        return None
    if start >= size:
        raise Unsatisfiable
    return start, min(stop, size)
