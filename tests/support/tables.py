"""The tables of a store, watched: what is done to them is counted, and can be made to fail.

async with watched(await database("sqlite", tmp_path)) as tables: ...
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from hubbub import Unavailable
from hubbub.stores import open_store
from hubbub.tables import Projection, Tables

if TYPE_CHECKING:
    from sqlalchemy import Connection

P = ParamSpec("P")
T = TypeVar("T")


class Watched:
    """Passes everything on. While it is `away`, it is as if the database could not be reached;
    `reads` and `writes` are how often it was asked."""

    def __init__(self, inner: Tables) -> None:
        self._inner = inner
        self.away = False
        self.reads = self.writes = 0

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        self._check()
        self.reads += 1
        return await self._inner.read(work, *args, **kwargs)

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        self._check()
        self.writes += 1
        return await self._inner.write(work, *args, **kwargs)

    def project(self, projection: Projection) -> None:
        self._inner.project(projection)

    def _check(self) -> None:
        if self.away:
            raise Unavailable("the database is away")


@asynccontextmanager
async def watched(url: str) -> AsyncIterator[Watched]:
    """The tables at the address `url`, as long as the block lasts."""
    store = open_store(url)
    await store.start()
    try:
        yield Watched(store.tables())
    finally:
        await store.stop()


_: type[Tables] = Watched
