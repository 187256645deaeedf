"""A database session for each message, not for each socket.

    hubbub serve examples.database:app

A `yield` dependency in an endpoint's signature lives as long as the endpoint, and that is as long
as the socket: five open tabs would hold the five sessions of this pool, and the sixth would wait.
`hub.depends` resolves it for the moment it is needed; hundreds of sockets share the five.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, WebSocket

from hubbub import Hub

DATABASE = "messages.db"
POOL_SIZE = 5

hub = Hub()
pool: asyncio.Queue[sqlite3.Connection] = asyncio.Queue()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    for _ in range(POOL_SIZE):
        session = sqlite3.connect(DATABASE, timeout=30, check_same_thread=False)
        session.execute("CREATE TABLE IF NOT EXISTS messages (room TEXT, text TEXT)")
        pool.put_nowait(session)
    async with hub.lifespan(app):
        yield
    for _ in range(POOL_SIZE):
        (await pool.get()).close()


async def get_session() -> AsyncIterator[sqlite3.Connection]:
    session = await pool.get()
    try:
        yield session
    finally:
        pool.put_nowait(session)


def save(session: sqlite3.Connection, room: str, text: str) -> int | None:
    with session:  # commits, or rolls back
        return session.execute("INSERT INTO messages VALUES (?, ?)", (room, text)).lastrowid


app = FastAPI(lifespan=lifespan)


@app.websocket("/ws/{room}")
async def chat(websocket: WebSocket, room: str) -> None:
    async with hub.join(websocket, room) as member:
        async for text in member:
            async with hub.depends(websocket, get_session) as session:
                number = await asyncio.to_thread(save, session, room, str(text))
            member.room.broadcast({"number": number, "text": str(text)})


@app.get("/rooms/{room}")
def history(room: str, session: Annotated[sqlite3.Connection, Depends(get_session)]) -> list[str]:
    found = session.execute("SELECT text FROM messages WHERE room = ? ORDER BY rowid", (room,))
    return [text for (text,) in found]
