"""The rooms' tables, kept in step with their logs: wishes in, events out, rows beside.

One step is one transaction: what a batch needs is read in a few queries, the wishes are judged
one after the other on that, and what changed is written in a few more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import MsgspecError, structs
from msgspec.json import decode, encode
from sqlalchemy import and_, delete, or_, select

from hubbub import Refused
from hubbub.chat import events as e
from hubbub.chat import schema
from hubbub.chat.changes import Changer
from hubbub.chat.files.rows import attach, brought, detach
from hubbub.chat.people import Kind, server
from hubbub.chat.rules import INVALID, Judge
from hubbub.chat.search import words
from hubbub.chat.state import (
    BanRow,
    InviteRow,
    MemberRow,
    MessageRow,
    RoomRow,
    State,
    UserRow,
)
from hubbub.chat.text import mentioned, slug
from hubbub.tables import Draft
from hubbub.tables.rows import find, put, remove

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

ROOMS = "room:"
"""What the names of the chat's rooms begin with; the rest is the room's id."""


class Chat:
    """The projection of the rooms `room:{id}`. `said` counts the messages since it was made."""

    def __init__(self) -> None:
        self.said = 0

    def concerns(self, room: str) -> bool:
        return room.startswith(ROOMS)

    def begin(self, connection: Connection, drafts: Sequence[tuple[str, Draft]]) -> Chapter:
        wishes: list[e.AnyWish | None] = []
        wanted = Wanted()
        for room, draft in drafts:
            try:
                wish = e.wish_of(draft.data)
            except MsgspecError:
                wish = None  # what is wrong with it, `take` says
            wishes.append(wish)
            if wish is not None:
                user = draft.info.user if draft.info else ""
                wanted.wish(room.removeprefix(ROOMS), user, wish)
        state = State()
        wanted.load(connection, state)
        return Chapter(self, connection, state)

    def replay(self, connection: Connection, room: str, events: dict[int, bytes]) -> None:
        """Bring the tables from what they are to what these events, by offset, made of them.

        Raises msgspec.MsgspecError for one that is none.
        """
        id = room.removeprefix(ROOMS)
        read = {offset: e.event_of(data) for offset, data in events.items()}
        wanted = Wanted()
        for event in read.values():
            wanted.event(id, event)
        state = State()
        wanted.load(connection, state)
        for offset, event in read.items():
            Changer(state, id, offset).apply(event)
        Chapter(self, connection, state).finish()


class Chapter:
    """One step: see `hubbub.tables.Step`."""

    def __init__(self, chat: Chat, connection: Connection, state: State) -> None:
        self._chat = chat
        self._connection = connection
        self._state = state
        self._said = 0

    def take(self, room: str, draft: Draft, offset: int, at: int) -> Draft:
        try:
            wish = e.wish_of(draft.data)
        except MsgspecError as error:
            raise Refused(str(error)[:200], INVALID) from None
        id, user = room.removeprefix(ROOMS), draft.info.user if draft.info else ""
        event = Judge(self._state, id, user, offset, at).judge(wish)
        changer = Changer(self._state, id, offset)
        changer.apply(event)  # type: ignore[arg-type]  # what is judged is one of them
        said = isinstance(event, e.Message)
        self._said += said
        return draft._replace(
            data=e.to_json(event),
            unread=said,
            mentions=event.mentions if isinstance(event, e.Message) else (),
            erase=changer.erasures,
        )

    def finish(self) -> None:
        state, connection = self._state, self._connection
        for table, rows in (
            (schema.rooms, state.rooms.written),
            (schema.members, state.members.written),
            (schema.bans, state.bans.written),
            (schema.invites, state.invites.written),
            (schema.audit, state.audit.written),
        ):
            if rows:
                put(connection, table, [structs.asdict(row) for row in rows])
        for sheet, table in (
            (state.members, schema.members),
            (state.bans, schema.bans),
            (state.invites, schema.invites),
        ):
            if sheet.dropped:
                remove(connection, table, sheet.dropped)
        messages = schema.messages
        if said := state.messages.written:
            put(
                connection,
                messages,
                [_message_values(row) for row in said],
                by=(messages.c.room, messages.c.id),
            )
        for room, message, ids in state.attached:
            attach(connection, room, message, ids)
        self._forget()
        reactions = state.reactions.entries
        if reactions:
            names = ("room", "message", "emoji", "user", "since")
            values = [dict(zip(names, (*key, since), strict=True)) for key, since in reactions]
            put(connection, schema.reactions, values)
        self._chat.said += self._said

    def _forget(self) -> None:
        """Delete what is gone, and what belonged to it."""
        state, connection = self._state, self._connection
        if state.reactions.dropped:
            remove(connection, schema.reactions, state.reactions.dropped)
        if state.emptied:
            remove(connection, schema.reactions, state.emptied)
        for room, ids in _by_room(state.emptied).items():
            detach(connection, room, ids, state.at)
        c = schema.messages.c
        for room, ids in _by_room(state.expired).items():
            connection.execute(delete(schema.messages).where(c.room == room, c.id.in_(ids)))


def _by_room(spots: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for room, id in spots:
        found.setdefault(room, []).append(id)
    return found


def _message_values(row: MessageRow) -> dict[str, Any]:
    values = structs.asdict(row)
    values["words"] = words(row.text)
    values["reply_to"] = None if row.reply is None else row.reply.id
    values["reply"] = None if row.reply is None else encode(row.reply).decode()
    values["files"] = encode(row.files).decode() if row.files else None
    values["mentions"] = encode(row.mentions).decode() if row.mentions else None
    return values


def message_row(row: Any) -> MessageRow:
    """A row of `schema.messages`, with at least the columns in `MESSAGE`."""
    return MessageRow(
        row.room, row.id, row.user, row.at, row.text,
        None if row.reply is None else decode(row.reply, type=e.Reply),
        [] if row.files is None else decode(row.files, type=list[e.File]),
        [] if row.mentions is None else decode(row.mentions, type=list[str]),
        row.nonce, row.edited_at, row.edited_in, row.deleted_at, row.deleted_by, row.pinned_at,
    )  # fmt: skip


def _columns(table: Table, row: type) -> list[Any]:
    return [table.c[name] for name in row.__struct_fields__]  # type: ignore[attr-defined]


MESSAGE = _columns(schema.messages, MessageRow)
ROOM = _columns(schema.rooms, RoomRow)
MEMBER = _columns(schema.members, MemberRow)
BAN = _columns(schema.bans, BanRow)
INVITE = _columns(schema.invites, InviteRow)
USER = _columns(schema.users, UserRow)


class Wanted:
    """What has to be read for some wishes or events to be gone over."""

    def __init__(self) -> None:
        self.rooms: set[str] = set()
        self.users: set[str] = set()
        self.people: set[tuple[str, str]] = set()
        self.names: set[str] = set()
        self.named: set[tuple[str, str]] = set()
        """A room and a name that is mentioned there."""
        self.slugs: set[str] = set()
        self.opened: set[str] = set()
        """Rooms that become public, and need a slug of their own for it."""
        self.owners: set[str] = set()
        self.invites: set[tuple[str, int]] = set()
        self.messages: set[tuple[str, int]] = set()
        self.answered: set[tuple[str, int]] = set()
        self.reactions: set[tuple[str, int, str, str]] = set()
        self.files: set[str] = set()
        self.before: dict[str, int] = {}

    def person(self, room: str, user: str) -> None:
        if user:
            self.users.add(user)
            self.people.add((room, user))

    def wish(self, room: str, user: str, wish: e.AnyWish) -> None:
        self.rooms.add(room)
        self.person(room, user)
        match wish:
            case e.Create():
                self.users.update(wish.members)
                self.slugs.update(filter(None, [slug(wish.name)]))
            case e.Change(name=str(name)):
                self.slugs.update(filter(None, [slug(name)]))
            case e.Change(kind="public"):
                self.opened.add(room)
            case e.JoinRoom(invite=int(invite)) | e.Uninvite(invite=invite):
                self.invites.add((room, invite))
            case e.LeaveRoom():
                self.owners.add(room)
            case e.Appoint():
                self.owners.add(room)
                self.person(room, wish.user)
            case e.Add() | e.Kick() | e.Ban() | e.Unban() | e.Mute() | e.Unmute():
                self.person(room, wish.user)
            case e.Say():
                self.files.update(wish.files)
                if wish.reply is not None:
                    self.messages.add((room, wish.reply))
                self._text(room, wish.text)
            case e.Edit():
                self.messages.add((room, wish.message))
                self._text(room, wish.text)
            case e.Delete():
                self.messages.add((room, wish.message))
                self.answered.add((room, wish.message))
            case e.React() | e.Unreact():
                self.messages.add((room, wish.message))
                self.reactions.add((room, wish.message, wish.emoji, user))
            case e.Pin() | e.Unpin():
                self.messages.add((room, wish.message))
            case e.Expire():
                self._expire(room, wish.before)

    def event(self, room: str, event: e.AnyEvent) -> None:
        self.rooms.add(room)
        self.person(room, event.by)
        match event:
            case e.Created():
                for user in event.members:
                    self.person(room, user)
            case e.Joined() | e.Uninvited() if event.invite is not None:
                self.invites.add((room, event.invite))
            case e.Edited() | e.Pinned() | e.Unpinned():
                self.messages.add((room, event.message))
            case e.Deleted():
                self.messages.add((room, event.message))
                self.answered.add((room, event.message))
            case e.Reacted() | e.Unreacted():
                self.messages.add((room, event.message))
                self.reactions.add((room, event.message, event.emoji, event.by))
            case e.Expired():
                self._expire(room, event.before)
            case _:
                pass
        about = getattr(event, "user", None)
        if isinstance(about, str):
            self.person(room, about)

    def _text(self, room: str, text: str) -> None:
        if "@" in text:
            names = mentioned(text)
            self.names.update(names)
            self.named.update((room, name) for name in names)

    def _expire(self, room: str, before: int) -> None:
        self.before[room] = max(before, self.before.get(room, 0))

    def load(self, connection: Connection, state: State) -> None:
        users = schema.users
        for row in _found(connection, USER, [(user,) for user in self.users]):
            state.users[row.id] = UserRow(*row)
        if any(user.kind == Kind.GUEST for user in state.users.values()):
            state.guests = server.current(connection).guests
        if self.names:
            for row in find(connection, [users.c.name, users.c.id], [(n,) for n in self.names]):
                state.names[row.name] = row.id
            self.people.update(
                (room, state.names[name]) for room, name in self.named if name in state.names
            )
        for row in _found(connection, ROOM, [(room,) for room in self.rooms]):
            state.rooms.load(row.id, RoomRow(*row))
        for row in _found(connection, MEMBER, list(self.people)):
            state.members.load((row.room, row.user), MemberRow(*row))
        for row in _found(connection, BAN, list(self.people)):
            state.bans.load((row.room, row.user), BanRow(*row))
        for row in _found(connection, INVITE, list(self.invites)):
            state.invites.load((row.room, row.id), InviteRow(*row))
        for row in _found(connection, MESSAGE, list(self.messages)):
            state.messages.load((row.room, row.id), message_row(row))
        self._load_rare(connection, state)

    def _load_rare(self, connection: Connection, state: State) -> None:
        rooms, members, messages = schema.rooms.c, schema.members.c, schema.messages.c
        named = [room.name for room in state.rooms if room.id in self.opened]
        self.slugs.update(filter(None, map(slug, named)))
        if self.slugs:
            for row in find(connection, [rooms.slug, rooms.id], [(one,) for one in self.slugs]):
                state.slugs[row.slug] = row.id
        if self.owners:
            asked = select(members.room, members.user).where(
                members.room.in_(self.owners), members.role == "owner"
            )
            for room, user in connection.execute(asked):
                state.owners.setdefault(room, set()).add(user)
        if self.answered:
            replies = [
                and_(messages.room == room, messages.reply_to == id) for room, id in self.answered
            ]
            for row in connection.execute(select(*MESSAGE).where(or_(*replies))):
                state.messages.load((row.room, row.id), message_row(row))
        for room, before in self.before.items():
            old = select(*MESSAGE).where(messages.room == room, messages.id < before)
            gone = [message_row(row) for row in connection.execute(old)]
            first = min((row.id for row in gone), default=before)
            replies_to = select(*MESSAGE).where(
                messages.room == room, messages.reply_to >= first, messages.reply_to < before
            )
            for one in [*map(message_row, connection.execute(replies_to)), *gone]:
                state.messages.load((one.room, one.id), one)
        if self.reactions:
            self._load_reactions(connection, state)
        state.files = brought(connection, self.files)

    def _load_reactions(self, connection: Connection, state: State) -> None:
        c = schema.reactions.c
        every = [c.room, c.message, c.emoji, c.user, c.since]
        for row in find(connection, every, list(self.reactions)):
            key = (row.room, row.message, row.emoji, row.user)
            state.reactions.load(key, row.since)
        for room, ids in _by_room({key[:2] for key in self.reactions}).items():
            asked = select(c.message, c.emoji).where(c.room == room, c.message.in_(ids)).distinct()
            for message, emoji in connection.execute(asked):
                state.emoji.setdefault((room, message), set()).add(emoji)


def _found(connection: Connection, columns: list[Any], keys: list[Any]) -> Iterable[Any]:
    return find(connection, columns, keys) if keys else ()
