"""Who publishes to a server and listens to it over real sockets, and keeps a record of both.

    publisher = SocketPublisher(witness.publisher("ann"), port, "room")
    async with asyncio.TaskGroup() as group:
        group.create_task(publisher.run(in_flight=16))
        ...
        publisher.stop()

All of them take the end of their connection, whenever it comes, as what it is: an answer that is
missing. What is recorded is for `tests.support.invariants`.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from itertools import count
from typing import Any, NamedTuple, Self

from tests.support.invariants import Listener, Publisher, Witness
from tests.support.peers import DEADLINE, VANISHED, Ended, Peer, Refused

from hubbub.contracts import Store
from hubbub.model import Position

API_KEY = "the key of the log's tests"
CLIENT_DOOR = "/connection/websocket"

Message = dict[str, Any]

GONE = (OSError, Ended, EOFError)
"""What the end of a connection looks like, from where it is noticed."""


class Wire:
    """A Centrifuge connection: replies and pushes as they come, pings answered."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._ids = count(1)
        self._lines: list[Message] = []

    @classmethod
    async def connect(cls, port: int) -> Self:
        """Raises what is in `GONE`, and `Refused`."""
        try:
            peer = await Peer.connect(port, CLIENT_DOOR)
        except Refused as refused:
            if refused.status:
                raise
            raise Ended(VANISHED, "") from None  # it ended in the middle of the handshake
        wire = cls(peer)
        try:
            await wire.ask("connect")
        except BaseException:
            await wire.close()
            raise
        return wire

    def command(self, kind: str, **body: Any) -> Message:
        return {"id": next(self._ids), kind: body}

    async def say(self, *commands: Message) -> None:
        """In one WebSocket message. Raises OSError."""
        await self._peer.send("\n".join(json.dumps(one) for one in commands))

    async def next(self) -> Message:
        """The next reply or push. Raises `Ended`."""
        while not self._lines:
            text = await self._peer.receive()
            assert isinstance(text, str)
            self._lines = [json.loads(line) for line in reversed(text.split("\n"))]
            if {} in self._lines:
                self._lines = [line for line in self._lines if line]
                await self._peer.send("{}")
        return self._lines.pop()

    async def ask(self, kind: str, **body: Any) -> Message:
        """The reply to one command, where no push can come before it. Raises as `next` does."""
        await self.say(self.command(kind, **body))
        return await self.next()

    async def close(self) -> None:
        await self._peer.close()


class SocketPublisher:
    """Publishes over a Centrifuge connection, several messages before the answers to the first.

    `certain`: an error of the log says that nothing is stored; else it may be all the same.
    """

    def __init__(self, record: Publisher, room: str, certain: bool = True) -> None:
        self.record = record
        self.room = room
        self.certain = certain
        self.acknowledged = 0
        self._numbers = count(1)
        self._stopped = False

    def stop(self) -> None:
        """Send no more, and wait for the answers to what was sent."""
        self._stopped = True

    async def run(self, port: int, in_flight: int, most: int = 1 << 62) -> None:
        """Until it is stopped, `most` were sent, or the connection ends; any number of times."""
        self._stopped = False
        with suppress(*GONE):
            wire = await Wire.connect(port)
            try:
                await self._run(wire, in_flight, most)
            finally:
                await wire.close()

    async def _run(self, wire: Wire, in_flight: int, most: int) -> None:
        open_ones: dict[int, str] = {}
        sent = 0
        while True:
            more = 0 if self._stopped else min(in_flight - len(open_ones), most - sent)
            if more > in_flight // 2 or (more and not open_ones):
                sent += more
                await wire.say(*(self._publish(wire, open_ones) for _ in range(more)))
            if not open_ones:
                return
            answer = await wire.next()
            id = open_ones.pop(answer["id"])
            if "error" in answer:
                assert answer["error"]["code"] == 100, answer
                if self.certain:
                    self.record.refused(self.room, id)
            else:
                self.acknowledged += 1
                self.record.acknowledged(self.room, id)

    def _publish(self, wire: Wire, open_ones: dict[int, str]) -> Message:
        id = f"{self.record.name}-{next(self._numbers)}"
        data = {"id": id}
        self.record.sent(self.room, id, data)
        command = wire.command("publish", channel=self.room, data=data)
        open_ones[command["id"]] = id
        return command


