"""`hubbub rooms`: what is in the log of durable rooms, taken out of it, and removed from it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from msgspec import Raw
from msgspec.json import encode
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hubbub.cli.config import ConfigOption
from hubbub.cli.log import (
    StoreOption,
    YesOption,
    address,
    confirm,
    in_steps,
    iso,
    local,
    new_file,
    opened,
    progress,
)
from hubbub.cli.talk import clean
from hubbub.cli.token import duration
from hubbub.contracts import Store
from hubbub.errors import ConfigurationError, Unavailable
from hubbub.model import LogState, Publication, check_room_name

ROOMS = 1000
"""Rooms asked for at once."""

PAGE, PAGE_BYTES = 1000, 4_194_304
"""Publications read at once, at most."""

ONE_LINE = bytes.maketrans(b"\r\n", b"  ")
"""JSON holds these between its tokens only, where they mean as much as a space."""

rooms = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

RoomArgument = Annotated[str, typer.Argument(help="Such as chat:7.")]


@rooms.callback()
def _rooms() -> None:
    """See what is in the log of durable rooms, export it, or remove some of it.

    All of it works beside a running server. Exit code 75: the log cannot be reached for the
    moment, so try again later.
    """


# List. ----------------------------------------------------------------------------------------


@rooms.command("list")
def list_(
    match: Annotated[
        str | None,
        typer.Option(help="Only rooms with such a name, as in 'chat:*'.", metavar="GLOB"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """List the rooms that have a log: what is kept of each, and when it was last published to.

    In a pipe the columns are separated by tabs, and the time is UTC.
    """
    asyncio.run(_list(address(config, store), match, as_json))


async def _list(url: str, match: str | None, as_json: bool) -> None:
    at_terminal = sys.stdout.isatty()
    table = Table("room", box=box.SIMPLE_HEAD)
    for name in ("kept", "offsets"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("last published", "epoch"):
        table.add_column(name, no_wrap=True)
    async with opened(url) as store:
        async for state in _states(store):
            if match is not None and not fnmatchcase(state.room, match):
                continue
            if as_json:
                _write(sys.stdout.buffer, [_state_line(state)])
            elif at_terminal:
                table.add_row(Text(clean(state.room)), *_columns(state, local(state.touched)))
            else:
                columns = _columns(state, iso(state.touched) or "-")
                _write(sys.stdout.buffer, ["\t".join((state.room, *columns)).encode()])
    if at_terminal and not as_json:
        if table.row_count:
            Console(highlight=False).print(table)
        else:
            typer.echo("no room has a log" if match is None else f"no room is called {match}")


def _columns(state: LogState, last: str) -> tuple[str, ...]:
    offset, epoch = state.position
    kept = _kept(state)
    return str(kept), f"{state.first}…{offset}" if kept else "-", last, epoch


def _state_line(state: LogState) -> bytes:
    offset, epoch = state.position
    kept = _kept(state)
    return encode(
        {
            "room": state.room,
            "kept": kept,
            "first": state.first if kept else None,
            "offset": offset,
            "epoch": epoch,
            "at": iso(state.touched),
        }
    )


def _kept(state: LogState) -> int:
    return state.position.offset - state.first + 1  # there is no hole in what is kept


# History and export. --------------------------------------------------------------------------


@rooms.command()
def history(
    room: RoomArgument,
    limit: Annotated[int, typer.Option(min=1, help="So many publications at most.")] = 20,
    before: Annotated[
        int | None, typer.Option(min=1, help="Those before this offset.", metavar="OFFSET")
    ] = None,
    after: Annotated[
        int | None,
        typer.Option(min=0, help="Those after this offset, the oldest first.", metavar="OFFSET"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, as of `export`.")
    ] = False,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Show what was published in a room: the latest, unless you say before or after what."""
    asyncio.run(_history(address(config, store), room, limit, before, after, as_json))


async def _history(
    url: str, room: str, limit: int, before: int | None, after: int | None, as_json: bool
) -> None:
    console = Console(highlight=False, soft_wrap=True) if sys.stdout.isatty() else None
    async with opened(url) as store:
        state = await _state(store, room)
        until = min(state.position.offset, sys.maxsize if before is None else before - 1)
        begin = max(state.first - 1, until - limit if after is None else after)
        async for page in _publications(store, state, begin, min(until, begin + limit)):
            for publication in page:
                if as_json:
                    _write(sys.stdout.buffer, [_line(state, publication)])
                elif console is not None:
                    console.print(Text.assemble(*_said(publication)))
                else:
                    text = "".join(piece for piece, _ in _said(publication))
                    _write(sys.stdout.buffer, [text.encode()])


def _said(publication: Publication) -> list[tuple[str, str]]:
    """The line for a publication, in pieces of a text and its style; what is in it is clean."""
    info = publication.info
    who = "server" if info is None else info.user or f"guest {info.client[:6]}"
    return [
        (f"{publication.offset:>6}  {local(publication.at)}  ", "dim"),
        (clean(who), "bold cyan"),
        (f": {_in_words(publication)}", ""),
    ]


def _in_words(publication: Publication) -> str:
    if publication.binary:
        return f"({len(publication.data)} bytes)"
    return clean(publication.data.decode())


