"""What a room may be told, in settings and in code: one model, with centrifuge's option names.

protocol.md section 11. All is off by default: a room keeps nothing and lets nobody in.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    return text


Regex = Annotated[str, AfterValidator(_regex)]


class RoomOptions(BaseModel):
    """The options of a namespace or of a pattern of rooms. Times in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    history_size: int = Field(
        default=0, ge=0, description="Publications a room keeps; 0 keeps none."
    )
    history_ttl: float = Field(
        default=300.0,
        gt=0,
        description="Seconds after the last publication until what a room keeps is dropped.",
    )
    presence: bool = Field(default=False, description="Keep who is in a room, and tell who asks.")
    join_leave: bool = Field(default=False, description="Tell of joins and leaves.")
    force_push_join_leave: bool = Field(
        default=False, description="Tell everyone in the room of them, whether they asked or not."
    )
    force_positioning: bool = Field(
        default=False, description="Watch that no member misses a publication."
    )
    force_recovery: bool = Field(
        default=False, description="Let every member catch up after a lost connection."
    )
    force_recovery_mode: Literal["stream", "cache"] = Field(
        default="stream",
        description='"stream" brings all that was missed, "cache" the latest publication alone.',
    )
    auto_cache_recover: bool = Field(
        default=False, description="In cache mode: bring the latest with every subscribe."
    )
    allow_positioning: bool = Field(default=False, description="Watch where a client asks for it.")
    allow_recovery: bool = Field(
        default=False, description="Let a client catch up that asks for it."
    )
    allow_subscribe_for_client: bool = Field(
        default=False, description="Let every user subscribe without a token."
    )
    allow_subscribe_for_anonymous: bool = Field(
        default=False, description="Also where the user is empty."
    )
    allow_publish_for_client: bool = Field(default=False, description="Let every user publish.")
    allow_publish_for_subscriber: bool = Field(
        default=False, description="Let members of the room publish."
    )
    allow_publish_for_anonymous: bool = Field(
        default=False, description="Either, also where the user is empty."
    )
    allow_history_for_client: bool = Field(
        default=False, description="Let every user read the history."
    )
    allow_history_for_subscriber: bool = Field(
        default=False, description="Let members of the room read the history."
    )
    allow_history_for_anonymous: bool = Field(
        default=False, description="Either, also where the user is empty."
    )
    allow_presence_for_client: bool = Field(
        default=False, description="Let every user ask who is there."
    )
    allow_presence_for_subscriber: bool = Field(
        default=False, description="Let members of the room ask who is there."
    )
    allow_presence_for_anonymous: bool = Field(
        default=False, description="Either, also where the user is empty."
    )
    allow_user_limited_channels: bool = Field(
        default=False,
        description="Rooms named after who may enter, as dialog#42,43: these users and no others.",
    )
    allow_tags_filter: bool = Field(
        default=False, description="Let clients choose publications by their tags."
    )
    channel_regex: Regex | None = Field(
        default=None,
        description="What the whole name must match; without it a name is ASCII.",
    )

    @model_validator(mode="after")
    def _history_where_it_is_needed(self) -> Self:
        needs = ("force_positioning", "force_recovery", "allow_positioning", "allow_recovery")
        wanted = [name for name in needs if getattr(self, name)]
        if wanted and not self.history_size:
            raise ValueError(f"{wanted[0]} needs a history: set history_size")
        return self


OPEN = RoomOptions(
    history_size=100,
    presence=True,
    join_leave=True,
    force_recovery=True,
    allow_subscribe_for_client=True,
    allow_subscribe_for_anonymous=True,
    allow_publish_for_subscriber=True,
    allow_publish_for_anonymous=True,
    allow_history_for_subscriber=True,
    allow_history_for_anonymous=True,
    allow_presence_for_subscriber=True,
    allow_presence_for_anonymous=True,
)
"""Everything that everyone may do in a room they are in: for a server of one's own machine."""
