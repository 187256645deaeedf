"""The HTTP API for other servers (protocol.md section 19), in process."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, WebSocket
from fastapi.openapi.models import OpenAPI
from pydantic import SecretStr

from hubbub import Hub, Settings
from hubbub.embed import api as embed_api
from hubbub.embed import api_methods
from hubbub.embed.api import MAX_BODY, STATUSES, is_one_of
from hubbub.embed.api_methods import METHODS, SLICE
from hubbub.testing import TestHub

KEY = "the-key"
NAMESPACES: dict[str, Any] = {
    "chat": {"history_size": 10, "presence": True, "force_recovery": True},
    "bare": {},
    "odd": {"history_size": 1, "channel_regex": "odd:.*"},
}
BAD_REQUEST = {"error": {"code": 107, "message": "bad request"}}
UNKNOWN = {"error": {"code": 102, "message": "unknown channel"}}
NOT_AVAILABLE = {"error": {"code": 108, "message": "not available"}}
NOT_FOUND = {"error": {"code": 104, "message": "not found"}}
DONE: dict[str, Any] = {"result": {}}


class Peer:
    """A Centrifuge client of the hub."""

    def __init__(self, connection: Any, id: str) -> None:
        self.connection = connection
        self.id = id

    async def ask(self, **command: Any) -> Any:
        await self.connection.send({"id": 7, **command})
        return (await self.heard())[-1]

    async def heard(self) -> list[Any]:
        """Everything it was sent since it was asked last."""
        frames = await self.connection.waiting()
        return [json.loads(line) for frame in frames for line in frame.split("\n")]

    async def pushed(self) -> list[Any]:
        return [message["push"] for message in await self.heard()]


class World:
    """A hub, a server that calls its API, and clients."""

    def __init__(self, hub: Hub, app: FastAPI, test: TestHub, http: httpx.AsyncClient) -> None:
        self.hub = hub
        self.app = app
        self.test = test
        self.http = http

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        keyed = {"X-API-Key": KEY, **{k.replace("_", "-"): v for k, v in headers.items()}}
        return await self.http.post(path, content=content, headers=keyed)

    async def call(self, method: str, /, **body: Any) -> Any:
        response = await self.post(f"/api/{method}", body)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json"
        return response.json()

    async def result(self, method: str, /, **body: Any) -> Any:
        answer = await self.call(method, **body)
        assert list(answer) == ["result"], answer
        return answer["result"]

    async def client(self, user: str = "") -> Peer:
        connection = await self.test.connect("/connection/websocket")
        await connection.send({"id": 1, "connect": {"token": user} if user else {}})
        answer = json.loads(str(await connection.receive()))
        return Peer(connection, answer["connect"]["client"])


@asynccontextmanager
async def a_world(**settings: Any) -> AsyncIterator[World]:
    given = {"api_keys": ["other", KEY], "namespaces": NAMESPACES, "anonymous": True, **settings}
    hub = Hub(settings=Settings(**given))

    @hub.authenticate
    def user_of(token: str | None) -> str | None:
        return token

    app = FastAPI(lifespan=hub.lifespan)
    app.include_router(hub.router)
    transport = httpx.ASGITransport(app=app)
    async with (
        TestHub(app) as test,
        httpx.AsyncClient(transport=transport, base_url="http://test") as http,
    ):
        yield World(hub, app, test, http)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as world:
        yield world


# Keys. -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        ({"X-API-Key": KEY}, "/api/info"),
        ({"X-API-Key": "other"}, "/api/info"),
        ({"Authorization": f"apikey {KEY}"}, "/api/info"),
        ({"Authorization": f"ApiKey {KEY}"}, "/api/info"),
        ({"Authorization": "Basic eDp5", "X-API-Key": KEY}, "/api/info"),
        ({}, f"/api/info?api_key={KEY}"),
    ],
)
async def test_a_key_may_come_in_three_ways(
    world: World, headers: dict[str, str], path: str
) -> None:
    assert (await world.http.post(path, json={}, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        ({}, "/api/info"),
        ({}, "/api"),
        ({}, "/api/batch"),
        ({"X-API-Key": ""}, "/api/info"),
        ({"X-API-Key": KEY[:-1]}, "/api/info"),
        ({"X-API-Key": KEY + "x"}, "/api/info"),
        ({"X-API-Key": KEY.upper()}, "/api/info"),
        ({"Authorization": KEY}, "/api/info"),
        ({"Authorization": f"Bearer {KEY}"}, "/api/info"),
        ({}, "/api/info?api_key="),
        ({"X-API-Key": "wrong"}, f"/api/info?api_key={KEY}"),
    ],
)
async def test_without_a_right_key_nothing_is_answered(
    world: World, headers: dict[str, str], path: str
) -> None:
    response = await world.http.post(path, content=b"not JSON", headers=headers)
    assert response.status_code == 401
    assert KEY not in response.text


@pytest.mark.parametrize("keys", [[], [""]])
async def test_without_a_configured_key_nobody_has_one(keys: list[str]) -> None:
    async with a_world(api_keys=keys) as world:
        for headers in ({}, {"X-API-Key": ""}, {"X-API-Key": "None"}, {"Authorization": "apikey "}):
            response = await world.http.post("/api/info", json={}, headers=headers)
            assert response.status_code == 401


async def test_a_key_is_bytes() -> None:
    async with a_world(api_keys=["schlüssel"]) as world:
        raw = {b"X-API-Key": "schlüssel".encode()}
        assert (await world.http.post("/api/info", json={}, headers=raw)).status_code == 200
        path = "/api/info?api_key=schl%C3%BCssel"
        assert (await world.http.post(path, json={})).status_code == 200


def test_every_key_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    class Watched:
        @staticmethod
        def compare_digest(key: bytes, given: bytes) -> bool:
            compared.append((key, given))
            return hmac.compare_digest(key, given)

    monkeypatch.setattr(embed_api, "hmac", Watched)
    assert is_one_of(b"a", [b"a", b"b", b"c"])
    assert compared == [(b"a", b"a"), (b"b", b"a"), (b"c", b"a")]
    assert not is_one_of(b"d", [b"a", b"b"])
    assert not is_one_of(b"", [])


# Bodies. ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"[]",
        b'{"channel":7,"data":1}',
        b'{"channel":"chat:1","data":nul}',
        b'{"channel":"chat:1","data":"\xff"}',
        b'{"channel":"chat:1","data":1,"tags":{"a":1}}',
        b'{"channel":"chat:1","data":1,"version":-1}',
        b'{"channel":"chat:1","data":1}{}',
        b'{"channel":"chat:1","data":%b%b}' % (b"[" * 100_000, b"]" * 100_000),
    ],
)
async def test_what_is_malformed_is_400_and_done_nothing_with(world: World, body: bytes) -> None:
    response = await world.post("/api/publish", body)
    assert response.status_code == 400
    assert (await world.result("history", channel="chat:1"))["offset"] == 0


async def test_unknown_methods_are_404_and_others_than_post_405(world: World) -> None:
    assert (await world.post("/api/nosuch")).status_code == 404
    assert (await world.http.get("/api/info", headers={"X-API-Key": KEY})).status_code == 405


async def test_a_body_may_be_a_mebibyte_and_is_read_no_further(world: World) -> None:
    frame = b'{"channel":"chat:1","data":"%b"}'
    full = frame % (b"x" * (MAX_BODY - len(frame) + 2))
    assert len(full) == MAX_BODY
    assert (await world.post("/api/publish", full)).status_code == 200
    assert (await world.post("/api/publish", full + b" ")).status_code == 413


async def status_of(world: World, receive: Callable[[], Awaitable[dict[str, Any]]]) -> int:
    """What a request is answered whose body comes from `receive`."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/api/publish",
        "raw_path": b"/api/publish",
        "query_string": b"",
        "headers": [(b"x-api-key", KEY.encode())],
    }
    await world.app(scope, receive, send)
    return int(sent[0]["status"])


