"""A room of the chat, taken out: to a pipe, a file, or a folder with all that is attached."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from hubbub.chat.backup import revision
from hubbub.chat.export import html, jsonl
from hubbub.chat.export.pages import Room, begin, room_id, whole
from hubbub.chat.files.blobs import Blobs, Missing, is_key, open_blobs
from hubbub.cli.log import Advance, new_file
from hubbub.errors import ConfigurationError
from hubbub.tables import Tables

Format = Literal["jsonl", "html"]

PAGES: dict[Format, str] = {"jsonl": "room.jsonl", "html": "index.html"}
"""What the room itself is called in a folder."""


class Taken(NamedTuple):
    """What was taken out: `missing` files have no bytes where they should."""

    room: str
    files: int
    missing: int


async def take(
    tables: Tables, said: str, format: Format, output: Path | None, files: str | None, show: Advance
) -> Taken:
    """Take out the room with this id or address. With `files`, where the attachments are, these
    too: `output` becomes a folder. Raises `ConfigurationError`, `Refused` and `Unavailable`."""
    await tables.read(revision)
    room = await begin(whole(tables, await tables.read(room_id, said)))
    content = _content(room, format, linked=files is not None)
    copied = missing = 0
    if output is None:
        await _write(room, content, sys.stdout.buffer, show)
    elif files is None:
        with new_file(output) as out:
            await _write(room, content, out, show)
    else:
        with _new_folder(output) as folder:
            copied, missing = await _copy(room, open_blobs(files), folder)
            with new_file(folder / PAGES[format]) as out:
                await _write(room, content, out, show)
    return Taken(room.room.name or room.room.id, copied, missing)


def _content(room: Room, format: Format, *, linked: bool) -> AsyncIterator[bytes]:
    at = time.time_ns() // 1_000_000
    return html.page(room, at, linked=linked) if format == "html" else jsonl.lines(room, at)


async def _write(room: Room, content: AsyncIterator[bytes], out: BinaryIO, show: Advance) -> None:
    async for piece in content:
        out.write(piece)
        out.flush()  # so that a pipe whose reader is gone ends it here
        show(room.done, room.room.offset)


async def _copy(room: Room, blobs: Blobs, folder: Path) -> tuple[int, int]:
    """Copy what is attached into `folder`: how many files, and how many are missing."""
    copied = missing = 0
    async for file in room.files():
        if is_key(file.id) and await _copy_one(blobs, file.id, folder / html.file_path(file)):
            copied += 1
        else:
            missing += 1
    return copied, missing


async def _copy_one(blobs: Blobs, key: str, path: Path) -> bool:
    try:
        stream = await blobs.open(key)
    except Missing:
        return False
    async with aclosing(stream):
        path.parent.mkdir(parents=True)
        with path.open("xb") as out:
            async for piece in stream:
                out.write(piece)
    return True


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """A folder that is at `path` once all is in it, and nowhere if not."""
    if path.exists():
        raise ConfigurationError(f"{path} is there already: name a folder that is not")
    part = path.with_name(f"{path.name}.part-{secrets.token_hex(4)}")
    try:
        part.mkdir()
        yield part
        os.rename(part, path)
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
