"""Every action, by everybody, in every kind of room: what the policy says, for every door (A-7).

    for cell in cells():
        stage = await stage_for(chat, cell)
        ... have stage.actor do cell.action in stage.room, through some door ...

What comes of it is to be `cell.allowed`; and where it is not, `stage.facts()` is what it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count, product
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select
from tests.support.chat import Chat

from hubbub.chat import events as e
from hubbub.chat import schema
from hubbub.chat.people import Kind, Who
from hubbub.chat.policy import Action, Place, Role, Standing, may
from hubbub.chat.rules import direct_id

if TYPE_CHECKING:
    from sqlalchemy import Connection

_numbers = count(1)

EVENTS: dict[Action, type[e.Event]] = {
    Action.JOIN: e.Joined,
    Action.LEAVE: e.Left,
    Action.SAY: e.Message,
    Action.MENTION_ROOM: e.Message,
    Action.REACT: e.Reacted,
    Action.EDIT: e.Edited,
    Action.DELETE: e.Deleted,
    Action.DELETE_OTHERS: e.Deleted,
    Action.PIN: e.Pinned,
    Action.ADD: e.Joined,
    Action.INVITE: e.Invited,
    Action.KICK: e.Kicked,
    Action.BAN: e.Banned,
    Action.MUTE: e.Muted,
    Action.TOPIC: e.Changed,
    Action.SLOW: e.Changed,
    Action.CHANGE: e.Changed,
    Action.APPOINT: e.Appointed,
}
"""What comes of actions that are wishes; of `ARCHIVE` one of two."""


class Cell(NamedTuple):
    """Somebody who stands so to such a room, and what they want to do there."""

    action: Action
    standing: Standing
    place: Place

    @property
    def allowed(self) -> bool:
        return may(self.action, self.standing, self.place)

    @property
    def knows(self) -> bool:
        """Whether they may know of the room: who does not is told that there is none."""
        return may(Action.READ, self.standing, self.place)

    @property
    def status(self) -> int:
        """What a wish that is not allowed is refused with, and over HTTP answered."""
        if not self.knows:
            return 403 if self.standing.banned and self.place.public else 404
        return 409 if self.place.archived else 403

    def __str__(self) -> str:
        standing, place = self.standing, self.place
        who = ["guest" if standing.guest else "person", standing.role or "stranger"]
        who += (
            ["admin"] * standing.admin + ["banned"] * standing.banned + ["muted"] * standing.muted
        )
        where = [place.kind] + ["archived"] * place.archived
        where += ["guests welcome"] * (place.guests and standing.guest)
        return f"{self.action} by {' '.join(who)} in {' '.join(where)}"


def standings() -> Iterator[Standing]:
    """How somebody can stand to a room."""
    for admin in (False, True):
        yield Standing(admin=admin)
        yield Standing(admin=admin, banned=True)
        for role, muted in product((Role.MEMBER, Role.MODERATOR, Role.OWNER), (False, True)):
            yield Standing(role, admin=admin, muted=muted)
    yield Standing(guest=True)
    yield Standing(guest=True, banned=True)
    for muted in (False, True):
        yield Standing(Role.GUEST, guest=True, muted=muted)


def scenes() -> Iterator[tuple[Standing, Place]]:
    """How somebody can stand to any room."""
    for kind, archived, standing in product(("public", "private"), (False, True), standings()):
        # Whether guests are welcome is all the same to everybody else.
        for guests in (False, True) if standing.guest else (False,):
            yield standing, Place(kind, archived, guests)
    for admin, guest in ((False, False), (True, False), (False, True)):
        for role in (None, Role.MEMBER):
            yield Standing(role, guest=guest, admin=admin), Place("direct", False, False)


def cells() -> Iterator[Cell]:
    """All of them: those of one stage behind each other."""
    for standing, place in scenes():
        for action in Action:
            yield Cell(action, standing, place)


@dataclass
class Stage:
    """A room in which `actor` stands as a cell says.

    `victim` is a member like others, `stranger` is not there. The messages are the actor's own
    (of who never was there: somebody's) and the owner's.
    """

    chat: Chat
    room: str
    actor: Who
    victim: Who
    stranger: Who
    own: int
    others: int
    archived: bool

    @property
    def actor_name(self) -> str:
        """By which `Chat` knows the actor."""
        return self.actor.display.lower()

    def wish(self, action: Action) -> e.Wish | None:
        """The wish to do that; None for what is no wish."""
        other, user = self.others, self.victim.id
        match action:
            case Action.ARCHIVE:
                return e.Restore() if self.archived else e.Archive()
            case Action.ADD:
                return e.Add(self.stranger.id)
            case Action.APPOINT:
                return e.Appoint(user, "moderator")
            case Action.CHANGE:
                return e.Change(keep=30)
        wishes: dict[Action, e.Wish] = {
            Action.JOIN: e.JoinRoom(),
            Action.LEAVE: e.LeaveRoom(),
            Action.SAY: e.Say(text="hello"),
            Action.MENTION_ROOM: e.Say(text="hello @room"),
            Action.REACT: e.React(other, "👍"),
            Action.EDIT: e.Edit(self.own, "edited"),
            Action.DELETE: e.Delete(self.own),
            Action.DELETE_OTHERS: e.Delete(other),
            Action.PIN: e.Pin(other),
            Action.INVITE: e.Invite(),
            Action.KICK: e.Kick(user),
            Action.BAN: e.Ban(user),
            Action.MUTE: e.Mute(user),
            Action.TOPIC: e.Change(topic="another"),
            Action.SLOW: e.Change(slow=1),
        }
        return wishes.get(action)

    async def facts(self) -> dict[str, list[Any]]:
        """Everything that the tables say of the room."""
        return await self.chat.hub.tables.read(_facts, self.room)

    async def last(self) -> e.AnyEvent:
        """What happened last."""
        page = await self.chat.hub.history("room:" + self.room, limit=1)
        return e.event_of(page.publications[0].data)


TABLES = (
    schema.rooms,
    schema.members,
    schema.bans,
    schema.invites,
    schema.messages,
    schema.reactions,
    schema.audit,
    schema.preferences,
    schema.hooks,
)


def _facts(connection: Connection, room: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for table in TABLES:
        which = table.c.id if table is schema.rooms else table.c.room
        rows = connection.execute(select(*table.c).where(which == room))
        found[table.name] = sorted(map(tuple, rows), key=repr)
    bots = select(func.count()).where(schema.users.c.kind == "bot")
    return {**found, "bots": [connection.execute(bots).scalar_one()]}


async def stage_for(chat: Chat, cell: Cell) -> Stage:
    """A new room in which somebody stands as the cell says."""
    standing, place = cell.standing, cell.place
    if standing.guest:
        # Where guests are welcome no more, they are signed in no more: this one came after.
        await welcome(chat, place.guests)
        actor = await chat.person(f"guest{next(_numbers)}", kind=Kind.GUEST)
    else:
        actor = await chat.person("admin" if standing.admin else "actor", admin=standing.admin)
    owner, victim, stranger = [await chat.person(one) for one in ("owner", "victim", "stranger")]
    if place.direct:
        return await _direct(chat, standing, actor, victim, stranger)
    id = f"r{next(_numbers):012}"
    do = partial(chat.rooms.do, room=id)
    await do(None, wish=e.Create(place.kind, f"Room {id}"))  # type: ignore[arg-type]
    for user in (owner, victim, actor):
        await do(None, wish=e.Add(user.id))
    await do(None, wish=e.Appoint(owner.id, "owner"))
    own = (await do(actor, wish=e.Say(text="my own"))).offset
    others = (await do(owner, wish=e.Say(text="another"))).offset
    for wish in _becoming(standing, actor.id):
        await do(None, wish=wish)
    if standing.role is None and not standing.banned:
        await do(actor, wish=e.LeaveRoom())
    if place.archived:
        await do(None, wish=e.Archive())
    return Stage(chat, id, actor, victim, stranger, own, others, place.archived)


def _becoming(standing: Standing, user: str) -> Iterator[e.Wish]:
    """How a member comes to stand so."""
    if standing.role in (Role.MODERATOR, Role.OWNER):
        yield e.Appoint(user, standing.role.value)  # type: ignore[arg-type]
    if standing.muted:
        yield e.Mute(user)
    if standing.banned:
        yield e.Ban(user)


async def _direct(chat: Chat, standing: Standing, actor: Who, victim: Who, stranger: Who) -> Stage:
    """A conversation with somebody new, since there is one for the same people."""
    other = await chat.person(f"other{next(_numbers)}")
    people = [victim, other] if standing.role is None else [actor, victim, other]
    id = direct_id([one.id for one in people])
    wish = e.Create("direct", members=[one.id for one in people])
    await chat.rooms.do(victim, id, wish)
    speaker = victim if standing.role is None else actor
    own = (await chat.rooms.do(speaker, id, e.Say(text="my own"))).offset
    others = (await chat.rooms.do(victim, id, e.Say(text="another"))).offset
    return Stage(chat, id, actor, victim, stranger, own, others, False)


async def welcome(chat: Chat, guests: bool) -> None:
    """Have guests be let in, or not."""
    by = await chat.person("root", admin=True)
    if (await chat.people.settings()).guests != guests:
        await chat.people.administration.set(by, {"guests": guests})
