"""The hub as FastAPI's users hold it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar, overload

from fastapi import APIRouter, FastAPI, WebSocket
from pydantic import ValidationError
from starlette.requests import HTTPConnection

from hubbub.contracts import Store
from hubbub.embed.calls import answering
from hubbub.embed.depends import resolve
from hubbub.embed.doors import Doors, Joining
from hubbub.embed.gate import Doorkeeper
from hubbub.embed.hooks import Hook
from hubbub.embed.rooms import Rooms
from hubbub.embed.router import build_router
from hubbub.embed.streams import Streams
from hubbub.engine import control, markers
from hubbub.engine.client import Client
from hubbub.engine.events import Call, Connect, Disconnected, Join, Leave, Message
from hubbub.engine.handles import RoomHandle, UserHandle, somebody
from hubbub.engine.node import Node
from hubbub.engine.rules import Rule
from hubbub.errors import ConfigurationError
from hubbub.model import FORCED, ClientInfo, History, Position, Stats, Unread, user_id
from hubbub.options import RoomOptions
from hubbub.settings import Settings, explain, load
from hubbub.stores import open_store
from hubbub.tables import Tables

JoinHook = TypeVar("JoinHook", bound=Callable[[Join], Awaitable[None] | None])
LeaveHook = TypeVar("LeaveHook", bound=Callable[[Leave], Awaitable[None] | None])
Function = TypeVar("Function", bound=Callable[..., Any])
T = TypeVar("T")


class Hub:
    """Rooms for a FastAPI application.

        hub = Hub()
        app = FastAPI(lifespan=hub.lifespan)

        hub = Hub("sqlite:///app.db")

    `store` is where the log of durable rooms is: an address ("sqlite:///app.db",
    "postgresql://…", "memory://"), or a `Store` of your own. Settings come from `settings`, or
    else from the environment (`HUBBUB_…`) and from what is given by name, which wins. Raises
    `ConfigurationError` for one that is unknown or out of range.

    `router` has the built-in doors: `/connection/websocket` for Centrifuge clients, `/ws/{room}`
    for text, `/api` for other servers, `/asyncapi` for who wants to know what is said, `/healthz`.
    """

    def __init__(
        self, store: str | Store | None = None, *, settings: Settings | None = None, **given: Any
    ) -> None:
        if settings is not None and (given or store is not None):
            raise ConfigurationError("give a hub its settings as one object, or each by its name")
        if isinstance(store, str):
            given["store"] = store
        elif store is not None and "store" in given:
            raise ConfigurationError("give a hub one store: as an object, or by its address")
        self._store = None if isinstance(store, str) else store
        self.node = Node(load(**given) if settings is None else settings)
        self.doors = Doors(self)
        self.streams = Streams(self)
        self.keeps_scope = False
        self.patterns: dict[Rule, Rooms[Any]] = {}
        self.calls: dict[str, Hook] = {}
        self._doorkeeper = Doorkeeper(self.settings)
        self._open_gate()
        self.router: APIRouter = build_router(self)

    depends = resolve

    @property
    def settings(self) -> Settings:
        return self.node.settings

    def _open_gate(self) -> None:
        self.node.gate = self._doorkeeper if self._doorkeeper else None

    def text_allowed(self, room: str) -> bool:
        """Whether the text door may put anybody into the room called `room`."""
        return self.is_open_to_text(self.node.rules.find(room), room)

    def is_open_to_text(self, rule: Rule | None, room: str = "") -> bool:
        """As `text_allowed`, where the rule is known; None for rooms without one."""
        if rule is None:
            return self.node.gate is None
        asked = rule.on_join or rule.on_publish or rule.check
        may = rule.lets_in(room, "") and rule.allows("publish", True, "")
        return asked is None and may and self.settings.anonymous

    @property
    def asks_who(self) -> bool:
        """Whether the application is asked who connects."""
        return self._doorkeeper.authenticate is not None

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """For `FastAPI(lifespan=hub.lifespan)`, or `async with hub.lifespan(app)` in your own.

        At the end every member is told to come back later, and hooks that run are awaited.
        Raises `ConfigurationError` for rooms with rules that nobody could enter, durable ones
        without a store, and a store that cannot be used; `Unavailable` where it is not there.
        """
        if self.node.rules and self.node.gate is None and not self.settings.anonymous:
            raise ConfigurationError(
                "there are rooms with rules, and nothing that says who connects: write "
                "@hub.authenticate, configure a key for tokens (token_hmac_secret_key, …), or let "
                "everyone in with Hub(anonymous=True)"
            )
        self.node.bind()
        await self._open_logs()
        app.state.hub = self
        try:
            yield
        finally:
            await self.node.stop()

    async def _open_logs(self) -> None:
        node, settings = self.node, self.settings
        if self._store is not None:
            await node.open_logs(self._store)
        elif settings.store:
            await node.open_logs(
                open_store(
                    settings.store,
                    window=settings.idempotency_window,
                    migrate=settings.migrate,
                    alone=True,
                )
            )
        elif durable := node.rules.durable:
            raise ConfigurationError(
                f"the rooms {durable} are durable, and there is nowhere to keep their log: write "
                'Hub("sqlite:///app.db"), or set store (HUBBUB_STORE)'
            )

    def join(
        self, websocket: WebSocket, room: str, user: Any = None, *, session: str = ""
    ) -> Joining:
        """Accept the connection, put it into `room`, and always take it out again.

            async with hub.join(websocket, room, user) as member:
                async for text in member:
                    member.room.broadcast(text)

        `user` is a string, an integer or an object with an `id`; several connections of one
        user are one user. `session` is the login that it belongs to, as in `Identity`. A
        connection that was accepted before is taken as it is. After the block the connection is
        the endpoint's again.

        Entering refuses, before accepting, with an HTTP response: 400 for a name that no room
        can have, 403 for a page of an origin that is not allowed (`Settings.origins`).
        Raises `ConfigurationError` for a connection that is in a room already.
        """
        return Joining(self, websocket, room, user, session)

    def check_origin(self, connection: HTTPConnection) -> None:
        """Dependency: raise HTTPException (403) for a page of an origin that is not allowed.

            @app.websocket("/ws/{room}", dependencies=[Depends(hub.check_origin)])

        `join` looks itself; this is for endpoints that do something before they join.
        """
        self.doors.check_origin(connection)

    def room(self, name: str) -> RoomHandle:
        """A handle on the room called `name`; cheap, and never fails. From any thread."""
        return self.node.room(name)

    @overload
    def rooms(self) -> list[RoomHandle]: ...
    @overload
    def rooms(
        self, pattern: str, *, message: type[T], events: Any = None, **options: Any
    ) -> Rooms[T]: ...
    @overload
    def rooms(self, pattern: str, *, events: Any = None, **options: Any) -> Rooms[Any]: ...
    def rooms(
        self, pattern: str | None = None, *, message: Any = None, events: Any = None, **options: Any
    ) -> list[RoomHandle] | Rooms[Any]:
        """Without arguments: every room with someone in it.

        With a pattern: rules for the rooms that match it, such as "chat:{room_id}" ("{x}" is
        anything without ":", "{x:path}" anything). `message` is what is published there, a
        Pydantic model, a msgspec struct or another type; `options` are those of `RoomOptions`.
        `events` says to the AsyncAPI document what members hear, where it is something else: a
        type, or a union of types. Nothing is held to it.
        A room that no pattern and no namespace is for does not exist for Centrifuge clients.
        Raises `ConfigurationError` for an unknown option, or a pattern that is none.
        """
        if pattern is None:
            return [room.handle for room in list(self.node.live.values()) if room.audiences]
        rule = self.node.rules.add(pattern, room_options(options))
        rooms = self.patterns[rule] = Rooms(self, rule, message, events)
        return rooms

    def user(self, user: Any) -> UserHandle:
        """A handle on every connection of a user, named as it was in `join`, or by its id."""
        return self.node.user(user)

    def on_join(self, hook: JoinHook) -> JoinHook:
        """Decorator: call `hook` with a `Join` when a member has joined a room."""
        self.node.join_hooks.append(hook)
        return hook

    def on_leave(self, hook: LeaveHook) -> LeaveHook:
        """Decorator: call `hook` with a `Leave` when a member has left, however it came to."""
        self.node.leave_hooks.append(hook)
        return hook

    # What the application wants to be asked, and told.

    def hook(self, function: Callable[..., Any], event: type | None, *given: str) -> Hook:
        """`function` as a hook with dependencies; see `embed.hooks`."""
        hook = Hook(function, event, given)
        # A connection keeps what its request said only where somebody will ask for it.
        if hook.has_dependencies and not self.keeps_scope:
            if self.node.clients:
                raise ConfigurationError(
                    f"hook {hook.name} needs what its clients' requests said, and some are "
                    "connected already: register hooks before the application starts"
                )
            self.keeps_scope = True
        return hook

    def authenticate(self, function: Function) -> Function:
        """Decorator: ask `function` who connects.

        It is given `token`, a `Connect` where it has a parameter for one, and FastAPI
        dependencies. It returns a user (as in `join`), an `Identity`, or None for nobody; it may
        raise `Refused`. A token that a key is configured for is verified instead, and
        `function` not asked.
        """
        if self._doorkeeper.authenticate is not None:
            raise ConfigurationError("this hub has its authenticate already")
        self._doorkeeper.authenticate = self.hook(function, Connect, "token")
        self._open_gate()
        return function

    def on_refresh(self, function: Function) -> Function:
        """Decorator: ask `function`, given the `Client` whose `Identity` expires, until when
        (Unix seconds) it may stay; None ends its connection."""
        self._doorkeeper.refresh_hook = self.hook(function, Client)
        return function

    def on_rpc(self, method: str) -> Callable[[Function], Function]:
        """Decorator: answer a client's call of `method`.

        The function is given a `Call`, whose data is of the type it is annotated with
        (`Call[Rename]`); what it returns is the answer. It may raise `Refused`.
        """

        def register(function: Function) -> Function:
            if method in markers.CALLS:
                raise ConfigurationError(
                    f"{method!r} is answered by the library, for rooms with read_markers: choose "
                    "another name"
                )
            if method in self.node.calls:
                raise ConfigurationError(f"there is something that answers {method!r} already")
            hook = self.calls[method] = self.hook(function, Call)
            self.node.calls[method] = answering(hook)
            return function

        return register

    def on_message(self, function: Function) -> Function:
        """Decorator: call `function` with a `Message` that a client sent without wanting an
        answer."""
        hook = self.hook(function, Message)

        async def tell(message: Message) -> None:
            await hook(message.client, message)

        self.node.on_message = tell
        return function

    def on_disconnect(self, function: Function) -> Function:
        """Decorator: tell `function` with a `Disconnected` that a Centrifuge client is gone."""
        hook = self.hook(function, Disconnected)

        async def tell(event: Disconnected) -> None:
            await hook(event.client, event)

        tell.__qualname__ = hook.name
        self.node.disconnect_hooks.append(tell)
        return function

    # What the application does, from anywhere.

    async def publish(self, room: str, data: Any, **how: Any) -> Position | None:
        """As `RoomHandle.publish`."""
        return await self.room(room).publish(data, **how)

    async def history(self, room: str, **which: Any) -> History:
        """As `RoomHandle.history`."""
        return await self.room(room).history(**which)

    async def presence(self, room: str) -> list[ClientInfo]:
        """As `RoomHandle.presence`."""
        return await self.room(room).presence()

    async def unread(
        self, user: Any, rooms: Iterable[str | RoomHandle], most: int = markers.MOST
    ) -> list[Unread]:
        """What `user` has not read in each of `rooms`, in their order; of one moment.

        Publications after the user's marker (`RoomHandle.mark_read`) that count as unread, and
        those that mention the user, each counted no further than `most`. Trimmed and erased ones
        and the user's own do not count. Raises `ConfigurationError` for a room without
        `read_markers`, and for nobody in particular; `Unavailable` where the log cannot be read.
        """
        names = [room if isinstance(room, str) else room.name for room in rooms]
        return await self.node.awaited(markers.unread(self.node, somebody(user), names, most))

    async def stats(self) -> Stats:
        """How much goes on in this process: connections, users, rooms, and what was delivered."""
        return await self.node.on_loop(control.stats, self.node)

    @property
    def tables(self) -> Tables:
        """The database that the logs are in, for the application's own tables: see
        `hubbub.tables`.

        Raises `ConfigurationError` outside the lifespan, and where there is no database.
        """
        if not self.node.has_logs:
            raise ConfigurationError(
                "hub.tables are where the logs are: give the hub a store, as "
                'Hub("sqlite:///app.db"), and use them while the application runs: '
                "FastAPI(lifespan=hub.lifespan), or `async with hub.lifespan(app)` in your own"
            )
        return self.node.logs.store.tables()

    async def forget(self, room: str) -> None:
        """Have the room forget what it remembers, and begin anew in a new epoch.

        Members who catch up after a lost connection are told that continuity was lost.
        """
        await self.node.awaited(control.forget(self.node, room))

    def subscribe(self, user: Any, room: str) -> None:
        """Put every Centrifuge connection of the user into the room. From any thread.

        Raises `ConfigurationError` for a room that no pattern and no namespace is for.
        """
        if self.node.rules.find(room) is None:
            raise ConfigurationError(f"there are no rules for the room {room!r}: see hub.rooms")
        self.node.run(control.subscribe_soon, self.node, user_id(user) or "", room)

    def unsubscribe(self, user: Any, room: str) -> None:
        """Take every connection of the user out of the room. From any thread.

        A Centrifuge client stays connected. A plain connection (`join`), which is in this room
        alone, ends with 3503. Who is just entering it is refused: so take the right away first,
        and then call this.
        """
        self.node.run(control.unsubscribe, self.node, user_id(user) or "", room)

    def disconnect(
        self,
        user: Any,
        code: int = FORCED.code,
        reason: str = FORCED.reason,
        *,
        session: str = "",
    ) -> None:
        """End every connection of the user, or with `session` those of one login (`Identity`);
        by default for good. From any thread.

        Who is just being let in is turned away: so end the login first, and then call this.
        Raises ValueError for a code that cannot be sent.
        """
        self.user(user).disconnect(code, reason, session=session)


def room_options(options: Mapping[str, Any]) -> RoomOptions:
    """Raises `ConfigurationError` for a name that is unknown, or a value out of range."""
    try:
        return RoomOptions(**options)
    except ValidationError as error:
        raise ConfigurationError(explain(error, RoomOptions)) from None
