"""What other servers send to the API, and what they get: the shapes (protocol.md section 19).

Names and defaults are the protocol's; the texts stand in the OpenAPI document. Where a client
may leave a field out it may say null as well, because many do. `Raw` is JSON that nobody looks at.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from hubbub.wire.centrifuge import Error, Int32, UInt64

Json = Raw | UnsetType
Flag = bool | None
Text = str | None

Base64 = Annotated[Text, Meta(description="The same as base64 of JSON; it wins.")]
Bytes = Annotated[
    Text,
    Meta(
        description="The same as base64, of JSON or of any bytes; it wins. Members who speak JSON "
        "and would get what is none are disconnected."
    ),
]
Moment = Annotated[float, Meta(ge=0, le=100_000_000_000, description="Unix seconds; 0 for never.")]
ClientId = Annotated[Text, Meta(description="This one connection of the user alone.")]
Session = Annotated[
    Text, Meta(description="The connections of this login alone, as the application calls it.")
]
User = Annotated[Text, Meta(description="Required; the empty user is everyone who is nobody.")]


# What is asked. --------------------------------------------------------------------------------


class Publishing(Struct):
    """What `publish` and `broadcast` have in common."""

    data: Json = UNSET
    b64data: Bytes = None
    skip_history: Annotated[Flag, Meta(description="Deliver it, and do not store it.")] = None
    tags: dict[str, str] | None = None
    idempotency_key: Annotated[
        Text,
        Meta(description="With the same key in five minutes, the first result, published once."),
    ] = None
    delta: Annotated[
        Flag,
        Meta(
            description="It is a version of the one published before it: who asked for deltas gets "
            "what has changed, in a channel with `allowed_delta_types`."
        ),
    ] = None
    version: Annotated[
        UInt64 | None, Meta(description="Published only where it is above the last one.")
    ] = None
    version_epoch: Annotated[Text, Meta(description="Versions are compared within one.")] = None


class PublishRequest(Publishing):
    channel: str = ""


class BroadcastRequest(Publishing):
    channels: list[str] = []


class StreamPosition(Struct):
    offset: UInt64 = 0
    epoch: str = ""


class BoolValue(Struct):
    value: bool = False


class Override(Struct):
    """Options of the channel that are others for this subscription."""

    presence: BoolValue | None = None
    join_leave: BoolValue | None = None
    force_push_join_leave: BoolValue | None = None
    force_positioning: BoolValue | None = None
    force_recovery: BoolValue | None = None


class UserRequest(Struct):
    """Of whom it is: all connections of a user, or one of them."""

    user: User = None
    client: ClientId = None
    session: Session = None


class SubscribeRequest(UserRequest):
    channel: str = ""
    info: Annotated[Json, Meta(description="What everyone in the channel sees of it.")] = UNSET
    b64info: Base64 = None
    data: Annotated[Json, Meta(description="For the client alone.")] = UNSET
    b64data: Base64 = None
    recover_since: StreamPosition | None = None
    override: Override | None = None
    expire_at: Moment | None = None


class UnsubscribeRequest(UserRequest):
    channel: str = ""


class DisconnectCode(Struct):
    code: int = 0
    reason: str = ""


class DisconnectRequest(UserRequest):
    whitelist: Annotated[
        list[str] | None, Meta(description="Ids of the connections that stay.")
    ] = None
    disconnect: Annotated[
        DisconnectCode | None, Meta(description='By default 3503, "force disconnect".')
    ] = None


class RefreshRequest(UserRequest):
    expired: Annotated[Flag, Meta(description="End the connections as expired.")] = None
    expire_at: Moment | None = None
    info: Annotated[Json, Meta(description="What is seen of it where it enters next.")] = UNSET


class ChannelRequest(Struct):
    channel: str = ""


class PresenceRequest(ChannelRequest):
    pass


class PresenceStatsRequest(ChannelRequest):
    pass


class HistoryRemoveRequest(ChannelRequest):
    pass


class HistoryRequest(ChannelRequest):
    limit: Annotated[
        Int32 | None, Meta(description="0 for the position alone, negative for all there are.")
    ] = None
    since: StreamPosition | None = None
    reverse: Flag = None


class ChannelsRequest(Struct):
    pattern: Annotated[
        Text, Meta(description="* for anything, ? for a character, [abc] or [!abc] for one of.")
    ] = None


class InfoRequest(Struct):
    pass


class RpcRequest(Struct):
    method: str = ""
    params: Json = UNSET


# What is answered. -----------------------------------------------------------------------------


class ErrorBody(Struct):
    code: int
    message: str

    @classmethod
    def of(cls, error: Error) -> ErrorBody:
        return cls(error.code, error.message)


class Empty(Struct):
    pass


class PublishResult(Struct, omit_defaults=True):
    """Where it stands in the history; nothing where the channel has none."""

    offset: int = 0
    epoch: str = ""


class PublishResponse(Struct, omit_defaults=True):
    result: PublishResult | UnsetType = UNSET
    error: ErrorBody | UnsetType = UNSET


class BroadcastResult(Struct):
    responses: Annotated[
        list[PublishResponse], Meta(description="One for each channel, in their order.")
    ]


class ClientInfo(Struct, omit_defaults=True):
    user: str
    client: str
    conn_info: Json = UNSET
    chan_info: Json = UNSET


class PresenceResult(Struct):
    presence: Annotated[dict[str, ClientInfo], Meta(description="By the connection's id.")]


class PresenceStatsResult(Struct):
    num_clients: int
    num_users: int


class Publication(Struct, omit_defaults=True):
    data: Annotated[Raw, Meta(description="Null where it is no JSON, but bytes.")]
    offset: int = 0
    tags: dict[str, str] | UnsetType = UNSET
    info: ClientInfo | UnsetType = UNSET
    b64data: Annotated[str, Meta(description="The bytes, in base64.")] | UnsetType = UNSET


class HistoryResult(Struct):
    """A page, and the position of the channel: not that of the page."""

    publications: list[Publication]
    offset: int
    epoch: str


class ChannelInfo(Struct):
    num_clients: int


class ChannelsResult(Struct):
    channels: Annotated[dict[str, ChannelInfo], Meta(description="Those with somebody in them.")]


class NodeInfo(Struct):
    uid: str
    name: str
    version: str
    num_clients: int
    num_users: int
    num_subs: int
    num_channels: int
    uptime: Annotated[int, Meta(description="Seconds.")]


class InfoResult(Struct):
    nodes: list[NodeInfo]


class RpcResult(Struct, omit_defaults=True):
    data: Json = UNSET
