"""Into a room and out of it: checks, wishes, recovery, joins and leaves, and their end.

protocol.md sections 3.3, 3.4, 5, 6, 9.3 and 11.
"""

import asyncio
from typing import Any

import pytest
from tests.engine.conftest import Make
from tests.support.wired import Message, Peer, World, let_in, refused

from hubbub.engine import control, entering
from hubbub.engine.events import Admission, Join, Ticket
from hubbub.errors import Refused
from hubbub.model import (
    BAD_REQUEST,
    INSUFFICIENT_STATE,
    INVALID_TOKEN,
    SUBSCRIPTION_EXPIRED,
    Draft,
    Position,
)
from hubbub.testing import settle
from hubbub.wire import centrifuge as wire

LOG: dict[str, Any] = {"history_size": 10}
RECOVER: dict[str, Any] = {**LOG, "force_recovery": True}
CACHE: dict[str, Any] = {**RECOVER, "force_recovery_mode": "cache"}


def rooms(**options: Any) -> dict[str, Any]:
    return {"without_namespace": let_in(**options)}


async def subscribed(peer: Peer, room: str = "a", **body: Any) -> Any:
    """The result of a subscribe, or what came instead."""
    answer = await peer.ask("subscribe", channel=room, **body)
    return answer.get("subscribe", answer) if isinstance(answer, dict) else answer


def publish(world: World, *values: int, room: str = "a") -> None:
    for value in values:
        world.node.publish(room, Draft(str(value).encode()))


def epoch_of(world: World, room: str = "a") -> str:
    rule = world.node.rules.find(room)
    assert rule is not None
    return world.node.stream(room, rule).epoch


def entries(first: int, last: int) -> list[Message]:
    return [{"data": number, "offset": number} for number in range(first, last + 1)]


# The order of checks (5.3). -------------------------------------------------------------------


async def test_a_room_without_anything_is_entered_with_an_empty_result(make: Make) -> None:
    peer = await make(**rooms()).connect()
    assert await subscribed(peer, flag=1) == {}


async def test_checks_come_in_the_order_of_the_protocol(make: Make) -> None:
    world = make(channel_limit=2, namespaces={"ns": let_in(channel_regex="ns:[a-z]+")}, **rooms())
    peer = await world.connect("ann")
    long = "x" * 256
    assert await subscribed(peer, "") == BAD_REQUEST
    peer = await world.connect("ann")
    assert await subscribed(peer, long) == refused(107)
    assert await subscribed(peer, "x" * 255) == {}
    assert await subscribed(peer, "a") == {}
    # Subscribed already, before the limit; the limit, before whether there is such a room.
    assert await subscribed(peer, "a", delta="?", token="?") == refused(105)
    assert await subscribed(peer, long) == refused(107)
    assert await subscribed(peer, "nowhere:b", delta="?") == refused(106)
    await peer.ask("unsubscribe", channel="a")
    # An unknown namespace, before its name; the name, before the permission.
    assert await subscribed(peer, "nowhere:é", token="?") == refused(102)
    assert await subscribed(peer, "é", token="?") == refused(107)
    assert await subscribed(peer, "ns:A", token="?") == refused(107)
    assert await subscribed(peer, "$é") == refused(107)
    # The permission and the token, before what was asked for.
    assert await subscribed(peer, "$a", delta="?") == refused(103)
    assert await subscribed(peer, "b", token="?", delta="?") == refused(103)
    # A filter, where there are none; last, a delta that nobody speaks.
    assert await subscribed(peer, "b", tf={"key": "k", "cmp": "ex"}) == refused(107)
    assert await subscribed(peer, "b", delta="xdelta", tf={}) == BAD_REQUEST


async def test_a_delta_that_is_spoken_elsewhere_is_not_granted_and_no_error(make: Make) -> None:
    peer = await make(**rooms()).connect()
    assert await subscribed(peer, delta="fossil") == {}


async def test_kinds_of_subscription_that_are_not_there_are_not_available(make: Make) -> None:
    peer = await make(**rooms()).connect()
    for kind in (1, 2, 3, 4, -1):
        assert await subscribed(peer, type=kind) == refused(108)


