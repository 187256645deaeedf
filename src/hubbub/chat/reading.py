"""What there is to read of rooms: queries, each with the right to see what it returns.

All of it is called with `hub.tables.read`, in one transaction: what is returned is of one moment.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from sqlalchemy import and_, case, func, select

from hubbub import Refused
from hubbub.chat import schema
from hubbub.chat.people import Who, server
from hubbub.chat.people.accounts import Account
from hubbub.chat.people.http.models import Profile, profile
from hubbub.chat.policy import Action, Place, Role, Standing, may
from hubbub.chat.projection import INVITE, MEMBER, MESSAGE, ROOM, message_row
from hubbub.chat.rules import FORBIDDEN, MISSING, NO_ROOM
from hubbub.chat.state import InviteRow, MessageRow, RoomRow
from hubbub.chat.views import (
    FileView,
    Invitation,
    MemberView,
    MessageView,
    PreferenceView,
    ReactionView,
    ReplyView,
    RoomView,
)
from hubbub.tables import EVERYONE
from hubbub.tables.rows import find

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

T = TypeVar("T")

FIRST_MESSAGES = 50
FIRST_MEMBERS = 200
"""Of a room's first page."""

LEVELS = ("all", "mentions", "nothing")
"""Of what one wants to be told in a room."""

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}|~[^\x00-\x20\x7f-\x9f/~:\ud800-\udfff]{1,128}")
"""What rooms are called by, an id or a slug after a "~": of anything else there is no room."""

USER = [schema.users.c[name] for name in Account._fields]


class Seen(NamedTuple):
    """A room that somebody may read, and how they stand to it."""

    room: RoomRow
    standing: Standing
    me: MemberView | None
    place: Place

    @property
    def rights(self) -> list[str]:
        return [action.value for action in Action if may(action, self.standing, self.place)]

    def need(self, action: Action) -> None:
        """Raises `Refused`."""
        if not may(action, self.standing, self.place):
            raise Refused("you may not do that here", FORBIDDEN)


def look(connection: Connection, who: Who, room: str, now: int) -> Seen:
    """The room with this id, or with this slug after a "~". Raises `Refused` for one that is
    not there, or not for `who`: it cannot be told which."""
    if not NAME.fullmatch(room):
        raise Refused(NO_ROOM, MISSING)
    rooms, members, bans = schema.rooms, schema.members, schema.bans
    which = rooms.c.slug == room[1:] if room.startswith("~") else rooms.c.id == room
    asked = (
        select(*ROOM, members.c.role, members.c.muted_until, bans.c.until)
        .select_from(
            rooms.outerjoin(
                members, and_(members.c.room == rooms.c.id, members.c.user == who.id)
            ).outerjoin(bans, and_(bans.c.room == rooms.c.id, bans.c.user == who.id))
        )
        .where(which)
    )
    row = connection.execute(asked).one_or_none()
    if row is None:
        raise Refused(NO_ROOM, MISSING)
    *values, role, muted_until, until = row
    found = RoomRow(*values)
    guests = who.guest and server.current(connection).guests
    standing = Standing(
        None if role is None else Role(role),
        who.guest,
        who.admin,
        until is not None and (not until or until > now),
        role is not None and muted_until > now,
    )
    place = Place(found.kind, found.archived_at is not None, guests)
    if not may(Action.READ, standing, place):
        raise Refused(NO_ROOM, MISSING)
    me = None
    if role is not None:
        me = MemberView(user=who.id, role=role, muted_until=muted_until)
    return Seen(found, standing, me, place)


def room_view(row: RoomRow) -> RoomView:
    return RoomView(
        id=row.id,
        kind=row.kind,
        name=row.name,
        slug=row.slug,
        topic=row.topic,
        slow=row.slow,
        keep=row.keep,
        by=row.by,
        created_at=row.created_at,
        archived_at=row.archived_at,
        people=row.people,
        last_at=row.last_at,
        offset=row.offset,
    )


# Rooms.


def room(connection: Connection, id: str) -> RoomView:
    """Of which nobody asks whether anybody may know of it. Raises `Refused`."""
    rows = find(connection, ROOM, [(id,)])
    if not rows:
        raise Refused(NO_ROOM, MISSING)
    return room_view(RoomRow(*rows[0]))


