"""The laws of `contracts.Store`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import pairwise

from hubbub.contracts import Store
from hubbub.model import ClientInfo, Draft, Fate, Position, Publication

WINDOW = 300.0
"""Seconds for which the keys of a store under test are good."""

MUCH = 1_000_000
"""Bytes that no page of these laws exceeds, unless it is about that."""

Opening = Callable[[], AbstractAsyncContextManager[Store]]


class Time:
    """A time of day that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0

    def __call__(self) -> float:
        return self.seconds

    @property
    def ms(self) -> int:
        return int(self.seconds * 1000)


async def store_laws(
    fresh: Callable[[Callable[[], float]], Opening], *, shared: bool = True
) -> None:
    """Hold a store to the laws of `contracts.Store`.

    `fresh` makes an empty log and returns what opens a store on it, started, with keys that are
    good for `WINDOW` seconds of the time that it is given. Where the log is `shared`, it is
    opened several times, at once and one after the other.
    """
    for law in LAWS:
        time = Time()
        async with fresh(time)() as store:
            await law(store, time)
    if shared:
        for shared_law in SHARED_LAWS:
            time = Time()
            await shared_law(fresh(time), time)


async def offsets_are_given_in_order(store: Store, time: Time) -> None:
    made = await store.append([("a", _draft(0)), ("b", _draft(1)), ("a", _draft(2))])
    assert [one.position.offset for one in made] == [1, 1, 2], "in the order of the drafts"
    assert {one.fate for one in made} == {Fate.STORED}
    (again,) = await store.append([("a", _draft(3))])
    assert again.position == Position(3, made[0].position.epoch), "from 1 on without a hole"
    assert await _values(store, "a") == [0, 2, 3], "every draft in the room it came with"
    assert await _values(store, "b") == [1]
    assert await store.append([]) == [], "no drafts are no trouble"


async def a_batch_may_be_large(store: Store, time: Time) -> None:
    drafts = [(f"room {number % 7}", _draft(number)) for number in range(2_345)]
    made = await store.append(drafts)
    given: dict[str, int] = {}
    for (room, _), one in zip(drafts, made, strict=True):
        given[room] = given.get(room, 0) + 1
        assert one.position.offset == given[room]
    assert await _values(store, "room 3") == list(range(3, 2_345, 7))


async def what_is_stored_comes_back_as_it_was(store: Store, time: Time) -> None:
    texts = [
        b"0",
        b"null",
        b'""',
        b' { "a" :\t1 ,\r\n"b":[ ] } ',
        b"123456789012345678901234567890",
        b"-0.0",
        b"1.0000000000000000000001e-400",
        b'{"a":1,"a":2}',
        b'"\\u0000\\u001f\\u2028\\ud800 \\/ \\" \\\\ \\n"',
        '"é \u2028 \U0001f469‍\U0001f680 \U0010ffff \x7f"'.encode(),
        b'"\\\\\\"\\\\"',
        b'"\'; DROP TABLE x --"',
        b'"' + b"x" * 1_000_000 + b'"',
    ]
    who = ClientInfo("ann \U0001f469", "7c5b", b'{"name": "\\u0000 \xc3\xa9"}', b'[1,  "\\"2"]')
    nobody = ClientInfo("", "")
    tags = {"z": "1", "a": '"', "é \U0001f469": "", "": "\n"}
    drafts = [Draft(text) for text in texts]
    drafts += [Draft(b"1", tags=tags), Draft(b"2", info=who), Draft(b"3", info=nobody, tags={})]
    await store.append([("room \U0001f469 '%_", draft) for draft in drafts])
    page = await store.read("room \U0001f469 '%_", 0, 100, 10 * MUCH)
    assert [one.data for one in page.publications] == [one.data for one in drafts], "byte by byte"
    *_, tagged, told, empty = page.publications
    assert tagged.tags == tags, "tags come back"
    assert tagged.info is None, "nobody is nobody"
    assert told.tags is None
    assert _who(told) == _who_is(who), "who it was comes back, with all that is known of them"
    assert _who(empty) == _who_is(nobody), "a user without a name is not nobody"
    assert not empty.tags, "no tags are no tags"
    assert [one.offset for one in page.publications] == list(range(1, len(drafts) + 1))
    assert {one.at for one in page.publications} == {time.ms}, "when it was stored, in ms"


