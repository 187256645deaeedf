"""`hubbub.client` against `hubbub serve`, and against applications on the loop of the test."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from tests.support.cable import cable
from tests.support.commands import hubbub_serve
from tests.support.server import Local, ServerProcess, serving

from hubbub import Hub
from hubbub.client import (
    Back,
    ClientInfo,
    ConnectionClosed,
    Event,
    Joined,
    Left,
    Lost,
    PresenceStats,
    ReplyError,
    Room,
    State,
    connect,
    endpoint,
)
from hubbub.embed.tokens import make_token
from hubbub.engine.events import Call, Message
from hubbub.errors import ConfigurationError, HubbubError
from hubbub.model import Position, Unread
from hubbub.options import OPEN
from hubbub.settings import Settings

SECRET = "s" * 32
SETTINGS = Settings(token_hmac_secret_key=SECRET, anonymous=True)  # type: ignore[arg-type]

CONFIG = f"""
anonymous = true
token_hmac_secret_key = "{SECRET}"

[namespaces.demo]
history_size = 100
presence = true
join_leave = true
force_push_join_leave = true
force_recovery = true
allow_subscribe_for_client = true
allow_subscribe_for_anonymous = true
allow_publish_for_subscriber = true
allow_publish_for_anonymous = true
allow_history_for_subscriber = true
allow_history_for_anonymous = true
allow_presence_for_subscriber = true
allow_presence_for_anonymous = true

[namespaces.live]
allow_subscribe_for_client = true
allow_subscribe_for_anonymous = true
allow_publish_for_subscriber = true
allow_publish_for_anonymous = true

