"""What strangers and attackers send over HTTP: names, ids, bodies, other sites' pages."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import quote

import pytest
from tests.support.chat import API
from tests.support.chat_http import Site

from hubbub.chat.http.route import MAX_BODY

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = [
    "",
    " ",
    "\t\n",
    "a\x00b",
    "\x00",
    "a\x1bb",
    "\u202ename",
    "\u2066x\u2069",
    "\u200b",
    "\ud800",
    "\ufeff",
    "x" * 81,
    "x" * 1_000_000,
    "*",
    "💥",
    "...",
    "../../etc/passwd",
    "a\r\nSet-Cookie: x",
]
"""A-8: none of these is a room's name, but for those that are `HARMLESS`."""

HARMLESS = {"../../etc/passwd": "etc-passwd", "a\r\nSet-Cookie: x": "a-set-cookie-x"}
"""Names, and the slugs that are made of them."""

IDS = [
    "..%2F..%2Fetc%2Fpasswd",
    "a%0D%0ASet-Cookie:%20x",
    "%00",
    "a%00",
    "%E2%80%AEx",
    "*",
    "a:b",
    "room:lobby",
    "~",
    "~%00",
    "~a%20b",
    "%ED%A0%80",
    "%FF",
    "x" * 65,
    "~" + "x" * 65,
    "x" * 30_000,
]
"""A-8: none of these is an id."""


#


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
async def test_a_name_that_cannot_be_seen_or_kept_is_refused(scene: Site, name: str) -> None:
    ann = await scene.of("ann")
    body = json.dumps({"kind": "public", "name": name}).encode()
    headers = {"Content-Type": "application/json"}
    answer = await ann.post("/rooms", content=body, headers=headers)
    if name in HARMLESS:
        room = answer.json()["room"]
        assert room["slug"] == HARMLESS[name] and room["name"].isprintable()
        return
    assert answer.status_code in (413, 422), answer.text
    assert "set-cookie" not in answer.headers and len(answer.content) < 2_000


@pytest.mark.parametrize("id", IDS, ids=range(len(IDS)))
async def test_what_is_no_id_comes_to_no_database(scene: Site, id: str) -> None:
    ann = await scene.of("ann")
    room = await ann.room()
    for method, path, body in (
        ("GET", f"/rooms/{id}", None),
        ("GET", f"/rooms/{id}/open", None),
        ("GET", f"/rooms/{id}/messages", None),
        ("POST", f"/rooms/{id}/messages", {"text": "x"}),
        ("POST", f"/rooms/{id}/join", None),
        ("DELETE", f"/rooms/{room}/members/{id}", None),
        ("PUT", f"/rooms/{room}/bans/{id}", None),
        ("DELETE", f"/rooms/{room}/hooks/{id}", None),
    ):
        answer = await ann.call(method, path, json=body)
        # Where a slash is in it, there is no such route.
        assert answer.status_code in ((404,) if "%2F" in id else (422,)), (method, path[:60])
        assert len(answer.content) < 2_000 and "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "text",
    ["\x00", "a\x00b\x1b[31m", "\u202eevil", "x" * 10_000, "💥" * 10_000, "\\", '"', "\r\n."],
)
async def test_any_text_is_said_and_comes_back_as_it_is_kept(scene: Site, text: str) -> None:
    ann = await scene.of("ann")
    room = await ann.room()
    said = await ann.post(f"/rooms/{room}/messages", json={"text": text})
    if text == "\x00":
        assert said.status_code == 422, "nothing is left of it"
        return
    assert said.status_code == 201, said.text[:300]
    kept = said.json()["text"]
    assert "\x00" not in kept and "\x1b" not in kept
    assert (await ann.get(f"/rooms/{room}/messages")).json()["items"][-1]["text"] == kept


