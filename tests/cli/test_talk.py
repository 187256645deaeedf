"""`hubbub talk`, as it is typed: in a pipe, and in a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import subprocess
import unicodedata
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from tests.support.cable import cable
from tests.support.commands import HUBBUB, hubbub_serve
from tests.support.server import DEADLINE, ROOT, ServerProcess, serving

from hubbub import Hub
from hubbub.cli.talk import clean
from hubbub.client import connect
from hubbub.options import OPEN

ALL: dict[str, Any] = {**OPEN.model_dump(), "force_push_join_leave": True}
NAMESPACES = {
    "demo": ALL,
    "tiny": {**ALL, "history_size": 1},
    "mute": {"allow_subscribe_for_client": True, "allow_subscribe_for_anonymous": True},
    "shut": {},
}
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("HUBBUB_")}


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    settings = {"anonymous": "true", "namespaces": json.dumps(NAMESPACES)}
    with ServerProcess(command=hubbub_serve("--headless"), settings=settings) as server:
        yield server


@pytest.fixture
def url(server: ServerProcess) -> str:
    return f"http://127.0.0.1:{server.port}"


def talk(url: str, room: str, *more: str, said: str = "") -> tuple[int, list[str], str]:
    """Exit code, lines of standard output without their time, and standard error."""
    done = subprocess.run(
        [*HUBBUB, "talk", room, "--url", url, *more],
        input=said.encode(errors="surrogateescape"),
        capture_output=True,
        env=ENVIRONMENT,
        timeout=DEADLINE,
    )
    err = done.stderr.decode()
    assert "Traceback" not in err, err
    return done.returncode, [untimed(line) for line in done.stdout.decode().splitlines()], err


def untimed(line: str) -> str:
    found = re.fullmatch(r"(\d\d:\d\d|--:--) (.*)", line)
    if found is None:
        return line
    return f"earlier {found[2]}" if found[1] == "--:--" else found[2]


class Talker:
    """A talk that goes on."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        assert process.stdin is not None and process.stdout is not None
        self._in, self._out = process.stdin, process.stdout

    async def line(self) -> str:
        raw = await asyncio.wait_for(self._out.readline(), DEADLINE)
        return untimed(raw.decode().removesuffix("\n"))

    async def until(self, line: str) -> None:
        while (heard := await self.line()) != line:
            assert heard, f"it ended before {line!r}"

    async def say(self, text: str) -> None:
        self._in.write(text.encode())
        await self._in.drain()

    async def end(self) -> tuple[int | None, str, str]:
        self._in.close()  # Ctrl-D
        out, err = await asyncio.wait_for(self.process.communicate(), DEADLINE)
        return self.process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def talker(url: str, room: str, *more: str) -> AsyncIterator[Talker]:
    process = await asyncio.create_subprocess_exec(
        *[*HUBBUB, "talk", room, "--url", url, *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    try:
        yield Talker(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


# In a pipe.


def test_line_is_published_and_that_is_all(url: str) -> None:
    code, lines, err = talk(url, "demo:pipe", "--name", "ann", said="hi\r\n\nthere")
    assert (code, err) == (0, "")
    assert lines == ["* you are in demo:pipe; Ctrl-D ends it", "ann: hi", "ann: there"]


async def test_others_receive_text_and_name(url: str) -> None:
    async with connect(url) as client:
        room = await client.join("demo:data")
        await asyncio.to_thread(talk, url, "demo:data", "--name", "Zoë", said="grüße\n")
        await asyncio.to_thread(talk, url, "demo:data", said="nobody\udcff")
        assert (await room.next()).data == {"text": "grüße", "name": "Zoë"}
        assert (await room.next()).data == {"text": "nobody\ufffd"}


def test_latest_of_the_past_comes_first_and_once(url: str) -> None:
    talk(url, "demo:past", "--name", "ann", said="".join(f"{number}\n" for number in range(25)))
    _, lines, _ = talk(url, "demo:past", "--name", "bob", said="new")
    past = [f"earlier ann: {number}" for number in range(5, 25)]
    assert lines == [*past, "* you are in demo:past; Ctrl-D ends it", "bob: new"]


def test_file_is_read_as_a_pipe_is(url: str) -> None:
    with open("/dev/null") as nothing, open(ROOT / "LICENSE") as file:
        for given in (nothing, file):
            done = subprocess.run(
                [*HUBBUB, "talk", "demo:file", "--url", url],
                stdin=given,
                stdout=subprocess.PIPE,
                env=ENVIRONMENT,
                timeout=DEADLINE,
            )
            assert done.returncode == 0
    assert b"MIT License" in done.stdout


async def test_who_comes_and_goes_and_what_is_said(url: str) -> None:
    async with talker(url, "demo:people") as ann:
        assert await ann.line() == "* you are in demo:people; Ctrl-D ends it"
        async with connect(url) as bob:
            room = await bob.join("demo:people")
            guest = f"guest {bob.id[:6]}"
            assert await ann.line() == f"* {guest} is here"
            for data in ("plain", {"text": "named", "name": "bob"}, [1, "é"]):
                await room.publish(data)
            assert [await ann.line() for _ in range(3)] == [
                f"{guest}: plain",
                "bob: named",
                f'{guest}: [1, "é"]',
            ]
        assert await ann.line() == f"* {guest} left"
        await ann.say("still there\n")
        assert (await ann.line()).endswith(": still there")
        assert await ann.end() == (0, "", "")


async def test_json_is_an_object_a_line(url: str) -> None:
    await asyncio.to_thread(talk, url, "demo:json", "--name", "ann", said="earlier")
    async with talker(url, "demo:json", "--json") as ann, connect(url) as bob:
        past, first = json.loads(await ann.line()), json.loads(await ann.line())
        assert (first["event"], first["room"]) == ("in", "demo:json")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first["time"])
        assert [past[key] for key in ("text", "name", "past", "offset")] == [
            "earlier",
            "ann",
            True,
            1,
        ]
        room = await bob.join("demo:json")
        joined = json.loads(await ann.line())
        assert (joined["event"], joined["client"], joined["user"]) == ("join", bob.id, "")
        await room.publish({"text": "a\x1bb", "more": [1]})
        said = json.loads(await ann.line())
        assert (said["text"], said["data"]) == ("a\x1bb", {"text": "a\x1bb", "more": [1]})
        assert (said["event"], said["client"], said["offset"]) == ("message", bob.id, 2)
        await room.leave()
        assert json.loads(await ann.line())["event"] == "leave"
        assert await ann.end() == (0, "", "")


# A connection that is lost.


@pytest.mark.parametrize(
    ("room", "said", "told"),
    [
        ("demo:lost", 2, "* back, nothing was missed"),
        ("tiny:lost", 2, "* back, some of it is missing"),
        ("mute:lost", 0, "* back; what was said meanwhile is not kept here"),
    ],
)
async def test_lost_connection_comes_back(
    server: ServerProcess, url: str, room: str, said: int, told: str
) -> None:
    async with cable(f"127.0.0.1:{server.port}") as line, connect(url) as other:
        async with talker(f"http://{line.at}", room) as ann:
            await ann.until(f"* you are in {room}; Ctrl-D ends it")
            theirs = await other.join(room)
            line.cut()
            await ann.until("* reconnecting…")
            for number in range(said):
                await theirs.publish({"text": str(number), "name": "bob"})
            line.mend()
            assert await ann.line() == told
            if room == "demo:lost":
                assert [await ann.line(), await ann.line()] == ["bob: 0", "bob: 1"]
            assert (await ann.end())[0] == 0


# What cannot work.


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nope:1"], "has no room 'nope:1', because its configuration has no [namespaces.WORD]"),
        (["lobby"], "has no room 'lobby', because its configuration has no [without_namespace]"),
        (["shut:1"], "permission denied: 'shut:1' lets in whom the server's configuration allows"),
        (["$demo:1"], "pass it with --token"),
        (["demo:é"], "has no rooms with a name such as 'demo:é'"),
        (["demo:1", "--token", "none"], "does not take this token: make one there with `hubbub"),
        (["demo:1", "--url", "http://127.0.0.1:1"], "start it with `hubbub serve`, or say with"),
        (["demo:1", "--url", "nowhere"], "'nowhere' is no server: write it as http://127.0.0.1"),
    ],
)
def test_room_that_cannot_be_entered(url: str, arguments: list[str], told: str) -> None:
    room, *more = arguments
    code, lines, err = talk(url, room, *more, said="hi")
    assert (code, lines) == (2, [])
    assert err.startswith("hubbub: ")
    assert told in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("room", "line", "told"),
    [
        ("mute:1", "hi\n", "you may not publish in mute:1"),
        ("demo:1", "é" * 32_000 + "\n", "the server takes no line that long"),
        ("demo:1", "x" * 200_000, "a line of more than 65536 bytes cannot be published"),
    ],
)
def test_line_that_cannot_be_published(url: str, room: str, line: str, told: str) -> None:
    code, _, err = talk(url, room, said=line)
    assert (code, err) == (2, f"hubbub: {told}\n")


