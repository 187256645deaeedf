"""What comes of a wish: an event, or a refusal that says why.

Asked in the order of the log, each with the state that the events before it have left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

from hubbub import Refused
from hubbub.chat import events as e
from hubbub.chat import text as texts
from hubbub.chat.policy import Action, Role, Standing, above, may
from hubbub.chat.state import MessageRow, RoomRow, State
from hubbub.tables import EVERYONE

FORBIDDEN, MISSING, CONFLICT, GONE, INVALID, EARLY = 403, 404, 409, 410, 422, 429
"""Codes of refusals: the statuses of HTTP that mean the same."""

MAX_PEOPLE_DIRECT = 9

MAX_EMOJI = 50
"""Different reactions to one message."""

NO_ROOM = "there is no such room"
"""Also what is said of a room that one may not see."""


class Already(Refused):
    """What was wanted is so already: where that is as good as done, it is no error."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, CONFLICT)


class Early(Refused):
    """It is too early: in `wait` seconds it will not be."""

    def __init__(self, reason: str, wait: int) -> None:
        super().__init__(reason, EARLY)
        self.wait = wait


def direct_id(users: Iterable[str]) -> str:
    """The id of the direct conversation of these users: they have one."""
    joined = "\0".join(sorted(set(users)))
    return "d" + blake2b(joined.encode(), digest_size=12).hexdigest()


