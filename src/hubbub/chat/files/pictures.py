"""Looking at pictures without trusting them: each in a process of its own, few at a time.

What a decoder does to its process, or takes of time and memory, is no concern of the server's.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NamedTuple

import PIL
from msgspec import Meta, MsgspecError, Struct
from msgspec.json import Decoder

from hubbub.chat.files import picture_process
from hubbub.chat.files.blobs import CHUNK
from hubbub.chat.files.picture_process import Job
from hubbub.chat.files.whole import whole

PREVIEW_SIDE = 640
AVATAR_SIDE = 256
"""Pixels."""

AT_ONCE = 2
"""Processes."""

PATIENCE_S = 60.0
"""Seconds until a picture is none, however busy the machine."""

MAX_PREVIEW = 4 * 1024 * 1024
"""Bytes; it is held in memory."""

_PROGRAM = [sys.executable, "-P", "-S", str(Path(picture_process.__file__))]
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


class NoPicture(ValueError):
    """It cannot be shown as a picture."""


class Picture(NamedTuple):
    """Sizes in pixels, as it is to be shown. `preview` is a WEBP, empty where none is needed;
    `cleaned` is the picture without what it says of where and by whom it was taken, None where
    it is so already. Iterating over that raises `NoPicture` where it ends too early."""

    width: int
    height: int
    preview: bytes
    cleaned: AsyncIterator[bytes] | None


class _Head(Struct):
    """What a process says before the bytes of the preview and of the cleaned picture. It is not
    to be trusted more than the picture."""

    width: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    height: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    preview: Annotated[int, Meta(ge=0, le=MAX_PREVIEW)]
    cleaned: Annotated[int, Meta(ge=0)]


_head = Decoder(_Head)


class Pictures:
    """Looks at pictures of at most so many pixels."""

    def __init__(self, pixels: int) -> None:
        self._pixels = pixels
        self._free = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def look(self, data: AsyncIterable[bytes], type: str) -> AsyncIterator[Picture]:
        """Decode a picture that begins like one of `type`.

        Raises `NoPicture` for what is none, or too large to be shown.
        """
        job = Job(type, self._pixels, PREVIEW_SIDE)
        async with self._running(data, job) as picture:
            yield picture

    async def square(self, data: AsyncIterable[bytes], type: str) -> bytes:
        """The middle of the picture as a WEBP of `AVATAR_SIDE`. Raises as `look` does."""
        job = Job(type, self._pixels, AVATAR_SIDE, square=True)
        async with self._running(data, job) as picture:
            return picture.preview

    @asynccontextmanager
    async def _running(self, data: AsyncIterable[bytes], job: Job) -> AsyncIterator[Picture]:
        async with self._free:
            process = await asyncio.create_subprocess_exec(
                *_PROGRAM,
                json.dumps(asdict(job)),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env=_environment(),
            )
            try:
                try:
                    async with asyncio.timeout(PATIENCE_S):
                        await _feed(process, data)
                        picture = await _answer(process)
                except (TimeoutError, asyncio.IncompleteReadError, MsgspecError, ValueError):
                    raise NoPicture("it cannot be decoded") from None
                yield picture
            finally:
                await whole(_end(process))


def _environment() -> dict[str, str]:
    """Where the process finds Pillow, and nothing that is secret."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": str(Path(PIL.__file__).parents[1])}


async def _feed(process: Process, data: AsyncIterable[bytes]) -> None:
    assert process.stdin is not None
    async for piece in data:
        try:
            process.stdin.write(piece)
            await process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            break  # it has ended, and will not have answered
    process.stdin.close()


async def _answer(process: Process) -> Picture:
    """Raises ValueError, MsgspecError and IncompleteReadError for a process that gives none."""
    assert process.stdout is not None
    head = _head.decode(await process.stdout.readline())
    preview = await process.stdout.readexactly(head.preview)
    cleaned = _cleaned(process.stdout, head.cleaned) if head.cleaned else None
    return Picture(head.width, head.height, preview, cleaned)


async def _cleaned(stream: asyncio.StreamReader, left: int) -> AsyncIterator[bytes]:
    while left:
        piece = await stream.read(min(CHUNK, left))
        if not piece:
            raise NoPicture("it cannot be decoded")
        left -= len(piece)
        yield piece


async def _end(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    await process.communicate()  # what is left to be read would keep the pipe open
