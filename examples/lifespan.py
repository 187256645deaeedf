"""A hub beside what else an application starts, and broadcasts from outside any socket.

    hubbub serve examples.lifespan:app

Whoever listens on /ws/orders hears of each order that is posted to /orders; on /ws/clock, a task
in the background tells the time.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import FastAPI, WebSocket
from pydantic import BaseModel

from hubbub import Hub

hub = Hub()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with hub.lifespan(app):
        clock = asyncio.create_task(tell_the_time())
        yield
        clock.cancel()


async def tell_the_time() -> None:
    while True:
        hub.room("clock").broadcast({"time": datetime.now(UTC).isoformat(timespec="seconds")})
        await asyncio.sleep(1)


app = FastAPI(lifespan=lifespan)


class Order(BaseModel):
    id: int
    item: str


@app.websocket("/ws/{room}")
async def listen(websocket: WebSocket, room: str) -> None:
    async with hub.join(websocket, room) as member:
        async for _ in member:
            pass  # these rooms only listen


@app.post("/orders", status_code=201)
async def create(order: Order) -> Order:
    hub.room("orders").broadcast({"created": order})
    return order
