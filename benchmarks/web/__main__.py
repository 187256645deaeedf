"""`python -m benchmarks.web`: how soon the web client is there, how fast it answers, what it holds.

In Debian's Chromium, on the built client and a real server, with a room of ten thousand messages
and somebody in 500 rooms. As Lighthouse does it for phones, the first load is measured with the
processor slowed down four times and a line of 1.6 Mbit/s and 150 ms.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from benchmarks.chat.place import Builder, Somebody
from benchmarks.chat.server import chat_server
from benchmarks.parts import Place, Row, place, run, table

CLIENT = Path(__file__).parents[2] / "src" / "hubbub" / "chat" / "client"

BUDGET_BYTES = 150_000
"""Of all that the first load brings, compressed."""

INPUT_MS = 100.0
PHONE = {"width": 360, "height": 740}
SLOW_DOWN = 4
LINE = {"latency": 150, "downloadThroughput": 204_800, "uploadThroughput": 96_000}
"""Milliseconds, and bytes a second: Lighthouse's slow 4G."""

TYPED = "the quick brown fox jumps over the lazy dog and back again"
DEADLINE_MS = 120_000

# What came of the client's own files, compressed as they came.
SIZE = """
[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .filter((one) => !one.name.includes("/api/")).reduce((sum, one) => sum + one.encodedBodySize, 0)
"""

# Long tasks and the latency of input are seen by the page itself.
WATCH = """
window.seen = { paint: 0, largest: 0, blocked: 0, inputs: [], shift: 0 };
const watch = (type, each, more = {}) =>
  new PerformanceObserver((list) => list.getEntries().forEach(each)).observe(
    { type, buffered: true, ...more });
watch("paint", (one) => { if (one.name === "first-contentful-paint") seen.paint = one.startTime; });
watch("largest-contentful-paint", (one) => { seen.largest = one.startTime; });
watch("longtask", (one) => { seen.blocked += Math.max(0, one.duration - 50); });
watch("layout-shift", (one) => { if (!one.hadRecentInput) seen.shift += one.value; });
watch("event", (one) => { if (one.name === "keydown") seen.inputs.push(one.duration); },
  { durationThreshold: 16 });
"""

TOLD_MS = 16
"""What is shorter, a page is not told of (Event Timing)."""


def main(
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    many: Annotated[int, typer.Option(help="Messages of the large room.")] = 10_000,
    rooms: Annotated[int, typer.Option(help="Rooms that somebody is in.")] = 500,
) -> None:
    """First load, input latency and memory of the web client."""
    results: dict[str, Any] = {"rounds": rounds, "messages": many, "rooms": rooms}
    with place("web", results) as here:
        url = f"sqlite:///{here.folder}/web.db"
        who = run(partial(_filled, url, many, rooms))
        with chat_server(here, url) as (port, _), _browser() as browser:
            at = partial(_page, browser, port, who)
            results["load"] = _loads(here, at, rounds)
            results["use"] = _use(here, at, many)


async def _filled(url: str, many: int, rooms: int) -> Somebody:
    """Somebody in a large room and many others."""
    async with Builder(url) as builder:
        people = await builder.people(50)
        await builder.room("large", people)
        for number in range(rooms - 1):
            await builder.room(f"r{number}", people[:3])
        await builder.messages(["large"], people, many)
        return people[1]


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--headless", "--no-sandbox"]
        )
        yield browser
        browser.close()


@contextmanager
def _page(browser: Browser, port: int, who: Somebody, **profile: Any) -> Iterator[Page]:
    """A page in a profile of its own, that is signed in and has opened nothing yet."""
    base = f"http://127.0.0.1:{port}"
    context = browser.new_context(base_url=base, service_workers="block", **profile)
    context.add_cookies([{"name": "hubbub", "value": who.cookie, "url": base}])
    context.set_default_timeout(DEADLINE_MS)
    page = context.new_page()
    page.add_init_script(WATCH)
    yield page
    context.close()


def _open(page: Page, room: str = "large") -> None:
    page.goto(f"/#/rooms/{room}")
    page.get_by_role("textbox", name="Message").wait_for()
    page.locator("[data-id]").first.wait_for()


