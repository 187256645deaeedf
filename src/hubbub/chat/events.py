"""What happens in a room: the events in its log, and the wishes that lead to them.

A wish is what somebody wants, in the imperative: `say`. What comes of it is an event, in the past
tense: `message`. Wishes are what clients send; who they are of is not for them to say. Events are
what the log holds and everybody in the room is sent: each has `by`, the user's id ("" for the
server itself), and `at`, Unix milliseconds. The id of a message is the offset of its event.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.json import Decoder, Encoder

MAX_TEXT = 10_000
"""Characters of a message."""

MAX_FILES = 10

User = Annotated[str, Meta(min_length=1, max_length=64)]
Reason = Annotated[str, Meta(max_length=500)]
RoomName = Annotated[str, Meta(min_length=1, max_length=80)]
Topic = Annotated[str, Meta(max_length=500)]
MessageId = Annotated[int, Meta(ge=1, le=2**53)]
Seconds = Annotated[int, Meta(ge=1, le=366 * 86_400)]
Emoji = Annotated[str, Meta(min_length=1, max_length=32)]
Kind = Literal["public", "private", "direct"]
RoleName = Literal["owner", "moderator", "member"]


class Wish(Struct, tag_field="type", forbid_unknown_fields=True, omit_defaults=True):
    """What somebody wants to be done in a room."""


class Create(Wish, tag="create"):
    """Begin the room. `members` are there from the beginning, beside who makes it."""

    kind: Kind
    name: Annotated[str, Meta(max_length=80)] = ""
    topic: Topic = ""
    members: Annotated[list[User], Meta(max_length=50)] = []


class Change(Wish, tag="change"):
    """Other settings; what is None stays. `keep` is in days, 0 for ever."""

    name: RoomName | None = None
    topic: Topic | None = None
    kind: Literal["public", "private"] | None = None
    slow: Annotated[int, Meta(ge=0, le=86_400)] | None = None
    keep: Annotated[int, Meta(ge=0, le=36_500)] | None = None


class Archive(Wish, tag="archive"):
    """Have nothing more said in the room."""


class Restore(Wish, tag="restore"):
    """Have the room be one again in which something is said."""


class JoinRoom(Wish, tag="join"):
    """`invite` is the id of an invitation whose link was verified."""

    invite: MessageId | None = None


class LeaveRoom(Wish, tag="leave"):
    """Be a member no more."""


class Add(Wish, tag="add"):
    user: User


class Kick(Wish, tag="kick"):
    user: User
    reason: Reason = ""


class Ban(Wish, tag="ban"):
    user: User
    reason: Reason = ""
    seconds: Seconds | None = None


class Unban(Wish, tag="unban"):
    user: User


class Mute(Wish, tag="mute"):
    user: User
    seconds: Seconds = 3600
    reason: Reason = ""


class Unmute(Wish, tag="unmute"):
    user: User


class Appoint(Wish, tag="appoint"):
    user: User
    role: RoleName


class Invite(Wish, tag="invite"):
    """Make a link. `uses` is how many may come by it, None for any number."""

    seconds: Seconds | None = None
    uses: Annotated[int, Meta(ge=1, le=10_000)] | None = None


class Uninvite(Wish, tag="uninvite"):
    invite: MessageId


class Say(Wish, tag="say"):
    """`nonce` is the client's own word for it, by which it knows it again."""

    text: Annotated[str, Meta(max_length=MAX_TEXT)] = ""
    reply: MessageId | None = None
    files: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=MAX_FILES)] = []
    nonce: Annotated[str, Meta(max_length=64)] = ""


class Edit(Wish, tag="edit"):
    message: MessageId
    text: Annotated[str, Meta(max_length=MAX_TEXT)]


class Delete(Wish, tag="delete"):
    message: MessageId


class React(Wish, tag="react"):
    message: MessageId
    emoji: Emoji


class Unreact(Wish, tag="unreact"):
    message: MessageId
    emoji: Emoji


class Pin(Wish, tag="pin"):
    message: MessageId


class Unpin(Wish, tag="unpin"):
    message: MessageId


class Expire(Wish, tag="expire"):
    """The server's own: the messages before that one have been kept for long enough."""

    before: MessageId


AnyWish = (
    Create | Change | Archive | Restore | JoinRoom | LeaveRoom | Add | Kick | Ban | Unban | Mute
    | Unmute | Appoint | Invite | Uninvite | Say | Edit | Delete | React | Unreact | Pin | Unpin
    | Expire
)  # fmt: skip


