"""Tokens of this server's own, signed with its key (RFC 7519, by joserfc).

A *socket token* says for five minutes who opens a socket, once, and by which login: it goes into
the first message of the socket, so that no address has it. A *sealed* value is what a browser keeps
for us while it is away at a provider, and can neither read nor change.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from joserfc import jwe, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from sqlalchemy import Connection, delete

from hubbub.chat.people.logins import SOCKET_S
from hubbub.chat.people.secret import new_id
from hubbub.chat.people.server import Keys
from hubbub.chat.people.sql import add_once
from hubbub.chat.people.who import Who
from hubbub.chat.schema import tickets

AUDIENCE = "hubbub:socket"

MAX_TOKEN = 4_096
"""Characters; ours have a few hundred."""


class SocketToken(NamedTuple):
    """`expires_at` is in Unix seconds."""

    token: str
    expires_at: float


class Said(NamedTuple):
    """What a token that is right says; `id` is its own, `expires_at` in Unix seconds."""

    user: str
    login: str
    id: str
    expires_at: float


class SocketTokens:
    """Makes and reads socket tokens. `now` gives Unix seconds."""

    def __init__(self, keys: Keys, now: Callable[[], float]) -> None:
        self._key = OctKey.import_key(keys.for_("socket"))
        self._now = now

    def mint(self, who: Who) -> SocketToken:
        expires_at = math.ceil(self._now()) + SOCKET_S
        claims = {"aud": AUDIENCE, "sub": who.id, "sid": who.login, "exp": expires_at}
        claims["jti"] = new_id("t")
        return SocketToken(jwt.encode({"alg": "HS256"}, claims, self._key, ["HS256"]), expires_at)

    def read(self, token: str) -> Said | None:
        """None for what is not a token of ours."""
        if len(token) > MAX_TOKEN:
            return None
        try:
            claims = jwt.decode(token, self._key, ["HS256"]).claims
        except Exception:  # whatever is raised for a stranger's bytes is a no
            return None
        # What was signed with this key was made above: there is nothing else to doubt.
        if claims.get("aud") != AUDIENCE:
            return None
        return Said(claims["sub"], claims["sid"], claims["jti"], claims["exp"])


def use(connection: Connection, said: Said) -> bool:
    """Have the token be used; whether it was not before. On all servers of the database."""
    row = {"id": said.id, "expires_at": int(said.expires_at * 1000)}
    return add_once(connection, tickets, row)


def forget_used(connection: Connection, now: int) -> None:
    """Forget the tokens that are over at `now` (Unix milliseconds): they are good no more."""
    connection.execute(delete(tickets).where(tickets.c.expires_at < now))


class Seal:
    """Keeps a value with somebody else, for a while. `now` gives Unix seconds."""

    def __init__(self, keys: Keys, purpose: str, now: Callable[[], float]) -> None:
        self._key = OctKey.import_key(keys.for_(purpose))
        self._now = now

    def close(self, value: dict[str, Any], seconds: float) -> str:
        header = {"alg": "dir", "enc": "A256GCM"}
        claims = {**value, "exp": self._now() + seconds}
        return jwt.encode(header, claims, self._key, list(header.values()), jwe.JWERegistry())

    def open(self, sealed: str) -> dict[str, Any] | None:
        """None for what was not sealed here, or for too long ago."""
        if len(sealed) > MAX_TOKEN:
            return None
        try:
            claims = jwt.decode(sealed, self._key, ["dir", "A256GCM"], jwe.JWERegistry()).claims
        except (JoseError, ValueError, TypeError):
            return None
        return claims if claims["exp"] > self._now() else None
