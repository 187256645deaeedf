"""The seams, each with its laws. `hubbub.testing` has a suite that holds an implementation to them.

A seam is small on purpose: what is behind it can be replaced without the path knowing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hubbub.model import Disconnect


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
