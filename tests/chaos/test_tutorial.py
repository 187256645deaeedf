"""What kills the tutorials' chat: clients that die in a broadcast, endpoints that fail, old rooms.

Also the handles, where real sockets and other threads are at the other end of them.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from tests.support.arena import WAYS, Way, arena, both_loops, every_way, join_ways, our_ways
from tests.support.peers import CLOSE, VANISHED, Ended, Peer, request, until
from tests.support.rooms import create_app
from tests.support.server import serving

from hubbub import ConfigurationError, Hub
from hubbub.embed.server import raise_file_limit

pytestmark = both_loops

INTERNAL_ERROR = 1011


@every_way
async def test_a_client_that_dies_between_two_sends_of_one_broadcast_is_nobodys_problem(
    way: Way,
) -> None:
    """The tutorial's loop raises at the first dead socket, and the rest hear nothing."""
    async with arena(ws=way.ws) as here:
        first, dying, last = await here.crowd(3, f"{way.path}/lobby")
        await here.in_room("lobby", 3)
        room = here.hub.room("lobby")
        room.broadcast("before")
        assert await dying.receive() == "before"
        dying.reset()
        for number in range(100):
            # Some of these are written before the server can know, and some after.
            room.broadcast(str(number))
            await asyncio.sleep(0)
        for peer in (first, last):
            assert await peer.receive() == "before"
            assert [await peer.receive() for _ in range(100)] == [str(n) for n in range(100)]
        await here.in_room("lobby", 2)
        assert len(here.leaves) == 1


@join_ways
async def test_an_endpoint_between_two_broadcasts_outlives_its_own_client(way: Way) -> None:
    """Who spoke dies while what it said is being told; the endpoint tells it to the end."""
    gone = asyncio.Event()

    def build(app: FastAPI) -> None:
        @app.websocket("/twice")
        async def twice(websocket: WebSocket) -> None:
            async with app.state.hub.join(websocket, "lobby") as member:
                async for text in member:
                    member.room.broadcast(f"once {text!s}")
                    await gone.wait()
                    member.send("you are not there")
                    member.room.broadcast(f"twice {text!s}", exclude=member)

    async with arena(build, ws=way.ws) as here:
        other = await here.connect("/twice")
        dying = await here.connect("/twice")
        await dying.send("hello")
        assert await other.receive() == "once hello"
        dying.reset()
        await here.in_room("lobby", 1)
        gone.set()
        assert await other.receive() == "twice hello"


@pytest.mark.slow
@every_way
async def test_a_thousand_clients_vanish_at_once_while_another_keeps_talking(way: Way) -> None:
    """Every word arrives, in order, before, during and after; each of the thousand left once."""
    raise_file_limit()
    async with arena(ws=way.ws) as here:
        talker = (await here.connect(f"{way.path}/lobby")).listen()
        witness = (await here.connect(f"{way.path}/lobby")).listen()
        peers = await here.crowd(1000, f"{way.path}/lobby")
        await here.in_room("lobby", 1002)

        async def talk(numbers: range) -> None:
            for number in numbers:
                await talker.send(str(number))
                await asyncio.sleep(0)

        talking = asyncio.ensure_future(talk(range(10)))
        await witness.heard(5)
        for peer in peers:
            peer.reset()
        await talking
        await talk(range(10, 20))
        await here.in_room("lobby", 2)
        await talk(range(20, 30))
        for listener in (talker, witness):
            assert await listener.heard(30) == [f"Room lobby: {number}" for number in range(30)]
        assert len(here.leaves) == 1000


@join_ways
async def test_an_old_handler_speaks_to_the_people_of_a_room_that_was_refilled(way: Way) -> None:
    """Its client is long gone, the room was empty, and its `member.room` is no dead list."""
    went, speak = asyncio.Event(), asyncio.Event()

    def build(app: FastAPI) -> None:
        @app.websocket("/slow/{room}")
        async def slow(websocket: WebSocket, room: str) -> None:
            async with app.state.hub.join(websocket, room) as member:
                async for _ in member:
                    pass
                went.set()
                await speak.wait()
                member.room.broadcast("from within")
            member.room.broadcast("from outside")
            member.send("nobody hears this")

    async with arena(build, ws=way.ws) as here:
        old = await here.connect("/slow/lobby")
        await here.in_room("lobby", 1)
        old.reset()
        await here.in_room("lobby", 0)
        await went.wait()
        new = await here.crowd(2, "/ws/lobby")
        await here.in_room("lobby", 2)
        speak.set()
        for peer in new:
            assert [await peer.receive() for _ in range(2)] == ["from within", "from outside"]


