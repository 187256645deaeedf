"""What somebody hears who sees nothing of it: names, headings, and where the keyboard is."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect
from tests.e2e.chatting import choose, enter, field, message, messages
from tests.e2e.site import Site
from tests.e2e.test_for_everybody import VIEWS, furnish
from tests.e2e.visitors import Visitors

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

HEADINGS = """() => [...document.querySelectorAll("main :is(h1, h2, h3, h4)")]
  .filter((one) => one.checkVisibility())
  .map((one) => [Number(one.tagName[1]), one.textContent.trim()])"""


async def test_headings_of_every_view_are_in_order(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await furnish(ann, bob)
    page = await visitors.come(site, ann)
    wrong: list[str] = []
    for name, (path, ready) in VIEWS.items():
        await page.goto("about:blank")
        await page.goto(path.format(tea=tea))
        await ready(page)
        found = await page.evaluate(HEADINGS)
        if [level for level, _ in found].count(1) != 1 or found[0][0] != 1:
            wrong.append(f"{name}: one heading of the page comes first: {found}")
        wrong += [
            f"{name}: {below} is below {above}"
            for above, below in zip(found, found[1:], strict=False)
            if below[0] > above[0] + 1
        ]
    assert not wrong, "\n".join(wrong)


async def test_rooms_in_the_list_are_called_by_their_names_first(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    await ann.room("Plans", kind="private")
    tea = await ann.room("Tea", bob)
    talk = await ann.conversation(bob)
    await bob.say(tea, "@ann hello")
    await bob.say(talk, "hello")
    await visitors.come(site, bob)
    page = await visitors.come(site, ann, "/#/browse")
    rows = page.get_by_role("navigation").locator("a[data-room]")
    await expect(rows.filter(has_text="Bob")).to_have_accessible_name(
        "Bob (online, 1 unread message)"
    )
    await expect(rows.filter(has_text="Plans")).to_have_accessible_name("Plans (private)")
    await expect(rows.filter(has_text="Tea")).to_have_accessible_name(
        "Tea (1 unread message, 1 mention)"
    )


async def focused(page: Page) -> str:
    """What the keyboard is on, by its name or its text."""
    found: str = await page.evaluate(
        "() => (document.activeElement.ariaLabel ?? document.activeElement.textContent).trim()"
    )
    return found


async def test_the_keyboard_is_never_lost(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    await bob.say(tea, "first")
    await ann.say(tea, "second")
    page = await enter(visitors, site, ann, tea)
    keys = page.keyboard

    # Another page: its heading.
    await page.get_by_role("link", name="Browse rooms").first.click()
    await expect(page.get_by_role("heading", name="Browse rooms")).to_be_focused()
    await page.get_by_role("link", name="Settings", exact=True).click()
    await expect(page.get_by_role("heading", name="Settings", level=1)).to_be_focused()
    await page.goto(f"/#/rooms/{tea}")
    await expect(field(page)).to_be_focused()

    # What is open beside the room goes, from within.
    await page.get_by_role("button", name="People: 2").click()
    await page.get_by_role("button", name="Invite by link").click()
    dialog = page.get_by_role("dialog", name="Invite by link")
    await expect(dialog.get_by_label("Valid for")).to_be_focused()
    await keys.press("Escape")
    await expect(page.get_by_role("button", name="Invite by link")).to_be_focused()
    await page.get_by_role("complementary").get_by_role("button", name="Close").click()
    await expect(page.get_by_role("button", name="People: 2")).to_be_focused()

    # A message is deleted: what is there of it.
    await choose(page, "second", "Delete")
    question = page.get_by_role("dialog", name="Delete this message?")
    await expect(question.get_by_role("button", name="Keep it")).to_be_focused()
    await expect(question).to_have_accessible_description(re.compile("cannot be brought back"))
    await question.get_by_role("button", name="Delete").click()
    await expect(messages(page).last).to_contain_text("deleted")
    await expect(messages(page).last).to_be_focused()
    assert "deleted" in await focused(page)

    # And one that somebody else deletes, while one is on it.
    await message(page, "first").focus()
    said = (await ann.messages(tea))[0]["id"]
    await bob.ask("DELETE", f"/rooms/{tea}/messages/{said}")
    await expect(messages(page).first).to_contain_text("deleted")
    await expect(messages(page).first).to_be_focused()
