"""What an event changes: its rows, and what of earlier events is to be erased.

Total: it may meet any state, as when a log is gone over again of which the end is not reached.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.json import encode

from hubbub.chat import events as e
from hubbub.chat.policy import Role
from hubbub.chat.state import (
    AuditRow,
    BanRow,
    InviteRow,
    MemberRow,
    MessageRow,
    RoomRow,
    State,
)

Erasure = tuple[int, bytes]
"""The offset of an event, and what takes its place."""


class Changer:
    """Applies the event at `offset` of `room` to the state. `erasures` is what is to go."""

    def __init__(self, state: State, room: str, offset: int) -> None:
        self.state = state
        self.id = room
        self.offset = offset
        self.erasures: list[Erasure] = []

    def apply(self, event: e.AnyEvent) -> None:
        room = self.state.rooms.get(self.id)
        if room is None and not isinstance(event, e.Created):
            return
        self.state.at = max(self.state.at, event.at)
        _TABLE[type(event)](self, event)
        if (room := self.state.rooms.get(self.id)) is not None:
            room.offset = self.offset
            self.state.rooms.touch(self.id)

    @property
    def room(self) -> RoomRow:
        room = self.state.rooms.get(self.id)
        assert room is not None
        return room

    def note(self, event: e.Event, user: str | None = None, **detail: Any) -> None:
        """Have the moderators' log say so."""
        action = type(event).__struct_config__.tag
        row = AuditRow(
            self.id, self.offset, event.at, event.by, str(action), user, encode(detail).decode()
        )
        self.state.audit.put((self.id, self.offset), row)

    # Rooms.

    def created(self, event: e.Created) -> None:
        self.state.rooms.put(
            self.id,
            RoomRow(
                self.id, event.kind, event.slug, event.name, event.topic, 0, None, event.by,
                event.at, None, 0, event.at, self.offset,
            ),
        )  # fmt: skip
        if event.slug is not None:
            self.state.slugs[event.slug] = self.id
        for user in event.members:
            owns = user == event.by and event.kind != "direct"
            self._enter(user, Role.OWNER if owns else Role.MEMBER)

    def changed(self, event: e.Changed) -> None:
        room = self.room
        if event.name is not None:
            room.name = event.name
        if event.slug is not None:
            if room.slug is not None:
                self.state.slugs.pop(room.slug, None)
            self.state.slugs[event.slug] = self.id
            room.slug = event.slug
        if event.topic is not None:
            room.topic = event.topic
        if event.kind is not None:
            room.kind = event.kind
        if event.slow is not None:
            room.slow = event.slow
        if event.keep is not None:
            room.keep = event.keep or None
        detail = {
            name: value
            for name in ("name", "topic", "kind", "slow", "keep")
            if (value := getattr(event, name)) is not None
        }
        self.note(event, None, **detail)

    def archived(self, event: e.Archived) -> None:
        self.room.archived_at = event.at
        self.note(event)

    def restored(self, event: e.Restored) -> None:
        self.room.archived_at = None
        self.note(event)

    # People.

    def _enter(self, user: str, role: str) -> None:
        if self.state.members.get((self.id, user)) is None:
            self.room.people += 1
        self.state.members.put((self.id, user), MemberRow(self.id, user, role, self.offset))
        self._own(user, role)

    def _own(self, user: str, role: str | None) -> None:
        owners = self.state.owners.setdefault(self.id, set())
        if role == Role.OWNER:
            owners.add(user)
        else:
            owners.discard(user)

    def _go(self, user: str) -> None:
        if self.state.members.get((self.id, user)) is not None:
            self.room.people -= 1
            self.state.members.drop((self.id, user))
            self._own(user, None)

    def joined(self, event: e.Joined) -> None:
        self._enter(event.user, event.role)
        if event.invite is not None:
            invite = self.state.invites.get((self.id, event.invite))
            if invite is not None and invite.uses is not None:
                invite.uses = max(0, invite.uses - 1)
                self.state.invites.touch((self.id, event.invite))
        elif event.by != event.user:
            self.note(event, event.user)

    def left(self, event: e.Left) -> None:
        self._go(event.user)

    def kicked(self, event: e.Kicked) -> None:
        self._go(event.user)
        self.note(event, event.user, reason=event.reason)

    def banned(self, event: e.Banned) -> None:
        self._go(event.user)
        self.state.bans.put(
            (self.id, event.user),
            BanRow(self.id, event.user, event.by, event.reason, event.at, event.until),
        )
        self.note(event, event.user, reason=event.reason, until=event.until)

    def unbanned(self, event: e.Unbanned) -> None:
        self.state.bans.drop((self.id, event.user))
        self.note(event, event.user)

    def _mute(self, user: str, until: int) -> None:
        member = self.state.members.get((self.id, user))
        if member is not None:
            member.muted_until = until
            self.state.members.touch((self.id, user))

    def muted(self, event: e.Muted) -> None:
        self._mute(event.user, event.until)
        self.note(event, event.user, reason=event.reason, until=event.until)

    def unmuted(self, event: e.Unmuted) -> None:
        self._mute(event.user, 0)
        self.note(event, event.user)

    def appointed(self, event: e.Appointed) -> None:
        member = self.state.members.get((self.id, event.user))
        if member is not None:
            member.role = event.role
            self.state.members.touch((self.id, event.user))
            self._own(event.user, event.role)
        self.note(event, event.user, role=event.role)

    def invited(self, event: e.Invited) -> None:
        key = self.id, self.offset
        row = InviteRow(*key, event.by, event.at, event.expires_at, event.uses)
        self.state.invites.put(key, row)
        self.note(event, None, expires_at=event.expires_at, uses=event.uses)

    def uninvited(self, event: e.Uninvited) -> None:
        self.state.invites.drop((self.id, event.invite))
        self.note(event, None, invite=event.invite)

    # Messages.

    def message(self, event: e.Message) -> None:
        key = self.id, self.offset
        self.state.messages.put(
            key,
            MessageRow(
                *key, event.by, event.at, event.text, event.reply, event.files, event.mentions,
                event.nonce,
            ),
        )  # fmt: skip
        if event.files:
            ids = [file.id for file in event.files]
            for id in ids:
                if id in self.state.files:
                    self.state.files[id].said = True
            self.state.attached.append((*key, ids))
        self._spoke(event)

    def _spoke(self, event: e.Event) -> None:
        self.room.last_at = event.at
        member = self.state.members.get((self.id, event.by))
        if member is not None:
            member.spoke_at = event.at
            self.state.members.touch((self.id, event.by))

    def _said(self, message: int) -> MessageRow | None:
        """The message, where it is there and not deleted."""
        row = self.state.messages.get((self.id, message))
        return None if row is None or row.deleted_at is not None else row

    def edited(self, event: e.Edited) -> None:
        row = self._said(event.message)
        if row is None:
            return
        if event.text is not None:
            row.text, row.mentions = event.text, event.mentions
        self._erase_edit(row)
        row.edited_at, row.edited_in = event.at, self.offset
        self._erase_text(row)
        self.state.messages.touch((self.id, row.id))

    def _erase_text(self, row: MessageRow) -> None:
        """Have the event of the message say what is said now, and no more what was."""
        event = e.Message(
            by=row.user, at=row.at, text=row.text, reply=row.reply, files=row.files,
            mentions=row.mentions, nonce=row.nonce,
        )  # fmt: skip
        self.erasures.append((row.id, e.to_json(event)))

    def _erase_edit(self, row: MessageRow) -> None:
        if row.edited_in is not None and row.edited_at is not None:
            event = e.Edited(by=row.user, at=row.edited_at, message=row.id)
            self.erasures.append((row.edited_in, e.to_json(event)))

    def deleted(self, event: e.Deleted) -> None:
        if event.by != event.user:
            self.note(event, event.user, message=event.message)
        row = self._said(event.message)
        if row is None:
            return
        row.deleted_at, row.deleted_by = event.at, event.by
        row.text, row.mentions, row.pinned_at = "", [], None
        row.files = []
        self._erase_edit(row)
        self._erase_text(row)
        self.state.messages.touch((self.id, row.id))
        self._empty(row.id)
        for other in self.state.messages:
            if other.room == self.id and other.reply is not None and other.reply.id == row.id:
                other.reply = e.Reply(row.id, row.user)
                self._erase_text(other)
                self.state.messages.touch((self.id, other.id))

    def _empty(self, message: int) -> None:
        key = self.id, message
        for reaction in [one for one in self.state.reactions.keys() if one[:2] == key]:
            self.state.reactions.drop(reaction)
        self.state.emoji.pop(key, None)
        self.state.emptied.append(key)

    def reacted(self, event: e.Reacted) -> None:
        if self._said(event.message) is None:
            return
        key = self.id, event.message, event.emoji, event.by
        if self.state.reactions.get(key) is None:
            self.state.reactions.put(key, self.offset)
        self.state.emoji.setdefault(key[:2], set()).add(event.emoji)

    def unreacted(self, event: e.Unreacted) -> None:
        if self._said(event.message) is not None:
            self.state.reactions.drop((self.id, event.message, event.emoji, event.by))

    def _pin(self, message: int, at: int | None) -> None:
        row = self._said(message)
        if row is not None:
            row.pinned_at = at
            self.state.messages.touch((self.id, row.id))

    def pinned(self, event: e.Pinned) -> None:
        self._pin(event.message, event.at)

    def unpinned(self, event: e.Unpinned) -> None:
        self._pin(event.message, None)

    def expired(self, event: e.Expired) -> None:
        for row in list(self.state.messages):
            if row.room != self.id or row.id >= event.before:
                continue
            self.erasures.append((row.id, e.to_json(e.Gone(by=row.user, at=row.at))))
            if row.edited_in is not None:
                self.erasures.append((row.edited_in, e.to_json(e.Gone())))
            self.state.messages.drop((self.id, row.id))
            self._empty(row.id)
            self.state.expired.append((self.id, row.id))
        for row in list(self.state.messages):
            reply = row.reply
            if row.room == self.id and reply is not None and reply.id < event.before and reply.text:
                row.reply = e.Reply(reply.id, reply.user)
                self._erase_text(row)
                self.state.messages.touch((self.id, row.id))

    def gone(self, event: e.Gone) -> None:
        if event.at:
            self._spoke(event)


_TABLE: dict[type[e.Event], Callable[[Changer, Any], None]] = {
    e.Created: Changer.created,
    e.Changed: Changer.changed,
    e.Archived: Changer.archived,
    e.Restored: Changer.restored,
    e.Joined: Changer.joined,
    e.Left: Changer.left,
    e.Kicked: Changer.kicked,
    e.Banned: Changer.banned,
    e.Unbanned: Changer.unbanned,
    e.Muted: Changer.muted,
    e.Unmuted: Changer.unmuted,
    e.Appointed: Changer.appointed,
    e.Invited: Changer.invited,
    e.Uninvited: Changer.uninvited,
    e.Message: Changer.message,
    e.Edited: Changer.edited,
    e.Deleted: Changer.deleted,
    e.Reacted: Changer.reacted,
    e.Unreacted: Changer.unreacted,
    e.Pinned: Changer.pinned,
    e.Unpinned: Changer.unpinned,
    e.Expired: Changer.expired,
    e.Gone: Changer.gone,
}