def fail(how: str) -> None:
    if how == "exception":
        raise ValueError("a mistake in the endpoint")
    if how == "exit":
        raise SystemExit(1)
    if how == "cancellation":
        task = asyncio.current_task()
        assert task is not None
        task.cancel()


@join_ways
@pytest.mark.parametrize("how", ["exception", "exit", "cancellation"])
async def test_a_failing_endpoint_takes_its_own_member_out_and_no_one_else(
    way: Way, how: str, quiet_log: list[str]
) -> None:
    """The promise: a clean-up always runs, whatever happens inside."""
    quiet_log.append("Exception in ASGI application")

    def build(app: FastAPI) -> None:
        @app.websocket("/failing")
        async def failing(websocket: WebSocket) -> None:
            async with app.state.hub.join(websocket, "lobby", "ann") as member:
                async for text in member:
                    member.room.broadcast(text)
                    fail(how)
                    await asyncio.sleep(0)

    async with arena(build, ws=way.ws) as here:
        witness = await here.connect("/ws/lobby")
        for _ in range(3):
            peer = await here.connect("/failing")
            await here.in_room("lobby", 2)
            await peer.send("last words")
            assert await witness.receive() == "last words"
            assert await peer.receive() == "last words"
            ended = await peer.end()
            if way == WAYS["hub.join"]:
                assert ended.code == INTERNAL_ERROR
            await here.in_room("lobby", 1)
        assert len(here.leaves) == 3
        assert len(here.hub.user("ann")) == 0


@join_ways
async def test_an_endpoint_that_leaves_the_room_has_its_connection_back(way: Way) -> None:
    """After the block the room is silent, and the socket is a plain one with nothing lost."""

    def build(app: FastAPI) -> None:
        @app.websocket("/visit")
        async def visit(websocket: WebSocket) -> None:
            async with app.state.hub.join(websocket, "lobby") as member:
                async for text in member:
                    member.room.broadcast(f"said {text!s}")
                    break
            app.state.hub.room("lobby").broadcast("to nobody")
            while True:
                try:
                    await websocket.send_text(f"echo {await websocket.receive_text()}")
                except WebSocketDisconnect:
                    return

    async with arena(build, ws=way.ws) as here:
        peer = await here.connect("/visit")
        for number in range(5):
            await peer.send(str(number))
        assert [await peer.receive() for _ in range(5)] == [
            "said 0",
            *[f"echo {number}" for number in range(1, 5)],
        ]
        assert len(here.hub.room("lobby")) == 0


@join_ways
async def test_an_endpoint_cannot_speak_after_its_member_was_closed(way: Way) -> None:
    """RFC 6455 section 5.5.1: nothing follows a close frame; to the endpoint its client is gone."""
    raised: list[Exception] = []

    def build(app: FastAPI) -> None:
        @app.websocket("/closed")
        async def closed(websocket: WebSocket) -> None:
            async with app.state.hub.join(websocket, "lobby") as member:
                async for _ in member:
                    pass
            try:
                await websocket.send_text("too late")
            except (WebSocketDisconnect, RuntimeError) as error:
                raised.append(error)

    async with arena(build, ws=way.ws) as here:
        peer = await here.connect("/closed")
        await here.in_room("lobby", 1)
        here.hub.room("lobby").close(4000, "over")
        await until(lambda: raised)
        found = await peer.frame()
        assert (found.opcode, found.payload) == (CLOSE, b"\x0f\xa0over")
        peer.half_close()
        with pytest.raises(Ended) as ended:
            await peer.frame()
        assert ended.value.code == VANISHED


@join_ways
async def test_an_endpoint_that_closes_its_socket_is_out_of_its_room_at_once(way: Way) -> None:
    """FastAPI's own `websocket.close` within the block: the member leaves, and nothing follows.

    On our class it comes after what the room said in the same turn; another server has its own
    way to the socket, and may be faster than the room.
    """
    closed, go_on = asyncio.Event(), asyncio.Event()

    def build(app: FastAPI) -> None:
        @app.websocket("/closing")
        async def closing(websocket: WebSocket) -> None:
            async with app.state.hub.join(websocket, "lobby") as member:
                member.room.broadcast("before")
                await websocket.close(4000, "enough")
                member.room.broadcast("after")
                closed.set()
                await go_on.wait()

    async with arena(build, ws=way.ws) as here:
        peer = await here.connect("/closing")
        await closed.wait()
        await here.in_room("lobby", 0)
        go_on.set()
        messages, *ended = await ends(peer)
        assert ended == [4000, "enough"]
        assert messages == ["before"] or (messages == [] and way != WAYS["hub.join"])


