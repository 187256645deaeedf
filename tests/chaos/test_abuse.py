"""Abuse of the protocol: frames that cannot be, lengths that lie, floods, messages without end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest
from fastapi import FastAPI, WebSocket
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
    text_ways,
)
from tests.support.peers import (
    BINARY,
    CLOSE,
    CONTINUATION,
    FIN,
    PING,
    PONG,
    RSV1,
    TEXT,
    Ended,
    Peer,
    frame,
    header,
)

pytestmark = both_loops

PROTOCOL_ERROR, TEXT_ONLY, INVALID_DATA, POLICY, TOO_BIG, STALLED = (
    1002,
    1003,
    1007,
    1008,
    1009,
    3009,
)

LIMIT = 65_536
"""Bytes in a message, as the settings have it."""

VIOLATIONS = {
    "a control frame of 126 bytes": header(FIN | PING, 126) + b"x" * 126,
    "a control frame of 2^62 bytes": header(FIN | PONG, 2**62),
    "a fragmented ping": header(PING, 0),
    "a fragmented close": header(CLOSE, 2) + b"\x03\xe8",
    "a close code cut short": header(FIN | CLOSE, 1) + b"\x03",
    "an unknown data frame": header(FIN | 0x3, 0),
    "an unknown control frame": header(FIN | 0xB, 0),
    "the second reserved bit": header(FIN | 0x20 | TEXT, 0),
    "the third reserved bit": header(FIN | 0x10 | TEXT, 0),
    "a frame without a mask": header(FIN | TEXT, 2, masked=False) + b"hi",
    "a continuation of nothing": header(FIN | CONTINUATION, 0),
    "a message inside a message": header(TEXT, 0) + header(FIN | TEXT, 0),
}
"""P-2, and what else RFC 6455 forbids a client's frames to be."""

COMPRESSED = {
    "a compressed text": header(FIN | RSV1 | TEXT, 2) + b"\x03\x00",
    "a compressed fragment": header(RSV1 | TEXT, 2) + b"\x03\x00",
    "a compressed ping": header(FIN | RSV1 | PING, 0),
}
"""P-7: compression that nobody negotiated."""

TOO_LONG = {
    "one byte over the limit": header(FIN | TEXT, LIMIT + 1),
    "2^31 bytes": header(FIN | BINARY, 2**31),
    "2^63 - 1 bytes": header(FIN | TEXT, 2**63 - 1),
    "a fragment over the limit": header(TEXT, LIMIT + 1),
    "fragments over the limit together": frame(TEXT, b"x" * 60_000, fin=False)
    + header(FIN | CONTINUATION, LIMIT - 60_000 + 1),
}
"""P-3: lengths that are possible, and too much."""

ATTACKS = {
    **{name: (data, PROTOCOL_ERROR) for name, data in (VIOLATIONS | COMPRESSED).items()},
    **{name: (data, TOO_BIG) for name, data in TOO_LONG.items()},
    "2^63 bytes": (header(FIN | TEXT, 2**63), PROTOCOL_ERROR),
    "2^64 - 1 bytes": (header(FIN | TEXT, 2**64 - 1), PROTOCOL_ERROR),
    "a text that is none": (header(FIN | TEXT, 1) + b"\xff", INVALID_DATA),
}


async def is_closed(here: Arena, peer: Peer, code: int) -> None:
    """The peer is told `code`, and both sides let go; the rest of the room is still there."""
    assert (await peer.end()).code == code
    peer.reset()
    await here.in_room("lobby", 1)
    assert here.leaves.pop().disconnect.code == code


