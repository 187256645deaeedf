"""Messages go when their room has kept them for long enough."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.chat import Chat, chat

from hubbub.chat import events as e
from hubbub.chat.retention import AT_ONCE, DAY, Retention
from hubbub.chat.rooms import channel


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Chat]:
    async with chat(f"sqlite:///{tmp_path}/chat.db", str(tmp_path / "files")) as place:
        yield place


def in_days(place: Chat, days: float) -> None:
    """Have that time pass for who looks, not for the log."""
    now = place.rooms.now()
    place.rooms.now = lambda: now + int(days * DAY)


async def test_rooms_keep_messages_for_as_long_as_they_say(place: Chat) -> None:
    ann = await place.person("ann")
    short, forever = await place.room(ann, "Short"), await place.room(ann, "Forever")
    await place.rooms.do(ann, short, e.Change(keep=30))
    for room in (short, forever):
        await place.say("ann", room, "the secret")
    retention = Retention(place.rooms)
    in_days(place, 29)
    assert await retention.look() == 0
    in_days(place, 2)
    hearing = await place.connect("ann", short)
    assert await retention.look() == 1
    assert (await hearing.next(channel(short))).data["type"] == "expired"
    assert list((await place.fold("ann", short)).messages) == []
    assert len((await place.fold("ann", forever)).messages) == 1
    kept = await place.hub.history(channel(short))
    assert "the secret" not in repr([one.value for one in kept.publications])
    assert await retention.look() == 0, "once"


async def test_many_messages_go_a_few_at_a_time(place: Chat) -> None:
    ann = await place.person("ann")
    room = await place.room(ann)
    await place.rooms.do(ann, room, e.Change(keep=1))
    for number in range(AT_ONCE + 5):
        await place.say("ann", room, str(number))
    in_days(place, 2)
    assert await Retention(place.rooms).look() == AT_ONCE + 5
    events = [one.value["type"] for one in (await place.hub.history(channel(room))).publications]
    assert events[-2:] == ["expired", "expired"]
    assert not (await place.rooms.open(ann, room)).messages
