"""The AsyncAPI document: what it says is what the hub runs by; and who may have it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import httpx
import msgspec
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, Field, create_model

from hubbub import Call, Grant, Hub, Join, Message, Publish
from hubbub.embed.asyncapi.doors import DOORS
from hubbub.embed.asyncapi.protocol import PUSHES, REQUESTS, RESULTS
from hubbub.embed.asyncapi.schemas import in_old_words
from hubbub.engine.commands import TABLE

SPEAK = {"allow_subscribe_for_client": True, "allow_publish_for_subscriber": True}

Document = dict[str, Any]


class Text(BaseModel):
    """A line."""

    text: str = Field(min_length=1, max_length=10, description="What is said.")
    loud: bool = False


class Signed(Text):
    by: str


class Moved(msgspec.Struct, tag="moved"):
    """Something is elsewhere."""

    x: Annotated[int, msgspec.Meta(ge=0)]


class Gone(msgspec.Struct, tag="gone"):
    pass


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


@dataclass
class Where:
    room: str
    at: tuple[int, str]


def application(hub: Hub, prefix: str = "", **more: Any) -> FastAPI:
    app = FastAPI(lifespan=hub.lifespan, title="Tea", version="7", **more)
    app.include_router(hub.router, prefix=prefix)
    return app


async def get(
    app: FastAPI, path: str = "/asyncapi.json", base: str = "http://here:81", below: str = ""
) -> httpx.Response:
    transport = httpx.ASGITransport(app, root_path=below)
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        return await client.get(below + path)


async def document(hub: Hub) -> Document:
    answer = await get(application(hub))
    assert answer.status_code == 200
    found: Document = answer.json()
    return found


def schema(document: Document, channel: str, message: str) -> Any:
    """That of a message's payload, looked up."""
    payload = document["channels"][channel]["messages"][message]["payload"]
    return at(document, payload["$ref"]) if "$ref" in payload else payload


def at(document: Document, ref: str) -> Any:
    place: Any = document
    for step in ref.removeprefix("#/").split("/"):
        place = place[step]
    return place


def heard(document: Document, channel: str) -> list[str]:
    return names(document, f"{channel}.hear")


def names(document: Document, operation: str) -> list[str]:
    told = document["operations"][operation]["messages"]
    return [one["$ref"].rpartition("/")[2] for one in told]


# Rooms. ----------------------------------------------------------------------------------------


async def test_a_pattern_has_its_parameters_its_options_and_what_is_said_there() -> None:
    hub = Hub(anonymous=True)
    hub.rooms("chat:{room}:{path:path}", message=Text, history_size=5, join_leave=True, **SPEAK)
    found = await document(hub)
    channel = found["channels"]["chat_room_path_path"]
    assert channel["address"] == "chat:{room}:{path}"
    assert set(channel["parameters"]) == {"room", "path"}
    assert channel["x-options"] == {"history_size": 5, "join_leave": True, **SPEAK}
    ids = {one["$ref"] for one in channel["servers"]}
    assert ids == {f"#/servers/{door.name}" for door in DOORS}
    said = schema(found, "chat_room_path_path", "publish.Text")
    assert said["properties"]["text"]["maxLength"] == 10 and said["description"] == "A line."
    assert heard(found, "chat_room_path_path") == ["Text"]
    assert names(found, "chat_room_path_path.watch") == ["join", "leave"]
    assert found["operations"]["chat_room_path_path.publish"]["action"] == "receive"


async def test_rooms_of_the_settings_are_there_in_the_order_in_which_names_find_them() -> None:
    hub = Hub(
        anonymous=True,
        namespaces={"news": {"history_size": 3}},
        rooms={"team:{team}": {}},
        without_namespace={},
    )
    hub.rooms("chat:{room}")
    channels = (await document(hub))["channels"]
    rooms = [one["address"] for one in channels.values() if "x-options" in one]
    assert rooms == ["team:{team}", "chat:{room}", "news:{room}", "{room}"]
    assert channels["news_room_path"]["x-options"] == {"history_size": 3}
    assert schema({"channels": channels}, "news_room_path", "publication") == {}


@pytest.mark.parametrize("settings", [{}, {"without_namespace": {}}])
async def test_rooms_of_everybodys_own_are_there_where_users_have_them(
    settings: dict[str, Any],
) -> None:
    found = await document(Hub(anonymous=True, personal_channel=True, **settings))
    rooms = [one["address"] for one in found["channels"].values() if "x-options" in one]
    assert rooms == (["{room}"] if settings else ["#{user}"])


