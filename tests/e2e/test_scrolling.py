"""A room as it is read: what is new, what is older, and going from one to the other."""

from __future__ import annotations

import asyncio
import re
import sqlite3

import pytest
from playwright.async_api import Locator, Page, Route, expect
from tests.e2e.chatting import enter, far_up, field, message, messages, top, until, write
from tests.e2e.site import Site
from tests.e2e.visitors import Visitors

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

DAY_MS = 86_400_000

OLDER = re.compile(r"/messages\?.*before=")


async def wheel(page: Page, by: int) -> None:
    await page.locator("main .scroller").hover()
    await page.mouse.wheel(0, by)


async def still(seen: Locator) -> None:
    """Wait until it moves no more."""
    await seen.scroll_into_view_if_needed()
    await (await seen.element_handle()).wait_for_element_state("stable")


async def test_quote_leads_to_what_it_answers_however_far_up_that_is(
    shared: Site, visitors: Visitors
) -> None:
    ann, bob = await shared.newcomers("Ann", "Bob")
    room = await ann.room("Far up", bob)
    first = await far_up(ann, room, "who has the key?")
    last = await bob.say(room, "I have it", reply=first)
    await bob.ask("PUT", f"/rooms/{room}/read", json={"offset": last})
    his = await enter(visitors, shared, bob, room)
    quote = message(his, "I have it").get_by_role("button", name="who has the key?")
    await expect(quote).to_be_in_viewport()
    origin = his.locator(f"[data-id='{first}'] > article")
    await expect(origin).to_have_count(0)
    await quote.click()
    await expect(origin).to_be_in_viewport()
    await expect(origin).to_be_focused()
    # What is said meanwhile does not take one away from there, and one finds back.
    await ann.say(room, "where is it?")
    jump = his.get_by_role("button", name="1 new message")
    await expect(jump).to_be_visible()
    await expect(origin).to_be_in_viewport()
    await jump.click()
    await expect(message(his, "where is it?")).to_be_in_viewport()
    await expect(jump).to_have_count(0)


async def test_who_reads_further_up_stays_there_while_others_talk(
    shared: Site, visitors: Visitors
) -> None:
    ann, bob = await shared.newcomers("Ann", "Bob")
    room = await ann.room("Further up", bob)
    for number in range(60):
        await bob.say(room, f"before {number}")
    hers, his = await enter(visitors, shared, ann, room), await enter(visitors, shared, bob, room)
    await (
        hers.get_by_role("button", name="Jump to the latest")
        .or_(hers.get_by_role("button", name="new messages"))
        .click()
    )
    await expect(message(hers, "before 59")).to_be_in_viewport()
    await wheel(hers, -900)
    to_latest = hers.get_by_role("button", name="Jump to the latest")
    await expect(to_latest).to_be_visible()
    seen = messages(hers).filter(has_text="before 40")
    await still(seen)
    was = await top(seen)
    for number in range(3):
        await write(his, f"meanwhile {number}")
    await expect(hers.get_by_role("button", name="3 new messages")).to_be_visible()
    assert abs(await top(seen) - was) < 2
    await expect(message(hers, "meanwhile 2")).not_to_be_in_viewport()
    await hers.get_by_role("button", name="3 new messages").click()
    await expect(message(hers, "meanwhile 2")).to_be_in_viewport()
    line = hers.get_by_text("New messages", exact=True)
    await expect(line).to_be_in_viewport()
    assert await top(message(hers, "before 59")) < await top(line)
    assert await top(line) <= await top(message(hers, "meanwhile 0"))
    # Who is at the end goes along with it.
    for number in range(10):
        await write(his, f"more {number}")
    await expect(message(hers, "more 9")).to_be_in_viewport()


