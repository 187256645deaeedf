"""One flush a turn of the event loop, for everything of the node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop


class Flushes(Protocol):
    """An audience, or a client with answers."""

    def flush(self) -> None:
        """Write what waits; nothing, the second time."""


class Tick:
    """Whoever got something in this turn. `deliveries` counts what members of rooms were given,
    which the audiences add up."""

    __slots__ = ("_loop", "_marked", "deliveries")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._marked: list[Flushes] = []
        self.deliveries = 0

    def mark(self, one: Flushes) -> None:
        """Flush `one` at the end of this turn; once for all that it gets until then."""
        marked = self._marked
        if not marked:
            self._loop.call_soon(self._flush)
        marked.append(one)

    def _flush(self) -> None:
        marked, self._marked = self._marked, []
        for one in marked:
            one.flush()
