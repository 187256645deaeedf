"""The laws of `contracts.Store`."""

from __future__ import annotations

from collections.abc import Callable

from hubbub.testing.store_laws import keys, log, unread
from hubbub.testing.store_laws import shared as shared_laws
from hubbub.testing.store_laws.common import Opening, Time

LAWS = (*log.LAWS, *keys.LAWS, *unread.LAWS)


async def store_laws(
    fresh: Callable[[Callable[[], float]], Opening], *, shared: bool = True
) -> None:
    """Hold a store to the laws of `contracts.Store`.

    `fresh` makes an empty log and returns what opens a store on it, started, with keys that are
    good for `WINDOW` seconds of the time that it is given. Where the log is `shared`, it is
    opened several times, at once and one after the other.
    """
    for law in LAWS:
        time = Time()
        async with fresh(time)() as store:
            await law(store, time)
    if shared:
        for shared_law in shared_laws.LAWS:
            time = Time()
            await shared_law(fresh(time), time)


async def tables_laws(
    fresh: Callable[[Callable[[], float]], Opening], *, shared: bool = True
) -> None:
    """Hold a store that has `Store.tables` to the laws of `hubbub.tables`; for the arguments see
    `store_laws`."""
    from hubbub.testing.store_laws import projections, tables  # and with them SQLAlchemy

    for law in (*tables.LAWS, *projections.LAWS):
        async with fresh(Time())() as store:
            await store.tables().write(tables.metadata.create_all)
            await law(store)
    if shared:
        for shared_law in (*tables.SHARED_LAWS, *projections.SHARED_LAWS):
            await shared_law(fresh(Time()))