async def test_a_server_that_stops_finds_connections_that_are_being_closed_already() -> None:
    """Closed by the endpoint, by its return, by the hub: each once, and the stop waits for all."""

    def build(app: FastAPI) -> None:
        @app.websocket("/plain/{how}")
        async def plain(websocket: WebSocket, how: str) -> None:
            await websocket.accept()
            if how == "close":
                await websocket.close(4001)

        @app.websocket("/joined/{how}")
        async def joined(websocket: WebSocket, how: str) -> None:
            async with app.state.hub.join(websocket, "lobby") as member:
                if how == "close":
                    await websocket.close(4001)
                elif how == "member":
                    member.close(4001)

    codes = {
        "/plain/close": 4001,
        "/plain/return": 1000,
        "/joined/close": 4001,
        "/joined/member": 4001,
        "/joined/return": 1000,
    }
    app = create_app()
    build(app)
    async with serving(app) as server:
        peers = [await Peer.connect(server.port, path) for path in codes]
        await until(lambda: server.tasks == 0)
        # While the server stops, because that is what it waits for.
        answering = asyncio.ensure_future(asyncio.gather(*map(answer_later, peers)))
    assert [code for _, code, _ in await answering] == list(codes.values())


async def answer_later(peer: Peer) -> tuple[list[str | bytes], int, str]:
    """Let a stop begin, and only then take part in the closing handshake."""
    await asyncio.sleep(0.3)
    ended = await ends(peer)
    peer.reset()
    return ended


@join_ways
async def test_an_endpoint_that_returns_while_its_member_is_behind_loses_nothing(way: Way) -> None:
    """What it was sent before goes out before the close, however late it is read."""
    done = asyncio.Event()

    def build(app: FastAPI) -> None:
        @app.websocket("/leaving")
        async def leaving(websocket: WebSocket) -> None:
            async with app.state.hub.join(websocket, "lobby") as member:
                async for _ in member:
                    for number in range(100):
                        member.send(f"{number} {'x' * 10_000}")
                        await asyncio.sleep(0)
                    break
            done.set()

    async with arena(build, ws=way.ws) as here:
        peer = await here.connect("/leaving")
        await peer.send("go")
        await here.in_room("lobby", 1)
        await here.in_room("lobby", 0)
        messages, code, _ = await ends(peer)
        assert [str(message).split(" ")[0] for message in messages] == [str(n) for n in range(100)]
        assert code == (1000 if way == WAYS["hub.join"] else VANISHED)
        assert done.is_set()


@join_ways
async def test_a_connection_in_a_room_cannot_join_another_before_it_has_left(
    way: Way,
) -> None:
    """Two readers of one socket would share out its messages, and one would wait for ever."""
    raised: list[Exception] = []

    def build(app: FastAPI) -> None:
        @app.websocket("/both")
        async def both(websocket: WebSocket) -> None:
            hub = app.state.hub
            async with hub.join(websocket, "a"):
                try:
                    async with hub.join(websocket, "b"):
                        pass
                except ConfigurationError as error:
                    raised.append(error)
            async with hub.join(websocket, "c") as member:
                async for text in member:
                    member.room.broadcast(text)

    async with arena(build, ws=way.ws) as here:
        peer = await here.connect("/both")
        await peer.send("hello")
        assert await peer.receive() == "hello"
        assert [handle.name for handle in here.hub.rooms()] == ["c"]
        assert len(raised) == 1


