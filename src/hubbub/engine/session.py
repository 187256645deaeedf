"""One connection's life in the engine: what goes out, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Any

from hubbub.engine.outbox import Outbox
from hubbub.model import SLOW, Disconnect

if TYPE_CHECKING:
    from hubbub.contracts import Sink, Timer
    from hubbub.engine.audience import Audience
    from hubbub.engine.node import Node


class Session:
    """A connection on whatever transport; what it sends is for a subclass (`received`).

    `write` is the sink's own while the peer keeps up, and an outbox's while it does not, so
    that whoever writes need not ask. `disconnect` says how the connection ended, once it has.
    """

    __slots__ = ("_deadline", "_outbox", "disconnect", "node", "sink", "user", "write")

    session = ""
    """The login that it belongs to, as the application calls it; empty for none."""

    def __init__(self, node: Node, sink: Sink, user: Any = None) -> None:
        self.node = node
        self.sink = sink
        self.user = user
        self.disconnect: Disconnect | None = None
        self.write: Callable[[bytes], object] = sink.write
        self._outbox: Outbox | None = None
        self._deadline: Timer | None = None

    @property
    def audiences(self) -> Iterable[Audience]:
        """Every audience that this session is in."""
        raise NotImplementedError

    def leave(self) -> None:
        """Be in no room; `disconnect` says why."""
        raise NotImplementedError

    def tell(self, value: Any) -> None:
        """Send `value` to the connection, whatever rooms it is in."""
        raise NotImplementedError

    def marked(self, room: str, offset: int) -> None:
        """Its user has read the room so far, on whichever connection."""

    # What the transport tells (contracts.Receiver).

    def received(self, messages: list[str | bytes]) -> None:
        raise NotImplementedError

    def lost(self, disconnect: Disconnect) -> None:
        if self.disconnect is None:
            self._end(disconnect)

    def hang_up(self, disconnect: Disconnect) -> None:
        """Leave every room, and end the connection after what was already written."""
        if self.disconnect is None:
            self.depart(disconnect)
            self.sink.close(disconnect)

    def depart(self, disconnect: Disconnect) -> None:
        """Leave every room, and leave the connection to others after what was already written."""
        if self.disconnect is not None:
            return
        for audience in self.audiences:
            audience.flush_to(self)
        waiting = b"" if self._outbox is None else self._outbox.take()
        self._end(disconnect)
        if waiting:
            self.sink.write(waiting)

    def writing_paused(self) -> None:
        if self._outbox is not None or self.disconnect is not None:
            return
        node = self.node
        # Cut later, because an outbox overflows in the middle of a room's flush.
        self._outbox = Outbox(node.settings.outbox_bytes, lambda: node.loop.call_soon(self._cut))
        self._deadline = node.clock.call_later(node.settings.outbox_seconds, self._cut)
        self._rewire(self._outbox.put)

    def writing_resumed(self) -> None:
        outbox = self._outbox
        if outbox is None or outbox.overflowed:
            return
        self._keep_up()
        if outbox.size:
            # This may pause the sink again, and so begin a new outbox and a new deadline.
            self.sink.write(outbox.take())

    @property
    def behind(self) -> bool:
        """Whether the peer does not keep up, so that what is written waits."""
        return self._outbox is not None

    def hold(self, place: Hashable, frame: bytes) -> None:
        """Have `frame` wait, instead of what was last held in that place; only while it is
        behind."""
        assert self._outbox is not None
        self._outbox.put_latest(place, frame)

    def _keep_up(self) -> None:
        self._outbox = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._rewire(self.sink.write)

    def _rewire(self, write: Callable[[bytes], object]) -> None:
        self.write = write
        for audience in self.audiences:
            audience.rewire()

    def _cut(self) -> None:
        """The peer is too far behind: what waits for it is worth nothing, tell it to come back."""
        if self.disconnect is None:
            self._end(SLOW)
            self.sink.close(SLOW)

    def _end(self, disconnect: Disconnect) -> None:
        self.disconnect = disconnect
        self.leave()
        self._keep_up()
