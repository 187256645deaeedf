"""The page as an application: it comes up without the server, and says when there is a new one."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.e2e.site import Site
from tests.e2e.visitors import ROOT, Visitors

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def worker_is_there(page: Page) -> None:
    """Wait until the service worker looks after the next page."""
    await page.evaluate(
        """async () => {
          await navigator.serviceWorker.ready;
          while (!navigator.serviceWorker.controller)
            await new Promise((resolve) => setTimeout(resolve, 20));
        }"""
    )


async def test_page_comes_up_without_the_server(site: Site, visitors: Visitors) -> None:
    ann = await site.person("ann")
    page = await visitors.come(site, ann)
    await expect(page.get_by_role("button", name="Ann: your account")).to_be_visible()
    await worker_is_there(page)
    visitors.server_may_go = True
    await site.kill()
    await page.reload()
    await expect(page).to_have_title("hubbub")
    await expect(page.get_by_text("The chat cannot be reached")).to_be_visible()
    await site.start()
    await expect(page.get_by_role("button", name="Ann: your account")).to_be_visible()


async def test_worker_keeps_the_pages_files_and_nothing_else(
    site: Site, visitors: Visitors
) -> None:
    ann = await site.person("ann")
    page = await visitors.come(site, ann)
    await expect(page.get_by_role("button", name="Ann: your account")).to_be_visible()
    await worker_is_there(page)
    kept: list[str] = await page.evaluate(
        """async () => {
          const all = [];
          for (const name of await caches.keys())
            for (const request of await (await caches.open(name)).keys()) all.push(request.url);
          return all.map((url) => new URL(url).pathname);
        }"""
    )
    assert "/index.html" in kept
    other = [path for path in kept if not path.startswith("/assets/")]
    assert all(path == "/index.html" or path.startswith("/favicon") for path in other)


async def test_new_version_is_told_and_loaded_on_request(
    site: Site, visitors: Visitors, tmp_path: Path
) -> None:
    ann = await site.person("ann")
    page = await visitors.come(site, ann)
    await expect(page.get_by_role("button", name="Ann: your account")).to_be_visible()
    await worker_is_there(page)

    visitors.server_may_go = True
    await site.kill()
    site.package = str(tmp_path)
    shutil.copytree(ROOT / "src/hubbub", tmp_path / "hubbub")
    client = tmp_path / "hubbub/chat/client"
    for name, was, becomes in (
        ("index.html", "<title>", '<meta name="version" content="2"><title>'),
        ("sw.js", r'"[0-9a-f]{12}"', '"another"'),
    ):
        text, count = re.subn(was, becomes, (client / name).read_text())
        assert count == 1
        (client / name).write_text(text)
        for compressed in client.glob(f"{name}.*"):
            compressed.unlink()
    await site.start()

    version = page.locator("meta[name=version]")
    await expect(version).to_have_count(0)
    await page.evaluate("navigator.serviceWorker.getRegistration().then((all) => all.update())")
    # It stays, and covers nothing that one writes.
    told = page.locator("p:not([role])", has_text="There is a new version of this chat.")
    await expect(told).to_be_visible()
    await page.wait_for_timeout(11_000)
    await expect(told).to_be_visible()
    async with page.expect_event("load"):
        await page.get_by_role("button", name="Load it").click()
    await expect(version).to_have_count(1)
    await expect(page.get_by_role("button", name="Ann: your account")).to_be_visible()
    assert await page.evaluate("caches.keys()") == ["hubbub-another"], "the old one is forgotten"


async def test_it_can_be_installed(site: Site, visitors: Visitors) -> None:
    page = await visitors.come(site)
    session = await page.context.new_cdp_session(page)
    found = await session.send("Page.getAppManifest")
    assert found["errors"] == []
    manifest = json.loads(found["data"])
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        answer = await page.request.get("/" + icon["src"])
        assert (answer.status, answer.headers["content-type"]) == (200, icon["type"])
    trouble = await session.send("Page.getInstallabilityErrors")
    assert [one["errorId"] for one in trouble["installabilityErrors"]] in ([], ["in-incognito"])
