"""Slow and greedy peers: readers that do not read, handlers that do not handle."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.support.arena import (
    Arena,
    Way,
    arena,
    both_loops,
    every_way,
    from_outside,
    join_ways,
    our_ways,
    outside,
)
from tests.support.peers import (
    PING,
    PONG,
    TEXT,
    Ended,
    Peer,
    frame,
    until,
)

from hubbub import Member
from hubbub.model import SLOW

pytestmark = both_loops

CUT = Ended(SLOW.code, SLOW.reason)
CHUNK = "x" * 16_000
PATIENT: dict[str, Any] = {"outbox_bytes": 2**26, "outbox_seconds": 60.0}
HASTY_HEART: dict[str, Any] = {"ping_interval": 0.4, "ping_timeout": 0.2}


def number_of(message: str | bytes) -> int:
    """Messages of these tests are `Room {room}: {number} {padding}`; kept is the number alone."""
    assert isinstance(message, str)
    return int(message.split(" ", 3)[2])


async def talk(talker: Peer, listeners: list[Peer], numbers: range, padding: str) -> None:
    """Say each number once everyone who listens has heard the last, however slow that is."""
    for number in numbers:
        await talker.send(f"{number} {padding}")
        for listener in listeners:
            await listener.heard(number + 1)


async def fall_behind(here: Arena, member: Member) -> int:
    """Broadcast to the member's room until it is behind; how many messages that took."""
    count = 0
    while member._outbox is None:
        member.room.broadcast(f"Room lobby: {count} {CHUNK}")
        count += 1
        await asyncio.sleep(0)
    return count


def is_reading(member: Member) -> bool:
    """Whether the server reads what the member's client sends."""
    inbox = member._inbox
    return inbox is None or not inbox._paused


@pytest.mark.parametrize(
    "bound",
    [
        {"outbox_bytes": 100_000, "outbox_seconds": 60.0},
        {"outbox_bytes": 2**26, "outbox_seconds": 0.5},
    ],
    ids=["bytes", "seconds"],
)
@every_way
async def test_members_that_never_read_are_cut_and_nobody_else_waits(
    way: Way, bound: dict[str, Any]
) -> None:
    """S-1: at so many bytes, or at so many seconds; the others hear everything, in order."""
    async with arena(ws=way.ws, close_seconds=0.5, **bound) as here:
        talker, *listeners = await here.crowd(8, f"{way.path}/lobby")
        for peer in (talker, *listeners):
            peer.listen(number_of)
        await here.crowd(2, f"{way.path}/lobby")
        numbers = range(100)
        await talk(talker, listeners, numbers, CHUNK)
        await here.in_room("lobby", 8)
        for peer in (talker, *listeners):
            assert await peer.heard(len(numbers)) == list(numbers)
        assert [leave.disconnect for leave in here.leaves] == [SLOW, SLOW]


@every_way
async def test_a_cut_reader_that_reads_on_is_told_to_come_back(way: Way) -> None:
    """S-1: what was on its way to it arrives first, whole, and then close code 3008."""
    async with arena(ws=way.ws, outbox_bytes=1, outbox_seconds=60) as here:
        peer = await here.connect(f"{way.path}/lobby")
        await here.in_room("lobby", 1)
        member = here.member("lobby")
        while member.disconnect is None:
            member.room.broadcast(f"Room lobby: 0 {CHUNK}")
            await asyncio.sleep(0)
        assert member.disconnect == SLOW
        assert await peer.receive() == f"Room lobby: 0 {CHUNK}"
        ended = await peer.end()
        assert (ended.code, ended.reason) == SLOW


@from_outside
@our_ways
async def test_stuck_readers_cost_the_server_no_more_than_their_outboxes(
    way: Way, loop: str
) -> None:
    """S-1: 20 of 200, messages of 64 KiB; memory is looked at from outside the process."""
    stuck, lively, bound = 20, 180, 262_144
    padding = "x" * 65_000
    async with outside(loop, outbox_bytes=bound, outbox_seconds=60, close_seconds=0.5) as there:
        await there.crowd(stuck, f"{way.path}/lobby")
        talker, *listeners = await there.crowd(lively, f"{way.path}/lobby")
        for peer in (talker, *listeners):
            peer.listen(number_of)
        await talk(talker, listeners, range(2), padding)
        before = await there.process.rss()
        await talk(talker, listeners, range(2, 100), padding)
        growth = await there.process.peak_rss() - before
        for peer in (talker, *listeners):
            assert await peer.heard(100) == list(range(100))
        assert growth <= stuck * bound + 2**24
        state = await there.look()
        assert state["rooms"] == {"lobby": lively}
        assert state["leaves"] == {str(SLOW.code): stuck}


@every_way
async def test_a_reader_of_single_bytes_is_cut_as_one_that_reads_nothing(way: Way) -> None:
    """S-2: a byte now and then is no progress."""
    async with arena(ws=way.ws, **PATIENT | {"outbox_seconds": 0.5, "close_seconds": 0.5}) as here:
        peer = await here.connect(f"{way.path}/lobby", receive_buffer=4096)
        await here.in_room("lobby", 1)
        member = here.member("lobby")
        await fall_behind(here, member)
        while member.disconnect is None:
            await peer.read_slowly()
            await asyncio.sleep(0.01)
        assert member.disconnect == SLOW


