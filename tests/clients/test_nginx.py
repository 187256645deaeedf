"""The published JavaScript client behind nginx: its transports, its buffers, its patience."""

from __future__ import annotations

from collections.abc import Iterator
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


WAYS = [
    pytest.param(kind, transport, id=f"{kind} {transport}")
    for kind in PROXIES
    for transport in TRANSPORTS
    if kind != BLOCKING or not transport.startswith("websocket")
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
        "an idle connection outlives the patience of its proxy",
        "who goes is missed within two seconds",
    ],
)
@pytest.mark.parametrize(("servers", "transport"), WAYS, indirect=["servers"])
def test_behind_a_proxy_it_is_as_without_one(
    node: str, servers: Addresses, transport: str, scenario: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDLE_MS", str(1000 * IDLE_S))
    run(node, servers, transport, scenario)


@pytest.mark.parametrize("servers", [BLOCKING], indirect=True)
def test_where_websockets_are_blocked_it_takes_another_way(
    node: str, servers: Addresses, tmp_path: Path
) -> None:
    scenario = "another way is taken where WebSockets do not get through"
    refusing = f"{WITH_UPGRADE} if ($http_upgrade) {{ return 403; }}"
    with nginx(servers["app"], tmp_path / "nginx", refusing) as proxy:
        for address in (servers["proxy"], proxy):
            run(node, {**servers, "proxy": address}, TRANSPORTS[0], scenario)