async def test_older_messages_come_without_a_jump(shared: Site, visitors: Visitors) -> None:
    ann, bob = await shared.newcomers("Ann", "Bob")
    room = await ann.room("Older", bob)
    await far_up(bob, room, "the very first")
    latest = (await bob.messages(room))[-1]["id"]
    await ann.ask("PUT", f"/rooms/{room}/read", json={"offset": latest})
    hers = await enter(visitors, shared, ann, room)
    on = asyncio.Event()

    async def slowly(route: Route) -> None:
        await on.wait()
        await route.continue_()

    await hers.route(OLDER, slowly)
    async with hers.expect_request(OLDER):
        await wheel(hers, -50_000)
    # At the top of what is there, with older ones on their way.
    await until(hers, "document.querySelector('main .scroller').scrollTop < 2")
    first = await messages(hers).first.locator("..").get_attribute("data-id")
    seen = hers.locator(f"[data-id='{first}']")
    await expect(seen).to_be_in_viewport()
    was = await top(seen)
    on.set()
    await until(hers, f"document.querySelector('[data-id]').dataset.id < {first}")
    assert abs(await top(seen) - was) < 2
    for _ in range(20):
        await wheel(hers, -50_000)
        if await message(hers, "the very first").count():
            break
    await expect(message(hers, "the very first")).to_be_in_viewport()
    await expect(hers.get_by_text("This is the beginning of Older")).to_be_visible()


async def test_messages_stand_in_groups_under_their_days(shared: Site, visitors: Visitors) -> None:
    ann, bob = await shared.newcomers("Ann", "Bob")
    room = await ann.room("Days", bob)
    said = {
        text: await who.say(room, text)
        for who, text in (
            (ann, "long ago"),
            (ann, "the day before"),
            (ann, "and at once"),
            (ann, "after a pause"),
            (bob, "an answer"),
            (bob, "and more"),
        )
    }
    now = (await ann.messages(room))[-1]["at"]

    def move() -> None:
        """As if some of it had been said earlier."""
        with sqlite3.connect(shared.database, timeout=30) as database:
            for text, at in (
                ("long ago", now - 400 * DAY_MS),
                ("the day before", now - DAY_MS),
                ("and at once", now - DAY_MS + 1_000),
                ("after a pause", now - DAY_MS + 301_000 + 1_000),
            ):
                where = (at, room, said[text])
                database.execute("UPDATE chat_messages SET at = ? WHERE room = ? AND id = ?", where)
        database.close()

    await asyncio.to_thread(move)
    page = await enter(visitors, shared, bob, room)
    await expect(messages(page)).to_have_count(6)
    days = page.locator("main section[data-day]")
    await expect(days).to_have_count(3)
    await expect(days.nth(0).get_by_role("heading")).to_contain_text("20")
    await expect(days.nth(1).get_by_role("heading")).to_have_text("Yesterday")
    await expect(days.nth(2).get_by_role("heading")).to_have_text("Today")
    for index, count in ((0, 1), (1, 3), (2, 2)):
        await expect(messages(page).and_(days.nth(index).locator("article"))).to_have_count(count)
    headed = page.locator("main article.message.head")
    await expect(headed).to_have_count(4)
    for text in ("long ago", "the day before", "after a pause", "an answer"):
        await expect(headed.filter(has_text=text)).to_have_count(1)
    await expect(field(page)).to_be_editable()
    # What is said next joins the last group.
    await write(page, "and that is all")
    await expect(messages(page)).to_have_count(7)
    await expect(headed).to_have_count(4)


async def test_code_is_coloured_and_copied(shared: Site, visitors: Visitors) -> None:
    ann, bob = await shared.newcomers("Ann", "Bob")
    room = await ann.room("Code", bob)
    code = 'def pour(cups):\n    return f"{cups} cups"'
    hers = await enter(visitors, shared, ann, room)
    permissions = ["clipboard-read", "clipboard-write"]
    his = await enter(visitors, shared, bob, room, permissions=permissions)
    await write(hers, f"```python\n{code}\n```")
    said = messages(his).first
    await expect(said.locator("pre code span").first).to_be_visible()
    await expect(said.locator("pre code")).to_have_text(code)
    colours = await said.locator("pre code span").evaluate_all(
        "(all) => new Set(all.map((one) => getComputedStyle(one).color)).size"
    )
    assert colours > 1
    await said.get_by_role("button", name="Copy this code").click()
    await expect(said.get_by_text("Copied", exact=True)).to_be_visible()
    assert await his.evaluate("navigator.clipboard.readText()") == code