@every_way
async def test_a_reader_that_pauses_and_reads_on_loses_nothing(way: Way) -> None:
    """S-3: not cut; everything arrives in order, three times in a row."""
    async with arena(ws=way.ws, **PATIENT) as here:
        peer = await here.connect(f"{way.path}/lobby")
        await here.in_room("lobby", 1)
        member = here.member("lobby")
        for _ in range(3):
            count = await fall_behind(here, member)
            for number in range(count, count + 20):
                member.room.broadcast(f"Room lobby: {number} {CHUNK}")
                member.send(f"Room lobby: {number} for you")
            heard = [number_of(await peer.receive()) for _ in range(count + 40)]
            later = [number for number in range(count, count + 20) for _ in range(2)]
            assert heard == [*range(count), *later]
            await until(lambda: member._outbox is None)
        assert here.leaves == []


@every_way
async def test_a_member_that_is_behind_hears_all_of_it_before_it_is_closed(way: Way) -> None:
    """S-3, and a room that is closed meanwhile: what was sent goes out before the close."""
    async with arena(ws=way.ws, **PATIENT) as here:
        peer = await here.connect(f"{way.path}/lobby")
        await here.in_room("lobby", 1)
        member = here.member("lobby")
        count = await fall_behind(here, member)
        here.hub.room("lobby").close(4000, "over")
        assert [number_of(await peer.receive()) for _ in range(count)] == list(range(count))
        ended = await peer.end()
        assert (ended.code, ended.reason) == (4000, "over")


@join_ways
async def test_a_flood_stops_at_a_slow_handler_and_is_delivered_when_it_goes_on(way: Way) -> None:
    """S-7: the sender waits, pings before the bound are answered, other rooms know nothing."""
    async with arena(ws=way.ws, inbox_bytes=50_000, **PATIENT) as here:
        witness = (await here.connect("/ws/busy")).listen(number_of)
        talker, other = await here.crowd(2, "/join/lobby")
        flooder = await here.connect("/gated/busy")
        await here.in_room("busy", 2)
        member = here.hub.room("busy").members[1]
        assert isinstance(member, Member)

        await flooder.send(f"0 {CHUNK}")
        await flooder.send_raw(frame(PING, b"are you there"))
        assert await flooder.frame() == (PONG, b"are you there")

        numbers = range(1, 1000)
        flood = b"".join(frame(TEXT, f"{number} {CHUNK}".encode()) for number in numbers)
        sending = asyncio.ensure_future(flooder.send_raw(flood))
        await until(lambda: not is_reading(member))
        other.listen(number_of)
        await talk(talker, [other], range(50), CHUNK)
        assert not sending.done()  # 16 MB do not fit into what the kernel holds
        assert member._inbox is not None
        assert member._inbox._size <= 50_000 + 65_536 + 64 * 5

        here.app.state.gate.set()
        await sending
        flooder.listen(number_of)
        assert await witness.heard(1000) == list(range(1000))
        assert await flooder.heard(1000) == list(range(1000))


@pytest.mark.slow
async def test_a_client_of_a_slow_handler_is_not_taken_for_dead() -> None:
    """S-7: five heartbeats with its answers unread, and a frame cut where the reading stopped."""
    async with arena(inbox_bytes=1, **HASTY_HEART) as here:
        peer = await here.connect("/gated/busy")
        await here.in_room("busy", 1)
        member = here.member("busy")
        whole = frame(TEXT, b"second")
        await peer.send_raw(frame(TEXT, b"first") + whole[:5])
        await until(lambda: not is_reading(member))
        await peer.send_raw(whole[5:])
        peer.listen()
        await asyncio.sleep(5 * HASTY_HEART["ping_interval"])
        assert (member.disconnect, peer.ended) == (None, None)
        here.app.state.gate.set()
        assert await peer.heard(2) == ["Room busy: first", "Room busy: second"]


async def test_an_answer_that_lies_unread_counts_when_reading_goes_on() -> None:
    """S-7: the heartbeat checks in the turn in which the handler has caught up."""
    async with arena() as here:
        await here.connect("/ws/busy")
        sink: Any = here.member("busy").sink
        sink.pause_reading()
        sink.ping()
        sink.resume_reading()
        sink.check()
        await here.in_room("busy", 1)
        assert here.leaves == []


@from_outside
@pytest.mark.parametrize("size", [1, 60_000])
async def test_floods_to_slow_handlers_cost_no_more_than_their_inboxes(
    size: int, loop: str
) -> None:
    """S-7: 40 clients at once, with small messages and with large ones."""
    count, bound = 40, 262_144
    async with outside(loop, inbox_bytes=bound, **PATIENT) as there:
        peers = [await there.connect(f"/gated/{number}") for number in range(count)]
        before = await there.process.rss()
        flood = frame(TEXT, b"x" * size) * (2**23 // (size + 6))
        flooding = [asyncio.ensure_future(peer.send_raw(flood)) for peer in peers]
        await there.quiet()
        growth = await there.process.peak_rss() - before
        # Beside the inbox: one read, an unfinished frame, and the headers of Python's objects.
        assert growth <= count * (bound + 2 * 65_536) * 1.5 + 2**23
        assert not any(task.done() for task in flooding)
        for task in flooding:
            task.cancel()
        await asyncio.wait(flooding)
