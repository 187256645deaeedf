"""What clients are told beside the events of a room's log: of it nothing is stored for good.

In a room it is who types. The others come in rooms of their own: what is for one user's devices,
and what is for everybody who has an account.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Why = Literal["left", "kicked", "banned", "private"]
State = Literal["online", "away", "offline"]


class Told(Struct, tag_field="type"):
    """Something that is told as it happens."""


class Typing(Told, tag="typing"):
    """These are writing something. It is over after six seconds, or when they have said it."""

    users: list[str]


class Entered(Told, tag="entered"):
    """One is a member of the room now."""

    room: str


class TakenOut(Told, tag="gone"):
    """One is no member of the room any more."""

    room: str
    why: Why


class Preferred(Told, tag="preferences"):
    """One wants to be told of other things in the room."""

    room: str
    level: str
    muted: bool


class Presence(Told, tag="presence"):
    """Somebody has come, has gone, or is away from the keyboard."""

    user: str
    state: State


class UserChanged(Told, tag="user"):
    """Something about a user is not what it was: ask for it again."""

    user: str
