"""Rooms on servers that are not ours: the same promises, and a word in the log."""

from __future__ import annotations

import asyncio
import logging
import socket
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from hypercorn.asyncio import serve
from hypercorn.config import Config
from tests.support.clients import closed, dial, hear
from tests.support.peers import DEADLINE, until
from tests.support.rooms import DOORS, create_app
from tests.support.server import serving
from websockets.exceptions import InvalidStatus

from hubbub import ConfigurationError, Hub, Settings
from hubbub.engine.node import Node
from hubbub.model import RESTART

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # which HTTP client it uses is its own affair
    from starlette.testclient import TestClient

Serve = Callable[[FastAPI], AbstractAsyncContextManager[int]]


@asynccontextmanager
async def on_hypercorn(app: FastAPI) -> AsyncIterator[int]:
    sock = socket.create_server(("127.0.0.1", 0))
    config = Config()
    config.bind = [f"fd://{sock.fileno()}"]
    config.errorlog = None
    config.graceful_timeout = 0.1
    stop = asyncio.Event()
    task = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait))  # type: ignore[arg-type]
    try:
        yield sock.getsockname()[1]
    finally:
        stop.set()
        await asyncio.wait_for(task, DEADLINE)
        sock.detach()  # hypercorn has closed it


def on_uvicorn(ws: str) -> Serve:
    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[int]:
        async with serving(app, ws=ws, http="httptools") as server:
            yield server.port

    return run


OTHERS = {
    "hypercorn": on_hypercorn,
    "uvicorn-websockets": on_uvicorn("websockets-sansio"),
    "uvicorn-wsproto": on_uvicorn("wsproto"),
}


@pytest.fixture(params=OTHERS)
def other(request: pytest.FixtureRequest) -> Serve:
    return OTHERS[request.param]


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> str:
    return DOORS[request.param]


def node_of(app: FastAPI) -> Node:
    hub: Hub = app.state.hub
    return hub.node


# Rooms on servers that are not ours.


async def test_everyone_in_a_room_hears_and_nobody_else(other: Serve, door: str) -> None:
    app = create_app(Settings())
    async with other(app) as port, dial(port, f"{door}/tea") as ann, dial(port, f"{door}/tea") as b:
        async with dial(port, f"{door}/milk") as eve:
            await until(lambda: len(app.state.hub.room("tea")) == 2)
            await ann.send("hello")
            assert [await hear(one) for one in (ann, b)] == ["Room tea: hello"] * 2
            await eve.send("alone")
            assert await hear(eve) == "Room milk: alone"
        await until(lambda: [room.name for room in app.state.hub.rooms()] == ["tea"])


async def test_whoever_goes_is_out_of_the_room_however_it_went(other: Serve, door: str) -> None:
    app = create_app(Settings())
    room = app.state.hub.room("tea")
    async with other(app) as port, dial(port, f"{door}/tea") as stays:
        await until(lambda: len(room) == 1)
        async with dial(port, f"{door}/tea"):
            await until(lambda: len(room) == 2)
        await until(lambda: len(room) == 1)
        vanishing = await dial(port, f"{door}/tea")
        await until(lambda: len(room) == 2)
        vanishing.transport.abort()
        await until(lambda: len(room) == 1)
        await stays.send("still here")
        assert await hear(stays) == "Room tea: still here"
    assert node_of(app).live == {}


async def test_member_is_told_why_it_is_closed(other: Serve, door: str) -> None:
    app = create_app(Settings())
    async with other(app) as port, dial(port, f"{door}/tea") as client:
        room = app.state.hub.room("tea")
        await until(lambda: room.members)
        room.broadcast("last words")
        room.close(4001, "enough")
        assert await hear(client) == "last words"
        assert await closed(client) == (4001, "enough")
        assert node_of(app).live == {}


async def test_name_that_no_room_can_have_is_refused_with_400(other: Serve, door: str) -> None:
    app = create_app(Settings())
    async with other(app) as port:
        with pytest.raises(InvalidStatus) as refused:
            await dial(port, f"{door}/{'x' * 256}")
        assert refused.value.response.status_code == 400
        assert b"at most 255 characters" in (refused.value.response.body or b"")


