"""What moderators do by the page's own controls, and what becomes of it for whom it is done to."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Page, expect
from tests.e2e.chatting import (
    choose,
    details,
    enter,
    entry,
    field,
    message,
    messages,
    write,
)
from tests.e2e.site import Site
from tests.e2e.visitors import Visitors

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def deal(page: Page, who: str, what: str) -> Locator:
    """Choose `what` from that member's menu: the dialog that asks whether it is meant."""
    await page.locator(".member").filter(has_text=who).click()
    await page.get_by_role("menuitem", name=what, exact=True).click()
    return page.get_by_role("dialog").filter(has=page.get_by_role("button", name="Cancel"))


def muted(page: Page) -> Locator:
    return page.get_by_role("note").filter(has_text="You are muted in this room")


async def test_moderators_delete_what_others_said(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    await write(his, "coffee is better")
    await choose(hers, "coffee is better", "Delete")
    await hers.get_by_role("dialog").get_by_role("button", name="Delete").click()
    for page in (hers, his):
        await expect(messages(page)).to_have_count(1)
        await expect(messages(page)).to_contain_text("Ann deleted this message.")
        await expect(page.get_by_text("coffee is better")).to_have_count(0)
    await his.reload()
    await expect(messages(his)).to_contain_text("Ann deleted this message.")


async def test_who_is_muted_reads_and_cannot_write_until_unmuted(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    await ann.say(tea, "hello")
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    await details(hers, "Members")
    dialog = await deal(hers, "Bob", "Mute …")
    await dialog.get_by_label("For how long").select_option(label="8 hours")
    await dialog.get_by_label("Reason").fill("shouting")
    await dialog.get_by_role("button", name="Mute", exact=True).click()
    await expect(muted(his)).to_be_visible()
    await expect(field(his)).to_have_count(0)
    await ann.say(tea, "quiet now")
    await expect(message(his, "quiet now")).to_be_visible()

    dialog = await deal(hers, "Bob", "Unmute")
    await dialog.get_by_role("button", name="Unmute").click()
    await expect(muted(his)).to_have_count(0)
    await write(his, "here I am again")
    await expect(message(hers, "here I am again")).to_be_visible()


async def test_slow_mode_has_others_wait(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    await details(hers, "Settings")
    slow = hers.get_by_label("Slow mode")
    await slow.select_option(label="5 minutes")
    await expect(hers.get_by_text("Saved", exact=True)).to_be_visible()
    await write(his, "one")
    await expect(message(hers, "one")).to_be_visible()
    waits = his.get_by_text(re.compile(r"Slow mode: you can send in (29\d|300) s\."))
    await expect(waits).to_be_visible()
    await expect(his.get_by_role("button", name="You can send in")).to_be_disabled()
    await field(his).fill("two")
    await field(his).press("Enter")
    await expect(field(his)).to_have_value("two")
    await expect(messages(hers)).to_have_count(1)
    # Moderators do not wait.
    await write(hers, "first of two")
    await write(hers, "second of two")
    await expect(message(his, "second of two")).to_be_visible()

    await slow.select_option(label="Off")
    await expect(his.get_by_text("Slow mode")).to_have_count(0)
    await field(his).press("Enter")
    await expect(message(hers, "two")).to_be_visible()


async def test_who_is_banned_is_out_at_once_and_in_again_when_it_is_lifted(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    visitors.answers += ["40[34] .*/rooms/"]
    await details(hers, "Members")
    dialog = await deal(hers, "Bob", "Ban from the room …")
    await dialog.get_by_label("For how long").select_option(label="For good")
    await dialog.get_by_label("Reason").fill("spilled it on purpose")
    await dialog.get_by_role("button", name="Ban", exact=True).click()
    await expect(entry(his, tea)).to_have_count(0)
    await expect(field(his)).to_have_count(0)
    await expect(hers.get_by_role("button", name="People: 1")).to_be_visible()

    await his.goto("/#/browse")
    await expect(his.get_by_role("button", name="Join Lobby")).to_be_visible()
    await expect(his.get_by_role("button", name="Join Tea")).to_have_count(0)
    await his.goto(f"/#/rooms/{tea}")
    await expect(his.get_by_text("There is no such room here")).to_be_visible()
    await expect(field(his)).to_have_count(0)

    await hers.get_by_role("button", name="Banned people").click()
    bans = hers.get_by_role("dialog", name="Banned people")
    await expect(bans.get_by_role("listitem")).to_contain_text("spilled it on purpose")
    await expect(bans.get_by_role("listitem")).to_contain_text("for good")
    await bans.get_by_role("button", name="Lift the ban").click()
    sure = hers.get_by_role("dialog", name="Lift the ban of")
    await sure.get_by_role("button", name="Lift the ban").click()
    await expect(bans.get_by_text("Nobody is banned")).to_be_visible()
    await his.goto("/#/browse")
    await his.get_by_role("button", name="Join Tea").click()
    await expect(field(his)).to_be_editable()
    await write(his, "I am sorry")
    await bans.get_by_role("button", name="Close").click()
    await expect(message(hers, "I am sorry")).to_be_visible()


async def test_mute_and_ban_that_are_for_a_time_end_by_themselves(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea, milk = await ann.room("Tea", bob), await ann.room("Milk", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    visitors.answers += ["40[34] .*/rooms/"]
    await details(hers, "Members")
    brief = {"seconds": 5}
    await ann.ask("PUT", f"/rooms/{milk}/bans/{bob.id}", json=brief)
    await ann.ask("PUT", f"/rooms/{tea}/members/{bob.id}/mute", json=brief)
    await expect(muted(his)).to_be_visible()
    await expect(entry(his, milk)).to_have_count(0)
    await expect(hers.locator(".member").filter(has_text="Bob")).to_contain_text("Muted until")
    # Nobody tells that it is over: it is.
    await expect(muted(his)).to_have_count(0)
    await write(his, "here I am again")
    await expect(message(hers, "here I am again")).to_be_visible()
    await expect(his.locator("main .pending")).to_have_count(0)

    await his.goto("/#/browse")
    await his.get_by_role("button", name="Join Milk").click()
    await expect(field(his)).to_be_editable()
    await write(his, "time heals")
    await entry(hers, milk).click()
    await expect(message(hers, "time heals")).to_be_visible()


async def test_who_is_put_out_sees_it_at_once_and_may_come_again(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    visitors.answers += ["40[34] .*/rooms/"]
    await details(hers, "Members")
    dialog = await deal(hers, "Bob", "Remove from the room …")
    await dialog.get_by_label("Reason").fill("wrong room")
    await dialog.get_by_role("button", name="Remove", exact=True).click()
    await expect(entry(his, tea)).to_have_count(0)
    await expect(field(his)).to_have_count(0)
    await expect(hers.get_by_role("button", name="People: 1")).to_be_visible()
    await expect(hers.locator(".member").filter(has_text="Bob")).to_have_count(0)
    await his.goto("/#/browse")
    await his.get_by_role("button", name="Join Tea").click()
    await expect(field(his)).to_be_editable()
    await expect(hers.get_by_role("button", name="People: 2")).to_be_visible()
    await write(his, "the right one")
    await expect(message(hers, "the right one")).to_be_visible()


async def test_who_is_given_a_role_sees_the_rights_at_once(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    await details(his, "Settings")
    await expect(his.get_by_label("Tell me about")).to_be_visible()
    await expect(his.get_by_label("Slow mode")).to_have_count(0)
    await details(hers, "Members")
    dialog = await deal(hers, "Bob", "Make a moderator")
    await dialog.get_by_role("button", name="Change the role").click()
    await expect(hers.locator(".member").filter(has_text="Bob")).to_contain_text("Moderator")
    await his.get_by_label("Slow mode").select_option(label="30 seconds")
    await expect(his.get_by_text("Saved", exact=True)).to_be_visible()

    dialog = await deal(hers, "Bob", "Make a plain member")
    await dialog.get_by_role("button", name="Change the role").click()
    await expect(his.get_by_label("Slow mode")).to_have_count(0)


async def test_log_of_the_room_says_who_did_what_and_why(site: Site, visitors: Visitors) -> None:
    ann, bob, cem = [await site.person(name) for name in ("ann", "bob", "cem")]
    tea = await ann.room("Tea", bob, cem)
    said = await cem.say(tea, "coffee is better")
    await ann.ask("PATCH", f"/rooms/{tea}/members/{bob.id}", json={"role": "moderator"})
    his = await enter(visitors, site, bob, tea)
    await bob.ask("DELETE", f"/rooms/{tea}/messages/{said}")
    await bob.ask("PATCH", f"/rooms/{tea}", json={"slow": 30})
    await details(his, "Members")
    for what, yes in (("Mute …", "Mute"), ("Unmute", "Unmute"), ("Ban from the room …", "Ban")):
        dialog = await deal(his, "Cem", what)
        if yes == "Ban":
            await dialog.get_by_label("Reason").fill("shouting")
        await dialog.get_by_role("button", name=yes, exact=True).click()
        await expect(dialog).to_have_count(0)
    await ann.ask("DELETE", f"/rooms/{tea}/bans/{cem.id}")

    await details(his, "Settings")
    await his.get_by_role("button", name="Show the log").click()
    deeds = his.get_by_role("list", name="Moderators’ log").get_by_role("listitem")
    told = [
        r"Ann\s+lifted the ban of\s+Cem",
        r"Bob\s+banned\s+Cem\s+until .*Reason: shouting",
        r"Bob\s+unmuted\s+Cem",
        r"Bob\s+muted\s+Cem\s+until",
        r"Bob\s+set slow mode to 30 seconds",
        r"Bob\s+deleted a message of\s+Cem",
        r"Ann\s+made\s+Bob\s+a moderator",
        r"Ann\s+added\s+Cem",
        r"Ann\s+added\s+Bob",
    ]
    await expect(deeds).to_have_text([re.compile(one, re.DOTALL) for one in told])
