"""What a room may be told, in settings and in code: one model, with centrifuge's option names.

protocol.md section 11. All is off by default: a room keeps nothing and lets nobody in.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    return text


Regex = Annotated[str, AfterValidator(_regex)]


class Keep(BaseModel):
    """What a durable room keeps: so many publications at most, and each of them for so long.

    Without a number, everything, for ever. The times add up.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int | None = Field(default=None, ge=1)
    days: float = Field(default=0.0, ge=0)
    hours: float = Field(default=0.0, ge=0)
    minutes: float = Field(default=0.0, ge=0)
    seconds: float = Field(default=0.0, ge=0)

    @property
    def age(self) -> float | None:
        """Seconds a publication is kept; None for ever."""
        days = timedelta(self.days, self.seconds, 0, 0, self.minutes, self.hours)
        return days.total_seconds() or None


class RoomOptions(BaseModel):
    """The options of a namespace or of a pattern of rooms. Times in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    durability: Literal["memory", "commit"] = Field(
        default="memory",
        description='"commit": a publication is in the log, on disk, before it is acknowledged '
        'or delivered; "memory": rooms remember as long as the server runs.',
    )
    history: Keep | None = Field(
        default=None,
        description="What a durable room keeps: { count = 1000, days = 30 } or either; "
        "everything, for ever, where neither is given.",
    )
    history_size: int = Field(
        default=0, ge=0, description="Publications a room in memory keeps; 0 keeps none."
    )
    history_ttl: float = Field(
        default=300.0,
        gt=0,
        description="Seconds after the last publication until what a room in memory keeps is "
        "dropped.",
    )
    read_markers: bool = Field(
        default=False,
        description="Keep how far each user has read a durable room, and count what is unread.",
    )
    publication_bytes: int = Field(
        default=0,
        ge=0,
        description="Bytes of data one publication may have; 0 for what its way in allows.",
    )
    latest_only: bool = Field(
        default=False,
        description="Bring a member that is behind, once it reads again, the newest publication "
        "of each key and not all that it missed; who keeps up gets all.",
    )
    latest_key: str = Field(
        default="",
        description="The tag whose value is the key. What has no such tag is one key, and where "
        "this is empty the whole room is.",
    )
    batch_interval: float = Field(
        default=0.0,
        ge=0,
        le=60,
        description="Bring publications at most once in so many seconds, all that came meanwhile "
        "together: the first after a silence at once, and what follows when the interval is over. "
        "With latest_only the newest of each key alone.",
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
        default=False,
        description="Let every member catch up after a lost connection; the default of durable "
        "rooms is true.",
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
    allowed_delta_types: list[Literal["fossil"]] = Field(
        default=[],
        description="Deltas that clients may ask for: what has changed since the publication "
        'before; ["fossil"] or none.',
    )
    delta_publish: bool = Field(
        default=False,
        description="Every publication is a version of the one before: who asked for deltas gets "
        "what has changed, not only of those published with `delta`.",
    )
    channel_regex: Regex | None = Field(
        default=None,
        description="What the whole name must match; without it a name is ASCII.",
    )

    def fits(self, data: bytes) -> bool:
        """Whether a publication may be so large."""
        return not self.publication_bytes or len(data) <= self.publication_bytes

    @property
    def durable(self) -> bool:
        """Whether the room's publications are in the log."""
        return self.durability == "commit"

    @property
    def remembers(self) -> bool:
        """Whether the room has a history, in the log or in memory."""
        return self.durable or self.history_size > 0

    @model_validator(mode="before")
    @classmethod
    def _durable_rooms_catch_up(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("durability") == "commit":
            return {"force_recovery": True, **given}
        return given

    @model_validator(mode="after")
    def _history_where_it_is_needed(self) -> Self:
        if self.durable and self.history_size:
            raise ValueError(
                "history_size is for rooms in memory; for durable ones say "
                f"history = {{ count = {self.history_size} }}"
            )
        if self.history is not None and not self.durable:
            raise ValueError(
                'history is for durable rooms: set durability = "commit", or history_size'
            )
        if self.read_markers and not self.durable:
            raise ValueError('read_markers is for durable rooms: set durability = "commit"')
        needs = (
            "force_positioning",
            "force_recovery",
            "allow_positioning",
            "allow_recovery",
            "allowed_delta_types",
            "delta_publish",
        )
        wanted = [name for name in needs if getattr(self, name)]
        if wanted and not self.remembers:
            raise ValueError(
                f'{wanted[0]} needs a history: set history_size, or durability = "commit"'
            )
        return self

    @model_validator(mode="after")
    def _deltas_of_what_everybody_gets(self) -> Self:
        if self.allowed_delta_types and (self.latest_only or self.batch_interval):
            raise ValueError(
                "a delta is of the publication before it, which latest_only and batch_interval "
                "may leave out: take out either those or allowed_delta_types"
            )
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
