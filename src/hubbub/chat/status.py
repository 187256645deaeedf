"""What goes on, for administrators: numbers alone, and nobody's words."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text

from hubbub import VERSION, Hub
from hubbub.chat import schema
from hubbub.chat.projection import ROOMS
from hubbub.chat.views import StatusView, StorageView

if TYPE_CHECKING:
    from sqlalchemy import Connection

STORAGE_MS = 30_000
"""Milliseconds for which the numbers of what is stored are good: to count it takes a while."""


class Status:
    """What goes on in `hub` from here on. `said` counts messages, and `now` says what time it is
    (Unix milliseconds)."""

    def __init__(
        self,
        hub: Hub,
        said: Callable[[], int],
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._hub = hub
        self._said = said
        self._now = now
        self._started_at = now()
        self._storage: StorageView | None = None

    async def read(self) -> StatusView:
        """The numbers as they are. Raises `Unavailable`."""
        storage = await self._stored()
        stats = await self._hub.stats()
        return StatusView(
            at=self._now(),
            started_at=self._started_at,
            version=VERSION,
            connections=stats.connections,
            users=stats.users,
            rooms=sum(room.name.startswith(ROOMS) for room in self._hub.rooms()),
            said=self._said(),
            deliveries=stats.deliveries,
            storage=storage,
        )

    async def _stored(self) -> StorageView:
        now, kept = self._now(), self._storage
        if kept is None or not 0 <= now - kept.at < STORAGE_MS:
            kept = self._storage = await self._hub.tables.read(_stored, now)
        return kept


def _stored(connection: Connection, now: int) -> StorageView:
    kind = connection.dialect.name
    if kind == "postgresql":
        size = connection.scalar(text("SELECT pg_database_size(current_database())"))
    else:
        pages = connection.scalar(text("PRAGMA page_count"))
        size = pages * connection.scalar(text("PRAGMA page_size"))
    messages = connection.execute(select(func.count()).select_from(schema.messages)).scalar_one()
    count, total = connection.execute(
        select(func.count(), func.coalesce(func.sum(schema.files.c.size), 0))
    ).one()
    return StorageView(
        at=now,
        database=kind,
        database_bytes=size,
        messages=messages,
        files=count,
        file_bytes=int(total),  # a sum in PostgreSQL is a Decimal
    )
