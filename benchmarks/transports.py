"""`python -m benchmarks.transports`: both encodings, and the ways in without a WebSocket.

The shapes are those of `python -m benchmarks`; who talks has a WebSocket in the encoding of its
room, and who only listens comes in by the way that is measured. The server has one core, the load
the other. Texts are counted wherever they stand in what is read; at the end everybody has to have
all that was said.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from base64 import b64encode
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, NamedTuple

import typer
from centrifuge.codecs import _ProtobufCodec

from benchmarks.log.load import Connection, Failed, connect, frame
from benchmarks.parts import RESULTS, Row, conclude, run, table
from benchmarks.servers import SERVERS, Cores, running
from hubbub.cli.bench.process import cpu_seconds, raise_file_limit, settled_bytes
from hubbub.cli.bench.report import console as console_for_tables
from hubbub.cli.bench.shapes import SHAPES, Kind, Shape

FILLER = "a message of the length that messages in a chat have, more or less"
TEXT = b'{"text":"'
"""What every publication has once, in every encoding."""

IDLE = Shape("idle", "5,000 connections in rooms of 100, silent", 50, 100, 0, Kind.IDLE)
LOADS = [SHAPES[name] for name in ("room32", "pairs", "rooms100", "room1000")]
WAIT_S = 60.0
STEP_S = 0.05


class Way(NamedTuple):
    """How members come in."""

    path: str
    protobuf: bool = False
    stream: bool = False


WAYS = {
    "WebSocket, JSON": Way("/connection/websocket"),
    "WebSocket, Protobuf": Way("/connection/websocket?format=protobuf", protobuf=True),
    "HTTP stream, JSON": Way("/connection/http_stream", stream=True),
    "HTTP stream, Protobuf": Way("/connection/http_stream", protobuf=True, stream=True),
    "SSE": Way("/connection/sse", stream=True),
}


def encoded(protobuf: bool, commands: list[dict[str, Any]]) -> bytes:
    if protobuf:
        return bytes(_ProtobufCodec.encode_commands(commands))
    return "\n".join(json.dumps(one, separators=(",", ":")) for one in commands).encode()


def framed(protobuf: bool, commands: list[dict[str, Any]]) -> bytes:
    """The same as a client's WebSocket frame."""
    made = frame(encoded(protobuf, commands))
    return b"\x82" + made[1:] if protobuf else made


def entering(room: str) -> list[dict[str, Any]]:
    return [{"id": 1, "connect": {}}, {"id": 2, "subscribe": {"channel": room}}]


