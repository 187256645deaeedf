"""HTML of what a document says: text, tables, and types with links to where they are told of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from hubbub.embed.asyncapi.doors import API
from hubbub.embed.asyncapi.protocol import GROUP
from hubbub.embed.asyncapi.schemas import PLACE, Schema

_CODE = re.compile(r"`([^`]+)`")

_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
    "minLength": "{} characters or more",
    "maxLength": "{} characters at most",
    "minItems": "{} or more of them",
    "maxItems": "{} of them at most",
    "pattern": "matching `{}`",
    "format": "a {}",
}


def prose(text: str) -> str:
    """Text with `code` in it, for one line."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def paragraphs(text: str) -> str:
    return "".join(f"<p>{prose(one)}</p>\n" for one in text.split("\n\n") if one.strip())


def code(text: object) -> str:
    return f"<code>{escape(str(text))}</code>"


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The first cell of a row is its head. Nothing, where there are no rows.

    Every part says what it is, because on a narrow screen none is shown as one of a table, and
    browsers would then not tell of it as one.
    """
    body = "".join(
        f'<tr role="row"><th role="rowheader" scope="row">{first}</th>'
        + "".join(_cell(head, one) for head, one in zip(heads[1:], rest, strict=True))
        + "</tr>\n"
        for first, *rest in rows
    )
    if not body:
        return ""
    head = "".join(f'<th role="columnheader" scope="col">{escape(one)}</th>' for one in heads)
    return (
        f'<table role="table">\n<caption>{prose(caption)}</caption>\n'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead>\n'
        f'<tbody role="rowgroup">\n{body}</tbody>\n</table>\n'
    )


def _cell(head: str, html: str) -> str:
    return f'<td role="cell" data-head="{escape(head)}">{html}</td>'


def section(level: int, id: str, title: str, body: str) -> str:
    """A part of the page with a heading of its own; `title` is HTML."""
    heading = f'<h{level} id="{escape(id)}">{title}</h{level}>'
    return f'<section aria-labelledby="{escape(id)}">\n{heading}\n{body}</section>\n'


def anchor(*words: str) -> str:
    """The id of a place in the page."""
    return re.sub(r"[^\w.]+", "-", " ".join(words)).strip("-").lower()


def shown(name: str) -> str:
    """What a type is called on the page: where it links to says which group it is of."""
    return name.removeprefix(f"{GROUP}.").removeprefix(f"{API}.")


# Types. ----------------------------------------------------------------------------------------


def kind(schema: Any) -> str:
    """What values a schema is for, in a few words."""
    if not isinstance(schema, dict) or not schema:
        return "anything"
    if "$ref" in schema:
        name = str(schema["$ref"]).removeprefix(PLACE)
        return f'<a href="#{anchor("schema", name)}">{code(shown(name))}</a>'
    for union in ("anyOf", "oneOf", "allOf"):
        if union in schema:
            return " or ".join(dict.fromkeys(map(kind, schema[union])))
    if "const" in schema:
        return code(json.dumps(schema["const"]))
    if "enum" in schema:
        return " or ".join(code(json.dumps(one)) for one in schema["enum"])
    match schema.get("type"):
        case "array":
            return f"list of {kind(schema.get('items'))}"
        case "object" if not schema.get("properties"):
            others = schema.get("additionalProperties")
            return f"object of {kind(others)} by name" if isinstance(others, dict) else "object"
        case list() as several:
            return " or ".join(several)
        case str() as name:
            return name
    return "anything"


def meaning(schema: Any) -> str:
    """What else there is to know of a field."""
    if not isinstance(schema, dict):
        return ""
    told = [prose(str(schema["description"]))] if schema.get("description") else []
    limits = [words.format(schema[key]) for key, words in _LIMITS.items() if key in schema]
    if limits:
        text = ", ".join(limits)
        told.append(prose(text[0].upper() + text[1:] + "."))
    if schema.get("default") not in (None, "", [], {}):
        told.append(f"Otherwise {code(json.dumps(schema['default']))}.")
    return " ".join(told)


def fields(caption: str, schema: Schema) -> str:
    """The members of an object."""
    required = schema.get("required", ())
    rows = [
        [code(name), kind(one), "yes" if name in required else "no", meaning(one)]
        for name, one in schema.get("properties", {}).items()
    ]
    return table(caption, ["field", "type", "always", "about"], rows)