async def test_of_a_body_that_is_too_large_the_rest_is_not_read(world: World) -> None:
    read = 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 65_536
        return {"type": "http.request", "body": b" " * 65_536, "more_body": True}

    assert await status_of(world, receive) == 413
    assert read == MAX_BODY + 65_536


async def test_half_a_body_is_none(world: World) -> None:
    half = b'{"channel":"chat:1","data":1}'
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": half, "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    assert await status_of(world, receive) == 400
    assert (await world.result("history", channel="chat:1"))["offset"] == 0


async def test_what_may_be_left_out_may_be_null(world: World) -> None:
    needed: dict[str, dict[str, Any]] = {
        "publish": {"channel": "chat:1", "data": 1},
        "broadcast": {"channels": ["chat:1"], "data": 1},
        "subscribe": {"user": "ann", "channel": "chat:1"},
        "unsubscribe": {"user": "ann", "channel": "chat:1"},
        "disconnect": {"user": "ann"},
        "refresh": {"user": "ann"},
        "history": {"channel": "chat:1"},
        "channels": {},
    }
    for method, given in needed.items():
        fields = METHODS[method].request.__struct_fields__
        await world.result(method, **{**dict.fromkeys(fields), **given})


# Publishing. -----------------------------------------------------------------------------------


async def test_a_publication_is_stored_and_delivered(world: World) -> None:
    ann = await world.client("ann")
    await world.result("subscribe", user="ann", channel="chat:1")
    await ann.heard()
    first = await world.result("publish", channel="chat:1", data={"n": 1}, tags={"a": "b"})
    assert first["offset"] == 1 and first["epoch"]
    assert await ann.pushed() == [
        {"channel": "chat:1", "pub": {"data": {"n": 1}, "offset": 1, "tags": {"a": "b"}}}
    ]
    second = await world.result("publish", channel="chat:1", data=None, skip_history=True)
    assert second == {}
    assert await ann.pushed() == [{"channel": "chat:1", "pub": {"data": None}}]
    found = await world.result("history", channel="chat:1", limit=10)
    assert found["publications"] == [{"data": {"n": 1}, "offset": 1, "tags": {"a": "b"}}]


