"""Oneself in rooms, over HTTP: coming and going, what was read, what one wants to be told."""

from __future__ import annotations

import pytest
from tests.support.chat_http import Site

from hubbub.chat.rooms import channel

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_joining_twice_is_joining(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room()
    first, again = [await bob.post(f"/rooms/{room}/join") for _ in range(2)]
    assert first.status_code == again.status_code == 200 and first.json() == again.json()
    assert first.json()["me"] == {"user": bob.id, "role": "member", "muted_until": 0}
    assert first.json()["room"]["offset"] == 2, "it happened once"


async def test_the_last_owner_does_not_leave_the_others_alone(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room(kind="private", members=[bob.id])
    stays = await ann.post(f"/rooms/{room}/leave")
    assert stays.status_code == 409 and "owner" in stays.json()["detail"]
    assert (await bob.post(f"/rooms/{room}/leave")).status_code == 204
    assert (await bob.post(f"/rooms/{room}/leave")).status_code == 404, "not a room of his"
    assert (await ann.post(f"/rooms/{room}/leave")).status_code == 204


async def test_a_marker_goes_forward_and_not_beyond_the_end(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room(kind="private", members=[bob.id])
    said = [await ann.say(room) for _ in range(3)]
    read = await bob.put(f"/rooms/{room}/read", json={"offset": said[1]})
    assert read.json() == {"read": said[1], "unread": 1, "mentions": 0, "offset": said[2]}
    back = await bob.put(f"/rooms/{room}/read", json={"offset": 1})
    assert back.json()["read"] == said[1]
    far = await bob.put(f"/rooms/{room}/read", json={"offset": 2**53})
    assert far.json() == {"read": said[2], "unread": 0, "mentions": 0, "offset": said[2]}
    more = await ann.say(room)
    (unread,) = (await bob.get("/unread", params={"room": room})).json()["items"]
    assert (unread["unread"], unread["offset"]) == (1, more)


async def test_who_is_no_member_has_no_marker(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    public, private = await ann.room(), await ann.room(kind="private")
    assert (await bob.put(f"/rooms/{public}/read", json={"offset": 1})).status_code == 403
    assert (await bob.put(f"/rooms/{private}/read", json={"offset": 1})).status_code == 404


async def test_several_rooms_are_read_at_once_and_others_are_left_out(scene: Site) -> None:
    ann, eve = await scene.of("ann"), await scene.of("eve")
    rooms = [await ann.room(kind="private", members=[eve.id]) for _ in range(3)]
    others = await ann.room(kind="private")
    for room in rooms:
        await ann.say(room, "hi @eve")
    marks = [{"room": room, "offset": 2} for room in (*rooms[:2], others, "nothing")]
    read = await eve.put("/read", json={"rooms": marks})
    assert read.status_code == 200
    assert {one["room"] for one in read.json()["items"]} == set(rooms[:2])
    unread = await eve.get("/unread")
    counts = {one["room"]: (one["unread"], one["mentions"]) for one in unread.json()["items"]}
    assert counts == {rooms[0]: (0, 0), rooms[1]: (0, 0), rooms[2]: (1, 1)}
    some = await eve.get("/unread", params={"room": [rooms[2], others]})
    assert [one["room"] for one in some.json()["items"]] == [rooms[2]]
    same = await eve.get("/unread", headers={"If-None-Match": unread.headers["etag"]})
    assert same.status_code == 304


async def test_preferences_are_ones_own(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room(kind="private", members=[bob.id])
    wanted = {"level": "mentions", "muted": True}
    set_ = await bob.put(f"/rooms/{room}/preferences", json=wanted)
    assert set_.status_code == 200 and set_.json() == wanted
    assert (await bob.get(f"/rooms/{room}/open")).json()["preferences"] == wanted
    assert (await ann.get(f"/rooms/{room}/open")).json()["preferences"]["level"] == "all"
    assert (await bob.put(f"/rooms/{room}/preferences", json={"level": "x"})).status_code == 422


async def test_who_types_is_told_to_the_room_and_who_may_not_speak_does_not_type(
    scene: Site,
) -> None:
    ann, bob, eve = [await scene.of(name) for name in ("ann", "bob", "eve")]
    room = await ann.room(kind="private", members=[bob.id])
    hearer = await scene.chat.connect("ann", room)
    assert (await bob.post(f"/rooms/{room}/typing")).status_code == 204
    assert (await eve.post(f"/rooms/{room}/typing")).status_code == 404
    heard = await hearer.next(channel(room))
    assert heard.data == {"type": "typing", "users": [bob.id]}


async def test_who_is_here_is_told_of_members_alone(scene: Site) -> None:
    ann, bob, eve = [await scene.of(name) for name in ("ann", "bob", "eve")]
    room = await ann.room(kind="private", members=[bob.id])
    await scene.chat.connect("bob")
    await scene.chat.connect("eve")
    here = (await ann.get(f"/rooms/{room}/presence")).json()["states"]
    assert here[bob.id] == "online" and eve.id not in here
    assert (await eve.get(f"/rooms/{room}/presence")).status_code == 404
