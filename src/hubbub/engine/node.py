"""This node: what is connected, which rooms are alive, and whose loop it all runs on."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import cached_property
from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

from hubbub.contracts import Clock, Store
from hubbub.engine.clock import LoopClock
from hubbub.engine.events import Call, Disconnected, Gate, Join, Leave, Message
from hubbub.engine.handles import RoomHandle, UserHandle
from hubbub.engine.heartbeat import Heartbeat
from hubbub.engine.hooks import Hook, Hooks
from hubbub.engine.log import Logs
from hubbub.engine.memory import Memory
from hubbub.engine.once import CONFLICT
from hubbub.engine.pacing import Pace
from hubbub.engine.pages import Pages
from hubbub.engine.presence import Presence
from hubbub.engine.reading import FAR
from hubbub.engine.revoking import Revoking
from hubbub.engine.room import Room
from hubbub.engine.rules import Rule, Rules
from hubbub.engine.stream import Stream
from hubbub.engine.tick import Tick
from hubbub.errors import ConfigurationError, Conflict, Refused, Unavailable, Unrecoverable
from hubbub.model import (
    RESTART,
    Appended,
    ClientInfo,
    Disconnect,
    Draft,
    Fate,
    History,
    Page,
    Position,
    user_id,
)
from hubbub.settings import Settings

if TYPE_CHECKING:
    from hubbub.engine.audience import Audience
    from hubbub.engine.client import Client
    from hubbub.engine.emulation import EmulatedClient
    from hubbub.engine.member import Member
    from hubbub.engine.session import Session
    from hubbub.engine.subscription import Subscription

Ts = TypeVarTuple("Ts")
T = TypeVar("T")


class Node:
    """Owns membership: the one place where a session enters a room or leaves it.

    It lives on one event loop, the first that uses it, and moves to another only when nobody
    is connected. `live` holds the rooms with someone in them, `present` the sessions of each
    user that is here, `clients` the Centrifuge connections by id, `emulated` those of them whose
    commands come apart, by their secrets; all are empty when nobody is.
    `memory` outlives them: what rooms in memory remember. `logs` is where durable rooms live,
    from `open_logs` to `stop`.
    """

    loop: asyncio.AbstractEventLoop
    clock: Clock
    heartbeat: Heartbeat
    client_heartbeat: Heartbeat
    hooks: Hooks

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.rules = Rules(settings)
        self.live: dict[str, Room] = {}
        self.memory = Memory(settings, self.live)
        self.present: dict[str, dict[Session, None]] = {}
        self.clients: dict[str, Client] = {}
        self.emulated: dict[str, EmulatedClient] = {}
        self.thread = 0  # of the loop; 0 while there is none
        self.gate: Gate | None = None
        self.revoking = Revoking()
        self.calls: dict[str, Callable[[Call[Any]], Awaitable[bytes]]] = {}
        self.on_message: Callable[[Message], Awaitable[None]] | None = None
        self.join_hooks: list[Hook] = []
        self.leave_hooks: list[Hook] = []
        self.disconnect_hooks: list[Hook] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._logs: Logs | None = None

    @cached_property
    def id(self) -> str:
        """Its own among all nodes; made when it is asked for, because a hub may be made before its
        process is forked."""
        return secrets.token_hex(16)

    # Whose loop it runs on.

    def bind(self, clock: Clock | None = None) -> None:
        """Live on the running loop, by its clock or by `clock`.

        Raises `ConfigurationError` where members are connected on another loop.
        """
        loop = asyncio.get_running_loop()
        if self.thread and self.loop is loop and clock is None:
            return
        if (self.live or self.clients) and not self.loop.is_closed():
            raise ConfigurationError(
                "this hub has members on another event loop; use one hub per loop (in tests: "
                "`with TestClient(app) as client`, or hubbub.testing)"
            )
        self.live.clear()
        self.present.clear()
        self.clients.clear()
        self.loop = loop
        self.thread = get_ident()
        self.clock = LoopClock(loop) if clock is None else clock
        settings = self.settings
        self.heartbeat = Heartbeat(self.clock, settings.ping_interval, settings.ping_timeout)
        self.client_heartbeat = Heartbeat(
            self.clock, settings.client_ping_interval, settings.client_pong_timeout
        )
        self.hooks = Hooks(self.clock.now)
        self.tick = Tick(loop)
        self.pages = Pages(self.tick)
        self.memory.bind(self.clock)
        if self._logs is not None:
            self._logs.arm()

    async def open_logs(self, store: Store) -> None:
        """Have durable rooms live in `store`.

        Raises `ConfigurationError`, and `Unavailable` where the store is not there.
        """
        logs = Logs(self, store)
        await logs.start()
        self._logs = logs

    @property
    def logs(self) -> Logs:
        """Where durable rooms live. Raises `ConfigurationError` where that is nowhere, yet or any
        more."""
        if self._logs is None:
            raise ConfigurationError(
                "a durable room needs the log, which is open while the application runs: "
                "FastAPI(lifespan=hub.lifespan), or `async with hub.lifespan(app)` in your own"
            )
        return self._logs

    @property
    def has_logs(self) -> bool:
        return self._logs is not None

    @property
    def trouble(self) -> str:
        """Why the log cannot be written to, empty where it can."""
        return "" if self._logs is None else self._logs.trouble

    def is_durable(self, room: str) -> bool:
        """Whether the room called `room` has a log."""
        rule = self.rules.find(room)
        return rule is not None and rule.options.durable

    def run(self, call: Callable[[*Ts], object], *args: *Ts) -> None:
        """Call now on the loop's thread, soon from another, and not at all without a loop."""
        if get_ident() == self.thread:
            call(*args)
        elif self.thread and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(call, *args)

    async def on_loop(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        """What `call` returns on the loop's thread; raises what it raises."""

        async def there() -> T:
            return call(*args)

        return await self.awaited(there())

    async def awaited(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns, run on the loop; raises what it raises."""
        if not self.thread or self.loop.is_closed():
            self.bind()
        if get_ident() == self.thread:
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work`, which raises nothing, in a task that a stop waits for."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Names to values.

    def room(self, name: str) -> RoomHandle:
        """A handle on the room called `name`; cheap, and never fails."""
        room = self.live.get(name)
        return RoomHandle(self, name) if room is None else room.handle

    def user(self, id: Any) -> UserHandle:
        """A handle on every connection of a user, given by id or as what was passed to join."""
        return UserHandle(self, user_id(id) or "")

    def users_of(self, members: Iterable[Member | Subscription]) -> list[Any]:
        """The users of `members`, each once, in order; members without one are left out."""
        seen = {user_id(member.user): member.user for member in members}
        seen.pop(None, None)
        return list(seen.values())

    # Coming and going.

    def arrive(self, session: Session) -> None:
        """`session` is somebody's from here on."""
        id = user_id(session.user)
        if id is not None:
            self.present.setdefault(id, {})[session] = None

    def depart(self, session: Session) -> None:
        id = user_id(session.user)
        if id is not None and (sessions := self.present.get(id)) is not None:
            sessions.pop(session, None)
            if not sessions:
                del self.present[id]

    def enter(self, member: Member, name: str) -> None:
        """Put `member` into the room: it gets what is broadcast from here on."""
        room = self.open(name)
        room.plain.add(member, member)
        if len(room.plain.members) == 1:
            room.changed(room.plain)
        # Most are in one room only, and share the tuple that says so.
        alone = room.alone
        member.audiences = member.audiences + alone if member.audiences else alone
        self.arrive(member)
        if self.join_hooks:
            self.hooks.call(self.join_hooks, Join(member, member.room, member.user), member)

    def leave(self, member: Member) -> None:
        """Take `member` out of all its rooms. Does nothing the second time."""
        audiences, member.audiences = member.audiences, ()
        for audience in audiences:
            self._take_out(audience, member)
        self.depart(member)
        if audiences and self.leave_hooks:
            why = member.disconnect or Disconnect(1000, "")
            event = Leave(member, member.room, member.user, why)
            self.hooks.call(self.leave_hooks, event, member)

    def subscribe(self, subscription: Subscription, presence: bool) -> None:
        """Put a client into the room of `subscription`, whose audience is one of that room's."""
        audience, client = subscription.audience, subscription.client
        room = audience.room
        audience.add(client, subscription)
        if len(audience.members) == 1:
            room.changed(audience)
        if presence:
            if room.presence is None:
                room.presence = Presence()
            room.presence.add(subscription.info)
        if self.join_hooks:
            event = Join(subscription, room.handle, client.user, subscription.params)
            self.hooks.call(self.join_hooks, event, subscription)

    def unsubscribe(self, subscription: Subscription, why: Disconnect) -> None:
        """Take a client out of the room of `subscription`."""
        audience, client = subscription.audience, subscription.client
        room = audience.room
        if room.presence is not None:
            room.presence.discard(client.id)
        self._take_out(audience, client)
        hooks = [*subscription.rule.on_leave, *self.leave_hooks]
        if hooks:
            event = Leave(subscription, room.handle, client.user, why, subscription.params)
            self.hooks.call(hooks, event, subscription)

    def _take_out(self, audience: Audience, session: Session) -> None:
        room = audience.room
        audience.discard(session)
        if not audience.members:
            room.changed(audience)
            self.close_if_empty(room)

    def close_if_empty(self, room: Room) -> None:
        """The room is no longer live, if nobody is in it or about to be."""
        if not room.audiences and not room.pins and self.live.get(room.name) is room:
            del self.live[room.name]
            room.close()
            self.memory.streams.close(room.name)

    def disconnected(self, client: Client, why: Disconnect) -> None:
        """A Centrifuge client is gone, and in no room any more."""
        if self.clients.pop(client.id, None) is not None:
            self.depart(client)
            if self.disconnect_hooks:
                event = Disconnected(client, client.user, why)
                self.hooks.call(self.disconnect_hooks, event, client)

    # Rooms and what they remember.

    def open(self, name: str) -> Room:
        """The live room called `name`; somebody has to be put into it."""
        room = self.live.get(name)
        if room is None:
            rule = self.rules.find(name)
            stream = self.memory.keep(name, rule)
            pace = None if rule is None else Pace.of(rule.options, self.clock, self.tick)
            room = self.live[name] = Room(RoomHandle(self, name), self.tick, stream, pace)
            if rule is not None and rule.options.durable:
                self.logs.open(room, rule.options.read_markers)
        return room

    def stream(self, name: str, rule: Rule) -> Stream:
        """What the room remembers in memory, to look at; only for a rule with a history.

        Of a durable room the tail, which has to be there (`Logs.reaching`).
        """
        if rule.options.durable:
            tail = self.live[name].stream
            assert tail is not None
            return tail
        return self.memory.look(name, rule)

    async def store(self, name: str, draft: Draft) -> Position | None:
        """Publish `draft`, and wait until it is in the log where the room has one.

        Its position, or None where the room stores nothing. Raises `Unavailable`, `Conflict`, and
        the `Refused` of a projection.
        """
        if not draft.history or not self.is_durable(name):
            return self.publish(name, draft)
        stored: asyncio.Future[Position] = self.loop.create_future()

        def done(id: int, draft: Draft, outcome: Appended | Unavailable) -> None:
            if stored.done():
                return  # who asked is not waiting any more
            if isinstance(outcome, Unavailable):
                stored.set_exception(Unavailable(str(outcome), outcome.unknown))
            elif outcome.fate is Fate.CONFLICT:
                stored.set_exception(Conflict(CONFLICT))
            elif outcome.fate is Fate.REFUSED:
                stored.set_exception(outcome.refused or Refused())
            else:
                stored.set_result(outcome.position)

        self.logs.journal.put(name, draft, done)
        return await stored

    def publish(self, name: str, draft: Draft) -> Position | None:
        """Remember `draft` in memory, where the room does, and deliver it at once.

        Its position, or None where the room remembers nothing. Raises `Conflict`.
        """
        room = self.live.get(name)
        rule = self.rules.find(name)
        stream = None
        if draft.history and (rule is None or not rule.options.durable):
            stream = self.memory.keep(name, rule) if room is None else room.stream
        return self.memory.publish(name, draft, stream, room)

    async def history(
        self, name: str, limit: int, since: Position | None, before: Position | None
    ) -> History:
        """Raises `Unrecoverable`, and `Unavailable`."""
        if not self.is_durable(name):
            return self.history_of(name, limit, since, before)
        asked, reverse = since or before, since is None
        offset = FAR if asked is None else min(asked.offset, FAR)
        size = self.settings.history_page_bytes
        page = await self.logs.reading.read(name, offset, limit, size, backwards=reverse)
        return _history(name, page, asked, reverse)

    def history_of(
        self, name: str, limit: int, since: Position | None, before: Position | None
    ) -> History:
        """As `history`, of a room in memory."""
        rule = self.rules.find(name)
        if rule is None or not rule.options.history_size:
            return History([], Position(0, ""))
        asked, reverse = since or before, since is None
        page = self.stream(name, rule).page(asked, limit, reverse)
        return _history(name, page, asked, reverse)

    def forget(self, name: str) -> Room | None:
        """Forget what the room remembers and where it stood; the room, if it is live.

        Its members are still to be told.
        """
        self.memory.streams.drop(name)
        room = self.live.get(name)
        if room is not None:
            room.restart(self.memory.keep(name, self.rules.find(name)))
        return room

    def presence_of(self, name: str) -> list[ClientInfo]:
        room = self.live.get(name)
        if room is None or room.presence is None:
            return []
        return list(room.presence.clients.values())

    def presence_stats(self, name: str) -> tuple[int, int]:
        """Connections and users that are in the room and counted."""
        room = self.live.get(name)
        if room is None or room.presence is None:
            return 0, 0
        return room.presence.num_clients, room.presence.num_users

    # The end.

    async def stop(self) -> None:
        """Tell every member to come back later, and wait for the hooks, within a bound."""
        for client in list(self.clients.values()):
            client.hang_up(RESTART)
        for room in list(self.live.values()):
            for member in list(room):
                member.hang_up(RESTART)
        try:
            async with asyncio.timeout(self.settings.close_seconds):
                while self._tasks:
                    await asyncio.wait(self._tasks)
                await self.hooks.settle()
        except TimeoutError:
            self.hooks.cancel()
            for task in self._tasks:
                task.cancel()
        self.heartbeat.stop()
        self.client_heartbeat.stop()
        self.memory.stop()
        logs, self._logs = self._logs, None
        if logs is not None:
            await logs.stop()


def _history(name: str, page: Page, asked: Position | None, reverse: bool) -> History:
    """Raises `Unrecoverable` where `asked` is not of the page's epoch."""
    if asked is not None and asked.epoch not in ("", page.position.epoch):
        raise Unrecoverable(f"the history of {name!r} has begun anew: read it from the start")
    found = page.publications
    return History(found[::-1] if reverse else found, page.position)
