"""Rooms as the chat's users use them: wishes in, what there is to see out.

HTTP, sockets, webhooks and the text door all come through here.
"""

from __future__ import annotations

import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select

from hubbub import Conflict, Hub, InvalidName, Refused
from hubbub.chat import events as e
from hubbub.chat import reading, schema, told
from hubbub.chat.people import Who
from hubbub.chat.policy import Action
from hubbub.chat.projection import ROOMS
from hubbub.chat.rules import CONFLICT, GONE, INVALID, MISSING, NO_ROOM, direct_id
from hubbub.chat.state import InviteRow
from hubbub.chat.views import (
    Invitation,
    InviteView,
    MyRoom,
    MyRooms,
    Opened,
    PreferenceView,
    UnreadView,
)
from hubbub.tables.rows import put

if TYPE_CHECKING:
    from sqlalchemy import Connection

USERS = "user:"
"""What the names of the rooms begin with that are for one user's devices alone."""

FAR = 2**53
"""A message id behind every other."""

MARKED = 100
"""How far unread messages are counted."""

PAST = "this invitation is not valid any more"
"""Also what is said of one that never was."""


def channel(room: str) -> str:
    """The name of the hub's room that is the chat's room with that id."""
    return ROOMS + room


class Done(NamedTuple):
    """What came of a wish: the event's offset in the room, which of a message is its id.

    `new` is False where a room was to be made that is there already.
    """

    room: str
    offset: int
    new: bool = True


