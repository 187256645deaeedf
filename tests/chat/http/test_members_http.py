"""The people of rooms over HTTP, and what moderators do with them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.chat_http import Caller, Site

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def everybody(caller: Caller, room: str) -> dict[str, dict[str, Any]]:
    """The members of the room, by their ids."""
    page = (await caller.get(f"/rooms/{room}/members", params={"limit": 200})).json()
    assert {one["user"] for one in page["items"]} == {one["id"] for one in page["users"]}
    return {one["user"]: one for one in page["items"]}


async def test_who_is_added_is_a_member_and_adding_again_is_as_good(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room(kind="private")
    first = await ann.post(f"/rooms/{room}/members", json={"user": bob.id})
    again = await ann.post(f"/rooms/{room}/members", json={"user": bob.id})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == {"user": bob.id, "role": "member", "muted_until": 0}
    assert (await bob.get(f"/rooms/{room}")).json()["room"]["offset"] == 2
    nobody = await ann.post(f"/rooms/{room}/members", json={"user": "unobody"})
    assert nobody.status_code == 404 and "user" in nobody.json()["detail"]


async def test_a_role_is_given_once_and_the_last_owner_stays_one(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room(kind="private", members=[bob.id])
    for _ in range(2):
        given = await ann.patch(f"/rooms/{room}/members/{bob.id}", json={"role": "moderator"})
        assert given.status_code == 200 and given.json()["role"] == "moderator"
    own = await ann.patch(f"/rooms/{room}/members/{ann.id}", json={"role": "member"})
    assert own.status_code == 409 and "last owner" in own.json()["detail"]
    assert (await bob.patch(f"/rooms/{room}/members/{ann.id}", json={"role": "member"})).json()[
        "status"
    ] == 403
    unknown = await ann.patch(f"/rooms/{room}/members/{bob.id}", json={"role": "guest"})
    assert unknown.status_code == 422


async def test_who_is_kicked_is_out_and_kicking_again_is_as_good(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room(kind="private", members=[bob.id])
    for _ in range(2):
        kicked = await ann.delete(f"/rooms/{room}/members/{bob.id}", params={"reason": "spam"})
        assert kicked.status_code == 204 and not kicked.content
    assert list(await everybody(ann, room)) == [ann.id]
    assert (await bob.get(f"/rooms/{room}")).status_code == 404
    (entry,) = (await ann.get(f"/rooms/{room}/audit")).json()["items"]
    assert (entry["action"], entry["user"], entry["detail"]["reason"]) == ("kicked", bob.id, "spam")


async def test_who_is_muted_says_nothing_until_it_is_over(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room(kind="private", members=[bob.id])
    mute = f"/rooms/{room}/members/{bob.id}/mute"
    assert (await ann.put(mute)).status_code == 204, "an hour, without a body"
    assert (await ann.put(mute, json={"seconds": 60, "reason": "calm"})).status_code == 204
    muted = await bob.post(f"/rooms/{room}/messages", json={"text": "x"})
    assert muted.status_code == 403 and "muted" in muted.json()["detail"]
    assert (await everybody(ann, room))[bob.id]["muted_until"] > 0
    for _ in range(2):
        assert (await ann.delete(mute)).status_code == 204
    await bob.say(room)
    stranger = await ann.put(f"/rooms/{room}/members/{(await scene.of('eve')).id}/mute")
    assert stranger.status_code == 409, "who is no member"


async def test_who_is_banned_is_out_until_the_ban_is_lifted(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room()
    await bob.post(f"/rooms/{room}/join")
    ban = f"/rooms/{room}/bans/{bob.id}"
    assert (await ann.put(ban, json={"reason": "spam"})).status_code == 204
    assert (await ann.put(ban, json={"seconds": 600})).status_code == 204, "for less"
    assert (await bob.get(f"/rooms/{room}")).status_code == 404
    back = await bob.post(f"/rooms/{room}/join")
    assert back.status_code == 403 and "banned" in back.json()["detail"]
    bans = (await ann.get(f"/rooms/{room}/bans")).json()
    assert [one["user"] for one in bans["items"]] == [bob.id] and bans["items"][0]["until"] > 0
    assert {one["id"] for one in bans["users"]} == {ann.id, bob.id}
    for _ in range(2):
        assert (await ann.delete(ban)).status_code == 204
    assert (await bob.post(f"/rooms/{room}/join")).status_code == 200


async def test_lists_of_people_go_on_where_they_ended_whoever_comes_or_goes(scene: Site) -> None:
    ann = await scene.of("ann")
    room = await ann.room(kind="private")
    people = [(await scene.chat.person(f"p{number}")).id for number in range(9)]
    for user in people:
        await ann.post(f"/rooms/{room}/members", json={"user": user})
    first = await ann.get(f"/rooms/{room}/members", params={"limit": 4})
    same = await ann.get(
        f"/rooms/{room}/members",
        params={"limit": 4},
        headers={"If-None-Match": first.headers["etag"]},
    )
    assert same.status_code == 304
    await ann.delete(f"/rooms/{room}/members/{people[0]}")  # of the first page
    found, cursor = [one["user"] for one in first.json()["items"]], first.json()["next"]
    while cursor:
        page = (
            await ann.get(f"/rooms/{room}/members", params={"limit": 4, "cursor": cursor})
        ).json()
        found += [one["user"] for one in page["items"]]
        cursor = page["next"]
    assert found == sorted([ann.id, *people])


async def test_what_moderators_did_is_told_page_by_page(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room(kind="private", members=[bob.id])
    for _ in range(3):
        await ann.put(f"/rooms/{room}/members/{bob.id}/mute")
    await ann.patch(f"/rooms/{room}", json={"topic": "new"})
    first = (await ann.get(f"/rooms/{room}/audit", params={"limit": 3})).json()
    await ann.put(f"/rooms/{room}/members/{bob.id}/mute")
    second = (
        await ann.get(f"/rooms/{room}/audit", params={"limit": 3, "cursor": first["next"]})
    ).json()
    assert [one["action"] for one in first["items"]] == ["changed", "muted", "muted"]
    assert [one["action"] for one in second["items"]] == ["muted"] and second["next"] is None
    assert {one["id"] for one in first["users"]} == {ann.id, bob.id}
    assert (await bob.get(f"/rooms/{room}/audit")).status_code == 403
    assert (await bob.get(f"/rooms/{room}/bans")).status_code == 403
