"""`hubbub rooms`, as it is typed: away from a terminal, at one, and beside a server."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Hubbub
from tests.support.commands import HUBBUB
from tests.support.looked_after import (
    ask,
    at_terminal,
    entries,
    environment,
    fill,
    fill_at,
    publishing,
    serve,
    state_of,
    with_store,
)
from tests.support.server import DEADLINE

from hubbub.contracts import Store
from hubbub.model import ClientInfo, Draft, Page
from hubbub.stores import sqlite_file
from hubbub.stores.sqlite import SQLiteStore

rooms = sys.modules["hubbub.cli.rooms"]
MOMENT = 1_700_000_000.123
"""2023-11-14T22:13:20.123Z"""


def numbers(first: int, last: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, last + 1)]


def lines(done: tuple[int | str | None, str, str]) -> list[Any]:
    """The JSON objects that a command printed, one a line."""
    code, out, err = done
    assert (code, err) == (0, "")
    assert out == "" or out.endswith("\n")
    return [json.loads(line) for line in out.split("\n")[:-1]]


# List.


def test_rooms_are_listed_with_what_is_kept_of_them(hubbub: Hubbub, url: str) -> None:
    fill(url, "chat:b", *numbers(1, 3))
    with_store(url, lambda store: store.trim("chat:b", 2, 0, 10))
    empty = fill(url, "chat:a", b"1")
    with_store(url, lambda store: store.trim("chat:a", 2, 0, 10))
    fill(url, "news", b"1")
    listed = lines(hubbub("rooms", "list", "--json", "--store", url))
    assert [room["room"] for room in listed] == ["chat:a", "chat:b", "news"]
    assert [room["kept"] for room in listed] == [0, 2, 1]
    assert [room["first"] for room in listed] == [None, 2, 1]
    assert [room["offset"] for room in listed] == [1, 3, 1]
    assert listed[0]["epoch"] == empty.position.epoch
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", r["at"]) for r in listed)


def test_rooms_are_listed_by_their_names(
    hubbub: Hubbub, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "ROOMS", 2)
    for room in ("chat:1", "chat:2", "chat:30", "Chat:4", "news"):
        fill(file, room, b"1")
    listed = lines(hubbub("rooms", "list", "--json", "--match", "chat:?", "--store", file))
    assert [room["room"] for room in listed] == ["chat:1", "chat:2"]
    assert len(lines(hubbub("rooms", "list", "--json", "--store", file))) == 5
    assert lines(hubbub("rooms", "list", "--json", "--match", "x*", "--store", file)) == []


def test_in_a_pipe_the_list_has_columns_with_tabs_between(hubbub: Hubbub, file: str) -> None:
    fill_at(file, "chat:7", [MOMENT] * 3)
    epoch = state_of(file, "chat:7").position.epoch
    code, out, err = hubbub("rooms", "list", "--store", file)
    assert (code, err) == (0, "")
    assert out == f"chat:7\t3\t1…3\t2023-11-14T22:13:20.123Z\t{epoch}\n"


def test_at_a_terminal_the_list_is_a_table_in_local_time(file: str) -> None:
    fill_at(file, "chat:[7]", [MOMENT] * 3)
    code, shown = at_terminal(file, "rooms", "list")
    assert code == 0
    for part in ("last published", "chat:[7]", "1…3", "2023-11-15 07:13:20"):
        assert part in shown
    code, shown = at_terminal(file, "rooms", "list", "--match", "nobody")
    assert (code, shown) == (0, "no room is called nobody\r\n")


# History.


def test_history_is_the_latest_unless_said_otherwise(hubbub: Hubbub, url: str) -> None:
    fill(url, "chat:7", *numbers(1, 30))
    with_store(url, lambda store: store.trim("chat:7", 5, 0, 10))

    def offsets(*more: str) -> list[int]:
        found = lines(hubbub("rooms", "history", "chat:7", "--json", "--store", url, *more))
        assert [one["data"] for one in found] == [one["offset"] for one in found]
        return [one["offset"] for one in found]

    assert offsets() == list(range(11, 31))
    assert offsets("--limit", "2") == [29, 30]
    assert offsets("--limit", "2", "--before", "8") == [6, 7]
    assert offsets("--before", "7") == [5, 6]
    assert offsets("--limit", "2", "--after", "8") == [9, 10]
    assert offsets("--limit", "2", "--after", "0") == [5, 6]
    assert offsets("--after", "8", "--before", "11") == [9, 10]
    assert offsets("--after", "30") == offsets("--before", "5") == []


def test_history_as_text_shows_who_said_what(hubbub: Hubbub, file: str) -> None:
    fill(
        file,
        "chat:7",
        Draft('{"text":"grüße\u202e"}'.encode(), info=ClientInfo("ann", "c-1")),
        Draft(b"[\n1]", info=ClientInfo("", "0123456789")),
        b'"\\u001b[2J"',
    )
    code, out, err = hubbub("rooms", "history", "chat:7", "--store", file)
    assert (code, err) == (0, "")
    said = [
        re.sub(r"^ +(\d+)  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ", r"\1 ", o) for o in out.split("\n")
    ]
    assert said == [
        '1 ann: {"text":"grüße\ufffd"}',
        "2 guest 012345: [ 1]",
        '3 server: "\\u001b[2J"',
        "",
    ]


def test_at_a_terminal_the_history_is_in_local_time(file: str) -> None:
    fill_at(file, "chat:7", [MOMENT])
    code, shown = at_terminal(file, "rooms", "history", "chat:7")
    assert code == 0
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown) == "     1  2023-11-15 07:13:20  server: 1\r\n"


# Export.


def test_export_has_every_publication_as_it_was_published(hubbub: Hubbub, url: str) -> None:
    info = ClientInfo("ann", "c-1", b'{"name":"Ann"}')
    state = fill(
        url,
        "chat:7",
        Draft('{"b": 1.50,"a":"ü\\u00fc\\/"}'.encode(), {"k": "v"}, info=info),
        Draft(b'{\r\n  "text": "two\\nlines"\n}'),
    )
    code, out, err = hubbub("rooms", "export", "chat:7", "--store", url)
    assert (code, err) == (0, "")
    at = [one["at"] for one in lines((code, out, err))]
    head = [
        f'{{"room":"chat:7","offset":{n},"epoch":"{state.position.epoch}","at":"{at[n - 1]}",'
        for n in (1, 2)
    ]
    assert out.split("\n") == [
        head[0] + '"user":"ann","client":"c-1","tags":{"k":"v"},'
        '"data":{"b": 1.50,"a":"ü\\u00fc\\/"}}',
        head[1] + '"user":null,"client":null,"tags":null,"data":{    "text": "two\\nlines" }}',
        "",
    ]


def test_export_of_everything_is_whole_and_in_order(
    hubbub: Hubbub, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rooms, "ROOMS", 2)
    monkeypatch.setattr(rooms, "PAGE", 100)
    for room in ("c", "a", "b"):
        fill(url, room, *numbers(1, 1050))
    wanted = [(room, number, number) for room in "abc" for number in range(1, 1051)]
    found = lines(hubbub("rooms", "export", "--all", "--store", url))
    assert [(one["room"], one["offset"], one["data"]) for one in found] == wanted

    output = tmp_path / "log.jsonl"
    output.write_text("of yesterday")
    done = hubbub("rooms", "export", "--all", "--store", url, "--output", str(output))
    assert done == (0, f"3150 publications in {output}\n", "")
    assert [json.loads(line) for line in output.read_text().splitlines()] == found


def meddle(
    monkeypatch: pytest.MonkeyPatch, work: Callable[[SQLiteStore, str], Awaitable[object]]
) -> None:
    """Have `work` done before the second page of a log is read."""
    read = SQLiteStore.read
    calls = 0

    async def meddled(self: SQLiteStore, room: str, *args: Any, **more: Any) -> Page:
        nonlocal calls
        calls += 1
        if calls == 2:
            await work(self, room)
        return await read(self, room, *args, **more)

    monkeypatch.setattr(rooms, "PAGE", 10)
    monkeypatch.setattr(SQLiteStore, "read", meddled)


def test_what_is_published_during_an_export_is_not_in_it(
    hubbub: Hubbub, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(file, "chat:7", *numbers(1, 15))
    meddle(monkeypatch, lambda store, room: store.append([(room, Draft(b"16"))]))
    found = lines(hubbub("rooms", "export", "chat:7", "--store", file))
    assert [one["offset"] for one in found] == list(range(1, 16))


def test_export_goes_on_behind_what_is_trimmed_meanwhile(
    hubbub: Hubbub, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(file, "chat:7", *numbers(1, 30))
    meddle(monkeypatch, lambda store, room: store.trim(room, 21, 0, 100))
    found = lines(hubbub("rooms", "export", "chat:7", "--store", file))
    assert [one["offset"] for one in found] == [*range(1, 11), *range(21, 31)]


def test_export_ends_where_all_that_it_was_to_have_is_trimmed(
    hubbub: Hubbub, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(file, "chat:7", *numbers(1, 30))

    async def overtake(store: SQLiteStore, room: str) -> None:
        await store.append([(room, Draft(data)) for data in numbers(31, 40)])
        await store.trim(room, 36, 0, 100)

    meddle(monkeypatch, overtake)
    found = lines(hubbub("rooms", "export", "chat:7", "--store", file))
    assert [one["offset"] for one in found] == list(range(1, 11))


def test_broken_export_leaves_what_was_there(
    hubbub: Hubbub, file: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fill(file, "chat:7", *numbers(1, 30))
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "log.jsonl").write_text("of yesterday")
    meddle(monkeypatch, lambda store, room: store.remove(room))
    output = str(folder / "log.jsonl")
    code, out, err = hubbub("rooms", "export", "chat:7", "--store", file, "--output", output)
    assert (code, out) == (75, "")
    assert err == "hubbub: the log of chat:7 began anew while it was being read\n"
    assert [one.name for one in folder.iterdir()] == ["log.jsonl"]
    assert (folder / "log.jsonl").read_text() == "of yesterday"


def test_export_to_where_no_file_can_be_is_told(hubbub: Hubbub, file: str, tmp_path: Path) -> None:
    fill(file, "chat:7", b"1")
    for output, told in (
        (tmp_path / "nowhere" / "x", f"cannot write {tmp_path}/nowhere/x: No such file"),
        (Path("/dev/null"), "/dev/null is no file"),
        (tmp_path, f"{tmp_path} is no file"),
    ):
        code, out, err = hubbub(
            "rooms", "export", "--all", "--store", file, "--output", str(output)
        )
        assert (code, out) == (2, "")
        assert err.startswith(f"hubbub: {told}")


def test_reader_that_is_gone_ends_an_export_quietly(file: str) -> None:
    fill(file, "chat:7", *[b'"%s"' % (b"x" * 200)] * 3000)  # more than a pipe holds
    process = subprocess.Popen(
        [*HUBBUB, "rooms", "export", "chat:7"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(file),
    )
    assert process.stdout is not None and process.stderr is not None
    assert b'"offset":1,' in process.stdout.readline()
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(DEADLINE) == 1


def test_at_a_terminal_there_is_a_bar_for_an_export_to_a_file(file: str, tmp_path: Path) -> None:
    fill(file, "chat:7", *numbers(1, 30))
    code, shown = at_terminal(file, "rooms", "export", "--all", "--output", str(tmp_path / "out"))
    assert code == 0
    assert "Exporting" in shown and "30/30" in re.sub(r"\x1b\[[0-9;]*m", "", shown)
    code, shown = at_terminal(file, "rooms", "export", "chat:7")
    assert code == 0
    assert "Exporting" not in shown, "it would be among the lines"


# Trim.


def test_trim_keeps_the_last(hubbub: Hubbub, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["hubbub.cli.log"], "STEP", 7)
    state = fill(url, "chat:7", *numbers(1, 30))
    arguments = ("rooms", "trim", "chat:7", "--yes", "--store", url, "--keep")
    assert hubbub(*arguments, "4") == (0, "26 publications removed from chat:7, 4 kept\n", "")
    assert [one.offset for one in entries(url, "chat:7")] == [27, 28, 29, 30]
    assert state_of(url, "chat:7").position == state.position
    assert hubbub(*arguments, "4") == (0, "0 publications removed from chat:7, 4 kept\n", "")
    assert hubbub(*arguments, "99") == (0, "0 publications removed from chat:7, 4 kept\n", "")
    assert hubbub(*arguments, "0") == (0, "4 publications removed from chat:7, 0 kept\n", "")
    assert fill(url, "chat:7", b"31").position == (31, state.position.epoch)


def test_trim_removes_what_is_older(hubbub: Hubbub, file: str) -> None:
    day, now = 86_400.0, time.time()
    fill_at(file, "chat:7", [now - 40 * day, now - 31 * day, now - 29 * day, now])
    arguments = ("rooms", "trim", "chat:7", "--yes", "--store", file, "--older-than")
    assert hubbub(*arguments, "30d") == (0, "2 publications removed from chat:7, 2 kept\n", "")
    assert [one.offset for one in entries(file, "chat:7")] == [3, 4]
    assert hubbub(*arguments, "30d") == (0, "0 publications removed from chat:7, 2 kept\n", "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "say --keep N, or --older-than 30d"),
        (["--keep", "1", "--older-than", "1d"], "say --keep N, or --older-than 30d"),
        (["--older-than", "1 day"], "--older-than is 30d, 12h, 15m or 30s, not '1 day'"),
        (["--keep", "-1"], "--keep"),
    ],
)
def test_trim_needs_to_know_what(
    hubbub: Hubbub, file: str, arguments: list[str], told: str
) -> None:
    fill(file, "chat:7", b"1")
    code, out, err = hubbub("rooms", "trim", "chat:7", "--yes", "--store", file, *arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert len(entries(file, "chat:7")) == 1


# Remove.


def test_removed_log_begins_anew_and_nothing_is_left_of_it(
    hubbub: Hubbub, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["hubbub.cli.log"], "STEP", 7)
    state = fill(url, "chat:7", *(Draft(data, key=data.decode()) for data in numbers(1, 30)))
    fill(url, "other", Draft(b"1", key="kept"))
    code, out, err = hubbub("rooms", "remove", "chat:7", "--yes", "--store", url)
    assert (code, err) == (0, "")
    position = state_of(url, "chat:7").position
    assert position.offset == 0
    assert position.epoch != state.position.epoch
    assert out == (
        "the log of chat:7 is removed, with 30 publications; "
        f"it begins anew in epoch {position.epoch}\n"
    )
    assert with_store(url, lambda store: store.sweep(100)) == 0, "there was nothing left to purge"
    assert [one["room"] for one in lines(hubbub("rooms", "list", "--json", "--store", url))] == [
        "other"
    ]
    assert len(entries(url, "other")) == 1


def test_keys_of_other_rooms_are_left_to_the_server(hubbub: Hubbub, file: str) -> None:
    async def long_ago(store: Store) -> object:
        old = SQLiteStore(file.removeprefix("sqlite:///"), now=lambda: time.time() - 3600)
        await old.start()
        await old.append([("other", Draft(b"1", key="a"))])
        await old.stop()
        return await store.append([("chat:7", Draft(b"1"))])

    with_store(file, long_ago)
    assert hubbub("rooms", "remove", "chat:7", "--yes", "--store", file)[0] == 0
    with closing(sqlite3.connect(file.removeprefix("sqlite:///"))) as connection:
        found = connection.execute('SELECT "key" FROM hubbub_keys').fetchall()
    assert found == [("a",)], "its window may be longer than an hour"


# Asking first.


@pytest.mark.parametrize("command", [("trim", "chat:7", "--keep", "1"), ("remove", "chat:7")])
def test_without_a_terminal_nothing_is_removed_unasked(
    hubbub: Hubbub, file: str, command: tuple[str, ...]
) -> None:
    fill(file, "chat:7", *numbers(1, 3))
    code, out, err = hubbub("rooms", *command, "--store", file)
    assert (code, out) == (2, "")
    assert err.startswith("hubbub: Remove the ")
    assert err.endswith("? There is no terminal to ask at: say --yes\n")
    assert len(entries(file, "chat:7")) == 3


def test_at_a_terminal_it_is_asked(file: str) -> None:
    fill(file, "chat:7", *numbers(1, 3))
    code, shown = at_terminal(file, "rooms", "trim", "chat:7", "--keep", "1", answer="n")
    assert code == 1
    assert "Remove the oldest 2 of 3 publications in chat:7? [y/N]" in shown
    assert len(entries(file, "chat:7")) == 3
    code, shown = at_terminal(file, "rooms", "trim", "chat:7", "--older-than", "1d", answer="y")
    assert code == 0
    assert re.search(r"Remove what was published before [-\d]+ [:\d]+ in chat:7\?", shown)
    assert "0 publications removed from chat:7, 3 kept" in shown
    code, shown = at_terminal(file, "rooms", "trim", "chat:7", "--keep", "1", answer="y")
    assert code == 0
    assert "2/2" in re.sub(r"\x1b\[[0-9;]*m", "", shown), "a bar"
    assert "2 publications removed from chat:7, 1 kept" in shown
    code, shown = at_terminal(file, "rooms", "remove", "chat:7", answer="y")
    assert code == 0
    assert "Remove the log of chat:7, with 1 publication? [y/N]" in shown
    assert entries(file, "chat:7") == []


# Beside a server.


def test_trimming_does_not_hinder_a_server(hubbub: Hubbub, file: str) -> None:
    fill(file, "chat:7", *numbers(1, 2000))
    with serve(file) as server, publishing(server, "chat:7") as published:
        code, out, err = hubbub("rooms", "trim", "chat:7", "--keep", "10", "--yes", "--store", file)
        assert (code, err) == (0, "")
        published.wait_for(3)
    kept = entries(file, "chat:7")
    assert kept[0].offset > 1990
    assert [one.offset for one in kept] == list(range(kept[0].offset, kept[-1].offset + 1))
    offsets = [offset for offset, _, _ in published.acknowledged]
    assert offsets == list(range(2001, kept[-1].offset + 1))


def test_server_goes_on_in_the_new_log_of_a_removed_one(hubbub: Hubbub, file: str) -> None:
    old = fill(file, "chat:7", *numbers(1, 2000)).position.epoch
    with serve(file) as server, publishing(server, "chat:7") as published:
        code, _, err = hubbub("rooms", "remove", "chat:7", "--yes", "--store", file)
        assert (code, err) == (0, "")
        published.wait_for(3)
        new = state_of(file, "chat:7").position
        assert ask(server, "history", channel="chat:7", limit=0)["epoch"] == new.epoch != old
    after = [(offset, number) for offset, epoch, number in published.acknowledged if epoch != old]
    kept = entries(file, "chat:7")
    assert [(one.offset, one.value["number"]) for one in kept] == after
    assert after[0][0] == 1


# What cannot work.


@pytest.mark.parametrize(
    "command",
    [
        ("history", "chat:8"),
        ("export", "chat:8"),
        ("trim", "chat:8", "--keep", "1", "--yes"),
        ("remove", "chat:8", "--yes"),
    ],
)
def test_room_without_a_log_is_told(hubbub: Hubbub, url: str, command: tuple[str, ...]) -> None:
    fill(url, "chat:7", b"1")
    told = "chat:8 has no log: `hubbub rooms list` shows the rooms that have one"
    assert hubbub("rooms", *command, "--store", url) == (2, "", f"hubbub: {told}\n")


def test_name_that_no_room_can_have_is_told(hubbub: Hubbub, file: str) -> None:
    fill(file, "chat:7", b"1")
    code, out, err = hubbub("rooms", "history", "", "--store", file)
    assert (code, out, err) == (2, "", "hubbub: a room needs a name\n")


@pytest.mark.parametrize("arguments", [[], ["chat:7", "--all"]])
def test_export_is_of_one_room_or_of_all(hubbub: Hubbub, file: str, arguments: list[str]) -> None:
    fill(file, "chat:7", b"1")
    told = "hubbub: say which room, or --all for every room\n"
    assert hubbub("rooms", "export", "--store", file, *arguments) == (2, "", told)


ALL = [
    ("rooms", "list"),
    ("rooms", "history", "chat:7"),
    ("rooms", "export", "chat:7"),
    ("rooms", "trim", "chat:7", "--keep", "1", "--yes"),
    ("rooms", "remove", "chat:7", "--yes"),
    ("db", "upgrade"),
    ("db", "backup", "copy.db"),
]


@pytest.mark.parametrize("command", ALL, ids=lambda command: " ".join(command[:2]))
def test_looking_for_a_log_makes_none(
    hubbub: Hubbub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = hubbub(*command)
    assert (code, out) == (2, "")
    assert err.startswith("hubbub: there is no log at hubbub.db: say with --store or --config")
    assert list(tmp_path.iterdir()) == []
    code, out, err = hubbub(*command, "--store", "memory://")
    assert (code, out) == (2, "")
    assert "a log in memory is seen by its own server alone" in err


@pytest.mark.parametrize("command", ALL[:-1], ids=lambda command: " ".join(command[:2]))
def test_log_that_cannot_be_reached_is_another_exit_code(
    hubbub: Hubbub, command: tuple[str, ...]
) -> None:
    url = "postgresql://ann:secret@127.0.0.1:1/log"  # a port that nobody listens at
    code, out, err = hubbub(*command, "--store", url)
    assert (code, out) == (75, "")
    assert err.startswith("hubbub: ")
    assert "secret" not in err


def test_log_that_somebody_else_writes_to_is_told(
    hubbub: Hubbub, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY", 0.0)
    fill(file, "chat:7", *numbers(1, 3))
    with closing(sqlite3.connect(file.removeprefix("sqlite:///"))) as other:
        other.execute("BEGIN IMMEDIATE")
        done = hubbub("rooms", "trim", "chat:7", "--keep", "1", "--yes", "--store", file)
        assert done == (75, "", "hubbub: the log is locked by another process\n")
        assert len(lines(hubbub("rooms", "history", "chat:7", "--json", "--store", file))) == 3


# Where the log is.


def test_log_is_found_where_a_server_finds_it(
    hubbub: Hubbub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def listed(*arguments: str) -> list[str]:
        return [one["room"] for one in lines(hubbub("rooms", "list", "--json", *arguments))]

    for name in ("hubbub", "toml", "environment", "option"):
        fill(f"sqlite:///{name}.db", name, b"1")
    (tmp_path / "hubbub.toml").write_text('store = "sqlite:///toml.db"\n')
    assert listed() == ["hubbub"]
    assert listed("--config", "hubbub.toml") == ["toml"]
    monkeypatch.setenv("HUBBUB_CONFIG", "hubbub.toml")
    assert listed() == ["toml"]
    monkeypatch.setenv("HUBBUB_STORE", "sqlite:///environment.db")
    assert listed() == ["environment"]
    assert listed("--store", "sqlite:///option.db") == ["option"]


def test_commands_are_in_the_help(hubbub: Hubbub) -> None:
    code, out, _ = hubbub("--help")
    assert code == 0
    assert re.search(r"^  rooms  ", out, re.M) and re.search(r"^  db  ", out, re.M)


def test_other_commands_do_not_wait_for_the_databases_packages() -> None:
    code = (
        "import sys, hubbub.cli; "
        "print(sorted({'alembic', 'asyncpg', 'sqlalchemy', 'sqlite3'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("[]\n", "")
