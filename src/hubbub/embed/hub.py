"""The hub as FastAPI's users hold it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, TypeVar

from fastapi import APIRouter, FastAPI, HTTPException, WebSocket, WebSocketDisconnect
from starlette.types import Message
from starlette.websockets import WebSocketState

from hubbub.embed.depends import resolve
from hubbub.embed.router import build_router
from hubbub.engine.access import origin_allowed
from hubbub.engine.handles import RoomHandle, UserHandle
from hubbub.engine.hooks import Join, Leave
from hubbub.engine.member import Member, TextDoor
from hubbub.engine.node import Node
from hubbub.errors import ConfigurationError, InvalidName
from hubbub.model import NORMAL, VANISHED, check_room_name, user_id
from hubbub.settings import Settings, load
from hubbub.transports.app import EXTENSION
from hubbub.transports.asgi import AsgiConnection
from hubbub.transports.direct import WebSocketProtocol

log = logging.getLogger("hubbub")

JOINED = "hubbub.joined"
"""The key in a connection's scope that has the room it is in, while it is in one."""

Connection = WebSocketProtocol | AsgiConnection
JoinHook = TypeVar("JoinHook", bound=Callable[[Join], Awaitable[None] | None])
LeaveHook = TypeVar("LeaveHook", bound=Callable[[Leave], Awaitable[None] | None])


class Hub:
    """Rooms for a FastAPI application.

        hub = Hub()
        app = FastAPI(lifespan=hub.lifespan)

    Settings come from `settings`, or else from the environment (`HUBBUB_…`). Raises
    `ConfigurationError` for one that is unknown or out of range.

    `router` has the built-in doors: `/ws/{room}` for text, `/healthz`.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.node = Node(load() if settings is None else settings)
        self.router: APIRouter = build_router(self)
        self._told_slow = False

    depends = resolve

    @property
    def settings(self) -> Settings:
        return self.node.settings

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """For `FastAPI(lifespan=hub.lifespan)`, or `async with hub.lifespan(app)` in your own.

        At the end every member is told to come back later, and hooks that run are awaited.
        """
        self.node.bind()
        app.state.hub = self
        try:
            yield
        finally:
            await self.node.stop()

    def join(self, websocket: WebSocket, room: str, user: Any = None) -> Joining:
        """Accept the connection, put it into `room`, and always take it out again.

            async with hub.join(websocket, room, user) as member:
                async for text in member:
                    member.room.broadcast(text)

        `user` is a string, an integer or an object with an `id`; several connections of one
        user are one user. A connection that was accepted before is taken as it is. After the
        block the connection is the endpoint's again.

        Entering refuses, before accepting, with an HTTP response: 400 for a name that no room
        can have, 403 for a page of an origin that is not allowed (`Settings.origins`).
        Raises `ConfigurationError` for a connection that is in a room already.
        """
        return Joining(self, websocket, room, user)

    def room(self, name: str) -> RoomHandle:
        """A handle on the room called `name`; cheap, and never fails. From any thread."""
        return self.node.room(name)

    def rooms(self) -> list[RoomHandle]:
        """Every room with someone in it."""
        return [self.node.room(name) for name in list(self.node.live)]

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

    async def serve_text(self, websocket: WebSocket, room: str) -> None:
        """Put the connection into `room` with no handler behind it (`TextDoor`).

        On our WebSocket class this returns at once and the connection lives on without a task;
        elsewhere it returns when the connection ends.
        """
        connection = await self._admit(websocket, room)
        member = TextDoor(self.node, connection, None, self.room(room))
        self._settle(connection, member, websocket)
        if isinstance(connection, AsgiConnection):
            try:
                await connection.closed()
            finally:
                member.lost(VANISHED)
                await connection.finish()

    async def _admit(self, websocket: WebSocket, room: str) -> Connection:
        """Refuse with an HTTPException, or accept and return the connection."""
        self.node.bind()
        try:
            check_room_name(room)
        except InvalidName as error:
            raise HTTPException(400, str(error)) from None
        if websocket.application_state is WebSocketState.CONNECTING:
            self._check_origin(websocket)
            try:
                await websocket.accept()
            except (WebSocketDisconnect, OSError):
                pass  # gone already: `_settle` finds it closed
        direct = websocket.scope.get("extensions", {}).get(EXTENSION)
        if isinstance(direct, WebSocketProtocol):
            return direct
        if not self._told_slow:
            self._told_slow = True
            log.warning(
                "rooms run over plain ASGI here: the same promises at a fraction of the speed; "
                "start with `hubbub serve`, or give uvicorn "
                "--ws hubbub.transports.direct:WebSocketProtocol"
            )
        seconds = self.settings.close_seconds
        return AsgiConnection(websocket.receive, websocket.send, seconds)

    def _check_origin(self, websocket: WebSocket) -> None:
        headers, settings = websocket.headers, self.settings
        origin = headers.get("origin")
        host = headers.get("host", "")
        if not origin_allowed(origin, websocket.scope["scheme"], host, settings.origins):
            log.warning(
                "refused a page of %r; if it is yours, add it to `origins` (HUBBUB_ORIGINS)", origin
            )
            raise HTTPException(403, "this origin is not allowed")

    def _settle(self, connection: Connection, member: Member, websocket: WebSocket) -> None:
        """Connect `member` and its connection, and put it into its room."""
        if isinstance(connection, WebSocketProtocol):
            connection.attach(member, self.settings, self.node.heartbeat)
        elif websocket.client_state is WebSocketState.CONNECTED:
            connection.attach(member)
        else:
            member.lost(VANISHED)
        if member.disconnect is None:
            self.node.enter(member, member.room.name)


class Joining:
    """`async with` this to be in a room; see `Hub.join`."""

    __slots__ = ("_connection", "_hub", "_member", "_room", "_user", "_websocket")

    def __init__(self, hub: Hub, websocket: WebSocket, room: str, user: Any) -> None:
        user_id(user)  # a user that cannot be one is the caller's mistake: say so at once
        self._hub = hub
        self._websocket = websocket
        self._room = room
        self._user = user

    async def __aenter__(self) -> Member:
        hub, scope = self._hub, self._websocket.scope
        if JOINED in scope:
            raise ConfigurationError(
                f"this connection is in the room {scope[JOINED]!r} already: leave that one first, "
                "or give each room a connection"
            )
        self._connection = connection = await hub._admit(self._websocket, self._room)
        self._member = member = Member(hub.node, connection, self._user, hub.room(self._room))
        hub._settle(connection, member, self._websocket)
        scope[JOINED] = self._room
        return member

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        member = self._member
        over = member.disconnect is not None
        member.depart(NORMAL)
        del self._websocket.scope[JOINED]
        if isinstance(self._connection, AsgiConnection):
            await self._connection.finish()
            if not over:
                _give_back(self._websocket, member.take_unread())
        elif not over:
            self._connection.detach(member.take_unread())


def _give_back(websocket: WebSocket, unread: list[str | bytes]) -> None:
    """Have `websocket` receive what its member did not, before whatever comes next."""
    if not unread:
        return
    receive, waiting = websocket.receive, iter(unread)

    async def receive_unread() -> Message:
        for message in waiting:
            kind = "text" if isinstance(message, str) else "bytes"
            return {"type": "websocket.receive", kind: message}
        return await receive()

    websocket.receive = receive_unread  # type: ignore[method-assign]
