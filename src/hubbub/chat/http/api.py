"""What the chat's routes share: the rooms, by any of their names, and what is so at the moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

from hubbub.chat import events as e
from hubbub.chat import reading
from hubbub.chat.hooks import Hooks
from hubbub.chat.people import Who
from hubbub.chat.reading import Seen
from hubbub.chat.rooms import Done, Rooms
from hubbub.chat.rules import Already
from hubbub.chat.status import Status
from hubbub.chat.views import SeenRoom


class Live(NamedTuple):
    """What the sockets know. `types`: that somebody does, in a room (raises `Refused` for who may
    not). `said`: that somebody has said what they typed. `states`: who is online, or away."""

    types: Callable[[Who, str], Awaitable[None]]
    said: Callable[[str, str], None]
    states: Callable[[], Mapping[str, str]]


class Api:
    """What the routes work with. Rooms are called by their ids, or by a slug after a "~"."""

    def __init__(self, rooms: Rooms, hooks: Hooks, live: Live, status: Status) -> None:
        self.rooms = rooms
        self.hooks = hooks
        self.live = live
        self.status = status

    async def id_of(self, room: str) -> str:
        """The id of a room; of one that is not there the words themselves.

        The rules find those as little as what is nobody's business: they say the same of both,
        after the same time.
        """
        if not room.startswith("~"):
            return room
        return await self.rooms.hub.tables.read(reading.id_of, room[1:]) or room

    async def do(self, who: Who, room: str, wish: e.Wish, key: str = "") -> Done:
        """As `Rooms.do`."""
        return await self.rooms.do(who, await self.id_of(room), wish, key)

    async def ensure(self, who: Who, room: str, wish: e.Wish) -> None:
        """As `do`, of what may be so already."""
        with suppress(Already):
            await self.do(who, room, wish)

    async def seen(self, who: Who, room: str) -> SeenRoom:
        """As `Rooms.seen`."""
        return seen_room(await self.rooms.seen(who, room))


def seen_room(seen: Seen) -> SeenRoom:
    return SeenRoom(room=reading.room_view(seen.room), me=seen.me, rights=seen.rights)
