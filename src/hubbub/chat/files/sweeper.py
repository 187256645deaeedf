"""Deleting what nobody needs any more: files that were not said, or whose message is gone.

The row of a file outlives its bytes. So whenever the server stops, the next sweep goes on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from hubbub import Unavailable
from hubbub.chat.files.blobs import Blob, Blobs
from hubbub.chat.files.rows import forget, gone, known, let_go
from hubbub.chat.files.uploads import delete_blobs, preview_key
from hubbub.tables import Tables

log = logging.getLogger("hubbub.chat")

UNSAID_S = 86_400
"""Seconds for which a file waits to be said, and for which bytes without a row are left alone:
they may be of an upload that is under way."""

EVERY_S = 600.0
"""Seconds between two sweeps."""

STRAYS_EVERY_S = 86_400
STRAYS_AFTER_S = 3_600
"""Seconds between two looks through all that is kept, and until the first one."""

BATCH = 200
"""Files that are dealt with at once."""

FEW_STRAYS = 100
"""Bytes without a row that may be more than those with one. More of them say that the tables are
not those of these files."""


class Swept(NamedTuple):
    """What a sweep has done: files whose bytes and rows are deleted, and bytes without a row."""

    files: int
    strays: int


class Sweeper:
    """Sweeps up behind the chat's files. Several servers may do so at once.

    `now` gives Unix seconds, `sleep` waits for so many.
    """

    def __init__(
        self,
        tables: Tables,
        blobs: Blobs,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._tables = tables
        self._blobs = blobs
        self._now = now
        self._sleep = sleep
        self._strays_due = now() + STRAYS_AFTER_S

    async def run(self) -> None:
        """Sweep, and sweep again, until cancelled."""
        while True:
            try:
                strays = self._now() >= self._strays_due
                if strays:
                    self._strays_due = self._now() + STRAYS_EVERY_S
                await self.sweep(strays=strays)
            except Unavailable as error:
                log.warning("files could not be swept up: %s", error)
            await self._sleep(EVERY_S)

    async def sweep(self, *, strays: bool = False) -> Swept:
        """Delete what is gone, with `strays` also bytes that have no row. Raises `Unavailable`:
        what is left is for the next time."""
        now = self._now()
        await self._tables.write(let_go, int((now - UNSAID_S) * 1000), int(now * 1000))
        deleted = 0
        while ids := await self._tables.read(gone, BATCH):
            for id in ids:
                await delete_blobs(self._blobs, id)
            await self._tables.write(forget, ids)
            deleted += len(ids)
        done = Swept(deleted, await self._sweep_strays(now - UNSAID_S) if strays else 0)
        if any(done):
            log.info("files deleted: %d, and %d that had no row", *done)
        return done

    async def _sweep_strays(self, before: float) -> int:
        strays: list[str] = []
        others = 0
        batch: list[Blob] = []
        async for blob in self._blobs.list():
            if blob.at < before:
                batch.append(blob)
            if len(batch) >= BATCH:
                found = await self._without_row(batch)
                strays += found
                others += len(batch) - len(found)
                batch = []
        found = await self._without_row(batch)
        strays += found
        others += len(batch) - len(found)
        if len(strays) > max(FEW_STRAYS, others):
            log.error(
                "of the files that are kept, %d have no row and %d have one: none was deleted, "
                "because these may be files of another database",
                len(strays),
                others,
            )
            return 0
        for key in strays:
            await self._blobs.delete(key)
        return len(strays)

    async def _without_row(self, batch: list[Blob]) -> list[str]:
        ids = {blob.key.partition("-")[0] for blob in batch}
        rows = await self._tables.read(known, list(ids)) if ids else set()
        kept = rows | {preview_key(id) for id in rows}
        return [blob.key for blob in batch if blob.key not in kept]
