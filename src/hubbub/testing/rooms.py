"""A client of the built-in door for Centrifuge clients, for tests: one socket, many rooms."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from starlette.routing import Mount, NoMatchFound

from hubbub.embed.gate import Doorkeeper, admission_of
from hubbub.embed.hub import Hub
from hubbub.engine.client import Client
from hubbub.engine.events import Admission, Connect, Gate, Ticket
from hubbub.errors import ConfigurationError, HubbubError
from hubbub.model import Disconnect, Position, Unread
from hubbub.testing.client import Closed, TestConnection, in_time, settle
from hubbub.wire.centrifuge import Error

DOOR = "client_door"
"""The name of the route in `Hub.router`."""


class Rejected(HubbubError):
    """The server answered with an error."""

    def __init__(self, code: int, message: str, temporary: bool = False) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.temporary = temporary


class Info(NamedTuple):
    """Who did something, or is there."""

    user: str
    client: str
    conn_info: Any = None
    chan_info: Any = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What a client was told: a publication, or another push.

    `kind` is "pub", "join", "leave", "subscribe" or "unsubscribe", and without a room "message"
    or "refresh"; `body` is its JSON, decoded.
    """

    kind: str
    room: str
    body: Mapping[str, Any]

    @property
    def data(self) -> Any:
        return self.body.get("data")

    @property
    def info(self) -> Info | None:
        """Who published, joined or left; None where the server did."""
        info = self.body.get("info")
        return None if info is None else Info(**info)

    @property
    def offset(self) -> int:
        """0 where the room keeps no history."""
        return int(self.body.get("offset", 0))

    @property
    def tags(self) -> Mapping[str, str]:
        tags: Mapping[str, str] = self.body.get("tags", {})
        return tags

    @property
    def code(self) -> int:
        """Why the server ended a membership."""
        return int(self.body.get("code", 0))


@dataclass(frozen=True, slots=True)
class Joined:
    """What the server said about a room as the client came in; `body` is all of it."""

    room: str
    body: Mapping[str, Any]

    @property
    def position(self) -> Position:
        """Where the client is in the room's history: `recover=` it later."""
        return Position(self.body.get("offset", 0), self.body.get("epoch", ""))

    @property
    def publications(self) -> list[Heard]:
        """What it had missed."""
        return _publications(self.room, self.body)

    @property
    def recovered(self) -> bool:
        """Whether that is all of it."""
        return bool(self.body.get("recovered", False))

    @property
    def data(self) -> Any:
        """What a `Grant` or a token had for the client alone."""
        return self.body.get("data")

    @property
    def ttl(self) -> int:
        """Seconds until the client has to show a new token; 0 for never."""
        return int(self.body.get("ttl", 0))


class Page(NamedTuple):
    """A page of a room's history, and where the room stands."""

    publications: list[Heard]
    position: Position


class Counts(NamedTuple):
    """How many are in a room."""

    clients: int
    users: int


def _given(**fields: Any) -> dict[str, Any]:
    """Those of the fields that say anything."""
    return {name: value for name, value in fields.items() if value not in (None, "", {}, False)}


def _publications(room: str, body: Mapping[str, Any]) -> list[Heard]:
    return [Heard("pub", room, one) for one in body.get("publications", [])]


