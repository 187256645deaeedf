"""State equivalence through the real stores (O-5): batches of several rooms, two servers that
append at the same time, and servers that end, or are killed, and begin anew in between.

As a program it plays histories until it is killed: `python -m … URL SEED`. It says what was stored
line by line.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from random import Random

import asyncpg
import pytest
from msgspec.json import decode, encode
from sqlalchemy import Connection, create_engine, insert, select
from tests.support.chat_fold import Fold
from tests.support.chat_histories import TABLES, USERS, any_wish
from tests.support.postgres import DEADLINE

from hubbub.chat import events as e
from hubbub.chat import reading, schema
from hubbub.chat.people.server import ServerSettings
from hubbub.chat.people.sql import SERVER
from hubbub.chat.projection import MESSAGE, ROOM, ROOMS, Chat
from hubbub.chat.state import RoomRow
from hubbub.contracts import Store
from hubbub.model import ClientInfo, Draft, Fate
from hubbub.stores import open_store

GROUPS = 16
ROOMS_AT_ONCE = 25
LENGTH = 12
"""Of the histories: as many as the product of the first two, of so many batches each."""

KILLS = 4

PAGE = 10_000_000

Wishes = list[tuple["Room", str, e.Wish]]

_numbers = count(1)


class Room:
    """A room of a history: what was told of it, by offset, and what was fetched on the way."""

    def __init__(self, random: Random, id: str = "") -> None:
        self.id = id or f"r{next(_numbers)}"
        self.kind: e.Kind = random.choice(["public", "public", "private"])
        self.told: dict[int, bytes] = {}
        self.fetched: list[Fold] = []
        self.refused = 0

    def offsets(self, kind: bytes) -> list[int]:
        begin = b'{"type":"' + kind + b'"'
        return [offset for offset, data in self.told.items() if data.startswith(begin)]

    def some_wishes(self, random: Random) -> Wishes:
        after = len(self.told) + 1
        messages, invites = self.offsets(b"message"), self.offsets(b"invited")
        wishes: Wishes = []
        for _ in range(random.randint(1, 4)):
            user = random.choice(["u1", "u1", *USERS])
            wishes.append((self, user, any_wish(random, [*messages, after], [*invites, after])))
        if random.random() < 0.03:
            wishes.append((self, "", e.Expire(max(1, after - random.randint(0, 12)))))
        return wishes


async def append(store: Store, wishes: Wishes) -> None:
    """Have these wishes in one batch, and remember what was told of them."""
    drafts = [
        (ROOMS + room.id, Draft(e.to_json(wish), info=ClientInfo(user, "") if user else None))
        for room, user, wish in wishes
    ]
    for (room, _, _), made in zip(wishes, await store.append(drafts), strict=True):
        if made.fate is Fate.REFUSED:
            room.refused += 1
            continue
        assert made.fate is Fate.STORED and made.draft is not None
        assert made.position.offset not in room.told, "every event has an offset of its own"
        room.told[made.position.offset] = made.draft.data


def fetch(connection: Connection, room: str) -> Fold:
    """The room as its first page would show all of it."""
    row = connection.execute(select(*ROOM).where(schema.rooms.c.id == room)).one()
    c = schema.messages.c
    rows = connection.execute(select(*MESSAGE).where(c.room == room).order_by(c.id)).all()
    return Fold(
        reading.room_view(RoomRow(*row)).model_dump(),
        [one.model_dump() for one in reading.members(connection, room, "", 1_000)],
        [one.model_dump() for one in reading.views(connection, room, rows)],
    )


Rows = dict[str, list[tuple[object, ...]]]


def rows_of(connection: Connection, room: str) -> Rows:
    """Everything that the projection has written of the room."""
    found: Rows = {}
    for table in TABLES:
        columns = [column for column in table.c if column.name != "key"]
        which = table.c.id if table is schema.rooms else table.c.room
        rows = connection.execute(select(*columns).where(which == room)).all()
        found[table.name] = sorted(map(tuple, rows), key=repr)
    return found


@pytest.fixture(scope="module")
def beside() -> Iterator[Connection]:
    """A database for what is made of the logs again."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        schema.metadata.create_all(connection)
        yield connection
    engine.dispose()


def made_anew(beside: Connection, room: str, log: dict[int, bytes], random: Random) -> Rows:
    for table in TABLES:
        beside.execute(table.delete())
    events = list(log.items())
    while events:
        size = random.randint(1, 10)
        Chat().replay(beside, ROOMS + room, dict(events[:size]))
        events = events[size:]
    return rows_of(beside, room)


async def read_log(store: Store, room: str) -> dict[int, bytes]:
    page = await store.read(ROOMS + room, 0, 10_000, PAGE)
    assert [one.offset for one in page.publications] == list(range(1, page.position.offset + 1))
    return {one.offset: one.data for one in page.publications}


async def check(store: Store, room: Room, beside: Connection, random: Random) -> None:
    log = await read_log(store, room.id)
    assert sorted(room.told) == list(log), "all that was stored was told, and nothing else"
    now = (await store.tables().read(fetch, room.id)).state
    for fold in room.fetched:
        for events in (dict(sorted(room.told.items())), log):
            client = Fold(fold.room, list(fold.members.values()), list(fold.messages.values()))
            for offset, data in events.items():
                client.apply(offset, data)
            assert client.state == now, "fetched, and brought up to date by the events"
    rows = await store.tables().read(rows_of, room.id)
    assert made_anew(beside, room.id, log, random) == rows, "made anew from the log"


