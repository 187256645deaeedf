"""The servers of the comparison: how each is started, watched and stopped."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hubbub.cli.bench import load
from hubbub.cli.bench.errors import BenchError, ServerGone
from hubbub.cli.bench.shapes import Kind, Shape
from hubbub.cli.bench.target import DIALECTS, Target

ROOT = Path(__file__).parent.parent
PEERS = ROOT / "benchmarks" / "peers"
MODULES = PEERS / "node_modules"

START_S = 20.0
"""Seconds a server has until it answers."""
STOP_S = 2.0
"""Seconds it has to end when told to; then it is ended."""
NODE_AT_LEAST = 18
PACKAGES = ("ws", "socket.io", "bun")
"""Of npm."""
IN_MEMORY = ("--store", "memory://")
SOCKETIO_PATH = "/socket.io/?EIO=4&transport=websocket&room={room}"


class Unavailable(Exception):
    """A server that cannot be started on this machine; the text says what is missing."""


Command = Callable[[int], list[str]]
"""The command line that serves on a port. Raises Unavailable."""


@dataclass(frozen=True)
class Server:
    """One entry of the comparison."""

    name: str
    about: str
    command: Command
    path: str = "/ws/{room}"
    dialect: str = "plain"
    ours: bool = False

    def takes(self, shape: Shape) -> bool:
        """Whether that load can be put on it: not every server keeps a history."""
        return shape.kind is not Kind.JOIN or DIALECTS[self.dialect].numbered

    def target(self, port: int) -> Target:
        return Target.parse(f"ws://127.0.0.1:{port}{self.path}", self.dialect)


def _hubbub(*arguments: str) -> Command:
    def command(port: int) -> list[str]:
        program = Path(sys.executable).with_name("hubbub")
        if not program.exists():
            raise Unavailable(f"there is no {program.name} beside {Path(sys.executable).name}")
        return [str(program), "serve", *arguments, "--port", str(port)]

    return command


def _python(module: str, *needs: str, arguments: tuple[str, ...] = ()) -> Command:
    def command(port: int) -> list[str]:
        missing = [name for name in needs if importlib.util.find_spec(name) is None]
        if missing:
            raise Unavailable(f"not installed: {', '.join(missing)}")
        return [sys.executable, "-m", f"benchmarks.peers.{module}", str(port), *arguments]

    return command


def _node(script: str) -> Command:
    def command(port: int) -> list[str]:
        node = shutil.which("node")
        if node is None:
            raise Unavailable("no Node.js")
        found = _output(node, "--version")
        if int(found.removeprefix("v").split(".")[0]) < NODE_AT_LEAST:
            raise Unavailable(f"Node.js {found} is older than {NODE_AT_LEAST}")
        _install_modules()
        return [node, str(PEERS / script), str(port)]

    return command


def _bun(*arguments: str) -> Command:
    def command(port: int) -> list[str]:
        _install_modules()
        # npm picks the packages that fit the system; of their builds, the fastest that this
        # processor can run is the first that prints its version.
        found = MODULES.glob("@oven/bun-*/bin/bun")
        builds = sorted(found, key=lambda path: "baseline" in str(path))
        for binary in (*builds, MODULES / "bun" / "bin" / "bun.exe"):
            try:
                _output(str(binary), "--version")
            except Unavailable:
                continue
            return [str(binary), str(PEERS / "bun_publish.ts"), str(port), *arguments]
        raise Unavailable("no build of Bun runs on this processor")

    return command


def _install_modules() -> None:
    if all((MODULES / package).is_dir() for package in PACKAGES):
        return
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("no npm to install it with")
    # No scripts: the packages bring what they need, and nothing of theirs runs at installation.
    _output(npm, "ci", "--ignore-scripts", cwd=PEERS, timeout=300)


def _output(*command: str, cwd: Path | None = None, timeout: float = 10.0) -> str:
    try:
        done = subprocess.run(
            command, cwd=cwd, timeout=timeout, capture_output=True, text=True, check=True
        )
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise Unavailable(f"{Path(command[0]).name} failed: {last[0]}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(str(error)) from None
    return done.stdout.strip()


SERVERS = {
    server.name: server
    for server in (
        Server(
            "hubbub-door",
            "hubbub, its own /ws/{room}",
            _hubbub("--headless", *IN_MEMORY),
            ours=True,
        ),
        Server(
            "hubbub-join", "hubbub.join in FastAPI", _hubbub("examples.tutorial:app"), ours=True
        ),
        Server(
            "hubbub-protocol",
            "hubbub, its protocol",
            _hubbub("--headless", "--config", "benchmarks/protocol.toml"),
            "/connection/websocket",
            "centrifuge",
            ours=True,
        ),
        Server("bun", "Bun, publish", _bun()),
        Server("bun-json", "Bun, publish, JSON", _bun("json"), dialect="json"),
        Server("ws", "Node.js, ws", _node("node_ws.mjs")),
        Server("websockets", "websockets, broadcast", _python("websockets_broadcast")),
        Server("tutorial", "FastAPI tutorial, uvicorn", _python("tutorial")),
        Server(
            "tutorial-json",
            "FastAPI tutorial, JSON",
            _python("tutorial", arguments=("json",)),
            dialect="json",
        ),
        Server(
            "socketio-node",
            "Node.js, Socket.IO, JSON",
            _node("node_socketio.mjs"),
            SOCKETIO_PATH,
            "socketio-json",
        ),
        Server(
            "socketio",
            "python-socketio, uvicorn",
            _python("socketio_server", "socketio"),
            SOCKETIO_PATH,
            "socketio",
        ),
        Server(
            "socketio-json",
            "python-socketio, JSON",
            _python("socketio_server", "socketio", arguments=("json",)),
            SOCKETIO_PATH,
            "socketio-json",
        ),
        Server(
            "channels",
            "Django Channels, uvicorn",
            _python("channels_app", "channels", "django"),
        ),
    )
}


GROUPS = {
    "rooms": (
        "hubbub-door",
        "hubbub-join",
        "bun",
        "ws",
        "websockets",
        "tutorial",
        "socketio",
        "channels",
    ),
    "protocol": (
        "hubbub-door",
        "hubbub-protocol",
        "bun",
        "bun-json",
        "tutorial-json",
        "socketio-json",
        "socketio-node",
    ),
}
"""What stands beside what: bare text in rooms; a JSON body, and what a protocol adds to it, with
the fastest of the first group beside."""


@dataclass(frozen=True)
class Cores:
    """Where servers run, and where this process does."""

    server: set[int]
    own: set[int]

    @classmethod
    def of_this_machine(cls) -> Cores:
        """One core each; all for both where there is only one."""
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            return cls(set(cores), set(cores))
        return cls({cores[0]}, {cores[1]})


@contextmanager
def running(server: Server, cores: Cores, log: Path) -> Iterator[tuple[Target, int]]:
    """A fresh process of `server` that answers as it should, and its process id.

    Raises Unavailable, or BenchError if it does not come up.
    """
    port = _free_port()
    command = server.command(port)
    environment = {key: value for key, value in os.environ.items() if key[:7] != "HUBBUB_"}
    os.sched_setaffinity(0, cores.server)  # inherited by all threads of the child
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
    finally:
        os.sched_setaffinity(0, cores.own)
    try:
        target = server.target(port)
        _wait_until_it_answers(process, target)
        yield target, process.pid
    except BenchError as error:
        ended = process.poll()
        if ended is None:
            raise
        last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing in its log"]
        raise ServerGone(f"it ended with code {ended} ({last[0]}); {error}") from None
    finally:
        _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_answers(process: subprocess.Popen[bytes], target: Target) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            return load.check(target)
        except ServerGone:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def versions() -> dict[str, str]:
    """What is compared, in the versions that are here."""
    found = {}
    for package in (
        "hubbub",
        "fastapi",
        "uvicorn",
        "uvloop",
        "websockets",
        "python-socketio",
        "channels",
    ):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "–"
    for package in PACKAGES:
        described = MODULES / package / "package.json"
        found[package] = json.loads(described.read_text())["version"] if described.exists() else "–"
    try:
        found["node"] = _output("node", "--version").removeprefix("v")
    except Unavailable:
        found["node"] = "–"
    return found
