"""What is so for a moment: who types, who is here, who is away. Nothing of it is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hubbub import Hub, Join, Leave
from hubbub.chat.told import State

PEOPLE = "people"
"""The name of the hub's room in which everybody with an account is told of everybody."""

TYPING_S = 0.5
"""Seconds in which all who begin to type in a room are one publication."""

AGAIN_S = 3.0
"""Seconds for which typing on is no news. Clients forget it after twice as long."""

GRACE_S = 5.0
"""Seconds that somebody may be without a connection before they are said to be offline."""


class Typing:
    """Tells rooms who types in them; `tell` is given a room, and the users."""

    def __init__(self, tell: Callable[[str, list[str]], None]) -> None:
        self._tell_room = tell
        self._due: dict[str, list[str]] = {}
        self._told: dict[tuple[str, str], float] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def note(self, room: str, user: str) -> None:
        """`user` types in `room`, and may."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now < self._told.get((room, user), 0.0):
            return
        if room not in self._due:
            self._told = {key: until for key, until in self._told.items() if until > now}
            self._due[room] = []
            self._timers[room] = loop.call_later(TYPING_S, self._tell, room)
        self._told[room, user] = now + AGAIN_S
        self._due[room].append(user)

    def said(self, room: str, user: str) -> None:
        """What they were typing is said."""
        self._told.pop((room, user), None)
        if user in self._due.get(room, ()):
            self._due[room].remove(user)

    def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _tell(self, room: str) -> None:
        del self._timers[room]
        users = self._due.pop(room)
        if users:
            self._tell_room(room, users)


class Here:
    """Who is connected to this server, and who of them is away from the keyboard.

    A user is online with one connection that is not away. `tell` is given each change.
    """

    def __init__(self, tell: Callable[[str, State], None]) -> None:
        self._tell = tell
        self._away: dict[str, dict[object, bool]] = {}
        """By user and connection."""
        self._told: dict[str, State] = {}
        self._leaving: dict[str, asyncio.TimerHandle] = {}

    def states(self) -> dict[str, str]:
        """Everybody who is not offline: online or away."""
        return dict(self._told)

    def came(self, user: str, connection: object) -> None:
        timer = self._leaving.pop(user, None)
        if timer is not None:
            timer.cancel()
        self._away.setdefault(user, {})[connection] = False
        self._update(user)

    def went(self, user: str, connection: object) -> None:
        connections = self._away.get(user, {})
        connections.pop(connection, None)
        if connections:
            self._update(user)
        elif user in self._away and user not in self._leaving:
            loop = asyncio.get_running_loop()
            self._leaving[user] = loop.call_later(GRACE_S, self._gone, user)

    def away(self, user: str, connection: object, away: bool) -> None:
        """Nobody sits before that connection, or somebody does again."""
        connections = self._away.get(user, {})
        if connection in connections:
            connections[connection] = away
            self._update(user)

    def stop(self) -> None:
        for timer in self._leaving.values():
            timer.cancel()
        self._leaving.clear()

    def _gone(self, user: str) -> None:
        del self._leaving[user]
        self._away.pop(user, None)
        self._update(user)

    def _update(self, user: str) -> None:
        connections = self._away.get(user)
        state: State = "offline"
        if connections is not None:
            state = "away" if connections and all(connections.values()) else "online"
        if state == self._told.get(user, "offline"):
            return
        if state == "offline":
            self._told.pop(user, None)
        else:
            self._told[user] = state
        self._tell(user, state)


def watch(hub: Hub, prefix: str, here: Here) -> None:
    """Have `here` know of all who are in a room of their own, whose names begin with `prefix`."""

    @hub.on_join
    async def came(join: Join) -> None:
        if join.room.name.startswith(prefix):
            here.came(join.room.name.removeprefix(prefix), _connection(join))

    @hub.on_leave
    async def went(leave: Leave) -> None:
        if leave.room.name.startswith(prefix):
            here.went(leave.room.name.removeprefix(prefix), _connection(leave))


def _connection(event: Join | Leave) -> object:
    """Of a Centrifuge client its connection: its membership is another each time."""
    return getattr(event.member, "client", event.member)
