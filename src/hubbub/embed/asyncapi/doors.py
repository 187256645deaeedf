"""The ways into a hub: where its protocol is spoken, the text door, and the API of servers."""

from __future__ import annotations

from typing import NamedTuple

from hubbub.embed import api
from hubbub.embed.api_bodies import ErrorBody
from hubbub.embed.api_methods import METHODS
from hubbub.embed.asyncapi.draft import POSTED, Draft, message, object_of, pointer
from hubbub.embed.asyncapi.schemas import Schema

TEXT, API = "text", "api"
"""The servers of the text door, and of the HTTP API."""


class Door(NamedTuple):
    """A way in that speaks the protocol: the route that it is, and whether clients talk there."""

    path: str
    protocol: str
    title: str
    talks: bool = True

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


DOORS = (
    Door("/connection/websocket", "ws", "WebSocket"),
    Door("/connection/http_stream", "http", "A stream of lines, the response to a POST"),
    Door("/connection/sse", "http", "Server-sent events"),
    Door("/connection/uni_websocket", "ws", "WebSocket, only to listen", talks=False),
    Door("/connection/uni_http_stream", "http", "A stream of lines, only to listen", talks=False),
    Door("/connection/uni_sse", "http", "Server-sent events, only to listen", talks=False),
)

KEY = {"type": "httpApiKey", "name": api.HEADER.model.name, "in": "header"}

_PLAIN = {"contentType": "text/plain"}


def server(protocol: str, path: str, title: str) -> Schema:
    return {"protocol": protocol, "pathname": path, "title": title}


def add_text_door(draft: Draft) -> Schema:
    """Its server."""
    text = {"type": "string"}
    said = message(text, "said", "What everybody in the room hears", **_PLAIN)
    told = "`Room {room}: {text}`, or what the application says: text as it is, and else JSON"
    draft.channel(
        TEXT,
        "/ws/{room}",
        {"said": said, "heard": message(text, "heard", told, **_PLAIN)},
        [TEXT],
        title="Rooms for text",
        description="Each connection is in one room, and there is no protocol.",
        parameters={"room": {"description": "The name of a room that is open to everybody."}},
    )
    draft.receives("text.say", TEXT, ["said"], summary="Say something")
    draft.sends("text.hear", TEXT, ["heard"], summary="Hear the room")
    return server("ws", "", "Rooms for text")


def add_api(draft: Draft) -> Schema:
    """Its server."""
    of = draft.schemas.of
    security = [pointer("components", "securitySchemes", "key")]
    for name, method in METHODS.items():
        error = object_of({"error": of(ErrorBody, group=API)})
        result = object_of({"result": of(method.result, group=API)})
        messages = {
            "request": message(of(method.request, "validation", API), name, method.summary),
            "result": message(result, f"{name}.result"),
            "error": message(error, f"{name}.error"),
        }
        id = f"api.{name}"
        draft.channel(id, f"/{name}", messages, [API], title=method.summary)
        told = {"summary": method.summary, "bindings": POSTED, "security": security}
        draft.receives(id, id, ["request"], ["result", "error"], **told)
    return server("http", "/api", "The API for other servers")
