"""Ways back to what was said: search, pins, links, and the switcher to rooms and people."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect
from tests.e2e.chatting import (
    LATER,
    choose,
    details,
    enter,
    entry,
    far_up,
    field,
    message,
    write,
)
from tests.e2e.site import Site
from tests.e2e.visitors import Visitors

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


def hits(page: Page) -> Locator:
    return page.get_by_role("list", name="Messages found").get_by_role("listitem")


async def look_for(page: Page, field: str, text: str) -> None:
    await page.get_by_role("searchbox", name=field).fill(text)
    await page.get_by_role("searchbox", name=field).press("Enter")


async def test_what_was_said_long_ago_is_found_in_the_room_and_gone_to(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    await far_up(ann, tea, "the samovar is in the cellar")
    latest = await bob.say(tea, "which samovar?")
    await bob.ask("PUT", f"/rooms/{tea}/read", json={"offset": latest})
    his = await enter(visitors, site, bob, tea)
    await expect(message(his, "which samovar?")).to_be_in_viewport()
    await expect(message(his, "the samovar is in the cellar")).to_have_count(0)
    await his.get_by_role("button", name="Search in this room").click()
    await look_for(his, "Look in this room", "samovar")
    await expect(his.get_by_text("2 messages", exact=True)).to_be_visible()
    await expect(hits(his)).to_have_count(2)
    await expect(hits(his).nth(1).locator("mark")).to_have_text("samovar")
    await expect(hits(his).nth(1)).to_contain_text("Ann")
    await hits(his).nth(1).get_by_role("link").click()
    await expect(message(his, "the samovar is in the cellar")).to_be_in_viewport()

    await his.get_by_role("button", name="Jump to the latest").click()
    await expect(message(his, "which samovar?")).to_be_in_viewport()
    # What one has gone away from is gone to again.
    await hits(his).nth(1).get_by_role("link").click()
    await expect(message(his, "the samovar is in the cellar")).to_be_in_viewport()
    await look_for(his, "Look in this room", "samovar from:me")
    await expect(hits(his)).to_have_count(1)
    await expect(hits(his)).to_contain_text("which samovar?")
    await look_for(his, "Look in this room", "teapot")
    await expect(his.get_by_text("No messages found")).to_be_visible()


async def test_all_rooms_are_searched_and_none_that_one_may_not_read(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea, coffee = await ann.room("Tea", bob), await ann.room("Coffee", bob, kind="private")
    secret = await ann.room("Secret", kind="private")
    await far_up(ann, tea, "who has seen the sugar?")
    await bob.say(coffee, "there is sugar in the jar")
    await ann.say(secret, "the sugar is mine")
    his = await visitors.come(site, bob)
    await his.get_by_role("link", name="Search messages").click()
    await look_for(his, "Look in all rooms", "sugar")
    await expect(hits(his)).to_have_count(2)
    await expect(hits(his).locator("mark")).to_have_text(["sugar", "sugar"])
    await expect(hits(his).filter(has_text="Secret")).to_have_count(0)
    await look_for(his, "Look in all rooms", "sugar from:ann")
    await expect(hits(his)).to_have_count(1)
    await expect(hits(his)).to_contain_text("Tea")
    await hits(his).get_by_role("link").click()
    await expect(his.get_by_role("heading", name="Tea", level=1)).to_be_visible()
    await expect(message(his, "who has seen the sugar?")).to_be_in_viewport()
    # What is looked for is part of the address, so that one comes back to it.
    await his.go_back()
    await expect(hits(his)).to_have_count(1)


async def test_switcher_opens_rooms_and_conversations_with_people(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea, coffee = await ann.room("Tea", bob), await ann.room("Coffee", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    to = his.get_by_role("combobox", name="Go to a room, a conversation or a person")
    await his.keyboard.press("Control+k")
    await to.fill("cof")
    await expect(his.get_by_role("option").first).to_contain_text("Coffee")
    await to.press("Enter")
    await expect(his.get_by_role("heading", name="Coffee", level=1)).to_be_visible()
    assert his.url.endswith(f"#/rooms/{coffee}")

    await his.keyboard.press("Control+k")
    await to.fill("ann")
    await expect(his.get_by_role("option").first).to_contain_text("@ann")
    await to.press("Enter")
    await expect(his.get_by_role("heading", name="Ann", level=1)).to_be_visible()
    await write(his, "just between us")
    room = his.url.rpartition("/")[2]
    await expect(entry(hers, room)).to_contain_text("Bob")
    await entry(hers, room).click()
    await expect(message(hers, "just between us")).to_be_visible()

    await his.keyboard.press("Control+k")
    await to.fill("nothing like it")
    await to.press("Enter")
    await expect(his.get_by_role("searchbox", name="Look in all rooms")).to_have_value(
        "nothing like it"
    )
    await his.keyboard.press("Control+k")
    await expect(to).to_be_focused()
    await his.keyboard.press("Escape")
    await expect(to).to_have_count(0)


async def test_what_one_pins_the_other_finds_until_it_is_unpinned(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    await write(hers, "the kettle is in the cupboard")
    await choose(hers, "the kettle is in the cupboard", "Pin")
    await expect(message(his, "the kettle is in the cupboard")).to_contain_text("Pinned")
    for number in range(LATER):
        await ann.say(tea, f"later {number}")
    await expect(message(his, f"later {LATER - 1}")).to_be_in_viewport()
    await his.reload()
    await expect(message(his, f"later {LATER - 1}")).to_be_in_viewport()
    await his.get_by_role("button", name="1 pinned message").click()
    pins = his.get_by_role("list", name="Pinned").get_by_role("article")
    await expect(pins).to_contain_text("the kettle is in the cupboard")
    await pins.get_by_role("link", name="Jump to the message").click()
    await expect(message(his, "the kettle is in the cupboard")).to_be_in_viewport()

    await details(hers, "Pinned")
    await hers.get_by_role("button", name="Unpin").click()
    await expect(hers.get_by_text("Nothing is pinned")).to_be_visible()
    await expect(his.get_by_text("Nothing is pinned")).to_be_visible()
    await expect(his.get_by_role("button", name="1 pinned message")).to_have_count(0)
    await expect(message(his, "the kettle is in the cupboard")).not_to_contain_text("Pinned")


async def test_copied_link_leads_another_to_the_message(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    permissions = ["clipboard-read", "clipboard-write"]
    hers = await enter(visitors, site, ann, tea, permissions=permissions)
    await write(hers, "this one")
    await choose(hers, "this one", "Copy a link to it")
    await expect(hers.get_by_text("Copied", exact=True)).to_be_visible()
    link = await hers.evaluate("navigator.clipboard.readText()")
    id = (await ann.messages(tea))[0]["id"]
    assert link == f"{site.url}/#/rooms/{tea}/{id}"
    for number in range(LATER):
        await ann.say(tea, f"later {number}")
    his = await visitors.come(site, bob, link.removeprefix(site.url))
    await expect(message(his, "this one")).to_be_in_viewport()
    await expect(message(his, f"later {LATER - 1}")).to_have_count(0)
    # All of them are new to him.
    await his.get_by_role("button", name="99+ new messages").click()
    await expect(message(his, f"later {LATER - 1}")).to_be_in_viewport()

    # As text in a message it is a link that leads there, too.
    await field(hers).fill(link)
    await field(hers).press("Enter")
    await his.get_by_role("link", name=link).click()
    await expect(message(his, "this one")).to_be_in_viewport()
