import asyncio

import pytest

from hubbub.engine.inbox import OVERHEAD, Inbox
from hubbub.errors import HubbubError
from hubbub.testing import RecordingSink, settle


def inbox(limit: int = 1000) -> tuple[Inbox, RecordingSink]:
    sink = RecordingSink()
    return Inbox(sink, limit), sink


async def test_messages_come_out_in_order_over_batches() -> None:
    box, _ = inbox()
    box.put(["1", b"2"])
    box.put(["3"])
    box.end()
    assert [await box.get() for _ in range(5)] == ["1", b"2", "3", None, None]


async def test_empty_messages_are_messages() -> None:
    box, _ = inbox()
    box.put(["", b""])
    box.end()
    assert [await box.get() for _ in range(3)] == ["", b"", None]


async def test_a_reader_waits_and_is_woken_once_for_a_batch() -> None:
    box, _ = inbox()
    reader = asyncio.create_task(box.get())
    await settle()
    assert not reader.done()
    box.put(["1"])
    box.put(["2"])
    assert await reader == "1"
    assert await box.get() == "2"


async def test_the_end_wakes_a_reader() -> None:
    box, _ = inbox()
    reader = asyncio.create_task(box.get())
    await settle()
    box.end()
    box.end()
    assert await reader is None


async def test_a_cancelled_reader_has_taken_nothing() -> None:
    box, _ = inbox()
    reader = asyncio.create_task(box.get())
    await settle()
    reader.cancel()
    await asyncio.wait([reader])
    box.put(["1"])
    assert await box.get() == "1"


async def test_a_cancelled_wait_whose_message_came_loses_nothing() -> None:
    box, _ = inbox()
    reader = asyncio.create_task(box.get())
    await settle()
    box.put(["1"])
    reader.cancel()
    await asyncio.wait([reader])
    assert await box.get() == "1"


async def test_two_readers_are_refused() -> None:
    box, _ = inbox()
    reader = asyncio.create_task(box.get())
    await settle()
    with pytest.raises(HubbubError, match="two tasks"):
        await box.get()
    reader.cancel()


async def test_reading_stops_when_too_much_is_unread_and_goes_on_when_it_was_begun() -> None:
    box, sink = inbox(limit=1000)
    box.put(["x" * 500])
    assert sink.reading
    box.put(["y" * 500])
    assert not sink.reading
    box.put(["z"])
    assert await box.get() == "x" * 500
    assert not sink.reading
    assert await box.get() == "y" * 500
    assert await box.get() == "z"
    assert sink.reading


async def test_many_empty_messages_are_not_free() -> None:
    box, sink = inbox(limit=1000)
    box.put([""] * (1000 // OVERHEAD + 1))
    assert not sink.reading


async def test_draining_gives_the_rest_and_reads_on() -> None:
    box, sink = inbox(limit=10)
    box.put(["1", "2"])
    box.put(["3"])
    assert await box.get() == "1"
    assert box.drain() == ["2", "3"]
    assert sink.reading
    assert box.drain() == []
