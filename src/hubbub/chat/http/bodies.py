"""The bodies of the chat's routes. They have the limits of the wishes that come of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hubbub.chat.events import MAX_FILES, MAX_TEXT, Kind, RoleName
from hubbub.chat.http.params import ID, MAX_NUMBER
from hubbub.chat.views import ROOM, USER
from hubbub.chat.web import Body

_ANY = r"^[^\x00]*$"

User = Annotated[str, Field(pattern=ID, examples=[USER])]
Reason = Annotated[str, Field(max_length=500, pattern=_ANY, examples=["advertising"])]
Topic = Annotated[str, Field(max_length=500, pattern=_ANY, examples=["Where everybody comes in"])]
MessageId = Annotated[int, Field(ge=1, le=MAX_NUMBER, examples=[17])]
Offset = Annotated[int, Field(ge=0, le=MAX_NUMBER, examples=[311])]
Seconds = Annotated[int, Field(ge=1, le=366 * 86_400, examples=[86_400])]
MessageText = Annotated[str, Field(max_length=MAX_TEXT, examples=["hello, *everybody*"])]


class NewRoom(Body):
    """A room to make. A direct conversation has no name, and its people are all its members."""

    kind: Kind = Field(examples=["private"])
    name: str = Field(default="", max_length=80, pattern=_ANY, examples=["Plans"])
    topic: Topic = ""
    members: list[User] = Field(
        default=[], max_length=50, description="Who is there from the beginning, beside oneself."
    )


class RoomChange(Body):
    """What is left out stays. `keep` is in days, 0 for ever; `slow` in seconds, 0 for no wait."""

    name: Annotated[str, Field(min_length=1, max_length=80, pattern=_ANY)] | None = Field(
        default=None, examples=["Plans"]
    )
    topic: Topic | None = None
    kind: Literal["public", "private"] | None = Field(default=None, examples=["private"])
    slow: Annotated[int, Field(ge=0, le=86_400)] | None = Field(default=None, examples=[10])
    keep: Annotated[int, Field(ge=0, le=36_500)] | None = Field(default=None, examples=[365])


class ReadTo(Body):
    offset: Offset = Field(description="The last event that was read.")


class RoomReadTo(ReadTo):
    room: str = Field(pattern=ID, examples=[ROOM])


class ReadAll(Body):
    """How far each of some rooms was read."""

    rooms: list[RoomReadTo] = Field(max_length=200)


class Preferences(Body):
    """What one wants to be told of a room. `muted` rooms do not count as unread where all are."""

    level: Literal["all", "mentions", "nothing"] = Field(examples=["mentions"])
    muted: bool = Field(default=False, examples=[False])


class NewMember(Body):
    user: User


class NewRole(Body):
    role: RoleName = Field(examples=["moderator"])


class NewMute(Body):
    seconds: Seconds = 3600
    reason: Reason = ""


class NewBan(Body):
    """Without `seconds` it is for good."""

    seconds: Seconds | None = None
    reason: Reason = ""


class NewInvite(Body):
    """A link without an end, where neither is said."""

    seconds: Seconds | None = None
    uses: Annotated[int, Field(ge=1, le=10_000)] | None = Field(default=None, examples=[10])


class NewMessage(Body):
    """`nonce` is the client's own word for it, by which it knows the message again. Without an
    `Idempotency-Key` it is that, too."""

    text: MessageText = ""
    reply: MessageId | None = Field(default=None, description="The message that is answered.")
    files: list[Annotated[str, Field(pattern=ID, examples=["fV3xh0cP2aQ1k"])]] = Field(
        default=[], max_length=MAX_FILES, description="Ids of files that were brought."
    )
    nonce: str = Field(default="", max_length=64, pattern=_ANY, examples=["m-17"])


class MessageChange(Body):
    text: MessageText


class NewHook(Body):
    name: str = Field(
        min_length=1,
        max_length=64,
        pattern=_ANY,
        description="What the bot is called that says what is sent.",
        examples=["Builds"],
    )
