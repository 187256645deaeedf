"""One flush a turn of the event loop, for all rooms of the node."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from hubbub.engine.room import Room


class Tick:
    """The rooms that got something in this turn."""

    __slots__ = ("_loop", "_rooms")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._rooms: list[Room] = []

    def mark(self, room: Room) -> None:
        """Flush `room` at the end of this turn; once for all that it gets until then."""
        rooms = self._rooms
        if not rooms:
            self._loop.call_soon(self._flush)
        rooms.append(room)

    def _flush(self) -> None:
        rooms, self._rooms = self._rooms, []
        for room in rooms:
            room.flush()
