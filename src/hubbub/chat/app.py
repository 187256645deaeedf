"""The chat as an application: what `hubbub serve` runs when it is given none."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from fastapi import FastAPI, WebSocket
from sqlalchemy import select

from hubbub import Hub, HubbubError, Refused
from hubbub.chat import events as e
from hubbub.chat import problem, schema
from hubbub.chat.browser import browser_router
from hubbub.chat.door import door
from hubbub.chat.export import export_router
from hubbub.chat.files.blobs import open_blobs
from hubbub.chat.files.limits import FileLimits
from hubbub.chat.files.routes import avatars, files_router
from hubbub.chat.files.sweeper import Sweeper
from hubbub.chat.files.uploads import Scanner, Uploads
from hubbub.chat.headers import SecurityHeaders
from hubbub.chat.hooks import Hooks
from hubbub.chat.http import Api, Live, chat_router, document
from hubbub.chat.migrate import upgrade
from hubbub.chat.people import OidcProvider as OidcProvider
from hubbub.chat.people import People, Who
from hubbub.chat.people.http import Limits, people_router
from hubbub.chat.people.passwords import Passwords
from hubbub.chat.projection import Chat
from hubbub.chat.retention import Retention
from hubbub.chat.rooms import Rooms
from hubbub.chat.search.routes import search_router
from hubbub.chat.socket import Sockets
from hubbub.chat.status import Status
from hubbub.chat.web import PREFIX, address, agent
from hubbub.tables import Projection

if TYPE_CHECKING:
    from sqlalchemy import Connection

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("hubbub.chat")

SWEEP_S = 3_600.0
"""Seconds between two looks at what is over."""

LOBBY_ID = "lobby"
LOBBY = e.Create(kind="public", name="Lobby", topic="Where everybody comes in")
"""What a new server has, so that its first people meet."""


@dataclass(frozen=True)
class Options:
    """What whoever runs the server says about the chat.

    `files` is where attachments are kept, each of `file_bytes` at most and seen by `scanner`
    before anybody else; `providers` are who may vouch for people, and `passwords` is how those are
    hashed. `announce` is given what is to be told on the console.
    """

    files: str = "hubbub-files"
    file_bytes: int = 26_214_400
    scanner: Scanner | None = None
    providers: Sequence[OidcProvider] = ()
    passwords: Passwords | None = None
    announce: Callable[[str], None] = print


class HubTables:
    """The tables of a hub that may not run yet."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._hub.tables.read(work, *args, **kwargs)

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._hub.tables.write(work, *args, **kwargs)

    def project(self, projection: Projection) -> None:
        self._hub.tables.project(projection)


def create_app(hub: Hub, options: Options | None = None) -> FastAPI:
    """The chat on `hub`, whose store has to be a database.

    The application's start raises `ConfigurationError` for a store that is none, and for a
    database that is of a newer hubbub.
    """
    chosen = options or Options()
    tables = HubTables(hub)
    blobs = open_blobs(chosen.files)
    limits = FileLimits(size=chosen.file_bytes)
    told = Limits(file_bytes=limits.size, files=e.MAX_FILES, text=e.MAX_TEXT)
    uploads = Uploads(
        tables,
        blobs,
        limits,
        scanner=chosen.scanner,
        pictured=lambda user: sockets.changed(user),
    )
    people = People(
        tables,
        avatars=avatars(tables, blobs),
        origins=hub.settings.origins,
        providers=chosen.providers,
        passwords=chosen.passwords,
        on_login_ended=lambda user, login: hub.disconnect(user, session=login),
        on_changed=lambda user: sockets.changed(user),
    )
    rooms = Rooms(hub, lambda: people.key("rooms"))
    sockets = Sockets(rooms, lambda: people)
    live = Live(sockets.types, sockets.typing.said, sockets.here.states)
    projection = Chat()
    status = Status(hub, lambda: projection.said, rooms.now)
    api = Api(rooms, Hooks(rooms), live, status)
    retention, sweeper = Retention(rooms), Sweeper(tables, blobs)

    async def may_read(who: Who, room: str) -> bool:
        try:
            await rooms.seen(who, room)
        except Refused:
            return False
        return True

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with hub.lifespan(app):
            await tables.write(upgrade)
            code = await people.start()
            tables.project(projection)
            if await tables.read(_is_new):
                with suppress(Refused):  # another server that starts has made it
                    await rooms.do(None, LOBBY_ID, LOBBY)
            if code is not None:
                chosen.announce(code)
            chores = [
                asyncio.create_task(work)
                for work in (retention.run(), sweeper.run(), _sweep(people))
            ]
            try:
                yield
            finally:
                for chore in chores:
                    chore.cancel()
                await asyncio.gather(*chores, return_exceptions=True)
                await sockets.stop()
                await people.stop()

    # FastAPI's documentation pages load their scripts from another host.
    app = FastAPI(title="hubbub", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.people, app.state.rooms, app.state.sockets = people, rooms, sockets
    app.add_middleware(SecurityHeaders)
    problem.install(app)
    app.include_router(people_router(people, told))
    app.include_router(files_router(uploads, tables, blobs, may_read))
    app.include_router(chat_router(api))
    app.include_router(export_router(rooms))
    app.include_router(search_router(rooms))
    app.add_api_route(f"{PREFIX}/openapi.json", lambda: document(app), include_in_schema=False)
    app.include_router(door(rooms, people.who, _guests(people), people.until))
    app.include_router(hub.router)
    app.include_router(browser_router())
    return app


def _guests(people: People) -> Callable[[WebSocket, str], Awaitable[Who]]:
    async def guest(websocket: WebSocket, name: str) -> Who:
        begun = await people.accounts.guest(name, agent=agent(websocket), place=address(websocket))
        return begun.who

    return guest


async def _sweep(people: People) -> None:
    while True:
        try:
            await people.sweep()
        except HubbubError as error:
            log.warning("logins that are over could not be forgotten: %s", error)
        await asyncio.sleep(SWEEP_S)


def _is_new(connection: Connection) -> bool:
    return connection.execute(select(schema.rooms.c.id).limit(1)).first() is None