async def pages_are_read_both_ways(store: Store, time: Time) -> None:
    await store.append([("a", _draft(number)) for number in range(1, 11)])

    async def offsets(offset: int, limit: int = 100, size: int = MUCH, back: bool = False) -> str:
        page = await store.read("a", offset, limit, size, backwards=back)
        assert page.position.offset == 10, "the position is where the log stands"
        for one in page.publications:
            assert one.data == str(one.offset).encode()
        return " ".join(str(one.offset) for one in page.publications)

    assert await offsets(0) == "1 2 3 4 5 6 7 8 9 10", "everything after 0"
    assert await offsets(4, 3) == "5 6 7", "at most `limit` after the offset, ascending"
    assert await offsets(9) == "10"
    for behind in (10, 11, 2**63 - 1, 2**64):
        assert await offsets(behind) == "", "there is nothing behind the end"
    assert await offsets(11, back=True) == "10 9 8 7 6 5 4 3 2 1", "backwards, before the offset"
    assert await offsets(7, 3, back=True) == "6 5 4", "descending"
    assert await offsets(2, back=True) == "1"
    for before in (0, 1):
        assert await offsets(before, back=True) == "", "there is nothing before the start"
    for behind in (12, 2**63 - 1, 2**64):
        assert await offsets(behind, 2, back=True) == "10 9", "behind the end is at the end"
    assert await offsets(3, 0) == "", "a limit of 0 asks for the position"
    assert await offsets(3, 0, back=True) == ""
    assert await offsets(0, 100, 5) == "1 2 3 4 5", "a page ends before it exceeds its size"
    assert await offsets(7, 100, 3) == "8 9", "a publication counts with all of its bytes"
    assert await offsets(7, 100, 4) == "8 9 10"
    assert await offsets(11, 100, 3, back=True) == "10 9"
    for size in (0, 1):
        assert await offsets(9, 100, size) == "10", "a page holds one if there is one"
        assert await offsets(11, 100, size, back=True) == "10"
    empty = await store.read("never", 0, 10, MUCH)
    assert empty.publications == []
    assert empty.position.offset == 0, "a room that nobody published to is empty at 0"

    wide = '"\U0001f469\U0001f469"'.encode()
    await store.append([("wide", Draft(wide))] * 3)
    for backwards, offset in ((False, 0), (True, 4)):
        for size, fit in ((2 * len(wide), 2), (2 * len(wide) - 1, 1)):
            page = await store.read("wide", offset, 10, size, backwards=backwards)
            assert len(page.publications) == fit, "a size is in bytes, and not in characters"


async def states_tell_how_logs_stand(store: Store, time: Time) -> None:
    (never,) = await store.states(["a"])
    assert (never.room, never.position.offset, never.first, never.touched) == ("a", 0, 1, 0)
    assert never.position.epoch, "a room that nobody published to has an epoch"
    (made,) = await store.append([("a", _draft(0))])
    assert made.position == Position(1, never.position.epoch), "which its first publication keeps"
    time.seconds += 1
    await store.append([("b", _draft(0)), ("b", _draft(1))])
    await store.trim("b", 3, 0, 10)
    a, never, b, again = await store.states(["a", "never", "b", "a"])
    assert a == again, "in the order that was asked for"
    assert (a.room, a.position, a.first, a.touched) == ("a", made.position, 1, time.ms - 1000)
    assert (never.room, never.position.offset, never.first, never.touched) == ("never", 0, 1, 0)
    assert (b.room, b.position.offset, b.first, b.touched) == ("b", 2, 3, time.ms)
    assert await store.states([]) == []
    page = await store.read("b", 0, 10, MUCH)
    assert page.position == b.position


