"""The room page in a real browser, at a real server."""

from __future__ import annotations

import re
import signal
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Locator, Page, WebSocketRoute, expect
from tests.e2e.conftest import Visitors, enter, hubbub_serve, say

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

RECOVERY_MS = 30_000
"""How long a page may take to be back: its waits have grown while the server was away."""

WIDTH = 360


def messages(page: Page) -> Locator:
    return page.get_by_role("log", name="Messages").locator(".text")


def people(page: Page) -> Locator:
    return page.get_by_role("complementary").get_by_role("listitem")


def field(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message")


def state(page: Page) -> Locator:
    return page.get_by_role("status")


# Two people, and a third elsewhere.


async def test_two_tabs_in_one_room_hear_each_other_and_a_third_room_hears_nothing(
    visitors: Visitors, port: int
) -> None:
    ann = await visitors.join(port, "Ann", "tea")
    await expect(people(ann)).to_have_text(["Ann (you)"])
    bob = await visitors.join(port, "Bob", "tea")
    cid = await visitors.join(port, "Cid", "coffee")
    await expect(people(ann)).to_have_text(["Ann (you)", "Bob"])
    await expect(people(bob)).to_have_text(["Ann", "Bob (you)"])

    await say(ann, "Is the kettle on?")
    await expect(messages(bob)).to_have_text(["Is the kettle on?"])
    await say(bob, "Since ten minutes.")
    for page in (ann, bob):
        await expect(messages(page)).to_have_text(["Is the kettle on?", "Since ten minutes."])
        await expect(page.locator(".by .name")).to_have_text(["Ann", "Bob"])
    await say(cid, "Anyone?")
    await expect(messages(cid)).to_have_text(["Anyone?"])
    await expect(people(cid)).to_have_text(["Cid (you)"])

    await bob.close()
    await expect(people(ann)).to_have_text(["Ann (you)"])


async def test_two_tabs_of_one_name_are_one_person(visitors: Visitors, port: int) -> None:
    ann = await visitors.join(port, "Ann", "tabs")
    bob = await visitors.join(port, "Bob", "tabs")
    # The name is remembered, and the link names the room: no form between.
    second = await visitors.come_again(bob.context, "/#tabs")
    await expect(people(second)).to_have_text(["Ann", "Bob (you)"])
    await expect(ann.get_by_role("heading", name="2 here")).to_be_visible()
    await second.close()
    await say(bob, "still here")
    await expect(messages(ann)).to_have_text(["still here"])
    await expect(people(ann)).to_have_text(["Ann (you)", "Bob"])


async def test_address_is_the_room_and_back_is_the_way_back(visitors: Visitors, port: int) -> None:
    page = await visitors.come(port)
    await enter(page, "Ann", "jardin d’été")
    await expect(page.get_by_role("heading", name="jardin d’été")).to_be_visible()
    await expect(page).to_have_title("jardin d’été · hubbub")
    assert urlsplit(page.url).fragment == "jardin%20d%E2%80%99%C3%A9t%C3%A9"

    await page.reload()
    await expect(people(page)).to_have_text(["Ann (you)"])
    await page.get_by_role("button", name="Leave").click()
    await expect(page.get_by_role("button", name="Join")).to_be_visible()
    assert urlsplit(page.url).fragment == ""
    await expect(page.get_by_label("Your name")).to_have_value("Ann")
    await page.go_back()
    await expect(state(page)).to_have_text("Connected")
    await page.evaluate("location.hash = 'elsewhere'")
    await expect(page.get_by_role("heading", name="elsewhere")).to_be_visible()
    await expect(people(page)).to_have_text(["Ann (you)"])


async def test_markup_in_what_people_write_stays_text(visitors: Visitors, port: int) -> None:
    trap = "<img src=x onerror=alert(1)>"
    page = await visitors.join(port, trap, "<b>bold</b>".replace("/", "|"))
    await say(page, f"{trap}\n<script>alert(2)</script>")
    await expect(messages(page)).to_have_text([f"{trap}\n<script>alert(2)</script>"])
    await expect(people(page)).to_have_text([f"{trap} (you)"])
    await expect(page.get_by_role("heading", name="<b>bold<|b>")).to_be_visible()
    await expect(page.locator("#room img, #room b, #room script")).to_have_count(0)


# A connection that goes.


@pytest.mark.timeout(120)
async def test_killed_server_shows_reconnecting_and_recovers_with_the_text_kept(
    visitors: Visitors,
) -> None:
    visitors.server_may_go = True
    async with hubbub_serve() as server:
        port = server.port
        ann = await visitors.join(port, "Ann", "tea")
        bob = await visitors.join(port, "Bob", "tea")
        await expect(people(ann)).to_have_text(["Ann (you)", "Bob"])
        await field(ann).press_sequentially("Half a ")
        await server.stop(signal.SIGKILL)
    for page in (ann, bob):
        await expect(state(page)).to_have_text("Reconnecting")
        await expect(page.locator("#state")).to_contain_text(re.compile(r"Reconnecting in \d+ s"))
    await expect(ann.get_by_role("heading", name="2 were here")).to_be_visible()
    await field(ann).press_sequentially("thought")
    await field(ann).press("Enter")
    await expect(field(ann)).to_have_value("Half a thought")

    async with hubbub_serve(port):
        for page in (ann, bob):
            await expect(state(page)).to_have_text("Connected", timeout=RECOVERY_MS)
            await expect(people(page)).to_have_count(2)
            await expect(page.get_by_text("Connected again.")).to_be_visible()
        await expect(field(ann)).to_have_value("Half a thought")
        await field(ann).press("Enter")
        await expect(messages(bob)).to_have_text(["Half a thought"])


async def test_stopped_server_is_come_back_to_at_once_on_request(visitors: Visitors) -> None:
    visitors.server_may_go = True
    async with hubbub_serve() as server:
        port = server.port
        page = await visitors.join(port, "Ann", "tea")
        assert await server.stop(signal.SIGTERM) == 0
    retry = page.get_by_role("button", name="Try now")
    await retry.focus()
    async with hubbub_serve(port):
        await retry.press("Enter")
        await expect(state(page)).to_have_text("Connected", timeout=RECOVERY_MS)
        await expect(retry).to_be_hidden()
        await expect(field(page)).to_be_focused()


async def test_text_that_a_dying_server_took_comes_back_to_the_field(visitors: Visitors) -> None:
    visitors.server_may_go = True
    async with hubbub_serve() as server:
        page = await visitors.join(server.port, "Ann", "tea")
        server.send_signal(signal.SIGSTOP)
        await say(page, "Did you get this?")
        await say(page, "And this?")
        await field(page).fill("Begun")
        server.send_signal(signal.SIGKILL)
        await expect(field(page)).to_have_value("Did you get this?\nAnd this?\nBegun")


async def test_name_the_server_refuses_is_explained_and_not_tried_again(
    visitors: Visitors, port: int
) -> None:
    page = await visitors.come(port, path="/#tea")
    opened: list[str] = []
    page.on("websocket", lambda socket: opened.append(socket.url))
    await page.get_by_label("Your name").fill("An\u202en")
    await page.get_by_role("button", name="Join").click()
    await expect(page.get_by_role("alert")).to_have_text("A name holds no invisible characters.")
    await expect(page.get_by_label("Your name")).to_be_focused()
    await enter(page, "Ann")
    assert len(opened) == 2


# A server that says what the test wants.


Script = Callable[[WebSocketRoute, int], Awaitable[None]]


async def join_scripted(visitors: Visitors, port: int, script: Script) -> Page:
    """Join a room where `script` plays the server; it gets each connection and its number."""
    page = await visitors.come(port)
    count = 0

    async def connected(route: WebSocketRoute) -> None:
        nonlocal count
        count += 1
        await script(route, count)

    await page.route_web_socket(re.compile("/talk/"), connected)
    await page.reload()
    await page.get_by_label("Your name").fill("Ann")
    await page.get_by_role("button", name="Join").click()
    return page


def closing_once(code: int, reason: str) -> Script:
    async def script(route: WebSocketRoute, number: int) -> None:
        if number == 1:
            await route.close(code=code, reason=reason)

    return script


@pytest.mark.parametrize("code", [3500, 3999, 4500, 4999])
async def test_final_close_codes_end_at_the_door_with_the_reason(
    visitors: Visitors, port: int, code: int
) -> None:
    page = await join_scripted(visitors, port, closing_once(code, "You may not."))
    await expect(page.get_by_role("alert")).to_have_text("You may not.")
    await expect(page.get_by_role("button", name="Join")).to_be_visible()


@pytest.mark.parametrize("code", [1000, 1012, 3008, 3499, 4000, 4499])
async def test_other_close_codes_are_come_back_from(
    visitors: Visitors, port: int, code: int
) -> None:
    page = await join_scripted(visitors, port, closing_once(code, ""))
    await expect(page.get_by_text("Connected again.")).to_be_visible()
    await expect(state(page)).to_have_text("Connected")


async def test_refused_message_comes_back_to_the_field_with_the_reason(
    visitors: Visitors, port: int
) -> None:
    async def script(route: WebSocketRoute, number: int) -> None:
        route.on_message(lambda _: route.send('{"type": "error", "text": "Too loud."}'))

    page = await join_scripted(visitors, port, script)
    await say_unheard(page, "HELLO")
    await expect(page.get_by_role("alert")).to_have_text("Too loud.")
    await expect(field(page)).to_have_value("HELLO")


async def test_nonsense_from_the_server_is_passed_over(visitors: Visitors, port: int) -> None:
    async def script(route: WebSocketRoute, number: int) -> None:
        for nonsense in ("", "Room tea: hi", "7", "null", "[]", '{"type": 1}', '{"type": "later"}'):
            route.send(nonsense)
        route.send('{"type": "people", "people": ["Bob"]}')

    page = await join_scripted(visitors, port, script)
    await expect(people(page)).to_have_text(["Bob"])


async def test_server_that_answers_nothing_is_given_up_and_the_text_kept(
    visitors: Visitors, port: int
) -> None:
    async def script(route: WebSocketRoute, number: int) -> None:
        route.on_message(lambda _: None)

    page = await join_scripted(visitors, port, script)
    await page.clock.install()
    await page.reload()  # the room and the name are known: in at once
    await say_unheard(page, "Hello?")
    await page.clock.run_for(9_000)
    await expect(state(page)).to_have_text("Connected")
    await page.clock.run_for(1_000)
    await expect(field(page)).to_have_value("Hello?")
    await page.clock.run_for(1_000)
    await expect(page.get_by_text("Connected again.")).to_be_visible()


async def say_unheard(page: Page, text: str) -> None:
    await expect(state(page)).to_have_text("Connected")
    await field(page).fill(text)
    await field(page).press("Enter")


async def test_waits_grow_to_a_bound_and_are_spread(visitors: Visitors, port: int) -> None:
    page = await visitors.come(port)
    waits: dict[str, list[float]] = await page.evaluate(
        """async () => {
          const { waitBefore } = await import("/static/connection.js");
          const all = (random) => [...Array(40).keys()].map((n) => waitBefore(n, random));
          return { least: all(() => 0), most: all(() => 1), drawn: all() };
        }"""
    )
    assert waits["least"] == [0] * 40
    assert waits["most"][:6] == [1000, 2000, 4000, 8000, 16_000, 30_000]
    assert set(waits["most"][5:]) == {30_000}
    assert all(
        0 <= drawn <= most for drawn, most in zip(waits["drawn"], waits["most"], strict=True)
    )
    assert len(set(waits["drawn"])) > 30


# For everybody.


async def focused(page: Page) -> dict[str, Any]:
    """What has the focus, and whether that can be seen."""
    found: dict[str, Any] = await page.evaluate(
        """() => {
          const at = document.activeElement;
          const style = getComputedStyle(at);
          return { id: at.id || at.textContent, seen: style.outlineStyle === "solid" };
        }"""
    )
    return found


async def test_keyboard_is_enough(visitors: Visitors, port: int) -> None:
    page = await visitors.come(port, path="/#keys")
    keyboard = page.keyboard
    assert await focused(page) == {"id": "pick-name", "seen": True}
    await keyboard.type("Ann")
    await keyboard.press("Tab")
    assert await focused(page) == {"id": "pick-room", "seen": True}
    await keyboard.press("Tab")
    assert await focused(page) == {"id": "Join", "seen": True}
    await keyboard.press("Enter")
    await expect(state(page)).to_have_text("Connected")
    assert await focused(page) == {"id": "text", "seen": True}
    await keyboard.type("one")
    await keyboard.press("Shift+Enter")
    await keyboard.type("two")
    await keyboard.press("Enter")
    await expect(messages(page)).to_have_text(["one\ntwo"])
    await keyboard.type("three")
    await keyboard.press("Tab")
    assert await focused(page) == {"id": "send", "seen": True}
    await keyboard.press("Space")
    await expect(messages(page)).to_have_text(["one\ntwo", "three"])
    assert await focused(page) == {"id": "text", "seen": True}
    await keyboard.press("Shift+Tab")
    assert await focused(page) == {"id": "log", "seen": True}
    await keyboard.press("Shift+Tab")
    assert await focused(page) == {"id": "leave", "seen": True}
    await keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Join")).to_be_visible()
    assert (await focused(page))["id"] == "pick-name"


async def test_landmarks_and_names_are_there_for_a_screen_reader(
    visitors: Visitors, port: int
) -> None:
    page = await visitors.join(port, "Ann", "a11y")
    await say(page, "first")
    await say(page, "second")
    await expect(messages(page)).to_have_count(2)
    for role in ("banner", "main", "complementary"):
        await expect(page.get_by_role(role)).to_have_count(1)
    await expect(page.get_by_role("heading", level=1)).to_have_text("a11y")
    await expect(page.get_by_role("complementary", name="1 here")).to_be_visible()
    await expect(page.get_by_role("textbox", name="Message")).to_be_visible()
    # Each message says whose it is, though the eye sees the name once.
    await expect(page.get_by_role("log").get_by_text("Ann", exact=True)).to_have_count(2)
    await expect(page.locator("html")).to_have_attribute("lang", "en")


async def test_log_stays_at_its_end_unless_one_reads_further_up(
    visitors: Visitors, port: int
) -> None:
    small = {"width": WIDTH, "height": 480}
    ann = await visitors.join(port, "Ann", "long", viewport=small)
    bob = await visitors.join(port, "Bob", "long")
    for number in range(20):
        await say(bob, f"line {number}")
    await expect(messages(ann).last).to_have_text("line 19")
    await expect(messages(ann).last).to_be_in_viewport()
    # A field that grows takes room from the log, at its end.
    await field(ann).fill("a\nb\nc")
    await expect(messages(ann).last).to_be_in_viewport(ratio=1)

    await ann.get_by_role("log").press("Home")
    await expect(messages(ann).first).to_be_in_viewport()
    latest = ann.get_by_role("button", name="New messages")
    await expect(latest).to_be_hidden()
    await say(bob, "down there")
    await latest.click()
    await expect(messages(ann).last).to_have_text("down there")
    await expect(messages(ann).last).to_be_in_viewport()
    await expect(latest).to_be_hidden()


async def test_narrow_screen_has_no_sideways_scroll(visitors: Visitors, port: int) -> None:
    narrow = {"width": WIDTH, "height": 640}
    page = await visitors.come(port, viewport=narrow)
    assert await page.evaluate("document.documentElement.scrollWidth") == WIDTH
    await enter(page, "W" * 40, "M" * 64)
    other = await visitors.join(port, "Ll " * 13, "M" * 64)
    await expect(people(page)).to_have_count(2)
    await say(other, "https://example.org/" + "averylongpath" * 20)
    await say(page, "W" * 200)
    await expect(messages(page)).to_have_count(2)
    assert await page.evaluate("document.documentElement.scrollWidth") == WIDTH
    assert await page.evaluate("document.documentElement.scrollHeight") == 640
    for shown in (field(page), page.get_by_role("button", name="Send"), messages(page).last):
        box = await shown.bounding_box()
        assert box is not None
        assert 0 <= box["x"] and box["x"] + box["width"] <= WIDTH
        await expect(shown).to_be_in_viewport()


CONTRASTS = """() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).slice(0, 3).map((c) => {
      c /= 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (at) => {
    for (; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if ((channels(color)[3] ?? 1) > 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const hasText = (at) => [...at.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const written = [...document.body.querySelectorAll("*")].filter(
    (at) => at.checkVisibility() && hasText(at),
  );
  return written.map((at) => {
    const pair = [luminance(getComputedStyle(at).color), luminance(behind(at))];
    return [at.textContent, (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)];
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_stands_out_in_light_and_dark(
    visitors: Visitors, port: int, scheme: str
) -> None:
    page = await visitors.come(port, path=f"/#{scheme}", color_scheme=scheme)
    door: list[tuple[str, float]] = await page.evaluate(CONTRASTS)
    await enter(page, "Ann")
    for name in ("Bob", "Cid", "Dora", "Eve"):
        await visitors.join(port, name, scheme)
    await expect(people(page)).to_have_count(5)
    await say(page, "hello")
    await expect(messages(page)).to_have_count(1)
    room: list[tuple[str, float]] = await page.evaluate(CONTRASTS)
    assert len(door) >= 5 and len(room) > 10
    assert [(text, ratio) for text, ratio in door + room if ratio < 4.5] == []  # WCAG 2.2, 1.4.3
    back = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", back))) > 380) == (scheme == "light")


@pytest.mark.parametrize(("wish", "moving"), [("reduce", 0), ("no-preference", 1)])
async def test_nothing_moves_for_who_wants_it_still(
    visitors: Visitors, port: int, wish: str, moving: int
) -> None:
    page = await visitors.join(port, "Ann", "still", reduced_motion=wish)
    counted = """() => {
      document.getElementById("state").dataset.state = "waiting";
      return document.getAnimations().length;
    }"""
    assert await page.evaluate(counted) == moving


# The watch itself.


async def test_watch_hears_of_errors_violations_and_requests_elsewhere(
    visitors: Visitors, port: int
) -> None:
    page = await visitors.come(port)
    for wrong, told in (
        ("document.body.setAttribute('style', 'color: red')", "style-src"),
        ("document.body.innerHTML = 'x'", "TrustedHTML"),
        ("setTimeout(() => { throw new Error('thrown'); })", "thrown"),
        ("new WebSocket('ws://127.0.0.2:9/')", "connect-src"),
        ("fetch('http://127.0.0.2:9/').catch(() => 0)", "connect-src"),
        ("console.error('said')", "said"),
    ):
        async with page.expect_event(
            "pageerror" if told == "thrown" else "console",
            lambda heard, told=told: told in getattr(heard, "text", str(heard)),
        ):
            await page.evaluate(f"() => {{ try {{ {wrong} }} catch {{}} }}")
        assert any(told in complaint for complaint in visitors.complaints), told
        visitors.complaints.clear()
