"""`hubbub chat`, as it is typed."""

from __future__ import annotations

import asyncio
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest
from sqlalchemy import Connection, delete, update
from tests.cli.conftest import Hubbub
from tests.support.chat import API, DATABASES, Chat, Database, chat, database
from tests.support.commands import hubbub_serve
from tests.support.looked_after import at_terminal, fill
from tests.support.server import ServerProcess

from hubbub.chat import events as e
from hubbub.chat import schema
from hubbub.model import Draft
from hubbub.stores import open_store

PLAN = b"the plan, byte for byte"


class Kept(NamedTuple):
    """A chat that nobody serves: where it is, and what is in it."""

    url: str
    files: str
    room: str
    file: str

    @property
    def where(self) -> tuple[str, ...]:
        return "--store", self.url, "--files", self.files


async def make(kind: Database, folder: Path) -> Kept:
    url, files = await database(kind, folder), str(folder / "files")
    async with chat(url, files) as place:
        ann = await place.person("ann")
        room = await place.room(ann, "Über uns", "bob")
        file = await _bring(place)
        first = await place.say("ann", room, "<b>hello</b>")
        await place.say("bob", room, "see this", reply=first)
        await place.say("ann", room, files=[file])
        await place.rooms.do(ann, room, e.Invite())
        await place.room(ann, "Other one")
    return Kept(url, files, room, file)


async def _bring(place: Chat, name: str = "ann") -> str:
    async with place.browser(name) as browser:
        made = await browser.post(f"{API}/files", params={"name": "a plan?.txt"}, content=PLAN)
        id: str = made.json()["id"]
        return id


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """In a file."""
    return asyncio.run(make("sqlite", tmp_path))


@pytest.fixture(params=DATABASES)
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """In a file, and in a database."""
    return asyncio.run(make(request.param, tmp_path))


def change(url: str, work: Any) -> None:
    async def run() -> None:
        store = open_store(url)
        await store.start()
        await store.tables().write(work)
        await store.stop()

    asyncio.run(run())


def lines(done: tuple[int | str | None, str, str]) -> list[dict[str, Any]]:
    code, out, err = done
    assert (code, err) == (0, "")
    return [json.loads(line) for line in out.splitlines()]


# Export.


def test_a_room_goes_to_a_pipe_as_lines(hubbub: Hubbub, either: Kept) -> None:
    found = lines(hubbub("chat", "export", "über-uns", *either.where))
    assert [one["type"] for one in found] == ["room", *["message"] * 3, "end"]
    assert found[0]["room"]["id"] == either.room
    assert [one["text"] for one in found[1:-1]] == ["<b>hello</b>", "see this", "hello"]
    assert [one["author"]["name"] for one in found[1:-1]] == ["ann", "bob", "ann"]


