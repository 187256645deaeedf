"""The loop that FastAPI's documentation teaches: a list of sockets per room, a send for each."""

import json
import sys

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect


class ConnectionManager:
    """The sockets of each room."""

    def __init__(self) -> None:
        self.rooms: dict[str, list[WebSocket]] = {}

    async def connect(self, room: str, websocket: WebSocket) -> None:
        await websocket.accept()
        self.rooms.setdefault(room, []).append(websocket)

    def disconnect(self, room: str, websocket: WebSocket) -> None:
        self.rooms[room].remove(websocket)
        if not self.rooms[room]:
            del self.rooms[room]

    async def broadcast(self, room: str, text: str) -> None:
        for connection in self.rooms[room]:
            await connection.send_text(text)


def as_text(room: str, text: str) -> str:
    return f"Room {room}: {text}"


def as_json(room: str, text: str) -> str:
    return json.dumps({"room": room, **json.loads(text)}, separators=(",", ":"))


app = FastAPI()
manager = ConnectionManager()
answer = as_json if sys.argv[2:] == ["json"] else as_text


@app.websocket("/ws/{room}")
async def chat(websocket: WebSocket, room: str) -> None:
    await manager.connect(room, websocket)
    try:
        while True:
            text = await websocket.receive_text()
            await manager.broadcast(room, answer(room, text))
    except WebSocketDisconnect:
        manager.disconnect(room, websocket)


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws_per_message_deflate=False,
        log_level="critical",
        access_log=False,
    )
