"""How a request becomes a connection of the hub: origin, handshake, and who gets it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, WebSocket, WebSocketDisconnect
from starlette.requests import HTTPConnection
from starlette.types import Message
from starlette.websockets import WebSocketState

from hubbub.engine.access import origin_allowed
from hubbub.engine.client import Client
from hubbub.engine.codec import ClientCodec
from hubbub.engine.listener import Listener
from hubbub.engine.member import LoginMember, Member, TextDoor
from hubbub.engine.revoking import Revoked, connection_revoked, room_revoked
from hubbub.engine.session import Session
from hubbub.errors import ConfigurationError, InvalidName, Unavailable
from hubbub.model import FORCED, NORMAL, VANISHED, check_room_name, user_id
from hubbub.transports.app import EXTENSION
from hubbub.transports.asgi import AsgiConnection
from hubbub.transports.direct import WebSocketProtocol
from hubbub.wire.centrifuge_json import JSON, LISTENING
from hubbub.wire.centrifuge_protobuf import PROTOBUF

if TYPE_CHECKING:
    from hubbub.embed.hub import Hub

log = logging.getLogger("hubbub")

JOINED = "hubbub.joined"
"""The key in a connection's scope that has the room it is in, while it is in one."""

SUBPROTOCOLS: dict[str, ClientCodec] = {"centrifuge-protobuf": PROTOBUF, "centrifuge-json": JSON}

Connection = WebSocketProtocol | AsgiConnection


