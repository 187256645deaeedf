"""Routes: rooms, and what they are set to."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request, Response

from hubbub.chat import events as e
from hubbub.chat import pages, reading
from hubbub.chat.http.answers import NOT_MODIFIED, at_once, fresh, there_already
from hubbub.chat.http.api import Api
from hubbub.chat.http.bodies import NewRoom, RoomChange
from hubbub.chat.http.params import Key, RoomId, Search
from hubbub.chat.http.route import Route
from hubbub.chat.people.http import Me
from hubbub.chat.problem import responses
from hubbub.chat.text import slug
from hubbub.chat.views import MyRooms, Opened, RoomView, SeenRoom
from hubbub.chat.web import LIMIT, PREFIX, Cursor, Limit, Page, place


def rooms_router(api: Api) -> APIRouter:
    router = APIRouter(prefix="/rooms", tags=["rooms"], route_class=Route)
    rooms = api.rooms
    usual = responses(401, 403, 404, 409, 422)

    @router.get(
        "",
        summary="One's own rooms",
        response_model=MyRooms,
        responses=responses(401) | NOT_MODIFIED,
    )
    async def mine(request: Request, me: Me) -> Response:
        """The rooms that one is a member of, with what is unread there. Those with the latest
        messages come first."""
        return fresh(request, await rooms.mine(me))

    @router.get("/public", summary="Public rooms", responses=responses(400, 401, 422))
    async def public(
        me: Me, q: Search = "", cursor_: Cursor = None, limit: Limit = LIMIT
    ) -> Page[RoomView]:
        """The rooms that everybody may read, by their slugs: all, or those whose name has `q`."""
        after = str(place(cursor_, str)[0]) if cursor_ else ""
        wanted = slug(q)
        if q and wanted is None:
            return Page(items=[])
        query = partial(pages.public_rooms, text=wanted or "", after=after, limit=limit)
        return await rooms.hub.tables.read(query, me, rooms.now())

    @router.post(
        "",
        status_code=201,
        summary="Make a room",
        responses=usual | there_already("A conversation that was there", SeenRoom),
    )
    async def make(body: NewRoom, me: Me, response: Response, key: Key = "") -> SeenRoom:
        """Make a room, and be its owner.

        A direct conversation there is once for the same people: it is found, if it is there
        (200).
        """
        wish = e.Create(kind=body.kind, name=body.name, topic=body.topic, members=body.members)
        done = await rooms.create(me, wish, key)
        if not done.new:
            response.status_code = 200
        response.headers["Location"] = f"{PREFIX}/rooms/{done.room}"
        return await api.seen(me, done.room)

    @router.get("/{room}", summary="A room", responses=responses(401, 404, 422))
    async def room(room: RoomId, me: Me) -> SeenRoom:
        """A room, and what one may do there."""
        return await api.seen(me, room)

    @router.get(
        "/{room}/open",
        summary="Open a room",
        response_model=Opened,
        responses=responses(401, 404, 422),
    )
    async def open_(room: RoomId, me: Me) -> Response:
        """Everything that it takes to show a room, and to follow it from here on."""
        return at_once(await rooms.open(me, room))

    @router.patch("/{room}", summary="Change a room", responses=usual)
    async def change(room: RoomId, body: RoomChange, me: Me, key: Key = "") -> RoomView:
        """Change what a room is called, who may come in, and what holds there.

        Of a room that becomes private, who was no member is out.
        """
        done = await api.do(me, room, e.Change(**body.model_dump()), key)
        return await rooms.hub.tables.read(reading.room, done.room)

    @router.post("/{room}/archive", summary="Archive a room", responses=usual)
    async def archive(room: RoomId, me: Me) -> RoomView:
        """Have nothing be said in a room any more. It can be read, as before."""
        done = await api.do(me, room, e.Archive())
        return await rooms.hub.tables.read(reading.room, done.room)

    @router.post("/{room}/restore", summary="Restore a room", responses=usual)
    async def restore(room: RoomId, me: Me) -> RoomView:
        """Have an archived room be a room again."""
        done = await api.do(me, room, e.Restore())
        return await rooms.hub.tables.read(reading.room, done.room)

    return router
