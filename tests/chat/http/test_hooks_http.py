"""Incoming webhooks: made and deleted by owners, and spoken through by other programs."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from tests.support.chat import API
from tests.support.chat_http import Caller, Site

from hubbub.chat import hooks

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def made(caller: Caller, room: str, name: str = "Builds") -> dict[str, Any]:
    answer = await caller.post(f"/rooms/{room}/hooks", json={"name": name})
    assert answer.status_code == 201, answer.text
    hook: dict[str, Any] = answer.json()
    return hook


async def post(scene: Site, address: str, **how: Any) -> httpx.Response:
    """As a program does, which is no browser and is not signed in."""
    client = await scene.nobody()
    del client.headers["origin"]
    return await client.post(address.removeprefix(API), **how)


async def last(caller: Caller, room: str) -> dict[str, Any]:
    page = (await caller.get(f"/rooms/{room}/messages", params={"limit": 1})).json()
    message: dict[str, Any] = page["items"][0]
    return message


async def test_what_is_sent_to_a_webhook_is_said_by_its_bot(scene: Site) -> None:
    ann = await scene.of("ann")
    room = await ann.room()
    hook = await made(ann, room, " Builds  of\tours ")
    assert hook["user"]["display"] == "Builds of ours" and hook["user"]["kind"] == "bot"
    form = {"payload": json.dumps({"text": "as Slack has it", "channel": "#x"})}
    for how, text in (
        ({"json": {"text": "in JSON", "username": "whatever"}}, "in JSON"),
        ({"content": "plain ü", "headers": {"Content-Type": "text/plain"}}, "plain ü"),
        ({"data": form}, "as Slack has it"),
    ):
        said = await post(scene, hook["address"], **how)
        assert said.status_code == 200, said.text
        message = await last(ann, room)
        assert (message["text"], message["user"]) == (text, hook["user"]["id"])
        assert said.json() == {"id": message["id"]}
    secret = hook["address"].rpartition("/")[2]
    bearer = {"Authorization": f"Bearer {secret}"}
    said = await post(scene, f"/hooks/{hook['id']}", json={"text": "aside"}, headers=bearer)
    assert said.status_code == 200 and (await last(ann, room))["text"] == "aside"


async def test_what_is_sent_again_with_its_key_is_said_once(scene: Site) -> None:
    ann = await scene.of("ann")
    hook = await made(ann, await ann.room())
    key = {"Idempotency-Key": "build 311"}
    said = [await post(scene, hook["address"], json={"text": "x"}, headers=key) for _ in "12"]
    assert said[0].json() == said[1].json()


async def test_a_wrong_secret_is_as_unknown_as_an_unknown_webhook(scene: Site) -> None:
    ann = await scene.of("ann")
    room = await ann.room()
    one, other = await made(ann, room), await made(ann, room)
    secret = one["address"].rpartition("/")[2]
    addresses = [
        f"/hooks/{one['id']}/{secret[:-1]}",
        f"/hooks/{one['id']}/{secret}/",
        f"/hooks/{one['id']}/{secret}/more",
        f"/hooks/{other['id']}/{secret}",
        f"/hooks/h123456789012/{secret}",
        f"/hooks/{one['id']}",
        f"/hooks/{one['id']}/",
        f"/hooks/{one['id']}/%00",
    ]
    answers = [await post(scene, address, json={"text": "x"}) for address in addresses]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert all(secret not in answer.text for answer in answers)


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"json": {}}, 422),
        ({"json": {"text": ""}}, 422),
        ({"json": {"text": 1}}, 422),
        ({"json": ["x"]}, 422),
        ({"content": b'{"text": "\\ud800"}', "headers": {"Content-Type": "application/json"}}, 422),
        ({"content": b"[" * 100_000, "headers": {"Content-Type": "application/json"}}, 422),
        ({"json": {"text": "x" * 10_001}}, 422),
        ({"data": {"other": "x"}}, 422),
        ({"content": b"\xff", "headers": {"Content-Type": "text/plain"}}, 400),
        ({"content": b"", "headers": {"Content-Type": "text/plain"}}, 422),
        ({"content": b"x" * 300_000, "headers": {"Content-Type": "text/plain"}}, 413),
        ({"content": b"<x/>", "headers": {"Content-Type": "text/xml"}}, 415),
        ({}, 415),
    ],
)
async def test_what_cannot_be_said_is_told_apart(
    scene: Site, how: dict[str, Any], status: int
) -> None:
    ann = await scene.of("ann")
    room = await ann.room()
    hook = await made(ann, room)
    answer = await post(scene, hook["address"], **how)
    assert answer.status_code == status, answer.text
    assert (await ann.get(f"/rooms/{room}/messages")).json()["items"] == []


async def test_a_deleted_webhook_leads_nowhere_and_its_bot_is_out(scene: Site) -> None:
    ann = await scene.of("ann")
    room = await ann.room()
    hook = await made(ann, room)
    await post(scene, hook["address"], json={"text": "this stays"})
    listed = (await ann.get(f"/rooms/{room}/hooks")).json()["items"]
    assert [one["id"] for one in listed] == [hook["id"]] and "address" not in listed[0]
    assert (await ann.delete(f"/rooms/{room}/hooks/{hook['id']}")).status_code == 204
    assert (await post(scene, hook["address"], json={"text": "x"})).status_code == 404
    members = (await ann.get(f"/rooms/{room}/members")).json()["items"]
    assert [one["user"] for one in members] == [ann.id]
    assert (await last(ann, room))["text"] == "this stays"
    page = (await ann.get(f"/rooms/{room}/messages")).json()
    assert hook["user"]["id"] in {one["id"] for one in page["users"]}, "and whose it is"
    account = await scene.chat.people.accounts.get(hook["user"]["id"])
    assert account.disabled_at is not None
    assert (await ann.delete(f"/rooms/{room}/hooks/{hook['id']}")).status_code == 404


async def test_a_bot_that_was_kicked_says_nothing_and_its_webhook_can_be_deleted(
    scene: Site,
) -> None:
    ann = await scene.of("ann")
    room = await ann.room()
    hook = await made(ann, room)
    await ann.put(f"/rooms/{room}/bans/{hook['user']['id']}")
    assert (await post(scene, hook["address"], json={"text": "x"})).status_code == 403
    assert (await ann.delete(f"/rooms/{room}/hooks/{hook['id']}")).status_code == 204


async def test_a_webhook_waits_in_slow_mode_like_others(scene: Site) -> None:
    ann = await scene.of("ann")
    room = await ann.room()
    hook = await made(ann, room)
    await ann.patch(f"/rooms/{room}", json={"slow": 60})
    assert (await post(scene, hook["address"], json={"text": "x"})).status_code == 200
    early = await post(scene, hook["address"], json={"text": "x"})
    assert early.status_code == 429 and int(early.headers["retry-after"]) > 0


async def test_webhooks_are_for_owners_and_not_without_end(
    scene: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room(kind="private", members=[bob.id])
    hook = await made(ann, room)
    for method, path, body in (
        ("GET", "", None),
        ("POST", "", {"name": "x"}),
        ("DELETE", f"/{hook['id']}", None),
    ):
        answer = await bob.call(method, f"/rooms/{room}/hooks{path}", json=body)
        assert answer.status_code == 403
    elsewhere = await ann.room()
    assert (await ann.delete(f"/rooms/{elsewhere}/hooks/{hook['id']}")).status_code == 404
    monkeypatch.setattr(hooks, "MOST", 2)
    await made(ann, room)
    more = await ann.post(f"/rooms/{room}/hooks", json={"name": "x"})
    assert more.status_code == 409 and "at most" in more.json()["detail"]
    for name in ("", " ", "\u200b", "\u202eBuilds", "x" * 65, "\x00"):
        answer = await ann.post(f"/rooms/{elsewhere}/hooks", json={"name": name})
        assert answer.status_code == 422, repr(name)


async def test_a_webhook_whose_bot_cannot_come_in_is_not_there(
    scene: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the room is archived a moment after the right to make one was looked at."""
    ann = await scene.of("ann")
    room = await ann.room()
    do = scene.chat.rooms.do

    async def first_archive(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(scene.chat.rooms, "do", do)
        await ann.post(f"/rooms/{room}/archive")
        return await do(*args, **more)

    monkeypatch.setattr(scene.chat.rooms, "do", first_archive)
    assert (await ann.post(f"/rooms/{room}/hooks", json={"name": "x"})).status_code == 409
    await ann.post(f"/rooms/{room}/restore")
    assert (await ann.get(f"/rooms/{room}/hooks")).json()["items"] == []
