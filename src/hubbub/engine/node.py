"""This node: what is connected, which rooms are alive, and whose loop it all runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from threading import get_ident
from typing import Any, TypeVarTuple

from hubbub.contracts import Clock
from hubbub.engine.clock import LoopClock
from hubbub.engine.handles import RoomHandle, UserHandle
from hubbub.engine.heartbeat import Heartbeat
from hubbub.engine.hooks import Hook, Hooks, Join, Leave
from hubbub.engine.member import Member
from hubbub.engine.room import Room
from hubbub.engine.session import Session
from hubbub.engine.tick import Tick
from hubbub.errors import ConfigurationError
from hubbub.model import RESTART, Disconnect, user_id
from hubbub.settings import Settings

Ts = TypeVarTuple("Ts")


class Node:
    """Owns membership: the one place where a session enters a room or leaves it.

    It lives on one event loop, the first that uses it, and moves to another only when nobody
    is connected. `live` holds the rooms with someone in them, `present` the sessions of each
    user that is here; both are empty when nobody is.
    """

    loop: asyncio.AbstractEventLoop
    clock: Clock
    heartbeat: Heartbeat
    hooks: Hooks
    _tick: Tick

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.live: dict[str, Room] = {}
        self.present: dict[str, dict[Session, None]] = {}
        self.thread = 0  # of the loop; 0 while there is none
        self.join_hooks: list[Hook] = []
        self.leave_hooks: list[Hook] = []

    def bind(self, clock: Clock | None = None) -> None:
        """Live on the running loop, by its clock or by `clock`.

        Raises `ConfigurationError` where members are connected on another loop.
        """
        loop = asyncio.get_running_loop()
        if self.thread and self.loop is loop and clock is None:
            return
        if self.live and not self.loop.is_closed():
            raise ConfigurationError(
                "this hub has members on another event loop; use one hub per loop (in tests: "
                "`with TestClient(app) as client`, or hubbub.testing)"
            )
        self.live.clear()
        self.present.clear()
        self.loop = loop
        self.thread = get_ident()
        self.clock = clock or LoopClock(loop)
        self.heartbeat = Heartbeat(
            self.clock, self.settings.ping_interval, self.settings.ping_timeout
        )
        self.hooks = Hooks(self.clock.now)
        self._tick = Tick(loop)

    def run(self, call: Callable[[*Ts], object], *args: *Ts) -> None:
        """Call now on the loop's thread, soon from another, and not at all without a loop."""
        if get_ident() == self.thread:
            call(*args)
        elif self.thread and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(call, *args)

    def room(self, name: str) -> RoomHandle:
        """A handle on the room called `name`; cheap, and never fails."""
        room = self.live.get(name)
        return RoomHandle(self, name) if room is None else room.handle

    def user(self, id: Any) -> UserHandle:
        """A handle on every connection of a user, given by id or as what was passed to join."""
        return UserHandle(self, user_id(id) or "")

    def users_of(self, members: Iterable[Member]) -> list[Any]:
        """The users of `members`, each once, in order; members without one are left out."""
        seen = {user_id(member.user): member.user for member in members}
        seen.pop(None, None)
        return list(seen.values())

    def enter(self, session: Session, name: str) -> None:
        """Put `session` into the room: it gets what is broadcast from here on."""
        room = self.live.get(name)
        if room is None:
            room = self.live[name] = Room(RoomHandle(self, name), self._tick)
        room.add(session)
        # Most are in one room only, and share the tuple that says so.
        session.rooms = session.rooms + room.alone if session.rooms else room.alone
        id = user_id(session.user)
        if id is not None:
            self.present.setdefault(id, {})[session] = None
        if self.join_hooks and isinstance(session, Member):
            self.hooks.call(self.join_hooks, Join(session, session.room, session.user))

    def leave(self, session: Session) -> None:
        """Take `session` out of all its rooms. Does nothing the second time."""
        rooms, session.rooms = session.rooms, ()
        for room in rooms:
            room.discard(session)
            if not room.members:
                self.live.pop(room.name, None)
                room.alone = ()  # a cycle: rooms that come and go are not the collector's work
        id = user_id(session.user)
        if id is not None and (sessions := self.present.get(id)) is not None:
            sessions.pop(session, None)
            if not sessions:
                del self.present[id]
        if rooms and self.leave_hooks and isinstance(session, Member):
            why = session.disconnect or Disconnect(1000, "")
            self.hooks.call(self.leave_hooks, Leave(session, session.room, session.user, why))

    async def stop(self) -> None:
        """Tell every member to come back later, and wait for the hooks, within a bound."""
        for room in list(self.live.values()):
            for member in list(room.members):
                member.hang_up(RESTART)
        try:
            async with asyncio.timeout(self.settings.close_seconds):
                await self.hooks.settle()
        except TimeoutError:
            self.hooks.cancel()
        self.heartbeat.stop()
