"""A log that is opened several times, at once and one after the other."""

from __future__ import annotations

import asyncio

from hubbub.contracts import Store
from hubbub.model import ClientInfo, Draft, Fate
from hubbub.testing.store_laws.common import MUCH, Opening, Time, numbered, values_of, who_of


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


LAWS = (
    what_one_left_is_there_for_the_next,
    several_may_append_to_one_log,
)
