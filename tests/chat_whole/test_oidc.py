"""Signing in at a provider, one that lies among them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import Connection, select
from tests.support.chat import database
from tests.support.people import PASSWORD, Browser, Scene
from tests.support.provider import CLIENT, SECRET, StandIn, provider
from tests.support.tables import watched

from hubbub import ConfigurationError
from hubbub.chat import schema
from hubbub.chat.people import OidcProvider, People
from hubbub.chat.people.oidc import local_path
from hubbub.chat.web import PREFIX

START = "/session/oidc/example-id"


class Visit:
    """A chat, a provider, and a browser between them."""

    def __init__(self, scene: Scene, there: StandIn, people: People) -> None:
        self.scene = scene
        self.there = there
        self.people = people
        self.browser = Browser(people)

    async def away(self, next: str = "/") -> str:
        """Go to the provider: where that is."""
        answer = await self.browser.get(START, params={"next": next})
        assert answer.status_code == 303
        return answer.headers["location"]

    async def back(self, url: str) -> str:
        """Come back from there by `url`: where one ends up."""
        answer = await self.browser.get(url)
        assert answer.status_code == 303
        assert answer.headers["cache-control"] == "no-store"
        assert "Max-Age=0" in answer.headers["set-cookie"], "what was kept for it is gone"
        return answer.headers["location"]

    async def sign_in(self, next: str = "/") -> str:
        """There and back."""
        return await self.back(self.there.enter(await self.away(next)))

    async def me(self) -> dict[str, Any] | None:
        answer = await self.browser.get("/session")
        return answer.json()["user"] if answer.status_code == 200 else None


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    async with watched(await database("sqlite", tmp_path)) as tables:
        scene = Scene(tables)
        async with provider(scene.now) as there:
            config = OidcProvider(there.issuer, CLIENT, SECRET, "Example ID")
            await scene.start(providers=[config])
            root = await scene.admin()
            await scene.people.administration.set(root.who, {"sign_up": "open"})
            visit = Visit(scene, there, scene.people)
            yield visit
            await visit.browser.aclose()
            await scene.people.stop()


async def test_who_signs_in_there_has_an_account_here(visit: Visit) -> None:
    visit.there.says = {"preferred_username": "Ann.Example", "name": "Ann Example"}
    assert await visit.sign_in("/room/lobby?x=1#end") == "/room/lobby?x=1#end"
    me = await visit.me()
    assert me is not None
    assert (me["name"], me["display"], me["kind"]) == ("ann.example", "Ann Example", "person")
    assert "userinfo" not in visit.there.fetched
    # And the same one the next time, whatever they are called then.
    visit.there.says = {"preferred_username": "root", "name": "Root"}
    await visit.browser.delete("/session")
    assert await visit.me() is None
    assert await visit.sign_in() == "/"
    assert await visit.me() == me
    providers = (await visit.browser.get("/server")).json()["providers"]
    assert providers == [{"id": "example-id", "name": "Example ID", "path": PREFIX + START}]


async def test_name_that_is_taken_is_somebody_elses(visit: Visit) -> None:
    """An account is known by issuer and subject: nobody comes into one by its name or address."""
    for number, name in enumerate(("root2", "root3")):
        visit.there.subject = f"subject-{number}"
        visit.there.says = {"preferred_username": "root", "email": "root@chat.example"}
        await visit.sign_in()
        me = await visit.me()
        assert me is not None and (me["name"], me["admin"]) == (name, False)
        await visit.browser.delete("/session")

    def identities(connection: Connection) -> list[tuple[str, str]]:
        rows = connection.execute(select(schema.identities.c.issuer, schema.identities.c.subject))
        return sorted((row.issuer, row.subject) for row in rows)

    assert await visit.scene.tables.read(identities) == [
        (visit.there.issuer, "subject-0"),
        (visit.there.issuer, "subject-1"),
    ]


async def test_what_is_not_in_the_token_is_asked_for(visit: Visit) -> None:
    visit.there.userinfo = {"name": "Ann\u202e Example\x00"}
    await visit.sign_in()
    me = await visit.me()
    assert me is not None and (me["name"], me["display"]) == ("ann-example", "Ann Example")
    await visit.browser.delete("/session")
    # What is said about somebody else is not theirs.
    visit.there.subject, visit.there.userinfo = "subject-2", {"sub": "subject-1", "name": "Bob"}
    await visit.sign_in()
    me = await visit.me()
    assert me is not None and me["name"] == "somebody"


@pytest.mark.parametrize("methods", [None, ["client_secret_basic"], ["client_secret_post"]])
async def test_client_shows_its_secret_as_the_provider_wants_it(
    visit: Visit, methods: list[str] | None
) -> None:
    visit.there.methods = methods
    assert await visit.sign_in() == "/"


async def test_client_without_a_secret_has_none_to_show(visit: Visit) -> None:
    config = OidcProvider(visit.there.issuer, CLIENT, name="Example ID")
    visit.there.secret = ""
    people = visit.scene.make(providers=[config])
    await people.start()
    other = Visit(visit.scene, visit.there, people)
    assert await other.sign_in() == "/"
    await other.browser.aclose()
    await people.stop()


@pytest.mark.parametrize("alg", ["RS256", "PS384", "ES256"])
async def test_key_pairs_of_each_kind_sign(visit: Visit, alg: str) -> None:
    visit.there.alg = alg
    assert await visit.sign_in() == "/"


@pytest.mark.parametrize(
    "says",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "somebody-else"},
        {"aud": ["somebody-else"]},
        {"aud": []},
        {"aud": None},
        {"aud": [CLIENT, "somebody-else"]},
        {"azp": "somebody-else"},
        {"exp": 1_699_999_939},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": 1_700_000_061},
        {"iat": None},
        {"nbf": 1_700_000_061},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": ["another"]},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\x00b"},
        {"sub": "x" * 256},
    ],
)
async def test_token_that_is_not_right_signs_in_nobody(visit: Visit, says: dict[str, Any]) -> None:
    visit.there.says = says
    assert await visit.sign_in() == "/#problem=sign-in-failed"
    assert await visit.me() is None


async def test_token_for_several_is_right_where_it_says_that_it_is_ours(visit: Visit) -> None:
    visit.there.says = {"aud": [CLIENT, "somebody-else"], "azp": CLIENT, "exp": 1_699_999_945}
    assert await visit.sign_in() == "/", "and a minute is not too late"


@pytest.mark.parametrize("alg", ["none", "HS256"])
async def test_token_without_a_key_pair_signs_in_nobody(visit: Visit, alg: str) -> None:
    visit.there.alg = alg
    assert await visit.sign_in() == "/#problem=sign-in-failed"
    assert await visit.me() is None


async def test_new_keys_are_fetched_when_they_are_needed_and_not_more_often(visit: Visit) -> None:
    assert await visit.sign_in() == "/"
    assert await visit.sign_in() == "/"
    assert visit.there.fetched.count("keys") == 1
    visit.there.rotate()
    assert await visit.sign_in() == "/#problem=sign-in-failed", "a moment after the last look"
    assert visit.there.fetched.count("keys") == 1
    visit.scene.now.pass_(10)
    assert await visit.sign_in() == "/"
    assert visit.there.fetched.count("keys") == 2
    assert visit.there.fetched.count("configuration") == 1


async def test_who_comes_back_is_who_was_sent_and_once(visit: Visit) -> None:
    url = visit.there.enter(await visit.away())
    kept = visit.browser.cookies["__Host-hubbub-away"]
    query = urlsplit(url).query
    # Another browser, which was not sent: whoever gave it the address would be signed in there.
    other = Visit(visit.scene, visit.there, visit.people)
    assert await other.back(url) == "/#problem=sign-in-late"
    await other.away()
    assert await other.back(url) == "/#problem=sign-in-failed"
    await other.browser.aclose()
    wrong = url.replace("state=", "state=x")
    assert await visit.back(wrong) == "/#problem=sign-in-failed"
    visit.browser.cookies.set("__Host-hubbub-away", kept)
    assert await visit.back(url.replace("iss=", "iss=x")) == "/#problem=sign-in-failed"
    visit.browser.cookies.set("__Host-hubbub-away", kept)
    assert "token" not in visit.there.fetched
    assert await visit.back(url) == "/"
    assert parse_qs(query)["code"]
    visit.browser.cookies.set("__Host-hubbub-away", kept)
    assert await visit.back(url) == "/#problem=sign-in-failed", "the code was used"


async def test_who_stays_away_too_long_begins_anew(visit: Visit) -> None:
    url = visit.there.enter(await visit.away())
    visit.scene.now.pass_(600)
    assert await visit.back(url) == "/#problem=sign-in-late"


async def test_code_of_another_begun_sign_in_is_none_of_this(visit: Visit) -> None:
    """A code that was put into somebody's address: the challenge of it is another one (PKCE)."""
    mallory = Visit(visit.scene, visit.there, visit.people)
    stolen = parse_qs(urlsplit(mallory.there.enter(await mallory.away())).query)["code"][0]
    url = visit.there.enter(await visit.away())
    mine = parse_qs(urlsplit(url).query)["code"][0]
    assert await visit.back(url.replace(mine, stolen)) == "/#problem=sign-in-failed"
    await mallory.browser.aclose()


