"""The load generator against small servers that keep, or break, what a room promises."""

import asyncio
import json
import os
import re
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from hubbub.cli.bench import bench, crowd, load, process, shapes
from hubbub.cli.bench.errors import BenchError, ServerGone, WrongMessage
from hubbub.cli.bench.result import Result, quantiles_ms
from hubbub.cli.bench.shapes import SHAPES, Kind, Shape, shape_named
from hubbub.cli.bench.target import Target

DEADLINE_S = 10.0
TALK = Shape("talk", "3 rooms of 4, two talk", 3, 4, 2, in_flight=3)

Handler = Callable[[ServerConnection], Awaitable[None]]


class Rooms:
    """A server that keeps the contract; a test overrides the step that it wants broken."""

    def __init__(self) -> None:
        self.rooms: dict[str, list[ServerConnection]] = {}
        self.heard = 0
        self.sends = 0

    async def __call__(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        room = connection.request.path.rpartition("/")[2]
        try:
            await self.join(connection, room)
            async for text in connection:
                self.heard += 1
                await self.say(room, str(text))
        except ConnectionClosed:
            pass  # the generator ends its connections without a word
        finally:
            if connection in self.rooms.get(room, []):
                self.rooms[room].remove(connection)

    async def join(self, connection: ServerConnection, room: str) -> None:
        self.rooms.setdefault(room, []).append(connection)

    async def say(self, room: str, text: str) -> None:
        for member in list(self.rooms[room]):
            self.sends += 1
            await self.send(member, room, text)

    async def send(self, member: ServerConnection, room: str, text: str) -> None:
        await member.send(f"Room {room}: {text}")


@contextmanager
def served(handler: Handler, refuse: HTTPStatus | None = None) -> Iterator[Target]:
    """`handler` on a free port, in a thread of its own, for as long as the block runs."""
    ready: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        return connection.respond(refuse, "") if refuse else None

    async def main() -> None:
        stop = asyncio.Event()
        async with serve(handler, "127.0.0.1", 0, compression=None, process_request=answer) as it:
            port = it.sockets[0].getsockname()[1]
            ready.set_result((port, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=[main()])
    thread.start()
    try:
        port, loop, stop = ready.result(DEADLINE_S)
        try:
            yield Target.parse(f"ws://127.0.0.1:{port}/ws/{{room}}")
        finally:
            loop.call_soon_threadsafe(stop.set)
    finally:
        thread.join(DEADLINE_S)
    assert not thread.is_alive()


def run(target: Target, shape: Shape = TALK) -> Result:
    return load.run(target, shape, seconds=0.2, warm_up=0.1, deadline=DEADLINE_S)


def test_every_delivery_is_counted() -> None:
    rooms = Rooms()
    with served(rooms) as target:
        result = run(target)
    assert result.missing == 0
    assert result.connections == 12
    assert result.deliveries_per_s is not None
    # What was heard in warm-up and at the end is not in the rate, so the server heard more.
    assert 0 < result.deliveries_per_s * result.usage.seconds <= rooms.heard * TALK.members
    assert rooms.rooms == {name: [] for name in rooms.rooms}


def test_pings_between_messages_are_answered_and_not_counted() -> None:
    pongs: list[Awaitable[float]] = []

    class Pinging(Rooms):
        async def send(self, member: ServerConnection, room: str, text: str) -> None:
            if self.sends % 5 == 0:
                pongs.append(await member.ping())
            await super().send(member, room, text)

    with served(Pinging()) as target:
        assert run(target).missing == 0
    answered = [
        pong
        for pong in pongs
        if isinstance(pong, asyncio.Future) and pong.done() and not pong.exception()
    ]
    assert answered


def test_messages_cut_anywhere_are_put_together() -> None:
    class Cutting(Rooms):
        async def send(self, member: ServerConnection, room: str, text: str) -> None:
            payload = f"Room {room}: {text}".encode()
            frame = bytes((0x81, len(payload))) + payload
            cut = self.sends % len(frame)
            member.transport.write(frame[:cut])
            await asyncio.sleep(0)
            member.transport.write(frame[cut:])

        async def say(self, room: str, text: str) -> None:
            async with lock:  # or two messages would be cut into each other
                await super().say(room, text)

    lock = asyncio.Lock()
    with served(Cutting()) as target:
        assert run(target).missing == 0


@pytest.mark.parametrize("copies", [0, 2])
def test_a_message_that_a_listener_does_not_get_once_is_reported(
    copies: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "DRAIN_SILENCE_S", 0.2)

    class Wrong(Rooms):
        async def say(self, room: str, text: str) -> None:
            once, last = self.rooms[room][:-1], self.rooms[room][-1]
            wrong = self.heard % 50 == 0
            for member in [*once, *[last] * (copies if wrong else 1)]:
                await self.send(member, room, text)

    with served(Wrong()) as target:
        assert run(target).missing > 0


def test_a_talker_that_hears_itself_twice_ends_the_run() -> None:
    class Echoing(Rooms):
        async def send(self, member: ServerConnection, room: str, text: str) -> None:
            payload = f"Room {room}: {text}".encode()
            frame = bytes((0x81, len(payload))) + payload
            member.transport.write(frame * (2 if self.heard > 10 else 1))  # in one read

    alone = Shape("alone", "1 room of 1", 1, 1, 1, in_flight=1)
    with served(Echoing()) as target, pytest.raises(WrongMessage, match="twice"):
        run(target, alone)


def test_a_message_from_another_room_ends_the_run() -> None:
    class Leaking(Rooms):
        async def say(self, room: str, text: str) -> None:
            await super().say(room, text)
            if self.heard > 50:
                other = next(name for name in self.rooms if name != room)
                await self.send(self.rooms[other][0], room, text)

    with served(Leaking()) as target, pytest.raises(WrongMessage, match="bench-"):
        run(target)


def test_other_words_than_the_contract_are_shown() -> None:
    class Rude(Rooms):
        async def send(self, member: ServerConnection, room: str, text: str) -> None:
            await member.send(f"{room} heard {text}")

    with served(Rude()) as target:
        with pytest.raises(WrongMessage, match="bench-0 heard all aboard"):
            run(target)
        told = Target(target.host, target.port, target.path, contract="{room} heard {text}")
        assert run(told).missing == 0


def test_a_server_that_closes_is_named_with_its_code() -> None:
    class Closing(Rooms):
        async def say(self, room: str, text: str) -> None:
            close = self.heard == 50
            await super().say(room, text)
            if close:
                await self.rooms[room][0].close(1012, "restart")

    with served(Closing()) as target, pytest.raises(ServerGone, match="1012 restart"):
        run(target)


def test_a_refused_connection_is_named_with_its_status() -> None:
    with served(Rooms(), HTTPStatus.FORBIDDEN) as target, pytest.raises(ServerGone, match="403"):
        run(target)


def test_nobody_listening_is_said() -> None:
    with socket.socket() as bound:  # bound, so that nobody else takes it, but not listening
        bound.bind(("127.0.0.1", 0))
        target = Target.parse(f"ws://127.0.0.1:{bound.getsockname()[1]}/ws/{{room}}")
        with pytest.raises(ServerGone, match="refused"):
            run(target)


def test_a_server_that_says_nothing_ends_at_the_deadline() -> None:
    class Silent(Rooms):
        async def say(self, room: str, text: str) -> None:
            pass

    with served(Silent()) as target, pytest.raises(ServerGone, match="12 of 12 .* do not hear"):
        load.run(target, TALK, deadline=0.5)


def test_members_who_join_after_the_handshake_are_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crowd, "SILENCE_S", 0.1)

    class Late(Rooms):
        """The second of a room is in when the first has spoken."""

        def __init__(self) -> None:
            super().__init__()
            self.late: dict[str, ServerConnection] = {}

        async def join(self, connection: ServerConnection, room: str) -> None:
            if room in self.rooms:
                self.late[room] = connection
            else:
                await super().join(connection, room)

        async def say(self, room: str, text: str) -> None:
            await super().say(room, text)
            if room in self.late:
                await super().join(self.late.pop(room), room)

    with served(Late()) as target:
        assert run(target, Shape("late", "2 rooms of 2", 2, 2, 1)).missing == 0


def test_paced_messages_give_latencies() -> None:
    shape = Shape("paced", "2 rooms of 5", 2, 5, 1, Kind.PACED, rate=200.0)
    with served(Rooms()) as target:
        result = load.run(target, shape, seconds=0.5, warm_up=0.1, deadline=DEADLINE_S)
    assert result.missing == 0
    assert len(result.quantiles_ms) == 1001
    p50, p99 = result.latency_ms(50), result.latency_ms(99)
    assert p50 is not None and p99 is not None
    assert 0 < p50 <= p99 < DEADLINE_S * 1000


def test_idle_connections_are_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "SETTLE_STEP_S", 0.01)
    shape = Shape("idle", "5 rooms of 10", 5, 10, 1, Kind.IDLE)
    with served(Rooms()) as target:
        result = load.run(target, shape, pid=os.getpid(), deadline=DEADLINE_S)
    assert result.bytes_per_connection is not None
    assert result.connects_per_s > 0
    assert result.usage.server_cpu is not None  # 0 in ten idle milliseconds, at times


