"""What people write to find messages, as a value.

    deploy "blue green" -staging rollb* from:ann in:operations has:file after:2026-01-31

- A message has to have all the words; those in quotes in this order, none with a minus before.
- `word*` is the beginning of a word.
- `from:ann` or `from:@ann`, `from:me`, `in:room` or `in:#room` (as in the room's address),
  `has:file`.
- `before:` and `after:` a day, `2026-01-31`, which is neither before nor after itself, or a moment,
  `2026-01-31T18:00`, `…18:00:00.5`, `…18:00Z`, `…18:00+02:00`. Without an offset it is UTC.

What is no operator is a word, and one that holds other signs is several in a row: `10:30`, `don't`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

from hubbub.chat.people.names import meant
from hubbub.chat.search.fold import is_unspaced, words
from hubbub.chat.text import slug

MAX_QUERY = 500
"""Characters."""

MIN_PREFIX = 2
"""Letters: with one there is no end of words that begin so."""


class QueryError(ValueError):
    """What somebody wrote cannot be looked for; the text says what to do."""


class Term(NamedTuple):
    """Words in a row, folded. `prefix`: the last is the beginning of one."""

    words: tuple[str, ...]
    prefix: bool = False
    negated: bool = False

    def __str__(self) -> str:
        return f'{"-" * self.negated}"{" ".join(self.words)}"{"*" * self.prefix}'


class Query(NamedTuple):
    """What to find: messages that all of it is true of. Times are Unix milliseconds.

    `before` is the first moment that is too late, `after` the first that is late enough.
    """

    terms: tuple[Term, ...] = ()
    user: str | None = None
    """The name of who wrote it."""
    mine: bool = False
    """Whoever asks wrote it."""
    room: str | None = None
    """The slug of the room that it is in."""
    files: bool = False
    """Something is attached."""
    before: int | None = None
    after: int | None = None

    @property
    def wanted(self) -> list[Term]:
        return [term for term in self.terms if not term.negated]

    def __str__(self) -> str:
        """What to write for it."""
        parts = [str(term) for term in self.terms]
        if self.user is not None:
            parts.append(f"from:@{self.user}")
        if self.mine:
            parts.append("from:me")
        if self.room is not None:
            parts.append(f"in:{self.room}")
        if self.files:
            parts.append("has:file")
        if self.before is not None:
            parts.append(f"before:{_written(self.before)}")
        if self.after is not None:
            parts.append(f"after:{_written(self.after - 1)}")
        return " ".join(parts)


def parse(text: str) -> Query:
    """What `text` asks for, in time proportional to its length. Raises `QueryError`."""
    if len(text) > MAX_QUERY:
        raise QueryError(f"A search has at most {MAX_QUERY} characters: look for less at once.")
    terms: dict[Term, None] = {}
    said: dict[str, str] = {}
    for minus, quoted, star, bare in _item.findall(text.translate(_QUOTES)):
        name, colon, value = bare.partition(":")
        if colon and name.casefold() in _OPERATORS:
            name = name.casefold()
            if minus:
                raise QueryError(f"{name}: cannot be turned around with a minus: leave it out.")
            if name in said:
                raise QueryError(f"{name}: can be there once: leave one out.")
            said[name] = value
        elif term := _term(quoted or bare, bool(star) or bare.endswith("*"), bool(minus)):
            terms[term] = None
    return _whole(tuple(terms), said)


# A minus, and what is in quotes, which may be open to the end, or what has none in it.
_item = re.compile(r'(-?)(?:"([^"]*)"?(\*?)|([^\s"]+))')

_QUOTES = str.maketrans("“”„‟«»＂", '"' * 7)
"""What keyboards make of quotes."""

_OPERATORS = frozenset({"from", "in", "has", "before", "after"})

_moment = re.compile(
    r"((?:19[7-9]|[2-9]\d\d)\d)-(\d\d)-(\d\d)"
    r"(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?(?:Z|([+-])(\d\d):(\d\d))?)?",
    re.ASCII | re.IGNORECASE,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = 253_402_300_799_999
"""The end of the year 9999."""

_DAY = 86_400_000


def _term(text: str, prefix: bool, negated: bool) -> Term | None:
    """None for a text without words, which says nothing. Raises `QueryError`."""
    found = tuple(words(text).split())
    if not found:
        return None
    # One character is a word of its own there, and so is each that follows.
    prefix = prefix and not is_unspaced(found[-1][0])
    if prefix and len(found[-1]) < MIN_PREFIX:
        raise QueryError(f"Write at least {MIN_PREFIX} letters before the *.")
    return Term(found, prefix, negated)


def _whole(terms: tuple[Term, ...], said: dict[str, str]) -> Query:
    user, room = said.get("from"), said.get("in")
    if said.get("has", "file").casefold() not in ("file", "files"):
        raise QueryError("has: only knows has:file.")
    before, after = said.get("before"), said.get("after")
    query = Query(
        terms,
        user=None if user is None or user.casefold() == "me" else _user(user),
        mine=user is not None and user.casefold() == "me",
        room=None if room is None else _room(room),
        files="has" in said,
        before=None if before is None else _time("before", before)[0],
        after=None if after is None else _time("after", after)[1],
    )
    if not (query.wanted or query.user or query.mine or query.room or query.files):
        raise QueryError('Write a word to look for, or "some in quotes", from:, in: or has:file.')
    return query


def _user(value: str) -> str:
    name = meant(value.removeprefix("@"))
    if name is None:
        raise QueryError("Write the name of a user behind from:, as in from:ann, or from:me.")
    return name


def _room(value: str) -> str:
    name = slug(value)
    if name is None:
        raise QueryError("Write the name of a room behind in:, as in its address: in:my-room.")
    return name


def _time(operator: str, value: str) -> tuple[int, int]:
    """The moment when it begins that `value` tells of, and when it is over."""
    match = _moment.fullmatch(value)
    try:
        if match is None:
            raise ValueError
        return _span(*match.groups())
    except ValueError:
        raise QueryError(
            f"Write a day like 2026-01-31, or a time like 2026-01-31T18:00, behind {operator}:."
        ) from None


def _span(
    year: str, month: str, day: str,
    hour: str | None, minute: str | None, second: str | None, fraction: str | None,
    sign: str | None, hours: str | None, minutes: str | None,
) -> tuple[int, int]:  # fmt: skip
    """Raises ValueError for what is in no calendar."""
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    zone = timezone(-offset if sign == "-" else offset)
    at = datetime(
        int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
        tzinfo=zone,
    )  # fmt: skip
    begins = (at - _EPOCH) // timedelta(milliseconds=1) + int((fraction or "0").ljust(3, "0"))
    return min(begins, _LAST), min(begins + (_DAY if hour is None else 1), _LAST)


def _written(moment: int) -> str:
    at = _EPOCH + timedelta(milliseconds=moment)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{moment % 1000:03}Z"
