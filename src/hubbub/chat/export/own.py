"""All that is somebody's own, as JSON lines: an object a line, whose `type` says which.

`account` comes first, then each `identity`, `login`, `room`, `preference`, `message`, `reaction`
and `file`, and `end` last. Of what belongs to others there is no more than what a message of
one's own quotes. A room that one may not read any more has no name here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Raw
from sqlalchemy import Select, and_, case, or_, select, tuple_

from hubbub import Refused
from hubbub.chat import schema
from hubbub.chat.export.jsonl import FORMAT, encode_lines
from hubbub.chat.rules import MISSING
from hubbub.tables import Tables

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

PAGE = 500
"""Rows."""

Line = dict[str, object]


class Part(NamedTuple):
    """Rows of one kind: those that `select` finds, in the order of `key`, which tells them apart
    and is made of the first columns that are selected."""

    type: str
    select: Callable[[str], Select[Any]]
    key: Sequence[ColumnElement[Any]]
    json: Sequence[str] = ()
    """Columns that are JSON already."""
    hidden: Sequence[str] = ()
    """Columns that are there for the order alone."""


async def lines(tables: Tables, user: str, at: int) -> AsyncIterator[bytes]:
    """The lines, some at a time; `at` is when it is done (Unix milliseconds).

    Raises `Refused` where there is no such user, and `Unavailable`, on the way as well.
    """
    number = 1
    yield encode_lines([await tables.read(_account, user, at)])
    for part in PARTS:
        after: tuple[Any, ...] | None = None
        more = True
        while more:
            found, after = await tables.read(_page, part, user, after)
            more = len(found) == PAGE
            number += len(found)
            if found:
                yield encode_lines(found)
    yield encode_lines([{"type": "end", "lines": number}])


def _account(connection: Connection, user: str, at: int) -> Line:
    names = (
        "id", "name", "display", "kind", "admin", "status", "avatar", "created_at", "disabled_at",
    )  # fmt: skip
    c = schema.users.c
    row = connection.execute(select(*(c[name] for name in names)).where(c.id == user)).one_or_none()
    if row is None:
        raise Refused("there is no such user", MISSING)
    return {"type": "account", "format": FORMAT, "at": at, **row._mapping}


def _page(
    connection: Connection, part: Part, user: str, after: tuple[Any, ...] | None
) -> tuple[list[Line], tuple[Any, ...] | None]:
    """Some lines, and where they end."""
    asked = part.select(user).order_by(*part.key).limit(PAGE)
    if after is not None:
        asked = asked.where(tuple_(*part.key) > after)
    rows = connection.execute(asked).all()
    last = tuple(rows[-1][: len(part.key)]) if rows else None
    return [_line(part, row._mapping) for row in rows], last


def _line(part: Part, row: Any) -> Line:
    made: Line = {"type": part.type}
    for name, value in row.items():
        if name not in part.hidden:
            made[name] = Raw(value.encode()) if name in part.json and value is not None else value
    return made


def _of(table: Any, *names: str) -> Callable[[str], Select[Any]]:
    """These columns of the rows that are the user's."""

    def asked(user: str) -> Select[Any]:
        return select(*(table.c[name] for name in names)).where(table.c.user == user)

    return asked


def _rooms(user: str) -> Select[Any]:
    m, r = schema.members.c, schema.rooms.c
    return (
        select(m.room, r.kind, r.name, r.slug, m.role, m.muted_until)
        .join(schema.rooms, r.id == m.room)
        .where(m.user == user)
    )


def _messages(user: str) -> Select[Any]:
    c, r, m, b = schema.messages.c, schema.rooms.c, schema.members.c, schema.bans.c
    there = m.user.is_not(None)
    may_read = or_(there, and_(r.kind == "public", b.user.is_(None)))
    of_message = [
        c[name]
        for name in (
            "room", "id", "text", "reply", "files", "mentions", "nonce", "edited_at", "deleted_at",
        )
    ]  # fmt: skip
    return (
        select(c.at, c.key, *of_message, case((may_read, r.name)).label("room_name"))
        .select_from(
            schema.messages.outerjoin(schema.rooms, r.id == c.room)
            .outerjoin(schema.members, and_(m.room == c.room, m.user == user))
            .outerjoin(schema.bans, and_(b.room == c.room, b.user == user))
        )
        .where(c.user == user)
    )


def _files(user: str) -> Select[Any]:
    c = schema.files.c
    columns = (c.id, c.kind, c.name, c.type.label("media_type"), c.size, c.room, c.message, c.at)
    return select(*columns).where(c.user == user, c.gone_at.is_(None))


PARTS = (
    Part(
        "identity",
        _of(schema.identities, "issuer", "subject"),
        (schema.identities.c.issuer, schema.identities.c.subject),
    ),
    Part(
        "login",
        _of(schema.logins, "id", "agent", "created_at", "seen_at", "expires_at"),
        (schema.logins.c.id,),
    ),
    Part("room", _rooms, (schema.members.c.room,)),
    Part(
        "preference",
        _of(schema.preferences, "room", "level", "muted"),
        (schema.preferences.c.room,),
    ),
    Part(
        "message",
        _messages,
        (schema.messages.c.at, schema.messages.c.key),
        json=("reply", "files", "mentions"),
        hidden=("key",),
    ),
    Part(
        "reaction",
        _of(schema.reactions, "room", "message", "emoji"),
        (schema.reactions.c.room, schema.reactions.c.message, schema.reactions.c.emoji),
    ),
    Part("file", _files, (schema.files.c.id,)),
)
"""What there is beside the account, in its order."""