async def test_what_is_heard_is_what_the_hook_returns_or_what_is_said_to_be() -> None:
    hub = Hub(anonymous=True)
    signed = hub.rooms("signed", message=Text, **SPEAK)
    hub.rooms("said", message=Text, events=Moved | Gone | Text, **SPEAK)
    unsaid = hub.rooms("unsaid", message=Text, **SPEAK)

    @signed.on_publish
    async def sign(publish: Publish[Text]) -> Signed:
        return Signed(text=publish.data.text, by="somebody")

    @unsaid.on_publish
    async def keep(publish: Publish[Text]):  # type: ignore[no-untyped-def]
        return publish.data

    found = await document(hub)
    assert heard(found, "signed") == ["Signed"]
    assert heard(found, "said") == ["Moved", "Gone", "Text"]
    assert heard(found, "unsaid") == ["Text"]
    assert schema(found, "said", "Moved")["properties"] == {
        "type": {"enum": ["moved"]},
        "x": {"type": "integer", "minimum": 0},
    }


async def test_clients_publish_where_any_of_them_may() -> None:
    hub = Hub(anonymous=True)

    async def let_in(join: Join) -> Grant:
        return Grant(publish=True)

    for name, more in (
        ("mute", {}),
        ("open", SPEAK),
        ("asked", {}),
        ("told", {"events": Moved}),
        ("both", {"events": Moved, "message": Text}),
    ):
        rooms = hub.rooms(name, **more)
        if name not in ("mute", "open"):
            rooms.on_join(let_in)
    operations = (await document(hub))["operations"]
    spoken = {id.partition(".")[0] for id in operations if id.endswith(".publish")}
    assert spoken == {"open", "asked", "both"}


async def test_two_types_of_one_name_are_two_schemas() -> None:
    struct = msgspec.defstruct("Text", [("words", list[str])])
    hub = Hub(anonymous=True)
    hub.rooms("a", message=Text, **SPEAK)
    hub.rooms("b", message=struct, **SPEAK)
    found = await document(hub)
    assert "text" in schema(found, "a", "Text")["properties"]
    assert "words" in schema(found, "b", "Text")["properties"]


async def test_rooms_that_are_called_alike_are_two_channels() -> None:
    hub = Hub(anonymous=True)
    hub.rooms("a:{x}")
    hub.rooms("a-{x}")
    channels = (await document(hub))["channels"]
    assert [channels[id]["title"] for id in ("a_x", "a_x_2")] == ["a:{x}", "a-{x}"]


async def test_a_type_that_is_called_as_another_message_is_in_nobodys_way() -> None:
    hub = Hub(anonymous=True)
    join = msgspec.defstruct("join", [("why", str)])
    hub.rooms("a", message=Text, events=join, join_leave=True, allow_subscribe_for_client=True)
    found = await document(hub)
    assert heard(found, "a") == ["join_2"] and names(found, "a.watch") == ["join", "leave"]
    assert "Text" not in found["components"]["schemas"], "nobody may publish"


async def test_types_that_no_library_knows_are_anything() -> None:
    class Odd:
        pass

    hub = Hub(anonymous=True)
    hub.rooms("odd", events=Odd)
    hub.rooms("mixed", events=msgspec.defstruct("Mixed", [("odd", Text)]))
    found = await document(hub)
    assert schema(found, "odd", "Odd") == schema(found, "mixed", "Mixed") == {}


def test_what_was_said_otherwise_in_draft_07_is_said_so() -> None:
    pair = {"type": "array", "prefixItems": [{"type": "integer"}, {"prefixItems": [{}]}]}
    said = in_old_words(
        {
            "discriminator": {"propertyName": "kind"},
            "properties": {"discriminator": pair, "prefixItems": {"items": False}},
            "anyOf": [{**pair, "items": False}],
            "default": {"prefixItems": 1},
        }
    )
    first = [{"type": "integer"}, {"items": [{}], "additionalItems": True}]
    assert said == {
        "properties": {
            "discriminator": {"type": "array", "items": first, "additionalItems": True},
            "prefixItems": {"items": False},
        },
        "anyOf": [{"type": "array", "items": first, "additionalItems": False}],
        "default": {"prefixItems": 1},
    }


