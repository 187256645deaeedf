"""What administrators have done, for other administrators to see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, insert, select

from hubbub.chat.schema import administration


class Deed(NamedTuple):
    """`by` did `action`, to `user` where it was done to somebody, at `at` (Unix milliseconds)."""

    id: int
    at: int
    by: str
    action: str
    user: str | None
    detail: dict[str, Any]


def note(
    connection: Connection,
    at: int,
    by: str,
    action: str,
    user: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write down what is done in this transaction. `detail` holds no secrets."""
    connection.execute(
        insert(administration).values(
            at=at,
            by=by,
            action=action,
            user=user,
            detail=msgspec.json.encode(dict(detail or {})).decode(),
        )
    )


def deeds(connection: Connection, before: int | None, limit: int) -> list[Deed]:
    """The latest `limit`, of those before the one with the id `before`."""
    wanted = select(administration).order_by(administration.c.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(administration.c.id < before)
    return [
        Deed(row.id, row.at, row.by, row.action, row.user, msgspec.json.decode(row.detail))
        for row in connection.execute(wanted)
    ]
