"""examples/together: people who write one text, with and without a connection and a server."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from itertools import permutations
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from examples.together import app as together
from examples.together import states
from playwright.async_api import Locator, Page, expect
from pycrdt import Doc, Text
from tests.e2e.visitors import Place, Visitors, barriers, sideways
from tests.support.cable import Cable, cable
from tests.support.node import node_with_modules
from tests.support.server import ROOT, ServerProcess, serving

from hubbub import Refused
from hubbub.testing import Rejected, TestHub

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PATH = "/texts/tea"

SECONDS = 30
"""Of every wait for people to agree; it takes a fraction of one."""


class Office:
    """The example in a process of its own at `near`, and at `far` by a cable that can be cut."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: ServerProcess | None = None
        self._port = 0
        self.line: Cable
        self.far: Place

    @property
    def near(self) -> Place:
        return Place(f"http://127.0.0.1:{self._port}")

    async def open(self) -> None:
        command = ["env", "-C", str(self._folder), sys.executable, "-m", "hubbub", "serve"]
        self._server = ServerProcess(
            command=[*command, "examples.together.app:app", "--port", str(self._port)],
            environment={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        )
        await self._server.__aenter__()
        self._port = self._server.port

    async def kill(self) -> None:
        """End the server without a word."""
        await self.close(signal.SIGKILL)

    async def close(self, number: int = signal.SIGTERM) -> None:
        if self._server is not None:
            await self._server.stop(number)
            assert "Traceback" not in await self._server.log(), await self._server.log()
            await self._server.__aexit__(None, None, None)
            self._server = None

    async def text(self) -> str:
        """As pycrdt reads it."""
        async with httpx.AsyncClient(base_url=self.near.url) as client:
            return (await client.get(f"{PATH}/text")).text


@pytest_asyncio.fixture(loop_scope="module")
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    node_with_modules(ROOT / "examples/together")
    office = Office(tmp_path)
    await office.open()
    async with cable(office.near.url.removeprefix("http://")) as line:
        office.line, office.far = line, Place(f"http://{line.at}")
        yield office
    await office.close()


async def come(visitors: Visitors, at: Place, name: str = "", **profile: Any) -> Page:
    page = await visitors.come(at, path=PATH, **profile)
    await expect(page.locator("#status")).to_have_text("Live")
    if name:
        await page.get_by_label("Your name").fill(name)
    return page


def field(page: Page) -> Locator:
    return page.get_by_label("Text", exact=True)


async def write(page: Page, text: str, at: int | None = None) -> None:
    """Type `text` there, or at the end."""
    await field(page).evaluate(
        "(one, at) => { one.focus(); at ??= one.value.length; one.setSelectionRange(at, at); }", at
    )
    await page.keyboard.type(text)


async def saved(*pages: Page) -> None:
    for page in pages:
        await expect(page.locator("#status")).to_have_text("Live")
        await expect(page.locator("#saved")).to_have_text("All changes are saved.")


async def agreed(office: Office, *pages: Page) -> str:
    """What stands on all pages, and on the server, once that is the same."""
    await saved(*pages)
    async with asyncio.timeout(SECONDS):
        while True:
            texts = {await field(page).input_value() for page in pages} | {await office.text()}
            if len(texts) == 1:
                return texts.pop()
            await asyncio.sleep(0.05)


async def test_what_two_write_at_once_becomes_one_text(office: Office, visitors: Visitors) -> None:
    hers, his = await come(visitors, office.near, "Ann"), await come(visitors, office.far, "Bob")
    await write(hers, "begin\n\nend")
    await expect(field(his)).to_have_value("begin\n\nend")
    above, below = "what Ann writes " * 4, " and what Bob adds" * 4
    await asyncio.gather(write(hers, above, at=6), write(his, below))
    assert await agreed(office, hers, his) == f"begin\n{above}\nend{below}"


async def test_whole_characters_are_changed(office: Office, visitors: Visitors) -> None:
    """Two faces have the first half of their UTF-16 in common, and a text cannot hold one half."""
    hers, his = await come(visitors, office.near), await come(visitors, office.far)
    for text in ("a😀b", "a😁b", "a😁😁b", "a😀😁b", "ab", "€", ""):
        await field(hers).fill(text)
        await expect(field(his)).to_have_value(text)
        assert await agreed(office, hers, his) == text


async def test_caret_stays_where_it_is_while_others_write_and_undo_is_of_ones_own(
    office: Office, visitors: Visitors
) -> None:
    hers, his = await come(visitors, office.near), await come(visitors, office.far)
    await write(hers, "one three")
    await expect(field(his)).to_have_value("one three")
    await write(his, "", at=4)
    await write(hers, "zero ", at=0)
    await expect(field(his)).to_have_value("zero one three")
    await his.keyboard.type("two ")
    assert await agreed(office, hers, his) == "zero one two three"
    await his.keyboard.press("Control+z")
    assert await agreed(office, hers, his) == "zero one three"
    await his.keyboard.press("Control+Shift+z")
    assert await agreed(office, hers, his) == "zero one two three"


async def test_people_see_each_other_where_they_are_and_who_closes_the_page_is_gone(
    office: Office, visitors: Visitors
) -> None:
    hers = await come(visitors, office.near, "Ann")
    await write(hers, "first\nsecond")
    his = await come(visitors, office.far, "Bob")
    await expect(his.locator("#people li")).to_have_text(["Bob (you)", "Ann, line 2"])
    await expect(his.locator("#carets .caret")).to_have_attribute("data-name", "Ann")
    assert await his.locator("#carets").evaluate("one => one.firstChild.data") == "first\nsecond"
    await write(his, "", at=0)
    await expect(hers.locator("#people li")).to_have_text(["Ann (you)", "Bob, line 1"])
    await expect(hers.locator("#news")).to_contain_text("is here.")
    await his.get_by_label("Your name").fill("Robert")
    await expect(hers.locator("#people li")).to_have_text(["Ann (you)", "Robert"])
    await his.close()
    await expect(hers.locator("#people li")).to_have_text(["Ann (you)"])
    await expect(hers.locator("#news")).to_have_text("Robert is gone.")
    await expect(hers.locator("#carets .caret")).to_have_count(0)


async def test_what_both_write_without_a_connection_is_there_when_it_is_back(
    office: Office, visitors: Visitors
) -> None:
    hers, his = await come(visitors, office.far, "Ann"), await come(visitors, office.far, "Bob")
    await write(hers, "The kettle is on.")
    assert await agreed(office, hers, his) == "The kettle is on."
    visitors.server_may_go = True
    office.line.cut()
    for page in (hers, his):
        await expect(page.locator("#status")).to_contain_text("Offline")
        await expect(page.locator("#people li")).to_have_count(1)
    await write(hers, "Listen: ", at=0)
    await write(his, " Tea?")
    await expect(hers.locator("#saved")).to_have_text("Some changes are not saved yet.")
    await expect(field(his)).to_have_value("The kettle is on. Tea?")
    assert await office.text() == "The kettle is on."
    office.line.mend()
    assert await agreed(office, hers, his) == "Listen: The kettle is on. Tea?"
    await expect(hers.locator("#people li")).to_contain_text(["Ann", "Bob"])
    await expect(his.locator("#people li")).to_contain_text(["Bob", "Ann"])


async def test_who_comes_later_gets_the_text_as_it_stands_and_then_the_rest(
    office: Office, visitors: Visitors
) -> None:
    hers, his = await come(visitors, office.near), await come(visitors, office.far)
    await asyncio.gather(write(hers, "abc " * 10), write(his, "xyz " * 10))
    before = await agreed(office, hers, his)
    third = await come(visitors, office.near)
    await expect(field(third)).to_have_value(before)
    await write(his, "more")
    await expect(field(third)).to_have_value(f"{before}more")
    await write(third, "!")
    assert await agreed(office, hers, his, third) == f"{before}more!"


async def test_what_was_saved_outlives_the_server_and_the_rest_is_sent_again(
    office: Office, visitors: Visitors
) -> None:
    hers, his = await come(visitors, office.near), await come(visitors, office.near)
    await write(hers, "saved, ")
    await agreed(office, hers, his)
    visitors.server_may_go = True
    typing = asyncio.create_task(write(his, "typed while it was killed, " * 4))
    await expect(field(hers)).to_have_value(re.compile("^saved, typed"))
    await office.kill()
    await typing
    await expect(hers.locator("#status")).to_contain_text("Offline")
    await write(hers, "hers, ", at=0)
    await office.open()
    expected = "hers, saved, " + "typed while it was killed, " * 4
    assert await agreed(office, hers, his) == expected
    await office.kill()
    await office.open()
    assert await office.text() == expected
    assert await field(await come(visitors, office.near)).input_value() == expected


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_page_of_a_text_is_for_everybody_and_fits_a_phone(
    office: Office, visitors: Visitors, scheme: str
) -> None:
    hers = await come(visitors, office.near, "Ann", color_scheme=scheme)
    his = await come(visitors, office.near, "Bob")
    await write(his, "a-long-word-" * 20)
    await expect(hers.locator("#people li")).to_have_count(2)
    for width, height in ((1280, 800), (320, 640)):
        await hers.set_viewport_size({"width": width, "height": height})
        assert await sideways(hers) == []
        assert await barriers(hers) == []
    lines = "e => [e.clientWidth, e.scrollHeight]"
    assert await field(hers).evaluate(lines) == await hers.locator("#carets").evaluate(lines)


async def test_page_of_a_text_says_what_is_missing_before_its_packages_are_there(
    office: Office, visitors: Visitors
) -> None:
    visitors.answers.append("404 /npm/")
    page = await visitors.come(office.near, path="about:blank")
    await page.route("**/npm/**", lambda route: route.fulfill(status=404))
    await page.goto(office.near.url)
    await expect(page.locator("#status")).to_contain_text("npm --prefix examples/together ci")


def updates(*changes: str) -> list[bytes]:
    """Of a text to which these are added, one after the other."""
    doc, found = Doc[Text](), list[bytes]()
    text = doc.get("text", type=Text)
    for change in changes:
        before = doc.get_state()
        text += change
        found.append(doc.get_update(before))
    return found


async def test_page_that_was_away_for_longer_than_the_log_goes_back_has_all_of_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visitors: Visitors
) -> None:
    node_with_modules(ROOT / "examples/together")
    monkeypatch.chdir(tmp_path)
    count = together.hub.settings.recovery_limit + 1
    async with serving(together.app) as server, cable(f"127.0.0.1:{server.port}") as line:
        his = await come(visitors, Place(f"http://{line.at}"))
        await write(his, "before ")
        await saved(his)
        visitors.server_may_go = True
        line.cut()
        await expect(his.locator("#status")).to_contain_text("Offline")
        await write(his, "meanwhile ")
        room = together.texts(name="tea")
        await asyncio.gather(*[room.publish(one) for one in updates(*"x" * count)])
        line.mend()
        await saved(his)
        text = await field(his).input_value()
        assert sorted(text.replace("x", "").split()) == ["before", "meanwhile"]
        assert text.count("x") == count
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            assert (await client.get(f"{PATH}/text")).text == text
        # The log begins anew; the text does not.
        await together.hub.forget("text:tea")
        await write(his, "after")
        await saved(his)
        assert (await field(his).input_value()) == f"{text}after"
        await his.close()


async def test_text_holds_updates_in_any_order_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    transport = httpx.ASGITransport(app=together.app)
    async with (
        TestHub(together.app) as hub,
        httpx.AsyncClient(transport=transport, base_url="http://together") as client,
    ):
        for number, order in enumerate(permutations(updates("one ", "two ", "three"))):
            room = together.texts(name=f"text-{number}")
            for update in order:
                await room.publish(update)
            assert (await client.get(f"/texts/text-{number}/text")).text == "one two three"
        assert (await client.get("/texts/new/text")).text == ""
        assert (await client.get("/texts/new/state")).content == states.NOTHING
        assert (await client.get("/texts/NO/state")).status_code == 422
        eve = await hub.connect()
        await eve.join("text:tea")
        with pytest.raises(Rejected, match="103 this is no update of Yjs"):
            await eve.publish("text:tea", {"a": 1})
        for room_name in ("text:NO", "people:NO", "text"):
            with pytest.raises(Rejected):
                await eve.join(room_name)
        monkeypatch.setattr(states, "MOST", 10)
        with pytest.raises(Refused, match="the text is full"):
            await together.texts(name="tea").publish(updates("too much")[0])
        assert (await client.get("/texts/tea/text")).text == ""
