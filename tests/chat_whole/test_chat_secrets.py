"""A-6: a server that is told secrets at every door, and writes none of them down."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import websockets
from tests.support.chat import API
from tests.support.commands import hubbub_serve
from tests.support.server import ServerProcess

PASSWORD = "planted-Password-1"
OTHER_PASSWORD = "planted-Password-2"
WRONG = "planted-Wrong-Password"
SAID = "planted-message-text"
NAMED = "planted-file-name"
FORGED = "planted-forged"

WELCOME = re.compile(r"#welcome=(\S+)")


class Told:
    """Secrets that the server has been told, or has told."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.kept = {PASSWORD, OTHER_PASSWORD, WRONG, FORGED}
        """Those that nothing has to hold, not even the database."""
        self.said = {SAID, NAMED}

    def note(self, *secrets: str) -> None:
        assert all(len(secret) > 15 for secret in secrets), secrets
        self.kept.update(secrets)


@asynccontextmanager
async def browser(told: Told) -> AsyncIterator[httpx.AsyncClient]:
    base = f"http://{told.address}"
    headers = {"Origin": base}
    async with httpx.AsyncClient(base_url=base + API, headers=headers, timeout=20) as client:
        yield client


async def good(answer: httpx.Response) -> Any:
    assert answer.status_code < 300, answer.text
    is_json = answer.content and "json" in answer.headers["content-type"]
    return answer.json() if is_json else None


async def sign_up(told: Told, client: httpx.AsyncClient, name: str, code: str) -> None:
    body = {"name": name, "display": name.title(), "password": PASSWORD, "code": code}
    await good(await client.post("/users", json=body))
    told.note(client.cookies["hubbub"])


async def tell_people(told: Told, admin: httpx.AsyncClient) -> str:
    """Accounts, invitations, links, keys; the key of a bot."""
    made = await good(await admin.post("/admin/invitations", json={}))
    code = made["code"]
    told.note(code)
    await good(await admin.post("/passes/look", json={"code": code}))
    async with browser(told) as bob:
        await sign_up(told, bob, "bob", code)
        change = {"current": PASSWORD, "new": OTHER_PASSWORD}
        await good(await bob.put("/session/password", json=change))
        me = (await good(await bob.get("/session")))["user"]["id"]
        link = await good(await admin.post(f"/admin/users/{me}/password-link"))
        told.note(link["code"])
        reset = {"code": link["code"], "password": PASSWORD}
        await good(await bob.post("/session/password", json=reset))
        told.note(bob.cookies["hubbub"])
    for body in (
        {"name": "bob", "password": WRONG},
        {"name": "bob", "password": WRONG, "extra": WRONG},
        {"name": ["bob"], "password": {"deep": WRONG}},
        {"name": WRONG, "password": WRONG * 1_000},
    ):
        assert (await admin.post("/session", json=body)).status_code >= 400
    broken = f'{{"name": "bob", "password": "{WRONG}'
    assert (await admin.post("/session", content=broken)).status_code >= 400
    forged = {"code": FORGED, "name": "eve", "display": "Eve", "password": WRONG}
    assert (await admin.post("/users", json=forged)).status_code >= 400
    bot = await good(await admin.post("/admin/bots", json={"name": "builds", "display": "B"}))
    key = await good(await admin.post(f"/admin/bots/{bot['id']}/keys", json={"name": "ci"}))
    told.note(key["key"])
    secret: str = key["key"]
    return secret


async def tell_rooms(told: Told, admin: httpx.AsyncClient) -> str:
    """Messages, invitations, hooks and files; the id of a room."""
    room = (await good(await admin.post("/rooms", json={"kind": "public", "name": "Square"})))[
        "room"
    ]["id"]
    brought = await good(
        await admin.post("/files", params={"name": f"{NAMED}.txt"}, content=SAID.encode())
    )
    said = {"text": SAID, "nonce": SAID, "files": [brought["id"]]}
    message = await good(
        await admin.post(f"/rooms/{room}/messages", json=said, headers={"Idempotency-Key": SAID})
    )
    await admin.post(f"/rooms/{room}/messages", json={"text": SAID * 2_000})
    await admin.post(f"/rooms/{room}/messages", json={"text": SAID, "reply": SAID})
    await good(
        await admin.patch(f"/rooms/{room}/messages/{message['id']}", json={"text": f"{SAID} again"})
    )
    await good(await admin.get(f"/files/{brought['id']}/{NAMED}.txt"))
    await good(await admin.get("/search", params={"q": SAID}))
    invite = await good(await admin.post(f"/rooms/{room}/invites", json={}))
    told.note(invite["code"])
    await good(await admin.get(f"/invites/{invite['code']}"))
    assert (await admin.get(f"/invites/{invite['code']}{FORGED}")).status_code >= 400
    hook = await good(await admin.post(f"/rooms/{room}/hooks", json={"name": "Builds"}))
    told.note(hook["address"].rpartition("/")[2])
    address = f"http://{told.address}{hook['address']}"
    await good(await admin.post(address, json={"text": SAID}))
    assert (await admin.post(address, content=SAID)).status_code >= 400
    assert (await admin.post(f"{address}{FORGED}", json={"text": SAID})).status_code >= 400
    id: str = room
    return id


