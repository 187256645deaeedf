"""Drafts on their way into the log: gathered, stored together, delivered in order, then told."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from tests.support.stores import ControlledStore

from hubbub.engine import journal as module
from hubbub.engine.journal import Journal
from hubbub.errors import Refused, Unavailable
from hubbub.model import Appended, Draft, Fate, Publication
from hubbub.testing import settle, until


class Listening:
    """Stands for a room."""

    def __init__(self, told: list[Any]) -> None:
        self._told = told

    def hear(self, epoch: str, publications: list[Publication]) -> None:
        self._told += [one.offset for one in publications]


class Desk:
    """A journal, and everything that came of it, in the order in which it did."""

    def __init__(self, limit: int = 1_000_000) -> None:
        self.store = ControlledStore()
        self.told: list[Any] = []
        self.written: list[set[str]] = []
        self.failures: list[str] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.room = Listening(self.told)
        live: Any = {"a": self.room}
        self.journal = Journal(
            self.store,
            live,
            self._start,
            limit,
            lambda room, epoch, erased: self.told.append((room, erased)),
            self.written.append,
            lambda error: self.failures.append(str(error)),
        )

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)

    def put(self, *values: int, room: str = "a", size: int = 0, key: str = "") -> None:
        for value in values:
            data = b"%d" % value + b" " * size
            self.journal.put(room, Draft(data, key=key), self._done, value)

    def _done(self, id: int, draft: Draft, outcome: Appended | Unavailable) -> None:
        if isinstance(outcome, Unavailable):
            self.told.append(f"{id} failed")
        else:
            self.told.append(f"{id} {outcome.fate.value} at {outcome.position.offset}")

    async def end(self) -> None:
        await asyncio.gather(*self.tasks)


async def test_what_is_stored_is_delivered_and_only_then_acknowledged() -> None:
    desk = Desk()
    desk.store.hold()
    desk.put(1, 2)
    await settle()
    assert desk.told == []
    desk.store.release()
    await desk.end()
    assert desk.told == [1, 2, "1 stored at 1", "2 stored at 2"]
    assert desk.written == [{"a"}]
    assert (desk.journal.batches, desk.journal.stored) == (1, 2)


async def test_while_one_batch_is_stored_the_next_one_gathers() -> None:
    desk = Desk()
    desk.store.hold()
    desk.put(1)
    await settle()
    desk.put(2, 3)
    desk.put(4, room="b")
    assert len(desk.journal) == 3
    desk.store.release()
    await desk.end()
    assert desk.store.appends == [1, 3]
    assert desk.told == [
        *(1, "1 stored at 1"),
        *(2, 3, "2 stored at 2", "3 stored at 3", "4 stored at 1"),
    ]


async def test_a_batch_is_bounded_in_number_and_in_bytes() -> None:
    desk = Desk(limit=100_000_000)
    desk.put(*range(module.BATCH + 5))
    await desk.end()
    assert desk.store.appends == [module.BATCH, 5]
    desk.put(1, 2, 3, size=module.BATCH_BYTES // 2)
    await desk.end()
    assert desk.store.appends[2:] == [2, 1]


async def test_past_its_limit_it_takes_no_more_until_it_has_caught_up() -> None:
    desk = Desk(limit=3 * (module.OVERHEAD + 1))
    desk.store.hold()
    desk.put(1)
    await settle()
    desk.put(2, 3, 4, 5)
    assert desk.told == ["5 failed"], "one is being stored, three wait"
    desk.store.release()
    await desk.end()
    desk.put(6)
    await desk.end()
    assert desk.told[-1] == "6 stored at 5"


async def test_a_batch_that_is_not_stored_is_not_delivered_and_the_next_one_is() -> None:
    desk = Desk()
    desk.store.failing = Unavailable("the disk is full")
    desk.put(1, 2)
    await desk.end()
    assert desk.told == ["1 failed", "2 failed"]
    assert desk.failures == ["the disk is full"]
    assert desk.written == []
    desk.store.failing = None
    desk.put(3)
    await desk.end()
    assert desk.told[2:] == [1, "3 stored at 1"]


async def test_a_repeated_draft_is_acknowledged_and_not_delivered_again() -> None:
    desk = Desk()
    desk.put(7, key="k")
    await desk.end()
    desk.put(7, key="k")
    desk.put(8, key="k")
    await desk.end()
    assert desk.told == [
        *(1, "7 stored at 1"),
        *(f"7 {Fate.REPEATED.value} at 1", f"8 {Fate.CONFLICT.value} at 1"),
    ]


async def test_what_a_projection_made_of_a_draft_is_what_is_delivered() -> None:
    desk = Desk()
    heard: list[Publication] = []
    desk.room.hear = lambda epoch, publications: heard.extend(publications)  # type: ignore[method-assign]
    desk.store.take = lambda room, draft: draft._replace(data=b'"made"', tags={"by": "us"})
    desk.put(1)
    await desk.end()
    assert desk.told == ["1 stored at 1"]
    assert [(one.data, one.tags, one.offset) for one in heard] == [(b'"made"', {"by": "us"}, 1)]


async def test_whoever_is_told_is_told_of_the_draft_that_was_given() -> None:
    desk, told = Desk(), list[Draft]()
    desk.store.take = lambda room, draft: draft._replace(data=b"2" * 100)
    given = Draft(b"1")
    desk.journal.put("a", given, lambda id, draft, outcome: told.append(draft))
    await desk.end()
    assert told == [given], "its bytes are what was counted"


async def test_one_that_a_projection_refuses_is_not_delivered_and_the_next_has_its_offset() -> None:
    desk = Desk()

    def take(room: str, draft: Draft) -> Draft:
        if draft.data == b"2":
            raise Refused("not two", 402)
        return draft

    desk.store.take = take
    outcomes: list[Appended | Unavailable] = []
    desk.put(1)
    desk.journal.put("a", Draft(b"2"), lambda id, draft, outcome: outcomes.append(outcome))
    desk.put(3)
    await desk.end()
    assert desk.told == [1, 2, "1 stored at 1", "3 stored at 2"]
    (appended,) = outcomes
    assert isinstance(appended, Appended) and appended.refused is not None
    assert (appended.fate, appended.refused.code) == (Fate.REFUSED, 402)
    assert desk.journal.stored == 2


async def test_what_is_erased_is_told_of_before_whatever_erased_it_is_delivered() -> None:
    desk = Desk()
    desk.put(1, 2)
    await desk.end()
    desk.told.clear()
    desk.journal.put("a", Draft(b"3", erase=[(1, b"0"), (3, b"0"), (9, b"0")]), desk._done, 3)
    desk.journal.put("b", Draft(b"4", erase=[(1, b"0")]), desk._done, 4)
    await desk.end()
    assert desk.told == [("a", {1: b"0"}), ("b", {}), 3, "3 stored at 3", "4 stored at 1"]


async def test_what_is_erased_in_its_own_batch_is_never_delivered() -> None:
    desk = Desk()
    heard: list[Publication] = []
    desk.room.hear = lambda epoch, publications: heard.extend(publications)  # type: ignore[method-assign]
    for draft in (Draft(b"1"), Draft(b"2"), Draft(b"3", erase=[(1, b"0"), (3, b"0"), (4, b"0")])):
        desk.journal.put("a", draft, desk._done)
    desk.journal.put("a", Draft(b"4"), desk._done)
    await desk.end()
    assert [one.data for one in heard] == [b"0", b"2", b"3", b"4"]


async def test_what_takes_the_place_of_the_erased_counts_as_waiting_too() -> None:
    desk = Desk(limit=1_000)
    desk.store.hold()
    desk.put(1)
    await settle()
    desk.journal.put("a", Draft(b"2", erase=[(1, b"0" * 900)]), desk._done, 2)
    assert desk.told == ["2 failed"]
    desk.store.release()
    await desk.end()


async def test_a_store_that_breaks_its_laws_leaves_nobody_waiting() -> None:
    desk = Desk()

    async def append(drafts: Any) -> Any:
        raise ValueError("not in the contract")

    desk.store.append = append  # type: ignore[method-assign]
    desk.put(1)
    await desk.end()
    assert desk.told == ["1 failed"]


async def test_one_who_cannot_be_told_keeps_the_others_from_nothing() -> None:
    desk = Desk()

    def raising(id: int, draft: Draft, outcome: object) -> None:
        raise RuntimeError("gone")

    desk.journal.put("a", Draft(b"0"), raising)
    desk.put(1)
    await desk.end()
    assert desk.told == [1, 2, "1 stored at 2"]


async def test_one_that_is_stopped_leaves_nobody_waiting() -> None:
    desk = Desk()
    desk.store.hold()
    desk.put(1)
    await settle()
    desk.put(2)
    (task,) = desk.tasks
    task.cancel()
    await settle()
    assert desk.told == ["1 failed", "2 failed"]


async def test_what_comes_while_the_last_batch_is_told_is_stored_too() -> None:
    desk = Desk()

    def again(id: int, draft: Draft, outcome: object) -> None:
        desk.put(2)

    desk.journal.put("a", Draft(b"1"), again)
    await until(lambda: "2 stored at 2" in desk.told)
    await desk.end()
