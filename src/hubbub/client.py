"""A client of the Centrifuge protocol, for tests, scripts and the terminal.

    async with connect("http://127.0.0.1:8000", token=token) as client:
        room = await client.join("chat:7")
        await room.publish({"text": "hi"})
        async for publication in room:
            print(publication.data)

The protocol, reconnecting and catching up are `centrifuge-python`'s. This adds types, a deadline
for every answer, errors of hubbub's, and a bound on what waits to be read.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

import centrifuge
import msgspec

from hubbub.errors import ConfigurationError, HubbubError
from hubbub.model import SLOW, VANISHED, Disconnect, Position

PATH = "/connection/websocket"

DEADLINE = 5.0
"""Seconds an answer may take."""

UNREAD = 1024
"""Events of a room that may wait to be read; more than one answer brings after a reconnect."""

_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
# Codes of centrifuge-python's own.
_NO_TRANSPORT = 2
_UNAUTHORIZED = 1
_TOO_LARGE = Disconnect(1009, "message size limit")  # its reason for a close with this code

T = TypeVar("T")


class ConnectionClosed(HubbubError):
    """The connection, or the membership of a room, is over, or was lost before an answer came.

    `code` is of the WebSocket close or of the protocol; below 100 it is centrifuge-python's own
    (0: you ended it, 1: unauthorized, 2: what came could not be handled).
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason} ({code})")
        self.code = code
        self.reason = reason


class ReplyError(HubbubError):
    """The server's answer is an error; where it is `temporary`, asking again may help."""

    def __init__(self, code: int, message: str, temporary: bool = False) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.temporary = temporary


class State(NamedTuple):
    """Where a connection stands: "connecting" again when it was lost, "closed" for good."""

    name: Literal["connecting", "connected", "closed"]
    code: int = 0
    reason: str = ""


class ClientInfo(NamedTuple):
    """Who did something: `user` is empty for nobody in particular, `client` is a connection."""

    user: str
    client: str
    conn_info: Any = None
    chan_info: Any = None


class Publication(NamedTuple):
    """Something published: by a client, where there is `info`. `offset` is 0 where none is kept."""

    data: Any
    offset: int = 0
    info: ClientInfo | None = None
    tags: Mapping[str, str] = {}


class Joined(NamedTuple):
    """Somebody came into the room."""

    info: ClientInfo


class Left(NamedTuple):
    """Somebody left the room."""

    info: ClientInfo


class Lost(NamedTuple):
    """We are out of the room, and on the way back to it."""

    code: int
    reason: str


class Back(NamedTuple):
    """We are in the room again; what was missed follows, if all of it was `recovered`.

    None: the room does not let members catch up.
    """

    recovered: bool | None


Event = Publication | Joined | Left | Lost | Back


class History(NamedTuple):
    """What a room remembers, and where the room stands (not: where this page ends)."""

    publications: list[Publication]
    position: Position


class PresenceStats(NamedTuple):
    """How many are in a room."""

    clients: int
    users: int


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
        plain = _plain(data)
        return (await self._ask(f"calling {method}", lambda: self._wire.rpc(method, plain))).data

    async def send(self, data: Any) -> None:
        """Send the server something that it does not answer."""
        plain = _plain(data)

        async def send() -> None:
            await self._wire.ready(self._deadline)
            # The library has no method for it.
            await self._wire._send_commands([{"send": {"data": plain}}])

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
        code, reason = _close_of(context)
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
        if reason == _TOO_LARGE.reason:
            return ConnectionClosed(*_TOO_LARGE)
        if 100 <= code < 2000:
            return ReplyError(code, reason)
        if code == _UNAUTHORIZED and self._trouble is not None:
            reason = f"{reason}: {self._trouble}"
        return ConnectionClosed(code, reason)


