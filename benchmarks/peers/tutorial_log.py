"""The tutorial's chat, with each message in a database: one INSERT and one COMMIT for each.

As FastAPI's documentation has it, with a session that lives for one message. Who talks is told
"ok" once the message is stored and sent to everyone in the room.
"""

import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from sqlalchemy import create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Message(Base):
    __tablename__ = "messages"

    id: Mapped[int] = mapped_column(primary_key=True)
    room: Mapped[str] = mapped_column(index=True)
    text: Mapped[str]


engine = create_engine(f"sqlite:///{Path(sys.argv[2])}", connect_args={"check_same_thread": False})


@event.listens_for(engine, "connect")
def as_durable_as_ours(connection, record) -> None:  # type: ignore[no-untyped-def]
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


Base.metadata.create_all(engine)
app = FastAPI()
rooms: dict[str, list[WebSocket]] = {}


@app.websocket("/ws/{room}")
async def chat(websocket: WebSocket, room: str) -> None:
    await websocket.accept()
    rooms.setdefault(room, []).append(websocket)
    try:
        while True:
            text = await websocket.receive_text()
            with Session(engine) as session:
                session.add(Message(room=room, text=text))
                session.commit()
            for connection in rooms[room]:
                await connection.send_text(f"Room {room}: {text}")
    except WebSocketDisconnect:
        rooms[room].remove(websocket)


@app.websocket("/say")
async def say(websocket: WebSocket) -> None:
    """Who talks in many rooms, and is in none: `room text`, answered with `ok`."""
    await websocket.accept()
    try:
        while True:
            room, _, text = (await websocket.receive_text()).partition(" ")
            with Session(engine) as session:
                session.add(Message(room=room, text=text))
                session.commit()
            for connection in rooms.get(room, ()):
                await connection.send_text(f"Room {room}: {text}")
            await websocket.send_text("ok")
    except WebSocketDisconnect:
        pass


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
