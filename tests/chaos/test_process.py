"""Life of the process: how it stops, whatever its members are doing."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

import pytest
from tests.support.commands import gunicorn, hubbub_serve
from tests.support.peers import DEADLINE, VANISHED, Peer, request, until
from tests.support.rooms import DOORS
from tests.support.server import ServerProcess, uvicorn_command

from hubbub.model import RESTART

ROOMS = "tests.support.rooms:app"
ROOM_SIZE = 25
TALK_EVERY = 0.1
"""Seconds between two messages of a room's talker."""

COMMANDS = {
    "hubbub-serve": hubbub_serve(ROOMS),
    "hubbub-serve-asyncio": hubbub_serve(ROOMS, loop="asyncio"),
    "uvicorn": uvicorn_command(ROOMS),
    "gunicorn": gunicorn(ROOMS),
}

EXIT_CODES = {("uvicorn", signal.SIGTERM): -signal.SIGTERM}
"""0, but for uvicorn, which ends by the signal that it handled."""


async def state(server: ServerProcess) -> dict[str, dict[str, int]]:
    body = await request(server.port, "GET", "/state")
    found: dict[str, dict[str, int]] = json.loads(body)
    return found


@asynccontextmanager
async def connected(
    server: ServerProcess, paths: Iterable[str], receive_buffer: int | None = None
) -> AsyncIterator[list[Peer]]:
    peers: list[Peer] = []
    try:
        for path in paths:
            peer = await Peer.connect(server.port, path, receive_buffer=receive_buffer)
            peers.append(peer)
        yield peers
    finally:
        for peer in peers:
            await peer.close()


