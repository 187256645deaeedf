"""What the log in memory forgets by itself."""

import pytest

from hubbub.errors import ConfigurationError
from hubbub.model import Draft, Fate
from hubbub.stores.memory import MemoryStore


class Time:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


async def offsets(store: MemoryStore, room: str) -> list[int]:
    return [one.offset for one in (await store.read(room, 0, 100, 10_000)).publications]


async def test_a_room_keeps_so_many() -> None:
    store = MemoryStore(count=3)
    await store.append([("a", Draft(b"1"))] * 5 + [("b", Draft(b"1"))])
    assert await offsets(store, "a") == [3, 4, 5]
    assert await offsets(store, "b") == [1]
    (state,) = await store.states(["a"])
    assert (state.first, state.position.offset) == (3, 5)


async def test_what_is_too_old_is_gone_when_somebody_looks() -> None:
    time = Time()
    store = MemoryStore(age=60, now=time)
    await store.append([("a", Draft(b"1"))] * 2)
    time.now += 30
    await store.append([("a", Draft(b"1"))])
    time.now += 30
    assert await offsets(store, "a") == [1, 2, 3], "as old as it may be"
    time.now += 1
    (state,) = await store.states(["a"])
    assert (state.first, state.position.offset) == (3, 3)
    assert await offsets(store, "a") == [3]


async def test_a_sweep_drops_what_nobody_looks_at() -> None:
    time = Time()
    store = MemoryStore(window=10, age=60, now=time)
    await store.append([(room, Draft(b"1", key="k")) for room in "abc"])
    time.now += 61
    assert [await store.sweep(4), await store.sweep(4), await store.sweep(4)] == [4, 2, 0]
    (made,) = await store.append([("a", Draft(b"1", key="k"))])
    assert (made.position.offset, made.fate) == (2, Fate.STORED)


async def test_what_is_dropped_is_not_unread() -> None:
    time = Time()
    store = MemoryStore(count=3, age=60, now=time)
    one = Draft(b"1", unread=True, mentions=["ann"])
    await store.append([("a", one)] * 5)
    assert await store.unread("ann", ["a"], 10) == [("a", 0, 3, 3, 5)]
    time.now += 61
    assert await store.unread("ann", ["a"], 10) == [("a", 0, 0, 0, 5)]


def test_it_has_no_tables() -> None:
    with pytest.raises(ConfigurationError, match="use sqlite:///hubbub.db, or postgresql://"):
        MemoryStore().tables()


async def test_what_is_read_can_be_changed_and_the_log_stays() -> None:
    store = MemoryStore()
    await store.append([("a", Draft(b"1"))])
    (read,) = (await store.read("a", 0, 1, 100)).publications
    read.offset, read.json = 9, b"a codec's"
    (again,) = (await store.read("a", 0, 1, 100)).publications
    assert (again.offset, again.json) == (1, b"")


async def test_a_key_that_was_used_anew_is_not_in_the_way_of_older_ones() -> None:
    time = Time()
    store = MemoryStore(window=10, now=time)
    await store.append([("a", Draft(b"1", key="again"))])
    time.now += 5
    await store.append([("a", Draft(b"1", key="older"))])
    time.now += 6
    await store.append([("a", Draft(b"1", key="again"))])
    time.now += 5
    assert [await store.sweep(1), await store.sweep(1)] == [1, 0]
