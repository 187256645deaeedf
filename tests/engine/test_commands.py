"""What a client may ask for, who may, and until when: protocol.md sections 3, 7, 9 and 11."""

import asyncio
from typing import Any

import pytest
from tests.engine.conftest import Make
from tests.support.wired import Message, Peer, World, let_in, refused

from hubbub.engine import control
from hubbub.engine.events import Admission, Call, Publish, Ticket
from hubbub.engine.events import Message as Sent
from hubbub.errors import Refused
from hubbub.model import (
    BAD_REQUEST,
    EXPIRED,
    INSUFFICIENT_STATE,
    INVALID_TOKEN,
    NOT_AVAILABLE,
    SUBSCRIPTION_EXPIRED,
    Draft,
)
from hubbub.options import OPEN, RoomOptions
from hubbub.testing import settle
from hubbub.wire import centrifuge as wire
from hubbub.wire.encode import LONG

OPEN_ROOMS = {"without_namespace": OPEN}


def rooms(**options: Any) -> dict[str, Any]:
    return {"without_namespace": let_in(**options)}


def publish(world: World, *values: int, room: str = "a") -> None:
    for value in values:
        world.node.publish(room, Draft(str(value).encode()))


# Who may (11.2). ------------------------------------------------------------------------------

WHO = ("user outside", "user inside", "anonymous outside", "anonymous inside")

WHO_MAY = {
    # allow_…_for_client, …_for_subscriber, …_for_anonymous
    (False, False, False): (False, False, False, False),
    (True, False, False): (True, True, False, False),
    (False, True, False): (False, True, False, False),
    (True, True, False): (True, True, False, False),
    (False, False, True): (False, False, False, False),
    (True, False, True): (True, True, True, True),
    (False, True, True): (False, True, False, True),
    (True, True, True): (True, True, True, True),
}

ACTIONS: dict[str, tuple[str, Message]] = {
    "publish": ("publish", {"data": 1}),
    "history": ("history", {}),
    "presence": ("presence", {}),
    "presence_stats": ("presence", {}),
}


async def answers(world: World, action: str, **body: Any) -> dict[str, Any]:
    """What each of `WHO` is answered, who is inside having joined with `body`."""
    found = {}
    for who in WHO:
        user, place = who.split()
        peer = await world.connect("" if user == "anonymous" else "ann")
        if place == "inside":
            assert "subscribe" in await peer.ask("subscribe", channel="a", **body)
        found[who] = await peer.ask(action, channel="a", **ACTIONS[action][1])
        assert peer.closed is None
        peer.vanish()
    return found


@pytest.mark.parametrize("allowed", WHO_MAY)
@pytest.mark.parametrize("action", ACTIONS)
async def test_who_may_do_what_is_as_the_table_has_it(
    make: Make, action: str, allowed: tuple[bool, bool, bool]
) -> None:
    word = ACTIONS[action][0]
    names = [f"allow_{word}_for_{whom}" for whom in ("client", "subscriber", "anonymous")]
    options = dict(zip(names, allowed, strict=True))
    world = make(**rooms(history_size=5, presence=True, **options))
    for who, answer in (await answers(world, action)).items():
        may = WHO_MAY[allowed][WHO.index(who)]
        assert (action in answer) if may else (answer == refused(103)), who


@pytest.mark.parametrize("action", ACTIONS)
async def test_one_right_is_no_other(make: Make, action: str) -> None:
    word = ACTIONS[action][0]
    others = {
        f"allow_{other}_for_{whom}": True
        for other in {"publish", "history", "presence"} - {word}
        for whom in ("client", "subscriber", "anonymous")
    }
    world = make(**rooms(history_size=5, presence=True, **others))
    assert set(map(str, (await answers(world, action)).values())) == {str(refused(103))}


