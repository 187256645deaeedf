"""PostgreSQL for tests: a server of their own, or the one that HUBBUB_TEST_POSTGRES names.

    url = await fresh_database()            # on a server that all tests of the run share

    async with PostgresServer() as server:  # which may be killed, paused and restarted
        url = await server.create_database()

Only processes that were started here are ever signalled, each by its own id.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import asyncpg

DEADLINE = 20.0
"""Seconds a server may take to start or to stop; it takes a fraction of one."""

OPTIONS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "listen_addresses": "127.0.0.1",
}

_numbers = count(1)


class PostgresServer:
    """A server with a cluster of its own in a temporary directory, on a free port of loopback.

    `options` are settings of the server. Use it with `async with`, or with `with`.
    """

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        self._options = {**OPTIONS, **(options or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        # Not the port of a client's connection, which the kernel takes from a range of its own.
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._folder = Path(tempfile.mkdtemp(prefix="hubbub-postgres-"))
        try:
            if os.geteuid() == 0:
                account = _account()
                os.chown(self._folder, account.pw_uid, account.pw_gid)
            made = self._run(
                *("initdb", "--pgdata", str(self._folder / "data"), "--auth", "trust"),
                *("--username", "postgres", "--encoding", "UTF8", "--locale", "C.UTF-8"),
                "--no-instructions",
            )
            if made.wait(DEADLINE):
                raise RuntimeError(f"initdb ended with {made.returncode}:\n{self.log()}")
            self.start()
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
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, traceback)

    def start(self) -> None:
        """Start it where it does not run, and wait until it takes connections."""
        options = {**self._options, "unix_socket_directories": str(self._folder)}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        where = ("-D", str(self._folder / "data"), "-p", str(self.port))
        self._process = self._run("postgres", *where, *settings)
        end = time.monotonic() + DEADLINE
        # The last line of this file says so, once there is one.
        state = self._folder / "data" / "postmaster.pid"
        while not (_lines(state)[:1] == [str(self._process.pid)] and "ready" in _lines(state)[-1]):
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL does not start:\n{self.log()}")
            time.sleep(0.01)

    def stop(self, number: int = signal.SIGINT) -> None:
        """End it: at once for its clients (SIGINT), as in a crash (SIGQUIT), or killed."""
        if self._process is not None and self._process.poll() is None:
            self.resume()
            self._process.send_signal(number)
            self._process.wait(DEADLINE)

    def kill(self) -> None:
        """End it and all its processes at once and without a warning."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)  # so that it starts no other meanwhile
        backends = self._backends()
        for process in (*backends, self._process.pid):
            _signal(process, signal.SIGKILL)
        self._process.wait(DEADLINE)
        end = time.monotonic() + DEADLINE
        # The memory that they share has to be free before it can start again.
        while any(_alive(process) for process in backends):
            if time.monotonic() > end:
                raise TimeoutError(f"killed, and still there: {backends}")
            time.sleep(0.01)

    def pause(self) -> None:
        """Have it do nothing until `resume`, while its sockets stay open."""
        assert self._process is not None
        for process in (self._process.pid, *self._backends()):
            _signal(process, signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        for process in (self._process.pid, *self._backends()):
            _signal(process, signal.SIGCONT)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    async def create_database(self, **how: str) -> str:
        """The address of a new database."""
        return await create_database(self.url(), **how)

    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")

    def _backends(self) -> list[int]:
        """The processes that the server has started."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        try:
            return [int(child) for child in children.read_text().split()]
        except FileNotFoundError:
            return []

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        who: dict[str, Any] = {}
        if os.geteuid() == 0:  # as whom it refuses to run
            account = _account()
            who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [str(_programs() / program), *arguments],
                cwd=self._folder,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl+C at the tests is not for it
                **who,
            )


async def create_database(server: str, **how: str) -> str:
    """The address of a new database beside the one of `server`; `how` goes to CREATE DATABASE."""
    name = f"hubbub_test_{os.getpid()}_{next(_numbers)}"
    more = " ".join(f"{option} {value}" for option, value in how.items())
    connection = await asyncpg.connect(server, timeout=DEADLINE)
    try:
        await connection.execute(f"CREATE DATABASE {name} {more}")
    finally:
        await connection.close()
    return urlsplit(server)._replace(path=f"/{name}").geturl()


async def fresh_database(**how: str) -> str:
    """As `create_database`, on the server that all tests of the run share."""
    named = os.environ.get("HUBBUB_TEST_POSTGRES")
    if named is None:
        return await create_database((await asyncio.to_thread(_shared)).url(), **how)
    url = await create_database(named, **how)
    _to_drop.append(url)
    return url


UNSYNCED = {"fsync": "off"}
"""No test pulls the plug of the machine, and a busy disk would hold up all of them."""

_server: list[PostgresServer] = []
_to_drop: list[str] = []


def _shared() -> PostgresServer:
    if not _server:
        _server.append(PostgresServer(UNSYNCED).__enter__())
    return _server[0]


@atexit.register
def _clean_up() -> None:
    for server in _server:
        server.__exit__(None, None, None)
    if _to_drop:
        asyncio.run(_drop())


async def _drop() -> None:
    connection = await asyncpg.connect(os.environ["HUBBUB_TEST_POSTGRES"], timeout=DEADLINE)
    try:
        for url in _to_drop:
            await connection.execute(f"DROP DATABASE {urlsplit(url).path[1:]} WITH (FORCE)")
    finally:
        await connection.close()


def _programs() -> Path:
    """Where the server's programs are. Raises RuntimeError where there are none."""
    found = shutil.which("postgres")
    if found:
        return Path(found).resolve().parent
    installed = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    for program in sorted(installed, key=lambda path: int(path.parts[-3]), reverse=True):
        return program.parent
    raise RuntimeError("there is no PostgreSQL server here: run tests/support/postgres.sh")


def _account() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("root cannot run PostgreSQL, and there is no user `postgres` to do it")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines() or [""]
    except FileNotFoundError:
        return [""]


def _alive(process: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False


def _signal(process: int, number: int) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        pass
