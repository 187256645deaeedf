"""Load on durable rooms: who publishes as fast as is acknowledged, or by the clock, and who hears.

The frames of a client are masked with zeros, which is a mask like any other, so that none has to
be computed. Nothing is taken on trust: each publish has to be acknowledged, and a room's
publications have to come with its offsets one after another.
"""

from __future__ import annotations

import asyncio
import json
import re
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from hubbub.wire.frames import unframe

FILLER = "a message of the length that messages in a chat have, more or less"
ACKNOWLEDGED = b'"publish":{}}'
OK = b"\x81\x02ok"
WAIT_S = 20.0


class Failed(Exception):
    """The server did not do what it should."""


def frame(payload: bytes) -> bytes:
    """A masked text frame (RFC 6455 section 5.2)."""
    size = len(payload)
    if size < 126:
        head = bytes([0x81, 0x80 | size])
    else:
        head = struct.pack("!BBH", 0x81, 0xFE, size)
    return head + bytes(4) + payload


def command(id: int, kind: str, **body: object) -> bytes:
    return frame(json.dumps({"id": id, kind: body}, separators=(",", ":")).encode())


class Connection(asyncio.Protocol):
    """A WebSocket client: a handshake, then whatever comes goes to `heard`."""

    def __init__(self, path: str, heard: Callable[[Connection, bytes], None]) -> None:
        self._path = path
        self._heard = heard
        self._head = b""
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self.transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        if not self.open.done():
            self._head += data
            head, found, data = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.split(b"\r\n")[0] + b" ":
                self.open.set_exception(Failed(head.split(b"\r\n")[0].decode()))
                return
            self.open.set_result(None)
        if data:
            self._heard(self, data)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.open.done():
            self.open.set_exception(Failed("the connection was lost"))


async def connect(port: int, path: str, heard: Callable[[Connection, bytes], None]) -> Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(path, heard), "127.0.0.1", port)
    async with asyncio.timeout(WAIT_S):
        await connection.open
    return connection


@dataclass
class Throughput:
    """So many publishes were acknowledged, in so many seconds and seconds of the server's CPU."""

    acknowledged: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        return self.acknowledged / self.seconds


async def throughput(
    port: int,
    rooms: list[str],
    seconds: float,
    *,
    connections: int = 32,
    in_flight: int = 8,
    tutorial: bool = False,
    cpu: Callable[[], float] = lambda: 0.0,
) -> Throughput:
    """As fast as `connections` with so many publishes each in flight are acknowledged.

    Each publishes to all `rooms` in turn, and one more client hears the first of them. `cpu` says
    how many seconds of it the server has used.
    """
    path = "/say" if tutorial else "/connection/websocket"
    pattern = OK if tutorial else ACKNOWLEDGED
    done, running = 0, True
    heard: list[bytes] = []

    def make() -> Callable[[Connection, bytes], None]:
        carry, turn = b"", [0]

        def on_data(connection: Connection, data: bytes) -> None:
            nonlocal carry, done
            if b'"error"' in data:
                raise Failed(repr(data[:200]))
            data = carry + data
            count = data.count(pattern)
            carry = data[-len(pattern) + 1 :]
            done += count
            if count and running:
                say(connection, turn, count)

        def say(connection: Connection, turn: list[int], count: int) -> None:
            begin = turn[0]
            turn[0] = begin + count
            connection.transport.write(
                b"".join(says[number % len(says)] for number in range(begin, begin + count))
            )

        starts.append(lambda connection: say(connection, turn, in_flight))
        return on_data

    starts: list[Callable[[Connection], None]] = []
    if tutorial:
        says = [frame(f"{room} {FILLER}".encode()) for room in rooms]
    else:
        says = [command(9, "publish", channel=room, data={"text": FILLER}) for room in rooms]
    listener = await connect(
        port,
        f"/ws/{rooms[0]}" if tutorial else path,
        lambda connection, data: heard.append(data),
    )
    if not tutorial:
        listener.transport.write(command(1, "connect") + command(2, "subscribe", channel=rooms[0]))
    talkers = [await connect(port, path, make()) for _ in range(connections)]
    for talker in talkers:
        if not tutorial:
            talker.transport.write(command(1, "connect"))
    await asyncio.sleep(0.3)
    for start, talker in zip(starts, talkers, strict=True):
        start(talker)
    await asyncio.sleep(seconds / 4)
    before, used, began = done, cpu(), time.perf_counter()
    await asyncio.sleep(seconds)
    result = Throughput(done - before, time.perf_counter() - began, cpu() - used)
    running = False
    await asyncio.sleep(0.5)
    for one in (*talkers, listener):
        one.transport.abort()
    if not tutorial:
        check_order(heard)
    if not heard:
        raise Failed("nobody heard anything")
    return result


