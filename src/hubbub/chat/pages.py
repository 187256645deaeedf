"""Pages of lists, with the users who are in them. Called with `hub.tables.read`, as `reading` is.

Where a page ends, the next one begins by what the list is ordered by: so it goes on there,
whatever comes or goes meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec.json import decode
from sqlalchemy import and_, exists, func, or_, select

from hubbub.chat import reading, schema
from hubbub.chat.people import Who, server
from hubbub.chat.people.http.models import Profile
from hubbub.chat.policy import Action, Place, Standing, may
from hubbub.chat.projection import INVITE, MESSAGE, ROOM
from hubbub.chat.state import InviteRow, RoomRow
from hubbub.chat.views import (
    AllRooms,
    Audit,
    AuditView,
    Bans,
    BanView,
    Members,
    Messages,
    Pins,
    RoomView,
)
from hubbub.chat.web import Page, cursor, paged

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

FAR = 2**53
"""A message id behind every other."""

FIRST = (2**63 - 1, FAR)
"""A time and an id, before which every message was pinned."""


# Messages.


class Which(NamedTuple):
    """Messages on that side of an id, or on both. It need not be a message's: then it is where
    that would be."""

    where: Literal["before", "after", "around"]
    id: int


LAST = Which("before", FAR)


def messages(connection: Connection, room: str, which: Which, limit: int) -> Messages:
    where, id = which
    ahead = {"before": 0, "after": limit, "around": limit - limit // 2}[where]
    behind = limit - ahead
    first = id + 1 if where == "after" else id
    # One more than is wanted on each side, for whether there is any.
    earlier = reading.last_messages(connection, room, first, behind + 1)
    later = reading.next_messages(connection, room, first - 1, ahead + 1)
    items = (earlier[-behind:] if behind else []) + later[:ahead]
    return Messages(
        items=items,
        before=(items[0].id if items else first) if len(earlier) > behind else None,
        after=(items[-1].id if items else first - 1) if len(later) > ahead else None,
        users=reading.users_of(connection, reading.people_in(items)),
    )


def pins(connection: Connection, room: str, before: tuple[int, int], limit: int) -> Pins:
    """Pinned messages, those pinned last first, before that time and id."""
    c = schema.messages.c
    rows = connection.execute(
        select(*MESSAGE)
        .where(
            c.room == room,
            c.pinned_at.is_not(None),
            or_(c.pinned_at < before[0], and_(c.pinned_at == before[0], c.id < before[1])),
        )
        .order_by(c.pinned_at.desc(), c.id.desc())
        .limit(limit + 1)
    ).all()
    found, more = paged(reading.views(connection, room, rows), limit)
    return Pins(
        items=found,
        users=reading.users_of(connection, reading.people_in(found)),
        next=cursor(found[-1].pinned_at or 0, found[-1].id) if more else None,
    )


# Rooms.


def public_rooms(
    connection: Connection, who: Who, now: int, text: str, after: str, limit: int
) -> Page[RoomView]:
    """Public rooms that `who` may read and that are not archived, by slug, beginning behind
    `after`; with `text`, those whose slug has it."""
    guests = who.guest and server.current(connection).guests
    if not may(Action.READ, Standing(None, who.guest, who.admin), Place("public", False, guests)):
        return Page(items=[])
    c, banned = schema.rooms.c, schema.bans.c
    out = exists().where(
        banned.room == c.id, banned.user == who.id, or_(banned.until == 0, banned.until > now)
    )
    items, next = _by_slug(connection, text, after, limit, c.archived_at.is_(None), ~out)
    return Page(items=items, next=next)


def all_rooms(connection: Connection, text: str | None, after: str, limit: int) -> AllRooms:
    """As administrators see them: public rooms by slug, beginning behind `after`, those whose slug
    has `text` (None: there can be none); and how many others there are."""
    items, next = _by_slug(connection, text, after, limit) if text is not None else ([], None)
    kind = schema.rooms.c.kind
    others = select(kind, func.count()).where(kind != "public").group_by(kind)
    counts = {row[0]: row[1] for row in connection.execute(others)}
    return AllRooms(
        items=items, next=next, private=counts.get("private", 0), direct=counts.get("direct", 0)
    )


def _by_slug(
    connection: Connection, text: str, after: str, limit: int, *where: ColumnElement[bool]
) -> tuple[list[RoomView], str | None]:
    """A page of public rooms, and the cursor of what comes then."""
    c = schema.rooms.c
    asked = select(*ROOM).where(c.kind == "public", c.slug > after, *where)
    if text:
        asked = asked.where(c.slug.contains(text, autoescape=True))
    rows = connection.execute(asked.order_by(c.slug).limit(limit + 1)).all()
    found, more = paged([reading.room_view(RoomRow(*row)) for row in rows], limit)
    return found, cursor(found[-1].slug or "") if more else None


# People.


def members(connection: Connection, room: str, after: str, limit: int) -> Members:
    """Members by user id, beginning behind `after`."""
    found, more = paged(reading.members(connection, room, after, limit + 1), limit)
    return Members(
        items=found,
        users=reading.users_of(connection, [one.user for one in found]),
        next=cursor(found[-1].user) if more else None,
    )


def bans(connection: Connection, room: str, after: str, limit: int) -> Bans:
    """Bans by user id, beginning behind `after`."""
    c = schema.bans.c
    rows = connection.execute(
        select(c.user, c.by, c.reason, c.at, c.until)
        .where(c.room == room, c.user > after)
        .order_by(c.user)
        .limit(limit + 1)
    )
    found, more = paged([BanView(**row._mapping) for row in rows], limit)
    return Bans(
        items=found,
        users=_users(connection, ((one.user, one.by) for one in found)),
        next=cursor(found[-1].user) if more else None,
    )


def audit(connection: Connection, room: str, before: int, limit: int) -> Audit:
    """What moderators did, the latest first, before that id."""
    c = schema.audit.c
    rows = connection.execute(
        select(c.id, c.at, c.by, c.action, c.user, c.detail)
        .where(c.room == room, c.id < before)
        .order_by(c.id.desc())
        .limit(limit + 1)
    )
    entries = [AuditView(**{**row._mapping, "detail": decode(row.detail)}) for row in rows]
    found, more = paged(entries, limit)
    return Audit(
        items=found,
        users=_users(connection, ((one.user, one.by) for one in found)),
        next=cursor(found[-1].id) if more else None,
    )


class SomeInvites(NamedTuple):
    """Invitations, who made them, and the cursor of what comes then."""

    rows: list[InviteRow]
    users: list[Profile]
    next: str | None


def invites(connection: Connection, room: str, after: int, limit: int) -> SomeInvites:
    """Invitations by id, beginning behind `after`; those that are past, too."""
    c = schema.invites.c
    asked = select(*INVITE).where(c.room == room, c.id > after).order_by(c.id).limit(limit + 1)
    found, more = paged([InviteRow(*row) for row in connection.execute(asked)], limit)
    return SomeInvites(
        found,
        reading.users_of(connection, [row.by for row in found]),
        cursor(found[-1].id) if more else None,
    )


def _users(connection: Connection, pairs: Iterable[tuple[str | None, str]]) -> list[Profile]:
    return reading.users_of(connection, {user for pair in pairs for user in pair if user})
