"""What the server is set to by its administrators, and the key that it signs with."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select, update

from hubbub.chat.people import audit
from hubbub.chat.people.sql import SERVER, add_once
from hubbub.chat.schema import settings

KEY = "key"


class SignUp(StrEnum):
    """Who may make an account: anybody, who has an invitation, or nobody."""

    OPEN = "open"
    INVITATION = "invitation"
    CLOSED = "closed"


class ServerSettings(BaseModel):
    """What administrators set."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[
        str,
        Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$"),
    ] = "hubbub"
    sign_up: SignUp = SignUp.INVITATION
    guests: bool = False


class Keys:
    """Keys for this server's own tokens, one for each purpose, all from one secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def for_(self, purpose: str) -> bytes:
        """32 bytes for `purpose`, that say nothing of those for another."""
        return hmac.digest(self._secret, purpose.encode(), hashlib.sha256)


def begin(connection: Connection) -> Keys:
    """At every start: what is not there yet is made, by whichever server comes first."""
    first = {"name": SERVER, "value": ServerSettings().model_dump_json()}
    add_once(connection, settings, first)
    add_once(connection, settings, {"name": KEY, "value": f'"{secrets.token_hex(32)}"'})
    kept = connection.execute(select(settings.c.value).where(settings.c.name == KEY)).scalar_one()
    return Keys(bytes.fromhex(kept.strip('"')))


def current(connection: Connection) -> ServerSettings:
    """What is set now."""
    row = select(settings.c.value).where(settings.c.name == SERVER)
    return ServerSettings.model_validate_json(connection.execute(row).scalar_one())


def change(connection: Connection, at: int, by: str, changes: Mapping[str, Any]) -> ServerSettings:
    """Set some of it anew; what is different is noted, with what it was before."""
    before = current(connection)
    after = ServerSettings.model_validate({**before.model_dump(), **changes})
    was, now = before.model_dump(mode="json"), after.model_dump(mode="json")
    detail = {name: {"from": was[name], "to": now[name]} for name in now if was[name] != now[name]}
    if detail:
        row = settings.c.name == SERVER
        connection.execute(update(settings).where(row).values(value=after.model_dump_json()))
        audit.note(connection, at, by, "settings", detail=detail)
    return after