# What is called, and the protocol. -------------------------------------------------------------


async def test_methods_take_and_give_what_their_hooks_say() -> None:
    hub = Hub(anonymous=True)

    @hub.on_rpc("go")
    async def go(call: Call[Where]) -> Pet | None:
        """Go there.

        And more that nobody has to know.
        """

    @hub.on_rpc("quiet/~one")
    async def quiet(call: Call[Any]) -> None: ...

    found = await document(hub)
    messages = found["channels"]["connection"]["messages"]
    asked = messages["rpc.go"]["payload"]["properties"]["rpc"]
    assert asked["properties"]["method"] == {"type": "string", "const": "go"}
    assert asked["required"] == ["method", "data"]
    where = at(found, asked["properties"]["data"]["$ref"])
    assert where["properties"]["at"]["items"] == [{"type": "integer"}, {"type": "string"}]
    answer = messages["rpc.go_reply"]["payload"]["properties"]["rpc"]["properties"]["data"]
    assert {"type": "null"} in answer["anyOf"]
    assert messages["rpc.quiet/~one_reply"]["payload"]["properties"]["rpc"]["properties"] == {}
    operation = found["operations"]["rpc.go"]
    assert operation["summary"] == "Go there."
    assert [one["$ref"].rpartition("/")[2] for one in operation["reply"]["messages"]] == [
        "rpc.go_reply",
        "error",
    ]
    (reference,) = found["operations"]["rpc.quiet/~one"]["messages"]
    assert reference["$ref"] == "#/channels/connection/messages/rpc.quiet~1~0one"


async def test_methods_of_the_library_are_there_where_they_answer() -> None:
    hub = Hub(anonymous=True)
    assert "rpc.hubbub.read" not in (await document(hub))["operations"]
    hub = Hub(anonymous=True)
    hub.rooms("a", durability="commit", read_markers=True)
    found = await document(hub)
    answer = found["channels"]["connection"]["messages"]["rpc.hubbub.unread_reply"]
    data = answer["payload"]["properties"]["rpc"]["properties"]["data"]
    assert data == {"$ref": "#/components/schemas/protocol.UnreadResult"}


def test_every_command_is_there_with_its_answer() -> None:
    assert set(TABLE) == {*REQUESTS, "rpc"} == {*RESULTS, "rpc", "send"}


async def test_every_message_of_the_protocol_has_a_body() -> None:
    hub = Hub(anonymous=True)

    @hub.on_message
    async def hear(message: Message) -> None: ...

    messages = (await document(hub))["channels"]["connection"]["messages"]
    bodies = {
        **{name: (name,) for name in REQUESTS},
        **{f"{name}_reply": (name,) for name in RESULTS},
        **{f"{name}_push": ("push", name) for name in PUSHES},
        "error": ("error",),
    }
    assert bodies.keys() | {"ping", "pong"} == messages.keys()
    for id, path in bodies.items():
        body = messages[id]["payload"]
        for step in path:
            body = body["properties"][step]
        assert body["$ref"].startswith("#/components/schemas/protocol."), id


async def test_what_nobody_hears_is_not_to_be_sent() -> None:
    assert "send" not in (await document(Hub(anonymous=True)))["operations"]


def test_every_door_is_a_route_and_every_route_of_connections_a_door() -> None:
    paths = {getattr(route, "path", "") for route in Hub().router.routes}
    assert {door.path for door in DOORS} == {p for p in paths if p.startswith("/connection/")}
    assert {"/emulation", "/ws/{room}", "/asyncapi.json", "/asyncapi"} <= paths


async def test_who_may_connect_is_said() -> None:
    hub = Hub(anonymous=True, token_hmac_secret_key="x" * 32)

    @hub.authenticate
    async def who(token: str | None) -> None: ...

    told = (await document(hub))["operations"]["connect"]["description"]
    assert "JSON Web Token" in told and "application" in told and "nobody" in told
    assert "description" not in (await document(Hub()))["operations"]["connect"]


# The other doors. ------------------------------------------------------------------------------


OPEN = {**SPEAK, "allow_subscribe_for_anonymous": True, "allow_publish_for_anonymous": True}


