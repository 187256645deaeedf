"""`hubbub serve`, run as it is typed."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from tests.support.clients import closed, dial, hear
from tests.support.commands import HUBBUB, hubbub_serve
from tests.support.server import DEADLINE, ROOT, ServerProcess
from websockets.exceptions import InvalidStatus

from hubbub.chat import is_built
from hubbub.client import connect
from hubbub.settings import Settings

TUTORIAL = "examples.tutorial:app"

MANY = Settings.model_fields["channel_limit"].default + 10
"""More rooms than a connection may be in elsewhere."""


def serve(*arguments: str, **more: object) -> ServerProcess:
    return ServerProcess(command=hubbub_serve(*arguments), **more)  # type: ignore[arg-type]


def refused(*arguments: str, cwd: Path = ROOT, **environment: str) -> str:
    """What the command says when it ends with code 2, as it does for what cannot work."""
    code, told = run("serve", *arguments, cwd=cwd, environment=environment)
    assert code == 2, told
    assert "Traceback" not in told
    return told


def run(
    *arguments: str, cwd: Path = ROOT, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HUBBUB_")}
    done = subprocess.run(
        [*HUBBUB, *arguments],
        cwd=cwd,
        env={**kept, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "hubbub.toml"


# What is told.


def test_chat_is_served_without_an_argument_and_its_first_link_is_told() -> None:
    with serve() as server:
        base = f"http://127.0.0.1:{server.port}"
        assert "<html" in httpx.get(f"{base}/").text
        assert httpx.get(f"{base}/healthz").json() == {"status": "ok"}
        assert httpx.get(f"{base}/api/chat/v1/rooms").status_code == 401
        assert server.stop_now() == 0
        first, *unbuilt, kept, welcome = server.log_now().splitlines()
        assert first == f"hubbub serves on {base}"
        assert bool(unbuilt) is not is_built()
        assert re.fullmatch(r"The chat is kept in sqlite:///.+/chat\.db", kept)
        link = rf"Make the first account, the administrator's: {base}/#welcome=[\w-]{{20,}}"
        assert re.fullmatch(link, welcome)


async def test_headless_serves_the_rooms_alone_and_says_that_anyone_may_enter() -> None:
    async with serve("--headless") as server:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            assert (await client.get("/healthz")).json() == {"status": "ok"}
            for path in ("/", "/docs", "/redoc", "/sw.js"):
                assert (await client.get(path)).status_code == 404, path
        async with dial(server.port, "/ws/tea") as ann, dial(server.port, "/ws/tea") as bob:
            await ann.send("hello")
            assert [await hear(ann), await hear(bob)] == ["Room tea: hello"] * 2
        assert await server.stop() == 0
        first, clients, rooms, demo, kept, last = (await server.log()).splitlines()
        address = f"127.0.0.1:{server.port}"
        assert first == f"hubbub serves on http://{address}"
        assert clients == f"Centrifuge clients: ws://{address}/connection/websocket"
        assert rooms == f"Rooms for text: ws://{address}/ws/ROOM"
        assert demo == f"In another terminal: hubbub talk demo:lobby --url http://{address}"
        assert kept.startswith("Durable rooms are kept in ")
        assert last == "Open to anyone on this machine: no authentication is required."


async def test_application_is_served_on_the_fast_path() -> None:
    async with serve(TUTORIAL) as server:
        async with dial(server.port, "/ws/tea") as client:
            await client.send("hello")
            assert await hear(client) == "Room tea: hello"
        assert await server.stop() == 0
        log = await server.log()
    assert log == f"hubbub serves on http://127.0.0.1:{server.port}\n", "no word of plain ASGI"


def test_application_is_found_in_the_current_directory(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from fastapi import FastAPI\napp = FastAPI()\napp.get('/')(lambda: 'mine')\n"
    )
    command = ["env", "-C", str(tmp_path), *hubbub_serve("mine:app")]
    with ServerProcess(command=command) as server:
        assert httpx.get(f"http://127.0.0.1:{server.port}/").json() == "mine"


@pytest.mark.slow
@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_loopback_of_ipv6_is_loopback(tmp_path: Path) -> None:
    # Nobody listens at the same port of 127.0.0.1, so what is looked for is what it says.
    process = subprocess.Popen(
        [*HUBBUB, "serve", "--headless", "--host", "::1", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    try:
        assert process.stdout is not None
        assert re.fullmatch(r"hubbub serves on http://\[::1\]:\d+\n", process.stdout.readline())
        assert process.stdout.readline().startswith("Centrifuge clients: ws://[::1]:")
        assert process.stdout.readline().startswith("Rooms for text: ws://[::1]:")
        assert " --url http://[::1]:" in process.stdout.readline()
        assert process.stdout.readline() == "Durable rooms are kept in sqlite:///hubbub.db\n"
        assert process.stdout.readline().startswith("Open to anyone on this machine")
    finally:
        process.terminate()
        process.communicate(timeout=DEADLINE)


def test_address_that_others_reach_is_refused_without_anonymous() -> None:
    told = refused("--host", "0.0.0.0", "--port", "0", "--headless")
    assert told.startswith("hubbub: on 0.0.0.0 anyone could enter every room")
    assert "--anonymous" in told


def test_without_anonymous_there_are_no_rooms_to_try() -> None:
    with serve("--headless", "--no-anonymous") as server:
        assert server.stop_now() == 0
        assert "demo:" not in server.log_now()


async def test_person_in_more_rooms_than_most_hears_all_of_them() -> None:
    async with serve() as server:
        base = f"http://127.0.0.1:{server.port}"
        code = (await server.log()).strip().rpartition("=")[2]
        api = f"{base}/api/chat/v1"
        async with httpx.AsyncClient(base_url=api, headers={"Origin": base}) as client:
            ann = {"name": "ann", "display": "Ann", "password": "a long enough one", "code": code}
            assert (await client.post("/users", json=ann)).status_code == 201
            for number in range(MANY):
                made = await client.post("/rooms", json={"kind": "public", "name": f"R{number}"})
                assert made.status_code == 201, made.text
            token = (await client.post("/session/token")).json()["token"]
            rooms = (await client.get("/rooms")).json()["items"]
        async with connect(base, token=token) as socket:
            for room in rooms:
                await socket.join(f"room:{room['room']['id']}")
        assert len(rooms) == MANY


def test_the_chat_needs_a_database(tmp_path: Path) -> None:
    code, said = run("serve", "--port", "0", "--store", "memory://", cwd=tmp_path)
    assert (code, "sqlite:///" in said, "Traceback" in said) == (2, True, False), said


@pytest.mark.parametrize(
    ("store", "told"),
    [
        ("mysql://ann:secret@host/chat", "there is no log in mysql"),
        ("sqlite:////no/such/place/hubbub.db", "there is no directory /no/such/place"),
        ("sqlite:///text.db", "text.db cannot be opened"),
    ],
)
def test_a_store_that_cannot_be_used_is_told_without_a_traceback(
    store: str, told: str, tmp_path: Path
) -> None:
    (tmp_path / "text.db").write_text("no database, but a text of some length" * 100)
    code, said = run("serve", "--port", "0", "--store", store, cwd=tmp_path)
    assert code == 2, said
    assert f"hubbub: {told}" in said
    assert "Traceback" not in said
    assert "secret" not in said


def test_a_second_server_on_the_same_file_does_not_start(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/hubbub.db"
    with serve(settings={"store": store}) as server:
        code, said = run("serve", "--port", "0", "--store", store)
        assert (code, "another hubbub server has" in said) == (2, True), said
        assert server.stop_now() == 0
    with serve(settings={"store": store}) as server:
        assert server.stop_now() == 0


@pytest.mark.slow
def test_anonymous_opens_it_and_says_so_aloud(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*HUBBUB, "serve", "--host", "0.0.0.0", "--port", "0", "--anonymous"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    try:
        assert process.stdout is not None
        assert any("OPEN TO ANYONE WHO REACHES IT" in line for line in process.stdout)
    finally:
        process.terminate()
        process.communicate(timeout=DEADLINE)


# What cannot work.


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def test_occupied_port_is_told_and_what_to_do(taken_port: int) -> None:
    told = refused("--port", str(taken_port))
    assert told == (
        f"hubbub: port {taken_port} on 127.0.0.1 is taken; "
        "choose another with --port, or 0 for a free one\n"
    )


@pytest.mark.slow
def test_address_that_is_not_of_this_machine_is_told() -> None:
    told = refused("--host", "192.0.2.1", "--anonymous", "--port", "0")  # RFC 5737: nobody's
    assert told.startswith("hubbub: cannot listen on 192.0.2.1:0: ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("application", "told"),
    [
        ("nosuchmodule:app", 'Could not import module "nosuchmodule".'),
        ("examples.nosuchmodule:app", 'Could not import module "examples.nosuchmodule".'),
        ("examples.tutorial:nope", 'Attribute "nope" not found in module "examples.tutorial".'),
        (
            "examples.tutorial",
            '"examples.tutorial" names no application: write module:name, as main:app',
        ),
        (
            "examples.tutorial:__doc__",
            '"examples.tutorial:__doc__" is no ASGI application, but of the type str',
        ),
        (":app", 'Import string ":app" must be in format "<module>:<attribute>".'),
    ],
)
def test_application_that_is_not_there_is_told_in_one_line(application: str, told: str) -> None:
    assert refused(application, "--port", "0") == f"hubbub: {told}\n"


@pytest.mark.slow
def test_what_the_application_raises_is_shown_whole(tmp_path: Path) -> None:
    """An error in somebody's module is theirs: the traceback is what they need."""
    (tmp_path / "broken.py").write_text("import nosuchmodule\n")
    code, told = run("serve", "broken:app", cwd=tmp_path)
    assert code == 1
    assert "broken.py" in told
    assert "No module named 'nosuchmodule'" in told


