"""Values that every part speaks of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, Self

from msgspec import Struct
from msgspec.json import decode

from hubbub.errors import ConfigurationError, InvalidName, Refused

VERSION = "0.1.0"

MAX_ROOM_NAME = 255
"""Characters."""

MAX_KEY = 255
"""Characters of an idempotency key."""


class Disconnect(NamedTuple):
    """What a peer is told when the server ends its connection (a WebSocket close).

    3500 to 3999 and 4500 to 4999 mean "do not come back"; every other code means "come back"
    (protocol.md section 10.2).
    """

    code: int
    reason: str

    @classmethod
    def given(cls, code: int, reason: str) -> Self:
        """For what a programmer asks for. Raises ValueError for a code that cannot be sent."""
        if not is_close_code(code):
            raise ValueError(
                f"{code} is no code to close with: 1000 is the usual one, 4000 to 4999 are yours"
            )
        return cls(code, reason)


def is_close_code(code: int) -> bool:
    """Whether a close frame may carry `code` (RFC 6455 section 7.4, IANA registry)."""
    return 3000 <= code <= 4999 or (1000 <= code <= 1014 and code not in {1004, 1005, 1006})


def may_come_back(code: int) -> bool:
    """Whether a client whose connection ended so connects again by itself (protocol.md section
    10.2)."""
    return not (3500 <= code <= 3999 or 4500 <= code <= 4999)


NORMAL = Disconnect(1000, "")
TEXT_ONLY = Disconnect(1003, "this room takes text only")
VANISHED = Disconnect(1006, "no answer to a ping")  # for our side: the peer is not there to hear it
INTERNAL_ERROR = Disconnect(1011, "internal error")
RESTART = Disconnect(1012, "restart")
TRY_AGAIN_LATER = Disconnect(1013, "the log is not available")
SHUTDOWN = Disconnect(3001, "shutdown")
SERVER_ERROR = Disconnect(3004, "internal server error")
EXPIRED = Disconnect(3005, "connection expired")
SUBSCRIPTION_EXPIRED = Disconnect(3006, "subscription expired")
SLOW = Disconnect(3008, "slow")
STALLED = Disconnect(3009, "message not finished in time")
INSUFFICIENT_STATE = Disconnect(3010, "insufficient state")
NO_PONG = Disconnect(3012, "no pong")
TOO_MANY_REQUESTS = Disconnect(3013, "too many requests")
INVALID_TOKEN = Disconnect(3500, "invalid token")
BAD_REQUEST = Disconnect(3501, "bad request")
STALE = Disconnect(3502, "stale")
FORCED = Disconnect(3503, "force disconnect")
CONNECTION_LIMIT = Disconnect(3504, "connection limit")
CHANNEL_LIMIT = Disconnect(3505, "channel limit")
INAPPROPRIATE_PROTOCOL = Disconnect(3506, "inappropriate protocol")
PERMISSION_DENIED = Disconnect(3507, "permission denied")
NOT_AVAILABLE = Disconnect(3508, "not available")


class Position(NamedTuple):
    """Where a room's log stands: `offset` rises by one with each publication of an `epoch`."""

    offset: int
    epoch: str


class ClientInfo(Struct, gc=False):
    """Who did something: a user, on one of their connections.

    `conn_info` and `chan_info` are JSON, what came with the connection and with the membership;
    empty where there is none. `json` is a codec's own, which keeps its text there.
    """

    user: str
    client: str
    conn_info: bytes = b""
    chan_info: bytes = b""
    json: bytes = b""


class Publication(Struct, gc=False):
    """One entry of a room: `data` is JSON in one line, or with `binary` whatever it is. Its offset
    is 0 where the room keeps no log of it.

    `at` is when it was stored (Unix milliseconds), 0 where that is not known. `delta` says that
    it is a version of what was published before it, and may be told as what has changed. `json`
    is a codec's own, which keeps its text there; `patch` is `engine.delta`'s.
    """

    data: bytes
    offset: int = 0
    info: ClientInfo | None = None
    tags: Mapping[str, str] | None = None
    json: bytes = b""
    at: int = 0
    binary: bool = False
    delta: bool = False
    patch: tuple[bytes, bytes, bytes] | None = None

    @property
    def value(self) -> Any:
        """What was published, decoded; bytes where it is `binary`."""
        return self.data if self.binary else decode(self.data)