async def test_where_nothing_is_stored_a_publication_has_no_position(world: World) -> None:
    assert await world.call("publish", channel="bare:1", data=1) == DONE


async def test_data_goes_out_as_it_came_and_in_one_line(world: World) -> None:
    ann = await world.client("ann")
    await world.result("subscribe", user="ann", channel="bare:1")
    await ann.heard()
    for given, sent in [
        (b'{"a" : 1.50}', '{"a" : 1.50}'),
        (b'{\n "a": [1,\n 2.0]\n}', '{"a":[1,2.0]}'),
        (b'  "\\n"  ', '"\\n"'),
    ]:
        body = b'{"channel":"bare:1","data":%b}' % given
        assert (await world.post("/api/publish", body)).status_code == 200
        (frame,) = await ann.connection.waiting()
        assert frame == '{"push":{"channel":"bare:1","pub":{"data":' + sent + "}}}"


async def test_data_may_be_anything_in_base64(world: World) -> None:
    async def publish(text: bytes) -> Any:
        return await world.call(
            "publish", channel="chat:1", data="unused", b64data=b64encode(text).decode()
        )

    assert (await publish(b'{"a":1}'))["result"]["offset"] == 1
    bytes_alone = [b"\x00\xff", b"no json", b'"\xff"', b"[" * 100_000, b'{"a":\n1}']
    for some in bytes_alone:
        assert "result" in await publish(some)
    assert await world.call("publish", channel="chat:1", b64data="*") == BAD_REQUEST
    found = await world.result("history", channel="chat:1", limit=-1)
    first, *others = found["publications"]
    assert first == {"data": {"a": 1}, "offset": 1}
    assert [one["data"] for one in others] == [None] * len(bytes_alone)
    assert [b64decode(one["b64data"]) for one in others] == bytes_alone


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"channel": "", "data": 1}, BAD_REQUEST),
        ({"data": 1}, BAD_REQUEST),
        ({"channel": "chat:1"}, BAD_REQUEST),
        ({"channel": "nosuch:1", "data": 1}, UNKNOWN),
        ({"channel": "plain", "data": 1}, UNKNOWN),
        ({"channel": "#ann", "data": 1}, UNKNOWN),
        ({"channel": "chat:é", "data": 1}, BAD_REQUEST),
        ({"channel": "chat:\r\n", "data": 1}, BAD_REQUEST),
        ({"channel": "nosuch:" + "x" * 500_000, "data": 1}, BAD_REQUEST),
    ],
)
async def test_what_cannot_be_published_is_an_error(world: World, body: Any, answer: Any) -> None:
    assert await world.call("publish", **body) == answer


async def test_a_number_that_some_clients_cannot_read_is_refused(world: World) -> None:
    for digits, refused in ((5_000, True), (3_000, False)):
        body = b'{"channel":"chat:1","data":[%b]}' % (b"1" * digits)
        answer = (await world.post("/api/publish", body)).json()
        assert (answer == BAD_REQUEST) is refused, answer