@asynccontextmanager
async def crowd(server: ServerProcess, count: int) -> AsyncIterator[list[list[Peer]]]:
    """`count` sockets in rooms of `ROOM_SIZE`, half of them through each door, all listening."""
    doors = list(DOORS.values())
    rooms = [f"{doors[number % 2]}/{number}" for number in range(count // ROOM_SIZE)]
    async with connected(server, [room for room in rooms for _ in range(ROOM_SIZE)]) as peers:
        for peer in peers:
            peer.listen()
        async with asyncio.timeout(DEADLINE):
            while sum((await state(server))["rooms"].values()) < count:
                pass
        yield [peers[at : at + ROOM_SIZE] for at in range(0, count, ROOM_SIZE)]


async def talk(peer: Peer) -> None:
    """Number after number, until the server is gone."""
    number = 0
    with suppress(OSError):
        while peer.ended is None:
            await peer.send(str(number))
            number += 1
            await asyncio.sleep(TALK_EVERY)


async def stop_under_load(name: str, number: signal.Signals, count: int) -> None:
    async with ServerProcess(command=COMMANDS[name]) as server, crowd(server, count) as rooms:
        async with asyncio.TaskGroup() as talkers:
            for room in rooms:
                talkers.create_task(talk(room[0]))
            await until(lambda: all(room[0].messages for room in rooms))
            before = [len(room[0].messages) for room in rooms]
            code = await server.stop(number)
            await until(lambda: all(peer.ended for room in rooms for peer in room))
        log = await server.log()
        assert code == EXIT_CODES.get((name, number), 0), log
        assert "Traceback" not in log
        for room, at_least in zip(rooms, before, strict=True):
            for peer in room:
                assert peer.ended is not None
                assert (peer.ended.code, peer.ended.reason) == RESTART
                numbers = [int(message.rpartition(": ")[2]) for message in peer.messages]
                assert numbers == list(range(len(numbers))), "in order, without a hole"
                assert len(numbers) >= at_least, "what was sent before came before the close"


async def test_stop_under_load_tells_everyone_to_come_back() -> None:
    """D-1, with 500 sockets."""
    await stop_under_load("hubbub-serve", signal.SIGTERM, 500)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
async def test_stop_under_load_of_two_thousand_sockets(name: str) -> None:
    """D-1 at its full size, on each loop and under each manager."""
    await stop_under_load(name, signal.SIGTERM, 2000)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hubbub-serve", "hubbub-serve-asyncio", "uvicorn"])
async def test_interrupt_from_the_keyboard_is_as_clean_a_stop(name: str) -> None:
    """D-2: SIGINT. Not under gunicorn, whose signal for it uvicorn's worker does not hear."""
    await stop_under_load(name, signal.SIGINT, 500)


both_loops = pytest.mark.parametrize("name", ["hubbub-serve", "hubbub-serve-asyncio"])


async def refuses(server: ServerProcess) -> None:
    """Wait until the server takes no more connections: its stop has begun."""
    async with asyncio.timeout(DEADLINE):
        with suppress(ConnectionRefusedError, ConnectionResetError):
            while True:
                _, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.close()


@pytest.mark.slow
@both_loops
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
async def test_what_waits_for_a_slow_reader_is_flushed_before_the_close(
    name: str, door: str
) -> None:
    """More than the kernel takes: most of it lies in the server when the stop begins."""
    count, size = 150, 65_536
    settings = {"outbox_bytes": 2 * count * size}
    async with (
        ServerProcess(command=COMMANDS[name], settings=settings) as server,
        connected(server, [f"{door}/tea"] * 2, receive_buffer=4096) as readers,
    ):
        for number in range(count):
            body = str(number).encode().ljust(size)
            await request(server.port, "POST", "/broadcast/tea", body)
        server.send_signal(signal.SIGTERM)
        await refuses(server)
        for reader in readers:
            reader.listen(keep=lambda message: (int(message), len(message)))
        await until(lambda: all(reader.ended for reader in readers))
        for reader in readers:
            assert reader.messages == [(number, size) for number in range(count)]
            assert reader.ended is not None and reader.ended.code == RESTART.code
        assert await server.stop() == 0


@pytest.mark.slow
@both_loops
async def test_members_that_do_not_answer_do_not_hold_up_the_stop(name: str) -> None:
    """Neither one that reads nothing, nor one that never answers the close."""
    settings = {"close_seconds": 0.5, "shutdown_seconds": 600}
    async with (
        ServerProcess(command=COMMANDS[name], settings=settings) as server,
        connected(server, [f"{door}/tea" for door in DOORS.values()]),
    ):
        for _ in range(100):
            await request(server.port, "POST", "/broadcast/tea", b"x" * 65_536)
        assert await server.stop() == 0


@pytest.mark.slow
@both_loops
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_second_signal_ends_it_at_once(name: str, number: signal.Signals) -> None:
    """D-2: the first one waits for a handler that never comes to its end."""
    settings = {"shutdown_seconds": 600}
    async with (
        ServerProcess(command=COMMANDS[name], settings=settings) as server,
        connected(server, ["/gated/tea"]) as (peer,),
    ):
        server.send_signal(number)
        assert (await peer.end()).code == RESTART.code, "the member need not wait for it"
        await refuses(server)
        assert server.returncode is None
        assert await server.stop(number) == 0


@pytest.mark.slow
@both_loops
async def test_stop_waits_for_a_handler_no_longer_than_the_settings_say(name: str) -> None:
    settings = {"shutdown_seconds": 1}
    async with (
        ServerProcess(command=COMMANDS[name], settings=settings) as server,
        connected(server, ["/gated/tea"]) as (peer,),
    ):
        stopping = asyncio.create_task(server.stop())
        assert (await peer.end()).code == RESTART.code
        assert await stopping == 0
        assert "Cancel 1 running task(s)" in await server.log()


async def test_killed_server_leaves_its_members_with_a_broken_connection() -> None:
    """D-2: nobody can be told; each client sees it at once, because its kernel does."""
    async with (
        ServerProcess(command=hubbub_serve(ROOMS)) as server,
        connected(server, ["/ws/tea"]) as (peer,),
    ):
        assert await server.stop(signal.SIGKILL) == -signal.SIGKILL
        assert (await peer.end()).code == VANISHED
