"""The room page at `/`, and the small JSON it speaks at `/talk/{room}`.

Server to client: `welcome`, `people`, `message`, `error`; client to server: `message`. Each is
an object whose `type` says which; the structs below are the whole of it.
"""

from __future__ import annotations

import asyncio
import time
import unicodedata
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Request, Response, WebSocket
from starlette.datastructures import MutableHeaders
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hubbub import Hub, Join, Leave

ROOMS = "talk:"
"""What the hub's names for these rooms begin with: only what speaks JSON is in them."""

MAX_ROOM = 64
MAX_NAME = 40
MAX_TEXT = 4_000
"""Characters."""

REFUSED = 4500
"""The close code of a connection that would be refused again: the page does not come back."""

ANNOUNCE_S = 0.05
"""Seconds in which changes of who is here become one announcement: a thousand people who leave
at once are one list, not a thousand."""

STATIC = Path(__file__).with_name("static")

# By hand, because the system's table differs by machine, and under `nosniff` a browser runs no
# module of another type.
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

# 'self' in connect-src covers ws: and wss: of the same host and port (CSP 3, section 6.7.2.8).
# Trusted Types: a script that would make HTML of a string stops instead.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Welcome(msgspec.Struct, tag_field="type", tag="welcome"):
    you: str
    people: list[str]


class People(msgspec.Struct, tag_field="type", tag="people"):
    people: list[str]


class Said(msgspec.Struct, tag_field="type", tag="message"):
    name: str
    text: str
    at: int


class Error(msgspec.Struct, tag_field="type", tag="error"):
    text: str


class Say(msgspec.Struct, tag_field="type", tag="message", forbid_unknown_fields=True):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]


class Wrong(ValueError):
    """A client's mistake; the text is for its user."""


_decode = msgspec.json.Decoder(Say).decode


def add_page(app: FastAPI, hub: Hub) -> Announcer:
    """Put the page and its rooms into `app`; the announcer is to be stopped with it."""
    announcer = Announcer(hub)
    files = Files(directory=STATIC)
    app.mount("/static", files)
    hub.on_join(announcer.changed)
    hub.on_leave(announcer.changed)

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page(request: Request) -> Response:
        return await files.get_response("index.html", request.scope)

    # A path, so that a slash in a name reaches us, and is answered, instead of finding no route.
    @app.websocket("/talk/{room:path}")
    async def talk(websocket: WebSocket, room: str, name: str = "") -> None:
        try:
            room = checked("room", room, MAX_ROOM)
            name = checked("name", name, MAX_NAME)
        except Wrong as wrong:
            # Accepted first: a browser tells its page nothing about a refused handshake.
            await websocket.accept()
            await websocket.close(REFUSED, str(wrong))
            return
        async with hub.join(websocket, ROOMS + room, name) as member:
            member.send(Welcome(name, member.room.users))
            async for message in member:
                try:
                    text = heard(message)
                except Wrong as wrong:
                    member.send(Error(str(wrong)))
                else:
                    member.room.broadcast(Said(name, text, time.time_ns() // 1_000_000))

    return announcer


def checked(what: str, value: str, most: int) -> str:
    """`value` in its one form: letters composed, no space around it.

    Raises `Wrong` for one that is empty, too long, or not to be told from another by eye.
    """
    value = unicodedata.normalize("NFC", value).strip()
    if not value:
        raise Wrong(f"A {what} is missing.")
    if len(value) > most:
        raise Wrong(f"A {what} has at most {most} characters.")
    if not value.isprintable():
        raise Wrong(f"A {what} holds no invisible characters.")
    if what == "room" and "/" in value:
        raise Wrong("A room's name holds no slash.")
    return value


def heard(message: str | bytes) -> str:
    """The text in a client's message. Raises `Wrong`."""
    if isinstance(message, bytes):
        raise Wrong("Send text; binary messages are not understood.")
    try:
        text = _decode(message).text
    except (msgspec.DecodeError, RecursionError) as error:
        raise Wrong(f"Not understood: {error}") from None
    if not text.strip():
        raise Wrong("A message needs some text.")
    return text


class Announcer:
    """Tells a room who is in it, a moment after that changed."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._due: dict[str, asyncio.TimerHandle] = {}

    def changed(self, event: Join | Leave) -> None:
        """For `hub.on_join` and `hub.on_leave`."""
        name = event.room.name
        if name.startswith(ROOMS) and name not in self._due:
            loop = asyncio.get_running_loop()
            self._due[name] = loop.call_later(ANNOUNCE_S, self._announce, name)

    def stop(self) -> None:
        for timer in self._due.values():
            timer.cancel()
        self._due.clear()

    def _announce(self, name: str) -> None:
        del self._due[name]
        room = self._hub.room(name)
        room.broadcast(People(room.users))


class Files(StaticFiles):
    """Our files: fixed content types, and asked for again each time (304 when unchanged).

    Their names carry no version, so an old one kept by a browser would meet a new server.
    """

    def file_response(self, full_path: Any, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(full_path, *args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        if response.status_code == 200:
            response.headers["Content-Type"] = CONTENT_TYPES[Path(full_path).suffix]
        return response


class SecurityHeaders:
    """Puts `SECURITY_HEADERS` on every HTTP response that has none of its own, errors too;
    WebSockets pass untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)
