"""The servers that published clients are tried against, in processes of their own.

`app` is tests.support.protocol_app as it is, `strict` the same with short times and no tokens of
nobody in particular, `headless` the built-in rooms with a configuration file, `ipv6` the same on
the other loopback address.
"""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from tests.support.commands import hubbub_serve
from tests.support.server import DEADLINE, ServerProcess

from hubbub.options import OPEN

APP = "tests.support.protocol_app:app"

STRICT = {
    "client_ping_interval": 1.0,
    "client_pong_timeout": 0.8,
    "stale_seconds": 1.0,
    "disallow_anonymous_connection_tokens": True,
}

OPTIONS = OPEN.model_dump(exclude_none=True)

CONFIGURATION = "\n".join(
    ["anonymous = true", "[namespaces.open]"]
    + [f"{name} = {json.dumps(value)}" for name, value in OPTIONS.items()]
)

Addresses = dict[str, str]


class OnIPv6(ServerProcess):
    """A server on ::1, on a port that is free."""

    def __init__(self, *arguments: str) -> None:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
            port = taken.getsockname()[1]
        super().__init__(command=hubbub_serve(*arguments, "--host", "::1", "--port", str(port)))
        self.port = port

    def _answers(self) -> bool:
        try:
            socket.create_connection(("::1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


def serve_app(port: int = 0, settings: Mapping[str, object] | None = None) -> ServerProcess:
    return ServerProcess(command=hubbub_serve(APP, "--port", str(port)), settings=settings)


@contextmanager
def all_servers(directory: Path) -> Iterator[Addresses]:
    """Every server by its name, and where it is."""
    file = directory / "hubbub.toml"
    file.write_text(CONFIGURATION)
    headless = ["--headless", "--config", str(file)]
    servers = {
        "app": serve_app(),
        "strict": serve_app(settings=STRICT),
        "headless": ServerProcess(command=hubbub_serve(*headless)),
        "ipv6": OnIPv6(*headless),
    }
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        list(pool.map(stack.enter_context, servers.values()))
        yield {name: address(server) for name, server in servers.items()}


def address(server: ServerProcess) -> str:
    host = "[::1]" if isinstance(server, OnIPv6) else "127.0.0.1"
    return f"{host}:{server.port}"


@contextmanager
def succeeded() -> Iterator[str]:
    """Where a server is that another one succeeds, at the same port, once it has been stopped."""
    with serve_app() as server, ThreadPoolExecutor() as pool, ExitStack() as stack:

        def succeed() -> None:
            end = time.monotonic() + DEADLINE
            while server.returncode is None and time.monotonic() < end:
                time.sleep(0.01)
            stack.enter_context(serve_app(server.port))

        successor = pool.submit(succeed)
        try:
            yield address(server)
        finally:
            server.send_signal(signal.SIGTERM)
        successor.result(2 * DEADLINE)


async def order(at: str, what: str, **body: object) -> object:
    """Have a server do something (tests.support.protocol_app); what it answers."""
    async with httpx.AsyncClient(base_url=f"http://{at}", timeout=DEADLINE) as client:
        answer = await client.post(f"/{what}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()
