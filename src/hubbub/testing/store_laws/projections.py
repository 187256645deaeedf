"""What the laws of `hubbub.tables` say of projections: tables in step with the log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from msgspec.json import decode
from sqlalchemy import Column, Connection, delete, select

from hubbub.contracts import Store
from hubbub.errors import Refused
from hubbub.model import EVERYONE, Appended, ClientInfo, Draft, Fate, Unread
from hubbub.tables import Projection, Step
from hubbub.tables.rows import find, put
from hubbub.testing.store_laws.common import MUCH, Opening
from hubbub.testing.store_laws.tables import counts, metadata, rows_of, words

ANN = ClientInfo("ann", "1")


class Words:
    """What was said in the rooms that begin with "said", and how much in each.

    `"no"` is refused, and so is all that comes after `"stop"` until `"go"`; `"loud"` is made
    `"LOUD"`, `"tell"` is for bob, and `"take back"` erases the one before. The `"…fails"` do.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, str]] = []
        self.begun: list[list[str]] = []

    def concerns(self, room: str) -> bool:
        return room.startswith("said")

    def begin(self, connection: Connection, drafts: Sequence[tuple[str, Draft]]) -> Step:
        texts = [decode(draft.data) for _, draft in drafts]
        self.begun.append([f"{room} {text}" for (room, _), text in zip(drafts, texts, strict=True)])
        if "begin fails" in texts:
            raise RuntimeError("it does not begin")
        if "statement fails" in texts:
            connection.execute(select(Column("nothing")).select_from(words))
        return Said(self, connection, {room for room, _ in drafts})


class Said:
    def __init__(self, projection: Words, connection: Connection, rooms: set[str]) -> None:
        self._projection = projection
        self._connection = connection
        self._counts = dict.fromkeys(rooms, 0)
        found = find(connection, list(counts.columns)[:2], [(room,) for room in rooms])
        self._counts.update((room, count) for room, count in found)
        self._last: dict[str, int] = {}
        self._words: list[dict[str, Any]] = []
        stopped = select(words.c.room, words.c.text).where(words.c.text.in_(("stop", "go")))
        self._stopped = {
            room
            for room, text in connection.execute(stopped.order_by(words.c.offset))
            if text == "stop"
        }

    def take(self, room: str, draft: Draft, offset: int, at: int) -> Draft:
        text = decode(draft.data)
        self._projection.seen.append((room, offset, text))
        if text == "no" or (room in self._stopped and text != "go"):
            raise Refused("it is not to be said", 403)
        if text == "take fails":
            raise KeyError("it is not taken")
        if text == "makes nothing of it":
            return None  # type: ignore[return-value]
        if text == "stop":
            self._stopped.add(room)
        if text == "go":
            self._stopped.discard(room)
        self._counts[room] += 1
        self._last[room] = offset
        row = {"room": room, "offset": offset, "at": at, "text": text}
        self._words.append(row)
        if text == "finish fails":
            row["text"] = None
        if text == "loud":
            row["text"] = "LOUD"
            return draft._replace(data=b'"LOUD"')
        if text == "tell":
            return draft._replace(unread=True, mentions=["bob"])
        if text == "take back":
            return draft._replace(erase=[(offset - 1, b'"taken back"')])
        return draft

    def finish(self) -> None:
        put(
            self._connection,
            counts,
            [
                {"room": room, "count": self._counts[room], "last": last}
                for room, last in self._last.items()
            ],
        )
        put(self._connection, words, self._words)


def said(text: str, key: str = "", info: ClientInfo | None = ANN) -> Draft:
    return Draft(f'"{text}"'.encode(), key=key, info=info)


def all_said(room: str, *texts: str) -> list[tuple[str, Draft]]:
    return [(room, said(text)) for text in texts]


def projected(store: Store) -> Words:
    """Have the store keep the tables."""
    projection = Words()
    store.tables().project(projection)
    return projection


def fates(made: Sequence[Appended]) -> list[tuple[int, str]]:
    return [(one.position.offset, one.fate.value) for one in made]


async def in_log(store: Store, room: str) -> list[str]:
    return [one.value for one in (await store.read(room, 0, 1_000, MUCH)).publications]


async def in_tables(store: Store, room: str) -> list[tuple[int, str]]:
    """What the tables say of a room; its count is right."""

    def work(connection: Connection) -> list[tuple[int, str]]:
        rows = rows_of(connection, room)
        asked = select(counts.c.count, counts.c.last).where(counts.c.room == room)
        counted = connection.execute(asked).one_or_none()
        assert (counted or (0, 0)) == ((len(rows), rows[-1][0]) if rows else (0, 0))
        return rows

    return await store.tables().read(work)