@pytest.mark.parametrize("may", [True, False])
@pytest.mark.parametrize("action", ACTIONS)
async def test_what_a_hook_granted_wins_over_the_options(
    make: Make, action: str, may: bool
) -> None:
    word = ACTIONS[action][0]
    options = {} if may else {f"allow_{word}_for_client": True, f"allow_{word}_for_anonymous": True}
    world = make(**rooms(history_size=5, presence=True, **options))
    granted: Message = {word: may}
    world.gate.tickets["ann"] = Ticket("a", "ann", **granted)
    peer = await world.join("a", "ann", token="ann")
    answer = await peer.ask(action, channel="a", **ACTIONS[action][1])
    assert (action in answer) if may else (answer == refused(103))
    await peer.ask("unsubscribe", channel="a")
    # A grant is the membership's, and goes with it.
    answer = await peer.ask(action, channel="a", **ACTIONS[action][1])
    assert (action in answer) == (not may)


@pytest.mark.parametrize("action", ACTIONS)
async def test_rooms_that_are_nowhere_and_rooms_without_a_name(make: Make, action: str) -> None:
    peer = await make(**OPEN_ROOMS).connect()
    body = ACTIONS[action][1]
    assert await peer.ask(action, channel="no:where", **body) == refused(102)
    assert await peer.ask(action, **body) == BAD_REQUEST


@pytest.mark.parametrize("action", ["history", "presence", "presence_stats"])
async def test_what_a_room_does_not_keep_is_not_available_to_anyone(
    make: Make, action: str
) -> None:
    word = ACTIONS[action][0]
    allowed = {f"allow_{word}_for_client": True, f"allow_{word}_for_anonymous": True}
    world = make(**rooms(**allowed))
    assert set(map(str, (await answers(world, action)).values())) == {str(refused(108))}


# publish (7.2). -------------------------------------------------------------------------------


async def test_everyone_in_the_room_gets_it_with_who_published_it_and_nobody_else(
    make: Make,
) -> None:
    world = make(**OPEN_ROOMS)
    world.gate.admissions["ann"] = Admission("ann", info=b'{"name":"Ann"}')
    ann, bob = await world.join("a", "ann"), await world.join("a", "bob")
    carl = await world.join("b", "carl")
    await settle()
    for peer in (ann, bob, carl):
        await peer.told()
    assert await ann.ask("publish", channel="a", data={"x": [1]}) == {"publish": {}}
    info = {"user": "ann", "client": ann.client.id, "conn_info": {"name": "Ann"}}
    expected = [{"channel": "a", "pub": {"data": {"x": [1]}, "info": info, "offset": 1}}]
    assert await ann.told() == await bob.told() == expected
    assert await carl.told() == []


async def test_who_publishes_from_outside_is_told_of_as_well(make: Make) -> None:
    world = make(**rooms(allow_publish_for_client=True))
    ann, bob = await world.join("a", "ann"), await world.connect("bob")
    assert await bob.ask("publish", channel="a", data=1) == {"publish": {}}
    [push] = await ann.told()
    assert push["pub"] == {"data": 1, "info": {"user": "bob", "client": bob.client.id}}
    assert await bob.told() == []


async def test_what_came_with_the_membership_is_told_of_who_publishes(make: Make) -> None:
    world = make(**rooms(allow_publish_for_subscriber=True))
    world.gate.tickets["t"] = Ticket("a", "ann", info=b'"admin"')
    ann = await world.join("a", "ann", token="t")
    await ann.ask("publish", channel="a", data=1)
    assert (await ann.told())[0]["pub"]["info"]["chan_info"] == "admin"


async def test_nothing_and_other_kinds_are_not_published(make: Make) -> None:
    world = make(**OPEN_ROOMS, namespaces={"ns": let_in(allow_publish_for_client=True)})
    ann = await world.join("a", "ann")
    assert await ann.ask("publish", channel="a") == refused(107)
    assert await ann.ask("publish", channel="a", data=1, type=1, key="k") == refused(108)
    assert await ann.ask("publish", channel="ns:é", data=1) == refused(107)
    assert await ann.ask("publish", channel="ns:" + "x" * 300, data=1) == refused(107)
    assert await ann.heard("a") == []
    values: list[Any] = [None, "", 0, False, [], {}]
    for value in values:
        assert await ann.ask("publish", channel="a", data=value) == {"publish": {}}
    assert await ann.heard("a") == values


