"""What a member missed (protocol.md sections 6.3 to 6.6): functions of their arguments.

The one who calls them looks at the log and puts the member into the room in one step, with no
await in between, so that what is published next is the first that the member hears.
"""

from __future__ import annotations

from collections.abc import Sequence
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
