"""Requests that are too large, malformed, ambiguous, late, or never come."""

from __future__ import annotations

import asyncio
import gc
import re
import weakref
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from tests.support.arena import both_loops
from tests.support.commands import hubbub_serve
from tests.support.peers import DEADLINE, Peer, until
from tests.support.rooms import create_app
from tests.support.server import Local, ServerProcess, serving

from hubbub import Settings
from hubbub.transports.http import HttpProtocol
from hubbub.wire.handshake import MAX_HEADER_BYTES

GOOD = {
    "Host": "127.0.0.1",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


def head(*more: str, path: str = "/ws/tea", without: Iterable[str] = (), **changed: str) -> bytes:
    """A good handshake, with header lines more, without some, or with others' values."""
    changes = {name.replace("_", "-"): value for name, value in changed.items()}
    fields = {name: value for name, value in GOOD.items() if name not in without} | changes
    lines = [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, *more, "", ""]).encode("latin-1")


ATTACKS: dict[str, Callable[[], bytes]] = {
    "ten thousand headers": lambda: head(*(f"X-{n}: {n}" for n in range(10_000))),
    "ten thousand short headers": lambda: head(*["a:"] * 10_000),
    "a header of a megabyte": lambda: head("X: " + "x" * 1_000_000),
    "a header name of a megabyte": lambda: head("x" * 1_000_000 + ": x"),
    "a path of 64 KiB": lambda: head(path="/ws/" + "x" * 65_536),
    "a path of 9 KiB": lambda: head(path="/ws/" + "x" * 9_216),
    "a query of 64 KiB": lambda: head(path="/ws/tea?" + "x" * 65_536),
    "a bad key": lambda: head(Sec_WebSocket_Key="short"),
    "a key that is no base64": lambda: head(Sec_WebSocket_Key="!" * 24),
    "no key": lambda: head(without=["Sec-WebSocket-Key"]),
    "two keys": lambda: head("Sec-WebSocket-Key: BBBBBBBBBBBBBBBBBBBBBB=="),
    "two hosts": lambda: head("Host: example.com"),
    "two origins": lambda: head("Origin: http://127.0.0.1", "Origin: https://evil.example"),
    "two upgrades": lambda: head("Upgrade: websocket"),
    "two versions": lambda: head("Sec-WebSocket-Version: 8"),
    "version 8": lambda: head(Sec_WebSocket_Version="8"),
    "no host": lambda: head(without=["Host"]),
    "a body": lambda: head("Content-Length: 3") + b"abc",
    "a chunked body": lambda: head("Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "both kinds of body": lambda: (
        head("Content-Length: 3", "Transfer-Encoding: chunked") + b"0\r\n\r\n"
    ),
    "a broken line": lambda: head("no colon here"),
    "a NUL in a value": lambda: head("X: a\0b"),
    "a bare line feed": lambda: head("X: a\nY: b").replace(b"HTTP/1.1\r\n", b"HTTP/1.1\n", 1),
    "a folded line": lambda: head("X: a", " folded"),
    "POST": lambda: head().replace(b"GET", b"POST"),
    "no HTTP at all": lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",
}


@asynccontextmanager
async def room_server() -> AsyncIterator[Local]:
    async with serving(create_app(Settings())) as server:
        yield server


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def dial(port: int) -> AsyncIterator[Stream]:
    async with asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def answer(port: int, attack: bytes) -> bytes:
    """All that the server says to `attack`, before it ends the connection."""
    said = b""
    async with asyncio.timeout(DEADLINE), dial(port) as (reader, writer):
        with suppress(ConnectionError):  # it may well end before it has read all of that
            writer.write(attack)
            while data := await reader.read(65_536):
                said += data
    return said


async def still_serves(port: int) -> None:
    peer = await Peer.connect(port, "/ws/tea")
    try:
        await peer.send("hello")
        assert await peer.receive() == "Room tea: hello"
    finally:
        await peer.close()


@both_loops
async def test_bad_handshake_is_answered_with_4xx_and_nothing_is_kept() -> None:
    """P-1."""
    async with room_server() as server:
        for name, make in ATTACKS.items():
            attack = make()
            said = await answer(server.port, attack)
            # A large one may lose its answer: the server closes with bytes unread, a reset.
            if said or len(attack) < MAX_HEADER_BYTES:
                assert re.match(rb"HTTP/1.1 4\d\d ", said), (name, said)
                assert said.count(b"HTTP/1.1 ") == 1, (name, "one answer", said)
            await until(lambda: not server.connections and not server.tasks)
            await still_serves(server.port)


