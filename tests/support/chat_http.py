"""The chat's HTTP API under test, on a database in a file.

async with site(tmp_path) as site:
    ann = await site.of("ann")
    made = await ann.post("/rooms", json={"kind": "public", "name": "Lobby 2"})
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from tests.support.chat import API, Chat, chat
from tests.support.chat_matrix import EVENTS, Cell, Stage, stage_for

from hubbub.chat.people import Kind
from hubbub.chat.policy import Action
from hubbub.chat.problem import MEDIA_TYPE

ORIGIN = "http://testserver"

_numbers = count(1)


class Caller:
    """Somebody's browser, signed in. Paths are those of the API."""

    def __init__(self, name: str, client: httpx.AsyncClient) -> None:
        self.name = name
        self.id = f"u{name}"
        self.client = client

    async def call(self, method: str, path: str, **how: Any) -> httpx.Response:
        answer = await self.client.request(method, path, **how)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == MEDIA_TYPE, answer.text
            assert answer.json()["status"] == answer.status_code
        return answer

    async def get(self, path: str, **how: Any) -> httpx.Response:
        return await self.call("GET", path, **how)

    async def post(self, path: str, **how: Any) -> httpx.Response:
        return await self.call("POST", path, **how)

    async def put(self, path: str, **how: Any) -> httpx.Response:
        return await self.call("PUT", path, **how)

    async def patch(self, path: str, **how: Any) -> httpx.Response:
        return await self.call("PATCH", path, **how)

    async def delete(self, path: str, **how: Any) -> httpx.Response:
        return await self.call("DELETE", path, **how)

    async def room(self, name: str = "", kind: str = "public", **more: Any) -> str:
        """The id of a new room, which is called so, or something that no other is."""
        name = name or f"Room number {next(_numbers)}"
        made = await self.post("/rooms", json={"kind": kind, "name": name, **more})
        assert made.status_code == 201, made.text
        id: str = made.json()["room"]["id"]
        return id

    async def say(self, room: str, text: str = "hello", **more: Any) -> int:
        """The id of a new message."""
        said = await self.post(f"/rooms/{room}/messages", json={"text": text, **more})
        assert said.status_code == 201, said.text
        id: int = said.json()["id"]
        return id


class Site:
    """The chat, and callers by name."""

    def __init__(self, chat: Chat, stack: AsyncExitStack) -> None:
        self.chat = chat
        self._stack = stack
        self._callers: dict[str, Caller] = {}

    async def of(self, name: str, *, admin: bool = False, kind: Kind = Kind.PERSON) -> Caller:
        if name not in self._callers:
            who = await self.chat.person(name, admin=admin, kind=kind)
            client = await self._stack.enter_async_context(self.chat.browser(name))
            client.base_url = httpx.URL(ORIGIN + API)
            caller = self._callers[name] = Caller(name, client)
            caller.id = who.id
        return self._callers[name]

    async def nobody(self) -> httpx.AsyncClient:
        """Who is not signed in."""
        client = await self._stack.enter_async_context(self.chat.browser())
        client.base_url = httpx.URL(ORIGIN + API)
        return client


@asynccontextmanager
async def site(folder: Path, store: str | None = None) -> AsyncIterator[Site]:
    """The chat with its files in `folder`, and its database too, where `store` names no other."""
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(
            chat(store or f"sqlite:///{folder}/chat.db", str(folder / "files"))
        )
        yield Site(place, stack)


def request_for(stage: Stage, action: Action) -> tuple[str, str, dict[str, Any]]:
    """How that is asked for over HTTP."""
    room = f"/rooms/{stage.room}"
    messages = f"{room}/messages"
    victim = f"{room}/members/{stage.victim.id}"
    pinned = f"{messages}/{stage.others}/pin"
    reaction = f"{messages}/{stage.others}/reactions/👍"
    asked: dict[Action, tuple[str, str, dict[str, Any]]] = {
        Action.READ: ("GET", room, {}),
        Action.JOIN: ("POST", f"{room}/join", {}),
        Action.LEAVE: ("POST", f"{room}/leave", {}),
        Action.SAY: ("POST", messages, {"text": "hello"}),
        Action.MENTION_ROOM: ("POST", messages, {"text": "hello @room"}),
        Action.REACT: ("PUT", reaction, {}),
        Action.EDIT: ("PATCH", f"{messages}/{stage.own}", {"text": "edited"}),
        Action.DELETE: ("DELETE", f"{messages}/{stage.own}", {}),
        Action.DELETE_OTHERS: ("DELETE", f"{messages}/{stage.others}", {}),
        Action.PIN: ("PUT", pinned, {}),
        Action.ADD: ("POST", f"{room}/members", {"user": stage.stranger.id}),
        Action.INVITE: ("POST", f"{room}/invites", {}),
        Action.KICK: ("DELETE", victim, {}),
        Action.BAN: ("PUT", f"{room}/bans/{stage.victim.id}", {}),
        Action.MUTE: ("PUT", f"{victim}/mute", {}),
        Action.TOPIC: ("PATCH", room, {"topic": "another"}),
        Action.SLOW: ("PATCH", room, {"slow": 1}),
        Action.CHANGE: ("PATCH", room, {"keep": 30}),
        Action.ARCHIVE: ("POST", f"{room}/{'restore' if stage.archived else 'archive'}", {}),
        Action.APPOINT: ("PATCH", victim, {"role": "moderator"}),
        Action.AUDIT: ("GET", f"{room}/audit", {}),
        Action.HOOK: ("POST", f"{room}/hooks", {"name": "Builds"}),
        Action.EXPORT: ("GET", f"{room}/export", {}),
    }
    return asked[action]


READINGS = {Action.READ, Action.AUDIT, Action.EXPORT}


async def check_cells(site: Site, cells: Iterable[Cell]) -> int:
    """Have each of them tried, and held to the policy; how many there were."""
    tried, stage, scene = 0, None, None
    for cell in cells:
        # What is not allowed changes nothing: then the stage is as good as new.
        if stage is None or cell[1:] != scene:
            stage, scene = await stage_for(site.chat, cell), cell[1:]
        tried += 1
        try:
            changed = await _check(site, cell, stage)
        except AssertionError as error:
            raise AssertionError(f"{cell}: {error}") from error
        if changed:
            stage = None
    return tried


async def _check(site: Site, cell: Cell, stage: Stage) -> bool:
    """Returns whether anything has changed."""
    caller = await site.of(stage.actor_name)
    method, path, body = request_for(stage, cell.action)
    before = await stage.facts()
    answer = await caller.call(method, path, **({"json": body} if body else {}))
    after = await stage.facts()
    status = answer.status_code
    if cell.action is Action.JOIN and cell.standing.role is not None and not cell.standing.banned:
        assert status == 200 and after == before, f"is a member already: {answer.text}"
    elif cell.action is Action.MENTION_ROOM and cell._replace(action=Action.SAY).allowed:
        assert status == 201 and (answer.json()["mentions"] == ["*"]) == cell.allowed, answer.text
    elif cell.allowed:
        assert status < 300, answer.text
        if cell.action in EVENTS:
            assert type(await stage.last()) is EVENTS[cell.action]
            assert after["chat_rooms"][0][-1] == before["chat_rooms"][0][-1] + 1, "one event"
        if cell.action in READINGS:
            assert after == before
        else:
            assert after != before
    else:
        reading = cell.action in READINGS or cell.action is Action.HOOK
        expected = (403 if cell.knows else 404) if reading else cell.status
        assert status == expected, f"{status}, not {expected}: {answer.text}"
        assert after == before, "what is forbidden changes nothing"
    return after != before
