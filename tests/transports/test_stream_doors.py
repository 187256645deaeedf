"""Doors without a WebSocket, over real sockets: on our HTTP class, uvicorn's own and Hypercorn.

protocol.md sections 17 and 18.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import Depends, FastAPI, HTTPException
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tests.support.clients import closed, dial, hear
from tests.support.peers import DEADLINE, until
from tests.support.server import serving
from tests.transports.test_servers import on_hypercorn, on_uvicorn
from tests.wire.test_centrifuge_json import HOSTILE

from hubbub import Hub
from hubbub.engine.events import Call, Connect, Identity
from hubbub.engine.handles import RoomHandle
from hubbub.options import OPEN
from hubbub.transports.http import HttpProtocol
from hubbub.wire.centrifuge_json import JSON_LINES, JSON_LINES_CHUNKED
from hubbub.wire.centrifuge_pb2 import Command, ConnectRequest, EmulationRequest, Reply
from hubbub.wire.streams import delimited, split_delimited

ORIGIN = {"Origin": "https://elsewhere.example"}

Serve = Callable[[FastAPI], AbstractAsyncContextManager[int]]


@asynccontextmanager
async def ours(app: FastAPI) -> AsyncIterator[int]:
    async with serving(app) as server:
        yield server.port


SERVERS: dict[str, Serve] = {
    "ours": ours,
    "uvicorn": on_uvicorn("websockets-sansio"),
    "hypercorn": on_hypercorn,
}


class Place:
    """A server with a hub, and who comes to it."""

    def __init__(self, hub: Hub, port: int, http: httpx.AsyncClient) -> None:
        self.hub = hub
        self.url = f"http://127.0.0.1:{port}"
        self.http = http
        self.server = "ours"

    def room(self, name: str) -> RoomHandle:
        return self.hub.room(name)

    @asynccontextmanager
    async def stream(self, *commands: Any, **headers: str) -> AsyncIterator[Stream]:
        content = "\n".join(map(json.dumps, commands))
        url = f"{self.url}/connection/http_stream"
        async with self.http.stream("POST", url, content=content, headers=headers) as response:
            yield Stream(self, response)

    async def gone(self) -> None:
        """Nobody is connected any more, within what a client's end may take."""
        async with asyncio.timeout(2.0):
            await until(lambda: not self.hub.node.clients and not self.hub.node.emulated)


class Stream:
    """A response of lines."""

    def __init__(self, place: Place, response: httpx.Response) -> None:
        self.response = response
        self._place = place
        self._lines = response.aiter_lines()
        self.hello: Any = None

    async def next(self) -> Any:
        async with asyncio.timeout(DEADLINE):
            return json.loads(await anext(self._lines))

    async def say(self, *commands: Any, **changed: Any) -> httpx.Response:
        given = {
            "session": self.hello["session"],
            "node": self.hello["node"],
            "data": "\n".join(map(json.dumps, commands)),
        }
        content = json.dumps(given | changed)
        return await self._place.http.post(f"{self._place.url}/emulation", content=content)


CONNECT = {"id": 1, "connect": {"data": {"user": "ann"}}}
SUBSCRIBE = {"id": 2, "subscribe": {"channel": "lobby"}}


def app_with(hub: Hub, *middleware: Middleware) -> FastAPI:
    app = FastAPI(lifespan=hub.lifespan, middleware=middleware)
    app.include_router(hub.router)
    return app


@asynccontextmanager
async def place_on(
    serve: Serve, middleware: Sequence[Middleware] = (), **settings: Any
) -> AsyncIterator[Place]:
    hub = Hub(without_namespace=OPEN, **settings)

    @hub.authenticate
    async def who(connect: Connect) -> Identity | None:
        said = connect.data or {}
        return Identity(said.get("user"))

    app = app_with(hub, *middleware, Middleware(GZipMiddleware, minimum_size=1))
    async with serve(app) as port, httpx.AsyncClient(timeout=DEADLINE) as http:
        yield Place(hub, port, http)


@pytest.fixture(params=SERVERS)
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    async with place_on(SERVERS[request.param]) as place:
        place.server = request.param
        yield place


@pytest.fixture
async def home() -> AsyncIterator[Place]:
    async with place_on(ours) as place:
        yield place