async def test_page_of_another_origin_is_refused_with_403(other: Serve, door: str) -> None:
    app = create_app(Settings(origins=["https://good.example"]))
    async with other(app) as port:
        with pytest.raises(InvalidStatus) as refused:
            await dial(port, f"{door}/tea", origin="https://evil.example")
        assert refused.value.response.status_code == 403
        async with dial(port, f"{door}/tea", origin="https://good.example"):
            pass


async def test_slower_transport_is_told_in_the_log_once(
    other: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(Settings())
    async with other(app) as port:
        for door in DOORS.values():
            async with dial(port, f"{door}/tea"), dial(port, f"{door}/tea"):
                await until(lambda: len(app.state.hub.room("tea")) == 2)
            await until(lambda: not app.state.hub.rooms())
    told = [r for r in caplog.records if r.name == "hubbub" and "plain ASGI" in r.message]
    assert len(told) == 1
    assert told[0].levelno == logging.WARNING
    assert "hubbub serve" in told[0].message


async def test_our_server_has_nothing_to_tell(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(Settings())
    async with serving(app) as server, dial(server.port, "/ws/tea") as client:
        await client.send("hello")
        assert await hear(client) == "Room tea: hello"
    assert [r.message for r in caplog.records if r.name == "hubbub"] == []


@pytest.mark.parametrize("name", OTHERS)
async def test_stopping_server_leaves_nobody_in_a_room(name: str, door: str) -> None:
    """uvicorn tells them to come back; hypercorn waits for them, and then cancels their tasks."""
    app = create_app(Settings())
    async with OTHERS[name](app) as port:
        client = await dial(port, f"{door}/tea")
        await until(lambda: app.state.hub.rooms())
        going = asyncio.create_task(closed(client))
    code, _ = await asyncio.wait_for(going, DEADLINE)
    assert code == (1011 if name == "hypercorn" else RESTART.code)
    assert node_of(app).live == {}


# Starlette's test client.


def test_room_in_starlettes_test_client() -> None:
    app = create_app(Settings())
    with TestClient(app) as client:
        for door in DOORS.values():
            with (
                client.websocket_connect(f"{door}/tea") as ann,
                client.websocket_connect(f"{door}/tea") as bob,
                client.websocket_connect(f"{door}/milk") as eve,
            ):
                ann.send_text("hello")
                assert ann.receive_text() == bob.receive_text() == "Room tea: hello"
                client.post("/broadcast/milk", content="from a route")
                assert eve.receive_text() == "from a route"
        assert client.get("/state").json()["rooms"] == {}
        assert client.get("/healthz").json() == {"status": "ok"}


def test_name_that_no_room_can_have_in_starlettes_test_client() -> None:
    with TestClient(create_app(Settings())) as client:
        with pytest.raises(WebSocketDisconnect) as refused:
            with client.websocket_connect(f"/ws/{'x' * 256}"):
                pass
        assert getattr(refused.value, "status_code", None) == 400


def test_test_client_without_a_context_gets_a_text_that_says_what_to_write() -> None:
    """Each of its connections runs on a loop of its own, and a hub lives on one."""
    client = TestClient(create_app(Settings()))
    with client.websocket_connect("/ws/tea"):
        with pytest.raises(ConfigurationError, match="with TestClient"):
            with client.websocket_connect("/ws/tea"):
                pass


# Lifespans.


async def test_composed_lifespans_run_in_order_around_the_members(other: Serve) -> None:
    hub, order = Hub(settings=Settings()), list[str]()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        order.append("database opens")
        async with hub.lifespan(app):
            order.append("hub opens")
            yield {"database": "open"}
        order.append("database closes")

    @hub.on_leave
    async def left(_: object) -> None:
        order.append("member leaves")

    app = FastAPI(lifespan=lifespan)

    @app.websocket("/{room}")
    async def chat(websocket: WebSocket, room: str) -> None:
        async with hub.join(websocket, room) as member:
            member.send(websocket.state.database)
            async for _ in member:
                pass

    async with other(app) as port:
        client = await dial(port, "/tea")
        assert await hear(client) == "open"
    await client.close()
    assert order == ["database opens", "hub opens", "member leaves", "database closes"]
