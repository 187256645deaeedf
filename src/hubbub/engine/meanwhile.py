"""What happened while somebody waited for something: told to who waits, and kept for nobody else.

An answer that was true when it was asked for may not be so any more when it comes. What has been
looked up before an event, and is used after it, has to be held against that event.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class Meanwhile(Generic[T]):
    """Who waits, by what it is about: a room's name, or a user's id."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[int, list[T]]] = {}

    def __len__(self) -> int:
        """How many things somebody waits about."""
        return len(self._waiting)

    def begin(self, subject: str) -> list[T]:
        """A list that fills with what happens to `subject` until its `end`, in its order."""
        happened: list[T] = []
        self._waiting.setdefault(subject, {})[id(happened)] = happened
        return happened

    def end(self, subject: str, happened: list[T]) -> None:
        """Nobody waits with this list any more."""
        waiting = self._waiting[subject]
        del waiting[id(happened)]
        if not waiting:
            del self._waiting[subject]

    @contextmanager
    def watching(self, subject: str) -> Iterator[list[T]]:
        """As `begin`, until the end of the block."""
        happened = self.begin(subject)
        try:
            yield happened
        finally:
            self.end(subject, happened)

    def tell(self, subject: str, what: T) -> None:
        """It happens to `subject`."""
        for happened in self._waiting.get(subject, {}).values():
            happened.append(what)
