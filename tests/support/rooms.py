"""The application that the fault tests attack: each door to the same rooms, and a look inside.

    uvicorn tests.support.rooms:app

`create_app` makes another one, with settings of its own.
"""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from typing import Any, NamedTuple

from fastapi import FastAPI, Request, WebSocket

from hubbub import Hub, Leave, Settings
from hubbub.model import Disconnect

DOORS = {"hub.join": "/join", "built-in": "/ws"}
"""Path prefixes of the two ways into a room."""


class Left(NamedTuple):
    """What is kept of a `Leave`: not its member, whose connection would be kept with it."""

    room: str
    user: Any
    disconnect: Disconnect


def create_app(settings: Settings | None = None) -> FastAPI:
    """The built-in door, the tutorial through `hub.join`, and routes to watch them by.

    In its `state`: the `hub`, the `leaves` there were, and the `gate` of /gated.
    """
    hub = Hub(settings=settings)
    app = FastAPI(lifespan=hub.lifespan)
    app.include_router(hub.router)
    app.state.hub = hub
    leaves: list[Left] = []
    app.state.leaves = leaves
    app.state.gate = gate = asyncio.Event()

    @hub.on_leave
    def keep(leave: Leave) -> None:
        leaves.append(Left(leave.room.name, leave.user, leave.disconnect))

    @app.websocket("/join/{room}")
    async def tutorial(websocket: WebSocket, room: str, user: str | None = None) -> None:
        async with hub.join(websocket, room, user) as member:
            async for text in member:
                member.room.broadcast(f"Room {room}: {text!s}")

    @app.websocket("/gated/{room}")
    async def gated(websocket: WebSocket, room: str) -> None:
        """Handles nothing until the gate is opened; then as the tutorial."""
        async with hub.join(websocket, room) as member:
            await gate.wait()
            async for text in member:
                member.room.broadcast(f"Room {room}: {text!s}")

    @app.post("/open")
    async def open_gate() -> None:
        gate.set()

    @app.post("/broadcast/{room}")
    async def broadcast(room: str, request: Request) -> None:
        hub.room(room).broadcast((await request.body()).decode())

    @app.get("/state")
    async def state() -> dict[str, object]:
        """What is registered anywhere, why who left, and how many tasks there are."""
        gc.collect()
        node = hub.node
        return {
            "rooms": {name: len(room) for name, room in node.live.items()},
            "present": len(node.present),
            "heartbeat": len(node.heartbeat),
            "hooks": len(node.hooks),
            "leaves": Counter(leave.disconnect.code for leave in leaves),
            "tasks": len(asyncio.all_tasks()),
        }

    return app


app = create_app()