@our_ways
async def test_what_cannot_be_a_frame_ends_the_connection_and_nothing_else(way: Way) -> None:
    """P-2, P-3, P-7: the right code, at once, before the payload was sent; in one read or many."""
    async with arena() as here:
        witness = (await here.connect(f"{way.path}/lobby")).listen()
        for data, code in ATTACKS.values():
            peer = await here.connect(f"{way.path}/lobby")
            await peer.send_raw(data)
            await is_closed(here, peer, code)

            peer = await here.connect(f"{way.path}/lobby")
            with suppress(OSError):  # closed by then
                for at in range(min(len(data), 40)):
                    await peer.send_raw(data[at : at + 1])
                    await asyncio.sleep(0)
                await peer.send_raw(data[40:])
            await is_closed(here, peer, code)
        await witness.send("still here")
        assert await witness.heard(1) == ["Room lobby: still here"]


@our_ways
async def test_messages_before_a_violation_still_count(way: Way) -> None:
    """P-2: what was whole and right is heard by the room, although the same read ends badly."""
    async with arena() as here:
        witness = (await here.connect(f"{way.path}/lobby")).listen()
        peer = await here.connect(f"{way.path}/lobby")
        await peer.send_raw(frame(TEXT, b"good") + VIOLATIONS["an unknown data frame"])
        assert await witness.heard(1) == ["Room lobby: good"]
        await is_closed(here, peer, PROTOCOL_ERROR)


@from_outside
async def test_attackers_that_stay_are_dropped_and_cost_no_memory_or_processor(loop: str) -> None:
    """P-2, P-3: each goes on to send a megabyte, reads nothing, and never closes."""
    async with outside(loop, close_seconds=1) as there:
        await there.connect("/ws/lobby")
        before = await there.process.rss()
        peers = await there.crowd(len(ATTACKS), "/join/lobby")
        for (data, _), peer in zip(ATTACKS.values(), peers, strict=True):
            with suppress(OSError):
                await peer.send_raw(data + bytes(2**20))
        await there.quiet()
        for peer in peers:
            await peer.gone()
        assert await there.process.peak_rss() - before < 2**23
        assert (await there.look())["rooms"] == {"lobby": 1}


@every_way
async def test_a_message_of_the_limit_passes(way: Way) -> None:
    """P-3, P-5, the other side: the largest message, whole and in fragments of one byte."""
    async with arena(ws=way.ws, outbox_bytes=2**22) as here:
        peer = await here.connect(f"{way.path}/lobby")
        await peer.send_raw(frame(TEXT, b"x" * LIMIT))
        assert await peer.receive() == "Room lobby: " + "x" * LIMIT
        pieces = [
            frame(TEXT, b"y", fin=False),
            frame(CONTINUATION, b"y", fin=False) * 20_000,
            frame(CONTINUATION, b"y"),
        ]
        await peer.send_raw(b"".join(pieces))
        assert await peer.receive() == "Room lobby: " + "y" * 20_002


@our_ways
@pytest.mark.parametrize("kind", [PING, PONG], ids=["pings", "pongs"])
async def test_a_flood_of_control_frames_is_ended(way: Way, kind: int) -> None:
    """P-4: 100,000 of them, as large as they may be and as small."""
    async with arena() as here:
        witness = (await here.connect(f"{way.path}/lobby")).listen()
        for payload in (b"", b"x" * 125):
            peer = await here.connect(f"{way.path}/lobby")
            flood = asyncio.ensure_future(peer.send_raw(frame(kind, payload) * 100_000))
            await is_ended(peer, POLICY)
            await here.in_room("lobby", 1)
            await asyncio.wait([flood])
            peer.reset()
        await witness.send("still here")
        assert await witness.heard(1) == ["Room lobby: still here"]


async def is_ended(peer: Peer, code: int) -> None:
    """The peer is told `code`; pongs before it are its own business."""
    while (found := await peer.frame()).opcode != CLOSE:
        assert found.opcode == PONG
    assert int.from_bytes(found.payload[:2], "big") == code


