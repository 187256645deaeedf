"""A small server of Centrifuge's protocol, in JSON: what a load generator needs of it."""

import json
from itertools import count
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

HISTORY = 100

Message = dict[str, Any]


class Channel:
    """A channel: who is in it, and what was published."""

    def __init__(self) -> None:
        self.members: list[ServerConnection] = []
        self.publications: list[Message] = []
        self.top = 0


class Centrifuge:
    """Keeps the protocol; a test overrides the step that it wants broken."""

    def __init__(self) -> None:
        self.channels: dict[str, Channel] = {}
        self.clients = count(1)
        self.pongs = 0

    async def __call__(self, connection: ServerConnection) -> None:
        client = f"client-{next(self.clients):029}"
        try:
            async for frame in connection:
                replies = [
                    reply
                    for line in str(frame).split("\n")
                    for reply in await self.obey(connection, client, json.loads(line))
                ]
                if replies:
                    await self.write(connection, replies)
        except ConnectionClosed:
            pass  # the generator ends its connections without a word
        finally:
            for channel in self.channels.values():
                if connection in channel.members:
                    channel.members.remove(connection)

    async def obey(
        self, connection: ServerConnection, client: str, command: Message
    ) -> list[Message]:
        """The replies to one command."""
        if not command:
            self.pongs += 1
            return []
        number, verb = command.pop("id"), next(iter(command))
        body = command[verb]
        channel = self.channels.setdefault(body.get("channel", ""), Channel())
        result: Message = {}
        if verb == "connect":
            result = {"client": client, "version": "0", "ping": 25, "pong": True}
        elif verb == "subscribe":
            channel.members.append(connection)
            result = {"recoverable": True, "epoch": "e", "offset": channel.top}
        elif verb == "publish":
            info = {"user": "", "client": client}
            await self.publish(body["channel"], {"data": body["data"], "info": info})
            return self.acknowledge(number)
        elif verb == "presence_stats":
            result = {"num_clients": len(channel.members), "num_users": 1}
        elif verb == "history":
            kept = channel.publications[: body["limit"]]
            result = {"publications": kept, "epoch": "e", "offset": channel.top}
        return [{"id": number, verb: result}]

    def acknowledge(self, number: int) -> list[Message]:
        return [{"id": number, "publish": {}}]

    async def publish(self, name: str, publication: Message) -> None:
        channel = self.channels[name]
        channel.top += 1
        publication["offset"] = channel.top
        channel.publications = [*channel.publications, publication][-HISTORY:]
        for member in list(channel.members):
            await self.push(member, {"channel": name, "pub": publication})

    async def push(self, member: ServerConnection, push: Message) -> None:
        await self.write(member, [{"push": push}])

    async def write(self, connection: ServerConnection, messages: list[Message]) -> None:
        """One frame."""
        lines = (json.dumps(message, separators=(",", ":")) for message in messages)
        await connection.send("\n".join(lines))
