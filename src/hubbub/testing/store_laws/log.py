"""What is appended, read, trimmed and removed."""

from __future__ import annotations

import asyncio

from hubbub.contracts import Store
from hubbub.model import ClientInfo, Draft, Fate, Position
from hubbub.testing.store_laws.common import (
    MUCH,
    Time,
    known_of,
    numbered,
    offsets_of,
    values_of,
    who_of,
)


async def offsets_are_given_in_order(store: Store, time: Time) -> None:
    made = await store.append([("a", numbered(0)), ("b", numbered(1)), ("a", numbered(2))])
    assert [one.position.offset for one in made] == [1, 1, 2], "in the order of the drafts"
    assert {one.fate for one in made} == {Fate.STORED}
    (again,) = await store.append([("a", numbered(3))])
    assert again.position == Position(3, made[0].position.epoch), "from 1 on without a hole"
    assert await values_of(store, "a") == [0, 2, 3], "every draft in the room it came with"
    assert await values_of(store, "b") == [1]
    assert await store.append([]) == [], "no drafts are no trouble"


async def a_batch_may_be_large(store: Store, time: Time) -> None:
    drafts = [(f"room {number % 7}", numbered(number)) for number in range(2_345)]
    made = await store.append(drafts)
    given: dict[str, int] = {}
    for (room, _), one in zip(drafts, made, strict=True):
        given[room] = given.get(room, 0) + 1
        assert one.position.offset == given[room]
    assert await values_of(store, "room 3") == list(range(3, 2_345, 7))


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
    anything = [bytes(range(256)), b"", b"1", b'{"a":\n1}', b"!", b"\xff" * 100_000]
    drafts += [Draft(some, binary=True) for some in anything]
    drafts += [Draft(b"1", tags=tags), Draft(b"2", info=who), Draft(b"3", info=nobody, tags={})]
    await store.append([("room \U0001f469 '%_", draft) for draft in drafts])
    page = await store.read("room \U0001f469 '%_", 0, 100, 10 * MUCH)
    assert [one.data for one in page.publications] == [one.data for one in drafts], "byte by byte"
    assert [one.binary for one in page.publications] == [one.binary for one in drafts]
    counting = [draft._replace(unread=True) for draft in drafts]
    await store.append([("counted", draft) for draft in counting])
    counted = await store.read("counted", 0, 100, 10 * MUCH)
    assert [(one.data, one.binary) for one in counted.publications] == [
        (one.data, one.binary) for one in drafts
    ], "also where it counts as unread"
    *_, tagged, told, empty = page.publications
    assert tagged.tags == tags, "tags come back"
    assert tagged.info is None, "nobody is nobody"
    assert told.tags is None
    assert who_of(told) == known_of(who), "who it was comes back, with all that is known of them"
    assert who_of(empty) == known_of(nobody), "a user without a name is not nobody"
    assert not empty.tags, "no tags are no tags"
    assert [one.offset for one in page.publications] == list(range(1, len(drafts) + 1))
    assert {one.at for one in page.publications} == {time.ms}, "when it was stored, in ms"


async def pages_are_read_both_ways(store: Store, time: Time) -> None:
    await store.append([("a", numbered(number)) for number in range(1, 11)])

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
    for length in range(1, 5):
        room = f"binary {length}"
        await store.append([(room, Draft(b"\xff" * length, binary=True))] * 3)
        for size, fit in ((2 * length, 2), (2 * length - 1, 1)):
            page = await store.read(room, 0, 10, size)
            assert len(page.publications) == fit, "of binary data, in the bytes that it is"


