"""Rooms: made, found, joined, left, and taken away; and files in them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.e2e.chatting import enter, entry, field, message, messages, write
from tests.e2e.site import Site
from tests.e2e.visitors import Visitors

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def test_room_is_made_by_one_and_found_joined_and_left_by_another(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    hers, his = await visitors.come(site, ann), await visitors.come(site, bob)
    await hers.get_by_role("button", name="Create a room").first.click()
    dialog = hers.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("Tea time")
    await dialog.get_by_role("button", name="Make the room").click()
    await expect(hers.get_by_role("heading", name="Tea time", level=1)).to_be_visible()
    await write(hers, "Who wants some?")

    await his.get_by_role("link", name="Browse rooms").first.click()
    await his.get_by_role("button", name="Join Tea time").click()
    await expect(his.get_by_role("heading", name="Tea time", level=1)).to_be_visible()
    await expect(message(his, "Who wants some?")).to_be_visible()
    await write(his, "I do")
    await expect(message(hers, "I do")).to_be_visible()
    await expect(hers.get_by_role("button", name="People: 2")).to_be_visible()

    room = (await ann.ask("GET", "/rooms"))["items"][0]["room"]["id"]
    await his.get_by_role("button", name="Details", exact=True).click()
    await his.get_by_role("tab", name="Settings").click()
    await his.get_by_role("button", name="Leave the room").click()
    await his.get_by_role("dialog").get_by_role("button", name="Leave", exact=True).click()
    await expect(entry(his, room)).to_have_count(0)
    await expect(hers.get_by_role("button", name="People: 1")).to_be_visible()


async def test_who_is_removed_sees_it_at_once_and_hears_nothing_more(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    room = await ann.room("Secret", bob, kind="private")
    await ann.say(room, "between us")
    his = await enter(visitors, site, bob, room)
    await expect(message(his, "between us")).to_be_visible()
    visitors.answers += ["40[34] .*/rooms/"]
    await ann.ask("DELETE", f"/rooms/{room}/members/{bob.id}")
    await expect(entry(his, room)).to_have_count(0)
    await expect(field(his)).to_have_count(0)
    await ann.say(room, "without him")
    await his.wait_for_timeout(300)
    await expect(his.get_by_text("without him")).to_have_count(0)


async def test_what_is_changed_in_a_room_is_seen_by_all(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    room = await ann.room("Tea", bob)
    his = await enter(visitors, site, bob, room)
    await ann.ask("PATCH", f"/rooms/{room}", json={"name": "Coffee", "topic": "Beans"})
    await expect(his.get_by_role("heading", name="Coffee", level=1)).to_be_visible()
    await expect(entry(his, room)).to_contain_text("Coffee")
    await expect(his.locator("main header").first).to_contain_text("Beans")
    await ann.ask("POST", f"/rooms/{room}/archive")
    await expect(field(his)).to_have_count(0)
    await ann.ask("POST", f"/rooms/{room}/restore")
    await expect(field(his)).to_be_editable()


async def test_file_is_sent_and_seen_by_the_other(
    site: Site, visitors: Visitors, tmp_path: Path
) -> None:
    from PIL import Image

    ann, bob = await site.person("ann"), await site.person("bob")
    room = await ann.room("Pictures", bob)
    hers, his = await enter(visitors, site, ann, room), await enter(visitors, site, bob, room)
    picture, text = tmp_path / "tea.png", tmp_path / "tea.txt"
    Image.new("RGB", (320, 200), "teal").save(picture)
    text.write_text("one spoon for each, and one for the pot")
    await hers.locator("input[type=file]").set_input_files([picture, text])
    await expect(
        hers.get_by_role("list", name="Attachments").get_by_role("listitem")
    ).to_have_count(2)
    await write(hers, "How it looks")
    for page in (hers, his):
        await expect(message(page, "How it looks")).to_contain_text("tea.txt")
        shown = messages(page).get_by_role("button", name="Look at tea.png").locator("img")
        await expect(shown).to_be_visible()
        await expect(shown).to_have_js_property("naturalWidth", 320)
    async with his.expect_download() as coming:
        await messages(his).get_by_role("link", name="tea.txt").first.click()
    download = await coming.value
    kept = await download.path()
    assert await asyncio.to_thread(kept.read_text) == "one spoon for each, and one for the pot"
