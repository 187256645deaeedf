"""Routes: incoming webhooks, and what other programs send to them."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Path, Request
from msgspec import MsgspecError, Struct
from msgspec.json import Decoder

from hubbub import Refused
from hubbub.chat.events import MAX_TEXT
from hubbub.chat.hooks import NO_HOOK
from hubbub.chat.http.api import Api
from hubbub.chat.http.bodies import NewHook
from hubbub.chat.http.params import HookId, Key, RoomId
from hubbub.chat.http.route import Route
from hubbub.chat.people.cookies import bearer
from hubbub.chat.people.http import Me
from hubbub.chat.problem import Problem, later, responses
from hubbub.chat.rules import MISSING, Early
from hubbub.chat.views import HookList, MadeHook, Said
from hubbub.chat.web import PREFIX

USUAL = responses(401, 403, 404, 409, 422)
SAYING = responses(400, 403, 404, 409, 413, 415, 422, 429)

HookSecret = Annotated[
    str,
    Path(
        alias="secret",
        description="What the webhook's address ends in.",
        max_length=128,
        examples=["Qm9iIHdhcyBoZXJlLiBBbm4gd2FzIHRvbyE"],
    ),
]


class Payload(Struct):
    """What is looked at of a JSON body."""

    text: str


_payload = Decoder(Payload)

BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["text"],
                    "properties": {
                        "text": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
                    },
                    "examples": [{"text": "Build 311 *passed*"}],
                }
            },
            "text/plain": {
                "schema": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT},
                "example": "Build 311 *passed*",
            },
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["payload"],
                    "properties": {
                        "payload": {
                            "type": "string",
                            "description": "The JSON of a body of that kind.",
                        }
                    },
                    "examples": [{"payload": '{"text": "Build 311 *passed*"}'}],
                }
            },
        },
    }
}


def hooks_router(api: Api) -> APIRouter:
    router = APIRouter(prefix="/rooms/{room}/hooks", tags=["webhooks"], route_class=Route)
    hooks = api.hooks

    @router.post("", status_code=201, summary="Make a webhook", responses=USUAL)
    async def make(room: RoomId, body: NewHook, me: Me) -> MadeHook:
        """Make an address at which other programs say something in a room. Whoever has it may:
        it is shown this once."""
        view, secret = await hooks.make(me, room, body.name)
        return MadeHook(**dict(view), address=f"{PREFIX}/hooks/{view.id}/{secret}")

    @router.get("", summary="The webhooks of a room", responses=responses(401, 403, 404, 422))
    async def list_(room: RoomId, me: Me) -> HookList:
        """The webhooks of a room, the oldest first."""
        return HookList(items=await hooks.list_(me, room))

    @router.delete("/{hook}", status_code=204, summary="Delete a webhook", responses=USUAL)
    async def delete(room: RoomId, hook: HookId, me: Me) -> None:
        """Have the address lead nowhere. What was said there stays."""
        await hooks.delete(me, room, hook)

    return router


def incoming_router(api: Api) -> APIRouter:
    router = APIRouter(prefix="/hooks", tags=["webhooks"], route_class=Route)

    @router.post(
        "/{hook}",
        summary="Say something by a webhook, its secret aside",
        responses=SAYING,
        openapi_extra={**BODY, "security": [{"key": []}]},
    )
    async def say(hook: HookId, request: Request, key: Key = "") -> Said:
        """As to the whole address, with its last part as `Authorization: Bearer …` instead: that
        is in nobody's log."""
        return await _say(api, hook, bearer(request), request, key)

    # A path, so that whatever is behind the id is taken for the secret, and is in no log.
    @router.post(
        "/{hook}/{secret:path}",
        summary="Say something by a webhook",
        responses=SAYING,
        openapi_extra=BODY,
    )
    async def say_at(hook: HookId, secret: HookSecret, request: Request, key: Key = "") -> Said:
        """Say something in the room that the webhook is of: text, JSON with a `text`, or a form
        whose `payload` is such JSON. What else the JSON holds is not looked at."""
        return await _say(api, hook, secret, request, key)

    return router


async def _say(api: Api, hook: str, secret: str, request: Request, key: str) -> Said:
    if not secret:
        raise Refused(NO_HOOK, MISSING)
    text = await _text(request)
    try:
        done = await api.hooks.say(hook, secret, text, key)
    except Early as early:
        raise later(429, "slow-mode", early.reason, early.wait) from None
    return Said(id=done.offset)


async def _text(request: Request) -> str:
    """What is to be said. Raises `Problem`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        body = (await request.body()).decode()
    except UnicodeDecodeError:
        raise Problem(400, "not-text", "Send text in UTF-8.") from None
    match kind:
        case "text/plain":
            text = body
        case "application/json":
            text = _text_in(body)
        case "application/x-www-form-urlencoded":
            text = _text_in(parse_qs(body, max_num_fields=100).get("payload", [""])[0])
        case _:
            raise Problem(
                415,
                "kind-of-body",
                "Send text/plain, application/json, or application/x-www-form-urlencoded.",
            )
    if len(text) > MAX_TEXT:
        raise Problem(422, "invalid", f"A message has at most {MAX_TEXT} characters.")
    return text


def _text_in(body: str) -> str:
    try:
        return _payload.decode(body).text
    except (MsgspecError, RecursionError) as error:
        raise Problem(422, "invalid", f'Send {{"text": "…"}}: {error}') from None
