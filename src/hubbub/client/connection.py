"""A client's connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

import centrifuge

from hubbub.client.room import Room
from hubbub.client.values import (
    TOO_LARGE,
    ConnectionClosed,
    ReplyError,
    State,
    close_of,
    plain,
)
from hubbub.errors import ConfigurationError, HubbubError
from hubbub.model import VANISHED, Unread

PATH = "/connection/websocket"

DEADLINE = 5.0
"""Seconds an answer may take."""

UNREAD = 1024
"""Events of a room that may wait to be read; more than one answer brings after a reconnect."""

_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
# Codes of centrifuge-python's own.
_NO_TRANSPORT = 2
_UNAUTHORIZED = 1

T = TypeVar("T")


def connect(
    url: str,
    *,
    token: str | None = None,
    get_token: Callable[[], Awaitable[str]] | None = None,
    name: str = "hubbub",
    deadline: float = DEADLINE,
    on_state: Callable[[State], None] | None = None,
) -> Client:
    """Use it with `async with`; see `Client`.

    `url` is of the server (http, https, ws or wss), or with a path of another endpoint than
    `/connection/websocket`. `get_token` is asked for a first token and for each that follows an
    expired one. `name` is of the program, for the server's eyes. `on_state` is told where the
    connection stands; it must not block.
    Raises `ConfigurationError` for an address that is none.
    """
    return Client(endpoint(url), token, get_token, name, deadline, on_state)


def endpoint(url: str) -> str:
    """The address to connect to for the server at `url`."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in _SCHEMES and parts.hostname and (parts.port is None or parts.port)
    except ValueError:  # a port that is no number
        valid = False
    if not valid:
        raise ConfigurationError(f"{url!r} is no server: write it as http://127.0.0.1:8000")
    path = parts.path if parts.path.strip("/") else PATH
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, path, parts.query, ""))


