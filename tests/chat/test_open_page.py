"""The application behind the room page: its files, and its JSON."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from hubbub import Hub, Join, Settings
from hubbub.chat.page import (
    CONTENT_TYPES,
    REFUSED,
    STATIC,
    Announcer,
    SecurityHeaders,
    add_page,
)
from hubbub.testing import Closed, Denied, TestConnection, TestHub

FILES = sorted(path.name for path in STATIC.iterdir())


def application() -> FastAPI:
    """The page and its rooms, and nothing else."""
    hub = Hub(settings=Settings())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with hub.lifespan(app):
            yield
        announcer.stop()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(SecurityHeaders)
    app.include_router(hub.router)
    announcer = add_page(app, hub)
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application())
    async with httpx.AsyncClient(transport=transport, base_url="http://hubbub") as client:
        yield client


@pytest.fixture
async def test() -> AsyncIterator[TestHub]:
    async with TestHub(application()) as test:
        yield test
    assert test.hub.rooms() == []


async def talk(test: TestHub, room: str, name: str) -> TestConnection:
    return await test.connect(f"/talk/{room}?name={name}")


async def hear(talker: TestConnection, kind: str) -> dict[str, Any]:
    """The next message of this kind."""
    while True:
        message: dict[str, Any] = await talker.receive_json()
        if message["type"] == kind:
            return message


async def hear_people(talker: TestConnection, *names: str) -> None:
    """Wait until exactly these people are said to be here."""
    while (await hear(talker, "people"))["people"] != list(names):
        pass


async def say(talker: TestConnection, text: str) -> None:
    await talker.send({"type": "message", "text": text})


# The files.


async def test_page_is_served_at_the_root(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    assert "<title>hubbub</title>" in page.text
    head = await client.head("/")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("name", FILES)
async def test_each_file_has_its_type_and_is_asked_for_again(
    client: httpx.AsyncClient, name: str
) -> None:
    first = await client.get(f"/static/{name}")
    assert first.status_code == 200
    assert first.headers["content-type"] == CONTENT_TYPES[f".{name.rpartition('.')[2]}"]
    assert first.headers["cache-control"] == "no-cache"
    again = await client.get(f"/static/{name}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["/", "/static/page.js", "/static/none.js", "/healthz", "/nowhere"]
)
async def test_every_answer_carries_the_security_headers(
    client: httpx.AsyncClient, path: str
) -> None:
    headers = (await client.get(path)).headers
    policy = {
        name: set(sources)
        for name, *sources in (
            part.split() for part in headers["content-security-policy"].split(";")
        )
    }
    assert policy["default-src"] == {"'none'"}
    assert policy["frame-ancestors"] == {"'none'"}
    for directive in ("script-src", "style-src", "connect-src", "img-src"):
        assert policy[directive] == {"'self'"}
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/"]
)
async def test_nothing_but_the_files_is_served(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_pages_that_load_from_other_hosts_are_absent(
    client: httpx.AsyncClient, path: str
) -> None:
    assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("name", FILES)
def test_files_name_no_other_host_and_nothing_inline(name: str) -> None:
    text = (STATIC / name).read_text("utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert re.findall(r"https?://[^\s\"'`]*", text) == []
    if name.endswith(".html"):
        assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text) == []
    if name.endswith(".js"):
        assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text) == []


async def test_the_doors_of_the_hub_are_in_it(client: httpx.AsyncClient, test: TestHub) -> None:
    assert (await client.get("/healthz")).status_code == 200
    plain = await test.connect("/ws/plain")
    await plain.send("hello")
    assert await plain.receive() == "Room plain: hello"


# The talk.


async def test_who_joins_is_told_who_is_here(test: TestHub) -> None:
    ann = await talk(test, "tea", "Ann")
    assert await ann.receive_json() == {"type": "welcome", "you": "Ann", "people": ["Ann"]}
    bob = await talk(test, "tea", "Bob")
    assert await bob.receive_json() == {"type": "welcome", "you": "Bob", "people": ["Ann", "Bob"]}
    await hear_people(ann, "Ann", "Bob")


async def test_message_reaches_the_room_and_its_sender_and_no_other_room(test: TestHub) -> None:
    ann, bob = await talk(test, "tea", "Ann"), await talk(test, "tea", "Bob")
    cid = await talk(test, "coffee", "Cid")
    await say(ann, "hello")
    for hearer in (ann, bob):
        message = await hear(hearer, "message")
        assert message.pop("at") > 1_600_000_000_000
        assert message == {"type": "message", "name": "Ann", "text": "hello"}
    await say(cid, "own")
    assert (await hear(cid, "message"))["text"] == "own"


async def test_two_tabs_of_one_name_are_one_person_until_both_are_closed(test: TestHub) -> None:
    ann, first, second = [await talk(test, "tea", name) for name in ("Ann", "Bob", "Bob")]
    assert (await hear(second, "welcome"))["people"] == ["Ann", "Bob"]
    await hear_people(ann, "Ann", "Bob")
    await second.vanish()
    cid = await talk(test, "tea", "Cid")
    assert (await hear(cid, "welcome"))["people"] == ["Ann", "Bob", "Cid"]
    await first.vanish()
    await hear_people(ann, "Ann", "Cid")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("hello", "JSON is malformed"),
        ("", "truncated"),
        ("[]", "Expected `object`"),
        ('{"type": "shout", "text": "x"}', "Invalid value 'shout'"),
        ('{"type": "message"}', "missing required field `text`"),
        ('{"type": "message", "text": 7}', "Expected `str`"),
        ('{"type": "message", "text": ""}', "length >= 1"),
        ('{"type": "message", "text": " \\n "}', "needs some text"),
        ('{"type": "message", "text": "%s"}' % ("x" * 4001), "length <= 4000"),
        ('{"type": "message", "text": "x", "to": %s}' % ("[" * 20_000), "unknown field `to`"),
        ('{"type": %s}' % ("[" * 20_000), "recursion"),
    ],
)
async def test_wrong_message_is_answered_and_the_connection_stays(
    test: TestHub, wrong: str, told: str
) -> None:
    ann = await talk(test, "tea", "Ann")
    await ann.send(wrong)
    assert told in (await hear(ann, "error"))["text"]
    await say(ann, "still here")
    assert (await hear(ann, "message"))["text"] == "still here"


async def test_binary_message_is_answered_and_the_connection_stays(test: TestHub) -> None:
    ann = await talk(test, "tea", "Ann")
    await ann.send(b'{"type": "message", "text": "x"}')
    assert "binary" in (await hear(ann, "error"))["text"]
    await say(ann, "still here")
    assert (await hear(ann, "message"))["text"] == "still here"


@pytest.mark.parametrize(
    ("room", "name", "told"),
    [
        ("tea", "", "A name is missing."),
        ("tea", "%20%20", "A name is missing."),
        ("tea", "x" * 41, "A name has at most 40 characters."),
        ("tea", "An%00n", "A name holds no invisible characters."),
        ("tea", "An%E2%80%AEn", "A name holds no invisible characters."),
        ("%20", "Ann", "A room is missing."),
        ("x" * 65, "Ann", "A room has at most 64 characters."),
        ("a%07b", "Ann", "A room holds no invisible characters."),
        ("a%2Fb", "Ann", "A room's name holds no slash."),
    ],
)
async def test_name_that_cannot_be_is_refused_for_good_with_the_reason(
    test: TestHub, room: str, name: str, told: str
) -> None:
    refused = await talk(test, room, name)
    with pytest.raises(Closed) as closed:
        await refused.receive()
    assert (closed.value.code, closed.value.reason) == (REFUSED, told)
    assert test.hub.rooms() == []


async def test_longest_names_are_taken(test: TestHub) -> None:
    longest = await talk(test, "r" * 64, "n" * 40)
    assert (await hear(longest, "welcome"))["you"] == "n" * 40


async def test_names_have_one_form_however_they_were_typed(test: TestHub) -> None:
    await talk(test, "caf%C3%A9", "Jos%C3%A9")
    jose = await talk(test, "cafe%CC%81", "%20Jose%CC%81%20")
    assert await jose.receive_json() == {"type": "welcome", "you": "José", "people": ["José"]}


async def test_plain_text_door_of_the_same_room_cannot_speak_for_anyone(test: TestHub) -> None:
    ann, plain = await talk(test, "tea", "Ann"), await test.connect("/ws/talk:tea")
    await hear_people(ann, "Ann")
    await plain.send('{"type": "message", "name": "Bob", "text": "x", "at": 0}')
    forged = await ann.receive()
    with pytest.raises(json.JSONDecodeError):
        json.loads(forged)


async def test_page_of_another_origin_is_refused(test: TestHub) -> None:
    with pytest.raises(Denied) as denied:
        await test.connect("/talk/tea?name=Ann", headers={"origin": "https://evil.example"})
    assert denied.value.status == 403


# The announcements.


class OneRoom:
    """In the place of a hub: remembers what its room was told."""

    def __init__(self) -> None:
        self.name, self.users = "talk:tea", ["Ann"]
        self.told: list[Any] = []
        self.was_told = asyncio.Event()

    def room(self, name: str) -> "OneRoom":
        return self

    def broadcast(self, value: Any) -> None:
        self.told.append(value)
        self.was_told.set()


async def test_many_changes_at_once_are_one_announcement() -> None:
    room = OneRoom()
    announcer = Announcer(cast(Hub, room))
    for _ in range(1000):
        announcer.changed(Join(cast(Any, None), cast(Any, room), "Ann"))
    async with asyncio.timeout(10):
        await room.was_told.wait()
    assert [people.people for people in room.told] == [["Ann"]]
    room.was_told.clear()
    announcer.changed(Join(cast(Any, None), cast(Any, room), "Bob"))
    async with asyncio.timeout(10):
        await room.was_told.wait()
    assert len(room.told) == 2


async def test_stopped_announcer_leaves_no_timer() -> None:
    room = OneRoom()
    announcer = Announcer(cast(Hub, room))
    announcer.changed(Join(cast(Any, None), cast(Any, room), "Ann"))
    (timer,) = announcer._due.values()
    announcer.stop()
    assert timer.cancelled() and announcer._due == {}


async def test_rooms_of_others_get_no_announcement() -> None:
    room = OneRoom()
    room.name = "orders"
    announcer = Announcer(cast(Hub, room))
    announcer.changed(Join(cast(Any, None), cast(Any, room), "Ann"))
    assert announcer._due == {}
