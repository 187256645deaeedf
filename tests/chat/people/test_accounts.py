"""Signing up and in, and what people do with their accounts."""

from __future__ import annotations

from typing import Any

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Connection, select, update
from tests.support.people import CHEAP, PASSWORD, PLACE, Scene, refused, together
from tests.support.tables import Watched

from hubbub import Unavailable
from hubbub.chat.people import Kind, SignUp
from hubbub.chat.people.logins import Begun
from hubbub.chat.people.passwords import WAITING, Passwords
from hubbub.chat.problem import Problem
from hubbub.chat.schema import keys, logins, passes, settings, users


def everything(connection: Connection) -> str:
    """All that these tables hold, as text."""
    tables = (users, logins, keys, passes, settings)
    return repr([list(connection.execute(select(table))) for table in tables])


# The first run.


async def test_first_account_is_the_administrators_and_the_link_is_good_once(
    scene: Scene,
) -> None:
    assert scene.code and not await scene.people.is_set_up()
    root = await scene.admin()
    assert (root.who.kind, root.who.admin, root.who.name) == (Kind.PERSON, True, "root")
    assert await scene.people.is_set_up()
    again = scene.people.accounts.sign_up("mallory", "M", PASSWORD, scene.code)
    await refused(again, 403, "wrong-code")
    assert await scene.people.start() is None


async def test_of_two_who_come_with_the_first_link_one_is_the_administrator(scene: Scene) -> None:
    sign_up = scene.people.accounts.sign_up
    told = await together(
        *(sign_up(name, name, PASSWORD, scene.code) for name in ("ann", "bob", "cid"))
    )
    assert [type(one) for one in told].count(Begun) == 1
    assert [one.slug for one in told if isinstance(one, Problem)] == ["wrong-code"] * 2


async def test_each_start_without_an_administrator_gives_a_link_and_all_end_with_the_first(
    scene: Scene,
) -> None:
    other = await scene.make().start()
    assert other and other != scene.code
    await scene.admin()
    late = scene.people.accounts.sign_up("mallory", "M", PASSWORD, other)
    await refused(late, 403, "wrong-code")


async def test_first_link_is_good_for_a_day(scene: Scene) -> None:
    scene.now.pass_(86_400)
    await refused(scene.admin(), 403, "wrong-code")
    scene.code = await scene.people.start() or ""
    assert (await scene.admin()).who.admin


# Signing up.


async def test_who_has_an_invitation_makes_an_account_and_the_next_one_does_not(
    scene: Scene,
) -> None:
    root = await scene.admin()
    made = await scene.people.administration.invite(root.who, uses=1)
    sign_up = scene.people.accounts.sign_up
    await refused(sign_up("ann", "Ann", PASSWORD), 403, "invitation-needed")
    await refused(sign_up("ann", "Ann", PASSWORD, "guessed"), 403, "wrong-code")
    ann = await sign_up("Ann", "Ann", PASSWORD, made.code)
    assert (ann.who.name, ann.who.admin) == ("ann", False)
    await refused(sign_up("bob", "Bob", PASSWORD, made.code), 403, "wrong-code")


async def test_invitation_ends(scene: Scene) -> None:
    root = await scene.admin()
    made = await scene.people.administration.invite(root.who, seconds=60, uses=None)
    sign_up = scene.people.accounts.sign_up
    await sign_up("ann", "Ann", PASSWORD, made.code)
    await sign_up("bob", "Bob", PASSWORD, made.code)
    scene.now.pass_(60)
    await refused(sign_up("cid", "Cid", PASSWORD, made.code), 403, "wrong-code")


async def test_invitation_with_uses_left_is_shared_by_no_more_than_these(scene: Scene) -> None:
    root = await scene.admin()
    made = await scene.people.administration.invite(root.who, uses=2)
    sign_up = scene.people.accounts.sign_up
    told = await together(
        *(sign_up(f"user{number}", "User", PASSWORD, made.code) for number in range(5))
    )
    assert [type(one) for one in told].count(Begun) == 2
    assert (await scene.people.administration.passes(None, 10)) == []


