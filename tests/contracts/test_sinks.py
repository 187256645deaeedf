"""Both transports are held to one law."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
import websockets
from fastapi import FastAPI, WebSocket
from websockets.asyncio.client import ClientConnection, connect

from hubbub.contracts import Sink
from hubbub.embed.server import Server
from hubbub.engine.clock import LoopClock
from hubbub.engine.heartbeat import Heartbeat
from hubbub.settings import Settings
from hubbub.testing import Closed, RecordingReceiver, Wired, sink_laws
from hubbub.transports.app import EXTENSION
from hubbub.transports.asgi import AsgiConnection
from hubbub.transports.direct import WebSocketProtocol


class WebSocketsPeer:
    """The published client library at the far end."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, message: str | bytes) -> None:
        await self._connection.send(message)

    async def receive(self) -> str | bytes:
        try:
            return await asyncio.wait_for(self._connection.recv(), 5)
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd is not None
            raise Closed(closed.rcvd.code, closed.rcvd.reason) from None

    async def vanish(self) -> None:
        self._connection.transport.abort()


def make_app(wired: "asyncio.Queue[tuple[Sink, RecordingReceiver]]") -> FastAPI:
    app = FastAPI()

    @app.websocket("/")
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        receiver = RecordingReceiver()
        direct = websocket.scope["extensions"].get(EXTENSION)
        if isinstance(direct, WebSocketProtocol):
            heartbeat = Heartbeat(LoopClock(asyncio.get_running_loop()), 20, 10)
            direct.attach(receiver, Settings(), heartbeat)
            wired.put_nowait((direct, receiver))
        else:
            connection = AsgiConnection(websocket.receive, websocket.send, 5)
            connection.attach(receiver)
            wired.put_nowait((connection, receiver))
            await connection.closed()
            await connection.finish()

    return app


@pytest.mark.parametrize("ws", [WebSocketProtocol, "websockets-sansio"], ids=["direct", "asgi"])
async def test_the_sink_keeps_the_laws(ws: Any) -> None:
    wired: asyncio.Queue[tuple[Sink, RecordingReceiver]] = asyncio.Queue()
    config = uvicorn.Config(make_app(wired), ws=ws, lifespan="off", log_level="error")
    server = Server(config)
    sock = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([sock]))

    @asynccontextmanager
    async def wire() -> AsyncIterator[Wired]:
        async with connect(f"ws://127.0.0.1:{sock.getsockname()[1]}/") as client:
            sink, receiver = await asyncio.wait_for(wired.get(), 5)
            assert isinstance(sink, WebSocketProtocol) is (ws is WebSocketProtocol)
            yield Wired(sink, receiver, WebSocketsPeer(client))

    await sink_laws(wire)
    server.should_exit = True
    await serving
