"""Filters by tags: which publications a member wants to see (protocol.md section 14).

The comparisons and their meaning are those of
https://centrifugal.dev/docs/server/publication_filtering. What that page leaves open:

- `neq`, `nin` and `nex` are the opposites of `eq`, `in` and `ex`. So they are true of a
  publication without the tag, and every other comparison is false of it. (centrifuge,
  internal/filter, agrees, but for `in` and `nin` it takes an absent tag for an empty one.)
- `val` may be empty: on the wire that is the same as absent, and an empty tag is a tag.
- A field that would be ignored is an error: what its author meant by it would not happen.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec

from hubbub.wire.centrifuge import FilterNode

MAX_DEPTH = 16
MAX_NODES = 128
MAX_VALS = 1000
"""In the whole tree."""
MAX_DIGITS = 200
"""Characters of a number. A longer text is none: to compare is not to cost more than to send."""

Tags = Mapping[str, str]
Predicate = Callable[[Tags | None], bool]
"""Whether a publication with these tags passes."""

_Match = Callable[[Tags], bool]

_NO_TAGS: Tags = {}
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")

_OPPOSITES = {"neq": "eq", "nin": "in", "nex": "ex"}
_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "eq": operator.eq,
    "sw": str.startswith,
    "ew": str.endswith,
    "ct": operator.contains,
}
_NUMBERS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}


def everything(tags: Tags | None) -> bool:
    """The predicate of who wants all."""
    return True


class BadFilter(ValueError):
    """A filter that means nothing, or is larger than anyone needs."""


def compile_filter(node: FilterNode) -> Predicate:
    """A function that says whether `node` lets a publication with these tags pass.

    Raises `BadFilter`.
    """
    _check_size(node)
    match = _compile(node)
    return lambda tags: match(tags or _NO_TAGS)


def filter_key(node: FilterNode) -> bytes:
    """The same for filters that were written alike, so that their members can share one.

    For a node that `compile_filter` took: another one may be too deep to be encoded.
    """
    return msgspec.json.encode(node)


def _check_size(root: FilterNode) -> None:
    depth, nodes, vals = 0, 0, 0
    level = [root]
    while level:
        depth += 1
        nodes += len(level)
        vals += sum(len(node.vals) for node in level)
        if depth > MAX_DEPTH:
            raise BadFilter(f"a filter is at most {MAX_DEPTH} nodes deep")
        if nodes > MAX_NODES:
            raise BadFilter(f"a filter has at most {MAX_NODES} nodes")
        if vals > MAX_VALS:
            raise BadFilter(f"a filter has at most {MAX_VALS} vals")
        level = [child for node in level for child in node.nodes]


def _compile(node: FilterNode) -> _Match:
    if not node.op:
        return _compile_leaf(node)
    if node.op not in ("and", "or", "not"):
        raise BadFilter("an op is and, or, or not")
    if node.key or node.cmp or node.val or node.vals:
        raise BadFilter(f"{node.op} compares nothing itself")
    if not node.nodes:
        raise BadFilter(f"{node.op} needs nodes")
    matches = [_compile(child) for child in node.nodes]
    if node.op == "and":
        return lambda tags: all(match(tags) for match in matches)
    if node.op == "or":
        return lambda tags: any(match(tags) for match in matches)
    if len(matches) != 1:
        raise BadFilter("not has one node")
    return _opposite(matches[0])


def _compile_leaf(node: FilterNode) -> _Match:
    if node.nodes:
        raise BadFilter("nodes need an op")
    if not node.key:
        raise BadFilter("a comparison needs a key")
    cmp = _OPPOSITES.get(node.cmp, node.cmp)
    match = _comparison(cmp, node)
    return match if cmp == node.cmp else _opposite(match)


def _comparison(cmp: str, node: FilterNode) -> _Match:
    key, val = node.key, node.val
    if cmp in ("ex", "in") and val:
        raise BadFilter(f"{node.cmp} takes no val")
    if cmp != "in" and node.vals:
        raise BadFilter(f"{node.cmp} takes no vals")
    if cmp == "ex":
        return lambda tags: key in tags
    if cmp == "in":
        if not node.vals:
            raise BadFilter(f"{node.cmp} needs vals")
        vals = frozenset(node.vals)
        return lambda tags: tags.get(key) in vals
    if test := _TEXTS.get(cmp):
        return _text(key, test, val)
    if compare := _NUMBERS.get(cmp):
        limit = _number(val)
        if limit is None:
            raise BadFilter(f"{cmp} needs a number")
        return _numeric(key, compare, limit)
    raise BadFilter("no such cmp")


def _opposite(match: _Match) -> _Match:
    return lambda tags: not match(tags)


def _text(key: str, test: Callable[[str, str], bool], val: str) -> _Match:
    def match(tags: Tags) -> bool:
        tag = tags.get(key)
        return tag is not None and test(tag, val)

    return match


def _numeric(key: str, compare: Callable[[Decimal, Decimal], bool], limit: Decimal) -> _Match:
    def match(tags: Tags) -> bool:
        number = _number(tags.get(key, ""))
        return number is not None and compare(number, limit)

    return match


def _number(text: str) -> Decimal | None:
    """`text` as a number, exactly: as floats, two ids or times in nanoseconds may be equal.

    Digits with a point, as centrifuge reads them. No exponent, which makes a huge number of a
    short text, and nothing that is not finite.
    """
    if len(text) > MAX_DIGITS or not _NUMBER.fullmatch(text):
        return None
    return Decimal(text)
