"""A chat is backed up while it is used, and restored: in a file and in a database, from either."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from msgspec.json import decode, encode
from sqlalchemy import Connection, select, update
from tests.chat.files.pictures import picture
from tests.support.chat import API, QUICK, Chat, Database, chat, database
from tests.support.looked_after import fill
from tests.support.postgres import fresh_database

from hubbub.chat import backup as chat_backup
from hubbub.chat import events as e
from hubbub.chat import migrate as chat_migrate
from hubbub.chat import schema
from hubbub.chat.people import Who
from hubbub.chat.rooms import channel
from hubbub.chat.search import parse, search
from hubbub.chat.views import PreferenceView
from hubbub.cli import archive
from hubbub.cli.again import again, rooms_of
from hubbub.cli.backup import MANIFEST, Manifest, backup, restore
from hubbub.errors import ConfigurationError
from hubbub.model import Position
from hubbub.stores import migrate, open_store
from hubbub.stores.dump import Form

PASSWORD = "correct horse battery"

KINDS: tuple[Database, ...] = ("sqlite", "postgresql")


def shown(done: int, total: int | None) -> None:
    assert total is not None and 0 <= done <= total


async def target_in(kind: Database, folder: Path) -> str:
    """Where nothing is yet."""
    return f"sqlite:///{folder / 'restored.db'}" if kind == "sqlite" else await fresh_database()


class Filled:
    """A chat with something of everything in it."""

    def __init__(self, place: Chat) -> None:
        self.place = place
        self.files: dict[str, bytes] = {}
        """Addresses, and what is there."""

    async def fill(self) -> None:
        place = self.place
        self.ann, bob = await place.person("ann", admin=True), await place.person("bob")
        await place.hub.tables.write(_set_password, self.ann.id)
        self.room = await place.room(self.ann, "Über uns", "bob")
        self.busy = await place.room(self.ann, "Busy one", "bob")
        ids = [await place.say("bob", self.room, f"number {n} extraordinary") for n in range(30)]
        await place.rooms.do(self.ann, self.room, e.React(ids[3], "👍"))
        await place.rooms.do(bob, self.room, e.Edit(ids[4], "better"))
        await place.rooms.do(bob, self.room, e.Delete(ids[5]))
        await place.rooms.do(self.ann, self.room, e.Pin(ids[6]))
        await place.rooms.prefer(self.ann, self.room, PreferenceView(level="nothing", muted=True))
        async with place.browser("ann") as browser:
            big = b"0123456789abcdef" * 100_000
            text = await self._bring(browser, "plan.txt", big)
            image = await self._bring(browser, "view.png", picture("PNG", (1500, 900)))
            unsaid = await self._bring(browser, "later.txt", b"not sent yet")
            await place.say("ann", self.room, "with files", files=[text, image])
            for path in (text, image, f"{image}/preview", unsaid):
                self.files[path] = (await browser.get(f"{API}/files/{path}")).content
        assert self.files[text] == big
        self.opened = await self.open(place)
        await place.rooms.do(self.ann, self.busy, e.Say(text="0"))

    async def _bring(self, browser: Any, name: str, data: bytes) -> str:
        made = await browser.post(f"{API}/files", params={"name": name}, content=data)
        assert made.status_code == 201, made.text
        id: str = made.json()["id"]
        return id

    async def open(self, place: Chat) -> dict[str, Any]:
        opened = (await place.rooms.open(self.ann, self.room)).model_dump()
        self.epoch = opened.pop("epoch")
        return opened

    @asynccontextmanager
    async def talking(self) -> AsyncIterator[list[int]]:
        """Have somebody talk all the while; what was acknowledged."""
        said: list[int] = []
        changed = asyncio.Condition()

        async def talk() -> None:
            while True:
                said.append(await self.place.say("bob", self.busy, f"{len(said) + 1}"))
                async with changed:
                    changed.notify_all()

        async def more(number: int) -> None:
            wanted = len(said) + number
            async with asyncio.timeout(30), changed:
                await changed.wait_for(lambda: len(said) >= wanted)

        talking = asyncio.create_task(talk())
        try:
            await more(3)
            yield said
            await more(3)
        finally:
            talking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await talking


def _set_password(connection: Connection, user: str) -> None:
    users = schema.users
    hash = QUICK.hash(PASSWORD)
    connection.execute(update(users).where(users.c.id == user).values(password=hash))


def _texts(connection: Connection, room: str) -> list[str]:
    c = schema.messages.c
    return list(connection.scalars(select(c.text).where(c.room == room).order_by(c.id)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_restored_is_the_chat_of_that_moment(kind: Database, tmp_path: Path) -> None:
    source = await database(kind, tmp_path)
    files = str(tmp_path / "files")
    async with chat(source, files) as place:
        filled = Filled(place)
        await filled.fill()
        async with filled.talking() as said:
            before = len(said)
            path = tmp_path / "chat.tar.gz"
            done = await backup(source, files, path, shown)
            after = len(said)
        cookies = (await place.person("ann")).login
    epoch = filled.epoch
    assert done.missing == [] and done.manifest.files == 3
    assert path.stat().st_mode & 0o777 == 0o600
    for to in KINDS:
        folder = tmp_path / to
        folder.mkdir()
        target = await target_in(to, folder)
        manifest = await restore(path, target, str(folder / "files"), shown)
        assert manifest == done.manifest
        async with chat(target, str(folder / "files")) as restored:
            await _check(restored, filled, before, after, epoch, cookies)
        await _check_tables(target)


async def _check(
    restored: Chat, filled: Filled, before: int, after: int, epoch: str, login: str
) -> None:
    ann, hub = filled.ann, restored.hub
    # What was said, up to some moment while it was made.
    texts = await hub.tables.read(_texts, filled.busy)
    assert texts == [str(number) for number in range(len(texts))]
    assert before < len(texts) <= after + 2  # one more is under way
    assert await filled.open(restored) == filled.opened
    assert filled.epoch not in ("", epoch)
    # Who was there can sign in, and is signed in.
    async with restored.browser() as browser:
        for password, status in (("wrong horse battery", 401), (PASSWORD, 200)):
            body = {"name": "ann", "password": password}
            answer = await browser.post(f"{API}/session", json=body)
            assert answer.status_code == status, answer.text
        for address, data in filled.files.items():
            answer = await browser.get(f"{API}/files/{address}")
            assert (answer.status_code, answer.content) == (200, data)
    assert await restored.people.logins.of_id(ann.id, login) is not None
    # Words are found.
    found = await hub.tables.read(
        search, parse("extraordinary"), ann.id, public=True, now=1, limit=50
    )
    assert len(found.hits) == 28
    # Whoever comes back is told that they have to begin anew; and life goes on.
    client = await restored.test.connect(user=await restored.sockets.identity(ann))
    name, top = channel(filled.room), filled.opened["room"]["offset"]
    joined = await client.join(name, recover=Position(top - 3, epoch))
    assert not joined.recovered
    assert joined.position == Position(top, filled.epoch)
    done = await restored.rooms.do(ann, filled.room, e.Say(text="anew"))
    assert done.offset == top + 1
    added = await restored.rooms.create(ann, e.Create("public", "A new one"))
    assert added.room != filled.room
    await client.close()


async def _check_tables(url: str) -> None:
    """The tables and the logs are of one moment."""
    store = open_store(url)
    await store.start()
    for room in await rooms_of(store, None):
        made = await again(url, store, room, check=True, told=lambda number: None)
        assert (made.differences, made.error) == ([], None)
    await store.stop()


# What cannot be backed up, or not whole.


@pytest.fixture(params=KINDS)
async def filled(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Filled]:
    """A chat, whose server still runs: at `url`, with `folder` for its files."""
    url = await database(request.param, tmp_path)
    async with chat(url, str(tmp_path / "files")) as place:
        filled = Filled(place)
        await filled.fill()
        yield filled


def url_of(filled: Filled) -> str:
    return filled.place.hub.settings.store


async def test_files_that_are_missing_are_told_of(filled: Filled, tmp_path: Path) -> None:
    files = tmp_path / "files"
    ids = [address for address in filled.files if "/" not in address]
    (lost,) = files.rglob(ids[0])
    lost.unlink()
    done = await backup(url_of(filled), str(files), tmp_path / "chat.tar", shown)
    assert done.missing == [ids[0]]
    target = await target_in("sqlite", tmp_path)
    await restore(tmp_path / "chat.tar", target, str(tmp_path / "new"), shown)
    assert sorted(path.name for path in (tmp_path / "new").rglob("*") if path.is_file()) == sorted(
        [*ids[1:], f"{ids[1]}-preview"]
    )


@pytest.mark.parametrize("there", [True, False])
async def test_a_wrong_place_of_files_is_told(filled: Filled, tmp_path: Path, there: bool) -> None:
    elsewhere = tmp_path / "elsewhere"
    if there:
        elsewhere.mkdir()
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(ConfigurationError, match="--files"):
        await backup(url_of(filled), str(elsewhere), tmp_path / "chat.tar", shown)
    assert sorted(os.listdir(tmp_path)) == before


async def test_files_that_are_gone_are_not_in_it(filled: Filled, tmp_path: Path) -> None:
    gone = next(iter(filled.files))

    def let_go(connection: Connection) -> None:
        files = schema.files
        connection.execute(update(files).where(files.c.id == gone).values(gone_at=1))

    await filled.place.hub.tables.write(let_go)
    path = tmp_path / "chat.tar"
    done = await backup(url_of(filled), str(tmp_path / "files"), path, shown)
    assert (done.manifest.files, done.missing) == (2, [])
    assert f"files/{gone}" not in [part.name for part in archive.reading(path)]


async def test_a_back_up_overwrites_nothing(filled: Filled, tmp_path: Path) -> None:
    path = tmp_path / "chat.tar"
    path.write_text("of yesterday")
    with pytest.raises(ConfigurationError, match="overwrites nothing"):
        await backup(url_of(filled), str(tmp_path / "files"), path, shown)
    assert path.read_text() == "of yesterday"


async def test_a_log_without_a_chat_is_told(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path / 'log.db'}", await fresh_database()):
        await asyncio.to_thread(fill, url, "chat:7", b"1")
        with pytest.raises(ConfigurationError, match="there is no chat here"):
            await backup(url, str(tmp_path), tmp_path / "chat.tar", shown)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_chat_of_another_version_is_told(kind: Database, tmp_path: Path) -> None:
    url = await database(kind, tmp_path)
    store = open_store(url)
    await store.start()
    await store.tables().write(_be_of_tomorrow)
    with pytest.raises(ConfigurationError, match="at 9999"):
        await store.tables().read(chat_backup.revision)
    await store.stop()
    with pytest.raises(ConfigurationError, match="at 9999"):
        await backup(url, str(tmp_path), tmp_path / "chat.tar", shown)


def _be_of_tomorrow(connection: Connection) -> None:
    connection.exec_driver_sql(f"UPDATE {chat_migrate.VERSION_TABLE} SET version_num = '9999'")


# What cannot be restored.


@pytest.fixture
async def saved(tmp_path: Path) -> Path:
    """A back-up of a chat with a person, a room and a message in it."""
    url = await database("sqlite", tmp_path)
    async with chat(url, str(tmp_path / "files")) as place:
        room = await place.room(await place.person("ann"), "Lobby one")
        await place.say("ann", room)
        await backup(url, str(tmp_path / "files"), tmp_path / "chat.tar.gz", shown)
    return tmp_path / "chat.tar.gz"


def manifest_of(saved: Path) -> Manifest:
    with closing(archive.reading(saved)) as parts:
        return decode(next(parts).data.read(), type=Manifest)


def rewritten(saved: Path, change: Any) -> Path:
    """The back-up with other parts: whatever `change` makes of each, None to leave it out."""
    path = saved.with_name("other.tar")
    with path.open("wb") as out, archive.writing(out, path.name, 0) as writer:
        for part in archive.reading(saved):
            for name, data in change(part.name, part.data.read()):
                writer.add(name, data)
    return path


def with_manifest(saved: Path, **given: Any) -> Path:
    def change(name: str, data: bytes) -> list[tuple[str, bytes]]:
        return [(name, encode({**decode(data), **given}) if name == MANIFEST else data)]

    return rewritten(saved, change)


async def nothing_at(url: str) -> bool:
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        return not [one for one in path.parent.iterdir() if one.name.startswith(path.name)]
    connection = await asyncpg.connect(url)
    tables = await connection.fetch("SELECT * FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    return not tables


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_no_whole_back_up_leaves_nothing_and_a_whole_one_can_come_then(
    kind: Database, saved: Path, tmp_path: Path
) -> None:
    target, files = await target_in(kind, tmp_path), str(tmp_path / "new")
    cut = tmp_path / "cut.tar"
    whole = await asyncio.to_thread(saved.read_bytes)
    cut.write_bytes(whole[: len(whole) - 100])

    def without_messages(name: str, data: bytes) -> list[tuple[str, bytes]]:
        return [] if name.startswith("tables/chat_messages/") else [(name, data)]

    def with_more(name: str, data: bytes) -> list[tuple[str, bytes]]:
        return [(name, data), ("else/where", b"")]

    def twice(name: str, data: bytes) -> list[tuple[str, bytes]]:
        return [(name, data)] * (1 + name.startswith("tables/chat_users/"))

    def without_beginning(name: str, data: bytes) -> list[tuple[str, bytes]]:
        return [] if name == MANIFEST else [(name, data)]

    def with_an_odd_name(name: str, data: bytes) -> list[tuple[str, bytes]]:
        return [(name, data), ("files/../../x", b"x")]

    cases: list[tuple[Callable[[], Path], str]] = [
        (lambda: cut, "whole|damaged"),
        (lambda: rewritten(saved, without_messages), "not all rows"),
        (lambda: rewritten(saved, with_more), "else/where"),
        (lambda: rewritten(saved, twice), "chat_users"),
        (lambda: rewritten(saved, without_beginning), "no back-up of a chat"),
        (lambda: rewritten(saved, with_an_odd_name), "it holds"),
        (lambda: with_manifest(saved, log="9999", version="9.9"), r"newer hubbub \(9\.9\)"),
        (lambda: with_manifest(saved, chat="9999"), "newer hubbub"),
        (lambda: with_manifest(saved, format=2), "newer hubbub"),
        (lambda: with_manifest(saved, rows={}), "damaged"),
        (lambda: with_manifest(saved, tables="none"), "not|no back-up"),
    ]
    for make, text in cases:
        path = make()
        with pytest.raises(ConfigurationError, match=text):
            await restore(path, target, files, shown)
        assert await nothing_at(target), text
    await restore(saved, target, files, shown)
    with pytest.raises(ConfigurationError, match="nothing is overwritten"):
        await restore(saved, target, files, shown)
    async with chat(target, files) as place:
        assert "ann" in [user.name for user in await place.people.accounts.of_ids(["uann"])]


async def test_a_table_that_is_none_of_ours_is_refused(saved: Path, tmp_path: Path) -> None:
    known = manifest_of(saved)
    odd = Form("sqlite_master", (("name", "text"),), ("name",))
    path = with_manifest(saved, tables=[*known.tables, odd], rows={**known.rows, odd.table: 0})
    target = await target_in("sqlite", tmp_path)
    with pytest.raises(ConfigurationError, match="no such table as sqlite_master"):
        await restore(path, target, str(tmp_path / "new"), shown)
    assert await nothing_at(target)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_back_up_of_an_older_version_is_restored_and_upgraded(
    kind: Database, saved: Path, tmp_path: Path
) -> None:
    manifest = manifest_of(saved)
    # The log as it was at first, with nothing about what is unread.
    first = {"hubbub_logs", "hubbub_entries", "hubbub_keys", "hubbub_removed"}
    old = [form for form in manifest.tables if not form.table.startswith("hubbub_")]
    old += [form for form in manifest.tables if form.table in first]
    names = {form.table for form in old}

    def change(name: str, data: bytes) -> list[tuple[str, bytes]]:
        if name == MANIFEST:
            rows = {table: rows for table, rows in manifest.rows.items() if table in names}
            changed = {"log": migrate.REVISIONS[0], "tables": old, "rows": rows}
            return [(name, encode({**decode(data), **changed}))]
        return [(name, data)] if name.split("/")[1] in names else []

    target = await target_in(kind, tmp_path)
    await restore(rewritten(saved, change), target, str(tmp_path / "new"), shown)
    async with chat(target, str(tmp_path / "new")) as place:
        ann = Who("uann", (await place.person("bob")).kind, "Ann")
        (room,) = (await place.rooms.mine(ann)).items
        assert await place.rooms.do(ann, room.room.id, e.Say(text="still here"))
    await _check_tables(target)


async def test_an_empty_chat_needs_no_files(tmp_path: Path) -> None:
    url = await database("sqlite", tmp_path)
    path = tmp_path / "chat.tar"
    done = await backup(url, str(tmp_path / "nowhere"), path, lambda done, total: None)
    assert done.manifest.rows["chat_messages"] == 0
    target = await target_in("sqlite", tmp_path)
    await restore(path, target, str(tmp_path / "nowhere"), lambda done, total: None)
    assert not (tmp_path / "nowhere").exists()
    async with chat(target, str(tmp_path / "new")) as place:
        await place.room(await place.person("ann"), "Lobby one")