class Answer(NamedTuple):
    status: int
    body: Any


class Http:
    """Requests over one HTTP connection, one after the other; made anew when it ended."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Raises what is in `GONE`."""
        try:
            async with asyncio.timeout(DEADLINE):
                await self.say(method, path, body)
                return await self.hear()
        except BaseException:
            self.close()
            raise

    async def say(self, method: str, path: str, body: Any = None) -> None:
        """Send a request; whether it is answered is another matter."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nX-API-Key: {API_KEY}\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        self._writer.write(head.encode() + content)
        await self._writer.drain()

    async def hear(self) -> Answer:
        assert self._reader is not None
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        content = await self._reader.readexactly(length)
        return Answer(int(head.split(" ", 2)[1]), json.loads(content))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None


class ApiPublisher:
    """Publishes over the HTTP API with idempotency keys, which are its messages' ids.

    `padding` makes each message so much larger.
    """

    def __init__(self, record: Publisher, room: str, padding: int = 0) -> None:
        self.record = record
        self.room = room
        self.padding = "x" * padding
        self.acknowledged = 0
        self._numbers = count(1)
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True

    async def run(self, port: int, most: int = 1 << 62) -> None:
        """One after the other, until it is stopped, `most` were sent, or the connection ends."""
        http = Http(port)
        self._stopped, sent = False, 0
        try:
            with suppress(*GONE):
                while not self._stopped and sent < most:
                    id = f"{self.record.name}-{next(self._numbers)}"
                    self.record.sent(self.room, id, self._data(id))
                    sent += 1
                    await self.publish(http, id)
        finally:
            http.close()

    async def again(self, port: int, ids: list[str]) -> None:
        """Publish these once more, with the keys that they had."""
        http = Http(port)
        try:
            for id in ids:
                await self.publish(http, id)
        finally:
            http.close()

    async def publish(self, http: Http, id: str) -> None:
        body = {"channel": self.room, "data": self._data(id), "idempotency_key": id}
        answer = (await http.ask("POST", "/api/publish", body)).body
        if "error" in answer:
            assert answer["error"]["code"] == 100, answer
            return  # it may be stored all the same: with its key it can be tried again
        self.acknowledged += 1
        self.record.acknowledged(self.room, id, **answer["result"])

    def _data(self, id: str) -> Message:
        return {"id": id, "padding": self.padding}


class Subscriber:
    """Hears a room, connection after connection, each from where the one before it ended."""

    def __init__(self, record: Listener, room: str) -> None:
        self.record = record
        self.room = room
        self.recovered = 0
        """How often it was brought all that it had missed."""
        self.told = 0
        """How often it was told that it could not be."""
        self._wire: Wire | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def position(self) -> Position | None:
        """Up to where it has heard."""
        return self.record.positions.get(self.room)

    async def enter(self, port: int) -> None:
        """Connect and subscribe, and listen from here on. Raises what is in `GONE`."""
        await self.leave()
        self._wire = wire = await Wire.connect(port)
        position = self.position
        asked: Message = {}
        if position is not None:
            asked = {"recover": True, "offset": position.offset, "epoch": position.epoch}
        answer = await wire.ask("subscribe", channel=self.room, **asked)
        body = answer["subscribe"]
        if asked:
            self.recovered += bool(body.get("recovered"))
            self.told += not body.get("recovered")
        self.record.subscribed(self.room, body)
        self._task = asyncio.ensure_future(self._listen(wire))

    async def _listen(self, wire: Wire) -> None:
        with suppress(*GONE):
            while True:
                with suppress(TimeoutError):
                    self.record.pushed((await wire.next()).get("push", {}))

    async def leave(self) -> None:
        """Be gone; what was read before counts."""
        self.record.cut()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        if self._wire is not None:
            await self._wire.close()
            self._wire = None


async def tell_history(witness: Witness, store: Store, room: str) -> Position:
    """Read the whole log of `room` for `witness`; where it stands."""
    (state,) = await store.states([room])
    stored: list[tuple[int, Any]] = []
    page = await store.read(room, 0, 1_000, 1 << 20)
    while page.publications:
        stored += [(one.offset, one.value) for one in page.publications]
        page = await store.read(room, stored[-1][0], 1_000, 1 << 20)
    top, epoch = page.position
    witness.history(room, epoch, stored, first=state.first, top=top)
    return page.position
