"""A chat with people, rooms and messages in it, written through the store that it will run on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert

from hubbub.chat import events as e
from hubbub.chat import schema
from hubbub.chat.migrate import upgrade
from hubbub.chat.people import logins, server
from hubbub.chat.people.tickets import SocketTokens
from hubbub.chat.projection import ROOMS, Chat
from hubbub.model import ClientInfo, Draft
from hubbub.stores import open_store

BATCH = 500

WORDS = (
    "release tomorrow after lunch the build is green but docs need another look please check "
    "numbers again server memory looks fine coffee anyone meeting moved to four thanks"
).split()

RARE = "quokka"
"""A word in one of ten thousand messages."""

COMMON = "coffee"
"""One in many."""


@dataclass
class Somebody:
    id: str
    cookie: str
    token: str


def text_of(number: int) -> str:
    """About as long as messages are, and not all the same."""
    begin = number * 7 % len(WORDS)
    said = " ".join((WORDS + WORDS)[begin : begin + 12])
    return f"{said} {RARE}" if number % 10_000 == 77 else f"{said} {number}"


class Builder:
    """Fills the database at `url`, which is empty, and in which nobody is."""

    def __init__(self, url: str) -> None:
        self._store = open_store(url, migrate=True)

    async def __aenter__(self) -> Builder:
        await self._store.start()
        self._tables = self._store.tables()
        await self._tables.write(upgrade)
        self._keys = await self._tables.write(server.begin)
        self._tables.project(Chat())
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._store.stop()

    async def people(self, count: int) -> list[Somebody]:
        """Accounts that are signed in; the first one administers the server."""
        tokens = SocketTokens(self._keys, time.time)

        def work(connection: Connection) -> list[Somebody]:
            found = []
            for number in range(count):
                row = {
                    "id": f"u{number}",
                    "name": f"user{number}",
                    "display": f"User {number}",
                    "kind": "person",
                    "admin": not number,
                    "status": "",
                    "created_at": 1,
                }
                connection.execute(insert(schema.users).values(row))
                now = time.time_ns() // 1_000_000
                begun, _ = logins.begin(connection, f"u{number}", "bench", now)
                token = tokens.mint(begun.who).token
                found.append(Somebody(begun.who.id, begun.secret, token))
            return found

        return await self._tables.write(work)

    async def wishes(self, wishes: Sequence[tuple[str, str, e.Wish]]) -> None:
        """Have these come true, each of a user in a room. Raises RuntimeError for one that does
        not."""
        for begin in range(0, len(wishes), BATCH):
            drafts = [
                (ROOMS + room, Draft(e.to_json(wish), info=ClientInfo(user, "")))
                for room, user, wish in wishes[begin : begin + BATCH]
            ]
            for made in await self._store.append(drafts):
                if made.refused is not None:
                    raise RuntimeError(made.refused.reason)

    async def room(self, room: str, members: list[Somebody]) -> None:
        """A public room with these in it; the first is its owner."""
        await self.wishes([(room, members[0].id, e.Create("public", f"Room {room}"))])
        await self.wishes([(room, one.id, e.JoinRoom()) for one in members[1:]])

    async def messages(self, rooms: list[str], people: list[Somebody], count: int) -> None:
        """So many messages, in turn in each room."""
        for begin in range(0, count, 10_000):
            await self.wishes(
                [
                    (
                        rooms[number % len(rooms)],
                        people[number % len(people)].id,
                        e.Say(text=text_of(number)),
                    )
                    for number in range(begin, min(begin + 10_000, count))
                ]
            )
            await asyncio.sleep(0)
