"""python-socketio's rooms on uvicorn.

Socket.IO has one path, so the room stands in the query:
`/socket.io/?EIO=4&transport=websocket&room=…`.
"""

import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import socketio
import uvicorn

server = socketio.AsyncServer(
    async_mode="asgi", logger=False, engineio_logger=False, http_compression=False
)
app = socketio.ASGIApp(server)
room_of: dict[str, str] = {}


async def connect(sid: str, environ: dict[str, Any]) -> None:
    room_of[sid] = parse_qs(environ["QUERY_STRING"])["room"][0]
    await server.enter_room(sid, room_of[sid])


def as_text(room: str, text: str) -> str:
    return f"Room {room}: {text}"


def as_json(room: str, body: dict[str, str]) -> dict[str, str]:
    return {"room": room, **body}


answer: Callable[[str, Any], Any] = as_json if sys.argv[2:] == ["json"] else as_text


async def message(sid: str, said: Any) -> None:
    room = room_of[sid]
    await server.send(answer(room, said), room=room)


async def disconnect(sid: str) -> None:
    room_of.pop(sid, None)


for handler in (connect, message, disconnect):
    server.on(handler.__name__, handler)

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
