from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.support.wired import World

from hubbub.engine.member import Member
from hubbub.engine.node import Node
from hubbub.settings import Settings
from hubbub.testing import FakeClock, RecordingSink


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def node(clock: FakeClock) -> AsyncIterator[Node]:
    node = Node(Settings(outbox_bytes=1000, inbox_bytes=1000))
    node.bind(clock)
    yield node
    await node.stop()
    assert not node.live
    assert not node.present


Enter = Callable[..., tuple[Member, RecordingSink]]


@pytest.fixture
def enter(node: Node) -> Enter:
    """Put a new member into a room: `member, sink = enter("a", user="ann")`."""

    def enter(room: str = "a", user: Any = None, kind: type[Member] = Member) -> Any:
        sink = RecordingSink()
        member = kind(node, sink, user, node.room(room))
        node.enter(member, room)
        return member, sink

    return enter


Make = Callable[..., World]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """A world of Centrifuge clients, `make(channel_limit=2)`; in the end nothing is left of it."""
    worlds: list[World] = []

    def make(**settings: Any) -> World:
        worlds.append(World(**settings))
        return worlds[-1]

    yield make
    for world in worlds:
        await world.end()