@pytest.mark.parametrize(
    "name", ["../a", "*", "a,b", "[a]", "{a}", "a b", "a/b?c=d", '"', "\\", "%00", ".", "a\x7e"]
)
async def test_odd_names_are_rooms_of_their_own(make: Make, name: str) -> None:
    world = make(**rooms(allow_publish_for_subscriber=True))
    ann, bob = await world.join(name, "ann"), await world.join("a", "bob")
    assert await ann.ask("publish", channel=name, data=1) == {"publish": {}}
    assert await ann.heard(name) == [1]
    assert await bob.told() == []


@pytest.mark.parametrize(
    "name", ["a\r\nb", "a\x00", "\x1b[31m", "a\x7f", "\u202ea", "аdmin", "a" * 256, "x" * 60_000]
)
async def test_names_that_nobody_should_have_are_refused(make: Make, name: str) -> None:
    world = make(**rooms())
    peer = await world.connect("ann")
    assert await subscribed(peer, name) == refused(107)
    assert world.node.live == {}


async def test_names_are_not_ascii_where_a_regex_says_which(make: Make) -> None:
    world = make(**rooms(channel_regex="[а-я]+"))
    peer = await world.connect()
    assert await subscribed(peer, "комната") == {}
    assert await subscribed(peer, "room") == refused(107)
    assert await subscribed(peer, "а\n") == refused(107)


async def test_names_that_cannot_be_are_not_remembered(make: Make) -> None:
    world = make(**rooms())
    peer = await world.connect("ann")
    for number in range(20):
        for kind in ("subscribe", "publish", "presence", "history"):
            await peer.ask(kind, channel=f"{kind}{number}" + "x" * 10_000)
    remembered = sum(len(name) for name in world.node.rules._cache)
    assert remembered < 20_000


# Permission (11.2). -----------------------------------------------------------------------------

USERS = {"": "anonymous", "ann": "ann", "bob": "bob"}

WHO_ENTERS = {
    # for_client, for_anonymous, user_limited: name: who
    (False, False, False): {"a": "", "#ann": "", "x#ann,carl": "", "$a": ""},
    (True, False, False): {"a": "ann bob", "#ann": "ann bob", "x#ann,carl": "ann bob", "$a": ""},
    (False, True, False): {"a": "", "#ann": "", "x#ann,carl": "", "$a": ""},
    (True, True, False): {
        "a": "anonymous ann bob",
        "#ann": "anonymous ann bob",
        "x#ann,carl": "anonymous ann bob",
        "$a": "",
    },
    # A user-limited room never falls through to what others may.
    (False, False, True): {"a": "", "#ann": "ann", "x#ann,carl": "ann", "$a": "", "x#": ""},
    (True, False, True): {"a": "ann bob", "#ann": "ann", "x#ann,carl": "ann", "$x#ann": ""},
    (False, True, True): {"a": "", "#ann": "ann", "x#ann#bob": "bob", "x#": "", "#": ""},
    (True, True, True): {"a": "anonymous ann bob", "#ann": "ann", "x#": "", "x#ann, bob": "ann"},
}


@pytest.mark.parametrize("options", WHO_ENTERS)
async def test_who_may_enter_is_as_the_table_has_it(
    make: Make, options: tuple[bool, bool, bool]
) -> None:
    for_client, for_anonymous, limited = options
    world = make(
        without_namespace={
            "allow_subscribe_for_client": for_client,
            "allow_subscribe_for_anonymous": for_anonymous,
            "allow_user_limited_channels": limited,
        }
    )
    for user, word in USERS.items():
        peer = await world.connect(user)
        for name, who in WHO_ENTERS[options].items():
            expected = {} if word in who.split() else refused(103)
            assert await subscribed(peer, name) == expected, (word, name)


