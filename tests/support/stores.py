"""A store that does what the test says: it can be held, made to fail, and watched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from hubbub.contracts import Store
from hubbub.errors import Refused, Unavailable
from hubbub.model import Appended, Draft, Fate, LogState, Page, Unread
from hubbub.stores.memory import MemoryStore
from hubbub.tables import Tables


class ControlledStore:
    """Passes everything on to `inner`, in memory unless it is given.

    `appends` are the sizes of the batches it was given, `reads` what was read, (room, offset,
    limit). While it is held (`hold`), appending waits; while `failing` is set, everything raises
    that; `lost` has the next append stored and its answer lost. `take` is asked about each draft
    as a projection is: it returns what is stored, or raises `Refused`. While reading is held
    (`hold_reads`), what was read waits on its way back.
    """

    def __init__(self, inner: Store | None = None) -> None:
        self.inner: Store = MemoryStore() if inner is None else inner
        self.appends: list[int] = []
        self.reads: list[tuple[str, int, int]] = []
        self.failing: Unavailable | None = None
        self.reads_fail = False
        self.lost = False
        self.take: Callable[[str, Draft], Draft] | None = None
        self._open = asyncio.Event()
        self._open.set()
        self._reads_open = asyncio.Event()
        self._reads_open.set()

    def hold(self) -> None:
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def hold_reads(self) -> None:
        self._reads_open.clear()

    def release_reads(self) -> None:
        self._reads_open.set()

    def _check(self) -> None:
        if self.failing is not None:
            raise self.failing

    async def start(self) -> None:
        await self.inner.start()

    async def stop(self) -> None:
        await self.inner.stop()

    async def append(self, drafts: Sequence[tuple[str, Draft]]) -> list[Appended]:
        self.appends.append(len(drafts))
        await self._open.wait()
        self._check()
        if self.take is None:
            results = await self.inner.append(drafts)
        else:
            results = await self._append_taken(drafts, self.take)
        if self.lost:
            self.lost = False
            raise Unavailable("the connection broke during the commit", unknown=True)
        return results

    async def _append_taken(
        self, drafts: Sequence[tuple[str, Draft]], take: Callable[[str, Draft], Draft]
    ) -> list[Appended]:
        results: list[Appended] = []
        for room, draft in drafts:
            try:
                made = take(room, draft)
            except Refused as refused:
                (state,) = await self.inner.states([room])
                results.append(Appended(state.position, Fate.REFUSED, refused=refused))
            else:
                (appended,) = await self.inner.append([(room, made)])
                results.append(appended if made is draft else appended._replace(draft=made))
        return results

    async def read(
        self, room: str, offset: int, limit: int, size: int, *, backwards: bool = False
    ) -> Page:
        self.reads.append((room, offset, limit))
        await asyncio.sleep(0)
        if self.reads_fail:
            raise Unavailable("no reading now")
        page = await self.inner.read(room, offset, limit, size, backwards=backwards)
        await self._reads_open.wait()
        return page

    async def states(self, rooms: Sequence[str]) -> list[LogState]:
        if self.reads_fail:
            raise Unavailable("no reading now")
        return await self.inner.states(rooms)

    async def rooms(self, after: str, limit: int) -> list[LogState]:
        return await self.inner.rooms(after, limit)

    async def trim(self, room: str, first: int, before: int, most: int) -> int:
        self._check()
        return await self.inner.trim(room, first, before, most)

    async def remove(self, room: str) -> None:
        self._check()
        await self.inner.remove(room)

    async def sweep(self, most: int) -> int:
        self._check()
        return await self.inner.sweep(most)

    async def check(self) -> None:
        self._check()
        await self.inner.check()

    async def mark(self, room: str, user: str, offset: int) -> int:
        self._check()
        return await self.inner.mark(room, user, offset)

    async def unread(self, user: str, rooms: Sequence[str], most: int) -> list[Unread]:
        if self.reads_fail:
            raise Unavailable("no reading now")
        return await self.inner.unread(user, rooms, most)

    def tables(self) -> Tables:
        return self.inner.tables()


_: type[Store] = ControlledStore
