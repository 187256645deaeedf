"""What was published with a key is published once: protocol.md sections 19 and 21."""

import pytest
from tests.engine.conftest import Make
from tests.support.wired import World, let_in

from hubbub.engine.once import Once
from hubbub.errors import Conflict
from hubbub.model import ClientInfo, Draft, Position
from hubbub.options import OPEN

RESULT = Position(1, "e")


WINDOW = 300.0


def draft(key: str, data: bytes = b"1", user: str = "", **tags: str) -> Draft:
    return Draft(data, tags or None, key, info=ClientInfo(user, "c") if user else None)


def test_a_result_is_found_by_room_user_and_key_for_as_long_as_the_window() -> None:
    once = Once(WINDOW)
    assert once.find("a", draft("k"), 0.0) is None
    once.remember("a", draft("k"), RESULT, 0.0)
    once.remember("a", draft("none"), None, 0.0)
    assert once.find("a", draft("k"), WINDOW - 1) == (RESULT,)
    assert once.find("a", draft("none"), WINDOW - 1) == (None,)
    assert once.find("b", draft("k"), 0.0) is None
    assert once.find("a", draft("other"), 0.0) is None
    assert once.find("a", draft("k", user="ann"), 0.0) is None
    assert once.find("a", draft("k"), WINDOW) is None


def test_a_key_that_was_used_for_something_else_is_a_conflict() -> None:
    once = Once(WINDOW)
    once.remember("a", draft("k", x="1", y="2"), RESULT, 0.0)
    assert once.find("a", draft("k", y="2", x="1"), 0.0) == (RESULT,)
    for other in (draft("k"), draft("k", b"2", x="1", y="2"), draft("k", x="2", y="2")):
        with pytest.raises(Conflict):
            once.find("a", other, 0.0)
    assert once.find("a", draft("k"), WINDOW) is None


def test_what_is_past_the_window_is_forgotten_faster_than_it_comes_in() -> None:
    once = Once(WINDOW)
    for number in range(1_000):
        once.remember("a", draft(str(number)), RESULT, 0.0)
    for number in range(500):
        assert once.find("a", draft(f"new {number}"), WINDOW + 1) is None
        once.remember("a", draft(f"new {number}"), RESULT, WINDOW + 1)
    assert len(once) == 500


def published(world: World, data: bytes, key: str, room: str = "a") -> Position | None:
    return world.node.publish(room, Draft(data, key=key))


async def test_a_retry_publishes_nothing_and_has_the_first_ones_result(make: Make) -> None:
    world = make(without_namespace=OPEN, client_ping_interval=100_000)
    peer = await world.join("a", "ann")
    await peer.told()
    first = published(world, b"1", "k")
    assert published(world, b"1", "k") == first
    with pytest.raises(Conflict):
        published(world, b"2", "k")
    assert published(world, b"3", "other") != first
    assert published(world, b"4", "k", "b") is not None
    assert await peer.heard("a") == [1, 3]
    await world.clock.advance(WINDOW)
    assert published(world, b"5", "k") != first
    assert await peer.heard("a") == [5]


async def test_a_room_without_history_publishes_a_key_once_as_well(make: Make) -> None:
    world = make(without_namespace=let_in())
    peer = await world.join("a", "ann")
    await peer.told()
    assert published(world, b"1", "k") is None
    assert published(world, b"1", "k") is None
    assert await peer.heard("a") == [1]


async def test_a_version_that_is_not_newer_is_not_published(make: Make) -> None:
    world = make(without_namespace=OPEN)
    peer = await world.join("a", "ann")
    await peer.told()
    positions = [
        world.node.publish("a", Draft(str(version).encode(), version=version))
        for version in (1, 3, 2, 3, 4)
    ]
    assert await peer.heard("a") == [1, 3, 4]
    assert [position.offset for position in positions if position] == [1, 2, 2, 2, 3]
