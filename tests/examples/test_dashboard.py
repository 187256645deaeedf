"""examples/dashboard: the charts of two people, what they must not miss and what they may."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
import pytest_asyncio
from examples.dashboard import app as dashboard
from playwright.async_api import Page, expect
from tests.e2e.visitors import Place, Visitors, barriers, sideways
from tests.support.cable import Cable, cable
from tests.support.node import node_with_modules
from tests.support.server import ROOT, serving

from hubbub.testing import TestHub

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

NEVER = 3600.0


class Shop:
    """The dashboard at `near`, and at `far` by a cable that can be cut."""

    def __init__(self, port: int, line: Cable) -> None:
        self.near = Place(f"http://127.0.0.1:{port}")
        self.far = Place(f"http://{line.at}")
        self.line = line
        self.client = httpx.AsyncClient(base_url=self.near.url)

    async def sell(self, drink: str, cups: int, key: str = "") -> int:
        """The number of a new order."""
        answer = await self.client.post(
            "/orders", json={"drink": drink, "cups": cups}, headers={"Idempotency-Key": key}
        )
        assert answer.status_code == 201, answer.text
        number: int = answer.json()["number"]
        return number

    async def sell_many(self, count: int, drink: Literal["Green tea", "Mint tea"]) -> None:
        order = dashboard.Order(drink=drink, cups=1)
        await asyncio.gather(*[dashboard.orders().publish(order) for _ in range(count)])

    async def measure(self, celsius: float) -> None:
        await dashboard.kettles().publish({"Left": celsius})


@pytest_asyncio.fixture(loop_scope="module")
async def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """One whose kettles are read once, as it opens, and then by the test alone."""
    node_with_modules(ROOT / "examples/dashboard")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dashboard, "EVERY", NEVER)
    monkeypatch.setattr(dashboard, "read_kettles", lambda: {"Left": 20.0})
    async with serving(dashboard.app) as server, cable(f"127.0.0.1:{server.port}") as line:
        shop = Shop(server.port, line)
        yield shop
        await shop.client.aclose()


async def come(visitors: Visitors, at: Place, **profile: Any) -> Page:
    page = await visitors.come(at, **profile)
    await expect(page.locator("#status")).to_have_text("Live")
    return page


async def sees(page: Page, *orders: str) -> None:
    """These are in the list, the latest first, and no others."""
    await expect(page.locator("#list li")).to_have_text(orders)


async def totals(page: Page, *rows: str) -> None:
    await expect(page.locator("#totals tbody tr")).to_have_text(rows)


async def now(page: Page, celsius: str) -> None:
    await expect(page.locator("#temperatures tbody td").first).to_have_text(celsius)


async def test_figures_of_the_task_the_route_and_the_form_arrive_at_both(
    shop: Shop, visitors: Visitors
) -> None:
    hers, his = await come(visitors, shop.near), await come(visitors, shop.far)
    for page in (hers, his):
        await now(page, "20.0")
    await shop.sell("Mint tea", 3)
    await hers.get_by_label("Drink").select_option("Green tea")
    await hers.get_by_label("Cups").fill("1")
    await hers.get_by_role("button", name="Order").click()
    await expect(hers.get_by_text("Order 2 is in.")).to_be_visible()
    await shop.measure(98.5)
    for page in (hers, his):
        await sees(page, "Green tea, 1 cup", "Mint tea, 3 cups")
        await totals(page, "Green tea11", "Mint tea13")
        await expect(page.locator("#bars text")).to_have_text(["Green tea", "1", "Mint tea", "3"])
        await now(page, "98.5")
        await expect(page.locator('#lines polyline[data-name="Left"]')).not_to_have_count(0)


async def test_connection_that_comes_back_brings_every_order_and_the_latest_temperature_alone(
    shop: Shop, visitors: Visitors
) -> None:
    hers, his = await come(visitors, shop.near), await come(visitors, shop.far)
    await shop.sell("Mint tea", 1)
    await sees(his, "Mint tea, 1 cup")
    visitors.server_may_go = True
    shop.line.cut()
    await expect(his.locator("#status")).to_contain_text("Offline")
    for cups in range(2, 9):
        await shop.sell("Black tea", cups)
        await shop.measure(40.0 + cups)
    await now(hers, "48.0")
    await now(his, "20.0")
    await his.get_by_role("button", name="Order").click()
    await expect(his.get_by_text("The shop cannot be reached. Order again.")).to_be_visible()

    heard: list[str] = []
    his.on("websocket", lambda one: one.on("framereceived", lambda frame: heard.append(str(frame))))
    shop.line.mend()
    await expect(his.locator("#status")).to_have_text("Live")
    await now(his, "48.0")
    assert re.findall(r'"Left":([\d.]+)', "".join(heard)) == ["48.0"]
    missed = [f"Black tea, {cups} cups" for cups in range(8, 1, -1)]
    for page in (hers, his):
        await sees(page, *missed, "Mint tea, 1 cup")
        await totals(page, "Black tea735", "Mint tea11")
    await his.get_by_role("button", name="Order").click()
    await sees(hers, "Green tea, 2 cups", *missed, "Mint tea, 1 cup")


async def test_page_reads_all_that_was_ordered_before_and_begins_anew_with_the_log(
    shop: Shop, visitors: Visitors
) -> None:
    count = 700  # more than two pages of history
    await shop.sell_many(count, "Mint tea")
    page = await come(visitors, shop.near)
    await totals(page, f"Mint tea{count}{count}")
    await dashboard.hub.forget("orders")
    await shop.sell("Green tea", 1)
    await sees(page, "Green tea, 1 cup")
    await totals(page, "Green tea11")


async def test_page_shows_as_many_orders_as_the_server_keeps(
    shop: Shop, visitors: Visitors
) -> None:
    page = await come(visitors, shop.near)
    await shop.sell_many(1000, "Mint tea")
    await totals(page, "Mint tea10001000")
    await shop.sell("Green tea", 1)
    await totals(page, "Green tea11", "Mint tea999999")
    await expect(page.locator("#list li")).to_have_count(1000)


async def test_order_that_is_sent_again_is_one_order(shop: Shop) -> None:
    for _ in range(2):
        assert await shop.sell("Mint tea", 1, key="one click") == 1
    other = {"drink": "Mint tea", "cups": 2}
    answer = await shop.client.post("/orders", json=other, headers={"Idempotency-Key": "one click"})
    assert answer.status_code == 409
    for wrong in ({"drink": "Coffee", "cups": 1}, {"drink": "Mint tea", "cups": 21}):
        assert (await shop.client.post("/orders", json=wrong)).status_code == 422


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_page_is_for_everybody_and_fits_a_phone(
    shop: Shop, visitors: Visitors, scheme: str
) -> None:
    await shop.sell("Mint tea", 3)
    page = await come(visitors, shop.near, color_scheme=scheme)
    await now(page, "20.0")
    await sees(page, "Mint tea, 3 cups")
    for width, height in ((1280, 800), (320, 640)):
        await page.set_viewport_size({"width": width, "height": height})
        assert await sideways(page) == []
        assert await barriers(page) == []


async def test_page_says_what_is_missing_before_its_packages_are_there(
    shop: Shop, visitors: Visitors
) -> None:
    visitors.answers.append("404 /npm/centrifuge.js")
    page = await visitors.come(shop.near, path="about:blank")
    await page.route("**/npm/*", lambda route: route.fulfill(status=404))
    await page.goto(shop.near.url)
    await expect(page.locator("#status")).to_contain_text("npm --prefix examples/dashboard ci")


async def test_of_many_readings_in_a_moment_the_newest_is_brought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dashboard, "EVERY", NEVER)
    async with TestHub(dashboard.app) as hub:
        client = await hub.connect()
        await client.join("kettles")
        await hub.clock.advance(1)
        await client.waiting()  # what the kettles said first
        await dashboard.kettles().publish({"Left": 0})
        assert (await client.next("kettles")).data == {"Left": 0}
        for celsius in range(1, 20):
            await dashboard.kettles().publish({"Left": celsius})
        assert await client.waiting() == []
        await hub.clock.advance(1)
        assert [one.data for one in await client.waiting()] == [{"Left": 19}]


async def test_the_task_of_the_dashboard_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with TestHub(dashboard.app) as hub:
        client = await hub.connect()
        await client.join("kettles")
        reading = (await client.next("kettles")).data
        assert set(reading) == {"Left", "Middle", "Right"}
        assert [one for one in asyncio.all_tasks() if "watch_kettles" in repr(one)]
    assert not [one for one in asyncio.all_tasks() if "watch_kettles" in repr(one)]
