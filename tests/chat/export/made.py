"""Rooms to make pages of, without a database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from hubbub.chat.export.html import page
from hubbub.chat.export.pages import Page, Room
from hubbub.chat.people import Kind
from hubbub.chat.people.accounts import Account
from hubbub.chat.people.http.models import Profile, profile
from hubbub.chat.views import MemberView, MessageView, RoomView

AT = 1_764_000_000_000


class Made(Room):
    """A room that is read from nowhere."""

    def __init__(self, messages: list[MessageView], users: list[Profile], **room: Any) -> None:
        async def read(query: Any) -> Any:
            raise AssertionError

        said = {"id": "r1", "kind": "public", "name": "Lobby", "slug": "lobby", "by": "u1"}
        times = {"created_at": AT, "last_at": AT, "people": 1, "offset": 99}
        members = [MemberView(user=one.id, role="member") for one in users]
        super().__init__(read, RoomView(**{**said, **times, **room}), members, users)
        self._messages = messages

    async def pages(self) -> AsyncIterator[Page]:
        for message in self._messages:
            yield Page([message], [])


def user(id: str, display: str) -> Profile:
    return profile(Account(id, id, display or "?", Kind.PERSON, False, None, "", AT, None))


async def shown(room: Room, *, linked: bool = False) -> str:
    return b"".join([piece async for piece in page(room, AT, linked=linked)]).decode()
