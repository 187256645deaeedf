"""A subscription: a Centrifuge client in a room, as the programmer holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubbub.model import INAPPROPRIATE_PROTOCOL, NORMAL, ClientInfo, Publication
from hubbub.wire.encode import NotJson, to_data

if TYPE_CHECKING:
    from hubbub.contracts import Timer
    from hubbub.engine.audience import Audience
    from hubbub.engine.client import Client
    from hubbub.engine.handles import RoomHandle
    from hubbub.engine.rules import Rule
    from hubbub.model import Disconnect


class Subscription:
    """One client in one room; the other kind of member than `Member`."""

    __slots__ = (
        "audience",
        "client",
        "durable",
        "expiry",
        "history",
        "info",
        "may_publish",
        "name",
        "positioned",
        "presence",
        "publish_at_once",
        "recoverable",
        "renewable",
        "rule",
        "server_side",
        "tells",
        "unread",
    )

    def __init__(self, client: Client, name: str, rule: Rule, info: ClientInfo) -> None:
        self.client = client
        self.name = name
        self.rule = rule
        self.info = info
        self.audience: Audience
        self.may_publish = False
        self.publish_at_once = False  # may publish, and nobody wants to look at it first
        self.durable = rule.options.durable
        self.unread = rule.options.read_markers  # what is published is, until it was read
        self.history: bool | None = None
        self.presence: bool | None = None
        self.positioned = False
        self.recoverable = False
        self.renewable = False
        self.server_side = False
        self.tells = False  # the room of its coming and going
        self.expiry: Timer | None = None

    def __repr__(self) -> str:
        return f"<Subscription to {self.name!r}, user {self.user!r}>"

    @property
    def user(self) -> Any:
        return self.client.user

    @property
    def room(self) -> RoomHandle:
        return self.client.node.room(self.name)

    @property
    def params(self) -> dict[str, str]:
        """The parameters of the room's pattern."""
        return self.rule.params(self.name)

    def send(self, value: Any) -> None:
        """Send `value`, bytes or anything JSON can hold, to this member alone; as `Member.send`."""
        self.client.node.run(self._send, *to_data(value))

    def _send(self, data: bytes, binary: bool) -> None:
        if self.client.subs.get(self.name) is self:
            audience = self.audience
            try:
                frame = audience.encode(Publication(data, binary=binary))
            except NotJson:
                self.client.hang_up(INAPPROPRIATE_PROTOCOL)
            else:
                audience.deliver_to(self.client, frame)

    def hang_up(self, disconnect: Disconnect) -> None:
        self.client.hang_up(disconnect)

    def close(self, code: int = NORMAL.code, reason: str = "") -> None:
        """End the client's connection, and so all its memberships; as `Member.close`."""
        self.client.close(code, reason)