class Event(Struct, tag_field="type", omit_defaults=True, kw_only=True):
    """What has happened in a room."""

    by: str = ""
    at: int = 0


class Created(Event, tag="created"):
    """The room begins: its first event."""

    kind: Kind
    name: str = ""
    slug: str | None = None
    topic: str = ""
    members: list[str] = []


class Changed(Event, tag="changed"):
    """These of the room's settings are others; a `keep` of 0 is none."""

    name: str | None = None
    slug: str | None = None
    topic: str | None = None
    kind: str | None = None
    slow: int | None = None
    keep: int | None = None


class Archived(Event, tag="archived"):
    """Nothing more is said in the room."""


class Restored(Event, tag="restored"):
    """The room is one again in which something is said."""


class Joined(Event, tag="joined"):
    """Somebody is a member now."""

    user: str
    role: str
    invite: int | None = None


class Left(Event, tag="left"):
    """Somebody is a member no more, by their own wish."""

    user: str


class Kicked(Event, tag="kicked"):
    """Somebody was taken out of the room."""

    user: str
    reason: str = ""


class Banned(Event, tag="banned"):
    """`until` 0: for good. `member` is whether they were one."""

    user: str
    reason: str = ""
    until: int = 0
    member: bool = False


class Unbanned(Event, tag="unbanned"):
    """Somebody may come in again."""

    user: str


class Muted(Event, tag="muted"):
    """Somebody may say nothing for a while: `until` is Unix milliseconds."""

    user: str
    until: int
    reason: str = ""


class Unmuted(Event, tag="unmuted"):
    """Somebody may speak again."""

    user: str


class Appointed(Event, tag="appointed"):
    """Somebody has another role."""

    user: str
    role: str


class Invited(Event, tag="invited"):
    """Its offset is the invitation's id. `expires_at` 0: never."""

    expires_at: int = 0
    uses: int | None = None


class Uninvited(Event, tag="uninvited"):
    """An invitation is good no more."""

    invite: int


class Reply(Struct, omit_defaults=True):
    """What a message answers: its beginning as it was then, empty once it is deleted."""

    id: int
    user: str
    text: str = ""


class File(Struct, omit_defaults=True):
    """Something attached; `type` is by content, sizes in bytes and pixels."""

    id: str
    name: str
    type: str
    size: int
    width: int | None = None
    height: int | None = None
    preview: bool = False


class Message(Event, tag="message"):
    """Something is said. Its offset is the message's id."""

    text: str = ""
    reply: Reply | None = None
    files: list[File] = []
    mentions: list[str] = []
    nonce: str = ""


class Edited(Event, tag="edited"):
    """`text` is None where a later event has the text."""

    message: int
    text: str | None = None
    mentions: list[str] = []


class Deleted(Event, tag="deleted"):
    """`user` is whose message it was."""

    message: int
    user: str


class Reacted(Event, tag="reacted"):
    """`by` has answered a message with an emoji."""

    message: int
    emoji: str


class Unreacted(Event, tag="unreacted"):
    """`by` has taken an emoji back."""

    message: int
    emoji: str


class Pinned(Event, tag="pinned"):
    """A message is to be found at the top."""

    message: int


class Unpinned(Event, tag="unpinned"):
    """A message is pinned no more."""

    message: int


class Expired(Event, tag="expired"):
    """The messages before that id are gone."""

    before: int


class Gone(Event, tag="gone"):
    """In the place of an event that told of a message which is gone; `at` 0 for one that was no
    message itself."""


AnyEvent = (
    Created | Changed | Archived | Restored | Joined | Left | Kicked | Banned | Unbanned | Muted
    | Unmuted | Appointed | Invited | Uninvited | Message | Edited | Deleted | Reacted | Unreacted
    | Pinned | Unpinned | Expired | Gone
)  # fmt: skip

_encoder = Encoder()
_wish: Decoder[AnyWish] = Decoder(AnyWish)
_event: Decoder[AnyEvent] = Decoder(AnyEvent)


def wish_of(data: bytes | str) -> AnyWish:
    """Raises msgspec.MsgspecError, with a text for whoever wrote it."""
    return _wish.decode(data)


def event_of(data: bytes | str) -> AnyEvent:
    """Raises msgspec.MsgspecError."""
    return _event.decode(data)


def to_json(value: Wish | Event) -> bytes:
    return _encoder.encode(value)
