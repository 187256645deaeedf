"""Whoever it is, and whatever they have it on: by keys, by ear, on a phone, light and dark."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, expect
from tests.e2e.chatting import enter, field, message, messages
from tests.e2e.site import Person, Site
from tests.e2e.visitors import Visitors, barriers, sideways

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PHONE = {"width": 360, "height": 640}


async def furnish(ann: Person, bob: Person) -> str:
    """A room with one of everything in it."""
    tea = await ann.room("Tea", bob, topic="What is brewing")
    await ann.room("Private matters", bob, kind="private")
    await ann.conversation(bob)
    first = await bob.say(tea, "Is the kettle on? See https://example.org/a/very/long/address")
    await ann.say(tea, "Since **ten** minutes, @bob", reply=first)
    await bob.say(tea, "```python\nprint('x' * 200, 'a line that is longer than any phone')\n```")
    await bob.say(tea, "- one\n- two\n\n> quoted\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    file = await bob.upload("a rather long name of a file, really.txt", b"text")
    said = await bob.say(tea, "W" * 300, files=[file])
    await ann.ask("PUT", f"/rooms/{tea}/messages/{said}/reactions/👍")
    await ann.ask("PUT", f"/rooms/{tea}/messages/{said}/pin")
    gone = await bob.say(tea, "gone")
    await bob.ask("DELETE", f"/rooms/{tea}/messages/{gone}")
    return tea


async def room(page: Page) -> None:
    await expect(messages(page).last).to_be_visible()


async def details(page: Page, tab: str) -> None:
    await room(page)
    await page.get_by_role("button", name="Details", exact=True).click()
    await page.get_by_role("tab", name=tab).click()


async def heading(page: Page) -> None:
    await expect(page.get_by_role("heading", level=1).first).to_be_visible()


VIEWS: dict[str, tuple[str, Callable[[Page], Awaitable[None]]]] = {
    "room": ("/#/rooms/{tea}", room),
    "members": ("/#/rooms/{tea}", lambda page: details(page, "Members")),
    "pins": ("/#/rooms/{tea}", lambda page: details(page, "Pinned")),
    "search in the room": ("/#/rooms/{tea}", lambda page: details(page, "Search")),
    "settings of the room": ("/#/rooms/{tea}", lambda page: details(page, "Settings")),
    "browse": ("/#/browse", heading),
    "search": ("/#/search?q=kettle", heading),
    **{
        f"own {tab}": (f"/#/settings/{tab}", heading)
        for tab in ("profile", "notifications", "appearance", "logins", "password")
    },
    **{
        f"administrator's {tab}": (f"/#/admin/{tab}", heading)
        for tab in ("overview", "accounts", "links", "bots", "rooms", "settings", "log")
    },
}


@pytest.mark.parametrize("wide", [True, False], ids=["wide", "phone"])
async def test_every_view_keeps_nobody_out(site: Site, visitors: Visitors, wide: bool) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await furnish(ann, bob)
    size = {"width": 1280, "height": 800} if wide else PHONE
    page = await visitors.come(site, ann, viewport=size, has_touch=not wide)
    found: list[str] = []
    for name, (path, ready) in VIEWS.items():
        await page.goto("about:blank")
        await page.goto(path.format(tea=tea))
        await ready(page)
        await page.wait_for_timeout(300)  # what comes after the first answer
        for scheme in ("dark", "light"):
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found += [f"{name}, {scheme}: {one}" for one in await barriers(page)]
        found += [f"{name}: wider than the window: {one}" for one in await sideways(page)]
    assert not found, "\n".join(found)


async def test_keyboard_is_enough(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea, coffee = await ann.room("Tea", bob), await ann.room("Coffee", bob)
    await bob.say(coffee, "over here")
    page = await enter(visitors, site, ann, tea)
    keys = page.keyboard
    await expect(field(page)).to_be_focused()
    await keys.type("one")
    await keys.press("Shift+Enter")
    await keys.type("two")
    await keys.press("Enter")
    await expect(message(page, "one two").or_(messages(page).first)).to_be_visible()
    await expect(field(page)).to_be_focused()

    await keys.press("ArrowUp")  # the last one is edited
    await expect(field(page)).to_have_value("one\ntwo")
    await keys.press("Control+a")
    await keys.type("another")
    await keys.press("Enter")
    await expect(message(page, "another")).to_be_visible()

    await keys.press("Control+k")
    await expect(page.get_by_role("combobox")).to_be_focused()
    await keys.type("cof")
    await keys.press("Enter")
    await expect(page.get_by_role("heading", name="Coffee", level=1)).to_be_visible()
    await expect(message(page, "over here")).to_be_visible()

    await keys.press("Alt+ArrowDown")
    await expect(page.get_by_role("heading", name="Tea", level=1)).to_be_visible()
    await expect(field(page)).to_be_editable()

    # To the messages, and what one does there.
    await field(page).focus()
    for _ in range(12):
        await keys.press("Shift+Tab")
        if await page.evaluate("document.activeElement?.matches('article')"):
            break
    await expect(messages(page).last).to_be_focused()
    await keys.press("r")
    await expect(field(page)).to_be_focused()
    await keys.type("an answer")
    await keys.press("Enter")
    await expect(message(page, "an answer")).to_contain_text("another")


async def test_on_a_phone_the_list_and_the_room_are_pages_of_their_own(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await furnish(ann, bob)
    page = await visitors.come(site, ann, viewport=PHONE, has_touch=True, is_mobile=True)
    row = page.get_by_role("navigation").get_by_role("link", name="Tea", exact=False)
    await row.tap()
    await expect(page.get_by_role("heading", name="Tea", level=1)).to_be_visible()
    await expect(row).to_be_hidden()
    await field(page).fill("from a phone")
    await page.get_by_role("button", name="Send", exact=True).tap()
    await expect(message(page, "from a phone")).to_be_in_viewport()
    assert await sideways(page) == []
    for shown in (field(page), page.get_by_role("button", name="Send")):
        box = await shown.bounding_box()
        assert box is not None
        assert 0 <= box["x"] and box["x"] + box["width"] <= PHONE["width"]
        assert box["y"] + box["height"] <= PHONE["height"]
    await page.get_by_role("link", name="All rooms").tap()
    await expect(row).to_be_visible()
    assert (await ann.messages(tea))[-1]["text"] == "from a phone"