async def test_who_was_not_let_in_there_is_told_so(visit: Visit) -> None:
    state = parse_qs(urlsplit(await visit.away()).query)["state"][0]
    url = f"{START}/callback?error=access_denied&state={state}"
    assert await visit.back(url) == "/#problem=sign-in-declined"


async def test_accounts_are_made_where_the_server_or_the_provider_lets_them(visit: Visit) -> None:
    root = (await visit.scene.sign_in("root")).who
    assert await visit.sign_in() == "/"
    await visit.browser.delete("/session")
    await visit.people.administration.set(root, {"sign_up": "invitation"})
    assert await visit.sign_in() == "/", "who has an account"
    await visit.browser.delete("/session")
    visit.there.subject = "subject-2"
    assert await visit.sign_in() == "/#problem=sign-up-closed"
    config = OidcProvider(visit.there.issuer, CLIENT, SECRET, "Example ID", sign_up=True)
    people = visit.scene.make(providers=[config])
    await people.start()
    other = Visit(visit.scene, visit.there, people)
    assert await other.sign_in() == "/"
    await other.browser.aclose()
    await people.stop()


async def test_who_is_disabled_here_does_not_come_in_from_there(visit: Visit) -> None:
    assert await visit.sign_in() == "/"
    me = await visit.me()
    assert me is not None
    root = (await visit.scene.sign_in("root")).who
    await visit.people.administration.disable(root, me["id"])
    assert await visit.me() is None
    assert await visit.sign_in() == "/#problem=disabled"
    assert await visit.me() is None