async def rooms_are_listed_by_code_point(store: Store, time: Time) -> None:
    assert await store.rooms("", 10) == []
    names = sorted(["B", "a", "b", "a b", "a:1", "a-1", "é", "z", "\uff5e", "\U0001f469", "ab"])
    await store.append([(room, _draft(0)) for room in reversed(names)])
    await store.states(["asked for"])
    await store.read("read", 0, 10, MUCH)
    listed = await store.rooms("", 100)
    assert [one.room for one in listed] == names, "by code point, those that were published to"
    assert listed == await store.states(names), "as they stand"
    seen: list[str] = []
    while page := await store.rooms(seen[-1] if seen else "", 3):
        assert len(page) <= 3
        seen += [one.room for one in page]
    assert seen == names, "page by page, each begins behind the last"
    assert [one.room for one in await store.rooms("a", 2)] == ["a b", "a-1"]
    await store.trim("B", 2, 0, 10)
    assert (await store.rooms("", 1))[0].room == "B", "a room that is trimmed empty is still one"
    await store.remove("a")
    names.remove("a")
    assert [one.room for one in await store.rooms("", 100)] == names, "a removed one is not"


async def the_oldest_can_be_trimmed(store: Store, time: Time) -> None:
    began = time.ms
    for number in range(1, 11):
        await store.append([("a", _draft(number))])
        time.seconds += 1
    (before,) = await store.states(["a"])
    assert await store.trim("a", 4, 0, 2) == 2, "at most so many in a step"
    assert await store.trim("a", 4, 0, 2) == 1, "fewer than asked for when that is all"
    assert await store.trim("a", 4, 0, 2) == 0
    assert await _values(store, "a") == list(range(4, 11))
    (after,) = await store.states(["a"])
    assert after == before._replace(first=4), "the position stays, and so does the time"
    page = await store.read("a", 1, 2, MUCH)
    assert _offsets(page.publications) == [4, 5], "reading goes on with the next that is there"
    page = await store.read("a", 3, 9, MUCH, backwards=True)
    assert page.publications == [], "before the first one is nothing"

    assert await store.trim("a", 0, began + 6_000, 2) == 2, "those before a time, by steps too"
    assert await store.trim("a", 0, began + 6_000, 10) == 1
    assert await _values(store, "a") == [7, 8, 9, 10], "not the one of that very time"
    assert await store.trim("a", 8, began + 7_000, 10) == 1, "by both"
    assert await store.trim("a", 0, began + 8_000, 10) == 1
    assert await store.trim("a", 10, began + 8_000, 1) == 1
    assert await _values(store, "a") == [10]
    assert await store.trim("a", 1_000, 0, 10) == 1, "behind the end is the end"
    (empty,) = await store.states(["a"])
    assert (empty.position, empty.first) == (before.position, 11), "first is behind the top"
    assert (await store.read("a", 0, 10, MUCH)).publications == []
    assert (await store.read("a", 99, 10, MUCH, backwards=True)).publications == []
    assert await store.trim("a", 1_000, time.ms, 10) == 0
    (made,) = await store.append([("a", _draft(11))])
    assert made.position.offset == 11, "offsets go on"
    assert await _values(store, "a") == [11]
    assert await store.trim("never", 10, time.ms, 10) == 0


async def a_removed_log_begins_anew(store: Store, time: Time) -> None:
    draft = Draft(b"1", key="k", version=7)
    (made,) = await store.append([("a", draft)])
    await store.append([("a", _draft(number)) for number in range(9)] + [("b", _draft(0))])
    epochs = {made.position.epoch}
    for _ in range(3):
        await store.remove("a")
        (state,) = await store.states(["a"])
        assert (state.position.offset, state.first, state.touched) == (0, 1, 0), "empty at 0"
        assert state.position.epoch not in epochs, "in another epoch"
        epochs.add(state.position.epoch)
        page = await store.read("a", 0, 10, MUCH)
        assert page.publications == [], "nothing of it is seen"
        assert page.position == state.position
        (again,) = await store.append([("a", draft)])
        assert again.fate is Fate.STORED, "its keys and its version are forgotten"
        assert again.position == Position(1, state.position.epoch), "its offsets begin at 1"
    assert await _values(store, "a") == [1]
    while True:
        swept = await store.sweep(3)
        assert 0 <= swept <= 3, "a sweep purges at most so many"
        if swept < 3:
            break
    assert await store.sweep(3) == 0, "fewer than asked for means that nothing is left"
    assert await _values(store, "a") == [1], "a sweep purges what nobody can see"
    assert await _values(store, "b") == [0], "other rooms are none of it"
    (kept,) = await store.append([("a", draft)])
    assert kept.fate is Fate.REPEATED, "keys within the window stay"
    await store.remove("never")
    (state,) = await store.states(["never"])
    assert state.position.offset == 0
    assert [one.room for one in await store.rooms("", 10)] == ["a", "b"]