@pytest.mark.parametrize(
    ("settings", "there"),
    [
        ({}, True),
        ({"token_hmac_secret_key": "x" * 32}, False),
        ({"token_hmac_secret_key": "x" * 32, "rooms": {"a": OPEN}, "anonymous": True}, True),
        ({"token_hmac_secret_key": "x" * 32, "rooms": {"a": SPEAK}, "anonymous": True}, False),
    ],
)
async def test_the_text_door_is_there_where_it_leads_somewhere(
    settings: dict[str, Any], there: bool
) -> None:
    found = await document(Hub(**settings))
    assert ("text" in found["channels"]) is there
    if there:
        assert found["channels"]["text"]["address"] == "/ws/{room}"


async def test_what_the_text_door_brings_is_among_what_is_heard() -> None:
    hub = Hub(anonymous=True)
    hub.rooms("a", events=Moved, **OPEN)
    assert heard(await document(hub), "a") == ["Moved", "text"]


async def test_the_api_is_there_where_it_has_keys() -> None:
    assert "api" not in (await document(Hub(anonymous=True)))["servers"]
    found = await document(Hub(anonymous=True, api_keys=["secret-of-servers"]))
    assert "secret-of-servers" not in str(found)
    operation = found["operations"]["api.publish"]
    assert operation["bindings"]["http"]["method"] == "POST"
    assert found["components"]["securitySchemes"]["key"]["name"] == "X-API-Key"
    assert found["channels"]["api.publish"]["address"] == "/publish"


# Who may have it, and where it is. -------------------------------------------------------------


async def test_it_says_where_it_was_found() -> None:
    hub = Hub()
    found = (await get(application(hub), base="http://here:81")).json()
    assert found["info"]["title"] == "Tea" and found["info"]["version"] == "7"
    server = found["servers"]["websocket"]
    assert (server["host"], server["protocol"]) == ("here:81", "ws")
    assert server["pathname"] == "/connection/websocket"
    app = application(hub, "/live")
    answer = await get(app, "/live/asyncapi.json?x=1", "https://there", "/below")
    below = answer.json()["servers"]
    assert below["websocket"]["protocol"] == "wss" and below["sse"]["protocol"] == "https"
    assert below["websocket"]["pathname"] == "/below/live/connection/websocket"
    assert below["websocket"]["host"] == "there"


@pytest.mark.parametrize("path", ["/asyncapi.json", "/asyncapi"])
async def test_it_can_be_left_out(path: str) -> None:
    assert (await get(application(Hub()), path)).status_code == 200
    assert (await get(application(Hub(asyncapi=False)), path)).status_code == 404
    assert (await get(application(Hub(), openapi_url=None), path)).status_code == 404


async def test_the_applications_own_document_has_nothing_of_it() -> None:
    paths = (await get(application(Hub()), "/openapi.json")).json()["paths"]
    assert not [path for path in paths if "asyncapi" in path]


# The page. -------------------------------------------------------------------------------------


async def test_the_page_shows_what_the_document_says_and_none_of_it_as_markup() -> None:
    hub = Hub(anonymous=True, api_keys=["k"], rooms={"<b>": OPEN})
    evil = create_model(
        "Evil",
        __doc__='<img src="x">',
        odd=(str, Field(alias="<i>", description="<script>1</script>", pattern="<u>")),
    )
    hub.rooms("chat:{room}", message=Text, events=evil, history_size=5, **SPEAK)

    @hub.on_rpc("<s>")
    async def called(call: Call[Text]) -> dict[str, int]:
        """<script>"""
        return {}

    answer = await get(application(hub, description="<em>Tea</em> & more"), "/asyncapi")
    page = answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for markup in ("<script", "<img", "<i>", "<b>", "<s>", "<u>", "<em>", "javascript:"):
        assert markup not in page, markup
    for text in ("chat:{room}", "history_size", "What is said.", "&lt;script&gt;", "&lt;em&gt;"):
        assert text in page, text
    for part in ("ways-in", "rooms", "methods", "connections", "listening", "text", "api", "types"):
        assert f'<h2 id="{part}">' in page


async def test_every_link_of_the_page_leads_somewhere() -> None:
    hub = Hub(anonymous=True, api_keys=["k"])
    hub.rooms("chat:{room}", message=Text, events=Moved | Pet, **SPEAK)
    page = (await get(application(hub), "/asyncapi")).text
    ids = re.findall(r' id="([^"]+)"', page)
    links = set(re.findall(r'href="#([^"]+)"', page))
    assert len(ids) == len(set(ids)) and links <= set(ids) and len(links) > 20
