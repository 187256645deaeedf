"""The client's half of RFC 6455, as far as a load generator needs it."""

from __future__ import annotations

import base64
import hashlib
from typing import NamedTuple

from hubbub.cli.bench.errors import ServerGone, WrongMessage

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
FIN = 0x80
TEXT_HEAD = FIN | TEXT

_MASK = b"\x9a\x35\xc7\x6e"
# Any mask is valid, but not zeros: a server that skips them would be measured with less work.

_KEY = base64.b64encode(b"hubbub bench key")
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_ACCEPT = base64.b64encode(hashlib.sha1(_KEY + _GUID, usedforsecurity=False).digest())


def request(host: str, port: int, target: str) -> bytes:
    """The opening handshake, without any extension."""
    authority = f"[{host}]" if ":" in host else host
    return (
        f"GET {target} HTTP/1.1\r\nHost: {authority}:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {_KEY.decode()}\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def response_end(data: bytes) -> int:
    """Where the frames begin behind the server's answer; 0 while the answer is not whole.

    Raises ServerGone if the answer is not a WebSocket's.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return 0
    status = data[: data.find(b"\r\n")].decode("latin-1")
    if status.split(" ")[1:2] != ["101"]:
        raise ServerGone(f"the server refused a connection: {status}")
    if _ACCEPT not in data[:end]:
        raise ServerGone("the server answered with a wrong Sec-WebSocket-Accept")
    return end + 4


def client_frame(opcode: int, payload: bytes) -> bytes:
    """One masked frame. Raises ValueError for more than 125 bytes: ours are all shorter."""
    size = len(payload)
    if size > 125:
        raise ValueError(f"{size} bytes do not fit the short header")
    mask = (_MASK * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload) ^ int.from_bytes(mask)
    return bytes((FIN | opcode, FIN | size)) + _MASK + masked.to_bytes(size)


class Frame(NamedTuple):
    """A server's frame in a buffer: its payload is `buffer[start:end]`."""

    opcode: int
    start: int
    end: int


def frame_at(data: bytes | memoryview, at: int) -> Frame | None:
    """The frame that begins at `at`, or None if it is not whole yet.

    Raises WrongMessage for a frame that a server may not send, or that this parser does not
    take: a fragment of a message.
    """
    if len(data) < at + 2:
        return None
    first, size, start = data[at], data[at + 1], at + 2
    if size >= 126:
        wide = {126: 2, 127: 8}.get(size)
        if wide is None:
            raise WrongMessage("the server sent a masked frame")
        if len(data) < start + wide:
            return None
        size, start = int.from_bytes(data[start : start + wide]), start + wide
    if not first & FIN or first & 0x70 or not first & 0xF:
        raise WrongMessage("the server sent a fragment, or used an extension nobody asked for")
    return Frame(first & 0xF, start, start + size) if len(data) >= start + size else None