def _loads(here: Place, at: Any, rounds: int) -> list[Row]:
    made = table(
        "a first load, medians, ms",
        "where",
        "first paint",
        "largest",
        "usable",
        "blocked",
        "kB of the client",
    )
    rows = []
    for name, slow in (("desk", False), ("phone, slow line", True)):
        found: list[dict[str, float]] = []
        for _ in range(rounds):
            with at(**({"viewport": PHONE, "has_touch": True} if slow else {})) as page:
                if slow:
                    _slow_down(page.context.new_cdp_session(page))
                _open(page)
                usable = page.evaluate("performance.now()")
                size = page.evaluate(SIZE)
                found.append({"usable": usable, "bytes": size, **page.evaluate("seen")})
        row: Row = {"where": name}
        for key in ("paint", "largest", "usable", "blocked", "shift", "bytes"):
            row[key] = statistics.median(one[key] for one in found)
        rows.append(row)
        times = (f"{row[key]:,.0f}" for key in ("paint", "largest", "usable", "blocked"))
        made.add_row(name, *times, f"{row['bytes'] / 1000:.0f}")
    here.console.print(made)
    size = max(row["bytes"] for row in rows)
    name = f"first load under {BUDGET_BYTES / 1000:g} kB compressed"
    here.verdict(name, f"{size / 1000:.1f} kB", size < BUDGET_BYTES)
    return rows


def _slow_down(session: CDPSession) -> None:
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", {"offline": False, **LINE})
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOW_DOWN})


def _use(here: Place, at: Any, many: int) -> list[Row]:
    """Typing, and what is held, with the last page of the room and with all of it."""
    made = table(
        f"in use: {many:,} messages, ms and MB",
        "loaded",
        "messages in the page",
        "elements",
        "memory",
        "key to paint, median",
        "worst of 50",
    )
    rows = []
    with at() as page:
        session = page.context.new_cdp_session(page)
        _open(page)
        for loaded in ("the last page", "all of it"):
            if loaded == "all of it":
                _scroll_up(page, many)
            row: Row = {"loaded": loaded, **_held(page, session), **_typed(page)}
            rows.append(row)
            made.add_row(
                loaded,
                f"{row['messages']}",
                f"{row['elements']:,}",
                f"{row['bytes'] / 1e6:.1f}",
                _told(row["median"]),
                _told(row["worst"]),
            )
    here.console.print(made)
    worst = max(row["worst"] for row in rows)
    told = f"{_told(worst)} ms"
    here.verdict(f"input latency under {INPUT_MS:g} ms", told, worst < INPUT_MS)
    return rows


def _told(ms: float) -> str:
    return f"{ms:.0f}" if ms >= TOLD_MS else f"< {TOLD_MS}"


def _scroll_up(page: Page, many: int) -> None:
    """Read back to the first message."""
    first = page.locator("[data-id]").first
    while True:
        before = first.get_attribute("data-id")
        first.scroll_into_view_if_needed()
        page.mouse.wheel(0, -20_000)
        try:
            page.wait_for_function(
                "(id) => document.querySelector('[data-id]').dataset.id !== id",
                arg=before,
                timeout=3_000,
            )
        except Exception:
            return


def _held(page: Page, session: CDPSession) -> Row:
    session.send("HeapProfiler.enable")
    session.send("HeapProfiler.collectGarbage")
    counted = session.send("Memory.getDOMCounters")
    heap = session.send("Runtime.getHeapUsage")
    return {
        "messages": page.locator("[data-id]").count(),
        "elements": page.evaluate("document.querySelectorAll('*').length"),
        "nodes": counted["nodes"],
        "bytes": heap["usedSize"],
    }


def _typed(page: Page) -> Row:
    """How long it takes from a key to the paint that shows it; 0 for less than `TOLD_MS`."""
    field = page.get_by_role("textbox", name="Message")
    field.fill("")
    page.evaluate("seen.inputs.length = 0")
    field.press_sequentially(TYPED, delay=30)
    page.wait_for_timeout(500)
    inputs = page.evaluate("seen.inputs") or [0]
    every = [*inputs, *[0.0] * (len(TYPED) - len(inputs))]
    return {"median": statistics.median(every), "worst": max(every)}


if __name__ == "__main__":
    if not (CLIENT / "index.html").exists():
        subprocess.run(["make", "web"], check=True)
    typer.run(main)