@asynccontextmanager
async def servers(url: str) -> AsyncIterator[Sequence[Store]]:
    """Two of them on one database."""
    async with AsyncExitStack() as stack:
        stores = []
        for _ in range(2):
            store = open_store(url)
            await store.start()
            stack.push_async_callback(store.stop)
            store.tables().project(Chat())
            stores.append(store)
        yield stores


def people(connection: Connection) -> None:
    kept = {"name": SERVER, "value": ServerSettings(guests=True).model_dump_json()}
    connection.execute(insert(schema.settings).values(kept))
    for user in USERS:
        values = {
            "id": user,
            "name": None if user.startswith("g") else user,
            "display": user,
            "kind": "guest" if user.startswith("g") else "person",
            "admin": user == "u5",
            "status": "",
            "created_at": 1,
        }
        connection.execute(insert(schema.users).values(values))


def beginning(room: Room) -> Wishes:
    more = ["u2"] if room.kind == "private" else []
    create = e.Create(room.kind, f"Lobby {room.id}", members=more)
    return [(room, "u1", create), *((room, user, e.JoinRoom()) for user in USERS[1:])]


async def play(url: str, rooms: list[Room], random: Random) -> None:
    """A history of each of `rooms`, all at once."""
    async with servers(url) as stores:
        await append(stores[0], [one for room in rooms for one in beginning(room)])
    steps = LENGTH
    while steps:
        async with servers(url) as stores:  # which have to find everything as it was left
            for _ in range(min(steps, random.randint(1, LENGTH))):
                steps -= 1
                batches: list[Wishes] = [[], []]
                for room in rooms:
                    for wish in room.some_wishes(random):
                        random.choice(batches).append(wish)
                for room in random.sample(rooms, 2):
                    room.fetched.append(await stores[0].tables().read(fetch, room.id))
                await asyncio.gather(
                    *(append(store, some) for store, some in zip(stores, batches, strict=True))
                )


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_histories_through_the_store_end_as_they_are_fetched_and_as_they_are_made_anew(
    store: str, beside: Connection
) -> None:
    async with servers(store) as stores:
        await stores[0].tables().write(people)
    refused = folds = 0
    kinds = set[bytes]()
    begin = Random().randrange(10**9)
    for seed in range(begin, begin + GROUPS):
        random = Random(seed)
        rooms = [Room(random) for _ in range(ROOMS_AT_ONCE)]
        try:
            await play(store, rooms, random)
            async with servers(store) as stores:
                for room in rooms:
                    await check(stores[1], room, beside, random)
        except AssertionError as error:
            raise AssertionError(f"in the histories of seed {seed}: {error}") from error
        refused += sum(room.refused for room in rooms)
        folds += sum(len(room.fetched) for room in rooms)
        for room in rooms:
            kinds.update(data.partition(b",")[0] for data in room.told.values())
    assert refused > GROUPS and folds >= GROUPS * LENGTH
    assert len(kinds) >= 18, "nearly every kind of event was among them"


# Killed. --------------------------------------------------------------------------------------


async def play_on(url: str, random: Random) -> None:
    """Go on with the histories of some rooms until killed, and say what was stored."""
    async with servers(url) as stores:
        rooms = [Room(random, f"k{number}") for number in range(3)]
        for room in rooms:
            room.told = await read_log(stores[0], room.id)
            if not room.told:
                await append(stores[0], beginning(room))
        while True:
            wishes = [wish for room in rooms for wish in room.some_wishes(random)]
            before = {room.id: len(room.told) for room in rooms}
            await append(stores[0], wishes)
            said = {room.id: dict(list(room.told.items())[before[room.id] :]) for room in rooms}
            sys.stdout.write(encode({id: list(told) for id, told in said.items()}).decode() + "\n")
            sys.stdout.flush()


async def killed(url: str, seed: int, lines: int) -> dict[str, set[int]]:
    """Have a process play until it has said so much; what it said was stored, by room."""
    command = [sys.executable, "-m", "tests.chat_whole.test_histories_stored", url, str(seed)]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    said: dict[str, set[int]] = {}
    for _ in range(lines):
        line = await process.stdout.readline()
        assert line, "it ended by itself"
        for room, offsets in decode(line, type=dict[str, list[int]]).items():
            said.setdefault(room, set()).update(offsets)
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    if url.startswith("postgresql"):
        await until_alone(url)
    return said


async def until_alone(url: str) -> None:
    """Wait until the database has done what it was asked for by who is gone."""
    others = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(DEADLINE):
            while await connection.fetchval(others):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        await connection.close()


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_server_that_is_killed_leaves_the_tables_as_its_log_has_them(
    store: str, beside: Connection
) -> None:
    async with servers(store) as stores:
        await stores[0].tables().write(people)
    random = Random()
    fetched: dict[str, list[Fold]] = {}
    for _ in range(KILLS):
        seed = random.randrange(10**9)
        acknowledged = await killed(store, seed, random.randint(1, 40))
        async with servers(store) as stores:
            for id, offsets in acknowledged.items():
                room = Room(random, id)
                room.told = await read_log(stores[0], id)
                assert offsets <= room.told.keys(), f"seed {seed}: what was acknowledged is there"
                room.fetched = fetched.setdefault(id, [])
                room.fetched.append(await stores[0].tables().read(fetch, id))
                try:
                    await check(stores[0], room, beside, random)
                except AssertionError as error:
                    raise AssertionError(f"after the seed {seed}: {error}") from error
    assert {len(folds) for folds in fetched.values()} == {KILLS}


if __name__ == "__main__":
    asyncio.run(play_on(sys.argv[1], Random(int(sys.argv[2]))))
