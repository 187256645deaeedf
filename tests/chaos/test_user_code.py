"""What the application's own code may do to a room: fail, exit, cancel, sleep, hold a session."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from fastapi import FastAPI, WebSocket
from tests.support.arena import Arena, Way, arena, both_loops, join_ways
from tests.support.peers import DEADLINE, VANISHED, Peer, until
from tests.support.rooms import create_app
from tests.support.server import serving

from examples import database
from hubbub import Hub, Join, Leave, Settings
from hubbub.transports.direct import WebSocketProtocol


def fail() -> NoReturn:
    raise ZeroDivisionError("as asked")


def leave_the_program() -> NoReturn:
    sys.exit("as asked")


def be_cancelled() -> NoReturn:
    """As a hook that asks a cancelled future for its result."""
    raise asyncio.CancelledError("as asked")


async def cancel_itself() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel("as asked")
    await asyncio.Event().wait()


FAULTS: dict[str, Callable[[], object]] = {
    "an exception": fail,
    "sys.exit": leave_the_program,
    "a cancellation": be_cancelled,
}
ASYNC_FAULTS = {**FAULTS, "cancelling its own task": cancel_itself}
LOGGED = ["Exception in ASGI application", "failed"]

every_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
every_async_fault = pytest.mark.parametrize("fault", ASYNC_FAULTS.values(), ids=ASYNC_FAULTS)


async def commit(fault: Callable[[], object]) -> None:
    done = fault()
    if isinstance(done, Awaitable):
        await done


async def talks(peer: Peer, *others: Peer) -> None:
    await peer.send("still here")
    for one in (peer, *others):
        assert await one.receive() == "Room tea: still here"


def how_it_ends(way: Way) -> int:
    """The close code of an endpoint that failed; uvicorn's own class drops the connection."""
    return 1011 if way.ws is WebSocketProtocol else VANISHED


# In an endpoint's body (D-5).


@both_loops
@join_ways
@every_async_fault
async def test_endpoint_that_ends_badly_leaves_nothing_behind(
    way: Way, fault: Callable[[], object], quiet_log: list[str]
) -> None:
    quiet_log += LOGGED

    def build(app: FastAPI) -> None:
        @app.websocket("/bad/{room}")
        async def bad(websocket: WebSocket, room: str) -> None:
            async with app.state.hub.join(websocket, room, "bad") as member:
                async for _ in member:
                    await commit(fault)

    async with arena(build, ws=way.ws) as here:
        witness, bad = await here.connect("/join/tea"), await here.connect("/bad/tea")
        await here.in_room("tea", 2)
        await bad.send("now")
        assert (await bad.end()).code == how_it_ends(way)
        await here.in_room("tea", 1)
        assert [leave.user for leave in here.leaves] == ["bad"]
        await talks(witness)


@join_ways
async def test_endpoint_that_sleeps_when_its_client_goes_holds_nobodys_place(way: Way) -> None:
    async with arena(ws=way.ws) as here:
        witness, sleeper = await here.connect("/join/tea"), await here.connect("/gated/tea")
        await here.in_room("tea", 2)
        await sleeper.close()
        await here.in_room("tea", 1)
        assert len(here.leaves) == 1
        assert here.server.tasks == 2, "it sleeps on"
        await talks(witness)


# In hooks (D-5).


def hooks(fault: Callable[[], object], kind: str) -> Callable[[FastAPI], None]:
    """Have `fault` happen in a hook, for the user "bad" only; and another hook after it."""
    when, _, how = kind.partition(" ")

    def build(app: FastAPI) -> None:
        hub: Hub = app.state.hub
        app.state.after = []
        register = hub.on_join if when == "join" else hub.on_leave

        def plain(event: Join | Leave) -> None:
            if event.user == "bad":
                fault()

        async def awaited(event: Join | Leave) -> None:
            if event.user == "bad":
                await commit(fault)

        register(plain if how == "sync" else awaited)
        register(lambda event: app.state.after.append(event.user))

    return build


async def two_people(here: Arena) -> tuple[Peer, Peer]:
    good = await here.connect("/join/tea?user=good")
    await here.in_room("tea", 1)
    bad = await here.connect("/join/tea?user=bad")
    await here.in_room("tea", 2)
    return good, bad


async def one_goes_then_the_other(here: Arena, good: Peer, bad: Peer) -> None:
    await talks(bad, good)
    await bad.close()
    await here.in_room("tea", 1)
    await talks(good)
    await good.close()
    await here.empty()
    assert [leave.user for leave in here.leaves] == ["bad", "good"]
    assert here.app.state.after == ["good", "bad"] or here.app.state.after == ["bad", "good"]


