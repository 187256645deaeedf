"""A conversation with something in between: sleep, a dead line, no server, a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.e2e.chatting import (
    agree,
    enter,
    field,
    message,
    messages,
    no_connection,
    pending,
    write,
)
from tests.e2e.site import Site
from tests.e2e.visitors import DEADLINE_MS, Visitors

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


class Line:
    """What lies between a page and the server. While it is `dead` nothing comes through, and
    neither end is told."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._alive = asyncio.Event()
        self._alive.set()
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def dead(self) -> AsyncIterator[None]:
        self._alive.clear()
        yield
        # What was on the way is lost, as its ends are by now.
        for task in self._tasks:
            task.cancel()
        self._alive.set()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._alive.wait()
        there, back = await asyncio.open_connection("127.0.0.1", self._server)
        for one in (self._carry(reader, back), self._carry(there, writer)):
            task = asyncio.create_task(one)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            try:
                while data := await source.read(65_536):
                    await self._alive.wait()
                    sink.write(data)
                    await sink.drain()
            finally:
                sink.close()


async def test_line_that_is_dead_is_noticed_and_what_was_missed_comes(
    tmp_path: Path, visitors: Visitors
) -> None:
    """As a laptop that was closed for a while: no end of the connection has heard of it."""
    async with Site(tmp_path) as site:
        ann, bob = await site.person("ann"), await site.person("bob")
        tea = await ann.room("Tea", bob)
        his = await enter(visitors, site, bob, tea)
        line = Line(site.port)
        async with await asyncio.start_server(line.connect, "127.0.0.1", 0) as server:
            site.through = "{}:{}".format(*server.sockets[0].getsockname())
            visitors.server_may_go = True
            hers = await visitors.come(site, ann, "about:blank")
            await hers.clock.install()
            await hers.goto(f"/#/rooms/{tea}")
            await expect(field(hers)).to_be_editable()
            await write(his, "good night")
            await expect(message(hers, "good night")).to_be_visible()
            async with line.dead():
                for number in range(3):
                    await write(his, f"meanwhile {number}")
                await write(hers, "half asleep")
                await expect(pending(hers)).to_have_count(1)
                # The time of a night, for the page; the server has not waited so long.
                await hers.clock.fast_forward("08:00:00")
                await expect(no_connection(hers)).to_be_visible()
                await write(hers, "still here")
            await hers.clock.fast_forward("00:30")
            await expect(messages(hers)).to_have_count(6)
            await expect(no_connection(hers)).to_be_hidden()
            await expect(pending(hers)).to_have_count(0)
            texts = [one["text"] for one in await bob.messages(tea)]
            assert texts[:4] == ["good night", *(f"meanwhile {number}" for number in range(3))]
            assert texts[4:] == ["half asleep", "still here"]
            await agree(ann, tea, hers, his)


async def test_page_that_was_asleep_is_right_again(tmp_path: Path, visitors: Visitors) -> None:
    """It does nothing, answers no ping, and is left by the server meanwhile."""
    settings = {"client_ping_interval": 1.5, "client_pong_timeout": 1.0}
    async with Site(tmp_path, **settings) as site:
        ann, bob = await site.person("ann"), await site.person("bob")
        direct = await ann.conversation(bob)
        hers = await enter(visitors, site, ann, direct)
        his = await enter(visitors, site, bob, direct)
        visitors.server_may_go = True
        await write(his, "good night")
        await expect(message(hers, "good night")).to_be_visible()
        head = his.locator("main header").first
        await expect(head).to_contain_text("online")
        session = await hers.context.new_cdp_session(hers)
        await session.send("Debugger.enable")
        await session.send("Debugger.pause")
        await expect(head).to_contain_text("offline")
        for number in range(3):
            await write(his, f"meanwhile {number}")
        await session.send("Debugger.disable")
        await expect(messages(hers)).to_have_count(4)
        await expect(head).to_contain_text("online")
        await write(hers, "good morning")
        await expect(message(his, "good morning")).to_be_visible()
        await agree(ann, direct, hers, his)


async def test_what_waits_survives_a_reload_without_a_server_and_is_sent_once(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    await hers.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    await write(hers, "before")
    await expect(message(his, "before")).to_be_visible()
    visitors.server_may_go = True
    await site.kill()
    for number in range(3):
        await write(hers, f"into the dark {number}")
    await expect(pending(hers)).to_have_count(3)
    await field(hers).fill("a half")
    await expect(no_connection(hers)).to_be_visible()
    await hers.reload()
    await expect(hers.get_by_text("The chat cannot be reached")).to_be_visible()
    await site.start()
    for page in (hers, his):
        await expect(messages(page)).to_have_count(4, timeout=2 * DEADLINE_MS)
        await expect(pending(page)).to_have_count(0)
    await expect(field(hers)).to_have_value("a half")
    texts = [one["text"] for one in await bob.messages(tea)]
    assert texts == ["before", *(f"into the dark {number}" for number in range(3))]
    await agree(ann, tea, hers, his)


async def test_what_is_refused_says_so_and_is_sent_again_when_one_wants(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    visitors.server_may_go = True
    visitors.answers.append("403 .*/messages")
    await his.context.set_offline(True)
    await write(his, "one")
    await write(his, "two")
    await expect(pending(his)).to_have_count(2)
    await ann.ask("PUT", f"/rooms/{tea}/members/{bob.id}/mute", json={"seconds": 3600})
    await his.context.set_offline(False)
    failed = pending(his).filter(has_text="Not sent")
    await expect(failed).to_have_count(2)
    await expect(failed.first.get_by_role("alert")).to_contain_text("muted")
    await his.reload()
    await expect(failed).to_have_count(2)
    await expect(messages(hers)).to_have_count(0)
    await ann.ask("DELETE", f"/rooms/{tea}/members/{bob.id}/mute")
    await expect(field(his)).to_be_editable()
    await failed.filter(has_text="two").get_by_role("button", name="Discard").click()
    await failed.filter(has_text="one").get_by_role("button", name="Send again").click()
    await expect(message(hers, "one")).to_be_visible()
    await expect(pending(his)).to_have_count(0)
    await agree(ann, tea, hers, his)
    assert [one["text"] for one in await ann.messages(tea)] == ["one"]