# Both ways. ------------------------------------------------------------------------------------


async def test_a_session_is_a_response_and_requests_beside_it(place: Place) -> None:
    async with place.stream(CONNECT, SUBSCRIBE) as ann:
        ann.hello = (await ann.next())["connect"]
        assert (await ann.next())["subscribe"]["recoverable"]
        answer = await ann.say({"id": 3, "publish": {"channel": "lobby", "data": {"a": 1}}})
        assert (answer.status_code, answer.content) == (204, b"")
        told = [await ann.next(), await ann.next()]
        assert {"id": 3, "publish": {}} in told
        (pushed,) = [one["push"]["pub"] for one in told if "push" in one]
        assert pushed["data"] == {"a": 1}
        assert pushed["info"]["user"] == "ann"
        assert place.room("lobby").users == ["ann"]
    await place.gone()
    assert not place.room("lobby").members


async def test_proxies_and_middleware_are_told_not_to_hold_it_back(place: Place) -> None:
    async with place.stream(CONNECT, **{"Accept-Encoding": "gzip"}) as ann:
        headers = ann.response.headers
        assert headers["x-accel-buffering"] == "no"
        assert "no-store" in headers["cache-control"]
        assert "no-transform" in headers["cache-control"]
        assert headers.get("content-encoding", "identity") == "identity"
        assert headers["content-type"] == "application/x-ndjson; charset=utf-8"
        assert "content-length" not in headers
        await ann.next()  # it is here, though there is nothing more to come


async def test_server_sent_events_are_the_same_in_their_form(place: Place) -> None:
    commands = "\n".join(map(json.dumps, (CONNECT, SUBSCRIBE)))
    url = f"{place.url}/connection/sse"
    async with place.http.stream("GET", url, params={"cf_connect": commands}) as response:
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        pieces = response.aiter_text()
        text = ""
        async with asyncio.timeout(DEADLINE):
            while text.count("\n\n") < 2:
                text += await anext(pieces)
        assert text.startswith("\r\n")
        events = [one for one in text[2:].split("\n\n") if one]
        assert [json.loads(one.removeprefix("data: "))["id"] for one in events] == [1, 2]
    await place.gone()


async def test_protobuf_goes_over_http_as_well(place: Place) -> None:
    kind = {"Content-Type": "application/octet-stream"}
    connect = Command(id=1, connect=ConnectRequest(data=b'{"user":"ann"}'))
    body = delimited(connect.SerializeToString())
    url = f"{place.url}/connection/http_stream"
    async with place.http.stream("POST", url, content=body, headers=kind) as response:
        assert response.headers["content-type"] == "application/octet-stream"
        pieces = response.aiter_bytes()

        async def next_reply() -> Any:
            data = b""
            async with asyncio.timeout(DEADLINE):
                while True:
                    data += await anext(pieces)
                    found, whole = split_delimited(data)
                    if whole and found:
                        (one,) = found
                        return Reply.FromString(one)

        hello = (await next_reply()).connect
        said = delimited(Command(id=2, subscribe={"channel": "lobby"}).SerializeToString())
        emulation = EmulationRequest(session=hello.session, node=hello.node, data=said)
        answer = await place.http.post(
            f"{place.url}/emulation", content=emulation.SerializeToString(), headers=kind
        )
        assert answer.status_code == 204
        assert (await next_reply()).subscribe.recoverable
        await place.hub.publish("lobby", b"\x00\xff")
        assert (await next_reply()).push.pub.data == b"\x00\xff"
    await place.gone()


async def test_whoever_goes_is_missed_within_two_seconds(place: Place) -> None:
    async with place.stream(CONNECT, SUBSCRIBE) as ann:
        ann.hello = (await ann.next())["connect"]
        assert place.hub.node.clients
    await place.gone()


async def test_the_server_says_why_it_ends(place: Place) -> None:
    async with place.stream(CONNECT) as ann:
        ann.hello = (await ann.next())["connect"]
        place.hub.disconnect("ann")
        told = await ann.next()
        assert told == {"push": {"disconnect": {"code": 3503, "reason": "force disconnect"}}}
        with pytest.raises(StopAsyncIteration):
            await ann.next()
    async with place.stream(CONNECT) as ann:
        ann.hello = (await ann.next())["connect"]
        place.hub.disconnect("ann", 3001, "shutdown")
        assert (await ann.next())["push"]["disconnect"]["reconnect"]
    await place.gone()


