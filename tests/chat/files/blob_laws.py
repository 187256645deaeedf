"""The laws of `Blobs`, for each implementation of it.

@pytest.mark.parametrize("law", LAWS)
async def test_the_disk_keeps_the(law: Law, tmp_path: Path) -> None:
    await law(DiskBlobs(tmp_path))
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeAlias

import pytest

from hubbub.chat.files.blobs import Blobs, Missing, new_id

Law: TypeAlias = Callable[[Blobs], Awaitable[None]]

BIG = bytes(range(256)) * 4096 * 11 + b"and a bit"
"""More than two parts of an upload, and none of its pieces like the next."""


async def stream(data: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def failing(data: bytes) -> AsyncIterator[bytes]:
    async for piece in stream(data):
        yield piece
    raise KeyError("the client is gone")


async def read(blobs: Blobs, key: str, start: int = 0, stop: int | None = None) -> bytes:
    pieces = []
    async with aclosing(await blobs.open(key, start, stop)) as data:
        async for piece in data:
            assert piece
            pieces.append(piece)
    return b"".join(pieces)


async def listed(blobs: Blobs) -> dict[str, int]:
    return {blob.key: blob.size async for blob in blobs.list()}


async def what_is_put_is_there(blobs: Blobs) -> None:
    for data in (b"", b"a", b"abc" * 30_000, BIG):
        key = new_id()
        assert await blobs.put(key, stream(data)) == len(data)
        assert await read(blobs, key) == data
        assert (await listed(blobs))[key] == len(data)


async def a_part_is_read(blobs: Blobs) -> None:
    key = new_id()
    await blobs.put(key, stream(BIG))
    size = len(BIG)
    for start, stop in ((0, 1), (3, 9), (size - 1, size), (1, size), (0, size), (5, size + 100)):
        assert await read(blobs, key, start, stop) == BIG[start:stop]
    assert await read(blobs, key, 1_000_000) == BIG[1_000_000:]


async def what_is_missing_is_said_to_be(blobs: Blobs) -> None:
    key = new_id()
    with pytest.raises(Missing):
        await blobs.open(key)
    with pytest.raises(Missing):
        await blobs.open(key, 2, 5)
    await blobs.delete(key)
    assert await listed(blobs) == {}


async def what_is_deleted_is_gone(blobs: Blobs) -> None:
    key, other = new_id(), new_id()
    await blobs.put(key, stream(b"one"))
    await blobs.put(f"{key}-preview", stream(b"two"))
    await blobs.put(other, stream(b"three"))
    await blobs.delete(key)
    await blobs.delete(key)
    with pytest.raises(Missing):
        await blobs.open(key)
    assert await listed(blobs) == {f"{key}-preview": 3, other: 5}


async def what_is_put_again_is_other(blobs: Blobs) -> None:
    key = new_id()
    await blobs.put(key, stream(BIG))
    await blobs.put(key, stream(b"less"))
    assert await read(blobs, key) == b"less"


async def a_stream_that_fails_leaves_all_as_it_was(blobs: Blobs) -> None:
    key, other = new_id(), new_id()
    await blobs.put(key, stream(b"before"))
    for data in (b"", b"abc", BIG):
        for name in (key, other):
            with pytest.raises(KeyError):
                await blobs.put(name, failing(data))
    assert await read(blobs, key) == b"before"
    assert await listed(blobs) == {key: 6}


async def a_put_that_is_cancelled_leaves_all_as_it_was(blobs: Blobs) -> None:
    key = new_id()
    for data in (b"abc", BIG):
        waiting = asyncio.Event()

        async def endless(
            data: bytes = data, waiting: asyncio.Event = waiting
        ) -> AsyncIterator[bytes]:
            async for piece in stream(data):
                yield piece
            waiting.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(blobs.put(key, endless()))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await listed(blobs) == {}


async def until_it_is_whole_it_is_not_there(blobs: Blobs) -> None:
    key = new_id()
    seen = []

    async def watched() -> AsyncIterator[bytes]:
        async for piece in stream(BIG, 6_000_000):
            with pytest.raises(Missing):
                await blobs.open(key)
            seen.append(key in await listed(blobs))
            yield piece

    await blobs.put(key, watched())
    assert seen == [False, False]
    assert await read(blobs, key) == BIG


async def puts_at_once_do_not_mix(blobs: Blobs) -> None:
    all = {new_id(): bytes([number]) * 300_000 for number in range(8)}
    await asyncio.gather(*(blobs.put(key, stream(data, 10_000)) for key, data in all.items()))
    assert await asyncio.gather(*(read(blobs, key) for key in all)) == list(all.values())


async def a_reader_may_stop_and_its_blob_be_deleted(blobs: Blobs) -> None:
    key = new_id()
    await blobs.put(key, stream(BIG))
    never = await blobs.open(key)
    await never.aclose()
    once = await blobs.open(key)
    assert BIG.startswith(await anext(once))
    await once.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(once)
    await blobs.delete(key)
    assert await listed(blobs) == {}


async def a_blob_is_as_old_as_it_is(blobs: Blobs) -> None:
    before = time.time() - 60
    key = new_id()
    await blobs.put(key, stream(b"abc"))
    (blob,) = [blob async for blob in blobs.list()]
    assert blob.key == key
    assert before < blob.at < time.time() + 60


async def no_other_key_is_one(blobs: Blobs) -> None:
    for key in ("", "../../etc/passwd", "a/b", f"{new_id()}/..", new_id().upper(), f"{new_id()}\n"):
        with pytest.raises(ValueError, match="no key"):
            await blobs.put(key, stream(b""))
        with pytest.raises(ValueError, match="no key"):
            await blobs.open(key)
        with pytest.raises(ValueError, match="no key"):
            await blobs.delete(key)


LAWS: list[Law] = [
    what_is_put_is_there,
    a_part_is_read,
    what_is_missing_is_said_to_be,
    what_is_deleted_is_gone,
    what_is_put_again_is_other,
    a_stream_that_fails_leaves_all_as_it_was,
    a_put_that_is_cancelled_leaves_all_as_it_was,
    until_it_is_whole_it_is_not_there,
    puts_at_once_do_not_mix,
    a_reader_may_stop_and_its_blob_be_deleted,
    a_blob_is_as_old_as_it_is,
    no_other_key_is_one,
]
