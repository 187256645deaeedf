"""How far users have read, what they have not, and what is erased."""

from __future__ import annotations

import asyncio

from hubbub.contracts import Store
from hubbub.model import EVERYONE, ClientInfo, Draft, Fate, Unread
from hubbub.testing.store_laws.common import MUCH, Time, known_of, numbered, values_of, who_of

ANN, BOB = ClientInfo("ann", "1"), ClientInfo("bob", "2")


def said(by: ClientInfo | None = ANN, *mentions: str, data: bytes = b"1") -> Draft:
    return Draft(data, info=by, unread=True, mentions=mentions)


async def what_is_erased_is_something_else_from_then_on(store: Store, time: Time) -> None:
    first = Draft(b'{"text":"secret"}', {"a": "b"}, "k", info=ANN)
    await store.append([("a", first), ("a", numbered(2)), ("b", numbered(1))])
    before = (await store.read("a", 0, 10, MUCH)).publications
    time.seconds += 1
    (made,) = await store.append([("a", Draft(b"3", erase=[(1, b'"gone"')]))])
    assert (made.position.offset, made.fate) == (3, Fate.STORED)
    page = await store.read("a", 0, 10, MUCH)
    erased, other, _ = page.publications
    assert erased.data == b'"gone"', "it is what took its place"
    assert (erased.offset, erased.at, erased.tags) == (1, before[0].at, {"a": "b"})
    assert who_of(erased) == known_of(ANN), "the rest of it stays"
    assert other.data == b"2"
    assert await values_of(store, "b") == [1], "each room has its own offsets"
    page = await store.read("a", 0, 10, len(b'"gone"') + 1)
    assert len(page.publications) == 2, "and counts with its own bytes"
    (again,) = await store.append([("a", first)])
    assert (again.position.offset, again.fate) == (1, Fate.REPEATED), "its key stays"
    await store.append([("a", Draft(b"4", erase=[(1, b"0"), (2, b"1"), (2, b'"\xc3\xa9"')]))])
    page = await store.read("a", 0, 10, MUCH)
    texts = [one.data for one in page.publications]
    assert texts == [b"0", '"é"'.encode(), b"3", b"4"], "several at once, the last one counts"


async def what_is_not_there_is_not_erased(store: Store, time: Time) -> None:
    await store.append([("a", numbered(number)) for number in range(1, 6)])
    await store.trim("a", 3, 0, 10)
    nowhere = (0, -1, 1, 2, 6, 7, 8, 2**63 - 1, 2**63, 2**64, -(2**64))
    (made,) = await store.append([("a", Draft(b"6", erase=[(one, b"0") for one in nowhere]))])
    assert (made.position.offset, made.fate) == (6, Fate.STORED)
    await store.append([("a", numbered(7)), ("new", Draft(b"1", erase=[(1, b"0")]))])
    assert await values_of(store, "a") == [3, 4, 5, 6, 7], "neither what was, nor what comes"
    assert await values_of(store, "new") == [1]
    (state,) = await store.states(["a"])
    assert state.first == 3, "what was trimmed does not come back"


async def what_is_not_stored_erases_nothing(store: Store, time: Time) -> None:
    erase = [(1, b"0")]
    drafts = [Draft(b"1", key="k"), Draft(b"2", version=2)]
    await store.append([("a", draft) for draft in drafts])
    fates = [
        one.fate
        for one in await store.append(
            [
                ("a", Draft(b"1", key="k", erase=erase)),
                ("a", Draft(b"3", key="k", erase=erase)),
                ("a", Draft(b"4", version=1, erase=erase)),
            ]
        )
    ]
    assert fates == [Fate.REPEATED, Fate.CONFLICT, Fate.OUTDATED]
    assert await values_of(store, "a") == [1, 2]
    (made,) = await store.append([("a", Draft(b"3", key="e", erase=erase))])
    assert made.fate is Fate.STORED
    assert await values_of(store, "a") == [0, 2, 3]
    (again,) = await store.append([("a", Draft(b"3", key="e"))])
    assert again.fate is Fate.REPEATED, "what is erased is no part of what a key was used for"


