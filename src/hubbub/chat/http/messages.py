"""Routes: messages, and what is done to them."""

from __future__ import annotations

from functools import partial
from typing import Literal

from fastapi import APIRouter, Response

from hubbub.chat import events as e
from hubbub.chat import pages, reading
from hubbub.chat.http.answers import at_once
from hubbub.chat.http.api import Api
from hubbub.chat.http.bodies import MessageChange, NewMessage
from hubbub.chat.http.params import After, Around, Before, Emoji, Key, MessageId, RoomId
from hubbub.chat.http.route import Route
from hubbub.chat.pages import FIRST, LAST, Which
from hubbub.chat.people.http import Me
from hubbub.chat.problem import Problem, later, responses
from hubbub.chat.rules import Early
from hubbub.chat.views import Messages, MessageView, Pins
from hubbub.chat.web import LIMIT, PREFIX, Cursor, Limit, place

USUAL = responses(401, 403, 404, 409, 410, 422)


def messages_router(api: Api) -> APIRouter:
    router = APIRouter(prefix="/rooms/{room}/messages", tags=["messages"], route_class=Route)
    rooms = api.rooms

    @router.get(
        "",
        summary="Messages of a room",
        response_model=Messages,
        responses=responses(401, 404, 422),
    )
    async def messages(
        room: RoomId,
        me: Me,
        before: Before = None,
        after: After = None,
        around: Around = None,
        limit: Limit = LIMIT,
    ) -> Response:
        """Messages in their order: the last ones, or those before, after or around one.

        `before` and `after` of the answer go on from there, to one side each. Ids stay what they
        are, so that no message is missed or comes twice, whatever else happens meanwhile.
        """
        given: list[tuple[Literal["before", "after", "around"], int | None]]
        given = [("before", before), ("after", after), ("around", around)]
        which = [Which(where, id) for where, id in given if id is not None]
        if len(which) > 1:
            raise Problem(422, "invalid", "Say one of before, after and around.")
        query = partial(pages.messages, which=which[0] if which else LAST, limit=limit)
        return at_once(await rooms.read(me, room, query))

    @router.post(
        "",
        status_code=201,
        summary="Say something",
        responses=responses(401, 403, 404, 409, 410, 422, 429),
    )
    async def say(
        room: RoomId, body: NewMessage, me: Me, response: Response, key: Key = ""
    ) -> MessageView:
        """Say something in a room. In slow mode there is a time to wait between two (429)."""
        wish = e.Say(text=body.text, reply=body.reply, files=body.files, nonce=body.nonce)
        try:
            done = await api.do(me, room, wish, key or body.nonce)
        except Early as early:
            raise later(429, "slow-mode", early.reason, early.wait) from None
        api.live.said(done.room, me.id)
        response.headers["Location"] = f"{PREFIX}/rooms/{done.room}/messages/{done.offset}"
        return await rooms.hub.tables.read(reading.message, done.room, done.offset)

    @router.get("/{message}", summary="A message", responses=responses(401, 404, 422))
    async def message(room: RoomId, message: MessageId, me: Me) -> MessageView:
        """A message. One that was deleted has `deleted_at`, and no text any more."""
        query = partial(reading.message, id=message)
        return await rooms.read(me, room, query)

    @router.patch("/{message}", summary="Edit a message", responses=USUAL)
    async def edit(room: RoomId, message: MessageId, body: MessageChange, me: Me) -> MessageView:
        """Have a message of one's own say something else. What it said before is gone."""
        done = await api.do(me, room, e.Edit(message=message, text=body.text))
        return await rooms.hub.tables.read(reading.message, done.room, message)

    @router.delete("/{message}", status_code=204, summary="Delete a message", responses=USUAL)
    async def delete(room: RoomId, message: MessageId, me: Me) -> None:
        """Delete a message of one's own, or as a moderator any. Its text is gone for good; that
        there was one can be seen."""
        await api.do(me, room, e.Delete(message=message))

    return router


def marks_router(api: Api) -> APIRouter:
    router = APIRouter(prefix="/rooms/{room}", tags=["messages"], route_class=Route)

    @router.put(
        "/messages/{message}/reactions/{emoji}",
        status_code=204,
        summary="React to a message",
        responses=USUAL,
    )
    async def react(room: RoomId, message: MessageId, emoji: Emoji, me: Me) -> None:
        await api.ensure(me, room, e.React(message=message, emoji=emoji))

    @router.delete(
        "/messages/{message}/reactions/{emoji}",
        status_code=204,
        summary="Take a reaction back",
        responses=USUAL,
    )
    async def unreact(room: RoomId, message: MessageId, emoji: Emoji, me: Me) -> None:
        await api.ensure(me, room, e.Unreact(message=message, emoji=emoji))

    @router.put(
        "/messages/{message}/pin", status_code=204, summary="Pin a message", responses=USUAL
    )
    async def pin(room: RoomId, message: MessageId, me: Me) -> None:
        """Have everybody find a message among those that matter."""
        await api.ensure(me, room, e.Pin(message=message))

    @router.delete(
        "/messages/{message}/pin", status_code=204, summary="Unpin a message", responses=USUAL
    )
    async def unpin(room: RoomId, message: MessageId, me: Me) -> None:
        await api.ensure(me, room, e.Unpin(message=message))

    @router.get("/pins", summary="Pinned messages", responses=responses(400, 401, 404, 422))
    async def pins(room: RoomId, me: Me, cursor_: Cursor = None, limit: Limit = LIMIT) -> Pins:
        """The messages of a room that are pinned, those pinned last first."""
        before = FIRST
        if cursor_:
            at, id = place(cursor_, int, int)
            before = int(at), int(id)
        query = partial(pages.pins, before=before, limit=limit)
        return await api.rooms.read(me, room, query)

    return router
