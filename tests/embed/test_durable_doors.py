"""Durable rooms through the doors of an application: hub.join, text, the protocol, the HTTP API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, WebSocket
from tests.support.stores import ControlledStore

from hubbub import ConfigurationError, Conflict, Hub, Keep, Refused, Unavailable
from hubbub.model import Draft
from hubbub.options import OPEN
from hubbub.testing import Denied, TestHub, settle

KEY = "k" * 40
OPTIONS = {**OPEN.model_dump(exclude_unset=True), "history_size": 0, "durability": "commit"}


def make_app(store: Any = "memory://", **given: Any) -> FastAPI:
    hub = Hub(store, anonymous=True, api_keys=[KEY], **given)
    hub.rooms("log:{room}", **OPTIONS)
    app = FastAPI(lifespan=hub.lifespan)
    app.include_router(hub.router)

    @app.websocket("/join/{room}")
    async def chat(websocket: WebSocket, room: str) -> None:
        async with hub.join(websocket, room) as member:
            async for text in member:
                await member.room.publish(f"{room}: {text!s}")

    return app


@asynccontextmanager
async def running(store: ControlledStore) -> AsyncIterator[tuple[TestHub, httpx.AsyncClient]]:
    app = make_app(store)
    transport = httpx.ASGITransport(app)
    headers = {"X-API-Key": KEY}
    async with (
        TestHub(app) as test,
        httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client,
    ):
        yield test, client


async def test_every_door_of_an_application_sees_one_durable_room() -> None:
    store = ControlledStore()
    async with running(store) as (test, client):
        joined, text = await test.connect("/join/log:a"), await test.connect("/ws/log:a")
        ann = await test.connect()
        await ann.join("log:a")
        await joined.send("one")
        await text.send("two")
        await ann.publish("log:a", "three")
        answer = await client.post("/api/publish", json={"channel": "log:a", "data": "four"})
        assert answer.json()["result"]["offset"] == 4
        await test.hub.publish("log:a", "five")
        said = ["log:a: one", "Room log:a: two", "three", "four", "five"]
        assert [one.data for one in await ann.waiting("log:a")] == said
        assert await joined.waiting() == await text.waiting() == said
        page = await test.hub.history("log:a")
        assert [one.value for one in page.publications] == said


async def test_who_joins_hears_its_own_first_word_however_late_the_log_is_looked_at() -> None:
    store = ControlledStore()
    async with running(store) as (test, _):
        for number in range(20):
            door = await test.connect(f"/{'join' if number % 2 else 'ws'}/log:{number}")
            await door.send("hi")
            assert len(await door.waiting()) == 1


async def test_a_room_whose_log_is_being_looked_at_has_nobody_in_it() -> None:
    async with running(ControlledStore()) as (test, _):
        async with test.hub.node.logs.reaching({"log:a": None}):
            assert test.hub.rooms() == []
        await test.connect("/join/log:a")
        assert test.hub.rooms() == [test.hub.room("log:a")]


async def test_a_plain_member_of_a_log_that_cannot_be_read_is_to_come_back() -> None:
    store = ControlledStore()
    async with running(store) as (test, _):
        store.reads_fail = True
        for path in ("/join/log:a", "/ws/log:a"):
            with pytest.raises(Denied) as denied:
                await test.connect(path)
            assert denied.value.status == 503
        assert test.hub.node.live == {}
        store.reads_fail = False
        await test.connect("/join/log:a")


async def test_a_page_that_may_not_connect_has_no_log_looked_at() -> None:
    store = ControlledStore()
    async with running(store) as (test, _):
        for path in ("/join/log:a", "/ws/log:a"):
            with pytest.raises(Denied) as denied:
                await test.connect(path, headers={"origin": "https://elsewhere.example"})
            assert denied.value.status == 403
        assert store.reads == []


async def test_readyz_tells_of_a_log_that_cannot_be_written_to_and_of_its_end() -> None:
    store = ControlledStore()
    async with running(store) as (test, client):
        assert (await client.get("/readyz")).json() == {"status": "ok"}
        store.failing = Unavailable("the disk is full")
        answer = await client.post("/api/publish", json={"channel": "log:a", "data": 1})
        assert answer.json()["error"]["code"] == 100
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {"status": "degraded", "log": "the disk is full"}
        assert (await client.get("/healthz")).status_code == 200
        store.failing = None
        await test.clock.advance(1)
        assert (await client.get("/readyz")).json() == {"status": "ok"}


async def test_the_api_answers_a_key_used_for_something_else_with_a_conflict() -> None:
    async with running(ControlledStore()) as (test, client):
        for room in ("log:a", "log:b"):
            body = {"channel": room, "data": 1, "idempotency_key": "k"}
            first = (await client.post("/api/publish", json=body)).json()["result"]
            assert (await client.post("/api/publish", json=body)).json()["result"] == first
            answer = await client.post("/api/publish", json={**body, "data": 2})
            assert answer.json() == {"error": {"code": 113, "message": "conflict"}}
            with pytest.raises(Conflict):
                await test.hub.publish(room, 2, idempotency_key="k")


async def test_the_api_answers_what_a_projection_refuses_with_its_code_and_reason() -> None:
    store = ControlledStore()

    def take(room: str, draft: Draft) -> Draft:
        if draft.data.isdigit():
            raise Refused("no numbers", int(draft.data))
        return draft

    store.take = take
    async with running(store) as (_, client):
        mode = {"X-Centrifugo-Error-Mode": "transport"}
        for code, status in [(103, 403), (409, 409), (499, 499), (500, 500), (1999, 500)]:
            body = {"channel": "log:a", "data": code}
            error = {"code": code, "message": "no numbers"}
            answer = await client.post("/api/publish", json=body)
            assert (answer.status_code, answer.json()) == (200, {"error": error})
            answer = await client.post("/api/publish", json=body, headers=mode)
            assert (answer.status_code, answer.json()) == (status, error)
        body = {"channels": ["log:a", "log:b"], "data": 402}
        responses = (await client.post("/api/broadcast", json=body)).json()["result"]["responses"]
        assert [one["error"]["code"] for one in responses] == [402, 402]
        answer = await client.post("/api/publish", json={"channel": "log:a", "data": "text"})
        assert answer.json()["result"]["offset"] == 1


async def test_a_broadcast_of_the_api_is_one_batch() -> None:
    store = ControlledStore()
    async with running(store) as (_, client):
        channels = [f"log:{number}" for number in range(50)]
        answer = await client.post("/api/broadcast", json={"channels": channels, "data": 1})
        responses = answer.json()["result"]["responses"]
        assert [one["result"]["offset"] for one in responses] == [1] * 50
        assert store.appends == [50]


async def test_what_the_api_publishes_counts_as_unread_where_the_room_says_so() -> None:
    store = ControlledStore()
    async with running(store) as (test, client):
        test.hub.rooms("marked:{room}", **OPTIONS, read_markers=True)
        body = {"channels": ["log:a", "marked:a"], "data": 1}
        await client.post("/api/broadcast", json=body)
        await client.post("/api/publish", json={"channel": "marked:a", "data": 1})
        skipped = {"channel": "marked:a", "data": 1, "skip_history": True}
        await client.post("/api/publish", json=skipped)
        found = await store.inner.unread("ann", ["log:a", "marked:a"], 100)
        assert [one.unread for one in found] == [0, 2]


async def test_the_api_pages_and_removes_the_history_of_a_log() -> None:
    async with running(ControlledStore()) as (test, client):
        for number in range(1, 8):
            await test.hub.publish("log:a", number)

        async def page(**asked: Any) -> list[int]:
            answer = await client.post("/api/history", json={"channel": "log:a", **asked})
            return [one["offset"] for one in answer.json()["result"]["publications"]]

        assert await page(limit=-1) == [1, 2, 3, 4, 5, 6, 7]
        assert await page(limit=2, reverse=True) == [7, 6]
        assert await page(limit=2, since={"offset": 3, "epoch": ""}) == [4, 5]
        assert await page() == []
        await client.post("/api/history_remove", json={"channel": "log:a"})
        assert await page(limit=-1) == []
        assert (await test.hub.publish("log:a", 8)).offset == 8  # type: ignore[union-attr]


async def test_durable_rooms_without_a_store_do_not_start() -> None:
    with pytest.raises(ConfigurationError, match="'log:{room}' are durable"):
        async with TestHub(make_app(None)):
            pass


async def test_a_publish_outside_the_lifespan_says_what_is_missing() -> None:
    app = make_app()
    hub = Hub("memory://")
    room = hub.rooms("log:{room}", durability="commit", history=Keep(days=1))(room="a")
    with pytest.raises(ConfigurationError, match="lifespan"):
        await room.publish(1)
    assert app is not None


async def test_a_stop_waits_for_what_is_being_stored() -> None:
    store = ControlledStore()
    app = make_app(store, close_seconds=5.0)
    async with TestHub(app) as test:
        store.hold()
        publishing = asyncio.ensure_future(test.hub.publish("log:a", 1))
        await settle()
        asyncio.get_running_loop().call_later(0.05, store.release)
    assert (await publishing).offset == 1  # type: ignore[union-attr]


async def test_a_stop_that_may_wait_no_longer_leaves_nobody_waiting() -> None:
    store = ControlledStore()
    async with TestHub(make_app(store, close_seconds=0.05)) as test:
        store.hold()
        publishing = asyncio.ensure_future(test.hub.publish("log:a", 1))
        await settle()
    with pytest.raises(Unavailable) as error:
        await publishing
    assert error.value.unknown
