"""Every hook of the Centrifuge protocol, and a route for each thing that a server does unasked.

    hubbub serve tests.support.protocol_app:app

Who connects says with a token signed with `SECRET` who it is, or with `data`, such as
{"user": "ann"}; how else it can be received is in `who`. In rooms "asked:HOW:NAME" the HOW says
what `on_join` does.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from hubbub import Hub
from hubbub.engine.client import Client
from hubbub.engine.events import Call, Connect, Grant, Identity, Join, Leave, Message, Publish
from hubbub.errors import Refused
from hubbub.options import OPEN

SECRET = "the secret of the protocol tests"

CHANNEL_LIMIT = 6
USER_CONNECTIONS = 3

Order = dict[str, Any]

_LOOKING = {
    "allow_subscribe_for_client": True,
    "allow_history_for_client": True,
    "allow_presence_for_client": True,
}

NAMESPACES: dict[str, Mapping[str, Any]] = {
    "open": OPEN.model_dump(),
    "versions": {**OPEN.model_dump(), "allowed_delta_types": ["fossil"], "delta_publish": True},
    "marked": {**OPEN.model_dump(), "allowed_delta_types": ["fossil"]},
    "told": {**OPEN.model_dump(), "force_push_join_leave": True},
    "plain": {"allow_subscribe_for_client": True},
    "shut": {},
    "look": {**_LOOKING, "history_size": 400, "presence": True},
    "short": {**_LOOKING, "history_size": 3, "force_recovery": True},
    "watched": {**_LOOKING, "history_size": 10, "force_positioning": True},
    "wish": {**_LOOKING, "history_size": 10, "allow_positioning": True, "allow_recovery": True},
    "cache": {
        **_LOOKING,
        "history_size": 10,
        "force_recovery": True,
        "force_recovery_mode": "cache",
        "auto_cache_recover": True,
    },
    "tags": {
        **_LOOKING,
        "history_size": 10,
        "force_recovery": True,
        "allow_tags_filter": True,
    },
}

hub = Hub(
    token_hmac_secret_key=SECRET,
    namespaces=NAMESPACES,
    personal_channel=True,
    channel_limit=CHANNEL_LIMIT,
    user_connections=USER_CONNECTIONS,
    expired_seconds=1.0,
)
app = FastAPI(lifespan=hub.lifespan)
app.include_router(hub.router)

failures: Counter[str] = Counter()
leaves: list[tuple[str, Any, int]] = []


def fails_first(what: str) -> None:
    """Fail, but only the first time."""
    failures[what] += 1
    if failures[what] == 1:
        raise RuntimeError(f"{what} fails as it was told to")


# What the application is asked. ----------------------------------------------------------------


@hub.authenticate
async def who(connect: Connect) -> Identity | None:
    said = connect.data or {}
    if "user" not in said:
        return None
    if said.get("fail"):
        fails_first(said["user"])
    if "refuse" in said:
        raise Refused("not you", said["refuse"])
    await asyncio.sleep(said.get("wait", 0))
    return Identity(
        said["user"],
        info=said.get("info"),
        rooms=said.get("rooms", ()),
        expires_at=time.time() + said["expires_in"] if "expires_in" in said else None,
        data=said.get("data"),
    )


asked = hub.rooms("asked:{how}:{name}", message=str, history_size=10, presence=True)


@asked.on_join
async def let_in(join: Join) -> Grant:
    how = join.params["how"]
    if how == "refused":
        raise Refused("members only", 403)
    if how == "expelled":
        raise Refused("out", 4500)
    if how == "broken":
        fails_first(join.room.name)
    lasts = {"past": -1.0, "brief": 0.5}.get(how)
    return Grant(
        history=True,
        presence=True,
        info={"badge": join.data},
        data={"welcome": join.params["name"]},
        expires_at=None if lasts is None else time.time() + lasts,
    )


@asked.on_publish
async def shout(publish: Publish[str]) -> str:
    if publish.data == "bad":
        raise Refused("mind your words", 400)
    return publish.data.upper()


@asked.on_leave
async def left(leave: Leave) -> None:
    leaves.append((leave.room.name, leave.user, leave.disconnect.code))


@hub.on_rpc("echo")
async def echo(call: Call[Any]) -> Any:
    return call.data


@hub.on_rpc("double")
async def double(call: Call[int]) -> int:
    return 2 * call.data


@hub.on_rpc("refused")
async def refused(call: Call[Any]) -> None:
    raise Refused("not for you", 1000)


@hub.on_rpc("broken")
async def broken(call: Call[Any]) -> None:
    raise RuntimeError("fails as it was told to")


@hub.on_message
async def hear(message: Message) -> None:
    await hub.publish(message.data["room"], {"from": message.user, "said": message.data["say"]})


# What the server does unasked. -----------------------------------------------------------------


@app.post("/publish")
async def publish(order: Order) -> None:
    """{"room", "data", "tags", "history", "delta"}; with "count", so many of them from 1 on."""
    room, count = order.pop("room"), order.pop("count", None)
    if count is None:
        await hub.publish(room, order.pop("data"), **order)
    else:
        for number in range(1, count + 1):
            await hub.publish(room, number)


@app.post("/subscribe")
async def subscribe(order: Order) -> None:
    hub.subscribe(**order)


@app.post("/unsubscribe")
async def unsubscribe(order: Order) -> None:
    hub.unsubscribe(**order)


@app.post("/disconnect")
async def disconnect(order: Order) -> None:
    hub.disconnect(**order)


@app.post("/send")
async def send(order: Order) -> None:
    hub.user(order["user"]).send(order["data"])


@app.post("/bytes")
async def send_bytes(order: Order) -> None:
    """What no JSON client can be told."""
    hub.room(order["room"]).broadcast(b"\x00")


@app.post("/flood")
async def flood(order: Order) -> None:
    """{"user", "bytes"}: so many to each connection of the user, in pieces."""
    piece = "x" * 100_000
    for _ in range(order["bytes"] // len(piece)):
        hub.user(order["user"]).send(piece)
        await asyncio.sleep(0)


@app.post("/forget")
async def forget(order: Order) -> None:
    await hub.forget(order["room"])


@app.post("/here")
async def here(order: Order) -> list[str]:
    """The ids of the user's Centrifuge connections."""
    return [one.id for one in hub.user(order["user"]).sessions if isinstance(one, Client)]


@app.post("/leaves")
async def left_from(order: Order) -> list[tuple[str, Any, int]]:
    return [leave for leave in leaves if leave[0] == order["room"]]


@app.post("/stop")
async def stop() -> None:
    """As whoever runs it would stop it."""
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