@pytest.mark.parametrize(
    "data",
    [
        '{"a":%s}',
        "[%s]",
        "[1,%s]",
        "[ -%s ]",
        "%s",
        "-%s",
    ],
)
async def test_a_number_that_some_clients_cannot_read_is_refused(make: Make, data: str) -> None:
    world = make(**OPEN_ROOMS)
    peer = await world.join("a", "ann")
    for digits, expected in ((LONG + 400, refused(107)), (LONG - 100, {"publish": {}})):
        text = data % ("9" * digits)
        peer.say(f'{{"id":9,"publish":{{"channel":"a","data":{text}}}}}')
        assert await peer.answer(9) == expected


async def test_many_digits_in_a_text_are_no_number(make: Make) -> None:
    world = make(**OPEN_ROOMS)
    peer = await world.join("a", "ann")
    assert await peer.ask("publish", channel="a", data="9" * 9_000) == {"publish": {}}


async def test_a_check_says_what_is_published_or_why_not(make: Make) -> None:
    world = make(**OPEN_ROOMS)
    assert world.node.rules.default is not None

    def check(data: bytes) -> bytes:
        if data == b'"no"':
            raise ValueError("text: not this one")
        return data.upper()

    world.node.rules.default.check = check
    ann = await world.join("a", "ann")
    answer = await ann.ask("publish", channel="a", data="no")
    assert answer == {"error": {"code": 107, "message": "text: not this one"}}
    assert await ann.ask("publish", channel="a", data="yes") == {"publish": {}}
    assert await ann.heard("a") == ["YES"]


async def test_a_check_that_fails_itself_is_our_error(make: Make) -> None:
    world = make(**OPEN_ROOMS)
    assert world.node.rules.default is not None

    def check(data: bytes) -> bytes:
        raise KeyError("a validator with a fault")

    world.node.rules.default.check = check
    ann = await world.join("a", "ann")
    assert await ann.ask("publish", channel="a", data=1) == refused(100)


async def test_a_hook_says_what_is_published_or_why_not(make: Make) -> None:
    world = make(**rooms())
    seen: list[Publish[Any]] = []

    async def on_publish(event: Publish[Any]) -> bytes:
        seen.append(event)
        if event.data == b"0":
            raise Refused("not zero", 400)
        return b"[%b]" % bytes(event.data)

    assert world.node.rules.default is not None
    world.node.rules.default.on_publish = on_publish
    ann, outside = await world.join("a", "ann"), await world.connect("bob")
    assert await ann.ask("publish", channel="a", data=0) == {
        "error": {"code": 400, "message": "not zero"}
    }
    assert await ann.ask("publish", channel="a", data=1) == {"publish": {}}
    assert await ann.heard("a") == [[1]]
    assert seen[1].member is ann.client.subs["a"] and seen[1].user == "ann"
    # Where somebody is asked, members may ask; the others only where the options let them.
    assert await outside.ask("publish", channel="a", data=1) == refused(103)
    assert len(seen) == 2


async def test_publishes_that_a_hook_looks_at_keep_their_order(make: Make) -> None:
    world = make(**rooms())
    slow = asyncio.Event()

    async def on_publish(event: Publish[Any]) -> bytes:
        if event.data == b"1":
            await slow.wait()
        return bytes(event.data)

    assert world.node.rules.default is not None
    world.node.rules.default.on_publish = on_publish
    ann = await world.join("a", "ann")
    ann.say(*(ann.command("publish", channel="a", data=number) for number in (1, 2, 3)))
    await settle()
    slow.set()
    assert await ann.heard("a") == [1, 2, 3]


# presence (7.3 and 7.4). ------------------------------------------------------------------------


