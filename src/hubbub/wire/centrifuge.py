"""What is said in the Centrifuge client protocol (protocol.md sections 1 to 9), as values.

Its words stay here: what it calls a channel is a room everywhere else. Names and defaults of the
structs are the protocol's; a field with a default is left out of what is sent when it has it.
How they become bytes is for `centrifuge_json` and `centrifuge_protobuf`, whose own forms of
publications and of who somebody is (`Any` here) stand in them as they are.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, NamedTuple

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

UInt32 = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]
UInt64 = Annotated[int, Meta(ge=0)]
"""No upper bound, since msgspec takes none so large: a larger offset is one never reached."""
Int32 = Annotated[int, Meta(ge=-0x8000_0000, le=0x7FFF_FFFF)]

NO_DATA = Raw()


class Error(NamedTuple):
    """The error of a reply (section 10.1)."""

    code: int
    message: str
    temporary: bool = False


INTERNAL = Error(100, "internal server error", True)
UNKNOWN_CHANNEL = Error(102, "unknown channel")
DENIED = Error(103, "permission denied")
METHOD_NOT_FOUND = Error(104, "method not found")
ALREADY_SUBSCRIBED = Error(105, "already subscribed")
LIMIT_EXCEEDED = Error(106, "limit exceeded")
BAD_REQUEST = Error(107, "bad request")
NOT_AVAILABLE = Error(108, "not available")
TOKEN_EXPIRED = Error(109, "token expired")
EXPIRED = Error(110, "expired")
UNRECOVERABLE = Error(112, "unrecoverable position")
UNAVAILABLE = Error(INTERNAL.code, "the log is not available: try again", True)

TEMPORARY = frozenset({100, 111, 113})
"""Codes after which a client tries again."""


# What a client asks. -------------------------------------------------------------------------


class FilterNode(Struct):
    """A node of a tags filter (section 14)."""

    op: str = ""
    key: str = ""
    cmp: str = ""
    val: str = ""
    vals: list[str] = []
    nodes: list[FilterNode] = []


class SubscribeRequest(Struct):
    channel: str = ""
    token: str = ""
    recover: bool = False
    offset: UInt64 = 0
    epoch: str = ""
    data: Raw = NO_DATA
    positioned: bool = False
    recoverable: bool = False
    join_leave: bool = False
    delta: str = ""
    tf: FilterNode | None = None
    flag: int = 0
    type: int = 0


class ConnectRequest(Struct):
    token: str = ""
    data: Raw = NO_DATA
    subs: dict[str, SubscribeRequest] = {}
    name: str = ""
    version: str = ""
    headers: dict[str, str] = {}


class UnsubscribeRequest(Struct):
    channel: str = ""


class PublishRequest(Struct, gc=False):
    channel: str = ""
    data: Raw = NO_DATA
    type: int = 0

    binary: ClassVar[bool] = False


class BinaryPublishRequest(PublishRequest, gc=False):
    """Its data is not known to be JSON in one line (`model.Publication`)."""

    binary: ClassVar[bool] = True


class PresenceRequest(Struct):
    channel: str = ""


class StreamPosition(Struct):
    offset: UInt64 = 0
    epoch: str = ""


class HistoryRequest(Struct):
    channel: str = ""
    limit: Int32 = 0
    since: StreamPosition | None = None
    reverse: bool = False


class RpcRequest(Struct):
    method: str = ""
    data: Raw = NO_DATA


class SendRequest(Struct):
    data: Raw = NO_DATA


class RefreshRequest(Struct):
    token: str = ""


class SubRefreshRequest(Struct):
    channel: str = ""
    token: str = ""


class Command(Struct):
    """One of the bodies is set, or none for a pong (section 2.1).

    Where there are several, the first in the order of `BODIES` counts (section 2.3).
    """

    id: UInt32 = 0
    connect: ConnectRequest | None = None
    ping: Raw | None = None
    subscribe: SubscribeRequest | None = None
    unsubscribe: UnsubscribeRequest | None = None
    publish: PublishRequest | None = None
    presence: PresenceRequest | None = None
    presence_stats: PresenceRequest | None = None
    history: HistoryRequest | None = None
    rpc: RpcRequest | None = None
    send: SendRequest | None = None
    refresh: RefreshRequest | None = None
    sub_refresh: SubRefreshRequest | None = None


BODIES = Command.__struct_fields__[1:]


class JustPublish(Struct, gc=False, forbid_unknown_fields=True):
    """A command that is nothing but a `publish`: most are, and this is read in less time."""

    id: UInt32
    publish: PublishRequest


# What it is answered. ------------------------------------------------------------------------


class SubscribeResult(Struct, omit_defaults=True):
    expires: bool = False
    ttl: int = 0
    recoverable: bool = False
    epoch: str = ""
    publications: Any = UNSET
    recovered: bool = False
    offset: int = 0
    positioned: bool = False
    data: Raw | UnsetType = UNSET
    was_recovering: bool = False
    delta: bool = False


class ConnectResult(Struct, omit_defaults=True):
    client: str
    version: str
    expires: bool = False
    ttl: int = 0
    data: Raw | UnsetType = UNSET
    subs: dict[str, SubscribeResult] = {}
    ping: int = 0
    pong: bool = False
    session: str = ""
    node: str = ""


class RefreshResult(Struct, omit_defaults=True):
    client: str
    version: str
    expires: bool = False
    ttl: int = 0


class SubRefreshResult(Struct, omit_defaults=True):
    expires: bool = False
    ttl: int = 0


class PresenceResult(Struct):
    presence: dict[str, Any]


class PresenceStatsResult(Struct):
    num_clients: int
    num_users: int


class HistoryResult(Struct):
    publications: Any
    epoch: str
    offset: int


class DataResult(Struct, omit_defaults=True):
    """The result of an `rpc`, and the body of a `message` push."""

    data: Raw | UnsetType = UNSET


class Empty(Struct):
    """A result that says nothing but that it worked."""


class InfoPush(Struct):
    """The body of a `join` and of a `leave`."""

    info: Any


class UnsubscribePush(Struct):
    code: int
    reason: str


class SubscribePush(Struct, omit_defaults=True):
    recoverable: bool = False
    epoch: str = ""
    offset: int = 0
    positioned: bool = False
    data: Raw | UnsetType = UNSET


class DisconnectPush(Struct, omit_defaults=True):
    code: int
    reason: str
    reconnect: bool = False


class RefreshPush(Struct, omit_defaults=True):
    expires: bool = False
    ttl: int = 0
