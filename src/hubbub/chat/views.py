"""What the HTTP API shows of rooms and messages, and what the first page of a room is made of."""

from __future__ import annotations

from pydantic import Field

from hubbub.chat.people.http.models import Profile
from hubbub.chat.web import Answer, Page

ROOM = "r7k2m4q9x1za"
USER = "u5f0c2d8e6b1"


class RoomView(Answer):
    """A room. `offset` is the last event that this tells of: those after it bring it up to date."""

    id: str = Field(examples=[ROOM])
    kind: str = Field(examples=["public"])
    name: str = Field(examples=["Lobby"])
    slug: str | None = Field(examples=["lobby"], description="None for a direct conversation.")
    topic: str = ""
    slow: int = Field(default=0, description="Seconds between two messages of one member.")
    keep: int | None = Field(default=None, description="Days for which messages are kept.")
    by: str = Field(examples=[USER])
    created_at: int = Field(examples=[1_764_000_000_000])
    archived_at: int | None = None
    people: int = Field(examples=[12], description="Members.")
    last_at: int = Field(examples=[1_764_000_360_000], description="Of the last message.")
    offset: int = Field(examples=[311])


class AllRooms(Page[RoomView]):
    """Public rooms, archived ones too. Of others there is but their number."""

    private: int = Field(examples=[7])
    direct: int = Field(examples=[41])


class MemberView(Answer):
    user: str = Field(examples=[USER])
    role: str = Field(examples=["member"])
    muted_until: int = Field(default=0, description="0, or a time that may be past.")


class ReplyView(Answer):
    """What a message answers; its text is the beginning, and empty once it is deleted."""

    id: int = Field(examples=[17])
    user: str = Field(examples=[USER])
    text: str = ""


class FileView(Answer):
    id: str = Field(examples=["f2b8"])
    name: str = Field(examples=["plan.pdf"])
    type: str = Field(examples=["application/pdf"])
    size: int = Field(examples=[48_213])
    width: int | None = None
    height: int | None = None
    preview: bool = False


class ReactionView(Answer):
    emoji: str = Field(examples=["👍"])
    users: list[str] = Field(examples=[[USER]], description="In the order of their reacting.")


class MessageView(Answer):
    """A message; deleted ones have no text any more, and `deleted_at`."""

    id: int = Field(examples=[311], description="The offset of its event in the room's log.")
    user: str = Field(examples=[USER])
    at: int = Field(examples=[1_764_000_360_000])
    text: str = Field(examples=["hello, *everybody*"])
    reply: ReplyView | None = None
    files: list[FileView] = []
    mentions: list[str] = Field(default=[], description="Users; `*` is everybody.")
    reactions: list[ReactionView] = Field(default=[], description="By emoji.")
    nonce: str = ""
    edited_at: int | None = None
    deleted_at: int | None = None
    deleted_by: str | None = None
    pinned_at: int | None = None


class UnreadView(Answer):
    """`read` is the marker: the last event that was read. Counts end at 100, and are of when the
    room's last event was the one at `offset`."""

    read: int = Field(examples=[300])
    unread: int = Field(examples=[4])
    mentions: int = Field(examples=[1])
    offset: int = Field(examples=[310])


class RoomUnread(UnreadView):
    """What is unread in a room of one's own."""

    room: str = Field(examples=[ROOM])


class Unreads(Answer):
    items: list[RoomUnread]


class PreferenceView(Answer):
    level: str = Field(default="all", examples=["mentions"])
    muted: bool = False


class MyRoom(Answer):
    """A room that one is a member of."""

    room: RoomView
    me: MemberView
    unread: UnreadView
    preferences: PreferenceView
    members: list[str] = Field(default=[], description="Of direct conversations: everybody.")


class MyRooms(Answer):
    items: list[MyRoom]
    users: list[Profile] = Field(description="Whoever is in a direct conversation of these.")


class Messages(Answer):
    """Messages in their order. `before` and `after` are ids to go on from, null at the ends."""

    items: list[MessageView]
    before: int | None = None
    after: int | None = None
    users: list[Profile] = Field(description="Whoever wrote them, or is quoted or mentioned.")


class Members(Page[MemberView]):
    users: list[Profile]


class SeenRoom(Answer):
    """A room, and what one is and may do there."""

    room: RoomView
    me: MemberView | None = Field(description="Null for who is no member.")
    rights: list[str] = Field(examples=[["read", "say", "react"]])