async def test_login_from_there_takes_the_place_of_the_one_there_was(visit: Visit) -> None:
    before = (await visit.browser.sign_in("root", PASSWORD)).json()["login"]
    assert await visit.sign_in() == "/"
    me = await visit.me()
    assert me is not None and me["name"] == "somebody"
    assert [login for _, login in visit.scene.ended if login == before] == [before]


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": None},
        {"token_endpoint": "ftp://127.0.0.1/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": 7},
        {"more": "x" * 1_000_000},
    ],
)
async def test_provider_that_says_something_strange_of_itself_is_not_gone_to(
    visit: Visit, discovery: dict[str, Any]
) -> None:
    visit.there.discovery = discovery
    assert await visit.away() == "/#problem=provider-unavailable"
    visit.there.discovery = {}
    assert await visit.sign_in() == "/", "and is, once it has come to its senses"


@pytest.mark.parametrize("status", [307, 500])
async def test_no_redirect_is_followed_with_a_code(visit: Visit, status: int) -> None:
    visit.there.token_status = status
    assert await visit.sign_in() == "/#problem=provider-unavailable"


async def test_provider_that_is_not_there_is_told_of(visit: Visit) -> None:
    config = OidcProvider("http://127.0.0.1:1", CLIENT, SECRET, "Example ID")
    people = visit.scene.make(providers=[config])
    await people.start()
    other = Visit(visit.scene, visit.there, people)
    assert await other.away() == "/#problem=provider-unavailable"
    assert (await other.browser.get("/session/oidc/none")).headers["location"] == (
        "/#problem=no-such-provider"
    )
    await other.browser.aclose()
    await people.stop()


