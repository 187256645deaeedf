"""An audience: the members of a room who get the same bytes.

A publication is framed before it comes here. `deliver` only remembers it; once a turn of the
event loop `flush` joins what was remembered and hands the same bytes to each member. That loop
holds no await, no task and no branch per member: a member that is behind has changed what its
`write` is (`Session`), and one that gets something else than the others is taken out of the
loop before it starts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hubbub.engine.codec import Codec
    from hubbub.engine.member import Member
    from hubbub.engine.room import Room
    from hubbub.engine.session import Session
    from hubbub.engine.subscription import Subscription
    from hubbub.engine.tags import Predicate
    from hubbub.engine.tick import Tick
    from hubbub.model import Publication

log = logging.getLogger("hubbub")

Write = Callable[[bytes], object]


class Kind(NamedTuple):
    """What the members of one audience have in common: how they are spoken to, and of what."""

    codec: Codec
    joins: bool = False
    """Whether they hear of joins and leaves."""
    filter: bytes = b""
    """Which publications they asked for, as the filter's own text; empty for all."""
    delta: str = ""
    """Which publications they are told as what has changed, as `delta` names them; none where
    empty."""


class Audience:
    """Members of one room of this node, and the frames of this turn.

    While `pending` holds something the audience is due for a flush. `accepts` says of a
    publication's tags whether it is for them; None where every publication is.

    All of it belongs to the loop's thread.
    """

    __slots__ = (
        "_edits",
        "_messages",
        "_tick",
        "_writes",
        "accepts",
        "encode",
        "kind",
        "members",
        "pending",
        "room",
    )

    def __init__(
        self, room: Room, kind: Kind, tick: Tick, accepts: Predicate | None = None
    ) -> None:
        self.room = room
        self.kind = kind
        self.encode = kind.codec.encoder(room.name)
        self._messages: Callable[[Publication], bytes] | None = None
        self.accepts = accepts
        # In the order of joining; by session, because each is in a room once.
        self.members: dict[Session, Member | Subscription] = {}
        self._tick = tick
        self.pending: list[bytes] = []
        # (position in pending, member, frame): that member alone gets the frame there, or with
        # None does not get the pending frame there.
        self._edits: list[tuple[int, Session, bytes | None]] = []
        self._writes: list[Write] | None = None

    def message(self, publication: Publication) -> bytes:
        """The message of `publication`, not framed: for those of the same encoding. Raises
        `NotJson`."""
        if self._messages is None:  # few rooms have members of two kinds
            self._messages = self.kind.codec.payloads(self.room.name)
        return self._messages(publication)

    def add(self, session: Session, member: Member | Subscription) -> None:
        """From here on `session` gets what is delivered, and nothing from before."""
        self.flush()
        self.members[session] = member
        self._writes = None

    def discard(self, session: Session) -> None:
        """What was delivered before still reaches `session`; nothing after does."""
        self.flush()
        self.members.pop(session, None)
        self._writes = None

    def rewire(self) -> None:
        """A member's `write` has changed."""
        self._writes = None

    def deliver(
        self,
        frame: bytes,
        exclude: Session | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Give `frame` to every member at the end of this turn of the loop.

        `tags` are those of the publication; only some audiences want to know (`PacedAudience`).
        """
        pending = self.pending
        if not pending and not self._edits:
            self._tick.mark(self)
        if exclude is not None:
            self._edits.append((len(pending), exclude, None))
        pending.append(frame)

    def deliver_all(self, frames: list[bytes]) -> None:
        """Give all of `frames` to every member at the end of this turn of the loop."""
        if not self.pending and not self._edits:
            self._tick.mark(self)
        self.pending += frames

    def announce(self, frame: bytes) -> None:
        """As `deliver`, for what is no publication: nothing ever comes in its place."""
        self.deliver(frame)

    def deliver_to(self, member: Session, frame: bytes) -> None:
        """Give `frame` to `member` alone, in order with what the room delivers."""
        if self.pending or self._edits:
            self._edits.append((len(self.pending), member, frame))
        else:
            self._tick.deliveries += 1
            member.write(frame)

    def flush_to(self, session: Session) -> None:
        """Write what was delivered until now: to `session`, if to nobody else."""
        self.flush()

    def flush(self) -> None:
        """Write what this turn delivered."""
        pending = self.pending
        if not pending and not self._edits:
            return
        writes = self._writes
        if self._edits:
            writes = self._write_edited()
        elif writes is None:
            writes = self._writes = [member.write for member in self.members]
        if pending:
            self.pending = []
            self._tick.deliveries += len(pending) * len(writes)
            write_all(writes, pending[0] if len(pending) == 1 else b"".join(pending))

    def _write_edited(self) -> list[Write]:
        """Write to the members that get something of their own; return the others' writes."""
        edits, self._edits = self._edits, []
        own: dict[Session, list[tuple[int, bytes | None]]] = {}
        for position, member, frame in edits:
            own.setdefault(member, []).append((position, frame))
        for member, changes in own.items():
            if member in self.members:
                frames = _edit(self.pending, changes)
                self._tick.deliveries += len(frames)
                write_all([member.write], b"".join(frames))
        return [member.write for member in self.members if member not in own]


def _edit(frames: list[bytes], changes: Iterable[tuple[int, bytes | None]]) -> list[bytes]:
    """`frames` with `changes` (positions rising): a frame is put in there, None takes one out."""
    edited: list[bytes] = []
    done = 0
    for position, frame in changes:
        edited += frames[done:position]
        done = max(done, position)
        if frame is None:
            done = position + 1
        else:
            edited.append(frame)
    return edited + frames[done:]


def write_all(writes: Iterable[Write], data: bytes) -> None:
    """Hand `data` to each of `writes`. If a sink raises, which it must not, the rest get it."""
    rest = iter(writes)
    while True:
        try:
            for write in rest:
                write(data)
            return
        except Exception:
            log.exception("a sink raised; its member missed %d bytes", len(data))
