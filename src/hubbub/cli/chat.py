"""`hubbub chat`: the chat taken out, backed up, restored, and its tables made anew."""

from __future__ import annotations

import asyncio
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.json import encode
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hubbub.cli.config import ConfigOption
from hubbub.cli.log import StoreOption, YesOption, confirm, file_of, iso, opened, progress
from hubbub.cli.serve import STORE
from hubbub.cli.talk import clean
from hubbub.errors import ConfigurationError
from hubbub.settings import Settings, load, without_password

if TYPE_CHECKING:
    from hubbub.cli.again import Again
    from hubbub.cli.backup import Manifest

chat = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

FilesOption = Annotated[
    str | None,
    typer.Option(
        "--files",
        help="Where the chat keeps its files, as for `hubbub serve`. "
        "[default: HUBBUB_FILES, or hubbub-files]",
        show_default=False,
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Say what was done as JSON.")]


class Format(StrEnum):
    jsonl = "jsonl"
    html = "html"


@chat.callback()
def _chat() -> None:
    """Take out the chat, back it up and restore it, or make its tables anew.

    Exit code 75: the database cannot be reached for the moment, so try again later.
    """


def _settings(config: Path | None, store: str | None, files: str | None) -> Settings:
    """As `hubbub serve` would have them. Raises `ConfigurationError`."""
    given = {"store": store, "files": files}
    settings = load(config, **{name: value for name, value in given.items() if value})
    return settings if settings.store else settings.model_copy(update={"store": STORE})


# Export. --------------------------------------------------------------------------------------


@chat.command()
def export(
    room: Annotated[str, typer.Argument(help="A room's id, or what its address ends in.")],
    format: Annotated[
        Format, typer.Option(help="JSON lines, or a page to read and print.")
    ] = Format.jsonl,
    output: Annotated[
        Path | None,
        typer.Option(help="A file, which is there once all of it is.", metavar="FILE"),
    ] = None,
    with_files: Annotated[
        bool,
        typer.Option("--with-files", help="And all that is attached: FILE is a new folder then."),
    ] = False,
    files: FilesOption = None,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Write what was said in a room, as its members see it, beside a running server.

    What is said meanwhile is not in it.
    """
    if with_files and output is None:
        raise ConfigurationError("say with --output which folder to make")
    settings = _settings(config, store, files)
    asyncio.run(_export(settings, room, format, output, with_files))


async def _export(
    settings: Settings, room: str, format: Format, output: Path | None, with_files: bool
) -> None:
    from hubbub.cli.take import take

    shown = output is not None or not sys.stdout.isatty()
    async with opened(settings.store) as store:
        with progress("Exporting", shown=shown) as advance:
            files = settings.files if with_files else None
            taken = await take(store.tables(), room, format.value, output, files, advance)
    if output is not None:
        also = f", with {_number(taken.files, 'file')}" if with_files else ""
        typer.echo(f"{clean(taken.room)} is in {output}{also}")
    if taken.missing:
        typer.echo(f"{_number(taken.missing, 'file')} could not be found", err=True)


# Back-up. -------------------------------------------------------------------------------------


@chat.command()
def backup(
    file: Annotated[
        Path, typer.Argument(help="Where it goes, such as chat.tar.gz; nothing may be there.")
    ],
    files: FilesOption = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Write all of the chat to FILE, as it is at one moment, while a server uses it.

    A tar, compressed where its name ends in .gz, with every table and every file in it; the same
    for SQLite and PostgreSQL, so that it can be restored to either. Keep it as safe as the chat:
    whoever has it can read everything.
    """
    from hubbub.cli.backup import backup as make

    settings = _settings(config, store, files)
    with progress("Copying") as advance:
        done = asyncio.run(make(settings.store, settings.files, file, advance))
    manifest, size = done.manifest, file.stat().st_size
    if as_json:
        missing = {"missing": done.missing, "bytes": size}
        typer.echo(encode({"file": str(file), **_told(manifest), **missing}))
    else:
        what = f"{file} is a back-up of {without_password(settings.store)}"
        typer.echo(f"{what}: {_contents(manifest)}, in {size / 1e6:.1f} MB")
    if done.missing:
        number = _number(len(done.missing), "file")
        typer.echo(f"{number} could not be found, and {_is(done.missing)} not in it", err=True)


@chat.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `hubbub chat backup` has made.")],
    files: FilesOption = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Make the chat of a back-up, where there is none yet: a new file, or an empty database.

    What was backed up from SQLite can be restored to PostgreSQL, and the other way around. Clients
    begin anew, since what they have seen after the back-up is not in it.
    """
    from hubbub.cli.backup import restore as make

    settings = _settings(config, store, files)
    with progress("Restoring") as advance:
        manifest = asyncio.run(make(file, settings.store, settings.files, advance))
    if as_json:
        typer.echo(encode({"file": str(file), **_told(manifest)}))
    else:
        what = f"{without_password(settings.store)} is the chat of {iso(manifest.at)}"
        typer.echo(f"{what}: {_contents(manifest)}")


def _told(manifest: Manifest) -> dict[str, object]:
    return {"at": iso(manifest.at), "rows": manifest.rows, "files": manifest.files}


def _contents(manifest: Manifest) -> str:
    rows = manifest.rows
    parts = [
        _number(rows.get("chat_rooms", 0), "room"),
        _number(rows.get("chat_messages", 0), "message"),
        _number(manifest.files, "file"),
    ]
    return ", ".join(parts)


# Rebuild. -------------------------------------------------------------------------------------


@chat.command()
def rebuild(
    room: Annotated[
        str | None, typer.Option(help="This room alone: its id, or what its address ends in.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing: say what would be other.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a room.")] = False,
    yes: YesOption = False,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Make the tables of rooms, members and messages anew from the logs. Stop the server before.

    Each room is done whole or not at all; stopped half-way, it can be run again. Exit code 1: with
    --check, something is other than the logs say. 2: not all rooms could be done.
    """
    url = _settings(config, store, None).store
    if file_of(url) is None:
        confirm("Has every server of this chat been stopped?", yes)
    done = asyncio.run(_rebuild(url, room, check))
    for one in done:
        if one.error is not None:
            typer.echo(f"hubbub: {clean(one.error)}", err=True)
        if one.other is not None:
            typer.echo(
                f"{clean(one.room)} has its address back from {clean(one.other)}: rebuild that as "
                "well, or give it another name",
                err=True,
            )
    if as_json:
        for one in done:
            typer.echo(encode({**one._asdict(), "differences": _listed(one)}))
    else:
        _show(done, check)
    if any(one.error for one in done):
        raise typer.Exit(2)
    if any(one.differences for one in done):
        raise typer.Exit(1)


async def _rebuild(url: str, room: str | None, check: bool) -> list[Again]:
    from hubbub.chat.search import arrange
    from hubbub.cli.again import again, rooms_of
    from hubbub.stores.long import writing

    async with opened(url, alone=True) as store:
        rooms = await rooms_of(store, room)
        total, number = sum(rooms.values()), 0
        with progress("Checking" if check else "Rebuilding") as advance:

            def told(more: int) -> None:
                nonlocal number
                number += more
                advance(number, total)

            done = [await again(url, store, id, check=check, told=told) for id in sorted(rooms)]
        if not check:
            async with writing(url) as run:
                await run(arrange)
        return done


def _listed(one: Again) -> list[dict[str, object]]:
    return [difference._asdict() for difference in one.differences]


def _show(done: list[Again], check: bool) -> None:
    good = [one for one in done if one.error is None]
    events = _number(sum(one.events for one in good), "event")
    what = "checked against" if check else "made anew from"
    typer.echo(f"{_number(len(good), 'room')} {what} {events}")
    if not check:
        return
    table = Table("room", "table", "too many", "missing", box=box.SIMPLE_HEAD)
    for one in good:
        for name, foreign, missing in one.differences:
            table.add_row(Text(clean(one.room)), name, str(foreign), str(missing))
    if table.row_count:
        Console(highlight=False).print(table)
    else:
        typer.echo("the tables are what the logs say")


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _is(many: list[str]) -> str:
    return "is" if len(many) == 1 else "are"
