"""Routes: the people of a room, and what moderators do with them."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request, Response

from hubbub.chat import events as e
from hubbub.chat import pages, reading
from hubbub.chat.http.answers import NOT_MODIFIED, fresh, there_already
from hubbub.chat.http.api import Api
from hubbub.chat.http.bodies import NewBan, NewMember, NewMute, NewRole
from hubbub.chat.http.params import MAX_NUMBER, Key, Reason, RoomId, UserId
from hubbub.chat.http.route import Route
from hubbub.chat.people.http import Me
from hubbub.chat.policy import Action
from hubbub.chat.problem import responses
from hubbub.chat.rules import Already
from hubbub.chat.views import Audit, Bans, Members, MemberView
from hubbub.chat.web import LIMIT, Cursor, Limit, place

USUAL = responses(401, 403, 404, 409, 422)
PAGED = responses(400, 401, 403, 404, 422)


def members_router(api: Api) -> APIRouter:
    router = APIRouter(prefix="/rooms/{room}/members", tags=["members"], route_class=Route)
    rooms = api.rooms

    @router.get(
        "",
        summary="The members of a room",
        response_model=Members,
        responses=responses(400, 401, 404, 422) | NOT_MODIFIED,
    )
    async def members(
        request: Request, room: RoomId, me: Me, cursor_: Cursor = None, limit: Limit = LIMIT
    ) -> Response:
        """The members of a room, by their ids."""
        after = str(place(cursor_, str)[0]) if cursor_ else ""
        query = partial(pages.members, after=after, limit=limit)
        return fresh(request, await rooms.read(me, room, query))

    @router.post(
        "",
        status_code=201,
        summary="Add somebody",
        responses=USUAL | there_already("Somebody who was there", MemberView),
    )
    async def add(
        room: RoomId, body: NewMember, me: Me, response: Response, key: Key = ""
    ) -> MemberView:
        """Have somebody be a member, who may be one already (200)."""
        try:
            await api.do(me, room, e.Add(user=body.user), key)
        except Already:
            response.status_code = 200
        return await _member(api, room, body.user)

    @router.patch("/{user}", summary="Give somebody a role", responses=USUAL)
    async def appoint(room: RoomId, user: UserId, body: NewRole, me: Me) -> MemberView:
        """Have somebody be an owner, a moderator, or a member like others."""
        await api.ensure(me, room, e.Appoint(user=user, role=body.role))
        return await _member(api, room, user)

    @router.delete("/{user}", status_code=204, summary="Remove somebody", responses=USUAL)
    async def kick(room: RoomId, user: UserId, me: Me, reason: Reason = "") -> None:
        """Have somebody be no member any more. They may come again, where everybody may."""
        await api.ensure(me, room, e.Kick(user=user, reason=reason))

    @router.put("/{user}/mute", status_code=204, summary="Mute somebody", responses=USUAL)
    async def mute(room: RoomId, user: UserId, me: Me, body: NewMute | None = None) -> None:
        """Have somebody say nothing for a while: an hour, if nothing else is said."""
        wanted = body or NewMute()
        await api.do(me, room, e.Mute(user=user, seconds=wanted.seconds, reason=wanted.reason))

    @router.delete("/{user}/mute", status_code=204, summary="Unmute somebody", responses=USUAL)
    async def unmute(room: RoomId, user: UserId, me: Me) -> None:
        """Have somebody say something again."""
        await api.ensure(me, room, e.Unmute(user=user))

    return router


def bans_router(api: Api) -> APIRouter:
    router = APIRouter(prefix="/rooms/{room}", tags=["members"], route_class=Route)
    rooms = api.rooms

    @router.get("/bans", summary="Who is banned", responses=PAGED)
    async def bans(room: RoomId, me: Me, cursor_: Cursor = None, limit: Limit = LIMIT) -> Bans:
        """Who is banned from a room, by their ids; also those whose ban is over."""
        after = str(place(cursor_, str)[0]) if cursor_ else ""
        query = partial(pages.bans, after=after, limit=limit)
        return await rooms.read(me, room, query, Action.BAN)

    @router.put("/bans/{user}", status_code=204, summary="Ban somebody", responses=USUAL)
    async def ban(room: RoomId, user: UserId, me: Me, body: NewBan | None = None) -> None:
        """Have somebody be out of a room, and stay out. For good, if nothing else is said."""
        wanted = body or NewBan()
        await api.do(me, room, e.Ban(user=user, seconds=wanted.seconds, reason=wanted.reason))

    @router.delete("/bans/{user}", status_code=204, summary="Lift a ban", responses=USUAL)
    async def unban(room: RoomId, user: UserId, me: Me) -> None:
        """Let somebody come in again."""
        await api.ensure(me, room, e.Unban(user=user))

    @router.get("/audit", summary="What moderators did", responses=PAGED)
    async def audit(room: RoomId, me: Me, cursor_: Cursor = None, limit: Limit = LIMIT) -> Audit:
        """What moderators and owners did in a room, the latest first."""
        before = int(place(cursor_, int)[0]) if cursor_ else MAX_NUMBER
        query = partial(pages.audit, before=before, limit=limit)
        return await rooms.read(me, room, query, Action.AUDIT)

    return router


async def _member(api: Api, room: str, user: str) -> MemberView:
    """Of a room that was written to a moment ago: who may do that may know who is there."""
    return await api.rooms.hub.tables.read(reading.member, await api.id_of(room), user)