class Doors:
    """The ways into a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._told_slow = False

    async def text(self, websocket: WebSocket, room: str) -> None:
        """Put the connection into `room` with no handler behind it (`TextDoor`).

        On our WebSocket class this returns at once and the connection lives on without a task;
        elsewhere it returns when the connection ends. Where rooms have rules, only those whose
        rules let anyone in and speak are open (403).
        """
        self.check_room(room)
        if not self._hub.text_allowed(room):
            raise HTTPException(403, "this room is not open to everyone")
        node = self._hub.node
        async with self.looking_at(room, websocket):
            connection = await self.admit(websocket)
            member = TextDoor(node, connection, None, node.room(room))
            self.settle(connection, member, websocket)
        await self._stay(connection, member)

    async def client(self, websocket: WebSocket) -> None:
        """Speak the Centrifuge protocol with the connection (protocol.md section 1)."""
        query, offered = websocket.query_params, websocket.scope.get("subprotocols", [])
        spoken = next((one for one in offered if one in SUBPROTOCOLS), None)
        if spoken is not None:
            codec = SUBPROTOCOLS[spoken]
        else:
            binary = "protobuf" in (query.get("format"), query.get("cf_protocol"))
            codec = PROTOBUF if binary else JSON
        connection = await self.admit(websocket, spoken)
        hub = self._hub
        scope = websocket.scope if hub.keeps_scope else None
        # For people with a terminal: the pings of WebSockets instead of the protocol's.
        pings = query.get("cf_ws_frame_ping_pong") != "true"
        client = Client(hub.node, connection, codec, scope, pings)
        if isinstance(connection, WebSocketProtocol):
            heartbeat = None if pings else hub.node.heartbeat
            connection.attach(client, hub.settings, heartbeat)
        else:
            self._attach(connection, client, websocket)
        await self._stay(connection, client)

    async def listener(self, websocket: WebSocket) -> None:
        """Speak to who only listens (protocol.md section 18): its first message, or `cf_connect` in
        the address, says who it is and which rooms it wants."""
        asked = websocket.query_params.get("cf_connect")
        connection = await self.admit(websocket)
        hub = self._hub
        scope = websocket.scope if hub.keeps_scope else None
        client = Listener(hub.node, connection, LISTENING, scope)
        if isinstance(connection, WebSocketProtocol):
            connection.attach(client, hub.settings, hub.node.heartbeat)
        else:
            self._attach(connection, client, websocket)
        if asked is not None:
            client.received([asked])
        await self._stay(connection, client)

    async def _stay(self, connection: Connection, session: Session) -> None:
        if isinstance(connection, AsgiConnection):
            try:
                await connection.closed()
            finally:
                session.lost(VANISHED)
                await connection.finish()

    def check_room(self, room: str) -> None:
        try:
            check_room_name(room)
        except InvalidName as error:
            raise HTTPException(400, str(error)) from None

    def check_origin(self, connection: HTTPConnection) -> None:
        headers, settings = connection.headers, self._hub.settings
        origin = headers.get("origin")
        host = headers.get("host", "")
        if not origin_allowed(origin, connection.scope["scheme"], host, settings.origins):
            log.warning(
                "refused a page of %r; if it is yours, add it to `origins` (HUBBUB_ORIGINS)", origin
            )
            raise HTTPException(403, "this origin is not allowed")

    @asynccontextmanager
    async def looking_at(self, room: str, websocket: WebSocket) -> AsyncIterator[None]:
        """Enter `room` in this block, and hear all that is published in it from then on.

        Of a durable room the log is looked at before, which may not be possible: 503. Nobody
        whose page may not connect has that done.
        """
        node = self._hub.node
        if websocket.application_state is WebSocketState.CONNECTING:
            self.check_origin(websocket)
        async with AsyncExitStack() as stack:
            if node.is_durable(room):
                node.bind()
                try:
                    await stack.enter_async_context(node.logs.reaching({room: None}))
                except Unavailable as error:
                    raise HTTPException(503, str(error), {"Retry-After": "1"}) from None
            yield

    async def admit(self, websocket: WebSocket, subprotocol: str | None = None) -> Connection:
        """Refuse with an HTTPException, or accept and return the connection."""
        self._hub.node.bind()
        if websocket.application_state is WebSocketState.CONNECTING:
            self.check_origin(websocket)
            try:
                await websocket.accept(subprotocol)
            except (WebSocketDisconnect, OSError):
                pass  # gone already: whoever is attached finds it closed
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
        seconds = self._hub.settings.close_seconds
        return AsgiConnection(websocket.receive, websocket.send, seconds)

    def settle(self, connection: Connection, member: Member, websocket: WebSocket) -> None:
        """Connect `member` and its connection, and put it into its room."""
        if isinstance(connection, WebSocketProtocol):
            connection.attach(member, self._hub.settings, self._hub.node.heartbeat)
        else:
            self._attach(connection, member, websocket)
        if member.disconnect is None:
            self._hub.node.enter(member, member.room.name)

    def _attach(self, connection: AsgiConnection, session: Session, websocket: WebSocket) -> None:
        if websocket.client_state is WebSocketState.CONNECTED:
            connection.attach(session)
        else:
            session.lost(VANISHED)


class Joining:
    """`async with` this to be in a room; see `Hub.join`."""

    __slots__ = ("_connection", "_hub", "_member", "_room", "_session", "_user", "_websocket")

    def __init__(self, hub: Hub, websocket: WebSocket, room: str, user: Any, session: str) -> None:
        user_id(user)  # a user that cannot be one is the caller's mistake: say so at once
        self._hub = hub
        self._websocket = websocket
        self._room = room
        self._user = user
        self._session = session

    async def __aenter__(self) -> Member:
        hub, scope = self._hub, self._websocket.scope
        if JOINED in scope:
            raise ConfigurationError(
                f"this connection is in the room {scope[JOINED]!r} already: leave that one first, "
                "or give each room a connection"
            )
        hub.doors.check_room(self._room)
        user = user_id(self._user) or ""
        with hub.node.revoking.watching(user) as revoked:
            async with hub.doors.looking_at(self._room, self._websocket):
                self._connection = connection = await hub.doors.admit(self._websocket)
                self._member = member = self._make(connection)
                hub.doors.settle(connection, member, self._websocket)
            self._hold_against(revoked, user, member)
        scope[JOINED] = self._room
        return member

    def _make(self, connection: Connection) -> Member:
        node, room = self._hub.node, self._hub.room(self._room)
        if self._session:
            return LoginMember(node, connection, self._user, room, self._session)
        return Member(node, connection, self._user, room)

    def _hold_against(self, revoked: Sequence[Revoked], user: str, member: Member) -> None:
        """End it, if it was taken from its user while it came in; nobody in particular has none."""
        whose = user, self._session
        if user and (one := connection_revoked(revoked, *whose)) is not None:
            member.hang_up(one.why)
        elif user and room_revoked(revoked, self._room, *whose):
            member.hang_up(FORCED)

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
