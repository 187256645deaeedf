"""The rooms' tables are made anew from the logs, and are what they were."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update
from tests.support.chat import Database, database
from tests.support.chat_histories import TABLES, USERS, any_wish

from hubbub.chat import events as e
from hubbub.chat import schema
from hubbub.chat.files.blobs import new_id
from hubbub.chat.people.server import ServerSettings
from hubbub.chat.people.sql import SERVER
from hubbub.chat.projection import ROOMS, Chat
from hubbub.chat.search import parse, search
from hubbub.cli import again as module
from hubbub.cli.again import Again, again, rooms_of
from hubbub.contracts import Store
from hubbub.model import ClientInfo, Draft
from hubbub.stores import open_store

Rows = dict[str, list[Any]]


class Place:
    """A chat without a server: a store, and the histories of its rooms."""

    def __init__(self, url: str, store: Store, random: Random) -> None:
        self.url = url
        self.store = store
        self.random = random
        self.messages: dict[str, list[int]] = {}
        self.invites: dict[str, list[int]] = {}
        self.stored = 0

    async def do(self, *wishes: tuple[str, str, e.Wish]) -> None:
        """Wishes, each in a room and of a user, in one batch."""
        drafts = [
            (ROOMS + room, Draft(e.to_json(wish), info=ClientInfo(user, "") if user else None))
            for room, user, wish in wishes
        ]
        results = await self.store.append(drafts)
        for (room, _, _), result in zip(wishes, results, strict=True):
            if result.refused is None and result.draft is not None:
                self.stored += 1
                event = e.event_of(result.draft.data)
                for kind, found in ((e.Message, self.messages), (e.Invited, self.invites)):
                    if isinstance(event, kind):
                        found.setdefault(room, []).append(result.position.offset)

    async def begin(self, *rooms: str) -> None:
        for room in rooms:
            await self.do((room, "u1", e.Create("public", f"Room {room}")))
            await self.do(*((room, user, e.JoinRoom()) for user in USERS[1:]))

    async def play(self, rooms: list[str], length: int) -> None:
        """A history of so many batches, in any of these rooms, which take each other's names."""
        for _ in range(length):
            batch = []
            for _ in range(self.random.randint(1, 4)):
                room = self.random.choice(rooms)
                user = self.random.choice(["u1", "u1", *USERS])
                batch.append((room, user, self._wish(room)))
            if self.random.random() < 0.03:
                room = self.random.choice(rooms)
                before = self.random.choice(self.messages.get(room, [1])[:5])
                batch.append((room, "", e.Expire(before)))
            await self.do(*batch)

    def _wish(self, room: str) -> e.Wish:
        if self.random.random() < 0.1:
            return e.Change(name=self.random.choice(["Lobby", "Other", "Third", "Fourth"]))
        messages = self.messages.get(room, [1])
        return any_wish(self.random, messages, self.invites.get(room, [1]))

    async def rows(self) -> Rows:
        return await self.store.tables().read(_rows)

    async def again(self, room: str | None = None, *, check: bool = False) -> list[Again]:
        done: list[int] = []
        rooms = await rooms_of(self.store, room)
        made = [
            await again(self.url, self.store, id, check=check, told=done.append) for id in rooms
        ]
        if all(one.error is None for one in made):
            assert sum(done) == sum(rooms.values()) == sum(one.events for one in made)
        return made


def _rows(connection: Connection) -> Rows:
    found: Rows = {}
    for table in TABLES:
        columns = [column for column in table.c if column.name != "key"]
        found[table.name] = sorted(map(tuple, connection.execute(select(*columns))), key=repr)
    return found


def _people(connection: Connection) -> None:
    kept = {"name": SERVER, "value": ServerSettings(guests=True).model_dump_json()}
    connection.execute(insert(schema.settings).values(kept))
    for user in USERS:
        row = {
            "id": user,
            "name": None if user.startswith("g") else user,
            "display": user,
            "kind": "guest" if user.startswith("g") else "person",
            "admin": user == "u5",
            "status": "",
            "created_at": 1,
        }
        connection.execute(insert(schema.users).values(row))


