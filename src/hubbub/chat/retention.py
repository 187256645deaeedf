"""Messages go when they have been kept for as long as their room says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select

from hubbub import HubbubError
from hubbub.chat import events as e
from hubbub.chat import schema
from hubbub.chat.rooms import Rooms

if TYPE_CHECKING:
    from sqlalchemy import Connection

log = logging.getLogger("hubbub.chat")

EVERY_S = 600.0
"""Seconds between two looks."""

AT_ONCE = 200
"""Messages that go in one event."""

DAY = 86_400_000
"""Milliseconds."""


class Retention:
    """Looks after `rooms` once in a while."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def run(self) -> None:
        """Look, and look again, until cancelled."""
        while True:
            try:
                await self.look()
            except HubbubError as error:
                log.warning("old messages could not be removed: %s", error)
            await asyncio.sleep(EVERY_S)

    async def look(self) -> int:
        """Remove what has been kept for long enough; how many messages that were.

        Raises `Unavailable`.
        """
        removed = 0
        for room, keep in await self._rooms.hub.tables.read(_keeping):
            until = self._rooms.now() - keep * DAY
            while ids := await self._rooms.hub.tables.read(_old, room, until):
                await self._rooms.do(None, room, e.Expire(before=ids[-1] + 1))
                removed += len(ids)
        return removed


def _keeping(connection: Connection) -> Sequence[tuple[str, int]]:
    c = schema.rooms.c
    return [tuple(row) for row in connection.execute(select(c.id, c.keep).where(c.keep > 0))]


def _old(connection: Connection, room: str, until: int) -> list[int]:
    c = schema.messages.c
    asked = select(c.id).where(c.room == room, c.at < until).order_by(c.id).limit(AT_ONCE)
    return list(connection.execute(asked).scalars())
