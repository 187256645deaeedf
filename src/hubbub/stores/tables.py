"""An application's own tables beside the log, wherever that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from hubbub.stores.projections import Projections
from hubbub.tables import Projection, Tables

if TYPE_CHECKING:
    from sqlalchemy import Connection

P = ParamSpec("P")
T = TypeVar("T")


class Transact(Protocol):
    """Does work in a transaction, to its end, whether or not who asked for it still waits."""

    async def __call__(self, work: Callable[[Connection], T], /) -> T: ...


class StoreTables:
    """As `hubbub.tables.Tables`, given how a store reads and writes."""

    def __init__(self, read: Transact, write: Transact, projections: Projections) -> None:
        self._read = read
        self._write = write
        self._projections = projections

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._read(lambda connection: work(connection, *args, **kwargs))

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._write(lambda connection: work(connection, *args, **kwargs))

    def project(self, projection: Projection) -> None:
        self._projections.add(projection)


_: type[Tables] = StoreTables
