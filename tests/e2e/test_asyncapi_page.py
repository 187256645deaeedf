"""The page of what is said, as people read it."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.async_api import expect
from tests.e2e.site import Site
from tests.e2e.visitors import Visitors, barriers, sideways

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (1280, "light")])
async def test_everybody_can_read_what_is_said(
    site: Site, visitors: Visitors, width: int, scheme: Literal["light", "dark"]
) -> None:
    """It loads nothing, runs nothing, keeps nobody out, and fits every screen."""
    look = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    page = await visitors.come(site, None, "/asyncapi", **look)
    await expect(page.get_by_role("heading", level=1)).to_have_text("hubbub: rooms and messages")
    room = page.get_by_role("region", name="room:{id}")
    heard = room.get_by_role("table", name="What its members hear")
    await expect(heard.get_by_role("rowheader", name="Message", exact=True)).to_be_visible()
    await heard.get_by_role("link", name="Message", exact=True).click()
    fields = page.get_by_role("table", name="Fields of Message")
    await expect(fields).to_be_in_viewport()
    await expect(fields.get_by_role("rowheader", name="mentions")).to_be_visible()
    assert await barriers(page) == []
    assert await sideways(page) == []


async def test_the_page_keeps_to_its_policy_and_leads_to_the_document(
    site: Site, visitors: Visitors
) -> None:
    page = await visitors.come(site, None, "/asyncapi")
    colour = await page.evaluate("getComputedStyle(document.querySelector('h2')).borderTopStyle")
    assert colour == "solid", "its style was let through"
    address = await page.get_by_role("link", name="asyncapi.json").get_attribute("href")
    answer = await page.context.request.get(f"{site.url}/{address}")
    document = await answer.json()
    assert document["servers"]["websocket"]["host"] == site.url.removeprefix("http://")