async def test_invitation_is_not_used_up_by_a_name_that_is_taken(scene: Scene) -> None:
    root = await scene.admin()
    made = await scene.people.administration.invite(root.who)
    sign_up = scene.people.accounts.sign_up
    await refused(sign_up("ROOT", "x", PASSWORD, made.code), 409, "name-taken")
    await sign_up("ann", "Ann", PASSWORD, made.code)


@pytest.mark.parametrize(
    ("mode", "without", "with_code"),
    [
        (SignUp.OPEN, None, None),
        (SignUp.INVITATION, "invitation-needed", None),
        (SignUp.CLOSED, "sign-up-closed", "sign-up-closed"),
    ],
)
async def test_server_says_who_may_sign_up(
    scene: Scene, mode: SignUp, without: str | None, with_code: str | None
) -> None:
    root = await scene.admin()
    made = await scene.people.administration.invite(root.who)
    await scene.people.administration.set(root.who, {"sign_up": mode})
    for name, code, slug in (("ann", None, without), ("bob", made.code, with_code)):
        call = scene.people.accounts.sign_up(name, name, PASSWORD, code)
        if slug is None:
            assert (await call).who.name == name
        else:
            await refused(call, 403, slug)


async def test_pass_of_another_purpose_makes_no_account(scene: Scene) -> None:
    root = await scene.admin()
    made = await scene.people.administration.password_link(root.who, root.who.id)
    await refused(
        scene.people.accounts.sign_up("ann", "Ann", PASSWORD, made.code), 403, "wrong-code"
    )
    invitation = await scene.people.administration.invite(root.who)
    reset = scene.people.accounts.reset_password(invitation.code, PASSWORD)
    await refused(reset, 403, "wrong-code")


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
async def test_password_has_its_length(scene: Scene, password: str) -> None:
    call = scene.people.accounts.sign_up("ann", "Ann", password, scene.code)
    await refused(call, 422, "password")


async def test_name_of_two_who_sign_up_at_once_is_the_one_of_the_first(scene: Scene) -> None:
    root = await scene.admin()
    await scene.people.administration.set(root.who, {"sign_up": "open"})
    sign_up = scene.people.accounts.sign_up
    told = await together(*(sign_up("ann", "Ann", PASSWORD) for _ in range(4)))
    assert [type(one) for one in told].count(Begun) == 1
    assert {one.slug for one in told if isinstance(one, Problem)} == {"name-taken"}


# Signing in.


async def test_password_signs_in_by_any_form_of_the_name(scene: Scene) -> None:
    root = await scene.admin()
    again = await scene.sign_in("ROOT")
    assert again.who.id == root.who.id and again.who.login != root.who.login


async def test_same_password_typed_on_another_system_is_the_same(scene: Scene) -> None:
    await scene.people.accounts.sign_up("ann", "Ann", "cafe\u0301 cafe\u0301", scene.code)
    await scene.sign_in("ann", "caf\u00e9 caf\u00e9")


async def test_unknown_wrong_and_disabled_are_told_the_same_for_the_same_work(
    scene: Scene, tables: Watched
) -> None:
    """A-10."""
    root, ann = await scene.admin(), await scene.person("ann")
    await scene.people.administration.disable(root.who, ann.who.id)
    await scene.people.administration.make_bot(root.who, "bot", "Bot")
    await scene.passwords.verify(PASSWORD, None)  # nobody's hash is made when it is first needed
    told, work = [], []
    for name, password in (
        ("nobody", PASSWORD),
        ("root", "a wrong password"),
        ("ann", PASSWORD),
        ("bot", PASSWORD),
    ):
        before = scene.passwords.ran, tables.reads, tables.writes
        problem = await refused(scene.sign_in(name, password), 401, "wrong-credentials")
        told.append((problem.body(), problem.headers))
        after = scene.passwords.ran, tables.reads, tables.writes
        work.append([now - then for now, then in zip(after, before, strict=True)])
    assert all(one == told[0] for one in told)
    assert work == [[1, 1, 0]] * 4
    # What nobody can be called is hashed for, too.
    problem = await refused(scene.sign_in("no name at all!"), 401, "wrong-credentials")
    assert (problem.body(), problem.headers) == told[0]
    assert scene.passwords.verified[-1] is None


