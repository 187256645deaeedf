"""A back-up of the chat, and what is made of it: all tables, of one moment, and all files.

`manifest.json` comes first, then `tables/{table}/{number}.jsonl` and `files/{key}` (`cli.archive`).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from pathlib import Path
from typing import NamedTuple

from msgspec import MsgspecError, Struct
from msgspec.json import decode, encode
from sqlalchemy import Connection

from hubbub.chat import backup as chat
from hubbub.chat import migrate as chat_migrate
from hubbub.chat.files.blobs import Blobs, Missing, is_key, open_blobs
from hubbub.cli import archive
from hubbub.cli.log import Advance, new_file
from hubbub.errors import ConfigurationError
from hubbub.model import VERSION
from hubbub.stores import dump, migrate
from hubbub.stores.dump import Form
from hubbub.stores.long import Run, making, reading

MANIFEST = "manifest.json"

FORMAT = 1
"""Of these files; another number for what is made differently."""

PRIVATE = 0o600
"""Who may read a back-up: the hashes of passwords are in it."""

IN_MEMORY = 8_388_608
"""Bytes of a file that is on its way; of a larger one they are on the disk."""

MOST = 1_073_741_824
"""Bytes of one part of a table: more is no back-up of ours."""

NAMES = frozenset(
    {
        *(one.table for one in dump.log_forms()),
        migrate.VERSION_TABLE,
        *chat_migrate.OURS,
        chat_migrate.VERSION_TABLE,
    }
)
"""Tables that a restored chat will have."""


class Manifest(Struct):
    """What the back-up is of. `at` in Unix milliseconds; `log` and `chat` are the revisions of
    the tables, `rows` how many each has, `files` how many there are."""

    format: int
    version: str
    at: int
    kind: str
    log: str
    chat: str
    tables: list[Form]
    rows: dict[str, int]
    files: int


class Done(NamedTuple):
    """What is in a back-up. `missing` are ids of files whose bytes were not found."""

    manifest: Manifest
    missing: list[str]


# Making one. ----------------------------------------------------------------------------------


async def backup(url: str, files: str, path: Path, advance: Advance) -> Done:
    """Write all of the chat at `url`, whose files are at `files`, to `path`.

    `advance` is told how many rows and files are done. Raises `ConfigurationError` and
    `Unavailable`; then nothing is at `path`.
    """
    _nothing_at(path)
    async with reading(url) as run:
        manifest = await run(_manifest, url)
        total = sum(manifest.rows.values()) + manifest.files
        blobs = _opened(files) if manifest.files else None
        with (
            new_file(path, PRIVATE) as out,
            archive.writing(out, path.name, manifest.at) as writer,
        ):
            writer.add(MANIFEST, encode(manifest))
            done = 0
            for form in manifest.tables:
                async for rows in _table(run, form, writer):
                    done += rows
                    advance(done, total)
            missing: list[str] = []
            if blobs is not None:
                async for file, found in _files(run, blobs, writer):
                    done += 1
                    advance(done, total)
                    missing += [] if found else [file]
                if len(missing) == manifest.files:
                    raise ConfigurationError(
                        f"none of the chat's {manifest.files} files is there: say with --files "
                        "where they are"
                    )
    return Done(manifest, missing)


def _nothing_at(path: Path) -> None:
    if path.exists():
        raise ConfigurationError(f"{path} is there already: a back-up overwrites nothing")


def _manifest(connection: Connection, url: str) -> Manifest:
    revision = chat.revision(connection)
    forms = [*dump.log_forms(), *map(dump.form, chat.TABLES)]
    return Manifest(
        FORMAT,
        VERSION,
        time.time_ns() // 1_000_000,
        connection.dialect.name,
        migrate.HEAD,
        revision,
        forms,
        {form.table: dump.count(connection, form) for form in forms},
        chat.count_files(connection),
    )


def _opened(files: str) -> Blobs:
    if "://" not in files and not Path(files).is_dir():
        raise ConfigurationError(f"there is no folder {files}: say with --files where files are")
    return open_blobs(files)


async def _table(run: Run, form: Form, writer: archive.Writer) -> AsyncIterator[int]:
    """Write a table; how many rows at a time."""
    rows, buffer, number = dump.Rows(form), bytearray(), 0
    while not rows.over:
        lines, count = await run(rows.read)
        buffer += lines
        if len(buffer) >= dump.SIZE or (rows.over and buffer):
            writer.add(f"tables/{form.table}/{number:06}.jsonl", bytes(buffer))
            buffer.clear()
            number += 1
        yield count


async def _files(run: Run, blobs: Blobs, writer: archive.Writer) -> AsyncIterator[tuple[str, bool]]:
    """Write all files: the id of each, and whether it was there."""
    after = ""
    while page := await run(chat.kept_files, after):
        for file in page:
            found = [await _file(blobs, key, writer) for key in file.keys]
            yield file.id, found[0]  # without its preview it is still there
        after = page[-1].id


async def _file(blobs: Blobs, key: str, writer: archive.Writer) -> bool:
    try:
        stream = await blobs.open(key)
    except Missing:
        return False
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as spool:
        async with aclosing(stream):
            async for piece in stream:
                spool.write(piece)
        size = spool.tell()
        spool.seek(0)
        writer.copy(f"files/{key}", spool, size)
    return True


# Restoring it. --------------------------------------------------------------------------------


async def restore(path: Path, url: str, files: str, advance: Advance) -> Manifest:
    """Make the chat at `url`, with its files at `files`, of the back-up at `path`.

    Nothing of it may be at `url` yet. Raises `ConfigurationError` and `Unavailable`; then no chat
    is there, and it can be tried again.
    """
    with closing(archive.reading(path)) as parts:
        manifest = _read_manifest(path, parts)
        blobs = open_blobs(files) if manifest.files else None
        forms = {form.table: form for form in manifest.tables}
        left = dict(manifest.rows)
        total, done = sum(left.values()) + manifest.files, 0
        async with making(url, NAMES) as run:
            await run(migrate.upgrade, manifest.log)
            await run(chat_migrate.upgrade, manifest.chat)
            await run(dump.check_forms, manifest.tables)
            for part in parts:
                match part.name.split("/"):
                    case ["tables", table, _] if table in forms and part.size <= MOST:
                        rows = await run(dump.put, forms[table], part.data.read())
                        left[table] -= rows
                        done += rows
                    case ["files", key] if blobs is not None and is_key(key):
                        await blobs.put(key, _pieces(part))
                        done += "-" not in key
                    case _:
                        raise ConfigurationError(f"{path} is no back-up: it holds {part.name!r}")
                advance(done, total)
            if any(left.values()):
                raise ConfigurationError(f"{path} is damaged: not all rows are in it")
            await run(dump.finish, manifest.tables)
            await run(migrate.upgrade)
            await run(chat_migrate.upgrade)
    return manifest


def _read_manifest(path: Path, parts: Iterator[archive.Part]) -> Manifest:
    """Raises `ConfigurationError` for a back-up that this version cannot restore."""
    part = next(parts)
    if part.name != MANIFEST:
        raise ConfigurationError(f"{path} is no back-up of a chat")
    try:
        manifest = decode(part.data.read(), type=Manifest)
    except MsgspecError as error:
        raise ConfigurationError(f"{path} is no back-up that is known here: {error}") from error
    known = (
        manifest.format == FORMAT
        and manifest.log in migrate.REVISIONS
        and manifest.chat in chat_migrate.REVISIONS
    )
    if not known:
        raise ConfigurationError(
            f"{path} was made by a newer hubbub ({manifest.version}): restore it with that one"
        )
    if set(manifest.rows) != {form.table for form in manifest.tables}:
        raise ConfigurationError(f"{path} is damaged: its beginning is not what was written")
    return manifest


async def _pieces(part: archive.Part) -> AsyncIterator[bytes]:
    while piece := part.data.read(archive.PIECE):
        yield piece
