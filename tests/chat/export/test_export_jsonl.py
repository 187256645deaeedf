"""A room as lines that a program reads."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.json import decode
from tests.support.chat import Chat

from hubbub.chat import events as e
from hubbub.chat.export import jsonl, pages
from hubbub.chat.export.pages import begin, whole


async def lines(place: Chat, room: str) -> list[dict[str, Any]]:
    content = jsonl.lines(await begin(whole(place.hub.tables, room)), 1_764_000_000_000)
    return [decode(line) for line in b"".join([one async for one in content]).splitlines()]


async def test_lines_are_the_room_its_messages_and_the_end(
    place: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    ann, bob = await place.person("ann"), await place.person("bob")
    room = await place.room(ann, "Lobby one", "bob")
    first = await place.say("ann", room, "line\nbreak @bob")
    await place.rooms.do(bob, room, e.React(first, "👍"))
    second = await place.say("bob", room, "yes", reply=first)
    await place.say("ann", room, "three")
    head, *messages, end = await lines(place, room)
    opened = (await place.rooms.open(ann, room)).model_dump()
    assert (head["type"], head["format"], head["at"]) == ("room", 1, 1_764_000_000_000)
    assert head["room"] == opened["room"]
    assert [one["user"] for one in head["members"]] == [ann.id, bob.id]
    assert [one["display"] for one in head["users"]] == ["Ann", "Bob"]
    assert end == {"type": "end", "messages": 3}
    for message, view in zip(messages, opened["messages"], strict=True):
        assert message.pop("type") == "message"
        assert message.pop("users") == []
        display = "Bob" if message["id"] == second else "Ann"
        assert message.pop("author") == {"name": display.lower(), "display": display}
        assert message == view


async def test_who_is_no_member_is_told_of_where_they_come_up_first(place: Chat) -> None:
    ann, bob = await place.person("ann"), await place.person("bob")
    room = await place.room(ann, "Lobby one", "bob")
    await place.say("ann", room)
    message = await place.say("bob", room)
    await place.rooms.do(bob, room, e.LeaveRoom())
    await place.say("ann", room, reply=message)
    _, *messages, _ = await lines(place, room)
    assert [[user["id"] for user in one["users"]] for one in messages] == [[], [bob.id], []]
    assert messages[1]["author"] == {"name": "bob", "display": "Bob"}