async def test_presence_has_every_connection_and_counts_users_once(make: Make) -> None:
    world = make(**OPEN_ROOMS)
    world.gate.tickets["t"] = Ticket("a", "bob", info=b'{"n":1}')
    world.gate.admissions["ann"] = Admission("ann", info=b'{"name":"Ann"}')
    first, second = await world.join("a", "ann"), await world.join("a", "ann")
    bob, nobody = await world.join("a", "bob", token="t"), await world.join("a")
    other_nobody = await world.join("a")
    answer = await bob.ask("presence", channel="a")
    ids = [peer.client.id for peer in (first, second, bob, nobody, other_nobody)]
    assert list(answer["presence"]["presence"]) == ids
    expected = {"user": "ann", "client": ids[0], "conn_info": {"name": "Ann"}}
    assert answer["presence"]["presence"][ids[0]] == expected
    assert answer["presence"]["presence"][ids[2]]["chan_info"] == {"n": 1}
    assert answer["presence"]["presence"][ids[3]] == {"user": "", "client": ids[3]}

    async def counts() -> Any:
        return (await bob.ask("presence_stats", channel="a"))["presence_stats"]

    assert await counts() == {"num_clients": 5, "num_users": 3}
    first.vanish()
    nobody.client.close()
    assert await counts() == {"num_clients": 3, "num_users": 3}
    await second.ask("unsubscribe", channel="a")
    assert await counts() == {"num_clients": 2, "num_users": 2}


async def test_of_twenty_connections_of_a_user_the_last_one_leaves_the_room(make: Make) -> None:
    world = make(**OPEN_ROOMS)
    bob = await world.join("a", "bob")
    tabs = [await world.join("a", "ann") for _ in range(20)]
    for tab in tabs[:19]:
        tab.vanish()
    stats = (await bob.ask("presence_stats", channel="a"))["presence_stats"]
    assert stats == {"num_clients": 2, "num_users": 2}
    tabs[19].vanish()
    stats = (await bob.ask("presence_stats", channel="a"))["presence_stats"]
    assert stats == {"num_clients": 1, "num_users": 1}


async def test_an_empty_room_says_its_zeros(make: Make) -> None:
    world = make(**rooms(presence=True, allow_presence_for_client=True))
    peer = await world.connect("ann")
    assert await peer.ask("presence", channel="a") == {"presence": {"presence": {}}}
    zeros = {"num_clients": 0, "num_users": 0}
    assert await peer.ask("presence_stats", channel="a") == {"presence_stats": zeros}
    assert world.node.live == {}


# history (7.5). -------------------------------------------------------------------------------


async def asked(peer: Peer, **body: Any) -> Any:
    """The offsets of a page, or what came instead."""
    answer = await peer.ask("history", channel="a", **body)
    if "history" not in answer:
        return answer
    publications = answer["history"]["publications"]
    assert all(one["data"] == one["offset"] for one in publications)
    return [one["offset"] for one in publications]


async def test_pages_of_history_in_both_directions(make: Make) -> None:
    world = make(history_page=5, **rooms(history_size=8, allow_history_for_client=True))
    publish(world, *range(1, 11))  # of which 3 to 10 are kept
    peer = await world.connect("ann")
    assert await asked(peer) == await asked(peer, limit=0) == []
    assert await asked(peer, limit=2) == [3, 4]
    for unlimited in (-1, -(2**31), 6, 2**31 - 1):
        assert await asked(peer, limit=unlimited) == [3, 4, 5, 6, 7]
    assert await asked(peer, limit=2, since={"offset": 4}) == [5, 6]
    assert await asked(peer, limit=2, since={"offset": 1}) == [3, 4]
    assert await asked(peer, limit=2, since={"offset": 0}) == [3, 4]
    assert await asked(peer, limit=2, since={"offset": 9}) == [10]
    assert await asked(peer, limit=2, since={"offset": 10}) == []
    assert await asked(peer, limit=2, since={"offset": 99}) == []
    assert await asked(peer, limit=2, reverse=True) == [10, 9]
    assert await asked(peer, limit=9, reverse=True, since={"offset": 5}) == [4, 3]
    assert await asked(peer, limit=9, reverse=True, since={"offset": 3}) == []
    assert await asked(peer, limit=2, reverse=True, since={"offset": 99}) == [10, 9]
    assert await asked(peer, limit=2, reverse=True, since={"offset": 0}) == refused(107)


