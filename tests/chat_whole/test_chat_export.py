"""What is taken out of the chat, on each of its databases."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.json import decode
from tests.support.chat import API, Chat

from hubbub.chat import events as e
from hubbub.chat.export import own, pages


async def test_a_room_and_ones_own_come_whole_over_many_pages(
    place: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 3)
    monkeypatch.setattr(own, "PAGE", 3)
    ann = await place.person("ann")
    room = await place.room(ann, "Lobby one", "bob")
    ids = [await place.say("ann", room, f"number {n}") for n in range(10)]
    for id in ids:
        await place.rooms.do(ann, room, e.React(id, "🎉"))
    others = [await place.room(ann, f"Room {n}") for n in range(5)]
    async with place.browser("ann") as browser:
        exported = await browser.get(f"{API}/rooms/{room}/export")
        page = await browser.get(f"{API}/rooms/{room}/export", params={"format": "html"})
        mine = await browser.get(f"{API}/me/export")
    lines = [decode(line) for line in exported.content.splitlines()]
    assert [one["id"] for one in lines if one["type"] == "message"] == ids
    assert all(f'id="m{id}"' in page.text for id in ids)
    owned = [decode(line) for line in mine.content.splitlines()]
    assert Counter(one["type"] for one in owned) == {
        "account": 1,
        "login": 1,
        "room": 1 + len(others),
        "message": 10,
        "reaction": 10,
        "end": 1,
    }
    assert [one["id"] for one in owned if one["type"] == "message"] == ids
    assert sorted(one["message"] for one in owned if one["type"] == "reaction") == ids