def test_a_room_goes_to_a_file_as_a_page(hubbub: Hubbub, kept: Kept, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    how = ("--format", "html", "--output", str(page))
    done = hubbub("chat", "export", kept.room, *how, *kept.where)
    assert done == (0, f"Über uns is in {page}\n", "")
    html = page.read_text(encoding="utf-8")
    assert "&lt;b&gt;hello&lt;/b&gt;" in html
    assert "files/" not in html


class Links(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name == "href" and value]


def test_with_its_files_a_room_is_a_folder_whose_links_lead_somewhere(
    hubbub: Hubbub, kept: Kept, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    how = ("--format", "html", "--with-files", "--output", str(folder))
    done = hubbub("chat", "export", kept.room, *how, *kept.where)
    assert done == (0, f"Über uns is in {folder}, with 1 file\n", "")
    links = Links((folder / "index.html").read_text(encoding="utf-8")).found
    (link,) = [one for one in links if one.startswith("files/")]
    assert (folder / unquote(link)).read_bytes() == PLAN
    assert Path(unquote(link)).name == "a plan?.txt"
    before = sorted(tmp_path.iterdir())
    code, out, err = hubbub("chat", "export", kept.room, *how, *kept.where)
    assert (code, out) == (2, "") and "there already" in err
    assert sorted(tmp_path.iterdir()) == before


def test_files_that_are_missing_are_told_of(hubbub: Hubbub, kept: Kept, tmp_path: Path) -> None:
    (lost,) = Path(kept.files).rglob(kept.file)
    lost.unlink()
    folder = tmp_path / "export"
    how = ("--with-files", "--output", str(folder))
    code, out, err = hubbub("chat", "export", kept.room, *how, *kept.where)
    assert (code, err) == (0, "1 file could not be found\n")
    assert (folder / "room.jsonl").exists()


def test_what_cannot_be_exported_is_told(hubbub: Hubbub, kept: Kept, tmp_path: Path) -> None:
    for arguments, text in (
        (("nowhere", *kept.where), "there is no such room"),
        ((kept.room, "--with-files", *kept.where), "--output"),
        ((kept.room, "--store", f"sqlite:///{tmp_path}/none.db"), "there is no log"),
    ):
        code, out, err = hubbub("chat", "export", *arguments)
        assert (code, out) == (2, "") and text in err
    fill(f"sqlite:///{tmp_path}/log.db", "chat:7", b"1")
    code, out, err = hubbub("chat", "export", "chat:7", "--store", f"sqlite:///{tmp_path}/log.db")
    assert (code, out) == (2, "") and "there is no chat here" in err


# Back-up and restoring.


def test_a_chat_is_backed_up_and_restored(
    hubbub: Hubbub, either: Kept, tmp_path: Path, database: str
) -> None:
    path = tmp_path / "chat.tar.gz"
    code, out, err = hubbub("chat", "backup", str(path), *either.where)
    assert (code, err) == (0, "")
    contents = "3 rooms, 3 messages, 1 file"
    assert re.fullmatch(rf"{path} is a back-up of {either.url}: {contents}, in 0\.\d MB\n", out)
    for url in (f"sqlite:///{tmp_path}/restored.db", database):
        where = ("--store", url, "--files", str(tmp_path / "restored"))
        code, out, err = hubbub("chat", "restore", str(path), *where)
        assert (code, err) == (0, "")
        assert re.fullmatch(rf"{url} is the chat of 20[-\dT:.]+Z: {contents}\n", out)
        found = lines(hubbub("chat", "export", either.room, *where))
        assert [one["text"] for one in found[1:-1]] == ["<b>hello</b>", "see this", "hello"]
        code, out, err = hubbub("chat", "restore", str(path), *where)
        assert (code, out) == (2, "") and "nothing is overwritten" in err


def test_what_was_done_is_told_as_json(hubbub: Hubbub, kept: Kept, tmp_path: Path) -> None:
    path = tmp_path / "chat.tar"
    (made,) = lines(hubbub("chat", "backup", str(path), "--json", *kept.where))
    assert made["file"] == str(path)
    assert (made["files"], made["missing"], made["bytes"]) == (1, [], path.stat().st_size)
    assert made["rows"]["chat_messages"] == 3
    where = ("--store", f"sqlite:///{tmp_path}/restored.db", "--files", str(tmp_path / "restored"))
    (restored,) = lines(hubbub("chat", "restore", str(path), "--json", *where))
    assert restored == {name: made[name] for name in ("file", "at", "rows", "files")}


def test_a_back_up_without_a_file_says_so(hubbub: Hubbub, kept: Kept, tmp_path: Path) -> None:
    async def more() -> None:
        async with chat(kept.url, kept.files) as place:
            eve = await place.person("eve")
            await place.rooms.do(eve, kept.room, e.JoinRoom())
            await place.say("eve", kept.room, files=[await _bring(place, "eve")])

    asyncio.run(more())
    (lost,) = Path(kept.files).rglob(kept.file)
    lost.unlink()
    code, out, err = hubbub("chat", "backup", str(tmp_path / "chat.tar"), *kept.where)
    assert (code, err) == (0, "1 file could not be found, and is not in it\n")


def test_no_password_is_shown(hubbub: Hubbub, tmp_path: Path) -> None:
    kept = asyncio.run(make("postgresql", tmp_path))
    url = kept.url.replace("postgres@", "postgres:secret@")
    where = ("--store", url, "--files", kept.files)
    path = tmp_path / "chat.tar"
    code, out, err = hubbub("chat", "backup", str(path), *where)
    assert code == 0 and "postgres:***@" in out and "secret" not in out + err
    code, out, err = hubbub("chat", "restore", str(path), *where)
    assert code == 2 and "secret" not in out + err


def test_a_back_up_that_cannot_be_is_told(hubbub: Hubbub, kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "there.tar").write_text("of yesterday")
    for arguments, text in (
        ((str(tmp_path / "there.tar"), *kept.where), "overwrites nothing"),
        ((str(tmp_path / "no" / "a.tar"), *kept.where), "cannot write"),
        ((str(tmp_path / "a.tar"), "--store", "memory://"), "SQLite or PostgreSQL"),
        ((str(tmp_path / "a.tar"), "--store", f"sqlite:///{tmp_path}/no.db"), "there is no log"),
    ):
        code, out, err = hubbub("chat", "backup", *arguments)
        assert (code, out) == (2, "") and text in err
    code, out, err = hubbub("chat", "restore", str(tmp_path / "no.tar"), *kept.where)
    assert (code, out) == (2, "") and "cannot be read" in err
    away = ("--store", "postgresql://postgres@127.0.0.1:1/chat")
    assert hubbub("chat", "backup", str(tmp_path / "a.tar"), *away)[0] == 75


def test_at_a_terminal_there_is_a_bar(kept: Kept, tmp_path: Path) -> None:
    path = str(tmp_path / "chat.tar")
    code, shown = at_terminal(kept.url, "chat", "backup", path, "--files", kept.files)
    assert code == 0
    assert "Copying" in shown and "100%" in shown and "is a back-up of" in shown
    code, shown = at_terminal(kept.url, "chat", "rebuild")
    assert code == 0
    assert "Rebuilding" in shown and "100%" in shown


# Rebuilding.


def _damage(connection: Connection) -> None:
    messages = schema.messages
    connection.execute(delete(messages).where(messages.c.text == "see this"))
    connection.execute(
        update(messages).where(messages.c.text == "<b>hello</b>").values(text="never said")
    )


def test_damaged_tables_are_found_and_made_anew(hubbub: Hubbub, either: Kept) -> None:
    where = ("--store", either.url, "--yes")
    checked = "3 rooms checked against 8 events\n"
    done = hubbub("chat", "rebuild", "--check", *where)
    assert done == (0, f"{checked}the tables are what the logs say\n", "")
    change(either.url, _damage)
    code, out, err = hubbub("chat", "rebuild", "--check", *where)
    assert (code, err) == (1, "") and out.startswith(checked)
    (row,) = [line.split() for line in out.splitlines() if "chat_messages" in line]
    assert row == [either.room, "chat_messages", "1", "2"]
    code, out, err = hubbub("chat", "rebuild", "--check", "--json", *where)
    assert (code, err) == (1, "")
    found = {one["room"]: one["differences"] for one in map(json.loads, out.splitlines())}
    assert found.pop(either.room) == [{"table": "chat_messages", "foreign": 1, "missing": 2}]
    assert list(found.values()) == [[], []]
    done = hubbub("chat", "rebuild", "--room", "über-uns", *where)
    assert done == (0, "1 room made anew from 6 events\n", "")
    assert hubbub("chat", "rebuild", "--check", *where)[0] == 0


def test_a_room_whose_log_is_not_whole_is_told_of_and_the_others_are_done(
    hubbub: Hubbub, kept: Kept
) -> None:
    change(kept.url, _damage)
    assert (
        hubbub("rooms", "trim", "room:lobby", "--keep", "0", "--yes", "--store", kept.url)[0] == 0
    )
    code, out, err = hubbub("chat", "rebuild", "--store", kept.url)
    assert (code, out) == (2, "2 rooms made anew from 7 events\n")
    assert "there is nothing in the log of lobby" in err
    code, out, err = hubbub("chat", "rebuild", "--check", "--room", kept.room, "--store", kept.url)
    assert code == 0


def test_a_server_has_to_be_stopped_before_and_before_nothing_else(
    hubbub: Hubbub, kept: Kept, tmp_path: Path
) -> None:
    settings = {"store": kept.url, "files": kept.files}
    with ServerProcess(command=hubbub_serve(), settings=settings):
        assert hubbub("chat", "backup", str(tmp_path / "chat.tar"), *kept.where)[0] == 0
        assert len(lines(hubbub("chat", "export", "lobby", *kept.where))) == 2
        for more in ((), ("--check",)):
            code, out, err = hubbub("chat", "rebuild", "--store", kept.url, *more)
            assert (code, out) == (2, "") and "another hubbub server" in err
    assert hubbub("chat", "rebuild", "--store", kept.url)[0] == 0


def test_of_a_database_it_is_asked_whether_its_servers_are_stopped(
    hubbub: Hubbub, tmp_path: Path
) -> None:
    kept = asyncio.run(make("postgresql", tmp_path))
    code, out, err = hubbub("chat", "rebuild", "--store", kept.url)
    assert (code, out) == (2, "") and "--yes" in err
    code, shown = at_terminal(kept.url, "chat", "rebuild", answer="n")
    assert code == 1 and "stopped?" in shown
    code, shown = at_terminal(kept.url, "chat", "rebuild", answer="y")
    assert code == 0 and "3 rooms made anew from 8 events" in shown


def test_two_rooms_with_one_address_are_told_of(hubbub: Hubbub, kept: Kept) -> None:
    def mix_up(connection: Connection) -> None:
        rooms = schema.rooms
        mine = rooms.c.id == kept.room
        connection.execute(update(rooms).where(mine).values(slug="nowhere"))
        connection.execute(update(rooms).where(rooms.c.id == "lobby").values(slug="über-uns"))

    change(kept.url, mix_up)
    code, out, err = hubbub("chat", "rebuild", "--room", kept.room, "--store", kept.url)
    assert (code, out) == (0, "1 room made anew from 6 events\n")
    assert f"{kept.room} has its address back from lobby" in err
    assert hubbub("chat", "rebuild", "--room", "lobby", "--store", kept.url)[2] == ""
    assert hubbub("chat", "rebuild", "--check", "--store", kept.url)[0] == 0


def test_what_is_no_event_is_no_reason_for_a_traceback(hubbub: Hubbub, kept: Kept) -> None:
    fill(kept.url, "room:lobby", Draft(b'{"type":"of tomorrow"}'))
    code, out, err = hubbub("chat", "rebuild", "--room", "lobby", "--store", kept.url)
    assert (code, out) == (2, "0 rooms made anew from 0 events\n")
    assert "event 2 of lobby is none of this chat's" in err


def test_the_command_is_in_the_help(hubbub: Hubbub) -> None:
    code, out, _ = hubbub("--help")
    assert code == 0 and re.search(r"^  chat  ", out, re.M)
