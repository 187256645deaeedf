"""What nobody needs any more is deleted, whenever the server stops in between."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Connection, func, select
from tests.chat.files.blob_laws import listed, stream
from tests.chat.files.pictures import picture
from tests.support.tables import Watched

from hubbub import Unavailable
from hubbub.chat.events import File
from hubbub.chat.files import sweeper as module
from hubbub.chat.files.blobs import new_id
from hubbub.chat.files.disk import DiskBlobs
from hubbub.chat.files.limits import FileLimits
from hubbub.chat.files.rows import attach, detach, find_file
from hubbub.chat.files.sweeper import EVERY_S, STRAYS_AFTER_S, STRAYS_EVERY_S, Sweeper, Swept
from hubbub.chat.files.uploads import Uploads
from hubbub.chat.schema import files

DAY = 86_400.0
NOW = 2_000_000_000.0

LARGE = picture(size=(700, 50))
"""A picture that has a smaller one."""


class Time:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def now() -> Time:
    return Time()


@pytest.fixture
def sweeper(tables: Watched, blobs: DiskBlobs, now: Time) -> Sweeper:
    return Sweeper(tables, blobs, now=now)


@pytest.fixture
def uploads(tables: Watched, blobs: DiskBlobs, now: Time) -> Uploads:
    return Uploads(tables, blobs, FileLimits(unsaid=1000), now=now)


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(files)).scalar_one()


async def bring(uploads: Uploads, data: bytes = b"text") -> File:
    return await uploads.attachment("ann", "a", stream(data))


def make_old(blobs: DiskBlobs, key: str, at: float) -> None:
    os.utime(blobs.path(key), (at, at))


async def test_what_was_not_said_for_a_day_is_deleted(
    uploads: Uploads, sweeper: Sweeper, tables: Watched, blobs: DiskBlobs, now: Time
) -> None:
    await bring(uploads, LARGE)
    said = await bring(uploads, LARGE)
    await tables.write(attach, "room", 1, [said.id])
    avatar = await uploads.avatar("ann", stream(picture()))
    now.now += DAY
    new = await bring(uploads, b"new")
    assert await sweeper.sweep() == Swept(0, 0)
    now.now += 0.001
    assert await sweeper.sweep() == Swept(1, 0)
    left = {said.id, f"{said.id}-preview", avatar.id, new.id}
    assert set(await listed(blobs)) == left
    assert await tables.read(count) == 3
    assert await sweeper.sweep() == Swept(0, 0)


async def test_the_files_of_a_message_that_is_gone_are_deleted_and_no_others(
    uploads: Uploads, sweeper: Sweeper, tables: Watched, blobs: DiskBlobs
) -> None:
    gone = [await bring(uploads), await bring(uploads, LARGE)]
    stays = await bring(uploads, b"stays")
    await tables.write(attach, "room", 1, [file.id for file in gone])
    await tables.write(attach, "room", 2, [stays.id])
    await tables.write(detach, "room", [1], 5)
    assert len(await listed(blobs)) == 4
    assert await sweeper.sweep() == Swept(2, 0)
    assert list(await listed(blobs)) == [stays.id]
    assert await tables.read(find_file, stays.id) is not None
    assert await tables.read(count) == 1


async def test_many_are_deleted_in_batches(
    uploads: Uploads,
    sweeper: Sweeper,
    tables: Watched,
    blobs: DiskBlobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    for _ in range(7):
        file = await bring(uploads)
        await uploads.discard("ann", file.id)
    assert await sweeper.sweep() == Swept(7, 0)
    assert (await listed(blobs), await tables.read(count)) == ({}, 0)


class Breaking:
    """Blobs or tables that stop to work at one of the calls to them."""

    def __init__(self, real: Any, calls: list[str], at: int) -> None:
        self._real = real
        self._calls = calls
        self._at = at

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name == "list":
            return real

        async def call(*args: Any) -> Any:
            self._calls.append(f"{name} {args[0].__name__}" if callable(args[0]) else name)
            if len(self._calls) >= self._at:
                raise Unavailable("killed")
            return await real(*args)

        return call


@pytest.mark.parametrize("at", range(1, 10))
async def test_stopped_at_any_step_nothing_is_forgotten_and_the_next_sweep_goes_on(
    uploads: Uploads,
    sweeper: Sweeper,
    tables: Watched,
    blobs: DiskBlobs,
    now: Time,
    at: int,
) -> None:
    files = [await bring(uploads) for _ in range(2)]
    await uploads.discard("ann", files[0].id)
    now.now += DAY + 1
    calls: list[str] = []
    broken = Sweeper(Breaking(tables, calls, at), Breaking(blobs, calls, at), now=now)
    if at <= 8:
        with pytest.raises(Unavailable):
            await broken.sweep()
        # Whatever is still kept has a row that says so.
        ids = {key.partition("-")[0] for key in await listed(blobs)}
        assert await tables.read(count) >= len(ids)
        assert await sweeper.sweep() == Swept(0 if at == 8 else 2, 0)  # the rows go last
    else:
        assert await broken.sweep() == Swept(2, 0)
        assert calls == ["write let_go", "read gone", *["delete"] * 4, "write forget", "read gone"]
    assert (await listed(blobs), await tables.read(count)) == ({}, 0)


async def test_what_a_crash_left_without_a_row_is_deleted_after_a_day(
    uploads: Uploads, sweeper: Sweeper, blobs: DiskBlobs
) -> None:
    kept = await bring(uploads, LARGE)
    young, old = new_id(), new_id()
    part = f"{kept.id}-0123456789abcdef-part"
    for key in (young, old, f"{old}-preview", part):
        await blobs.put(key, stream(b"left"))
    for key in (kept.id, f"{kept.id}-preview", old, f"{old}-preview", part):
        make_old(blobs, key, NOW - DAY - 1)
    make_old(blobs, young, NOW - DAY + 1)
    assert await sweeper.sweep() == Swept(0, 0)
    assert await sweeper.sweep(strays=True) == Swept(0, 3)
    assert set(await listed(blobs)) == {kept.id, f"{kept.id}-preview", young}


async def test_more_strays_than_files_are_those_of_another_database_and_left_alone(
    uploads: Uploads,
    sweeper: Sweeper,
    blobs: DiskBlobs,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "FEW_STRAYS", 3)
    monkeypatch.setattr(module, "BATCH", 2)
    keys = [new_id() for _ in range(4)]
    for key in keys:
        await blobs.put(key, stream(b"theirs"))
        make_old(blobs, key, NOW - 2 * DAY)
    assert await sweeper.sweep(strays=True) == Swept(0, 0)
    assert "another database" in caplog.text
    assert len(await listed(blobs)) == 4
    for _ in range(4):
        file = await bring(uploads)
        make_old(blobs, file.id, NOW - 2 * DAY)
    assert await sweeper.sweep(strays=True) == Swept(0, 4)


async def test_it_sweeps_again_and_again_whatever_becomes_of_the_database(
    tables: Watched, blobs: DiskBlobs, now: Time, caplog: pytest.LogCaptureFixture
) -> None:
    slept: list[float] = []
    stray = new_id()
    await blobs.put(stray, stream(b"left"))
    make_old(blobs, stray, NOW - 2 * DAY)
    looked: list[float] = []

    class Watched:
        delete = blobs.delete

        async def list(self) -> AsyncIterator[Any]:
            looked.append(now.now - NOW)
            async for blob in blobs.list():
                yield blob

    async def sleep(seconds: float) -> None:
        now.now += seconds
        slept.append(seconds)
        tables.away = len(slept) < 3
        if now.now > NOW + STRAYS_AFTER_S + STRAYS_EVERY_S + 1000:
            raise asyncio.CancelledError

    caplog.set_level(logging.INFO, "hubbub")
    sweeper = Sweeper(tables, Watched(), now=now, sleep=sleep)  # type: ignore[arg-type]
    with pytest.raises(asyncio.CancelledError):
        await sweeper.run()
    assert set(slept) == {EVERY_S}
    assert caplog.text.count("could not be swept") == 2
    assert looked == [STRAYS_AFTER_S, STRAYS_AFTER_S + STRAYS_EVERY_S]
    assert await listed(blobs) == {}


async def test_two_servers_may_sweep_at_once(
    uploads: Uploads, tables: Watched, blobs: DiskBlobs, now: Time
) -> None:
    for _ in range(6):
        await bring(uploads)
    now.now += 2 * DAY
    sweepers = [Sweeper(tables, blobs, now=now) for _ in range(3)]
    await asyncio.gather(*(sweeper.sweep(strays=True) for sweeper in sweepers))
    assert (await listed(blobs), await tables.read(count)) == ({}, 0)