async def test_the_position_of_history_is_the_top_and_the_epoch_the_streams(make: Make) -> None:
    world = make(**rooms(history_size=8, allow_history_for_client=True))
    peer = await world.connect("ann")
    empty = (await peer.ask("history", channel="a"))["history"]
    assert empty["publications"] == [] and empty["offset"] == 0 and len(empty["epoch"]) == 8
    publish(world, 1, 2, 3)
    for body in ({}, {"limit": 1}, {"limit": 1, "reverse": True}):
        found = (await peer.ask("history", channel="a", **body))["history"]
        assert (found["offset"], found["epoch"]) == (3, empty["epoch"])
    since = {"offset": 1, "epoch": empty["epoch"]}
    assert await asked(peer, limit=9, since=since) == [2, 3]
    assert await asked(peer, limit=9, since={**since, "epoch": "another"}) == refused(112)
    assert await asked(peer, limit=9, since={"epoch": "another"}, reverse=True) == refused(107)


async def test_every_message_once_by_paging_while_others_publish(make: Make) -> None:
    world = make(**rooms(history_size=100, allow_history_for_client=True))
    publish(world, *range(1, 11))
    peer = await world.connect("ann")
    found: list[int] = []
    while page := await asked(peer, limit=3, since={"offset": found[-1] if found else 0}):
        found += page
        if found[-1] < 20:
            publish(world, world.node.memory.streams.get("a").offset + 1)  # type: ignore[union-attr]
    assert found == list(range(1, len(found) + 1))
    back: list[int] = []
    body: Message = {}
    while page := await asked(peer, limit=3, reverse=True, **body):
        back += page
        body = {"since": {"offset": back[-1]}}
        publish(world, world.node.memory.streams.get("a").offset + 1)  # type: ignore[union-attr]
    assert back == list(range(len(found), 0, -1))


async def test_what_is_too_old_is_gone_and_the_position_stays(make: Make) -> None:
    world = make(**rooms(history_size=9, history_ttl=10, allow_history_for_client=True))
    publish(world, 1, 2)
    peer = await world.connect("ann")
    await world.clock.advance(9)
    assert await asked(peer, limit=9) == [1, 2]
    await world.clock.advance(1)
    assert await asked(peer, limit=9) == []
    assert (await peer.ask("history", channel="a"))["history"]["offset"] == 2


# rpc and send (7.6 and 7.7). --------------------------------------------------------------------


async def test_a_call_is_not_available_not_found_or_answered(make: Make) -> None:
    world = make(**OPEN_ROOMS)
    peer = await world.connect("ann")
    assert await peer.ask("rpc", method="m") == refused(108)
    seen: list[Call[Any]] = []

    async def method(call: Call[Any]) -> bytes:
        seen.append(call)
        return b"" if call.data == b"" else b'{"got":%b}' % bytes(call.data)

    world.node.calls["m"] = method
    assert await peer.ask("rpc", method="n") == refused(104)
    assert await peer.ask("rpc") == refused(104)
    assert await peer.ask("rpc", method="m", data=[1]) == {"rpc": {"data": {"got": [1]}}}
    assert await peer.ask("rpc", method="m") == {"rpc": {}}
    assert (seen[0].user, seen[0].client, seen[0].method) == ("ann", peer.client, "m")


async def test_a_message_that_nobody_wants_ends_the_connection(make: Make) -> None:
    peer = await make(**OPEN_ROOMS).connect()
    peer.say({"send": {"data": 1}})
    assert peer.closed == NOT_AVAILABLE


