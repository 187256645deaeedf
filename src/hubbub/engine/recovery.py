"""What a member missed, and how it joins what happens meanwhile (protocol.md sections 6.2 to 6.6).

Functions of their arguments. The one who calls them

1. puts the member into the room in such a way that publications go to a buffer,
2. reads the log, and asks `recover` or `recover_cache` what the reply says,
3. gives both to `merge`, from `Recovery.position.offset` on, without an await in between.

A subscribe that recovers nothing is `merge([], buffered, top.offset)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

from hubbub.model import Position, Publication


class Recovery(NamedTuple):
    """What the reply says of the past.

    `publications` ascend and continue `position` without a hole, so that a client which holds
    `position` and takes one after the other is always where the log was. Where not `recovered`
    there are none, and `position` is the top of the log: the member is live from there.
    """

    recovered: bool
    position: Position
    publications: list[Publication]


def recover(asked: Position, top: Position, available: Sequence[Publication]) -> Recovery:
    """Whether `available` is all that was published after `asked` (section 6.3).

    `available` is what the log gave for "after `asked.offset`, so many at most", ascending, and
    `top` is where the log stood in that moment. An `asked.epoch` that is empty is any epoch.
    """
    recovered = (
        asked.epoch in ("", top.epoch)
        and len(available) == top.offset - asked.offset
        # The section looks at the first and the last, which is the same for a log without holes.
        # For one with a hole `merge` has the member cut, and it would come back for the same.
        and all(one.offset == offset for offset, one in enumerate(available, asked.offset + 1))
    )
    if not recovered:
        return Recovery(False, top, [])
    return Recovery(True, Position(asked.offset, top.epoch), list(available))


def recover_cache(asked: Position | None, top: Position, latest: Publication | None) -> Recovery:
    """The latest publication, for who does not have it (section 6.6).

    `asked` is None for a subscribe that asked for nothing and gets the latest all the same.

    An empty epoch is not any epoch here: who cannot say which log its offset is of gets the
    latest again, which costs a publication; to take its word could leave it with another log's.

    The position before the latest is one less than the top, not what was asked: that may be of
    another epoch, and ahead of this log. A client to which a filter then shows nothing would
    keep it, and be told later, at that offset, that it has what it never saw.
    """
    if asked == top:
        return Recovery(True, top, [])
    if latest is None or latest.offset != top.offset:
        return Recovery(False, top, [])
    return Recovery(True, Position(top.offset - 1, top.epoch), [latest])


def merge(
    publications: Sequence[Publication], buffered: Sequence[Publication], after: int
) -> list[Publication] | None:
    """All that follows offset `after`, once and in order; None if something is missing in it.

    On None the session ends with 3010 (section 6.2, step 4): something was lost on the way here,
    and the client gets it from the log when it comes back.

    `publications` is what the log gave, `buffered` what arrived since the member was put into
    the room, both in any order and with what they have in common. All must be of the epoch in
    which the log was read, which a publication does not say: offsets of two epochs look alike.

    A publication with offset 0 was published past the history. None of them is dropped, as no
    log has it, and they stay in the order they arrived: each after all that arrived before it,
    and those that came first of all just before the earliest arrival. Where nothing else
    arrived they come last, because then all that the log gave is older.
    """
    fresh = {
        publication.offset: publication
        for publication in chain(publications, buffered)
        if publication.offset > after
    }
    last = after + len(fresh)
    if fresh and max(fresh) != last:  # different offsets above `after`: this one test is enough
        return None
    placed = [(offset, fresh[offset]) for offset in range(after + 1, last + 1)]
    place = min((one.offset for one in buffered if one.offset > after), default=last + 1) - 1
    for publication in buffered:
        if publication.offset:
            place = max(place, publication.offset)
        else:
            placed.append((place, publication))
    placed.sort(key=itemgetter(0))  # stable: what has the offset stays before what follows it
    return [publication for _, publication in placed]
