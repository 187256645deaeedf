"""Exports over HTTP: for whom, with which headers, and what becomes of them on the way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.json import decode
from starlette.types import Message
from tests.support.chat import API, Chat

from hubbub import Refused
from hubbub.chat import events as e
from hubbub.chat.export import html, pages
from hubbub.chat.export.routes import Export


async def test_a_room_is_served_as_lines_and_as_a_page(place: Chat) -> None:
    ann = await place.person("ann")
    room = await place.room(ann, "Über uns")
    await place.say("ann", room, "hello")
    async with place.browser("ann") as browser:
        lines = await browser.get(f"{API}/rooms/~über-uns/export")
        page = await browser.get(f"{API}/rooms/{room}/export", params={"format": "html"})
    assert (lines.status_code, page.status_code) == (200, 200)
    assert [decode(line)["type"] for line in lines.content.splitlines()] == [
        "room",
        "message",
        "end",
    ]
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert "filename*=UTF-8''%C3%BCber-uns-20" in lines.headers["content-disposition"]
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy == f"{html.POLICY}; frame-ancestors 'none'"
    for answer in (lines, page):
        assert answer.headers["content-disposition"].startswith("attachment; ")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_who_may_export_a_room(place: Chat) -> None:
    ann = await place.person("ann")
    room = await place.room(ann, "Open one", "bob")
    private = await place.room(ann, "Closed one", "bob", kind="private")
    async with place.browser() as nobody:
        assert (await nobody.get(f"{API}/rooms/{room}/export")).status_code == 401
        assert (await nobody.get(f"{API}/me/export")).status_code == 401
    async with place.browser("bob") as member:
        assert (await member.get(f"{API}/rooms/{room}/export")).status_code == 403
        assert (await member.get(f"{API}/rooms/{private}/export")).status_code == 403
        bob = await place.person("bob")
        await place.rooms.do(ann, private, e.Appoint(bob.id, "moderator"))
        assert (await member.get(f"{API}/rooms/{private}/export")).status_code == 200
    async with place.browser("eve") as stranger:
        missing = await stranger.get(f"{API}/rooms/{private}/export")
        nowhere = await stranger.get(f"{API}/rooms/nowhere/export")
        assert missing.status_code == nowhere.status_code == 404
        assert missing.json() == nowhere.json()
        odd = await stranger.get(f"{API}/rooms/{room}/export", params={"format": "pdf"})
        assert odd.status_code == 422


async def test_ones_own_is_served_to_everybody_a_guest_too(place: Chat) -> None:
    await place.person("ann")
    async with place.browser("ann") as browser:
        answer = await browser.get(f"{API}/me/export")
    assert answer.status_code == 200
    assert 'filename="ann-20' in answer.headers["content-disposition"]
    first, *_, last = [decode(line) for line in answer.content.splitlines()]
    assert (first["type"], first["name"], last["type"]) == ("account", "ann", "end")


async def test_the_right_is_asked_for_with_every_page(
    place: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 1)
    ann, bob = await place.person("ann"), await place.person("bob")
    room = await place.room(ann, "Closed one", "bob", kind="private")
    await place.rooms.do(ann, room, e.Appoint(bob.id, "moderator"))
    for _ in range(3):
        await place.say("ann", room, "secret")
    kicked = asyncio.Event()
    got: list[bytes] = []

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        got.append(message.get("body", b""))
        if b'"type":"message"' in got[-1] and not kicked.is_set():
            kicked.set()
            await place.rooms.do(ann, room, e.Kick(bob.id))

    async with place.browser("bob") as browser:
        cookie = f"hubbub={browser.cookies['hubbub']}".encode()
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": f"{API}/rooms/{room}/export",
        "query_string": b"",
        "headers": [(b"host", b"testserver"), (b"cookie", cookie)],
        "server": ("testserver", 80),
        "client": ("127.0.0.1", 1),
    }
    with pytest.raises(BaseException) as caught:
        await place.app(scope, receive, send)
    assert isinstance(_first(caught.value), Refused)
    assert b"".join(got).count(b"secret") == 1
    assert b'"type":"end"' not in b"".join(got)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error.__cause__ or error


class Held:
    """Content that waits until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def content(self) -> Any:
        self.begun.set()
        await self.go.wait()
        yield b"done"


async def answer(response: Export) -> tuple[int, bytes]:
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
    await response(scope, receive, send)
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent)


async def test_everybody_has_one_export_at_a_time() -> None:
    busy: set[str] = set()
    held = Held()
    first = asyncio.create_task(answer(Export(held.content(), "a", "text/plain", "ann", busy)))
    await held.begun.wait()
    another = Held()
    refused = await answer(Export(another.content(), "b", "text/plain", "ann", busy))
    assert refused[0] == 429
    assert decode(refused[1])["retry_after"] == 5
    assert not another.begun.is_set()
    others = Held()
    others.go.set()
    assert await answer(Export(others.content(), "c", "text/plain", "bob", busy)) == (200, b"done")
    held.go.set()
    assert await first == (200, b"done")
    later = Held()
    later.go.set()
    assert await answer(Export(later.content(), "d", "text/plain", "ann", busy)) == (200, b"done")


async def test_an_export_that_is_given_up_is_over() -> None:
    busy: set[str] = set()
    held = Held()
    task = asyncio.create_task(answer(Export(held.content(), "a", "text/plain", "ann", busy)))
    await held.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not busy