def test_socketio_is_spoken() -> None:
    class SocketIO(Rooms):
        """Engine.IO 4 and Socket.IO 5, as much of them as a message and a ping need."""

        async def join(self, connection: ServerConnection, room: str) -> None:
            await connection.send('0{"sid":"a","pingInterval":1}')
            assert await connection.recv() == "40"
            await connection.send('40{"sid":"b"}')
            await super().join(connection, room)

        async def say(self, room: str, text: str) -> None:
            if text == "3":
                pongs.append(text)
                return
            match = re.fullmatch(r'42\["message","(.*)"\]', text)
            assert match is not None
            ping = self.heard % 20 == 0
            await super().say(room, match[1])
            if ping:
                await self.rooms[room][0].send("2")

        async def send(self, member: ServerConnection, room: str, text: str) -> None:
            await member.send(f'42["message","Room {room}: {text}"]')

    pongs: list[str] = []
    with served(SocketIO()) as target:
        url = f"ws://127.0.0.1:{target.port}/socket.io/{{room}}"
        assert run(Target.parse(url, "socketio")).missing == 0
    assert pongs


def test_too_few_files_mean_fewer_rooms_and_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "raise_file_limit", lambda: shapes.SPARE_FILES + 9)
    with served(Rooms()) as target:
        result = run(target)
    assert result.rooms == 2
    assert "8 connections" in result.notes[0]
    with pytest.raises(BenchError, match="209 files"):
        SHAPES["room1000"].within(shapes.SPARE_FILES + 9)