async def test_hash_is_made_anew_where_the_way_to_has_changed(scene: Scene) -> None:
    root = await scene.admin()

    def kept(connection: Connection) -> str:
        return str(connection.scalar(select(users.c.password)))

    def put(connection: Connection, hash: str) -> None:
        connection.execute(update(users).values(password=hash))

    before = await scene.tables.read(kept)
    await scene.sign_in("root")
    assert await scene.tables.read(kept) == before
    other = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=8, parallelism=1),))
    await scene.tables.write(put, other.hash(PASSWORD))
    await scene.sign_in("root")
    newer = await scene.tables.read(kept)
    assert "t=1," in newer and "t=1," in before and newer != before
    assert (await scene.sign_in("root")).who.id == root.who.id


async def test_guessing_is_turned_away_and_others_notice_nothing(scene: Scene) -> None:
    """A-11."""
    await scene.admin()
    ann = await scene.person("ann")
    scene.now.pass_(10_000)
    verified = len(scene.passwords.verified)
    told = []
    for number in range(1_000):
        try:
            await scene.sign_in("root", f"guess number {number}", "198.51.100.66")
        except Problem as problem:
            told.append(problem.status)
            last = problem
    assert told == [401] * 10 + [429] * 990
    assert len(scene.passwords.verified) - verified == 10
    assert int(last.headers["Retry-After"]) == last.more["retry_after"] == 30
    # Who guesses does not come in with the right one either, for now, and everybody else does.
    await refused(scene.sign_in("root", PASSWORD, "198.51.100.66"), 429, "too-many-tries")
    await scene.sign_in("root")
    await scene.sign_in("ann", place="198.51.100.67")
    assert await scene.people.logins.of_secret(ann.secret) is not None
    scene.now.pass_(30)
    await scene.sign_in("root", PASSWORD, "198.51.100.66")


async def test_signing_in_costs_no_tries(scene: Scene) -> None:
    await scene.admin()
    for _ in range(30):
        await scene.sign_in("root")


async def test_codes_are_guessed_no_faster_than_passwords(scene: Scene) -> None:
    await scene.admin()
    told = []
    for number in range(20):
        with pytest.raises(Problem) as problem:
            await scene.people.accounts.look_at_pass(f"guess {number}", place=PLACE)
        told.append(problem.value.status)
    assert told == [403] * 10 + [429] * 10


async def test_database_that_is_away_is_no_guess(scene: Scene, tables: Watched) -> None:
    await scene.admin()
    tables.away = True
    for _ in range(30):
        with pytest.raises(Unavailable):
            await scene.sign_in("root")
    tables.away = False
    await scene.sign_in("root")


