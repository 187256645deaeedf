"""Django Channels with its in-memory layer, on uvicorn."""

import sys

import uvicorn
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.urls import re_path

settings.configure(
    DEBUG=False,
    SECRET_KEY="only a benchmark",
    LOGGING_CONFIG=None,
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels.layers.InMemoryChannelLayer",
            # The default of 100 loses messages without a word when all 32 of a room talk.
            "CONFIG": {"capacity": 100_000},
        }
    },
)


class Chat(AsyncWebsocketConsumer):  # type: ignore[misc]
    """One connection."""

    async def connect(self) -> None:
        self.room = self.scope["url_route"]["kwargs"]["room"]
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.room, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        event = {"type": "chat.message", "text": f"Room {self.room}: {text_data}"}
        await self.channel_layer.group_send(self.room, event)

    async def chat_message(self, event: dict[str, str]) -> None:
        await self.send(text_data=event["text"])


app = ProtocolTypeRouter(
    {"websocket": URLRouter([re_path(r"^ws/(?P<room>[\w-]+)$", Chat.as_asgi())])}
)

if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        ws_per_message_deflate=False,
        log_level="critical",
        access_log=False,
    )