async def test_a_message_has_no_answer_even_where_its_hook_fails(make: Make) -> None:
    world = make(**OPEN_ROOMS)
    peer = await world.connect("ann")
    seen: list[Any] = []

    async def on_message(message: Sent) -> None:
        seen.append((message.user, message.data))
        if message.data == "refuse":
            raise Refused
        if message.data == "fail":
            raise RuntimeError

    world.node.on_message = on_message
    for value in ({"a": 1}, "refuse", "fail"):
        peer.say({"send": {"data": value}})
    peer.say({"send": {}}, {"id": 9, "send": {"data": 2}})
    await settle()
    assert seen == [("ann", value) for value in ({"a": 1}, "refuse", "fail", None, 2)]
    assert peer.sink.frames == []
    assert peer.closed is None


# Until when: the connection (9.1 and 9.2). --------------------------------------------------------


async def expiring(world: World, user: str = "ann", seconds: float = 60, **more: Any) -> Peer:
    """A client whose token ends then, and that can bring another one."""
    until = world.clock.time() + seconds
    world.gate.admissions["t"] = Admission(user, expires_at=until, renewable=True, **more)
    return await world.connect("t")


LONG_PINGS = {"client_ping_interval": 100_000, **OPEN_ROOMS}


async def test_a_connection_says_when_it_ends_and_ends_after_some_grace(make: Make) -> None:
    world = make(expired_seconds=25, **LONG_PINGS)
    until = world.clock.time() + 60
    world.gate.admissions["t"] = Admission("ann", expires_at=until, renewable=True)
    peer = world.arrive()
    result = (await peer.ask("connect", token="t"))["connect"]
    assert (result["expires"], result["ttl"]) == (True, 60)
    await world.clock.advance(84)
    assert peer.closed is None
    await world.clock.advance(2)
    assert peer.closed == EXPIRED


async def test_a_refresh_puts_the_end_off_and_says_until_when(make: Make) -> None:
    world = make(expired_seconds=25, **LONG_PINGS)
    peer = await expiring(world)
    await world.clock.advance(61)  # late, within the grace
    until = world.clock.time() + 100
    world.gate.admissions["new"] = Admission("ann", expires_at=until, renewable=True)
    result = (await peer.ask("refresh", token="new"))["refresh"]
    assert result == {
        "client": peer.client.id,
        "version": result["version"],
        "expires": True,
        "ttl": 100,
    }
    assert result["version"]
    await world.clock.advance(124)
    assert peer.closed is None
    await world.clock.advance(2)
    assert peer.closed == EXPIRED


async def test_a_refresh_without_an_end_lets_the_connection_live(make: Make) -> None:
    world = make(**LONG_PINGS)
    peer = await expiring(world)
    world.gate.admissions["new"] = Admission("ann", renewable=True)
    assert set((await peer.ask("refresh", token="new"))["refresh"]) == {"client", "version"}
    await world.clock.advance(10_000)
    assert peer.closed is None


@pytest.mark.parametrize(
    "answer, expected",
    [
        (wire.TOKEN_EXPIRED, EXPIRED),
        (INVALID_TOKEN, INVALID_TOKEN),
        (wire.DENIED, INVALID_TOKEN),
        (wire.INTERNAL, refused(100)),
        (Admission("bob"), INVALID_TOKEN),
        (Admission(None), INVALID_TOKEN),
        (Admission("ann", subs={"a": Ticket()}), INSUFFICIENT_STATE),
        (Admission("ann", expires_at=1.0), EXPIRED),
    ],
)
async def test_a_refresh_never_changes_who_it_is(make: Make, answer: Any, expected: object) -> None:
    world = make(**LONG_PINGS)
    peer = await expiring(world)
    world.gate.admissions["new"] = answer
    assert await peer.ask("refresh", token="new") == expected
    assert peer.client.user_id == "ann"


