"""A server and the peers that attack it: on the loop of the test, or in a process of its own."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from fastapi import FastAPI
from tests.support.peers import DEADLINE, Peer, request, until
from tests.support.rooms import Left, create_app
from tests.support.server import Local, ServerProcess, serving
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from hubbub import Hub, Member, Settings
from hubbub.transports.direct import WebSocketProtocol

WHOLE_TEST = 40.0
"""Seconds before a test that hangs is ended from within, where it hangs: its loop goes on."""


class Way(NamedTuple):
    """One way into a room: the door, and the WebSocket class it stands behind."""

    path: str
    ws: Any = WebSocketProtocol


WAYS = {
    "hub.join": Way("/join"),
    "built-in": Way("/ws"),
    "hub.join-plain-asgi": Way("/join", WebSocketsSansIOProtocol),
    "built-in-plain-asgi": Way("/ws", WebSocketsSansIOProtocol),
}


def ways(*names: str) -> pytest.MarkDecorator:
    """Run the test with a `way` of each of these names."""
    return pytest.mark.parametrize("way", [WAYS[name] for name in names], ids=names)


every_way = ways("hub.join", "built-in", "hub.join-plain-asgi")
our_ways = ways("hub.join", "built-in")
join_ways = ways("hub.join", "hub.join-plain-asgi")
text_ways = ways("built-in", "built-in-plain-asgi")
both_loops = pytest.mark.asyncio(loop_factories=["uvloop", "asyncio"])


def from_outside(test: Callable[..., Any]) -> Callable[..., Any]:
    """For a test of `outside`: the server is on each loop in turn, the test always on one."""
    marks = pytest.mark.slow, pytest.mark.asyncio(loop_factories=["uvloop"])
    for mark in (*marks, pytest.mark.parametrize("loop", ["uvloop", "asyncio"])):
        test = mark(test)
    return test


class Siege:
    """The peers of one server, closed at the end if they are not gone before."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._peers: list[Peer] = []

    async def connect(self, path: str, *, receive_buffer: int | None = None) -> Peer:
        peer = await Peer.connect(self.port, path, receive_buffer=receive_buffer)
        self._peers.append(peer)
        return peer

    async def crowd(self, count: int, path: str) -> list[Peer]:
        return [await self.connect(path) for _ in range(count)]

    async def leave(self) -> None:
        for peer in self._peers:
            await peer.close()


class Arena(Siege):
    """With its server on the loop of the test: everything can be looked at."""

    def __init__(self, app: FastAPI, server: Local) -> None:
        super().__init__(server.port)
        self.app = app
        self.server = server
        self.hub: Hub = app.state.hub
        self.leaves: list[Left] = app.state.leaves

    def member(self, room: str) -> Member:
        """The one member of the room."""
        (member,) = self.hub.room(room).members
        assert isinstance(member, Member)
        return member

    async def in_room(self, room: str, count: int) -> None:
        """Wait until so many are in the room."""
        await until(lambda: len(self.hub.room(room)) == count)

    def registered(self) -> dict[str, int]:
        """How much of anybody is left in any registry; only what is not zero."""
        node = self.hub.node
        counts = {
            "rooms": len(node.live),
            "users": len(node.present),
            "heartbeats": len(node.heartbeat),
            "hooks": len(node.hooks),
            "sockets": sum(not _is_http(c) for c in self.server.state.connections),
            "calls": self.server.tasks,
        }
        return {name: count for name, count in counts.items() if count}

    async def empty(self) -> None:
        """Wait until nothing is left of anybody."""
        try:
            await until(lambda: not self.registered())
        except TimeoutError:
            raise AssertionError(f"still registered: {self.registered()}") from None


def _is_http(connection: object) -> bool:
    """uvicorn's own WebSocket classes stand beside its HTTP class; only theirs are counted."""
    return "http" in type(connection).__module__


@asynccontextmanager
async def arena(
    build: Callable[[FastAPI], object] | None = None,
    *,
    ws: Any = WebSocketProtocol,
    server: Mapping[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[Arena]:
    """`create_app` with `settings`, and what `build` adds to it, under uvicorn with `ws`.

    `server` goes to `uvicorn.Config`.

    After a test that went well: everybody gone, every registry empty, and no task more than
    before.
    """
    before = asyncio.all_tasks()
    app = create_app(Settings(**settings))
    if build is not None:
        build(app)
    async with serving(app, ws=ws, **(server or {})) as local:
        arena = Arena(app, local)
        try:
            async with asyncio.timeout(WHOLE_TEST):
                yield arena
        finally:
            app.state.gate.set()
            await arena.leave()
        await arena.empty()
    gc.collect()
    await until(lambda: asyncio.all_tasks() <= before | {_current()})


def _current() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


class Outside(Siege):
    """With its server in a process of its own, so that memory and processor are the server's."""

    def __init__(self, process: ServerProcess) -> None:
        super().__init__(process.port)
        self.process = process

    async def look(self) -> dict[str, Any]:
        """What the application says of itself."""
        state: dict[str, Any] = json.loads(await request(self.port, "GET", "/state"))
        return state

    async def empty(self) -> None:
        """Wait until nothing is left of anybody."""
        async with asyncio.timeout(DEADLINE):
            state = await self.look()
            while any(state[what] for what in ("rooms", "present", "heartbeat", "hooks")):
                state = await self.look()

    async def quiet(self) -> None:
        """Wait until the server does nothing: no processor used from one look to the next."""
        used = -1.0
        async with asyncio.timeout(DEADLINE):
            while used != (used := await self.process.cpu_seconds()):  # noqa: ASYNC110
                await asyncio.sleep(0.2)


@asynccontextmanager
async def outside(loop: str, **settings: Any) -> AsyncIterator[Outside]:
    """`tests.support.rooms` in a process, on `loop`, with `settings`; baseline as for `arena`."""
    async with ServerProcess("tests.support.rooms:app", loop=loop, settings=settings) as process:
        outside = Outside(process)
        try:
            tasks = (await outside.look())["tasks"]
            async with asyncio.timeout(WHOLE_TEST):
                yield outside
        finally:
            await outside.leave()
        await request(outside.port, "POST", "/open")
        await outside.empty()
        async with asyncio.timeout(DEADLINE):
            while (await outside.look())["tasks"] > tasks:
                pass
        assert "Traceback" not in await process.log()
