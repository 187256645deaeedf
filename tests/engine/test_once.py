"""What was published with a key is published once: protocol.md sections 19 and 21."""

from tests.engine.conftest import Make
from tests.support.wired import World, let_in

from hubbub.engine.once import WINDOW, Once
from hubbub.model import Draft, Position
from hubbub.options import OPEN

RESULT = Position(1, "e")


def test_a_result_is_found_by_room_and_key_for_as_long_as_the_window() -> None:
    once = Once()
    assert once.find("a", "k", 0.0) is None
    once.remember("a", "k", RESULT, 0.0)
    once.remember("a", "none", None, 0.0)
    assert once.find("a", "k", WINDOW - 1) == (RESULT,)
    assert once.find("a", "none", WINDOW - 1) == (None,)
    assert once.find("b", "k", 0.0) is None
    assert once.find("a", "other", 0.0) is None
    assert once.find("a", "k", WINDOW) is None


def test_what_is_past_the_window_is_forgotten_faster_than_it_comes_in() -> None:
    once = Once()
    for number in range(1_000):
        once.remember("a", str(number), RESULT, 0.0)
    for number in range(500):
        assert once.find("a", f"new {number}", WINDOW + 1) is None
        once.remember("a", f"new {number}", RESULT, WINDOW + 1)
    assert len(once) == 500


def published(world: World, data: bytes, key: str, room: str = "a") -> Position | None:
    return world.node.publish(room, Draft(data, key=key))


async def test_a_retry_publishes_nothing_and_has_the_first_ones_result(make: Make) -> None:
    world = make(without_namespace=OPEN, client_ping_interval=100_000)
    peer = await world.join("a", "ann")
    await peer.told()
    first = published(world, b"1", "k")
    assert published(world, b"2", "k") == first
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
