"""What is read of the logs of a store: once for all who ask for the same, and nothing erased.

What is erased while it is being read may be in what was read. Whoever asked would be told of the
erasure first, and then of what it took away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from hubbub.engine.meanwhile import Meanwhile
from hubbub.engine.tail import erase
from hubbub.model import Page

if TYPE_CHECKING:
    from hubbub.contracts import Store

FAR = (1 << 62) - 1
"""An offset that no room reaches."""


class Reading:
    """`page_bytes` is where a page ends, whatever was asked for."""

    def __init__(self, store: Store, page_bytes: int) -> None:
        self._store = store
        self._page_bytes = page_bytes
        self._erased: Meanwhile[tuple[str, Mapping[int, bytes]]] = Meanwhile()
        """By room: in which epoch, and by offset what took its place."""
        self._pages: dict[tuple[object, ...], asyncio.Task[Page]] = {}

    def __len__(self) -> int:
        """Pages that are being read for those who share them, and rooms that are read."""
        return len(self._pages) + len(self._erased)

    def stop(self) -> None:
        for task in self._pages.values():
            task.cancel()

    async def read(
        self, name: str, offset: int, limit: int, size: int, *, backwards: bool = False
    ) -> Page:
        """As `Store.read`."""
        with self._erased.watching(name) as erased:
            page = await self._store.read(name, offset, limit, size, backwards=backwards)
        return _without(page, erased)

    async def page(
        self, name: str, offset: int, limit: int, *, backwards: bool, after: object
    ) -> Page:
        """As `read`, for all who ask for the same with the same `after`, while it is being read."""
        key = name, offset, limit, backwards, after
        task = self._pages.get(key)
        if task is None:
            reading = self._store.read(name, offset, limit, self._page_bytes, backwards=backwards)
            task = self._pages[key] = asyncio.ensure_future(reading)
            task.add_done_callback(lambda task: self._read(key, task))
        with self._erased.watching(name) as erased:
            page = await asyncio.shield(task)
        return _without(page, erased)

    def erase(self, name: str, epoch: str, erased: Mapping[int, bytes]) -> None:
        """The log has other data for these offsets: so will have what is being read."""
        self._erased.tell(name, (epoch, erased))

    def _read(self, key: tuple[object, ...], task: asyncio.Task[Page]) -> None:
        self._pages.pop(key, None)
        if not task.cancelled():
            task.exception()


def _without(page: Page, erased: Iterable[tuple[str, Mapping[int, bytes]]]) -> Page:
    """`page`, with what took the place of the erased."""
    for epoch, by_offset in erased:
        if epoch == page.position.epoch:
            erase(page.publications, by_offset)
    return page
