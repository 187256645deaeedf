"""How something is written, what becomes of what is begun, and how one is told of it."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from playwright.async_api import Download, FilePayload, Locator, Page, Route, expect
from tests.e2e.chatting import details, enter, entry, field, message, messages, point, write
from tests.e2e.site import Site
from tests.e2e.visitors import DEADLINE_MS, Visitors

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PASTED = """async (kind) => {
  const canvas = new OffscreenCanvas(320, 200);
  canvas.getContext("2d").fillRect(0, 0, 320, 200);
  const picture = await canvas.convertToBlob({ type: kind });
  await navigator.clipboard.write([new ClipboardItem({ [kind]: picture })]);
}"""
"""Has a picture be in the clipboard."""

ELSEWHERE = """
  window.Notification = class {
    static permission = "granted";
    static requestPermission = async () => "granted";
    constructor(title, { body }) { tell(title, body); }
    close() {}
  };
  document.hasFocus = () => false;
"""
"""Somebody who looks elsewhere, and has `tell` called with what the system shows to them."""


def choices(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Suggestions").get_by_role("option")


async def pick(page: Page, emoji: str) -> None:
    """Choose that emoji, by its name, where they are offered."""
    picker = page.get_by_role("dialog", name="Emojis")
    await picker.get_by_role("searchbox").fill(emoji)
    await picker.get_by_role("gridcell").get_by_role("button", name=emoji, exact=True).click()
    await expect(picker).to_have_count(0)


async def text_of(download: Download) -> str:
    return await asyncio.to_thread((await download.path()).read_text, encoding="utf-8")


async def test_mention_is_completed_and_calls_the_other(site: Site, visitors: Visitors) -> None:
    ann, bob, bo = [await site.person(name) for name in ("ann", "bob", "bo.peep")]
    tea, coffee = await ann.room("Tea", bob, bo), await ann.room("Coffee", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, coffee)
    await field(hers).press_sequentially("Is it ready, @bo")
    await expect(choices(hers)).to_have_count(2)
    await field(hers).press_sequentially("b")
    await expect(choices(hers)).to_have_count(1)
    await expect(choices(hers)).to_contain_text("Bob")
    await field(hers).press("Enter")
    await expect(field(hers)).to_have_value("Is it ready, @bob ")
    await field(hers).press_sequentially("?")
    await field(hers).press("Enter")
    await expect(entry(his, tea)).to_contain_text("1 mention")
    await expect(his).to_have_title("(1) Coffee · hubbub")
    await entry(his, tea).click()
    await expect(messages(his)).to_have_count(1)
    await messages(his).get_by_role("button", name="Bob").click()
    await expect(his.get_by_text("@bob", exact=True).last).to_be_visible()


async def test_emojis_are_put_by_their_names_and_by_the_picker(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    await field(hers).press_sequentially("off we go :rocke")
    await expect(choices(hers).first).to_contain_text(":rocket:")
    await field(hers).press("Tab")
    await expect(field(hers)).to_have_value("off we go 🚀 ")
    await hers.get_by_role("button", name="Emojis", exact=True).click()
    await pick(hers, "hot beverage")
    await expect(field(hers)).to_be_focused()
    await hers.keyboard.type("!")
    await expect(field(hers)).to_have_value(re.compile(r"^off we go 🚀 ☕️? ?!$"))
    await field(hers).press("Enter")
    await expect(messages(his)).to_contain_text("off we go 🚀 ☕")


async def test_emojis_are_there_where_the_browser_keeps_no_databases(
    site: Site, visitors: Visitors
) -> None:
    ann = await site.person("ann")
    tea = await ann.room("Tea")
    page = await enter(visitors, site, ann, tea)
    await page.add_init_script(
        "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); };"
    )
    await page.reload()
    await page.get_by_role("button", name="Emojis", exact=True).click()
    picker = page.get_by_role("dialog", name="Emojis")
    await picker.get_by_role("tab", name="Food and drink").click()
    await expect(picker.get_by_role("gridcell").first).to_be_visible()
    await pick(page, "hot beverage")
    await page.keyboard.type(" :rocke")
    await expect(choices(page).first).to_contain_text(":rocket:")
    await field(page).press("Tab")
    await field(page).press("Enter")
    await expect(messages(page)).to_contain_text("☕")
    await expect(messages(page)).to_contain_text("🚀")


async def test_what_is_begun_stays_over_other_rooms_and_a_reload(
    site: Site, visitors: Visitors
) -> None:
    ann = await site.person("ann")
    tea, coffee = await ann.room("Tea"), await ann.room("Coffee")
    page = await enter(visitors, site, ann, tea)
    await field(page).press_sequentially("half a thought")
    await entry(page, coffee).click()
    await expect(page.get_by_role("heading", name="Coffee", level=1)).to_be_visible()
    await expect(field(page)).to_have_value("")
    await expect(entry(page, tea)).to_contain_text("draft")
    await page.reload()
    await expect(field(page)).to_have_value("")
    await entry(page, tea).click()
    await expect(field(page)).to_have_value("half a thought")
    await page.reload()
    await expect(field(page)).to_have_value("half a thought")
    await field(page).press("Enter")
    await expect(message(page, "half a thought")).to_be_visible()
    await entry(page, coffee).click()
    await expect(page.get_by_role("heading", name="Coffee", level=1)).to_be_visible()
    await expect(entry(page, tea)).not_to_contain_text("draft")


async def test_keys_break_lines_edit_the_last_and_give_it_up(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    await field(hers).press_sequentially("one")
    await field(hers).press("Shift+Enter")
    await field(hers).press_sequentially("two")
    await expect(field(hers)).to_have_value("one\ntwo")
    await expect(messages(his)).to_have_count(0)
    await field(hers).press("Enter")
    await expect(messages(his)).to_have_count(1)
    assert (await ann.messages(tea))[0]["text"] == "one\ntwo"
    await write(his, "not hers")
    await expect(message(hers, "not hers")).to_be_visible()

    edited = hers.get_by_text("Edit message", exact=True)
    await field(hers).press("ArrowUp")
    await expect(edited).to_be_visible()
    await expect(field(hers)).to_have_value("one\ntwo")
    await field(hers).press_sequentially(" and more")
    await field(hers).press("Escape")
    await expect(edited).to_have_count(0)
    await expect(field(hers)).to_have_value("")
    # What was changed is not lost, also not by a reload, and can be let go of.
    await hers.reload()
    await expect(message(hers, "not hers")).to_be_visible()
    await field(hers).press("ArrowUp")
    await expect(field(hers)).to_have_value("one\ntwo and more")
    await hers.get_by_role("button", name="Start over").click()
    await expect(field(hers)).to_have_value("one\ntwo")
    await field(hers).fill("one, two, three")
    await field(hers).press("Enter")
    await expect(message(his, "one, two, three")).to_contain_text("(edited)")
    await expect(messages(his)).to_have_count(2)


async def test_reaction_of_the_picker_is_seen_with_who_it_is_of(
    site: Site, visitors: Visitors
) -> None:
    ann, bob, cem = [await site.person(name) for name in ("ann", "bob", "cem")]
    tea = await ann.room("Tea", bob, cem)
    said = await ann.say(tea, "it is my birthday")
    await cem.ask("PUT", f"/rooms/{tea}/messages/{said}/reactions/🎉")
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    await point(his, "it is my birthday")
    actions = message(his, "it is my birthday").get_by_role("group")
    await actions.get_by_role("button", name="Add a reaction").click()
    await pick(his, "party popper")
    seen = message(hers, "it is my birthday").get_by_role("button", name="🎉 2, Cem and Bob")
    await expect(seen).to_have_attribute("aria-pressed", "false")
    await seen.hover()
    await expect(seen.get_by_text("Cem and Bob")).to_be_visible()
    his_own = message(his, "it is my birthday").get_by_role("button", name="🎉 2, you and Cem")
    await expect(his_own).to_have_attribute("aria-pressed", "true")
    await his_own.click()
    await expect(
        message(hers, "it is my birthday").get_by_role("button", name="🎉 1, Cem")
    ).to_be_visible()


async def test_reaction_is_there_before_the_server_says_so(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    await ann.say(tea, "tea is ready")
    hers = await enter(visitors, site, ann, tea)
    his = await enter(visitors, site, bob, tea)
    visitors.answers.append("403 .*/reactions/")
    on, refused = asyncio.Event(), False

    async def slowly(route: Route) -> None:
        await on.wait()
        if refused:
            problem = {"type": "x", "title": "x", "status": 403, "detail": "not by a test"}
            await route.fulfill(status=403, json=problem)
        else:
            await route.continue_()

    await his.route(re.compile("/reactions/"), slowly)
    await point(his, "tea is ready")
    quick = message(his, "tea is ready").get_by_role("button", name="React with 👍")
    await quick.click()
    liked = message(his, "tea is ready").get_by_role("button", name="👍 1, you")
    await expect(liked).to_have_attribute("aria-pressed", "true")
    likes = message(hers, "tea is ready").get_by_role("button", name=re.compile("👍"))
    await expect(likes).to_have_count(0)
    on.set()
    await expect(likes).to_have_accessible_name("👍 1, Bob")
    await expect(liked).to_be_visible()

    on.clear()
    refused = True
    await liked.click()
    await expect(liked).to_have_count(0)
    on.set()
    await expect(his.get_by_text("Not by a test")).to_be_visible()
    await expect(liked).to_be_visible()
    await expect(likes).to_have_accessible_name("👍 1, Bob")


async def test_pasted_picture_is_sent_as_soon_as_it_is_there_and_looked_at(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    permissions = ["clipboard-read", "clipboard-write"]
    hers = await enter(visitors, site, ann, tea, permissions=permissions)
    his = await enter(visitors, site, bob, tea)
    on = asyncio.Event()

    async def slowly(route: Route) -> None:
        await on.wait()
        await route.continue_()

    await hers.route(re.compile(r"/files\?"), slowly)
    await hers.evaluate(PASTED, "image/png")
    await field(hers).focus()
    await hers.keyboard.press("Control+v")
    attached = hers.get_by_role("list", name="Attachments").get_by_role("listitem")
    await expect(attached).to_have_count(1)
    await expect(attached.get_by_role("progressbar")).to_be_visible()
    await hers.keyboard.type("the new tiles")
    await hers.keyboard.press("Enter")
    await expect(hers.get_by_text("This is sent as soon as the files are there.")).to_be_visible()
    await expect(messages(his)).to_have_count(0)
    on.set()
    await expect(attached).to_have_count(0)
    await expect(message(his, "the new tiles")).to_be_visible()
    picture = message(his, "the new tiles").get_by_role("button", name="Look at")
    await expect(picture.locator("img")).to_have_js_property("naturalWidth", 320)
    await picture.click()
    viewer = his.get_by_role("dialog", name="Pictures")
    await expect(viewer.locator("img")).to_have_js_property("naturalWidth", 320)
    await his.keyboard.press("Escape")
    await expect(viewer).to_have_count(0)
    await expect(picture).to_be_focused()


async def test_what_was_attached_stays_over_a_reload(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    attached = hers.get_by_role("list", name="Attachments").get_by_role("listitem")
    choose_file = hers.locator('input[type="file"]')

    def file(name: str) -> FilePayload:
        return {"name": name, "mimeType": "text/plain", "buffer": name.encode()}

    async with hers.expect_response(re.compile(r"/files\?")) as coming:
        await choose_file.set_input_files(file("gone.txt"))
    gone = (await (await coming.value).json())["id"]
    async with hers.expect_response(re.compile(r"/files\?")):
        await choose_file.set_input_files(file("kept.txt"))
    await expect(attached).to_have_count(2)
    await expect(attached.get_by_role("progressbar")).to_have_count(0)

    # One that never comes to be there: the browser asks whether to leave.
    await hers.route(re.compile(r"/files\?"), lambda _: None)
    await choose_file.set_input_files(file("slow.txt"))
    await expect(attached.get_by_role("progressbar")).to_be_visible()
    await ann.ask("DELETE", f"/files/{gone}")
    visitors.answers.append("404 .*/files/")
    hers.on("dialog", lambda dialog: dialog.accept())
    await hers.reload()
    await expect(attached).to_have_count(2)
    await expect(attached.first).to_contain_text("kept.txt")
    await expect(attached.last).to_contain_text("It had not arrived when the page was left.")
    await attached.last.get_by_role("button", name="Remove slow.txt").click()
    await expect(attached).to_have_count(1)
    await field(hers).fill("here it is")
    await field(hers).press("Enter")
    await expect(message(his, "here it is").get_by_text("kept.txt")).to_be_visible()
    await hers.reload()
    await expect(message(hers, "here it is")).to_be_visible()
    await expect(attached).to_have_count(0)


async def test_room_and_own_data_are_taken_along(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    await bob.say(tea, "one spoon <for> each")
    hers = await enter(visitors, site, ann, tea)
    await details(hers, "Settings")
    async with hers.expect_download() as coming:
        await hers.get_by_role("link", name="As a page to read").click()
    exported = await coming.value
    assert exported.suggested_filename.endswith(".html")
    page = await text_of(exported)
    assert "one spoon &lt;for&gt; each" in page
    assert "Bob" in page
    async with hers.expect_download() as coming:
        await hers.get_by_role("link", name="As JSON lines").click()
    lines = [json.loads(line) for line in (await text_of(await coming.value)).splitlines()]
    assert any("one spoon <for> each" in json.dumps(line) for line in lines)

    his = await visitors.come(site, bob, "/#/settings/data")
    async with his.expect_download() as coming:
        await his.get_by_role("link", name="Download").click()
    lines = [json.loads(line) for line in (await text_of(await coming.value)).splitlines()]
    assert any("one spoon <for> each" in json.dumps(line) for line in lines)


async def test_rooms_tell_only_what_one_wants_to_know(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea, milk, coffee = [await ann.room(name, bob) for name in ("Tea", "Milk", "Coffee")]
    hers = await enter(visitors, site, ann, milk)
    await details(hers, "Settings")
    await hers.get_by_label("Tell me about").select_option(label="Mentions only")
    await entry(hers, tea).click()
    await hers.get_by_label("Mute this room").check()
    await expect(entry(hers, tea)).to_contain_text("muted")
    await entry(hers, coffee).click()
    await expect(hers.get_by_role("heading", name="Coffee", level=1)).to_be_visible()

    await bob.say(tea, "@ann do you hear me?")
    await bob.say(milk, "to nobody in particular")
    await bob.say(coffee, "and here?")
    await expect(message(hers, "and here?")).to_be_visible()
    # Another device of hers sees the same.
    other = await enter(visitors, site, ann, coffee)
    for page in (hers, other):
        await expect(entry(page, tea)).to_contain_text("muted")
        await expect(entry(page, tea)).not_to_contain_text(re.compile("unread|mention|[1-9]"))
        await expect(entry(page, milk)).not_to_contain_text(re.compile("unread|mention|[1-9]"))
        await expect(page).to_have_title("Coffee · hubbub")
    await bob.say(milk, "@ann to you")
    for page in (hers, other):
        await expect(entry(page, milk)).to_contain_text("1 mention")
        await expect(page).to_have_title("(1) Coffee · hubbub")

    await entry(hers, tea).click()
    await hers.get_by_label("Mute this room").uncheck()
    await expect(entry(other, tea)).not_to_contain_text("muted")
    await entry(hers, coffee).click()
    await expect(hers.get_by_role("heading", name="Coffee", level=1)).to_be_visible()
    await bob.say(tea, "@ann and now?")
    for page in (hers, other):
        await expect(entry(page, tea)).to_contain_text("1 mention")
        await expect(page).to_have_title("(2) Coffee · hubbub")


async def test_who_looks_elsewhere_is_told_by_the_system_but_of_no_muted_room(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea, coffee = await ann.room("Tea", bob), await ann.room("Coffee", bob)
    await ann.ask("PUT", f"/rooms/{tea}/preferences", json={"level": "mentions", "muted": False})
    await ann.ask("PUT", f"/rooms/{coffee}/preferences", json={"level": "all", "muted": True})
    hers = await visitors.come(site, ann, "/#/settings/notifications")
    shown: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    await hers.expose_function("tell", lambda *what: shown.put_nowait(what))
    await hers.add_init_script(ELSEWHERE)
    await hers.reload()

    async def told() -> tuple[str, str]:
        return await asyncio.wait_for(shown.get(), DEADLINE_MS / 1000)

    await hers.get_by_label("Show notifications on this device").check()
    await hers.get_by_role("button", name="Show one now").click()
    assert await told() == ("This is how it looks", "Notifications work on this device.")
    await entry(hers, tea).click()
    await expect(field(hers)).to_be_editable()

    await bob.say(coffee, "@ann in a muted room")
    await bob.say(tea, "to nobody in particular")
    await bob.say(tea, "@ann the kettle boils")
    assert await told() == ("Bob in Tea", "@ann the kettle boils")

    # Who is back and sees it needs no telling.
    await hers.evaluate("document.hasFocus = () => true")
    await bob.say(tea, "@ann seen at once")
    await expect(messages(hers)).to_have_count(3)
    await hers.evaluate("document.hasFocus = () => false")
    # A conversation is begun by what is said in it: hers is told of both at once.
    direct = await bob.conversation(ann)
    await bob.say(direct, "are you there?")
    assert await told() == ("Bob", "are you there?")
    await bob.say(direct, "hello?")
    assert await told() == ("Bob", "hello?")
    # The muted room is up to date as well: by now it would have been told.
    await entry(hers, coffee).click()
    await expect(messages(hers)).to_have_count(1)
    assert shown.empty()
