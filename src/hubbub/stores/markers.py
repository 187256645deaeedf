"""How far users have read: many markers are moved in one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from hubbub.stores.rows import MAX_NUMBER, column


class Mark(NamedTuple):
    """Where to move whose marker."""

    room: str
    user: str
    offset: int


class Markers:
    """While one commit is under way, the next marks gather.

    `move` moves markers, given sorted and each once, at most to where their log stands and never
    back, and returns where they are.
    """

    def __init__(self, move: Callable[[Sequence[Mark]], Awaitable[Sequence[int]]]) -> None:
        self._move = move
        self._asked: dict[tuple[str, str], int] = {}
        """What gathers: for each room and user how far."""
        self._next: asyncio.Task[dict[tuple[str, str], int]] | None = None
        self._tasks: set[asyncio.Task[dict[tuple[str, str], int]]] = set()
        self._turn = asyncio.Lock()

    async def mark(self, room: str, user: str, offset: int) -> int:
        """As `Store.mark`."""
        name = (room, column(user))
        self._asked[name] = max(min(offset, MAX_NUMBER), self._asked.get(name, 0))
        if self._next is None:
            self._next = asyncio.create_task(self._commit())
            self._tasks.add(self._next)
            self._next.add_done_callback(self._tasks.discard)
        # Whether or not who asked still waits, it is done for all who did.
        return (await asyncio.shield(self._next))[name]

    async def settled(self) -> None:
        """Wait for what was begun."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _commit(self) -> dict[tuple[str, str], int]:
        async with self._turn:
            asked, self._asked, self._next = self._asked, {}, None
            marks = sorted(Mark(*name, offset) for name, offset in asked.items())
            moved = await self._move(marks)
            return {(one.room, one.user): at for one, at in zip(marks, moved, strict=True)}