class Judge:
    """Judges the wishes of `user` in `room`, one at a time, for the offset and time they get.

    `user` "" is the server itself, who may do everything.
    """

    def __init__(self, state: State, room: str, user: str, offset: int, at: int) -> None:
        self.state = state
        self.id = room
        self.user = user
        self.offset = offset
        self.at = at

    def judge(self, wish: e.AnyWish) -> e.Event:
        """Raises `Refused`."""
        event = _TABLE[type(wish)](self, wish)
        event.by, event.at = self.user, self.at
        return event

    # What is there.

    @property
    def room(self) -> RoomRow:
        """Raises `Refused` where there is none, or none that this user may know of."""
        room = self.state.rooms.get(self.id)
        if room is None:
            raise Refused(NO_ROOM, MISSING)
        return room

    @property
    def standing(self) -> Standing:
        return self.state.standing(self.id, self.user, self.at)

    def of(self, user: str) -> Standing:
        """How another user stands to the room. Raises `Refused` for who is not there at all."""
        if user not in self.state.users:
            raise Refused("there is no such user", MISSING)
        return self.state.standing(self.id, user, self.at)

    def need(self, action: Action, why: str = "you may not do that here") -> RoomRow:
        """The room, in which the user may do `action`. Raises `Refused`."""
        room = self.room
        if not self.user:
            return room
        place, standing = self.state.place(room), self.standing
        if may(action, standing, place):
            return room
        knows = may(Action.READ, standing, place) or (standing.banned and place.public)
        if not knows:
            raise Refused(NO_ROOM, MISSING)
        if standing.banned:
            raise Refused("you are banned from this room", FORBIDDEN)
        if place.archived:
            raise Refused("this room is archived", CONFLICT)
        if standing.muted:
            raise Refused("you are muted in this room", FORBIDDEN)
        if standing.role is None and action is not Action.JOIN:
            raise Refused("join this room first", FORBIDDEN)
        raise Refused(why, FORBIDDEN)

    def message(self, id: int) -> MessageRow:
        """Raises `Refused` for one that is not there any more."""
        message = self.state.messages.get((self.id, id))
        if message is None:
            raise Refused("there is no such message", MISSING)
        if message.deleted_at is not None:
            raise Refused("this message was deleted", GONE)
        return message

    def over(self, action: Action, user: str) -> Standing:
        """How `user` stands, over whom this one has the right. Raises `Refused`."""
        room = self.need(action)
        other = self.of(user)
        if self.user and not above(self.standing, other, self.state.place(room)):
            raise Refused("your role is not above theirs", FORBIDDEN)
        return other

    # Rooms.

    def create(self, wish: e.Create) -> e.Event:
        if self.state.rooms.get(self.id) is not None:
            raise Refused("this room is there already", CONFLICT)
        maker = self.state.users.get(self.user)
        if self.user and (maker is None or maker.kind == "guest" or maker.disabled_at is not None):
            raise Refused("guests make no rooms", FORBIDDEN)
        people = list(dict.fromkeys([self.user, *wish.members] if self.user else wish.members))
        for user in people:
            known = self.state.users.get(user)
            if known is None or known.disabled_at is not None:
                raise Refused("there is no such user", MISSING)
        if wish.kind == "direct":
            if len(people) > MAX_PEOPLE_DIRECT:
                raise Refused(
                    f"a conversation is of at most {MAX_PEOPLE_DIRECT}: make a private room",
                    INVALID,
                )
            if self.id != direct_id(people):
                raise Refused("a conversation has the id of its people", INVALID)
            return e.Created(kind="direct", members=people)
        if wish.members and wish.kind == "public":
            raise Refused("everybody can join a public room: add nobody", INVALID)
        name, slug = self._name(wish.name, wish.kind)
        return e.Created(
            kind=wish.kind, name=name, slug=slug, topic=_line(wish.topic), members=people
        )

    def _name(self, name: str, kind: str) -> tuple[str, str]:
        """The name in its one form, and its slug.

        That of a private room has its id behind it: whether it is taken says nothing of rooms
        that one may not know of.
        """
        title, slug = texts.title(name), texts.slug(name)
        if title is None or slug is None:
            raise Refused("a room's name needs letters or digits that can be seen", INVALID)
        if kind != "public":
            return title, f"{slug}-{self.id}"
        if self.state.slugs.get(slug, self.id) != self.id:
            raise Refused("there is a room of that name", CONFLICT)
        return title, slug

    def change(self, wish: e.Change) -> e.Event:
        rights = {
            Action.TOPIC: wish.topic is not None,
            Action.SLOW: wish.slow is not None,
            Action.CHANGE: any(one is not None for one in (wish.name, wish.kind, wish.keep)),
        }
        if not any(rights.values()):
            raise Refused("say what is to change", INVALID)
        for action, wanted in rights.items():
            if wanted:
                self.need(action)
        event = e.Changed(kind=wish.kind, slow=wish.slow, keep=wish.keep)
        if wish.name is not None or wish.kind is not None:
            room = self.room
            name, event.slug = self._name(wish.name or room.name, wish.kind or room.kind)
            event.name = None if wish.name is None else name
        if wish.topic is not None:
            event.topic = _line(wish.topic)
        return event

    def archive(self, wish: e.Archive) -> e.Event:
        if self.need(Action.ARCHIVE).archived_at is not None:
            raise Refused("this room is archived already", CONFLICT)
        return e.Archived()

    def restore(self, wish: e.Restore) -> e.Event:
        if self.need(Action.ARCHIVE).archived_at is None:
            raise Refused("this room is not archived", CONFLICT)
        return e.Restored()

    # People.

    def join(self, wish: e.JoinRoom) -> e.Event:
        if wish.invite is None:
            self._not_there(self.user)
            self.need(Action.JOIN)
            return e.Joined(user=self.user, role=self._role_of(self.user))
        invite = self.state.invites.get((self.id, wish.invite))
        past = invite is None or (invite.expires_at and invite.expires_at <= self.at)
        room = self.state.rooms.get(self.id)
        if invite is None or past or invite.uses == 0 or room is None:
            raise Refused("this invitation is not valid any more", GONE)
        if self.standing.banned:
            raise Refused("you are banned from this room", FORBIDDEN)
        if room.archived_at is not None:
            raise Refused("this room is archived", CONFLICT)
        self._not_there(self.user)
        return e.Joined(user=self.user, role=self._role_of(self.user), invite=wish.invite)

    def _not_there(self, user: str) -> None:
        if self.state.members.get((self.id, user)) is not None:
            raise Already("already a member of this room")

    def _role_of(self, user: str) -> str:
        return Role.GUEST if self.state.users[user].kind == "guest" else Role.MEMBER

    def leave(self, wish: e.LeaveRoom) -> e.Event:
        room = self.need(Action.LEAVE)
        if self.state.owners.get(self.id) == {self.user} and room.people > 1:
            raise Refused("you are the last owner: make somebody else one first", CONFLICT)
        return e.Left(user=self.user)

    def add(self, wish: e.Add) -> e.Event:
        self.need(Action.ADD)
        if self.of(wish.user).banned:
            raise Refused("this user is banned from the room", CONFLICT)
        self._not_there(wish.user)
        return e.Joined(user=wish.user, role=self._role_of(wish.user))

    def kick(self, wish: e.Kick) -> e.Event:
        if self.over(Action.KICK, wish.user).role is None:
            raise Already("this user is no member of the room")
        return e.Kicked(user=wish.user, reason=_line(wish.reason))

    def ban(self, wish: e.Ban) -> e.Event:
        member = self.over(Action.BAN, wish.user).role is not None
        until = 0 if wish.seconds is None else self.at + wish.seconds * 1000
        return e.Banned(user=wish.user, reason=_line(wish.reason), until=until, member=member)

    def unban(self, wish: e.Unban) -> e.Event:
        self.need(Action.BAN)
        if self.state.bans.get((self.id, wish.user)) is None:
            raise Already("this user is not banned")
        return e.Unbanned(user=wish.user)

    def mute(self, wish: e.Mute) -> e.Event:
        if self.over(Action.MUTE, wish.user).role is None:
            raise Refused("this user is no member of the room", CONFLICT)
        until = self.at + wish.seconds * 1000
        return e.Muted(user=wish.user, until=until, reason=_line(wish.reason))

    def unmute(self, wish: e.Unmute) -> e.Event:
        if not self.over(Action.MUTE, wish.user).muted:
            raise Already("this user is not muted")
        return e.Unmuted(user=wish.user)

    def appoint(self, wish: e.Appoint) -> e.Event:
        self.need(Action.APPOINT)
        other = self.of(wish.user)
        if other.role is None:
            raise Refused("this user is no member of the room", CONFLICT)
        if other.guest:
            raise Refused("a guest has no other role", CONFLICT)
        if other.role == wish.role:
            raise Already("this user has that role already")
        if self.state.owners.get(self.id) == {wish.user}:
            raise Refused("this is the last owner: make somebody else one first", CONFLICT)
        return e.Appointed(user=wish.user, role=wish.role)

    def invite(self, wish: e.Invite) -> e.Event:
        self.need(Action.INVITE)
        expires_at = 0 if wish.seconds is None else self.at + wish.seconds * 1000
        return e.Invited(expires_at=expires_at, uses=wish.uses)

    def uninvite(self, wish: e.Uninvite) -> e.Event:
        self.need(Action.INVITE)
        if self.state.invites.get((self.id, wish.invite)) is None:
            raise Refused("there is no such invitation", MISSING)
        return e.Uninvited(invite=wish.invite)

    # Messages.

    def say(self, wish: e.Say) -> e.Event:
        room = self.need(Action.SAY)
        text = texts.cleaned(wish.text)
        if not text and not wish.files:
            raise Refused("a message needs a text or a file", INVALID)
        standing = self.standing
        member = self.state.members.get((self.id, self.user))
        slow = room.slow * 1000
        if slow and member is not None and standing.role in (Role.MEMBER, Role.GUEST):
            wait = -(-(member.spoke_at + slow - self.at) // 1000)
            if wait > 0:
                raise Early(f"slow mode: say more in {wait} s", wait)
        reply = None
        if wish.reply is not None:
            answered = self.message(wish.reply)
            reply = e.Reply(answered.id, answered.user, texts.excerpt(answered.text))
        return e.Message(
            text=text,
            reply=reply,
            files=self._files(wish.files),
            mentions=self._mentions(text),
            nonce=wish.nonce,
        )

    def _files(self, ids: list[str]) -> list[e.File]:
        files = []
        for id in dict.fromkeys(ids):
            row = self.state.files.get(id)
            if row is None or row.user != self.user or row.said:
                raise Refused("there is no such file of yours that was not sent yet", MISSING)
            files.append(row.file)
        return files

    def _mentions(self, text: str) -> list[str]:
        """Of the members of the room, whom `text` mentions."""
        found: dict[str, None] = {}
        for name in texts.mentioned(text) if "@" in text else ():
            user = self.state.names.get(name, "")
            if name in texts.ROOM_MENTIONS:
                if may(Action.MENTION_ROOM, self.standing, self.state.place(self.room)):
                    found[EVERYONE] = None
            elif self.state.members.get((self.id, user)) is not None:
                found[user] = None
        return list(found)

    def edit(self, wish: e.Edit) -> e.Event:
        self.need(Action.EDIT)
        message = self.message(wish.message)
        if message.user != self.user:
            raise Refused("only who wrote a message edits it", FORBIDDEN)
        text = texts.cleaned(wish.text)
        if not text and not message.files:
            raise Refused("a message needs a text or a file: delete it instead", INVALID)
        return e.Edited(message=message.id, text=text, mentions=self._mentions(text))

    def delete(self, wish: e.Delete) -> e.Event:
        self.need(Action.READ)
        message = self.message(wish.message)
        own = message.user == self.user
        self.need(
            Action.DELETE if own else Action.DELETE_OTHERS,
            "only who wrote a message, or a moderator, deletes it",
        )
        return e.Deleted(message=message.id, user=message.user)

    def react(self, wish: e.React) -> e.Event:
        self.need(Action.REACT)
        message = self.message(wish.message)
        if not texts.is_emoji(wish.emoji):
            raise Refused("a reaction is one emoji", INVALID)
        if self.state.reactions.get((self.id, message.id, wish.emoji, self.user)) is not None:
            raise Already("you have reacted so already")
        there = self.state.emoji.get((self.id, message.id), set())
        if wish.emoji not in there and len(there) >= MAX_EMOJI:
            raise Refused("this message has enough kinds of reactions", CONFLICT)
        return e.Reacted(message=message.id, emoji=wish.emoji)

    def unreact(self, wish: e.Unreact) -> e.Event:
        self.need(Action.REACT)
        message = self.message(wish.message)
        if self.state.reactions.get((self.id, message.id, wish.emoji, self.user)) is None:
            raise Already("you have not reacted so")
        return e.Unreacted(message=message.id, emoji=wish.emoji)

    def pin(self, wish: e.Pin) -> e.Event:
        self.need(Action.PIN)
        if self.message(wish.message).pinned_at is not None:
            raise Already("this message is pinned already")
        return e.Pinned(message=wish.message)

    def unpin(self, wish: e.Unpin) -> e.Event:
        self.need(Action.PIN)
        if self.message(wish.message).pinned_at is None:
            raise Already("this message is not pinned")
        return e.Unpinned(message=wish.message)

    def expire(self, wish: e.Expire) -> e.Event:
        if self.user:
            raise Refused("only the server does that", FORBIDDEN)
        return e.Expired(before=min(wish.before, self.offset))


def _line(text: str) -> str:
    return " ".join(texts.cleaned(text).split())


_TABLE: dict[type[e.Wish], Callable[[Judge, Any], e.Event]] = {
    e.Create: Judge.create,
    e.Change: Judge.change,
    e.Archive: Judge.archive,
    e.Restore: Judge.restore,
    e.JoinRoom: Judge.join,
    e.LeaveRoom: Judge.leave,
    e.Add: Judge.add,
    e.Kick: Judge.kick,
    e.Ban: Judge.ban,
    e.Unban: Judge.unban,
    e.Mute: Judge.mute,
    e.Unmute: Judge.unmute,
    e.Appoint: Judge.appoint,
    e.Invite: Judge.invite,
    e.Uninvite: Judge.uninvite,
    e.Say: Judge.say,
    e.Edit: Judge.edit,
    e.Delete: Judge.delete,
    e.React: Judge.react,
    e.Unreact: Judge.unreact,
    e.Pin: Judge.pin,
    e.Unpin: Judge.unpin,
    e.Expire: Judge.expire,
}
