"""Routes: invitations, and what their links lead to."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter

from hubbub import Refused
from hubbub.chat import events as e
from hubbub.chat import pages, reading
from hubbub.chat.http.api import Api
from hubbub.chat.http.bodies import NewInvite
from hubbub.chat.http.params import InviteCode, InviteId, Key, RoomId
from hubbub.chat.http.route import Route
from hubbub.chat.people.http import Anyone, Me
from hubbub.chat.policy import Action
from hubbub.chat.problem import responses
from hubbub.chat.rules import MISSING, Already
from hubbub.chat.views import Invitation, Invites, InviteView, SeenRoom
from hubbub.chat.web import LIMIT, Cursor, Limit, place

USUAL = responses(401, 403, 404, 409, 422)


def invites_router(api: Api) -> APIRouter:
    router = APIRouter(prefix="/rooms/{room}/invites", tags=["invitations"], route_class=Route)
    rooms = api.rooms

    @router.get("", summary="The invitations to a room", responses=responses(400, 401, 403, 404))
    async def invites(
        room: RoomId, me: Me, cursor_: Cursor = None, limit: Limit = LIMIT
    ) -> Invites:
        """The invitations to a room, by their ids; also those that are past."""
        after = int(place(cursor_, int)[0]) if cursor_ else 0
        query = partial(pages.invites, after=after, limit=limit)
        found = await rooms.read(me, room, query, Action.INVITE)
        items = [rooms.invite_view(row) for row in found.rows]
        return Invites(items=items, users=found.users, next=found.next)

    @router.post("", status_code=201, summary="Make an invitation", responses=USUAL)
    async def invite(
        room: RoomId, me: Me, body: NewInvite | None = None, key: Key = ""
    ) -> InviteView:
        """Make a link by which others come into a room, whoever has it."""
        wanted = body or NewInvite()
        done = await api.do(me, room, e.Invite(seconds=wanted.seconds, uses=wanted.uses), key)
        row = await rooms.hub.tables.read(reading.invite, done.room, done.offset)
        if row is None:
            raise Refused("there is no such invitation", MISSING)  # somebody was faster
        return rooms.invite_view(row)

    @router.delete("/{invite}", status_code=204, summary="Take an invitation back", responses=USUAL)
    async def uninvite(room: RoomId, invite: InviteId, me: Me) -> None:
        """Have a link lead nowhere any more."""
        await api.do(me, room, e.Uninvite(invite=invite))

    return router


def links_router(api: Api) -> APIRouter:
    router = APIRouter(prefix="/invites", tags=["invitations"], route_class=Route)

    @router.get("/{code}", summary="Look at an invitation", responses=responses(410, 422))
    async def look(code: InviteCode, who: Anyone) -> Invitation:
        """Where a link leads to. It takes no more than the link to know that; who is a member of
        the room learns which one it is, also by a link that is past."""
        return await api.rooms.invitation(code, who)

    @router.post("/{code}/join", summary="Come in by an invitation", responses=USUAL)
    async def enter(code: InviteCode, me: Me) -> SeenRoom:
        """Be a member of the room that a link leads to, which one may be already."""
        try:
            done = await api.rooms.enter(me, code)
        except Already:
            return await api.seen(me, code.partition(".")[0])
        return await api.seen(me, done.room)

    return router
