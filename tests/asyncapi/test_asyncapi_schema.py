"""The documents of servers, held to the JSON schema of AsyncAPI 3 as it is published."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from jsonschema_rs import Draft7Validator
from tests.support.node import node_with_modules

from hubbub import Hub
from hubbub.chat import Options, create_app
from hubbub.embed.server import room_server
from hubbub.options import OPEN
from hubbub.settings import load

HERE = Path(__file__).parent

Document = dict[str, Any]


@pytest.fixture(scope="module")
def published() -> Draft7Validator:
    node_with_modules(HERE)
    schemas = HERE / "node_modules/@asyncapi/specs/schemas"
    return Draft7Validator(json.loads((schemas / "3.0.0.json").read_text(encoding="utf-8")))


def everything() -> FastAPI:
    """All that there can be in a document."""
    open_ones = OPEN.model_dump(exclude_none=True)
    hub = Hub(
        anonymous=True,
        token_hmac_secret_key="a secret of the tests, long enough",
        personal_channel=True,
        api_keys=["a key of the tests"],
        namespaces={"open": open_ones, "told": {**open_ones, "force_push_join_leave": True}},
        rooms={"team:{team}:{room}": {"allow_user_limited_channels": True}},
        store="memory://",
    )
    hub.rooms("read:{room}", durability="commit", read_markers=True)
    app = FastAPI(lifespan=hub.lifespan, title="Everything", description="All of `it`.")
    app.include_router(hub.router, prefix="/live")
    return app


def chat() -> FastAPI:
    return create_app(Hub("memory://"), Options())


def headless() -> FastAPI:
    return room_server(load(anonymous=True))


def example(name: str) -> FastAPI:
    app: FastAPI = importlib.import_module(name).app
    return app


APPLICATIONS: dict[str, Callable[[], FastAPI]] = {
    "everything": everything,
    "chat": chat,
    "headless": headless,
    "rules": partial(example, "examples.chat_rules"),
    "durable": partial(example, "examples.durable"),
    "clients": partial(example, "tests.support.protocol_app"),
}


@pytest.fixture(params=APPLICATIONS)
async def document(request: pytest.FixtureRequest) -> Document:
    path = "/live/asyncapi.json" if request.param == "everything" else "/asyncapi.json"
    transport = httpx.ASGITransport(APPLICATIONS[request.param]())
    async with httpx.AsyncClient(transport=transport, base_url="https://here") as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    found: Document = answer.json()
    return found


async def test_a_document_is_one_of_asyncapi_3(
    document: Document, published: Draft7Validator
) -> None:
    found = published.iter_errors(document)
    assert [f"{one.instance_path}: {one.message}" for one in found] == []


async def test_the_schema_finds_mistakes(published: Draft7Validator, document: Document) -> None:
    del document["servers"]["websocket"]["host"]
    assert not published.is_valid(document)


async def test_every_reference_leads_somewhere(document: Document) -> None:
    assert list(unresolved(document, document)) == []


async def test_operations_speak_of_messages_of_their_own_channels(document: Document) -> None:
    """What the schema cannot say."""
    for id, operation in document["operations"].items():
        for way in (operation, operation.get("reply")):
            if way is not None:
                of_it = way["channel"]["$ref"] + "/messages/"
                assert way["messages"], id
                assert all(one["$ref"].startswith(of_it) for one in way["messages"]), id
    for channel in document["channels"].values():
        assert {one["$ref"].rpartition("/")[2] for one in channel["servers"]} <= set(
            document["servers"]
        )
        if channel["address"] is not None:
            assert channel["address"].count("{") == len(channel.get("parameters", {}))


def unresolved(part: Any, document: Document) -> Any:
    """The references in `part` that lead nowhere."""
    if isinstance(part, list):
        for one in part:
            yield from unresolved(one, document)
    elif isinstance(part, dict):
        if isinstance(ref := part.get("$ref"), str):
            place: Any = document
            for step in ref.removeprefix("#/").split("/"):
                step = step.replace("~1", "/").replace("~0", "~")
                place = place.get(step) if isinstance(place, dict) else None
            if place is None:
                yield ref
        for one in part.values():
            yield from unresolved(one, document)