[namespaces.shut]
"""


@pytest.fixture(scope="module")
def toml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("client") / "hubbub.toml"
    file.write_text(CONFIG)
    return file


def serve(toml: Path, *more: str) -> ServerProcess:
    return ServerProcess(command=hubbub_serve("--headless", "--config", str(toml), *more))


@pytest.fixture(scope="module")
def server(toml: Path) -> Iterator[ServerProcess]:
    with serve(toml) as server:
        yield server


@pytest.fixture
def url(server: ServerProcess) -> str:
    return f"http://127.0.0.1:{server.port}"


def token(user: str, **more: Any) -> str:
    return make_token(SETTINGS, user, **more)


async def next_event(events: AsyncIterator[Event]) -> Event:
    return await asyncio.wait_for(anext(events), 5)


@asynccontextmanager
async def application(hub: Hub) -> AsyncIterator[str]:
    app = FastAPI(lifespan=hub.lifespan)
    app.include_router(hub.router)
    local: Local
    async with serving(app) as local:
        yield f"http://127.0.0.1:{local.port}"


def open_hub() -> Hub:
    hub = Hub(anonymous=True)
    hub.rooms("demo:{room}", **OPEN.model_dump())
    return hub


# Rooms.


async def test_two_people_talk(url: str) -> None:
    async with connect(url) as ann, connect(url) as bob:
        hers, his = await ann.join("demo:talk"), await bob.join("demo:talk")
        await hers.publish({"text": "hi"})
        await his.publish(["Zoë", 1.5, None])
        for room in (hers, his):
            first, second = await room.next(), await room.next()
            assert (first.data, second.data) == ({"text": "hi"}, ["Zoë", 1.5, None])
            assert (first.offset, second.offset) == (1, 2)
            assert first.info == ClientInfo("", ann.id)


async def test_reading_ends_when_the_room_is_left(url: str) -> None:
    async with connect(url) as client:
        room = await client.join("demo:left")
        await room.publish(1)
        await room.publish(2)
        await room.leave()
        assert [publication.data async for publication in room] == [1, 2]
        assert isinstance(room.ended, ConnectionClosed) and room.ended.code == 0
        with pytest.raises(ConnectionClosed, match="left"):
            await room.publish(3)
        again = await client.join("demo:left")
        await again.publish(4)
        assert (await again.next()).data == 4


async def test_reading_ends_with_the_connection(url: str) -> None:
    async with connect(url) as client:
        room = await client.join("demo:over")
        reading = asyncio.create_task(_all(room))
        await room.publish(1)
    assert await asyncio.wait_for(reading, 5) == [1]
    for asked in (room.publish(2), client.join("demo:over"), client.rpc("x")):
        with pytest.raises(ConnectionClosed):
            await asked


async def _all(room: Room) -> list[Any]:
    return [publication.data async for publication in room]


async def test_history_from_either_end(url: str) -> None:
    async with connect(url) as client:
        room = await client.join("demo:history")
        assert await room.history() == ([], Position(0, (await room.history()).position.epoch))
        for number in range(5):
            await room.publish(number)
        page = await room.history(limit=2)
        assert [(each.data, each.offset) for each in page.publications] == [(0, 1), (1, 2)]
        assert page.position.offset == 5
        since = Position(2, page.position.epoch)
        assert [p.data for p in (await room.history(since=since)).publications] == [2, 3, 4]
        latest = await room.history(limit=2, reverse=True)
        assert [p.data for p in latest.publications] == [4, 3]
        with pytest.raises(ReplyError, match="unrecoverable position") as caught:
            await room.history(since=Position(2, "another"))
        assert (caught.value.code, caught.value.temporary) == (112, False)


async def test_who_is_there(url: str) -> None:
    hers = token("ann", info={"name": "Ann"})
    async with connect(url, token=hers) as ann, connect(url) as bob:
        room = await ann.join("demo:presence")
        events = (await bob.join("demo:presence", join_leave=True)).events()
        there = await room.presence()
        assert sorted(there) == sorted(
            [ClientInfo("ann", ann.id, {"name": "Ann"}), ClientInfo("", bob.id)]
        )
        assert await room.presence_stats() == PresenceStats(clients=2, users=2)
        assert await next_event(events) == Joined(ClientInfo("", bob.id))
        await room.leave()
        assert await next_event(events) == Left(ClientInfo("ann", ann.id, {"name": "Ann"}))


@pytest.mark.parametrize(
    ("room", "code", "message"),
    [("nope:1", 102, "unknown channel"), ("shut:1", 103, "permission denied")],
)
async def test_room_that_lets_nobody_in(url: str, room: str, code: int, message: str) -> None:
    async with connect(url) as client:
        for _ in range(2):  # it may be tried again
            with pytest.raises(ReplyError) as caught:
                await client.join(room)
            assert (caught.value.code, caught.value.message) == (code, message)
            assert isinstance(caught.value, HubbubError)
        assert client.ended is None


async def test_token_for_a_room(url: str) -> None:
    async with connect(url, token=token("ann")) as client:
        room = await client.join("shut:1", token=token("ann", room="shut:1"))
        with pytest.raises(ReplyError, match="permission denied"):
            await room.publish(1)

        async def get_token(name: str) -> str:
            return token("ann", room=name)

        await client.join("shut:2", get_token=get_token)


async def test_one_room_is_joined_once(url: str) -> None:
    async with connect(url) as client:
        room = await client.join("demo:once")
        with pytest.raises(ReplyError, match="already subscribed"):
            await client.join("demo:once")
        await room.publish("still in it")


async def test_whoever_is_too_slow_is_told(url: str) -> None:
    async with connect(url) as fast, connect(url) as slow:
        unread = await slow.join("demo:slow", unread=3)
        room = await fast.join("demo:slow")
        for number in range(5):
            await room.publish(number)
        with pytest.raises(ReplyError):
            await slow.rpc("whatever")  # what was published comes before its answer
        with pytest.raises(ConnectionClosed, match="too slow for demo:slow: 3 events") as caught:
            await _all(unread)
        assert caught.value.code == 3008
        with pytest.raises(ConnectionClosed, match="too slow"):
            await unread.publish(1)
        await (await slow.join("demo:slow")).publish("it may come back")


async def test_wait_for_a_publication_has_a_deadline(url: str) -> None:
    async with connect(url, deadline=0.5) as client:
        room = await client.join("demo:silence")
        with pytest.raises(TimeoutError, match=r"nothing was published in demo:silence in 0\.5 s"):
            await room.next()


@pytest.mark.parametrize("data", [object(), "\udcff", {"a": {1: {1j}}}])
async def test_what_json_cannot_hold_is_refused_before_it_is_sent(url: str, data: Any) -> None:
    async with connect(url) as client:
        room = await client.join("demo:json")
        for publish in (room.publish, client.send):
            with pytest.raises((TypeError, ValueError)):
                await publish(data)
        await room.publish("fine")


async def test_message_that_the_server_does_not_take(url: str) -> None:
    async with connect(url) as client:
        room = await client.join("demo:large")
        with pytest.raises(ConnectionClosed, match="message size limit") as caught:
            await room.publish("x" * 70_000)
        assert caught.value.code == 1009


# The server's own.


async def test_method_of_the_server(url: str) -> None:
    hub, told = open_hub(), asyncio.Queue[Any]()

    @hub.on_rpc("double")
    async def double(call: Call[int]) -> int:
        return call.data * 2

    @hub.on_message
    async def keep(message: Message) -> None:
        told.put_nowait(message.data)

    async with application(hub) as app, connect(app) as client:
        assert await client.rpc("double", 21) == 42
        with pytest.raises(ReplyError) as caught:
            await client.rpc("triple", 21)
        assert caught.value.code == 104
        await client.send({"a": 1})
        assert await asyncio.wait_for(told.get(), 5) == {"a": 1}
    async with connect(url) as client:
        with pytest.raises(ReplyError, match="not available"):
            await client.rpc("double", 21)


async def test_how_far_we_have_read() -> None:
    hub = Hub("memory://")
    options = {**OPEN.model_dump(exclude_unset=True), "history_size": 0, "durability": "commit"}
    hub.rooms("marked:{room}", **options, read_markers=True)

    @hub.authenticate
    async def who(token: str | None) -> str | None:
        return token

    async with application(hub) as app, connect(app, token="ann") as client:
        room, other = await client.join("marked:a"), await client.join("marked:b")
        for number in range(3):
            await hub.publish("marked:a", number, mentions=["ann"])
        assert await room.mark_read(2) == 2
        assert await room.mark_read(1) == 2
        assert await client.unread([other.name, room.name]) == [
            Unread("marked:b", 0, 0, 0, 0),
            Unread("marked:a", 2, 1, 1, 3),
        ]
        with pytest.raises(ReplyError, match="permission denied"):
            await client.unread(["marked:c"])


async def test_sent_away_for_good() -> None:
    hub, states = open_hub(), list[State]()

    @hub.authenticate
    def who() -> str:
        return "ann"

    async with application(hub) as app, connect(app, on_state=states.append) as client:
        room = await client.join("demo:1")
        await room.publish(1)
        hub.disconnect("ann")
        assert await asyncio.wait_for(_all(room), 5) == [1]
        for ended in (client.ended, room.ended):
            assert isinstance(ended, ConnectionClosed)
            assert (ended.code, ended.reason) == (3503, "force disconnect")
        with pytest.raises(ConnectionClosed):
            await room.publish(2)
        assert [state.name for state in states] == ["connecting", "connected", "closed"]
        assert states[-1] == State("closed", 3503, "force disconnect")


async def test_taken_out_of_a_room() -> None:
    hub = open_hub()

    @hub.authenticate
    def who() -> str:
        return "ann"

    async with application(hub) as app, connect(app) as client:
        room, other = await client.join("demo:1"), await client.join("demo:2")
        hub.unsubscribe("ann", "demo:1")
        assert await asyncio.wait_for(_all(room), 5) == []
        assert isinstance(room.ended, ConnectionClosed) and room.ended.code == 2000
        await other.publish(1)
        assert (await other.next()).data == 1


# Connections that are lost.


async def test_what_is_said_meanwhile_is_caught_up_with(server: ServerProcess, url: str) -> None:
    states: list[State] = []
    async with cable(f"127.0.0.1:{server.port}") as line, connect(url) as other:
        async with connect(f"ws://{line.at}", on_state=states.append) as client:
            events = (await client.join("demo:back")).events()
            live = (await client.join("live:back")).events()
            room = await other.join("demo:back")
            before = client.id
            line.cut()
            lost = await _until(events, Lost)
            assert isinstance(lost, Lost)
            for number in range(3):
                await room.publish(number)
            line.mend()
            assert await _until(events, Back) == Back(recovered=True)
            missed = [await next_event(events) for _ in range(3)]
            assert [getattr(each, "data", None) for each in missed] == [0, 1, 2]
            assert await _until(live, Back) == Back(recovered=None)
            assert client.id != before
    names = [state.name for state in states]
    assert names == ["connecting", "connected", "connecting", "connected", "closed"]


async def _until(events: AsyncIterator[Event], kind: type) -> Event:
    while True:
        event = await next_event(events)
        if isinstance(event, kind):
            return event


async def test_server_that_began_anew_has_forgotten(toml: Path) -> None:
    async with serve(toml) as first:
        port = str(first.port)
        async with connect(f"http://127.0.0.1:{port}") as client:
            room = await client.join("demo:anew")
            await room.publish(1)
            await room.next()
            assert await first.stop() == 0
            async with serve(toml, "--port", port):
                events = room.events()
                assert await _until(events, Back) == Back(recovered=False)
                await room.publish(2)
                assert (await room.next()).data == 2


async def test_answer_that_does_not_come(toml: Path) -> None:
    async with serve(toml) as server, cable(f"127.0.0.1:{server.port}") as line:
        async with connect(f"http://{line.at}", deadline=0.3) as client:
            room = await client.join("demo:late")
            server.send_signal(signal.SIGSTOP)
            with pytest.raises(TimeoutError, match=r"publishing in demo:late: no answer in 0\.3 s"):
                await room.publish(1)
            lost = asyncio.create_task(room.history())
            await asyncio.sleep(0)  # it asks
            line.cut()
            with pytest.raises(ConnectionClosed, match="lost before an answer came") as caught:
                await lost
            assert caught.value.code == 1006
            with pytest.raises(TimeoutError):
                await room.publish(2)
            server.send_signal(signal.SIGCONT)


# Connecting.


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://a", "ws://a/connection/websocket"),
        ("https://a:1/", "wss://a:1/connection/websocket"),
        ("ws://[::1]:8000", "ws://[::1]:8000/connection/websocket"),
        ("wss://a/connection/websocket", "wss://a/connection/websocket"),
        ("http://a/rooms/ws?x=1", "ws://a/rooms/ws?x=1"),
        ("HTTP://a?x=1#y", "ws://a/connection/websocket?x=1"),
    ],
)
def test_address_of_the_server(url: str, address: str) -> None:
    assert endpoint(url) == address


@pytest.mark.parametrize(
    "url", ["", "a", "127.0.0.1:8000", "ftp://a", "http://", "http://a:b", "http://[a"]
)
def test_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"write it as http://127\.0\.0\.1:8000"):
        connect(url)


async def test_nobody_there(url: str) -> None:
    async with asyncio.timeout(4):  # at once, and not at the deadline of 5 s
        with pytest.raises(ConnectionClosed, match="cannot connect to ws://127.0.0.1:1/") as caught:
            async with connect("http://127.0.0.1:1"):
                pass
        assert caught.value.code == 1006
        with pytest.raises(ConnectionClosed, match="HTTP 404|HTTP 403"):
            async with connect(f"{url}/nowhere"):
                pass


async def test_server_that_says_nothing() -> None:
    async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(keep_silent, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server:
        with pytest.raises(TimeoutError, match=r"connecting to .*: no answer in 0\.1 s"):
            async with connect(f"http://{host}:{port}", deadline=0.1):
                pass


async def test_tokens(url: str) -> None:
    async with connect(url, token=token("ann")) as client:
        room = await client.join("demo:tokens")
        await room.publish(1)
        assert (await room.next()).info == ClientInfo("ann", client.id)
    with pytest.raises(ConnectionClosed, match="invalid token") as caught:
        async with connect(url, token="none"):
            pass
    assert caught.value.code == 3500


async def test_expired_token(url: str) -> None:
    old = make_token(SETTINGS, "ann", ttl=1, now=lambda: 1e9)
    with pytest.raises(ConnectionClosed, match="token expired"):
        async with connect(url, token=old):
            pass

    async def get_token() -> str:
        return token("bob")

    async with connect(url, token=old, get_token=get_token) as client:
        room = await client.join("demo:expired")
        assert await room.presence() == [ClientInfo("bob", client.id)]


async def test_server_that_asks_for_a_token() -> None:
    settings = {"token_hmac_secret_key": SECRET}
    async with ServerProcess(command=hubbub_serve("--headless"), settings=settings) as server:
        with pytest.raises(ConnectionClosed) as caught:
            async with connect(f"http://127.0.0.1:{server.port}"):
                pass
        assert caught.value.code == 3501
