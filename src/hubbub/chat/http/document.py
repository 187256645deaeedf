"""The document of the chat's API (OpenAPI 3.1): its own routes, and no others of the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from hubbub import VERSION
from hubbub.chat.people.cookies import LOGIN
from hubbub.chat.web import PREFIX

ABOUT = """\
Rooms, messages and people of a hubbub chat.

Times are Unix milliseconds. Lists come in pages: `next` of one is the `cursor` of the page behind
it. Whatever goes wrong is told as problem details (RFC 9457).

Sign in with `POST /session`, which sets a cookie; or show a bot's key as `Authorization: Bearer`.
With the cookie, what changes something has to come from a page of this server, and say so by its
`Origin`.
"""

SCHEMES = {
    "login": {"type": "apiKey", "in": "cookie", "name": LOGIN},
    "key": {"type": "http", "scheme": "bearer", "description": "A bot's key."},
}
"""How it is known who asks. Over TLS the cookie's name begins with `__Host-`."""


def document(app: FastAPI) -> dict[str, Any]:
    """The document, for `app` as it is now."""
    made = app.openapi()
    paths = {path: told for path, told in made["paths"].items() if path.startswith(PREFIX)}
    for operation in operations(paths):
        if "401" not in operation["responses"]:
            operation.setdefault("security", [])
    every = made["components"]["schemas"]
    return {
        "openapi": made["openapi"],
        "info": {"title": "hubbub chat", "version": VERSION, "description": ABOUT},
        "paths": paths,
        "components": {
            "schemas": {name: every[name] for name in sorted(_named(paths, every))},
            "securitySchemes": SCHEMES,
        },
        "security": [{"login": []}, {"key": []}],
    }


def operations(paths: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What the paths of a document can be asked to do."""
    for told in paths.values():
        for method, operation in told.items():
            if method != "parameters":
                yield operation


def _named(value: Any, every: dict[str, Any]) -> set[str]:
    """The names of the schemas that `value` speaks of, and of those that they do."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        match waiting.pop():
            case {"$ref": str(ref), **rest}:
                name = ref.rpartition("/")[2]
                if name not in found:
                    found.add(name)
                    waiting.append(every[name])
                waiting.append(rest)
            case dict() as members:
                waiting.extend(members.values())
            case list() as items:
                waiting.extend(items)
    return found