@our_ways
async def test_a_few_pings_are_answered_in_order(way: Way) -> None:
    """P-4, the other side: between the fragments of a message too."""
    async with arena() as here:
        peer = await here.connect(f"{way.path}/lobby")
        pings = b"".join(frame(PING, str(number).encode()) for number in range(500))
        await peer.send_raw(
            frame(TEXT, b"he", fin=False) + pings + frame(CONTINUATION, b"llo") + frame(PONG)
        )
        assert [await peer.frame() for _ in range(500)] == [
            (PONG, str(number).encode()) for number in range(500)
        ]
        assert await peer.receive() == "Room lobby: hello"


@from_outside
async def test_floods_of_pings_whose_answers_nobody_reads_cost_no_memory(loop: str) -> None:
    """P-4: 20 clients with 100,000 pings of 125 bytes each."""
    async with outside(loop, close_seconds=1) as there:
        peers = await there.crowd(20, "/ws/lobby")
        before = await there.process.rss()
        flood = frame(PING, b"x" * 125) * 100_000
        floods = [asyncio.ensure_future(peer.send_raw(flood)) for peer in peers]
        await asyncio.wait(floods)
        for sent in floods:
            sent.exception()  # a reset, when the server had enough
        assert await there.process.peak_rss() - before < 2**24
        assert (await there.look())["leaves"] == {str(POLICY): 20}


ENDLESS = [
    "a frame that stops",
    "a header that stops",
    "fragments that stop",
    "empty fragments",
    "fragments with pings between",
    "a byte at a time",
]


def endless(kind: str) -> Iterator[bytes]:
    """A message that never ends, a piece at a time."""
    empty = frame(CONTINUATION, b"", fin=False)
    if kind == "a frame that stops":
        yield header(FIN | TEXT, 60_000) + b"x" * 10
    elif kind == "a header that stops":
        yield header(FIN | TEXT, 60_000)[:3]
    elif kind == "fragments that stop":
        yield frame(TEXT, b"x", fin=False)
    elif kind == "empty fragments":
        yield frame(TEXT, b"", fin=False)
        while True:
            yield empty * 100
    elif kind == "fragments with pings between":
        yield frame(TEXT, b"", fin=False)
        while True:
            yield empty + frame(PING)
    else:
        assert kind == "a byte at a time"
        yield header(FIN | TEXT, LIMIT)
        while True:
            yield b"x"


async def outlast(peer: Peer, kind: str) -> int:
    """Send that message until the server has enough; the code with which it ends it."""

    async def attack() -> None:
        with suppress(OSError):
            for piece in endless(kind):
                await peer.send_raw(piece)
                await asyncio.sleep(0.005)

    attacking = asyncio.ensure_future(attack())
    while (found := await peer.frame()).opcode != CLOSE:
        if found.opcode == PING and attacking.done():
            await peer.send_raw(frame(PONG))
    attacking.cancel()
    await asyncio.wait([attacking])
    peer.reset()
    return int.from_bytes(found.payload[:2], "big")


@our_ways
async def test_a_message_that_is_never_finished_has_a_deadline(way: Way) -> None:
    """P-5: it is ended between one and two ping intervals after it began."""
    async with arena(ping_interval=0.2, ping_timeout=0.1) as here:
        witness = (await here.connect(f"{way.path}/lobby")).listen()
        peers = await here.crowd(len(ENDLESS), f"{way.path}/lobby")
        codes = await asyncio.gather(*map(outlast, peers, ENDLESS))
        assert dict(zip(ENDLESS, codes, strict=True)) == dict.fromkeys(ENDLESS, STALLED)
        await here.in_room("lobby", 1)
        assert [leave.disconnect.code for leave in here.leaves] == [STALLED] * len(ENDLESS)
        await witness.send("still here")
        assert await witness.heard(1) == ["Room lobby: still here"]