class Opened(Answer):
    """Everything that it takes to show a room and to follow it from here on."""

    room: RoomView
    me: MemberView | None = Field(description="Null for who reads without being a member.")
    rights: list[str] = Field(examples=[["read", "say", "react"]])
    members: list[MemberView] = Field(description="The first of them.")
    messages: list[MessageView] = Field(description="The last of them.")
    more: bool = Field(description="Whether there are earlier messages.")
    pinned: int = Field(examples=[2], description="Messages that are pinned.")
    users: list[Profile]
    unread: UnreadView
    preferences: PreferenceView
    epoch: str = Field(examples=["QwErTyUi"], description="Of the room's log, to resume from.")


class BanView(Answer):
    user: str = Field(examples=[USER])
    by: str = Field(examples=[USER])
    reason: str = ""
    at: int = Field(examples=[1_764_000_360_000])
    until: int = Field(default=0, description="0: for good.")


class InviteView(Answer):
    id: int = Field(examples=[42])
    by: str = Field(examples=[USER])
    at: int = Field(examples=[1_764_000_360_000])
    expires_at: int = Field(default=0, description="0: never.")
    uses: int | None = Field(default=None, description="Left; null for any number.")
    code: str = Field(examples=["r7k2m4q9x1za.42.l0ng"], description="What its link ends in.")


class AuditView(Answer):
    id: int = Field(examples=[98])
    at: int = Field(examples=[1_764_000_360_000])
    by: str = Field(examples=[USER])
    action: str = Field(examples=["banned"])
    user: str | None = Field(examples=[USER])
    detail: dict[str, object] = Field(examples=[{"reason": "spam", "until": 0}])


class Bans(Page[BanView]):
    users: list[Profile]


class Invites(Page[InviteView]):
    users: list[Profile]


class Audit(Page[AuditView]):
    users: list[Profile]


class Pins(Page[MessageView]):
    """Those pinned last first."""

    users: list[Profile]


class Invitation(Answer):
    """What the link of an invitation leads to."""

    name: str = Field(examples=["Lobby"])
    kind: str = Field(examples=["private"])
    people: int = Field(examples=[12], description="Members.")
    expires_at: int = Field(default=0, description="0: never.")
    room: str | None = Field(
        default=None, examples=[ROOM], description="Its id, for who is a member already."
    )


class PresenceView(Answer):
    """Who of a room's members is here. Who is not in it is offline."""

    states: dict[str, str] = Field(
        description="By user: `online` or `away`.", examples=[{USER: "online"}]
    )


class HookView(Answer):
    """An incoming webhook. `user` is the bot that says what is sent to it."""

    id: str = Field(examples=["hV3xh0cP2aQ1k"])
    user: Profile
    by: str = Field(examples=[USER])
    created_at: int = Field(examples=[1_764_000_360_000])


class HookList(Answer):
    items: list[HookView]


class MadeHook(HookView):
    """A webhook that was just made."""

    address: str = Field(
        description="What to post to, below the server's own address. It is shown this once.",
        examples=["/api/chat/v1/hooks/hV3xh0cP2aQ1k/Qm9iIHdhcyBoZXJlLiBBbm4gd2FzIHRvbyE"],
    )


class StorageView(Answer):
    """What is stored. The numbers are those of `at`, some seconds ago."""

    at: int = Field(examples=[1_764_000_360_000])
    database: str = Field(examples=["sqlite"], description="`sqlite` or `postgresql`.")
    database_bytes: int = Field(examples=[48_234_496])
    messages: int = Field(examples=[120_000], description="In all rooms.")
    files: int = Field(examples=[310])
    file_bytes: int = Field(examples=[912_000_000])


class StatusView(Answer):
    """What goes on, on the server that answers.

    `said` and `deliveries` count up from `started_at`: a rate is the difference of two answers of
    the same start, by that of their `at`.
    """

    at: int = Field(examples=[1_764_000_360_000])
    started_at: int = Field(examples=[1_763_900_000_000])
    version: str = Field(examples=["0.1.0"])
    connections: int = Field(examples=[230])
    users: int = Field(examples=[180], description="Who have a connection.")
    rooms: int = Field(examples=[25], description="With somebody in them.")
    said: int = Field(examples=[4_200], description="Messages.")
    deliveries: int = Field(
        examples=[980_000], description="What was sent to connections, once for each of them."
    )
    storage: StorageView


class Said(Answer):
    """The message that came of it."""

    id: int = Field(examples=[311])
