"""Rooms whose publications are versions of one document: members are told what has changed.

protocol.md section 13. Each of them gets one publication whole, and from then on, where that is
shorter, what makes the next one of the one before it: its patch, which is made once for all
encodings and kept with the publication, for those who catch up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from hubbub.engine.audience import Audience
from hubbub.engine.tags import everything
from hubbub.model import INAPPROPRIATE_PROTOCOL, Publication
from hubbub.wire.encode import NotJson
from hubbub.wire.fossil import delta

if TYPE_CHECKING:
    from hubbub.engine.audience import Kind
    from hubbub.engine.codec import ClientCodec
    from hubbub.engine.member import Member
    from hubbub.engine.room import Room
    from hubbub.engine.session import Session
    from hubbub.engine.subscription import Subscription
    from hubbub.engine.tick import Tick

EVERY = "every"
MARKED = "marked"
"""What `Kind.delta` says: which publications may be told as patches."""


class Versions:
    """Publications of one room that somebody gets one after the other, in one encoding.

    `base` is the data of the last one, where the next may be told as a patch of it.
    """

    __slots__ = ("_codec", "_which", "base")

    def __init__(self, codec: ClientCodec, which: str) -> None:
        self._codec = codec
        self._which = which
        self.base: bytes | None = None

    def next(self, publication: Publication) -> bytes | None:
        """The patch that makes `publication` of the one before it; None where it has to be told
        whole. Raises `NotJson`."""
        data = self._codec.whole(publication)
        base, self.base = self.base, None
        if not publication.offset or not (publication.delta or self._which == EVERY):
            return None  # nor the one after it: of that, this is not the version before
        self.base = data
        if base is None or data is not publication.data:
            return None
        return patch_of(publication, base)

    def at(self, publication: Publication) -> Versions:
        """The same, where `publication` was the last one."""
        other = Versions(self._codec, self._which)
        other.next(publication)
        return other


def patch_of(publication: Publication, base: bytes) -> bytes | None:
    """What makes `publication` of `base`, made once; None where that is not shorter than it is.

    Either may have other data than it had, where something was erased.
    """
    data, made = publication.data, publication.patch
    if made is None or made[0] is not base or made[1] is not data:
        patch = delta(base, data)
        made = publication.patch = base, data, patch if len(patch) < len(data) else b""
    return made[2] or None


def versions(
    codec: ClientCodec, which: str, publications: Iterable[Publication]
) -> list[tuple[Publication, bytes | None]]:
    """Publications that follow one another, each with its patch; the first is whole."""
    chain = Versions(codec, which)
    return [(publication, chain.next(publication)) for publication in publications]


class DeltaAudience(Audience):
    """Members who asked for patches.

    `accepts` is set, though they get everything, so that a room delivers nothing to them by the
    short ways of those who all get the same: but by `give`.
    """

    __slots__ = ("_frame", "_fresh", "_versions")

    def __init__(self, room: Room, kind: Kind, tick: Tick) -> None:
        super().__init__(room, kind, tick, everything)
        codec = cast("ClientCodec", kind.codec)  # others have no words to ask for patches
        self._versions = Versions(codec, kind.delta)
        frame = self._frame = codec.delta_encoder(room.name)
        self.encode = lambda publication: frame(publication, None)
        # Those who do not have what was delivered last, or got something of their own since.
        self._fresh: set[Session] = set()

    def add(self, session: Session, member: Member | Subscription) -> None:
        super().add(session, member)
        self._fresh.add(session)

    def discard(self, session: Session) -> None:
        super().discard(session)
        self._fresh.discard(session)

    def caught_up(self, session: Session, publication: Publication) -> None:
        """`session`, who has just come, has `publication` from the reply that let it in."""
        chain = self._versions.at(publication)
        if len(self.members) == 1:
            self._versions = chain
        if chain.base is not None and chain.base == self._versions.base:
            self._fresh.discard(session)

    def deliver_to(self, member: Session, frame: bytes) -> None:
        super().deliver_to(member, frame)
        self._fresh.add(member)

    def give(self, publication: Publication, exclude: Session | None) -> None:
        """Deliver `publication` as a patch, to those who have what it is a patch of."""
        fresh = self._fresh
        try:
            patch = self._versions.next(publication)
            if patch is not None and len(fresh) == len(self.members):
                patch = None
            frame = self._frame(publication, patch)
        except NotJson:
            for session in [one for one in self.members if one is not exclude]:
                session.hang_up(INAPPROPRIATE_PROTOCOL)
            return
        position = len(self.pending)
        self.deliver(frame, exclude)
        if patch is not None and fresh:
            whole = self._frame(publication, None)
            for member in fresh:
                self._edits += ((position, member, whole), (position, member, None))
        fresh.clear()