async def test_a_token_opens_what_nothing_else_does(make: Make) -> None:
    world = make(without_namespace={})
    world.gate.tickets["good"] = Ticket("$a", "ann", info=b'{"r":1}', data=b'"d"')
    world.gate.tickets["no user"] = Ticket("$a", "")
    peer = await world.connect("ann")
    assert await subscribed(peer, "$a") == refused(103)
    assert await subscribed(peer, "$a", token="bad") == refused(103)
    assert await subscribed(peer, "$a", token="good") == {"data": "d"}
    assert peer.client.subs["$a"].info.chan_info == b'{"r":1}'
    nobody = await world.connect()
    assert await subscribed(nobody, "$a", token="no user") == {}


@pytest.mark.parametrize(
    "ticket", [Ticket("b", "ann"), Ticket("a", "bob"), Ticket("a", "ann", "x")]
)
async def test_somebody_elses_token_ends_the_connection(make: Make, ticket: Ticket) -> None:
    world = make(**rooms())
    world.gate.tickets["t"] = ticket
    peer = await world.connect("ann")
    assert await subscribed(peer, "a", token="t") == INVALID_TOKEN


async def test_a_token_can_be_for_one_connection(make: Make) -> None:
    world = make(**rooms())
    peer = await world.connect("ann")
    world.gate.tickets["t"] = Ticket("a", "ann", peer.client.id)
    assert await subscribed(peer, "a", token="t") == {}


async def test_a_token_that_has_expired_and_one_that_ends_in_the_past_are_told_apart(
    make: Make,
) -> None:
    world = make(**rooms())
    world.gate.tickets["old"] = wire.TOKEN_EXPIRED
    world.gate.tickets["past"] = Ticket("a", "ann", expires_at=world.clock.time() - 1)
    world.gate.tickets["ours"] = wire.INTERNAL
    peer = await world.connect("ann")
    assert await subscribed(peer, token="old") == refused(109)
    assert await subscribed(peer, token="past") == refused(110)
    assert await subscribed(peer, token="ours") == refused(100)
    assert peer.closed is None
    world.node.gate = None
    assert await subscribed(peer, token="any") == refused(103)


async def test_a_tokens_override_wins_over_the_rooms_options(make: Make) -> None:
    world = make(**rooms(history_size=5, join_leave=True))
    names = ("force_recovery", "force_positioning", "force_push_join_leave", "presence")
    for name in names:
        world.gate.tickets[name] = Ticket("a", "ann", override={name: True})
        peer = await world.connect("ann")
        result = await subscribed(peer, token=name)
        assert result.get("recoverable", False) == (name == "force_recovery")
        assert result.get("positioned", False) == (name in names[:2])
        assert len(await peer.told()) == (name == "force_push_join_leave")
        room = world.node.live["a"]
        assert (room.presence is not None) == (name == "presence")
        peer.vanish()


async def test_a_hook_decides_who_enters_but_not_into_user_limited_rooms(make: Make) -> None:
    world = make(without_namespace={"allow_user_limited_channels": True})
    asked: list[Join] = []

    async def on_join(join: Join) -> Ticket:
        asked.append(join)
        if join.data == "no":
            raise Refused("not you", 401)
        return Ticket(publish=True, data=b"[1]")

    assert world.node.rules.default is not None
    world.node.rules.default.on_join = on_join
    peer = await world.connect("ann")
    assert await subscribed(peer, "a", data="no") == {"error": {"code": 401, "message": "not you"}}
    assert world.node.live == {}
    assert await subscribed(peer, "a", data={"k": 1}) == {"data": [1]}
    assert await peer.ask("publish", channel="a", data=1) == {"publish": {}}
    assert asked[1].user == "ann" and asked[1].data == {"k": 1} and asked[1].room.name == "a"
    assert await subscribed(peer, "x#ann") == {}
    assert await subscribed(peer, "x#bob") == refused(103)
    assert len(asked) == 2