async def one_call_may_erase_what_it_publishes(store: Store, time: Time) -> None:
    drafts = [
        ("a", said(data=b"1")),
        ("b", said(data=b"1")),
        ("a", Draft(b"2", erase=[(1, b"10")])),
        ("a", said(data=b"3")),
        ("a", Draft(b"4", erase=[(2, b"20"), (3, b"30")])),
        ("a", Draft(b"5", erase=[(1, b"11")])),
    ]
    made = await store.append(drafts)
    assert [one.position.offset for one in made] == [1, 1, 2, 3, 4, 5]
    assert await values_of(store, "a") == [11, 20, 30, 4, 5]
    assert await values_of(store, "b") == [1]
    a, b = await store.unread("bob", ["a", "b"], 10)
    assert (a.unread, b.unread) == (0, 1)


async def a_marker_moves_up_to_where_the_log_stands(store: Store, time: Time) -> None:
    await store.append([("a", numbered(number)) for number in range(5)] + [("b", numbered(1))])
    assert await store.mark("a", "ann", 3) == 3
    assert await store.mark("a", "ann", 2) == 3, "it does not go back"
    assert await store.mark("a", "ann", 3) == 3
    for far in (6, 2**63 - 1, 2**63, 2**64):
        assert await store.mark("a", "bob", far) == 5, "at most to where the log stands"
    for none in (0, -1, -(2**64)):
        assert await store.mark("b", "ann", none) == 0
    assert await store.mark("b", "ann", 1) == 1, "each room has its own"
    assert await store.mark("never", "ann", 7) == 0, "a room that nobody published to stands at 0"
    assert await store.rooms("never", 10) == []
    assert [one.read for one in await store.unread("ann", ["a", "never", "b"], 1)] == [3, 0, 1]
    assert [one.read for one in await store.unread("bob", ["a", "b"], 1)] == [5, 0]
    await store.trim("a", 10, 0, 10)
    assert await store.mark("a", "ann", 5) == 5, "whatever is trimmed"
    marks = [store.mark("b" if number % 2 else "a", f"{number}", 9) for number in range(100)]
    assert await asyncio.gather(*marks) == [5, 1] * 50
    marks = [store.mark("a", "cid", number) for number in (1, 4, 2, 3)]
    assert max(await asyncio.gather(*marks)) == 4
    assert await store.mark("a", "cid", 1) == 4


async def what_is_unread_is_counted(store: Store, time: Time) -> None:
    await store.append(
        [
            ("a", said()),
            ("a", numbered(2)),
            ("a", said(BOB)),
            ("a", said(None)),
            ("b", said(BOB, "ann")),
        ]
    )
    counted = await store.unread("ann", ["a", "b", "never", "a"], 10)
    assert counted == [
        Unread("a", 0, 2, 0, 4),
        Unread("b", 0, 1, 1, 1),
        Unread("never", 0, 0, 0, 0),
        Unread("a", 0, 2, 0, 4),
    ], "in the order of the rooms: what counts, and is not one's own"
    assert await store.unread("cid", ["a"], 10) == [Unread("a", 0, 3, 0, 4)]
    assert await store.unread("ann", [], 10) == []
    await store.mark("a", "ann", 3)
    assert await store.unread("ann", ["a"], 10) == [Unread("a", 3, 1, 0, 4)], "behind the marker"
    assert await store.unread("cid", ["a"], 10) == [Unread("a", 0, 3, 0, 4)], "one's own marker"
    await store.mark("a", "ann", 4)
    await store.append([("a", said(ANN)), ("a", said(ANN))])
    assert await store.unread("ann", ["a"], 10) == [Unread("a", 4, 0, 0, 6)]
    await store.append([("c", said(BOB, "ann") if number % 2 else said()) for number in range(20)])
    for most in (1, 5, 9):
        assert await store.unread("cid", ["c"], most) == [Unread("c", 0, most, 0, 20)], (
            "at most so many"
        )
        assert await store.unread("ann", ["c"], most) == [Unread("c", 0, most, most, 20)]
    assert await store.unread("ann", ["c"], 11) == [Unread("c", 0, 10, 10, 20)]


