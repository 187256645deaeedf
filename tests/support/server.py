"""Servers on real sockets of 127.0.0.1: in a process of their own, or on the loop of the test.

    async with ServerProcess("tests.support.rooms:app") as server:
        ...  # server.port, server.pid, await server.log(), await server.rss()

    async with serving(app) as server:
        ...  # server.port, server.connections, server.tasks

Only processes that were started here are ever signalled, each by its own id.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import uvicorn

from hubbub.transports.direct import WebSocketProtocol
from hubbub.transports.http import HttpProtocol

ROOT = Path(__file__).parents[2]

OUR_WS = "hubbub.transports.direct:WebSocketProtocol"
OUR_HTTP = "hubbub.transports.http:HttpProtocol"

DEADLINE = 20.0
"""Seconds a server may take to answer or to stop; it takes a fraction of one."""

KERNEL_BYTES = 65_536
"""Bytes of send and of receive buffer that a connection of `serving` asks of the kernel."""

_ADDRESS = re.compile(rb"http://127\.0\.0\.1:(\d+)")


def uvicorn_command(app: str, *, ws: str = OUR_WS, loop: str = "uvloop") -> list[str]:
    """uvicorn as a user starts it by hand, on a free port."""
    command = [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", "0"]
    return [*command, "--ws", ws, "--http", OUR_HTTP, "--loop", loop, "--no-use-colors"]


class ServerProcess:
    """A server in a process of its own, with what it says kept in a file.

    `app` is run by `uvicorn_command(app, **how)`; or else give the whole `command`, of a server
    that prints the http://127.0.0.1:PORT where it listens. `settings` go to it as `HUBBUB_…`.
    Use it with `async with`, or with `with` where no loop runs.
    """

    def __init__(
        self,
        app: str = "",
        *,
        command: Sequence[str] = (),
        settings: Mapping[str, object] | None = None,
        environment: Mapping[str, str] | None = None,
        file_limit: int | None = None,
        **how: str,
    ) -> None:
        self.command = list(command) or uvicorn_command(app, **how)
        if file_limit is not None:
            self.command = ["sh", "-c", f'ulimit -n {file_limit}; exec "$@"', "sh", *self.command]
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HUBBUB_")}
        told = {f"HUBBUB_{k.upper()}": str(v) for k, v in (settings or {}).items()}
        # No log in a file that is not asked for: servers of several tests would share it. The
        # chat, which needs one, has one of its own.
        applications = [part for part in self.command if re.fullmatch(r"[\w.]+:\w+", part)]
        self._chat = "serve" in self.command and not {"--headless", *applications} & {*self.command}
        usual = {"PYTHONUNBUFFERED": "1", "HUBBUB_STORE": "memory://"}
        self._environment = {**kept, **usual, **told, **(environment or {})}
        self.port = 0

    # Where no loop runs.

    def __enter__(self) -> Self:
        self._file = tempfile.NamedTemporaryFile(prefix="hubbub-server-", suffix=".log")
        self._place = tempfile.TemporaryDirectory(prefix="hubbub-server-")
        environment = dict(self._environment)
        if self._chat:
            environment.setdefault("HUBBUB_FILES", f"{self._place.name}/files")
            if environment["HUBBUB_STORE"] == "memory://":
                environment["HUBBUB_STORE"] = f"sqlite:///{self._place.name}/chat.db"
        self._process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._file,
            stderr=subprocess.STDOUT,
        )
        try:
            self._await_answer()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(DEADLINE)
        self._file.close()
        self._place.cleanup()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code (negative: the signal that ended it), None while it runs."""
        return self._process.poll()

    def send_signal(self, number: int) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)

    def stop_now(self, number: int = signal.SIGTERM, within: float = DEADLINE) -> int:
        """Signal it, and wait for its exit code. Raises TimeoutError."""
        self.send_signal(number)
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"still there {within:g} s after signal {number}") from None

    def log_now(self) -> str:
        return Path(self._file.name).read_text(errors="replace")

    def rss_now(self) -> int:
        """Bytes of memory it has in use."""
        return _memory(self.pid, "VmRSS")

    def peak_rss_now(self) -> int:
        """The most bytes of memory it has had in use."""
        return _memory(self.pid, "VmHWM")

    def cpu_seconds_now(self) -> float:
        """Seconds of CPU it has used, in user code and for it in the kernel."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # On a loop.

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, traceback)

    async def stop(self, number: int = signal.SIGTERM, within: float = DEADLINE) -> int:
        return await asyncio.to_thread(self.stop_now, number, within)

    async def log(self) -> str:
        return await asyncio.to_thread(self.log_now)

    async def rss(self) -> int:
        return await asyncio.to_thread(self.rss_now)

    async def peak_rss(self) -> int:
        return await asyncio.to_thread(self.peak_rss_now)

    async def cpu_seconds(self) -> float:
        return await asyncio.to_thread(self.cpu_seconds_now)

    # Starting.

    def _await_answer(self) -> None:
        end = time.monotonic() + DEADLINE
        while not self._answers():
            if self._process.poll() is not None:
                raise RuntimeError(f"ended with {self._process.returncode}:\n{self.log_now()}")
            if time.monotonic() > end:
                raise TimeoutError(f"no answer in {DEADLINE:g} s:\n{self.log_now()}")
            time.sleep(0.01)

    def _answers(self) -> bool:
        if not self.port:
            found = _ADDRESS.search(Path(self._file.name).read_bytes())
            if found is None:
                return False
            self.port = int(found[1])
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


def _memory(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {field} for process {pid}: it has ended")


class Local(NamedTuple):
    """A server on the loop of the test."""

    port: int
    state: uvicorn.server.ServerState

    @property
    def connections(self) -> int:
        """How many sockets the server holds."""
        return len(self.state.connections)

    @property
    def tasks(self) -> int:
        """How many calls of the application run."""
        return len(self.state.tasks)


@asynccontextmanager
async def serving(
    app: Any, *, ws: Any = WebSocketProtocol, http: Any = HttpProtocol, **more: Any
) -> AsyncIterator[Local]:
    """uvicorn on the running loop and a real socket, with the application's lifespan.

    `more` goes to `uvicorn.Config`. At the end it stops as it does for a signal. The kernel keeps
    little for a connection, so that a test need not fill megabytes to find out who is behind.
    """
    sock = socket.create_server(("127.0.0.1", 0), backlog=2048)
    for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        sock.setsockopt(socket.SOL_SOCKET, buffer, KERNEL_BYTES)
    # Of a socket that is given to it asyncio does not know that it is one of TCP.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    options = {"log_config": None, "access_log": False, "timeout_graceful_shutdown": 10, **more}
    config = uvicorn.Config(app, ws=ws, http=http, lifespan="on", **options)
    config.load()
    server = uvicorn.Server(config)
    # Step by step, because `Server.serve` takes over signals and polls for them.
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[sock])
    await server.on_tick(0)
    try:
        yield Local(sock.getsockname()[1], server.server_state)
    finally:
        await server.shutdown(sockets=[sock])
