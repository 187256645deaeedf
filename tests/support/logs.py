"""Durable rooms to try faults on: in a world without sockets, or in a server on the test's loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from tests.support.invariants import Listener
from tests.support.peers import until
from tests.support.publishers import API_KEY
from tests.support.server import serving
from tests.support.wired import Peer, World, let_in

from hubbub import Hub
from hubbub.contracts import Store
from hubbub.model import Position
from hubbub.stores.sqlite import SQLiteStore

ALLOW = {
    f"allow_{action}_for_{whom}": True
    for action in ("publish", "history")
    for whom in ("client", "anonymous")
}
DURABLE = let_in(durability="commit", **ALLOW)
IN_MEMORY = let_in(history_size=100, **ALLOW)

SETTINGS: dict[str, Any] = {
    "without_namespace": DURABLE,
    "namespaces": {"memory": IN_MEMORY},
    "client_ping_interval": 100_000,
}
"""Everybody may do everything, in durable rooms, and in rooms "memory:…"."""


@asynccontextmanager
async def world_on(store: Store, **settings: Any) -> AsyncIterator[World]:
    """A node with its log in `store`; in the end nothing is left of anybody."""
    world = World(**{**SETTINGS, **settings})
    await world.node.open_logs(store)
    try:
        yield world
    finally:
        await world.end()


@asynccontextmanager
async def world_on_file(path: Path, **settings: Any) -> AsyncIterator[tuple[World, SQLiteStore]]:
    store = SQLiteStore(path / "log.db")
    async with world_on(store, **settings) as world:
        yield world, store


async def answered(peer: Peer, kind: str, **body: Any) -> Any:
    """The reply to one command, however long the store takes for it."""
    command = peer.command(kind, **body)
    peer.say(command)
    await replied(peer, command["id"])
    return peer.replies.pop(command["id"])


async def replied(peer: Peer, *ids: int) -> None:
    """Wait until these commands were answered."""

    def here() -> bool:
        peer.listen()
        assert peer.closed is None, peer.closed
        return peer.replies.keys() >= set(ids)

    await until(here)


async def enter(world: World, listener: Listener, room: str) -> Peer:
    """Let `listener` into `room`, to be brought what it has missed since it was there last."""
    peer = world.arrive()
    await answered(peer, "connect")
    body = (await answered(peer, "subscribe", channel=room, **since(listener, room)))["subscribe"]
    listener.subscribed(room, body)
    return peer


def since(listener: Listener, room: str) -> dict[str, Any]:
    """What a subscribe asks for."""
    position = listener.positions.get(room)
    if position is None:
        return {}
    return {"recover": True, "offset": position.offset, "epoch": position.epoch}


async def hear(peer: Peer, listener: Listener) -> None:
    """Tell `listener` what `peer` was told since the last time."""
    for push in await peer.told():
        listener.pushed(push)


async def hear_up_to(peer: Peer, listener: Listener, room: str, top: Position) -> None:
    """Wait until it has heard all there is."""
    async with asyncio.timeout(20):
        while listener.positions.get(room) != top:
            await hear(peer, listener)
            await asyncio.sleep(0.001)


class LogServer:
    """A hub, and the port where it serves."""

    def __init__(self, hub: Hub, port: int) -> None:
        self.hub = hub
        self.port = port


@asynccontextmanager
async def log_server(store: Store, **settings: Any) -> AsyncIterator[LogServer]:
    """A hub with its log in `store`, on the loop of the test."""
    hub = Hub(store, **{**SETTINGS, "anonymous": True, "api_keys": [API_KEY], **settings})
    app = FastAPI(lifespan=hub.lifespan)
    app.include_router(hub.router)
    async with serving(app) as local:
        yield LogServer(hub, local.port)
