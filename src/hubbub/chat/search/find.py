"""Finding messages, in the rooms that somebody may read."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import BigInteger, bindparam, text

from hubbub.chat.search.excerpt import Segment, excerpt
from hubbub.chat.search.index import Index, PostgreSQL, Span, SQLite
from hubbub.chat.search.query import Query, Term

if TYPE_CHECKING:
    from sqlalchemy import Connection

BUDGET = 0.3
"""Seconds after which no further step is begun."""

SLACK = 600_000
"""Milliseconds that the clocks of servers may be apart."""

LIMIT = 20
"""Hits on a page."""


class Hit(NamedTuple):
    """A message that was found: its room's id, its own, who wrote it and when (Unix ms)."""

    room: str
    id: int
    user: str
    at: int
    excerpt: list[Segment]


class Page(NamedTuple):
    """Hits, the newest first. `cursor` gives those that come then, None where nothing does.

    Not `complete`: there was so much to look through that the page is not full, and has a cursor
    all the same. It may even be empty.
    """

    hits: list[Hit]
    cursor: int | None = None
    complete: bool = True


NOTHING = Page([])

# Whose members somebody is, or who else is let in, and where they are not banned: what
# `policy.may` says of `Action.READ`.
READABLE = (
    "SELECT r.id FROM chat_rooms AS r WHERE (:public AND r.kind = 'public' OR EXISTS"
    ' (SELECT 1 FROM chat_members AS p WHERE p.room = r.id AND p."user" = :me))'
    ' AND NOT EXISTS (SELECT 1 FROM chat_bans AS b WHERE b.room = r.id AND b."user" = :me'
    " AND (b.until = 0 OR b.until > :now))"
)

NUMBERS = ("low", "high", "most", "now", "before", "after", "key")
"""Parameters that are numbers of 63 bits."""


def search(
    connection: Connection,
    query: Query,
    user: str,
    *,
    public: bool,
    now: int,
    room: str | None = None,
    cursor: int | None = None,
    limit: int = LIMIT,
    clock: Callable[[], float] = time.monotonic,
) -> Page:
    """The messages that `query` is true of, the newest first, at most `limit`, for `user`.

    `public` says whether public rooms are open to this user, who is no member there. `room` is
    the one room to look in: its id, or its slug after a "~". A room that is not there and one
    that the user may not read are the same: nothing is found in it. `cursor` is of the page
    before: what is said or deleted meanwhile makes no message come twice, or not at all.
    """
    sought = Sought(connection, {"me": user, "public": public, "now": now})
    for one in (room, None if query.room is None else f"~{query.room}"):
        if one is not None and not sought.only(one):
            return NOTHING
    if query.mine:
        sought.by(user)
    elif query.user is not None and not sought.by_name(query.user):
        return NOTHING
    if query.files:
        sought.signs.append(sought.index.files)
    sought.say(query)
    span = sought.span(query, cursor)
    rows: list[Any] = []
    started = clock()
    for step in sought.index.steps(span):
        rows += sought.look(query.wanted, step, limit - len(rows))
        if len(rows) >= limit:
            return Page(_hits(rows, query), rows[-1].key)
        if step.low > span.low and clock() - started >= BUDGET:
            return Page(_hits(rows, query), step.low + 1, complete=False)
    return Page(_hits(rows, query))


class Sought:
    """What the database is asked for, as it is put together. `rights` are the parameters of
    `READABLE`."""

    def __init__(self, connection: Connection, rights: Mapping[str, Any]) -> None:
        self._connection = connection
        self._rights = rights
        self._parameters = dict(rights)
        self._where = [f"(m.room IN ({READABLE})) IS TRUE"]  # found out once, not for each
        self.index: Index = SQLite() if connection.dialect.name == "sqlite" else PostgreSQL()
        self.signs: list[str] = []
        for setting in self.index.settings:
            connection.execute(text(setting))

    def only(self, room: str) -> bool:
        """Look in that room; whether it is there, and to be read."""
        column, value = ("slug", room[1:]) if room.startswith("~") else ("id", room)
        if not value.isprintable():
            return False  # and nothing that a database would be asked for
        rows = self._run(f"{READABLE} AND r.{column} = :room", {**self._rights, "room": value})
        self.signs += [self.index.room(row.id) for row in rows]
        return bool(rows)

    def by(self, user: str) -> None:
        """Look for what that user wrote."""
        self.signs.append(self.index.user(user))

    def by_name(self, name: str) -> bool:
        """Look for what the user of that name wrote; whether there is one."""
        rows = self._run("SELECT id FROM chat_users WHERE name = :name", {"name": name})
        self.signs += [self.index.user(row.id) for row in rows]
        return bool(rows)

    def say(self, query: Query) -> None:
        """Have also be true what the index does not know: which words are in a row, which are
        not there, and the time to the millisecond."""
        for number, term in enumerate(query.terms):
            if term.negated or len(term.words) > 1:
                name = f"words{number}"
                self._where.append(
                    f"' ' || m.words || ' ' {'NOT LIKE' if term.negated else 'LIKE'} :{name}"
                )
                # No word has a sign in it that LIKE knows.
                self._parameters[name] = f"% {' '.join(term.words)}{'' if term.prefix else ' '}%"
        if query.before is not None:
            self._where.append("m.at < :before")
            self._parameters["before"] = query.before
        if query.after is not None:
            self._where.append("m.at >= :after")
            self._parameters["after"] = query.after

    def span(self, query: Query, cursor: int | None) -> Span:
        """The keys of the messages that come into question."""
        # Each by itself: together, SQLite would look at every message.
        ends = [f'(SELECT {end}("key") FROM chat_messages)' for end in ("min", "max")]
        ((least, most),) = self._run(f"SELECT {', '.join(ends)}", {})
        if most is None:
            return Span(0, 0)
        low, high = least - 1, most if cursor is None else min(most, cursor - 1)
        if query.after is not None:
            low = self._since(query.after - SLACK, least, most) - 1
        if query.before is not None:
            high = min(high, self._since(query.before + SLACK, least, most) - 1)
        return Span(low, max(low, high))

    def look(self, terms: list[Term], step: Span, most: int) -> list[Any]:
        match = self.index.match(terms, self.signs, step)
        statement = self.index.found.format(where=" AND ".join(self._where))
        found = {"match": match, "low": step.low, "high": step.high, "most": most}
        return self._run(statement, {**self._parameters, **found})

    def _since(self, at: int, least: int, most: int) -> int:
        """The key of the first message of that time, which rises with the keys. Behind the last
        where there is none."""
        low, high = least, most + 1
        while low < high:
            middle = (low + high) // 2
            (row,) = self._run(
                'SELECT "key", at FROM chat_messages WHERE "key" >= :key ORDER BY "key" LIMIT 1',
                {"key": middle},
            )
            if row.at >= at:
                high = middle
            else:
                low = row.key + 1
        return low

    def _run(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        typed = [bindparam(name, type_=BigInteger) for name in NUMBERS if name in parameters]
        return list(self._connection.execute(text(statement).bindparams(*typed), parameters))


def _hits(rows: list[Any], query: Query) -> list[Hit]:
    return [
        Hit(row.room, row.id, row.user, row.at, excerpt(row.text, query.wanted)) for row in rows
    ]
