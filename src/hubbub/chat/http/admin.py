"""Routes: what administrators see of the server."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter

from hubbub.chat import pages
from hubbub.chat.http.api import Api
from hubbub.chat.http.params import Search
from hubbub.chat.http.route import Route
from hubbub.chat.people.http import Admin
from hubbub.chat.problem import responses
from hubbub.chat.text import slug
from hubbub.chat.views import AllRooms, StatusView
from hubbub.chat.web import LIMIT, Cursor, Limit, place


def admin_router(api: Api) -> APIRouter:
    router = APIRouter(prefix="/admin", tags=["administration"], route_class=Route)

    @router.get("/status", summary="What goes on", responses=responses(401, 403))
    async def status(me: Admin) -> StatusView:
        """Numbers of the server that answers, as they are now, and counters for rates."""
        return await api.status.read()

    @router.get("/rooms", summary="All public rooms", responses=responses(400, 401, 403, 422))
    async def rooms(
        me: Admin, q: Search = "", cursor_: Cursor = None, limit: Limit = LIMIT
    ) -> AllRooms:
        """Public rooms by their slugs, archived ones too: all, or those whose name has `q`. Of
        private rooms and conversations only how many there are: they are their members' alone."""
        after = str(place(cursor_, str)[0]) if cursor_ else ""
        query = partial(pages.all_rooms, text=slug(q) if q else "", after=after, limit=limit)
        return await api.rooms.hub.tables.read(query)

    return router