class Client:
    """A connection; it comes back by itself when it is lost, and its rooms with it.

    Entering raises `ConnectionClosed` where nobody answers, or the server closes it for good, and
    `ReplyError` where it says no. A first attempt that reaches no server is not made again.
    Every wait for an answer raises TimeoutError after `deadline` seconds, ReplyError for the
    server's error, ConnectionClosed for a connection that ended before the answer: then what was
    asked for may have been done, or not.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        get_token: Callable[[], Awaitable[str]] | None,
        name: str,
        deadline: float,
        on_state: Callable[[State], None] | None,
    ) -> None:
        self.url = url
        self.ended: HubbubError | None = None
        """Why the connection is over for good."""
        self._deadline = deadline
        self._tell = on_state or (lambda state: None)
        self._trouble: Exception | None = None
        self._lost = ConnectionClosed(VANISHED.code, "the connection was lost")
        self._unreached = False
        self._rooms: list[Room] = []
        self._events = centrifuge.ClientEventHandler()
        self._events.on_connecting = self._on_connecting
        self._events.on_connected = self._on_connected
        self._events.on_disconnected = self._on_disconnected
        self._events.on_error = self._on_error
        local = urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}
        self._wire = centrifuge.Client(
            url,
            events=self._events,
            token=token or "",
            get_token=get_token,
            name=name,
            timeout=deadline,
            proxy=None if local else True,  # a proxy of the environment is of another machine
        )

    async def __aenter__(self) -> Self:
        try:
            await self._ask(f"connecting to {self.url}", self._open)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def id(self) -> str:
        """The server's name for this connection; another one after each reconnect."""
        client_id: str = self._wire.client_id
        return client_id

    async def join(
        self,
        name: str,
        *,
        token: str | None = None,
        get_token: Callable[[str], Awaitable[str]] | None = None,
        recover: bool = True,
        join_leave: bool = False,
        unread: int = UNREAD,
    ) -> Room:
        """Enter the room called `name`, and be in it until `leave`, or the end of the connection.

        `recover` asks to be brought what is missed while the connection is lost, `join_leave` to
        be told who comes and goes; the server grants them or not. At `unread` events that nobody
        has read the room is left, and reading it raises `ConnectionClosed` after these.
        """
        if self.ended is not None:
            raise self.ended
        room = Room(self, name, unread)
        try:
            wire = self._wire.new_subscription(
                name,
                events=room._handler,
                token=token or "",
                get_token=get_token,
                recoverable=recover,
                join_leave=join_leave,
            )
        except centrifuge.DuplicateSubscriptionError:
            raise ReplyError(105, "already subscribed") from None
        room._bind(wire)
        self._rooms.append(room)
        try:
            await self._ask(f"joining {name}", room._enter, room)
        except BaseException:
            await room.leave()
            raise
        return room

    async def rpc(self, method: str, data: Any = None) -> Any:
        """Call the server's method, and return what it answers."""
        sent = plain(data)
        return (await self._ask(f"calling {method}", lambda: self._wire.rpc(method, sent))).data

    async def unread(self, rooms: Iterable[str]) -> list[Unread]:
        """What we have not read in these rooms, in their order: we are in all of them, and they
        keep how far they were read."""
        answer = await self.rpc("hubbub.unread", {"rooms": list(rooms)})
        return [Unread(*(one[name] for name in Unread._fields)) for one in answer["rooms"]]

    async def send(self, data: Any) -> None:
        """Send the server something that it does not answer."""
        sent = plain(data)

        async def send() -> None:
            await self._wire.ready(self._deadline)
            # The library has no method for it.
            await self._wire._send_commands([{"send": {"data": sent}}])

        await self._ask("sending", send)

    async def close(self) -> None:
        """Leave every room and close the connection."""
        await self._wire.disconnect()
        self.ended = self.ended or ConnectionClosed(0, "closed")
        # The library closes the socket in a task: without it the program could end before what
        # was sent has left.
        current = asyncio.current_task()
        tasks = [task for task in self._wire._background_tasks if task is not current]
        if tasks:
            await asyncio.wait(tasks, timeout=self._deadline)

    async def _ask(
        self, what: str, call: Callable[[], Awaitable[T]], room: Room | None = None
    ) -> T:
        """The answer to `call`, in time, with the library's errors as ours."""
        over = (room and room.ended) or self.ended
        if over is not None:
            raise over
        try:
            async with asyncio.timeout(self._deadline):
                return await call()
        except (TimeoutError, centrifuge.OperationTimeoutError):
            why = f": {self._trouble}" if self._trouble else ""
            raise TimeoutError(f"{what}: no answer in {self._deadline:g} s{why}") from None
        except centrifuge.ReplyError as error:
            raise ReplyError(error.code, error.message, error.temporary) from None
        except centrifuge.CentrifugeError:
            raise (room and room.ended) or self.ended or self._lost from None

    def _forget(self, room: Room) -> None:
        """A room that is over may be joined again."""
        if room in self._rooms:
            self._rooms.remove(room)
            self._wire.remove_subscription(room._wire)

    async def _open(self) -> None:
        await self._wire.connect()
        if self._unreached and self.ended is None:
            raise ConnectionClosed(
                VANISHED.code, f"cannot connect to {self.url}: {self._trouble or 'no answer'}"
            )
        await self._wire.ready(self._deadline)

    async def _on_connecting(self, context: Any) -> None:
        code, reason = close_of(context)
        self._lost = ConnectionClosed(code, f"lost before an answer came: {reason}")
        self._tell(State("connecting", context.code, context.reason))

    async def _on_connected(self, context: Any) -> None:
        self._trouble = None
        self._tell(State("connected"))

    async def _on_error(self, context: Any) -> None:
        self._trouble = context.error
        self._unreached = context.code == _NO_TRANSPORT

    async def _on_disconnected(self, context: Any) -> None:
        self.ended = self.ended or self._end(context)
        for room in list(self._rooms):
            await room._finish(self.ended)
        self._tell(State("closed", context.code, context.reason))

    def _end(self, context: Any) -> HubbubError:
        """The error for the end of a connection or a membership, or for a refusal of it."""
        code, reason = context.code, context.reason
        if reason == TOO_LARGE.reason:
            return ConnectionClosed(*TOO_LARGE)
        if 100 <= code < 2000:
            return ReplyError(code, reason)
        if code == _UNAUTHORIZED and self._trouble is not None:
            reason = f"{reason}: {self._trouble}"
        return ConnectionClosed(code, reason)
