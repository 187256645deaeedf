"""Finding messages, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.support.chat_http import Site, site

from hubbub.chat.people import Kind


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with site(tmp_path_factory.mktemp("search")) as made:
        yield made


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_is_said_is_found_edited_and_deleted(scene: Site) -> None:
    ann, bob = await scene.of("ann"), await scene.of("bob")
    room = await ann.room("Kitchen")
    id = await ann.say(room, "The <i>bread</i> is ready")
    answer = await bob.get("/search", params={"q": "bread"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json()
    assert found["items"] == [
        {
            "room": room,
            "id": id,
            "user": ann.id,
            "at": found["items"][0]["at"],
            "excerpt": [
                {"text": "The <i>", "marked": False},
                {"text": "bread", "marked": True},
                {"text": "</i> is ready", "marked": False},
            ],
        }
    ]
    assert (found["next"], found["complete"]) == (None, True)
    assert [user["name"] for user in found["users"]] == ["ann"]
    assert [one["slug"] for one in found["rooms"]] == ["kitchen"]
    await ann.patch(f"/rooms/{room}/messages/{id}", json={"text": "The cake is ready"})
    assert await ids(scene, "bob", "bread") == []
    assert await ids(scene, "bob", "cake in:kitchen from:ann") == [id]
    await ann.delete(f"/rooms/{room}/messages/{id}")
    assert await ids(scene, "bob", "cake") == []


async def ids(scene: Site, name: str, q: str, **more: object) -> list[int]:
    answer = await (await scene.of(name)).get("/search", params={"q": q, **more})
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_rooms_of_others_are_as_if_they_were_not_there(scene: Site) -> None:
    ann, eve = await scene.of("ann"), await scene.of("eve")
    room = await ann.room("Cellar", "private")
    id = await ann.say(room, "the treasure")
    assert await ids(scene, "ann", "treasure") == [id]
    answers = [
        (await eve.get("/search", params={"q": "treasure", **more})).json()
        for more in ({}, {"room": room}, {"room": "~cellar"}, {"room": "nowhere"}, {"room": "~\0"})
    ]
    answers += [
        (await eve.get("/search", params={"q": f"treasure in:{slug}"})).json()
        for slug in ("cellar", "nowhere")
    ]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["items"] == []
    added = await ann.post(f"/rooms/{room}/members", json={"user": eve.id})
    assert added.status_code == 201, added.text
    assert await ids(scene, "eve", "treasure", room=room) == [id]
    banned = await ann.put(f"/rooms/{room}/bans/{eve.id}", json={})
    assert banned.status_code == 204, banned.text
    assert await ids(scene, "eve", "treasure") == []


async def test_guests_find_what_they_may_read(scene: Site) -> None:
    ann, guest = await scene.of("ann"), await scene.of("visitor", kind=Kind.GUEST)
    room = await ann.room("Porch")
    await ann.say(room, "the doorbell")
    assert await ids(scene, "visitor", "doorbell") == []
    admin = await scene.of("root", admin=True)
    changed = await admin.patch("/admin/settings", json={"guests": True})
    assert changed.status_code == 200, changed.text
    answer = await guest.get("/search", params={"q": "doorbell"})
    assert len(answer.json()["items"]) == 1
    await admin.patch("/admin/settings", json={"guests": False})


async def test_pages_go_on_where_they_ended(scene: Site) -> None:
    ann = await scene.of("ann")
    room = await ann.room("Attic")
    said = [await ann.say(room, f"spider {number}") for number in range(5)]
    seen: list[int] = []
    next: dict[str, str] = {}
    while True:
        answer = (await ann.get("/search", params={"q": "spider", "limit": 2, **next})).json()
        seen += [item["id"] for item in answer["items"]]
        if answer["next"] is None:
            break
        next = {"cursor": answer["next"]}
        await ann.say(room, "another spider")
    assert seen == said[::-1]


@pytest.mark.parametrize(
    ("parameters", "status", "slug"),
    [
        ({"q": ""}, 422, "search"),
        ({"q": "a before:soon"}, 422, "search"),
        ({"q": "x" * 501}, 422, "invalid"),
        ({}, 422, "invalid"),
        ({"q": "a", "limit": 0}, 422, "invalid"),
        ({"q": "a", "limit": 51}, 422, "invalid"),
        ({"q": "a", "room": "x" * 66}, 422, "invalid"),
        ({"q": "a", "cursor": "WyJhIl0"}, 400, "cursor"),
        ({"q": "a", "cursor": "\0"}, 400, "cursor"),
    ],
)
async def test_what_cannot_be_looked_for_is_a_problem(
    scene: Site, parameters: dict[str, str], status: int, slug: str
) -> None:
    answer = await (await scene.of("ann")).get("/search", params=parameters)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")


async def test_nobody_finds_anything_who_is_not_signed_in(scene: Site) -> None:
    answer = await (await scene.nobody()).get("/search", params={"q": "bread"})
    assert answer.status_code == 401