@every_fault
@pytest.mark.parametrize("kind", ["join sync", "leave sync", "join async", "leave async"])
async def test_hook_that_ends_badly_hurts_nobody(
    kind: str,
    fault: Callable[[], object],
    quiet_log: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    quiet_log += LOGGED
    async with arena(hooks(fault, kind)) as here:
        await one_goes_then_the_other(here, *await two_people(here))
    told = [r for r in caplog.records if "hook" in r.getMessage() and "failed" in r.getMessage()]
    assert len(told) == 1
    assert "as asked" in caplog.text


@join_ways
@pytest.mark.parametrize("kind", ["join async", "leave async"])
async def test_hook_that_cancels_its_own_task_hurts_nobody(way: Way, kind: str) -> None:
    async with arena(hooks(cancel_itself, kind), ws=way.ws) as here:
        await one_goes_then_the_other(here, *await two_people(here))


@join_ways
@pytest.mark.parametrize("kind", ["join async", "leave async"])
async def test_hook_that_sleeps_holds_up_nobody(way: Way, kind: str) -> None:
    gate = asyncio.Event()
    async with arena(hooks(gate.wait, kind), ws=way.ws) as here:
        good, bad = await two_people(here)
        await talks(bad, good)
        await bad.close()
        await here.in_room("tea", 1)
        await talks(good)
        assert here.registered()["hooks"] == 1, "it sleeps on"
        gate.set()


@both_loops
async def test_hooks_that_sleep_through_the_stop_are_cancelled() -> None:
    before = asyncio.all_tasks()
    app = create_app(Settings(close_seconds=0.1))
    hub: Hub = app.state.hub
    sleeping = 0

    @hub.on_leave
    @hub.on_leave
    @hub.on_leave
    async def sleep(_: Leave) -> None:
        nonlocal sleeping
        sleeping += 1
        try:
            await asyncio.Event().wait()
        finally:
            sleeping -= 1

    hub.on_leave(lambda _: asyncio.get_running_loop().create_future())

    async with serving(app) as server:
        peer = await Peer.connect(server.port, "/join/tea")
    await peer.close()
    assert not hub.node.live
    await until(lambda: len(hub.node.hooks) == 0)
    await until(lambda: asyncio.all_tasks() == before)
    assert sleeping == 0


@pytest.mark.parametrize("kind", ["join sync", "leave sync"])
async def test_slow_synchronous_hook_is_told_in_the_log_by_its_name(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with arena(hooks(lambda: time.sleep(0.15), kind)) as here:
        await one_goes_then_the_other(here, *await two_people(here))
    (told,) = [r for r in caplog.records if "held up every connection" in r.getMessage()]
    assert told.levelno == logging.WARNING
    assert "plain" in told.getMessage()


# In a dependency of one message (D-5).


@every_async_fault
@pytest.mark.parametrize("where", ["before", "inside", "after"])
async def test_dependency_that_ends_badly_gives_back_what_it_took(
    where: str, fault: Callable[[], object], quiet_log: list[str]
) -> None:
    quiet_log += LOGGED
    taken = 0

    async def get_session() -> AsyncIterator[str]:
        nonlocal taken
        taken += 1
        try:
            if where == "before":
                await commit(fault)
            yield "a session"
            if where == "after":
                await commit(fault)
        finally:
            taken -= 1

    def build(app: FastAPI) -> None:
        @app.websocket("/bad/{room}")
        async def bad(websocket: WebSocket, room: str) -> None:
            async with app.state.hub.join(websocket, room) as member:
                async for _ in member:
                    async with app.state.hub.depends(websocket, get_session) as session:
                        assert (session, taken) == ("a session", 1)
                        if where == "inside":
                            await commit(fault)

    async with arena(build) as here:
        witness, bad = await here.connect("/join/tea"), await here.connect("/bad/tea")
        await here.in_room("tea", 2)
        await bad.send("now")
        assert (await bad.end()).code == 1011
        await here.in_room("tea", 1)
        assert taken == 0
        await talks(witness)


@join_ways
async def test_message_whose_dependency_failed_need_not_be_the_last(way: Way) -> None:
    async def get_session() -> AsyncIterator[str]:
        if len(here.leaves) == 0 and here.hub.room("tea").users == []:
            raise ConnectionError("the database is away")
        yield "a session"

    def build(app: FastAPI) -> None:
        @app.websocket("/patient/{room}")
        async def patient(websocket: WebSocket, room: str) -> None:
            hub: Hub = app.state.hub
            async with hub.join(websocket, room) as member:
                async for _ in member:
                    try:
                        async with hub.depends(websocket, get_session) as session:
                            member.send(session)
                    except ConnectionError as error:
                        member.send(str(error))

    async with arena(build, ws=way.ws) as here:
        peer = await here.connect("/patient/tea")
        await peer.send("one")
        assert await peer.receive() == "the database is away"
        await here.connect("/join/tea?user=ann")
        await here.in_room("tea", 2)
        await peer.send("two")
        assert await peer.receive() == "a session"


# Dependency scope (D-7).


@both_loops
async def test_two_hundred_open_sockets_share_a_pool_of_five(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "DATABASE", str(tmp_path / "messages.db"))
    monkeypatch.setattr(database, "pool", asyncio.Queue())
    rooms, size = 8, 25
    least = database.POOL_SIZE

    def in_use(*_: Any) -> int:
        return database.POOL_SIZE - database.pool.qsize()

    async with serving(database.app) as server, httpx.AsyncClient() as client:
        peers = [
            [(await Peer.connect(server.port, f"/ws/{room}")).listen() for _ in range(size)]
            for room in range(rooms)
        ]
        try:
            await until(lambda: len(database.hub.rooms()) == rooms)
            assert in_use() == 0, "two hundred open sockets hold none"
            for _ in range(2):
                for room in peers:
                    for number, peer in enumerate(room):
                        await peer.send(str(number))
            async with asyncio.timeout(DEADLINE):
                answer = await client.get(f"http://127.0.0.1:{server.port}/rooms/0")
            assert answer.status_code == 200, "nor does anybody else wait for ever"
            least = min(least, database.POOL_SIZE - in_use())
            for room in peers:
                for peer in room:
                    heard = await peer.heard(2 * size)
                    assert len(heard) == 2 * size
            assert in_use() == 0
        finally:
            for room in peers:
                for peer in room:
                    await peer.close()
    assert database.pool.empty(), "closed with the application"
