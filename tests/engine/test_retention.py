"""What is kept no longer is removed, in small steps, while everything else goes on."""

from typing import Any

from tests.engine.conftest import Make
from tests.support.stores import ControlledStore
from tests.support.wired import World, let_in

from hubbub.engine.retention import EVERY_S, ROOMS, STEP, TURN_S
from hubbub.errors import Unavailable
from hubbub.model import Draft
from hubbub.options import Keep
from hubbub.stores.memory import MemoryStore
from hubbub.testing import settle


async def keeping(make: Make, **keep: Any) -> tuple[World, ControlledStore]:
    """Rooms without a namespace keep that; those of `all` everything."""
    world = make(
        without_namespace=let_in(durability="commit", history=Keep(**keep)),
        namespaces={"all": let_in(durability="commit")},
    )
    store = ControlledStore(MemoryStore(now=world.clock.time))
    await world.node.open_logs(store)
    return world, store


async def fill(store: ControlledStore, room: str, count: int) -> None:
    await store.inner.append([(room, Draft(b"%d" % number)) for number in range(count)])


async def first(store: ControlledStore, room: str) -> int:
    return (await store.inner.states([room]))[0].first


async def test_by_count_a_room_is_trimmed_soon_after_it_was_published_to(make: Make) -> None:
    world, store = await keeping(make, count=10)
    await world.clock.advance(2 * EVERY_S)  # the first turn, of nothing
    for number in range(25):
        await world.node.room("a").publish(number)
    await world.clock.advance(EVERY_S)
    assert await first(store, "a") == 16
    page = await store.inner.read("a", 0, 100, 100_000)
    assert (len(page.publications), page.position.offset) == (10, 25)


async def test_by_age_nobody_has_to_do_anything(make: Make) -> None:
    world, store = await keeping(make, hours=1)
    await fill(store, "a", 5)
    await world.clock.advance(1_800)
    await fill(store, "a", 5)
    assert await first(store, "a") == 1
    await world.clock.advance(1_800 + TURN_S + 2 * EVERY_S)
    assert await first(store, "a") == 6
    await world.clock.advance(1_800)
    assert await first(store, "a") == 11
    assert (await store.inner.states(["a"]))[0].position.offset == 10


async def test_a_room_that_keeps_everything_is_left_alone(make: Make) -> None:
    world, store = await keeping(make, count=1, seconds=1)
    for room in ("all:a", "no such:rules"):
        await fill(store, room, 20)
    await world.clock.advance(10 * TURN_S)
    assert await first(store, "all:a") == await first(store, "no such:rules") == 1


async def test_it_goes_through_more_rooms_and_rows_than_one_round_and_step_have(
    make: Make,
) -> None:
    world, store = await keeping(make, count=1)
    for number in range(2 * ROOMS + 5):
        await fill(store, f"r{number}", 2)
    await fill(store, "z", 3 * STEP)
    await world.clock.advance(TURN_S + 5 * EVERY_S)
    await settle()
    rooms = [f"r{number}" for number in range(2 * ROOMS + 5)]
    assert {await first(store, room) for room in rooms} == {2}
    assert await first(store, "z") == 3 * STEP


async def test_a_log_that_is_away_is_trimmed_when_it_is_back(make: Make) -> None:
    world, store = await keeping(make, count=1)
    await fill(store, "a", 5)
    store.failing = Unavailable("the disk is full")
    await world.clock.advance(2 * EVERY_S)
    assert await first(store, "a") == 1
    store.failing = None
    await world.clock.advance(TURN_S + EVERY_S)
    assert await first(store, "a") == 5


async def test_who_resumes_behind_what_is_kept_is_told_of_the_gap(make: Make) -> None:
    world, store = await keeping(make, count=3)
    await fill(store, "a", 10)
    await world.clock.advance(TURN_S + EVERY_S)
    epoch = (await store.inner.states(["a"]))[0].position.epoch
    peer = await world.connect()
    answer = await peer.ask("subscribe", channel="a", recover=True, offset=4, epoch=epoch)
    assert "recovered" not in answer["subscribe"]
    peer = await world.connect()
    answer = await peer.ask("subscribe", channel="a", recover=True, offset=7, epoch=epoch)
    assert [one["offset"] for one in answer["subscribe"]["publications"]] == [8, 9, 10]
