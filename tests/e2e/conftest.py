"""A real browser, the real server, and a watch on everything a page does that it should not."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from tests.support.server import ServerProcess

DEADLINE_MS = 10_000
"""Of every wait in a page; what is awaited takes a fraction of a second."""

CHROMIUM_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

SERVER_GONE = re.compile(r"WebSocket connection to 'ws://127\.0\.0\.1:\d+/talk/\S+' failed: ")
"""What Chromium itself writes to the console for an attempt that fails; no page can prevent it."""


def hubbub_serve(port: int = 0) -> ServerProcess:
    """`hubbub serve`, on a free port unless one is given."""
    return ServerProcess(command=[sys.executable, "-m", "hubbub", "serve", "--port", str(port)])


class Visitors:
    """Opens pages at a server, each visitor with a profile of their own, and watches them.

    `complaints` holds console errors and warnings (violations of the Content-Security-Policy are
    among them), uncaught exceptions, and requests to anywhere but the server.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        self.server_may_go = False

    async def come(self, port: int, *, path: str = "/", **profile: Any) -> Page:
        """A page at `path`, in a new profile."""
        context = await self._browser.new_context(base_url=f"http://127.0.0.1:{port}", **profile)
        context.set_default_timeout(DEADLINE_MS)
        self._contexts.append(context)
        return await self.come_again(context, path)

    async def come_again(self, context: BrowserContext, path: str = "/") -> Page:
        """Another page in the same profile."""
        page = await context.new_page()
        self.watch(page)
        await page.goto(path)
        return page

    async def join(self, port: int, name: str, room: str, **profile: Any) -> Page:
        """A page whose user has joined `room` as `name`."""
        page = await self.come(port, path=f"/#{quote(room)}", **profile)
        await enter(page, name)
        return page

    def watch(self, page: Page) -> None:
        def own(url: str) -> bool:
            return urlsplit(url).netloc == urlsplit(page.url).netloc or page.url == "about:blank"

        def check(url: str) -> None:
            if urlsplit(url).hostname != "127.0.0.1" or not own(url):
                self.complaints.append(f"request to {url}")

        def heard(kind: str, text: str) -> None:
            if kind not in ("error", "warning"):
                return
            if not (self.server_may_go and SERVER_GONE.match(text)):
                self.complaints.append(f"{kind}: {text}")

        page.on("console", lambda message: heard(message.type, message.text))
        page.on("pageerror", lambda error: heard("error", str(error)))
        page.on("request", lambda request: check(request.url))
        page.on("websocket", lambda socket: check(socket.url))

    async def go(self) -> None:
        for context in self._contexts:
            await context.close()


async def enter(page: Page, name: str, room: str | None = None) -> None:
    """Fill in the form, and wait for the connection."""
    await page.get_by_label("Your name").fill(name)
    if room is not None:
        await page.get_by_label("Room").fill(room)
    await page.get_by_role("button", name="Join").click()
    await expect(page.get_by_role("status")).to_have_text("Connected")


async def say(page: Page, text: str) -> None:
    """Type `text` and send it with Enter."""
    field = page.get_by_role("textbox", name="Message")
    await field.fill(text)
    await field.press("Enter")
    await expect(field).to_have_value("")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    if chromium is None:
        pytest.fail("there is no chromium here: run tests/support/chromium.sh")
    expect.set_options(timeout=DEADLINE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=CHROMIUM_ARGUMENTS
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def port() -> AsyncIterator[int]:
    """The port of a server that all tests of a module share: each takes a room of its own."""
    async with hubbub_serve() as server:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{server.port}/healthz")
        assert answer.status_code == 200
        yield server.port


@pytest_asyncio.fixture(loop_scope="module")
async def visitors(browser: Browser) -> AsyncIterator[Visitors]:
    visitors = Visitors(browser)
    yield visitors
    await visitors.go()
    assert visitors.complaints == []
