"""The published Python client works with our server as it is.

Tests marked `older` are run with an old release too (`test_old_python_client`).
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from importlib.metadata import version
from typing import Any

import centrifuge
import httpx
import pytest
import pytest_asyncio
from centrifuge import ClientState, StreamPosition, SubscriptionState
from tests.clients.hearing import Guest, Guests, Heard, Room, token, until
from tests.clients.servers import Addresses, all_servers, order, succeeded
from tests.support.cable import Cable, cable

older = pytest.mark.older

Claims = dict[str, Any]

RELEASE = tuple(int(number) for number in version("centrifuge-python").split(".")[:2])

LOST = "connecting" if RELEASE >= (0, 7) else "disconnected"
"""What a client tells when its connection is gone for a moment; old releases use one word."""

PONGS = {"json": len(b"HHMASK{}"), "protobuf": len(b"HHMASK\0")}
"""Bytes of a pong as it comes: header, mask and payload."""

FORGED = "another secret, just as long!!!!"


ENCODINGS = ["json", "protobuf"] if RELEASE >= (0, 7) else ["json"]


@pytest.fixture(scope="module", params=ENCODINGS)
def encoding(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def servers(encoding: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """New ones for each encoding: what is in their rooms is counted."""
    with all_servers(tmp_path_factory.mktemp("servers")) as addresses:
        yield addresses


@pytest_asyncio.fixture
async def guests(servers: Addresses, encoding: str) -> AsyncIterator[Guests]:
    guests = Guests(servers, encoding)
    yield guests
    await guests.go()


@pytest.fixture
def app(servers: Addresses) -> str:
    return servers["app"]


def lasting(seconds: float) -> Claims:
    return {"exp": time.time() + seconds}


def tokens(*claims: Callable[[], Claims]) -> Callable[..., Awaitable[str]]:
    """Tokens of claims that are made when one is asked for, the last again and again."""
    waiting = list(claims)

    async def get_token(channel: str = "") -> str:
        return token((waiting.pop(0) if len(waiting) > 1 else waiting[0])())

    return get_token


async def comes_back(heard: Heard, code: int) -> None:
    await heard.code(LOST, code)
    await heard.next("connected")


async def stays_away(guest: Guest, code: int) -> None:
    await guest.heard.code("disconnected", code)
    assert guest.client.state is ClientState.DISCONNECTED


async def refused(call: Awaitable[object], code: int) -> None:
    with pytest.raises(centrifuge.ReplyError) as caught:
        await call
    assert caught.value.code == code
    assert caught.value.message


# Coming in. ------------------------------------------------------------------------------------


@older
async def test_a_client_is_told_its_id_the_version_and_the_applications_data(
    guests: Guests,
) -> None:
    guest = await guests.connected("ann", data={"data": {"theme": "dark"}})
    assert guest.hello.client
    assert guest.hello.version
    assert guest.hello.data == {"theme": "dark"}


@older
async def test_nobody_in_particular_comes_in_where_that_is_allowed(guests: Guests) -> None:
    one = await guests.connected(at="headless")
    two = await guests.connected(at="headless")
    room = await one.joined("open:nobodies")
    await two.joined("open:nobodies")
    stats = await room.sub.presence_stats()
    assert (stats.num_clients, stats.num_users) == (2, 1)


async def test_localhost_is_as_good_as_the_address(guests: Guests, servers: Addresses) -> None:
    port = servers["headless"].rpartition(":")[2]
    await guests.connected(at=f"localhost:{port}")
    await guests.connected(at="ipv6")


async def test_a_plain_get_is_answered_at_once(app: str) -> None:
    async with httpx.AsyncClient(timeout=1.0) as client:
        answer = await client.get(f"http://{app}/connection/websocket")
    assert 400 <= answer.status_code < 500


@older
@pytest.mark.parametrize(
    ("who", "code"),
    [
        pytest.param({"token": "nonsense"}, 3500, id="no-token"),
        pytest.param({"token": token({"sub": "eve"}, FORGED)}, 3500, id="forged"),
        pytest.param({}, 3501, id="nothing"),
        pytest.param({"token": token({}), "at": "strict"}, 3507, id="nobody"),
        pytest.param({"token": token({"channels": ["nowhere:1"]})}, 102, id="room"),
        pytest.param({"data": {"user": "ghost", "expires_in": -1}}, 110, id="past"),
        pytest.param({"data": {"user": "no", "refuse": 403}}, 403, id="refused"),
        pytest.param({"data": {"user": "no", "refuse": 4500}}, 4500, id="expelled"),
        pytest.param(
            {"data": {"user": "no", "rooms": [f"open:{n}" for n in range(7)]}}, 3505, id="rooms"
        ),
        pytest.param({"data": {"user": "no", "wait": 30}, "at": "strict"}, 3502, id="waiting"),
    ],
)
async def test_who_is_not_let_in_is_told_why_and_stays_away(
    guests: Guests, who: dict[str, Any], code: int
) -> None:
    await stays_away(await guests.come(**who), code)


async def test_a_user_with_too_many_connections_is_sent_away(guests: Guests) -> None:
    for _ in range(3):
        await guests.connected("crowd")
    await stays_away(await guests.come("crowd"), 3504)


async def test_an_expired_token_is_replaced(guests: Guests) -> None:
    expired, good = lambda: {"sub": "old", **lasting(-5)}, lambda: {"sub": "old"}
    guest = await guests.come(get_token=tokens(expired, good))
    assert (await guest.heard.error()).code == 109
    await guest.heard.next("connected")


async def test_an_expired_token_without_another_is_the_end(guests: Guests) -> None:
    guest = await guests.come(token=token({"sub": "old", **lasting(-5)}))
    assert (await guest.heard.error()).code == 109
    await stays_away(guest, 1)  # the client's own word


async def test_a_connect_that_fails_here_is_tried_again(guests: Guests) -> None:
    guest = await guests.come(f"fails{time.time()}", data={"fail": True})
    error = await guest.heard.error()
    assert (error.code, error.temporary) == (100, True)
    await guest.heard.next("connected")


# Being sent away. ------------------------------------------------------------------------------


@older
@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [(4200, "later", 4200), (3011, "force reconnect", 3011), (1011, "internal error", 3004)],
)
async def test_a_client_that_is_sent_away_for_now_comes_back(
    guests: Guests, app: str, code: int, reason: str, told: int
) -> None:
    user = f"sent{code}"
    guest = await guests.connected(user)
    await order(app, "disconnect", user=user, code=code, reason=reason)
    await comes_back(guest.heard, told)


@older
@pytest.mark.parametrize("code", [3503, 4600])
async def test_a_client_that_is_sent_away_for_good_stays_away(
    guests: Guests, app: str, code: int
) -> None:
    user = f"sent{code}"
    guest = await guests.connected(user)
    how = {} if code == 3503 else {"code": code, "reason": "never"}
    await order(app, "disconnect", user=user, **how)
    await stays_away(guest, code)


async def test_a_client_that_breaks_the_protocol_is_sent_away(guests: Guests) -> None:
    guest = await guests.connected("rude")
    with pytest.raises(centrifuge.CentrifugeError):
        await guest.client.publish("", 1)
    await stays_away(guest, 3501)


async def test_a_client_that_answers_no_ping_is_sent_away_and_one_that_does_is_not(
    guests: Guests, servers: Addresses, encoding: str
) -> None:
    well = await guests.connected("well", at="strict")
    async with cable(servers["strict"]) as line:
        line.loses = lambda said: len(said) == PONGS[encoding]
        guest = await guests.connected("mute", at=line.at)
        for _ in range(2):
            await comes_back(guest.heard, 3012)
    assert well.heard.names == ["connecting", "connected", "subscribed"]


async def test_what_json_has_no_words_for_is_the_end(
    guests: Guests, app: str, encoding: str
) -> None:
    guest = await guests.connected("texts")
    room = await guest.joined("open:pybytes")
    await order(app, "bytes", room="open:pybytes")
    if encoding == "json":
        await stays_away(guest, 3506)
    else:
        assert await room.heard.publications(1) == [b"\x00"]


async def test_a_client_that_reads_too_slowly_is_sent_away_and_comes_back(
    guests: Guests, app: str
) -> None:
    async with cable(app) as line:
        guest = await guests.connected("pyslow", at=line.at)
        line.hold()
        await order(app, "flood", user="pyslow", bytes=24_000_000)
        await until(lambda: order(app, "here", user="pyslow"), [])
        line.release()
        await comes_back(guest.heard, 3008)


@older
async def test_a_stopping_server_is_left_and_its_successor_found(guests: Guests) -> None:
    with succeeded() as at:
        guest = await guests.connected("loyal", at=at)
        room = await guest.joined("open:loyal")
        await order(at, "publish", room="open:loyal", data=1)
        await room.heard.next("publication")
        await order(at, "stop")
        await comes_back(guest.heard, 3001)
        again = await room.heard.next("subscribed")
        assert (again.was_recovering, again.recovered) == (True, False)
        assert again.stream_position.epoch != room.hello.stream_position.epoch


# Talking. --------------------------------------------------------------------------------------


@older
async def test_a_publication_reaches_everyone_in_the_room_its_author_too(guests: Guests) -> None:
    ann, bob = await guests.connected("ann"), await guests.connected("bob")
    here, there = await ann.joined("open:pytalk"), await bob.joined("open:pytalk")
    said = {"text": "hï 😀\nthere"}
    await here.sub.publish(said)
    for room in (here, there):
        publication = (await room.heard.next("publication")).pub
        assert (publication.data, publication.offset) == (said, 1)
        assert (publication.info.user, publication.info.client) == ("ann", ann.hello.client)


@older
async def test_a_call_is_answered_by_the_application(guests: Guests) -> None:
    guest = await guests.connected("caller")
    assert (await guest.client.rpc("echo", {"deep": [1]})).data == {"deep": [1]}
    assert (await guest.client.rpc("double", 21)).data == 42


@older
async def test_a_call_that_cannot_be_answered_is_told_why(guests: Guests) -> None:
    client = (await guests.connected("caller")).client
    await refused(client.rpc("nothing", {}), 104)
    await refused(client.rpc("double", "no number"), 107)
    await refused(client.rpc("refused", {}), 1000)
    await refused(client.rpc("broken", {}), 100)
    nobody = (await guests.connected(at="headless")).client
    await refused(nobody.rpc("anything", {}), 108)


@older
async def test_what_a_client_may_not_do_in_a_room_is_told_why(guests: Guests) -> None:
    guest = await guests.connected("curious")
    client = guest.client
    await guest.joined("plain:1")
    await refused(client.publish("nowhere:1", 1), 102)
    await refused(client.publish("plain:1", 1), 103)
    await refused(client.presence("plain:1"), 108)
    await refused(client.presence_stats("plain:1"), 108)
    await refused(client.history("plain:1", limit=1), 108)
    await refused(client.history("open:1", limit=1), 103)
    await refused(client.history("look:1", limit=1, since=StreamPosition(1, "another")), 112)
    backwards = client.history("look:1", limit=1, since=StreamPosition(0, ""), reverse=True)
    await refused(backwards, 107)


@older
async def test_presence_follows_who_comes_and_goes_at_once(guests: Guests) -> None:
    watcher = (await guests.connected("watcher")).client

    async def clients_in(room: str) -> object:
        return (await watcher.presence_stats(room)).num_clients

    assert (await watcher.presence("look:py")).clients == {}
    one, two = await guests.connected("twice"), await guests.connected("twice")
    await one.joined("look:py")
    second = await two.joined("look:py")
    stats = await watcher.presence_stats("look:py")
    assert (stats.num_clients, stats.num_users) == (2, 1)
    await second.sub.unsubscribe()
    await two.client.rpc("echo", "after that")
    clients = (await watcher.presence("look:py")).clients
    assert {info.user for info in clients.values()} == {"twice"}
    assert list(clients) == [one.hello.client]
    await one.client.disconnect()
    await until(lambda: clients_in("look:py"), 0)


@older
async def test_who_asks_for_joins_and_leaves_hears_them_the_own_join_too(guests: Guests) -> None:
    ann, bob = await guests.connected("ann"), await guests.connected("bob")
    room = await ann.joined("open:pydoor", join_leave=True)
    assert (await room.heard.next("join")).info.client == ann.hello.client
    assert room.heard.names == ["subscribing", "subscribed", "join"]
    other = await bob.joined("open:pydoor")
    assert (await room.heard.next("join")).info.user == "bob"
    await other.sub.unsubscribe()
    assert (await room.heard.next("leave")).info.user == "bob"
    assert not {"join", "leave"} & set(other.heard.names)


@older
async def test_the_history_is_read_forwards_and_backwards(guests: Guests, app: str) -> None:
    client = (await guests.connected("reader")).client
    await order(app, "publish", room="look:pypages", count=5)

    async def read(**which: Any) -> list[Any]:
        page = await client.history("look:pypages", **which)
        assert page.offset == 5  # the room's, not the page's
        return [one.data for one in page.publications]

    epoch = (await client.history("look:pypages")).epoch
    assert await read(limit=0) == []
    assert await read(limit=-1) == [1, 2, 3, 4, 5]
    assert await read(limit=2) == [1, 2]
    assert await read(limit=2, since=StreamPosition(2, epoch)) == [3, 4]
    assert await read(limit=2, reverse=True) == [5, 4]
    assert await read(limit=2, since=StreamPosition(4, epoch), reverse=True) == [3, 2]


# Subscriptions. --------------------------------------------------------------------------------


@older
@pytest.mark.parametrize(
    ("room", "code"),
    [
        ("nowhere:1", 102),
        ("shut:1", 103),
        ("$open:private", 103),
        ("open:put", 105),
        ("open:" + "x" * 251, 107),
        ("open:ü", 107),
        ("asked:refused:x", 403),
        ("asked:past:x", 110),
    ],
)
async def test_who_may_not_enter_is_told_why(guests: Guests, room: str, code: int) -> None:
    guest = await guests.connected("curious", data={"rooms": ["open:put"]})
    entering = await guest.join(room)
    await entering.heard.code("unsubscribed", code)
    assert entering.sub.state is SubscriptionState.UNSUBSCRIBED
    assert guest.client.state is ClientState.CONNECTED


async def test_a_room_too_many_is_refused(guests: Guests) -> None:
    guest = await guests.connected("collector")
    for number in range(5):
        await guest.joined(f"open:{number}")
    await (await guest.join("open:5")).heard.code("unsubscribed", 106)


@older
async def test_the_application_is_asked_and_told(guests: Guests, app: str) -> None:
    guest = await guests.connected("pybadge")
    room = await guest.joined("asked:open:py", data={"level": 3})
    assert room.hello.data == {"welcome": "py"}
    info = (await room.sub.presence()).clients[guest.hello.client]
    assert info.chan_info == {"badge": {"level": 3}}
    await room.sub.publish("hush")
    assert await room.heard.publications(1) == ["HUSH"]
    await refused(room.sub.publish("bad"), 400)
    await room.sub.unsubscribe()
    left = ["asked:open:py", "pybadge", 0]
    await until(lambda: order(app, "leaves", room="asked:open:py"), [left])


async def test_a_subscribe_that_fails_here_is_tried_again(guests: Guests) -> None:
    guest = await guests.connected("again")
    room = await guest.join(f"asked:broken:py{time.time()}")
    error = await room.heard.error()
    assert (error.code, error.temporary) == (100, True)
    await room.heard.next("subscribed")


@older
async def test_taken_out_of_a_room_a_client_stays_out(guests: Guests, app: str) -> None:
    guest = await guests.connected("pyout")
    room = await guest.joined("open:pyout")
    await order(app, "unsubscribe", user="pyout", room="open:pyout")
    await room.heard.code("unsubscribed", 2000)
    assert room.sub.state is SubscriptionState.UNSUBSCRIBED


@older
async def test_in_a_room_that_begins_anew_a_client_is_told_what_it_has_lost(
    guests: Guests, app: str
) -> None:
    guest = await guests.connected("pylost")
    room = await guest.joined("open:pylost")
    await order(app, "publish", room="open:pylost", count=3)
    await room.heard.publications(3)
    await order(app, "forget", room="open:pylost")
    await room.heard.code("subscribing", 2500)
    again = await room.heard.next("subscribed")
    assert (again.was_recovering, again.recovered) == (True, False)
    assert again.stream_position.epoch != room.hello.stream_position.epoch
    await order(app, "publish", room="open:pylost", data="first")
    assert (await room.heard.next("publication")).pub.offset == 1


async def test_where_the_server_put_it_in_its_connection_ends_for_that(
    guests: Guests, app: str
) -> None:
    guest = await guests.connected("pylose", data={"rooms": ["open:pylose"]})
    await order(app, "forget", room="open:pylose")
    await comes_back(guest.heard, 3010)


@older
async def test_rooms_of_the_server_are_joined_heard_and_left(guests: Guests, app: str) -> None:
    claims = {"sub": "pyguest", "subs": {"told:py": {"data": {"seat": 4}}}}
    guest = await guests.connected(token=token(claims))
    subscribed = [await guest.heard.next("subscribed") for _ in range(2)]
    told = {one.channel: one.data for one in subscribed}
    assert told == {"told:py": {"seat": 4}, "#pyguest": None}
    join = await guest.heard.next("join")
    assert (join.channel, join.info.client) == ("told:py", guest.hello.client)
    await guest.client.publish("told:py", "hello")
    assert (await guest.heard.next("publication")).pub.data == "hello"
    await order(app, "publish", room="#pyguest", data="for you")
    assert (await guest.heard.next("publication")).channel == "#pyguest"
    await order(app, "unsubscribe", user="pyguest", room="told:py")
    assert (await guest.heard.next("unsubscribed")).channel == "told:py"


async def test_the_server_puts_a_client_into_a_room_later_on(guests: Guests, app: str) -> None:
    guest = await guests.connected("pylater")
    await guest.heard.next("subscribed")  # the room of their own
    await order(app, "subscribe", user="pylater", room="open:pylater")
    entered = await guest.heard.next("subscribed")
    assert (entered.channel, entered.recoverable) == ("open:pylater", True)
    await order(app, "publish", room="open:pylater", data=1)
    assert (await guest.heard.next("publication")).channel == "open:pylater"


async def test_a_filter_by_tags_lets_through_what_matches(guests: Guests, app: str) -> None:
    guest = await guests.connected("chooser")
    kind = centrifuge.Filter.eq("kind", "a")
    room = await guest.joined("tags:py", tags_filter=kind)
    for number, value in enumerate("abba"):
        await order(app, "publish", room="tags:py", data=number, tags={"kind": value})
    assert await room.heard.publications(2) == [0, 3]
    await (await guest.join("open:pytags", tags_filter=kind)).heard.code("unsubscribed", 107)


@older
async def test_a_client_wishes_for_a_position_or_to_catch_up_where_it_may(guests: Guests) -> None:
    guest = await guests.connected("wishful")
    wishes: list[tuple[str, dict[str, bool], tuple[bool, bool]]] = [
        ("wish:none", {}, (False, False)),
        ("wish:position", {"positioned": True}, (True, False)),
        ("wish:recover", {"recoverable": True}, (True, True)),
        ("plain:1", {"positioned": True, "recoverable": True}, (False, False)),
        ("watched:1", {}, (True, False)),
    ]
    for name, wish, granted in wishes:
        hello = (await guest.joined(name, **wish)).hello
        assert (hello.positioned, hello.recoverable) == granted, name


# Catching up. ----------------------------------------------------------------------------------


async def away(line: Cable, room: Room, app: str, count: int) -> Any:
    """Cut the cable, publish 1 to `count`, mend it; what the client is told when it is back."""
    line.cut()
    await room.heard.code("subscribing", 1)
    await order(app, "publish", room=room.sub.channel, count=count)
    line.mend()
    return await room.heard.next("subscribed")


@older
async def test_a_connection_that_was_cut_catches_up_with_all_it_has_missed_once(
    guests: Guests, app: str
) -> None:
    async with cable(app) as line:
        guest = await guests.connected("pycut", at=line.at)
        room = await guest.joined("open:pycut")
        await order(app, "publish", room="open:pycut", data=0)
        await room.heard.next("publication")
        again = await away(line, room, app, 5)
        assert (again.was_recovering, again.recovered) == (True, True)
        assert again.stream_position.offset == 1
        await order(app, "publish", room="open:pycut", data="live")
        assert await room.heard.publications(6) == [1, 2, 3, 4, 5, "live"]
        offsets = [one.pub.offset for one in room.heard.all("publication")]
        assert offsets == [1, 2, 3, 4, 5, 6, 7]


@older
async def test_more_than_the_room_remembers_is_not_caught_up_with(guests: Guests, app: str) -> None:
    async with cable(app) as line:
        guest = await guests.connected("pygone", at=line.at)
        room = await guest.joined("short:py")
        again = await away(line, room, app, 5)
        assert (again.was_recovering, again.recovered) == (True, False)
        assert again.stream_position.offset == 5
        await order(app, "publish", room="short:py", data="live")
        assert await room.heard.publications(1) == ["live"]


async def test_a_room_of_the_server_is_caught_up_with_as_well(guests: Guests, app: str) -> None:
    async with cable(app) as line:
        claims = {"sub": "", "channels": ["open:pyserved"]}
        guest = await guests.connected(at=line.at, token=token(claims))
        await guest.heard.next("subscribed")
        line.cut()
        await guest.heard.code("connecting", 1)
        await order(app, "publish", room="open:pyserved", count=3)
        line.mend()
        again = await guest.heard.next("subscribed")
        assert (again.was_recovering, again.recovered) == (True, True)
        assert await guest.heard.publications(3) == [1, 2, 3]


async def test_with_get_state_a_gap_is_refused_and_the_state_loaded_again(
    guests: Guests, app: str
) -> None:
    guest = await guests.connected("stateful")
    await order(app, "publish", room="short:pystate", count=5)
    epoch = (await guest.client.history("short:pystate")).epoch
    positions = [StreamPosition(1, epoch), StreamPosition(4, epoch)]

    async def get_state(channel: str) -> StreamPosition:
        return positions.pop(0)

    room = await guest.joined("short:pystate", get_state=get_state)
    assert (room.hello.was_recovering, room.hello.recovered) == (True, True)
    assert await room.heard.publications(1) == [5]
    assert positions == []


# Tokens that run out: the shortest time that a client is told is a second. ----------------------


@older
async def test_a_connection_and_a_subscription_are_renewed_before_their_tokens_run_out(
    guests: Guests,
) -> None:
    asked = {"": Heard(), "shut:py": Heard()}

    async def get_token(channel: str = "") -> str:
        asked[channel].hear("token", None)
        room = {"channel": channel} if channel else {}
        return token({"sub": "renewed", **room, **lasting(0.9)})

    guest = await guests.connected(get_token=get_token)
    room = await guest.joined("shut:py", get_token=get_token)
    for heard in asked.values():
        for _ in range(4):  # each is asked for a second after the one before has been taken
            await heard.next("token")
    assert guest.heard.names == ["connecting", "connected", "subscribed"]
    assert room.heard.names == ["subscribing", "subscribed"]


@pytest.mark.parametrize(
    ("renewal", "code"),
    [
        pytest.param({"sub": "stale", "exp": 1}, 3005, id="expired"),
        pytest.param({"sub": "stale", "channels": ["plain:new"]}, 3010, id="other-rooms"),
    ],
)
async def test_a_connection_that_cannot_be_renewed_comes_back(
    guests: Guests, renewal: Claims, code: int
) -> None:
    first, good = lambda: {"sub": "stale", **lasting(0.9)}, lambda: {"sub": "stale"}
    guest = await guests.connected(get_token=tokens(first, lambda: renewal, good))
    await comes_back(guest.heard, code)


async def test_a_connection_renewed_for_another_user_is_the_end(guests: Guests) -> None:
    first, other = lambda: {"sub": "ann", **lasting(0.9)}, lambda: {"sub": "bob"}
    await stays_away(await guests.connected(get_token=tokens(first, other)), 3500)


@older
async def test_an_identity_that_runs_out_ends_the_connection(guests: Guests) -> None:
    guest = await guests.connected("brief", data={"expires_in": 0.5})
    await comes_back(guest.heard, 3005)


@older
async def test_a_grant_that_runs_out_is_asked_for_again(guests: Guests) -> None:
    guest = await guests.connected("brief")
    room = await guest.joined("asked:brief:py")
    await room.heard.code("subscribing", 2501)
    await room.heard.next("subscribed")


def ticket(room: str, user: str = "holder", **more: object) -> Claims:
    return {"sub": user, "channel": room, **more}


@older
async def test_a_token_opens_a_room(guests: Guests) -> None:
    guest = await guests.connected("holder")
    claims = ticket("shut:pyopen", data="welcome", info={"row": 7})
    room = await guest.joined("shut:pyopen", token=token(claims))
    assert room.hello.data == "welcome"


async def test_an_expired_token_for_a_room_is_replaced(guests: Guests) -> None:
    guest = await guests.connected("holder")
    get_token = tokens(lambda: ticket("shut:pyold", exp=1), lambda: ticket("shut:pyold"))
    room = await guest.join("shut:pyold", get_token=get_token)
    assert (await room.heard.error()).code == 109
    await room.heard.next("subscribed")


@older
async def test_a_token_for_a_room_that_is_none_is_refused(guests: Guests) -> None:
    guest = await guests.connected("holder")
    room = await guest.join("shut:pyforged", token=token(ticket("shut:pyforged"), FORGED))
    await room.heard.code("unsubscribed", 103)
    assert guest.client.state is ClientState.CONNECTED


@pytest.mark.parametrize("claims", [ticket("shut:2"), ticket("shut:1", "another")])
async def test_a_token_for_another_room_or_user_is_the_end(guests: Guests, claims: Claims) -> None:
    guest = await guests.connected("holder")
    await guest.join("shut:1", token=token(claims))
    await stays_away(guest, 3500)


async def test_a_subscription_renewed_with_an_expired_token_ends_the_connection(
    guests: Guests,
) -> None:
    guest = await guests.connected("holder")
    room = "shut:pystale"
    first, good = lambda: ticket(room, **lasting(0.9)), lambda: ticket(room)
    stale = await guest.joined(room, get_token=tokens(first, lambda: ticket(room, exp=1), good))
    await comes_back(guest.heard, 3006)
    await stale.heard.next("subscribed")