async def test_who_was_put_into_the_room_while_a_hook_thought_is_subscribed_already(
    make: Make,
) -> None:
    world = make(**rooms())
    let_go = asyncio.Event()

    async def on_join(join: Join) -> Ticket:
        await let_go.wait()
        return Ticket()

    assert world.node.rules.default is not None
    world.node.rules.default.on_join = on_join
    peer = await world.connect("ann")
    peer.say(peer.command("subscribe", channel="a"))
    await settle()
    assert await control.subscribe(world.node, "ann", "a", Ticket(), None) is None
    let_go.set()
    assert await peer.answer(2) == refused(105)
    assert len(world.node.room("a")) == 1


async def test_who_goes_while_a_hook_thinks_is_put_into_no_room(make: Make) -> None:
    world = make(**rooms())
    let_go = asyncio.Event()

    async def on_join(join: Join) -> Ticket:
        await let_go.wait()
        return Ticket()

    assert world.node.rules.default is not None
    world.node.rules.default.on_join = on_join
    peer = await world.connect("ann")
    peer.say(peer.command("subscribe", channel="a"))
    await settle()
    peer.vanish()
    let_go.set()
    await settle()
    world.assert_nobody_is_left()


# Wishes (5.1 and 11.2). -------------------------------------------------------------------------

GRANTED = {
    # options of the room: what who wishes for everything gets, what who wishes nothing gets
    "nothing": ({}, "", ""),
    "history alone": (LOG, "", ""),
    "allow_positioning": ({**LOG, "allow_positioning": True}, "positioned", ""),
    "allow_recovery": ({**LOG, "allow_recovery": True}, "positioned recoverable", ""),
    "history for client": (
        {**LOG, "allow_history_for_client": True},
        "positioned recoverable",
        "",
    ),
    "history for subscriber": (
        {**LOG, "allow_history_for_subscriber": True},
        "positioned recoverable",
        "",
    ),
    "force_positioning": ({**LOG, "force_positioning": True}, "positioned", "positioned"),
    "force_recovery": (RECOVER, "positioned recoverable", "positioned recoverable"),
    "joins": ({"join_leave": True}, "", ""),
    "joins and presence": (
        {"join_leave": True, "allow_presence_for_subscriber": True},
        "joins",
        "",
    ),
    "presence alone": ({"presence": True, "allow_presence_for_client": True}, "", ""),
    "forced joins": ({"join_leave": True, "force_push_join_leave": True}, "joins", "joins"),
    "forced joins that are not told": ({"force_push_join_leave": True}, "", ""),
}


@pytest.mark.parametrize("case", GRANTED)
async def test_a_wish_is_granted_where_it_may_be_and_else_ignored(make: Make, case: str) -> None:
    options, everything, nothing = GRANTED[case]
    wishes: Message = {"positioned": True, "recoverable": True, "join_leave": True}
    none: Message = {}
    for body, expected in ((wishes, everything), (none, nothing)):
        world = make(**rooms(**options))
        peer = await world.connect("ann")
        result = await subscribed(peer, **body)
        got = {name for name in ("positioned", "recoverable") if result.get(name)}
        if any("join" in push for push in await peer.told()):
            got.add("joins")
        assert got == set(expected.split())
        assert ("epoch" in result) == ("positioned" in got)
        assert "was_recovering" not in result


async def test_a_wish_to_recover_is_one_to_be_positioned(make: Make) -> None:
    peer = await make(**rooms(**LOG, allow_recovery=True)).connect()
    result = await subscribed(peer, recoverable=True)
    assert result["positioned"] and result["recoverable"]


async def test_a_grant_of_history_and_presence_grants_the_wishes(make: Make) -> None:
    world = make(**rooms(**LOG, join_leave=True))
    for may in (True, False):
        world.gate.tickets["t"] = Ticket("a", "ann", history=may, presence=may)
        peer = await world.connect("ann")
        result = await subscribed(peer, token="t", recoverable=True, join_leave=True)
        assert result.get("recoverable", False) == may
        assert len(await peer.told()) == may


# Recovery in the reply (6.3, 6.4, 6.6). -----------------------------------------------------------