class RoomClient:
    """A Centrifuge client of the application under test; `TestHub.connect(user=…)` makes it.

    `id` is its own, `data` what the server had for it alone, `rooms` those the server put it
    into as it came in. Every wait has a deadline. An answer that is an error raises `Rejected`,
    the end of the connection `Closed`. Pings of the server are answered, unless it was made with
    `pongs=False`; `pings` counts them.
    """

    def __init__(self, connection: TestConnection, deadline: float, pongs: bool = True) -> None:
        self.connection = connection
        self.pongs = pongs
        self.pings = 0
        self.id = ""
        self.data: Any = None
        self.rooms: dict[str, Joined] = {}
        self.ttl = 0
        self._deadline = deadline
        self._ids = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._heard: list[Heard] = []
        self._changed = asyncio.Event()
        self._end: BaseException | None = None
        self.task = asyncio.ensure_future(self._read())

    def __repr__(self) -> str:
        return f"<RoomClient {self.id or 'not connected'}>"

    async def connect(
        self,
        token: str = "",
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        subs: Mapping[str, Position] | None = None,
    ) -> None:
        """Say who it is: the first command of a connection."""
        asked = {
            name: {"recover": True, "offset": offset, "epoch": epoch}
            for name, (offset, epoch) in (subs or {}).items()
        }
        given = _given(token=token, data=data, headers=headers, subs=asked)
        body = await self.command("connect", **given)
        self.id = body["client"]
        self.data = body.get("data")
        self.ttl = body.get("ttl", 0)
        self.rooms = {name: Joined(name, sub) for name, sub in body.get("subs", {}).items()}

    # What a client may ask for.

    async def command(self, kind: str, **body: Any) -> dict[str, Any]:
        """Send a command; its answer, as it is. Raises `Rejected`."""
        number = next(self._ids)
        if self._end is None:
            self.connection.say({"id": number, kind: body})
        await self._until(lambda: number in self._answers, f"an answer to {kind}")
        answer = self._answers.pop(number)
        if "error" in answer:
            raise Rejected(**answer["error"])
        result: dict[str, Any] = answer[kind]
        return result

    async def join(
        self,
        room: str,
        *,
        recover: Position | None = None,
        token: str = "",
        data: Any = None,
        **more: Any,
    ) -> Joined:
        """Enter the room; with `recover` with what was published there since that position.

        `more` are other fields of the protocol's `subscribe`, such as `join_leave=True`.
        """
        if recover is not None:
            more |= {"recover": True, "offset": recover.offset, "epoch": recover.epoch}
        given = _given(token=token, data=data)
        return Joined(room, await self.command("subscribe", channel=room, **given, **more))

    async def leave(self, room: str) -> None:
        await self.command("unsubscribe", channel=room)

    async def publish(self, room: str, data: Any) -> None:
        await self.command("publish", channel=room, data=data)

    async def history(
        self, room: str, *, limit: int = 100, since: Position | None = None, reverse: bool = False
    ) -> Page:
        """The first `limit` publications of the room's history, or the first after `since`;
        with `reverse` from the end."""
        asked = None if since is None else {"offset": since.offset, "epoch": since.epoch}
        how = _given(since=asked, reverse=reverse)
        body = await self.command("history", channel=room, limit=limit, **how)
        position = Position(body.get("offset", 0), body.get("epoch", ""))
        return Page(_publications(room, body), position)

    async def presence(self, room: str) -> dict[str, Info]:
        """Who is in the room, by the id of the client."""
        body = await self.command("presence", channel=room)
        return {client: Info(**info) for client, info in body["presence"].items()}

    async def presence_stats(self, room: str) -> Counts:
        body = await self.command("presence_stats", channel=room)
        return Counts(body["num_clients"], body["num_users"])

    async def rpc(self, method: str, data: Any = None) -> Any:
        """What the server answers to a call of `method`."""
        return (await self.command("rpc", method=method, data=data)).get("data")

    async def mark_read(self, room: str, offset: int) -> int:
        """Say that the user has read the room so far; where their marker is."""
        answer = await self.rpc("hubbub.read", {"room": room, "offset": offset})
        return int(answer["offset"])

    async def unread(self, *rooms: str) -> list[Unread]:
        """What the user has not read in these rooms, in their order."""
        answer = await self.rpc("hubbub.unread", {"rooms": rooms})
        return [Unread(*(one[name] for name in Unread._fields)) for one in answer["rooms"]]

    async def send(self, data: Any) -> None:
        """Send `data` without wanting an answer."""
        self.connection.say({"send": {"data": data}})
        await settle()

    async def refresh(self, token: str) -> int:
        """Show a new token; until when it is good, in seconds."""
        return int((await self.command("refresh", token=token)).get("ttl", 0))

    async def sub_refresh(self, room: str, token: str) -> int:
        """Show a new token for the room; until when it is good, in seconds."""
        return int((await self.command("sub_refresh", channel=room, token=token)).get("ttl", 0))

    # What it is told.

    async def next(self, room: str = "", kind: str = "pub") -> Heard:
        """The next of `kind` that it hears of the room, those it has heard already first.

        Without a room: what concerns the connection, such as `next(kind="message")`.
        """

        def wanted() -> Heard | None:
            of_it = (one for one in self._heard if (one.room, one.kind) == (room, kind))
            return next(of_it, None)

        await self._until(wanted, f"a {kind} of {room!r}" if room else f"a {kind}")
        found = wanted()
        assert found is not None
        self._heard.remove(found)
        return found

    async def waiting(self, room: str | None = None, kind: str | None = None) -> list[Heard]:
        """All it has heard (of the room, of that kind), once all that could happen has."""
        await settle()
        found = [
            one for one in self._heard if room in (None, one.room) and kind in (None, one.kind)
        ]
        self._heard = [one for one in self._heard if one not in found]
        return found

    # How it ends.

    async def close(self, code: int = 1000) -> None:
        """Go, and wait until the application has let go as well."""
        await self.connection.close(code)
        await self.task

    async def vanish(self) -> None:
        """Be gone without a word, and wait until the application has noticed."""
        await self.close(1006)

    async def closed(self) -> Disconnect:
        """Wait until the server ends the connection."""
        try:
            await self._until(lambda: False, "the end of the connection")
        except Closed as closed:
            return Disconnect(closed.code, closed.reason)
        raise AssertionError("it waits for the end")

    async def _until(self, ready: Callable[[], object], what: str) -> None:
        unread = ", ".join(f"{one.kind} of {one.room!r}" for one in self._heard[:5])
        if unread:
            what += f" (heard and not asked for: {unread})"
        async with in_time(self._deadline, what):
            while not ready():
                if isinstance(self._end, Closed):
                    raise Closed(self._end.code, self._end.reason)
                if self._end is not None:
                    raise self._end
                self._changed.clear()
                await self._changed.wait()

    async def _read(self) -> None:
        try:
            while True:
                for line in str(await self.connection.receive_anytime()).split("\n"):
                    self._take(json.loads(line))
                self._changed.set()
        except Closed as closed:
            self._end = closed
            self.connection.let_go(closed.code)
        except Exception as error:
            self._end = error
        finally:
            self._changed.set()

    def _take(self, reply: dict[str, Any]) -> None:
        if not reply:
            self.pings += 1
            if self.pongs:
                self.connection.say("{}")
        elif "push" in reply:
            push = reply["push"]
            room = push.pop("channel", "")
            ((kind, body),) = push.items()
            self._heard.append(Heard(kind, room, body))
        else:
            self._answers[reply["id"]] = reply


