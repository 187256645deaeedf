"""In other languages than English: what is said there, and from which side it is read."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from tests.e2e.site import Site
from tests.e2e.visitors import Visitors

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
    await page.context.set_offline(True)
    await write.fill("too late")
    await write.press("Enter")
    await ann.ask("PUT", f"/rooms/{tea}/members/{bob.id}/mute", json={"seconds": 600})
    await page.context.set_offline(False)
    await expect(page.get_by_role("alert").filter(has_text="Nicht gesendet")).to_contain_text(
        "Du bist in diesem Raum stumm geschaltet."
    )
