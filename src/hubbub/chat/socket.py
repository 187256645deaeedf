"""The chat over sockets: who comes in, which rooms they hear, and what they may call.

Over one socket a client hears its rooms (`room:{id}`), what is for its user's devices alone
(`user:{id}`) and what everybody with an account is told (`people`). What it wants, it calls for
(`chat.do` and its like), with the bodies that the HTTP API has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from msgspec import Struct

from hubbub import Call, Client, Grant, Identity, Join, Publish, Refused
from hubbub.chat import events as e
from hubbub.chat import told
from hubbub.chat.live import PEOPLE, Here, Typing, watch
from hubbub.chat.people import Who
from hubbub.chat.policy import Action
from hubbub.chat.projection import ROOMS
from hubbub.chat.rooms import USERS, Rooms, channel

SIGN_IN = "sign in first"


class Knows(Protocol):
    """What the sockets have to know of people."""

    async def verify_socket_token(self, token: str) -> Who | None:
        """Whose socket token, or bot's key, it is; None for nobody's. Raises `Refused`."""

    async def until(self, who: Who) -> float | None:
        """Until when (Unix seconds) the socket may stay before this is asked again."""


class Do(Struct, forbid_unknown_fields=True):
    """A wish about a room. The same `key` again is the same wish, not another one."""

    room: str
    wish: e.AnyWish
    key: str = ""


class Make(Struct, forbid_unknown_fields=True):
    wish: e.Create
    key: str = ""


class Enter(Struct, forbid_unknown_fields=True):
    code: str


class Happened(Struct):
    """It came true: `offset` is that of its event in the room."""

    offset: int


class Made(Struct):
    """The room, and the offset of what happened there."""

    room: str
    offset: int


class Where(Struct, forbid_unknown_fields=True):
    room: str


class Away(Struct, forbid_unknown_fields=True):
    away: bool


class Plain(Struct):
    """What a client publishes right into a room: a message."""

    text: str
    reply: int | None = None
    nonce: str = ""


class Sockets:
    """Registers all of it with the hub of `rooms`. `here` is who is connected, `typing` who
    types."""

    def __init__(self, rooms: Rooms, knows: Callable[[], Knows]) -> None:
        self._rooms = rooms
        self._hub = hub = rooms.hub
        self._knows = knows
        self._tasks: set[asyncio.Task[None]] = set()
        self.here = Here(self._tell_presence)
        self.typing = Typing(self._tell_typing)
        hub.authenticate(self._who)
        hub.on_refresh(self._until)
        said = hub.rooms(
            ROOMS + "{id}",
            durability="commit",
            read_markers=True,
            presence=True,
            join_leave=True,
            message=Plain,
            events=e.AnyEvent | told.Typing,
        )
        said.on_join(self._may_join)
        said.on_publish(self._say)
        remembered = {"history_size": 200, "history_ttl": 600.0, "force_recovery": True}
        devices = hub.rooms(
            USERS + "{id}", events=told.Entered | told.TakenOut | told.Preferred, **remembered
        )
        devices.on_join(self._may_hear_user)
        people = hub.rooms(PEOPLE, events=told.Presence | told.UserChanged, **remembered)
        people.on_join(self._may_hear_people)
        watch(hub, USERS, self.here)
        for method, function in (
            ("chat.do", self._do),
            ("chat.create", self._create),
            ("chat.enter", self._enter),
            ("chat.typing", self._types),
            ("chat.away", self._is_away),
        ):
            hub.on_rpc(method)(function)

    async def stop(self) -> None:
        """Tell nobody anything any more."""
        self.here.stop()
        self.typing.stop()
        for task in self._tasks:
            task.cancel()

    # Who it is.

    async def _who(self, token: str | None) -> Identity | None:
        if not token and self._hub.settings.anonymous:
            return None  # for rooms of other patterns, that are open to everybody
        who = await self._knows().verify_socket_token(token) if token else None
        if who is None:
            raise Refused(SIGN_IN, 4501)
        return await self.identity(who)

    async def identity(self, who: Who) -> Identity:
        """What a connection of `who` is."""
        rooms = [USERS + who.id] if who.guest else [USERS + who.id, PEOPLE]
        return Identity(
            user=who,
            rooms=rooms,
            expires_at=await self._knows().until(who),
            session=who.login,
            data={"user": who.id},
        )

    async def _until(self, client: Client) -> float | None:
        return await self._knows().until(client.user)

    def _signed_in(self, user: Any) -> Who:
        """Raises `Refused`."""
        if not isinstance(user, Who):
            raise Refused(SIGN_IN)
        return user

    # Which rooms they hear.

    async def _may_join(self, join: Join) -> Grant:
        await self._rooms.seen(self._signed_in(join.user), join.params["id"])
        return Grant(publish=True, history=True, presence=True)

    async def _may_hear_user(self, join: Join) -> Grant:
        if join.params["id"] != self._signed_in(join.user).id:
            raise Refused()
        return Grant(publish=False, history=False, presence=False)

    async def _may_hear_people(self, join: Join) -> Grant:
        if self._signed_in(join.user).guest:
            raise Refused()
        return Grant(publish=False, history=False, presence=False)

    async def _say(self, publish: Publish[Plain]) -> Any:
        """A wish, of which the room's projection makes a message or not."""
        said = publish.data
        return e.Say(text=said.text, reply=said.reply, nonce=said.nonce)

    # What they call.

    async def _do(self, call: Call[Do]) -> Happened:
        """Have a wish about a room come true"""
        wanted, who = call.data, self._signed_in(call.user)
        done = await self._rooms.wish(who, wanted.room, wanted.wish, wanted.key)
        if isinstance(wanted.wish, e.Say):
            self.typing.said(wanted.room, who.id)
        return Happened(done.offset)

    async def _create(self, call: Call[Make]) -> Made:
        """Make a room, or have the direct conversation with these people"""
        done = await self._rooms.create(self._signed_in(call.user), call.data.wish, call.data.key)
        return Made(done.room, done.offset)

    async def _enter(self, call: Call[Enter]) -> Made:
        """Join a room by an invitation"""
        done = await self._rooms.enter(self._signed_in(call.user), call.data.code)
        return Made(done.room, done.offset)

    async def _types(self, call: Call[Where]) -> None:
        """Say that you write something in a room"""
        await self.types(self._signed_in(call.user), call.data.room)

    async def types(self, who: Who, room: str) -> None:
        """`who` types in the room. Raises `Refused` where they could not say it there."""
        seen = await self._rooms.seen(who, room)
        seen.need(Action.SAY)
        self.typing.note(seen.room.id, who.id)

    async def _is_away(self, call: Call[Away]) -> None:
        """Say that nobody sits before this connection, or that somebody does again"""
        self.here.away(self._signed_in(call.user).id, call.client, call.data.away)

    # What they are told.

    def _tell_typing(self, room: str, users: list[str]) -> None:
        self._start(self._hub.room(channel(room)).publish(told.Typing(users), history=False))

    def _tell_presence(self, user: str, state: told.State) -> None:
        self._start(self._hub.room(PEOPLE).publish(told.Presence(user, state)))

    def _start(self, work: Awaitable[Any]) -> None:
        async def carry_out() -> None:
            await work

        task = asyncio.get_running_loop().create_task(carry_out())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def changed(self, user: str) -> None:
        """Something about a user is not what it was: whoever shows it asks again."""
        self._start(self._hub.room(PEOPLE).publish(told.UserChanged(user)))
