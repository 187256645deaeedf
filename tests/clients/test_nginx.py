"""The published JavaScript client behind nginx: its transports, its buffers, its patience."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.clients.servers import Addresses, address, serve_app
from tests.clients.test_js_client import JS, TRANSPORTS, run
from tests.support.nginx import PLAIN, WITH_UPGRADE, nginx
from tests.support.node import node_with_modules

IDLE_S = 2
"""Seconds after which the proxy ends a connection on which nothing was said."""

HEART = {"client_ping_interval": 0.8, "client_pong_timeout": 0.6}

BLOCKING = "without upgrade"

PROXIES = {
    "buffering": f"{WITH_UPGRADE} proxy_buffering on; proxy_read_timeout {IDLE_S}s;",
    "passing": f"{WITH_UPGRADE} proxy_buffering off; proxy_read_timeout {IDLE_S}s;",
    BLOCKING: f"{PLAIN} proxy_read_timeout {IDLE_S}s;",
}


@pytest.fixture(scope="module")
def node() -> str:
    return node_with_modules(JS)


def ways_past(kind: str) -> list[str]:
    """The transports that get through."""
    return [one for one in TRANSPORTS if kind != BLOCKING or not one.startswith("websocket")]


WAYS = [
    pytest.param(kind, transport, id=f"{kind} {transport}")
    for kind in PROXIES
    for transport in ways_past(kind)
]


@pytest.fixture(scope="module")
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Addresses]:
    with serve_app(settings=HEART) as server:
        app = address(server)
        directory = tmp_path_factory.mktemp("proxy") / "nginx"
        with nginx(app, directory, PROXIES[request.param]) as proxy:
            yield {"app": app, "proxy": proxy}


@pytest.mark.parametrize(
    "scenario",
    [
        "what is published arrives at once",
        "who goes is missed within two seconds",
    ],
)
@pytest.mark.parametrize(("servers", "transport"), WAYS, indirect=["servers"], scope="module")
def test_behind_a_proxy_it_is_as_without_one(
    node: str, servers: Addresses, transport: str, scenario: str
) -> None:
    run(node, servers, transport, scenario)


@pytest.mark.parametrize("servers", PROXIES, indirect=True)
def test_an_idle_connection_outlives_the_patience_of_its_proxy(
    request: pytest.FixtureRequest,
    node: str,
    servers: Addresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over all ways at the same time: most of it is waiting."""
    monkeypatch.setenv("IDLE_MS", str(1000 * IDLE_S))
    scenario = "an idle connection outlives the patience of its proxy"
    kind = request.node.callspec.params["servers"]
    with ThreadPoolExecutor() as pool:
        runs = [
            pool.submit(run, node, servers, transport, scenario) for transport in ways_past(kind)
        ]
    for one in runs:
        one.result()


@pytest.mark.parametrize("servers", [BLOCKING], indirect=True)
def test_where_websockets_are_blocked_it_takes_another_way(
    node: str, servers: Addresses, tmp_path: Path
) -> None:
    scenario = "another way is taken where WebSockets do not get through"
    refusing = f"{WITH_UPGRADE} if ($http_upgrade) {{ return 403; }}"
    with nginx(servers["app"], tmp_path / "nginx", refusing) as proxy:
        for address in (servers["proxy"], proxy):
            run(node, {**servers, "proxy": address}, TRANSPORTS[0], scenario)