async def test_a_first_subscribe_says_where_the_room_stands(make: Make) -> None:
    world = make(**rooms(**RECOVER))
    peer = await world.connect()
    base = {"recoverable": True, "positioned": True, "epoch": epoch_of(world)}
    assert await subscribed(peer) == base
    publish(world, 1, 2)
    await peer.ask("unsubscribe", channel="a")
    assert await subscribed(peer) == {**base, "offset": 2}


RECOVERIES = {
    # asked: offset, right epoch ("" any, "x" wrong); published of which 10 are kept; recovered
    "all that was missed": (1, "=", 3, True),
    "nothing was missed": (3, "=", 3, True),
    "any epoch": (1, "", 3, True),
    "from the beginning, any epoch": (0, "", 3, True),
    "from the beginning, and there is nothing": (0, "", 0, True),
    "as much as is kept": (2, "=", 12, True),
    "one more than is kept": (1, "=", 12, False),
    "another epoch": (1, "x", 3, False),
    "another epoch where nothing was missed": (3, "x", 3, False),
    "ahead of the room": (5, "=", 3, False),
    "ahead, any epoch": (5, "", 3, False),
}


@pytest.mark.parametrize("reject", [False, True])
@pytest.mark.parametrize("case", RECOVERIES)
async def test_recovery_brings_all_or_says_that_it_does_not(
    make: Make, case: str, reject: bool
) -> None:
    offset, epoch, published, recovered = RECOVERIES[case]
    world = make(**rooms(**RECOVER))
    publish(world, *range(1, published + 1))
    top = epoch_of(world)
    peer = await world.connect()
    asked: Message = {"recover": True, "offset": offset, "epoch": top if epoch == "=" else epoch}
    result = await subscribed(peer, **asked, flag=3 if reject else 1)
    if reject and not recovered:
        assert result == refused(112)
        assert world.node.live == {}
        assert peer.client.subs == {}
        return
    expected: Message = {
        "recoverable": True,
        "positioned": True,
        "epoch": top,
        "was_recovering": True,
    }
    if recovered:
        expected["recovered"] = True
        if offset:
            expected["offset"] = offset
        if offset < published:
            expected["publications"] = entries(offset + 1, published)
    else:
        expected["offset"] = published
    assert result == expected
    publish(world, published + 1)
    assert await peer.heard("a") == [published + 1]


async def test_more_than_the_limit_is_not_recovered(make: Make) -> None:
    world = make(recovery_limit=3, **rooms(**RECOVER))
    publish(world, 1, 2, 3, 4)
    peer = await world.connect()
    assert "recovered" not in await subscribed(peer, recover=True, offset=0)
    await peer.ask("unsubscribe", channel="a")
    assert (await subscribed(peer, recover=True, offset=1))["publications"] == entries(2, 4)


async def test_who_asks_to_recover_where_nothing_is_recovered_is_not_recovering(make: Make) -> None:
    for options in ({}, LOG, {**LOG, "force_positioning": True}):
        world = make(**rooms(**options))
        publish(world, 1)
        result = await subscribed(await world.connect(), recover=True, flag=2)
        assert "was_recovering" not in result and "recovered" not in result


async def test_what_a_filter_hides_is_not_recovered_either(make: Make) -> None:
    world = make(**rooms(**RECOVER, allow_tags_filter=True))
    for number, tag in enumerate("xyx", 1):
        world.node.publish("a", Draft(str(number).encode(), {"t": tag}))
    only_x = {"key": "t", "cmp": "eq", "val": "x"}
    peer, other = await world.connect(), await world.connect()
    result = await subscribed(peer, tf=only_x, recover=True)
    assert result["recovered"]
    assert [one["offset"] for one in result["publications"]] == [1, 3]
    await subscribed(other, tf={**only_x, "cmp": "neq"})
    for tag in "yxy":
        world.node.publish("a", Draft(f'"{tag}"'.encode(), {"t": tag}))
    assert await peer.heard("a") == ["x"]
    assert await other.heard("a") == ["y", "y"]
    assert await subscribed(await world.connect(), tf={"cmp": "?"}) == refused(107)


