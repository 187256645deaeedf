"""Routes: oneself in rooms: coming and going, what was read, what one wants to be told."""

from __future__ import annotations

import asyncio
from functools import partial

from fastapi import APIRouter, Request, Response

from hubbub.chat import events as e
from hubbub.chat import reading
from hubbub.chat.http.answers import NOT_MODIFIED, fresh
from hubbub.chat.http.api import Api
from hubbub.chat.http.bodies import Preferences, ReadAll, ReadTo
from hubbub.chat.http.params import RoomId, RoomIds
from hubbub.chat.http.route import Route
from hubbub.chat.people import Who
from hubbub.chat.people.http import Me
from hubbub.chat.problem import responses
from hubbub.chat.rooms import channel
from hubbub.chat.views import (
    PreferenceView,
    PresenceView,
    RoomUnread,
    SeenRoom,
    Unreads,
    UnreadView,
)


def own_router(api: Api) -> APIRouter:
    router = APIRouter(tags=["oneself in rooms"], route_class=Route)
    rooms = api.rooms
    usual = responses(401, 403, 404, 409, 422)

    @router.post("/rooms/{room}/join", summary="Join a room", responses=usual)
    async def join(room: RoomId, me: Me) -> SeenRoom:
        """Be a member of a public room, which one may be already."""
        await api.ensure(me, room, e.JoinRoom())
        return await api.seen(me, room)

    @router.post("/rooms/{room}/leave", status_code=204, summary="Leave a room", responses=usual)
    async def leave(room: RoomId, me: Me) -> None:
        """Be a member no more. The last owner of a room with other members cannot (409)."""
        await api.do(me, room, e.LeaveRoom())

    @router.put(
        "/rooms/{room}/read",
        summary="Say how far a room was read",
        responses=responses(401, 403, 404, 422),
    )
    async def read(room: RoomId, body: ReadTo, me: Me) -> UnreadView:
        """Move one's marker up to an event. It does not go back."""
        return await rooms.mark_read(me, room, body.offset)

    @router.put("/read", summary="Say how far several rooms were read", responses=responses(401))
    async def read_all(body: ReadAll, me: Me) -> Unreads:
        """Move one's markers in several rooms. Rooms that one is no member of are left out."""
        offsets = {one.room: one.offset for one in body.rooms}
        ids = await rooms.hub.tables.read(reading.rooms_of, me, list(offsets))
        marks = [rooms.hub.room(channel(id)).mark_read(me, offsets[id]) for id in ids]
        await asyncio.gather(*marks)
        return await _unread(api, me, ids)

    @router.get(
        "/unread",
        summary="What is unread",
        response_model=Unreads,
        responses=responses(401, 422) | NOT_MODIFIED,
    )
    async def unread(request: Request, me: Me, ids: RoomIds = None) -> Response:
        """How much is unread in each of one's rooms."""
        mine = await rooms.hub.tables.read(reading.rooms_of, me, ids)
        return fresh(request, await _unread(api, me, mine))

    @router.put(
        "/rooms/{room}/preferences",
        summary="Say what one wants to be told of a room",
        responses=responses(401, 404, 422),
    )
    async def prefer(room: RoomId, body: Preferences, me: Me) -> PreferenceView:
        return await rooms.prefer(me, room, PreferenceView(level=body.level, muted=body.muted))

    @router.post(
        "/rooms/{room}/typing",
        status_code=204,
        summary="Say that one types",
        responses=responses(401, 403, 404, 422),
    )
    async def types(room: RoomId, me: Me) -> None:
        """Have the room know that one types; every few seconds, as long as it is so."""
        await api.live.types(me, room)

    @router.get(
        "/rooms/{room}/presence",
        summary="Who is here",
        response_model=PresenceView,
        responses=responses(401, 404, 422) | NOT_MODIFIED,
    )
    async def presence(request: Request, room: RoomId, me: Me) -> Response:
        """Who of a room's members is connected, as far as this server knows."""
        states = api.live.states()
        here = await rooms.read(me, room, partial(reading.members_among, users=list(states)))
        return fresh(request, PresenceView(states={user: states[user] for user in sorted(here)}))

    return router


async def _unread(api: Api, me: Who, ids: list[str]) -> Unreads:
    found = await api.rooms.unread(me, ids)
    return Unreads(
        items=[RoomUnread(room=id, **one.model_dump()) for id, one in zip(ids, found, strict=True)]
    )
