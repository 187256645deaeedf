"""Messages over HTTP: said, found, edited, deleted, reacted to, pinned."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.support.chat import API
from tests.support.chat_http import Caller, Site

from hubbub.chat.rooms import channel

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def page(caller: Caller, room: str, **which: int) -> dict[str, Any]:
    answer = await caller.get(f"/rooms/{room}/messages", params=which)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ids(found: dict[str, Any]) -> list[int]:
    return [one["id"] for one in found["items"]]


# Pages.


async def test_pages_end_where_there_is_nothing_more(scene: Site) -> None:
    ann = await scene.of("ann")
    room = await ann.room()
    empty = await page(ann, room)
    assert (ids(empty), empty["before"], empty["after"]) == ([], None, None)
    said = [await ann.say(room, str(number)) for number in range(6)]
    last = await page(ann, room, limit=4)
    assert (ids(last), last["before"], last["after"]) == (said[2:], said[2], None)
    first = await page(ann, room, before=last["before"], limit=4)
    assert (ids(first), first["before"], first["after"]) == (said[:2], None, said[1])
    on = await page(ann, room, after=first["after"], limit=4)
    assert (ids(on), on["before"], on["after"]) == (said[2:], said[2], None)
    whole = await page(ann, room, after=0, limit=6)
    assert (ids(whole), whole["before"], whole["after"]) == (said, None, None)
    nothing = await page(ann, room, after=said[-1])
    assert (ids(nothing), nothing["before"], nothing["after"]) == ([], said[-1] + 1, None)
    before = await page(ann, room, before=1)
    assert (ids(before), before["before"], before["after"]) == ([], None, 0)
    assert ids(await page(ann, room, after=before["after"])) == said


async def test_a_page_around_a_message_has_both_its_sides(scene: Site) -> None:
    ann = await scene.of("ann")
    room = await ann.room()
    said = [await ann.say(room, str(number)) for number in range(9)]
    around = await page(ann, room, around=said[4], limit=4)
    assert ids(around) == said[2:6]
    assert (around["before"], around["after"]) == (said[2], said[5])
    assert ids(await page(ann, room, around=said[4], limit=1)) == [said[4]]
    await ann.put(f"/rooms/{room}/messages/{said[8]}/pin")
    beside = await page(ann, room, around=said[8] + 1, limit=4)
    assert ids(beside) == said[7:], "the event of the pin is no message"
    two = await ann.get(f"/rooms/{room}/messages", params={"around": 3, "before": 4})
    assert two.status_code == 422


@pytest.mark.parametrize("seed", range(2))
async def test_each_message_comes_once_whatever_happens_meanwhile(scene: Site, seed: int) -> None:
    """O-6: in both directions."""
    random = Random(seed)
    ann = await scene.of("ann")
    room = await ann.room()
    there = [await ann.say(room, str(number)) for number in range(16)]

    async def something() -> None:
        match random.randrange(4):
            case 0:
                await ann.say(room, "meanwhile")
            case 1:
                await ann.delete(f"/rooms/{room}/messages/{random.choice(there)}")
            case 2:
                await ann.put(f"/rooms/{room}/messages/{random.choice(there)}/reactions/👍")
            case 3:
                await ann.patch(f"/rooms/{room}", json={"topic": str(random.random())})

    back: list[int] = []
    found = await page(ann, room, limit=random.randint(1, 6))
    last = ids(found)[-1]
    while True:
        back = ids(found) + back
        if found["before"] is None:
            break
        await something()
        found = await page(ann, room, before=found["before"], limit=random.randint(1, 6))
    assert back == [*there[: there.index(last) + 1]]
    forth: list[int] = []
    found = await page(ann, room, after=0, limit=random.randint(1, 6))
    while True:
        forth += ids(found)
        if found["after"] is None:
            break
        await something()
        found = await page(ann, room, after=found["after"], limit=random.randint(1, 6))
    everything = ids(await page(ann, room, after=0, limit=200))
    assert forth == everything and forth[:16] == there


# Saying.


async def test_what_was_said_is_answered_whole_and_is_there(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room(kind="private", members=[bob.id])
    first = await ann.say(room, "a question")
    said = await bob.post(
        f"/rooms/{room}/messages", json={"text": "@ann yes", "reply": first, "nonce": "n1"}
    )
    assert said.status_code == 201
    message = said.json()
    assert message["reply"] == {"id": first, "user": ann.id, "text": "a question"}
    assert message["mentions"] == [ann.id] and message["nonce"] == "n1"
    where = said.headers["location"]
    assert where == f"{API}/rooms/{room}/messages/{message['id']}"
    assert (await ann.get(where.removeprefix(API))).json() == message
    assert (await page(ann, room))["items"][-1] == message
    assert {one["id"] for one in (await page(ann, room))["users"]} == {ann.id, bob.id}
    assert (await ann.get(f"/rooms/{room}/messages/1")).status_code == 404, "no message"


@pytest.mark.parametrize("how", ["header", "nonce"])
async def test_what_is_sent_again_is_said_once(scene: Site, how: str) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room(kind="private", members=[bob.id])
    headers = {"Idempotency-Key": "k"} if how == "header" else {}
    body = {"text": "once", "nonce": "" if how == "header" else "k"}
    first, again = [
        await ann.post(f"/rooms/{room}/messages", json=body, headers=headers) for _ in range(2)
    ]
    assert first.status_code == again.status_code == 201 and first.json() == again.json()
    other = await ann.post(
        f"/rooms/{room}/messages", json={**body, "text": "twice"}, headers=headers
    )
    assert other.status_code == 409 and other.json()["type"] == "/problems/conflict"
    his = await bob.post(f"/rooms/{room}/messages", json=body, headers=headers)
    assert his.json()["id"] != first.json()["id"], "keys are one's own"
    assert len((await page(ann, room))["items"]) == 2


async def test_slow_mode_says_when_to_come_back(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room(kind="private", members=[bob.id])
    await ann.patch(f"/rooms/{room}", json={"slow": 100})
    await bob.say(room)
    early = await bob.post(f"/rooms/{room}/messages", json={"text": "more"})
    assert early.status_code == 429 and early.json()["type"] == "/problems/slow-mode"
    assert 90 <= int(early.headers["retry-after"]) <= 100
    assert early.json()["retry_after"] == int(early.headers["retry-after"])
    await ann.say(room), await ann.say(room)  # who looks after the room does not wait


async def test_who_has_said_what_they_typed_types_no_more(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room(kind="private", members=[bob.id])
    hearer = await scene.chat.connect("ann", room)
    await bob.post(f"/rooms/{room}/typing")
    await ann.post(f"/rooms/{room}/typing")
    await bob.say(room)
    assert (await hearer.next(channel(room))).data["type"] == "message"
    assert (await hearer.next(channel(room))).data == {"type": "typing", "users": [ann.id]}


# Editing and deleting.


async def test_an_edit_is_answered_and_what_was_said_before_is_gone(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room(kind="private", members=[bob.id])
    id = await ann.say(room, "first words")
    edited = await ann.patch(f"/rooms/{room}/messages/{id}", json={"text": "second words"})
    assert edited.status_code == 200 and edited.json()["text"] == "second words"
    assert edited.json()["edited_at"] is not None
    his = await bob.patch(f"/rooms/{room}/messages/{id}", json={"text": "mine"})
    assert his.status_code == 403
    assert (await ann.patch(f"/rooms/{room}/messages/{id}", json={"text": " "})).status_code == 422


async def test_a_deleted_message_is_a_place_without_words(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room(kind="private", members=[bob.id])
    id = await bob.say(room, "regrets")
    assert (await ann.delete(f"/rooms/{room}/messages/{id}")).status_code == 204
    message = (await bob.get(f"/rooms/{room}/messages/{id}")).json()
    assert message["text"] == "" and message["deleted_by"] == ann.id
    for method, path, body in (
        ("DELETE", "", None),
        ("PATCH", "", {"text": "x"}),
        ("PUT", "/pin", None),
        ("PUT", "/reactions/👍", None),
    ):
        gone = await bob.call(method, f"/rooms/{room}/messages/{id}{path}", json=body)
        assert gone.status_code in ((403,) if path == "/pin" else (410,)), gone.text
    answered = await bob.post(f"/rooms/{room}/messages", json={"text": "re", "reply": id})
    assert answered.status_code == 410


# Reactions and pins.


@pytest.mark.parametrize("emoji", ["👍", "❤️", "#️⃣", "🏳️‍🌈", "👩🏽‍🚀"])
async def test_a_reaction_is_there_once_and_taken_back_once(scene: Site, emoji: str) -> None:
    ann = await scene.of("ann")
    room = await ann.room()
    id = await ann.say(room)
    path = f"/rooms/{room}/messages/{id}/reactions/{emoji.replace('#', '%23')}"
    for _ in range(2):
        assert (await ann.put(path)).status_code == 204
    message = (await ann.get(f"/rooms/{room}/messages/{id}")).json()
    assert message["reactions"] == [{"emoji": emoji, "users": [ann.id]}]
    for _ in range(2):
        assert (await ann.delete(path)).status_code == 204
    assert (await ann.get(f"/rooms/{room}/messages/{id}")).json()["reactions"] == []
    assert (await ann.get(f"/rooms/{room}")).json()["room"]["offset"] == 4


@pytest.mark.parametrize("emoji", ["x", "👍👍", "%0A", "%00", "x" * 33, "<script>"])
async def test_what_is_no_emoji_is_no_reaction(scene: Site, emoji: str) -> None:
    ann = await scene.of("ann")
    room = await ann.room()
    id = await ann.say(room)
    answer = await ann.put(f"/rooms/{room}/messages/{id}/reactions/{emoji}")
    assert answer.status_code == 422


async def test_a_message_has_so_many_kinds_of_reactions_and_no_more(scene: Site) -> None:
    ann = await scene.of("ann")
    room = await ann.room()
    id = await ann.say(room)
    for number in range(50):
        put = await ann.put(f"/rooms/{room}/messages/{id}/reactions/{chr(0x1F600 + number)}")
        assert put.status_code == 204
    more = await ann.put(f"/rooms/{room}/messages/{id}/reactions/👍")
    assert more.status_code == 409, "a real conflict is one"


async def test_pins_are_found_page_by_page_the_latest_first(scene: Site) -> None:
    ann = await scene.of("ann")
    room = await ann.room()
    said = [await ann.say(room, str(number)) for number in range(5)]
    for id in (said[1], said[4], said[0], said[0]):
        assert (await ann.put(f"/rooms/{room}/messages/{id}/pin")).status_code == 204
    first = (await ann.get(f"/rooms/{room}/pins", params={"limit": 2})).json()
    assert ids(first) == [said[0], said[4]] and first["users"][0]["id"] == ann.id
    await ann.put(f"/rooms/{room}/messages/{said[2]}/pin")
    more = {"limit": 2, "cursor": first["next"]}
    second = (await ann.get(f"/rooms/{room}/pins", params=more)).json()
    assert ids(second) == [said[1]] and second["next"] is None
    for _ in range(2):
        assert (await ann.delete(f"/rooms/{room}/messages/{said[1]}/pin")).status_code == 204
    assert said[1] not in ids((await ann.get(f"/rooms/{room}/pins")).json())
