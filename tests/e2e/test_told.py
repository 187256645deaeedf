"""What reaches whom: notifications, sounds and words for who listens, and what stays silent."""

from __future__ import annotations

import contextlib

import pytest
from playwright.async_api import CDPSession, Page, expect
from tests.e2e.chatting import entry, field, message, messages, pending, until, write
from tests.e2e.site import Person, Site
from tests.e2e.visitors import Visitors

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

KEPT = """
  window.told = [];
  window.rings = 0;
  const Shown = window.Notification;
  window.Notification = class extends Shown {
    constructor(title, options) {
      super(title, options);
      told.push(this);
    }
  };
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...at) {
    rings += 1;
    return start.apply(this, at);
  };
"""
"""Keeps the browser's own notifications within reach, and counts what sounds."""

REFUSED = """() => {
  window.Notification = class {
    static permission = "granted";
    constructor() { throw new TypeError("Illegal constructor"); }
  };
  const show = ServiceWorkerRegistration.prototype.showNotification;
  ServiceWorkerRegistration.prototype.showNotification = async function (title, options) {
    await show.call(this, title, options);
    told.push({ title, ...options });
  };
}"""
"""Has pages show none themselves, as on phones, and keeps what the worker shows."""

PRESSED = """async (data) => {
  WindowClient.prototype.focus = async function () { return this; }; // it takes a real finger
  const closed = new Promise((close) => {
    const event = new ExtendableEvent("notificationclick");
    dispatchEvent(Object.assign(event, { notification: { data, close } }));
  });
  await closed;
}"""
"""Presses a notification, as far as the worker can tell."""

WORDS = "told.map((one) => `${one.title}: ${one.body}`)"


async def ready(
    visitors: Visitors, site: Site, person: Person, room: str, sound: bool = False
) -> Page:
    """That person's page of the room, on a device that is to show notifications."""
    page = await visitors.come(site, person, "/#/settings/notifications")
    await page.context.grant_permissions(["notifications"])
    await page.add_init_script(KEPT)
    await page.reload()
    await page.get_by_label("Show notifications on this device").check()
    await page.get_by_label("Play a sound").set_checked(sound)
    await page.goto(f"/#/rooms/{room}")
    await expect(field(page)).to_be_editable()
    await follows(page)
    return page


async def follows(page: Page) -> None:
    """Wait until what others say is told to that page, which says something for it."""
    await write(page, "here I am")
    await expect(messages(page)).to_have_count(1)
    await expect(pending(page)).to_have_count(0)


async def away(page: Page) -> Page:
    """Have somebody look at another page, which is the answer."""
    # Playwright has every page believe that it is looked at.
    session: CDPSession = await page.context.new_cdp_session(page)
    await session.send("Emulation.setFocusEmulationEnabled", {"enabled": False})
    other = await page.context.new_page()
    await other.bring_to_front()
    await until(page, "!document.hasFocus()")
    return other


async def told(page: Page, *words: str) -> None:
    """Wait until that, and nothing else, was told by notifications."""
    with contextlib.suppress(TimeoutError):
        await until(page, f"told.length >= {len(words)}")
    assert await page.evaluate(WORDS) == [*words]


async def test_notification_is_for_who_looks_elsewhere_and_leads_to_the_message(
    shared: Site, visitors: Visitors
) -> None:
    ann, bob = await shared.newcomers("Ann", "Bob")
    tea, coffee = await ann.room("Told", bob), await ann.room("Told elsewhere", bob)
    hers = await ready(visitors, shared, ann, coffee)
    # She is here: it is counted, and that is all.
    await bob.say(tea, "you are here")
    await expect(entry(hers, tea)).to_contain_text("1 unread message")
    await told(hers)

    other = await away(hers)
    id = await bob.say(tea, "you are there")
    await told(hers, "Bob in Told: you are there")
    for number in range(30):
        await bob.say(tea, f"and more {number}")
    await expect(entry(hers, tea)).to_contain_text("32 unread messages")
    # A room's latest notification takes the place of the others; this one was pressed before.
    await hers.evaluate("told[0].dispatchEvent(new Event('click'))")
    await expect(message(hers, "you are there")).to_be_in_viewport()
    assert hers.url.endswith(f"#/rooms/{tea}/{id}")
    await other.close()
    await hers.bring_to_front()
    await expect(message(hers, "you are there")).to_be_focused()


