"""Random histories of a room of the chat, straight through its projection."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from msgspec.json import encode
from sqlalchemy import Connection, insert, select
from tests.support.chat_fold import Fold

from hubbub import Refused
from hubbub.chat import events as e
from hubbub.chat import reading, schema
from hubbub.chat.people.server import ServerSettings
from hubbub.chat.people.sql import SERVER
from hubbub.chat.projection import MESSAGE, ROOM, ROOMS, Chat
from hubbub.chat.state import RoomRow
from hubbub.model import ClientInfo
from hubbub.tables import Draft

USERS = ["u1", "u2", "u3", "u4", "u5", "g1"]
ID = "r1"
EMOJI = ["👍", "❤️", "🎉"]
TABLES = [
    schema.rooms,
    schema.members,
    schema.bans,
    schema.invites,
    schema.messages,
    schema.reactions,
    schema.audit,
]
"""What is made of the log, and of nothing else."""


class Room:
    """A room's log, as a store would keep it, and its tables in `connection`."""

    def __init__(self, connection: Connection, *, guests: bool = True) -> None:
        self.connection = connection
        self.chat = Chat()
        self.log: dict[int, bytes] = {}
        """As it is now: with what was erased."""
        self.told: dict[int, bytes] = {}
        """As it was published."""
        self.at = 1_700_000_000_000
        self.refusals: list[Refused] = []
        kept = {"name": SERVER, "value": ServerSettings(guests=guests).model_dump_json()}
        connection.execute(insert(schema.settings).values(kept))
        for user in USERS:
            values = {
                "id": user,
                "name": None if user.startswith("g") else user,
                "display": user,
                "kind": "guest" if user.startswith("g") else "person",
                "admin": user == "u5",
                "status": "",
                "created_at": 1,
            }
            connection.execute(insert(schema.users).values(values))

    def wish(self, *wishes: tuple[str, e.Wish]) -> None:
        """Have these wishes, each of a user, in one batch."""
        drafts = [
            (ROOMS + ID, Draft(e.to_json(wish), info=ClientInfo(user, "") if user else None))
            for user, wish in wishes
        ]
        step = self.chat.begin(self.connection, drafts)
        for room, draft in drafts:
            offset, self.at = len(self.log) + 1, self.at + 1_000
            try:
                taken = step.take(room, draft, offset, self.at)
            except Refused as refused:
                self.refusals.append(refused)
                continue
            self.log[offset] = self.told[offset] = taken.data
            for erased, data in taken.erase:
                assert erased < offset, "only what was before can be erased"
                self.log[erased] = data
        step.finish()

    def offsets(self, kind: bytes) -> list[int]:
        """Of the events of that type."""
        begin = b'{"type":"' + kind + b'"'
        return [offset for offset, data in self.told.items() if data.startswith(begin)]

    def fetch(self) -> Fold:
        """The room as its first page would show all of it."""
        row = self.connection.execute(select(*ROOM).where(schema.rooms.c.id == ID)).one()
        c = schema.messages.c
        rows = self.connection.execute(select(*MESSAGE).where(c.room == ID).order_by(c.id)).all()
        return Fold(
            reading.room_view(RoomRow(*row)).model_dump(),
            [one.model_dump() for one in reading.members(self.connection, ID, "", 1_000)],
            [one.model_dump() for one in reading.views(self.connection, ID, rows)],
        )

    def rows(self) -> dict[str, list[Any]]:
        """Everything that the projection has written."""
        found = {}
        for table in TABLES:
            columns = [column for column in table.c if column.name != "key"]
            rows = self.connection.execute(select(*columns)).all()
            found[table.name] = sorted(map(tuple, rows), key=repr)
        return found

    def rebuild(self, random: Random) -> dict[str, list[Any]]:
        """The rows again, made from the log as it is now."""
        for table in TABLES:
            self.connection.execute(table.delete())
        events, pages = list(self.log.items()), []
        while events:
            size = random.randint(1, 10)
            pages.append(dict(events[:size]))
            events = events[size:]
        for page in pages:
            self.chat.replay(self.connection, ROOMS + ID, page)
        return self.rows()


