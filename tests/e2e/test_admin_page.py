"""The page of administrators: what goes on, who is there, and who may come in."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect
from tests.e2e.site import PASSWORD, Site
from tests.e2e.visitors import Visitors, barriers, sideways

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

TABS = ("overview", "users", "invitations", "bots", "rooms", "settings", "audit")


async def tab(page: Page, name: str) -> None:
    await page.get_by_role("tab", name=name).click()


async def menu(page: Page, who: str, item: str) -> None:
    row = page.get_by_role("list", name="Accounts").get_by_role("listitem").filter(has_text=who)
    await row.get_by_role("button", name="What to do with").click()
    await page.get_by_role("menuitem", name=item).click()


async def test_somebody_is_invited_comes_and_is_sent_away(site: Site, visitors: Visitors) -> None:
    ann = await site.person("ann")
    await ann.ask("PATCH", "/admin/settings", json={"sign_up": "invitation"})
    page = await visitors.come(site, ann, "/#/admin/invitations")
    await page.get_by_role("button", name="Make a link").click()
    link = await page.get_by_label("Invitation link").input_value()
    assert link.startswith(f"{site.url}/#pass=")

    bobs = await visitors.come(site, path=link.removeprefix(site.url))
    await bobs.get_by_label("What others call you").fill("Bob")
    await bobs.get_by_label("Password", exact=True).fill(PASSWORD)
    await bobs.get_by_role("button", name="Create an account").click()
    mine = bobs.get_by_role("button", name=re.compile("your account", re.IGNORECASE))
    await expect(mine).to_be_visible()

    await tab(page, "Accounts")
    await page.get_by_label("Find an account").fill("bo")
    await expect(page.get_by_role("list", name="Accounts").get_by_role("listitem")).to_have_count(1)
    await menu(page, "Bob", "Disable the account")
    visitors.answers.append("401 ")
    await page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    await expect(page.get_by_text("Disabled", exact=True)).to_be_visible()
    await expect(bobs.get_by_role("button", name="Sign in")).to_be_visible()

    await tab(page, "Log")
    latest = page.get_by_role("list", name="What administrators did").get_by_role("listitem").first
    await expect(latest).to_contain_text("Ann disabled the account of Bob")


async def test_what_goes_on_is_seen_as_it_goes_on(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    room = await ann.room("Tea", bob)
    page = await visitors.come(site, ann, "/#/admin")
    chart = page.get_by_role("figure", name="Connections")
    await expect(chart.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile("Connections: 1 now")
    )
    await bob.say(room, "hello")
    await visitors.come(site, bob, f"/#/rooms/{room}")
    await expect(chart.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile("Connections: 2 now; between [01] and 2")
    )
    for name in ("Messages", "Deliveries"):
        other = page.get_by_role("figure", name=name).get_by_role("img")
        await expect(other).to_have_attribute(
            "aria-label", re.compile(rf"{name}: .* and [0-9.]*[1-9]")
        )
    kept = page.get_by_text("Messages", exact=True).last.locator("xpath=..")
    await expect(kept).to_contain_text(re.compile("[0-9]"))
    await expect(page.get_by_role("heading", name="Storage")).to_be_visible()
    await page.get_by_text("Show the numbers as a table").click()
    await expect(page.get_by_role("table").get_by_role("row").nth(1)).to_be_visible()


async def test_a_bots_key_is_shown_once_and_speaks(site: Site, visitors: Visitors) -> None:
    ann = await site.person("ann")
    room = await ann.room("Tea")
    page = await visitors.come(site, ann, "/#/admin/bots")
    await page.get_by_role("button", name="Make a bot").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("Tea timer")
    await expect(dialog.get_by_label("Mentioned as")).to_have_value("tea-timer")
    await dialog.get_by_role("button", name="Make a bot").click()
    keys = page.get_by_role("dialog", name="Keys of")
    await keys.get_by_label("What the key is for").fill("the kettle")
    await keys.get_by_role("button", name="Make a key").click()
    key = await keys.get_by_label("Key", exact=True).input_value()
    async with site.nobody() as program:
        program.headers["Authorization"] = f"Bearer {key}"
        join = f"/api/chat/v1/rooms/{room}/join"
        assert (await program.post(join)).status_code == 200
        await keys.get_by_role("button", name="Revoke the key").click()
        sure = page.get_by_role("dialog", name="Revoke the key")
        await sure.get_by_role("button", name="Revoke").click()
        await expect(keys.get_by_text("No keys: nothing can speak as this bot.")).to_be_visible()
        assert (await program.post(join)).status_code == 401


async def test_who_is_no_administrator_any_more_sees_nothing_of_it(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    await ann.ask("PUT", f"/admin/administrators/{bob.id}")
    page = await visitors.come(site, bob, "/#/admin/settings")
    await expect(page.get_by_label("Let guests in")).to_be_visible()
    await ann.ask("DELETE", f"/admin/administrators/{bob.id}")
    await expect(page.get_by_text("For administrators only")).to_be_visible()


async def test_the_page_is_for_everybody_who_administers(site: Site, visitors: Visitors) -> None:
    ann = await site.person("ann")
    await ann.room("Tea", topic="Which kind, and when, and who makes it this time")
    await ann.ask("POST", "/admin/invitations", json={})
    await ann.ask("POST", "/admin/bots", json={"name": "timer", "display": "Timer"})
    narrow = {"width": 360, "height": 640}
    for scheme in ("light", "dark"):
        page = await visitors.come(site, ann, "/#/admin", viewport=narrow, color_scheme=scheme)
        for name in TABS:
            await page.goto(f"/#/admin/{name}")
            await expect(page.get_by_role("tab", selected=True)).to_be_in_viewport()
            await expect(page.get_by_role("status", name="Loading")).to_have_count(0)
            assert await barriers(page) == [], name
            assert await sideways(page) == [], name


async def test_tabs_are_gone_through_by_keys(site: Site, visitors: Visitors) -> None:
    page = await visitors.come(site, await site.person("ann"), "/#/admin")
    await page.get_by_role("tab", name="Overview").focus()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Enter")
    accounts = page.get_by_role("tab", name="Accounts")
    await expect(accounts).to_have_attribute("aria-selected", "true")
    await expect(page.get_by_label("Find an account")).to_be_visible()
    await expect(accounts).to_be_focused()
    await page.go_back()
    assert "admin" not in page.url, "tabs are no places to go back to"