async def test_in_cache_mode_the_latest_comes_to_who_does_not_have_it(make: Make) -> None:
    world = make(**rooms(**CACHE))
    publish(world, 1, 2, 3)
    epoch = epoch_of(world)
    peer = await world.connect()

    async def again(**body: Any) -> Any:
        await peer.ask("unsubscribe", channel="a")
        return await subscribed(peer, **body)

    assert "publications" not in await again()
    for asked in ((0, ""), (1, epoch), (2, epoch), (3, "x"), (3, "")):
        result = await again(recover=True, offset=asked[0], epoch=asked[1])
        assert result["publications"] == entries(3, 3)
        assert result["recovered"] and result["was_recovering"]
        assert result["offset"] == 2
    result = await again(recover=True, offset=3, epoch=epoch)
    assert result["recovered"] and "publications" not in result
    assert result["offset"] == 3


async def test_in_cache_mode_an_empty_room_has_nothing_to_recover(make: Make) -> None:
    world = make(**rooms(**CACHE))
    peer = await world.connect()
    result = await subscribed(peer, recover=True, offset=0, epoch=epoch_of(world))
    assert result["recovered"]
    await peer.ask("unsubscribe", channel="a")
    assert "recovered" not in await subscribed(peer, recover=True, offset=4, epoch="x")
    await peer.ask("unsubscribe", channel="a")
    assert await subscribed(peer, recover=True, offset=4, epoch="x", flag=2) == refused(112)


async def test_in_cache_mode_the_latest_can_come_with_every_subscribe(make: Make) -> None:
    world = make(**rooms(**CACHE, auto_cache_recover=True))
    publish(world, 1, 2)
    result = await subscribed(await world.connect())
    assert result["publications"] == entries(2, 2)
    assert "was_recovering" not in result


async def test_nothing_is_repeated_or_missing_between_the_reply_and_what_comes_live(
    make: Make,
) -> None:
    world = make(**rooms(**RECOVER))
    peer = await world.connect()
    publish(world, 1)
    peer.say(peer.command("subscribe", channel="a", recover=True))
    publish(world, 2)
    result = (await peer.answer(2))["subscribe"]
    assert result["publications"] == entries(1, 1)
    assert await peer.heard("a") == [2]


# Joins and leaves (5.4, 7.1, 8). ------------------------------------------------------------------

JOINS: dict[str, Any] = {"join_leave": True, "force_push_join_leave": True, "presence": True}


async def test_everyone_hears_of_a_join_and_who_joins_after_its_reply(make: Make) -> None:
    world = make(**rooms(**JOINS))
    world.gate.admissions["bob"] = Admission("bob", info=b'{"name":"Bob"}')
    ann = await world.join("a", "ann")
    bob = await world.connect("bob")
    info = {"user": "bob", "client": bob.client.id, "conn_info": {"name": "Bob"}}
    await bob.ask("subscribe", channel="a")
    expected = [{"channel": "a", "join": {"info": info}}]
    assert await ann.told() == await bob.told() == expected
    await bob.ask("unsubscribe", channel="a")
    assert await bob.told() == []
    assert await ann.told() == [{"channel": "a", "leave": {"info": info}}]


async def test_the_reply_stands_before_the_own_join(make: Make) -> None:
    world = make(**rooms(**JOINS))
    peer = await world.connect("ann")
    peer.say(peer.command("subscribe", channel="a"))
    await settle()
    frames = peer.sink.take()
    assert frames.index(b'"subscribe"') < frames.index(b'"join"')


async def test_a_leave_is_heard_however_somebody_goes(make: Make) -> None:
    world = make(**rooms(**JOINS))
    ann = await world.join("a", "ann")
    for how in ("vanish", "close", "say"):
        bob = await world.join("a", "bob")
        await ann.told()
        if how == "vanish":
            bob.vanish()
        elif how == "close":
            bob.client.close(4000)
        else:
            bob.say("nonsense")
        [push] = await ann.told()
        assert push["leave"]["info"]["client"] == bob.client.id
        assert [info.client for info in world.node.presence_of("a")] == [ann.client.id]


