"""What is found of rooms that were made anew from their logs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Connection, update
from tests.chat.search.search_laws import DAY, NOW, Scene
from tests.support.chat import database
from typer.testing import CliRunner

from hubbub.chat import events as e
from hubbub.chat import schema
from hubbub.chat.projection import Chat
from hubbub.cli import app
from hubbub.model import ClientInfo, Draft
from hubbub.stores.sqlite import SQLiteStore


async def test_rebuilt_rooms_are_searched_as_before(tmp_path: Path) -> None:
    url = await database("sqlite", tmp_path)
    path, day = Path(urlsplit(url).path.removeprefix("/")), 0
    store = SQLiteStore(path, now=lambda: (NOW + day * DAY) / 1000)
    await store.start()
    scene = Scene(store.tables())
    await scene.user("u1", "ann")
    store.tables().project(Chat())

    async def do(room: str, wish: e.Wish) -> None:
        await store.append([(f"room:{room}", Draft(e.to_json(wish), info=ClientInfo("u1", "")))])

    for room in ("a", "b", "c"):
        await do(room, e.Create(kind="public", name=f"Room {room}"))
    for day in range(9):
        await do("abc"[day % 3], e.Say(text=f"hello {day}"))

    async def found(text: str) -> list[str]:
        hits = (await scene.page(text)).hits
        return ["".join(piece.text for piece in hit.excerpt) for hit in hits]

    def spoil(connection: Connection) -> None:
        connection.execute(update(schema.messages).values(text="nothing", words="nothing"))

    before = await found("hello")
    assert before == [f"hello {number}" for number in range(8, -1, -1)]
    early = await found("hello before:2024-10-07")
    await scene.tables.write(spoil)
    await store.stop()
    command = ["chat", "rebuild", "--store", url, "--yes"]
    result = await asyncio.to_thread(CliRunner().invoke, app, command)
    assert result.exit_code == 0, result.output
    await store.start()
    assert await found("hello") == before
    assert await found("hello before:2024-10-07") == early == before[-3:]
    assert await found("nothing") == []
    await store.stop()
