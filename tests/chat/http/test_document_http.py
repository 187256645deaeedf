"""The API's document: what it says of each route, and that it says so of all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from hubbub.chat import events as e
from hubbub.chat import problem
from hubbub.chat.hooks import Hooks
from hubbub.chat.http import Api, Live, bodies, chat_router, document
from hubbub.chat.problem import MEDIA_TYPE
from hubbub.chat.rooms import Rooms
from hubbub.chat.status import Status
from hubbub.chat.web import PREFIX

JSON = "application/json"
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """The document of these routes alone; none of them is called."""
    app = FastAPI()
    problem.install(app)
    rooms = cast(Rooms, SimpleNamespace(hub=None))
    live = Live(cast(Any, None), lambda room, user: None, dict)
    status = Status(cast(Any, None), int)
    app.include_router(chat_router(Api(rooms, Hooks(rooms), live, status)))

    @app.get("/elsewhere")
    async def elsewhere() -> None: ...

    return document(app)


def operations(told: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def resolved(told: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = told["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def has_example(told: dict[str, Any], schema: dict[str, Any]) -> bool:
    """Whether there is an example of it: of the whole, or of each of its parts that has to be."""
    schema = resolved(told, schema)
    if schema.get("examples") or "default" in schema or "enum" in schema or "const" in schema:
        return True
    if schema.get("type") in ("boolean", "null"):
        return True
    if "anyOf" in schema:
        return any(has_example(told, one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return has_example(told, schema["items"])
    if schema.get("type") == "object":
        return all(has_example(told, one) for one in schema.get("properties", {}).values())
    return False


def test_it_is_of_the_chats_routes_alone(told: dict[str, Any]) -> None:
    assert len(told["paths"]) > 30
    assert all(path.startswith(PREFIX) for path in told["paths"])
    text = msgspec.json.encode(told["paths"]).decode() + str(told["components"])
    for name in told["components"]["schemas"]:
        assert f"#/components/schemas/{name}" in text, f"{name} is spoken of"


def test_each_route_says_what_it_does_and_what_can_go_wrong(told: dict[str, Any]) -> None:
    summaries = set[str]()
    for name, operation in operations(told):
        assert operation["summary"] and operation["tags"], name
        assert operation["summary"] not in summaries, f"{name}: said of another one, too"
        summaries.add(operation["summary"])
        wrong = {key: one for key, one in operation["responses"].items() if key[0] in "45d"}
        assert "default" in wrong, name
        for one in wrong.values():
            assert list(one["content"]) == [MEDIA_TYPE], f"{name}: a problem is one"
        public = "/hooks/{hook}" in name.replace("/rooms/{room}", "!") or "GET" in name
        assert "401" in wrong or public, name


def test_each_route_has_examples_of_what_it_takes_and_gives(told: dict[str, Any]) -> None:
    for name, operation in operations(told):
        for one in operation.get("parameters", []):
            assert has_example(told, one["schema"]) or one.get("examples"), (name, one["name"])
            assert one.get("description"), (name, one["name"])
        for kind, one in operation.get("requestBody", {}).get("content", {}).items():
            assert "example" in one or has_example(told, one["schema"]), (name, kind)
        for status, answer in operation["responses"].items():
            for one in answer.get("content", {}).values():
                assert has_example(told, one["schema"]), (name, status)


@pytest.mark.parametrize(
    ("body", "wish"),
    [
        (bodies.NewRoom, e.Create),
        (bodies.RoomChange, e.Change),
        (bodies.NewMember, e.Add),
        (bodies.NewRole, e.Appoint),
        (bodies.NewMute, e.Mute),
        (bodies.NewBan, e.Ban),
        (bodies.NewInvite, e.Invite),
        (bodies.NewMessage, e.Say),
        (bodies.MessageChange, e.Edit),
    ],
)
def test_bodies_have_the_limits_of_the_wishes_that_come_of_them(
    body: type[BaseModel], wish: type[e.Wish]
) -> None:
    theirs = msgspec.json.schema(wish)["$defs"][wish.__name__]["properties"]
    ours = body.model_json_schema()["properties"]
    for name, schema in ours.items():
        assert limits(schema) == limits(theirs[name]), f"{body.__name__}.{name}"


def limits(schema: dict[str, Any]) -> dict[str, Any]:
    """What a schema allows, but for patterns, which are narrower than lengths here."""
    for one in schema.get("anyOf", []):
        if one.get("type") != "null":
            return limits(one)
    names = ("maxLength", "minLength", "maximum", "minimum", "maxItems")
    found = {name: schema[name] for name in names if name in schema}
    if "pattern" in schema and "maxLength" not in found:
        return {"maxLength": 64, "minLength": 1}  # an id
    if "enum" in schema:
        found["enum"] = sorted(schema["enum"])
    if "items" in schema:
        found["items"] = {**limits(schema["items"]), "minLength": 1}
    return found


def test_the_reference_page_has_every_route_and_no_other(told: dict[str, Any]) -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "chat-api.md"
    routes = dict(re.findall(r"^\| `([A-Z]+ /\S+)`( \*)? \|", page.read_text(), re.MULTILINE))
    elsewhere = {"GET /rooms/{room}/export", "GET /search"}  # of routes with tests of their own
    ours = {name.replace(PREFIX, ""): operation for name, operation in operations(told)}
    assert routes.keys() - elsewhere == ours.keys()
    for name, operation in ours.items():
        assert bool(routes[name]) == ("401" not in operation["responses"]), name
