"""Files in a folder.

`ab/cd/abcd…`: two levels, so that no folder gets too long. What is being written has a name of
its own beside the one it will have, and is on the disk before it gets that one.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, ParamSpec, Self, TypeVar

from hubbub import ConfigurationError, Unavailable
from hubbub.chat.files.blobs import CHUNK, Blob, Blobs, Missing, Stream, checked, is_key
from hubbub.chat.files.whole import whole

P = ParamSpec("P")
T = TypeVar("T")


class DiskBlobs:
    """Keeps bytes in `folder`, which is made where it is not there.

    Several processes may share it. Raises `ConfigurationError` where nothing can be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        trial = self._folder / f".{secrets.token_hex(8)}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            trial.touch()
            trial.unlink()
        except OSError as error:
            raise ConfigurationError(
                f"files cannot be kept in {self._folder}: {error.strerror}. Name a folder that "
                "the server may write to"
            ) from None

    def path(self, key: str) -> Path:
        """Where the bytes of `key` are."""
        return self._folder / checked(key)[:2] / key[2:4] / key

    async def put(self, key: str, data: AsyncIterable[bytes]) -> int:
        part = _Part(self.path(key))
        size = 0
        try:
            await _in_thread(part.create)
            buffer = bytearray()
            async for piece in data:
                buffer += piece
                size += len(piece)
                if len(buffer) >= CHUNK:
                    await _in_thread(part.write, bytes(buffer))
                    buffer.clear()
            await _in_thread(part.finish, bytes(buffer))
        except BaseException:
            await _in_thread(part.discard)
            raise
        return size

    async def open(self, key: str, start: int = 0, stop: int | None = None) -> Stream:
        reader = _Reader(None if stop is None else stop - start)
        try:
            await _in_thread(reader.open, self.path(key), start)
        except BaseException:
            await reader.aclose()
            raise
        return reader

    async def delete(self, key: str) -> None:
        await _in_thread(_delete, self.path(key))

    async def list(self) -> AsyncIterator[Blob]:
        for first in await _in_thread(_folders, self._folder):
            for second in await _in_thread(_folders, first):
                for blob in await _in_thread(_blobs, second):
                    yield blob


class _Part:
    """A blob that is being written. Every method is for a thread; the last one is either of
    `finish` and `discard`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}-{secrets.token_hex(8)}-part")
        self._file: IO[bytes] | None = None

    def create(self) -> None:
        self._part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = open(self._part, "xb", opener=_private)

    def write(self, data: bytes) -> None:
        assert self._file is not None
        self._file.write(data)

    def finish(self, rest: bytes) -> None:
        assert self._file is not None
        with self._file as file:
            file.write(rest)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._part, self._path)
        # Its name, and those of folders that may be new, are to outlive a loss of power as well.
        for folder in list(self._path.parents)[:3]:
            _sync_folder(folder)

    def discard(self) -> None:
        with suppress(OSError):
            if self._file is not None:
                self._file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)


class _Reader:
    def __init__(self, left: int | None) -> None:
        self._left = left
        self._file: IO[bytes] | None = None

    def open(self, path: Path, start: int) -> None:
        """For a thread."""
        try:
            self._file = path.open("rb", buffering=0)
        except FileNotFoundError:
            raise Missing(path.name) from None
        self._file.seek(start)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        most = CHUNK if self._left is None else min(CHUNK, self._left)
        if self._file is None or not most:
            raise StopAsyncIteration
        piece = await _in_thread(self._file.read, most)
        if not piece:
            raise StopAsyncIteration
        if self._left is not None:
            self._left -= len(piece)
        return piece

    async def aclose(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


async def _in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns. Cancelled, it waits until the thread has let go of its file."""
    try:
        return await whole(asyncio.to_thread(work, *args, **kwargs))
    except OSError as error:
        raise Unavailable(f"the files cannot be reached: {error.strerror}") from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # folders cannot be opened there
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _delete(path: Path) -> None:
    path.unlink(missing_ok=True)


def _folders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return [Path(entry) for entry in entries if entry.is_dir()]


def _blobs(folder: Path) -> list[Blob]:
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # gone meanwhile
                about = entry.stat()
                if is_key(entry.name):
                    found.append(Blob(entry.name, about.st_size, about.st_mtime))
    return found


_: type[Blobs] = DiskBlobs