async def test_password_that_changed_meanwhile_signs_in_nobody(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = await scene.admin()
    verify = scene.passwords.verify

    async def slow(password: str, kept: str | None) -> tuple[bool, str | None]:
        right = await verify(password, kept)
        await scene.people.accounts.change_password(root.who, PASSWORD, "another password")
        return right

    async def once(password: str, kept: str | None) -> tuple[bool, str | None]:
        monkeypatch.setattr(scene.passwords, "verify", verify)
        return await slow(password, kept)

    monkeypatch.setattr(scene.passwords, "verify", once)
    await refused(scene.sign_in("root"), 401, "wrong-credentials")
    await scene.sign_in("root", "another password")


async def test_account_without_a_password_has_not_the_one_that_nobody_has() -> None:
    passwords = Passwords(CHEAP)
    await passwords.verify(PASSWORD, None)
    passwords._nobodys = CHEAP.hash(PASSWORD)
    assert await passwords.verify(PASSWORD, None) == (False, None)


async def test_flood_of_passwords_is_hashed_a_few_at_a_time_and_bounded() -> None:
    running, most = 0, 0

    class Slow(Passwords):
        async def _run(self, work: Any, *args: str) -> Any:
            def counted(*args: str) -> Any:
                nonlocal running, most
                running += 1
                most = max(most, running)
                try:
                    return work(*args)
                finally:
                    running -= 1

            return await super()._run(counted, *args)

    passwords = Slow(CHEAP, at_once=2)
    await passwords.verify(PASSWORD, None)
    told = await together(*(passwords.verify(PASSWORD, None) for _ in range(WAITING * 2)))
    assert most <= 2
    busy = [one for one in told if isinstance(one, Problem)]
    assert len(busy) == WAITING and {one.status for one in busy} == {503}
    assert await passwords.verify(PASSWORD, None) == (False, None)


# What they do with it.


async def test_changed_password_ends_other_logins_and_links(scene: Scene) -> None:
    root = await scene.admin()
    other = await scene.sign_in("root")
    made = await scene.people.administration.password_link(root.who, root.who.id)
    change = scene.people.accounts.change_password
    await refused(change(root.who, "a wrong one", "another password"), 403, "wrong-password")
    await refused(change(root.who, PASSWORD, "short"), 422, "password")
    assert scene.ended == []
    await change(root.who, PASSWORD, "another password")
    assert scene.ended == [(root.who.id, other.who.login)]
    assert await scene.people.logins.of_secret(root.secret) is not None
    assert await scene.people.logins.of_secret(other.secret) is None
    await refused(scene.sign_in("root"), 401, "wrong-credentials")
    await refused(scene.people.accounts.reset_password(made.code, PASSWORD), 403, "wrong-code")


async def test_current_password_is_guessed_no_faster_than_at_the_door(scene: Scene) -> None:
    root = await scene.admin()
    told = []
    for _ in range(15):
        with pytest.raises(Problem) as problem:
            await scene.people.accounts.change_password(
                root.who, "a wrong one", "another password", place=PLACE
            )
        told.append(problem.value.status)
    assert told == [403] * 10 + [429] * 5


async def test_link_sets_a_password_once_and_ends_all_logins(scene: Scene) -> None:
    root, ann = await scene.admin(), await scene.person("ann")
    made = await scene.people.administration.password_link(root.who, ann.who.id)
    found, user = await scene.people.accounts.look_at_pass(made.code)
    assert found.purpose == "password" and user is not None and user.id == ann.who.id
    reset = scene.people.accounts.reset_password
    begun = await reset(made.code, "another password")
    assert begun.who.id == ann.who.id
    assert scene.ended == [(ann.who.id, ann.who.login)]
    await refused(reset(made.code, "a third password"), 403, "wrong-code")
    await scene.sign_in("ann", "another password")


async def test_new_link_takes_the_place_of_the_old_one_and_none_is_for_who_is_disabled(
    scene: Scene,
) -> None:
    root, ann = await scene.admin(), await scene.person("ann")
    link = scene.people.administration.password_link
    first = await link(root.who, ann.who.id)
    second = await link(root.who, ann.who.id)
    reset = scene.people.accounts.reset_password
    await refused(reset(first.code, "another password"), 403, "wrong-code")
    await scene.people.administration.disable(root.who, ann.who.id)
    await refused(reset(second.code, "another password"), 403, "wrong-code")
    await refused(link(root.who, ann.who.id), 409, "disabled")


async def test_profile_is_changed_where_it_is_said(scene: Scene) -> None:
    root = await scene.admin()
    change = scene.people.accounts.change_profile
    changed = await change(root.who, display=" Rudi  Root ")
    assert (changed.display, changed.status) == ("Rudi Root", "")
    changed = await change(root.who, status="on a train")
    assert (changed.display, changed.status) == ("Rudi Root", "on a train")
    assert await change(root.who) == changed == await scene.people.accounts.get(root.who.id)
    await refused(change(root.who, display="\u202e"), 422, "display")
    await refused(scene.people.accounts.get("u0"), 404, "no-such-user")


async def test_people_are_found_by_ids_and_by_what_they_are_called(scene: Scene) -> None:
    root = await scene.admin()
    await scene.people.administration.set(root.who, {"sign_up": "open", "guests": True})
    ids = {"root": root.who.id}
    for name, display in (("ann", "Ann Example"), ("anna", "100% Anna"), ("bob", "Bob_Annson")):
        begun = await scene.people.accounts.sign_up(name, display, PASSWORD)
        ids[name] = begun.who.id
    guest = await scene.people.accounts.guest("Ann the guest")
    found = await scene.people.accounts.of_ids([ids["ann"], guest.who.id, "u0"])
    assert {one.id for one in found} == {ids["ann"], guest.who.id}

    async def called(said: str, after: str | None = None, limit: int = 10) -> list[str | None]:
        return [one.name for one in await scene.people.accounts.directory(said, after, limit)]

    assert await called("") == ["ann", "anna", "bob", "root"]
    assert await called("@Ann") == ["ann", "anna"]
    assert await called("annson") == ["bob"]
    assert await called("%") == ["anna"]
    assert await called("_") == ["bob"]
    assert await called("", "ann", 2) == ["anna", "bob"]
    await scene.people.administration.disable(root.who, ids["anna"])
    assert await called("ann") == ["ann", "bob"]


# Guests.


async def test_guests_come_in_where_they_may(scene: Scene) -> None:
    root = await scene.admin()
    await refused(scene.people.accounts.guest("Gus"), 403, "guests-off")
    await scene.people.administration.set(root.who, {"guests": True})
    gus = await scene.people.accounts.guest("Gus")
    assert (gus.who.kind, gus.who.name, gus.who.guest) == (Kind.GUEST, "", True)
    assert gus.who.id.startswith("g")
    assert await scene.people.logins.of_secret(gus.secret) == gus.who


async def test_guests_are_out_where_they_may_no_more(scene: Scene) -> None:
    root = await scene.admin()
    await scene.people.administration.set(root.who, {"guests": True})
    gus = await scene.people.accounts.guest("Gus")
    await scene.people.administration.set(root.who, {"name": "here"})
    assert await scene.people.logins.of_secret(gus.secret) is not None
    await scene.people.administration.set(root.who, {"guests": False})
    assert scene.ended == [(gus.who.id, gus.who.login)]
    assert await scene.people.logins.of_secret(gus.secret) is None
    assert await scene.people.logins.of_secret(root.secret) is not None


async def test_one_place_makes_so_many_accounts_and_no_more(scene: Scene) -> None:
    root = await scene.admin()
    await scene.people.administration.set(root.who, {"guests": True})
    scene.now.pass_(10_000)
    guest = scene.people.accounts.guest
    for _ in range(20):
        await guest("Gus", place="198.51.100.66")
    await refused(guest("Gus", place="198.51.100.66"), 429, "too-many-tries")
    await guest("Gus", place="198.51.100.67")


# What is kept.


async def test_no_secret_is_kept_as_it_is(scene: Scene) -> None:
    root, ann = await scene.admin(), await scene.person("ann")
    administration = scene.people.administration
    link = await administration.password_link(root.who, ann.who.id)
    invitation = await administration.invite(root.who)
    bot = await administration.make_bot(root.who, "bot", "Bot")
    key = await administration.make_key(root.who, bot.id, "a key")
    kept = await scene.tables.read(everything)
    for secret in (PASSWORD, root.secret, ann.secret, scene.code, link.code, invitation.code):
        assert secret and secret not in kept
    assert key.secret not in kept and key.secret.startswith("hubbub_")
