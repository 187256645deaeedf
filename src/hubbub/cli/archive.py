"""The file that a back-up is: a tar of parts, written and read in one go, however large it is.

The last part, `end.json`, says how many there were before and what their digest is: what was cut
off or has a bit turned is not taken for whole.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from hashlib import blake2b
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple, Protocol, cast

from msgspec import MsgspecError, Struct
from msgspec.json import decode, encode

from hubbub.errors import ConfigurationError

END = "end.json"

PIECE = 262_144
"""Bytes read at once."""

COMPRESSION = 6

_ZIPPED = (".gz", ".tgz")


class End(Struct):
    parts: int
    digest: str


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class Writer:
    """Writes parts, each dated `at` (Unix milliseconds)."""

    def __init__(self, tar: tarfile.TarFile, at: int) -> None:
        self._tar = tar
        self._at = at // 1000
        self._digest = blake2b(digest_size=32)
        self._parts = 0

    def add(self, name: str, data: bytes) -> None:
        self.copy(name, io.BytesIO(data), len(data))

    def copy(self, name: str, source: Readable, size: int) -> None:
        """Add `size` bytes of `source`."""
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = size, self._at, 0o600
        _begin(self._digest, name, size)
        self._tar.addfile(info, _Watched(source, self._digest))
        self._tar.members.clear()  # type: ignore[attr-defined]  # it remembers them all
        self._parts += 1

    def end(self) -> None:
        self.add(END, encode(End(self._parts, self._digest.hexdigest())))


class Part(NamedTuple):
    name: str
    size: int
    data: Readable


@contextmanager
def writing(out: BinaryIO, name: str, at: int) -> Iterator[Writer]:
    """Write an archive to `out`, which will be called `name`: compressed, where that says so."""
    with ExitStack() as stack:
        stream: IO[bytes] = out
        if name.endswith(_ZIPPED):
            zipped = gzip.GzipFile("", "wb", COMPRESSION, out, mtime=at // 1000)
            stream = cast("IO[bytes]", stack.enter_context(zipped))
        writer = Writer(stack.enter_context(tarfile.open(fileobj=stream, mode="w|")), at)
        yield writer
        writer.end()


def reading(path: Path) -> Generator[Part]:
    """The parts of the archive at `path`, each to be read before the next one.

    Raises `ConfigurationError`: at the beginning for what is no archive, on the way for what is
    damaged, and after the last part where something is missing.
    """
    digest, parts = blake2b(digest_size=32), 0
    with _sound(path), tarfile.open(path, "r|*") as tar:
        while (info := tar.next()) is not None:
            data = tar.extractfile(info) if info.isfile() else None
            if data is None:
                raise ConfigurationError(f"{path} is no back-up: {info.name} is no file")
            if info.name == END:
                _check_end(path, data.read(), parts, digest.hexdigest())
                return
            _begin(digest, info.name, info.size)
            watched = _Watched(data, digest, path)
            yield Part(info.name, info.size, watched)
            while watched.read(PIECE):
                pass
            tar.members.clear()  # type: ignore[attr-defined]
            parts += 1
    raise ConfigurationError(f"{path} is not whole: its end is missing")


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    """Has what is wrong with the archive be told. Raises `ConfigurationError`."""
    try:
        yield
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise ConfigurationError(f"{path} is no back-up, or is damaged: {error}") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}") from error


def _check_end(path: Path, data: bytes, parts: int, digest: str) -> None:
    try:
        end = decode(data, type=End)
    except MsgspecError as error:
        raise ConfigurationError(f"{path} is damaged: {error}") from error
    if end != End(parts, digest):
        raise ConfigurationError(f"{path} is damaged: it is not what was written")


def _begin(digest: blake2b, name: str, size: int) -> None:
    digest.update(f"{name} {size}\n".encode())


class _Watched:
    """Bytes that go into a digest as they are read from `path`."""

    def __init__(self, source: Readable, digest: blake2b, path: Path | None = None) -> None:
        self._source = source
        self._digest = digest
        self._path = path

    def read(self, size: int = -1, /) -> bytes:
        with nullcontext() if self._path is None else _sound(self._path):
            data = self._source.read(size)
        self._digest.update(data)
        return data