def test_quantiles() -> None:
    result = quantiles_ms([n * 1_000_000 for n in range(1000, -1, -1)])
    assert (result[0], result[500], result[1000]) == (0.0, 500.0, 1000.0)
    assert quantiles_ms([]) == []


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("wss://127.0.0.1/ws/{room}", "TLS"),
        ("127.0.0.1:8000", "not like"),
        ("ws://127.0.0.1:port/", "no address"),
    ],
)
def test_bad_addresses_are_named(url: str, says: str) -> None:
    with pytest.raises(BenchError, match=says):
        Target.parse(url)


def test_unknown_names_are_named_with_the_known() -> None:
    with pytest.raises(BenchError, match="room32"):
        shape_named("room33")
    with pytest.raises(BenchError, match="socketio"):
        Target.parse("ws://127.0.0.1/", "morse")
    with pytest.raises(BenchError, match="cannot read"):
        process.resident_bytes(2**22 + 1)  # one more than Linux ever gives


def test_several_rooms_need_a_place_in_the_address() -> None:
    with pytest.raises(BenchError, match="has several"):
        run(Target.parse("ws://127.0.0.1:1/ws"), TALK)


# The command ------------------------------------------------------------------------------

app = typer.Typer()
app.command()(bench)


def url_of(target: Target) -> str:
    return f"ws://{target.host}:{target.port}{target.path}"


def test_the_command_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    with served(Rooms()) as target:
        options = ["--seconds", "0.2", "--warm-up", "0.1", "--pid", str(os.getpid())]
        done = CliRunner().invoke(app, [url_of(target), *options, "--json", str(file)])
    assert done.exit_code == 0, done.output
    assert "room32" in done.output
    (result,) = json.loads(file.read_text())["results"]
    assert result["shape"] == "room32" and result["deliveries_per_s"] > 0


def test_the_command_says_what_fails_and_goes_on() -> None:
    class Small(Rooms):
        async def join(self, connection: ServerConnection, room: str) -> None:
            if len(self.rooms.get(room, [])) == 2:
                await connection.close(1008, "full")
            await super().join(connection, room)

    with served(Small()) as target:
        options = ["--seconds", "0.2", "--warm-up", "0.1", "--shape", "room32", "--shape", "pairs"]
        done = CliRunner().invoke(app, [url_of(target), *options])
    assert done.exit_code == 1
    assert "1008 full" in done.output
    assert "pairs" in done.output


def test_a_plot_without_matplotlib_is_refused_before_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    arguments = ["ws://127.0.0.1:1/{room}", "--plot", str(tmp_path / "bench.svg")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert "hubbub[bench]" in done.output


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_plot_is_drawn(suffix: str, tmp_path: Path) -> None:
    from hubbub.cli.bench import report

    results = [
        Result(
            shape=shape,
            connections=32,
            rooms=1,
            connects_per_s=5.0,
            usage=process.Usage(3.0, 0.9, 0.3, 0.0),
            deliveries_per_s=9.0,
            quantiles_ms=quantiles,
            series=[8.0, 10.0],
        )
        for shape, quantiles in [("room32", []), ("latency", quantiles_ms([1, 2, 3]))]
    ]
    file = tmp_path / f"bench.{suffix}"
    report.write_plot(file, "ws://127.0.0.1/{room}", results)
    assert file.stat().st_size > 1000
