"""`hubbub.embed.server`, in process; tests/cli/test_serve.py has it whole."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from examples import tutorial
from hubbub.embed import server
from hubbub.embed.server import Listener, Server, bind, can_open, is_loopback, load_app
from hubbub.errors import ConfigurationError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback_is_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.com", "", "127.0.0.1.eu"])
def test_everything_else_is_not(host: str) -> None:
    assert not is_loopback(host)


def test_application_is_found_by_module_and_name() -> None:
    assert load_app("examples.tutorial:app") is tutorial.app


@pytest.mark.parametrize("path", ["examples.tutorial", "examples.tutorial:", "nosuchmodule:app"])
def test_application_that_is_not_there_is_a_configuration_error(path: str) -> None:
    with pytest.raises(ConfigurationError):
        load_app(path)


def test_what_cannot_be_called_is_no_application() -> None:
    with pytest.raises(ConfigurationError, match="no ASGI application, but of the type str"):
        load_app("examples.tutorial:__name__")


def test_taken_port_is_a_configuration_error() -> None:
    with bind("127.0.0.1", 0)[0] as first:
        first.listen()
        with pytest.raises(ConfigurationError, match=r"port \d+ on 127.0.0.1 is taken"):
            bind("127.0.0.1", first.getsockname()[1])


def test_unknown_host_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match=r"cannot listen on no\.such\.host\.invalid:0"):
        bind("no.such.host.invalid", 0)


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Take what there are."""
    taken: list[int] = []
    try:
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                taken.append(os.dup(2))
        yield
    finally:
        for number in taken:
            os.close(number)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with bind("127.0.0.1", 0)[0] as sock:
        sock.listen()
        sock.setblocking(False)
        yield sock


def test_listener_accepts_as_any_other(listener: socket.socket) -> None:
    assert isinstance(listener, Listener)
    with pytest.raises(BlockingIOError):
        listener.accept()
    with socket.create_connection(listener.getsockname()) as client, listener.accept()[0] as sock:
        client.sendall(b"hello")
        assert sock.recv(10) == b"hello"


def test_listener_out_of_descriptors_drops_who_comes_and_says_there_is_nobody(
    listener: socket.socket,
) -> None:
    with socket.socket() as early, socket.socket() as late:
        with pytest.raises(BlockingIOError):
            listener.accept()
        with no_descriptors():
            for one in (early, late):
                one.connect(listener.getsockname())
                for _ in range(3):
                    with pytest.raises(BlockingIOError):
                        listener.accept()
                assert one.recv(1) == b""
    with socket.create_connection(listener.getsockname()), listener.accept()[0]:
        pass


def test_listener_tells_any_other_error(listener: socket.socket) -> None:
    listener.close()
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        listener.accept()


def test_how_many_descriptors_there_are_is_seen_and_none_is_kept() -> None:
    before = len(os.listdir("/dev/fd"))
    assert can_open(3)
    with no_descriptors():
        assert not can_open(1)
    assert len(os.listdir("/dev/fd")) == before


async def test_end_of_the_descriptors_is_logged_once_and_their_return_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    free = 100
    monkeypatch.setattr(server, "can_open", lambda count: count <= free)
    running = Server(uvicorn.Config(tutorial.app))

    async def seconds(count: int) -> list[tuple[str, int]]:
        caplog.clear()
        for tick in range(count * 10):
            await running.on_tick(tick)
        return [(record.getMessage()[:23], record.levelno) for record in caplog.records]

    assert await seconds(3) == []
    free = 0
    assert await seconds(3) == [("out of file descriptors", logging.ERROR)]
    free = server.SPARE_FILES - 1
    assert await seconds(3) == [], "one that leaves and one that comes is not a change"
    free = server.SPARE_FILES
    assert await seconds(3) == [("there are file descript", logging.WARNING)]


async def test_first_signal_asks_for_an_end_and_the_second_for_one_at_once() -> None:
    running = Server(uvicorn.Config(tutorial.app))
    running.handle_exit(15, None)
    assert (running.should_exit, running.force_exit) == (True, False)
    running.handle_exit(15, None)
    assert (running.should_exit, running.force_exit) == (True, True)


async def test_server_in_a_thread_leaves_the_signals_alone() -> None:
    running = Server(uvicorn.Config(tutorial.app))

    def enter() -> bool:
        with running.capture_signals():
            return True

    assert await asyncio.to_thread(enter)


def test_every_address_of_a_name_is_listened_on_at_one_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def two(host: str, port: int, **_: object) -> list[Any]:
        kind = socket.SOCK_STREAM
        return [
            (socket.AF_INET, kind, 6, "", (address, port))
            for address in ("127.0.0.1", "127.0.0.2", "127.0.0.1", "192.0.2.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    socks = bind("localhost", 0)
    try:
        addresses = [sock.getsockname() for sock in socks]
    finally:
        for sock in socks:
            sock.close()
    port = addresses[0][1]
    assert port
    assert addresses == [("127.0.0.1", port), ("127.0.0.2", port)], "one that is not ours is not"
