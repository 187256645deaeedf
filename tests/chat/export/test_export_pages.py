"""A room, page by page: all of it, once, as it stood when it was begun with."""

from __future__ import annotations

import pytest
from tests.support.chat import Chat

from hubbub import Refused
from hubbub.chat import events as e
from hubbub.chat.export import pages
from hubbub.chat.export.pages import Room, begin, room_id, whole
from hubbub.chat.views import MessageView


async def begun(place: Chat, room: str) -> Room:
    return await begin(whole(place.hub.tables, room))


async def all_of(room: Room) -> list[MessageView]:
    return [message async for page in room.pages() for message in page.messages]


@pytest.mark.parametrize("number", [0, 1, 4, 5, 6, 10, 11])
async def test_every_message_comes_once_in_order(
    place: Chat, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(pages, "PAGE", 5)
    ann = await place.person("ann")
    room = await place.room(ann, "Lobby one")
    ids = [await place.say("ann", room, f"number {n}") for n in range(number)]
    assert [(one.id, one.text) for one in await all_of(await begun(place, room))] == [
        (id, f"number {n}") for n, id in enumerate(ids)
    ]


async def test_what_is_said_meanwhile_is_not_in_it_and_does_not_prolong_it(
    place: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    room = await place.room(await place.person("ann"))
    ids = [await place.say("ann", room) for _ in range(7)]
    export, seen = await begun(place, room), list[int]()
    async for page in export.pages():
        seen += [one.id for one in page.messages]
        for _ in range(3):  # faster than it is read
            await place.say("ann", room)
    assert seen == ids
    assert export.done == ids[-1]


async def test_each_page_is_of_its_moment(place: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    ann = await place.person("ann")
    room = await place.room(ann)
    ids = [await place.say("ann", room, "before") for _ in range(4)]
    messages = list[MessageView]()
    async for page in (await begun(place, room)).pages():
        messages += page.messages
        if len(messages) == 2:
            await place.rooms.do(ann, room, e.Edit(ids[0], "after"))
            await place.rooms.do(ann, room, e.Edit(ids[2], "after"))
            await place.rooms.do(ann, room, e.Delete(ids[3]))
    assert [one.text for one in messages] == ["before", "before", "after", ""]
    assert messages[3].deleted_by == ann.id


async def test_users_come_up_once_and_all_of_them(
    place: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 1)
    ann, bob, eve = [await place.person(name) for name in ("ann", "bob", "eve")]
    room = await place.room(ann, "Lobby one", "bob")
    first = await place.say("bob", room)
    await place.rooms.do(bob, room, e.LeaveRoom())
    await place.rooms.do(eve, room, e.JoinRoom())
    await place.rooms.do(eve, room, e.React(first, "👍"))
    await place.rooms.do(eve, room, e.LeaveRoom())
    await place.say("ann", room, reply=first)
    export = await begun(place, room)
    assert [one.user for one in export.members] == [ann.id]
    assert set(export.users) == {ann.id}
    came = [[user.id for user in page.users] async for page in export.pages()]
    assert came == [[bob.id, eve.id], []]
    assert set(export.users) == {ann.id, bob.id, eve.id}


async def test_a_room_is_found_by_its_id_and_by_its_address(place: Chat) -> None:
    room = await place.room(await place.person("ann"), "Über uns")

    async def find(said: str) -> str:
        return await place.hub.tables.read(room_id, said)

    assert {await find(said) for said in (room, "über-uns", "~über-uns")} == {room}
    with pytest.raises(Refused, match="no such room"):
        await find("nowhere")
    with pytest.raises(Refused, match="no such room"):
        await begun(place, "nowhere")


async def test_a_room_whose_address_is_anothers_id_does_not_hide_it(place: Chat) -> None:
    ann = await place.person("ann")
    room = await place.room(ann, "One")
    await place.room(ann, room)
    assert await place.hub.tables.read(room_id, room) == room