async def a_key_is_good_for_once(store: Store, time: Time) -> None:
    ann, bob = ClientInfo("ann", "1"), ClientInfo("bob", "2")
    draft = Draft(b'{"a":1}', {"x": "1", "y": "2"}, "k", info=ann)
    first, same, other, no_key = await store.append(
        [
            ("a", draft),
            ("a", draft._replace(info=ClientInfo("ann", "another client"))),
            ("a", draft._replace(data=b'{"a":2}')),
            ("a", draft._replace(key="")),
        ]
    )
    assert (first.position.offset, first.fate) == (1, Fate.STORED)
    assert same == first._replace(fate=Fate.REPEATED), "in one call too, where the first one is"
    assert other.fate is Fate.CONFLICT, "for other data"
    assert (no_key.position.offset, no_key.fate) == (2, Fate.STORED), "no key is no key"
    time.seconds += WINDOW - 1
    (again,) = await store.append([("a", draft._replace(tags={"y": "2", "x": "1"}))])
    assert again == same, "in another call, in whichever order the tags are"
    (again,) = await store.append([("a", draft._replace(tags={"x": "1"}))])
    assert again.fate is Fate.CONFLICT, "for other tags"
    (again,) = await store.append([("a", draft._replace(data=b'{"a": 1}'))])
    assert again.fate is Fate.CONFLICT, "the same data is the same bytes"
    for room, changed in [
        ("b", draft),
        ("a", draft._replace(info=bob)),
        ("a", draft._replace(info=None)),
        ("a", draft._replace(key="K")),
        ("a", draft._replace(key="k ")),
    ]:
        made, repeated = await store.append([(room, changed), (room, changed)])
        assert made.fate is Fate.STORED, "another room, user or key has nothing to do with it"
        assert repeated.fate is Fate.REPEATED
    (unnamed,) = await store.append([("a", draft._replace(info=ClientInfo("", "3")))])
    assert unnamed.fate is Fate.REPEATED, "a user without a name is as nobody"
    assert (await store.states(["a"]))[0].position.offset == 6, "nothing else was stored"
    time.seconds += 2
    (late,) = await store.append([("a", draft._replace(data=b"9"))])
    assert (late.fate, late.position.offset) == (Fate.STORED, 7), "past the window it is new"
    (late,) = await store.append([("a", draft._replace(data=b"9"))])
    assert (late.fate, late.position.offset) == (Fate.REPEATED, 7), "and good for once again"

    odd = [
        "\0",
        "a",
        "a\0b",
        "a\0c",
        "'",
        '"',
        "%",
        "\\",
        "\U0001f469",
        "x" * 255,
        "\n",
        "é",
        "e\u0301",
    ]
    drafts = [("odd", Draft(b"1", key=key, info=ClientInfo(key, ""))) for key in odd]
    stored = await store.append(drafts)
    assert {one.fate for one in stored} == {Fate.STORED}
    known = [one._replace(fate=Fate.REPEATED) for one in stored]
    assert await store.append(drafts) == known, "whatever is in it"
    drafts = [("odd", Draft(b"1", key="same", info=ClientInfo(user, ""))) for user in odd]
    assert {one.fate for one in await store.append(drafts)} == {Fate.STORED}