async def test_the_same_key_publishes_once_in_five_minutes(world: World) -> None:
    how: dict[str, Any] = {"channel": "chat:1", "data": 1, "idempotency_key": "k"}
    first = await world.result("publish", **how)
    assert await world.result("publish", **how) == first
    assert (await world.result("publish", **{**how, "channel": "chat:2"}))["offset"] == 1
    await world.test.clock.advance(299)
    assert (await world.result("publish", **how))["offset"] == 1
    await world.test.clock.advance(2)
    assert (await world.result("publish", **how))["offset"] == 2


async def test_a_version_that_is_not_newer_is_skipped(world: World) -> None:
    async def publish(version: int, epoch: str = "") -> int:
        result = await world.result(
            "publish", channel="chat:1", data=version, version=version, version_epoch=epoch
        )
        return int(result["offset"])

    assert [await publish(version) for version in (5, 5, 4, 6, 0)] == [1, 1, 1, 2, 3]
    assert await publish(1, "later") == 4


async def test_a_broadcast_has_an_answer_for_each_channel(world: World) -> None:
    result = await world.result("broadcast", channels=["chat:1", "no:1", "bare:1", ""], data=1)
    first, *others = result["responses"]
    assert first["result"]["offset"] == 1
    assert others == [UNKNOWN, DONE, BAD_REQUEST]
    assert await world.call("broadcast", channels=[], data=1) == BAD_REQUEST
    assert await world.call("broadcast", channels=["chat:1"]) == BAD_REQUEST


async def test_a_broadcast_to_many_lets_others_run(world: World) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    names = [f"chat:{n}" for n in range(5_000)]
    before = turns
    result = await world.result("broadcast", channels=names, data=1)
    counting.cancel()
    assert len(result["responses"]) == 5_000
    assert turns - before >= 5_000 // SLICE - 1


async def test_a_personal_channel_has_no_namespace() -> None:
    async with a_world(personal_channel=True) as world:
        ann = await world.client("ann")
        assert await world.call("publish", channel="#ann", data=1) == DONE
        assert await ann.pushed() == [{"channel": "#ann", "pub": {"data": 1}}]
        assert await world.call("presence", channel="#ann") == NOT_AVAILABLE
        assert await world.call("publish", channel="plain", data=1) == UNKNOWN
        assert await world.call("subscribe", user="ann", channel="#bob") == UNKNOWN


# Connections. ----------------------------------------------------------------------------------


async def test_a_user_is_subscribed_and_unsubscribed(world: World) -> None:
    ann, bob = await world.client("ann"), await world.client("bob")
    given = {"info": {"seen": 1}, "data": {"alone": 2}}
    assert await world.call("subscribe", user="ann", channel="chat:1", **given) == DONE
    (push,) = await ann.pushed()
    assert push["channel"] == "chat:1"
    assert push["subscribe"]["recoverable"] and push["subscribe"]["data"] == {"alone": 2}
    found = await world.result("presence", channel="chat:1")
    info = {"user": "ann", "client": ann.id, "chan_info": {"seen": 1}}
    assert found == {"presence": {ann.id: info}}
    assert await world.result("presence_stats", channel="chat:1") == {
        "num_clients": 1,
        "num_users": 1,
    }
    assert await world.call("unsubscribe", user="ann", channel="chat:1") == DONE
    assert await ann.pushed() == [
        {"channel": "chat:1", "unsubscribe": {"code": 2000, "reason": "server unsubscribe"}}
    ]
    assert await world.result("presence", channel="chat:1") == {"presence": {}}
    assert await bob.heard() == []


async def test_one_connection_of_a_user_can_be_meant(world: World) -> None:
    first, second = await world.client("ann"), await world.client("ann")
    who = {"user": "ann", "channel": "chat:1"}
    await world.result("subscribe", **who, client=first.id)
    assert [len(await one.pushed()) for one in (first, second)] == [1, 0]
    await world.result("subscribe", **{**who, "user": "bob"}, client=second.id)
    await world.result("subscribe", **who, session="none")
    assert await second.pushed() == []
    await world.result("unsubscribe", **who, client=second.id)
    await world.result("unsubscribe", **who, session="none")
    assert await first.pushed() == []
    assert await world.call("disconnect", user="ann", session="none") == DONE
    await world.result("disconnect", user="ann", client=second.id)
    assert (await second.connection.closed()).code == 3503
    assert len(world.hub.node.clients) == 1