class Room:
    """Who is in it, and how many texts were said there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.said = 0
        self.members: list[Member] = []


class Member:
    """Counts the texts that it gets."""

    def __init__(self, room: Room) -> None:
        room.members.append(self)
        self.texts = 0
        self._rest = b""
        self.transport: asyncio.Transport

    def hear(self, connection: Connection, data: bytes) -> None:
        data = self._rest + data
        self.texts += data.count(TEXT)
        self._rest = data[1 - len(TEXT) :]


class Talker(Member):
    """Says something for each text of its own that comes back."""

    def __init__(self, room: Room, number: int, protobuf: bool) -> None:
        super().__init__(room)
        self._room = room
        self._mark = b"talker %03d:" % number
        self._end = b""
        data: Any = {"text": f"{self._mark.decode()} {FILLER}"}
        if protobuf:  # in the words of the published codec: bytes
            data = b64encode(json.dumps(data, separators=(",", ":")).encode()).decode()
        asks = [{"id": 9, "publish": {"channel": room.name, "data": data}}]
        self._frame = framed(protobuf, asks)
        self.talking = False

    def say(self, times: int) -> None:
        self.transport.write(self._frame * times)
        self._room.said += times

    def hear(self, connection: Connection, data: bytes) -> None:
        super().hear(connection, data)
        data = self._end + data
        own = data.count(self._mark)
        self._end = data[1 - len(self._mark) :]
        if own and self.talking:
            self.say(own)


class Streamed(asyncio.Protocol):
    """A response that does not end."""

    def __init__(self, way: Way, member: Member, room: str) -> None:
        self._way = way
        self._member = member
        self._room = room
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._member.transport = transport  # type: ignore[assignment]
        body = encoded(self._way.protobuf, entering(self._room))
        kind = "application/octet-stream" if self._way.protobuf else "application/json"
        head = (
            f"POST {self._way.path} HTTP/1.1\r\nHost: bench\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._member.transport.write(head.encode() + body)

    def data_received(self, data: bytes) -> None:
        if not self.open.done():
            if data.startswith(b"HTTP/1.1 200 "):
                self.open.set_result(None)
            else:
                self.open.set_exception(Failed(repr(data[:80])))
        self._member.hear(None, data)  # type: ignore[arg-type]


class Crowd:
    """Everyone of a shape, come in by one way, and those who talk by a WebSocket."""

    def __init__(self, port: int, shape: Shape, way: Way) -> None:
        self._port = port
        self._shape = shape
        self._way = way
        self.rooms = [Room(f"bench:{number}") for number in range(shape.rooms)]
        self.talkers: list[Talker] = []

    @property
    def texts(self) -> int:
        return sum(member.texts for room in self.rooms for member in room.members)

    @property
    def expected(self) -> int:
        return sum(room.said * len(room.members) for room in self.rooms)

    async def come(self) -> None:
        for room in self.rooms:
            for _ in range(self._shape.talkers):
                talker = Talker(room, len(self.talkers), self._way.protobuf)
                self.talkers.append(talker)
                await self._by_websocket(talker, room)
            for _ in range(self._shape.members - self._shape.talkers):
                member = Member(room)
                if self._way.stream:
                    await self._by_stream(member, room)
                else:
                    await self._by_websocket(member, room)

    async def _by_websocket(self, member: Member, room: Room) -> None:
        path = "/connection/websocket" + ("?format=protobuf" if self._way.protobuf else "")
        connection = await connect(self._port, path, member.hear)
        member.transport = connection.transport
        member.transport.write(framed(self._way.protobuf, entering(room.name)))

    async def _by_stream(self, member: Member, room: Room) -> None:
        _, made = await asyncio.get_running_loop().create_connection(
            lambda: Streamed(self._way, member, room.name), "127.0.0.1", self._port
        )
        async with asyncio.timeout(WAIT_S):
            await made.open

    async def all_hear(self) -> None:
        """Wait until everyone is in: who comes later than a text does not get it."""
        everyone = [member for room in self.rooms for member in room.members]
        async with asyncio.timeout(WAIT_S):
            while not all(member.texts for member in everyone):
                for room in self.rooms:
                    talker = room.members[0]
                    assert isinstance(talker, Talker)
                    talker.say(1)
                await asyncio.sleep(0.2)
            last = -1
            while last != (last := self.texts):  # noqa: ASYNC110
                await asyncio.sleep(0.5)
        for room in self.rooms:
            room.said = 0
            for member in room.members:
                member.texts = 0

    async def done(self) -> None:
        """Wait until everyone has everything. Raises `Failed` where that does not come to be."""
        for talker in self.talkers:
            talker.talking = False
        try:
            async with asyncio.timeout(WAIT_S):
                while self.texts < self.expected:  # noqa: ASYNC110
                    await asyncio.sleep(STEP_S)
        except TimeoutError:
            raise Failed(f"{self.texts:,} of {self.expected:,} texts came") from None
        await asyncio.sleep(STEP_S)
        for room in self.rooms:
            if any(member.texts != room.said for member in room.members):
                raise Failed(f"a text of {room.name} came twice, and another never")

    def leave(self) -> None:
        for room in self.rooms:
            for member in room.members:
                member.transport.abort()


class Found(NamedTuple):
    """Texts that came to somebody in a second, and the share of its core that the server used."""

    deliveries: float
    cpu: float


async def deliveries(port: int, pid: int, shape: Shape, way: Way, seconds: float) -> Found:
    crowd = Crowd(port, shape, way)
    await crowd.come()
    await crowd.all_hear()
    for talker in crowd.talkers:
        talker.talking = True
        talker.say(shape.in_flight)
    await asyncio.sleep(seconds / 3)
    before, begin, cpu = crowd.texts, time.monotonic(), cpu_seconds(pid)
    await asyncio.sleep(seconds)
    came, taken, used = crowd.texts - before, time.monotonic() - begin, cpu_seconds(pid) - cpu
    await crowd.done()
    crowd.leave()
    return Found(came / taken, used / taken)


async def memory(port: int, pid: int, shape: Shape, way: Way) -> float:
    """Bytes of the server for each silent connection."""
    before = settled_bytes(pid)
    crowd = Crowd(port, shape, way)
    await crowd.come()
    after = settled_bytes(pid)
    crowd.leave()
    return (after - before) / shape.connections


def main(
    seconds: Annotated[float, typer.Option(min=0.1, help="Measured per cell.")] = 3.0,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    quick: Annotated[bool, typer.Option(help="Short, to see that all runs.")] = False,
) -> None:
    """Deliveries in a second, and memory of a connection, for each encoding and transport."""
    idle = IDLE
    if quick:
        seconds, rounds, idle = min(seconds, 0.5), 1, IDLE.within(1_000)
    raise_file_limit()
    cores = Cores.of_this_machine()
    os.sched_setaffinity(0, cores.own)
    RESULTS.mkdir(exist_ok=True)
    server = SERVERS["hubbub-protocol"]
    found: dict[tuple[str, str], list[Found]] = {}
    sizes: dict[str, list[float]] = {}
    for _ in range(rounds):
        for shape in (*LOADS, idle):
            for name, way in WAYS.items():
                if shape.talkers == shape.members and way.stream:
                    continue  # nobody would come in that way
                with running(server, cores, RESULTS / "transports.log") as (target, pid):
                    if shape.kind is Kind.IDLE:
                        size = run(partial(memory, target.port, pid, shape, way))
                        sizes.setdefault(name, []).append(size)
                    else:
                        work = partial(deliveries, target.port, pid, shape, way, seconds)
                        found.setdefault((shape.name, name), []).append(run(work))
    report(found, sizes, rounds, seconds)


def report(
    found: dict[tuple[str, str], list[Found]],
    sizes: dict[str, list[float]],
    rounds: int,
    seconds: float,
) -> None:
    console = console_for_tables()
    rows: list[Row] = []
    for shape in LOADS:
        made = table(
            f"{shape.name}: {shape.about}",
            "by",
            "deliveries/s",
            "min to max",
            "of the first",
            "server CPU",
        )
        base = None
        for name in WAYS:
            if (runs := found.get((shape.name, name))) is None:
                continue
            rates = [one.deliveries for one in runs]
            rate, cpu = statistics.median(rates), statistics.median(one.cpu for one in runs)
            base = base or rate
            made.add_row(name, f"{rate:,.0f}", _span(rates), f"{rate / base:.2f}", f"{cpu:.0%}")
            rows.append({"shape": shape.name, "by": name, "deliveries": rates, "cpu": cpu})
        console.print(made)
    made = table(f"idle: {IDLE.about}", "by", "bytes each", "min to max")
    for name, each in sizes.items():
        made.add_row(name, f"{statistics.median(each):,.0f}", _span(each))
        rows.append({"shape": "idle", "by": name, "bytes": each})
    console.print(made)
    conclude(console, "transports", rounds, seconds, rows)


def _span(values: Sequence[float]) -> str:
    return f"{min(values):,.0f} to {max(values):,.0f}"


if __name__ == "__main__":
    typer.run(main)
