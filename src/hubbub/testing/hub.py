"""Several users of one application under test."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, overload
from urllib.parse import unquote

from hubbub.embed.hub import Hub
from hubbub.errors import ConfigurationError
from hubbub.model import Position
from hubbub.testing.client import DEADLINE, App, Event, FakeClock, TestConnection, in_time
from hubbub.testing.rooms import RoomClient, Vouching, door_of


class TestHub:
    """Runs an application's lifespan and its WebSocket endpoints on the loop of the test.

    `clock` stands still until it is advanced; `deadline` is how many real seconds a wait may take.
    """

    __test__ = False

    def __init__(self, app: App, *, deadline: float = DEADLINE) -> None:
        self._app = app
        self._deadline = deadline
        self._connections: list[TestConnection] = []
        self._clients: list[RoomClient] = []
        self._to_app: asyncio.Queue[Event] = asyncio.Queue()
        self._from_app: asyncio.Queue[Event] = asyncio.Queue()
        self._state: dict[str, Any] = {}
        self.clock = FakeClock()
        self.hub: Hub
        """The application's hub."""

    async def __aenter__(self) -> Self:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self._state}
        self._lifespan = asyncio.ensure_future(
            self._app(scope, self._to_app.get, self._from_app.put)
        )
        await self._tell_lifespan("startup")
        hub = getattr(getattr(self._app, "state", None), "hub", None)
        if not isinstance(hub, Hub):
            raise ConfigurationError(
                "the application's lifespan did not start a hub: FastAPI(lifespan=hub.lifespan), "
                "or `async with hub.lifespan(app)` in your own"
            )
        self.hub = hub
        self._vouching = Vouching(hub)
        hub.node.bind(self.clock)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        open_ones = [one for one in self._connections if not one.task.done()]
        for connection in open_ones:
            connection.let_go(1001)
        if open_ones:
            _, late = await asyncio.wait([one.task for one in open_ones], timeout=self._deadline)
            for task in late:
                task.cancel()
        for client in self._clients:
            await client.task
        await self._tell_lifespan("shutdown")
        if kind is None:
            for connection in self._connections:
                if connection.task.done() and not connection.task.cancelled():
                    connection.task.result()

    @overload
    async def connect(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        subprotocols: list[str] | None = None,
    ) -> TestConnection: ...
    @overload
    async def connect(
        self,
        *,
        user: Any = None,
        token: str = "",
        headers: Mapping[str, str] | None = None,
        query: str = "",
        data: Any = None,
        emulated: Mapping[str, str] | None = None,
        subs: Mapping[str, Position] | None = None,
        pongs: bool = True,
    ) -> RoomClient: ...
    async def connect(self, path: str | None = None, **how: Any) -> TestConnection | RoomClient:
        """With a path: open a WebSocket to it, a query string included. Raises `Denied`.

        Without: connect as a client of rooms (`hub.router`'s /connection/websocket, wherever
        the application has it). `user` is who it is, as `hub.authenticate` would return it,
        which is then not asked; without it, what the application asks of a connection is asked
        of this one: `token` and `data` go with the first command, `headers` (cookies, for one)
        and `query` with the request. `emulated` are the headers of a browser's client, `subs`
        where it was in the rooms that the server puts it into. Raises `Rejected`, or `Closed`.
        """
        if path is not None:
            return await self._open(path, **how)
        return await self._enter(**how)

    async def _enter(
        self,
        *,
        user: Any = None,
        token: str = "",
        headers: Mapping[str, str] | None = None,
        query: str = "",
        data: Any = None,
        emulated: Mapping[str, str] | None = None,
        subs: Mapping[str, Position] | None = None,
        pongs: bool = True,
    ) -> RoomClient:
        if user is not None and token:
            raise ConfigurationError("give a client its user, or the token that says who it is")
        path = door_of(self._app, self.hub)
        connection = await self._open(f"{path}?{query}" if query else path, headers=headers)
        client = RoomClient(connection, self._deadline, pongs)
        self._clients.append(client)
        if user is None:
            await client.connect(token, data, emulated, subs)
        else:
            with self._vouching.word_for(user) as word:
                await client.connect(word, data, emulated, subs)
        return client

    async def _open(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        subprotocols: list[str] | None = None,
    ) -> TestConnection:
        path, _, query = path.partition("?")
        given = {"host": "testserver", **(headers or {})}
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(k.lower().encode(), v.encode()) for k, v in given.items()],
            "subprotocols": subprotocols or [],
            "client": ("testclient", 50_000),
            "server": ("testserver", 80),
            "state": self._state.copy(),
            "extensions": {"websocket.http.response": {}},
        }
        connection = TestConnection(self._app, scope, self._deadline)
        self._connections.append(connection)
        return await connection.open()

    async def _tell_lifespan(self, what: str) -> None:
        if self._lifespan.done():
            self._lifespan.result()
            return
        self._to_app.put_nowait({"type": f"lifespan.{what}"})
        async with in_time(self._deadline, f"the application's {what}"):
            event = await self._from_app.get()
            if event["type"] == f"lifespan.{what}.failed":
                raise ConfigurationError(f"the application's {what} failed: {event['message']}")
            if what == "shutdown":
                await self._lifespan
