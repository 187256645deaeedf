"""A server's AsyncAPI document as a contract: what clients hear is held to it, word by word.

    contract = await contract_of(site.url)
    listener = contract.listener()         # for each connection
    listener.says(frame)                   # as it goes over the socket
    listener.hears(frame)
    assert contract.faults == []

Where the document leaves open what else an object may have, here it may have nothing else: a field
that the document does not know is a fault.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from copy import copy, deepcopy
from functools import cached_property, lru_cache
from typing import Any

import httpx
from google.protobuf.message import Message
from jsonschema_rs import Draft7Validator

from hubbub.testing import RoomClient
from hubbub.wire import centrifuge_pb2 as pb
from hubbub.wire.streams import split_delimited

Json = dict[str, Any]

MOST = 20
"""Faults that are kept: the first ones say enough."""

COMPLETE = "ClientInfo", "HistoryResult", "PresenceResult", "PresenceStatsResult"
"""Messages that in JSON have members for "", 0 and [], of which Protobuf says nothing."""

_PART = re.compile(r"\\\{\w+(:path)?\\\}")


class Contract:
    """What `document` says."""

    def __init__(self, document: Json) -> None:
        self._document = closed(document)
        self._channels: dict[str, Json] = self._document["channels"]
        self._validators: dict[str, Draft7Validator] = {}
        self.faults: list[str] = []
        """What was heard and should not have been, and why not."""
        self.events = 0
        """How many publications were heard."""
        self._last: dict[str, tuple[int, Any]] = {}

    def fresh(self) -> Contract:
        """The same, with nothing heard yet."""
        other = copy(self)
        other.faults, other.events, other._last = [], 0, {}
        return other

    def listener(self) -> Listener:
        return Listener(self)

    def validator(self, message: str) -> Draft7Validator:
        """Of the message at that pointer."""
        if message not in self._validators:
            schema = {"allOf": [{"$ref": f"{message}/payload"}], **self._document}
            self._validators[message] = Draft7Validator(schema)
        return self._validators[message]

    def wrong(self, message: str, value: Any) -> list[str]:
        """What is wrong with a value as that message."""
        return [
            f"{'.'.join(map(str, error.instance_path))}: {error.message}"
            for error in self.validator(message).iter_errors(value)
        ]

    @cached_property
    def _rooms(self) -> list[tuple[re.Pattern[str], str]]:
        found = []
        for id, channel in self._channels.items():
            if "x-options" in channel:
                pattern = re.escape(channel["title"])
                name = _PART.sub(lambda part: ".+" if part[1] else "[^:]+", pattern)
                found.append((re.compile(name, re.DOTALL), id))
        return found

    def room(self, name: str) -> str:
        """The channel of the room: as with the server, the first that its name fits."""
        for pattern, id in self._rooms:
            if pattern.fullmatch(name.removeprefix("$")):
                return id
        return ""

    def event(self, room: str, data: Any, offset: int = 0) -> None:
        """Something was published in `room`: it is one of the messages that are heard there."""
        self.events += 1
        # What many hear is looked at once.
        if not offset or self._last.get(room) != (offset, data):
            self._last[room] = offset, data
            self._one_of(room, "hear", data)

    def seen(self, room: str, kind: str, info: Any) -> None:
        """Somebody came into the room, or left it."""
        self._one_of(room, "watch", info, kind)

    def _one_of(self, room: str, operation: str, value: Any, name: str = "") -> None:
        id = self.room(room)
        told = self._document["operations"].get(f"{id}.{operation}", {"messages": []})
        messages = [one["$ref"] for one in told["messages"] if one["$ref"].endswith(name)]
        if sum(self.validator(message).is_valid(value) for message in messages) != 1:
            wrong = [self.wrong(message, value) for message in messages]
            least = min(wrong, key=len, default=["the document knows of none"])
            self.fault(f"in {room}: {_short(value)} is no message of its own: {least}")

    def fault(self, text: str) -> None:
        if len(self.faults) < MOST:
            self.faults.append(text)


class Listener:
    """One connection, as both of its ends see it."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._asked: dict[int, Json] = {}
        self._deltas: set[str] = set()
        self._protobuf = False

    def says(self, frame: str | bytes) -> None:
        """The client's commands, one a line, or Protobuf."""
        for command in _messages(frame, pb.Command):
            self.command(command)

    def hears(self, frame: str | bytes) -> None:
        """What the server sent, one a line, or Protobuf."""
        self._protobuf = isinstance(frame, bytes)
        for reply in _messages(frame, pb.Reply):
            self.reply(reply)

    def is_told(self, text: str) -> None:
        """What a server sent to who only listens, one a line."""
        for told in _lines(text):
            kind = next((name for name in told if name != "channel"), "ping")
            first = kind == "connect"
            self._hold("connected" if first else kind, told, "listening")
            if first:
                self._all_published(told["connect"].get("subs", {}))
            else:
                self._happened(told.get("channel", ""), kind, told)

    def command(self, command: Json) -> None:
        if "id" in command:
            self._asked[command["id"]] = command

    def reply(self, reply: Json) -> None:
        """An answer, a push, or a ping."""
        if "push" in reply:
            self._push(reply)
        elif not reply:
            self._hold("ping", reply)
        else:
            self._answer(reply)

    def listen_to(self, client: RoomClient) -> None:
        """Hear what a client of `TestHub` says and hears."""
        say, take = client.connection.say, client._take

        def saying(value: Any) -> None:
            if isinstance(value, dict):
                self.command(value)
            say(value)

        def taking(reply: Json) -> None:
            self.reply(deepcopy(reply))  # the client takes it to pieces
            take(reply)

        client.connection.say = saying  # type: ignore[method-assign]
        client._take = taking  # type: ignore[method-assign]

    def _hold(self, message: str, value: Json, channel: str = "connection") -> None:
        contract = self._contract
        if message not in contract._channels[channel]["messages"]:
            contract.fault(f"{_short(value)}: the document has no {message}")
            return
        pointer = f"#/channels/{channel}/messages/{message}"
        if not contract.validator(pointer).is_valid(value):
            contract.fault(f"{_short(value)} is no {message}: {contract.wrong(pointer, value)}")

    def _push(self, reply: Json) -> None:
        push = reply["push"]
        room = push.get("channel", "")
        kind = next((name for name in push if name != "channel"), "nothing")
        self._hold(f"{kind}_push", reply)
        self._happened(room, kind, push)

    def _happened(self, room: str, kind: str, push: Json) -> None:
        if kind == "pub":
            self._published(room, [push["pub"]])
        elif kind in ("join", "leave"):
            self._contract.seen(room, kind, push[kind]["info"])

    def _answer(self, reply: Json) -> None:
        asked = self._asked.pop(reply.get("id", 0), {})
        if "error" in reply:
            self._hold("error", reply)
            return
        kind = next((name for name in reply if name != "id"), "nothing")
        if kind == "rpc":
            method = asked.get("rpc", {}).get("method", "nobody's call")
            self._hold(f"rpc.{method}_reply", reply)
            return
        self._hold(f"{kind}_reply", reply)
        room, answer = asked.get(kind, {}).get("channel", ""), reply.get(kind, {})
        if kind == "connect":
            self._all_published(answer.get("subs", {}))
        elif kind == "subscribe":
            self._all_published({room: answer})
        elif kind == "history":
            # Never in deltas, as what is pushed or recovered may be.
            self._published(room, answer["publications"], plain=True)

    def _all_published(self, rooms: Mapping[str, Json]) -> None:
        """What was recovered in these rooms."""
        for room, answer in rooms.items():
            if answer.get("delta"):
                self._deltas.add(room)
            self._published(room, answer.get("publications", []))

    def _published(self, room: str, publications: Iterable[Json], plain: bool = False) -> None:
        for one in publications:
            data = one["data"]
            if room in self._deltas and not plain:
                if one.get("delta"):
                    continue  # a part of a publication, of which the client makes the whole
                if not self._protobuf:
                    data = json.loads(data)
            self._contract.event(room, data, one.get("offset", 0))