async def a_read_is_of_one_moment(store: Store) -> None:
    tables = store.tables()
    projected(store)
    await store.append(all_said("said", "0"))
    going = True

    def work(connection: Connection) -> int:
        """How much there is, however often it looks."""
        found = {len(rows_of(connection, "said")) for _ in range(10)}
        found |= set(connection.execute(select(counts.c.count)).scalars())
        assert len(found) == 1
        return found.pop()

    async def read() -> None:
        seen = [await tables.read(work)]
        while going:
            seen.append(await tables.read(work))
        assert seen == sorted(seen), "and none goes back"

    reading = [asyncio.create_task(read()) for _ in range(3)]
    for number in range(60):
        await store.append(all_said("said", f"{number}"))
    going = False
    await asyncio.gather(*reading)
    assert await tables.read(work) == 61


async def what_is_stored_is_in_the_tables(store: Store) -> None:
    projection = projected(store)
    made = await store.append(
        [*all_said("said", "a", "b"), *all_said("other", "c"), *all_said("said 2", "d")]
    )
    assert fates(made) == [(1, "stored"), (2, "stored"), (1, "stored"), (1, "stored")]
    assert {one.draft for one in made} == {None}, "nothing else was made of it"
    assert await in_tables(store, "said") == [(1, "a"), (2, "b")]
    assert await in_tables(store, "said 2") == [(1, "d")]
    assert await in_tables(store, "other") == [], "what does not concern it, it does not get"
    assert await in_log(store, "other") == ["c"]
    assert projection.begun == [["said a", "said b", "said 2 d"]]
    assert projection.seen == [("said", 1, "a"), ("said", 2, "b"), ("said 2", 1, "d")], "in order"
    (first, _) = (await store.read("said", 0, 10, MUCH)).publications
    ats = await store.tables().read(lambda one: set(one.execute(select(words.c.at)).scalars()))
    assert ats == {first.at}, "with the time"
    await store.append(all_said("other", "e"))
    assert len(projection.begun) == 1, "a batch that does not concern it, it hears nothing of"
    second = projected(store)
    await store.append(all_said("said", "f"))
    assert second.begun == [], "a room is the concern of the first"


async def what_is_refused_is_not_stored(store: Store) -> None:
    projection = projected(store)
    draft = said("no", key="k")._replace(version=7)
    made = await store.append([*all_said("said", "a"), ("said", draft), *all_said("said", "b")])
    assert fates(made) == [(1, "stored"), (1, "refused"), (2, "stored")], "the next is in its place"
    refused = made[1].refused
    assert refused is not None
    assert (refused.reason, refused.code) == ("it is not to be said", 403), "with what it said"
    assert made[1].position.epoch == made[0].position.epoch
    assert await in_log(store, "said") == ["a", "b"]
    assert await in_tables(store, "said") == [(1, "a"), (2, "b")]
    (again,) = await store.append([("said", said("c", key="k")._replace(version=7))])
    assert fates([again]) == [(3, "stored")], "it leaves no key behind, and no version"
    (alone,) = await store.append([("said new", said("no"))])
    assert fates([alone]) == [(0, "refused")]
    assert [one.room for one in await store.rooms("", 10)] == ["said"], "nor a room"
    assert (await store.states(["said new"]))[0].position == alone.position
    assert await store.sweep(10) == 0
    assert projection.seen[-1] == ("said new", 1, "no")


async def a_batch_sees_what_came_before_in_it(store: Store) -> None:
    projected(store)
    made = await store.append(
        [
            *all_said("said", "a", "stop", "b"),
            *all_said("said too", "c"),
            *all_said("said", "go", "d", "stop"),
        ]
    )
    fate = [one.fate.value for one in made]
    assert fate == ["stored", "stored", "refused", "stored", "stored", "stored", "stored"]
    (made_later,) = await store.append(all_said("said", "e"))
    assert fates([made_later]) == [(5, "refused")], "and so does the next one"
    assert await in_tables(store, "said") == [
        (1, "a"),
        (2, "stop"),
        (3, "go"),
        (4, "d"),
        (5, "stop"),
    ]
    assert await in_log(store, "said") == ["a", "stop", "go", "d", "stop"]


async def what_is_made_of_a_draft_is_stored(store: Store) -> None:
    projection = projected(store)
    loud = said("loud", key="k")
    first, repeated, conflict, told = await store.append(
        [("said", loud), ("said", loud), ("said", said("LOUD", key="k")), ("said", said("tell"))]
    )
    assert first.draft == loud._replace(data=b'"LOUD"'), "what was made of it is told"
    assert (repeated.position, repeated.fate) == (first.position, Fate.REPEATED)
    assert conflict.fate is Fate.CONFLICT, "a key is for what was given"
    assert (repeated.draft, conflict.draft) == (None, None)
    assert fates([told]) == [(2, "stored")]
    assert await in_log(store, "said") == ["LOUD", "tell"]
    assert [text for *_, text in projection.seen] == ["loud", "tell"], "no repeated one comes"
    (again,) = await store.append([("said", loud)])
    assert (again.position, again.fate) == (first.position, Fate.REPEATED), "and later"
    assert len(projection.seen) == 2
    assert await store.unread("bob", ["said"], 9) == [Unread("said", 0, 1, 1, 2)], "who is told"
    assert await store.unread("ann", ["said"], 9) == [Unread("said", 0, 0, 0, 2)]