async def test_what_one_is_told_goes_by_the_level_of_the_room(
    shared: Site, visitors: Visitors
) -> None:
    ann, bob = await shared.newcomers("Ann", "Bob")
    rooms = {
        level: await ann.room(f"Level {level}", bob) for level in ("all", "mentions", "nothing")
    }
    for level, room in rooms.items():
        body = {"level": level, "muted": False}
        await ann.ask("PUT", f"/rooms/{room}/preferences", json=body)
    here = await ann.room("Level here", bob)
    hers = await ready(visitors, shared, ann, here, sound=True)
    await away(hers)
    for level in ("nothing", "mentions", "all"):
        await bob.say(rooms[level], "to nobody in particular")
    await told(hers, "Bob in Level all: to nobody in particular")
    assert await hers.evaluate("rings") > 0
    for level in ("nothing", "mentions"):
        await bob.say(rooms[level], f"to @{ann.name}")
    await told(
        hers,
        "Bob in Level all: to nobody in particular",
        f"Bob in Level mentions: to @{ann.name}",
    )
    # All of it has come: the room that tells nothing counts nothing either.
    await expect(entry(hers, rooms["mentions"])).to_contain_text("1 mention")
    await expect(entry(hers, rooms["nothing"])).not_to_contain_text("mention")


async def test_sound_is_only_made_where_it_is_wanted(shared: Site, visitors: Visitors) -> None:
    ann, bob = await shared.newcomers("Ann", "Bob")
    room, here = await ann.room("Quiet", bob), await ann.room("Quiet here", bob)
    hers = await ready(visitors, shared, ann, here)
    await away(hers)
    await bob.say(room, "softly")
    await told(hers, "Bob in Quiet: softly")
    assert await hers.evaluate("rings") == 0


async def test_notification_of_a_phone_leads_to_the_message(
    shared: Site, visitors: Visitors
) -> None:
    """There the service worker shows them, for pages may not."""
    ann, bob = await shared.newcomers("Ann", "Bob")
    room, here = await ann.room("Phones", bob), await ann.room("Phones here", bob)
    hers = await ready(visitors, shared, ann, here)
    await hers.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    await hers.evaluate(REFUSED)
    await away(hers)
    id = await bob.say(room, "over here")
    await told(hers, "Bob in Phones: over here")
    await hers.context.service_workers[0].evaluate(PRESSED, await hers.evaluate("told[0].data"))
    await expect(message(hers, "over here")).to_be_in_viewport()
    assert hers.url.endswith(f"#/rooms/{room}/{id}")


async def test_what_others_say_is_read_out_and_not_one_by_one_where_it_is_much(
    shared: Site, visitors: Visitors
) -> None:
    ann, bob = await shared.newcomers("Ann", "Bob")
    room = await ann.room("Read out", bob)
    hers = await visitors.come(shared, ann, "about:blank")
    await hers.clock.install()
    await hers.goto(f"/#/rooms/{room}")
    await expect(field(hers)).to_be_editable()
    await follows(hers)
    said = hers.locator("main [aria-live=polite][aria-atomic=true]").first
    await bob.say(room, "is **anybody** here?")
    await expect(said).to_have_text("Bob: is anybody here?")
    await ann.say(room, "I am")  # with another device: that is no news to her
    await expect(messages(hers)).to_have_count(3)
    await hers.clock.pause_at(await hers.evaluate("Date.now() + 1_000"))
    for number in range(5):
        await bob.say(room, f"and then {number}")
    await expect(messages(hers)).to_have_count(8)
    await hers.clock.run_for(1_000)
    await expect(said).to_have_text("5 new messages from Bob")
