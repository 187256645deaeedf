"""Pages that fit whoever reads them: magnified, by touch, without motion, and in
few colours."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect
from tests.e2e.chatting import enter, field, message, until
from tests.e2e.site import Site
from tests.e2e.test_for_everybody import PHONE, VIEWS, furnish
from tests.e2e.visitors import Visitors, sideways

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

LEAST = 24
"""Pixels of what is touched, either way (WCAG 2.5.8)."""

LARGE = 44
"""Of what is touched most."""

TARGETS = """(within) => {
  const kinds = "a[href], button, input, select, textarea, summary, [role=button], [role=tab], " +
    "[role=menuitem], [role=option], [role=switch], [role=radio]";
  const found = [];
  for (const one of within.querySelectorAll(kinds)) {
    if (!one.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (one.disabled || one.closest(".unseen, [inert]")) continue;
    // What stands within a sentence is as high as its lines.
    if (getComputedStyle(one).display === "inline") continue;
    const boxes = [one, ...(one.labels ?? [])].map((part) => part.getBoundingClientRect());
    const width = Math.max(...boxes.map((box) => box.width));
    const height = Math.max(...boxes.map((box) => box.height));
    // What is only for who goes there by keys.
    if (width <= 1 || height <= 1 || boxes[0].bottom < 0) continue;
    const name = one.getAttribute("aria-label") ?? one.innerText ?? "";
    found.push([`${one.tagName} ${one.className} ${name.slice(0, 40)}`.replace(/\\s+/g, " "),
      Math.round(width * 10) / 10, Math.round(height * 10) / 10]);
  }
  return found;
}"""


async def targets(within: Locator) -> list[tuple[str, float, float]]:
    """What can be touched there: what it is, how wide and how high."""
    found: list[Any] = await within.evaluate(TARGETS)
    return [(what, width, height) for what, width, height in found]


async def views(page: Page, room: str) -> Any:
    before = ""
    for name, (path, ready) in VIEWS.items():
        if path == before:
            await page.goto("about:blank")
        before = path
        await page.goto(path.format(tea=room))
        await ready(page)
        await expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        yield name


async def test_fingers_find_every_target(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await furnish(ann, bob)
    page = await visitors.come(site, ann, viewport=PHONE, has_touch=True, is_mobile=True)
    small: set[str] = set()
    async for name in views(page, tea):
        all = await targets(page.locator("body"))
        assert all, name
        small |= {
            f"{name}: {what}: {width} x {height}"
            for what, width, height in all
            if min(width, height) < LEAST
        }
    assert not small, "\n".join(sorted(small))
    # What one touches most is larger.
    await page.goto(f"/#/rooms/{tea}")
    await expect(field(page)).to_be_editable()
    for part in (page.locator("header:has(h1)"), page.get_by_role("group", name="Write a message")):
        assert [one for one in await targets(part) if min(one[1:]) < LARGE] == []
    await page.get_by_role("link", name="All rooms").tap()
    row = page.get_by_role("navigation").get_by_role("link", name="Tea")
    await expect(row).to_be_visible()
    box = await row.bounding_box()
    assert box is not None and box["height"] >= LARGE


async def test_finger_that_stays_on_a_message_has_what_can_be_done_with_it(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    await ann.say(tea, "hold me")
    hers = await enter(visitors, site, ann, tea)
    his = await enter(visitors, site, bob, tea, viewport=PHONE, has_touch=True, is_mobile=True)
    touch = await his.context.new_cdp_session(his)
    sheet = his.get_by_role("dialog", name="What to do with this message")

    async def hold() -> None:
        box = await message(his, "hold me").bounding_box()
        assert box is not None
        point = {"x": box["x"] + 120, "y": box["y"] + box["height"] / 2}
        await touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
        await expect(sheet).to_be_visible()
        await touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    await hold()
    box = await sheet.bounding_box()
    assert box is not None and box["y"] + box["height"] <= PHONE["height"] + 1
    assert [one for one in await targets(sheet) if min(one[1:]) < LARGE] == []
    await sheet.get_by_role("button", name="React with 👍").tap()
    await expect(sheet).to_have_count(0)
    await expect(message(hers, "hold me").get_by_role("button", name="👍 1, Bob")).to_be_visible()
    await hold()
    await sheet.get_by_role("button", name="Add a reaction").tap()
    await his.get_by_role("gridcell").get_by_role("button", name="hot beverage").first.tap()
    await expect(message(hers, "hold me").get_by_role("button", name="☕")).to_be_visible()
    await hold()
    await sheet.get_by_role("button", name="Reply").tap()
    await expect(his.get_by_text("Reply to Ann")).to_be_visible()
    await field(his).fill("I do")
    await his.get_by_role("button", name="Send", exact=True).tap()
    await expect(message(hers, "I do")).to_contain_text("hold me")
    # A touch that is brief, or moves, is none of that.
    await message(his, "I do").tap()
    await expect(sheet).to_have_count(0)


MOVING = """document.getAnimations().filter((one) => one.playState === "running")
  .map((one) => `${one.effect.target?.className} ${one.animationName}`)"""

CHANGING = """[...document.querySelectorAll("*")]
  .filter((one) => {
    const { transitionProperty, transitionDuration } = getComputedStyle(one);
    const times = transitionDuration.split(", ").map(parseFloat);
    return transitionProperty !== "none" && times.some((time) => time > 0.01);
  })
  .map((one) => one.className)"""

LOST = """[...document.querySelectorAll("button, a[href], input, select, textarea")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
  .filter((one) => {
    const { color, backgroundColor: back } = getComputedStyle(one);
    const behind = back === "rgba(0, 0, 0, 0)" ? "rgb(0, 0, 0)" : back;
    const icons = [...one.querySelectorAll("svg")].filter((icon) => icon.checkVisibility());
    const strokes = icons.map((icon) => getComputedStyle(icon).stroke);
    return [...strokes, ...(one.innerText?.trim() ? [color] : [])].includes(behind);
  })
  .map((one) => one.outerHTML.slice(0, 120))"""
"""Controls whose text or icon has the colour of what is behind it."""


async def test_every_view_fits_whoever_reads_it(site: Site, visitors: Visitors) -> None:
    """Of 1280 pixels, 200 % leave 640."""
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await furnish(ann, bob)
    size = {"width": 640, "height": 360}
    page = await visitors.come(site, ann, viewport=size, device_scale_factor=2)
    found: list[str] = []
    name = ""

    async def check(what: str, wrong: list[str]) -> None:
        found.extend(f"{name}: {what}: {one}" for one in wrong)

    async for view in views(page, tea):
        name = view
        await check("magnified", await sideways(page))
        await check("moves", await page.evaluate(MOVING))
        await check("changes slowly", await page.evaluate(CHANGING))
        await page.evaluate("document.documentElement.style.fontSize = '32px'")
        await check("with large text", await sideways(page))
        await page.evaluate("document.documentElement.style.fontSize = ''")
        await page.emulate_media(forced_colors="active", color_scheme="dark")
        await check("in few colours", await page.evaluate(LOST))
        await page.emulate_media(forced_colors="none", color_scheme="light")
    assert not found, "\n".join(found)
    await page.goto(f"/#/rooms/{tea}")
    for seen in (field(page), page.get_by_role("button", name="Details", exact=True)):
        await expect(seen).to_be_in_viewport(ratio=0.9)


async def test_states_are_seen_where_the_system_has_its_own_colours(
    site: Site, visitors: Visitors
) -> None:
    ann = await site.person("ann")
    path = "/#/settings/notifications"
    page = await visitors.come(site, ann, path, forced_colors="active", color_scheme="dark")
    switch = page.get_by_label("Play a sound")

    async def looks() -> list[str]:
        found: list[str] = await switch.evaluate(
            """(at) => [at, "::before"].map((part) =>
              getComputedStyle(at, part === at ? null : part).backgroundColor)"""
        )
        return found

    await switch.uncheck()
    off = await looks()
    await switch.check()
    on = await looks()
    assert off[0] != off[1] and on[0] != on[1] and on != off, (off, on)
    line = "(at) => getComputedStyle(at).borderBlockEndColor"
    chosen = await page.get_by_role("tab", selected=True).evaluate(line)
    other = await page.get_by_role("tab", selected=False).first.evaluate(line)
    assert chosen != other
    await page.keyboard.press("Tab")
    width = "parseFloat(getComputedStyle(document.activeElement).outlineWidth)"
    assert await page.evaluate(width) >= 2


async def test_motion_ends_where_it_is_wanted(site: Site, visitors: Visitors) -> None:
    ann = await site.person("ann")
    tea = await ann.room("Tea")
    page = await enter(visitors, site, ann, tea, reduced_motion="no-preference")
    assert await page.evaluate(CHANGING) != []
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("combobox")).to_be_focused()
    await until(page, f"({MOVING}).length === 0")


async def test_sheet_of_keys_is_opened_by_one_and_closed_by_another(
    site: Site, visitors: Visitors
) -> None:
    ann = await site.person("ann")
    page = await enter(visitors, site, ann, await ann.room("Tea"))
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    # In the field it is a letter.
    await field(page).press("?")
    await expect(field(page)).to_have_value("?")
    await expect(sheet).to_have_count(0)
    await field(page).fill("")
    await page.get_by_role("button", name="Details", exact=True).focus()
    await page.keyboard.press("?")
    await expect(sheet).to_be_visible()
    for known in ("Go to a room or person", "Edit your last message", "Reply to it"):
        await expect(sheet.get_by_text(known)).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(sheet).to_have_count(0)
    await expect(page.get_by_role("button", name="Details", exact=True)).to_be_focused()


async def test_colours_and_language_are_those_of_the_system_until_one_chooses(
    site: Site, visitors: Visitors
) -> None:
    ann = await site.person("ann")
    page = await visitors.come(site, ann, "/#/settings/appearance", color_scheme="dark")
    html = page.locator("html")
    await expect(page.get_by_label("Language")).to_be_visible()
    await expect(html).to_have_attribute("data-theme", "dark")
    await page.emulate_media(color_scheme="light")
    await expect(html).not_to_have_attribute("data-theme", "dark")
    await page.get_by_role("radio", name="Dark").check(force=True)
    await expect(html).to_have_attribute("data-theme", "dark")
    await page.reload()
    await expect(html).to_have_attribute("data-theme", "dark")
    await page.get_by_label("Language").select_option(label="Deutsch")
    await expect(html).to_have_attribute("lang", "de")
    await expect(page.get_by_role("heading", name="Einstellungen")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="Einstellungen")).to_be_visible()

    other = await visitors.come(site, path="/", locale="de-DE")
    await expect(other.get_by_role("button", name="Anmelden")).to_be_visible()
    await expect(other.locator("html")).to_have_attribute("lang", re.compile("^de"))
