"""Deltas: what has to be said of a document to who has the one before it (protocol.md section 13).

The format is that of Fossil (https://fossil-scm.org/home/doc/trunk/www/delta_format.wiki): parts
of the old document by their place, and in between what is new. Finding the parts is ours. A small
change to a large document is the case that is made for: the work is comparing long pieces, which
C does, and what Python does grows with what has changed. It is never more than in proportion to
the documents, whatever they hold.
"""

from __future__ import annotations

from bisect import bisect_left
from struct import unpack
from typing import NamedTuple

BLOCK = 16
"""Bytes that are looked for in the old document: enough for a copy to be shorter than them."""

WORTH = 12
"""Bytes below which a copy is not worth its words."""

CANDIDATES = 4
"""Places that are tried where the old document has the same block in many."""

BACK = 1_024
"""Bytes before a block that are looked at for whether they are the same, too."""

PATIENCE = 64
"""Bytes without anything known in them, after each of which the steps get longer."""

STRIDE = 31
"""The longest step. Steps are odd, so that they meet every remainder of `BLOCK`."""

_DIGITS = [
    bytes([digit]) for digit in b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"
]
_PAIRS = [high + low for high in _DIGITS for low in _DIGITS]


class _Copy(NamedTuple):
    """`length` bytes that are at `place` in the old document, and at `start` in the new one."""

    start: int
    place: int
    length: int


def delta(source: bytes, target: bytes) -> bytes:
    """What makes `target` of `source`; longer than `target` where they have little in common.

    Of two texts in UTF-8 it is one itself: it holds no part of a character.
    """
    most = min(len(source), len(target))
    prefix = _same(source, 0, target, 0, most)
    suffix = _same_before(source, len(source), target, len(target), most - prefix)
    end = len(target) - suffix
    copies = [_Copy(0, 0, prefix)]
    if end - prefix >= BLOCK:
        copies += _copies(source, target, prefix, end, len(source) - suffix)
    copies.append(_Copy(end, len(source) - suffix, suffix))
    return _written(target, copies)


def _copies(source: bytes, target: bytes, start: int, end: int, rest: int) -> list[_Copy]:
    """What is in `target` between `start` and `end`, of what `source` has around there: before
    both all is the same, and from `end`, which is `rest` in the source, after them."""
    around = end - start
    places: dict[bytes, list[int]] = {}
    for place in range(max(0, start - around), min(len(source), rest + around) - BLOCK + 1, BLOCK):
        places.setdefault(source[place : place + BLOCK], []).append(place)
    copies: list[_Copy] = []
    at = done = start
    shift = 0  # from where we are in the target to where that probably is in the source
    while at <= end - BLOCK:
        block = target[at : at + BLOCK]
        if source.startswith(block, at + shift):
            place = at + shift
        elif (known := places.get(block)) is not None:
            place = _best(source, target, at, end, known, shift)
        else:
            at += min(STRIDE, 1 + 2 * ((at - done) // PATIENCE))
            continue
        length = _same(source, place, target, at, min(len(source) - place, end - at))
        before = _same_before(source, place, target, at, min(place, at - start, BACK))
        shift = place - at
        at -= before
        done = _append(copies, _Copy(at, at + shift, before + length))
        at = done
    return copies


def _best(source: bytes, target: bytes, at: int, end: int, places: list[int], shift: int) -> int:
    """The one of `places` where most is the same, of those near to where it should be."""
    if len(places) == 1:
        return places[0]
    near = max(0, bisect_left(places, at + shift) - 1)
    return max(
        places[near : near + CANDIDATES],
        key=lambda place: _same(source, place, target, at, min(len(source) - place, end - at)),
    )


def _append(copies: list[_Copy], copy: _Copy) -> int:
    """Add `copy`, which may begin before the last ones do: they were chance. Returns its end."""
    while copies and copies[-1].start >= copy.start:
        copies.pop()
    start, place, length = copy
    if copies:
        known = max(0, copies[-1].start + copies[-1].length - start)
        copy = _Copy(start + known, place + known, length - known)
    copies.append(copy)
    return start + length


def _same(source: bytes, place: int, target: bytes, at: int, most: int) -> int:
    """How many bytes from there on are the same, `most` at most."""
    same, size = 0, 64
    while same < most:
        size = min(size, most - same)
        if source[place + same : place + same + size] != target[at + same : at + same + size]:
            break
        same += size
        size *= 2
    else:
        return most
    beyond = same + size  # up to there they are not
    while beyond - same > 1:
        middle = (same + beyond) // 2
        if source[place + same : place + middle] == target[at + same : at + middle]:
            same = middle
        else:
            beyond = middle
    return same


def _same_before(source: bytes, place: int, target: bytes, at: int, most: int) -> int:
    """As `_same`, backwards: how many bytes just before there."""
    return _same(source[place - most : place][::-1], 0, target[at - most : at][::-1], 0, most)


def _written(target: bytes, copies: list[_Copy]) -> bytes:
    """The delta that consists of `copies`, and of what is between them."""
    ascii = target.isascii()
    pieces = [_number(len(target)), b"\n"]
    done = 0
    for start, place, length in copies:
        if not ascii:
            begin, length = _whole(target, start, length)
            start, place = begin, place + begin - start
        if length < WORTH:
            continue
        if start > done:
            pieces += (_number(start - done), b":", target[done:start])
        pieces += (_number(length), b"@", _number(place), b",")
        done = start + length
    if done < len(target):
        pieces += (_number(len(target) - done), b":", target[done:])
    pieces += (_number(_checksum(target)), b";")
    return b"".join(pieces)


def _whole(target: bytes, start: int, length: int) -> tuple[int, int]:
    """The part of this that begins and ends between two characters of UTF-8.

    A character has at most three bytes that go on with it; what has more in a row is no text,
    and may be cut anywhere.
    """
    end = start + length
    for _ in range(3):
        if start < end and target[start] & 0xC0 == 0x80:
            start += 1
    for _ in range(3):
        if start < end < len(target) and target[end] & 0xC0 == 0x80:
            end -= 1
    return start, end - start


def _number(value: int) -> bytes:
    if value < 64:
        return _DIGITS[value]
    if value < 4096:
        return _PAIRS[value]
    return _number(value >> 12) + _PAIRS[value & 4095]


def _checksum(data: bytes) -> int:
    """The sum of `data` as 32-bit numbers, the highest byte first, modulo 2**32."""
    padded = data + bytes(-len(data) % 4)
    words: tuple[int, ...] = unpack(f">{len(padded) // 4}I", padded)
    return sum(words) & 0xFFFF_FFFF
