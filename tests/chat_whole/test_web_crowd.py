"""Several people with the pages' own code in a chat whose server is killed under them: in the end
everybody has what a fresh fetch brings, and what they have said is there once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest
from msgspec.json import decode, encode
from tests.e2e.site import Site
from tests.support.web_replay import program, sockets

PEOPLE = ["ann", "bob", "cyd", "dan"]
KILLS = 3


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_crowd_of_pages_survives_a_server_that_is_killed(tmp_path: Path) -> None:
    seed = Random().randrange(10**9)
    command = [*program("crowd", tmp_path / "built"), sockets()]
    async with Site(tmp_path) as site:
        people = [await site.person(name) for name in PEOPLE]
        rooms = [await people[0].room(name, *people[1:]) for name in ("Tea", "Milk", "Sugar")]
        plan = {
            "url": site.url,
            "seed": seed,
            "people": [person.cookies for person in people],
            "rooms": rooms,
        }
        pipe = asyncio.subprocess.PIPE
        crowd = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        assert crowd.stdin is not None
        assert crowd.stdout is not None
        try:
            crowd.stdin.write(encode(plan) + b"\n")
            for _ in range(KILLS):
                for _ in range(2):
                    line = await crowd.stdout.readline()
                    assert line.strip().isdigit(), f"seed {seed}: {line.decode()}"
                await site.kill()
                await site.start()
            crowd.stdin.write(b"end\n")
            while (line := await crowd.stdout.readline()).strip().isdigit():
                pass
            wrong = decode(line)
            assert wrong == "", f"seed {seed}: {wrong}"
        finally:
            if crowd.returncode is None:
                crowd.kill()
            await crowd.wait()
