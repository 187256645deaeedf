"""What comes over the line before somebody can write: it stays small."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from tests.e2e.site import Site
from tests.e2e.visitors import Visitors

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

BUDGET_BYTES = 150_000
"""Of the client's own files, compressed. What the first room does not need is fetched later."""

CAME = """
() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .map(({ name, encodedBodySize }) => [new URL(name).pathname, encodedBodySize])
  .filter(([path]) => !path.startsWith("/api/"))
"""


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
async def test_all_that_a_first_room_needs_fits_in_the_budget(
    locale: str, site: Site, visitors: Visitors
) -> None:
    ann = await site.person("ann")
    tea = await ann.room("Tea")
    await ann.say(tea, "hello @ann: **this** is `all`")
    page = await visitors.come(site, ann, f"/#/rooms/{tea}", locale=locale)
    await expect(page.get_by_role("main").get_by_role("textbox")).to_be_editable()
    await expect(page.locator("[data-id]").get_by_text("hello")).to_be_visible()
    came: list[tuple[str, int]] = await page.evaluate(CAME)
    paths = [path for path, _ in came]
    assert "/" in paths and any(path.endswith(".js") for path in paths)
    assert all(size > 0 for _, size in came), came
    total = sum(size for _, size in came)
    assert total < BUDGET_BYTES, "\n".join(f"{size:>7} {path}" for path, size in came)