async def test_a_subscription_brings_what_was_missed(world: World) -> None:
    ann = await world.client("ann")
    epoch = ""
    for number in (1, 2, 3):
        epoch = (await world.result("publish", channel="chat:1", data=number))["epoch"]
    since = {"offset": 1, "epoch": epoch}
    await world.result("subscribe", user="ann", channel="chat:1", recover_since=since)
    _, *missed = await ann.pushed()
    assert [push["pub"]["offset"] for push in missed] == [2, 3]
    far = {"offset": 2**64 - 1, "epoch": epoch}
    await world.result("subscribe", user="ann", channel="chat:2", recover_since=far)
    (push,) = await ann.pushed()
    assert push == {"channel": "chat:2", "subscribe": push["subscribe"]}
    assert push["subscribe"]["epoch"] == epoch


async def test_a_subscription_may_have_options_of_its_own(world: World) -> None:
    ann = await world.client("ann")
    override = {
        "presence": {"value": False},
        "force_recovery": {"value": False},
        "join_leave": None,
    }
    encoded = {"b64info": b64encode(b"[1]").decode(), "b64data": b64encode(b"2").decode()}
    who = {"user": "ann", "channel": "chat:1"}
    await world.result("subscribe", **who, override=override, **encoded)
    (push,) = await ann.pushed()
    assert push["subscribe"] == {"data": 2}
    assert await world.result("presence", channel="chat:1") == {"presence": {}}


async def test_a_subscription_may_end_by_itself(world: World) -> None:
    ann = await world.client("ann")
    now = world.test.clock.time()
    who = {"user": "ann", "channel": "chat:1"}
    past = await world.call("subscribe", **who, expire_at=int(now) - 1)
    assert past == {"error": {"code": 110, "message": "expired"}}
    await world.result("subscribe", **who, expire_at=now + 5)
    await world.test.clock.advance(6)
    assert (await ann.connection.closed()).code == 3006
    assert await world.call("subscribe", **who) == DONE  # nobody is there


@pytest.mark.parametrize("method", ["subscribe", "unsubscribe"])
async def test_a_channel_that_cannot_be_is_an_error_for_whomever(world: World, method: str) -> None:
    assert await world.call(method, user="nobody", channel="") == BAD_REQUEST
    assert await world.call(method, user="nobody", channel="no:1") == UNKNOWN
    assert await world.call(method, channel="chat:1") == BAD_REQUEST


async def test_a_user_is_disconnected_for_good_but_for_who_may_stay(world: World) -> None:
    ann, kept = await world.client("ann"), await world.client("ann")
    bob, nobody = await world.client("bob"), await world.client()
    assert await world.call("disconnect", user="ann", whitelist=[kept.id]) == DONE
    assert await ann.connection.closed() == (3503, "force disconnect")
    how = {"code": 4001, "reason": "moved"}
    await world.result("disconnect", user="bob", disconnect=how)
    assert await bob.connection.closed() == (4001, "moved")
    for code in (1005, 2999, 5000, -1):
        answer = await world.call("disconnect", user="ann", disconnect={"code": code})
        assert answer == BAD_REQUEST
    assert await world.call("disconnect") == BAD_REQUEST
    assert set(world.hub.node.clients) == {kept.id, nobody.id}
    await world.result("disconnect", user="ann", disconnect={"code": 0, "reason": ""})
    assert await kept.connection.closed() == (3503, "force disconnect")
    await world.result("disconnect", user="", disconnect={"reason": "bye"})
    assert await nobody.connection.closed() == (3503, "bye")


async def test_who_is_no_client_is_disconnected_by_user_too() -> None:
    hub = Hub(settings=Settings(api_keys=[SecretStr(KEY)]))
    app = FastAPI(lifespan=hub.lifespan)
    app.include_router(hub.router)

    @app.websocket("/talk")
    async def talk(websocket: WebSocket) -> None:
        async with hub.join(websocket, "a", "ann") as member:
            async for _ in member:
                pass

    async with TestHub(app) as test:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            world = World(hub, app, test, http)
            member = await test.connect("/talk")
            assert (await world.result("channels"))["channels"] == {"a": {"num_clients": 1}}
            (node,) = (await world.result("info"))["nodes"]
            assert (node["num_clients"], node["num_users"], node["num_subs"]) == (1, 1, 1)
            await world.result("disconnect", user="ann", client="other")
            assert len(hub.room("a")) == 1
            await world.result("disconnect", user="ann", whitelist=["other"])
            assert (await member.closed()).code == 3503


