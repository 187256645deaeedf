"""Who may do what in a room: one table, asked by everything that has to know.

A right depends on how somebody stands to a room and on what the room is, and on nothing else.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Action(StrEnum):
    """What can be done in a room. Of `delete` and `edit` the ones in question are one's own."""

    READ = "read"
    JOIN = "join"
    LEAVE = "leave"
    SAY = "say"
    MENTION_ROOM = "mention_room"
    REACT = "react"
    EDIT = "edit"
    DELETE = "delete"
    DELETE_OTHERS = "delete_others"
    PIN = "pin"
    ADD = "add"
    INVITE = "invite"
    KICK = "kick"
    BAN = "ban"
    MUTE = "mute"
    TOPIC = "topic"
    SLOW = "slow"
    CHANGE = "change"
    ARCHIVE = "archive"
    APPOINT = "appoint"
    AUDIT = "audit"
    EXPORT = "export"
    HOOK = "hook"


class Role(StrEnum):
    OWNER = "owner"
    MODERATOR = "moderator"
    MEMBER = "member"
    GUEST = "guest"


RANK = {None: 0, Role.GUEST: 1, Role.MEMBER: 2, Role.MODERATOR: 3, Role.OWNER: 4}


class Standing(NamedTuple):
    """How somebody stands to a room. `role` is None for who is no member."""

    role: Role | None = None
    guest: bool = False
    """An account that is a guest's."""
    admin: bool = False
    """An administrator of the server."""
    banned: bool = False
    muted: bool = False


class Place(NamedTuple):
    """What a room is. `guests`: whether the server lets guests into public rooms."""

    kind: str
    archived: bool = False
    guests: bool = False

    @property
    def public(self) -> bool:
        return self.kind == "public"

    @property
    def direct(self) -> bool:
        return self.kind == "direct"


def rank(standing: Standing, place: Place) -> int:
    """The rank whose rights somebody has.

    An administrator of the server is an owner where everybody could be, in public rooms; a
    private conversation is nobody's who is not in it.
    """
    if standing.banned:
        return 0
    if standing.admin and (place.public or (standing.role is not None and not place.direct)):
        return RANK[Role.OWNER]
    return RANK[standing.role]


_LEAST = {
    Action.LEAVE: Role.GUEST,
    Action.SAY: Role.GUEST,
    Action.MENTION_ROOM: Role.MEMBER,
    Action.REACT: Role.GUEST,
    Action.EDIT: Role.GUEST,
    Action.DELETE: Role.GUEST,
    Action.DELETE_OTHERS: Role.MODERATOR,
    Action.PIN: Role.MODERATOR,
    Action.ADD: Role.MODERATOR,
    Action.INVITE: Role.MODERATOR,
    Action.KICK: Role.MODERATOR,
    Action.BAN: Role.MODERATOR,
    Action.MUTE: Role.MODERATOR,
    Action.TOPIC: Role.MODERATOR,
    Action.SLOW: Role.MODERATOR,
    Action.CHANGE: Role.OWNER,
    Action.ARCHIVE: Role.OWNER,
    Action.APPOINT: Role.OWNER,
    Action.AUDIT: Role.MODERATOR,
    Action.EXPORT: Role.MODERATOR,
    Action.HOOK: Role.OWNER,
}
"""The lowest role that may."""

_DIRECT = {
    Action.READ,
    Action.SAY,
    Action.MENTION_ROOM,
    Action.REACT,
    Action.EDIT,
    Action.DELETE,
    Action.PIN,
    Action.EXPORT,
}
"""What the people of a direct conversation may do, each of them; nothing else is done there."""

_SPEAKING = {Action.SAY, Action.MENTION_ROOM, Action.REACT, Action.EDIT, Action.PIN}
"""What who is muted does not."""

_ARCHIVED = {Action.READ, Action.LEAVE, Action.ARCHIVE, Action.AUDIT, Action.EXPORT}
"""What is left of a room that is archived."""


def may(action: Action, standing: Standing, place: Place) -> bool:
    """Whether somebody who stands so may do `action` in such a room."""
    if standing.banned:
        return False
    if place.archived and action not in _ARCHIVED:
        return False
    if standing.muted and action in _SPEAKING:
        return False
    if place.direct:
        return standing.role is not None and action in _DIRECT
    open_to = place.public and (place.guests or not standing.guest)
    if action is Action.READ:
        return standing.role is not None or open_to
    if action is Action.JOIN:
        return standing.role is None and open_to
    if action in (Action.LEAVE, Action.APPOINT, Action.HOOK) and standing.role is None:
        return action is not Action.LEAVE and rank(standing, place) >= RANK[_LEAST[action]]
    if action is Action.SAY and standing.guest and open_to:
        return True  # the text door: whoever is there may speak, and is no member for it
    if action in _SPEAKING and standing.role is None:
        return False  # an administrator joins like everybody else to take part
    return rank(standing, place) >= RANK[_LEAST[action]]


def above(standing: Standing, other: Standing, place: Place) -> bool:
    """Whether somebody has rank over `other`: to remove, to silence, to appoint."""
    return rank(standing, place) > rank(other, place)
