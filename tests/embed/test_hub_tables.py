"""What a hub has beside its rooms: tables in step with their logs, and what users have not read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, func, select

from hubbub import Call, ConfigurationError, Hub, Refused, RoomHandle
from hubbub.model import EVERYONE, Draft, Unread
from hubbub.options import OPEN
from hubbub.tables import Projection, Step
from hubbub.testing import Rejected, TestHub

OPTIONS = {**OPEN.model_dump(exclude_unset=True), "history_size": 0, "durability": "commit"}

METADATA = MetaData()
LENGTHS = Table(
    "lengths",
    METADATA,
    Column("room", String, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("length", Integer, nullable=False),
)


class Lengths:
    """Keeps how long each publication was, and says no to long ones."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.rows: list[dict[str, Any]] = []

    def take(self, room: str, draft: Draft, offset: int, at: int) -> Draft:
        if len(draft.data) > 10:
            raise Refused("too long", 413)
        self.rows.append({"room": room, "seq": offset, "length": len(draft.data)})
        return draft._replace(data=b'{"text":%b}' % draft.data, mentions=[EVERYONE])

    def finish(self) -> None:
        if self.rows:
            self.connection.execute(LENGTHS.insert(), self.rows)


class Measuring:
    def concerns(self, room: str) -> bool:
        return room.startswith("marked:")

    def begin(self, connection: Connection, drafts: Sequence[tuple[str, Draft]]) -> Step:
        return Lengths(connection)


_: type[Projection] = Measuring


def total(connection: Connection) -> tuple[int, int]:
    """How many rows there are, and the sum of their lengths."""
    columns = func.count(), func.coalesce(func.sum(LENGTHS.c.length), 0)
    count, length = connection.execute(select(*columns)).one()
    return count, length


def make_app(store: str | None) -> FastAPI:
    hub = Hub(store, anonymous=True)
    hub.rooms("marked:{room}", **OPTIONS, read_markers=True)
    hub.rooms("log:{room}", **OPTIONS)
    app = FastAPI(lifespan=hub.lifespan)
    app.include_router(hub.router)
    app.state.hub = hub
    return app


async def test_tables_are_in_step_with_the_log_and_what_is_refused_is_in_neither(
    tmp_path: Path,
) -> None:
    async with TestHub(make_app(f"sqlite:///{tmp_path}/app.db")) as test:
        tables = test.hub.tables
        await tables.write(METADATA.create_all)
        tables.project(Measuring())
        ann = await test.connect(user="ann")
        await ann.join("marked:a")
        await ann.publish("marked:a", "one")
        with pytest.raises(Rejected, match="413 too long"):
            await ann.publish("marked:a", "longer than it may be")
        with pytest.raises(Refused, match="too long"):
            await test.hub.publish("marked:a", "longer than it may be")
        await test.hub.publish("log:a", "not looked at by anybody")
        assert await tables.read(total) == (1, len('"one"'))
        (heard,) = await ann.waiting("marked:a")
        assert (heard.data, heard.offset) == ({"text": "one"}, 1)
        (unread,) = await test.hub.unread("bob", ["marked:a"])
        assert unread == Unread("marked:a", 0, 1, 1, 1)


async def test_tables_outside_the_lifespan_and_without_a_database_say_what_to_do() -> None:
    hub = Hub("memory://")
    with pytest.raises(ConfigurationError, match="lifespan"):
        _ = hub.tables
    async with TestHub(make_app("memory://")) as test:
        with pytest.raises(ConfigurationError, match="has no database"):
            _ = test.hub.tables
    with pytest.raises(ConfigurationError, match="lifespan"):
        _ = test.hub.tables


async def test_the_hub_tells_what_a_user_has_not_read_in_many_rooms() -> None:
    async with TestHub(make_app("memory://")) as test:
        hub = test.hub
        for room, count in (("marked:a", 3), ("marked:b", 1)):
            for number in range(count):
                await hub.publish(room, number, user="ann", mentions=["bob"] if not number else ())
        assert await hub.room("marked:a").mark_read("bob", 2) == 2
        rooms: list[str | RoomHandle] = ["marked:b", hub.room("marked:a"), "marked:c"]
        assert await hub.unread("bob", rooms) == [
            Unread("marked:b", 0, 1, 1, 1),
            Unread("marked:a", 2, 1, 0, 3),
            Unread("marked:c", 0, 0, 0, 0),
        ]
        assert [one.unread for one in await hub.unread("eve", rooms, most=2)] == [1, 2, 0]
        assert [one.unread for one in await hub.unread("ann", rooms)] == [0, 0, 0]
        assert await hub.unread("bob", []) == []
        for wrong in ("log:a", "nowhere"):
            with pytest.raises(ConfigurationError, match="read_markers=True"):
                await hub.unread("bob", ["marked:a", wrong])
        with pytest.raises(ConfigurationError, match="nobody in particular"):
            await hub.unread(None, ["marked:a"])
        with pytest.raises(ValueError, match="-1"):
            await hub.unread("bob", ["marked:a"], most=-1)


async def test_what_one_device_has_read_the_others_are_told() -> None:
    async with TestHub(make_app("memory://")) as test:
        phone, desk = await test.connect(user="bob"), await test.connect(user="bob")
        await phone.join("marked:a")
        for number in range(3):
            await test.hub.publish("marked:a", number)
        assert await phone.unread("marked:a") == [Unread("marked:a", 0, 3, 0, 3)]
        assert await phone.mark_read("marked:a", 2) == 2
        told = (await desk.next(kind="message")).data
        assert told == {"read": {"room": "marked:a", "offset": 2}}
        with pytest.raises(Rejected, match="103"):
            await desk.unread("marked:a")


@pytest.mark.parametrize("method", ["hubbub.read", "hubbub.unread"])
def test_the_librarys_own_methods_are_not_answered_by_others(method: str) -> None:
    hub = Hub()

    async def answer(call: Call[Any]) -> None: ...

    with pytest.raises(ConfigurationError, match="choose another name"):
        hub.on_rpc(method)(answer)
    hub.on_rpc(f"my.{method}")(answer)