async def test_a_connection_is_told_anew_until_when_it_may_stay(world: World) -> None:
    ann, now = await world.client("ann"), world.test.clock.time()
    assert await world.call("refresh", user="ann", session="none", expired=True) == DONE
    await world.result("refresh", user="ann", expire_at=now + 60, info={"new": True})
    assert await ann.pushed() == [{"refresh": {"expires": True, "ttl": 60}}]
    await world.result("subscribe", user="ann", channel="chat:1")
    found = await world.result("presence", channel="chat:1")
    assert found["presence"][ann.id]["conn_info"] == {"new": True}
    await ann.heard()
    await world.result("refresh", user="ann", expire_at=0)
    assert await ann.pushed() == [{"refresh": {}}]
    await world.result("refresh", user="ann", client=ann.id, expired=True)
    assert (await ann.connection.closed()).code == 3005
    assert await world.call("refresh") == BAD_REQUEST
    assert (await world.post("/api/refresh", {"user": "a", "expire_at": 1e300})).status_code == 400


# Looking. --------------------------------------------------------------------------------------


async def test_history_is_read_both_ways_and_past_the_page_of_clients() -> None:
    async with a_world(history_page=2) as world:
        for number in range(1, 6):
            await world.result("publish", channel="chat:1", data=number)
        top = await world.result("history", channel="chat:1")
        epoch = top["epoch"]
        assert top == {"publications": [], "offset": 5, "epoch": epoch}

        async def offsets(**which: Any) -> list[int]:
            found = await world.result("history", channel="chat:1", **which)
            assert (found["offset"], found["epoch"]) == (5, epoch)
            return [one["offset"] for one in found["publications"]]

        assert await offsets(limit=0) == []
        assert await offsets(limit=-1) == [1, 2, 3, 4, 5]
        assert await offsets(limit=2**31 - 1) == [1, 2, 3, 4, 5]
        assert await offsets(limit=2, since={"offset": 1, "epoch": epoch}) == [2, 3]
        assert await offsets(limit=2, since={"offset": 2}, reverse=True) == [1]
        assert await offsets(limit=2, reverse=True, since=None) == [5, 4]
        assert await offsets(limit=2, since={"offset": 2**64 - 1}) == []
        assert await offsets(limit=2, since={"offset": 2**64 - 1}, reverse=True) == [5, 4]
        wrong: dict[str, Any] = {"offset": 1, "epoch": "another"}
        assert await world.call("history", channel="chat:1", since=wrong) == {
            "error": {"code": 112, "message": "unrecoverable position"}
        }
        start = {"offset": 0, "epoch": epoch}
        backwards = await world.call("history", channel="chat:1", since=start, reverse=True)
        assert backwards == BAD_REQUEST


async def test_history_says_who_published() -> None:
    options = {"history_size": 5, "allow_publish_for_client": True}
    async with a_world(namespaces={"own": options}) as world:
        ann = await world.client("ann")
        assert await ann.ask(publish={"channel": "own:1", "data": 1}) == {"id": 7, "publish": {}}
        (one,) = (await world.result("history", channel="own:1", limit=1))["publications"]
        assert one == {"data": 1, "offset": 1, "info": {"user": "ann", "client": ann.id}}


async def test_removed_history_keeps_the_position(world: World) -> None:
    position = await world.result("publish", channel="chat:1", data=1)
    assert await world.call("history_remove", channel="chat:1") == DONE
    assert await world.call("history_remove", channel="chat:2") == DONE
    found = await world.result("history", channel="chat:1", limit=-1)
    assert found == {"publications": [], **position}


@pytest.mark.parametrize("method", ["presence", "presence_stats", "history", "history_remove"])
async def test_what_a_channel_does_not_have_is_not_available(world: World, method: str) -> None:
    assert await world.call(method, channel="bare:1") == NOT_AVAILABLE
    assert await world.call(method, channel="no:1") == UNKNOWN
    assert await world.call(method, channel="") == BAD_REQUEST
    assert await world.call(method) == BAD_REQUEST