@asynccontextmanager
async def place_in(kind: Database, folder: Path, seed: int) -> AsyncIterator[Place]:
    url = await database(kind, folder)
    store = open_store(url, alone=True)
    await store.start()
    try:
        store.tables().project(Chat())
        await store.tables().write(_people)
        yield Place(url, store, Random(seed))
    finally:
        await store.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    async with place_in(request.param, tmp_path, 1) as place:
        yield place


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 7)


NOTHING_OTHER: tuple[Any, ...] = ([], None, None)


def other(made: list[Again]) -> list[Any]:
    return [one for one in made if (one.differences, one.other, one.error) != NOTHING_OTHER]


async def check_history(place: Place, length: int) -> None:
    rooms = ["r1", "r2", "r3"]
    await place.begin(*rooms)
    await place.play(rooms, length)
    before = await place.rows()
    assert all(before[name] for name in ("chat_rooms", "chat_members", "chat_messages"))
    assert other(await place.again(check=True)) == []
    assert await place.rows() == before, "nothing is changed by a check"
    assert other(await place.again()) == []
    assert await place.rows() == before
    # And life goes on.
    await place.play(rooms, 5)
    assert other(await place.again(check=True)) == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_any_history_leads_to_the_same_tables(
    kind: Database, tmp_path: Path, seed: int
) -> None:
    async with place_in(kind, tmp_path, seed) as place:
        await check_history(place, 60)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_many_histories(kind: Database, tmp_path: Path) -> None:
    begin = Random().randrange(10**9)
    for seed in range(begin, begin + 25):
        folder = tmp_path / str(seed)
        folder.mkdir()
        async with place_in(kind, folder, seed) as place:
            try:
                await check_history(place, 150)
            except AssertionError as error:
                raise AssertionError(f"in the history of seed {seed}: {error}") from error


async def test_addresses_that_went_from_room_to_room_are_where_they_are_now(place: Place) -> None:
    await place.begin("r1", "r2", "r3")
    for step in (("r1", "First"), ("r1", "Second"), ("r2", "First"), ("r1", "Third"),
                 ("r3", "Second"), ("r2", "Fourth"), ("r3", "First")):  # fmt: skip
        await place.do((step[0], "u1", e.Change(name=step[1])))
    before = await place.rows()
    slugs = {row[0]: row[2] for row in before["chat_rooms"]}
    assert slugs == {"r1": "third", "r2": "fourth", "r3": "first"}
    assert other(await place.again()) == []
    assert await place.rows() == before


async def test_what_was_damaged_is_found_and_mended(place: Place) -> None:
    await place.begin("r1", "r2")
    await place.play(["r1", "r2"], 40)
    before = await place.rows()

    def damage(connection: Connection) -> int:
        messages = schema.messages
        ids = connection.scalars(select(messages.c.id).where(messages.c.room == "r1")).all()
        gone, changed = ids[0], ids[-1]
        connection.execute(delete(messages).where(messages.c.room == "r1", messages.c.id == gone))
        which = (messages.c.room == "r1", messages.c.id == changed)
        connection.execute(update(messages).where(*which).values(text="never said"))
        members = schema.members
        connection.execute(update(members).where(members.c.room == "r1").values(role="owner"))
        left = members.c.room == "r1"
        return len(connection.scalars(select(members.c.user).where(left)).all())

    number = await place.store.tables().write(damage)
    damaged = await place.rows()
    (found,) = other(await place.again(check=True))
    assert found.room == "r1"
    differences = {name: (foreign, missing) for name, foreign, missing in found.differences}
    owners = sum(row[:1] == ("r1",) and row[2] == "owner" for row in before["chat_members"])
    assert differences == {
        "chat_members": (number - owners, number - owners),
        "chat_messages": (1, 2),
    }
    assert await place.rows() == damaged
    await place.again()
    assert await place.rows() == before
    assert other(await place.again(check=True)) == []


