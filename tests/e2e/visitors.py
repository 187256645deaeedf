"""Whoever visits a site with a browser, and a watch on all that a page does that it should not."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, WebSocket
from tests.e2e.site import Person, Site
from tests.e2e.streams import Streams
from tests.support.asyncapi import Contract, contract_of

ROOT = Path(__file__).parents[2]

AXE = ROOT / "web/node_modules/axe-core/axe.min.js"

IMAGES = ROOT / "docs/images"

PICTURES = bool(os.environ.get("PICTURES"))
"""Whether the README's pictures are to be taken again."""

DEADLINE_MS = 15_000
"""Of every wait in a page; what is awaited takes a fraction of a second."""

FAILED = "Failed to load resource: "
"""What Chromium itself writes to the console for every answer that is an error, and none."""

GONE = re.compile(
    rf"{FAILED}net::ERR_"
    r"|WebSocket connection to 'ws://127\.0\.0\.1:\d+/connection/websocket' failed: "
)
"""What it writes where no server is; no page can prevent it."""


class Place(NamedTuple):
    """What can be visited beside a chat."""

    url: str


class Visitors:
    """Opens pages at a site, each visitor with a profile of their own, and watches them.

    `complaints` holds console errors and warnings (violations of the Content-Security-Policy are
    among them), uncaught exceptions, requests to anywhere but the server, and what comes over a
    socket and is not as the server's AsyncAPI document says. `server_may_go` says that there may
    be none for a while; `streams`, that what goes over HTTP streams is heard as well; `answers`
    are errors of the server that a test is about, as "409 /users".
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._contracts: dict[str, Contract] = {}
        self.complaints: list[str] = []
        self.server_may_go = False
        self.streams = False
        self.answers: list[str] = []

    async def come(
        self, site: Site | Place, person: Person | None = None, path: str = "/", **profile: Any
    ) -> Page:
        """A page at `path` in a new profile, where that person is signed in."""
        if (place := urlsplit(site.url).netloc) not in self._contracts:
            self._contracts[place] = await contract_of(site.url)
        settings = {"locale": "en-GB", "reduced_motion": "reduce", **profile}
        context = await self._browser.new_context(base_url=site.url, **settings)
        context.set_default_timeout(DEADLINE_MS)
        self._contexts.append(context)
        if person is not None:
            await context.add_cookies(
                [
                    {"name": name, "value": value, "url": site.url, "httpOnly": True}
                    for name, value in person.cookies.items()
                ]
            )
        return await self.come_again(context, path)

    async def come_again(self, context: BrowserContext, path: str = "/") -> Page:
        """Another page in the same profile."""
        page = await context.new_page()
        self.watch(page)
        if self.streams:
            await Streams(page, self._contracts).listen()
        await page.goto(path)
        return page

    def events(self, site: Site | Place) -> int:
        """How many publications of that server were heard, and held to its document."""
        return self._contracts[urlsplit(site.url).netloc].events

    def watch(self, page: Page) -> None:
        def own(url: str) -> bool:
            return urlsplit(url).netloc == urlsplit(page.url).netloc or page.url == "about:blank"

        def check(url: str) -> None:
            if url.startswith("blob:"):
                return
            if urlsplit(url).hostname != "127.0.0.1" or not own(url):
                self.complaints.append(f"request to {url}")

        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", lambda request: check(request.url))
        page.on("websocket", lambda socket: check(socket.url))
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        url = urlsplit(socket.url)
        if url.netloc in self._contracts and url.path == "/connection/websocket":
            listener = self._contracts[url.netloc].listener()
            socket.on("framesent", listener.says)
            socket.on("framereceived", listener.hears)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        if self.server_may_go and GONE.match(message.text):
            return
        if message.text.startswith(FAILED):
            status = re.search(r"status of (\d+)", message.text)
            path = urlsplit(message.location["url"]).path
            told = f"{status[1] if status else ''} {path}"
            if any(re.search(known, told) for known in self.answers):
                return
            self.complaints.append(f"{message.text} {told}")
        else:
            self.complaints.append(f"{message.type}: {message.text}")

    async def go(self) -> None:
        for context in self._contexts:
            await context.close()
        for contract in self._contracts.values():
            self.complaints += contract.faults


async def barriers(page: Page) -> list[str]:
    """What on the page keeps people out, as axe finds it: serious and critical, one a line."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = await page.evaluate(
        """async () => {
          const { violations } = await axe.run(document, {
            resultTypes: ["violations"],
            elementRef: true,
          });
          // Arrow keys lead from message to message, and the tab key into the one that is reached.
          const reached = (id, { element }) =>
            id === "scrollable-region-focusable" && element?.closest("article.message");
          return violations.map(({ id, impact, help, nodes }) => ({
            id, impact, help,
            nodes: nodes.filter((one) => !reached(id, one))
              .map(({ target, any }) => [target.join(" "), any[0]?.message ?? ""]),
          }));
        }"""
    )
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {where} {why}".strip()
        for one in found
        if one["impact"] in ("serious", "critical")
        for where, why in one["nodes"]
    ]


async def sideways(page: Page) -> list[str]:
    """What makes the page wider than its window."""
    found: list[str] = await page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          return [...document.querySelectorAll("body *")]
            .filter((one) => one.getBoundingClientRect().right > width + 1)
            .map((one) => `${one.tagName.toLowerCase()}.${one.className}`);
        }"""
    )
    return found


async def picture(page: Page, name: str) -> None:
    """Keep what is seen as docs/images/NAME.png, where pictures are asked for."""
    if not PICTURES:
        return
    from PIL import Image

    IMAGES.mkdir(exist_ok=True)
    path = IMAGES / f"{name}.png"
    await page.screenshot(path=path)
    with Image.open(path) as taken:
        taken.convert("RGB").save(path, optimize=True)
