"""The seam: where the bytes of files are kept.

What is known about a file is in the tables; here is what is in it, under a key of ours.
"""

from __future__ import annotations

import re
import secrets
from base64 import b32encode
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import NamedTuple, Protocol, Self
from urllib.parse import unquote

from hubbub import ConfigurationError

CHUNK = 256 * 1024
"""Bytes that are moved at once."""

EXAMPLES = (
    "/var/lib/hubbub/files, file:///var/lib/hubbub/files, "
    "s3://bucket/prefix?endpoint=https://…&region=…"
)

# Long and odd enough that nobody else's file is called so, where a folder or bucket is shared.
_KEY = re.compile(r"[a-z2-7]{26}(?:-[a-z0-9]{1,32}){0,3}", re.ASCII)


class Missing(LookupError):
    """There is nothing under that key."""


class Blob(NamedTuple):
    """Something that is kept: how many bytes, and since when (Unix seconds)."""

    key: str
    size: int
    at: float


class Stream(Protocol):
    """Bytes on their way out. Close it, however far it was read: `contextlib.aclosing`."""

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> bytes:
        """The next piece, never an empty one."""

    async def aclose(self) -> None: ...


class Blobs(Protocol):
    """Where bytes are kept. Keys are as `checked` allows them; no name of anybody's is one.

    All methods belong to one event loop, may be called concurrently, and never block it; none
    holds more than a few chunks in memory. Each raises `hubbub.Unavailable` where what it writes
    to cannot be reached, or is full.

    Laws: what `put` returned for, every later `open` and `list` sees, after a crash too; until
    then they see what was there before. Cancelled or raising, a `put` is carried out whole or
    not at all.
    """

    async def put(self, key: str, data: AsyncIterable[bytes]) -> int:
        """Keep `data` under `key`, in the place of what is there. Returns how many bytes it
        was. Raises what `data` raises."""

    async def open(self, key: str, start: int = 0, stop: int | None = None) -> Stream:
        """The bytes from `start` to before `stop`, or to the end where that comes first. Where
        `stop` is given, it is above `start`, and `start` below the size. Raises `Missing`."""

    async def delete(self, key: str) -> None:
        """Forget what is there. Harmless where there is nothing."""

    def list(self) -> AsyncIterator[Blob]:
        """All that is there, in no order, and what a crash may have left of a `put`."""


def new_id() -> str:
    """A key that nobody guesses: 26 of a to z and 2 to 7. More may follow it, behind dashes."""
    return b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


def is_key(key: str) -> bool:
    """Whether something of ours may be called so."""
    return _KEY.fullmatch(key) is not None


def checked(key: str) -> str:
    """Return `key` if it is one. Raises ValueError."""
    if not is_key(key):
        raise ValueError("that is no key of a file")
    return key


def open_blobs(address: str) -> Blobs:
    """What `address` names: a folder, by its path or as `file://…`, or a bucket, as `s3://…`.

    The folder is made. Raises `ConfigurationError` for what cannot work; no text quotes an
    address, which may hold what is secret.
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = "file", address
    elif scheme == "file":
        if not rest.startswith("/"):
            raise ConfigurationError(f"the address of a folder has three slashes: {EXAMPLES}")
        rest = unquote(rest)
    if scheme == "file":
        if not rest:
            raise ConfigurationError(f"say where files are kept: {EXAMPLES}")
        from hubbub.chat.files.disk import DiskBlobs

        return DiskBlobs(Path(rest))
    if scheme == "s3":
        from hubbub.chat.files.s3 import S3Blobs

        return S3Blobs.at(address)
    raise ConfigurationError(f"files cannot be kept in {scheme}: {EXAMPLES}")