async def test_one_goes_on_to_a_path_of_ours_and_nowhere_else(visit: Visit) -> None:
    for next in ("https://evil.example", "//evil.example", "/\\evil.example", "x" * 3000):
        assert await visit.sign_in(next) == "/"


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("/", "/"),
        ("/room/a?b=c#d", "/room/a?b=c#d"),
        ("/%2F/evil", "/%2F/evil"),
        ("", "/"),
        ("room", "/"),
        ("//evil.example", "/"),
        ("///evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/\n/evil.example", "/"),
        ("/\r\nSet-Cookie: x", "/"),
        (" //evil.example", "/"),
        ("https:evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/é", "/"),
    ],
)
def test_local_path(said: str, path: str) -> None:
    assert local_path(said) == path


@pytest.mark.parametrize(
    "given",
    [
        {"issuer": "http://id.example"},
        {"issuer": "id.example"},
        {"issuer": "https://id.example?x"},
        {"scopes": ("profile",)},
        {"name": "…"},
    ],
)
def test_provider_that_cannot_be_is_refused_at_once(given: dict[str, Any]) -> None:
    usual: dict[str, Any] = {"issuer": "https://id.example", "client_id": "x"}
    with pytest.raises(ConfigurationError):
        OidcProvider(**{**usual, **given})


def test_secret_of_a_client_is_not_shown() -> None:
    config = OidcProvider("https://id.example", CLIENT, SECRET, "Example ID")
    assert SECRET not in repr(config) and config.id == "example-id"


async def test_two_providers_have_two_names(visit: Visit) -> None:
    configs = [OidcProvider(f"https://{n}.example", CLIENT, name="ID") for n in "ab"]
    with pytest.raises(ConfigurationError):
        visit.scene.make(providers=configs)


async def test_secrets_are_in_no_log(visit: Visit, caplog: pytest.LogCaptureFixture) -> None:
    """A-6."""
    caplog.set_level(logging.DEBUG)
    visit.there.says = {"name": "Planted Claim"}
    away = await visit.away()
    kept = visit.browser.cookies["__Host-hubbub-away"]
    url = visit.there.enter(away)
    code = parse_qs(urlsplit(url).query)["code"][0]
    assert await visit.back(url) == "/"
    visit.there.says = {"nonce": "planted-nonce"}
    assert await visit.sign_in() == "/#problem=sign-in-failed"
    own = [one for one in caplog.records if one.name.startswith("hubbub")]
    assert own, "there is a log to look through"
    secrets = [code, kept, visit.browser.cookies["__Host-hubbub"], SECRET, "a+secret%2Fof%2Bthe"]
    # The test's own browser logs the addresses that it goes to, and only that.
    told = "\n".join(one.getMessage() for one in caplog.records if url not in one.getMessage())
    for secret in (*secrets, "Planted Claim", "planted-nonce", "opaque"):
        assert secret not in told, secret
    assert isinstance(visit.browser, httpx.AsyncClient)
