"""The index of the messages in each database: what it is asked for, and in which steps.

A message is in the index under its words, and under signs of its room and its user, of whether
something is attached, and in PostgreSQL of when it came. Signs are told from words by what they
begin with, which no word has in it. So whatever a query is about, the index alone gives the
messages: it takes the shortest of the lists and skips through the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from hubbub.chat.search.query import Term


class Span(NamedTuple):
    """The messages whose key is above `low` and not above `high`."""

    low: int
    high: int


class Index(Protocol):
    """How one database is asked."""

    @property
    def settings(self) -> Sequence[str]:
        """Statements for the transaction that is asked in."""

    @property
    def found(self) -> str:
        """A statement that gives the messages of a step, the newest first. `{where}` is for more
        conditions on the message `m`; it has parameters `match`, `low`, `high`, `most`."""

    def room(self, id: str) -> str:
        """The sign of a room."""

    def user(self, id: str) -> str:
        """The sign of a user."""

    @property
    def files(self) -> str:
        """The sign of messages with something attached."""

    def match(self, terms: Sequence[Term], signs: Sequence[str], span: Span) -> str:
        """What has all words of the terms and all signs, in the index's own language."""

    def steps(self, span: Span) -> Iterator[Span]:
        """The parts of `span` from the newest on, each of which is soon looked through."""


class SQLite:
    """FTS5, which walks from the newest message to the oldest by itself, and stops anywhere."""

    settings = ()
    # CROSS keeps the order: through the index, and from there to the messages.
    found = (
        'SELECT m."key", m.room, m.id, m."user", m.at, m.text'
        ' FROM chat_search CROSS JOIN chat_messages AS m ON m."key" = chat_search.rowid'
        " WHERE chat_search MATCH :match AND chat_search.rowid > :low"
        " AND chat_search.rowid <= :high AND m.deleted_at IS NULL AND {where}"
        " ORDER BY chat_search.rowid DESC LIMIT :most"
    )
    files = "¤"
    STEP = 1 << 18

    def room(self, id: str) -> str:
        return "§" + id.encode().hex()

    def user(self, id: str) -> str:
        return "¶" + id.encode().hex()

    def match(self, terms: Sequence[Term], signs: Sequence[str], span: Span) -> str:
        # Neither words nor signs have a quote in them.
        parts = {f'"{sign}"' for sign in signs}
        for term in terms:
            *whole, last = (f'"{word}"' for word in term.words)
            parts.update(whole)
            parts.add(f"{last} *" if term.prefix else last)
        return " AND ".join(sorted(parts))

    def steps(self, span: Span) -> Iterator[Span]:
        high = span.high
        while high > span.low:
            low = max(span.low, high - self.STEP)
            yield Span(low, high)
            high = low


class PostgreSQL:
    """GIN, which gives all of a list or none: so messages that came one after the other have a
    sign in common, 4096 of them one and 65536 another, and a step is for a few of these signs.
    """

    # One plan, through the index, whatever is known of how common a word is.
    settings = ("SET LOCAL plan_cache_mode = force_generic_plan",)
    # All that match are gathered by their keys; only those of the page are then read. The sum
    # hides the key from the planner, which would gather all the keys between for nothing.
    found = (
        'WITH found AS MATERIALIZED (SELECT m."key" FROM chat_messages AS m'
        " WHERE array_to_tsvector(string_to_array(m.words, ' ')"
        " || array_remove(ARRAY['#' || m.room, '@' || m.\"user\","
        " '<' || (m.\"key\" >> 12), '<<' || (m.\"key\" >> 16),"
        " CASE WHEN m.files IS NOT NULL THEN '+' END], NULL)) @@ CAST(:match AS tsquery)"
        ' AND m."key" + 0 > :low AND m."key" + 0 <= :high AND m.deleted_at IS NULL AND {where})'
        ' SELECT m."key", m.room, m.id, m."user", m.at, m.text FROM chat_messages AS m'
        ' JOIN (SELECT "key" FROM found ORDER BY "key" DESC LIMIT :most) AS page'
        ' ON page."key" = m."key" ORDER BY m."key" DESC'
    )
    files = "+"
    SMALL, LARGE = 12, 16
    MOST = 16
    """Signs of a step."""

    def room(self, id: str) -> str:
        return "#" + id

    def user(self, id: str) -> str:
        return "@" + id

    def match(self, terms: Sequence[Term], signs: Sequence[str], span: Span) -> str:
        parts = {_lexeme(sign) for sign in signs}
        for term in terms:
            *whole, last = (_lexeme(word) for word in term.words)
            parts.update(whole)
            parts.add(f"{last}:*" if term.prefix else last)
        sign, bits = "<", self.SMALL
        if self._number(span, bits) > 2:
            sign, bits = "<<", self.LARGE
        times = range(span.low + 1 >> bits, (span.high >> bits) + 1)
        parts.add(f"({' | '.join(_lexeme(f'{sign}{time}') for time in times)})")
        return " & ".join(sorted(parts))

    def steps(self, span: Span) -> Iterator[Span]:
        """At first what is a page of common words, then more and more."""
        high, bits, number = span.high, self.SMALL, 2
        while high > span.low:
            low = max(span.low, ((high >> bits) - number + 1 << bits) - 1)
            yield Span(low, high)
            high = low
            bits, number = self.LARGE, 1 if bits == self.SMALL else min(number * 2, self.MOST)

    @staticmethod
    def _number(span: Span, bits: int) -> int:
        return (span.high >> bits) - (span.low + 1 >> bits) + 1


def _lexeme(text: str) -> str:
    """`text` in the language of tsquery (PostgreSQL 8.11)."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
