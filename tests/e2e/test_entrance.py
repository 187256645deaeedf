"""Coming in: the first account, signing in and out, and the watch over all pages."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, WebSocketRoute, expect
from tests.e2e.site import PASSWORD, Site
from tests.e2e.visitors import Visitors, barriers, sideways

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name="Sign in").click()


async def test_first_account_is_made_by_the_link_and_stays_over_a_reload(
    site: Site, visitors: Visitors
) -> None:
    page = await visitors.come(site, path=f"/#welcome={site.code}")
    await expect(page.get_by_role("heading", name="Welcome to your new chat")).to_be_visible()
    await page.get_by_label("What others call you").fill("Ann")
    await expect(page.get_by_label("Name to sign in with")).to_have_value("ann")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Create an account").click()
    mine = page.get_by_role("button", name="Ann: your account")
    await expect(mine).to_be_visible()
    assert site.code not in page.url, "the code is good once, and stays in no history"
    await page.reload()
    await expect(mine).to_be_visible()


async def test_wrong_password_is_told_and_the_right_one_lets_in(
    site: Site, visitors: Visitors
) -> None:
    await site.person("ann")
    visitors.answers.append("401 .*/session")
    page = await visitors.come(site)
    await sign_in(page, "ann", "something else")
    await expect(page.get_by_role("alert")).to_contain_text("Name or password is wrong")
    await expect(page.get_by_label("Name", exact=True)).to_have_value("ann")
    await sign_in(page, "ann")
    await expect(page.get_by_role("button", name="Ann: your account")).to_be_visible()


async def test_entrance_is_for_everybody(site: Site, visitors: Visitors) -> None:
    await site.person("ann")
    narrow = {"width": 360, "height": 640}
    for scheme in ("light", "dark"):
        page = await visitors.come(site, viewport=narrow, color_scheme=scheme)
        await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        assert await barriers(page) == []
        assert await sideways(page) == []


async def test_strangers_are_told_who_may_make_an_account(site: Site, visitors: Visitors) -> None:
    ann = await site.person("ann")
    hers = await visitors.come(site, ann, "/#/admin/settings")
    stranger = await visitors.come(site)
    new = stranger.get_by_role("button", name="Create an account")
    for mode, told in (
        ("Nobody", "No new accounts are made here at present."),
        ("Who has an invitation", "New here? Ask somebody who runs this chat for an invitation."),
    ):
        await hers.get_by_role("radio", name=mode).check()
        await hers.get_by_role("button", name="Save").click()
        await expect(hers.get_by_role("button", name="Save")).to_be_disabled()
        await stranger.reload()
        await expect(stranger.get_by_text(told)).to_be_visible()
        await expect(new).to_have_count(0)
    await hers.get_by_role("radio", name="Everybody").check()
    await hers.get_by_role("button", name="Save").click()
    await expect(hers.get_by_role("button", name="Save")).to_be_disabled()
    await stranger.reload()
    await new.click()
    await stranger.get_by_label("What others call you").fill("Bob")
    await stranger.get_by_label("Password", exact=True).fill(PASSWORD)
    await new.click()
    await expect(stranger.get_by_role("button", name="Bob: your account")).to_be_visible()
    await hers.get_by_role("tab", name="Accounts").click()
    accounts = hers.get_by_role("list", name="Accounts").get_by_role("listitem")
    await expect(accounts.filter(has_text="Bob")).to_have_count(1)


async def test_who_is_signed_out_elsewhere_is_told(site: Site, visitors: Visitors) -> None:
    ann = await site.person("ann")
    page = await visitors.come(site, ann)
    await expect(page.get_by_role("button", name="Ann: your account")).to_be_visible()
    visitors.answers += [r"401 "]
    await ann.ask("DELETE", "/session")
    await expect(page.get_by_text("You were signed out.")).to_be_visible()
    await expect(page.get_by_label("Password", exact=True)).to_be_visible()


async def test_connection_that_the_server_ends_signs_nobody_out(
    site: Site, visitors: Visitors
) -> None:
    ann = await site.person("ann")
    tea = await ann.room("Tea")
    page = await visitors.come(site, ann)
    connections: list[WebSocketRoute] = []

    async def connect(route: WebSocketRoute) -> None:
        connections.append(route)
        if len(connections) == 1:
            await route.close(code=3502, reason="stale")  # with which nothing is tried again
        else:
            route.connect_to_server()

    await page.context.route_web_socket("**/connection/websocket", connect)
    await page.goto(f"/#/rooms/{tea}")
    await page.reload()
    field = page.get_by_role("group", name="Write a message").get_by_role("textbox")
    await field.fill("still here")
    while len(connections) < 2:
        await page.wait_for_timeout(50)
    await expect(field).to_have_value("still here")
    await ann.say(tea, "as before")
    await expect(page.get_by_text("as before")).to_be_visible()
    await expect(page.get_by_text("You were signed out.")).to_have_count(0)


async def test_watch_hears_of_errors_violations_and_requests_elsewhere(
    site: Site, visitors: Visitors
) -> None:
    page = await visitors.come(site)
    for wrong, told in (
        ("document.body.setAttribute('style', 'color: red')", "style-src"),
        ("document.body.innerHTML = 'x'", "TrustedHTML"),
        ("setTimeout(() => { throw new Error('thrown'); })", "thrown"),
        ("new WebSocket('ws://127.0.0.2:9/')", "connect-src"),
        ("fetch('http://127.0.0.2:9/').catch(() => 0)", "connect-src"),
        ("navigator.serviceWorker.register('other.js')", "TrustedScriptURL"),
        ("console.error('said')", "said"),
    ):
        async with page.expect_event(
            "pageerror" if told == "thrown" else "console",
            lambda heard, told=told: told in getattr(heard, "text", str(heard)),
        ):
            await page.evaluate(f"() => {{ try {{ {wrong} }} catch {{}} }}")
        assert any(told in complaint for complaint in visitors.complaints), told
        visitors.complaints.clear()
