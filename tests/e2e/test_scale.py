"""A long room and many rooms: the page holds a part at a time. Speed is told, not asserted."""

from __future__ import annotations

import asyncio
import sys
import time

import pytest
from playwright.async_api import Page, expect
from tests.e2e.chatting import enter, entry, message, messages, write
from tests.e2e.site import Person, Site
from tests.e2e.visitors import Visitors
from tests.support.chat import chat

from hubbub.chat.events import Say
from hubbub.chat.people import Kind, Who

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]

LONG = 10_000
"""Messages."""

MANY = 500
"""Rooms."""

MOST_NODES = 6_000
"""Elements in a page, however long the room is: some screens full."""


def tell(what: str, began: float) -> None:
    sys.stdout.write(f"{what}: {(time.monotonic() - began) * 1000:.0f} ms\n")


async def nodes(page: Page) -> int:
    count: int = await page.evaluate("document.querySelectorAll('*').length")
    return count


async def fill(site: Site, person: Person, room: str) -> None:
    """Have it all said while the server is down: that takes a fraction of the time over HTTP."""
    await site.kill()
    who = Who(person.id, Kind.PERSON, person.display)
    async with chat(f"sqlite:///{site.database}", str(site.database.parent / "files")) as place:
        for begin in range(0, LONG, 500):
            texts = [f"message {number}" for number in range(begin, begin + 500)]
            await asyncio.gather(*(place.rooms.do(who, room, Say(text=text)) for text in texts))
    await site.start()


async def test_room_of_ten_thousand_messages(site: Site, visitors: Visitors) -> None:
    ann = await site.person("ann")
    room = await ann.room("Long")
    await fill(site, ann, room)
    began = time.monotonic()
    page = await enter(visitors, site, ann, room)
    await expect(messages(page).last).to_be_in_viewport()
    tell("a long room is there after", began)
    assert await nodes(page) < MOST_NODES
    scroller = page.locator("main .scroller")
    began, pages = time.monotonic(), 40
    for _ in range(pages):
        await scroller.evaluate("(at) => at.scrollBy(0, -at.clientHeight * 4)")
        await page.evaluate("() => new Promise(requestAnimationFrame)")
        await page.wait_for_timeout(20)
    tell(f"{pages} jumps upwards took", began)
    assert await nodes(page) < MOST_NODES
    shown = await page.evaluate("[...document.querySelectorAll('[data-id]')].length")
    assert 0 < shown < 300
    there = await ann.messages(room)
    assert len(there) == LONG
    middle = there[LONG // 2]
    began = time.monotonic()
    await page.goto(f"/#/rooms/{room}/{middle['id']}")
    await expect(message(page, middle["text"])).to_be_in_viewport()
    tell("a message in the middle is there after", began)
    assert await nodes(page) < MOST_NODES
    await write(page, "at the end")
    await expect(message(page, "at the end")).to_be_in_viewport()


async def test_person_in_five_hundred_rooms(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    rooms = []
    for begin in range(0, MANY, 50):
        rooms += await asyncio.gather(
            *(bob.room(f"Room {number:03}", ann) for number in range(begin, begin + 50))
        )
    began = time.monotonic()
    page = await enter(visitors, site, ann, rooms[0])
    tell("one of many rooms is there after", began)
    await expect(page.locator("a[data-room]")).to_have_count(MANY)
    # Every one of them is followed.
    for room in (rooms[7], rooms[250], rooms[-1]):
        await bob.say(room, "@ann hello")
        await expect(entry(page, room)).to_contain_text("1 mention")
    await expect(page).to_have_title("(3) Room 000 · hubbub")
    # Also after the connection was away.
    visitors.server_may_go = True
    await page.context.set_offline(True)
    await bob.say(rooms[8], "@ann are you there?")
    await page.context.set_offline(False)
    began = time.monotonic()
    await expect(page).to_have_title("(4) Room 000 · hubbub")
    tell("many rooms have caught up after", began)
    await bob.say(rooms[9], "@ann good")
    await expect(page).to_have_title("(5) Room 000 · hubbub")
