"""The load generator against small servers that keep, or break, what a room promises."""

import asyncio
import json
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest
import typer
from benchmarks.results import GOALS
from benchmarks.servers import GROUPS, SERVERS, Cores, running
from tests.support.centrifuge import Centrifuge, Message
from typer.testing import CliRunner
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from hubbub.cli.bench import bench, crowd, frames, load, process, shapes
from hubbub.cli.bench.centrifuge import ACKNOWLEDGED, FIRST_ID, Subscriber
from hubbub.cli.bench.connection import Room
from hubbub.cli.bench.errors import BenchError, ServerGone, WrongMessage
from hubbub.cli.bench.reading import Numbered
from hubbub.cli.bench.result import Result, quantiles_ms
from hubbub.cli.bench.shapes import SHAPES, Kind, Shape, shape_named
from hubbub.cli.bench.target import Target
from hubbub.cli.bench.texts import text_of

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


# The protocol with numbered publications ------------------------------------------------------


def run_numbered(server: Handler, shape: Shape = TALK, seconds: float = 0.2) -> Result:
    with served(server) as target:
        numbered = Target.parse(f"ws://127.0.0.1:{target.port}/connection/websocket", "centrifuge")
        return load.run(numbered, shape, seconds=seconds, warm_up=0.1, deadline=DEADLINE_S)


class Terse(Centrifuge):
    """Writes what it has for a connection together, up to four messages a frame, and a ping."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: dict[ServerConnection, list[Message]] = {}

    async def write(self, connection: ServerConnection, messages: list[Message]) -> None:
        waiting = self.waiting.setdefault(connection, [])
        if not waiting:
            asyncio.get_running_loop().call_soon(self.flush, connection)
        waiting += messages

    def flush(self, connection: ServerConnection) -> None:
        waiting = self.waiting.pop(connection)
        while waiting:
            lines = [json.dumps(line, separators=(",", ":")) for line in [*waiting[:4], {}]]
            payload = "\n".join(lines).encode()
            connection.transport.write(frame_of(payload))
            del waiting[:4]


@pytest.mark.parametrize("server", [Centrifuge, Terse])
def test_numbered_publications_are_counted_however_they_are_framed(
    server: type[Centrifuge],
) -> None:
    centrifuge = server()
    result = run_numbered(centrifuge, seconds=0.5)
    assert result.missing == 0
    assert result.deliveries_per_s
    # Offsets gained digits on the way, and no room was mistaken for another.
    assert all(channel.top > 100 for name, channel in centrifuge.channels.items() if name)
    assert sorted(name for name in centrifuge.channels if name) == [
        f"bench:bench-{number}" for number in range(TALK.rooms)
    ]
    assert bool(centrifuge.pongs) == (server is Terse)


def test_numbered_publications_give_latencies() -> None:
    shape = Shape("paced", "2 rooms of 5", 2, 5, 1, Kind.PACED, rate=200.0)
    result = run_numbered(Centrifuge(), shape)
    assert result.missing == 0
    p50, p99 = result.latency_ms(50), result.latency_ms(99)
    assert p50 and p99 and 0 < p50 <= p99 < DEADLINE_S * 1000


def test_a_hole_in_the_offsets_ends_the_run() -> None:
    class Losing(Centrifuge):
        async def push(self, member: ServerConnection, push: Message) -> None:
            if push["pub"]["offset"] != 60:
                await super().push(member, push)

    with pytest.raises(WrongMessage, match="offset 61 where 60 comes next"):
        run_numbered(Losing())


@pytest.mark.parametrize("numbers", [[], [0, 0], [1]], ids=["none", "twice", "another"])
def test_a_publish_that_is_not_acknowledged_once_ends_the_run(
    numbers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Careless(Centrifuge):
        def acknowledge(self, number: int) -> list[Message]:
            wrong = number % 40 == 0
            return [{"id": number + n, "publish": {}} for n in (numbers if wrong else [0])]

    monkeypatch.setattr(load, "DRAIN_SILENCE_S", 0.2)
    with pytest.raises(WrongMessage, match="acknowledged"):
        run_numbered(Careless())


def test_the_last_publish_must_be_acknowledged_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(Centrifuge):
        def acknowledge(self, number: int) -> list[Message]:
            return []

    monkeypatch.setattr(load, "DRAIN_SILENCE_S", 0.2)
    with pytest.raises(WrongMessage, match="were not acknowledged"):
        run_numbered(Forgetful())


def test_an_error_for_an_answer_is_shown() -> None:
    class Forbidding(Centrifuge):
        def acknowledge(self, number: int) -> list[Message]:
            return [{"id": number, "error": {"code": 103, "message": "permission denied"}}]

    with pytest.raises(WrongMessage, match="permission denied"):
        run_numbered(Forbidding())


JOIN = Shape("join", "20 at once", 1, 20, 1, Kind.JOIN)


def test_who_joins_at_once_gets_all_of_the_history() -> None:
    result = run_numbered(Centrifuge(), JOIN)
    assert result.all_in_ms is not None and result.all_in_ms > 0
    longest = result.latency_ms(100)
    assert longest and longest < DEADLINE_S * 1000


def test_the_longest_wait_of_a_bystander_tells_of_a_blocked_loop() -> None:
    class Blocking(Centrifuge):
        blocked = False

        async def obey(
            self, connection: ServerConnection, client: str, command: Message
        ) -> list[Message]:
            if "history" in command and not self.blocked:
                self.blocked = True
                time.sleep(0.15)  # noqa: ASYNC251 - as a careless server would
            return await super().obey(connection, client, command)

    longest = run_numbered(Blocking(), JOIN).latency_ms(100)
    assert longest is not None and longest >= 100


def test_a_history_with_less_than_was_said_ends_the_run() -> None:
    class Short(Centrifuge):
        async def publish(self, name: str, publication: Message) -> None:
            await super().publish(name, publication)
            del self.channels[name].publications[:-50]

    with pytest.raises(WrongMessage, match="50 publications"):
        run_numbered(Short(), JOIN)


def test_joining_at_once_needs_a_protocol_with_history() -> None:
    with served(Rooms()) as target, pytest.raises(BenchError, match="dialect centrifuge"):
        run(target, JOIN)


def test_numbered_frames_are_told_from_what_lies_between_them() -> None:
    """Runs of 1 to 40 publications over all digits of the offset, cut anywhere."""
    target = Target.parse("ws://127.0.0.1:1/connection/websocket", "centrifuge")
    ours, theirs = socket.socketpair()
    member = Subscriber(target, Room("bench-0"), ours, upgraded=True, joined=True)
    member.room.beginning = target.lead("bench-0")
    ours.setblocking(False)
    reader, stream, offset, own = Numbered(), bytearray(), 0, 0
    for turn in range(120):
        for number in range(turn % 40 + 1):
            offset += 1
            text = text_of(b"ab"[number % 2], offset)
            info = '"info":{"user":"","client":"one"}'
            push = target.body("bench-0", text) + f'}},{info},"offset":{offset}}}}}}}'.encode()
            stream += frame_of(push)
        first, count = member.asked + 1, turn % 5 + 1
        assert member.speech(b"!", 8)(count)
        acknowledged = (ACKNOWLEDGED % number for number in range(first, first + count))
        stream += frame_of(b"\n".join(acknowledged))
    stamps = []
    for cut in range(0, len(stream), 7_777):
        theirs.sendall(stream[cut : cut + 7_777])
        if reader.read(member):
            own += reader.own(ord("a"))
            stamps += reader.stamps()
    assert member.count == member.offset == offset > 1_000
    assert stamps == list(range(1, offset + 1))
    assert own == sum((turn % 40 + 2) // 2 for turn in range(120))
    assert (member.owed(), member.tail) == (0, b"")
    theirs.sendall(frame_of(target.body("bench-0", b"") + b'},"offset":7}}}'))
    with pytest.raises(WrongMessage, match="offset 7"):
        reader.read(member)
    theirs.close()
    ours.close()


def frame_of(payload: bytes) -> bytes:
    """A server's text frame."""
    size = len(payload)
    wide = size > 125
    return bytes((0x81, 126 if wide else size)) + (size.to_bytes(2) if wide else b"") + payload


