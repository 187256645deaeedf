"""One flush a turn of the event loop, for all audiences of the node."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from hubbub.engine.audience import Audience


class Tick:
    """The audiences that got something in this turn."""

    __slots__ = ("_loop", "_audiences")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._audiences: list[Audience] = []

    def mark(self, audience: Audience) -> None:
        """Flush `audience` at the end of this turn; once for all that it gets until then."""
        audiences = self._audiences
        if not audiences:
            self._loop.call_soon(self._flush)
        audiences.append(audience)

    def _flush(self) -> None:
        audiences, self._audiences = self._audiences, []
        for audience in audiences:
            audience.flush()
