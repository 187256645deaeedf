"""What people write is never anything but text: nothing of it runs, wherever it is shown."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from tests.e2e.chatting import enter, messages
from tests.e2e.site import Site
from tests.e2e.visitors import Visitors

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

EVIL = "<img src=x onerror=hit()><script>hit()</script>"

TEXTS = (
    EVIL,
    "<svg onload=hit()><a href='javascript:hit()'>x</a></svg>",
    "[click](javascript:hit())",
    "[click](JaVaScRiPt:hit())",
    "[click](\x01javascript:hit())",
    "[click](data:text/html,<script>hit()</script>)",
    "[click](vbscript:hit())",
    "<javascript:hit()>",
    "![picture](https://elsewhere.example/x.png)",
    "![picture](x:onerror=hit())",
    '[a](https://example.org/"onmouseover="hit())',
    'https://example.org/"onclick="hit()',
    "https://example.org/<script>hit()</script>",
    "`<img src=x onerror=hit()>`",
    "```html\n<img src=x onerror=hit()>\n</code></pre><script>hit()</script>\n```",
    '```"><img src=x onerror=hit()>\ncode\n```',
    "```js onclick=hit()\nlet x = 1;\n```",
    "@<img src=x onerror=hit()>",
    '@ann"><img src=x onerror=hit()>',
    "> quoted <iframe src='javascript:hit()'></iframe>",
    "- item <style>*{display:none}</style>\n- two",
    "| a | b |\n|---|---|\n| <img src=x onerror=hit()> | c |",
    "**<b onmouseover=hit()>bold</b>**",
    "<form action='javascript:hit()'><button>send</button></form>",
    "<math><mtext></mtext><mglyph><style><!--</style><img title='--&gt;&lt;img onerror=hit()&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=hit()>'>",
    "&lt;img src=x onerror=hit()&gt; &#106;avascript:hit()",
    "{{constructor.constructor('hit()')()}} ${hit()} <%= hit() %>",
    ":smile<img src=x onerror=hit()>:",
    "\u202egnp.exe \u200b\u2066 hidden",
    "a" * 3_000,
    "*" * 1_000 + "_" * 1_000 + "[" * 1_000,
    "<" * 2_000,
)


async def nothing_ran(page: Page) -> None:
    assert await page.evaluate("window.hits") == 0
    foreign = await page.evaluate(
        """() => {
          const bad = [...document.body.querySelectorAll(
            "script:not([src]), iframe, object, embed, form[action], style, base, math",
          )];
          for (const one of document.body.querySelectorAll("*")) {
            for (const { name, value } of one.attributes) {
              if (/^on/i.test(name)) bad.push(one);
              if (["href", "src"].includes(name) && /^\\s*(java|vb)script:|^data:/i.test(value))
                bad.push(one);
            }
          }
          return bad.map((one) => one.outerHTML.slice(0, 200));
        }"""
    )
    assert foreign == []


async def test_nothing_that_is_written_runs(site: Site, visitors: Visitors) -> None:
    ann, eve = await site.person("ann"), await site.person("eve")
    # The names are refused where they hold what is not seen; markup is only text.
    await eve.ask("PATCH", "/users/me", json={"display": EVIL[:60], "status": EVIL[:60]})
    room = await eve.room(EVIL[:60], ann, topic=EVIL)
    other = await ann.room("Plain")
    texts = [text for text in TEXTS if "\x01" not in text]
    first = 0
    for number, text in enumerate(texts):
        said = await eve.say(room, text)
        first = first or said
        if number % 5 == 0:
            await ann.ask("PUT", f"/rooms/{room}/messages/{said}/pin")
    await ann.ask("POST", f"/rooms/{room}/messages", json={"text": "an answer", "reply": first})
    data = b"<script>hit()</script>"
    for name in ("<img src=x onerror=hit()>.html", '"onclick="hit()".svg'):
        file = await eve.upload(name, data)
        last = await eve.say(room, f"a file called {name}", files=[file])
    await ann.ask("PUT", f"/rooms/{room}/read", json={"offset": last})

    page = await visitors.come(site, ann)
    await page.add_init_script("window.hits = 0; window.hit = () => { window.hits += 1; };")
    await page.goto(f"/#/rooms/{other}")
    await page.reload()
    await expect(page.get_by_role("heading", name="Plain", level=1)).to_be_visible()
    await page.goto(f"/#/rooms/{room}")
    await expect(messages(page).last).to_contain_text("a file called")
    await nothing_ran(page)
    # All the way up.
    for _ in range(30):
        await page.locator("main").get_by_role("region").hover()
        await page.mouse.wheel(0, -2_000)
        await page.wait_for_timeout(50)
        await nothing_ran(page)
        if await page.get_by_text("This is the beginning of").is_visible():
            break
    await expect(page.get_by_text("This is the beginning of")).to_be_visible()

    for tab in ("Members", "Pinned", "Search", "Settings"):
        if tab == "Members":
            await page.get_by_role("button", name="Details", exact=True).click()
        await page.get_by_role("tab", name=tab).click()
        await page.wait_for_timeout(100)
        await nothing_ran(page)
    for path in ("/#/browse", "/#/search?q=onerror", "/#/admin/accounts"):
        await page.goto(path)
        await page.wait_for_timeout(300)
        await nothing_ran(page)
    await page.keyboard.press("Control+k")
    await page.keyboard.type("<img")
    await page.wait_for_timeout(200)
    await nothing_ran(page)


async def test_links_lead_elsewhere_without_telling_from_where(
    site: Site, visitors: Visitors
) -> None:
    ann = await site.person("ann")
    room = await ann.room("Links")
    await ann.say(room, "see https://example.org/path?q=1 and [this](https://example.com/)")
    page = await enter(visitors, site, ann, room)
    links = messages(page).get_by_role("link")
    await expect(links).to_have_count(2)
    for index in range(2):
        rel = await links.nth(index).get_attribute("rel") or ""
        assert "noopener" in rel and "noreferrer" in rel
        assert await links.nth(index).get_attribute("target") == "_blank"
