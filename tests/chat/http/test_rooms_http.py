"""Rooms over HTTP: making, finding, opening, changing them."""

from __future__ import annotations

import pytest
from tests.support.chat import API
from tests.support.chat_fold import Fold
from tests.support.chat_http import Site

from hubbub.chat.people import Kind

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_room_is_where_it_is_said_to_be_under_both_its_names(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    made = await ann.post("/rooms", json={"kind": "public", "name": "  Über uns ", "topic": "x"})
    assert made.status_code == 201
    room = made.json()["room"]
    assert (room["name"], room["slug"], room["topic"]) == ("Über uns", "über-uns", "x")
    assert made.headers["location"] == f"{API}/rooms/{room['id']}"
    assert made.json()["me"]["role"] == "owner" and "archive" in made.json()["rights"]
    by_id, by_slug = await bob.get(f"/rooms/{room['id']}"), await bob.get("/rooms/~über-uns")
    assert by_id.status_code == 200 and by_id.json() == by_slug.json()
    assert by_id.json()["me"] is None and by_id.json()["rights"] == ["read", "join"]
    joined = await bob.post("/rooms/~über-uns/join")
    assert joined.json()["room"]["people"] == 2, "a slug is as good where something is done"


async def test_the_same_key_makes_the_same_room_and_another_body_is_a_conflict(
    scene: Site,
) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    body, key = {"kind": "private", "name": "Once"}, {"Idempotency-Key": "k1"}
    first = await ann.post("/rooms", json=body, headers=key)
    again = await ann.post("/rooms", json=body, headers=key)
    assert first.status_code == again.status_code == 201 and first.json() == again.json()
    other = await ann.post("/rooms", json={**body, "name": "Twice"}, headers=key)
    assert other.status_code == 409 and other.json()["type"] == "/problems/conflict"
    his = await bob.post("/rooms", json={**body, "name": "Somebody else's"}, headers=key)
    assert his.json()["room"]["id"] != first.json()["room"]["id"], "keys are one's own"


async def test_there_is_one_public_room_of_a_name_and_of_private_ones_nobody_learns(
    scene: Site,
) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    await ann.room("Only one")
    named = {"name": "only  ONE"}
    again = await bob.post("/rooms", json={"kind": "public", **named})
    assert again.status_code == 409 and "of that name" in again.json()["detail"]
    private = await bob.post("/rooms", json={"kind": "private", **named})
    room = private.json()["room"]
    assert private.status_code == 201 and room["slug"] == f"only-one-{room['id']}"
    opened = await bob.patch(f"/rooms/{room['id']}", json={"kind": "public"})
    assert opened.status_code == 409, "the name is taken among public ones"
    both = await bob.patch(f"/rooms/{room['id']}", json={"kind": "public", "name": "Other"})
    assert (both.status_code, both.json()["slug"]) == (200, "other")
    closed = await bob.patch(f"/rooms/{room['id']}", json={"kind": "private"})
    assert closed.json()["slug"] == f"other-{room['id']}"
    assert (await ann.post("/rooms", json={"kind": "public", "name": "Other"})).status_code == 201


async def test_a_conversation_is_there_once_for_its_people(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    first = await ann.post("/rooms", json={"kind": "direct", "members": [bob.id]})
    again = await bob.post("/rooms", json={"kind": "direct", "members": [ann.id]})
    assert (first.status_code, again.status_code) == (201, 200)
    room = first.json()["room"]["id"]
    assert again.json()["room"]["id"] == room
    assert again.headers["location"] == first.headers["location"]
    mine = (await bob.get("/rooms")).json()
    (one,) = [one for one in mine["items"] if one["room"]["id"] == room]
    assert one["members"] == [ann.id, bob.id] and one["room"]["slug"] is None
    assert {user["id"] for user in mine["users"]} >= {ann.id, bob.id}


async def test_ones_own_rooms_come_with_what_is_unread_and_only_when_they_changed(
    scene: Site,
) -> None:
    ann, eve = await scene.of("ann"), await scene.of("eve")
    room = await ann.room(kind="private", members=[eve.id])
    said = await ann.say(room, "hi @eve")
    first = await eve.get("/rooms")
    (one,) = first.json()["items"]
    assert one["unread"] == {"read": 1, "unread": 1, "mentions": 1, "offset": said}
    assert one["me"]["role"] == "member" and one["room"]["id"] == room
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    for known in (tag, f"W/{tag}", f'"another", {tag}'):
        same = await eve.get("/rooms", headers={"If-None-Match": known})
        assert same.status_code == 304 and not same.content and same.headers["etag"] == tag
    await ann.say(room)
    other = await eve.get("/rooms", headers={"If-None-Match": tag})
    assert other.status_code == 200 and other.headers["etag"] != tag


async def test_public_rooms_are_found_page_by_page(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    rooms = [await ann.room(f"Garden {number}") for number in range(5)]
    secret = await ann.room("Garden of ours", kind="private")
    old, closed = await ann.room("Garden, old"), await ann.room("Garden, closed to bob")
    await ann.post(f"/rooms/{old}/archive")
    await ann.put(f"/rooms/{closed}/bans/{bob.id}")
    found: list[str] = []
    cursor, pages = None, 0
    while True:
        given = {"q": "GARDEN", "limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await bob.get("/rooms/public", params=given)).json()
        found += [one["id"] for one in page["items"]]
        cursor, pages = page["next"], pages + 1
        if cursor is None:
            break
        if pages == 1:
            await ann.room("Garden 00")  # behind us: it is not for this walk
    assert found == rooms and pages == 3 and secret not in found
    assert closed in [one["id"] for one in (await ann.get("/rooms/public")).json()["items"]]
    assert (await bob.get("/rooms/public", params={"q": "%"})).json()["items"] == []
    wrong = await bob.get("/rooms/public", params={"cursor": "WzFd"})
    assert wrong.status_code == 400 and wrong.json()["type"] == "/problems/cursor"


async def test_guests_see_public_rooms_where_they_are_let_in(scene: Site) -> None:
    guest = await scene.of("gus", kind=Kind.GUEST)
    ann = await scene.of("ann")
    room = await ann.room()
    assert (await guest.get("/rooms/public")).json()["items"] == []
    assert (await guest.get(f"/rooms/{room}")).status_code == 404
    root = await scene.chat.person("root", admin=True)
    await scene.chat.people.administration.set(root, {"guests": True})
    assert room in [one["id"] for one in (await guest.get("/rooms/public")).json()["items"]]
    assert (await guest.post("/rooms", json={"kind": "public", "name": "Mine"})).status_code == 403


async def test_a_room_is_opened_with_one_request_and_followed_from_there(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room(members=[bob.id], kind="private")
    said = [await ann.say(room, f"message {number}") for number in range(60)]
    await bob.put(f"/rooms/{room}/messages/{said[-1]}/reactions/👍")
    opened = await bob.get(f"/rooms/{room}/open")
    assert opened.status_code == 200 and opened.headers["cache-control"] == "no-store"
    first = opened.json()
    assert [one["id"] for one in first["messages"]] == said[-50:] and first["more"]
    assert first["unread"]["unread"] == 60 and first["me"]["role"] == "member"
    assert {one["id"] for one in first["users"]} == {ann.id, bob.id}
    fold = Fold.of(first)
    more = await ann.say(room, "and one more")
    history = await scene.chat.hub.history(f"room:{room}", limit=1)
    assert history.position.epoch == first["epoch"]
    fold.apply(more, history.publications[0].data)
    now = (await bob.get(f"/rooms/{room}/open")).json()
    assert fold.messages[more] == now["messages"][-1]
    assert fold.room == now["room"]


async def test_what_is_changed_is_answered_and_heard_of(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room()
    changed = await ann.patch(f"/rooms/{room}", json={"topic": "new", "slow": 5, "keep": 30})
    assert changed.status_code == 200
    told = changed.json()
    assert (told["topic"], told["slow"], told["keep"], told["offset"]) == ("new", 5, 30, 2)
    assert (await ann.patch(f"/rooms/{room}", json={})).status_code == 422
    forbidden = await bob.patch(f"/rooms/{room}", json={"topic": "his"})
    assert forbidden.status_code == 403
    assert (await ann.patch(f"/rooms/{room}", json={"keep": 0})).json()["keep"] is None


async def test_who_makes_a_room_private_that_they_are_not_in_is_still_answered(
    scene: Site,
) -> None:
    ann, root = await scene.of("ann"), await scene.of("root", admin=True)
    room = await ann.room()
    changed = await root.patch(f"/rooms/{room}", json={"kind": "private"})
    assert changed.status_code == 200 and changed.json()["kind"] == "private"
    assert (await root.get(f"/rooms/{room}")).status_code == 404, "nobody's who is not in it"


async def test_an_archived_room_is_read_and_nothing_else(scene: Site) -> None:
    ann = await scene.of("ann")
    room = await ann.room()
    archived = await ann.post(f"/rooms/{room}/archive")
    assert archived.status_code == 200 and archived.json()["archived_at"] is not None
    assert (await ann.post(f"/rooms/{room}/archive")).status_code == 409
    said = await ann.post(f"/rooms/{room}/messages", json={"text": "x"})
    assert said.status_code == 409 and "archived" in said.json()["detail"]
    assert (await ann.get(f"/rooms/{room}/messages")).status_code == 200
    assert (await ann.post(f"/rooms/{room}/restore")).json()["archived_at"] is None
    await ann.say(room)
