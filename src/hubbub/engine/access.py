"""Who may come in: questions that are answered from values alone."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit


def origin_allowed(origin: str | None, scheme: str, host: str, allowed: Collection[str]) -> bool:
    """Whether a page of `origin` may connect to this server, reached as `scheme`://`host`.

    Browsers name the page's origin, and send the user's cookies with it whatever page it is;
    other clients send none and pass. The server's own origin passes, and the ones in `allowed`;
    "*" there lets everyone pass. Compared whole, never by parts (OWASP WebSocket cheat sheet).
    """
    if origin is None or "*" in allowed:
        return True
    origin = origin.lower()
    if any(origin == one.lower().rstrip("/") for one in allowed):
        return True
    secure = {"ws": "http", "wss": "https"}.get(scheme, scheme)
    try:
        parts = urlsplit(origin)
    except ValueError:  # brackets that are no IPv6 address
        return False
    if parts.scheme != secure or parts.path or parts.query or parts.username is not None:
        return False
    return _with_port(parts.netloc, secure) == _with_port(host.lower(), secure)


def _with_port(host: str, scheme: str) -> str:
    default = {"http": ":80", "https": ":443"}.get(scheme, "")
    return host.removesuffix(default)
