"""The laws of `contracts.Store`."""

from __future__ import annotations

from collections.abc import Callable

from hubbub.testing.store_laws import keys, log, shared
from hubbub.testing.store_laws.common import Opening, Time

LAWS = (*log.LAWS, *keys.LAWS)


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
        for shared_law in SHARED_LAWS:
            time = Time()
            await shared_law(fresh(time), time)


SHARED_LAWS = shared.LAWS