async def test_channels_are_those_with_somebody_in_them(world: World) -> None:
    await world.client("ann")
    await world.client("ann")
    for channel in ("chat:1", "chat:20", "bare:1", "odd:*"):
        await world.result("subscribe", user="ann", channel=channel)
    await world.result("publish", channel="chat:empty", data=1)

    async def names(pattern: str | None) -> list[str]:
        found = await world.result("channels", pattern=pattern)
        assert all(told == {"num_clients": 2} for told in found["channels"].values())
        return sorted(found["channels"])

    assert await names(None) == await names("*") == ["bare:1", "chat:1", "chat:20", "odd:*"]
    assert await names("chat:*") == ["chat:1", "chat:20"]
    assert await names("*:?") == ["bare:1", "chat:1", "odd:*"]
    assert await names("chat:[!1]*") == ["chat:20"]
    assert await names("[*]") == await names("chat") == await names("[") == []
    assert await names("*a" * 120) == []
    assert await world.call("channels", pattern="*" * 256) == BAD_REQUEST


async def test_many_rooms_are_looked_at_in_slices(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_methods, "SLICE", 1)
    await world.client("ann")
    for number in range(120):
        await world.result("subscribe", user="ann", channel=f"bare:{number}")
    seen = [name async for name, _ in api_methods._rooms(world.hub.node)]
    assert len(seen) == 120
    looking = api_methods._rooms(world.hub.node)
    await anext(looking)
    world.hub.unsubscribe("ann", "bare:100")  # while they are looked at
    assert len([name async for name, _ in looking]) == 118


async def test_info_counts(world: World) -> None:
    for user in ("ann", "ann", "bob"):
        await world.client(user)
    for channel in ("chat:1", "chat:2"):
        await world.result("subscribe", user="ann", channel=channel)
    (node,) = (await world.result("info"))["nodes"]
    assert node.pop("uid") and node.pop("name") and node.pop("version")
    assert node.pop("uptime") >= 0
    assert node == {"num_clients": 3, "num_users": 2, "num_subs": 4, "num_channels": 2}


async def test_nothing_answers_a_call(world: World) -> None:
    assert await world.call("rpc", method="x", params={"a": 1}) == NOT_AVAILABLE
    assert await world.call("rpc") == BAD_REQUEST


# Many at once. ---------------------------------------------------------------------------------


async def test_a_batch_is_answered_command_by_command(world: World) -> None:
    commands = [
        {"publish": {"channel": "chat:1", "data": 1}},
        {"publish": {"channel": "chat:1", "data": 2}},
        {"publish": {"channel": "no:1", "data": 1}},
        {"history": {"channel": "chat:1", "limit": -1}},
        {"nosuch": {}},
        {},
        {"batch": {"commands": []}},
    ]
    response = await world.post("/api/batch", {"commands": commands, "parallel": True})
    assert list(response.json()) == ["replies"]
    first, second, third, fourth, *unknown = response.json()["replies"]
    assert (first["publish"]["offset"], second["publish"]["offset"]) == (1, 2)
    assert third == UNKNOWN
    assert [one["data"] for one in fourth["history"]["publications"]] == [1, 2]
    assert unknown == [NOT_FOUND] * 3
    wrong = {"commands": [*commands[:1], {"publish": {"channel": 1}}]}
    assert (await world.post("/api/batch", wrong)).status_code == 400
    assert (await world.result("history", channel="chat:1"))["offset"] == 2


async def test_a_long_batch_has_all_its_replies(world: World) -> None:
    commands = [{"publish": {"channel": "chat:1", "data": n}} for n in range(250)]
    response = await world.post("/api/batch", {"commands": commands})
    offsets = [reply["publish"]["offset"] for reply in response.json()["replies"]]
    assert offsets == list(range(1, 251))


async def test_the_legacy_form_is_one_command_or_one_a_line(world: World) -> None:
    publish = {"method": "publish", "params": {"channel": "bare:1", "data": 1}}
    assert (await world.post("/api", publish)).json() == DONE
    pretty = json.dumps(publish, indent=2).encode()
    assert (await world.post("/api", pretty)).json() == DONE
    lines = [publish, {"method": "nosuch"}, {"method": "presence"}, {"method": "info"}]
    response = await world.post("/api", "\n".join(map(json.dumps, lines)).encode())
    *answers, info = map(json.loads, response.text.split("\n"))
    assert answers == [DONE, NOT_FOUND, BAD_REQUEST]
    assert len(info["result"]["nodes"]) == 1


@pytest.mark.parametrize(
    "body", [b"", b"\n", b"x", b'{"method":"publish","params":{"channel":1}}', b'{"method":1}']
)
async def test_a_malformed_legacy_command_is_400(world: World, body: bytes) -> None:
    assert (await world.post("/api", body)).status_code == 400


