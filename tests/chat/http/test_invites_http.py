"""Invitations over HTTP, and what their links lead to."""

from __future__ import annotations

import pytest
from tests.support.chat_http import Site

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_link_tells_where_it_leads_and_lets_in_who_has_it(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room("Behind the link", kind="private")
    made = await ann.post(f"/rooms/{room}/invites", json={"uses": 2, "seconds": 3600})
    assert made.status_code == 201
    invite = made.json()
    assert invite["uses"] == 2 and invite["expires_at"] == invite["at"] + 3_600_000
    nobody = await scene.nobody()
    told = await nobody.get(f"/invites/{invite['code']}")
    assert told.status_code == 200 and told.json() == {
        "name": "Behind the link",
        "kind": "private",
        "people": 1,
        "expires_at": invite["expires_at"],
        "room": None,
    }
    assert (await nobody.post(f"/invites/{invite['code']}/join")).status_code == 401
    for _ in range(2):
        entered = await bob.post(f"/invites/{invite['code']}/join")
        assert entered.status_code == 200 and entered.json()["room"]["id"] == room
    assert (await bob.get(f"/invites/{invite['code']}")).json()["room"] == room
    (left,) = (await ann.get(f"/rooms/{room}/invites")).json()["items"]
    assert left["uses"] == 1, "who is there already uses nothing up"
    assert left["code"] == invite["code"]


async def test_a_link_that_is_made_up_used_up_or_taken_back_is_gone(scene: Site) -> None:
    ann, bob, eve = [await scene.of(name) for name in ("ann", "bob", "eve")]
    room = await ann.room(kind="private")
    invites = f"/rooms/{room}/invites"
    once = (await ann.post(invites, json={"uses": 1})).json()
    await bob.post(f"/invites/{once['code']}/join")
    back = (await ann.post(invites)).json()
    assert (await ann.delete(f"{invites}/{back['id']}")).status_code == 204
    assert (await ann.delete(f"{invites}/{back['id']}")).status_code == 404
    good = (await ann.post(invites)).json()["code"]
    made_up = [
        f"{room}.1.AAAAAAAAAAAAAAAA",
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        "x",
        "x.0",
    ]
    assert (await bob.get(f"/invites/{once['code']}")).json()["room"] == room, "he is in there"
    bodies = []
    for code in (once["code"], back["code"], *made_up):
        for method, path in (("GET", f"/invites/{code}"), ("POST", f"/invites/{code}/join")):
            answer = await eve.call(method, path)
            assert answer.status_code == 410, (code, answer.text)
            bodies.append(answer.json())
    assert all(body == bodies[0] for body in bodies), "which of it, is not said"
    assert (await eve.get("/rooms")).json()["items"] == []


async def test_the_same_key_makes_one_link(scene: Site) -> None:
    ann = await scene.of("ann")
    room = await ann.room(kind="private")
    key = {"Idempotency-Key": "k"}
    made = [await ann.post(f"/rooms/{room}/invites", headers=key) for _ in range(2)]
    assert made[0].json() == made[1].json()
    first = (await ann.get(f"/rooms/{room}/invites", params={"limit": 1})).json()
    assert first["next"] is None and first["users"][0]["id"] == ann.id
    await ann.post(f"/rooms/{room}/invites")
    first = (await ann.get(f"/rooms/{room}/invites", params={"limit": 1})).json()
    page = {"limit": 1, "cursor": first["next"]}
    second = (await ann.get(f"/rooms/{room}/invites", params=page)).json()
    assert second["items"][0]["id"] > first["items"][0]["id"] and second["next"] is None