def my_rooms(connection: Connection, who: Who) -> list[tuple[RoomRow, MemberView, PreferenceView]]:
    """The rooms that `who` is a member of, those with the latest messages first."""
    rooms, members, preferences = schema.rooms, schema.members, schema.preferences
    asked = (
        select(
            *ROOM,
            members.c.role,
            members.c.muted_until,
            preferences.c.level,
            preferences.c.muted,
        )
        .select_from(
            members.join(rooms, rooms.c.id == members.c.room).outerjoin(
                preferences,
                and_(preferences.c.user == who.id, preferences.c.room == rooms.c.id),
            )
        )
        .where(members.c.user == who.id)
        .order_by(rooms.c.last_at.desc(), rooms.c.id)
    )
    found = []
    for *values, role, muted_until, level, muted in connection.execute(asked):
        me = MemberView(user=who.id, role=role, muted_until=muted_until)
        found.append((RoomRow(*values), me, _preference(level, muted)))
    return found


def _preference(level: str | None, muted: bool | None) -> PreferenceView:
    return PreferenceView() if level is None else PreferenceView(level=level, muted=bool(muted))


def preference(connection: Connection, who: Who, room: str) -> PreferenceView:
    table = schema.preferences
    row = connection.execute(
        select(table.c.level, table.c.muted).where(table.c.user == who.id, table.c.room == room)
    ).one_or_none()
    return PreferenceView() if row is None else _preference(row.level, row.muted)


def people_of(connection: Connection, rooms: Sequence[str]) -> dict[str, list[str]]:
    """Who is in each of these, which are direct conversations."""
    found: dict[str, list[str]] = {room: [] for room in rooms}
    c = schema.members.c
    if rooms:
        for row in find(connection, [c.room, c.user, c.since], [(room,) for room in rooms]):
            found[row.room].append(row.user)
    return {room: sorted(users) for room, users in found.items()}


def id_of(connection: Connection, slug: str) -> str | None:
    """The id of the room with that slug, of which nobody asks whether anybody may know of it."""
    c = schema.rooms.c
    found: str | None = connection.execute(select(c.id).where(c.slug == slug)).scalar()
    return found


def rooms_of(connection: Connection, who: Who, among: Collection[str] | None) -> list[str]:
    """The ids of the rooms that `who` is a member of: all, or those that are `among` these."""
    c = schema.members.c
    asked = select(c.room).where(c.user == who.id).order_by(c.room)
    if among is not None:
        asked = asked.where(c.room.in_(among))
    return list(connection.execute(asked).scalars())


def members(connection: Connection, room: str, after: str, limit: int) -> list[MemberView]:
    """Members by user id, beginning behind `after`."""
    c = schema.members.c
    rows = connection.execute(
        select(*MEMBER).where(c.room == room, c.user > after).order_by(c.user).limit(limit)
    )
    return [MemberView(user=row.user, role=row.role, muted_until=row.muted_until) for row in rows]


def first_members(connection: Connection, room: str, limit: int) -> list[MemberView]:
    """Those who look after the room first, then by the time of their coming."""
    c = schema.members.c
    order = case((c.role == "owner", 0), (c.role == "moderator", 1), else_=2)
    rows = connection.execute(
        select(*MEMBER).where(c.room == room).order_by(order, c.since, c.user).limit(limit)
    )
    return [MemberView(user=row.user, role=row.role, muted_until=row.muted_until) for row in rows]


def member(connection: Connection, room: str, user: str) -> MemberView:
    """Raises `Refused` for who is no member."""
    rows = find(connection, MEMBER, [(room, user)])
    if not rows:
        raise Refused("this user is no member of the room", MISSING)
    return MemberView(user=user, role=rows[0].role, muted_until=rows[0].muted_until)


def members_among(connection: Connection, room: str, users: Collection[str]) -> set[str]:
    """Those of `users` who are members."""
    c = schema.members.c
    return {row.user for row in find(connection, [c.room, c.user], [(room, u) for u in users])}


def invite(connection: Connection, room: str, id: int) -> InviteRow | None:
    rows = find(connection, INVITE, [(room, id)])
    return InviteRow(*rows[0]) if rows else None


