"""An exported room in a browser: it is shown, and does nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page
from tests.chat.export.made import AT, Made, shown, user

from hubbub.chat.views import MessageView

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVIL = "<script>hit = 1</script><img src=x onerror='hit = 2'><style>*{display:none}</style>"


async def style(page: Page, selector: str, name: str) -> str:
    found = await page.eval_on_selector(selector, "(e, name) => getComputedStyle(e)[name]", name)
    return str(found)


async def test_the_page_is_shown_as_it_is_meant_and_nothing_in_it_runs(
    browser: Browser, tmp_path: Path
) -> None:
    messages = [MessageView(id=n, user="u1", at=AT, text=f"{EVIL} {n}") for n in (1, 2)]
    file = tmp_path / "room.html"
    file.write_text(await shown(Made(messages, [user("u1", "Ann")], name=EVIL)), encoding="utf-8")
    context = await browser.new_context()
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    await page.goto(file.as_uri())
    assert complaints == []
    assert await page.title() == EVIL
    assert await page.locator("article p").all_inner_texts() == [f"{EVIL} 1", f"{EVIL} 2"]
    assert await page.evaluate("typeof hit") == "undefined"
    # Its own style is let in.
    assert await style(page, "article p", "whiteSpace") == "pre-wrap"
    await page.emulate_media(color_scheme="light")
    light = await style(page, ".about", "color")
    await page.emulate_media(color_scheme="dark")
    assert await style(page, ".about", "color") != light
    await page.emulate_media(media="print", color_scheme="dark")
    assert await style(page, "body", "padding") == "0px"
    assert await style(page, ".about", "color") == "rgb(68, 68, 68)"
    assert complaints == []
    assert requests == [file.as_uri()]
    await context.close()
