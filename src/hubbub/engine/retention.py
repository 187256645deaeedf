"""What durable rooms keep no longer is removed in the background, in small steps.

Rooms that were published to are looked at soon after, and all others in turn, since what is kept
for a time gets too old without anybody's doing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING

from hubbub.errors import Unavailable

if TYPE_CHECKING:
    from hubbub.contracts import Clock, Store, Timer
    from hubbub.engine.rules import Rule
    from hubbub.model import LogState
    from hubbub.options import Keep

EVERY_S = 1.0
"""Seconds between two rounds."""

TURN_S = 60.0
"""Seconds between the beginnings of two turns through all rooms, at least."""

ROOMS = 100
"""Rooms looked at in one round, of those published to and of the others each."""

STEP = 500
"""Publications removed in one step: a few milliseconds, between two commits."""


class Retention:
    """Trims the logs of `store` to what the rules of their rooms say."""

    _clock: Clock
    _turn_at: float

    def __init__(self, store: Store, rule_of: Callable[[str], Rule | None]) -> None:
        self._store = store
        self._rule_of = rule_of
        self._touched: dict[str, None] = {}
        self._after: str | None = None  # the room behind which the turn goes on; None between two
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, clock: Clock) -> None:
        """Begin with the rounds, by `clock`."""
        self._clock = clock
        self._turn_at = clock.now()
        self._next()

    def stop(self) -> None:
        for one in (self._timer, self._task):
            if one is not None:
                one.cancel()
        self._timer = None

    def touch(self, rooms: Iterable[str]) -> None:
        """These were published to, and may have more than they keep."""
        for room in rooms:
            keep = self._keep(room)
            if keep is not None and keep.count is not None:
                self._touched[room] = None

    def _next(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.call_later(EVERY_S, self._round_due)

    def _round_due(self) -> None:
        self._next()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._round())

    async def _round(self) -> None:
        try:
            names = list(islice(self._touched, ROOMS))
            for name in names:
                del self._touched[name]
            for state in await self._store.states(names) if names else []:
                await self._trim(state)
            await self._go_on_with_the_turn()
            await self._store.sweep(STEP)
        except Unavailable:
            pass  # it will be tried again in a second

    async def _go_on_with_the_turn(self) -> None:
        if self._after is None:
            if self._clock.now() < self._turn_at:
                return
            self._turn_at = self._clock.now() + TURN_S
            self._after = ""
        states = await self._store.rooms(self._after, ROOMS)
        self._after = states[-1].room if len(states) == ROOMS else None
        for state in states:
            await self._trim(state)

    def _keep(self, room: str) -> Keep | None:
        rule = self._rule_of(room)
        return None if rule is None or not rule.options.durable else rule.options.history

    async def _trim(self, state: LogState) -> None:
        keep = self._keep(state.room)
        if keep is None or state.first > state.position.offset:
            return
        first = 0 if keep.count is None else state.position.offset - keep.count + 1
        before = 0
        if keep.age is not None:
            before = round((self._clock.time() - keep.age) * 1000)
            oldest = (await self._store.read(state.room, 0, 1, 1)).publications
            if not oldest or oldest[0].at >= before:
                before = 0
        if first <= state.first and not before:
            return
        removed = STEP
        while removed == STEP:
            removed = await self._store.trim(state.room, max(first, 0), before, STEP)
            await asyncio.sleep(0)
