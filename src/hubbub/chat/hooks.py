"""Incoming webhooks: addresses at which other programs say something in a room.

Each has a bot that says it: an account of its own, and a member of the room. The address holds a
secret, of which only the hash is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, func, insert, select, update

from hubbub import Refused
from hubbub.chat import events as e
from hubbub.chat import reading, schema
from hubbub.chat.people import Kind, Who, accounts, names
from hubbub.chat.people.secret import hashed, new_id, new_secret
from hubbub.chat.policy import Action
from hubbub.chat.rooms import Done, Rooms
from hubbub.chat.rules import CONFLICT, MISSING
from hubbub.chat.views import HookView
from hubbub.tables import Tables

if TYPE_CHECKING:
    from sqlalchemy import Connection

MOST = 20
"""Webhooks of one room: each has an account."""

NO_HOOK = "there is no such webhook"
"""Also what is said of a wrong secret."""


class HookRow(NamedTuple):
    """A row of `schema.hooks`, without its secret."""

    id: str
    room: str
    user: str
    by: str
    created_at: int


_HOOK = [schema.hooks.c[name] for name in HookRow._fields]


class Hooks:
    """The webhooks of `rooms`."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    @property
    def _tables(self) -> Tables:
        return self._rooms.hub.tables

    async def make(self, who: Who, room: str, name: str) -> tuple[HookView, str]:
        """Make a webhook, and its bot, which is called `name`. Returns its secret, too, which is
        kept nowhere. Raises `Refused`, and `Problem` for what nobody can be called."""
        display = names.display(name)
        row, secret = await self._tables.write(_make, who, room, display, self._rooms.now())
        try:
            await self._rooms.do(who, row.room, e.Add(user=row.user))
        except BaseException:
            await self._tables.write(_revoke, row, self._rooms.now())
            raise
        (view,) = await self._tables.read(_views, [row])
        return view, secret

    async def list_(self, who: Who, room: str) -> list[HookView]:
        """The webhooks of a room, the oldest first. Raises `Refused`."""
        return await self._rooms.read(who, room, _list, Action.HOOK)

    async def delete(self, who: Who, room: str, hook: str) -> None:
        """Have the address lead nowhere, and its bot be out of the room. Raises `Refused`."""

        def find(connection: Connection, id: str) -> HookRow:
            c = schema.hooks.c
            return _found(connection, c.id == hook, c.room == id)

        row = await self._rooms.read(who, room, find, Action.HOOK)
        # Out of the room it says nothing any more. Gone first, it could not leave.
        try:
            await self._rooms.do(_bot(row), row.room, e.LeaveRoom())
        except Refused:
            pass  # somebody has seen to that before
        await self._tables.write(_revoke, row, self._rooms.now())

    async def say(self, hook: str, secret: str, text: str, key: str = "") -> Done:
        """Say something in the name of a webhook's bot. Raises `Refused`, for an unknown webhook
        the same as for a wrong secret."""
        c = schema.hooks.c
        # Found by the hash alone: how long that takes tells nothing of the secret.
        row = await self._tables.read(_found, c.secret == hashed(secret))
        if row.id != hook:
            raise Refused(NO_HOOK, MISSING)
        return await self._rooms.do(_bot(row), row.room, e.Say(text=text), key)


def _bot(row: HookRow) -> Who:
    return Who(row.user, Kind.BOT, "")


def _found(connection: Connection, *which: Any) -> HookRow:
    """Raises `Refused`."""
    row = connection.execute(select(*_HOOK).where(*which)).one_or_none()
    if row is None:
        raise Refused(NO_HOOK, MISSING)
    return HookRow(*row)


def _make(
    connection: Connection, who: Who, room: str, display: str, now: int
) -> tuple[HookRow, str]:
    seen = reading.look(connection, who, room, now)
    seen.need(Action.HOOK)
    hooks = schema.hooks
    count = select(func.count()).where(hooks.c.room == seen.room.id)
    if connection.execute(count).scalar_one() >= MOST:
        raise Refused(f"a room has at most {MOST} webhooks: delete one", CONFLICT)
    # Without a name to mention it by: those are not for the owners of rooms to give away.
    user = accounts.add(connection, now, Kind.BOT, display)
    row, secret = HookRow(new_id("h"), seen.room.id, user, who.id, now), new_secret()
    connection.execute(insert(hooks).values(secret=hashed(secret), **row._asdict()))
    return row, secret


def _revoke(connection: Connection, row: HookRow, now: int) -> None:
    """Forget the webhook, and have its bot do nothing any more: what it said is still its."""
    connection.execute(delete(schema.hooks).where(schema.hooks.c.id == row.id))
    users = schema.users
    connection.execute(update(users).where(users.c.id == row.user).values(disabled_at=now))


def _list(connection: Connection, room: str) -> list[HookView]:
    c = schema.hooks.c
    asked = select(*_HOOK).where(c.room == room).order_by(c.created_at, c.id)
    return _views(connection, [HookRow(*row) for row in connection.execute(asked)])


def _views(connection: Connection, rows: list[HookRow]) -> list[HookView]:
    users = {one.id: one for one in reading.users_of(connection, [row.user for row in rows])}
    return [
        HookView(id=row.id, user=users[row.user], by=row.by, created_at=row.created_at)
        for row in rows
    ]
