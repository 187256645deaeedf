"""Out of file descriptors: who is in stays in, who comes is turned away, and the log says it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import httpx
import pytest
from tests.support.commands import hubbub_serve
from tests.support.peers import DEADLINE, Peer, Refused
from tests.support.server import ServerProcess

FILES = 256
OUT, AGAIN = "out of file descriptors", "there are file descriptors again"


async def says(server: ServerProcess, out: int, again: int) -> None:
    """Wait until the log has told so often of the end, and of the beginning, of the descriptors."""
    async with asyncio.timeout(DEADLINE):
        while True:
            log = await server.log()
            if (log.count(OUT), log.count(AGAIN)) == (out, again):
                return
            assert log.count(OUT) <= out and log.count(AGAIN) <= again, log
            await asyncio.sleep(0.01)


async def crowd(server: ServerProcess, count: int) -> list[Peer]:
    """Those of `count` peers that get in."""
    members = []
    for _ in range(count):
        with suppress(Refused, OSError):
            members.append(await Peer.connect(server.port, "/ws/tea"))
    return members


async def everyone_hears(members: list[Peer], text: str) -> None:
    await members[0].send(text)
    for member in members:
        assert await member.receive() == f"Room tea: {text}"


@pytest.mark.slow
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_server_out_of_descriptors_keeps_whom_it_has_says_so_once_and_recovers(
    loop: str,
) -> None:
    """R-5."""
    members: list[Peer] = []
    command = hubbub_serve("--headless", loop=loop)
    async with (
        ServerProcess(command=command, file_limit=FILES) as server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as early,
    ):
        assert (await early.get("/healthz")).status_code == 200
        try:
            members += await crowd(server, FILES + 50)
            assert FILES / 2 < len(members) < FILES
            await says(server, out=1, again=0)
            await everyone_hears(members, "full")

            # Seconds pass, by the server's own clock, and people keep trying.
            dates: set[str] = set()
            async with asyncio.timeout(DEADLINE):
                while len(dates) < 4:
                    dates.add((await early.get("/healthz")).headers["date"])
                    assert not await crowd(server, 5), "nobody comes in"
            await says(server, out=1, again=0)
            await everyone_hears(members, "still full")

            for _ in range(40):
                await members.pop().close()
            await says(server, out=1, again=1)
            members += await crowd(server, 20)
            await everyone_hears(members, "again")

            members += await crowd(server, FILES)
            await says(server, out=2, again=1)
        finally:
            for member in members:
                await member.close()
        await says(server, out=2, again=2)
        assert await server.stop() == 0
        lines = (await server.log()).splitlines()
        assert len(lines) == 6 + 4, "the address, its doors and its log, and the four"