async def test_what_is_no_command_ends_it(place: Place) -> None:
    async with place.stream(CONNECT) as ann:
        ann.hello = (await ann.next())["connect"]
        assert (await ann.say(data="no json")).status_code == 204
        assert (await ann.next())["push"]["disconnect"]["code"] == 3501
    await place.gone()


async def test_a_connection_can_be_used_again_after_it(home: Place) -> None:
    for _ in range(2):
        async with home.stream(CONNECT) as ann:
            await ann.next()
            home.hub.disconnect("ann")
            assert "disconnect" in (await ann.next())["push"]
            assert [line async for line in ann._lines] == []
        assert (await home.http.get(f"{home.url}/healthz")).status_code == 200


class Shouting:
    """Middleware that changes bodies, and says so by a header."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def shouting(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["content-encoding"] = "shouting"
            else:
                message["body"] = (
                    message["body"].replace(b'"id"', b'"ID"').replace(b'"push"', b'"PUSH"')
                )
            await send(message)

        await self._app(scope, receive, shouting if scope["type"] == "http" else send)


async def passed_on(request: Request, call_next: RequestResponseEndpoint) -> Response:
    response = await call_next(request)
    response.headers["x-passed"] = "on"
    return response


def codecs(place: Place) -> list[Any]:
    return [client.codec for client in place.hub.node.emulated.values()]


async def test_where_nothing_is_between_the_transport_has_it_as_it_is(place: Place) -> None:
    ours = place.server == "ours"
    async with place.stream(CONNECT) as ann:
        assert (await ann.next())["id"] == 1
        assert codecs(place) == [JSON_LINES_CHUNKED if ours else JSON_LINES]
    await place.gone()


async def test_middleware_that_changes_bodies_has_every_one_of_them() -> None:
    async with place_on(ours, middleware=[Middleware(Shouting)]) as place:
        async with place.stream(CONNECT, SUBSCRIBE) as ann:
            assert [(await ann.next())["ID"], (await ann.next())["ID"]] == [1, 2]
            assert codecs(place) == [JSON_LINES]
            await place.hub.publish("lobby", "news")
            assert (await ann.next())["PUSH"]["pub"]["data"] == "news"
        await place.gone()


async def test_middleware_with_a_task_of_its_own_gets_all_in_order() -> None:
    middleware = Middleware(BaseHTTPMiddleware, dispatch=passed_on)
    async with place_on(ours, middleware=[middleware]) as place:
        async with place.stream(CONNECT, SUBSCRIBE) as ann:
            assert ann.response.headers["x-passed"] == "on"
            assert "connect" in await ann.next()
            assert "subscribe" in await ann.next()
            for number in range(1, 101):
                await place.hub.publish("lobby", number)
            for number in range(1, 101):
                assert (await ann.next())["push"]["pub"]["offset"] == number
            place.hub.disconnect("ann")
            assert "disconnect" in (await ann.next())["push"]
        await place.gone()


async def test_requests_that_follow_in_one_piece_are_answered_after_it(home: Place) -> None:
    """Also another of its kind, which begins when the one before has ended."""
    reader, writer = await asyncio.open_connection(*home.url.removeprefix("http://").split(":"))
    body = json.dumps(CONNECT).encode()
    head = b"POST /connection/http_stream HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    writer.write(2 * (head % len(body) + body))
    for turn in range(2):
        async with asyncio.timeout(DEADLINE):
            await reader.readuntil(b"\r\n\r\n")
            await reader.readuntil(b'"connect"')
            await until(lambda: len(home.hub.node.clients) == 1)
            home.hub.disconnect("ann")
            await reader.readuntil(b'"disconnect"')
            await reader.readuntil(b"\r\n0\r\n\r\n" if turn == 0 else b"\r\n0\r\n")
    writer.close()
    await home.gone()


# What is refused. ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/connection/http_stream", 405),
        ("POST", "/connection/http_stream", 400),
        ("GET", "/connection/sse", 400),
        ("POST", "/connection/sse", 400),
        ("PUT", "/connection/sse", 405),
        ("GET", "/emulation", 405),
        ("POST", "/emulation", 400),
        ("GET", "/connection/uni_sse", 400),
        ("POST", "/connection/uni_http_stream", 400),
        ("GET", "/connection/uni_http_stream", 405),
    ],
)
async def test_what_cannot_be_is_told_by_its_status(
    home: Place, method: str, path: str, status: int
) -> None:
    assert (await home.http.request(method, home.url + path)).status_code == status


@pytest.mark.parametrize("body", [b"\xff", b"[1]", b'{"session":1}', b'{"session":"a"}', b"{"])
async def test_no_emulation_request_is_a_400(home: Place, body: bytes) -> None:
    answer = await home.http.post(f"{home.url}/emulation", content=body)
    assert answer.status_code == 400
    kind = {"Content-Type": "application/octet-stream"}
    answer = await home.http.post(f"{home.url}/emulation", content=b"\xff\xff", headers=kind)
    assert answer.status_code == 400


async def test_commands_find_nobody_but_their_own_client(home: Place) -> None:
    async with home.stream(CONNECT, SUBSCRIBE) as ann:
        ann.hello = (await ann.next())["connect"]
        await ann.next()
        say = {"id": 3, "publish": {"channel": "lobby", "data": 1}}
        assert (await ann.say(say, node="another")).status_code == 404
        assert (await ann.say(say, session="another")).status_code == 204
        assert (await ann.say(say, session=ann.hello["client"])).status_code == 204
        await ann.say({"id": 4, "history": {"channel": "lobby", "limit": -1}})
        assert (await ann.next())["history"]["publications"] == []


@pytest.mark.parametrize("over", [0, 1, 16 * 2**20])
async def test_commands_have_their_limit(home: Place, over: int) -> None:
    limit = home.hub.settings.message_bytes
    head = '{"id":9,"publish":{"channel":"lobby","data":"'
    data = head + "x" * (limit + over - len(head) - 3) + '"}}'
    assert len(data) == limit + over
    async with home.stream(CONNECT, SUBSCRIBE) as ann:
        ann.hello = (await ann.next())["connect"]
        await ann.next()
        status = (await ann.say(data=data)).status_code
        assert status == (413 if over else 204)
        first = await home.http.post(
            f"{home.url}/connection/http_stream", content=b"x" * (limit + 1)
        )
        assert first.status_code == 413
        if not over:
            assert {"id": 9, "publish": {}} in [await ann.next(), await ann.next()]


PATHS = [
    ("POST", "/connection/http_stream"),
    ("GET", "/connection/sse"),
    ("POST", "/connection/sse"),
    ("POST", "/emulation"),
    ("GET", "/connection/uni_sse"),
    ("POST", "/connection/uni_http_stream"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_a_page_of_another_origin_is_kept_out(home: Place, method: str, path: str) -> None:
    content = "{}" if method == "POST" else None
    url = home.url + path + "?cf_connect={}"
    kept_out = await home.http.request(method, url, headers=ORIGIN, content=content)
    assert kept_out.status_code == 403
    asked = {**ORIGIN, "Access-Control-Request-Method": method}
    assert (await home.http.options(home.url + path, headers=asked)).status_code == 403
    # As a browser asks for a picture, which names no origin.
    for site in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": site}
        answer = await home.http.request(method, url, headers=headers, content=content)
        assert answer.status_code == 403
    assert not home.hub.node.clients


async def test_a_page_that_may_reads_the_answers() -> None:
    async with place_on(ours, origins=["https://elsewhere.example"]) as place:
        asked = {**ORIGIN, "Access-Control-Request-Headers": "content-type,x-more"}
        answer = await place.http.options(f"{place.url}/emulation", headers=asked)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-headers"] == "content-type,x-more"
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert answer.headers["access-control-max-age"] == "300"
        async with place.stream(CONNECT, **ORIGIN) as ann:
            headers = ann.response.headers
            assert headers["access-control-allow-origin"] == ORIGIN["Origin"]
            assert headers["access-control-allow-credentials"] == "true"
            assert headers["vary"].lower().find("origin") >= 0
            await ann.next()


# Liveness, and readers and talkers without measure. ----------------------------------------------

SHORT: dict[str, Any] = {"client_ping_interval": 0.4, "client_pong_timeout": 0.3}


async def test_a_client_that_answers_pings_stays_and_one_that_does_not_goes() -> None:
    async with place_on(ours, **SHORT) as place, place.stream(CONNECT) as ann:
        ann.hello = (await ann.next())["connect"]
        for _ in range(3):
            assert await ann.next() == {}
            assert (await ann.say({})).status_code == 204
        assert await ann.next() == {}
        assert (await ann.next())["push"]["disconnect"]["code"] == 3012


async def test_who_reads_nothing_is_cut_and_holds_nobody_up() -> None:
    limits: dict[str, Any] = {"outbox_bytes": 200_000, "outbox_seconds": 1.0, "close_seconds": 0.5}
    async with place_on(ours, **limits) as place, place.stream(CONNECT, SUBSCRIBE) as well:
        await well.next()
        await well.next()
        port = int(place.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        body = "\n".join(map(json.dumps, (CONNECT, SUBSCRIBE))).encode()
        head = b"POST /connection/http_stream HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % len(body) + body)
        await until(lambda: len(place.room("lobby")) == 2)
        sent = 0
        async with asyncio.timeout(DEADLINE):
            while len(place.room("lobby")) == 2:
                await place.hub.publish("lobby", "x" * 50_000)
                sent += 1
                assert (await well.next())["push"]["pub"]["offset"] == sent
        await until(lambda: len(place.hub.node.clients) == 1)
        writer.close()


async def test_who_talks_more_than_is_heard_is_sent_away() -> None:
    async with place_on(ours, inbox_bytes=5_000, message_bytes=2_000) as place:
        held = asyncio.Event()

        @place.hub.on_rpc("wait")
        async def wait(call: Call[Any]) -> None:
            await held.wait()

        async with place.stream(CONNECT) as ann:
            ann.hello = (await ann.next())["connect"]
            calls = [
                {"id": 2 + n, "rpc": {"method": "wait", "data": "x" * 1_500}} for n in range(30)
            ]
            answers = await asyncio.gather(*(ann.say(one) for one in calls), return_exceptions=True)
            assert (await ann.next())["push"]["disconnect"]["code"] == 3013
            held.set()
            assert len(answers) == 30
        await place.gone()


async def test_commands_are_carried_out_in_the_order_of_their_arrival(home: Place) -> None:
    async with home.stream(CONNECT, SUBSCRIBE) as ann:
        ann.hello = (await ann.next())["connect"]
        await ann.next()
        for number in range(20):
            await ann.say({"id": 3 + number, "publish": {"channel": "lobby", "data": number}})
        heard: list[int] = []
        while len(heard) < 20:
            told = await ann.next()
            if "push" in told:
                heard.append(told["push"]["pub"]["data"])
        assert heard == list(range(20))


async def test_a_stop_ends_streams_and_does_not_wait_for_them() -> None:
    hub = Hub(without_namespace=OPEN, anonymous=True)
    async with httpx.AsyncClient(timeout=DEADLINE) as http:
        async with serving(app_with(hub)) as server:
            place = Place(hub, server.port, http)
            context = place.stream({"id": 1, "connect": {}})
            ann = await context.__aenter__()
            await ann.next()
        told = await ann.next()
        assert told["push"]["disconnect"] == {"code": 3001, "reason": "shutdown", "reconnect": True}
        with pytest.raises(StopAsyncIteration):
            await ann.next()
        await context.__aexit__(None, None, None)


# One way. --------------------------------------------------------------------------------------


async def test_curl_and_an_event_source_see_a_room(place: Place) -> None:
    asked = json.dumps({"data": {"user": "ann"}, "subs": {"lobby": {}}})
    url = f"{place.url}/connection/uni_sse"
    async with place.http.stream("GET", url, params={"cf_connect": asked}) as events:
        lines = events.aiter_lines()

        async def told() -> Any:
            async with asyncio.timeout(DEADLINE):
                while not (line := await anext(lines)).startswith("data: "):
                    assert line == ""
            return json.loads(line.removeprefix("data: "))

        connect = (await told())["connect"]
        assert "lobby" in connect["subs"]
        await place.hub.publish("lobby", {"a": 1})
        assert await told() == {"channel": "lobby", "pub": {"data": {"a": 1}, "offset": 1}}
    await place.gone()
    body = json.dumps({"data": {"user": "bob"}, "subs": {"lobby": {}}})
    url = f"{place.url}/connection/uni_http_stream"
    async with place.http.stream("POST", url, content=body) as response:
        bob = Stream(place, response)
        assert "lobby" in (await bob.next())["connect"]["subs"]
        await place.hub.publish("lobby", 2)
        assert (await bob.next())["pub"]["data"] == 2
    await place.gone()


def session(connection: HTTPConnection) -> str:
    if "session" not in connection.cookies:
        raise HTTPException(401, "who are you?")
    return connection.cookies["session"]


async def test_what_hooks_depend_on_is_there_without_a_websocket() -> None:
    hub = Hub(without_namespace=OPEN)

    @hub.authenticate
    async def who(connect: Connect, name: Annotated[str, Depends(session)]) -> str:
        return name

    async with ours(app_with(hub)) as port, httpx.AsyncClient(timeout=DEADLINE) as http:
        place = Place(hub, port, http)
        async with place.stream({"id": 1, "connect": {}}, Cookie="session=ann") as ann:
            assert "connect" in await ann.next()
            assert len(hub.user("ann")) == 1
        async with place.stream({"id": 1, "connect": {}}) as nobody:
            assert (await nobody.next())["error"]["code"] == 401


async def test_a_websocket_one_way_is_told_the_same(home: Place) -> None:
    port, path = int(home.url.rpartition(":")[2]), "/connection/uni_websocket"
    asked = json.dumps({"data": {"user": "ann"}, "subs": {"lobby": {}}})
    with_it = f"{path}?{urlencode({'cf_connect': asked})}"
    async with dial(port, with_it) as by_address, dial(port, path) as spoken:
        await spoken.send(asked)
        for ear in (by_address, spoken):
            assert "lobby" in json.loads(await hear(ear))["connect"]["subs"]
        await home.hub.publish("lobby", {"a": 1})
        for ear in (by_address, spoken):
            told = {"channel": "lobby", "pub": {"data": {"a": 1}, "offset": 1}}
            assert json.loads(await hear(ear)) == told
        home.hub.disconnect("ann")
        for ear in (by_address, spoken):
            assert (await closed(ear))[0] == 3503
    await home.gone()


# Whatever somebody may send. -------------------------------------------------------------------


@pytest.mark.parametrize("way", ["first", "later", "in the address", "one way"])
async def test_nothing_that_is_sent_is_an_error_of_ours(
    home: Place, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    for said in HOSTILE.values():
        text = said.encode(errors="surrogatepass")
        if way == "later":
            async with home.stream(CONNECT) as ann:
                ann.hello = (await ann.next())["connect"]
                answer = await ann.say(data=said)
                assert answer.status_code in (204, 400)
                if answer.status_code == 204:
                    assert (await ann.next())["push"]["disconnect"]["code"] == 3501
        elif way == "one way":
            url = f"{home.url}/connection/uni_http_stream"
            async with home.http.stream("POST", url, content=text) as response:
                assert response.status_code in (200, 400)
                if response.status_code == 200:
                    told = await Stream(home, response).next()
                    assert "connect" in told or told["disconnect"]["code"] == 3501
        else:
            url = f"{home.url}/connection/http_stream"
            if way == "in the address" and len(text) < 20_000:
                asked = urlencode({"cf_connect": text})
                answer = await home.http.get(f"{home.url}/connection/sse?{asked}")
            else:
                answer = await home.http.post(url, content=text)
            assert answer.status_code in (200, 400)
            if answer.status_code == 200:
                assert b'"disconnect":{"code":3501' in answer.content
    assert (await home.http.get(f"{home.url}/healthz")).status_code == 200
    await home.gone()
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


async def test_what_began_as_a_request_is_not_left_to_the_collector(home: Place) -> None:
    port = int(home.url.rpartition(":")[2])
    gc.collect()
    gc.disable()
    try:
        before = sum(type(one) is HttpProtocol for one in gc.get_objects())
        async with dial(port, "/connection/websocket"), dial(port, "/connection/websocket"):
            await asyncio.sleep(0)
            assert sum(type(one) is HttpProtocol for one in gc.get_objects()) == before
    finally:
        gc.enable()
