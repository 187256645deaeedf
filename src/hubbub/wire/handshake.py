"""RFC 6455 section 4: the opening handshake, seen from the server.

The HTTP server in front has parsed the request once and hands it over as bytes again; what is
checked here is what makes it a WebSocket handshake, and that it is one request, not two.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

Headers = list[tuple[bytes, bytes]]
"""Names in lower case, values as they came, in order."""

MAX_TARGET = 8 * 1024
"""Bytes of path and query."""

MAX_HEADERS = 128
MAX_HEADER_BYTES = 64 * 1024
"""Bytes of the whole request head."""

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3

_TARGET = re.compile(rb"/[!-~]*")
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # a token, RFC 9110 section 5.6.2
_FORBIDDEN = re.compile(rb"[\r\n\0]")
"""What no header may hold (RFC 9110 section 5.5): one parser sees a value, the next two lines."""

SHARED_HEADER = 128
"""Bytes of the longest header line that connections share one object for."""

# What many connections say alike, and what tells nothing about who says it.
_COMMON = (
    b"accept",
    b"cache-control",
    b"connection",
    b"host",
    b"origin",
    b"pragma",
    b"sec-websocket-extensions",
    b"sec-websocket-version",
    b"upgrade",
    b"user-agent",
)

# Two of one of these mean that two parsers on the way can disagree about the request.
_ONCE = frozenset(
    {
        b"host",
        b"origin",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"upgrade",
        b"content-length",
    }
)


class BadHandshake(Exception):
    """The request is no WebSocket handshake; answer with `status`, `reason` and `headers`."""

    def __init__(self, status: int, reason: str, headers: Headers | None = None) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.headers = headers or []


class Handshake(NamedTuple):
    """A request that may be accepted."""

    target: bytes
    headers: Headers
    key: bytes
    subprotocols: list[str]


def parse_handshake(data: bytes) -> Handshake:
    """Read a whole request head.

    Raises `BadHandshake` (status 400, 405, 414, 426 or 431) where RFC 6455 section 4.2.1 is
    not met, or a limit of this module is passed.
    """
    if len(data) > MAX_HEADER_BYTES:
        raise BadHandshake(431, "request head over 64 KiB")
    head, separator, rest = data.partition(b"\r\n\r\n")
    if not separator or rest:
        raise BadHandshake(400, "a handshake is one request without a body")
    request_line, *lines = head.split(b"\r\n")
    try:
        method, target, version = request_line.split(b" ")
    except ValueError:
        raise BadHandshake(400, "malformed request line") from None
    if method != b"GET":
        raise BadHandshake(405, "a WebSocket handshake is a GET", [(b"allow", b"GET")])
    if version != b"HTTP/1.1":
        raise BadHandshake(400, "a WebSocket handshake is HTTP/1.1")
    if len(target) > MAX_TARGET:
        raise BadHandshake(414, "path and query over 8 KiB")
    if not _TARGET.fullmatch(target):
        raise BadHandshake(400, "malformed path")
    if len(lines) > MAX_HEADERS:
        raise BadHandshake(431, f"more than {MAX_HEADERS} headers")
    headers = [
        _shared_header(line)
        if len(line) <= SHARED_HEADER and line.lower().startswith(_COMMON)
        else _parse_header(line)
        for line in lines
    ]
    return Handshake(target, headers, _check_upgrade(headers), _subprotocols(headers))


def _parse_header(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not _NAME.fullmatch(name) or _FORBIDDEN.search(value):
        raise BadHandshake(400, "malformed header")
    return name.lower(), value.strip(b" \t")


# Thousands of connections say "Upgrade: websocket" and the like: one object serves them all.
_shared_header = lru_cache(maxsize=256)(_parse_header)


def _tokens(headers: Headers, name: bytes) -> list[bytes]:
    """The comma-separated values of every header called `name` (RFC 9110 section 5.3)."""
    joined = b",".join(value for key, value in headers if key == name)
    return [token.strip() for token in joined.split(b",") if token.strip()]


def _check_upgrade(headers: Headers) -> bytes:
    """Check RFC 6455 section 4.2.1, points 2 to 6, and return the key."""
    seen: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in seen and name in _ONCE:
            raise BadHandshake(400, f"more than one {name.decode('latin-1')} header")
        seen[name] = value
    if b"host" not in seen:
        raise BadHandshake(400, "no host header")
    if seen.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in seen:
        raise BadHandshake(400, "a handshake is one request without a body")
    if b"websocket" not in [token.lower() for token in _tokens(headers, b"upgrade")] or (
        b"upgrade" not in [token.lower() for token in _tokens(headers, b"connection")]
    ):
        raise BadHandshake(426, "not a WebSocket handshake", [(b"upgrade", b"websocket")])
    if seen.get(b"sec-websocket-version") != b"13":
        raise BadHandshake(426, "only version 13", [(b"sec-websocket-version", b"13")])
    key = seen.get(b"sec-websocket-key", b"")
    try:
        valid = len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        valid = False
    if not valid:
        raise BadHandshake(400, "sec-websocket-key is not 16 bytes in base64")
    return key


def _subprotocols(headers: Headers) -> list[str]:
    return [token.decode("latin-1") for token in _tokens(headers, b"sec-websocket-protocol")]


def accept_key(key: bytes) -> bytes:
    """RFC 6455 section 4.2.2, point 5.4."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def accept_response(key: bytes, subprotocol: str | None, headers: Headers) -> bytes:
    """The 101 response that opens the connection.

    Whatever `headers` say of the handshake itself is left out: it is ours to say, and an
    extension nobody negotiated would break the connection.

    Raises ValueError for a header that would end early (CR, LF or NUL in it).
    """
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"upgrade: websocket",
        b"connection: Upgrade",
        b"sec-websocket-accept: " + accept_key(key),
    ]
    ours = {b"upgrade", b"connection", b"sec-websocket-accept", b"sec-websocket-extensions"}
    headers = [(name, value) for name, value in headers if name.lower() not in ours]
    if subprotocol is not None:
        headers = [*headers, (b"sec-websocket-protocol", subprotocol.encode("latin-1"))]
    return _head(lines, headers)


def refuse_response(status: int, headers: Headers, body: bytes) -> bytes:
    """A whole response that refuses the handshake and ends the connection.

    Raises ValueError as `accept_response` does.
    """
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    given = {name.lower() for name, _ in headers}
    defaults = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"date", formatdate(usegmt=True).encode()),
    ]
    own = {b"content-length", b"transfer-encoding", b"connection"}
    headers = [
        *[(name, value) for name, value in headers if name.lower() not in own],
        *[(name, value) for name, value in defaults if name not in given],
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    return _head([f"HTTP/1.1 {status} {phrase}".encode()], headers) + body


def _head(lines: list[bytes], headers: Headers) -> bytes:
    for name, value in headers:
        line = name + b": " + value
        if _FORBIDDEN.search(line):
            raise ValueError(f"header {name!r} holds a line break or a NUL")
        lines.append(line)
    return b"\r\n".join([*lines, b"", b""])