_OFFSET = re.compile(rb'"offset":(\d+)')


def check_order(heard: list[bytes]) -> None:
    """See that what was heard has its offsets one after another."""
    last = None
    for message in unframe(b"".join(heard)):
        assert isinstance(message, str)
        for line in message.split("\n"):
            if not line.startswith('{"push"'):
                continue
            found = _OFFSET.search(line.encode())
            offset = int(found[1]) if found else 0
            if last is not None and offset != last + 1:
                raise Failed(f"offset {offset} after {last}")
            last = offset


@dataclass
class Delays:
    """Seconds from a publish to its acknowledgement, and to each delivery."""

    acknowledged: list[float] = field(default_factory=list)
    delivered: list[float] = field(default_factory=list)


async def delays(
    port: int,
    rooms: list[str],
    seconds: float,
    *,
    connections: int = 100,
    rate: float = 1_000.0,
) -> Delays:
    """What `rate` publishes a second of `connections` clients take, who are ten in a room."""
    found = Delays()
    measuring = False

    class Talker:
        def __init__(self, room: str) -> None:
            self.room = room
            self.id = 10
            self.sent: dict[int, float] = {}
            self.rest = b""

        def heard(self, connection: Connection, data: bytes) -> None:
            now = time.perf_counter()
            data = self.rest + data
            whole = whole_frames(data)
            self.rest = data[whole:]
            for message in unframe(data[:whole]):
                assert isinstance(message, str)
                for line in message.split("\n"):
                    self.line(connection, json.loads(line), now)

        def line(self, connection: Connection, line: dict[str, object], now: float) -> None:
            if not line:
                connection.transport.write(frame(b"{}"))
            elif "error" in line:
                raise Failed(str(line))
            elif "publish" in line:
                sent = self.sent.pop(line["id"])  # type: ignore[call-overload]
                if measuring:
                    found.acknowledged.append(now - sent)
            elif "push" in line and measuring:
                sent = line["push"]["pub"]["data"]["at"]  # type: ignore[index]
                found.delivered.append(now - sent)

    talkers = []
    for number in range(connections):
        talker = Talker(rooms[number % len(rooms)])
        connection = await connect(port, "/connection/websocket", talker.heard)
        connection.transport.write(
            command(1, "connect") + command(2, "subscribe", channel=talker.room)
        )
        talkers.append((talker, connection))
    await asyncio.sleep(0.5)
    began, number = time.perf_counter(), 0
    while (now := time.perf_counter()) < began + seconds + 1:
        measuring = now > began + 1
        while began + number / rate <= now:
            talker, connection = talkers[number % connections]
            talker.id += 1
            talker.sent[talker.id] = at = time.perf_counter()
            body = {"text": FILLER, "at": at}
            connection.transport.write(
                command(talker.id, "publish", channel=talker.room, data=body)
            )
            number += 1
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
    await asyncio.sleep(0.5)
    missing = sum(len(talker.sent) for talker, _ in talkers)
    for _, connection in talkers:
        connection.transport.abort()
    if missing:
        raise Failed(f"{missing} publishes were not acknowledged")
    return found


def whole_frames(data: bytes) -> int:
    """How many bytes at the beginning are whole frames."""
    at = 0
    while len(data) - at >= 2:
        size, head = data[at + 1] & 127, 2
        if size == 126:
            head = 4
        elif size == 127:
            head = 10
        if len(data) - at < head:
            break
        if head > 2:
            size = int.from_bytes(data[at + 2 : at + head], "big")
        if len(data) - at < head + size:
            break
        at += head + size
    return at
