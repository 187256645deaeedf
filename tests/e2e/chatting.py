"""What people do and see in the pages, by what it is called there."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from playwright.async_api import Locator, Page, expect
from tests.e2e.site import Person, Site
from tests.e2e.visitors import DEADLINE_MS, Visitors

LATER = 200
"""Messages that are said after one that is far up: more than a page has at first."""


async def enter(visitors: Visitors, site: Site, person: Person, room: str, **profile: Any) -> Page:
    """That person's page of the room, ready to be written in."""
    page = await visitors.come(site, person, f"/#/rooms/{room}", **profile)
    await expect(field(page)).to_be_editable()
    return page


def no_connection(page: Page) -> Locator:
    """What is said while there is none."""
    return page.get_by_text("No connection.", exact=True)


def field(page: Page) -> Locator:
    return page.get_by_role("group", name="Write a message").get_by_role("textbox")


async def write(page: Page, text: str) -> None:
    """Type `text` and send it with Enter."""
    await field(page).fill(text)
    await field(page).press("Enter")
    await expect(field(page)).to_have_value("")


def messages(page: Page) -> Locator:
    return page.locator("article.message")


def message(page: Page, text: str) -> Locator:
    return messages(page).filter(has=page.get_by_text(text, exact=True))


def pending(page: Page) -> Locator:
    return page.locator("main .pending")


def entry(page: Page, room: str) -> Locator:
    """The room in the list at the side."""
    return page.get_by_role("navigation").locator(f'a[data-room="{room}"]')


async def point(page: Page, text: str) -> None:
    """Have the mouse on that message, as a hand moves it."""
    box = await message(page, text).bounding_box()
    assert box is not None
    x, y = box["x"] + 200, box["y"] + box["height"] / 2
    await page.mouse.move(x, y)
    await page.mouse.move(x + 6, y, steps=3)


async def choose(page: Page, text: str, what: str) -> None:
    """Do `what` with that message, by the menu of what can be done with it."""
    await point(page, text)
    button = message(page, text).get_by_role("button", name="What to do with this message")
    await button.click()
    await page.get_by_role("menuitem", name=what, exact=True).click()


async def details(page: Page, tab: str) -> None:
    """Have that tab of the room's details be seen."""
    button = page.get_by_role("button", name="Details", exact=True)
    if await button.get_attribute("aria-pressed") != "true":
        await button.click()
    await page.get_by_role("tab", name=tab).click()


async def far_up(person: Person, room: str, text: str) -> int:
    """The id of a message that is far above the latest."""
    id = await person.say(room, text)
    for number in range(LATER):
        await person.say(room, f"later {number}")
    return id


async def until(page: Page, true: str) -> None:
    """Wait until that expression is true in the page. (Playwright's own wait evaluates strings,
    which the page forbids.)"""
    async with asyncio.timeout(DEADLINE_MS / 1000):
        await page.evaluate(
            f"""async () => {{
              while (!({true})) await new Promise((resolve) => setTimeout(resolve, 20));
            }}"""
        )


async def top(seen: Locator) -> float:
    """How far down the window it begins."""
    box = await seen.bounding_box()
    assert box is not None
    return box["y"]


SHOWN = """() => [...document.querySelectorAll("[data-id]")].map((row) => ({
  id: Number(row.dataset.id),
  text: row.querySelector(".body")?.innerText.trim() ?? "",
  deleted: row.querySelector(".deleted") !== null,
  edited: row.querySelector(".edited") !== null,
  pinned: row.querySelector(".pinned") !== null,
  reactions: [...row.querySelectorAll(".reactions [aria-pressed]")].map((one) =>
    one.querySelector(".emoji").innerText + " " + one.querySelector(".count").innerText),
}))"""


async def shown(page: Page) -> list[dict[str, Any]]:
    """The messages that are in the page, in their order."""
    found: list[dict[str, Any]] = await page.evaluate(SHOWN)
    return found


async def expected(person: Person, room: str) -> list[dict[str, Any]]:
    """What a page has to show of the room that has all of it: what the API says."""
    return [
        {
            "id": one["id"],
            "text": one["text"],
            "deleted": one["deleted_at"] is not None,
            "edited": one["edited_at"] is not None,
            "pinned": one["pinned_at"] is not None,
            "reactions": [f"{two['emoji']} {len(two['users'])}" for two in one["reactions"]],
        }
        for one in await person.messages(room)
    ]


async def agree(person: Person, room: str, *pages: Page) -> None:
    """Wait until all of these pages show what the API says: of plain texts, on one screen."""
    end = time.monotonic() + DEADLINE_MS / 1000
    while True:
        there = await expected(person, room)
        seen = [await shown(page) for page in pages]
        if all(one == there for one in seen):
            return
        if time.monotonic() > end:
            for one in seen:
                assert one == there
        await asyncio.sleep(0.05)
