"""Finding messages, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from hubbub.chat import reading
from hubbub.chat.http.answers import at_once
from hubbub.chat.http.route import Route
from hubbub.chat.people import Who, server
from hubbub.chat.people.http import Me
from hubbub.chat.people.http.models import Profile
from hubbub.chat.problem import Problem, responses
from hubbub.chat.projection import ROOM
from hubbub.chat.rooms import Rooms
from hubbub.chat.search import query as language
from hubbub.chat.search.find import LIMIT, Hit, search
from hubbub.chat.state import RoomRow
from hubbub.chat.views import ROOM as A_ROOM
from hubbub.chat.views import USER as A_USER
from hubbub.chat.views import RoomView
from hubbub.chat.web import PREFIX, Answer, Cursor, Page, cursor, place
from hubbub.tables.rows import find

if TYPE_CHECKING:
    from sqlalchemy import Connection

MAX_LIMIT = 50
"""Hits on a page: each is a text that is gone over for what is to be marked."""

HOW = """\
What to look for. A message has all the words; "some in quotes" are in a row, `-word` is not
there, `wor*` is a beginning. `from:ann`, `from:me`, `in:lobby`, `has:file`; `before:2026-01-31`
and `after:2026-01-31`, or with a time, `before:2026-01-31T18:00Z`.
"""

Sought = Annotated[
    str,
    Query(max_length=language.MAX_QUERY, description=HOW, examples=['deploy from:ann -"at six"']),
]
InRoom = Annotated[
    str | None,
    Query(
        alias="room",
        max_length=65,
        description="In this room alone: its id, or its slug behind a `~`.",
        examples=[A_ROOM, "~lobby"],
    ),
]
Hits = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Hits on the page, at most.")]


class SegmentView(Answer):
    text: str = Field(examples=["deploy"])
    marked: bool = Field(default=False, description="Whether it is what was looked for.")


class HitView(Answer):
    """A message that was found."""

    room: str = Field(examples=[A_ROOM])
    id: int = Field(examples=[311])
    user: str = Field(examples=[A_USER])
    at: int = Field(examples=[1_764_000_360_000])
    excerpt: list[SegmentView] = Field(
        description="The part of its text that was found, in pieces. None of it is HTML."
    )


class Found(Page[HitView]):
    """Hits, the newest first."""

    complete: bool = Field(
        description="False: there was so much to look through that the page is not full, and may "
        "even be empty. `next` goes on."
    )
    users: list[Profile] = Field(description="Whoever wrote them.")
    rooms: list[RoomView] = Field(description="Wherever they are.")


def search_router(rooms: Rooms) -> APIRouter:
    """`GET /search`, under `PREFIX`."""
    router = APIRouter(prefix=PREFIX, tags=["search"], route_class=Route)

    @router.get(
        "/search",
        summary="Find messages",
        response_model=Found,
        responses=responses(400, 401, 422),
    )
    async def find_messages(
        q: Sought, me: Me, room: InRoom = None, cursor_: Cursor = None, limit: Hits = LIMIT
    ) -> Response:
        """The messages of the rooms that one may read that are like that, the newest first.

        In a room that one may not read nothing is found, as in one that is not there.
        """
        try:
            query = language.parse(q)
        except language.QueryError as error:
            raise Problem(422, "search", str(error), title="This cannot be looked for") from None
        before = int(place(cursor_, int)[0]) if cursor_ else None
        found = await rooms.hub.tables.read(_found, query, me, rooms.now(), room, before, limit)
        return at_once(found)

    return router


def _found(
    connection: Connection,
    query: language.Query,
    me: Who,
    now: int,
    room: str | None,
    before: int | None,
    limit: int,
) -> Found:
    public = not me.guest or server.current(connection).guests
    page = search(
        connection, query, me.id, public=public, now=now, room=room, cursor=before, limit=limit
    )
    there = find(connection, ROOM, [(room,) for room in {hit.room for hit in page.hits}])
    return Found(
        items=[_view(hit) for hit in page.hits],
        next=None if page.cursor is None else cursor(page.cursor),
        complete=page.complete,
        users=reading.users_of(connection, [hit.user for hit in page.hits]),
        rooms=sorted((reading.room_view(RoomRow(*row)) for row in there), key=lambda one: one.id),
    )


def _view(hit: Hit) -> HitView:
    return HitView(
        room=hit.room,
        id=hit.id,
        user=hit.user,
        at=hit.at,
        excerpt=[SegmentView(text=text, marked=marked) for text, marked in hit.excerpt],
    )
