"""What is said over one connection, whatever its rooms are: the protocol's own messages.

They are made of the structs that commands are read into and answers are written from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, get_type_hints

import msgspec
from msgspec import NODEFAULT, UNSET, Meta, Raw, Struct, UnsetType, defstruct

from hubbub import model
from hubbub.embed.api_bodies import ClientInfo
from hubbub.embed.asyncapi.draft import POSTED, Draft, message, object_of
from hubbub.embed.asyncapi.schemas import Schema, parts_of, spelled_out
from hubbub.embed.streams import EmulationRequest
from hubbub.wire import centrifuge as wire

GROUP = "protocol"
"""What the names of the protocol's schemas begin with."""

CONNECTION, LISTENING, EMULATION = "connection", "listening", "emulation"
"""The channels of those who talk, of those who only listen, and of those whose commands come in
requests of their own."""

CALL = "rpc."
"""What the names of methods begin with there."""


class Publication(Struct, omit_defaults=True):
    """As the codecs write it: what a room's own messages say, and what is around it."""

    data: Raw
    info: Annotated[ClientInfo | UnsetType, Meta(description="Which client it is of.")] = UNSET
    offset: Annotated[int, Meta(description="Where it stands in the room's history.")] = 0
    tags: dict[str, str] | UnsetType = UNSET
    delta: Annotated[
        bool,
        Meta(
            description="Whether `data` is what has changed since the one before, in Fossil's "
            "format. Who asked for that gets the others as text."
        ),
    ] = False


_Subscribed = spelled_out(wire.SubscribeResult, publications=list[Publication])
_Somebody = spelled_out(wire.InfoPush, info=ClientInfo)

RESULTS: Mapping[str, type[Struct]] = {
    "connect": spelled_out(wire.ConnectResult, subs=dict[str, _Subscribed]),  # type: ignore[valid-type]
    "subscribe": _Subscribed,
    "unsubscribe": wire.Empty,
    "publish": wire.Empty,
    "presence": spelled_out(wire.PresenceResult, presence=dict[str, ClientInfo]),
    "presence_stats": wire.PresenceStatsResult,
    "history": spelled_out(wire.HistoryResult, publications=list[Publication]),
    "refresh": wire.RefreshResult,
    "sub_refresh": wire.SubRefreshResult,
}
"""What commands are answered with. What `rpc` is depends on the method; `send` has no answer."""

PUSHES: Mapping[str, type[Struct]] = {
    "pub": Publication,
    "join": _Somebody,
    "leave": _Somebody,
    "subscribe": wire.SubscribePush,
    "unsubscribe": wire.UnsubscribePush,
    "message": wire.DataResult,
    "refresh": wire.RefreshPush,
    "disconnect": wire.DisconnectPush,
}
"""What a client is told without having asked."""

OF_CONNECTIONS = {"message", "refresh", "disconnect"}
"""Pushes that are about no room."""

_HINTS = get_type_hints(wire.Command)

_Subscribe = spelled_out(wire.SubscribeRequest)

REQUESTS: Mapping[str, type[Struct]] = {
    **{name: spelled_out(parts_of(_HINTS[name])[0]) for name in (*RESULTS, "send")},
    "subscribe": _Subscribe,
    "connect": spelled_out(wire.ConnectRequest, subs=dict[str, _Subscribe]),  # type: ignore[valid-type]
}
"""What commands are."""

COMMANDS = {
    "connect": "Say who you are: the first command of a connection",
    "subscribe": "Enter a room, and hear it",
    "unsubscribe": "Leave a room",
    "publish": "Say something in a room; its own messages say what",
    "presence": "Ask who is in a room",
    "presence_stats": "Ask how many are in a room",
    "history": "Read what was published in a room",
    "send": "Send something to the server, which does not answer",
    "refresh": "Show a new token before the old one is over",
    "sub_refresh": "Show a new token for a room",
}

_TOLD = {
    "pub": "Something was published in a room, whose own messages say what `data` is",
    "join": "Somebody came into a room",
    "leave": "Somebody left a room",
    "subscribe": "The server has put the client into a room",
    "unsubscribe": "The server has taken the client out of a room",
    "message": "The server says something to this client alone",
    "refresh": "The connection may stay for longer, or not",
    "disconnect": "The end: of streams and events, as WebSockets have an end of their own",
}

_ABOUT = """\
One connection, many rooms. Each message is a JSON object: one of several lines of a WebSocket \
message, a line of a stream, or an event. Commands have an `id` of the client's, and are carried \
out in their order; their answers have the same `id`. In Protobuf, where a client asks \
for it, messages have the same names and fields."""

_LISTENING = """\
For who only listens: a client says once who it is and which rooms it wants (`subs`), in its first \
message, in the body of a POST, or as `cf_connect` in the address of a GET. It is told which of \
them it is in, and then what happens there, with no `push` around."""

_EMULATION = """\
What a client has to say whose connection is a stream or events, and which therefore can only \
listen there: commands as a text, one a line. What becomes of them comes down its stream."""


ID = {"type": "integer", "minimum": 1, "maximum": 0xFFFF_FFFF}
NOTHING = {"type": "object", "maxProperties": 0}


class Method(NamedTuple):
    """Something that clients call: the types of its data, and of its answer."""

    takes: Any
    gives: Any
    summary: str = ""
    group: str = ""


