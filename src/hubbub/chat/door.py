"""The plain door to public rooms: lines of text in, events as JSON out, with any WebSocket tool.

What is said here is a message like any other, and the other way round. Whoever shows a bot's key
or a login speaks as themselves; everybody else is a guest, where guests are let in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Depends, HTTPException, WebSocket

from hubbub import Refused, Unavailable
from hubbub.chat import events as e
from hubbub.chat.people import Kind, Who
from hubbub.chat.rooms import Rooms, channel
from hubbub.chat.rules import INVALID

NAME = "guest"
"""What who says no name is called."""

OUT = 3503, "force disconnect"
"""What ends a connection for good, as everywhere in the library."""


def door(
    rooms: Rooms,
    who_is: Callable[[WebSocket], Awaitable[Who | None]],
    guest: Callable[[WebSocket, str], Awaitable[Who]],
    until: Callable[[Who], Awaitable[float | None]],
) -> APIRouter:
    """`/ws/{room}`, by the slug of a public room; `?name=` is how a guest is called.

    `who_is` says who a handshake shows, `guest` makes an account for who is nobody yet, and
    `until` returns None for whose login is over.
    """
    router = APIRouter()

    # Of a page that may not connect, nobody is to have an account made.
    @router.websocket("/ws/{slug}", dependencies=[Depends(rooms.hub.check_origin)])
    async def talk(websocket: WebSocket, slug: str, name: str = NAME) -> None:
        who = await who_is(websocket)
        if who is None:
            # Before an account is made for them, so that nobody can have many made for nothing.
            await _public(rooms, Who("", Kind.GUEST, name), slug)
            who = await guest(websocket, name)
        id = await _public(rooms, who, slug)
        async with rooms.hub.join(websocket, channel(id), who, session=who.login) as member:
            # Looked up again: who loses a right from here on is found in the room.
            if await until(who) is None or not await _may_stay(rooms, who, id):
                member.close(*OUT)
            async for line in member:
                try:
                    if isinstance(line, bytes):
                        raise Refused("this door takes text only", INVALID)
                    await rooms.do(who, id, e.Say(text=line[: e.MAX_TEXT + 1]))
                except Refused as refused:
                    member.send({"type": "refused", "code": refused.code, "why": refused.reason})
                except Unavailable:
                    member.send({"type": "refused", "code": 503, "why": "try again in a moment"})

    return router


async def _may_stay(rooms: Rooms, who: Who, id: str) -> bool:
    try:
        return (await rooms.seen(who, id)).place.public
    except Refused:
        return False


async def _public(rooms: Rooms, who: Who, slug: str) -> str:
    """The id of the public room. Raises HTTPException, the same for all that are not there."""
    try:
        seen = await rooms.seen(who, "~" + slug)
    except Refused as refused:
        raise HTTPException(404, refused.reason) from None
    if not seen.place.public:
        raise HTTPException(404, "there is no such room")
    return seen.room.id
