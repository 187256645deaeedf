"""The chat of the tutorials, in three lines that do not break.

    hubbub serve examples.tutorial:app

Whoever sends text to /ws/{room}, everyone in that room gets `Room {room}: {text}`.
"""

from fastapi import FastAPI, WebSocket

from hubbub import Hub

hub = Hub()
app = FastAPI(lifespan=hub.lifespan)


@app.websocket("/ws/{room}")
async def chat(websocket: WebSocket, room: str) -> None:
    async with hub.join(websocket, room) as member:
        async for text in member:
            member.room.broadcast(f"Room {room}: {text!s}")
