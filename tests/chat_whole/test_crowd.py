"""Two hundred users do everything at once (I1 to I5): what they have is what there is, nothing
that was acknowledged is lost or there twice, and nobody sees what is not for them.

What they do comes from a seed, which every run names: `CROWD_SEED=… pytest …` has them do it again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

import pytest
from tests.chat_whole.crowd_oracle import check_access, check_acked, check_offsets, records
from tests.support.chat_crowd import Crowd, Person, opened
from tests.support.chat_fold import Fold
from tests.support.commands import hubbub_serve
from tests.support.server import ServerProcess

ACTS, SOAK_ACTS = 20, 90
"""Of everybody: some fifteen seconds, and a minute."""

KILLS = 4
KILL_S = 12.0
"""How often a server is killed, and seconds from one time to the next."""

FRESH = 60
"""Clients whose rooms are fetched anew, each by its own user."""


async def whole(person: Person, room: str) -> dict[int, dict[str, object]]:
    """All messages of a room, page by page."""
    found: dict[int, dict[str, object]] = {}
    before: dict[str, int] = {}
    while True:
        page = await person.get(f"/rooms/{room}/messages", limit=200, **before)
        assert page is not None
        found.update((one["id"], one) for one in page["items"])
        if page["before"] is None:
            return found
        before = {"before": page["before"]}


async def check_states(crowd: Crowd, fresh: dict[str, Fold]) -> int:
    """What everybody has of their rooms is what there is; how many views that were."""
    checked = 0
    for room, page in fresh.items():
        views = [view for one in crowd.people for view in one.views.values() if view.room == room]
        messages = await whole(views[0].who, room)
        for id, one in page.messages.items():
            assert one == messages[id], f"{id} in {room}, on two pages"
        for view in views:
            fold = view.fold
            assert fold is not None
            assert fold.room == page.room, view.who.id
            assert fold.members == page.members, view.who.id
            for id, one in fold.messages.items():
                assert one == messages[id], f"{id} in {room} as {view.who.id} has it"
            assert max(fold.messages, default=0) == max(messages, default=0)
            assert set(messages) - set(fold.messages) == {
                id for id in messages if id < min(fold.messages)
            }, "of those behind the first none is missing"
            checked += 1
    for person in Random(crowd.seed).sample(crowd.people, min(FRESH, len(crowd.people))):
        for room in list(person.views):
            opened_now = await person.fetch(room)
            assert opened_now is not None, f"{person.id} has {room} open, and may not"
            assert Fold.of(opened_now).state == fresh[room].state
    return checked


@asynccontextmanager
async def served(crowd: Crowd, kills: int) -> AsyncIterator[list[str]]:
    """The chat at the port that is first in the list; so many times it is killed on the way, and
    there again at once. What it has said follows in the list, at the end."""
    settings = {"store": crowd.url, "migrate": True}
    said: list[str] = []
    port, server = "0", ServerProcess(command=hubbub_serve(), settings=settings)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(server)
        port = str(server.port)
        said.append(port)

        async def kill() -> None:
            nonlocal server
            for _ in range(kills):
                await asyncio.sleep(KILL_S)
                await server.stop(signal.SIGKILL)
                said.append(await server.log())
                again = hubbub_serve("--port", port)
                server = ServerProcess(command=again, settings=settings)
                await stack.enter_async_context(server)

        async with asyncio.TaskGroup() as tasks:
            killing = tasks.create_task(kill())
            yield said
            await killing
        assert await server.stop() == 0
        said.append(await server.log())


async def check(crowd: Crowd, acts: int, kills: int) -> str:
    """Have them act, and hold all of it to what has to be; what has happened, in a line."""
    await crowd.settle()
    async with served(crowd, kills) as said:
        try:
            await crowd.act(f"127.0.0.1:{said[0]}", acts)
            fresh = await crowd.quiet()
            views = await check_states(crowd, fresh)
        finally:
            await crowd.go()
    log = "".join(said)
    assert "Traceback" not in log and " ERROR " not in log, log[-5_000:]
    assert not [secret for secret in crowd.secrets if secret in log]
    async with opened(crowd.url) as there:
        logs = await records(there, [*crowd.rooms, *crowd.conversations])
    told = check_access(crowd, logs)
    check_acked(crowd, logs)
    check_offsets(crowd)
    assert crowd.contract.faults == [] and crowd.contract.events > len(crowd.acked)
    counts = crowd.counts
    assert views > 100 and told.publications > len(crowd.acked) > acts * 20
    assert counts["connections cut"] > acts and counts["answers lost"] and counts["kept out"]
    kinds = {type(event).__name__ for one in logs.values() for event in one.events.values()}
    assert any(wire.kind == "moment" for one in crowd.people for wire in one.ear.heard)
    assert len(kinds) > 16, f"not much has happened: {sorted(kinds)}"
    return f"{views} views, {told}, {len(crowd.acked)} wishes: {dict(sorted(counts.items()))}"


async def check_any(store: str, acts: int, kills: int = 0) -> None:
    seed = int(os.environ.get("CROWD_SEED", Random().randrange(10**9)))
    try:
        happened = await check(Crowd(store, seed), acts, kills)
    except BaseException as error:
        error.add_note(f"CROWD_SEED={seed}")
        raise
    sys.stdout.write(f"CROWD_SEED={seed}: {happened}\n")


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_what_a_crowd_has_is_what_there_is_and_what_it_may_see(store: str) -> None:
    await check_any(store, ACTS)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_what_a_crowd_has_after_a_minute_is_what_there_is(store: str) -> None:
    await check_any(store, SOAK_ACTS)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_a_crowd_whose_server_is_killed_has_what_there_is(store: str) -> None:
    await check_any(store, SOAK_ACTS, KILLS)
