"""`hubbub talk`: a room in the terminal, or in a pipe."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
import threading
import time
import unicodedata
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from hubbub.client import (
    Back,
    Client,
    ClientInfo,
    ConnectionClosed,
    Event,
    Joined,
    Left,
    Lost,
    Publication,
    ReplyError,
    Room,
    connect,
)
from hubbub.errors import ConfigurationError, HubbubError

SHOWN = 20
"""Publications of the past that are shown at the start."""

LINE_BYTES = 65_536
"""A longer line would be refused by the server: by default it takes no larger message."""

LINES_AHEAD = 100
"""Lines read before they are published."""

NAME_SHOWN = 40
JOINERS = "\u200c\u200d"  # emoji and several scripts need them, and they move nothing

Show = Callable[[dict[str, Any]], None]


def talk(
    room: Annotated[str, typer.Argument(help="Such as demo:lobby.")],
    url: Annotated[str, typer.Option(help="Where the server is.")] = "http://127.0.0.1:8000",
    token: Annotated[
        str | None, typer.Option(help="A token to connect with; see `hubbub token`.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What others see beside your words.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line for each event.")
    ] = False,
) -> None:
    """Talk in a room: each line you write is published, and what others say is shown.

    Reads standard input to its end (Ctrl-D), so it works in a pipe. Exit code 2: the room could
    not be entered, or something could not be published.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a character that the terminal does not have
    show = _show_json if as_json else _show_text()
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(_talk(url, token, room, name, show))


def _end_with_control_c() -> None:
    """Have the loop told of it, which else may be about to wait, and see it when it wakes."""
    task = asyncio.current_task()
    assert task is not None
    with suppress(NotImplementedError):  # on Windows
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)


async def _talk(url: str, token: str | None, room_name: str, name: str | None, show: Show) -> None:
    _end_with_control_c()
    try:
        async with connect(url, token=token, name="hubbub talk") as client:
            room = await client.join(room_name, join_leave=True)
            shown = await _show_past(room, show)
            show({"event": "in", "room": room_name})
            await _both_ways(client, room, name, show, shown)
    except (HubbubError, TimeoutError) as error:
        raise ConfigurationError(clean(advice(error, url, room_name))) from None


async def _both_ways(client: Client, room: Room, name: str | None, show: Show, shown: int) -> None:
    listening = asyncio.create_task(_listen(client, room, show, shown))
    speaking = asyncio.create_task(_speak(room, name, show))
    try:
        await asyncio.wait((listening, speaking), return_when=asyncio.FIRST_COMPLETED)
        ended = room.ended
        await room.leave()
        await listening  # to the end of what came before
        if speaking.done():
            await speaking
        elif ended is not None:
            raise ended
    finally:
        listening.cancel()
        speaking.cancel()
        await asyncio.gather(listening, speaking, return_exceptions=True)


async def _show_past(room: Room, show: Show) -> int:
    """Show the latest publications; returns the offset of the last of them."""
    try:
        page = await room.history(SHOWN, reverse=True)
    except (ReplyError, ConnectionClosed, TimeoutError):
        return 0  # it keeps nothing, does not show it to us, or the connection is lost just now
    for publication in reversed(page.publications):
        show({**describe(publication), "past": True})
    return page.position.offset


async def _listen(client: Client, room: Room, show: Show, shown: int) -> None:
    """Show what happens, without the publications up to the offset `shown`."""
    mine = set()  # each connection there was: the end of a lost one may be told after our return
    async for event in room.events():
        mine.add(client.id)
        if isinstance(event, Back) and not event.recovered:
            shown = 0  # offsets may have begun anew
        if isinstance(event, Publication) and 0 < event.offset <= shown:
            continue
        if isinstance(event, Joined | Left) and event.info.client in mine:
            continue
        show(describe(event))


async def _speak(room: Room, name: str | None, show: Show) -> None:
    """Publish the lines of standard input. At a terminal one that cannot be is told."""
    at_terminal = sys.stdin is not None and sys.stdin.isatty()
    async for line in read_lines():
        if not line:
            continue
        message = {"text": line} if name is None else {"text": line, "name": name}
        try:
            await room.publish(message)
        except (ReplyError, ConnectionClosed, TimeoutError) as error:
            if room.ended is not None:
                raise
            reason = _why_not_sent(error, room.name)
            if not at_terminal:
                raise ConfigurationError(reason) from None
            show({"event": "not sent", "text": line, "reason": reason})


def _why_not_sent(error: ReplyError | ConnectionClosed | TimeoutError, room: str) -> str:
    code = None if isinstance(error, TimeoutError) else error.code
    match code:
        case 103:
            return f"you may not publish in {room}"
        case 1009:
            return "the server takes no line that long"
    return str(error)


# Standard input. ------------------------------------------------------------------------------


