"""Load on the chat: who says something as fast as it is acknowledged, and a room that hears it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

from benchmarks.chat.place import Somebody
from benchmarks.log.load import Connection, Failed, Throughput, command, connect, frame

DONE = b'"rpc":{"data":{"offset":'
SAID = b'"type":"message"'


async def sign_in(
    port: int, who: Somebody, rooms: list[str], heard: Callable[[Connection, bytes], None]
) -> Connection:
    connection = await connect(port, "/connection/websocket", heard)
    connection.transport.write(command(1, "connect", token=who.token))
    for number, room in enumerate(rooms, 2):
        connection.transport.write(command(number, "subscribe", channel=f"room:{room}"))
    return connection


def say(room: str, text: str, key: str) -> bytes:
    wish = {"room": room, "wish": {"type": "say", "text": text}, "key": key}
    body = {"id": 99, "rpc": {"method": "chat.do", "data": wish}}
    return frame(json.dumps(body, separators=(",", ":")).encode())


async def messages(
    port: int,
    people: list[Somebody],
    rooms: list[str],
    seconds: float,
    *,
    talkers: int,
    text: str,
    cpu: Callable[[], float],
) -> tuple[Throughput, float]:
    """Everybody is in `rooms[0]`; `talkers` of them say something in the rooms in turn, each when
    the last one is acknowledged. Also: how many were delivered a second, to all together.
    """
    done = delivered = 0
    running = True
    lines: list[Connection] = []
    count = iter(range(10**9))

    def next_of(number: int) -> bytes:
        turn = next(count)
        return say(rooms[(number + turn) % len(rooms)], f"{text} {turn}", f"k{turn}")

    def hearing(number: int) -> Callable[[Connection, bytes], None]:
        talks, carry = number < talkers, b""

        def heard(connection: Connection, data: bytes) -> None:
            nonlocal done, delivered, carry
            if b'"error"' in data:
                raise Failed(repr(data[:300]))
            whole = carry + data
            delivered += whole.count(SAID) - carry.count(SAID)
            found = whole.count(DONE) - carry.count(DONE)
            carry = whole[-64:]
            if found and talks:
                done += found
                if running:
                    for _ in range(found):
                        connection.transport.write(next_of(number))

        return heard

    for number, who in enumerate(people):
        lines.append(await sign_in(port, who, [rooms[0]], hearing(number)))
    await asyncio.sleep(1.0)
    for number in range(talkers):
        lines[number].transport.write(next_of(number))
    await asyncio.sleep(seconds / 4)
    before, heard_before, used, began = done, delivered, cpu(), time.perf_counter()
    await asyncio.sleep(seconds)
    took = time.perf_counter() - began
    result = Throughput(done - before, took, cpu() - used)
    rate = (delivered - heard_before) / took
    running = False
    await asyncio.sleep(0.5)
    for line in lines:
        line.transport.abort()
    if not result.acknowledged or not rate:
        raise Failed("nothing was said")
    return result, rate
