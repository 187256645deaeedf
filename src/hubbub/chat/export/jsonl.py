"""A room as JSON lines: an object a line, whose `type` says which.

`room` comes first, with the members and who they are; then one `message` after the other, as the
HTTP API shows them, with their authors' names; `end` last, so that what was cut off is not taken
for all. A message's `users` are those who come up in it and in no line before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from msgspec.json import encode
from pydantic import BaseModel

from hubbub.chat.export.pages import Page, Room
from hubbub.chat.people.http.models import Profile
from hubbub.chat.reading import people_in

FORMAT = 1
"""What a reader has to know; another number for lines that are not like these."""


async def lines(room: Room, at: int) -> AsyncIterator[bytes]:
    """The lines, some at a time; `at` is when it is done (Unix milliseconds)."""
    number = 0
    yield encode_lines([first_line(room, at)])
    async for page in room.pages():
        number += len(page.messages)
        yield encode_lines(message_lines(room, page))
    yield encode_lines([{"type": "end", "messages": number}])


def first_line(room: Room, at: int) -> dict[str, object]:
    return {
        "type": "room",
        "format": FORMAT,
        "at": at,
        "room": plain(room.room),
        "members": [plain(one) for one in room.members],
        "users": [plain(one) for one in room.users.values()],
    }


def message_lines(room: Room, page: Page) -> Iterable[dict[str, object]]:
    new = {user.id: user for user in page.users}
    for message in page.messages:
        came = [new.pop(id) for id in sorted(people_in([message]) & new.keys())]
        yield {
            "type": "message",
            **plain(message),
            "author": _author(room.users.get(message.user)),
            "users": [plain(user) for user in came],
        }


def _author(user: Profile | None) -> dict[str, object] | None:
    return None if user is None else {"name": user.name, "display": user.display}


def plain(view: BaseModel) -> dict[str, object]:
    return view.model_dump()


def encode_lines(values: Iterable[dict[str, object]]) -> bytes:
    return b"".join(encode(value) + b"\n" for value in values)