class Rooms:
    """The rooms of `hub`. `secret` signs the links of invitations, and `now` says what time it is
    (Unix milliseconds)."""

    def __init__(
        self,
        hub: Hub,
        secret: Callable[[], bytes],
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.hub = hub
        self.now = now
        self._secret = secret

    # Wishes.

    async def do(self, who: Who | None, room: str, wish: e.Wish, key: str = "") -> Done:
        """Have `wish` of `who` (None: the server's own) come true in the room with this id.

        The same `key` of the same user within the window does nothing again, and returns what
        came of the first. Raises `Refused`, also for a key that was used for something else, and
        `Unavailable`.
        """
        if not reading.NAME.fullmatch(room):
            raise Refused(NO_ROOM, MISSING)
        user = None if who is None else who.id
        try:
            position = await self.hub.room(channel(room)).publish(
                wish, user=user, idempotency_key=key
            )
        except Conflict as error:
            raise Refused(str(error), CONFLICT) from None
        except InvalidName as error:
            raise Refused(str(error), INVALID) from None
        assert position is not None  # it is a durable room
        done = Done(room, position.offset)
        await self._settle(who, done, wish)
        return done

    async def wish(self, who: Who, room: str, wish: e.Wish, key: str = "") -> Done:
        """As `do`, of what a client says. Raises `Refused` also for what is not for it to say."""
        if isinstance(wish, e.Create | e.Expire) or (
            isinstance(wish, e.JoinRoom) and wish.invite is not None
        ):
            raise Refused("this is not asked for like that", INVALID)
        return await self.do(who, room, wish, key)

    async def _settle(self, who: Who | None, done: Done, wish: e.Wish) -> None:
        """Have live connections and devices know what the event means for them."""
        room = done.room
        match wish:
            case e.Create():
                people = set(wish.members) | ({who.id} if who is not None else set())
                await self._came(done, people)
            case e.JoinRoom():
                assert who is not None
                await self._came(done, [who.id])
            case e.Add():
                await self._came(done, [wish.user])
            case e.LeaveRoom():
                assert who is not None
                await self._went(room, who.id, "left")
            case e.Kick():
                await self._went(room, wish.user, "kicked")
            case e.Ban():
                await self._went(room, wish.user, "banned")
            case e.Change(kind="private"):
                await self._expel(room)
            case _:
                pass

    async def _came(self, done: Done, users: Iterable[str]) -> None:
        for user in users:
            # What was said before is not unread for who was not there.
            await self.hub.room(channel(done.room)).mark_read(user, done.offset)
            await self.tell(user, told.Entered(done.room))

    async def _went(self, room: str, user: str, why: told.Why) -> None:
        self.hub.unsubscribe(user, channel(room))
        what: told.Told = told.TakenOut(room, why)
        if await self.hub.tables.read(reading.members_among, room, [user]):
            # They have come back by now: the same wish was sent again, or somebody was quick.
            what = told.Entered(room)
        await self.tell(user, what)

    async def _expel(self, room: str) -> None:
        """Take everybody out of the room who is no member of it any more."""
        members = await self.hub.tables.read(_members, room)
        name = channel(room)
        here = {str(getattr(user, "id", user)) for user in self.hub.room(name).users}
        # Also who was let in before, and is only about to enter.
        for user in (here | self._connected()) - members:
            self.hub.unsubscribe(user, name)
        for user in here - members:
            await self._went(room, user, "private")

    def _connected(self) -> set[str]:
        """Everybody who has a socket."""
        names = (room.name for room in self.hub.rooms())
        return {name.removeprefix(USERS) for name in names if name.startswith(USERS)}

    async def tell(self, user: str, what: told.Told) -> None:
        """Tell the user's devices, also those that come back within minutes."""
        await self.hub.publish(USERS + user, what)

    async def create(self, who: Who, wish: e.Create, key: str = "") -> Done:
        """Make a room. A direct conversation that is there already is the one that is meant."""
        if wish.kind != "direct":
            # The id is chosen by the key, so that a repeated wish is about the same room.
            return await self.do(who, self._id(who, key), wish, key)
        id = direct_id([who.id, *wish.members])
        try:
            return await self.do(who, id, wish, key)
        except Refused:
            seen = await self.hub.tables.read(self._find, id)
            if seen is None:
                raise
            return Done(id, 1, new=False)

    def _id(self, who: Who, key: str) -> str:
        if not key:
            return "r" + secrets.token_hex(6)
        return "r" + hmac.digest(self._secret(), f"{who.id} {key}".encode(), "sha256").hex()[:12]

    @staticmethod
    def _find(connection: Connection, room: str) -> str | None:
        c = schema.rooms.c
        found: str | None = connection.execute(select(c.id).where(c.id == room)).scalar()
        return found

    # What there is to see.

    def _look(self, who: Who) -> Callable[[Connection, str], reading.Seen]:
        now = self.now()
        return lambda connection, room: reading.look(connection, who, room, now)

    async def read(
        self,
        who: Who,
        room: str,
        query: Callable[[Connection, str], reading.T],
        action: Action = Action.READ,
    ) -> reading.T:
        """What `query`, given the room's id, finds there, if `who` may do `action` in it.

        `room` is an id, or a slug after a "~". Raises `Refused`, `Unavailable`.
        """
        look = self._look(who)

        def work(connection: Connection) -> reading.T:
            seen = look(connection, room)
            seen.need(action)
            return query(connection, seen.room.id)

        return await self.hub.tables.read(work)

    async def seen(self, who: Who, room: str) -> reading.Seen:
        """The room, if `who` may read it. Raises `Refused`, `Unavailable`."""
        return await self.hub.tables.read(self._look(who), room)

    async def open(self, who: Who, room: str) -> Opened:
        """Everything that it takes to show a room and to follow it."""
        read = partial(_first_page, who=who, room=room, look=self._look(who))
        opened = await self.hub.tables.read(read)
        name = channel(opened.room.id)
        history = await self.hub.history(name, limit=0)
        unread = opened.unread
        if opened.me is not None:
            unread = (await self.unread(who, [opened.room.id]))[0]
        return opened.model_copy(update={"epoch": history.position.epoch, "unread": unread})

    async def mine(self, who: Who) -> MyRooms:
        """The rooms that `who` is a member of."""

        def work(connection: Connection) -> tuple[list[Any], dict[str, list[str]], list[Any]]:
            found = reading.my_rooms(connection, who)
            direct = [row.id for row, _, _ in found if row.kind == "direct"]
            people = reading.people_of(connection, direct)
            ids = {user for users in people.values() for user in users}
            return found, people, reading.users_of(connection, ids)

        found, people, users = await self.hub.tables.read(work)
        unread = await self.unread(who, [row.id for row, _, _ in found])
        items = [
            MyRoom(
                room=reading.room_view(row),
                me=me,
                unread=count,
                preferences=wanted,
                members=people.get(row.id, []),
            )
            for (row, me, wanted), count in zip(found, unread, strict=True)
        ]
        return MyRooms(items=items, users=users)

    async def unread(self, who: Who, rooms: list[str]) -> list[UnreadView]:
        """What is unread in each of these, of which nobody asks whether `who` may read them."""
        found = await self.hub.unread(who.id, [channel(room) for room in rooms], MARKED)
        return [UnreadView.model_validate(one, from_attributes=True) for one in found]

    async def mark_read(self, who: Who, room: str, offset: int) -> UnreadView:
        """Move the marker of `who` to there; it does not go back. Raises `Refused`."""
        seen = await self.seen(who, room)
        seen.need(Action.LEAVE if not seen.place.direct else Action.READ)
        await self.hub.room(channel(seen.room.id)).mark_read(who.id, offset)
        return (await self.unread(who, [seen.room.id]))[0]

    async def prefer(self, who: Who, room: str, wanted: PreferenceView) -> PreferenceView:
        """What `who` wants to be told of the room. Raises `Refused`."""
        seen = await self.seen(who, room)
        if wanted.level not in reading.LEVELS:
            raise Refused(f"a level is one of {', '.join(reading.LEVELS)}", INVALID)
        row = {
            "user": who.id,
            "room": seen.room.id,
            "level": wanted.level,
            "muted": wanted.muted,
        }
        await self.hub.tables.write(put, schema.preferences, [row])
        await self.tell(who.id, told.Preferred(seen.room.id, wanted.level, wanted.muted))
        return wanted

    # Invitations.

    def code(self, room: str, invite: int) -> str:
        """What the link of an invitation ends in: nobody else can make it up."""
        name = f"{room}.{invite}"
        digest = hmac.digest(self._secret(), b"invite " + name.encode(), "sha256")
        return f"{name}.{urlsafe_b64encode(digest[:12]).decode()}"

    def invite_view(self, row: InviteRow) -> InviteView:
        return InviteView(
            id=row.id,
            by=row.by,
            at=row.at,
            expires_at=row.expires_at,
            uses=row.uses,
            code=self.code(row.room, row.id),
        )

    async def enter(self, who: Who, code: str) -> Done:
        """Join a room by an invitation. Raises `Refused` for one that is not valid."""
        room, invite = self.invited(code)
        return await self.do(who, room, e.JoinRoom(invite=invite))

    async def invitation(self, code: str, who: Who | None) -> Invitation:
        """What the link of an invitation leads to. Raises `Refused` for one that is not valid, but
        for members of the room."""
        room, invite = self.invited(code)
        user = who.id if who is not None else ""
        found = await self.hub.tables.read(reading.invitation, room, invite, user, self.now())
        if found is None:
            raise Refused(PAST, GONE)
        return found

    def invited(self, code: str) -> tuple[str, int]:
        """The room, and the invitation to it, that the link is of. Raises `Refused` for a code
        that was made up."""
        room, _, rest = code.partition(".")
        number = rest.partition(".")[0]
        if number.isascii() and number.isdecimal() and len(number) < 16 and int(number):
            if hmac.compare_digest(self.code(room, int(number)).encode(), code.encode()):
                return room, int(number)
        raise Refused(PAST, GONE)


def _members(connection: Connection, room: str) -> set[str]:
    c = schema.members.c
    return set(connection.execute(select(c.user).where(c.room == room)).scalars())


def _first_page(
    connection: Connection, who: Who, room: str, look: Callable[[Connection, str], reading.Seen]
) -> Opened:
    seen = look(connection, room)
    id = seen.room.id
    messages = reading.last_messages(connection, id, FAR, reading.FIRST_MESSAGES + 1)
    more = len(messages) > reading.FIRST_MESSAGES
    messages = messages[-reading.FIRST_MESSAGES :]
    members = reading.first_members(connection, id, reading.FIRST_MEMBERS)
    people = reading.people_in(messages) | {member.user for member in members}
    return Opened(
        room=reading.room_view(seen.room),
        me=seen.me,
        rights=seen.rights,
        members=members,
        messages=messages,
        more=more,
        pinned=reading.pinned_count(connection, id),
        users=reading.users_of(connection, people),
        unread=UnreadView(read=0, unread=0, mentions=0, offset=seen.room.offset),
        preferences=reading.preference(connection, who, id),
        epoch="",
    )
