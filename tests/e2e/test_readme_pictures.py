"""The pictures of the README: taken again with PICTURES=1, and otherwise only looked at."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, expect
from tests.e2e.chatting import enter
from tests.e2e.site import Person, Site
from tests.e2e.visitors import PICTURES, Visitors, picture

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

CODE = """Found it. The cup was filled twice:

```python
def pour(pot: Pot, cups: list[Cup]) -> None:
    for cup in cups:
        if not cup.full:
            cup.fill(pot.take(cup.size))
```
"""


async def furnish(site: Site, visitors: Visitors) -> tuple[Person, str]:
    """A chat that people use; three of them are there."""
    mira, jonas, yuki, lena = [
        await site.person(name) for name in ("mira", "jonas", "yuki", "lena")
    ]
    for person, status in ((jonas, "On the train"), (yuki, "🍵"), (mira, "")):
        await person.ask("PATCH", "/users/me", json={"status": status})
    team = (jonas, yuki, lena)
    kitchen = await mira.room("Kitchen", *team, topic="What is brewing, and for whom")
    for name in ("Announcements", "Design", "Garden", "Releases"):
        await mira.room(name, *team)
    releases = (await mira.ask("GET", "/rooms"))["items"]
    by_name = {one["room"]["name"]: one["room"]["id"] for one in releases}
    await mira.room("Budget", lena, kind="private")
    await mira.conversation(yuki)
    direct = await mira.conversation(jonas)

    first = await jonas.say(kitchen, "Is anybody at the stove? The **kettle** whistles.")
    await yuki.say(kitchen, "Two minutes. Who wants some?")
    await lena.say(kitchen, "Me, please: green, no sugar 🙏")
    await mira.say(kitchen, "I am on my way, @jonas", reply=first)
    found = await yuki.say(kitchen, CODE)
    for person, emoji in ((mira, "🎉"), (jonas, "🎉"), (lena, "👍")):
        await person.ask("PUT", f"/rooms/{kitchen}/messages/{found}/reactions/{emoji}")
    await mira.ask("PUT", f"/rooms/{kitchen}/messages/{found}/pin")
    await jonas.say(kitchen, "- water: done\n- cups: four\n- biscuits: see https://example.org/")
    await lena.say(kitchen, "@mira there is one left for you.")
    last = (await mira.messages(kitchen))[-1]["id"]
    await mira.ask("PUT", f"/rooms/{kitchen}/read", json={"offset": last})
    await lena.say(by_name["Design"], "The new colours are in.")
    await yuki.say(by_name["Releases"], "@mira shall we?")
    await jonas.say(direct, "Lunch at one?")
    for person in (jonas, yuki, lena):
        await visitors.come(site, person)
    return mira, kitchen


async def settled(page: Page) -> None:
    await expect(page.get_by_text("there is one left for you.")).to_be_visible()
    await page.evaluate("document.fonts.ready")
    await page.wait_for_timeout(300)


async def test_pictures(site: Site, visitors: Visitors) -> None:
    mira, kitchen = await furnish(site, visitors)
    wide = {"width": 1200, "height": 760}
    for scheme in ("light", "dark"):
        page = await enter(visitors, site, mira, kitchen, viewport=wide, color_scheme=scheme)
        await settled(page)
        await picture(page, f"chat-{scheme}")
    phone = await enter(
        visitors,
        site,
        mira,
        kitchen,
        viewport={"width": 390, "height": 760},
        has_touch=True,
        is_mobile=True,
    )
    await settled(phone)
    await picture(phone, "chat-phone")
    admin = await visitors.come(site, mira, "/#/admin/overview", viewport=wide)
    await expect(admin.get_by_role("heading", level=1).first).to_be_visible()
    for number in range(60 if PICTURES else 0):  # so that there is something to draw
        await asyncio.sleep(2)
        for _ in range(number % 7):
            await mira.say(kitchen, "And another cup.")
    await picture(admin, "chat-administration")