@pytest.mark.parametrize("numbers", [1, 3, 250, 1001])
def test_publishes_are_masked_as_one_by_one(numbers: int) -> None:
    target = Target.parse("ws://127.0.0.1:1/connection/websocket", "centrifuge")
    with socket.socket() as sock:
        talker = Subscriber(target, Room("bench-0"), sock)
        said = talker.speech(text_of(97), 8)
        publish = talker.publish(text_of(97))
        for turn in range(3):
            ids = range(FIRST_ID + turn * numbers, FIRST_ID + (turn + 1) * numbers)
            frames_one_by_one = [frames.client_frame(frames.TEXT, publish % one) for one in ids]
            assert said(numbers) == b"".join(frames_one_by_one)


@pytest.mark.parametrize("dialect", ["json", "socketio-json"])
def test_a_json_body_is_spoken(dialect: str) -> None:
    class Bodies(Rooms):
        async def join(self, connection: ServerConnection, room: str) -> None:
            if dialect == "socketio-json":
                await connection.send('0{"sid":"a"}')
                assert await connection.recv() == "40"
                await connection.send('40{"sid":"b"}')
            await super().join(connection, room)

        async def send(self, member: ServerConnection, room: str, text: str) -> None:
            body = json.loads(text.removeprefix("42"))
            event = dialect == "socketio-json"
            body = {"room": room, **(body[1] if event else body)}
            said = json.dumps(["message", body] if event else body, separators=(",", ":"))
            await member.send(f"42{said}" if event else said)

    with served(Bodies()) as target:
        assert run(Target.parse(url_of(target), dialect)).missing == 0


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


# The comparison ---------------------------------------------------------------------------


def test_the_comparison_names_what_it_has() -> None:
    for names in GROUPS.values():
        assert set(names) <= set(SERVERS)
    for goal in GOALS:
        server, shape = SERVERS[goal.server], SHAPES[goal.shape]
        assert server.ours and server.takes(shape)
        assert goal.times is None or SERVERS[goal.times].takes(shape)
    takers = [name for name, server in SERVERS.items() if server.takes(SHAPES["join1000"])]
    assert takers == ["hubbub-protocol"]


def test_our_protocol_bears_every_kind_of_load(tmp_path: Path) -> None:
    everyone = os.sched_getaffinity(0)
    kinds = [TALK, replace(TALK, kind=Kind.PACED, rate=100.0), replace(TALK, kind=Kind.IDLE), JOIN]
    server, cores = SERVERS["hubbub-protocol"], Cores(everyone, everyone)
    with running(server, cores, tmp_path / "server.log") as (target, pid):
        for shape in kinds:
            result = load.run(target, shape, seconds=0.3, warm_up=0.1, pid=pid)
            assert result.missing == 0


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


def test_the_command_speaks_the_protocol() -> None:
    with served(Centrifuge()) as target:
        options = ["--seconds", "0.2", "--warm-up", "0.1", "--dialect", "centrifuge"]
        done = CliRunner().invoke(app, [f"ws://127.0.0.1:{target.port}/", *options])
    assert done.exit_code == 0, done.output


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
