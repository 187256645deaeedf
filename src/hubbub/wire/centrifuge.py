"""The Centrifuge client protocol in JSON (protocol.md sections 1 to 8): bytes ⇄ values.

Its words stay here: what it calls a channel is a room everywhere else. Names and defaults of the
structs are the protocol's; a field with a default is left out of what is sent when it has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from hubbub.model import ClientInfo, Publication
from hubbub.wire.frames import SHORT, TEXT_HEADS, text_frame

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
    publications: Raw | UnsetType = UNSET
    recovered: bool = False
    offset: int = 0
    positioned: bool = False
    data: Raw | UnsetType = UNSET
    was_recovering: bool = False


class ConnectResult(Struct, omit_defaults=True):
    client: str
    version: str
    expires: bool = False
    ttl: int = 0
    data: Raw | UnsetType = UNSET
    subs: dict[str, SubscribeResult] = {}
    ping: int = 0
    pong: bool = False


class RefreshResult(Struct, omit_defaults=True):
    client: str
    version: str
    expires: bool = False
    ttl: int = 0


class SubRefreshResult(Struct, omit_defaults=True):
    expires: bool = False
    ttl: int = 0


class PresenceResult(Struct):
    presence: dict[str, Raw]


class PresenceStatsResult(Struct):
    num_clients: int
    num_users: int


class HistoryResult(Struct):
    publications: Raw
    epoch: str
    offset: int


class DataResult(Struct, omit_defaults=True):
    """The result of an `rpc`, and the body of a `message` push."""

    data: Raw | UnsetType = UNSET


class Empty(Struct):
    """A result that says nothing but that it worked."""


class InfoPush(Struct):
    """The body of a `join` and of a `leave`."""

    info: Raw


class UnsubscribePush(Struct):
    code: int
    reason: str


class SubscribePush(Struct, omit_defaults=True):
    recoverable: bool = False
    epoch: str = ""
    offset: int = 0
    positioned: bool = False
    data: Raw | UnsetType = UNSET


class RefreshPush(Struct, omit_defaults=True):
    expires: bool = False
    ttl: int = 0


_decode = msgspec.json.Decoder(Command).decode
_decode_publish = msgspec.json.Decoder(JustPublish).decode
_encode = msgspec.json.Encoder().encode


class JsonCodec:
    """JSON in text messages, one object a line.

    A *message* below is one reply or push as bytes; `frame` puts several into one WebSocket
    frame.
    """

    PING = text_frame(b"{}")

    def commands(self, messages: list[str | bytes]) -> tuple[Sequence[Command | JustPublish], bool]:
        """The commands of WebSocket messages; false if something came that holds none (3501).

        Then the commands are those before it.
        """
        try:
            # A line break inside a command would end it for whoever its data goes to.
            if "\n" not in "".join(messages):  # type: ignore[arg-type]
                return [_decode_publish(message) for message in messages], True
        except (msgspec.MsgspecError, TypeError, RecursionError, UnicodeError):
            pass  # not all of them are that, or not all are text
        found: list[Command] = []
        try:
            for message in messages:
                if type(message) is not str:
                    return found, False
                lines = [line for line in message.split("\n") if line]
                if not lines:
                    return found, False
                found.extend(map(_decode, lines))  # up to the first that is none
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return found, False
        return found, True

    def frame(self, messages: list[bytes | int]) -> bytes:
        """One frame; a number stands for the reply to the `publish` of that id."""
        return text_frame(
            b"\n".join(
                [
                    b'{"id":%d,"publish":{}}' % one if type(one) is int else one  # type: ignore[misc]
                    for one in messages
                ]
            )
        )

    def reply(self, id: int, kind: str, result: Struct) -> bytes:
        return b'{"id":%d,"%b":%b}' % (id, kind.encode(), _encode(result))

    def error(self, id: int, error: Error) -> bytes:
        body: dict[str, object] = {"code": error.code, "message": error.message}
        if error.temporary:
            body["temporary"] = True
        return b'{"id":%d,"error":%b}' % (id, _encode(body))

    def push(self, room: str, kind: str, body: Struct | Raw) -> bytes:
        """A push; `room` is empty for one that concerns the connection."""
        push: dict[str, object] = {"channel": room} if room else {}
        push[kind] = body
        return _encode({"push": push})

    def membership(self, room: str, kind: str, info: ClientInfo) -> bytes:
        """The frame of a `join` or a `leave`, the same bytes for everyone."""
        return text_frame(self.push(room, kind, InfoPush(self.info(info))))

    def encoder(self, room: str) -> Callable[[Publication], bytes]:
        """Makes the frame of a `pub` push, the same bytes for everyone (section 15)."""
        head = b'{"push":{"channel":%b,"pub":{"data":' % _encode(room)
        rest_of, info_of = self._rest, self._info

        def encode(publication: Publication) -> bytes:
            info, offset = publication.info, publication.offset
            if info is not None and offset and publication.tags is None:
                # The common case in one piece.
                end = b',"offset":%d}}}' % offset
                json = info.json or info_of(info)
                payload = b"".join((head, publication.data, b',"info":', json, end))
            else:
                payload = b"".join((head, publication.data, rest_of(publication), b"}}"))
            length = len(payload)
            return TEXT_HEADS[length] + payload if length < SHORT else text_frame(payload)

        return encode

    def entries(self, publications: list[Publication]) -> Raw:
        """Publications as they stand in a reply."""
        return Raw(b"[%b]" % b",".join([one.json or self._entry(one) for one in publications]))

    def _entry(self, publication: Publication) -> bytes:
        publication.json = b'{"data":' + publication.data + self._rest(publication)
        return publication.json

    def _rest(self, publication: Publication) -> bytes:
        """What follows the data."""
        rest, info = b"", publication.info
        if info is not None:
            rest += b',"info":' + (info.json or self._info(info))
        if publication.offset:
            rest += b',"offset":%d' % publication.offset
        if publication.tags:
            rest += b',"tags":' + _encode(publication.tags)
        return rest + b"}"

    def info(self, info: ClientInfo) -> Raw:
        return Raw(info.json or self._info(info))

    def _info(self, info: ClientInfo) -> bytes:
        if not info.json:
            info.json = b'{"user":%b,"client":%b%b%b}' % (
                _encode(info.user),
                _encode(info.client),
                info.conn_info and b',"conn_info":' + info.conn_info,
                info.chan_info and b',"chan_info":' + info.chan_info,
            )
        return info.json


JSON = JsonCodec()
