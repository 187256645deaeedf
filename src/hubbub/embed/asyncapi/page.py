"""The document as a page: plain HTML, which loads nothing and runs nothing."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterator
from html import escape
from typing import Any

from hubbub.embed.asyncapi.doors import API, TEXT
from hubbub.embed.asyncapi.draft import pointer
from hubbub.embed.asyncapi.markup import (
    anchor,
    code,
    fields,
    kind,
    meaning,
    paragraphs,
    prose,
    section,
    shown,
    table,
)
from hubbub.embed.asyncapi.protocol import CALL, COMMANDS, CONNECTION, LISTENING
from hubbub.embed.asyncapi.rooms import OPTIONS
from hubbub.embed.asyncapi.schemas import PLACE, Schema
from hubbub.options import RoomOptions

STYLE = """
:root { color-scheme: light dark; --text: #1c2024; --muted: #555c66; --page: #fff; --soft: #f2f4f7;
  --line: #c9ced6; --link: #0a4fb5; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e7eb; --muted: #a9b1bc; --page: #14171b; --soft: #1e2329; --line: #3a424d;
    --link: #8ab8ff; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
a { color: var(--link); }
h1, h2, h3 { line-height: 1.25; margin: 2rem 0 .5rem; }
h2 { border-top: 1px solid var(--line); padding-top: 1.5rem; }
header p, footer { color: var(--muted); }
nav ul { columns: 16rem; padding-left: 1.25rem; }
code { font: .9em ui-monospace, monospace; background: var(--soft); padding: .1em .25em;
  border-radius: .25em; }
table { width: 100%; border-collapse: collapse; margin: .5rem 0 1.25rem; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .5rem .3rem 0; font-weight: 400;
  border-bottom: 1px solid var(--line); }
thead th { color: var(--muted); font-size: .875rem; }
@media (max-width: 40rem) {
  body { overflow-wrap: anywhere; }
  table, tbody, tr, th, td { display: block; }
  caption { display: block; }
  thead { position: absolute; left: -99rem; }
  tr { border-bottom: 1px solid var(--line); padding: .3rem 0; }
  th, td { border: 0; padding: .1rem 0; }
  td { padding-left: 1rem; }
  td:empty { display: none; }
  td::before { content: attr(data-head) ": "; color: var(--muted); }
  td[data-head=about]::before { content: ""; }
}
.skip { position: absolute; left: -99rem; }
.skip:focus { position: static; }
"""

_DIGEST = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def page_of(document: Schema) -> str:
    """`document` is one without the place it is at."""
    return _Page(document).html()


class _Page:
    def __init__(self, document: Schema) -> None:
        self._document = document
        self._channels: dict[str, Schema] = document["channels"]
        self._schemas: dict[str, Schema] = document["components"]["schemas"]

    def html(self) -> str:
        info = self._document["info"]
        title, parts = escape(info["title"]), list(self._parts())
        links = "".join(f'<li><a href="#{id}">{name}</a></li>\n' for id, name, _ in parts)
        body = "".join(section(2, id, name, text) for id, name, text in parts)
        return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}: rooms and messages</title>
<link rel="icon" href="data:,">
<style>{STYLE}</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header>
<h1>{title}: rooms and messages</h1>
<p>Version {escape(info["version"])}. As a document of AsyncAPI {self._document["asyncapi"]}:
<a href="asyncapi.json">asyncapi.json</a></p>
</header>
<nav aria-label="On this page">
<ul>
{links}</ul>
</nav>
<main id="main">
{paragraphs(info["description"])}{body}</main>
</body>
</html>
"""

    def _parts(self) -> Iterator[tuple[str, str, str]]:
        """The id, the title and the HTML of each part that there is something in."""
        found = [
            ("ways-in", "Ways in", self._ways_in()),
            ("rooms", "Rooms", "".join(self._rooms())),
            ("methods", "Methods", self._methods()),
            ("connections", "Connections", self._connections()),
            ("listening", "Only listening", self._listening()),
            ("text", "Rooms for text", self._text_door()),
            ("api", "The API for other servers", self._api()),
            ("types", "Types", "".join(self._types())),
        ]
        return (one for one in found if one[2])

    def _operations(self, channel: str) -> Iterator[tuple[str, Schema]]:
        for id, one in self._document["operations"].items():
            if one["channel"] == pointer("channels", channel):
                yield id, one

    def _messages(self, channel: str, references: list[Schema]) -> Iterator[Schema]:
        """Those of the channel that are referred to."""
        for id, one in self._channels[channel]["messages"].items():
            if pointer("channels", channel, "messages", id) in references:
                yield one

    def _ways_in(self) -> str:
        rows = [
            [
                code(one["pathname"] or self._channels[name]["address"]),
                one["protocol"],
                one["title"],
            ]
            for name, one in self._document["servers"].items()
        ]
        return table("Where connections are taken", ["path", "protocol", "about"], rows)

    # Rooms.

    def _rooms(self) -> Iterator[str]:
        for id, channel in self._channels.items():
            if OPTIONS in channel:
                body = paragraphs(channel.get("description", ""))
                body += self._parameters(channel) + self._said_in(id) + _options(channel[OPTIONS])
                yield section(3, anchor("room", id), code(channel["address"]), body)

    def _parameters(self, channel: Schema) -> str:
        rows = [
            [code(name), prose(one["description"])]
            for name, one in channel.get("parameters", {}).items()
        ]
        return table("In the name", ["part", "about"], rows)

    def _said_in(self, id: str) -> str:
        return "".join(
            table(
                one["summary"],
                ["message", "about"],
                [
                    [kind(said["payload"]), self._told_of(said)]
                    for said in self._messages(id, one["messages"])
                ],
            )
            for _, one in self._operations(id)
        )

    def _told_of(self, message: Schema) -> str:
        name = str(message["payload"].get("$ref", "")).removeprefix(PLACE)
        told = message.get("summary") or self._schemas.get(name, {}).get("description", "")
        return prose(str(told).partition("\n\n")[0])

    def _text_door(self) -> str:
        channel = self._channels.get(TEXT, {})
        if not channel:
            return ""
        return paragraphs(channel["description"]) + self._parameters(channel) + self._said_in(TEXT)

    # Connections, and what is called.

    def _methods(self) -> str:
        rows = []
        for id, one in self._operations(CONNECTION):
            if id.startswith(CALL):
                messages = self._channels[CONNECTION]["messages"]
                asked, answered = messages[id], messages[f"{id}_reply"]
                data = [_member(said["payload"], "rpc", "data") for said in (asked, answered)]
                summary = prose(one.get("summary", ""))
                rows.append([code(asked["name"]), *map(_kind_or_nothing, data), summary])
        return table("What clients call with `rpc`", ["method", "data", "answer", "about"], rows)

    def _connections(self) -> str:
        channel = self._channels[CONNECTION]
        messages, rows = channel["messages"], []
        body = paragraphs(channel["description"])
        for id, one in self._operations(CONNECTION):
            if id in COMMANDS:
                asked, answer = messages[id], messages.get(f"{id}_reply", {"payload": {}})
                told = f"{one['summary']}. {one.get('description', '')}"
                types = [_member(asked["payload"], id), _member(answer["payload"], id)]
                rows.append([code(id), *map(_kind_or_nothing, types), prose(told)])
        body += table("What clients send", ["command", "body", "answer", "about"], rows)
        body += self._told("What they are told", CONNECTION, "push")
        body += _codes("Errors", channel["x-errors"])
        return body + _codes("How connections end", channel["x-closes"])

    def _listening(self) -> str:
        body = paragraphs(self._channels[LISTENING]["description"])
        body += self._told("What clients send", LISTENING, "listen")
        return body + self._told("What they are told", LISTENING, "tell")

    def _told(self, caption: str, channel: str, operation: str) -> str:
        """The messages of an operation, by what is in them."""
        messages = self._document["operations"][operation]["messages"]
        rows = [
            [code(one["name"]), kind(_body(one["payload"])), self._told_of(one)]
            for one in self._messages(channel, messages)
        ]
        return table(caption, ["message", "body", "about"], rows)

    def _api(self) -> str:
        rows = []
        for id, channel in self._channels.items():
            if id.startswith(f"{API}."):
                messages = channel["messages"]
                result = _member(messages["result"]["payload"], "result")
                types = kind(messages["request"]["payload"]), kind(result)
                rows.append([code(channel["address"]), *types, prose(channel["title"])])
        return table("Methods", ["method", "takes", "gives", "about"], rows)

    # Types.

    def _types(self) -> Iterator[str]:
        """Those of the application first: others have the name of a group before their own."""
        for name in sorted(self._schemas, key=lambda name: ("." in name, name)):
            schema = self._schemas[name]
            body = paragraphs(str(schema.get("description", "")))
            if schema.get("properties"):
                body += fields(f"Fields of `{shown(name)}`", schema)
            else:
                body += f"<p>{kind(schema)}. {meaning({**schema, 'description': ''})}</p>\n"
            yield section(3, anchor("schema", name), code(shown(name)), body)


def _member(schema: Schema, *path: str) -> Any:
    """The schema of what is there in an object; None for what it has not."""
    for step in path:
        schema = schema.get("properties", {}).get(step)
        if schema is None:
            return None
    return schema


def _body(payload: Schema) -> Schema:
    """What is told, without what is around it."""
    members = (_member(payload, "push") or payload).get("properties", {})
    told = [one for name, one in members.items() if name not in ("id", "channel")]
    return told[0] if told else payload


def _kind_or_nothing(schema: Any) -> str:
    return "nothing" if schema is None else kind(schema)


def _options(options: Schema) -> str:
    told = RoomOptions.model_fields
    rows = [
        [code(name), code(json.dumps(value)), prose(told[name].description or "")]
        for name, value in options.items()
    ]
    return table("Options", ["option", "value", "about"], rows)


def _codes(caption: str, codes: dict[str, str]) -> str:
    return table(caption, ["code", "reason"], [[code(one), prose(codes[one])] for one in codes])
