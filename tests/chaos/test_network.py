"""Faults of the network: peers that vanish, break off, or close one half of the connection."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tests.support.arena import Arena, Way, arena, both_loops, every_way, our_ways, ways
from tests.support.peers import PING, TEXT, VANISHED, PeerProcess, frame, until

pytestmark = both_loops

INTERVAL, TIMEOUT, MARGIN = 0.25, 0.1, 2.0
"""Seconds. The heartbeat of these tests, and what faults.md grants beyond it."""

HEARTBEAT: dict[str, Any] = {"ping_interval": INTERVAL, "ping_timeout": TIMEOUT}
UVICORNS_HEARTBEAT = {"ws_ping_interval": INTERVAL, "ws_ping_timeout": TIMEOUT}


async def is_found_in_time(arena: Arena, room: str, others: int) -> None:
    """The one that vanished leaves `room` to the others in time, and only once."""
    before = len(arena.leaves)
    async with asyncio.timeout(INTERVAL + TIMEOUT + MARGIN):
        await arena.in_room(room, others)
    # Long enough for a second event, if there were one, and for the others to be asked again.
    await asyncio.sleep(2 * INTERVAL)
    assert [(leave.room, leave.disconnect.code) for leave in arena.leaves[before:]] == [
        (room, VANISHED)
    ]
    await arena.in_room(room, others)


@our_ways
async def test_a_peer_that_answers_no_ping_is_gone_in_time_and_leaves_once(way: Way) -> None:
    """N-1: it reads nothing, so it never sees the ping."""
    async with arena(**HEARTBEAT) as here:
        lively = (await here.connect(f"{way.path}/lobby")).listen()
        await here.connect(f"{way.path}/lobby")
        await is_found_in_time(here, "lobby", others=1)
        await lively.send("still here")
        assert await lively.heard(1) == ["Room lobby: still here"]


@pytest.mark.slow
@our_ways
async def test_a_frozen_process_is_gone_in_time_and_leaves_once(way: Way) -> None:
    """N-1: SIGSTOP; its kernel acknowledges all that is sent to it, and nobody answers."""
    async with arena(**HEARTBEAT) as here:
        (await here.connect(f"{way.path}/lobby")).listen()
        async with PeerProcess(here.server.port, f"{way.path}/lobby") as peer:
            await here.in_room("lobby", 2)
            peer.freeze()
            await is_found_in_time(here, "lobby", others=1)


@our_ways
async def test_a_pulled_cable_is_found_in_time_while_the_room_talks(way: Way) -> None:
    """N-1: every packet for it is dropped, in a room where messages go on."""
    async with arena(**HEARTBEAT) as here:
        lively = (await here.connect(f"{way.path}/lobby")).listen()
        peer = await here.connect(f"{way.path}/lobby")
        peer.cut_cable()

        async def talk() -> None:
            for number in itertools.count():
                await lively.send(str(number))
                await lively.heard(number + 1)

        talk_task = asyncio.ensure_future(talk())
        await is_found_in_time(here, "lobby", others=1)
        talk_task.cancel()
        await asyncio.wait([talk_task])
        assert lively.messages[:2] == ["Room lobby: 0", "Room lobby: 1"]


async def test_a_pulled_cable_is_found_although_its_handler_is_stuck() -> None:
    """N-1: the server does not read, so what tells is whether the ping was acknowledged."""
    async with arena(inbox_bytes=1, **HEARTBEAT) as here:
        peer = await here.connect("/gated/lobby")
        for _ in range(2):
            # The first wakes the reader or waits; the second is over the bound.
            await peer.send("unread")
        member = here.member("lobby")
        await until(lambda: not member.sink.transport.is_reading())  # type: ignore[attr-defined]
        peer.cut_cable()
        await is_found_in_time(here, "lobby", others=0)


@pytest.mark.slow
async def test_peers_that_are_there_outlive_many_heartbeats() -> None:
    """N-1, the other side: whoever answers stays, and so does one that talks instead."""
    async with arena(**HEARTBEAT) as here:
        answering = (await here.connect("/ws/lobby")).listen()
        talking = await here.connect("/ws/lobby")
        for _ in range(20):
            await talking.send_raw(frame(PING))
            await asyncio.sleep(INTERVAL / 4)
        assert len(here.hub.room("lobby")) == 2
        assert here.leaves == []
        assert answering.ended is None


async def test_a_vanished_peer_of_a_plain_endpoint_is_found_too() -> None:
    """N-1 without a hub: an ASGI endpoint on our class, with uvicorn's own ping settings."""
    codes = []

    def build(app: FastAPI) -> None:
        @app.websocket("/plain")
        async def plain(websocket: WebSocket) -> None:
            await websocket.accept()
            codes.append((await websocket.receive())["code"])

    async with arena(build, server=UVICORNS_HEARTBEAT) as here:
        await here.connect("/plain")
        async with asyncio.timeout(INTERVAL + TIMEOUT + MARGIN):
            await here.empty()
        assert codes == [VANISHED]


