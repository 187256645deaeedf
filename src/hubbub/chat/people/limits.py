"""What guessing runs into: so many tries from one place, and for one name.

One place alone comes to its own limit long before the name does, so that it keeps nobody else
from signing in. Who is signed in already is asked for no password, and notices nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from hubbub.chat.people.throttle import Throttle, network
from hubbub.chat.problem import Problem, later

PLACE_BURST, PLACE_S = 10, 30.0
"""Wrong passwords and codes from one place: so many at once, and one every so many seconds."""

NAME_BURST, NAME_S = 20, 10.0
"""Wrong passwords for one name, from wherever."""

MADE_BURST, MADE_S = 20, 60.0
"""Accounts made from one place."""


class Limits:
    """`clock` is monotonic, in seconds. Places are addresses, or what stands for many of them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._places = Throttle(PLACE_BURST, PLACE_S, clock)
        self._names = Throttle(NAME_BURST, NAME_S, clock)
        self._made = Throttle(MADE_BURST, MADE_S, clock)

    def guess(self, place: str, name: str = "") -> Guess:
        """What happens in the block may be a guess, from that place, about that name."""
        return Guess(self._places, network(place), self._names, name)

    def make(self, place: str) -> None:
        """An account is to be made from that place. Raises `Problem` (429)."""
        _take(self._made, network(place))


class Guess:
    """A block that may turn out to have been a wrong guess: one that `Problem` 401 or 403 leaves.

    Taken before, so that those who guess at the same time do not all come in; given back where
    it was none. Entering raises `Problem` (429).
    """

    def __init__(self, places: Throttle, place: str, names: Throttle, name: str) -> None:
        self._places, self._place = places, place
        self._names, self._name = names, name

    def __enter__(self) -> Self:
        _take(self._places, self._place)
        try:
            if self._name:
                _take(self._names, self._name)
        except Problem:
            self._places.give_back(self._place)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, Problem) and error.status in (401, 403):
            return
        self._places.give_back(self._place)
        if self._name:
            self._names.give_back(self._name)


def _take(throttle: Throttle, key: str) -> None:
    wait = throttle.take(key)
    if wait:
        raise later(429, "too-many-tries", "Too many tries: wait a while.", wait)
