"""The `websockets` library: its server and its `broadcast`, on uvloop."""

import asyncio
import logging
import sys

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

rooms: dict[str, set[ServerConnection]] = {}


async def chat(connection: ServerConnection) -> None:
    assert connection.request is not None
    room = connection.request.path.removeprefix("/ws/")
    members = rooms.setdefault(room, set())
    members.add(connection)
    try:
        async for text in connection:
            broadcast(members, f"Room {room}: {text!s}")
    finally:
        members.discard(connection)
        if not members:
            rooms.pop(room, None)


async def main(port: int) -> None:
    async with serve(chat, "127.0.0.1", port, compression=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    logging.disable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
