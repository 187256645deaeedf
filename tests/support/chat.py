"""The chat under test: the whole application on a database, with people in it.

async with chat(store) as place:
    ann = await place.person("ann")
    room = await place.room(ann, "Lobby", "bob", "eve")
    client = await place.connect("bob")
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Connection, insert
from tests.support.asyncapi import Contract, contract_from
from tests.support.chat_fold import Fold
from tests.support.postgres import fresh_database

from hubbub import Hub
from hubbub.chat import Options, create_app, schema
from hubbub.chat import events as e
from hubbub.chat.migrate import upgrade
from hubbub.chat.people import Kind, People, Who, logins
from hubbub.chat.people.passwords import Passwords
from hubbub.chat.rooms import Rooms, channel
from hubbub.chat.socket import Sockets
from hubbub.stores import open_store
from hubbub.testing import RoomClient, TestHub

QUICK = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
"""Passwords that are hashed in no time: for tests alone."""

API = "/api/chat/v1"

DEADLINE = 20.0
"""Seconds that a wait may take, on any machine; what is awaited takes milliseconds."""

Database = Literal["sqlite", "postgresql"]

DATABASES: tuple[Database, ...] = ("sqlite", "postgresql")
"""What the chat runs on."""


class Chat:
    """An application that runs, and its people by name."""

    def __init__(self, app: FastAPI, test: TestHub) -> None:
        self.app = app
        self.test = test
        self.people: People = app.state.people
        self.rooms: Rooms = app.state.rooms
        self.sockets: Sockets = app.state.sockets
        self.contract: Contract | None = None
        """What clients hear is held to it; there is one once somebody is connected."""
        self.known: dict[str, Who] = {}
        self._secrets: dict[str, str] = {}

    @property
    def hub(self) -> Hub:
        return self.test.hub

    async def person(self, name: str, *, admin: bool = False, kind: Kind = Kind.PERSON) -> Who:
        """An account called `name`, signed in: made when it is first asked for."""
        if name not in self.known:
            begun = await self.hub.tables.write(_account, name, admin, kind)
            self.known[name], self._secrets[name] = begun.who, begun.secret
        return self.known[name]

    async def room(
        self,
        owner: Who,
        name: str = "Hall",
        *members: str,
        kind: Literal["public", "private"] = "public",
    ) -> str:
        """The id of a new room of `owner`, which these have joined or were added to."""
        done = await self.rooms.create(owner, e.Create(kind, name))
        for member in members:
            who = await self.person(member)
            if kind == "public":
                await self.rooms.do(who, done.room, e.JoinRoom())
            else:
                await self.rooms.do(owner, done.room, e.Add(who.id))
        return done.room

    async def say(self, name: str, room: str, text: str = "hello", **more: Any) -> int:
        """The id of a new message."""
        who = await self.person(name)
        return (await self.rooms.do(who, room, e.Say(text=text, **more))).offset

    async def connect(self, name: str, *rooms: str) -> RoomClient:
        """A socket of that person, in these rooms."""
        who = await self.person(name)
        client = await self.test.connect(user=await self.sockets.identity(who))
        if self.contract is None:
            async with self.browser() as browser:
                self.contract = contract_from((await browser.get("/asyncapi.json")).text)
        self.contract.listener().listen_to(client)
        for room in rooms:
            await client.join(channel(room))
        return client

    @asynccontextmanager
    async def browser(self, name: str = "") -> AsyncIterator[httpx.AsyncClient]:
        """Somebody's browser, signed in; without a name, nobody's."""
        transport = httpx.ASGITransport(self.app)
        headers = {"Origin": "http://testserver"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://testserver", headers=headers
        ) as client:
            if name:
                await self.person(name)
                client.cookies.set("hubbub", self._secrets[name])
            yield client

    async def cookie(self, name: str) -> str:
        """What that person's browser sends along."""
        await self.person(name)
        return f"hubbub={self._secrets[name]}"

    async def fold(self, name: str, room: str) -> Fold:
        """The room's first page, as a client has it."""
        opened = await self.rooms.open(await self.person(name), room)
        return Fold.of(opened.model_dump())


def _account(connection: Connection, name: str, admin: bool, kind: Kind) -> logins.Begun:
    id = {"guest": "g", "bot": "b"}.get(kind, "u") + name
    connection.execute(
        insert(schema.users).values(
            id=id,
            name=None if kind is Kind.GUEST else name,
            display=name.title(),
            kind=kind,
            admin=admin,
            status="",
            created_at=1,
        )
    )
    return logins.begin(connection, id, "tests", time.time_ns() // 1_000_000)[0]


@asynccontextmanager
async def chat(store: str, files: str, **more: Any) -> AsyncIterator[Chat]:
    """The chat on the database at `store`, until the end of the block; `more` are settings."""
    told: list[str] = []
    options = Options(files=files, announce=told.append, passwords=Passwords(QUICK))
    app = create_app(Hub(store, migrate=True, **more), options)
    async with TestHub(app, deadline=DEADLINE) as test:
        place = Chat(app, test)
        yield place
        assert place.contract is None or place.contract.faults == []


_made: dict[Database, str] = {}
"""Databases with the chat's tables and nothing in them, to make others of."""


async def database(kind: Database, folder: Path) -> str:
    """The address of a new database that has the chat's tables: in `folder`, if it is a file.

    The tables are made once in a run, and copied: a test need not wait for the migrations.
    """
    if kind not in _made:
        _made[kind] = await _make(kind)
    path = urlsplit(_made[kind]).path
    if kind == "postgresql":
        return await fresh_database(TEMPLATE=path.removeprefix("/"))
    shutil.copy(path.removeprefix("/"), folder / "chat.db")
    return f"sqlite:///{folder}/chat.db"


async def _make(kind: Database) -> str:
    if kind == "postgresql":
        url = await fresh_database()
    else:
        folder = tempfile.mkdtemp(prefix="hubbub-chat-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        url = f"sqlite:///{folder}/chat.db"
    store = open_store(url, migrate=True)
    await store.start()
    await store.tables().write(upgrade)
    await store.stop()
    return url
