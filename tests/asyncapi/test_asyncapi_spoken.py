"""What is said at each door, held to what the document says; and that this finds what is wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from tests.support.asyncapi import Contract, contract_from, contract_of
from tests.support.server import DEADLINE, ServerProcess
from websockets.asyncio.client import connect

from hubbub import Hub
from hubbub.chat import Options, create_app

CONNECT: dict[str, Any] = {"id": 1, "connect": {"data": {"user": "ann"}}}
ROOM = "told:tea"
LISTEN = json.dumps({"data": {"user": "ann"}, "subs": {ROOM: {"join_leave": True}}})


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ServerProcess("tests.support.protocol_app:app") as server:
        yield f"127.0.0.1:{server.port}"


@pytest.fixture
async def contract(url: str) -> AsyncIterator[Contract]:
    contract = await contract_of(f"http://{url}")
    yield contract
    assert contract.faults == []
    assert contract.events > 0


def asked(*rest: dict[str, Any]) -> str:
    return "\n".join(json.dumps(command) for command in (CONNECT, *rest))


EVERYTHING = asked(
    {"id": 2, "subscribe": {"channel": ROOM, "join_leave": True}},
    {"id": 3, "subscribe": {"channel": "asked:lets:tea"}},
    {"id": 4, "publish": {"channel": ROOM, "data": {"any": "thing"}}},
    {"id": 5, "presence": {"channel": ROOM}},
    {"id": 6, "presence_stats": {"channel": ROOM}},
    {"id": 7, "history": {"channel": ROOM, "limit": 10}},
    {"id": 8, "rpc": {"method": "double", "data": 21}},
    {"id": 9, "rpc": {"method": "nobody", "data": 21}},
    {"id": 10, "subscribe": {"channel": "unknown:tea"}},
    {"id": 11, "subscribe": {"channel": "short:tea", "recover": True}},
    {"id": 12, "unsubscribe": {"channel": ROOM}},
)
LAST = '"id":12'


async def test_over_a_websocket(url: str, contract: Contract) -> None:
    listener = contract.listener()
    async with connect(f"ws://{url}/connection/websocket", proxy=None) as socket:
        listener.says(EVERYTHING)
        await socket.send(EVERYTHING)
        heard = ""
        while LAST not in heard:
            heard = str(await socket.recv())
            listener.hears(heard)


async def test_over_a_websocket_that_only_listens(url: str, contract: Contract) -> None:
    async with connect(f"ws://{url}/connection/uni_websocket", proxy=None) as socket:
        await socket.send(LISTEN)
        contract.listener().is_told(str(await socket.recv()))
        await publish(url)
        contract.listener().is_told(await until_published(anext_of(socket)))


@pytest.mark.parametrize("door", ["http_stream", "sse", "uni_http_stream", "uni_sse"])
async def test_over_a_response_that_does_not_end(door: str, url: str, contract: Contract) -> None:
    listener, only_listens = contract.listener(), door.startswith("uni")
    first = LISTEN if only_listens else EVERYTHING
    async with streaming(url, door, first) as lines:
        if only_listens:
            listener.is_told(await anext(lines))
            await publish(url)
            listener.is_told(await until_published(lines))
            return
        listener.says(first)
        async for line in lines:
            listener.hears(line)
            if LAST in line:
                break


@asynccontextmanager
async def streaming(url: str, door: str, first: str) -> AsyncIterator[AsyncIterator[str]]:
    """The messages that come, of lines or of events."""
    address = f"http://{url}/connection/{door}"
    async with (
        httpx.AsyncClient(timeout=DEADLINE) as client,
        client.stream("POST", address, content=first) as response,
    ):
        assert response.status_code == 200

        async def lines() -> AsyncIterator[str]:
            async for line in response.aiter_lines():
                if message := line.removeprefix("data: "):
                    yield message

        yield lines()


async def anext_of(socket: Any) -> AsyncIterator[str]:
    while True:
        yield str(await socket.recv())


async def until_published(lines: AsyncIterator[str]) -> str:
    """Everything up to the publication."""
    heard: list[str] = []
    async for line in lines:
        heard.append(line)
        if '"pub":' in line:
            break
    return "\n".join(heard)


async def publish(url: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://{url}", timeout=DEADLINE) as client:
        answer = await client.post("/publish", json={"room": ROOM, "data": {"hot": True}})
    assert answer.status_code == 200, answer.text


# That it bites. --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def text() -> str:
    """The chat's document."""
    app: FastAPI = create_app(Hub("memory://"), Options())

    async def ask() -> str:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return (await client.get("/asyncapi.json")).text

    return asyncio.run(ask())


