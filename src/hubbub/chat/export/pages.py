"""A room, page by page: never all of it at once.

Each page is of one moment. Together they end where the room stood when the first was read: what
is said meanwhile is not in them, what is edited or deleted meanwhile may be.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from sqlalchemy import or_, select

from hubbub import Refused
from hubbub.chat import reading, schema
from hubbub.chat.people.http.models import Profile
from hubbub.chat.projection import MESSAGE, ROOM
from hubbub.chat.rules import MISSING, NO_ROOM
from hubbub.chat.state import RoomRow
from hubbub.chat.views import FileView, MemberView, MessageView, RoomView
from hubbub.tables import Tables

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")

PAGE = 200
"""Messages."""

EVERYBODY = 2**31 - 1
"""Members, at most."""


class Read(Protocol):
    """Reads of one room, in one transaction: what `query`, given the room's id, returns."""

    async def __call__(self, query: Callable[[Connection, str], T], /) -> T: ...


def whole(tables: Tables, room: str) -> Read:
    """For who may read everything. Raises `Refused` for a room that is not there."""

    async def read(query: Callable[[Connection, str], T]) -> T:
        return await tables.read(query, room)

    return read


def room_id(connection: Connection, said: str) -> str:
    """The id of the room that has this id, or this slug, with or without a "~" before it.

    Raises `Refused` where there is none.
    """
    c = schema.rooms.c
    asked = select(c.id).where(or_(c.id == said, c.slug == said.removeprefix("~")))
    found: list[str] = sorted(connection.scalars(asked), key=lambda id: id != said)
    if not found:
        raise Refused(NO_ROOM, MISSING)
    return found[0]


class Page(NamedTuple):
    """Some messages, and the users that come up in them and did not before."""

    messages: list[MessageView]
    users: list[Profile]


class Room:
    """A room on its way out. `users` are those that have come up by now, by id; `done` is the id
    of the last message that was read."""

    def __init__(
        self, read: Read, room: RoomView, members: list[MemberView], users: list[Profile]
    ) -> None:
        self.room = room
        self.members = members
        self.users = {user.id: user for user in users}
        self.done = 0
        self._read = read

    async def pages(self) -> AsyncIterator[Page]:
        """All messages, in their order. Raises what reading raises, on the way as well."""
        until, more = self.room.offset, True
        while more:
            page = await self._read(
                partial(_page, after=self.done, until=until, known=self.users.keys())
            )
            more = len(page.messages) == PAGE
            if page.messages:
                self.done = page.messages[-1].id
                self.users.update((user.id, user) for user in page.users)
                yield page

    async def files(self) -> AsyncIterator[FileView]:
        """All that is attached."""
        after, more = 0, True
        while more:
            messages = await self._read(partial(_with_files, after=after, until=self.room.offset))
            more = len(messages) == PAGE
            for message in messages:
                after = message.id
                for file in message.files:
                    yield file


async def begin(read: Read) -> Room:
    """Begin with the room that `read` is of."""
    room, members, users = await read(_head)
    return Room(read, room, members, users)


def _head(connection: Connection, room: str) -> tuple[RoomView, list[MemberView], list[Profile]]:
    row = connection.execute(select(*ROOM).where(schema.rooms.c.id == room)).one_or_none()
    if row is None:
        raise Refused(NO_ROOM, MISSING)
    members = reading.members(connection, room, "", EVERYBODY)
    users = reading.users_of(connection, [row.by, *(member.user for member in members)])
    return reading.room_view(RoomRow(*row)), members, users


def _page(
    connection: Connection, room: str, *, after: int, until: int, known: Collection[str]
) -> Page:
    next_ones = reading.next_messages(connection, room, after, PAGE)
    messages = [message for message in next_ones if message.id <= until]
    new = reading.people_in(messages).difference(known)
    return Page(messages, reading.users_of(connection, new))


def _with_files(connection: Connection, room: str, *, after: int, until: int) -> list[MessageView]:
    c = schema.messages.c
    which = (c.room == room, c.id > after, c.id <= until, c.files.is_not(None))
    rows = connection.execute(select(*MESSAGE).where(*which).order_by(c.id).limit(PAGE))
    return reading.views(connection, room, rows)
