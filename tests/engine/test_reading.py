"""What is read of a log: once for all who ask for the same, and without what was erased."""

import asyncio

import pytest
from tests.support.stores import ControlledStore

from hubbub.engine.reading import Reading
from hubbub.errors import Unavailable
from hubbub.model import Draft, Page
from hubbub.testing import settle

SIZE = 10_000


async def stored(*values: bytes) -> ControlledStore:
    store = ControlledStore()
    await store.append([("a", Draft(value)) for value in values])
    return store


def data(page: Page) -> list[bytes]:
    return [one.data for one in page.publications]


async def test_many_who_ask_for_the_same_are_one_who_asks() -> None:
    store = await stored(b"1", b"2", b"3")
    reading = Reading(store, SIZE)
    same = [reading.page("a", 0, 2, backwards=False, after=1) for _ in range(5)]
    others = [
        reading.page("a", 0, 2, backwards=False, after=2),
        reading.page("a", 4, 2, backwards=True, after=1),
    ]
    pages = await asyncio.gather(*same, *others)
    assert [data(page) for page in pages] == [[b"1", b"2"]] * 6 + [[b"3", b"2"]]
    assert len(store.reads) == 3
    await settle()
    assert len(reading) == 0


async def test_what_is_erased_while_it_is_read_is_erased_in_every_page() -> None:
    store = await stored(b"1", b"2", b"3")
    reading = Reading(store, SIZE)
    store.hold_reads()
    asking = [
        asyncio.ensure_future(one)
        for one in (
            reading.page("a", 0, 9, backwards=False, after=1),
            reading.page("a", 0, 9, backwards=False, after=1),
            reading.read("a", 4, 9, SIZE, backwards=True),
        )
    ]
    await settle()
    epoch = (await store.states(["a"]))[0].position.epoch
    reading.erase("a", epoch, {2: b"0", 7: b"0"})
    reading.erase("a", "another", {1: b"0"})
    reading.erase("b", epoch, {3: b"0"})
    store.release_reads()
    pages = await asyncio.gather(*asking)
    assert [data(page) for page in pages] == [[b"1", b"0", b"3"]] * 2 + [[b"3", b"0", b"1"]]
    assert data(await reading.read("a", 0, 9, SIZE)) == [b"1", b"2", b"3"], "the log's to say"


async def test_what_one_has_encoded_before_it_was_erased_is_forgotten_for_the_next() -> None:
    store = await stored(b"1")
    reading = Reading(store, SIZE)

    async def first() -> bytes:
        page = await reading.page("a", 0, 9, backwards=False, after=1)
        (publication,) = page.publications
        publication.json = b"of what was there"
        reading.erase("a", page.position.epoch, {1: b"0"})
        return publication.json

    async def second() -> tuple[bytes, bytes]:
        page = await reading.page("a", 0, 9, backwards=False, after=1)
        (publication,) = page.publications
        return publication.data, publication.json

    encoded, (left, json) = await asyncio.gather(first(), second())
    assert (encoded, left, json) == (b"of what was there", b"0", b"")
    assert len(store.reads) == 1


async def test_one_that_fails_fails_for_all_and_is_not_kept() -> None:
    store = await stored(b"1")
    reading = Reading(store, SIZE)
    store.reads_fail = True
    asked = [reading.page("a", 0, 9, backwards=False, after=1) for _ in range(2)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in results] == [Unavailable] * 2
    await settle()
    assert len(reading) == 0


async def test_one_who_no_longer_waits_keeps_the_others_from_nothing() -> None:
    store = await stored(b"1")
    reading = Reading(store, SIZE)
    store.hold_reads()
    gone, stays = (
        asyncio.ensure_future(reading.page("a", 0, 9, backwards=False, after=1)) for _ in range(2)
    )
    await settle()
    gone.cancel()
    store.release_reads()
    assert data(await stays) == [b"1"]
    assert gone.cancelled()


async def test_a_stop_ends_what_is_being_read() -> None:
    store = await stored(b"1")
    reading = Reading(store, SIZE)
    store.hold_reads()
    asked = asyncio.ensure_future(reading.page("a", 0, 9, backwards=False, after=1))
    await settle()
    reading.stop()
    with pytest.raises(asyncio.CancelledError):
        await asked
