"""Which projections an application has given to a store, and which batches concern them."""

from __future__ import annotations

from collections.abc import Iterable

from hubbub.model import Draft
from hubbub.tables import Projection


class Projections:
    def __init__(self) -> None:
        self._all: list[Projection] = []

    def add(self, projection: Projection) -> None:
        self._all.append(projection)

    def of(self, room: str) -> Projection | None:
        """Whose concern the room is."""
        for projection in self._all:
            if projection.concerns(room):
                return projection
        return None

    def plain(self, drafts: Iterable[tuple[str, Draft]]) -> bool:
        """Whether these drafts change nothing but the logs that they enter."""
        for _, draft in drafts:
            if draft.unread or draft.erase:
                return False
        return not self._all or all(self.of(room) is None for room in {room for room, _ in drafts})
