"""Whether a browser's request is of a page that may act for who is signed in there.

A browser sends the cookie with requests of any page: one that changes something has to show that
it is of our own page, or of one that was allowed (OWASP, cross-site request forgery).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110 section 9.2.1)."""

_PORTS = {"http": ":80", "https": ":443"}


def may_act(
    headers: Mapping[str, str], scheme: str, host: str, allowed: Collection[str] = ()
) -> bool:
    """Whether a request with these `headers` to `scheme`://`host` is of such a page.

    What the browser says of the site (Sec-Fetch-Site) decides, and else the Origin, compared
    whole. A request that says neither is no browser's of today: it is turned away, because only
    browsers have cookies that others can use. "*" in `allowed` is for sockets, which show a
    token besides, and lets nobody act here.
    """
    if headers.get("sec-fetch-site") in ("same-origin", "none"):
        return True
    origin = headers.get("origin", "").lower()
    if not origin:
        return False
    if any(origin == one.lower().rstrip("/") for one in allowed):
        return True
    return _whole(origin, scheme) == f"{scheme}://{host.lower()}".removesuffix(_port(scheme))


def _whole(origin: str, scheme: str) -> str:
    return origin.removesuffix(_port(scheme))


def _port(scheme: str) -> str:
    return _PORTS.get(scheme, "\n")