class Draft(NamedTuple):
    """What somebody wants to publish: `data` is JSON in one line, or with `binary` whatever it is.

    `key` is the idempotency key. `version` above 0: published only where it is higher than the
    last one with the same `version_epoch`. `delta` as in `Publication`.

    For the logs of durable rooms alone: `unread` has it count as unread for everybody but its
    user, until they have read so far; `mentions` are the users whom it is for in particular,
    `EVERYONE` among them for all. `erase` are earlier publications of the room, by offset, and
    the data (JSON) that takes the place of theirs; they count as unread no more.
    """

    data: bytes
    tags: Mapping[str, str] | None = None
    key: str = ""
    history: bool = True
    info: ClientInfo | None = None
    version: int = 0
    version_epoch: str = ""
    unread: bool = False
    mentions: Sequence[str] = ()
    erase: Sequence[tuple[int, bytes]] = ()
    binary: bool = False
    delta: bool = False

    def entry(self, offset: int, at: int = 0) -> Publication:
        """What it is as an entry of a room."""
        return Publication(
            self.data, offset, self.info, self.tags or None, b"", at, self.binary, self.delta
        )


EVERYONE = "*"
"""Who is mentioned where all are. Nobody in particular can be called so."""


class Fate(Enum):
    """What became of a draft that was given to a store."""

    STORED = "stored"
    REPEATED = "repeated"
    """Its key was used before, for the same: nothing is stored, the position is the first one's."""
    CONFLICT = "conflict"
    """Its key was used before, for something else: nothing is stored."""
    OUTDATED = "outdated"
    """Its version is not newer than the last one's: nothing is stored, the position is the top."""
    REFUSED = "refused"
    """A projection said no: nothing is stored, the position is the top."""


class Appended(NamedTuple):
    """What became of one draft, and where: see `Fate`.

    `draft` is what was stored where a projection made another one of it; `refused` why it said no.
    """

    position: Position
    fate: Fate = Fate.STORED
    draft: Draft | None = None
    refused: Refused | None = None


class Unread(NamedTuple):
    """What a user has not read in a room: publications after `read`, the offset of their marker
    (0 for none), that count as unread, and those of them that mention the user.

    Both are counted no further than was asked for. They are of when the last publication was the
    one at `offset`: whoever hears later ones goes on from there.
    """

    room: str
    read: int
    unread: int
    mentions: int
    offset: int


class Stats(NamedTuple):
    """How much goes on in this process.

    `users` are those with an id that have a connection, each once; `rooms` have somebody in them.
    `deliveries` counts up from the start: what rooms gave their members, and members were sent,
    once for each who got it.
    """

    connections: int
    users: int
    rooms: int
    deliveries: int


class Page(NamedTuple):
    """What a store read, and where the room's log stood in the same moment."""

    publications: list[Publication]
    position: Position


class LogState(NamedTuple):
    """A room's log: `first` is the oldest offset kept (`position.offset` + 1 where none is),
    `touched` when the last publication was stored (Unix milliseconds, 0 for never)."""

    room: str
    position: Position
    first: int
    touched: int


class History(NamedTuple):
    """A page of what a room remembers, and where the room stands (not: where the page ends)."""

    publications: list[Publication]
    position: Position


def check_room_name(name: str) -> str:
    """Return `name` if a room may be called so.

    Raises `InvalidName` for an empty one, one over `MAX_ROOM_NAME` characters, or one with
    control characters or broken Unicode in it (they would end up in logs and headers).
    """
    if not name:
        raise InvalidName("a room needs a name")
    if len(name) > MAX_ROOM_NAME:
        raise InvalidName(f"a room name has at most {MAX_ROOM_NAME} characters, not {len(name)}")
    for char in name:
        if char < " " or "\x7f" <= char <= "\x9f" or "\ud800" <= char <= "\udfff":
            raise InvalidName("a room name holds no control characters and no broken Unicode")
    return name


def user_id(user: Any) -> str | None:
    """The id under which `user` is known to the hub; None for nobody in particular.

    A user is a string, an integer, or an object with an `id`. Raises `ConfigurationError` for
    anything else.
    """
    if user is None or isinstance(user, str):
        return user
    if not isinstance(user, int):
        user = getattr(user, "id", None)
    if isinstance(user, str | int) and not isinstance(user, bool):
        return str(user)
    raise ConfigurationError("a user is a string, an integer, or an object with an `id` of these")
