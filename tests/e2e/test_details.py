"""What is open beside a room, and what the buttons above it say of that."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from tests.e2e.chatting import enter
from tests.e2e.site import Site
from tests.e2e.visitors import Visitors

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def pressed(page: Page) -> list[str]:
    buttons = page.locator("main .room > header button[aria-pressed=true]")
    return [await one.get_attribute("aria-label") or "" for one in await buttons.all()]


async def test_buttons_follow_the_tabs(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    said = await bob.say(tea, "hello")
    await ann.ask("PUT", f"/rooms/{tea}/messages/{said}/pin")
    page = await enter(visitors, site, ann, tea)
    assert await pressed(page) == []
    await page.get_by_role("button", name="People: 2").click()
    await expect(page.get_by_role("tab", name="Members")).to_have_attribute("aria-selected", "true")
    assert await pressed(page) == ["People: 2", "Details"]
    for tab, buttons in (
        ("Pinned", ["1 pinned message", "Details"]),
        ("Search", ["Search in this room", "Details"]),
        ("Settings", ["Details"]),
        ("Members", ["People: 2", "Details"]),
    ):
        await page.get_by_role("tab", name=tab).click()
        await expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        assert await pressed(page) == buttons
    await (
        page.get_by_role("complementary", name="Details")
        .get_by_role("button", name="Close")
        .click()
    )
    await expect(page.get_by_role("complementary", name="Details")).to_have_count(0)
    assert await pressed(page) == []
