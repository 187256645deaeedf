"""Several people in the chat at once: what one does, the others see."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect
from tests.e2e.chatting import (
    agree,
    choose,
    enter,
    entry,
    field,
    message,
    messages,
    no_connection,
    pending,
    point,
    write,
)
from tests.e2e.site import Site
from tests.e2e.visitors import Visitors

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def test_messages_go_both_ways(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    await write(hers, "Is the kettle on?")
    await expect(message(his, "Is the kettle on?")).to_be_visible()
    await write(his, "Since ten minutes.")
    await write(his, "Two lines\nof text")
    await expect(message(hers, "Since ten minutes.")).to_be_visible()
    await agree(ann, tea, hers, his)
    assert [one["user"] for one in await ann.messages(tea)] == [ann.id, bob.id, bob.id]
    await expect(messages(hers).first).to_contain_text("Ann")
    for page in (hers, his):
        await expect(pending(page)).to_have_count(0)


async def test_what_is_done_with_a_message_is_seen_by_the_other(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    for text in ("first", "secnod", "third"):
        await write(hers, text)
    await expect(messages(his)).to_have_count(3)

    await choose(hers, "secnod", "Edit")
    await expect(field(hers)).to_have_value("secnod")
    await write(hers, "second")
    await expect(message(his, "second")).to_contain_text("(edited)")

    await choose(hers, "first", "Delete")
    await hers.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(messages(his).first).to_contain_text("deleted")

    await point(his, "third")
    await his.get_by_role("button", name="React with 👍").first.click()
    await expect(message(hers, "third").get_by_role("button", name="👍 1, Bob")).to_be_visible()
    await message(hers, "third").get_by_role("button", name="👍 1, Bob").click()
    await expect(message(his, "third").get_by_role("button", name="👍 2")).to_be_visible()

    await choose(his, "second", "Reply")
    await write(his, "a fourth is missing")
    await expect(message(hers, "a fourth is missing")).to_contain_text("second")

    await choose(hers, "third", "Pin")
    await expect(message(his, "third")).to_contain_text("Pinned")
    await agree(ann, tea, hers, his)
    await hers.reload()
    await expect(messages(hers)).to_have_count(4)
    await agree(ann, tea, hers)


async def test_unread_is_counted_told_in_title_and_icon_and_marked_by_a_line(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea, coffee = await ann.room("Tea", bob), await ann.room("Coffee", bob)
    await bob.say(tea, "before")
    page = await enter(visitors, site, ann, tea)
    await expect(message(page, "before")).to_be_visible()
    await page.goto(f"/#/rooms/{coffee}")
    await expect(page.get_by_role("heading", name="Coffee", level=1)).to_be_visible()
    await expect(page).to_have_title("Coffee · hubbub")
    await bob.say(tea, "one")
    await bob.say(tea, "two")
    await expect(entry(page, tea)).to_contain_text("2 unread messages")
    await expect(page).to_have_title("• Coffee · hubbub")
    icon = page.locator("link[rel=icon]")
    await expect(icon).to_have_attribute("href", "favicon-badge.svg")
    await bob.say(tea, "@ann three")
    await expect(entry(page, tea)).to_contain_text("1 mention")
    await expect(page).to_have_title("(1) Coffee · hubbub")
    await expect(icon).to_have_attribute("href", "favicon-mention.svg")

    await entry(page, tea).click()
    line = page.get_by_text("New messages", exact=True)
    await expect(line).to_be_visible()
    await expect(message(page, "one")).to_be_visible()
    above = await line.bounding_box(), await message(page, "one").bounding_box()
    assert above[0] is not None and above[1] is not None and above[0]["y"] <= above[1]["y"]
    await expect(entry(page, tea)).not_to_contain_text("unread")
    await expect(page).to_have_title("Tea · hubbub")
    await expect(icon).to_have_attribute("href", "favicon.svg")
    # Her other device knows, too.
    unread = await ann.ask("GET", f"/unread?room={tea}")
    assert unread["items"][0]["unread"] == 0, unread


async def test_conversation_of_two_with_who_is_there_and_who_types(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    direct = await ann.conversation(bob)
    hers, his = await enter(visitors, site, ann, direct), await enter(visitors, site, bob, direct)
    await expect(hers.get_by_role("heading", name="Bob", level=1)).to_be_visible()
    await expect(his.get_by_role("heading", name="Ann", level=1)).to_be_visible()
    await expect(
        hers.locator("main header").filter(has=hers.get_by_role("heading", name="Bob", level=1))
    ).to_contain_text("online")
    await field(his).press_sequentially("I am about to say")
    await expect(hers.get_by_text("Bob is typing …")).to_be_visible()
    await field(his).press("Enter")
    await expect(message(hers, "I am about to say")).to_be_visible()
    await expect(hers.get_by_text("Bob is typing …")).to_be_hidden()
    head = hers.locator("main header").filter(has=hers.get_by_role("heading", level=1))
    for said, seen in (("Set yourself away", "away"), ("You are back", "online")):
        await his.get_by_role("button", name="Bob: your account").click()
        await his.get_by_role("menuitem", name=said).click()
        await expect(head).to_contain_text(seen)
    await his.context.close()
    await expect(
        hers.locator("main header").filter(has=hers.get_by_role("heading", name="Bob", level=1))
    ).to_contain_text("offline")


async def test_what_is_written_without_a_connection_is_sent_once_and_in_order(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    visitors.server_may_go = True
    await hers.context.set_offline(True)
    for number in range(5):
        await write(hers, f"offline {number}")
    await expect(pending(hers)).to_have_count(5)
    await bob.say(tea, "meanwhile")
    await expect(no_connection(hers)).to_be_visible()
    await hers.context.set_offline(False)
    await expect(messages(his)).to_have_count(6)
    await expect(pending(hers)).to_have_count(0)
    texts = [one["text"] for one in await bob.messages(tea)]
    assert texts == ["meanwhile", *(f"offline {number}" for number in range(5))]
    await agree(ann, tea, hers, his)


async def test_what_waits_is_sent_after_the_page_was_closed(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    visitors.server_may_go = True
    context = hers.context
    await context.set_offline(True)
    for number in range(5):
        await write(hers, f"late {number}")
    await expect(pending(hers)).to_have_count(5)
    await hers.close()
    await context.set_offline(False)
    assert await bob.messages(tea) == []
    again = await visitors.come_again(context, "/")
    await expect(messages(his)).to_have_count(5)
    assert [one["text"] for one in await bob.messages(tea)] == [f"late {n}" for n in range(5)]
    await again.goto(f"/#/rooms/{tea}")
    await expect(messages(again)).to_have_count(5)
    await expect(pending(again)).to_have_count(0)


async def test_server_that_is_killed_loses_and_doubles_nothing(
    site: Site, visitors: Visitors
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    tea = await ann.room("Tea", bob)
    hers, his = await enter(visitors, site, ann, tea), await enter(visitors, site, bob, tea)
    visitors.server_may_go = True
    said: dict[str, list[str]] = {"ann": [], "bob": []}

    async def talk(upto: int) -> None:
        for number in range(upto - 3, upto):
            for name, page in (("ann", hers), ("bob", his)):
                text = f"{name} {number}"
                said[name].append(text)
                await write(page, text)

    await talk(3)
    await site.kill()
    await talk(6)
    await expect(pending(hers).last).to_be_visible()
    await site.start()
    await talk(9)
    for page in (hers, his):
        await expect(messages(page)).to_have_count(18, timeout=60_000)
        await expect(pending(page)).to_have_count(0)
        await expect(no_connection(page)).to_be_hidden()
    there = [one["text"] for one in await ann.messages(tea)]
    for name, texts in said.items():
        assert [text for text in there if text.startswith(name)] == texts
    await agree(ann, tea, hers, his)


async def test_conversation_of_three_is_begun_by_one(site: Site, visitors: Visitors) -> None:
    ann, bob, cem = [await site.person(name) for name in ("ann", "bob", "cem")]
    tea = await ann.room("Tea", bob, cem)
    hers, his, third = [await enter(visitors, site, one, tea) for one in (ann, bob, cem)]
    await hers.get_by_role("button", name="New conversation").first.click()
    dialog = hers.get_by_role("dialog", name="New conversation")
    for name in ("bob", "cem"):
        await dialog.get_by_role("combobox", name="People").fill(name)
        await dialog.get_by_role("option", name=name.title()).click()
    await dialog.get_by_role("button", name="Start").click()
    title = hers.get_by_role("heading", name=re.compile("Bob, Cem|Cem, Bob"), level=1)
    await expect(title).to_be_visible()
    await write(hers, "the three of us")
    room = hers.url.rpartition("/")[2]
    for page, others in ((his, ("Ann", "Cem")), (third, ("Ann", "Bob"))):
        for other in others:
            await expect(entry(page, room)).to_contain_text(other)
        # Everything in a conversation is for oneself.
        await expect(page).to_have_title(re.compile(r"^\(1\) "))
        await entry(page, room).click()
        await expect(message(page, "the three of us")).to_be_visible()
    await write(third, "two would be company")
    for page in (hers, his):
        await expect(message(page, "two would be company")).to_be_visible()


async def test_everybody_in_a_room_is_mentioned_at_once(site: Site, visitors: Visitors) -> None:
    ann, bob, cem = [await site.person(name) for name in ("ann", "bob", "cem")]
    tea, coffee = await ann.room("Tea", bob, cem), await ann.room("Coffee", bob, cem)
    hers = await enter(visitors, site, ann, tea)
    pages = [await enter(visitors, site, one, coffee) for one in (bob, cem)]
    await field(hers).press_sequentially("Ready, @every")
    choice = hers.get_by_role("listbox", name="Suggestions").get_by_role("option").first
    await expect(choice).to_contain_text("everybody in this room")
    await field(hers).press("Enter")
    await field(hers).press("Enter")
    for page in pages:
        await expect(entry(page, tea)).to_contain_text("1 mention")
        await expect(page).to_have_title("(1) Coffee · hubbub")
