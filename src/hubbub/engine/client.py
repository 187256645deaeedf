"""A connection that speaks commands: many rooms over one socket, each command answered.

protocol.md sections 2 to 9. What it says and is answered is its `Conversation`; here is who it is,
until when, and how it ends. Which transport it is on is its sink's to know.
"""

from __future__ import annotations

import logging
import math
import secrets
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Raw

from hubbub.engine import entering
from hubbub.engine.conversation import Conversation, State
from hubbub.model import (
    BAD_REQUEST,
    EXPIRED,
    INTERNAL_ERROR,
    NO_PONG,
    NORMAL,
    RESTART,
    SERVER_ERROR,
    SHUTDOWN,
    STALE,
    STALLED,
    ClientInfo,
    Disconnect,
)
from hubbub.wire.centrifuge import DataResult
from hubbub.wire.encode import to_json

if TYPE_CHECKING:
    from hubbub.contracts import Sink, Timer
    from hubbub.engine.audience import Audience
    from hubbub.engine.codec import ClientCodec
    from hubbub.engine.node import Node

log = logging.getLogger("hubbub")

# For who speaks this protocol these ends have codes of its own.
_TRANSLATED = {
    RESTART: SHUTDOWN,
    Disconnect(RESTART.code, ""): SHUTDOWN,
    INTERNAL_ERROR: SERVER_ERROR,
    Disconnect(INTERNAL_ERROR.code, ""): SERVER_ERROR,
}


class Client(Conversation):
    """One connection of a Centrifuge client.

    `id` is its own among all; `user` who it is, `user_id` the same as text, empty for nobody.
    `meta` is what a token said to the application alone; `session` the login that it belongs to.
    `scope` is what the transport knows of the request, where the application's hooks need it.
    """

    secret = ""
    """What its commands come with, where they do not come by the connection itself."""

    __slots__ = (
        "_timer",
        "expires_at",
        "info",
        "meta",
        "pinged",
        "pings",
        "renewable",
        "scope",
        "session",
        "slot",
        "token_rooms",
        "user_id",
    )

    def __init__(
        self, node: Node, sink: Sink, codec: ClientCodec, scope: Any = None, pings: bool = True
    ) -> None:
        super().__init__(node, sink, codec, secrets.token_urlsafe(8))
        self.user_id = ""
        self.info = ClientInfo("", self.id)
        self.scope = scope
        self.session = ""
        self.slot = 0
        self.pinged = False
        self.pings = pings  # else the transport's own do
        self.expires_at: float | None = None
        self.renewable = False
        self.token_rooms: frozenset[str] = frozenset()
        self.meta: Mapping[str, Any] | None = None
        self._timer: Timer | None = node.clock.call_later(node.settings.stale_seconds, self._stale)

    def __repr__(self) -> str:
        return f"<Client {self.id}, user {self.user!r}, {self.state.value}>"

    # What the programmer may do.

    def send(self, value: Any) -> None:
        """Send `value`, anything JSON can hold, to this connection; from any thread."""
        self.node.run(self._tell, to_json(value))

    def close(self, code: int = NORMAL.code, reason: str = "") -> None:
        """End the connection; 3500 to 3999 and 4500 to 4999 tell the client to stay away.

        From any thread. Raises ValueError for a code that cannot be sent.
        """
        self.node.run(self.hang_up, Disconnect.given(code, reason))

    # What it is told.

    def tell(self, value: Any) -> None:
        self._tell(to_json(value))

    def marked(self, room: str, offset: int) -> None:
        self.tell({"read": {"room": room, "offset": offset}})

    def _tell(self, data: bytes) -> None:
        if self.disconnect is None and self.state is State.HERE:
            self.push("", "message", DataResult(Raw(data)))

    # Who it is, and until when.

    def start_asking(self) -> None:
        """The client has said who it is, and waits to be let in."""
        self.state = State.ASKING

    def here(self, expires_at: float | None) -> None:
        """The connection has been let in."""
        node = self.node
        self.state = State.HERE
        self.expire_at(expires_at)
        node.clients[self.id] = self
        node.arrive(self)
        if self.pings:
            node.client_heartbeat.add(self, spread=True)

    def expire_at(self, expires_at: float | None) -> None:
        """End the connection then (Unix seconds), or ask the application about it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.expires_at = expires_at
        if expires_at is not None and self.disconnect is None:
            clock, grace = self.node.clock, self.node.settings.expired_seconds
            delay = expires_at - clock.time() + (grace if self.renewable else 0.0)
            self._timer = clock.call_later(max(0.0, delay), self._expired)

    def ttl(self, expires_at: float) -> int:
        """Whole seconds until then, at least 1, and at most what the protocol can say."""
        return min(max(1, math.ceil(expires_at - self.node.clock.time())), 0xFFFF_FFFF)

    def _expired(self) -> None:
        self._timer = None
        if self.renewable:
            self.hang_up(EXPIRED)
        else:
            self.node.start(self._renew())

    async def _renew(self) -> None:
        gate, until = self.node.gate, None
        try:
            until = None if gate is None else await gate.renew(self)
        except (Exception, SystemExit) as error:
            log.error("a hook failed for client %s", self.id, exc_info=error)
        if until is None or until <= self.node.clock.time():
            self.hang_up(EXPIRED)
        else:
            self.expire_at(until)

    def _stale(self) -> None:
        self._timer = None
        self.hang_up(STALE)

    # What the heartbeat asks (engine.heartbeat.Peer).

    def ping(self) -> None:
        if self.sink.stalled():
            self.hang_up(STALLED)
        else:
            self.pinged = True
            self.write(self.codec.PING)

    def check(self) -> None:
        if self.pinged:
            self.hang_up(NO_PONG)

    def pong(self, id: int) -> None:
        if id or not self.pinged:
            self.hang_up(BAD_REQUEST)
        self.pinged = False

    # How it ends.

    @property
    def audiences(self) -> Iterable[Audience]:
        return [sub.audience for sub in self.subs.values()]

    def hang_up(self, disconnect: Disconnect) -> None:
        self.flush()
        super().hang_up(_TRANSLATED.get(disconnect, disconnect))

    def leave(self) -> None:
        assert self.disconnect is not None
        self.forget_commands()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for sub in list(self.subs.values()):
            entering.leave(sub, self.disconnect)
        if self.state is State.HERE and self.pings:
            self.node.client_heartbeat.discard(self)
        self.node.disconnected(self, self.disconnect)