@pytest.mark.slow
def test_headless_with_an_application_is_refused() -> None:
    assert "leave out the application" in refused(TUTORIAL, "--headless")


def test_unknown_option_is_told_with_those_that_resemble_it() -> None:
    told = refused("--prot", "9000")
    assert "--prot" in told
    assert "--port" in told


@pytest.mark.slow
def test_unknown_command_is_told_with_the_one_that_resembles_it() -> None:
    code, told = run("sreve")
    assert code == 2
    assert "serve" in told
    assert "Traceback" not in told


def test_unknown_setting_in_the_environment_is_told_with_the_nearest() -> None:
    told = refused(HUBBUB_PROT="9000")
    assert told == "hubbub: unknown setting HUBBUB_PROT; did you mean HUBBUB_PORT?\n"


def test_unknown_setting_in_the_file_is_told_with_the_nearest(toml: Path) -> None:
    toml.write_text("outbox_byte = 1\n")
    told = refused("--config", str(toml))
    assert told == "hubbub: unknown setting outbox_byte; did you mean outbox_bytes?\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--port", "70000"], "port: Input should be less than or equal to 65535, not 70000"),
        (["--port", "http"], "'--port'"),
        (["--ping-interval", "0"], "ping_interval: Input should be greater than 0"),
        (["--ping-timeout", "30"], "ping_timeout must be shorter than ping_interval"),
    ],
)
def test_value_that_cannot_be_is_told(arguments: list[str], told: str) -> None:
    assert told in refused(*arguments)


