"""Results of what was published with an idempotency key, for as long as they are remembered."""

from __future__ import annotations

from hubbub.model import Position

WINDOW = 300.0
"""Seconds (protocol.md section 21)."""


class Once:
    """By room and key, the oldest first; forgotten when somebody asks after the window."""

    def __init__(self) -> None:
        self._results: dict[tuple[str, str], tuple[float, Position | None]] = {}

    def __len__(self) -> int:
        return len(self._results)

    def find(self, room: str, key: str, now: float) -> tuple[Position | None] | None:
        """The result of the first one, in a tuple because there may be none in it."""
        for old, (since, _) in list(self._results.items())[:2]:
            # Two at a time is faster than they come in.
            if now - since >= WINDOW:
                del self._results[old]
        found = self._results.get((room, key))
        return (found[1],) if found is not None and now - found[0] < WINDOW else None

    def remember(self, room: str, key: str, result: Position | None, now: float) -> None:
        self._results[room, key] = (now, result)
