"""A chat to be visited: a real server with the built pages, and people who have accounts there.

async with Site(folder) as site:
    ann, bob = await site.person("ann"), await site.person("bob")  # ann runs the chat
    tea = await ann.room("Tea", bob)
    await bob.say(tea, "hello")
    await site.kill()  # as a power cut does
    await site.start()  # there again: the same port, the same database
"""

from __future__ import annotations

import itertools
import re
import signal
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import httpx
import pytest
from tests.support.server import ServerProcess

from hubbub.chat import is_built

API = "/api/chat/v1"

PASSWORD = "a kettle on the hob"

Kind = Literal["public", "private"]


class Person:
    """Somebody with an account: what they do here is done over HTTP, by another device."""

    def __init__(self, id: str, name: str, client: httpx.AsyncClient) -> None:
        self.id = id
        self.name = name
        self.display = name.title()
        self._client = client

    @property
    def cookies(self) -> dict[str, str]:
        return dict(self._client.cookies)

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        """What the API answers; it has to be a success."""
        answer = await self._client.request(method, API + path, **more)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def room(self, name: str, *members: Person, kind: Kind = "public", **more: Any) -> str:
        """The id of a new room with these people in it."""
        made = await self.ask("POST", "/rooms", json={"kind": kind, "name": name, **more})
        id: str = made["room"]["id"]
        for member in members:
            await self.ask("POST", f"/rooms/{id}/members", json={"user": member.id})
        return id

    async def conversation(self, *others: Person) -> str:
        """The id of the conversation with these people."""
        body = {"kind": "direct", "members": [other.id for other in others]}
        made = await self.ask("POST", "/rooms", json=body)
        id: str = made["room"]["id"]
        return id

    async def say(self, room: str, text: str, **more: Any) -> int:
        """The id of a new message."""
        said = await self.ask("POST", f"/rooms/{room}/messages", json={"text": text, **more})
        id: int = said["id"]
        return id

    async def upload(self, name: str, data: bytes) -> str:
        """The id of a file that can be sent with a message."""
        file = await self.ask("POST", "/files", content=data, params={"name": name})
        id: str = file["id"]
        return id

    async def messages(self, room: str) -> list[dict[str, Any]]:
        """All of the room's messages, as they are now, the first one first."""
        found: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            page = await self.ask("GET", f"/rooms/{room}/messages?limit=200&after={after}")
            found += page["items"]
            after = page["after"]
        return found


class Site:
    """`hubbub serve` in a process of its own; `settings` go to it."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.database = folder / "chat.db"
        self._settings = {
            "store": f"sqlite:///{self.database}",
            "files": str(folder / "files"),
            **settings,
        }
        self._server: ServerProcess | None = None
        self._clients: list[httpx.AsyncClient] = []
        self._numbers = itertools.count(1)
        self.port = 0
        self.package = ""
        """The folder that another version of hubbub is in, for the next start."""
        self.through = ""
        """The address of a proxy in front of it, for who comes from then on."""
        self.code = ""
        """Of the link for the first account."""

    async def __aenter__(self) -> Self:
        if not is_built():
            pytest.fail("the pages are not built: run `make web`")
        log = await self.start()
        found = re.search(r"#welcome=([\w-]+)", log)
        assert found is not None, log
        self.code = found[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for client in self._clients:
            await client.aclose()
        if self._server is not None:
            log = await self._server.log()
            await self._server.__aexit__(None, None, None)
            assert "Traceback" not in log, log[-5_000:]

    @property
    def url(self) -> str:
        return f"http://{self.through or f'127.0.0.1:{self.port}'}"

    async def start(self) -> str:
        """Have the server there, and what it says until then."""
        command = [sys.executable, "-m", "hubbub", "serve", "--port", str(self.port)]
        other = {"PYTHONPATH": self.package} if self.package else None
        self._server = ServerProcess(command=command, settings=self._settings, environment=other)
        await self._server.__aenter__()
        self.port = self._server.port
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{self.port}/healthz")).status_code == 200
        return await self._server.log()

    async def kill(self) -> None:
        """End the server without a word."""
        assert self._server is not None
        await self._server.stop(signal.SIGKILL)
        await self._server.__aexit__(None, None, None)
        self._server = None
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", self.port)) != 0

    def nobody(self) -> httpx.AsyncClient:
        """A client that is not signed in."""
        client = httpx.AsyncClient(base_url=self.url, headers={"Origin": self.url})
        self._clients.append(client)
        return client

    async def newcomers(self, *displays: str) -> list[Person]:
        """New accounts that are called so, whoever else is called so at a site that is shared."""
        made = [(f"{one.lower()}{next(self._numbers)}", one) for one in displays]
        return [await self.person(name, display) for name, display in made]

    async def person(self, name: str, display: str = "") -> Person:
        """A new account; the first one runs the chat, and opens it for the others."""
        client = self.nobody()
        display = display or name.title()
        body = {"name": name, "display": display, "password": PASSWORD, "code": self.code}
        if not self.code:
            del body["code"]
        made = await client.post(f"{API}/users", json=body)
        assert made.status_code == 201, made.text
        person = Person(made.json()["user"]["id"], name, client)
        if self.code:
            self.code = ""
            await person.ask("PATCH", "/admin/settings", json={"sign_up": "open"})
        return person