async def test_who_did_not_ask_hears_of_no_joins(make: Make) -> None:
    options = {"join_leave": True, "allow_presence_for_subscriber": True}
    world = make(**rooms(**options))
    ann = await world.join("a", "ann", join_leave=True)
    bob = await world.join("a", "bob")
    assert [next(iter(push.keys() - {"channel"})) for push in await ann.told()] == ["join"]
    assert await bob.told() == []


async def test_unsubscribing_from_where_one_is_not_works(make: Make) -> None:
    world = make(**rooms(**JOINS))
    ann, bob = await world.join("a", "ann"), await world.connect("bob")
    for room in ("a", "nowhere:at-all", "x" * 300):
        assert await bob.ask("unsubscribe", channel=room) == {"unsubscribe": {}}
    assert await ann.told() == []
    assert await bob.ask("unsubscribe", channel="") == BAD_REQUEST


# Its end, by time and by the server (6.5, 9.3). ---------------------------------------------------


async def test_a_subscription_that_can_be_renewed_says_so_and_ends_after_some_grace(
    make: Make,
) -> None:
    world = make(expired_seconds=25, client_ping_interval=9_000, **rooms())
    until = world.clock.time() + 10
    world.gate.tickets["t"] = Ticket("a", "ann", expires_at=until, renewable=True)
    peer = await world.connect("ann")
    assert await subscribed(peer, token="t") == {"expires": True, "ttl": 10}
    await world.clock.advance(34)
    assert await peer.told() == []
    await world.clock.advance(2)
    over = {"code": 2501, "reason": "subscription expired"}
    assert await peer.told() == [{"channel": "a", "unsubscribe": over}]
    assert world.node.live == {}
    assert peer.closed is None


async def test_a_subscription_that_cannot_be_renewed_ends_on_time_and_says_nothing_before(
    make: Make,
) -> None:
    world = make(**rooms())
    until = world.clock.time() + 10
    world.gate.tickets["t"] = Ticket("a", "ann", expires_at=until)
    peer = await world.connect("ann")
    assert await subscribed(peer, token="t") == {}
    await world.clock.advance(10)
    assert [push["unsubscribe"]["code"] for push in await peer.told()] == [2501]


async def test_a_subscription_of_the_server_that_ends_ends_the_connection(make: Make) -> None:
    world = make(**rooms())
    until = world.clock.time() + 10
    world.gate.admissions["t"] = Admission("ann", subs={"a": Ticket(expires_at=until)})
    peer = world.arrive()
    await peer.ask("connect", token="t")
    await world.clock.advance(10)
    assert peer.closed == SUBSCRIPTION_EXPIRED


async def test_who_leaves_and_comes_back_is_not_ended_by_the_first_stay(make: Make) -> None:
    world = make(client_ping_interval=9_000, **rooms())
    until = world.clock.time() + 10
    world.gate.tickets["t"] = Ticket("a", "ann", expires_at=until)
    peer = await world.connect("ann")
    await subscribed(peer, token="t")
    await peer.ask("unsubscribe", channel="a")
    assert await subscribed(peer) == {}
    await world.clock.advance(60)
    assert await peer.told() == []
    assert list(peer.client.subs) == ["a"]


async def test_a_member_whose_state_does_not_fit_begins_again(make: Make) -> None:
    world = make(**rooms(**RECOVER))
    peer = await world.join("a", "ann")
    entering.lose(peer.client.subs["a"])
    lost = {"code": 2500, "reason": "insufficient state"}
    assert await peer.told() == [{"channel": "a", "unsubscribe": lost}]
    assert await control.subscribe(world.node, "ann", "a", Ticket(), Position(0, "")) is None
    entering.lose(peer.client.subs["a"])
    assert peer.closed == INSUFFICIENT_STATE


async def test_what_was_published_before_a_leave_still_arrives_and_nothing_after(
    make: Make,
) -> None:
    world = make(**rooms(**RECOVER))
    peer = await world.join("a", "ann")
    publish(world, 1)
    peer.say(peer.command("unsubscribe", channel="a"))
    publish(world, 2)
    assert await peer.heard("a") == [1]