async def test_a_refresh_says_until_when_and_nothing_else(make: Make) -> None:
    world = make(**LONG_PINGS)
    peer = await expiring(world, session="phone", info=b'"Ann"', meta={"a": 1})
    client = peer.client
    before = client.user, client.user_id, client.session, client.meta, client.info
    world.gate.admissions["new"] = Admission(
        "ann", session="desk", info=b'"Bob"', meta={"b": 2}, renewable=True
    )
    assert "refresh" in await peer.ask("refresh", token="new")
    assert (client.user, client.user_id, client.session, client.meta, client.info) == before
    assert before[2:4] == ("phone", {"a": 1})


async def test_a_refresh_where_there_is_none_ends_the_connection(make: Make) -> None:
    world = make(**LONG_PINGS)
    assert await (await world.connect("ann")).ask("refresh", token="ann") == BAD_REQUEST
    assert await (await expiring(world)).ask("refresh", token="") == BAD_REQUEST
    peer = await expiring(world)
    world.node.gate = None
    assert await peer.ask("refresh", token="t") == BAD_REQUEST


async def test_where_the_server_refreshes_it_is_asked_at_the_end_and_says_nothing(
    make: Make,
) -> None:
    world = make(**LONG_PINGS)
    until = world.clock.time() + 60
    world.gate.admissions["t"] = Admission("ann", expires_at=until)
    peer = world.arrive()
    assert not {"expires", "ttl"} & set((await peer.ask("connect", token="t"))["connect"])
    world.gate.until = until + 60
    await world.clock.advance(61)
    assert (peer.closed, world.gate.renewed) == (None, 1)
    world.gate.until = None
    await world.clock.advance(60)
    assert (peer.closed, world.gate.renewed) == (EXPIRED, 2)


async def test_a_refresh_hook_that_fails_ends_the_connection(make: Make) -> None:
    world = make(**LONG_PINGS)
    world.gate.admissions["t"] = Admission("ann", expires_at=world.clock.time() + 60)
    peer = await world.connect("t")

    async def renew(client: object) -> float | None:
        raise SystemExit

    world.gate.renew = renew  # type: ignore[method-assign]
    await world.clock.advance(61)
    assert peer.closed == EXPIRED


@pytest.mark.parametrize("by", ["the client", "the server"])
async def test_a_refresh_that_ends_after_its_client_leaves_nothing(by: str) -> None:
    world = World(**LONG_PINGS)
    let_go = asyncio.Event()
    until = world.clock.time() + 60
    renewable = by == "the client"
    world.gate.admissions["t"] = Admission("ann", expires_at=until, renewable=renewable)
    peer = await world.connect("t")

    async def renew(client: object) -> float:
        await let_go.wait()
        return until + 1_000

    async def refresh(client: object, token: str) -> Admission:
        return Admission("ann", expires_at=await renew(client), renewable=True)

    world.gate.renew = renew  # type: ignore[method-assign]
    world.gate.refresh = refresh  # type: ignore[method-assign]
    if renewable:
        peer.say(peer.command("refresh", token="t"))
        await settle()
    else:
        await world.clock.advance(60)
    peer.vanish()
    let_go.set()
    await settle()
    await world.end()


# Until when: a subscription (9.3). ----------------------------------------------------------------


async def subscribed_until(world: World, seconds: float = 60) -> Peer:
    until = world.clock.time() + seconds
    world.gate.tickets["t"] = Ticket("a", "ann", expires_at=until, renewable=True)
    return await world.join("a", "ann", token="t")


@pytest.mark.parametrize("channel", [{"channel": "a"}, {}])
async def test_a_subscription_is_refreshed_even_where_an_old_client_leaves_out_the_room(
    make: Make, channel: Message
) -> None:
    world = make(expired_seconds=25, **LONG_PINGS)
    peer = await subscribed_until(world)
    await world.clock.advance(61)
    until = world.clock.time() + 600
    world.gate.tickets["new"] = Ticket("a", "ann", expires_at=until, renewable=True)
    expected = {"sub_refresh": {"expires": True, "ttl": 600}}
    assert await peer.ask("sub_refresh", token="new", **channel) == expected
    await world.clock.advance(624)
    assert await peer.told() == []
    await world.clock.advance(2)
    assert [push["unsubscribe"]["code"] for push in await peer.told()] == [2501]