async def keys_past_the_window_are_swept(store: Store, time: Time) -> None:
    await store.append([("a", Draft(b"1", key=str(number))) for number in range(5)])
    time.seconds += WINDOW - 1
    await store.append([("a", Draft(b"1", key=f"late {number}")) for number in range(5)])
    assert await store.sweep(100) == 0, "those within it are not"
    time.seconds += 2
    assert await store.sweep(3) == 3, "at most so many in a step"
    assert await store.sweep(3) == 2
    assert await store.sweep(3) == 0
    (made,) = await store.append([("a", Draft(b"1", key="late 4"))])
    assert made.fate is Fate.REPEATED
    assert len(await _values(store, "a")) == 10, "publications stay"


async def versions_only_rise(store: Store, time: Time) -> None:
    def draft(version: int, epoch: str = "", key: str = "") -> Draft:
        return Draft(str(version).encode(), key=key, version=version, version_epoch=epoch)

    async def fate(version: int, epoch: str = "", key: str = "", room: str = "a") -> Fate:
        (made,) = await store.append([(room, draft(version, epoch, key))])
        (state,) = await store.states([room])
        if made.fate is Fate.OUTDATED:
            assert made.position == state.position, "the position of an outdated one is the top"
        return made.fate

    made = await store.append([("a", draft(number)) for number in (5, 5, 4, 6, 0, 6)])
    stored, outdated = Fate.STORED, Fate.OUTDATED
    fates = [stored, outdated, outdated, stored, stored, outdated]
    assert [one.fate for one in made] == fates, "within one call too"
    assert [one.position.offset for one in made] == [1, 1, 1, 2, 3, 3]
    assert await fate(6) is outdated, "as high"
    assert await fate(0) is stored, "without a version it is never outdated"
    assert await fate(6) is outdated, "nor does one without change what comes after it"
    assert await fate(1, room="b") is stored, "each room has its own"
    assert await fate(1, "e") is stored, "another version epoch begins anew"
    assert await fate(1, "e") is outdated
    assert await fate(7) is stored, "and so does the one before"
    assert await fate(7, key="k") is outdated
    assert await fate(8, key="k") is stored, "an outdated one leaves no key behind"
    assert await fate(8, key="k") is Fate.REPEATED, "the key is looked at first"
    assert await fate(9, key="k") is Fate.CONFLICT
    assert await fate(9) is stored, "a conflict leaves no version behind"
    assert await fate(2**64 - 1, "large") is stored
    assert await fate(2**64 - 1, "large") is outdated
    assert await fate(2**62, "large") is outdated


async def a_cancelled_append_is_whole_or_nothing(store: Store, time: Time) -> None:
    for turns in range(12):
        batch = list(range(1_000 + turns * 100, 1_020 + turns * 100))
        task = asyncio.ensure_future(store.append([("a", _draft(number)) for number in batch]))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        (made,) = await store.append([("a", _draft(turns))])
        assert made.fate is Fate.STORED, "nothing stands in the way of what comes later"
        values = await _values(store, "a")
        assert values[made.position.offset - 1] == turns
        found = [value for value in values if value in batch]
        assert found in ([], batch), "carried out whole or not at all"
        if found:
            start = values.index(batch[0])
            assert values[start : start + 20] == batch, "in one piece"