@pytest.mark.slow
async def test_flood_of_bad_handshakes_leaves_no_memory_behind() -> None:
    """P-1: each kind a few dozen times; what the first round took is enough for the rest."""
    command = hubbub_serve("--headless")
    async with ServerProcess(command=command, settings={"handshake_seconds": 30}) as server:

        async def round_of_attacks() -> None:
            for make in ATTACKS.values():
                attack = make()
                await asyncio.gather(*(answer(server.port, attack) for _ in range(20)))

        for _ in range(2):
            await round_of_attacks()
        before = await server.rss()
        for _ in range(4):
            await round_of_attacks()
        assert await server.rss() - before < 4 * 2**20
        await still_serves(server.port)
        log = await server.log()
        assert "Traceback" not in log
        assert await server.stop() == 0


async def test_head_without_an_end_is_kept_up_to_its_limit_only() -> None:
    """P-1: many at once, each a little short of the limit, and then over it."""
    count = 200
    line = b"X: " + b"x" * 1019 + b"\r\n"
    first = head()[:-2] + line * ((MAX_HEADER_BYTES - len(head())) // len(line))
    async with (
        ServerProcess(command=hubbub_serve("--headless")) as server,
        AsyncExitStack() as opened,
    ):
        await still_serves(server.port)
        before = await server.rss()
        streams = [await opened.enter_async_context(dial(server.port)) for _ in range(count)]
        for _, writer in streams:
            writer.write(first)
        await asyncio.gather(*(writer.drain() for _, writer in streams))
        await still_serves(server.port)
        for _, writer in streams:
            writer.write(line * 2)
        for reader, _ in streams:
            async with asyncio.timeout(DEADLINE):
                with suppress(ConnectionError):
                    assert b" 431 " in await reader.readline()
        assert await server.peak_rss() - before < count * MAX_HEADER_BYTES * 3
        await still_serves(server.port)


# Those that are late (P-13).

SECONDS = 0.5
LATE = {"handshake_seconds": SECONDS}


async def is_cut(reader: asyncio.StreamReader) -> bytes:
    """Wait until the server ends the connection; what it said before."""
    async with asyncio.timeout(DEADLINE):
        return await reader.read()


@pytest.fixture
async def late() -> AsyncIterator[ServerProcess]:
    async with ServerProcess(command=hubbub_serve("--headless"), settings=LATE) as server:
        yield server


async def test_client_that_connects_and_says_nothing_is_cut_and_holds_no_place(
    late: ServerProcess,
) -> None:
    """P-13."""
    peer = await Peer.connect(late.port, "/ws/tea")  # in time, and it says nothing more
    async with AsyncExitStack() as opened:
        opened.push_async_callback(peer.close)
        streams = [await opened.enter_async_context(dial(late.port)) for _ in range(100)]
        for reader, _ in streams:
            assert (await is_cut(reader)).startswith(b"HTTP/1.1 408 ")
        await peer.send("the deadline was for the request only")
        assert await peer.receive() == "Room tea: the deadline was for the request only"


@pytest.mark.parametrize("path", ["/ws/tea", "/healthz"])
async def test_handshake_a_byte_at_a_time_is_cut(path: str, late: ServerProcess) -> None:
    """P-13: bytes that keep coming do not put the deadline off."""
    sent = 0

    async def drip(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        for byte in head(path=path):
            writer.write(bytes([byte]))
            sent += 1
            await asyncio.sleep(SECONDS / 20)

    async with dial(late.port) as (reader, writer):
        dripping = asyncio.create_task(drip(writer))
        assert (await is_cut(reader)).startswith(b"HTTP/1.1 408 ")
        dripping.cancel()
        assert sent < len(head(path=path))


async def test_second_request_of_a_connection_has_the_same_time(late: ServerProcess) -> None:
    async with dial(late.port) as (reader, writer):
        for _ in range(3):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(DEADLINE):
                assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly(15) == b'{"status":"ok"}'
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        assert (await is_cut(reader)).startswith(b"HTTP/1.1 408 ")


@both_loops
async def test_deadline_of_a_request_is_forgotten_when_its_client_goes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or it would hold the connection's memory for that long, and then fail."""
    monkeypatch.setattr(HttpProtocol, "head_seconds", 600)
    async with room_server() as server:
        for data in (b"", b"GET / HT", head()[:-2]):
            async with dial(server.port) as (_, writer):
                writer.write(data)
                await until(lambda: server.connections == 1)
                (protocol,) = server.state.connections
                held = weakref.ref(protocol)
                del protocol
            await until(lambda: not server.connections)
            await until(lambda held=held: gc.collect() >= 0 and held() is None)  # type: ignore[misc]
        await still_serves(server.port)