@ways("hub.join-plain-asgi", "built-in-plain-asgi")
async def test_a_server_that_raises_when_the_peer_is_gone_is_understood(way: Way) -> None:
    """N-2: servers differ in what `receive` does then; whatever it is, the member has left."""

    def build(app: FastAPI) -> None:
        class Raising:
            def __init__(self, app: ASGIApp) -> None:
                self.app = app

            async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
                async def receive_or_raise() -> Message:
                    message = await receive()
                    if message["type"] == "websocket.disconnect":
                        raise ConnectionResetError("the peer is gone")
                    return message

                await self.app(scope, receive_or_raise, send)

        app.add_middleware(Raising)

    async with arena(build, ws=way.ws) as here:
        peer = await here.connect(f"{way.path}/lobby")
        await here.in_room("lobby", 1)
        peer.reset()
        await here.empty()
        assert [leave.disconnect.code for leave in here.leaves] == [VANISHED]


@pytest.mark.slow
@every_way
async def test_a_thousand_resets_in_the_middle_of_a_frame_leave_nothing_behind(way: Way) -> None:
    """N-2: cut at every place in a frame in turn; nothing in the log above INFO."""
    whole = frame(TEXT, b"x" * 200)
    async with arena(ws=way.ws) as here:
        lively = (await here.connect(f"{way.path}/lobby")).listen()
        for number in range(1000):
            peer = await here.connect(f"{way.path}/lobby")
            await peer.send_raw(whole[: number % len(whole)])
            peer.reset()
        await here.in_room("lobby", 1)
        await lively.send("still here")
        assert await lively.heard(1) == ["Room lobby: still here"]
        assert len(here.leaves) == 1000


@every_way
async def test_resets_during_the_handshake_leave_nothing_behind(way: Way) -> None:
    """N-2: gone before the answer, at whatever point of entering a room the server is."""
    async with arena(ws=way.ws) as here:
        for turns in range(100):
            connecting = asyncio.ensure_future(here.connect(f"{way.path}/lobby"))
            for _ in range(turns):
                await asyncio.sleep(0)
            connecting.cancel()
            await asyncio.wait([connecting])
            if not connecting.cancelled():
                connecting.result().reset()
        await here.empty()


@every_way
async def test_a_half_closed_connection_is_closed_within_five_seconds(way: Way) -> None:
    """N-6: between messages, and in the middle of a frame."""
    async with arena(ws=way.ws) as here:
        for said in (b"", frame(TEXT, b"hello")[:7]):
            peer = await here.connect(f"{way.path}/lobby")
            await here.in_room("lobby", 1)
            await peer.send_raw(said)
            peer.half_close()
            async with asyncio.timeout(5):
                await peer.gone()
                await here.empty()


@our_ways
async def test_a_half_closed_connection_that_reads_nothing_is_closed_too(way: Way) -> None:
    """N-6: what still waits for it must not keep it open for ever."""
    async with arena(close_seconds=0.3, outbox_bytes=2**26) as here:
        peer = await here.connect(f"{way.path}/lobby", receive_buffer=4096)
        member = here.member("lobby")
        while member._outbox is None:
            here.hub.room("lobby").broadcast(b"x" * 65_536)
            await asyncio.sleep(0)
        peer.half_close()
        async with asyncio.timeout(5):
            await here.empty()