ANN = {"user": "ann", "client": "c"}
SAID = {"type": "message", "by": "ann", "at": 1, "text": "hi"}


def pushed(data: Any, room: str = "room:r1", **more: Any) -> str:
    return json.dumps({"push": {"channel": room, "pub": {"data": data, **more}}})


@pytest.mark.parametrize(
    "line",
    [
        pushed(SAID, offset=3, info={"user": "ann", "client": "c"}),
        pushed({"type": "typing", "users": ["ann"]}),
        pushed({"type": "presence", "user": "ann", "state": "away"}, "people"),
        pushed({"type": "gone", "room": "r1", "why": "left"}, "user:ann"),
        json.dumps({"push": {"channel": "room:r1", "join": {"info": ANN}}}),
        json.dumps({"push": {"message": {"data": {"read": {"room": "room:r1", "offset": 1}}}}}),
        json.dumps({"id": 1, "rpc": {"data": {"offset": 7}}}),
        json.dumps({"id": 1, "error": {"code": 103, "message": "permission denied"}}),
        json.dumps({"id": 2, "subscribe": {"publications": [{"data": SAID, "offset": 1}]}}),
        json.dumps({"id": 3, "history": {"publications": [], "epoch": "e", "offset": 1}}),
        "{}",
    ],
)
def test_what_the_document_knows_is_no_fault(line: str, text: str) -> None:
    assert heard(line, text) == []


@pytest.mark.parametrize(
    "line",
    [
        pushed({**SAID, "text": 7}),
        pushed({**SAID, "colour": "red"}),
        pushed({"type": "sung", "by": "ann", "at": 1}),
        pushed({"by": "ann", "at": 1, "text": "hi"}),
        pushed(SAID, "people"),
        pushed(SAID, "other:r1"),
        pushed(SAID, "room:r1:more"),
        pushed(SAID, colour="red"),
        pushed({"type": "presence", "user": "ann", "state": "asleep"}, "people"),
        pushed({"type": "typing", "users": ["ann", 7]}),
        json.dumps({"push": {"channel": "people", "join": {"info": ANN}}}),
        json.dumps({"push": {"channel": "room:r1", "join": {"info": {"user": "u"}}}}),
        json.dumps({"push": {"channel": "room:r1", "sung": {}}}),
        json.dumps({"id": 1, "rpc": {"data": {"offset": "7"}}}),
        json.dumps({"id": 9, "rpc": {"data": {"offset": 7}}}),
        json.dumps({"id": 1, "error": {"message": "permission denied"}}),
        json.dumps({"id": 2, "subscribe": {"publications": [{"data": {**SAID, "at": "now"}}]}}),
        json.dumps({"id": 3, "history": {"publications": [{"data": 7}], "epoch": "", "offset": 1}}),
        json.dumps({"id": 4, "connect": {"client": "c", "version": "1", "subs": {"people": {
            "publications": [{"data": SAID}]}}}}),
        json.dumps({"id": 4, "connect": {"version": "1"}}),
        '{"hello":1}',
        '{"push":{}}',
        '{"id":2}',
    ],
)  # fmt: skip
def test_what_the_document_does_not_know_is_a_fault(line: str, text: str) -> None:
    assert heard(line, text) != []


def heard(line: str, text: str) -> list[str]:
    """What is wrong with it, for somebody who asked for some things before."""
    contract = contract_from(text)
    listener = contract.listener()
    listener.says('{"id":1,"rpc":{"method":"chat.do","data":{}}}')
    listener.says('{"id":2,"subscribe":{"channel":"room:r1"}}\n{"id":4,"connect":{}}')
    listener.says('{"id":3,"history":{"channel":"room:r1"}}')
    listener.hears(line)
    return contract.faults


@pytest.mark.parametrize(
    "line", ['{"connect":{"client":"c"}}', '{"push":{}}', '{"channel":"room:r1","pub":{"data":7}}']
)
def test_it_bites_who_only_listens_as_well(line: str, text: str) -> None:
    contract = contract_from(text)
    contract.listener().is_told(line)
    assert len(contract.faults) == 1


def test_deltas_are_held_to_it_where_they_are_whole(text: str) -> None:
    contract = contract_from(text)
    listener = contract.listener()
    listener.says('{"id":2,"subscribe":{"channel":"room:r1","delta":"fossil"}}')
    whole = {"data": json.dumps(SAID), "offset": 1}
    listener.hears(json.dumps({"id": 2, "subscribe": {"delta": True, "publications": [whole]}}))
    listener.hears(pushed("t\nt@0,cOIc8;", offset=2, delta=True))
    assert contract.faults == []
    listener.hears(pushed(json.dumps({"type": "sung"}), offset=3))
    assert len(contract.faults) == 1
