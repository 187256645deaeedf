"""What a page knows of the server's limits before it asks for more than that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect
from tests.e2e.chatting import enter, field
from tests.e2e.site import Site
from tests.e2e.visitors import Visitors

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


def file(name: str, size: int) -> Any:
    return {"name": name, "mimeType": "text/plain", "buffer": b"x" * size}


async def test_files_are_not_brought_that_are_too_large_or_too_many(
    tmp_path: Path, visitors: Visitors
) -> None:
    async with Site(tmp_path, file_bytes=2_000) as site:
        ann = await site.person("ann")
        tea = await ann.room("Tea")
        page = await enter(visitors, site, ann, tea)
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url))
        chooser = page.locator('input[type="file"]')
        await chooser.set_input_files([file("large.txt", 2_001), file("fits.txt", 2_000)])
        await expect(page.get_by_role("alert")).to_have_text(
            "“large.txt” is too large: a file may have 2 kB here."
        )
        await expect(page.get_by_text("fits.txt")).to_be_visible()
        await chooser.set_input_files([file(f"{n}.txt", 10) for n in range(10)])
        await expect(page.get_by_text("A message takes 10 files")).to_be_visible()
        await expect(page.get_by_role("button", name="Remove")).to_have_count(10)
        assert len([url for url in sent if "/files?" in url]) == 10


async def test_the_length_of_a_message_is_what_the_server_says(
    site: Site, visitors: Visitors
) -> None:
    ann = await site.person("ann")
    tea = await ann.room("Tea")
    page = await enter(visitors, site, ann, tea)
    await field(page).fill("x" * 10_001)
    await expect(page.get_by_text("10,001 of 10,000")).to_be_visible()
    await expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