async def read_lines() -> AsyncIterator[str]:
    """The lines of standard input, which may be a terminal, a pipe or a file.

    They are read by a thread, because a file cannot be waited for and a terminal that does not
    block would not block for what we print either. It is left behind at the end.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | ConfigurationError | None] = asyncio.Queue()
    room = threading.Semaphore(LINES_AHEAD)

    def put(item: str | ConfigurationError | None) -> None:
        room.acquire()
        with suppress(RuntimeError):  # the loop is closed: nobody wants it
            loop.call_soon_threadsafe(queue.put_nowait, item)

    threading.Thread(target=_read_input, args=(put,), daemon=True).start()
    while (item := await queue.get()) is not None:
        room.release()
        if isinstance(item, ConfigurationError):
            raise item
        yield item


def _read_input(put: Callable[[str | ConfigurationError | None], None]) -> None:
    # Not through sys.stdin: its lock, held by a thread that waits, breaks the interpreter's end.
    rest = b""
    while sys.stdin is not None and (data := os.read(sys.stdin.fileno(), LINE_BYTES)):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            put(_decoded(line))
        if len(rest) > LINE_BYTES:
            put(ConfigurationError(f"a line of more than {LINE_BYTES} bytes cannot be published"))
            return
    if rest:
        put(_decoded(rest))
    put(None)


def _decoded(line: bytes) -> str:
    return line.decode(errors="replace").removesuffix("\r")


# What is shown. -------------------------------------------------------------------------------


def describe(event: Event) -> dict[str, Any]:
    """An event as `--json` has it, without the time."""
    match event:
        case Publication(data, offset, info):
            said: dict[str, Any] = {"event": "message", **_who(info), "offset": offset}
            if isinstance(data, dict) and isinstance(data.get("name"), str):
                said["name"] = data["name"]
            return {**said, "text": _text_of(data), "data": data}
        case Joined(info):
            return {"event": "join", **_who(info)}
        case Left(info):
            return {"event": "leave", **_who(info)}
        case Lost(code, reason):
            return {"event": "reconnecting", "code": code, "reason": reason}
        case Back(recovered):
            return {"event": "back", "recovered": recovered}


def _who(info: ClientInfo | None) -> dict[str, Any]:
    if info is None:
        return {"user": None, "client": None}
    who = {"user": info.user, "client": info.client}
    if isinstance(info.conn_info, dict) and isinstance(info.conn_info.get("name"), str):
        who["known_as"] = info.conn_info["name"]
    return who


def _text_of(data: Any) -> str:
    if isinstance(data, dict) and isinstance(data.get("text"), str):
        data = data["text"]
    return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)


def clean(text: str) -> str:
    """`text` on one line and with nothing in it that a terminal would obey.

    Neither control characters (an ESC begins a command to the terminal) nor those that turn the
    direction of writing or cannot be seen.
    """
    return "".join(_harmless(char) for char in text)


def _harmless(char: str) -> str:
    if char in "\t\n":
        return " "
    dangerous = unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return "\N{REPLACEMENT CHARACTER}" if dangerous and char not in JOINERS else char


def line_of(event: dict[str, Any], clock: str) -> list[tuple[str, str]]:
    """The line for `event`, in pieces of a text and its style; what is in it is clean."""
    match event["event"]:
        case "message":
            when = "--:--" if event.get("past") else clock
            return [
                (f"{when} ", "dim"),
                (_name(event), "bold cyan"),
                (f": {clean(event['text'])}", ""),
            ]
        case "in":
            said = f"you are in {event['room']}; Ctrl-D ends it"
        case "join":
            said = f"{_name(event)} is here"
        case "leave":
            said = f"{_name(event)} left"
        case "reconnecting":
            return [(f"{clock} ", "dim"), ("* reconnecting\N{HORIZONTAL ELLIPSIS}", "yellow")]
        case "back":
            said = _BACK[event["recovered"]]
        case _:
            said = f"perhaps not sent: {event['text']} ({event['reason']})"
    return [(f"{clock} ", "dim"), (clean(f"* {said}"), "dim")]


_BACK = {
    True: "back, nothing was missed",
    False: "back, some of it is missing",
    None: "back; what was said meanwhile is not kept here",
}


def _name(event: dict[str, Any]) -> str:
    """Who it is, as the server knows them; with the name they give themselves before it."""
    if event["client"] is None:
        return "server"
    known, said = event.get("known_as") or event["user"], event.get("name")
    if said and known and said != known:
        return clean(f"{said[:NAME_SHOWN]} ({known[:NAME_SHOWN]})")
    return clean((said or known or f"guest {event['client'][:6]}")[:NAME_SHOWN])


def _show_text() -> Show:
    console = Console(highlight=False, soft_wrap=True) if sys.stdout.isatty() else None

    def show(event: dict[str, Any]) -> None:
        pieces = line_of(event, time.strftime("%H:%M"))
        if console is not None:
            console.print(Text.assemble(*pieces))
        else:
            print("".join(text for text, _ in pieces), flush=True)

    return show


def _show_json(event: dict[str, Any]) -> None:
    # The protocol does not say when something of the past was.
    now = {} if event.get("past") else {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    print(json.dumps({**event, **now}), flush=True)


# What went wrong. -----------------------------------------------------------------------------

_MAKE_TOKEN = "make one there with `hubbub token --user NAME`, and pass it with --token"


def advice(error: Exception, url: str, room: str) -> str:
    """What to do about `error`."""
    code = error.code if isinstance(error, ReplyError | ConnectionClosed) else None
    match code:
        case 102:
            table = (
                "[namespaces.WORD] for the word before its ':'"
                if ":" in room
                else "[without_namespace]"
            )
            return (
                f"unknown channel: {url} has no room {room!r}, because its configuration has no "
                f"{table}; `hubbub serve --headless` without a "
                "configuration has the rooms demo:…"
            )
        case 103:
            return (
                f"permission denied: {room!r} lets in whom the server's configuration allows, "
                f"or a token; {_MAKE_TOKEN}"
            )
        case 107:
            return f"{url} has no rooms with a name such as {room!r}"
        case 109 | 1:
            return f"the token has expired: {_MAKE_TOKEN}"
        case 3500:
            return f"{url} does not take this token: {_MAKE_TOKEN}"
        case 3501:
            return (
                f"{url} lets nobody in who does not say who they are: if you have no token, "
                f"{_MAKE_TOKEN}; or let everyone in with `anonymous = true` in its configuration"
            )
        case 1006:
            return f"{error}; start it with `hubbub serve`, or say with --url where it is"
        case 2000:
            return f"{url} took you out of {room}"
    return str(error)