async def test_a_room_that_is_not_in_the_tables_comes_back(place: Place) -> None:
    await place.begin("r1", "r2")
    await place.play(["r1", "r2"], 20)
    before = await place.rows()

    def lose(connection: Connection) -> None:
        for table in TABLES:
            connection.execute(delete(table))

    await place.store.tables().write(lose)
    await place.again()
    assert await place.rows() == before


async def test_one_room_is_made_anew_by_its_id_or_its_address(place: Place) -> None:
    await place.begin("r1", "r2")
    before = await place.rows()
    assert [one.room for one in await place.again("r1")] == ["r1"]
    assert [one.room for one in await place.again("room-r2")] == ["r2"]
    assert await place.rows() == before


async def test_who_has_anothers_address_by_mistake_is_told_of(place: Place) -> None:
    await place.begin("r1", "r2")
    before = await place.rows()

    def mix_up(connection: Connection) -> None:
        rooms = schema.rooms
        connection.execute(update(rooms).where(rooms.c.id == "r1").values(slug="nowhere"))
        connection.execute(update(rooms).where(rooms.c.id == "r2").values(slug="room-r1"))

    await place.store.tables().write(mix_up)
    (one,) = await place.again("r1")
    assert one.other == "r2"
    (one,) = await place.again("r2")
    assert one.other is None
    assert await place.rows() == before
    await place.store.tables().write(mix_up)
    await place.again()
    assert await place.rows() == before


class Stopped(Exception):
    pass


async def test_stopped_half_way_nothing_is_changed_and_it_can_be_done_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.begin("r1")
    await place.play(["r1"], 30)
    before = await place.rows()
    read, calls = place.store.read, 0

    async def failing(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Stopped
        return await read(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(place.store, "read", failing)
        with pytest.raises(Stopped):
            await place.again()
    assert await place.rows() == before
    await place.again()
    assert await place.rows() == before


async def test_what_has_no_whole_log_is_left_as_it_is(place: Place) -> None:
    await place.begin("r1", "r2", "r3", "r4")
    before = await place.rows()
    await place.store.trim(ROOMS + "r1", 3, 0, 100)
    await place.store.remove(ROOMS + "r2")
    other_store = open_store(place.url)
    await other_store.start()  # no projection looks at what it stores
    await other_store.append([(ROOMS + "r3", Draft(b'{"type":"of tomorrow"}'))])
    await other_store.stop()
    made = {one.room: one for one in await place.again()}
    assert "is not whole" in (made["r1"].error or "")
    assert "nothing in the log" in (made["r2"].error or "")
    assert "event 7 of r3 is none of this chat's" in (made["r3"].error or "")
    assert made["r4"].error is None
    assert await place.rows() == before


async def test_files_and_preferences_stay_and_words_are_found(place: Place) -> None:
    await place.begin("r1")
    kept, gone = new_id(), new_id()

    def bring(connection: Connection) -> None:
        for id in (kept, gone):
            row = {
                "id": id, "kind": "attachment", "user": "u1", "name": "plan.pdf",
                "type": "application/pdf", "size": 5, "preview": False, "at": 1,
            }  # fmt: skip
            connection.execute(insert(schema.files).values(row))
        mine = {"user": "u1", "room": "r1", "level": "nothing", "muted": True}
        connection.execute(insert(schema.preferences).values(mine))

    def beside(connection: Connection) -> list[Any]:
        tables = (schema.files, schema.preferences)
        return sorted(tuple(row) for one in tables for row in connection.execute(select(one)))

    await place.store.tables().write(bring)
    await place.do(("r1", "u1", e.Say(text="the extraordinary plan", files=[kept])))
    await place.do(("r1", "u1", e.Say(text="a mistake", files=[gone])))
    await place.do(("r1", "u1", e.Delete(place.messages["r1"][-1])))
    before, rows = await place.store.tables().read(beside), await place.rows()
    await place.again()
    assert await place.store.tables().read(beside) == before
    assert await place.rows() == rows
    query = parse("extraordinary")
    found = await place.store.tables().read(search, query, "u1", public=True, now=1)
    assert [hit.id for hit in found.hits] == place.messages["r1"][:1]
