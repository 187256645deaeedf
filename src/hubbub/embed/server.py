"""uvicorn, set up for rooms: our classes, a stop that is clean, and errors that say what to do."""

from __future__ import annotations

import errno
import logging
import math
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send
from uvicorn.importer import ImportFromStringError, import_from_string

from hubbub.embed.hub import Hub
from hubbub.errors import ConfigurationError, HubbubError
from hubbub.settings import Settings
from hubbub.transports.direct import WebSocketProtocol
from hubbub.transports.http import HttpProtocol

log = logging.getLogger("hubbub")

SWITCH_S = 0.0005
"""Seconds for which one thread keeps the interpreter while another one wants it. Python's own 5 ms
are what the thread of a log in SQLite would wait beside a busy loop, at each step of a commit."""

SPARE_FILES = 16
"""File descriptors that have to be free before the log says that there are some again."""


def room_server(settings: Settings) -> FastAPI:
    """The room endpoints alone, without a page."""
    hub = Hub(settings=settings)
    app = FastAPI(title="hubbub", lifespan=hub.lifespan, docs_url=None, redoc_url=None)
    app.include_router(hub.router)
    return app


def load_app(path: str) -> Any:
    """The ASGI application at `module:name`.

    Raises `ConfigurationError` where there is none; what the module itself raises passes.
    """
    if ":" not in path:
        raise ConfigurationError(f'"{path}" names no application: write module:name, as main:app')
    try:
        app = import_from_string(path)
    except ImportFromStringError as error:
        raise ConfigurationError(str(error)) from None
    if not callable(app):
        kind = type(app).__name__
        raise ConfigurationError(f'"{path}" is no ASGI application, but of the type {kind}')
    return app


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Server(uvicorn.Server):
    """uvicorn's server; a signal ends it with exit code 0, a second one at once.

    Out of file descriptors it goes on with whom it has, turns others away, and says so once.
    """

    _full = False

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:  # once a second
            self._watch_files()
        return await super().on_tick(counter)

    def _watch_files(self) -> None:
        """Tell the log when the file descriptors run out, and when there are some again.

        Neither loop tells: libuv drops whom it cannot accept in silence, as `Listener` does.
        """
        if self._full and can_open(SPARE_FILES):
            self._full = False
            log.warning("there are file descriptors again: connections are taken")
        elif not self._full and not can_open(1):
            self._full = True
            log.error(
                "out of file descriptors at %d connections: more are turned away until some "
                "close; the system allows this process %d (ulimit -n)",
                len(self.server_state.connections),
                resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handled = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def can_open(count: int) -> bool:
    """Whether this process could have so many more file descriptors."""
    taken: list[int] = []
    try:
        for _ in range(count):
            taken.append(os.open(os.devnull, os.O_RDONLY))  # noqa: PERF401 # closed below
    except OSError:
        return False
    finally:
        for number in taken:
            os.close(number)
    return True


class Listener(socket.socket):
    """A listening socket that, out of file descriptors, drops who comes.

    asyncio tries a failed accept again as often as its backlog is long, with a timer and a
    traceback each time, and is busy with nothing else. So the failure is kept from it: a
    descriptor held in reserve serves to accept the connection and close it. libuv does the same
    by itself, and does not ask here.
    """

    _reserve: int | None = None

    def accept(self) -> tuple[socket.socket, Any]:
        if self._reserve is None:
            self._hold_reserve()
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE) or self._reserve is None:
                raise
        self._free_reserve()
        try:
            super().accept()[0].close()
        finally:
            self._hold_reserve()
        raise BlockingIOError(errno.EWOULDBLOCK, "dropped: out of file descriptors")

    def close(self) -> None:
        super().close()
        self._free_reserve()

    def _hold_reserve(self) -> None:
        with suppress(OSError):
            self._reserve = os.open(os.devnull, os.O_RDONLY)

    def _free_reserve(self) -> None:
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None


def bind(host: str, port: int) -> list[socket.socket]:
    """Sockets for every address of `host`, all on one port, taken now so that errors are ours.

    "localhost" is two addresses, and clients differ in which they try. Raises
    `ConfigurationError` where the first cannot be had, or another is taken.
    """
    socks: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(
            socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        ):
            sock = Listener(family, kind, protocol)
            socks.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if len(socks) > 1:
                address = (address[0], socks[0].getsockname()[1], *address[2:])
            try:
                sock.bind(address)
            except OSError as error:
                if len(socks) == 1 or error.errno != errno.EADDRNOTAVAIL:
                    raise
                socks.pop().close()  # a name for IPv6 on a machine that has none
            else:
                sock.set_inheritable(True)
    except OSError as error:
        for taken in socks:
            taken.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"port {port} on {host} is taken; choose another with --port, or 0 for a free one"
            ) from None
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error}") from None
    return socks


def raise_file_limit() -> int:
    """Take all the file descriptors the system allows this process; each socket is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Starting:
    """An ASGI application, and the error of ours that its start failed with, if it did.

    Such an error says what to do, and a traceback around it would only hide that.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self.failure: HubbubError | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_or_keep(message: Message) -> None:
            error = sys.exc_info()[1]  # Starlette tells of it while it handles it
            if message["type"] == "lifespan.startup.failed" and isinstance(error, HubbubError):
                self.failure = error
                message = {"type": "lifespan.startup.failed", "message": ""}
            await send(message)

        await self._app(scope, receive, send_or_keep)


def run(app: Any, settings: Settings, socks: list[socket.socket]) -> None:
    """Serve `app` on `socks` until a signal comes. Raises the `HubbubError` its start ends with."""
    raise_file_limit()
    sys.setswitchinterval(SWITCH_S)
    HttpProtocol.head_seconds = settings.handshake_seconds
    starting = Starting(app)
    config = uvicorn.Config(
        starting,
        http=HttpProtocol,
        ws=WebSocketProtocol,  # type: ignore[arg-type] # a BufferedProtocol, which it takes as well
        ws_ping_interval=settings.ping_interval,
        ws_ping_timeout=settings.ping_timeout,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_seconds),
        log_level="warning",
        backlog=4096,
    )
    try:
        Server(config).run(sockets=socks)
    except SystemExit:
        if starting.failure is None:
            raise
    if starting.failure is not None:
        raise starting.failure