@join_ways
async def test_what_is_for_one_and_what_is_for_all_but_one_keeps_its_place(way: Way) -> None:
    """`send`, `broadcast` and `exclude` in one turn of the loop, in every member's own order."""

    def build(app: FastAPI) -> None:
        @app.websocket("/mixed")
        async def mixed(websocket: WebSocket) -> None:
            async with app.state.hub.join(websocket, "lobby") as member:
                async for text in member:
                    for number in range(20):
                        member.send(f"me {text!s} {number}")
                        member.room.broadcast(f"all {text!s} {number}")
                        member.room.broadcast(f"others {text!s} {number}", exclude=member)

    async with arena(build, ws=way.ws) as here:
        peers = await here.crowd(3, "/mixed")
        await here.in_room("lobby", 3)
        for peer in peers[:2]:
            await peer.send(str(peer.sock.getsockname()[1]))
        for peer in peers:
            own = str(peer.sock.getsockname()[1])
            heard = [str(await peer.receive()).split(" ") for _ in range(80)]
            for speaker in peers[:2]:
                name = str(speaker.sock.getsockname()[1])
                kinds = ["me", "all"] if name == own else ["all", "others"]
                assert [(kind, n) for kind, who, n in heard if who == name] == [
                    (kind, str(number)) for number in range(20) for kind in kinds
                ]


async def ends(peer: Peer) -> tuple[list[str | bytes], int, str]:
    """What the peer heard, and how it ended."""
    messages = []
    while True:
        try:
            messages.append(await peer.receive())
        except Ended as ended:
            return messages, ended.code, ended.reason


def speak_and_close(hub: Hub, what: str) -> None:
    """Say something, and end the connection in the same turn."""
    if what == "member":
        for member in hub.room("lobby").members:
            member.send("last")
            member.close(4001, "you")
    elif what == "user":
        hub.user("ann").send("last")
        hub.user("ann").disconnect(4001, "you")
    else:
        hub.room("lobby").broadcast("last")
        hub.room("lobby").close(4001, "you")


@pytest.mark.parametrize("thread", [False, True], ids=["on the loop", "from a thread"])
@pytest.mark.parametrize("what", ["member", "user", "room"])
@join_ways
async def test_closing_tells_the_last_words_and_the_reason_and_spares_the_others(
    way: Way, what: str, thread: bool
) -> None:
    """Close a member, a user's every connection, a room: on the loop or from a thread."""
    async with arena(ws=way.ws) as here:
        closed = await here.crowd(3, "/join/lobby?user=ann")
        spared = await here.connect("/join/elsewhere?user=bob")
        await here.in_room("lobby", 3)
        await here.in_room("elsewhere", 1)
        if thread:
            await asyncio.to_thread(speak_and_close, here.hub, what)
        else:
            speak_and_close(here.hub, what)
        for peer in closed:
            assert await ends(peer) == (["last"], 4001, "you")
        await here.in_room("lobby", 0)
        assert len(here.hub.user("ann")) == 0
        await spared.send("still here")
        assert await spared.receive() == "Room elsewhere: still here"
        assert [leave.disconnect for leave in here.leaves] == [(4001, "you")] * 3


@every_way
async def test_broadcasts_from_threads_and_routes_arrive_whole_and_in_each_ones_order(
    way: Way,
) -> None:
    """Four threads and an HTTP client speak at once; nobody misses or mixes anything."""
    count = 200
    async with arena(ws=way.ws) as here:
        peers = await here.crowd(3, f"{way.path}/lobby")
        await here.in_room("lobby", 3)
        for peer in peers:
            peer.listen()

        def speak(name: str) -> None:
            room = here.hub.room("lobby")
            for number in range(count):
                room.broadcast(f"{name} {number}")

        async def post(name: str) -> None:
            for number in range(20):
                await request(here.port, "POST", "/broadcast/lobby", f"{name} {number}".encode())

        threads = [asyncio.to_thread(speak, f"thread{number}") for number in range(4)]
        await asyncio.gather(*threads, post("route"))
        lengths: dict[str, Any] = {f"thread{number}": count for number in range(4)}
        lengths["route"] = 20
        for peer in peers:
            heard = [message.split(" ") for message in await peer.heard(sum(lengths.values()))]
            for name, length in lengths.items():
                assert [n for who, n in heard if who == name] == [str(n) for n in range(length)]


@our_ways
async def test_two_rooms_hear_nothing_of_each_other(way: Way) -> None:
    """The tutorial's promise: in that room everyone, the sender too, and in others no one."""
    async with arena() as here:
        rooms = {name: await here.crowd(3, f"{way.path}/{name}") for name in ("a", "b")}
        for name, peers in rooms.items():
            for number, peer in enumerate(peers):
                await peer.send(f"{name}{number}")
        for name, peers in rooms.items():
            for peer in peers:
                heard = {await peer.receive() for _ in range(3)}
                assert heard == {f"Room {name}: {name}{number}" for number in range(3)}
