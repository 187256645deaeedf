"""The cookies of this server, and what else a request shows of who it is from.

Over TLS their names begin with __Host-, by which a browser knows that nobody but this very host
has set them (RFC 6265bis section 4.1.3.2). They are not there for scripts, and do not go along
with what other sites post.
"""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.responses import Response

from hubbub.chat.people.logins import LOGIN_S
from hubbub.chat.web import is_secure

LOGIN = "hubbub"
AWAY = "hubbub-away"
"""Kept while somebody is away at a provider."""

AWAY_S = 600
"""Seconds that somebody may be away for."""

MAX_SECRET = 128
"""Characters; ours have 43."""


def bearer(connection: HTTPConnection) -> str:
    """The key that the request shows; "" for none (RFC 6750 section 2.1)."""
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    return key.strip()[: MAX_SECRET + 1] if scheme.lower() == "bearer" else ""


def secret_of(connection: HTTPConnection) -> str:
    """What the cookie of a login holds; "" for none."""
    return connection.cookies.get(_name(connection, LOGIN), "")[: MAX_SECRET + 1]


def away_of(connection: HTTPConnection) -> str:
    return connection.cookies.get(_name(connection, AWAY), "")


def set_login(connection: HTTPConnection, response: Response, secret: str) -> None:
    """Have the browser keep the login for as long as it lives unseen."""
    _set(connection, response, LOGIN, secret, LOGIN_S)


def set_away(connection: HTTPConnection, response: Response, sealed: str) -> None:
    _set(connection, response, AWAY, sealed, AWAY_S)


def forget_login(connection: HTTPConnection, response: Response) -> None:
    _set(connection, response, LOGIN, "", 0)


def forget_away(connection: HTTPConnection, response: Response) -> None:
    _set(connection, response, AWAY, "", 0)


def _name(connection: HTTPConnection, name: str) -> str:
    return f"__Host-{name}" if is_secure(connection) else name


def _set(
    connection: HTTPConnection, response: Response, name: str, value: str, seconds: int
) -> None:
    response.set_cookie(
        _name(connection, name),
        value,
        max_age=seconds,
        path="/",
        secure=is_secure(connection),
        httponly=True,
        samesite="lax",
    )