async def appends_may_be_many_at_once(store: Store, time: Time) -> None:
    async def append(name: int) -> None:
        for number in range(20):
            value = name * 100 + number
            made, _ = await store.append([("a", _draft(value)), (f"b{name}", _draft(value))])
            page = await store.read("a", made.position.offset - 1, 1, MUCH)
            (found,) = page.publications
            assert found.data == str(value).encode(), "what was stored is read, where it was stored"
            assert page.position.offset >= made.position.offset

    await asyncio.gather(*[append(name) for name in range(8)])
    values = await _values(store, "a")
    assert len(values) == 160, "offsets have no hole"
    for name in range(8):
        own = [value for value in values if value // 100 == name]
        assert own == [name * 100 + number for number in range(20)], "in the order of giving"
        assert await _values(store, f"b{name}") == own


async def it_can_be_tried_whether_it_can_be_written(store: Store, time: Time) -> None:
    await store.append([("a", _draft(1))])
    before = await store.states(["a"])
    for _ in range(2):
        await store.check()
    assert await store.states(["a"]) == before, "which leaves nothing behind"
    assert await store.sweep(10) == 0


LAWS = (
    offsets_are_given_in_order,
    a_batch_may_be_large,
    what_is_stored_comes_back_as_it_was,
    pages_are_read_both_ways,
    states_tell_how_logs_stand,
    rooms_are_listed_by_code_point,
    the_oldest_can_be_trimmed,
    a_removed_log_begins_anew,
    a_key_is_good_for_once,
    keys_past_the_window_are_swept,
    versions_only_rise,
    a_cancelled_append_is_whole_or_nothing,
    appends_may_be_many_at_once,
    it_can_be_tried_whether_it_can_be_written,
)


async def what_one_left_is_there_for_the_next(opening: Opening, time: Time) -> None:
    draft = Draft(b'"kept"', {"a": "b"}, "k", info=ClientInfo("ann", "1", b"{}"), version=3)
    async with opening() as store:
        (never,) = await store.states(["never"])
        made = await store.append([("a", draft), ("a", _draft(1)), ("gone", _draft(1))])
        await store.trim("gone", 2, 0, 10)
        await store.remove("removed")
        states = await store.states(["a", "gone", "never", "removed"])
    time.seconds += 10
    async with opening() as store:
        assert await store.states(["a", "gone", "never", "removed"]) == states, "as it stood"
        page = await store.read("a", 0, 10, MUCH)
        assert [one.data for one in page.publications] == [b'"kept"', b"1"]
        assert _who(page.publications[0]) == ("ann", "1", b"{}", b"")
        again = await store.append([("a", draft), ("a", draft._replace(key=""))])
        assert again[0] == made[0]._replace(fate=Fate.REPEATED), "keys are kept"
        assert again[1].fate is Fate.OUTDATED, "and so are versions"
        (new,) = await store.append([("gone", _draft(2))])
        assert new.position.offset == 2
        (state,) = await store.states(["never"])
        assert state == never, "a room that nobody published to stays in its epoch"


async def several_may_append_to_one_log(opening: Opening, time: Time) -> None:
    async with opening() as one, opening() as two:
        assert await one.states(["never"]) == await two.states(["never"]), "in one epoch"

        async def append(store: Store, name: int) -> None:
            for number in range(30):
                value = name * 100 + number
                drafts = [("a", _draft(value)), ("a", Draft(b"-1", key=f"only {number}"))]
                made = await store.append(drafts)
                assert made[0].fate is Fate.STORED
                assert made[1].fate in {Fate.STORED, Fate.REPEATED}

        stores = (one, two, one, two)
        await asyncio.gather(*[append(store, name) for name, store in enumerate(stores)])
        values = await _values(one, "a")
        assert values == await _values(two, "a"), "both see all of it"
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


SHARED_LAWS = (what_one_left_is_there_for_the_next, several_may_append_to_one_log)


def _draft(number: int) -> Draft:
    return Draft(str(number).encode())


async def _values(store: Store, room: str) -> list[int]:
    """All that is in the room, read in pages that end where they may."""
    values: list[int] = []
    offset = 0
    while True:
        page = await store.read(room, offset, 1_000, MUCH)
        offsets = [offset, *_offsets(page.publications)]
        assert all(after == before + 1 for before, after in pairwise(offsets[1:])), "without a hole"
        if not page.publications:
            return values
        values += [int(one.data) for one in page.publications]
        offset = offsets[-1]


def _offsets(publications: Sequence[Publication]) -> list[int]:
    return [one.offset for one in publications]


def _who(publication: Publication) -> tuple[str, str, bytes, bytes] | None:
    return None if publication.info is None else _who_is(publication.info)


def _who_is(info: ClientInfo) -> tuple[str, str, bytes, bytes]:
    return info.user, info.client, info.conn_info, info.chan_info
