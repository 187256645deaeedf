"""What is known of some rooms while events go over them: rows as they were, and are to be."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

from msgspec import Struct

from hubbub.chat.events import File, Reply
from hubbub.chat.policy import Place, Role, Standing

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")

Pair = tuple[str, str]
"""A room and a user."""

Spot = tuple[str, int]
"""A room and a message or an invitation in it."""


class UserRow(Struct):
    id: str
    name: str | None
    kind: str
    admin: bool
    disabled_at: int | None


class RoomRow(Struct):
    id: str
    kind: str
    slug: str | None
    name: str
    topic: str
    slow: int
    keep: int | None
    by: str
    created_at: int
    archived_at: int | None
    people: int
    last_at: int
    offset: int


class MemberRow(Struct):
    room: str
    user: str
    role: str
    since: int
    muted_until: int = 0
    spoke_at: int = 0


class BanRow(Struct):
    room: str
    user: str
    by: str
    reason: str
    at: int
    until: int


class InviteRow(Struct):
    room: str
    id: int
    by: str
    at: int
    expires_at: int
    uses: int | None


class MessageRow(Struct):
    room: str
    id: int
    user: str
    at: int
    text: str
    reply: Reply | None
    files: list[File]
    mentions: list[str]
    nonce: str
    edited_at: int | None = None
    edited_in: int | None = None
    deleted_at: int | None = None
    deleted_by: str | None = None
    pinned_at: int | None = None


class FileRow(Struct):
    """Something that was brought, and perhaps said already."""

    file: File
    user: str
    said: bool


class AuditRow(Struct):
    room: str
    id: int
    at: int
    by: str
    action: str
    user: str | None
    detail: str


class Sheet(Generic[K, R]):
    """The rows of one table that matter, by key. None: there is no such row."""

    def __init__(self) -> None:
        self._rows: dict[K, R | None] = {}
        self._changed: dict[K, None] = {}

    def load(self, key: K, row: R | None) -> None:
        """As it is in the table."""
        self._rows[key] = row

    def get(self, key: K) -> R | None:
        return self._rows.get(key)

    def put(self, key: K, row: R) -> None:
        self._rows[key] = row
        self._changed[key] = None

    def touch(self, key: K) -> None:
        """Its row was altered in place."""
        self._changed[key] = None

    def drop(self, key: K) -> None:
        self._rows[key] = None
        self._changed[key] = None

    def __iter__(self) -> Iterator[R]:
        return (row for row in self._rows.values() if row is not None)

    def keys(self) -> list[K]:
        """Of the rows that there are."""
        return [key for key, row in self._rows.items() if row is not None]

    @property
    def written(self) -> list[R]:
        """The rows that are new or other than they were."""
        return [row for key in self._changed if (row := self._rows[key]) is not None]

    @property
    def entries(self) -> list[tuple[K, R]]:
        """As `written`, with their keys."""
        return [(key, row) for key in self._changed if (row := self._rows[key]) is not None]

    @property
    def dropped(self) -> list[K]:
        return [key for key in self._changed if self._rows[key] is None]


class State:
    """All that is known. `guests`: whether the server lets guests in, where that matters."""

    def __init__(self) -> None:
        self.guests = False
        self.at = 0
        """Of the last event (Unix milliseconds)."""
        self.users: dict[str, UserRow] = {}
        self.names: dict[str, str] = {}
        """Of users, to their ids."""
        self.slugs: dict[str, str] = {}
        """Of rooms, to their ids."""
        self.rooms: Sheet[str, RoomRow] = Sheet()
        self.members: Sheet[Pair, MemberRow] = Sheet()
        self.bans: Sheet[Pair, BanRow] = Sheet()
        self.invites: Sheet[Spot, InviteRow] = Sheet()
        self.messages: Sheet[Spot, MessageRow] = Sheet()
        self.reactions: Sheet[tuple[str, int, str, str], int] = Sheet()
        """By room, message, emoji and user: the offset since when."""
        self.audit: Sheet[Spot, AuditRow] = Sheet()
        self.owners: dict[str, set[str]] = {}
        self.emoji: dict[Spot, set[str]] = {}
        """What was reacted to a message with, by anybody."""
        self.files: dict[str, FileRow] = {}
        self.attached: list[tuple[str, int, list[str]]] = []
        self.emptied: list[Spot] = []
        """Messages whose reactions and files are to go."""
        self.expired: list[Spot] = []
        """Messages that are to go altogether."""

    def place(self, room: RoomRow) -> Place:
        return Place(room.kind, room.archived_at is not None, self.guests)

    def standing(self, room: str, user: str, at: int) -> Standing:
        """How the user stands to the room at the time `at`. Who is disabled is as good as
        banned."""
        known = self.users.get(user)
        member = self.members.get((room, user))
        ban = self.bans.get((room, user))
        return Standing(
            None if member is None else Role(member.role),
            known is not None and known.kind == "guest",
            known is not None and known.admin,
            known is None
            or known.disabled_at is not None
            or (ban is not None and (not ban.until or ban.until > at)),
            member is not None and member.muted_until > at,
        )
