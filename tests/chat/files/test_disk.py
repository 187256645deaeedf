"""Files in a folder: the laws, and what is on the disk."""

import asyncio
import errno
import os
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.chat.files.blob_laws import BIG, LAWS, Law, listed, read, stream

from hubbub import Unavailable
from hubbub.chat.files.blobs import new_id
from hubbub.chat.files.disk import DiskBlobs


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_the_disk_keeps_the_law(law: Law, tmp_path: Path) -> None:
    await law(DiskBlobs(tmp_path))


def every_file(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_file_lies_two_folders_deep_and_is_its_owners(tmp_path: Path) -> None:
    blobs = DiskBlobs(tmp_path)
    key = new_id()
    await blobs.put(key, stream(b"abc"))
    (path,) = every_file(tmp_path)
    assert path == tmp_path / key[:2] / key[2:4] / key == blobs.path(key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_what_is_written_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = DiskBlobs(tmp_path)
    path = blobs.path(new_id())
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        fsync(descriptor)
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        done.append(f"{kind} {os.fstat(descriptor).st_size}" if kind == "file" else kind)

    def replaced(part: Path, whole: Path) -> None:
        assert part.parent == whole.parent
        replace(part, whole)
        done.append("name")

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    await blobs.put(path.name, stream(BIG))
    assert done == [f"file {len(BIG)}", "name", "folder", "folder", "folder"]


async def test_what_fails_or_is_cancelled_leaves_no_part(tmp_path: Path) -> None:
    blobs = DiskBlobs(tmp_path)
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield BIG
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(blobs.put(new_id(), endless()))
    await begun.wait()
    assert len(every_file(tmp_path)) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert every_file(tmp_path) == []


@pytest.mark.parametrize("step", range(4))
async def test_cancelled_at_any_step_it_leaves_all_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    blobs = DiskBlobs(tmp_path)
    key = new_id()
    steps: list[str] = []
    to_thread = asyncio.to_thread

    async def cancelling(work: Callable[..., object], *args: object) -> object:
        steps.append(work.__name__)
        if len(steps) == step + 1:
            task.cancel()
        return await to_thread(work, *args)

    monkeypatch.setattr(asyncio, "to_thread", cancelling)
    task = asyncio.create_task(blobs.put(key, stream(BIG[:300_000])))
    done = await asyncio.gather(task, return_exceptions=True)
    if step == 3:
        assert (steps, [*done]) == (["create", "write", "finish"], [300_000])
    else:
        assert isinstance(done[0], asyncio.CancelledError)
        assert steps == [*["create", "write", "finish"][: step + 1], "discard"]
    assert every_file(tmp_path) == ([blobs.path(key)] if step >= 2 else [])


async def test_a_full_disk_is_unavailable_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = DiskBlobs(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable, match="No space left"):
        await blobs.put(new_id(), stream(b"abc"))
    assert every_file(tmp_path) == []


async def test_what_a_crash_left_is_listed_and_can_be_deleted(tmp_path: Path) -> None:
    blobs = DiskBlobs(tmp_path)
    key = new_id()

    async def watched() -> AsyncIterator[bytes]:
        yield b"abc"
        (part,) = await listed(blobs)
        assert part.startswith(f"{key}-")
        parts.append(part)

    parts: list[str] = []
    await blobs.put(key, watched())
    blobs.path(parts[0]).write_bytes(b"ab")
    assert await listed(blobs) == {key: 3, parts[0]: 2}
    await blobs.delete(parts[0])
    assert await read(blobs, key) == b"abc"


async def test_what_is_not_ours_is_not_listed(tmp_path: Path) -> None:
    blobs = DiskBlobs(tmp_path)
    key = new_id()
    await blobs.put(key, stream(b"abc"))
    blobs.path(key).with_name("notes.txt").touch()
    (tmp_path / "README").touch()
    assert await listed(blobs) == {key: 3}


async def test_another_process_finds_what_was_put(tmp_path: Path) -> None:
    key = new_id()
    await DiskBlobs(tmp_path).put(key, stream(b"abc"))
    assert await read(DiskBlobs(tmp_path), key) == b"abc"