class ListeningCodec:
    """What a client of PyPI's `centrifuge` reads and writes with, and listens."""

    def __init__(self, codec: Any, contract: Contract) -> None:
        self._codec = codec
        self._listener = contract.listener()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codec, name)

    def encode_commands(self, commands: list[Json]) -> str | bytes:
        said: str | bytes = self._codec.encode_commands(commands)
        self._listener.says(said)
        return said

    def decode_replies(self, data: str | bytes) -> list[Json]:
        self._listener.hears(data)
        replies: list[Json] = self._codec.decode_replies(data)
        return replies


@lru_cache(maxsize=8)
def _contract(text: str) -> Contract:
    return Contract(json.loads(text))


def contract_from(text: str) -> Contract:
    """Of a document as JSON. The same text is gone over once in a run."""
    return _contract(text).fresh()


async def contract_of(url: str) -> Contract:
    """That of the server there."""
    async with httpx.AsyncClient(timeout=30) as client:
        answer = await client.get(f"{url}/asyncapi.json")
    assert answer.status_code == 200, answer.text
    return contract_from(answer.text)


def closed(part: Any) -> Any:
    """`part` of a document, with objects that have no other members than those they say."""
    if isinstance(part, list):
        return [closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    made = {key: closed(value) for key, value in part.items()}
    if part.get("type") == "object" and "additionalProperties" not in part:
        if isinstance(part.get("properties"), Mapping):
            made["additionalProperties"] = False
    return made


def _lines(text: str) -> list[Json]:
    return [json.loads(line) for line in text.split("\n") if line]


def _messages(frame: str | bytes, kind: type[Message]) -> list[Json]:
    if isinstance(frame, str):
        return _lines(frame)
    pieces, whole = split_delimited(frame)
    assert whole, frame
    return [_in_json(kind.FromString(piece)) for piece in pieces]


def _in_json(value: Any) -> Any:
    """What a message of Protobuf is in JSON; bytes that are not JSON are a text of base64."""
    if isinstance(value, Message):
        said = {field.name: _in_json(each) for field, each in value.ListFields()}
        if value.DESCRIPTOR.name in COMPLETE:
            for field in value.DESCRIPTOR.fields:
                if field.type != field.TYPE_BYTES:
                    said.setdefault(field.name, _in_json(getattr(value, field.name)))
        return said
    if isinstance(value, bytes):
        try:
            return json.loads(value)
        except ValueError:
            return b64encode(value).decode()
    if isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {key: _in_json(each) for key, each in value.items()}
    return [_in_json(each) for each in value]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 300 else f"{text[:300]}…"
