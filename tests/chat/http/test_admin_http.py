"""What administrators see of the server: public rooms, and numbers."""

from __future__ import annotations

import pytest
from tests.support.chat_http import Caller, Site

from hubbub.chat.people import Kind

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def root_of(scene: Site) -> Caller:
    return await scene.of("root", admin=True)


@pytest.mark.parametrize("path", ["/admin/status", "/admin/rooms"])
async def test_it_is_for_administrators(scene: Site, path: str) -> None:
    for who in (await scene.of("ann"), await scene.of("gus", kind=Kind.GUEST)):
        refused = await who.get(path)
        assert refused.status_code == 403
        assert refused.json()["type"] == "/problems/administrators-only"
    assert (await (await scene.nobody()).get(path)).status_code == 401
    assert (await (await root_of(scene)).get(path)).status_code == 200


async def test_public_rooms_are_listed_with_archived_ones_and_others_are_but_counted(
    scene: Site,
) -> None:
    root, ann, bob = await root_of(scene), await scene.of("ann"), await scene.of("bob")
    before = (await root.get("/admin/rooms")).json()
    rooms = [await ann.room(f"Office {number}") for number in range(3)]
    await ann.post(f"/rooms/{rooms[1]}/archive")
    await ann.room("Office of the board", kind="private")
    await ann.post("/rooms", json={"kind": "direct", "members": [bob.id]})
    first = (await root.get("/admin/rooms", params={"q": "OFFICE", "limit": 2})).json()
    given = {"q": "OFFICE", "limit": 2, "cursor": first["next"]}
    rest = (await root.get("/admin/rooms", params=given)).json()
    assert [one["id"] for one in first["items"] + rest["items"]] == rooms and not rest["next"]
    assert [one["archived_at"] is None for one in first["items"]] == [True, False]
    for page in (first, rest):
        assert page["private"] == before["private"] + 1
        assert page["direct"] == before["direct"] + 1
    none = await root.get("/admin/rooms", params={"q": "%"})
    assert none.json()["items"] == [] and none.json()["private"] == first["private"]
    wrong = await root.get("/admin/rooms", params={"cursor": "WzFd"})
    assert wrong.status_code == 400 and wrong.json()["type"] == "/problems/cursor"


async def test_what_is_listed_an_administrator_archives_without_being_there(scene: Site) -> None:
    root, ann = await root_of(scene), await scene.of("ann")
    room, hidden = await ann.room(), await ann.room(kind="private")
    assert (await root.post(f"/rooms/{room}/archive")).status_code == 200
    assert (await root.post(f"/rooms/{room}/restore")).json()["archived_at"] is None
    assert (await root.post(f"/rooms/{hidden}/archive")).status_code == 404


async def test_counters_count_what_is_said_and_who_gets_it(scene: Site) -> None:
    root, ann = await root_of(scene), await scene.of("ann")
    await scene.of("bob")
    room = await ann.room()
    before = (await root.get("/admin/status")).json()
    clients = [await scene.chat.connect(name, room) for name in ("ann", "ann", "bob")]
    now = (await root.get("/admin/status")).json()
    assert now["started_at"] == before["started_at"] <= now["at"]
    changes = {name: now[name] - before[name] for name in ("connections", "users", "rooms")}
    assert changes == {"connections": 3, "users": 2, "rooms": 1}
    said = [await ann.say(room) for _ in range(4)]
    for client in clients:
        for _ in said:
            await client.next(f"room:{room}")
    await ann.patch(
        f"/rooms/{room}/messages/{said[0]}", json={"text": "edited: said once all the same"}
    )
    then = (await root.get("/admin/status")).json()
    assert then["said"] - now["said"] == len(said)
    assert then["deliveries"] - now["deliveries"] >= len(said) * len(clients)
    for client in clients:
        await client.close()
    after = (await root.get("/admin/status")).json()
    assert after["connections"] == before["connections"]
