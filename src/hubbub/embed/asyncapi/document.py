"""The AsyncAPI 3 document of a hub: its ways in, what is said there, and its rooms.

All of it is read from what the hub runs by: its routes, rules, settings and hooks.
"""

from __future__ import annotations

from collections.abc import Iterator
from inspect import Signature
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hubbub.embed.asyncapi.doors import API, DOORS, KEY, TEXT, add_api, add_text_door, server
from hubbub.embed.asyncapi.draft import Draft
from hubbub.embed.asyncapi.protocol import EMULATION, GROUP, Method, Protocol
from hubbub.embed.asyncapi.rooms import add_room
from hubbub.embed.asyncapi.schemas import Schema
from hubbub.embed.hooks import argument_of
from hubbub.engine import markers
from hubbub.engine.admission import personal_room
from hubbub.engine.rules import Rule
from hubbub.options import RoomOptions

if TYPE_CHECKING:
    from hubbub.embed.hub import Hub

VERSION = "3.0.0"

_ABOUT = """\
What is said over this server's connections, and in which rooms.

A room is a channel of its own here, with what is published in it. Of many rooms one connection \
brings all: a publication comes in a `pub` push, which says the room's name and has the message as \
its `data`."""


def document(hub: Hub, title: str, version: str, about: str = "") -> Schema:
    """All but where it is, which the request for it says: see `at`."""
    draft, more = Draft(), {}
    servers = {one.name: server(one.protocol, one.path, one.title) for one in DOORS}
    spoken, talking = list(servers), [one.name for one in DOORS if one.talks]
    hears = hub.node.on_message is not None
    protocol = Protocol(draft, dict(_methods(hub)), hears=hears)
    protocol.talking(talking, _who(hub))
    protocol.listening([name for name in spoken if name not in talking])
    protocol.emulation()
    servers[EMULATION] = server("http", "", "Commands beside a stream")
    for pattern, rule in _rules(hub):
        text = hub.is_open_to_text(rule)
        add_room(draft, rule, pattern, hub.patterns.get(rule), spoken, text=text)
    if hub.is_open_to_text(None) or any(hub.is_open_to_text(rule) for _, rule in _rules(hub)):
        servers[TEXT] = add_text_door(draft)
    if hub.settings.api_keys:
        servers[API] = add_api(draft)
        more = {"securitySchemes": {"key": KEY}}
    about = f"{about}\n\n{_ABOUT}" if about else _ABOUT
    return {
        "asyncapi": VERSION,
        "info": {"title": title, "version": version, "description": about},
        "defaultContentType": "application/json",
        "servers": servers,
        "channels": draft.channels,
        "operations": draft.operations,
        "components": {"schemas": draft.schemas.components(), **more},
    }


def at(made: Schema, address: str) -> Schema:
    """`made`, for who reaches the router at `address`, such as https://app.example.com/live."""
    where = urlsplit(address)
    secure, servers = where.scheme in ("https", "wss"), {}
    for name, one in made["servers"].items():
        path = where.path.rstrip("/") + one["pathname"]
        protocol = one["protocol"] + "s" if secure else one["protocol"]
        servers[name] = {**one, "host": where.netloc, "protocol": protocol, "pathname": path}
    return {**made, "servers": servers}


def _who(hub: Hub) -> str:
    """Who may connect, in words."""
    told = []
    if hub.settings.verifies_tokens:
        told.append("`token` is a JSON Web Token, which says who it is.")
    if hub.asks_who:
        told.append("The application is asked who it is, from `token`, `data` and the request.")
    if hub.settings.anonymous:
        told.append("Whoever says nothing comes in as nobody in particular.")
    return " ".join(told)


def _rules(hub: Hub) -> Iterator[tuple[str, Rule]]:
    """Every rule, by what its rooms are called, in the order in which a room finds its own."""
    rules, settings = hub.node.rules, hub.settings
    yield from rules.named()
    if settings.personal_channel and not settings.personal_namespace and rules.default is None:
        yield personal_room("", "{user}"), Rule(RoomOptions())


def _methods(hub: Hub) -> Iterator[tuple[str, Method]]:
    for name, hook in hub.calls.items():
        takes, gives = argument_of(hook.event_type), hook.returns
        yield name, Method(takes, Any if gives is Signature.empty else gives, hook.summary)
    if hub.node.rules.read_markers:
        for name, call in markers.CALLS.items():
            yield name, Method(call.takes, call.gives, call.summary, GROUP)