class Protocol:
    """Writes the channels of connections into a draft."""

    def __init__(self, draft: Draft, methods: Mapping[str, Method], *, hears: bool) -> None:
        """`hears` is whether the server takes what is sent without an answer."""
        self._draft = draft
        self._methods = methods
        self._commands = [name for name in COMMANDS if name != "send" or hears]

    def talking(self, servers: Sequence[str], who: str) -> None:
        """The channel of those who send commands at these `servers`; `who` says who may come."""
        draft, messages = self._draft, self._talk()
        for name, body in self._pushes():
            messages[f"{name}_push"] = message(object_of({"push": body}), name, _TOLD[name])
        codes = {"x-errors": error_codes(), "x-closes": close_codes()}
        draft.channel(
            CONNECTION, None, messages, servers, title="Connections", description=_ABOUT, **codes
        )
        for name in self._commands:
            answers = [f"{name}_reply", "error"] if name in RESULTS else []
            about = who if name == "connect" else ""
            draft.receives(
                name, CONNECTION, [name], answers, summary=COMMANDS[name], description=about
            )
        for name, method in self._methods.items():
            id = CALL + name
            answers = [f"{id}_reply", "error"]
            draft.receives(id, CONNECTION, [id], answers, summary=method.summary)
        draft.receives("pong", CONNECTION, ["pong"], summary="Answer a ping, in time")
        draft.sends("ping", CONNECTION, ["ping"], summary="Ask whether somebody is there")
        pushes = [f"{name}_push" for name in PUSHES]
        draft.sends("push", CONNECTION, pushes, summary="Tell what has happened")

    def listening(self, servers: Sequence[str]) -> None:
        """The channel of those who only listen, at these `servers`."""
        draft, asked = self._draft, message(self._body(REQUESTS["connect"]), "connect")
        told = {name: message(body, name, _TOLD[name]) for name, body in self._pushes()}
        first = object_of({"connect": self._body(RESULTS["connect"])})
        told["connected"] = message(first, "connected", "Which rooms the client is in")
        told["ping"] = message(NOTHING, "ping", "The server is there; there is no pong")
        title, about = "Connections that only listen", _LISTENING
        draft.channel(
            LISTENING, None, {"connect": asked, **told}, servers, title=title, description=about
        )
        draft.receives("listen", LISTENING, ["connect"], summary="Say who you are, and listen")
        draft.sends("tell", LISTENING, told, summary="Tell what has happened")

    def emulation(self) -> None:
        """The channel of commands that come in requests of their own; its server has its name."""
        kind = spelled_out(EmulationRequest, data=str)
        asked = {"commands": message(self._body(kind), "commands")}
        title, about = "Commands beside a stream", _EMULATION
        draft = self._draft
        draft.channel(EMULATION, "/emulation", asked, [EMULATION], title=title, description=about)
        draft.receives(EMULATION, EMULATION, asked, summary="Say something", bindings=POSTED)

    def _talk(self) -> dict[str, Schema]:
        found = {"ping": message(NOTHING, "ping"), "pong": message(NOTHING, "pong")}
        for name in self._commands:
            fields = {name: self._body(REQUESTS[name])}
            # Of a message without an answer nobody looks at the id.
            whole = object_of({"id": ID, **fields}) if name in RESULTS else object_of(fields)
            found[name] = message(whole, name, COMMANDS[name])
        for name, result in RESULTS.items():
            whole = object_of({"id": ID, name: self._body(result)})
            found[f"{name}_reply"] = message(whole, name, f"The answer to `{name}`")
        for name, method in self._methods.items():
            found |= self._call(CALL + name, name, method)
        told = "The answer to a command that was not carried out"
        error = object_of({"id": ID, "error": self._body(_error())})
        return {**found, "error": message(error, "error", told)}

    def _call(self, id: str, name: str, method: Method) -> dict[str, Schema]:
        schemas = self._draft.schemas
        data = {"data": schemas.of(method.takes, "validation", method.group)}
        asked = {"method": {"type": "string", "const": name}}
        # Without data null is called with, which only some types can be.
        body = object_of(asked, data) if method.takes is Any else object_of({**asked, **data})
        gives = (
            {} if method.gives is None else {"data": schemas.of(method.gives, group=method.group)}
        )
        reply = object_of({"id": ID, "rpc": object_of({}, gives)})
        return {
            id: message(object_of({"id": ID, "rpc": body}), name, method.summary),
            f"{id}_reply": message(reply, name, f"The answer to `{name}`"),
        }

    def _pushes(self) -> Iterator[tuple[str, Schema]]:
        for name, body in PUSHES.items():
            room = {} if name in OF_CONNECTIONS else {"channel": {"type": "string"}}
            yield name, object_of({**room, name: self._body(body)})

    def _body(self, kind: Any) -> Schema:
        return self._draft.schemas.of(kind, group=GROUP)


def _error() -> type[Struct]:
    """The error of a reply, which is a tuple here."""
    hints, defaults = get_type_hints(wire.Error), wire.Error._field_defaults
    names = wire.Error._fields
    fields = [(n, hints[n], msgspec.field(default=defaults.get(n, NODEFAULT))) for n in names]
    return defstruct("Error", fields)


def error_codes() -> dict[str, str]:
    found = [one for one in vars(wire).values() if isinstance(one, wire.Error)]
    first = {one.code: one.message for one in reversed(found)}
    return {str(code): first[code] for code in sorted(first)}


def close_codes() -> dict[str, str]:
    found = (one for one in vars(model).values() if isinstance(one, model.Disconnect))
    # Nobody is sent that they have vanished.
    return {str(one.code): one.reason for one in sorted(found) if one != model.VANISHED}