class Room:
    """A room we are in. Read it with `async for`, or `events()`; it is for one reader.

    Reading ends when we leave, or when the room or the connection is over for good; then `ended`
    says why. It raises `ConnectionClosed` where we were too slow for the room.
    """

    def __init__(self, client: Client, name: str, unread: int) -> None:
        self.name = name
        self.ended: HubbubError | None = None
        """Why we are not in it any more."""
        self._wire: Any = None
        self._client = client
        self._limit = unread
        self._unread: deque[Event] = deque()
        self._news = asyncio.Event()
        self._entered = self._behind = False
        self._handler = centrifuge.SubscriptionEventHandler()
        self._handler.on_subscribing = self._on_subscribing
        self._handler.on_subscribed = self._on_subscribed
        self._handler.on_unsubscribed = self._on_unsubscribed
        self._handler.on_publication = self._on_publication
        self._handler.on_join = self._on_join
        self._handler.on_leave = self._on_leave
        self._handler.on_error = client._on_error

    def _bind(self, wire: Any) -> None:
        self._wire = wire

    async def _enter(self) -> None:
        await self._wire.subscribe()
        await self._wire.ready(self._client._deadline)

    # What we do.

    async def publish(self, data: Any) -> None:
        """Publish anything JSON can hold; it has been published when this returns.

        The protocol's answer does not say where: our own publication comes to us with its offset.
        """
        plain = _plain(data)
        await self._ask("publishing", lambda: self._wire.publish(plain))

    async def history(
        self, limit: int = 50, *, since: Position | None = None, reverse: bool = False
    ) -> History:
        """The oldest `limit` publications after `since`; with `reverse` the latest, before it.

        A negative `limit` is for as many as the server gives.
        """
        after = None if since is None else centrifuge.StreamPosition(since.offset, since.epoch)
        result = await self._ask(
            "reading history", lambda: self._wire.history(limit=limit, since=after, reverse=reverse)
        )
        position = Position(result.offset, result.epoch)
        return History([_publication(each) for each in result.publications], position)

    async def presence(self) -> list[ClientInfo]:
        """Who is in the room: each of a user's connections."""
        result = await self._ask("asking who is there", lambda: self._wire.presence())
        return [_info(each) for each in result.clients.values()]

    async def presence_stats(self) -> PresenceStats:
        """How many are in the room."""
        result = await self._ask("asking how many are there", lambda: self._wire.presence_stats())
        return PresenceStats(result.num_clients, result.num_users)

    async def leave(self) -> None:
        """Leave the room. What came before can still be read."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._client._deadline):
                await self._finish(ConnectionClosed(0, "left"))

    # What comes.

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Publication:
        while True:
            event = await self._next()
            if event is None:
                raise StopAsyncIteration
            if isinstance(event, Publication):
                return event

    async def events(self) -> AsyncIterator[Event]:
        """All that happens, in order: publications, who comes and goes, `Lost` and `Back`."""
        while (event := await self._next()) is not None:
            yield event

    async def next(self) -> Publication:
        """The next publication, in time. Raises TimeoutError, or why there will be none."""
        try:
            async with asyncio.timeout(self._client._deadline):
                return await anext(self)
        except TimeoutError:
            waited = self._client._deadline
            raise TimeoutError(f"nothing was published in {self.name} in {waited:g} s") from None
        except StopAsyncIteration:
            raise self.ended or ConnectionClosed(0, "left") from None

    async def _next(self) -> Event | None:
        while not self._unread:
            if self._behind and self.ended is not None:
                raise self.ended
            if self.ended is not None:
                return None
            self._news.clear()
            await self._news.wait()
        return self._unread.popleft()

    async def _finish(self, end: HubbubError) -> None:
        """Be out of it, because of `end`."""
        if self.ended is None:
            self.ended = end
            self._news.set()
            try:
                await self._wire.unsubscribe()
            finally:
                self._client._forget(self)

    async def _ask(self, what: str, call: Callable[[], Awaitable[T]]) -> T:
        return await self._client._ask(f"{what} in {self.name}", call, self)

    async def _put(self, event: Event) -> None:
        if self.ended is not None:
            return
        if len(self._unread) < self._limit:
            self._unread.append(event)
            self._news.set()
            return
        # The library reads the socket whether we keep up or not, and holding it up would hold up
        # answers and pongs too. So whoever is behind is told, rather than missing some in silence.
        self._behind = True
        await self._finish(
            ConnectionClosed(SLOW.code, f"too slow for {self.name}: {self._limit} events unread")
        )

    async def _on_subscribing(self, context: Any) -> None:
        for_good = self._client._wire.state is centrifuge.ClientState.DISCONNECTED
        if self._entered and not for_good:
            await self._put(Lost(context.code, context.reason))

    async def _on_subscribed(self, context: Any) -> None:
        if self._entered:
            await self._put(Back(context.recovered if context.was_recovering else None))
        self._entered = True

    async def _on_unsubscribed(self, context: Any) -> None:
        await self._finish(self._client._end(context))

    async def _on_publication(self, context: Any) -> None:
        await self._put(_publication(context.pub))

    async def _on_join(self, context: Any) -> None:
        await self._put(Joined(_info(context.info)))

    async def _on_leave(self, context: Any) -> None:
        await self._put(Left(_info(context.info)))


def _close_of(context: Any) -> Disconnect:
    """Why a connection that comes back was lost; the library's own codes mean other things."""
    if context.reason == _TOO_LARGE.reason:
        return _TOO_LARGE
    code = context.code if context.code >= 1000 else VANISHED.code
    return Disconnect(code, context.reason)


def _plain(data: Any) -> Any:
    """`data` as the library's encoder takes it.

    Raises TypeError or ValueError for what JSON cannot hold, here rather than in the library,
    which would close the connection.
    """
    return msgspec.json.decode(msgspec.json.encode(data))


def _publication(wire: Any) -> Publication:
    info = None if wire.info is None else _info(wire.info)
    return Publication(wire.data, wire.offset, info, wire.tags)


def _info(wire: Any) -> ClientInfo:
    return ClientInfo(wire.user, wire.client, wire.conn_info, wire.chan_info)
