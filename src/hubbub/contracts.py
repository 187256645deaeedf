"""The seams, each with its laws. `hubbub.testing` has a suite that holds an implementation to them.

A seam is small on purpose: what is behind it can be replaced without the path knowing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from hubbub.model import Appended, Disconnect, Draft, LogState, Page, Unread
from hubbub.tables import Tables


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """After this the call is not made. Harmless when it was made or cancelled before."""


class Clock(Protocol):
    """Time for the engine: monotonic, in seconds, from an arbitrary start.

    Laws: `now` never goes back; a call is never made before it is due, nor inside `call_later`;
    calls are made in the order of their due times.
    """

    def now(self) -> float: ...

    def time(self) -> float:
        """Unix seconds, which may jump: for what others have written a time on."""

    def call_later(self, delay: float, call: Callable[[], None]) -> Timer:
        """Make `call` on the loop's thread once `delay` seconds have passed."""


class Store(Protocol):
    """Where the logs of durable rooms live.

    Every room has one, which begins empty at offset 0: a room that nobody ever published to has
    a position too, in an epoch that stays the same until the store itself is made anew. Room
    names are as `model.check_room_name` allows them. All methods belong to one event loop, may
    be called concurrently, and never block it. Each raises `Unavailable`, and nothing else,
    when the log cannot be reached (for `append` see there); a call that raised may be made again
    at any time, and succeeds once the cause is gone.

    Laws, run against every store by `hubbub.testing.store_laws`:

    - within an epoch the offsets of a room are 1, 2, 3, … without a hole, in the order in which
      drafts were given, whichever instance appends;
    - what `append` returned as stored, every later read of every instance sees, after a crash
      of this process too where the store is a durable one;
    - reading never waits for appending;
    - cancelled or raising, a call is carried out whole or not at all.
    """

    async def start(self) -> None:
        """Open the store, and bring its schema into order where that is its to do.

        Raises `ConfigurationError`, with a text that says what to do, for an address that
        cannot work and for a schema that is newer, foreign, or needs an upgrade that nobody
        asked for; none of these is altered.
        """

    async def stop(self) -> None:
        """Let go of everything, once what was begun is done. Harmless when it never started."""

    async def append(self, drafts: Sequence[tuple[str, Draft]]) -> list[Appended]:
        """Append each draft to the room it comes with; what became of each, in their order.

        When it returns, all that is `Fate.STORED` is committed, together. Idempotency: of the
        drafts with the same room, `info.user` ("" without info) and `key` (when not empty),
        within the window only the first is stored, also where they come in one call; a later
        one is `REPEATED` where data and tags are the same, else `CONFLICT`. A draft with a
        `version` above 0 is `OUTDATED` where the last such draft that was stored in the room
        has the same `version_epoch` and a version as high or higher; the key is looked at
        first, and an outdated draft leaves no key behind. `Draft.history` is not looked at.
        A draft that a projection said no to is `REFUSED`, and leaves no key behind either.

        An erasure of an offset that is not there, or not below the draft's own, is ignored.

        Raises `Unavailable`: nothing is stored, unless it says `unknown`; then all of it is, or
        nothing, and the keys tell.
        """

    async def read(
        self, room: str, offset: int, limit: int, size: int, *, backwards: bool = False
    ) -> Page:
        """At most `limit` publications after `offset`, ascending; `backwards`, before it,
        descending.

        Trimmed ones are not there: reading goes on with the next that is. The page ends before
        its `data` exceeds `size` bytes, but holds one publication if there is one. `limit` 0
        asks for the position alone. Page and position are of one moment.
        """

    async def states(self, rooms: Sequence[str]) -> list[LogState]:
        """How the logs of these rooms stand, in their order; of one moment."""

    async def rooms(self, after: str, limit: int) -> list[LogState]:
        """The logs of at most `limit` rooms that have ever been published to and not been
        removed since, by name (code point order), beginning behind `after`."""

    async def trim(self, room: str, first: int, before: int, most: int) -> int:
        """Remove the oldest publications: those below offset `first`, and those stored before
        `before` (Unix milliseconds; 0 for none). At most `most` of them, in one short step.

        Returns how many; fewer than `most` means that none is left to remove. The position
        stays.
        """

    async def remove(self, room: str) -> None:
        """Have the room's log begin anew, empty and in another epoch. At once: what was in it
        is purged by `sweep`. Its keys, its version and its markers are forgotten."""

    async def mark(self, room: str, user: str, offset: int) -> int:
        """Move the user's marker in the room to `offset`, at most to where the log stands; a
        marker does not go back. Returns where it is: everything up to there has been read."""

    async def unread(self, user: str, rooms: Sequence[str], most: int) -> list[Unread]:
        """What the user has not read in each of `rooms`, in their order, each count at most
        `most`; of one moment. Trimmed and erased publications, and the user's own, do not
        count."""

    async def sweep(self, most: int) -> int:
        """Purge at most `most` entries of what nobody can see: removed logs, keys past the
        window. Returns how many; fewer than `most` means that nothing is left."""

    async def check(self) -> None:
        """Whether something can be written, tried out. Raises `Unavailable` where not."""

    def tables(self) -> Tables:
        """The database that the logs are in, for an application's own tables; as long as the
        store is started. Raises `ConfigurationError` where there is none."""


class Sink(Protocol):
    """Where a member's bytes go, and how its stream of messages is held and ended.

    Laws:
    - no method blocks, awaits or raises, whatever became of the peer;
    - bytes arrive in the order they were written, whole frames at a time, or not at all;
    - what was written before `close` goes out before the close does, if the peer takes it
      within the close deadline; after that deadline the connection is dropped;
    - after `close` or `abort`, or once the peer is gone, every call is ignored;
    - a sink whose peer does not keep up calls its session's `writing_paused`, and once what
      it held is gone, `writing_resumed`; `write` takes bytes in between all the same.
    """

    def write(self, frames: bytes) -> None:
        """Take whole WebSocket frames, one or more, as `wire.frames` makes them."""

    def close(self, disconnect: Disconnect) -> None:
        """End the connection after what was written, telling the peer why."""

    def abort(self) -> None:
        """Drop the connection at once, telling nobody."""

    def pause_reading(self) -> None:
        """Take nothing more from the peer until `resume_reading`; what was read still comes."""

    def resume_reading(self) -> None: ...

    def stalled(self) -> bool:
        """Whether a message has been incomplete since the last call. Called once an interval."""


class Receiver(Protocol):
    """What a transport tells: a session, or the bridge to an ASGI application."""

    def received(self, messages: list[str | bytes]) -> None:
        """Messages that arrived together, at least one, in order. Must not raise."""

    def lost(self, disconnect: Disconnect) -> None:
        """The peer is gone, or said that it goes. May be called more than once."""

    def hang_up(self, disconnect: Disconnect) -> None:
        """The server wants this connection to end."""

    def writing_paused(self) -> None:
        """The peer does not keep up."""

    def writing_resumed(self) -> None:
        """It has caught up."""