async def what_is_taken_back_is_erased(store: Store) -> None:
    projected(store)
    made = await store.append(all_said("said", "a", "tell", "take back", "tell"))
    assert fates(made)[-1] == (4, "stored")
    assert await in_log(store, "said") == ["a", "taken back", "take back", "tell"]
    assert await store.unread("bob", ["said"], 9) == [Unread("said", 0, 1, 1, 4)]
    await store.append(all_said("said", "take back"))
    assert (await in_log(store, "said"))[3:] == ["taken back", "take back"]
    assert await store.unread("bob", ["said"], 9) == [Unread("said", 0, 0, 0, 5)]
    await store.append([("said", said("b")._replace(unread=True, mentions=[EVERYONE]))])
    assert await store.unread("bob", ["said"], 9) == [Unread("said", 0, 1, 1, 6)]


FAILING = (
    "begin fails",
    "statement fails",
    "take fails",
    "makes nothing of it",
    "finish fails",
)


async def a_mistake_is_the_error_of_one_draft(store: Store) -> None:
    projected(store)
    for number, failing in enumerate(FAILING):
        room = f"said {number}"
        batch = [
            *all_said(room, "a"),
            *all_said("other", failing),
            ("said too", said("x", key=f"{number}")),
            (room, said(failing, key="k")),
            *all_said(room, "no", "b"),
            ("said too", said("x", key=f"{number}")),
        ]
        made = await store.append(batch)
        fate = [one.fate.value for one in made]
        expected = ["stored", "stored", "stored", "refused", "refused", "stored", "repeated"]
        assert fate == expected, failing
        assert made[3].position.offset == 1
        refused = made[3].refused
        assert refused is not None
        assert (refused.reason, refused.code) == ("internal error", 100)
        assert await in_log(store, room) == ["a", "b"], "offsets have no hole"
        assert await in_tables(store, room) == [(1, "a"), (2, "b")], "nothing is left of it"
        (alone,) = await store.append([(room, said(failing))])
        assert fates([alone]) == [(2, "refused")]
        (again,) = await store.append([(room, said("c", key="k"))])
        assert fates([again]) == [(3, "stored")], "it leaves no key behind"
    assert await in_log(store, "other") == list(FAILING), "what does not concern it is none of it"


async def a_projection_may_be_large(store: Store) -> None:
    projected(store)
    drafts = [(f"said {number % 7}", said(f"{number}")) for number in range(700)]
    made = await store.append(drafts)
    assert fates(made) == [(1 + number // 7, "stored") for number in range(700)]
    found = await in_tables(store, "said 3")
    assert found == [(1 + turn, f"{3 + 7 * turn}") for turn in range(100)]


async def a_cancelled_append_is_whole_in_both(store: Store) -> None:
    projected(store)
    for turns in range(8):
        room = f"said {turns}"
        task = asyncio.ensure_future(store.append(all_said(room, "a", "tell", "b")))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        (made,) = await store.append(all_said(room, "c"))
        top = made.position.offset
        assert top in (1, 4), "carried out whole or not at all"
        assert [text for _, text in await in_tables(store, room)] == await in_log(store, room)
        assert len(await in_log(store, room)) == top


LAWS = (
    a_read_is_of_one_moment,
    what_is_stored_is_in_the_tables,
    what_is_refused_is_not_stored,
    a_batch_sees_what_came_before_in_it,
    what_is_made_of_a_draft_is_stored,
    what_is_taken_back_is_erased,
    a_mistake_is_the_error_of_one_draft,
    a_projection_may_be_large,
    a_cancelled_append_is_whole_in_both,
)


async def several_may_project(opening: Opening) -> None:
    async with opening() as one, opening() as two:
        await one.tables().write(metadata.create_all)
        for store in (one, two):
            projected(store)

        async def append(store: Store, name: int) -> None:
            for number in range(15):
                rooms = ["said", f"said {number % 3}"][:: 1 if name % 2 else -1]
                batch = [(room, said(f"{name} {number}")) for room in (*rooms, "other")]
                batch += [("said", said("no")), ("said", said("x", key=f"only {number}"))]
                if name == 1:
                    batch += [("said", said("take fails"))]
                made = await store.append(batch)
                assert [one.fate.value for one in made[:4]] == ["stored"] * 3 + ["refused"]

        async def write(store: Store) -> None:
            for number in range(15):
                await store.tables().write(
                    put, counts, [{"room": f"{number}", "count": 1, "last": 1}]
                )
                await store.tables().write(delete_all, f"{number}")

        appending = [append(store, name) for name, store in enumerate((one, two, one, two))]
        await asyncio.gather(*appending, write(one), write(two))
        for room, so_many in (("said", 75), *((f"said {number}", 20) for number in range(3))):
            found = await in_tables(one, room)
            assert [offset for offset, _ in found] == list(range(1, so_many + 1)), "without a hole"
            assert [text for _, text in found] == await in_log(two, room), "and in step"
        assert len(await in_log(two, "other")) == 60


def delete_all(connection: Connection, room: str) -> None:
    connection.execute(delete(counts).where(counts.c.room == room))


SHARED_LAWS = (several_may_project,)

_: type[Projection] = Words
