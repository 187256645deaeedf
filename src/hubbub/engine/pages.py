"""Pages of history, made once for all who ask in the same turn of the loop.

After a lost connection a thousand clients ask for the same publications at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubbub.engine.delta import versions

if TYPE_CHECKING:
    from hubbub.engine.codec import ClientCodec
    from hubbub.engine.tick import Tick
    from hubbub.model import Publication


def _entries(codec: ClientCodec, page: list[Publication], delta: str) -> Any:
    return codec.delta_entries(versions(codec, delta, page)) if delta else codec.entries(page)


class Pages:
    """What was made in this turn, by its ends: publications of a room follow one another."""

    def __init__(self, tick: Tick) -> None:
        self._tick = tick
        # With the ends themselves, so that no other publication gets the place of one.
        self._made: dict[object, tuple[Publication, Publication, Any]] = {}

    def entries(self, codec: ClientCodec, page: list[Publication], delta: str = "") -> Any:
        """`page`, without a gap in it, as it stands in a reply; `delta` as in `Kind`.

        Raises `NotJson`.
        """
        if not page:
            return codec.entries(page)
        first, last = page[0], page[-1]
        key = codec.encoding, delta, id(first), id(last), len(page)
        made = self._made.get(key)
        if made is None:
            if not self._made:
                self._tick.mark(self)
            made = self._made[key] = first, last, _entries(codec, page, delta)
        return made[2]

    def flush(self) -> None:
        """Forget what was made: the turn ends, or something that is in it was erased."""
        self._made.clear()