async def test_a_subscription_can_be_refreshed_to_live_on(make: Make) -> None:
    world = make(**LONG_PINGS)
    peer = await subscribed_until(world)
    world.gate.tickets["new"] = Ticket("a", "ann", renewable=True)
    assert await peer.ask("sub_refresh", channel="a", token="new") == {"sub_refresh": {}}
    await world.clock.advance(10_000)
    assert await peer.told() == []
    assert list(peer.client.subs) == ["a"]


@pytest.mark.parametrize(
    "ticket, expected",
    [
        (wire.TOKEN_EXPIRED, SUBSCRIPTION_EXPIRED),
        (wire.DENIED, INVALID_TOKEN),
        (wire.INTERNAL, refused(100)),
        (Ticket("b", "ann"), INVALID_TOKEN),
        (Ticket("a", "bob"), INVALID_TOKEN),
        (Ticket("a", "ann", "another"), INVALID_TOKEN),
        (Ticket("a", "ann", expires_at=1.0), SUBSCRIPTION_EXPIRED),
    ],
)
async def test_a_token_that_does_not_fit_refreshes_nothing(
    make: Make, ticket: Any, expected: object
) -> None:
    world = make(**LONG_PINGS)
    peer = await subscribed_until(world)
    world.gate.tickets["new"] = ticket
    assert await peer.ask("sub_refresh", channel="a", token="new") == expected


async def test_only_a_subscription_is_refreshed_and_only_with_a_token(make: Make) -> None:
    world = make(**LONG_PINGS)
    peer = await subscribed_until(world)
    assert await peer.ask("sub_refresh", channel="b", token="t") == refused(103)
    assert await peer.ask("sub_refresh", channel="a", token="") == refused(107)
    world.gate.tickets["b"] = Ticket("b", "ann")
    assert await peer.ask("sub_refresh", token="b") == refused(103)
    assert peer.closed is None


async def test_the_time_that_is_left_is_never_zero_nor_more_than_can_be_said(make: Make) -> None:
    world = make(**LONG_PINGS)
    for seconds, ttl in ((0.001, 1), (1.5, 2), (1e12, 2**32 - 1)):
        until = world.clock.time() + seconds
        world.gate.admissions["t"] = Admission("ann", expires_at=until, renewable=True)
        result = (await world.arrive().ask("connect", token="t"))["connect"]
        assert result["ttl"] == ttl


async def test_every_action_of_somebody_who_was_thrown_out_of_the_room_is_refused(
    make: Make,
) -> None:
    world = make(**OPEN_ROOMS)
    peer = await world.join("a", "ann")
    for action, (_, body) in ACTIONS.items():
        assert action in await peer.ask(action, channel="a", **body)
    control.unsubscribe(world.node, "ann", "a")
    await peer.told()
    for action, (_, body) in ACTIONS.items():
        assert await peer.ask(action, channel="a", **body) == refused(103)
    publish(world, 2)
    assert await peer.told() == []


async def test_a_publication_is_no_larger_than_its_room_allows(make: Make) -> None:
    options = {**OPEN.model_dump(exclude_unset=True), "publication_bytes": 5}
    world = make(without_namespace=RoomOptions(**options))
    peer = await world.join("a")
    assert await peer.ask("publish", channel="a", data="abc") == {"publish": {}}
    assert await peer.ask("publish", channel="a", data="abcd") == refused(107)
    room = world.node.room("a")
    assert await room.publish("abc") is not None
    with pytest.raises(ValueError, match="6 bytes are more than the 5"):
        await room.publish("abcd")
    assert await peer.heard("a") == ["abc", "abc"]