async def who_is_mentioned_is_counted_beside(store: Store, time: Time) -> None:
    everyone = said(ANN, "bob", EVERYONE, "ann", EVERYONE)
    await store.append(
        [
            ("a", said(ANN, "bob", "bob", "cid")),
            ("a", said(ANN, "ann")),
            ("a", everyone),
            ("a", said(BOB, "bob", "ann")),
            ("a", Draft(b"5", info=ANN, mentions=["bob", EVERYONE])),
            ("a", said(BOB, EVERYONE)),
        ]
    )

    async def mentions(user: str, most: int = 10) -> tuple[int, int]:
        (one,) = await store.unread(user, ["a"], most)
        return one.unread, one.mentions

    assert await mentions("ann") == (2, 2), "nobody is told of their own, whomever it mentions"
    assert await mentions("bob") == (3, 2), "a publication mentions somebody once"
    assert await mentions("cid") == (5, 3)
    assert await mentions("dan") == (5, 2), "a mention of everyone is one of everybody"
    assert await mentions("dan", 1) == (1, 1), "both are counted as far as was asked for"
    assert await mentions("cid", 2) == (2, 2)
    assert await mentions(EVERYONE) == (5, 2), "nobody is called so, and who is gets no more"
    await store.mark("a", "bob", 1)
    await store.mark("a", "cid", 3)
    assert await mentions("bob") == (2, 1), "behind the marker"
    assert await mentions("cid") == (2, 1)


async def what_is_gone_is_not_unread(store: Store, time: Time) -> None:
    await store.append([("a", said(ANN, "bob", data=b"1")) for _ in range(6)])
    await store.append([("b", said(ANN, EVERYONE))])
    await store.trim("a", 3, 0, 10)
    assert await store.unread("bob", ["a"], 10) == [Unread("a", 0, 4, 4, 6)], "trimmed"
    await store.append([("a", Draft(b"7", erase=[(4, b"0"), (5, b"0"), (9, b"0")]))])
    assert await store.unread("bob", ["a"], 10) == [Unread("a", 0, 2, 2, 7)], "erased"
    await store.mark("a", "bob", 3)
    assert await store.unread("bob", ["a"], 10) == [Unread("a", 3, 1, 1, 7)]
    await store.remove("a")
    expected = [Unread("a", 0, 0, 0, 0), Unread("b", 0, 1, 1, 1)]
    assert await store.unread("bob", ["a", "b"], 10) == expected
    await store.append([("a", said(ANN, EVERYONE)) for _ in range(2)])
    assert await store.unread("bob", ["a"], 10) == [Unread("a", 0, 2, 2, 2)], "its markers, too"
    assert await store.mark("a", "bob", 1) == 1
    while await store.sweep(2) == 2:
        pass
    expected = [Unread("a", 1, 1, 1, 2), Unread("b", 0, 1, 1, 1)]
    assert await store.unread("bob", ["a", "b"], 10) == expected


async def names_are_taken_as_they_are(store: Store, time: Time) -> None:
    odd = ["", "a", "A", "a ", "'", '"', "%", "\\", "\U0001f469", "x" * 255, "\n", "é", "e\u0301"]
    odd += ["\0", "a\0b"]
    rooms = [f"room {name}".strip("\0\n").replace("\0", "") for name in odd]
    for name in odd:
        await store.append([("a", said(ClientInfo(name, ""), *odd))])
    for number, (name, room) in enumerate(zip(odd, rooms, strict=True), 1):
        (one,) = await store.unread(name, ["a"], 100)
        assert (one.unread, one.mentions) == (len(odd) - 1, len(odd) - 1)
        assert await store.mark("a", name, number) == number
        await store.append([(room, said(None, name))])
    for number, (name, room) in enumerate(zip(odd, rooms, strict=True), 1):
        here, there = await store.unread(name, ["a", room], 100)
        left = len(odd) - number
        assert here == Unread("a", number, left, left, len(odd))
        assert there.mentions == (name != ""), "who has no name is as nobody"


LAWS = (
    what_is_erased_is_something_else_from_then_on,
    what_is_not_there_is_not_erased,
    what_is_not_stored_erases_nothing,
    one_call_may_erase_what_it_publishes,
    a_marker_moves_up_to_where_the_log_stands,
    what_is_unread_is_counted,
    who_is_mentioned_is_counted_beside,
    what_is_gone_is_not_unread,
    names_are_taken_as_they_are,
)