# Errors, and what is told of them. -------------------------------------------------------------


async def test_errors_can_be_statuses(world: World) -> None:
    mode = {"X_Centrifugo_Error_Mode": "transport"}
    for method, body, status, code in [
        ("publish", {"channel": "no:1", "data": 1}, 404, 102),
        ("publish", {"channel": "chat:1"}, 400, 107),
        ("presence", {"channel": "bare:1"}, 400, 108),
        ("history", {"channel": "chat:1", "since": {"epoch": "x", "offset": 1}}, 416, 112),
        ("subscribe", {"user": "a", "channel": "chat:1", "expire_at": 1}, 500, 110),
    ]:
        response = await world.post(f"/api/{method}", body, **mode)
        assert (response.status_code, response.json()["code"]) == (status, code)
        assert set(response.json()) == {"code", "message"}
    done = await world.post("/api/publish", {"channel": "bare:1", "data": 1}, **mode)
    assert (done.status_code, done.json()) == (200, DONE)
    protocol = {102: 404, 104: 404, 107: 400, 108: 400, 112: 416, 113: 409}
    assert STATUSES == {**protocol, 103: 403}


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A node that fails, saying what it was asked."""
    secret = "planted-in-the-body"

    def fail(self: object, name: str, draft: Any) -> None:
        raise ValueError(f"cannot take {draft}")

    monkeypatch.setattr("hubbub.engine.node.Node.publish", fail)
    yield secret


async def test_a_fault_is_an_error_and_logged_without_what_was_asked(
    world: World, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"channel": "chat:1", "data": fault}
    with caplog.at_level(logging.DEBUG):
        answer = await world.call("publish", **body)
        status = await world.post("/api/publish", body, X_Centrifugo_Error_Mode="transport")
        commands = [{"publish": body}, {"presence_stats": {"channel": "chat:1"}}]
        batch = await world.post("/api/batch", {"commands": commands})
    assert answer == {"error": {"code": 100, "message": "internal server error"}}
    assert status.status_code == 500
    assert [list(reply) for reply in batch.json()["replies"]] == [["error"], ["presence_stats"]]
    assert "publish failed with ValueError" in caplog.text
    assert fault not in caplog.text


async def test_nothing_of_a_request_is_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "planted-secret"
    with caplog.at_level(logging.DEBUG):
        await world.call("publish", channel=f"chat:{secret}", data=secret, b64data=secret)
        await world.post("/api/publish", f'{{"{secret}": x'.encode())
        await world.http.post("/api/info", json={}, headers={"X-API-Key": secret})
        await world.call("disconnect", user=secret, disconnect={"code": 1, "reason": secret})
    ours = [record for record in caplog.records if not record.name.startswith("httpx")]
    assert not [record for record in ours if secret in record.getMessage()]
    assert KEY not in repr(world.hub.settings)


# The document. ---------------------------------------------------------------------------------


async def test_the_document_has_every_method(world: World) -> None:
    response = await world.http.get("/openapi.json")
    document = response.json()
    OpenAPI.model_validate(document)
    assert set(document["paths"]) == {f"/api/{name}" for name in (*METHODS, "batch")}
    schemes = document["components"]["securitySchemes"]
    assert {(one["in"], one["name"]) for one in schemes.values()} == {
        ("header", "X-API-Key"),
        ("header", "Authorization"),
        ("query", "api_key"),
    }
    for path, item in document["paths"].items():
        operation = item["post"]
        assert operation["summary"], path
        assert operation["security"] == [{name: []} for name in schemes]
        assert operation["requestBody"]["content"]["application/json"]["schema"]["properties"] or (
            path == "/api/info"
        )
        answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert answer.get("anyOf") or answer.get("properties")
        assert {"400", "401", "413"} <= set(operation["responses"])
    assert unresolved(document, document) == []


def unresolved(part: Any, document: Any) -> list[str]:
    """The references in `part` that lead nowhere."""
    if isinstance(part, list):
        return [one for inner in part for one in unresolved(inner, document)]
    if not isinstance(part, dict):
        return []
    found = []
    if isinstance(ref := part.get("$ref"), str):
        place = document
        for step in ref.removeprefix("#/").split("/"):
            place = place.get(step) if isinstance(place, dict) else None
        found = [] if ref.startswith("#/") and place is not None else [ref]
    return found + [one for inner in part.values() for one in unresolved(inner, document)]
