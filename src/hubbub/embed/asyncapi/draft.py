"""A document while it is made: its channels and operations, and how they point at each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from hubbub.embed.asyncapi.schemas import Schema, Schemas

POSTED = {"http": {"method": "POST", "bindingVersion": "0.3.0"}}
"""How what is sent in a request of its own is sent."""

Messages = Mapping[str, Schema]


class Draft:
    """Channels are called by names of this document's own, messages by names within theirs."""

    def __init__(self) -> None:
        self.schemas = Schemas()
        self.channels: dict[str, Schema] = {}
        self.operations: dict[str, Schema] = {}

    def channel(
        self, id: str, address: str | None, messages: Messages, servers: Iterable[str], **told: Any
    ) -> None:
        """`told` is what else there is to say of it."""
        self.channels[id] = {
            "address": address,
            **_said(told),
            "servers": [pointer("servers", server) for server in servers],
            "messages": dict(messages),
        }

    def receives(
        self,
        id: str,
        channel: str,
        messages: Iterable[str],
        answers: Iterable[str] = (),
        **told: Any,
    ) -> None:
        """The server takes these messages, and answers with one of those."""
        self._operation(id, "receive", channel, messages, told)
        if answers := list(answers):
            self.operations[id]["reply"] = _way(channel, answers)

    def sends(self, id: str, channel: str, messages: Iterable[str], **told: Any) -> None:
        self._operation(id, "send", channel, messages, told)

    def _operation(
        self, id: str, action: str, channel: str, messages: Iterable[str], told: Mapping[str, Any]
    ) -> None:
        self.operations[id] = {"action": action, **_said(told), **_way(channel, messages)}


def _said(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value != ""}


def _way(channel: str, messages: Iterable[str]) -> Schema:
    return {
        "channel": pointer("channels", channel),
        "messages": [pointer("channels", channel, "messages", one) for one in messages],
    }


def pointer(*path: str) -> Schema:
    """A reference to a place in this document."""
    steps = (quote(step.replace("~", "~0").replace("/", "~1"), safe="~") for step in path)
    return {"$ref": "#/" + "/".join(steps)}


def message(payload: Schema, name: str = "", summary: str = "", **more: Any) -> Schema:
    return {**_said({"name": name, "summary": summary, **more}), "payload": payload}


def object_of(required: Schema, optional: Schema | None = None) -> Schema:
    """The schema of an object with these members."""
    made: Schema = {"type": "object", "properties": {**required, **(optional or {})}}
    return made | ({"required": list(required)} if required else {})