@rooms.command()
def export(
    room: Annotated[str | None, typer.Argument(help="Such as chat:7.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every room, one after another.")] = (
        False
    ),
    output: Annotated[
        Path | None,
        typer.Option(help="A file, which is there once all of it is.", metavar="FILE"),
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Write what a room's log keeps as JSON lines, one for each publication, in order.

    Each has room, offset, epoch, at (ISO 8601, UTC), user, client, tags and data, which is null
    where it is no JSON but bytes: then b64data has them. What is published meanwhile is not in it.
    """
    if (room is None) != everything:
        raise ConfigurationError("say which room, or --all for every room")
    url = address(config, store)
    if output is None:
        asyncio.run(_export(url, room, sys.stdout.buffer, shown=not sys.stdout.isatty()))
        return
    with new_file(output) as out:
        number = asyncio.run(_export(url, room, out, shown=True))
    typer.echo(f"{_publications_in_words(number)} in {output}")


async def _export(url: str, room: str | None, out: BinaryIO, *, shown: bool) -> int:
    """Returns how many publications there were."""
    done = 0
    async with opened(url) as store:
        only = None if room is None else [await _state(store, room)]
        total = 0
        async for state in _states(store, only):
            total += _kept(state)
        with progress("Exporting", shown=shown) as advance:
            async for state in _states(store, only):
                async for page in _publications(store, state, 0, state.position.offset):
                    _write(out, [_line(state, publication) for publication in page])
                    done += len(page)
                    advance(done, max(done, total))
    return done


def _line(state: LogState, publication: Publication) -> bytes:
    info, binary = publication.info, publication.binary
    return encode(
        {
            "room": state.room,
            "offset": publication.offset,
            "epoch": state.position.epoch,
            "at": iso(publication.at),
            "user": None if info is None else info.user,
            "client": None if info is None else info.client,
            "tags": None if publication.tags is None else dict(publication.tags),
            "data": None if binary else Raw(publication.data.translate(ONE_LINE)),
            **({"b64data": publication.data} if binary else {}),
        }
    )


def _write(out: BinaryIO, lines: list[bytes]) -> None:
    # Flushed, so that a pipe whose reader is gone ends the command here, where it is looked for.
    out.write(b"\n".join((*lines, b"")))
    out.flush()


# Trim and remove. -----------------------------------------------------------------------------


@rooms.command()
def trim(
    room: RoomArgument,
    keep: Annotated[
        int | None, typer.Option(min=0, help="Keep the last so many publications.", metavar="N")
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(help="Remove those older than 30d, 12h, 15m or 30s.", metavar="AGE"),
    ] = None,
    yes: YesOption = False,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Remove a room's oldest publications. Its position stays, so clients go on.

    A room that is to lose them all the time has `history` in its options instead.
    """
    if (keep is None) == (older_than is None):
        raise ConfigurationError("say --keep N, or --older-than 30d")
    before = 0
    if older_than is not None:
        age = duration(older_than)
        if age is None:
            raise ConfigurationError(f"--older-than is 30d, 12h, 15m or 30s, not {older_than!r}")
        before = int((time.time() - age) * 1000)
    asyncio.run(_trim(address(config, store), room, keep, before, yes))


async def _trim(url: str, room: str, keep: int | None, before: int, yes: bool) -> None:
    async with opened(url) as store:
        state = await _state(store, room)
        kept, first, total = _kept(state), 0, None
        if keep is not None:
            total = max(0, kept - keep)
            first = state.position.offset - keep + 1
            which = f"the oldest {total} of {_publications_in_words(kept)}"
        else:
            which = f"what was published before {local(before)}"
        removed = 0
        if kept and total != 0:
            confirm(f"Remove {which} in {clean(room)}?", yes)
            with progress("Removing") as advance:
                removed = await in_steps(
                    lambda most: store.trim(room, max(first, 0), before, most), advance, total
                )
        left = _kept(await _state(store, room))
    typer.echo(f"{_publications_in_words(removed)} removed from {clean(room)}, {left} kept")


@rooms.command()
def remove(
    room: RoomArgument,
    yes: YesOption = False,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Remove a room's log. It begins anew, in another epoch: clients are told that they cannot
    catch up."""
    asyncio.run(_remove(address(config, store), room, yes))


async def _remove(url: str, room: str, yes: bool) -> None:
    async with opened(url) as store:
        kept = _kept(await _state(store, room))
        confirm(f"Remove the log of {clean(room)}, with {_publications_in_words(kept)}?", yes)
        await store.remove(room)
        with progress("Purging") as advance:
            await in_steps(store.sweep, advance, None)
        ((_, position, *_),) = await store.states([room])
    typer.echo(
        f"the log of {clean(room)} is removed, with {_publications_in_words(kept)}; "
        f"it begins anew in epoch {position.epoch}"
    )


# Reading. -------------------------------------------------------------------------------------


async def _state(store: Store, room: str) -> LogState:
    """How the room's log stands. Raises `ConfigurationError` where it has none."""
    (state,) = await store.states([check_room_name(room)])
    if not state.position.offset:
        raise ConfigurationError(
            f"{clean(room)} has no log: `hubbub rooms list` shows the rooms that have one"
        )
    return state


async def _states(store: Store, only: list[LogState] | None = None) -> AsyncIterator[LogState]:
    """How the logs of all rooms stand, by name, or `only` these."""
    states = await store.rooms("", ROOMS) if only is None else only
    while states:
        for state in states:
            yield state
        states = [] if only is not None else await store.rooms(states[-1].room, ROOMS)


async def _publications(
    store: Store, state: LogState, after: int, until: int
) -> AsyncIterator[list[Publication]]:
    """What a log keeps behind offset `after` up to offset `until`, a page at a time."""
    while after < until:
        page = await store.read(state.room, after, min(PAGE, until - after), PAGE_BYTES)
        if page.position.epoch != state.position.epoch:
            raise Unavailable(f"the log of {clean(state.room)} began anew while it was being read")
        # Where the oldest were trimmed meanwhile, it is of later ones.
        found = [publication for publication in page.publications if publication.offset <= until]
        if not found:
            return
        yield found
        after = found[-1].offset


def _publications_in_words(number: int) -> str:
    return f"{number} publication{'' if number == 1 else 's'}"
