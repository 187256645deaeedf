"""What is taken out, over HTTP: streamed as it is read, one at a time for each user."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypeVar

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from hubbub.chat.export import html, jsonl, own
from hubbub.chat.export.pages import Read, begin
from hubbub.chat.files.names import clean_name, disposition
from hubbub.chat.http.params import RoomId
from hubbub.chat.people import Who
from hubbub.chat.people.http import Me
from hubbub.chat.policy import Action
from hubbub.chat.problem import later, responses
from hubbub.chat.rooms import Rooms
from hubbub.chat.views import RoomView
from hubbub.chat.web import PREFIX

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")

LINES = "application/x-ndjson"

WAIT_S = 5.0
"""Seconds after which to ask again, of who has another export under way."""

Format = Literal["jsonl", "html"]


class Export(StreamingResponse):
    """A file that is made on its way; `busy` are the users who have one under way."""

    def __init__(
        self, content: AsyncIterable[bytes], name: str, kind: str, user: str, busy: set[str]
    ) -> None:
        super().__init__(content, media_type=kind)
        self.headers["Content-Disposition"] = disposition("attachment", clean_name(name))
        self.headers["Cache-Control"] = "no-store"
        self.headers["X-Content-Type-Options"] = "nosniff"
        self._user = user
        self._busy = busy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._user in self._busy:
            detail = "You have an export under way: wait for its end."
            await later(429, "exporting", detail, WAIT_S).response()(scope, receive, send)
            return
        self._busy.add(self._user)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._busy.discard(self._user)


def export_router(rooms: Rooms) -> APIRouter:
    """`GET /rooms/{room}/export` and `GET /me/export`, under `PREFIX`."""
    router = APIRouter(prefix=PREFIX, tags=["export"])
    busy: set[str] = set()

    @router.get(
        "/rooms/{room}/export",
        summary="Export a room",
        response_class=Response,
        responses={
            **responses(401, 403, 404, 422, 429),
            200: {"content": {LINES: {}, "text/html": {}}, "description": "The whole room."},
        },
    )
    async def export_room(room: RoomId, me: Me, format: Format = "jsonl") -> Response:
        """Everything that was said in a room, up to now: as JSON lines, or as a page to read."""
        begun, at = await begin(_reads(rooms, me, room)), rooms.now()
        name = _name(begun.room, at)
        if format == "html":
            response = Export(html.page(begun, at), f"{name}.html", "text/html", me.id, busy)
            response.headers["Content-Security-Policy"] = f"{html.POLICY}; frame-ancestors 'none'"
            return response
        return Export(jsonl.lines(begun, at), f"{name}.jsonl", LINES, me.id, busy)

    @router.get(
        "/me/export",
        summary="All that is one's own",
        response_class=Response,
        responses={
            **responses(401, 429),
            200: {"content": {LINES: {}}, "description": "All that is one's own."},
        },
    )
    async def export_own(me: Me) -> Response:
        """All that is one's own, as JSON lines: account, logins, rooms, messages, reactions,
        and the list of files. No secrets are in it."""
        at = rooms.now()
        content = own.lines(rooms.hub.tables, me.id, at)
        return Export(content, f"{me.name or me.id}-{_day(at)}.jsonl", LINES, me.id, busy)

    return router


def _reads(rooms: Rooms, who: Who, room: str) -> Read:
    """Reads of that room as long as `who` may export it: they are asked with every page."""

    async def read(query: Callable[[Connection, str], T]) -> T:
        return await rooms.read(who, room, query, Action.EXPORT)

    return read


def _name(room: RoomView, at: int) -> str:
    return f"{room.slug or 'conversation'}-{_day(at)}"


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d}"
