"""Who may connect: the application's own word, tokens, and nobody in particular."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import pytest
from fastapi import Cookie, Depends, FastAPI, HTTPException, Query
from joserfc import jws
from joserfc.jwk import OctKey
from starlette.requests import HTTPConnection

from hubbub import Call, Client, ConfigurationError, Connect, Hub, Identity, Refused, Settings
from hubbub.embed.keys import KeysUnavailable
from hubbub.embed.tokens import Tokens, make_token
from hubbub.testing import Closed, Info, Rejected, TestHub

SECRET = "a secret of thirty-two bytes, for tests"

OPEN = {
    "allow_subscribe_for_client": True,
    "allow_subscribe_for_anonymous": True,
    "presence": True,
    "allow_presence_for_subscriber": True,
    "allow_presence_for_anonymous": True,
}


def make_hub(**given: Any) -> Hub:
    hub = Hub(settings=Settings(**given))

    @hub.on_rpc("me")
    async def me(call: Call[Any]) -> Any:
        return [repr(call.user), call.client.user_id]

    return hub


@asynccontextmanager
async def running(hub: Hub) -> AsyncIterator[TestHub]:
    app = FastAPI(lifespan=hub.lifespan)
    app.include_router(hub.router)
    async with TestHub(app) as test:
        yield test


async def refused(test: TestHub, **how: Any) -> tuple[str, int, str]:
    """How a connection ends that nobody lets in."""
    try:
        await test.connect(**how)
    except Rejected as rejected:
        return "answer", rejected.code, rejected.message
    except Closed as closed:
        return "close", closed.code, closed.reason
    return "came in", 0, ""


@dataclass(frozen=True)
class User:
    id: int


# The application's own word. ------------------------------------------------------------------


async def test_authenticate_says_who_it_is_and_nobody_else_comes_in() -> None:
    hub = make_hub()
    known = {"s3cret": User(7)}

    @hub.authenticate
    async def who(token: str | None) -> User | None:
        return known.get(token or "")

    async with running(hub) as test:
        ann = await test.connect(token="s3cret")
        assert await ann.rpc("me") == ["User(id=7)", "7"]
        assert len(hub.user(7)) == 1
        assert await refused(test, token="wrong") == ("close", 3500, "invalid token")
        assert await refused(test) == ("close", 3501, "bad request")


@pytest.mark.parametrize(
    ("user", "id"), [("ann", "ann"), (7, "7"), (User(7), "7"), (Identity("ann"), "ann")]
)
async def test_a_user_is_text_a_number_an_object_or_an_identity(user: Any, id: str) -> None:
    hub = make_hub()

    @hub.authenticate
    def who() -> Any:
        return user

    async with running(hub) as test:
        ann = await test.connect()
        assert (await ann.rpc("me"))[1] == id


async def test_an_identity_has_information_rooms_and_data() -> None:
    hub = make_hub()
    hub.rooms("chat:{room}", **OPEN)

    @hub.authenticate
    async def who(token: str | None) -> Identity:
        return Identity(
            user="ann", info={"name": "Ann"}, rooms=["chat:1", "chat:2"], data={"theme": "dark"}
        )

    async with running(hub) as test:
        ann = await test.connect()
        assert ann.data == {"theme": "dark"}
        assert sorted(ann.rooms) == ["chat:1", "chat:2"]
        assert await ann.presence("chat:1") == {ann.id: Info("ann", ann.id, {"name": "Ann"})}
        with pytest.raises(Rejected, match="105"):
            await ann.join("chat:1")


async def test_an_identity_with_a_room_that_is_none_does_not_come_in() -> None:
    hub = make_hub()
    hub.rooms("chat:{room}", **OPEN)

    @hub.authenticate
    async def who() -> Identity:
        return Identity(user="ann", rooms=["other"])

    async with running(hub) as test:
        assert await refused(test) == ("answer", 102, "unknown channel")
        assert hub.node.clients == {}


async def test_an_identity_without_a_user_is_nobody_in_particular_and_comes_in() -> None:
    hub = make_hub()

    @hub.authenticate
    async def who() -> Identity:
        return Identity(info={"guest": True})

    async with running(hub) as test:
        assert await (await test.connect()).rpc("me") == ["None", ""]


async def test_authenticate_takes_dependencies_headers_cookies_and_the_query() -> None:
    hub = make_hub()
    log: list[str] = []

    async def session() -> AsyncIterator[str]:
        log.append("open")
        yield "session"
        log.append("closed")

    @hub.authenticate
    async def who(
        connect: Connect,
        connection: HTTPConnection,
        session: Annotated[str, Depends(session)],
        sid: Annotated[str, Cookie()],
        lang: Annotated[str, Query()] = "en",
    ) -> str:
        log.append(f"{session} {connection.headers['user-agent']} {sid} {lang} {connect.token}")
        return sid

    async with running(hub) as test:
        headers = {"cookie": "sid=ann", "user-agent": "test"}
        ann = await test.connect(headers=headers, query="lang=de", token="t")
        assert (await ann.rpc("me"))[1] == "ann"
        assert log == ["open", "session test ann de t", "closed"]
        kind, code, text = await refused(test)
        assert (kind, code) == ("answer", 107)
        assert "cookie.sid" in text


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Refused(), ("answer", 103, "permission denied")),
        (Refused("not today", 451), ("answer", 451, "not today")),
        (Refused("come back later", 4000), ("close", 4000, "come back later")),
        (Refused("banned", 4500), ("close", 4500, "banned")),
        (HTTPException(401, "who are you?"), ("answer", 401, "who are you?")),
        (LookupError("as asked"), ("answer", 100, "internal server error")),
        (SystemExit(1), ("answer", 100, "internal server error")),
    ],
    ids=repr,
)
async def test_authenticate_may_refuse_and_may_fail(
    error: BaseException, told: Any, caplog: pytest.LogCaptureFixture
) -> None:
    hub = make_hub()
    failing = True

    @hub.authenticate
    async def who() -> str:
        if failing:
            raise error
        return "ann"

    async with running(hub) as test:
        assert await refused(test) == told
        assert hub.node.clients == {}
        failing = False
        await test.connect()
    logged = [one for one in caplog.records if one.levelname == "ERROR"]
    assert len(logged) == (told[1] == 100)


async def test_what_can_be_no_user_is_the_applications_mistake(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub = make_hub()

    @hub.authenticate
    async def who() -> Any:
        return {"id": 7}

    async with running(hub) as test:
        assert (await refused(test))[1] == 100
    assert "a user is a string, an integer, or an object" in caplog.text


def test_there_is_one_authenticate() -> None:
    hub = make_hub()

    async def who() -> str:
        return "ann"

    assert hub.authenticate(who) is who
    with pytest.raises(ConfigurationError, match="has its authenticate already"):
        hub.authenticate(who)


# Nobody in particular. ------------------------------------------------------------------------


@pytest.mark.parametrize("anonymous", [True, False])
@pytest.mark.parametrize("asks", [True, False])
async def test_anonymous_clients_come_in_where_the_settings_let_them(
    anonymous: bool, asks: bool
) -> None:
    hub = make_hub(anonymous=anonymous)

    if asks:

        @hub.authenticate
        async def who(token: str | None) -> str | None:
            return {"I am ann": "ann"}.get(token or "")

    async with running(hub) as test:
        came = ("came in", 0, "")
        assert await refused(test) == (came if anonymous else ("close", 3501, "bad request"))
        # A token that nobody knows: the application said "nobody"; else nobody could say.
        wrong = await refused(test, token="what is this")
        assert wrong == (came if anonymous and asks else ("close", 3500, "invalid token"))


async def test_rooms_with_rules_that_nobody_could_enter_are_no_server() -> None:
    hub = Hub(settings=Settings())
    hub.rooms("chat:{room}", **OPEN)
    with pytest.raises(ConfigurationError, match="@hub.authenticate.*anonymous=True"):
        async with running(hub):
            pass
    hub = Hub(settings=Settings(namespaces={"chat": OPEN}))  # type: ignore[dict-item] # pydantic takes it
    with pytest.raises(ConfigurationError, match="nothing that says who connects"):
        async with running(hub):
            pass


@pytest.mark.parametrize("how", ["authenticate", "token", "anonymous"])
async def test_any_of_three_ways_in_is_enough(how: str) -> None:
    hub = make_hub(
        anonymous=how == "anonymous", token_hmac_secret_key=SECRET if how == "token" else None
    )
    hub.rooms("chat:{room}", **OPEN)
    if how == "authenticate":
        hub.authenticate(lambda: "ann")
    async with running(hub) as test:
        token = make_token(hub.settings, "ann") if how == "token" else ""
        await (await test.connect(token=token)).join("chat:7")


# Tokens. --------------------------------------------------------------------------------------


async def test_a_token_that_a_key_is_for_wins_over_authenticate() -> None:
    hub = make_hub(token_hmac_secret_key=SECRET)
    asked: list[str | None] = []

    @hub.authenticate
    async def who(token: str | None) -> str:
        asked.append(token)
        return "by word"

    async with running(hub) as test:
        ann = await test.connect(token=make_token(hub.settings, "by token"))
        assert (await ann.rpc("me"))[1] == "by token"
        other = Settings(token_hmac_secret_key=SECRET[::-1])  # type: ignore[arg-type]
        assert await refused(test, token="none") == ("close", 3500, "invalid token")
        forged = make_token(other, "ann")
        assert await refused(test, token=forged) == ("close", 3500, "invalid token")
        old = make_token(hub.settings, "ann", ttl=60, now=lambda: 1e9)
        assert await refused(test, token=old) == ("answer", 109, "token expired")
        assert asked == []
        assert (await (await test.connect()).rpc("me"))[1] == "by word"
        assert asked == [None]


async def test_a_token_never_becomes_another_users() -> None:
    hub = make_hub(token_hmac_secret_key=SECRET)
    async with running(hub) as test:
        ann = await test.connect(token=make_token(hub.settings, "ann"))
        with pytest.raises(Closed, match="3500 invalid token"):
            await ann.refresh(make_token(hub.settings, "bob"))
        assert len(hub.user("bob")) == 0


async def test_a_token_that_ends_ends_the_connection_after_some_grace() -> None:
    hub = make_hub(token_hmac_secret_key=SECRET, expired_seconds=5.0)
    async with running(hub) as test:
        ann = await test.connect(token=make_token(hub.settings, "ann", ttl=60))
        bob = await test.connect(token=make_token(hub.settings, "bob", ttl=60))
        await test.clock.advance(59)
        await bob.refresh(make_token(hub.settings, "bob", ttl=600))
        await test.clock.advance(3)
        assert len(hub.user("ann")) == 1
        await test.clock.advance(5)
        assert await ann.closed() == (3005, "connection expired")
        assert len(hub.user("bob")) == 1


# Who may stay. --------------------------------------------------------------------------------


async def test_on_refresh_is_asked_how_long_a_client_may_stay() -> None:
    hub = make_hub()
    now = hub.node
    asked: list[str] = []
    banned: set[str] = set()

    @hub.authenticate
    async def who(token: str | None) -> Identity:
        return Identity(user=token, expires_at=now.clock.time() + 60)

    @hub.on_refresh
    async def may_stay(client: Client, path: HTTPConnection) -> float | None:
        asked.append(client.user)
        assert path.url.path == "/connection/websocket"
        return None if client.user in banned else now.clock.time() + 60

    async with running(hub) as test:
        ann, bob = await test.connect(token="ann"), await test.connect(token="bob")
        await test.clock.advance(59)
        assert asked == []
        await test.clock.advance(2)
        assert sorted(asked) == ["ann", "bob"]
        banned.add("bob")
        await test.clock.advance(61)
        assert await bob.closed() == (3005, "connection expired")
        assert await ann.rpc("me") == ["'ann'", "ann"]
        # A client whose stay is the application's affair has nothing to refresh with.
        with pytest.raises(Closed, match="3501"):
            await ann.refresh("token")


@pytest.mark.parametrize("how", ["nobody to ask", "refused", "failed"])
async def test_where_nobody_extends_it_an_identity_ends(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    hub = make_hub()

    @hub.authenticate
    async def who() -> Identity:
        return Identity(user="ann", expires_at=hub.node.clock.time() + 60)

    if how != "nobody to ask":

        @hub.on_refresh
        async def may_stay(client: Client) -> float | None:
            raise Refused() if how == "refused" else LookupError("as asked")

    async with running(hub) as test:
        ann = await test.connect()
        await test.clock.advance(61)
        assert await ann.closed() == (3005, "connection expired")
    assert ("as asked" in caplog.text) == (how == "failed")
    assert len([one for one in caplog.records if one.levelname == "ERROR"]) == (how == "failed")


async def test_an_identity_that_is_over_already_does_not_come_in() -> None:
    hub = make_hub()

    @hub.authenticate
    async def who() -> Identity:
        return Identity(user="ann", expires_at=hub.node.clock.time() - 1)

    async with running(hub) as test:
        assert await refused(test) == ("answer", 110, "expired")


def signed(**claims: Any) -> str:
    key = OctKey.import_key(SECRET)
    return jws.serialize_compact({"alg": "HS256"}, msgspec.json.encode(claims), key)


async def test_a_token_says_rooms_information_and_what_is_for_the_application_alone() -> None:
    hub = make_hub(token_hmac_secret_key=SECRET)
    hub.rooms("chat:{room}", **OPEN)
    metas: list[Any] = []

    @hub.on_rpc("meta")
    async def meta(call: Call[Any]) -> None:
        metas.append(call.client.meta)

    async with running(hub) as test:
        about = {"info": {"name": "Ann"}, "meta": {"plan": "free"}}
        ann = await test.connect(token=signed(sub="ann", channels=["chat:1", "chat:2"], **about))
        assert sorted(ann.rooms) == ["chat:1", "chat:2"]
        assert await ann.presence("chat:1") == {ann.id: Info("ann", ann.id, {"name": "Ann"})}
        await ann.rpc("meta")
        assert metas == [{"plan": "free"}]
        subs = {"chat:3": {"info": [3], "data": {"welcome": True}}}
        bob = await test.connect(token=signed(sub="bob", subs=subs, channels=["chat:1"]))
        assert list(bob.rooms) == ["chat:3"]
        assert bob.rooms["chat:3"].data == {"welcome": True}
        assert await bob.presence("chat:3") == {bob.id: Info("bob", bob.id, None, [3])}


async def test_a_token_without_a_user_is_turned_away_where_the_settings_say_so() -> None:
    for users_only in (False, True):
        hub = make_hub(
            token_hmac_secret_key=SECRET, disallow_anonymous_connection_tokens=users_only
        )
        async with running(hub) as test:
            ended = await refused(test, token=signed(iat=1))
            came = ("came in", 0, "")
            assert ended == (("close", 3507, "permission denied") if users_only else came)


async def test_a_token_for_a_room_is_looked_at_by_whoever_has_a_key() -> None:
    hub = make_hub(token_hmac_secret_key=SECRET)
    hub.rooms("chat:{room}")
    async with running(hub) as test:
        ann = await test.connect(user="ann")
        good = {"sub": "ann", "channel": "chat:7"}
        for token, told in [
            ("none", "103 permission denied"),
            (signed(**good) + "x", "103 permission denied"),
            (signed(**good, exp=1_000_000), "109 token expired"),
        ]:
            with pytest.raises(Rejected, match=told):
                await ann.join("chat:7", token=token)
        assert (await ann.join("chat:7", token=signed(**good, data=[1]))).data == [1]
        await ann.leave("chat:7")
        with pytest.raises(Closed, match="3500 invalid token"):
            await ann.join("chat:7", token=signed(sub="bob", channel="chat:7"))
    hub = make_hub()
    hub.authenticate(lambda: "ann")
    hub.rooms("chat:{room}")
    async with running(hub) as test:
        ann = await test.connect()
        with pytest.raises(Rejected, match="103"):
            await ann.join("chat:7", token=signed(**good))


async def test_where_keys_cannot_be_had_the_client_is_to_try_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def unavailable(self: Tokens, token: str) -> Any:
        raise KeysUnavailable("as asked")

    hub = make_hub(token_hmac_secret_key=SECRET)
    hub.rooms("chat:{room}")
    async with running(hub) as test:
        ann = await test.connect(token=signed(sub="ann", exp=4_000_000_000))
        monkeypatch.setattr(Tokens, "connection", unavailable)
        monkeypatch.setattr(Tokens, "subscription", unavailable)
        for asked in (
            test.connect(token="a"),
            ann.join("chat:7", token="a"),
            ann.refresh("a"),
        ):
            with pytest.raises(Rejected) as rejected:
                await asked
            assert (rejected.value.code, rejected.value.temporary) == (100, True)
        assert len(hub.user("ann")) == 1
