"""Members who are told what has changed (protocol.md section 13)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.engine.conftest import Make
from tests.support.versions import Follower
from tests.support.wired import World, let_in

from hubbub.engine import control
from hubbub.engine import delta as engine
from hubbub.errors import ConfigurationError
from hubbub.model import INAPPROPRIATE_PROTOCOL, Draft
from hubbub.options import RoomOptions
from hubbub.testing import settle
from hubbub.wire import fossil

TEXT = "a text that is long enough for a patch to be shorter than it, ä €, " * 3

LOG: dict[str, Any] = {
    "history_size": 10,
    "force_recovery": True,
    "allowed_delta_types": ["fossil"],
}
VERSIONS: dict[str, Any] = {**LOG, "delta_publish": True}


def version(number: int) -> dict[str, Any]:
    """A document, and which version of it this is."""
    return {"version": number, "text": TEXT}


def rooms(**options: Any) -> dict[str, Any]:
    return {"without_namespace": let_in(**{**VERSIONS, **options})}


@pytest.fixture(params=[False, True], ids=["json", "protobuf"])
def follow(request: pytest.FixtureRequest) -> Callable[..., Follower]:
    """Makes followers of the room "a", of either encoding."""

    def follow(world: World, **asks: Any) -> Follower:
        return Follower(world, "a", protobuf=request.param, **asks)

    return follow


Follow = Callable[..., Follower]


def publish(world: World, *values: Any, room: str = "a", **how: Any) -> None:
    for value in values:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        world.node.publish(room, Draft(data, **how))


# Whole and patched. ----------------------------------------------------------------------------


async def test_the_first_publication_is_whole_and_the_others_are_patches(
    make: Make, follow: Follow
) -> None:
    world = make(**rooms())
    ann = follow(world)
    assert (await ann.come())["delta"] is True
    for number in range(5):
        publish(world, version(number))
        await settle()
    assert await ann.data() == [version(number) for number in range(5)]
    assert await ann.ways() == "whole patch patch patch patch"
    assert ann.bytes < 2.5 * len(TEXT)


async def test_publications_of_one_turn_are_patches_of_one_another(
    make: Make, follow: Follow
) -> None:
    world = make(**rooms())
    ann = follow(world)
    await ann.come()
    publish(world, *map(version, range(4)))
    assert await ann.data() == [version(number) for number in range(4)]
    assert await ann.ways() == "whole patch patch patch"


async def test_who_comes_in_between_gets_the_next_one_whole_and_nobody_else_does(
    make: Make, follow: Follow
) -> None:
    world = make(**rooms())
    ann, bob = follow(world), follow(world)
    await ann.come()
    publish(world, version(1))
    bob.subscribe()  # in the turn of what is published
    publish(world, version(2), version(3))
    await settle()
    publish(world, version(4))
    assert await ann.data() == [version(number) for number in (1, 2, 3, 4)]
    assert await bob.data() == [version(number) for number in (2, 3, 4)]
    assert await ann.ways() == "whole patch patch patch"
    assert await bob.ways() == "whole patch patch"


async def test_members_that_come_one_by_one_each_have_one_whole(make: Make, follow: Follow) -> None:
    world = make(**rooms())
    people = []
    for number in range(4):
        people.append(follow(world))
        await people[-1].come()
        publish(world, version(number), version(number + 10))
    for number, one in enumerate(people):
        assert await one.ways() == " ".join(["whole"] + ["patch"] * (7 - 2 * number))
        assert (await one.data())[-1] == version(13)


async def test_a_patch_that_is_no_shorter_is_not_sent(make: Make, follow: Follow) -> None:
    world = make(**rooms())
    ann = follow(world)
    await ann.come()
    publish(world, version(1), "other", version(2), version(3))
    assert await ann.data() == [version(1), "other", version(2), version(3)]
    assert await ann.ways() == "whole whole whole patch"


async def test_members_of_all_kinds_are_in_one_room(make: Make) -> None:
    world = make(**rooms(join_leave=True, force_push_join_leave=False, presence=True))
    plain, protobuf = Follower(world, "a", delta=""), Follower(world, "a", delta="", protobuf=True)
    told = Follower(world, "a"), Follower(world, "a", protobuf=True)
    everybody = [plain, protobuf, *told]
    for one in everybody:
        await one.come()
    publish(world, version(1), version(2))
    for one in everybody:
        assert await one.data() == [version(1), version(2)]
    assert [await one.ways() for one in (plain, protobuf)] == ["plain plain"] * 2
    assert [await one.ways() for one in told] == ["whole patch"] * 2


async def test_a_patch_is_made_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bytes] = []

    def delta(source: bytes, target: bytes) -> bytes:
        made.append(target)
        return real(source, target)

    real = fossil.delta
    monkeypatch.setattr(engine, "delta", delta)
    options = {"join_leave": True, "allow_presence_for_client": True, "presence": True}
    world = make(**rooms(**options, allow_presence_for_anonymous=True))
    people = [Follower(world, "a", protobuf=protobuf) for protobuf in (False, True)]
    people += [Follower(world, "a", protobuf=one.protobuf, join_leave=True) for one in people]
    for one in people:
        await one.come()
    room = world.node.live["a"]
    assert len(room.audiences) == 4
    publish(world, *map(version, range(4)))
    for one in people:
        assert await one.data() == [version(number) for number in range(4)]
    assert len(made) == 3
    for one in people:
        await one.go()
        one.position = one.position._replace(offset=0)
        await one.come()
        assert await one.data() == [version(number) for number in range(4)]
    assert len(made) == 3, "who catches up gets the same"


# What cannot be told as a patch. ---------------------------------------------------------------


async def test_without_delta_publish_only_what_is_published_so(make: Make, follow: Follow) -> None:
    world = make(**rooms(delta_publish=False))
    ann = follow(world)
    await ann.come()
    numbers = range(7)
    for number, delta in zip(numbers, [0, 1, 1, 0, 0, 1, 1], strict=True):
        publish(world, version(number), delta=bool(delta))
    assert await ann.data() == [version(number) for number in numbers]
    # After one that is no version of the one before it, the next is whole too.
    assert await ann.ways() == "whole whole patch whole whole whole patch"


async def test_what_is_in_no_history_is_whole_and_so_is_the_next(
    make: Make, follow: Follow
) -> None:
    world = make(**rooms())
    ann = follow(world)
    await ann.come()
    room = world.node.room("a")
    publish(world, version(1))
    publish(world, version(2), history=False)
    publish(world, version(3), version(4))
    room.broadcast(version(5))
    publish(world, version(6), version(7))
    assert await ann.data() == [version(number) for number in range(1, 8)]
    assert await ann.ways() == "whole whole whole patch whole whole patch"


async def test_who_is_not_meant_by_a_broadcast_goes_on_as_the_others(
    make: Make, follow: Follow
) -> None:
    world = make(**rooms())
    ann, bob = follow(world), follow(world)
    await ann.come()
    await bob.come()
    publish(world, version(1))
    world.node.room("a").broadcast(version(2), exclude=ann.client.subs["a"])
    publish(world, version(3), version(4))
    assert await ann.data() == [version(1), version(3), version(4)]
    assert await bob.data() == [version(1), version(2), version(3), version(4)]


async def test_what_is_sent_to_one_member_is_whole_and_so_is_their_next(
    make: Make, follow: Follow
) -> None:
    world = make(**rooms())
    ann, bob = follow(world), follow(world)
    await ann.come()
    await bob.come()
    publish(world, version(1))
    bob.client.subs["a"].send(version(2))
    publish(world, version(3), version(4))
    bob.client.subs["a"].send(version(5))
    await settle()
    bob.client.subs["a"].send(version(6))
    publish(world, version(7))
    assert await ann.ways() == "whole patch patch patch"
    assert await bob.ways() == "whole whole whole patch whole whole whole"
    assert await ann.data() == [version(number) for number in (1, 3, 4, 7)]
    assert await bob.data() == [version(number) for number in range(1, 8)]


async def test_where_everybody_needs_the_whole_there_is_no_patch(
    make: Make, follow: Follow
) -> None:
    world = make(**rooms())
    ann = follow(world)
    await ann.come()
    publish(world, version(1))
    ann.client.subs["a"].send(version(2))
    publish(world, version(3), version(4))
    assert await ann.ways() == "whole whole whole patch"
    assert await ann.data() == [version(number) for number in range(1, 5)]


async def test_bytes_are_not_for_those_who_are_spoken_to_in_json(make: Make) -> None:
    world = make(**rooms())
    ann, bob = Follower(world, "a"), Follower(world, "a", protobuf=True)
    await ann.come()
    await bob.come()
    document = json.dumps(version(1), indent=1).encode()
    publish(world, version(0))
    publish(world, document, binary=True)
    publish(world, document.replace(b"1", b"2"), binary=True)
    publish(world, version(3), version(4))
    # Lines are not for JSON, where a line is a message: it is told the same without them.
    assert await ann.ways() == "whole whole whole patch patch"
    assert await bob.ways() == "whole patch patch patch patch"
    assert await ann.data() == await bob.data() == [version(number) for number in range(5)]
    publish(world, b"\xff" + document, binary=True)
    await settle()
    assert ann.sink.closed == INAPPROPRIATE_PROTOCOL
    assert bob.sink.closed is None


# Coming back. ----------------------------------------------------------------------------------


async def test_what_was_missed_comes_as_patches_and_the_next_one_too(
    make: Make, follow: Follow
) -> None:
    world = make(**rooms())
    ann, bob = follow(world), follow(world)
    await ann.come()
    await bob.come()
    publish(world, version(1))
    await ann.go()
    publish(world, version(2), version(3), version(4))
    result = await ann.come()
    assert result["recovered"] is True
    publish(world, version(5))
    assert await ann.ways() == "whole whole! patch! patch! patch"
    assert await bob.ways() == "whole patch patch patch patch"
    assert await ann.data() == await bob.data() == [version(number) for number in range(1, 6)]


async def test_who_comes_back_alone_goes_on_with_patches(make: Make, follow: Follow) -> None:
    world = make(**rooms())
    ann = follow(world)
    await ann.come()
    publish(world, version(1))
    await ann.go()
    publish(world, version(2))
    await ann.come()
    publish(world, version(3))
    assert await ann.ways() == "whole whole! patch"
    assert await ann.data() == [version(1), version(2), version(3)]


async def test_who_has_missed_nothing_or_too_much_begins_with_a_whole(
    make: Make, follow: Follow
) -> None:
    world = make(**rooms(history_size=2))
    ann, bob = follow(world), follow(world)
    await ann.come()
    await bob.come()
    publish(world, version(1))
    await ann.go()
    await ann.come()
    publish(world, version(2))
    await ann.go()
    publish(world, *map(version, range(3, 9)))
    assert "recovered" not in await ann.come()
    publish(world, version(9))
    assert await ann.ways() == "whole whole whole"
    assert await ann.data() == [version(1), version(2), version(9)]


async def test_what_was_missed_is_whole_after_what_is_no_version(
    make: Make, follow: Follow
) -> None:
    world = make(**rooms(delta_publish=False))
    ann, bob = follow(world), follow(world)
    await bob.come()
    await ann.come()
    publish(world, version(1), delta=True)
    await ann.go()
    publish(world, version(2), version(3), delta=True)
    publish(world, version(4))
    publish(world, version(5), version(6), delta=True)
    publish(world, version(7))
    await ann.come()
    publish(world, version(8), delta=True)
    assert await ann.ways() == "whole whole! patch! whole! whole! patch! whole! whole"
    assert await ann.data() == await bob.data() == [version(number) for number in range(1, 9)]


async def test_a_room_that_caches_brings_its_latest_whole(make: Make, follow: Follow) -> None:
    world = make(**rooms(force_recovery_mode="cache", auto_cache_recover=True))
    publish(world, version(1), version(2))
    ann = follow(world)
    await ann.come()
    publish(world, version(3))
    assert await ann.ways() == "whole! patch"
    ann.told.sort()
    assert await ann.data() == [version(2), version(3)]


async def test_a_room_that_begins_anew_begins_with_a_whole(make: Make, follow: Follow) -> None:
    world = make(**rooms())
    ann = follow(world)
    await ann.come()
    publish(world, version(1), version(2))
    await ann.hear()
    await control.forget(world.node, "a")
    await ann.hear()
    assert not ann.client.subs
    await ann.come()
    publish(world, version(3), version(4))
    assert await ann.ways() == "whole patch whole patch"
    assert await ann.data() == [version(number) for number in (1, 2, 3, 4)]


async def test_a_history_is_read_as_it_is(make: Make) -> None:
    world = make(**rooms(allow_history_for_client=True, allow_history_for_anonymous=True))
    ann = Follower(world, "a")
    await ann.come()
    publish(world, version(1), version(2))
    await ann.hear()
    ann.say("history", channel="a", limit=-1)
    await settle()
    (frame,) = [text for text in ann.sink.frames if b"publications" in text]
    body = json.loads(frame[frame.index(b"{") :])["history"]
    # No published client decodes deltas there.
    assert body["publications"] == [
        {"data": version(1), "offset": 1},
        {"data": version(2), "offset": 2},
    ]


# A log. ----------------------------------------------------------------------------------------

DURABLE: dict[str, Any] = {
    "durability": "commit",
    "allowed_delta_types": ["fossil"],
    "delta_publish": True,
}


async def durable(make: Make, **options: Any) -> World:
    world = make(without_namespace=let_in(**{**DURABLE, **options}))
    await world.open_logs()
    return world


async def test_a_durable_room_tells_of_versions(make: Make, follow: Follow) -> None:
    world = await durable(make)
    room = world.node.room("a")
    ann, bob = follow(world), follow(world)
    await bob.come()
    await ann.come()
    await room.publish(version(1))
    await ann.go()
    for number in (2, 3):
        await room.publish(version(number))
    await ann.come()
    await room.publish(version(4))
    assert await ann.ways() == "whole whole! patch! patch"
    assert await bob.ways() == "whole patch patch patch"
    assert await ann.data() == await bob.data() == [version(number) for number in range(1, 5)]


async def test_what_is_published_elsewhere_is_told_as_what_has_changed(
    make: Make, follow: Follow
) -> None:
    world = make(without_namespace=let_in(**DURABLE))
    store = await world.open_logs()
    ann = follow(world)
    await ann.come()
    await world.node.room("a").publish(version(1))
    drafts = [("a", Draft(json.dumps(version(number)).encode())) for number in (2, 3)]
    await store.inner.append(drafts)
    await world.node.logs.refresh("a")
    await world.node.room("a").publish(version(4))
    assert await ann.data() == [version(number) for number in range(1, 5)]
    assert await ann.ways() == "whole patch patch patch"


async def test_what_was_erased_is_not_what_the_next_one_is_a_patch_of(
    make: Make, follow: Follow
) -> None:
    world = await durable(make)
    room = world.node.room("a")
    ann, bob = follow(world), follow(world)
    await bob.come()
    await ann.come()
    await room.publish(version(1))
    await ann.go()
    for number in (2, 3):
        await room.publish(version(number))
    # Bob has had them as they were, and Ann, who catches up, has what is there instead.
    gone = {"gone": TEXT}
    await room.publish(version(4), erase={2: gone, 3: gone})
    await ann.come()
    await room.publish(version(5), erase={4: gone})
    await room.publish(version(6), erase={5: gone})
    assert await bob.data() == [version(number) for number in range(1, 7)]
    assert await ann.data() == [version(1), gone, gone, *map(version, (4, 5, 6))]
    assert await bob.ways() == "whole patch patch patch patch patch"


async def test_who_catches_up_with_what_was_erased_last_gets_the_next_whole(
    make: Make, follow: Follow
) -> None:
    world = await durable(make)
    room = world.node.room("a")
    ann, bob = follow(world), follow(world)
    await bob.come()
    await ann.come()
    await room.publish(version(1))
    await ann.go()
    await room.publish(version(2))
    tail = world.node.live["a"].stream
    assert tail is not None
    world.node.live["a"].erase(tail.epoch, {2: json.dumps({"gone": TEXT}).encode()})
    await ann.come()
    await room.publish(version(3))
    assert await ann.data() == [version(1), {"gone": TEXT}, version(3)]
    assert await bob.data() == [version(1), version(2), version(3)]
    assert await ann.ways() == "whole whole! whole"
    assert await bob.ways() == "whole patch patch"


# Who is granted it. ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "asks", "granted"),
    [
        pytest.param({}, {}, True, id="granted"),
        pytest.param({"allowed_delta_types": []}, {}, False, id="not-allowed"),
        pytest.param({"force_recovery": False}, {}, False, id="without-a-position"),
        pytest.param({"force_recovery": False, "force_positioning": True}, {}, True, id="watched"),
        pytest.param({}, {"delta": ""}, False, id="not-asked"),
        pytest.param(
            {"allow_tags_filter": True}, {"tf": {"key": "k", "cmp": "ex"}}, False, id="tf"
        ),
    ],
)
async def test_deltas_are_for_who_asks_and_has_a_position(
    make: Make, follow: Follow, options: dict[str, Any], asks: dict[str, Any], granted: bool
) -> None:
    world = make(**rooms(**options))
    ann = follow(world, **asks)
    assert (await ann.come()).get("delta", False) is granted
    publish(world, version(1), version(2), tags={"k": "v"})
    assert await ann.data() == [version(1), version(2)]
    assert await ann.ways() == ("whole patch" if granted else "plain plain")


def test_a_room_without_a_history_has_no_deltas() -> None:
    for option in ({"allowed_delta_types": ["fossil"]}, {"delta_publish": True}):
        with pytest.raises(ValueError, match=f"{[*option][0]} needs a history: set history_size"):
            RoomOptions(**option)
        RoomOptions(**option, history_size=1)
        RoomOptions(**option, durability="commit")
    with pytest.raises(ValueError, match="fossil"):
        RoomOptions(allowed_delta_types=["xdelta"], history_size=1)  # type: ignore[list-item]


async def test_a_version_is_published_where_there_are_deltas(make: Make) -> None:
    world = make(namespaces={"ns": RoomOptions(history_size=1)}, **rooms())
    await world.node.room("a").publish(version(1), delta=True)
    for name, history in (("ns:a", True), ("a", False), ("nowhere:a", True)):
        with pytest.raises(ConfigurationError, match="allowed_delta_types"):
            await world.node.room(name).publish(version(1), delta=True, history=history)
