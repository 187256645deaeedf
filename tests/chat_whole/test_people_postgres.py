"""What people do, in PostgreSQL: all that they do in SQLite, and what happens at the same time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy import Connection, func, select
from tests.chat.people.test_accounts import *  # noqa: F403
from tests.chat.people.test_administration import *  # noqa: F403
from tests.chat.people.test_people_http import *  # noqa: F403
from tests.support.chat import database
from tests.support.people import PASSWORD, Scene, together
from tests.support.tables import Watched, watched

from hubbub.chat import schema
from hubbub.chat.people import OidcProvider
from hubbub.chat.people.logins import Begun
from hubbub.chat.people.oidc import Claimed, Provider
from hubbub.chat.problem import Problem

AT_ONCE = 5
"""No more than the store tries again: where transactions see but one moment, each round of those
that want the same row lets one through."""


@pytest.fixture
async def tables(tmp_path: Path) -> AsyncIterator[Watched]:
    async with watched(await database("postgresql", tmp_path)) as tables:
        yield tables


@pytest.fixture
async def scene(tables: Watched) -> AsyncIterator[Scene]:
    scene = Scene(tables)
    await scene.start()
    yield scene
    await scene.people.stop()


@pytest.fixture(params=["read committed", "repeatable read"])
async def crowd(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """A scene whose transactions run side by side, and see this much of each other unless they
    say otherwise."""
    url = await database("postgresql", tmp_path)
    connection = await asyncpg.connect(url)
    name = urlsplit(url).path[1:]
    isolation = f"default_transaction_isolation = '{request.param}'"
    await connection.execute(f"ALTER DATABASE {name} SET {isolation}")
    await connection.close()
    async with watched(url) as tables:
        scene = Scene(tables)
        await scene.start()
        yield scene
        await scene.people.stop()


def slugs(told: list[object]) -> list[str]:
    """The problems among what became of calls; nothing else is to be raised."""
    raised = [one for one in told if isinstance(one, BaseException)]
    assert all(isinstance(one, Problem) for one in raised), raised
    return [one.slug for one in raised if isinstance(one, Problem)]


async def test_servers_that_start_at_once_have_one_key(crowd: Scene) -> None:
    servers = [crowd.make() for _ in range(AT_ONCE)]
    codes = await together(*(server.start() for server in servers))
    assert len(set(codes)) == AT_ONCE
    assert {server.key("links") for server in servers} == {crowd.people.key("links")}


async def test_first_administrator_is_one_whatever_link_they_came_by(crowd: Scene) -> None:
    codes = [crowd.code, *[await crowd.make().start() or "" for _ in range(AT_ONCE - 2)]]
    codes.append(crowd.code)
    sign_up = crowd.people.accounts.sign_up
    told = await together(
        *(sign_up(f"user{n}", "User", PASSWORD, code) for n, code in enumerate(codes))
    )
    assert set(slugs(told)) == {"wrong-code"}
    assert len(slugs(told)) == len(codes) - 1

    def administrators(connection: Connection) -> int:
        admins = select(func.count()).where(schema.users.c.admin)
        return int(connection.scalar(admins) or 0)

    assert await crowd.tables.read(administrators) == 1


async def test_link_is_used_as_often_as_it_may_be(crowd: Scene) -> None:
    root = await crowd.admin()
    made = await crowd.people.administration.invite(root.who, uses=3)
    sign_up = crowd.people.accounts.sign_up
    told = await together(
        *(sign_up(f"user{n}", "User", PASSWORD, made.code) for n in range(AT_ONCE))
    )
    assert slugs(told) == ["wrong-code"] * (AT_ONCE - 3)


async def test_name_is_one_persons(crowd: Scene) -> None:
    root = await crowd.admin()
    await crowd.people.administration.set(root.who, {"sign_up": "open"})
    sign_up = crowd.people.accounts.sign_up
    told = await together(*(sign_up("ann", "Ann", PASSWORD) for _ in range(AT_ONCE)))
    assert slugs(told) == ["name-taken"] * (AT_ONCE - 1)


async def test_last_administrator_stays(crowd: Scene) -> None:
    root = await crowd.admin()
    administration = crowd.people.administration
    ids = [root.who.id]
    for name in ("ann", "bob", "cid"):
        ids.append((await crowd.person(name)).who.id)
        await administration.appoint(root.who, ids[-1], True)
    calls = [
        administration.appoint(root.who, id, False)
        if n % 2
        else administration.disable(root.who, id)
        for n, id in enumerate(ids)
    ]
    assert slugs(await together(*calls)) == ["last-administrator"]


async def test_who_comes_from_a_provider_in_many_windows_has_one_account(crowd: Scene) -> None:
    root = await crowd.admin()
    await crowd.people.administration.set(root.who, {"sign_up": "open"})
    config = OidcProvider("https://id.example", "x", name="ID")
    there = Provider(config, crowd.now, crowd.now)
    same = Claimed(config.issuer, "subject", "ann", "Ann")
    told = await together(*(crowd.people.enter(there, same) for _ in range(AT_ONCE)))
    assert slugs(told) == []
    assert len({one.who.id for one in told if isinstance(one, Begun)}) == 1
    # And others of the same name come in at the same time, each to their own.
    others = [Claimed(config.issuer, f"subject {n}", "bob", "Bob") for n in range(2)]
    told = await together(*(crowd.people.enter(there, one) for one in others))
    assert slugs(told) == []
    assert {one.who.name for one in told if isinstance(one, Begun)} == {"bob", "bob2"}


async def test_who_is_disabled_meanwhile_has_no_login_left(crowd: Scene) -> None:
    root = await crowd.admin()
    administration = crowd.people.administration
    await administration.set(root.who, {"sign_up": "open"})
    config = OidcProvider("https://id.example", "x", name="ID")
    there = Provider(config, crowd.now, crowd.now)
    bob = Claimed(config.issuer, "subject", "bob", "Bob")
    ids = [
        (await crowd.person("ann")).who.id,
        (await crowd.people.enter(there, bob)).who.id,
    ]

    def left(connection: Connection) -> int:
        theirs = select(func.count()).where(schema.logins.c.user.in_(ids))
        return int(connection.scalar(theirs) or 0)

    for _ in range(5):
        crowd.now.pass_(3600)  # so that nobody has tried too often
        told = await together(
            *(crowd.sign_in("ann") for _ in range(AT_ONCE - 1)),
            *(crowd.people.enter(there, bob) for _ in range(AT_ONCE - 2)),
            *(administration.disable(root.who, id) for id in ids),
            crowd.people.enter(there, bob),
        )
        assert set(slugs(told)) <= {"wrong-credentials", "disabled"}
        assert await crowd.tables.read(left) == 0
        for id in ids:
            await administration.enable(root.who, id)


async def test_links_passwords_and_accounts_do_not_wait_for_each_other_in_a_circle(
    crowd: Scene,
) -> None:
    root = await crowd.admin()
    ann = await crowd.person("ann")
    administration, accounts = crowd.people.administration, crowd.people.accounts
    for round in range(3):
        link = await administration.password_link(root.who, ann.who.id)
        told = await together(
            accounts.reset_password(link.code, PASSWORD),
            administration.disable(root.who, ann.who.id),
            administration.password_link(root.who, ann.who.id),
            crowd.sign_in("ann"),
        )
        assert set(slugs(told)) <= {"wrong-code", "wrong-credentials", "disabled"}, round
        await administration.enable(root.who, ann.who.id)


async def test_one_settings_change_does_not_undo_another(crowd: Scene) -> None:
    root = await crowd.admin()
    set_ = crowd.people.administration.set
    told = await together(
        set_(root.who, {"name": "a place"}),
        set_(root.who, {"sign_up": "open"}),
        set_(root.who, {"guests": True}),
    )
    assert slugs(told) == []
    assert (await crowd.people.settings()).model_dump(mode="json") == {
        "name": "a place",
        "sign_up": "open",
        "guests": True,
    }
