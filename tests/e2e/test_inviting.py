"""Who comes into a room: by its link, with an account or without one yet, and as a guest."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from tests.e2e.chatting import details, enter, entry, field, message, messages, write
from tests.e2e.site import PASSWORD, Person, Site
from tests.e2e.visitors import Visitors

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def made(page: Page, uses: str = "No limit") -> str:
    """The link of a new invitation, from the `#` on."""
    await details(page, "Members")
    await page.get_by_role("button", name="Invite by link").click()
    dialog = page.get_by_role("dialog", name="Invite by link")
    await dialog.get_by_label("Can be used").select_option(label=uses)
    await dialog.get_by_role("button", name="Make a link").click()
    link = await dialog.get_by_label("Link", exact=True).input_value()
    await dialog.get_by_role("button", name="Close").click()
    address, sign, code = link.partition("#invite=")
    assert address == page.url.partition("#")[0]
    return f"/{sign}{code}"


async def invitation(person: Person, room: str, **how: int) -> str:
    """The link of an invitation for so many `seconds` or `uses`."""
    found = await person.ask("POST", f"/rooms/{room}/invites", json=how)
    return f"/#invite={found['code']}"


async def test_who_has_no_account_makes_one_by_the_link_and_is_in_the_room(
    site: Site, visitors: Visitors
) -> None:
    ann = await site.person("ann")
    plans = await ann.room("Plans", kind="private")
    await ann.say(plans, "what was said before")
    hers = await enter(visitors, site, ann, plans)
    link = await made(hers)
    his = await visitors.come(site, path=link)
    await expect(his.get_by_role("heading", name="You are invited to “Plans”")).to_be_visible()
    await expect(his.get_by_text("Private room · 1 person")).to_be_visible()
    await his.get_by_label("What others call you").fill("Bob")
    await his.get_by_label("Password", exact=True).fill(PASSWORD)
    await his.get_by_role("button", name="Create an account").click()
    await expect(his.get_by_role("heading", name="Plans", level=1)).to_be_visible()
    await expect(message(his, "what was said before")).to_be_visible()
    assert "invite" not in his.url
    await write(his, "here I am")
    await expect(message(hers, "here I am")).to_be_visible()
    await expect(hers.get_by_role("button", name="People: 2")).to_be_visible()
    await expect(hers.locator(".member").filter(has_text="Bob")).to_be_visible()


async def test_who_is_signed_in_joins_by_the_link_and_another_one_is_too_late(
    site: Site, visitors: Visitors
) -> None:
    ann, bob, cem = [await site.person(name) for name in ("ann", "bob", "cem")]
    plans = await ann.room("Plans", kind="private")
    hers = await enter(visitors, site, ann, plans)
    link = await made(hers, uses="once")
    his = await visitors.come(site, bob, link)
    await expect(his.get_by_role("heading", name="You are invited to “Plans”")).to_be_visible()
    await expect(entry(his, plans)).to_have_count(0)
    await his.get_by_role("button", name="Join Plans").click()
    await expect(field(his)).to_be_editable()
    await expect(entry(his, plans)).to_be_visible()
    await write(his, "thank you")
    await expect(message(hers, "thank you")).to_be_visible()

    visitors.answers.append("410 .*/invites/")
    late = await visitors.come(site, cem, link)
    await expect(late.get_by_text("This link is not good any more")).to_be_visible()
    await expect(late.get_by_role("button", name="Join")).to_have_count(0)


async def test_links_that_are_over_or_revoked_say_so(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    plans = await ann.room("Plans", kind="private")
    visitors.answers.append("410 .*/invites/")
    brief = await invitation(ann, plans, seconds=1)
    hers = await enter(visitors, site, ann, plans)
    link = await made(hers)
    his = await visitors.come(site, bob, link)
    await expect(his.get_by_role("button", name="Join Plans")).to_be_visible()

    await hers.get_by_role("button", name="Invite by link").click()
    dialog = hers.get_by_role("dialog", name="Invite by link")
    links = dialog.get_by_role("list", name="Links of this room").get_by_role("listitem")
    await expect(links).to_have_count(2)
    await expect(links.nth(1)).to_contain_text("past")
    await links.nth(0).get_by_role("button", name="Revoke").click()
    await expect(hers.get_by_text("The link leads nowhere now")).to_be_visible()
    await expect(links).to_have_count(1)

    # He looks at it since it was good.
    await his.get_by_role("button", name="Join Plans").click()
    await expect(his.get_by_role("region", name="Notices")).to_contain_text("invitation")
    await expect(entry(his, plans)).to_have_count(0)
    for one in (link, brief):
        signed_in = await visitors.come(site, bob, one)
        await expect(signed_in.get_by_text("This link is not good any more")).to_be_visible()
        stranger = await visitors.come(site, path=one)
        await expect(stranger.get_by_role("alert")).to_be_visible()
        await expect(stranger.get_by_role("button", name="Sign in")).to_be_visible()


async def test_guests_come_in_where_they_may_and_are_seen_as_guests(
    site: Site, visitors: Visitors
) -> None:
    ann = await site.person("ann")
    stranger = await visitors.come(site)
    await expect(stranger.get_by_role("button", name="Sign in")).to_be_visible()
    await expect(stranger.get_by_role("button", name="Come in as a guest")).to_have_count(0)

    hers = await visitors.come(site, ann, "/#/admin/settings")
    await hers.get_by_label("Let guests in").check()
    await hers.get_by_role("button", name="Save").click()
    await expect(hers.get_by_text("The settings were saved")).to_be_visible()
    await ann.ask("POST", "/rooms/~lobby/join")
    await entry(hers, "lobby").click()
    await expect(field(hers)).to_be_editable()
    await ann.room("Plans", kind="private")

    await stranger.reload()
    await stranger.get_by_role("button", name="Come in as a guest").click()
    await stranger.get_by_label("What others call you").fill("Passer-by")
    await stranger.get_by_role("button", name="Come in").click()
    await expect(stranger.get_by_role("button", name="Passer-by: your account")).to_be_visible()
    await expect(entry(stranger, "lobby")).to_be_visible()
    await stranger.get_by_role("link", name="Browse rooms").first.click()
    await expect(stranger.get_by_role("button", name="New room")).to_have_count(0)
    rooms = stranger.get_by_role("list", name="Public rooms").get_by_role("listitem")
    await expect(rooms).to_have_count(1)
    await rooms.get_by_role("link", name="Open Lobby").click()
    await write(stranger, "Is this the right place?")
    said = message(hers, "Is this the right place?")
    await expect(said).to_contain_text("Passer-by")
    await expect(said).to_contain_text("guest")
    await details(hers, "Members")
    await expect(hers.locator(".member").filter(has_text="Passer-by")).to_contain_text("Guest")
    await write(hers, "It is.")
    await expect(message(stranger, "It is.")).to_be_visible()

    # Where they may come in no more, they are out.
    visitors.answers.append("401 ")
    await ann.ask("PATCH", "/admin/settings", json={"guests": False})
    await expect(stranger.get_by_role("button", name="Sign in")).to_be_visible()
    await expect(messages(stranger)).to_have_count(0)


async def test_who_is_there_already_is_led_there_at_once(site: Site, visitors: Visitors) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    plans = await ann.room("Plans", kind="private")
    link = await invitation(ann, plans, uses=1)
    his = await visitors.come(site, bob, link)
    await his.get_by_role("button", name="Join Plans").click()
    await expect(field(his)).to_be_editable()

    # The link is used up, and still leads to what it did.
    again = await visitors.come(site, bob, link)
    await expect(again.get_by_role("heading", name="Plans", level=1)).to_be_visible()
    await expect(field(again)).to_be_editable()
    assert again.url.endswith(f"/#/rooms/{plans}")