async def states_tell_how_logs_stand(store: Store, time: Time) -> None:
    (never,) = await store.states(["a"])
    assert (never.room, never.position.offset, never.first, never.touched) == ("a", 0, 1, 0)
    assert never.position.epoch, "a room that nobody published to has an epoch"
    (made,) = await store.append([("a", numbered(0))])
    assert made.position == Position(1, never.position.epoch), "which its first publication keeps"
    time.seconds += 1
    await store.append([("b", numbered(0)), ("b", numbered(1))])
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
    await store.append([(room, numbered(0)) for room in reversed(names)])
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
        await store.append([("a", numbered(number))])
        time.seconds += 1
    (before,) = await store.states(["a"])
    assert await store.trim("a", 4, 0, 2) == 2, "at most so many in a step"
    assert await store.trim("a", 4, 0, 2) == 1, "fewer than asked for when that is all"
    assert await store.trim("a", 4, 0, 2) == 0
    assert await values_of(store, "a") == list(range(4, 11))
    (after,) = await store.states(["a"])
    assert after == before._replace(first=4), "the position stays, and so does the time"
    page = await store.read("a", 1, 2, MUCH)
    assert offsets_of(page.publications) == [4, 5], "reading goes on with the next that is there"
    page = await store.read("a", 3, 9, MUCH, backwards=True)
    assert page.publications == [], "before the first one is nothing"

    assert await store.trim("a", 0, began + 6_000, 2) == 2, "those before a time, by steps too"
    assert await store.trim("a", 0, began + 6_000, 10) == 1
    assert await values_of(store, "a") == [7, 8, 9, 10], "not the one of that very time"
    assert await store.trim("a", 8, began + 7_000, 10) == 1, "by both"
    assert await store.trim("a", 0, began + 8_000, 10) == 1
    assert await store.trim("a", 10, began + 8_000, 1) == 1
    assert await values_of(store, "a") == [10]
    assert await store.trim("a", 1_000, 0, 10) == 1, "behind the end is the end"
    (empty,) = await store.states(["a"])
    assert (empty.position, empty.first) == (before.position, 11), "first is behind the top"
    assert (await store.read("a", 0, 10, MUCH)).publications == []
    assert (await store.read("a", 99, 10, MUCH, backwards=True)).publications == []
    assert await store.trim("a", 1_000, time.ms, 10) == 0
    (made,) = await store.append([("a", numbered(11))])
    assert made.position.offset == 11, "offsets go on"
    assert await values_of(store, "a") == [11]
    assert await store.trim("never", 10, time.ms, 10) == 0


async def a_removed_log_begins_anew(store: Store, time: Time) -> None:
    draft = Draft(b"1", key="k", version=7)
    (made,) = await store.append([("a", draft)])
    await store.append([("a", numbered(number)) for number in range(9)] + [("b", numbered(0))])
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
    assert await values_of(store, "a") == [1]
    while True:
        swept = await store.sweep(3)
        assert 0 <= swept <= 3, "a sweep purges at most so many"
        if swept < 3:
            break
    assert await store.sweep(3) == 0, "fewer than asked for means that nothing is left"
    assert await values_of(store, "a") == [1], "a sweep purges what nobody can see"
    assert await values_of(store, "b") == [0], "other rooms are none of it"
    (kept,) = await store.append([("a", draft)])
    assert kept.fate is Fate.REPEATED, "keys within the window stay"
    await store.remove("never")
    (state,) = await store.states(["never"])
    assert state.position.offset == 0
    assert [one.room for one in await store.rooms("", 10)] == ["a", "b"]


async def a_cancelled_append_is_whole_or_nothing(store: Store, time: Time) -> None:
    for turns in range(12):
        batch = list(range(1_000 + turns * 100, 1_020 + turns * 100))
        task = asyncio.ensure_future(store.append([("a", numbered(number)) for number in batch]))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        (made,) = await store.append([("a", numbered(turns))])
        assert made.fate is Fate.STORED, "nothing stands in the way of what comes later"
        values = await values_of(store, "a")
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
            made, _ = await store.append([("a", numbered(value)), (f"b{name}", numbered(value))])
            page = await store.read("a", made.position.offset - 1, 1, MUCH)
            (found,) = page.publications
            assert found.data == str(value).encode(), "what was stored is read, where it was stored"
            assert page.position.offset >= made.position.offset

    await asyncio.gather(*[append(name) for name in range(8)])
    values = await values_of(store, "a")
    assert len(values) == 160, "offsets have no hole"
    for name in range(8):
        own = [value for value in values if value // 100 == name]
        assert own == [name * 100 + number for number in range(20)], "in the order of giving"
        assert await values_of(store, f"b{name}") == own


async def it_can_be_tried_whether_it_can_be_written(store: Store, time: Time) -> None:
    await store.append([("a", numbered(1))])
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
    a_cancelled_append_is_whole_or_nothing,
    appends_may_be_many_at_once,
    it_can_be_tried_whether_it_can_be_written,
)