async def test_slow_messages_that_do_end_are_not_cut() -> None:
    """P-5, the other side: always in the middle of a message, and yet always another one."""
    async with arena(ping_interval=0.2, ping_timeout=0.1) as here:
        witness = (await here.connect("/ws/lobby")).listen()
        peer = await here.connect("/ws/lobby")
        whole = frame(TEXT, b"hello")
        await peer.send_raw(whole[:5])
        for number in range(30):
            await asyncio.sleep(0.025)
            await peer.send_raw(whole[5:] + whole[:5])
            assert await witness.heard(number + 1)
        assert here.leaves == []


@pytest.mark.slow
@our_ways
async def test_a_million_fragments_of_one_byte_end_at_the_limit(way: Way) -> None:
    """P-5: the size is counted over the whole message."""
    async with arena() as here:
        peer = await here.connect(f"{way.path}/lobby")
        flood = frame(BINARY, b"x", fin=False) + frame(CONTINUATION, b"x", fin=False) * 1_000_000
        flooding = asyncio.ensure_future(peer.send_raw(flood))
        assert (await peer.end()).code == TOO_BIG
        await asyncio.wait([flooding])


@from_outside
@pytest.mark.parametrize("kind", ["one frame", "fragments"])
async def test_unfinished_messages_cost_no_more_than_sockets_times_limit(
    loop: str, kind: str
) -> None:
    """P-5: 200 sockets, each a few bytes short of the limit; then their deadline, and it is over.

    One in the middle of a frame cannot answer pings, and is ended as one that is not there.
    """
    count, pieces = 200, 2000
    message = header(FIN | TEXT, LIMIT) + b"x" * (LIMIT - 1)
    if kind == "fragments":
        message = frame(TEXT, b"x", fin=False) + frame(CONTINUATION, b"x", fin=False) * pieces
        message += frame(CONTINUATION, b"x" * (LIMIT - pieces - 2), fin=False)
    async with outside(loop, ping_interval=1, ping_timeout=0.5, close_seconds=0.5) as there:
        peers = await there.crowd(count, "/ws/lobby")
        before = await there.process.rss()
        for peer in peers:
            await peer.send_raw(message)
        if kind == "fragments":
            ends = await asyncio.gather(*[peer.end() for peer in peers])
            assert {ended.code for ended in ends} == {STALLED}
        else:
            await asyncio.gather(*[peer.gone() for peer in peers])
        # A bytearray that grows keeps an eighth in hand.
        assert await there.process.peak_rss() - before < count * LIMIT * 1.25 + 2**22
        assert sum((await there.look())["leaves"].values()) == count


@text_ways
async def test_binary_at_the_text_door_is_answered_with_what_it_takes(way: Way) -> None:
    """P-12: close 1003 and nothing else; what came before it was said."""
    async with arena(ws=way.ws) as here:
        witness = (await here.connect("/ws/lobby")).listen()
        peer = await here.connect("/ws/lobby")
        await here.in_room("lobby", 2)
        await peer.send_raw(frame(TEXT, b"text") + frame(BINARY, b"\0\1") + frame(TEXT, b"late"))
        assert await peer.receive() == "Room lobby: text"
        with pytest.raises(Ended) as ended:
            await peer.receive()
        assert ended.value.code == TEXT_ONLY
        await here.in_room("lobby", 1)
        await witness.send("still here")
        assert await witness.heard(2) == ["Room lobby: text", "Room lobby: still here"]


@join_ways
async def test_binary_comes_through_join_as_bytes_and_goes_out_as_bytes(way: Way) -> None:
    """P-12: no KeyError, no guess: what was sent is what is read."""
    read: list[str | bytes] = []

    def build(app: FastAPI) -> None:
        @app.websocket("/kinds")
        async def kinds(websocket: WebSocket) -> None:
            async with app.state.hub.join(websocket, "lobby") as member:
                async for message in member:
                    read.append(message)
                    member.room.broadcast(message)

    async with arena(build, ws=way.ws) as here:
        peer = await here.connect("/kinds")
        for message in ("text", b"\0\xff", "", b""):
            await peer.send(message)
            assert await peer.receive() == message
        assert read == ["text", b"\0\xff", "", b""]
