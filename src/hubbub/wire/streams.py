"""How messages follow one another: on a WebSocket, and on a response that does not end.

protocol.md sections 1, 16 and 17; server-sent events: WHATWG HTML, "Server-sent events".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hubbub.wire.frames import binary_frame, text_frame


class Framing(NamedTuple):
    """`one` makes of a message what goes out, `several` of messages that leave together.

    What either returns may be followed by what either returns.
    """

    one: Callable[[bytes], bytes]
    several: Callable[[list[bytes]], bytes]


def event(message: bytes) -> bytes:
    """A server-sent event; `message` has no line break in it."""
    return b"data: %b\n\n" % message


def delimited(message: bytes) -> bytes:
    """`message` after its length, a varint of Protobuf."""
    length = len(message)
    if length < 0x80:
        return bytes((length,)) + message
    head = bytearray()
    while length >= 0x80:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + message


def split_delimited(data: bytes) -> tuple[list[bytes], bool]:
    """The messages of `data`, each after its length; false if it ends within one.

    Then the messages are those before that.
    """
    found: list[bytes] = []
    at, end = 0, len(data)
    while at < end:
        length = shift = 0
        while True:
            if at == end or shift > 63:
                return found, False
            byte = data[at]
            at += 1
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        if length > end - at:
            return found, False
        found.append(data[at : at + length])
        at += length
    return found, True


def chunked(framing: Framing) -> Framing:
    """The same in chunks, as they are in a response of HTTP/1.1 (RFC 9112 section 7.1)."""

    def chunk(data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data)

    return Framing(
        lambda message: chunk(framing.one(message)),
        lambda messages: chunk(framing.several(messages)),
    )


TEXT = Framing(text_frame, lambda messages: text_frame(b"\n".join(messages)))
"""Text messages of a WebSocket, a line each."""

BINARY = Framing(binary_frame, lambda messages: binary_frame(b"".join(messages)))
"""Binary messages of a WebSocket; where one ends, it says itself."""

LINES = Framing(lambda message: message + b"\n", lambda messages: b"\n".join(messages) + b"\n")
"""A response of lines."""

EVENTS = Framing(event, lambda messages: b"".join(map(event, messages)))
"""A response of server-sent events."""

BYTES = Framing(bytes, b"".join)
"""A response of messages that say themselves where they end."""
