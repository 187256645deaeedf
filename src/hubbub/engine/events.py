"""What the application's hooks are given, and what they answer with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from hubbub.engine.client import Client
    from hubbub.engine.handles import RoomHandle
    from hubbub.engine.member import Member
    from hubbub.engine.subscription import Subscription
    from hubbub.model import Disconnect
    from hubbub.wire.centrifuge import Error

T = TypeVar("T")


class Join(NamedTuple):
    """`member` joins: it gets what is broadcast from here on.

    `params` are those of the room's pattern, `data` what a Centrifuge client sent along.
    """

    member: Member | Subscription
    room: RoomHandle
    user: Any
    params: Mapping[str, str] = {}
    data: Any = None


class Leave(NamedTuple):
    """`member` has left, and why: its own close, a lost connection, ours."""

    member: Member | Subscription
    room: RoomHandle
    user: Any
    disconnect: Disconnect
    params: Mapping[str, str] = {}


@dataclass(slots=True, frozen=True)
class Connect:
    """Somebody connects, and says with `token`, `data` and the request's headers who it is.

    `headers` are a client's emulation of HTTP headers: as trustworthy as anything it sends.
    """

    client: Client
    token: str | None
    data: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Identity:
    """Who a connection is.

    `user`: a string, an integer or an object with an `id`; None for nobody in particular.
    `info`: JSON that everyone sees beside the user. `rooms`: where the server puts them.
    `expires_at`: Unix seconds; then `on_refresh` is asked, or the connection ends.
    `data`: JSON for the client alone. `session`: the login that the connection belongs to, by a
    name of yours: `hub.disconnect(user, session=…)` ends those of one login alone.
    """

    user: Any = None
    info: Any = None
    rooms: Sequence[str] = ()
    expires_at: float | None = None
    data: Any = None
    session: str = ""


@dataclass(slots=True, frozen=True)
class Grant:
    """What a member may do in a room; None leaves it to the room's options.

    `info`: JSON that everyone sees beside the user in this room. `data`: JSON for the client
    alone. `expires_at`: Unix seconds; then the client has to ask again.
    """

    publish: bool | None = None
    history: bool | None = None
    presence: bool | None = None
    info: Any = None
    data: Any = None
    expires_at: float | None = None


@dataclass(slots=True, frozen=True)
class Publish(Generic[T]):
    """`client` wants to publish `data`, an instance of the pattern's `message` where it has one.

    `member` is its membership, None where it publishes without being in the room.
    """

    client: Client
    member: Subscription | None
    room: RoomHandle
    user: Any
    data: T
    params: Mapping[str, str]


@dataclass(slots=True, frozen=True)
class Call(Generic[T]):
    """`client` calls `method` with `data`."""

    client: Client
    user: Any
    method: str
    data: T


class Message(NamedTuple):
    """`client` sent `data`, and expects no answer."""

    client: Client
    user: Any
    data: Any


class Disconnected(NamedTuple):
    """A Centrifuge client's connection is over, and why."""

    client: Client
    user: Any
    disconnect: Disconnect


@dataclass(slots=True)
class Admission:
    """A connection that may come in: JSON as bytes, empty where there is none."""

    user: Any = None
    info: bytes = b""
    data: bytes = b""
    subs: dict[str, Ticket] = field(default_factory=dict)
    expires_at: float | None = None
    renewable: bool = False
    """Whether the client can extend it with a token (protocol.md section 9.1)."""
    meta: Mapping[str, Any] | None = None
    """What the token says to the application alone."""
    session: str = ""
    """The login that the connection belongs to."""


@dataclass(slots=True)
class Ticket:
    """A subscription that a token or a hook has settled."""

    room: str = ""
    user: str = ""
    client: str = ""
    """Of whom it is, where a token says so."""
    info: bytes = b""
    data: bytes = b""
    override: Mapping[str, bool] = field(default_factory=dict)
    publish: bool | None = None
    history: bool | None = None
    presence: bool | None = None
    expires_at: float | None = None
    renewable: bool = False
    """Whether the client can extend it with a token (protocol.md section 9.3)."""

    def is_for(self, client: Client, room: str) -> bool:
        return self.room == room and self.user == client.user_id and self.client in ("", client.id)


class Gate(Protocol):
    """Who may come in. What a peer is told are values; an exception is our own fault."""

    async def connect(self, event: Connect) -> Admission | Error | Disconnect: ...

    async def refresh(self, client: Client, token: str) -> Admission | Error | Disconnect:
        """A new token of a client that is connected."""

    async def renew(self, client: Client) -> float | None:
        """Where the client has no token to renew: until when it may stay, None to end it."""

    async def ticket(self, token: str) -> Ticket | Error:
        """What a subscription token is worth: an error where it has expired or is none."""
