"""What the routes of the HTTP API have in common: bodies, pages, cursors, where it is.

Times are Unix milliseconds. Lists come in pages: `{"items": […], "next": "…"}`, where `next` goes
back as `cursor`, and is null at the end. What a cursor says is the server's own business.
"""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import HTTPConnection

from hubbub.chat.problem import Problem

T = TypeVar("T")

PREFIX = "/api/chat/v1"
"""Where the API is."""

LIMIT = 50
MAX_LIMIT = 200
"""Items on one page."""

MAX_CURSOR = 512
"""Characters."""

MAX_NUMBER = 2**63 - 1
"""The largest number that the database takes."""


class Body(BaseModel):
    """What a client sends: what is not known is refused, so that a slip does not go unseen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """What a client is sent."""

    model_config = ConfigDict(frozen=True)


class Page(Answer, Generic[T]):
    """Some of a list. `next` is the cursor of what comes then, null where nothing does."""

    items: list[T]
    next: str | None = Field(default=None, examples=["WzE3MzI2MzY4MDAwMDBd"])


Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items on the page, at most.")]
"""A route's `limit: Limit = LIMIT`."""

Cursor = Annotated[
    str | None,
    Query(alias="cursor", max_length=MAX_CURSOR, description="`next` of the page before."),
]
"""A route's `cursor: Cursor = None`, by whichever name."""

Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""Any text that a database takes."""


def cursor(*place: int | str) -> str:
    """What says that a list goes on behind `place`, the values it is ordered by."""
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def place(cursor: str, *kinds: type[int] | type[str]) -> tuple[int | str, ...]:
    """The values that a cursor of these kinds stands for. Raises `Problem` for another one."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        values = msgspec.json.decode(urlsafe_b64decode(padded), type=list[int | str])
    except (ValueError, binascii.Error, RecursionError):
        values = []
    fits = len(values) == len(kinds) and all(
        type(value) is kind and _storable(value) for value, kind in zip(values, kinds, strict=True)
    )
    if not fits:
        raise Problem(400, "cursor", "The cursor is none of this list: begin without one.")
    return tuple(values)


def _storable(value: int | str) -> bool:
    if isinstance(value, int):
        return -MAX_NUMBER <= value <= MAX_NUMBER
    return "\x00" not in value


def paged(rows: list[T], limit: int) -> tuple[list[T], bool]:
    """Of `limit` + 1 rows that were asked for: those of the page, and whether there are more."""
    return rows[:limit], len(rows) > limit


_unseen = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def agent(connection: HTTPConnection) -> str:
    """What the client's program calls itself, as can be kept and shown."""
    return _unseen.sub("", connection.headers.get("user-agent", ""))[:200]


def address(connection: HTTPConnection) -> str:
    """Where the connection is from, as far as the server knows; "" where it does not.

    Of a proxy's connections it is the proxy that says so: see the server's own trust in proxies.
    """
    return connection.client.host if connection.client else ""


def is_secure(connection: HTTPConnection) -> bool:
    """Whether it came over TLS, as far as the server or its trusted proxy says."""
    return connection.scope.get("scheme") in ("https", "wss")
