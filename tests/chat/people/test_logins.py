"""Logins, keys, and tokens for sockets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey
from sqlalchemy import Connection, update
from tests.support.people import Scene
from tests.support.tables import Watched

from hubbub import ConfigurationError, Refused, Unavailable
from hubbub.chat.people import Kind, Who
from hubbub.chat.people.administration import MOST_KEYS
from hubbub.chat.people.logins import LOGIN_S, MOST, SEEN_S, SOCKET_S
from hubbub.chat.people.server import Keys
from hubbub.chat.people.tickets import AUDIENCE, Seal, SocketTokens
from hubbub.chat.problem import Problem
from hubbub.chat.schema import users

DAY = 86_400


async def test_login_lives_as_long_as_it_is_seen(scene: Scene) -> None:
    root = await scene.admin()
    of_secret = scene.people.logins.of_secret
    for _ in range(4):
        scene.now.pass_(LOGIN_S - 1)
        assert await of_secret(root.secret) == root.who
    scene.now.pass_(LOGIN_S)
    assert await of_secret(root.secret) is None
    assert scene.ended == []
    await scene.people.sweep()
    assert scene.ended == [(root.who.id, root.who.login)]


async def test_that_a_login_was_seen_is_written_once_an_hour(scene: Scene, tables: Watched) -> None:
    root = await scene.admin()
    scene.now.pass_(SEEN_S - 1)
    before = tables.writes
    for _ in range(5):
        await scene.people.logins.of_secret(root.secret)
    assert tables.writes == before
    scene.now.pass_(1)
    for _ in range(5):
        await scene.people.logins.of_secret(root.secret)
    assert tables.writes == before + 1
    (login,) = await scene.people.logins.list_(root.who.id)
    assert login.seen_at - login.created_at == SEEN_S * 1000
    assert login.expires_at - login.seen_at == LOGIN_S * 1000


async def test_who_it_is_does_not_depend_on_writing_it_down(
    scene: Scene, tables: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = await scene.admin()
    scene.now.pass_(SEEN_S)

    async def unable(*_: Any) -> None:
        raise Unavailable("read only")

    monkeypatch.setattr(tables, "write", unable)
    assert await scene.people.logins.of_secret(root.secret) == root.who


@pytest.mark.parametrize("secret", ["", "x", "\udcff", "\x00", "x" * 10_000])
async def test_nobodys_secret_is_nobody(scene: Scene, secret: str) -> None:
    await scene.admin()
    assert await scene.people.logins.of_secret(secret) is None
    assert await scene.people.logins.of_key(secret) is None
    assert await scene.people.logins.of_key("hubbub_" + secret) is None


async def test_login_of_who_is_disabled_is_nobodys(scene: Scene) -> None:
    root = await scene.admin()

    def disable(connection: Connection) -> None:
        connection.execute(update(users).values(disabled_at=1))

    await scene.tables.write(disable)
    assert await scene.people.logins.of_secret(root.secret) is None
    assert await scene.people.logins.of_id(root.who.id, root.who.login) is None


async def test_login_is_ended_by_its_owner_alone(scene: Scene) -> None:
    root, ann = await scene.admin(), await scene.person("ann")
    end = scene.people.logins.end
    assert not await end(ann.who.id, root.who.login)
    assert scene.ended == []
    assert await end(root.who.id, root.who.login)
    assert not await end(root.who.id, root.who.login)
    assert scene.ended == [(root.who.id, root.who.login)]
    assert await scene.people.logins.of_secret(root.secret) is None
    assert await scene.people.logins.of_secret(ann.secret) == ann.who


async def test_all_other_logins_are_ended(scene: Scene) -> None:
    await scene.admin()
    ann = await scene.person("ann")
    others = {(await scene.sign_in("ann")).who.login for _ in range(3)}
    assert await scene.people.logins.end_others(ann.who) == 3
    assert set(scene.ended) == {(ann.who.id, login) for login in others}
    assert [one.id for one in await scene.people.logins.list_(ann.who.id)] == [ann.who.login]


async def test_account_has_so_many_logins_and_the_oldest_ends(scene: Scene) -> None:
    first = await scene.admin()
    for _ in range(MOST - 1):
        scene.now.pass_(1)
        await scene.sign_in("root")
    assert scene.ended == []
    scene.now.pass_(1)
    await scene.sign_in("root")
    assert scene.ended == [(first.who.id, first.who.login)]
    assert len(await scene.people.logins.list_(first.who.id)) == MOST


# Bots.


async def test_bot_is_who_shows_its_key(scene: Scene) -> None:
    root = await scene.admin()
    administration = scene.people.administration
    bot = await administration.make_bot(root.who, "Builder", "Builds")
    one = await administration.make_key(root.who, bot.id, "one")
    two = await administration.make_key(root.who, bot.id, "two")
    assert await scene.people.logins.of_key(one.secret) == Who(
        bot.id, Kind.BOT, "Builds", "builder", False, one.made.id
    )
    assert await scene.people.logins.of_secret(one.secret) is None
    assert await scene.people.logins.of_key(root.secret) is None
    await administration.revoke_key(root.who, bot.id, one.made.id)
    assert scene.ended == [(bot.id, one.made.id)]
    assert await scene.people.logins.of_key(one.secret) is None
    assert [key.name for key in await administration.keys(bot.id)] == ["two"]
    await administration.disable(root.who, bot.id)
    assert scene.ended[1:] == [(bot.id, two.made.id)]
    assert await scene.people.logins.of_key(two.secret) is None
    await administration.enable(root.who, bot.id)
    assert await scene.people.logins.of_key(two.secret) is not None


async def test_bot_has_so_many_keys_and_others_have_none(scene: Scene) -> None:
    root = await scene.admin()
    administration = scene.people.administration
    bot = await administration.make_bot(root.who, "bot", "Bot")
    for number in range(MOST_KEYS):
        await administration.make_key(root.who, bot.id, str(number))
    for user, slug in (
        (bot.id, "too-many-keys"),
        (root.who.id, "other-kind"),
        ("u0", "no-such-user"),
    ):
        with pytest.raises(Problem) as problem:
            await administration.make_key(root.who, user, "more")
        assert problem.value.slug == slug
    with pytest.raises(Problem) as problem:
        await administration.revoke_key(root.who, root.who.id, "k0")
    assert problem.value.status == 404


# Tokens for sockets.


async def test_token_says_who_opens_a_socket(scene: Scene) -> None:
    root = await scene.admin()
    made = scene.people.socket_token(root.who)
    assert SOCKET_S <= made.expires_at - scene.now() < SOCKET_S + 1
    assert await scene.people.verify_socket_token(made.token) == root.who
    other = scene.make()
    assert await other.start() is None
    made = scene.people.socket_token(root.who)
    assert await other.verify_socket_token(made.token) == root.who, "on another server, too"


async def test_token_opens_one_socket_on_any_server(scene: Scene) -> None:
    root = await scene.admin()
    other = scene.make()
    await other.start()
    token = scene.people.socket_token(root.who).token
    assert await scene.people.verify_socket_token(token) == root.who
    for people in (scene.people, other):
        with pytest.raises(Refused) as refused:
            await people.verify_socket_token(token)
        assert refused.value.code == 109, "fetch another one"
    scene.now.pass_(SOCKET_S + 1)
    await scene.people.sweep()
    with pytest.raises(Refused):
        await scene.people.verify_socket_token(token)


async def test_token_is_over_with_its_time_and_another_one_is_fetched(scene: Scene) -> None:
    root = await scene.admin()
    made = scene.people.socket_token(root.who)
    scene.now.pass_(SOCKET_S + 1)
    with pytest.raises(Refused) as refused:
        await scene.people.verify_socket_token(made.token)
    assert refused.value.code == 109
    await scene.people.logins.end(root.who.id, root.who.login)
    assert await scene.people.verify_socket_token(made.token) is None, "no use in fetching one"


async def test_token_is_over_with_its_login(scene: Scene) -> None:
    root, ann = await scene.admin(), await scene.person("ann")
    tokens = [scene.people.socket_token(one.who).token for one in (root, ann)]
    await scene.people.logins.end(root.who.id, root.who.login)
    await scene.people.administration.disable(root.who, ann.who.id)
    for token in tokens:
        assert await scene.people.verify_socket_token(token) is None


async def test_token_names_a_login_of_its_own_user(scene: Scene) -> None:
    root, ann = await scene.admin(), await scene.person("ann")
    mixed = Who(root.who.id, Kind.PERSON, "Root", "root", True, ann.who.login)
    assert await scene.people.verify_socket_token(scene.people.socket_token(mixed).token) is None
    assert await scene.people.until(mixed) is None


async def test_key_of_a_bot_opens_a_socket_too(scene: Scene) -> None:
    root = await scene.admin()
    administration = scene.people.administration
    bot = await administration.make_bot(root.who, "bot", "Bot")
    key = await administration.make_key(root.who, bot.id, "one")
    who = await scene.people.verify_socket_token(key.secret)
    assert who is not None and (who.id, who.login) == (bot.id, key.made.id)
    assert await scene.people.verify_socket_token(scene.people.socket_token(who).token) == who
    minted = scene.people.socket_token(who).token
    assert await scene.people.until(who) == scene.now() + SOCKET_S
    await administration.revoke_key(root.who, bot.id, key.made.id)
    assert await scene.people.verify_socket_token(key.secret) is None
    assert await scene.people.verify_socket_token(minted) is None
    assert await scene.people.until(who) is None


async def test_socket_stays_while_its_login_lives_and_keeps_it_alive(scene: Scene) -> None:
    """A-4: what is asked when the time of a socket is up."""
    root, ann = await scene.admin(), await scene.person("ann")
    for _ in range(60):
        scene.now.pass_(DAY)
        assert await scene.people.until(root.who) == scene.now() + SOCKET_S
    assert await scene.people.until(ann.who) is None, "nobody has seen her for 30 days"
    await scene.people.logins.end(root.who.id, root.who.login)
    assert await scene.people.until(root.who) is None


def tokens(secret: bytes = b"k" * 32, now: float = 1000.0) -> SocketTokens:
    return SocketTokens(Keys(secret), lambda: now)


@given(st.one_of(st.text(max_size=200), st.binary(max_size=200).map(lambda b: b.decode("latin-1"))))
def test_what_is_no_token_is_nobodys(said: str) -> None:
    assert tokens().read(said) is None


WHO = Who("u1", Kind.PERSON, "Ann", "ann", False, "l1")


@given(st.integers(0, 400), st.characters(codec="ascii"))
def test_changed_token_is_nobodys(at: int, char: str) -> None:
    good = tokens().mint(WHO).token
    at %= len(good)
    # The last character of a signature has bits that count for nothing: leave it as it is.
    if good[at] == char or at == len(good) - 1:
        return
    assert tokens().read(good[:at] + char + good[at + 1 :]) is None


def test_token_of_another_server_or_for_something_else_or_unsigned_is_nobodys() -> None:
    good = tokens()
    said = good.read(good.mint(WHO).token)
    assert said is not None and (said.user, said.login) == ("u1", "l1")
    assert good.read(tokens(b"x" * 32).mint(WHO).token) is None
    assert good.read(Seal(Keys(b"k" * 32), "socket", lambda: 0.0).close({"sub": "u1"}, 9)) is None
    key = OctKey.import_key(Keys(b"k" * 32).for_("socket"))
    claims = {"aud": AUDIENCE, "sub": "u1", "sid": "l1", "jti": "t1", "exp": 2000}
    assert good.read(jwt.encode({"alg": "HS256"}, claims, key)) is not None
    assert good.read(jwt.encode({"alg": "HS256"}, {**claims, "aud": "x"}, key)) is None
    assert good.read(jwt.encode({"alg": "HS512"}, claims, key, ["HS512"])) is None
    unsigned = "eyJhbGciOiJub25lIn0." + jwt.encode({"alg": "HS256"}, claims, key).split(".")[1]
    assert good.read(unsigned + ".") is None
    assert good.read("x" * 1_000_000) is None


def test_sealed_value_is_for_its_purpose_and_its_time() -> None:
    now = 1000.0
    seal = Seal(Keys(b"k" * 32), "away", lambda: now)
    sealed = seal.close({"verifier": "a secret"}, 10)
    opened = seal.open(sealed)
    assert opened is not None and opened["verifier"] == "a secret"
    assert "secret" not in sealed
    assert Seal(Keys(b"k" * 32), "other", lambda: now).open(sealed) is None
    assert Seal(Keys(b"x" * 32), "away", lambda: now).open(sealed) is None
    for wrong in ("", "x", "a.b.c.d.e", sealed[:-5] + "AAAAA", "é" * 20, "x" * 100_000):
        assert seal.open(wrong) is None
    now = 1010.0
    assert seal.open(sealed) is None


async def test_keys_are_the_same_on_every_server_and_others_for_every_purpose(
    scene: Scene,
) -> None:
    other = scene.make()
    with pytest.raises(ConfigurationError):
        other.key("links")
    await other.start()
    assert other.key("links") == scene.people.key("links") != scene.people.key("socket")
    assert len(other.key("links")) == 32
