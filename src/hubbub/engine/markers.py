"""How far users have read rooms with `read_markers`, and what they have not.

Markers are in the log's store. When one is moved, every Centrifuge connection that its user has
here is told, in a `message` push: `{"read": {"room": "chat:7", "offset": 12}}`. Clients move and
ask for their own by the methods of `CALLS`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from msgspec import Meta, MsgspecError, Struct
from msgspec.json import Decoder, encode

from hubbub.engine.reading import FAR
from hubbub.errors import ConfigurationError, Refused, Unrecoverable
from hubbub.model import Position
from hubbub.wire.centrifuge import BAD_REQUEST, UInt64

if TYPE_CHECKING:
    from hubbub.engine.client import Client
    from hubbub.engine.events import Call
    from hubbub.engine.node import Node
    from hubbub.model import Unread

MOST = 100
"""How far unread publications are counted where nobody says how far."""

ROOMS = 1_000
"""Rooms that a client may ask about in one call."""

T = TypeVar("T")


async def mark(node: Node, room: str, user: str, offset: int | Position) -> int:
    """Move the marker of `user`, and tell their connections; where it is then.

    Raises `ConfigurationError`, ValueError, `Unrecoverable`, and `Unavailable`.
    """
    _check(node, room)
    store = node.logs.store
    if isinstance(offset, Position):
        offset, epoch = offset
        (state,) = await store.states([room])
        if epoch not in ("", state.position.epoch):
            raise Unrecoverable(f"the history of {room!r} has begun anew: read it from the start")
    if offset < 0:
        raise ValueError(f"{offset} is no offset: that of the first publication is 1")
    read = await store.mark(room, user, min(offset, FAR))
    if 0 < read <= offset:  # else it was further on already
        for session in list(node.present.get(user, ())):
            session.marked(room, read)
    return read


async def unread(node: Node, user: str, rooms: Sequence[str], most: int) -> list[Unread]:
    """What `user` has not read in `rooms`.

    Raises `ConfigurationError`, ValueError, and `Unavailable`.
    """
    if most < 0:
        raise ValueError(f"nothing can be counted as far as {most}")
    for room in rooms:
        _check(node, room)
    return await node.logs.store.unread(user, rooms, most)


def _check(node: Node, room: str) -> None:
    rule = node.rules.find(room)
    if rule is None or not rule.options.read_markers:
        raise ConfigurationError(
            f"nobody's reading of {room!r} is kept: that takes a room with read_markers=True"
        )


# What clients call. ----------------------------------------------------------------------------


class ReadRequest(Struct):
    room: str
    offset: UInt64


class ReadResult(Struct):
    """Where the marker is."""

    offset: int


class UnreadRequest(Struct):
    rooms: Annotated[list[str], Meta(max_length=ROOMS)]


class RoomUnread(Struct):
    """How far a room was read, and what was not: counted no further than 100, when its last
    publication was the one at `offset`."""

    room: str
    read: int
    unread: int
    mentions: int
    offset: int


class UnreadResult(Struct):
    """The rooms that were asked about, in their order."""

    rooms: list[RoomUnread]


async def _mark_own(client: Client, asked: ReadRequest) -> ReadResult:
    """Say how far you have read a room"""
    _check_reader(client, [asked.room])
    return ReadResult(await mark(client.node, asked.room, client.user_id, asked.offset))


async def _ask_own(client: Client, asked: UnreadRequest) -> UnreadResult:
    """Ask what you have not read in some of your rooms"""
    _check_reader(client, asked.rooms)
    found = await unread(client.node, client.user_id, asked.rooms, MOST)
    return UnreadResult([RoomUnread(*one) for one in found])


def _check_reader(client: Client, rooms: Sequence[str]) -> None:
    """Raises `Refused` for who may not ask about their reading of `rooms`: it takes somebody who
    is in all of them."""
    if not client.user_id:
        raise Refused
    for room in rooms:
        sub = client.subs.get(room)
        if sub is None or not sub.unread:
            raise Refused


class OwnCall(Generic[T]):
    """A method that the library answers itself; it is called as one of the application's."""

    def __init__(
        self, work: Callable[[Client, T], Awaitable[Struct]], takes: type[T], gives: type[Struct]
    ) -> None:
        self.takes = takes
        self.gives = gives
        self.summary = work.__doc__ or ""
        self._work = work
        self._decoder = Decoder(takes)

    async def __call__(self, call: Call[Any]) -> bytes:
        """Raises `Refused`, also for what is not what the method takes."""
        try:
            asked = self._decoder.decode(call.data)
        except (MsgspecError, RecursionError) as error:
            raise Refused(str(error), BAD_REQUEST.code) from None
        return encode(await self._work(call.client, asked))


CALLS: dict[str, OwnCall[Any]] = {
    "hubbub.read": OwnCall(_mark_own, ReadRequest, ReadResult),
    "hubbub.unread": OwnCall(_ask_own, UnreadRequest, UnreadResult),
}
"""Methods that clients may call where there are rooms with `read_markers`."""
