"""The doors that come with the hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Response, WebSocket

from hubbub.embed.api import build_api
from hubbub.embed.asyncapi import add_documents

if TYPE_CHECKING:
    from hubbub.embed.hub import Hub


def build_router(hub: Hub) -> APIRouter:
    router = APIRouter()

    async def text_door(websocket: WebSocket, room: str) -> None:
        await hub.doors.text(websocket, room)

    async def client_door(websocket: WebSocket) -> None:
        await hub.doors.client(websocket)

    async def listener_door(websocket: WebSocket) -> None:
        await hub.doors.listener(websocket)

    async def health() -> dict[str, str]:
        return {"status": "ok"}

    async def ready(response: Response) -> dict[str, str]:
        trouble = hub.node.trouble
        if trouble:
            response.status_code = 503
            return {"status": "degraded", "log": trouble}
        return {"status": "ok"}

    streams = hub.streams
    router.add_api_websocket_route("/connection/websocket", client_door)
    router.add_api_websocket_route("/connection/uni_websocket", listener_door)
    for path, endpoint, methods in (
        ("/connection/http_stream", streams.http_stream, ["POST"]),
        ("/connection/sse", streams.sse, ["GET", "POST"]),
        ("/emulation", streams.emulation, ["POST"]),
        ("/connection/uni_http_stream", streams.uni_http_stream, ["POST"]),
        ("/connection/uni_sse", streams.uni_sse, ["GET", "POST"]),
    ):
        router.add_route(path, endpoint, methods, include_in_schema=False)
        router.add_route(path, streams.preflight, ["OPTIONS"], include_in_schema=False)
    router.add_api_websocket_route("/ws/{room}", text_door)
    router.include_router(build_api(hub))
    if hub.settings.asyncapi:
        add_documents(router, hub)
    router.add_api_route("/healthz", health, include_in_schema=False)
    router.add_api_route("/readyz", ready, include_in_schema=False)
    return router