@pytest.mark.slow
def test_value_that_cannot_be_is_told_from_the_environment_too() -> None:
    assert "port: " in refused(HUBBUB_PORT="http")


@pytest.mark.slow
def test_file_that_is_not_there_is_told(toml: Path) -> None:
    assert refused("--config", str(toml)) == f"hubbub: no configuration file at {toml}\n"
    assert refused(HUBBUB_CONFIG=str(toml)) == f"hubbub: no configuration file at {toml}\n"


async def test_name_that_no_room_can_have_is_400_on_the_wire() -> None:
    async with serve("--headless") as server:
        for name in ("x" * 256, "%00", "%0d%0aset-cookie:%20a"):
            with pytest.raises(InvalidStatus) as answer:
                await dial(server.port, f"/ws/{name}")
            assert answer.value.response.status_code == 400, name
        async with dial(server.port, f"/ws/{'é' * 40}") as client:
            await client.send("hello")
            assert await hear(client) == f"Room {'é' * 40}: hello"
        assert "Traceback" not in await server.log()


# Settings.


@pytest.fixture
def file(toml: Path) -> Path:
    toml.write_text("message_bytes = 200\n")
    return toml


def test_every_setting_is_an_option_but_secrets_and_the_rules_of_rooms() -> None:
    code, told = run("serve", "--help", environment={"COLUMNS": "200"})
    assert code == 0
    without = {"namespaces", "without_namespace", "rooms", "token_hmac_secret_key", "api_keys"}
    without.add("oidc_client_secret")
    for name in Settings.model_fields:
        flag = "--origin" if name == "origins" else f"--{name.replace('_', '-')}"
        found = re.search(rf"\s{flag}[\s,/]", told)
        assert (found is None) is (name in without), flag


async def message_limit(*arguments: str, **environment: str) -> int:
    """The message_bytes that a server started with these has."""
    async with serve("--headless", *arguments, environment=environment) as server:
        for limit in (200, 300, 400):
            async with dial(server.port, "/ws/tea") as client:
                await client.send("x" * (limit + 1))
                try:
                    await hear(client)
                except Exception:
                    assert (await closed(client))[0] == 1009
                    return limit
    raise AssertionError("no limit found")


@pytest.mark.slow
async def test_command_line_wins_over_environment_and_that_over_file(file: Path) -> None:
    config = ("--config", str(file))
    assert await message_limit(*config) == 200
    assert await message_limit(*config, HUBBUB_MESSAGE_BYTES="300") == 300
    assert await message_limit(*config, "--message-bytes", "400", HUBBUB_MESSAGE_BYTES="300") == 400


async def test_settings_reach_the_hub_of_an_application_too(file: Path) -> None:
    async with serve(TUTORIAL, "--config", str(file)) as server:
        async with dial(server.port, "/ws/tea") as client:
            await client.send("x" * 201)
            assert (await closed(client))[0] == 1009


@pytest.mark.slow
async def test_origin_given_twice_lets_both_in() -> None:
    both = ("https://a.example", "https://b.example")
    arguments = [part for origin in both for part in ("--origin", origin)]
    async with serve("--headless", *arguments) as server:
        for origin in both:
            async with dial(server.port, "/ws/tea", origin=origin):
                pass
        with pytest.raises(InvalidStatus):
            await dial(server.port, "/ws/tea", origin="https://c.example")


def test_make_serve_takes_the_port() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "--always-make", "serve", "PORT=9123"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.splitlines()[-1] == ".venv/bin/hubbub serve --port 9123"