def test_server_that_wants_a_token_says_what_to_do() -> None:
    settings = {"token_hmac_secret_key": "s" * 32, "namespaces": json.dumps(NAMESPACES)}
    with ServerProcess(command=hubbub_serve("--headless"), settings=settings) as server:
        address = f"http://127.0.0.1:{server.port}"
        code, _, err = talk(address, "demo:1")
        assert code == 2
        assert "`hubbub token --user NAME`" in err
        token = subprocess.run(
            [*HUBBUB, "token", "--user", "ann"],
            env={**ENVIRONMENT, "HUBBUB_TOKEN_HMAC_SECRET_KEY": "s" * 32},
            capture_output=True,
            text=True,
        ).stdout.strip()
        code, lines, _ = talk(address, "demo:1", "--token", token, said="hi")
        assert (code, lines[-1]) == (0, "ann: hi")
        # A name is what somebody says of themselves: the server's word for them goes with it.
        claimed = ("--token", token, "--name", "the boss")
        assert talk(address, "demo:2", *claimed, said="hi")[1][-1] == "the boss (ann): hi"


async def test_sent_away_for_good() -> None:
    hub = Hub(namespaces={"demo": ALL})

    @hub.authenticate
    def who() -> str:
        return "ann"

    app = FastAPI(lifespan=hub.lifespan)
    app.include_router(hub.router)
    async with serving(app) as server:
        async with talker(f"http://127.0.0.1:{server.port}", "demo:1") as ann:
            await ann.line()
            hub.disconnect("ann", 4500, "be\x1b[2J gone\n")
            assert await ann.process.wait() == 2
            code, out, err = await ann.end()
            assert (code, out) == (2, "")
            assert err == "hubbub: be\ufffd[2J gone  (4500)\n"


