"""In other languages than English: what is said there, and from which side it is read."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from tests.e2e.chatting import field
from tests.e2e.site import Site
from tests.e2e.test_for_everybody import PHONE, VIEWS, furnish
from tests.e2e.visitors import Visitors, sideways

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def test_refusals_are_in_the_language_of_who_is_refused(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    visitors.answers += [r"422 .*/search$", r"403 .*/messages$"]
    page = await visitors.come(site, bob, f"/#/rooms/{tea}", locale="de-DE")
    write = page.get_by_role("group", name="Nachricht schreiben").get_by_role("textbox")
    await expect(write).to_be_editable()

    await page.goto("/#/search?q=a*")
    await expect(page.get_by_role("alert")).to_have_text(
        "Schreib mindestens 2 Buchstaben vor den *."
    )

    # A message that is refused, as who is muted in that moment has one.
    await page.goto(f"/#/rooms/{tea}")
    await expect(write).to_be_editable()
    visitors.server_may_go = True
    await page.context.set_offline(True)
    await write.fill("too late")
    await write.press("Enter")
    await ann.ask("PUT", f"/rooms/{tea}/members/{bob.id}/mute", json={"seconds": 600})
    await page.context.set_offline(False)
    await expect(page.get_by_role("alert").filter(has_text="Nicht gesendet")).to_contain_text(
        "Du bist in diesem Raum stumm geschaltet."
    )


async def test_pages_that_come_later_speak_the_language_of_the_first(
    site: Site, visitors: Visitors
) -> None:
    ann = await site.person("ann")
    page = await visitors.come(site, ann, "/#/settings/data", locale="de-DE")
    await expect(page.get_by_role("tab", selected=True)).to_have_text("Meine Daten")
    assert await page.locator("html").get_attribute("lang") == "de"


FROM_THE_RIGHT = """
new MutationObserver(() => {
  if (document.documentElement) document.documentElement.dir = "rtl";
}).observe(document, { childList: true });
"""


async def test_from_right_to_left_no_view_is_wider_than_a_phone(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await furnish(ann, bob)
    page = await visitors.come(site, ann, viewport=PHONE, has_touch=True)
    await page.context.add_init_script(FROM_THE_RIGHT)
    found: list[str] = []
    for name, (path, ready) in VIEWS.items():
        await page.goto("about:blank")
        await page.goto(path.format(tea=tea))
        await ready(page)
        found += [f"{name}: {one}" for one in await sideways(page)]
    assert not found, "\n".join(found)


async def test_from_right_to_left_everything_is_on_its_other_side(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    long = "A name that is longer than what there is for it, wherever it stands on a page"
    tea = await ann.room(long, bob)
    await bob.say(tea, "hello")
    page = await visitors.come(site, ann, viewport=PHONE, has_touch=True)
    await page.context.add_init_script(FROM_THE_RIGHT)
    await page.goto("about:blank")
    await page.goto(f"/#/rooms/{tea}")
    await expect(field(page)).to_be_editable()

    # One goes back to the right, by an arrow that points there.
    back = page.get_by_role("link", name="All rooms")
    box = await back.bounding_box()
    assert box is not None and box["x"] > PHONE["width"] / 2
    assert await back.locator("svg").evaluate("one => getComputedStyle(one).scale") == "-1 1"

    # A name is cut at its end, not at its beginning.
    title = page.get_by_role("heading", level=1).locator("bdi")
    seen = """one => {
      const range = document.createRange();
      range.setStart(one.firstChild, 0);
      range.setEnd(one.firstChild, 1);
      return range.getBoundingClientRect().left - one.getBoundingClientRect().left;
    }"""
    assert await title.evaluate(seen) >= 0

    # What is empty is read from the right, and what is written from where it begins.
    direction = "one => getComputedStyle(one).direction"
    assert await field(page).evaluate(direction) == "rtl"
    await field(page).fill("hello")
    assert await field(page).evaluate(direction) == "ltr"
