"""What is stored, in numbers, on both databases."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from tests.support.chat import API, Chat

from hubbub.chat.status import STORAGE_MS, Status


async def test_what_is_stored_is_counted(place: Chat, store: str) -> None:
    ann = await place.person("ann")
    room = await place.room(ann, "Hall")
    async with place.browser("ann") as browser:
        answer = await browser.post(f"{API}/files", content=b"0123456789", params={"name": "ten"})
        await place.say("ann", room, "look", files=[answer.json()["id"]])
        await place.say("ann", room, "again")
    storage = (await Status(place.hub, int).read()).storage
    assert store.startswith(storage.database)
    assert (storage.messages, storage.files, storage.file_bytes) == (2, 1, 10)
    if storage.database == "sqlite":
        path = Path(store.removeprefix("sqlite:///"))
        there = sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*"))
        assert 0 < storage.database_bytes <= there
    else:
        assert storage.database_bytes > 1_000_000


async def test_it_is_counted_again_when_the_numbers_are_old(place: Chat) -> None:
    ann = await place.person("ann")
    room = await place.room(ann, "Hall")
    times = [0, 0]
    status = Status(place.hub, count().__next__, lambda: times[-1])

    async def messages() -> int:
        return (await status.read()).storage.messages

    assert await messages() == 0
    await place.say("ann", room)
    times.append(STORAGE_MS - 1)
    assert await messages() == 0
    times.append(STORAGE_MS)
    assert await messages() == 1
    await place.say("ann", room)
    times.append(1)  # the clock was set back
    assert await messages() == 2
    assert (await status.read()).started_at == 0