# What others write is no command to the terminal.


EVIL = "\x1b[2J\x1b]0;title\x07 a\rb \x9b31m \u202eevil\u2066 c\nd \u2028e\x7f \u200bf"


async def test_terminal_gets_no_commands_of_others(url: str) -> None:
    async with talker(url, "demo:evil") as ann, connect(url) as eve:
        await ann.line()
        room = await eve.join("demo:evil")
        await ann.line()
        await room.publish({"text": EVIL, "name": "eve" + EVIL})
        await room.publish(EVIL)
        await room.publish([EVIL])
        heard = [await ann.line() for _ in range(3)]
    assert heard[0].startswith("eve\ufffd[2J\ufffd]0;title\ufffd a\ufffdb")
    assert heard[1].endswith("\ufffdevil\ufffd c d \ufffde\ufffd \ufffdf")
    for line in heard:
        assert line.isprintable()


@given(st.text())
def test_nothing_that_moves_or_hides_is_left(text: str) -> None:
    for char in clean(text):
        assert unicodedata.category(char) not in {"Cc", "Cs", "Zl", "Zp"}
        assert unicodedata.category(char) != "Cf" or char in "\u200c\u200d"


@pytest.mark.parametrize("text", ["👩\u200d🚀 grüße", "می\u200cخواهم", "e\u0301"])
def test_what_people_write_stays(text: str) -> None:
    assert clean(text) == text


# In a terminal.


class Terminal:
    """A process whose standard input and output are a terminal."""

    def __init__(self, *command: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**ENVIRONMENT, "TERM": "xterm-256color", "COLUMNS": "200"},
        )
        os.close(theirs)
        self.text = ""

    def until(self, text: str) -> None:
        while text not in self.text:
            data = b""
            with suppress(OSError):  # nobody has the other end any more
                data = os.read(self._ours, 65_536)
            assert data, f"{text!r} is not in {self.text!r}"
            self.text += data.decode(errors="replace")

    def type(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def end(self) -> int:
        try:
            return self.process.wait(DEADLINE)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self._ours)


def in_terminal(url: str, room: str) -> Terminal:
    return Terminal(*HUBBUB, "talk", room, "--url", url, "--name", "ann")


def test_terminal_ends_with_control_d(url: str) -> None:
    terminal = in_terminal(url, "demo:terminal")
    terminal.until("you are in demo:terminal")
    terminal.type(b"hello\n")
    terminal.until("ann\x1b[0m: hello")  # in colour
    terminal.type(b"\x04")
    assert terminal.end() == 0


def test_terminal_ends_with_control_c(url: str) -> None:
    terminal = in_terminal(url, "demo:terminal")
    terminal.until("Ctrl-D ends it")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 0
    assert "Traceback" not in terminal.text


def test_terminal_goes_on_after_a_line_that_is_refused(url: str) -> None:
    terminal = in_terminal(url, "mute:terminal")
    terminal.until("Ctrl-D ends it")
    for line in (b"one", b"two"):
        terminal.type(line + b"\n")
        terminal.until(f"perhaps not sent: {line.decode()} (you may not publish in mute:terminal)")
    terminal.type(b"\x04")
    assert terminal.end() == 0
