"""What administrators do, and that it is written down."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select
from tests.support.people import PASSWORD, Scene, refused, together

from hubbub.chat.people.logins import LOGIN_S
from hubbub.chat.people.people import GUEST_S
from hubbub.chat.people.who import Kind
from hubbub.chat.problem import Problem
from hubbub.chat.schema import members, messages, passes, preferences, users


async def deeds(scene: Scene) -> list[tuple[str, str | None]]:
    """What was done and to whom, the first first."""
    found = await scene.people.administration.deeds(None, 100)
    return [(one.action, one.user) for one in reversed(found)]


async def test_who_is_disabled_is_out_and_comes_in_no_more(scene: Scene) -> None:
    root, ann = await scene.admin(), await scene.person("ann")
    more = await scene.sign_in("ann")
    administration = scene.people.administration
    account = await administration.disable(root.who, ann.who.id)
    assert account.disabled_at == scene.people.logins.ms()
    assert set(scene.ended) == {(ann.who.id, one.who.login) for one in (ann, more)}
    assert await scene.people.logins.of_secret(ann.secret) is None
    await refused(scene.sign_in("ann"), 401, "wrong-credentials")
    assert (await administration.enable(root.who, ann.who.id)).disabled_at is None
    assert await scene.people.logins.of_secret(ann.secret) is None, "what ended stays ended"
    await scene.sign_in("ann")
    assert (await deeds(scene))[-2:] == [("disabled", ann.who.id), ("enabled", ann.who.id)]


async def test_what_is_so_already_is_not_noted_again(scene: Scene) -> None:
    root, ann = await scene.admin(), await scene.person("ann")
    administration = scene.people.administration
    first = await administration.disable(root.who, ann.who.id)
    scene.now.pass_(10)
    assert await administration.disable(root.who, ann.who.id) == first
    for _ in range(2):
        await administration.enable(root.who, ann.who.id)
        await administration.appoint(root.who, ann.who.id, True)
        await administration.end_logins(root.who, ann.who.id)
        await administration.set(root.who, {"sign_up": "invitation"})
    assert [action for action, _ in (await deeds(scene))[2:]] == [
        "disabled",
        "enabled",
        "administrator",
    ]


async def test_there_is_always_an_administrator(scene: Scene) -> None:
    root, ann = await scene.admin(), await scene.person("ann")
    administration = scene.people.administration
    await refused(administration.appoint(root.who, root.who.id, False), 409, "last-administrator")
    await refused(administration.disable(root.who, root.who.id), 409, "last-administrator")
    await administration.appoint(root.who, ann.who.id, True)
    who = await scene.people.logins.of_secret(ann.secret)
    assert who is not None and who.admin
    await administration.disable(who, root.who.id)
    await refused(administration.appoint(who, who.id, False), 409, "last-administrator")
    await administration.enable(who, root.who.id)
    assert (await administration.appoint(who, who.id, False)).admin is False


async def test_of_two_administrators_who_dismiss_each_other_one_stays(scene: Scene) -> None:
    root, ann = await scene.admin(), await scene.person("ann")
    administration = scene.people.administration
    await administration.appoint(root.who, ann.who.id, True)
    told = await together(
        administration.appoint(root.who, ann.who.id, False),
        administration.disable(ann.who, root.who.id),
    )
    assert [one.slug for one in told if isinstance(one, Problem)] == ["last-administrator"]


async def test_only_people_are_administrators_and_have_passwords(scene: Scene) -> None:
    root = await scene.admin()
    administration = scene.people.administration
    await administration.set(root.who, {"guests": True})
    bot = await administration.make_bot(root.who, "bot", "Bot")
    gus = await scene.people.accounts.guest("Gus")
    for user in (bot.id, gus.who.id):
        await refused(administration.appoint(root.who, user, True), 409, "other-kind")
        await refused(administration.password_link(root.who, user), 409, "other-kind")
    for call in (
        administration.appoint(root.who, "u0", True),
        administration.disable(root.who, "u0"),
        administration.enable(root.who, "u0"),
        administration.password_link(root.who, "u0"),
        administration.end_logins(root.who, "u0"),
    ):
        await refused(call, 404, "no-such-user")


async def test_logins_of_somebody_are_ended(scene: Scene) -> None:
    root, ann = await scene.admin(), await scene.person("ann")
    assert await scene.people.administration.end_logins(root.who, ann.who.id) == 1
    assert scene.ended == [(ann.who.id, ann.who.login)]
    assert (await deeds(scene))[-1] == ("logins_ended", ann.who.id)
    await scene.sign_in("ann")


async def test_accounts_are_looked_through_page_by_page(scene: Scene) -> None:
    root = await scene.admin()
    administration = scene.people.administration
    await administration.set(root.who, {"guests": True})
    bot = await administration.make_bot(root.who, "bot", "The Bot")  # in the same moment
    scene.now.pass_(1)
    gus = await scene.people.accounts.guest("Gus")
    latest = [gus.who.id, *sorted((root.who.id, bot.id), reverse=True)]
    found: list[str] = []
    before = None
    while page := await administration.users("", before, 1):
        found.append(page[0].id)
        before = page[0].created_at, page[0].id
    assert found == latest
    assert [one.id for one in await administration.users("gus", None, 10)] == [gus.who.id]
    assert [one.id for one in await administration.users("", None, 10, Kind.BOT)] == [bot.id]
    assert await administration.users("gus", None, 10, Kind.PERSON) == []
    assert [one.id for one in await administration.users(bot.id, None, 10)] == [bot.id]
    assert [one.id for one in await administration.users("the", None, 10)] == [bot.id]


async def test_links_are_listed_without_codes_and_revoked(scene: Scene) -> None:
    root = await scene.admin()
    administration = scene.people.administration
    made = [await administration.invite(root.who, uses=None) for _ in range(3)]
    link = await administration.password_link(root.who, root.who.id)
    ids = sorted(one.made.id for one in [*made, link])
    listed = await administration.passes(None, 10)
    assert [one.id for one in listed] == ids
    assert [one.id for one in await administration.passes(ids[1], 10)] == ids[2:]
    assert all(one.code not in repr(listed) for one in made)
    await administration.revoke_pass(root.who, made[0].made.id)
    await refused(administration.revoke_pass(root.who, made[0].made.id), 404, "no-such-pass")
    call = scene.people.accounts.sign_up("ann", "Ann", PASSWORD, made[0].code)
    await refused(call, 403, "wrong-code")
    scene.now.pass_(7 * 86_400)
    assert await administration.passes(None, 10) == []
    await scene.people.sweep()

    def kept(connection: Connection) -> list[str]:
        return list(connection.scalars(select(passes.c.id)))

    assert await scene.tables.read(kept) == []


async def test_what_administrators_do_is_written_down_and_holds_no_secrets(scene: Scene) -> None:
    root = await scene.admin()
    administration = scene.people.administration
    invited = await administration.invite(root.who)
    ann = await scene.people.accounts.sign_up("ann", "Ann", PASSWORD, invited.code)
    await administration.set(root.who, {"sign_up": "closed", "name": "hubbub"})
    link = await administration.password_link(root.who, ann.who.id)
    bot = await administration.make_bot(root.who, "bot", "Bot")
    key = await administration.make_key(root.who, bot.id, "a key")
    await administration.revoke_key(root.who, bot.id, key.made.id)
    await administration.appoint(root.who, ann.who.id, True)
    assert await deeds(scene) == [
        ("administrator", root.who.id),
        ("invited", None),
        ("settings", None),
        ("password_link", ann.who.id),
        ("bot_made", bot.id),
        ("key_made", bot.id),
        ("key_revoked", bot.id),
        ("administrator", ann.who.id),
    ]
    found = await administration.deeds(None, 100)
    assert {one.by for one in found} == {root.who.id}
    assert found[5].detail == {"sign_up": {"from": "invitation", "to": "closed"}}
    assert not any(secret in repr(found) for secret in (link.code, key.secret, invited.code))
    pages = await administration.deeds(found[2].id, 2)
    assert pages == found[3:5]


async def test_what_fails_is_not_written_down(scene: Scene) -> None:
    root = await scene.admin()
    before = await deeds(scene)
    await refused(scene.people.administration.make_bot(root.who, "root", "x"), 409, "name-taken")
    await refused(scene.people.administration.revoke_pass(root.who, "p0"), 404, "no-such-pass")
    assert await deeds(scene) == before


async def test_settings_of_two_administrators_at_once_are_both_kept(scene: Scene) -> None:
    root = await scene.admin()
    set = scene.people.administration.set
    await together(set(root.who, {"name": "a place"}), set(root.who, {"sign_up": "open"}))
    now = await scene.people.settings()
    assert (now.name, now.sign_up) == ("a place", "open")


async def test_guests_who_are_gone_are_forgotten_as_far_as_they_left_nothing(
    scene: Scene,
) -> None:
    root = await scene.admin()
    await scene.people.administration.set(root.who, {"guests": True})
    silent, member, speaker = [await scene.people.accounts.guest(f"Gus {n}") for n in range(3)]
    ids = [one.who.id for one in (silent, member, speaker)]

    def leave_something(connection: Connection) -> None:
        connection.execute(insert(members).values(room="r1", user=ids[1], role="guest", since=1))
        connection.execute(
            insert(messages).values(room="r1", id=1, user=ids[2], at=1, text="x", words="x")
        )
        connection.execute(
            insert(preferences).values(user=ids[0], room="r1", level="all", muted=False)
        )

    def left(connection: Connection) -> dict[str, bool]:
        rows = connection.execute(select(users.c.id, users.c.disabled_at))
        return {row.id: row.disabled_at is not None for row in rows if row.id in ids}

    await scene.tables.write(leave_something)
    scene.now.pass_(GUEST_S - 1)
    assert await scene.people.administration.purge_guests(GUEST_S) == []
    still = await scene.people.logins.of_secret(silent.secret)
    assert still is not None
    scene.now.pass_(LOGIN_S - 1)
    gone = await scene.people.administration.purge_guests(GUEST_S)
    assert set(gone) == {ids[1], ids[2]}, "the one who was seen is still a guest"
    scene.now.pass_(LOGIN_S)
    assert await scene.people.administration.purge_guests(GUEST_S) == [ids[0]]
    assert await scene.tables.read(left) == {ids[1]: True, ids[2]: True}
    assert await scene.people.administration.purge_guests(GUEST_S) == []
    assert await scene.people.accounts.get(root.who.id)