def any_wish(random: Random, messages: list[int], invites: list[int]) -> e.Wish:
    """Any wish, mostly sensible, with these messages and invitations to speak of."""
    message = random.choice(messages[-4:] if random.random() < 0.7 else messages)
    user = random.choice(USERS)
    text = random.choice(["secret-", "hi @u2 ", "@room ", "`@u3` "]) + str(random.random())
    wishes: list[Callable[[], e.Wish]] = [
        lambda: e.Say(text=text, nonce=str(random.random())),
        lambda: e.Say(text=text),
        lambda: e.Say(text=text, reply=message),
        lambda: e.Edit(message, text),
        lambda: e.Edit(message, text),
        lambda: e.Delete(message),
        lambda: e.React(message, random.choice(EMOJI)),
        lambda: e.React(message, random.choice(EMOJI)),
        lambda: e.Unreact(message, random.choice(EMOJI)),
        lambda: e.Pin(message),
        lambda: e.Unpin(message),
        lambda: e.JoinRoom(),
        lambda: e.JoinRoom(),
        lambda: e.LeaveRoom(),
        lambda: e.Add(user),
        lambda: e.Kick(user, "enough"),
        lambda: e.Ban(user, "really", random.choice([None, 2, 60])),
        lambda: e.Unban(user),
        lambda: e.Mute(user, random.choice([1, 5, 100])),
        lambda: e.Unmute(user),
        lambda: e.Appoint(user, random.choice(["owner", "moderator", "member"])),
        lambda: e.Invite(random.choice([None, 10]), random.choice([None, 1, 2])),
        lambda: e.JoinRoom(random.choice([None, *messages])),
        lambda: e.Uninvite(message),
        lambda: e.Change(
            name=random.choice([None, "Lobby", "Other"]),
            topic=random.choice([None, "new topic"]),
            slow=random.choice([None, 0, 0, 2]),
            keep=random.choice([None, 0, 30]),
            kind=random.choice([None, None, "public", "private"]),
        ),
        lambda: e.Archive() if random.random() < 0.2 else e.Restore(),
        lambda: e.Restore(),
    ]
    return random.choice(wishes)()


def play(room: Room, random: Random, length: int) -> list[Fold]:
    """A history of so many batches of wishes; what was fetched on the way."""
    kind: e.Kind = random.choice(["public", "public", "private"])
    room.wish(("u1", e.Create(kind, "Lobby", members=["u2"] if kind == "private" else [])))
    room.wish(*((user, e.JoinRoom()) for user in USERS[1:]))
    fetched = [room.fetch()]
    for _ in range(length):
        after = len(room.log) + 1
        messages = [*room.offsets(b"message"), after]
        invites = [*room.offsets(b"invited"), after]
        batch: list[tuple[str, e.Wish]] = []
        for _ in range(random.randint(1, 4)):
            user = random.choice(["u1", "u1", *USERS])
            batch.append((user, any_wish(random, messages, invites)))
        if random.random() < 0.015:
            batch.append(("", e.Expire(max(1, len(room.log) - random.randint(0, 12)))))
        room.wish(*batch)
        if random.random() < 0.3:
            fetched.append(room.fetch())
    return fetched


def check(room: Room, fetched: list[Fold], random: Random) -> None:
    """Hold what there is now to the three laws of the projection."""
    now = room.fetch().state
    for fold in fetched:
        for events in (room.told, room.log):
            client = Fold(fold.room, list(fold.members.values()), list(fold.messages.values()))
            for offset, data in events.items():
                client.apply(offset, data)
            assert client.state == now, "fetched, and brought up to date by the events"
    everything = b"\n".join(room.log.values()).decode()
    for offset, told in room.told.items():
        event = e.event_of(told)
        if isinstance(event, e.Message | e.Edited) and event.text:
            message = offset if isinstance(event, e.Message) else event.message
            current = now["messages"].get(message, {}).get("text")
            quoted = any(
                one["reply"] is not None and one["reply"]["id"] == message
                for one in now["messages"].values()
            )
            if current != event.text and not (quoted and current):
                assert encode(event.text).decode() not in everything, "what is gone is gone"
    rows = room.rows()
    again = room.rebuild(random)
    for name, expected in rows.items():
        assert again[name] == expected, f"{name}, made anew from the log"