def invitation(
    connection: Connection, room: str, id: int, user: str, now: int
) -> Invitation | None:
    """What the invitation leads to; None for one that is past, but for members of the room."""
    row = invite(connection, room, id)
    past = row is None or (row.expires_at and row.expires_at <= now) or row.uses == 0
    there = bool(find(connection, MEMBER, [(room, user)]))
    if past and not there:
        return None
    to = find(connection, ROOM, [(room,)])[0]
    return Invitation(
        name=to.name,
        kind=to.kind,
        people=to.people,
        expires_at=row.expires_at if row else 0,
        room=room if there else None,
    )


# Messages.


def last_messages(connection: Connection, room: str, before: int, limit: int) -> list[MessageView]:
    """The last messages before that id, in their order."""
    c = schema.messages.c
    rows = connection.execute(
        select(*MESSAGE).where(c.room == room, c.id < before).order_by(c.id.desc()).limit(limit)
    ).all()
    return views(connection, room, rows[::-1])


def next_messages(connection: Connection, room: str, after: int, limit: int) -> list[MessageView]:
    """The first messages after that id, in their order."""
    c = schema.messages.c
    rows = connection.execute(
        select(*MESSAGE).where(c.room == room, c.id > after).order_by(c.id).limit(limit)
    ).all()
    return views(connection, room, rows)


def message(connection: Connection, room: str, id: int) -> MessageView:
    """Raises `Refused`."""
    rows = find(connection, MESSAGE, [(room, id)])
    if not rows:
        raise Refused("there is no such message", MISSING)
    return views(connection, room, rows)[0]


def pinned_count(connection: Connection, room: str) -> int:
    c = schema.messages.c
    asked = select(func.count()).where(c.room == room, c.pinned_at.is_not(None))
    return int(connection.execute(asked).scalar_one())


def views(connection: Connection, room: str, rows: Iterable[Row[Any]]) -> list[MessageView]:
    """Rows of `schema.messages`, with the reactions to them."""
    found = [message_row(row) for row in rows]
    reactions = _reactions(connection, room, [row.id for row in found])
    return [_view(row, reactions.get(row.id, {})) for row in found]


def _view(row: MessageRow, reactions: dict[str, list[str]]) -> MessageView:
    reply = row.reply
    return MessageView(
        id=row.id,
        user=row.user,
        at=row.at,
        text=row.text,
        reply=None if reply is None else ReplyView(id=reply.id, user=reply.user, text=reply.text),
        files=[
            FileView(
                id=file.id,
                name=file.name,
                type=file.type,
                size=file.size,
                width=file.width,
                height=file.height,
                preview=file.preview,
            )
            for file in row.files
        ],
        mentions=row.mentions,
        reactions=[ReactionView(emoji=one, users=reactions[one]) for one in sorted(reactions)],
        nonce=row.nonce,
        edited_at=row.edited_at,
        deleted_at=row.deleted_at,
        deleted_by=row.deleted_by,
        pinned_at=row.pinned_at,
    )


def _reactions(
    connection: Connection, room: str, ids: list[int]
) -> dict[int, dict[str, list[str]]]:
    if not ids:
        return {}
    c = schema.reactions.c
    # A range and the list: the range is what an index is good for in any database.
    asked = (
        select(c.message, c.emoji, c.user)
        .where(c.room == room, c.message.between(min(ids), max(ids)), c.message.in_(ids))
        .order_by(c.since)
    )
    found: dict[int, dict[str, list[str]]] = {}
    for message, emoji, user in connection.execute(asked):
        found.setdefault(message, {}).setdefault(emoji, []).append(user)
    return found


# Users.


def users_of(connection: Connection, ids: Iterable[str]) -> list[Profile]:
    wanted = {id for id in ids if id and id != EVERYONE}
    rows = find(connection, USER, [(id,) for id in wanted])
    return [profile(Account(*row)) for row in sorted(rows)]


def people_in(messages: Iterable[MessageView]) -> set[str]:
    """Whoever wrote these messages, or is quoted, mentioned, or has reacted."""
    found: set[str] = set()
    for one in messages:
        found.add(one.user)
        found.update(one.mentions)
        if one.reply is not None:
            found.add(one.reply.user)
        for reaction in one.reactions:
            found.update(reaction.users)
        if one.deleted_by is not None:
            found.add(one.deleted_by)
    return found
