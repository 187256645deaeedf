"""Files that go with a message: dropped, taken back, tried again; and pictures looked at."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Locator, Page, Route, expect
from tests.e2e.chatting import details, enter, field, message, messages, write
from tests.e2e.site import Site
from tests.e2e.visitors import Visitors

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

UPLOAD = re.compile(r"/files\?")


def attached(page: Page) -> Locator:
    return page.get_by_role("list", name="Attachments").get_by_role("listitem")


def pictures(folder: Path, *names: str) -> list[str]:
    made = []
    for number, name in enumerate(names):
        path = folder / name
        Image.new("RGB", (300 + number, 200), "teal").save(path)
        made.append(str(path))
    return made


async def test_dropped_files_go_with_the_message(
    shared: Site, visitors: Visitors, tmp_path: Path
) -> None:
    ann, bob = await shared.newcomers("Ann", "Bob")
    room = await ann.room("Dropped", bob)
    hers, his = await enter(visitors, shared, ann, room), await enter(visitors, shared, bob, room)
    text = tmp_path / "list.txt"
    await asyncio.to_thread(text.write_text, "sugar, tea")
    session = await hers.context.new_cdp_session(hers)
    box = await hers.locator("main").bounding_box()
    assert box is not None

    async def drag(kind: str, *files: str) -> None:
        data = {"items": [], "files": files, "dragOperationsMask": 1}
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        await session.send("Input.dispatchDragEvent", {"type": kind, "data": data, **place})

    files = [*pictures(tmp_path, "cups.png"), str(text)]
    zone = hers.get_by_text("Drop to attach")
    await drag("dragEnter", *files)
    await drag("dragOver", *files)
    await expect(zone).to_be_visible()
    await drag("drop", *files)
    await expect(zone).to_have_count(0)
    await expect(attached(hers)).to_have_count(2)
    await write(hers, "what we need")
    said = message(his, "what we need")
    await expect(said).to_contain_text("list.txt")
    await expect(said.get_by_role("button", name="Look at cups.png")).to_be_visible()


async def test_upload_is_taken_back_while_it_is_under_way(
    shared: Site, visitors: Visitors, tmp_path: Path
) -> None:
    ann, bob = await shared.newcomers("Ann", "Bob")
    room = await ann.room("Taken back", bob)
    hers, his = await enter(visitors, shared, ann, room), await enter(visitors, shared, bob, room)
    visitors.server_may_go = True
    held: asyncio.Queue[Route] = asyncio.Queue()
    await hers.route(UPLOAD, lambda route: held.put_nowait(route))
    await hers.locator("input[type=file]").set_input_files(pictures(tmp_path, "oops.png"))
    await expect(attached(hers).get_by_role("progressbar")).to_be_visible()
    await field(hers).fill("nothing to see")
    async with hers.expect_event("requestfailed", lambda one: "/files?" in one.url):
        await attached(hers).get_by_role("button", name="Cancel oops.png").click()
    await expect(attached(hers)).to_have_count(0)
    await expect(field(hers)).to_have_value("nothing to see")
    await field(hers).press("Enter")
    await expect(message(his, "nothing to see")).to_be_visible()
    assert (await ann.messages(room))[0]["files"] == []


async def test_upload_that_fails_is_tried_again(
    shared: Site, visitors: Visitors, tmp_path: Path
) -> None:
    ann, bob = await shared.newcomers("Ann", "Bob")
    room = await ann.room("Tried again", bob)
    hers, his = await enter(visitors, shared, ann, room), await enter(visitors, shared, bob, room)
    visitors.server_may_go = True
    await hers.route(UPLOAD, lambda route: route.abort("connectionreset"))
    await hers.locator("input[type=file]").set_input_files(pictures(tmp_path, "map.png"))
    await expect(attached(hers).get_by_role("alert")).to_be_visible()
    await hers.unroute(UPLOAD)
    await attached(hers).get_by_role("button", name="Try again: map.png").click()
    await expect(attached(hers).get_by_role("alert")).to_have_count(0)
    await field(hers).press("Enter")
    await expect(messages(his).get_by_role("button", name="Look at map.png")).to_be_visible()


async def test_pictures_are_looked_at_one_after_the_other_by_keys(
    shared: Site, visitors: Visitors, tmp_path: Path
) -> None:
    ann, bob = await shared.newcomers("Ann", "Bob")
    room = await ann.room("Album", bob)
    for name in ("one.png", "two.png", "three.png"):
        (path,) = pictures(tmp_path, name)
        file = await ann.upload(name, await asyncio.to_thread(Path(path).read_bytes))
        await ann.say(room, name.partition(".")[0], files=[file])
    his = await enter(visitors, shared, bob, room)
    first = messages(his).get_by_role("button", name="Look at two.png")
    await first.focus()
    await his.keyboard.press("Enter")
    viewer = his.get_by_role("dialog", name="Pictures")
    shown, keys = viewer.locator("img"), his.keyboard
    await expect(viewer).to_contain_text("2 of 3")
    await keys.press("ArrowRight")
    await expect(shown).to_have_attribute("alt", "three.png")
    await expect(viewer.get_by_role("button", name="Next picture")).to_have_count(0)
    await keys.press("ArrowRight")
    await expect(shown).to_have_attribute("alt", "three.png")
    await keys.press("ArrowLeft")
    await keys.press("ArrowLeft")
    await expect(shown).to_have_attribute("alt", "one.png")
    await expect(viewer).to_contain_text("1 of 3")
    # What keys reach stays within it.
    for _ in range(8):
        await keys.press("Tab")
        assert await viewer.evaluate("(at) => at.contains(document.activeElement)") or (
            await his.evaluate("document.activeElement === document.body")
        )
    await viewer.get_by_role("button", name="Whole size").press("Enter")
    await expect(viewer.get_by_role("button", name="Fit to the screen")).to_be_visible()
    await keys.press("Escape")
    await expect(viewer).to_have_count(0)
    await expect(first).to_be_focused()


async def test_own_picture_and_name_are_seen_by_the_others(
    shared: Site, visitors: Visitors, tmp_path: Path
) -> None:
    ann, bob = await shared.newcomers("Ann", "Bob")
    room = await ann.room("Faces", bob)
    await ann.say(room, "it is me")
    his = await enter(visitors, shared, bob, room)
    await details(his, "Members")
    hers = await visitors.come(shared, ann, "/#/settings/profile")
    await hers.get_by_label("Picture", exact=True).set_input_files(pictures(tmp_path, "me.png"))
    await expect(hers.get_by_alt_text("How it will look")).to_be_visible()
    await hers.get_by_role("button", name="Use this picture").click()
    await expect(hers.get_by_text("Your picture was changed")).to_be_visible()
    face = message(his, "it is me").locator("img").first
    await expect(face).to_have_attribute("src", re.compile(r"avatar\?v="))
    await hers.get_by_label("Name", exact=True).fill("Anna")
    await hers.get_by_label("Status").fill("on a train")
    await hers.get_by_role("button", name="Save").click()
    await expect(message(his, "it is me")).to_contain_text("Anna")
    await expect(his.locator(".member").filter(has_text="Anna")).to_contain_text("on a train")
