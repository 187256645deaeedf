"""The chat's rooms, made anew from their logs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from hubbub.chat import schema
from hubbub.chat.backup import revision
from hubbub.chat.export.pages import room_id
from hubbub.chat.projection import ROOMS
from hubbub.chat.rebuild import Difference, Incomplete, differences, rebuild, remember
from hubbub.contracts import Store
from hubbub.model import LogState
from hubbub.stores.long import writing

PAGE, PAGE_BYTES = 500, 4_194_304
"""Events read at once, at most."""

LOGS = 1000
"""Asked for at once."""


class Again(NamedTuple):
    """What was done with a room: from how many events, what was other than it should be (where
    that was asked), which room had its address, and what was wrong with its log."""

    room: str
    events: int
    differences: list[Difference]
    other: str | None
    error: str | None


class Over(Exception):
    """Ends a transaction that is to leave nothing behind."""


async def rooms_of(store: Store, said: str | None) -> dict[str, int]:
    """The rooms' ids, or the one that has this id or address, and how many events each has.

    Raises `ConfigurationError` where there is no chat, `Refused` where there is no such room.
    """
    await store.tables().read(revision)
    tops = {state.room.removeprefix(ROOMS): state.position.offset async for state in _logs(store)}
    if said is not None:
        id = said if said in tops else await store.tables().read(room_id, said)
        return {id: tops.get(id, 0)}
    known = await store.tables().read(_known)
    return dict.fromkeys(known, 0) | tops


async def _logs(store: Store) -> AsyncIterator[LogState]:
    states = await store.rooms(ROOMS, LOGS)
    while states:
        for state in states:
            if not state.room.startswith(ROOMS):
                return
            yield state
        states = await store.rooms(states[-1].room, LOGS)


def _known(connection: Connection) -> Sequence[str]:
    return connection.scalars(select(schema.rooms.c.id)).all()


async def again(
    url: str, store: Store, room: str, *, check: bool, told: Callable[[int], None]
) -> Again:
    """Make the room with this id anew; or, to `check`, only find out what would be other then.

    `told` is called with how many events more are done. Raises `Unavailable`.
    """
    found: list[Difference] = []

    async def events(name: str, after: int) -> list[tuple[int, bytes]]:
        page = await store.read(name, after, PAGE, PAGE_BYTES)
        return [(one.offset, one.data) for one in page.publications]

    try:
        async with writing(url) as run:
            if check:
                await run(remember, room)
            done = await rebuild(run, events, room, told)
            if check:
                found = await run(differences, room)
                raise Over
    except Over:
        pass
    except Incomplete as error:
        return Again(room, 0, [], None, str(error))
    return Again(room, done.events, found, done.other, None)
