"""A room: who is in it, what it remembers, and the one way in for what its members are to get.

However a publication came to be (made here, heard from elsewhere, read from a log to fill a
hole), it enters by `advance`, which delivers the next offset, holds what is ahead and ignores
what is behind. That members see one order, without hole or repeat, is a property of that method.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from hubbub.engine.audience import Audience, Kind
from hubbub.engine.codec import BARE
from hubbub.engine.delta import DeltaAudience
from hubbub.engine.pacing import Pace, PacedAudience
from hubbub.engine.tail import put
from hubbub.model import INAPPROPRIATE_PROTOCOL, Publication
from hubbub.wire.encode import NotJson

if TYPE_CHECKING:
    from hubbub.engine.handles import RoomHandle
    from hubbub.engine.log import Log
    from hubbub.engine.member import Member
    from hubbub.engine.presence import Presence
    from hubbub.engine.session import Session
    from hubbub.engine.stream import Stream
    from hubbub.engine.subscription import Subscription
    from hubbub.engine.tags import Predicate
    from hubbub.engine.tick import Tick

_PLAIN = Kind(BARE)


def _by_codec(audience: Audience) -> tuple[str, int]:
    """Those of one encoding side by side, and among them those of one codec."""
    codec = audience.kind.codec
    return codec.encoding, id(codec)


HELD = 1_000
"""Publications that a room holds while something before them is missing in it."""


class Room:
    """The members that are in one room of this node now.

    `plain` are those who get what is said as it is; `audiences` all that have members, those of
    one codec side by side. `only_plain` says that there are no others than `plain`, in a room
    without a `Pace`; `alone` is `plain` as a tuple, shared by all who are in this room alone.
    `stream` is what it remembers in memory: all there is, or where there is a `log`, the tail of
    that, None until the log has been looked at. `pins` are those who wait for that, or wait to be
    let in.
    All of it belongs to the loop's thread.
    """

    __slots__ = (
        "_held",
        "_pace",
        "_tick",
        "alone",
        "audiences",
        "expected",
        "handle",
        "log",
        "name",
        "only_plain",
        "pins",
        "plain",
        "presence",
        "stream",
    )

    def __init__(
        self,
        handle: RoomHandle,
        tick: Tick,
        stream: Stream | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.name = handle.name
        self.handle = handle
        self.stream = stream
        self.log: Log | None = None
        self.pins = 0
        self.presence: Presence | None = None
        self.expected = stream.offset + 1 if stream is not None else 1
        self._pace = pace
        self._tick = tick
        self.plain = self._audience(_PLAIN)
        self.alone: tuple[Audience, ...] = (self.plain,)
        self.audiences: tuple[Audience, ...] = ()
        self.only_plain = pace is None
        self._held: dict[int, Publication] = {}

    def __len__(self) -> int:
        return sum(len(audience.members) for audience in self.audiences)

    def __iter__(self) -> Iterator[Member | Subscription]:
        for audience in self.audiences:
            yield from audience.members.values()

    def audience(self, kind: Kind, accepts: Predicate | None = None) -> Audience:
        """The members of `kind`, which are nobody yet where it is new."""
        for audience in self.audiences:
            if audience.kind == kind:
                return audience
        if kind.delta:
            return DeltaAudience(self, kind, self._tick)
        return self.plain if kind == _PLAIN else self._audience(kind, accepts)

    def _audience(self, kind: Kind, accepts: Predicate | None = None) -> Audience:
        if self._pace is None:
            return Audience(self, kind, self._tick, accepts)
        return PacedAudience(self, kind, self._tick, accepts, self._pace)

    def changed(self, audience: Audience) -> None:
        """`audience` has got its first member, or lost its last."""
        others = [one for one in self.audiences if one is not audience]
        if audience.members:
            others.append(audience)
        self.audiences = tuple(sorted(others, key=_by_codec))
        self.only_plain = self._pace is None and self.audiences == self.alone
        if self._pace is not None and not self.audiences:
            self._pace.stop()

    def restart(self, stream: Stream | None) -> None:
        """Begin anew where `stream` stands: what came before is forgotten."""
        self.stream = stream
        self.expected = 1 if stream is None else stream.offset + 1
        self._held.clear()

    def hear(self, epoch: str, publications: list[Publication]) -> None:
        """What the log has got, somewhere: ascending, and perhaps not the next."""
        log = self.log
        if log is None:
            return  # the room's rules have changed since
        tail = log.tail
        if tail is None or tail.epoch != epoch:
            log.sync()  # which brings them, if they are still to be had
            return
        audiences = self.audiences
        if (
            len(audiences) == 1
            and publications[0].offset == self.expected
            and publications[-1].offset == self.expected + len(publications) - 1
            and audiences[0].accepts is None
            and not self._held
        ):
            # The common case in one piece: what `advance` does for each.
            audience = audiences[0]
            with suppress(NotJson):
                audience.deliver_all(list(map(audience.encode, publications)))
                self.expected += len(publications)
                tail.keep(publications)
                return
        for publication in publications:
            if not self.advance(publication):
                log.sync()

    def erase(self, epoch: str, erased: Mapping[int, bytes]) -> None:
        """The log has other data for these offsets: so has what the room holds of it."""
        tail = None if self.log is None else self.log.tail
        if tail is None or tail.epoch != epoch:
            return  # nothing is held, or of another log
        tail.erase(erased)
        for offset in erased.keys() & self._held.keys():
            put(erased[offset], self._held[offset])

    def close(self) -> None:
        """Nobody is in it: undo the circles, which would be the collector's work."""
        self.alone = ()
        del self.plain
        if self.log is not None:
            self.log.close()

    def publish_all(self, publications: list[Publication], now: float) -> None:
        """Remember them, where the room does, and deliver them; `now` as in `Stream`."""
        stream, audiences = self.stream, self.audiences
        if stream is not None:
            stream.extend(publications, now)
            if len(audiences) == 1 and publications[0].offset == self.expected and not self._held:
                audience = audiences[0]
                if audience.accepts is None:
                    # The common case in one piece: what `advance` does for each.
                    self.expected += len(publications)
                    audience.deliver_all(list(map(audience.encode, publications)))
                    return
        for publication in publications:
            self.advance(publication)

    def advance(self, publication: Publication) -> bool:
        """Deliver `publication` if it is the next, and what was held for it.

        One that is behind is ignored; one without an offset is not counted. False where
        something before it is missing: then it is held, until what is missing has come in.
        """
        offset = publication.offset
        if offset:
            if offset != self.expected:
                if offset > self.expected:
                    self._hold(publication)
                return offset < self.expected
            self.expected = offset + 1
        self._deliver(publication)
        while self._held and (held := self._held.pop(self.expected, None)) is not None:
            self.expected += 1
            self._deliver(held)
        return True

    def _hold(self, publication: Publication) -> None:
        # With a log there is no need to hold much: all of it can be read there.
        if self.log is None or len(self._held) < HELD:
            self._held[publication.offset] = publication

    def _deliver(self, publication: Publication) -> None:
        if self.log is not None and publication.offset and self.log.tail is not None:
            self.log.tail.keep([publication])
        self._give(publication, None)

    def broadcast(self, publication: Publication, exclude: Session | None) -> None:
        """Deliver what is in no log, to everyone but `exclude`, whatever they asked for."""
        self._give(publication, exclude, filtered=False)

    def _give(
        self, publication: Publication, exclude: Session | None, filtered: bool = True
    ) -> None:
        """Make the message once for each encoding, and frame it once for each codec."""
        encoding, codec, message, frame = "", None, b"", b""
        for audience in self.audiences:
            accepts = audience.accepts
            if accepts is not None:
                if isinstance(audience, DeltaAudience):
                    audience.give(publication, exclude)
                    continue
                if filtered and not accepts(publication.tags):
                    continue
            if audience.kind.codec is not codec:
                codec = audience.kind.codec
                if codec.encoding != encoding:
                    encoding = codec.encoding
                    try:
                        message = audience.message(publication)
                    except NotJson:
                        message = b""
                frame = codec.wrap(message) if message else b""
            if frame:
                audience.deliver(frame, exclude, publication.tags)
            else:
                # As the protocol has it (section 10.2) for who could not read it.
                for session in [one for one in audience.members if one is not exclude]:
                    session.hang_up(INAPPROPRIATE_PROTOCOL)