@pytest.mark.parametrize(
    "body",
    [
        b'{"text": "\\ud800"}',
        b'{"text": "x", "nonce": "\\ud800"}',
        b'{"text": "x", "nonce": "\\u0000"}',
        b'{"text": "x", "\\ud800": 1}',
        b'{"text": "x", "files": ["\\ud800"]}',
        b'{"text": "x", "reply": ' + b"9" * 5_000 + b"}",
        b'{"text": "x", "reply": 9007199254740993}',
        b'{"text": "x", "reply": 1e400}',
        b'{"text": "x", "reply": NaN}',
        b'{"text": ' + b"[" * 100_000,
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"",
        b"null",
        b"[]",
        b"{" + b",".join(b'"k%d":1' % number for number in range(10_000)) + b"}",
    ],
    ids=range(16),
)
async def test_a_body_that_does_not_fit_is_told_so(scene: Site, body: bytes) -> None:
    ann = await scene.of("ann")
    room = await ann.room()
    headers = {"Content-Type": "application/json"}
    answer = await ann.post(f"/rooms/{room}/messages", content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text[:300]
    assert len(answer.content) < 5_000
    assert (await ann.get(f"/rooms/{room}")).json()["room"]["offset"] == 1


async def test_a_body_has_an_end(scene: Site) -> None:
    ann = await scene.of("ann")
    room = await ann.room()
    read = 0

    async def endless() -> Any:
        nonlocal read
        while read < 50_000_000:
            read += 65_536
            yield b"x" * 65_536

    answer = await ann.post(f"/rooms/{room}/messages", content=endless())
    assert answer.status_code == 413 and read < 2 * MAX_BODY + 1_000_000
    wide = json.dumps({"text": "💥" * 10_000})
    assert len(wide) < MAX_BODY, "the longest message that there is"
    headers = {"Content-Type": "application/json"}
    said = await ann.post(f"/rooms/{room}/messages", content=wide, headers=headers)
    assert said.status_code == 201


@pytest.mark.parametrize("key", ["x" * 256, "a\x7fb", "\xff"])
async def test_a_key_that_cannot_be_kept_is_refused(scene: Site, key: str) -> None:
    ann = await scene.of("ann")
    body = {"kind": "public", "name": "Never"}
    headers = {b"Idempotency-Key": key.encode("latin-1")}
    assert (await ann.post("/rooms", json=body, headers=headers)).status_code == 422


#


async def test_a_private_room_is_as_unknown_as_one_that_is_not_there(scene: Site) -> None:
    ann, eve = await scene.of("ann"), await scene.of("eve")
    room = await ann.room("Hidden away", kind="private")
    await ann.say(room)
    pairs = [(room, "r000000000000"), (f"~hidden-away-{room}", "~nowhere-r000000000000")]
    for there, nowhere in pairs:
        for method, path, body in requests():
            answers = [
                await eve.call(method, path.replace("ROOM", quote(one)), json=body)
                for one in (there, nowhere)
            ]
            # What does not fit any room may be said of both.
            allowed = (404, 422) if body == {} else (404,)
            assert answers[0].status_code == answers[1].status_code, (method, path)
            assert answers[0].status_code in allowed, (method, path)
            assert answers[0].content == answers[1].content, (method, path)
            assert answers[0].headers == answers[1].headers, (method, path)


def requests() -> list[tuple[str, str, dict[str, Any] | None]]:
    """Every request that is about a room which is there."""
    room, message, user = "/rooms/ROOM", "/rooms/ROOM/messages/2", "/rooms/ROOM/members/uann"
    return [
        ("GET", room, None),
        ("PATCH", room, {"topic": "x"}),
        ("PATCH", room, {}),
        ("GET", f"{room}/open", None),
        ("POST", f"{room}/archive", None),
        ("POST", f"{room}/restore", None),
        ("POST", f"{room}/join", None),
        ("POST", f"{room}/leave", None),
        ("PUT", f"{room}/read", {"offset": 1}),
        ("PUT", f"{room}/preferences", {"level": "all"}),
        ("POST", f"{room}/typing", None),
        ("GET", f"{room}/presence", None),
        ("GET", f"{room}/members", None),
        ("POST", f"{room}/members", {"user": "ueve"}),
        ("POST", f"{room}/members", {"user": "unobody"}),
        ("PATCH", user, {"role": "member"}),
        ("DELETE", user, None),
        ("DELETE", f"{room}/members/unobody", None),
        ("PUT", f"{user}/mute", None),
        ("DELETE", f"{user}/mute", None),
        ("GET", f"{room}/bans", None),
        ("PUT", f"{room}/bans/uann", None),
        ("DELETE", f"{room}/bans/uann", None),
        ("GET", f"{room}/audit", None),
        ("GET", f"{room}/invites", None),
        ("POST", f"{room}/invites", None),
        ("DELETE", f"{room}/invites/1", None),
        ("GET", f"{room}/messages", None),
        ("GET", f"{room}/messages?around=2", None),
        ("POST", f"{room}/messages", {"text": "x"}),
        ("POST", f"{room}/messages", {"text": " "}),
        ("POST", f"{room}/messages", {"text": "x", "reply": 2}),
        ("GET", message, None),
        ("PATCH", message, {"text": "x"}),
        ("DELETE", message, None),
        ("PUT", f"{message}/reactions/👍", None),
        ("PUT", f"{message}/reactions/x", None),
        ("DELETE", f"{message}/reactions/👍", None),
        ("PUT", f"{message}/pin", None),
        ("DELETE", f"{message}/pin", None),
        ("GET", f"{room}/pins", None),
        ("GET", f"{room}/hooks", None),
        ("POST", f"{room}/hooks", {"name": "x"}),
        ("DELETE", f"{room}/hooks/h1", None),
    ]


# Who asks.


async def test_nobody_is_let_in_and_told_to_sign_in(scene: Site) -> None:
    nobody = await scene.nobody()
    for method, path, body in requests():
        answer = await nobody.request(method, path.replace("ROOM", "lobby"), json=body)
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://testserver.evil.example"]
)
async def test_another_sites_page_changes_nothing(scene: Site, origin: str) -> None:
    ann = await scene.of("ann")
    room = await ann.room()
    for method, path, body in requests():
        if method == "GET":
            continue
        url = path.replace("ROOM", room)
        answer = await ann.call(method, url, json=body, headers={"Origin": origin})
        assert answer.status_code == 403, (method, path)
        assert answer.json()["type"] == "/problems/other-origin"
    assert (await ann.get(f"/rooms/{room}")).json()["room"]["offset"] == 1


