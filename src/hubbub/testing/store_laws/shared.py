"""A log that is opened several times, at once and one after the other."""

from __future__ import annotations

import asyncio

from hubbub.contracts import Store
from hubbub.model import EVERYONE, ClientInfo, Draft, Fate, Unread
from hubbub.testing.store_laws.common import MUCH, Opening, Time, numbered, values_of, who_of
from hubbub.testing.store_laws.unread import ANN, said


async def what_one_left_is_there_for_the_next(opening: Opening, time: Time) -> None:
    draft = Draft(b'"kept"', {"a": "b"}, "k", info=ClientInfo("ann", "1", b"{}"), version=3)
    async with opening() as store:
        (never,) = await store.states(["never"])
        made = await store.append([("a", draft), ("a", numbered(1)), ("gone", numbered(1))])
        await store.trim("gone", 2, 0, 10)
        await store.remove("removed")
        states = await store.states(["a", "gone", "never", "removed"])
    time.seconds += 10
    async with opening() as store:
        assert await store.states(["a", "gone", "never", "removed"]) == states, "as it stood"
        page = await store.read("a", 0, 10, MUCH)
        assert [one.data for one in page.publications] == [b'"kept"', b"1"]
        assert who_of(page.publications[0]) == ("ann", "1", b"{}", b"")
        again = await store.append([("a", draft), ("a", draft._replace(key=""))])
        assert again[0] == made[0]._replace(fate=Fate.REPEATED), "keys are kept"
        assert again[1].fate is Fate.OUTDATED, "and so are versions"
        (new,) = await store.append([("gone", numbered(2))])
        assert new.position.offset == 2
        (state,) = await store.states(["never"])
        assert state == never, "a room that nobody published to stays in its epoch"


async def several_may_append_to_one_log(opening: Opening, time: Time) -> None:
    async with opening() as one, opening() as two:
        assert await one.states(["never"]) == await two.states(["never"]), "in one epoch"

        async def append(store: Store, name: int) -> None:
            for number in range(30):
                value = name * 100 + number
                drafts = [("a", numbered(value)), ("a", Draft(b"-1", key=f"only {number}"))]
                made = await store.append(drafts)
                assert made[0].fate is Fate.STORED
                assert made[1].fate in {Fate.STORED, Fate.REPEATED}

        stores = (one, two, one, two)
        await asyncio.gather(*[append(store, name) for name, store in enumerate(stores)])
        values = await values_of(one, "a")
        assert values == await values_of(two, "a"), "both see all of it"
        assert values.count(-1) == 30, "a key is good for once, whoever was given it"
        assert len(values) == 150, "offsets have no hole"
        for name in range(4):
            own = [value for value in values if value // 100 == name and value >= 0]
            assert own == [name * 100 + number for number in range(30)]

        await two.trim("a", 100, 0, 1_000)
        assert (await one.states(["a"]))[0].first == 100, "one sees what the other trimmed"
        await two.remove("a")
        (made,) = await one.append([("a", Draft(b"1", key="only 0"))])
        assert (made.position.offset, made.fate) == (1, Fate.STORED), "and what it removed"
        assert await two.states(["a"]) == await one.states(["a"])


async def what_is_read_and_erased_is_so_for_all(opening: Opening, time: Time) -> None:
    async with opening() as one, opening() as two:
        await one.append([("a", said(ANN, "bob")), ("a", said(ANN, EVERYONE)), ("a", numbered(3))])
        assert await two.unread("bob", ["a"], 10) == [Unread("a", 0, 2, 2, 3)]
        assert await two.mark("a", "bob", 1) == 1
        assert await one.unread("bob", ["a"], 10) == [Unread("a", 1, 1, 1, 3)]
        assert await one.mark("a", "bob", 0) == 1, "a marker goes back nowhere"

        async def append(store: Store, name: int) -> None:
            for number in range(20):
                (made,) = await store.append([("a", said(ANN, EVERYONE))])
                offset = made.position.offset
                await store.append([("a", Draft(b"0", erase=[(offset, b"0")]))])
                await store.mark("b", f"{number}", name)

        await asyncio.gather(*[append(store, name) for name, store in enumerate((one, two) * 2)])
        left = [Unread("a", 1, 1, 1, 163)]
        assert await two.unread("bob", ["a"], 10) == left, "nothing is left of it"
        assert await values_of(one, "a") == [1, 1, 3] + [0] * 160
        await asyncio.gather(
            *[(one, two)[turn % 2].mark("a", f"{turn % 7}", turn) for turn in range(140)]
        )
        for number in range(7):
            assert await one.mark("a", f"{number}", 0) == 133 + number, "the furthest counts"
    async with opening() as store:
        assert await store.unread("bob", ["a"], 10) == left, "and later"
        assert await store.mark("a", "3", 1) == 136


LAWS = (
    what_one_left_is_there_for_the_next,
    several_may_append_to_one_log,
    what_is_read_and_erased_is_so_for_all,
)