class Vouching:
    """A hub's gate for as long as users of a test connect.

    Who shows the word that was given out is who the test says; everybody else is asked what the
    hub asks.
    """

    def __init__(self, hub: Hub) -> None:
        self._node = hub.node
        self._own: Gate | None = None
        self._users: dict[str, Any] = {}

    @contextmanager
    def word_for(self, user: Any) -> Iterator[str]:
        """A token that stands for `user` within the block."""
        word = secrets.token_hex()
        if not self._users:
            self._own, self._node.gate = self._node.gate, self
        self._users[word] = user
        try:
            yield word
        finally:
            del self._users[word]
            if not self._users:
                self._node.gate = self._own

    @property
    def _asked(self) -> Gate:
        # A doorkeeper that knows nothing answers as the engine does where there is none.
        return self._own or Doorkeeper(self._node.settings)

    async def connect(self, event: Connect) -> Admission | Error | Disconnect:
        if event.token in self._users:
            return admission_of(self._users[event.token])
        return await self._asked.connect(event)

    async def refresh(self, client: Client, token: str) -> Admission | Error | Disconnect:
        return await self._asked.refresh(client, token)

    async def renew(self, client: Client) -> float | None:
        return await self._asked.renew(client)

    async def ticket(self, token: str) -> Ticket | Error:
        return await self._asked.ticket(token)


_: type[Gate] = Vouching


def door_of(app: Any, hub: Hub) -> str:
    """The path of the door in `app`. Raises `ConfigurationError` where it has none."""
    names = [DOOR]
    names += [f"{one.name}:{DOOR}" for one in app.routes if isinstance(one, Mount) and one.name]
    for name in names:
        try:
            return str(app.url_path_for(name))
        except NoMatchFound:
            continue
    raise ConfigurationError(
        "the application has no door for Centrifuge clients, or one with parameters in its path: "
        "app.include_router(hub.router)"
    )