async def ask(told: Told, *commands: dict[str, Any], **headers: str) -> list[dict[str, Any]]:
    """Say these over a socket, and wait until all are answered or it ends."""
    answers: list[dict[str, Any]] = []
    url = f"ws://{told.address}/connection/websocket"
    async with websockets.connect(url, additional_headers=headers, proxy=None) as socket:
        await socket.send("\n".join(json.dumps(one) for one in commands))
        wanted = {one["id"] for one in commands}
        try:
            while wanted:
                for line in str(await socket.recv()).splitlines():
                    answers.append(json.loads(line))
                    wanted.discard(answers[-1].get("id", 0))
        except websockets.ConnectionClosed:
            pass
    return answers


async def tell_sockets(told: Told, admin: httpx.AsyncClient, room: str, key: str) -> None:
    token = (await good(await admin.post("/session/token")))["token"]
    told.note(token)

    def do(id: int, wish: dict[str, Any]) -> dict[str, Any]:
        data = {"room": room, "wish": wish, "key": f"{SAID}{id}"}
        return {"id": id, "rpc": {"method": "chat.do", "data": data}}

    connect = {"id": 1, "connect": {"token": token}}
    channel = f"room:{room}"
    answers = await ask(
        told,
        connect,
        {"id": 2, "subscribe": {"channel": channel}},
        do(3, {"type": "say", "text": SAID}),
        do(4, {"type": "say", "text": SAID, "surplus": FORGED}),
        do(5, {"type": FORGED}),
        {"id": 6, "publish": {"channel": channel, "data": {"text": SAID}}},
        {"id": 7, "publish": {"channel": channel, "data": {"no": FORGED}}},
        {"id": 8, "rpc": {"method": FORGED, "data": FORGED}},
        {"id": 9, "rpc": {"method": "chat.enter", "data": {"code": FORGED}}},
    )
    assert {one["id"] for one in answers if "error" not in one and one.get("id")} >= {1, 2, 3, 6}
    assert not any("error" not in one for one in answers if one.get("id") in (4, 5, 7, 8, 9))
    await ask(told, connect)  # which was used
    await ask(told, {"id": 1, "connect": {"token": FORGED}})
    await ask(told, {"id": 1, "connect": {"token": key}}, {"id": 2, FORGED: {"x": FORGED}})
    await ask(told, {"id": 1, "connect": {"token": key, "data": {"secret": FORGED}}})


async def tell_doors(told: Told, key: str) -> None:
    url = f"ws://{told.address}/ws/square"
    for headers in (
        {"Cookie": f"hubbub={FORGED}"},
        {"Authorization": f"Bearer {FORGED}"},
        {"Authorization": f"Bearer {key}", "Origin": f"https://{FORGED}.example"},
    ):
        try:
            async with websockets.connect(url, additional_headers=headers, proxy=None):
                raise AssertionError(f"let in with {headers}")
        except websockets.InvalidStatus:
            pass
    with_key = {"Authorization": f"Bearer {key}"}
    async with websockets.connect(url, additional_headers=with_key, proxy=None) as door:
        await door.send(SAID)
        assert json.loads(await door.recv())["type"] == "refused", "the bot is no member"
        await door.send(SAID.encode())
        await door.recv()
    guest = f"{url}?name={FORGED}"
    try:
        async with websockets.connect(guest, proxy=None):
            raise AssertionError("no guests are let in")
    except websockets.InvalidStatus:
        pass


def contents(folder: Path) -> bytes:
    """Of the database, where it is a file."""
    return b"".join(path.read_bytes() for path in folder.glob("chat.db*"))


async def test_nothing_secret_is_in_the_log(store: str, tmp_path: Path) -> None:
    settings = {"store": store, "migrate": True, "files": str(tmp_path / "files")}
    async with ServerProcess(command=hubbub_serve(), settings=settings) as server:
        told = Told(f"127.0.0.1:{server.port}")
        welcome = WELCOME.search(await server.log())
        assert welcome is not None, "which the console is for"
        async with browser(told) as admin:
            await sign_up(told, admin, "root", welcome[1])
            key = await tell_people(told, admin)
            room = await tell_rooms(told, admin)
            await tell_sockets(told, admin, room, key)
            await tell_doors(told, key)
            assert (await admin.delete("/session")).status_code == 204
        assert await server.stop() == 0
        log = await server.log()
    log = WELCOME.sub("", log)
    assert "hubbub serves" in log and FORGED.lower() in log.lower(), "of the page that was refused"
    leaked = [one for one in told.kept | told.said if one in log and one != FORGED]
    assert not leaked, leaked
    lines = [line for line in log.splitlines() if FORGED.lower() in line.lower()]
    assert len(lines) == 1 and "refused a page" in lines[0], lines
    kept = await asyncio.to_thread(contents, tmp_path)
    assert not [one for one in told.kept if one.encode() in kept]