#


async def test_secrets_in_addresses_are_in_no_scope_that_a_server_logs(
    scene: Site, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "Planted-in-the-address"
    scopes: list[dict[str, Any]] = []
    app = scene.chat.app

    async def server(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        scopes.append(scope)

    caplog.set_level(logging.DEBUG)
    ann = await scene.of("ann")
    ann.client._transport.app = server  # type: ignore[attr-defined]
    for method, path in (
        ("POST", f"/hooks/h1/{secret}"),
        ("GET", f"/hooks/h1/{secret}"),
        ("POST", f"/hooks/h1/{secret}/{secret}"),
        ("POST", f"/hooks/%00/{secret}"),
        ("GET", f"/invites/{secret}"),
        ("DELETE", f"/invites/{secret}"),
        ("POST", f"/invites/{secret}/join"),
    ):
        answer = await ann.call(method, path)
        assert answer.status_code in (404, 405, 410, 415, 422)
        assert secret not in answer.text and secret not in str(answer.headers)
        scope = scopes[-1]
        assert scope["path"].startswith(API)
        assert secret not in scope["path"] and secret.encode() not in scope["raw_path"]
    ours = [one for one in caplog.records if one.name.startswith(("hubbub", "uvicorn"))]
    assert not any(secret in one.getMessage() for one in ours)
