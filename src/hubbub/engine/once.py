"""Results of what was published with an idempotency key, for as long as they are remembered."""

from __future__ import annotations

from itertools import islice

from hubbub.errors import Conflict
from hubbub.model import Draft, Position

CONFLICT = "this idempotency key was used in this room for another publication"

Key = tuple[str, str, str]
"""Room, user and key."""


class Once:
    """By room, user and key, the oldest first; forgotten when somebody asks after the window.

    `window` is in seconds.
    """

    def __init__(self, window: float) -> None:
        self._window = window
        self._results: dict[Key, tuple[float, Position | None, int]] = {}

    def __len__(self) -> int:
        return len(self._results)

    def find(self, room: str, draft: Draft, now: float) -> tuple[Position | None] | None:
        """The result of the first one, in a tuple because there may be none in it.

        Raises `Conflict` where that was another publication.
        """
        for old, (since, _, _) in list(islice(self._results.items(), 2)):
            # Two at a time is faster than they come in.
            if now - since >= self._window:
                del self._results[old]
        found = self._results.get(_key(room, draft))
        if found is None or now - found[0] >= self._window:
            return None
        if found[2] != _body(draft):
            raise Conflict(CONFLICT)
        return (found[1],)

    def remember(self, room: str, draft: Draft, result: Position | None, now: float) -> None:
        self._results[_key(room, draft)] = (now, result, _body(draft))


def _key(room: str, draft: Draft) -> Key:
    return room, draft.info.user if draft.info is not None else "", draft.key


def _body(draft: Draft) -> int:
    """What two publications with the same key have in common. Of this process, as all of this."""
    return hash((draft.data, frozenset((draft.tags or {}).items())))
