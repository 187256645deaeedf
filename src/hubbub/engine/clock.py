"""The clock of the running loop."""

from __future__ import annotations

import time
from asyncio import AbstractEventLoop
from collections.abc import Callable

from hubbub.contracts import Clock, Timer


class LoopClock:
    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        return self._loop.time()

    def time(self) -> float:
        return time.time()

    def call_later(self, delay: float, call: Callable[[], None]) -> Timer:
        return self._loop.call_later(delay, call)


_: type[Clock] = LoopClock
