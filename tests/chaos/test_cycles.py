"""Thousands come, join, speak and go, in every way there is to go; nothing is left of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import linear_regression

import pytest
from tests.support.arena import Outside
from tests.support.peers import CLOSE, frame, request
from tests.support.rooms import DOORS
from tests.support.server import ServerProcess

AT_ONCE = 40
HEARTBEAT = {"ping_interval": 2.2, "ping_timeout": 2}
"""Seconds; a life lasts a fraction of it, so that only those who vanished are missed."""

MEBIBYTE = 2**20
ROUGHNESS = MEBIBYTE / 4
"""How much the memory of a process wavers by itself; a few times what was seen."""

LEAK = 32
"""Bytes a cycle; whatever is left of a connection is larger, the smallest object is not smaller."""


@asynccontextmanager
async def rooms() -> AsyncIterator[Outside]:
    async with ServerProcess("tests.support.cycles:app", settings=HEARTBEAT) as process:
        here = Outside(process)
        try:
            yield here
        finally:
            await here.leave()


async def cycle(here: Outside, door: str, number: int) -> None:
    """One life: in a room shared with others, or in one of its own; as a user or as nobody."""
    room = f"shared-{number % 7}" if number % 2 else f"own-{number}"
    user = f"?user=user-{number}" if number % 4 < 2 else ""
    peer = await here.connect(f"{door}/{room}{user}")
    await peer.send(str(number))
    while await peer.receive() != f"Room {room}: {number}":
        pass
    match number // 4 % 12:
        case 0:  # few, because each is in its room for seconds more and hears all that is said
            peer.cut_cable()  # and it stays so until the server has missed it
        case 1 | 3 | 5 | 7 | 9 | 11:
            peer.reset()
        case _:
            await peer.send_raw(frame(CLOSE, (1000).to_bytes(2, "big")))
            assert (await peer.end()).code == 1000


async def cycles(here: Outside, door: str, numbers: range) -> None:
    waiting = iter(numbers)

    async def worker() -> None:
        for number in waiting:
            await cycle(here, door, number)

    async with asyncio.TaskGroup() as workers:
        for _ in range(AT_ONCE):
            workers.create_task(worker())


async def files(here: Outside) -> int:
    """How many file descriptors the server has open."""
    return len(await asyncio.to_thread(os.listdir, f"/proc/{here.process.pid}/fd"))


async def nothing_is_left(door: str, count: int, samples: int) -> None:
    """After `count` cycles; and no more memory than after the first third of the `samples`."""
    async with rooms() as here:
        before, open_before = await here.look(), await files(here)
        each = count // samples
        # More at once than there will be again, so that what follows finds its memory there.
        await here.crowd(each, f"{door}/warm")
        await here.leave()
        await here.empty()
        await request(here.port, "POST", "/forget")
        sizes: list[int] = []
        for start in range(0, count, each):
            await cycles(here, door, range(start, start + each))
            await here.empty()
            await here.leave()
            assert int(await request(here.port, "POST", "/forget")) == each, "each left once"
            assert (await here.look())["tasks"] == before["tasks"]
            sizes.append(await here.process.rss())
        assert await files(here) <= open_before + 1  # the one that asks
        steady = sizes[samples // 3 :]
        slope = linear_regression(range(len(steady)), steady).slope
        growth = slope * (len(steady) - 1)
        assert growth < ROUGHNESS + LEAK * count, [round(size / MEBIBYTE, 2) for size in sizes]
        assert "Traceback" not in await here.process.log()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
async def test_twenty_thousand_cycles_leave_nothing_behind(door: str) -> None:
    await nothing_is_left(door, 20_000, samples=6)


@pytest.mark.soak
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
async def test_a_hundred_thousand_cycles_leave_nothing_behind(door: str) -> None:
    await nothing_is_left(door, 100_000, samples=20)
