"""RFC 6455 section 5: frames.

Incoming frames are a client's (masked); outgoing frames are a server's (never masked, never
fragmented). No extension is negotiated, so that one outgoing frame is the same bytes for every
member of a room.
"""

from __future__ import annotations

import codecs
from typing import NamedTuple

try:
    from websockets.speedups import apply_mask
except ImportError:  # pragma: no cover - a platform for which `websockets` ships no C routine
    from websockets.utils import apply_mask

from hubbub.model import is_close_code

Message = str | bytes
"""A text message is a `str`, a binary one is `bytes`."""

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_FIN = 0x80

NORMAL, PROTOCOL_ERROR, NO_STATUS = 1000, 1002, 1005
INVALID_DATA, POLICY, TOO_BIG = 1007, 1008, 1009

MAX_CONTROL_PAYLOAD = 125
"""Bytes. RFC 6455 section 5.5."""

MAX_REASON = MAX_CONTROL_PAYLOAD - 2
"""Bytes of UTF-8 in the reason of a close frame."""

MIN_LIMIT = 125
"""Bytes. The smallest message limit a parser takes: the longest payload of a two-byte header."""


class End(NamedTuple):
    """Why a peer's stream of messages is over.

    `by_peer` is true for its close frame (answer with `code`), false for a violation (send a
    close frame with `code` and `reason`, and expect nothing more).
    """

    code: int
    reason: str
    by_peer: bool


class _Violation(Exception):
    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason


class FrameParser:
    """Turn one client's bytes into messages.

    After each `feed`, write what `take_output` returns before handling the messages: a peer
    that waits for our pong must not wait for our work. Then, if `ended` is set, the stream is
    over, and further bytes are ignored.

    `limit`: bytes of payload a message may have, counted over all its fragments; at least
    `MIN_LIMIT`. `control_frames` counts pings and pongs; whoever owns the clock resets it, and
    `max_control_frames` between two resets end the stream.
    `unfinished` numbers the messages that did not arrive whole in one read: it stands still
    while one of them is awaited, and is 0 between messages.
    """

    __slots__ = (
        "_fragments",
        "_need",
        "_opcode",
        "_output",
        "_serial",
        "_tail",
        "_utf8",
        "control_frames",
        "ended",
        "limit",
        "max_control_frames",
    )

    def __init__(self, limit: int, max_control_frames: int = 1000) -> None:
        self.limit = limit
        self.max_control_frames = max_control_frames
        self.control_frames = 0
        self.ended: End | None = None
        self._tail: bytearray | None = None  # bytes of a frame that has not arrived whole
        self._need = 0  # bytes the tail must reach before parsing it again is worth while
        self._fragments: bytearray | None = None  # payload of the message's fragments so far
        self._opcode = 0  # of the fragmented message
        self._utf8: codecs.IncrementalDecoder | None = None
        self._output: bytearray | None = None
        self._serial = 0

    @property
    def unfinished(self) -> int:
        return self._serial if self._tail or self._fragments is not None else 0

    def take_output(self) -> bytes:
        """Frames to write to the peer now (pongs); empty for most reads."""
        if self._output is None:
            return b""
        output, self._output = bytes(self._output), None
        return output

    def feed(self, data: bytes) -> list[Message]:
        """Parse `data` and return the messages that are complete with it, in order."""
        messages: list[Message] = []
        if self.ended is not None:
            return messages
        tail = self._tail
        if tail is not None:
            tail += data
            if len(tail) < self._need:
                return messages
            data = bytes(tail)
            self._tail = None
        at, end = 0, len(data)
        try:
            if self._fragments is None:
                # The common case, once more and without its exceptions: whole short texts.
                last = end - 6
                while at <= last and data[at] == 0x81:
                    short = data[at + 1]
                    stop = at + short - 122  # a header of 6, and 128 for the mask bit
                    if not 127 < short < 254 or stop > end:
                        break
                    messages.append(apply_mask(data[at + 6 : stop], data[at + 2 : at + 6]).decode())
                    at = stop
            while at < end:
                if end - at < 2:
                    self._need = 2
                    break
                first = data[at]
                length = data[at + 1] - 128  # the mask bit; negative where a client forgot it
                start = at + 6
                if not 0 <= length < 126:
                    if length < 0:
                        raise _Violation(PROTOCOL_ERROR, "client frames must be masked")
                    wide = 2 if length == 126 else 8
                    if first & 0x08:
                        raise _Violation(PROTOCOL_ERROR, "control frame too long")
                    start += wide
                    if start > end:
                        self._check_header(first)
                        self._need = start - at
                        break
                    length = int.from_bytes(data[at + 2 : at + 2 + wide], "big")
                    if length >> 63:
                        raise _Violation(PROTOCOL_ERROR, "frame length out of range")
                    if length > self.limit:
                        self._check_header(first)  # first, however the header was cut
                        raise _Violation(TOO_BIG, f"message over {self.limit} bytes")
                stop = start + length
                if stop > end:
                    self._check_header(first)
                    self._check_size(first, length)
                    self._need = stop - at
                    break
                payload = apply_mask(data[start:stop], data[start - 4 : start])
                if self._fragments is None and first == 0x81:
                    messages.append(payload.decode())
                elif self._fragments is None and first == 0x82:
                    messages.append(payload)
                else:
                    self._check_header(first)
                    self._check_size(first, length)
                    counted = tail is not None and not at
                    self._uncommon(first, payload, messages, counted)
                    if self.ended is not None:
                        self._fragments = None
                        return messages
                at = stop
        except UnicodeDecodeError:
            self._fail(INVALID_DATA, "text is not UTF-8")
        except _Violation as violation:
            self._fail(violation.code, violation.reason)
        else:
            if at < end:
                if self._fragments is None and (at or tail is None):
                    self._serial += 1
                self._tail = bytearray(data[at:] if at else data)
        return messages

    def _fail(self, code: int, reason: str) -> None:
        self._fragments = self._tail = None
        self.ended = End(code, reason, by_peer=False)

    def _check_header(self, first: int) -> None:
        """RFC 6455 section 5.2: what the first byte may be, given the frames before it."""
        if first & 0x70:
            raise _Violation(PROTOCOL_ERROR, "reserved bits without an extension")
        opcode = first & 0x0F
        if opcode >= _CLOSE:
            if opcode > _PONG:
                raise _Violation(PROTOCOL_ERROR, "unknown control frame")
            if not first & _FIN:
                raise _Violation(PROTOCOL_ERROR, "fragmented control frame")
        elif opcode > _BINARY:
            raise _Violation(PROTOCOL_ERROR, "unknown data frame")
        elif opcode == _CONTINUATION and self._fragments is None:
            raise _Violation(PROTOCOL_ERROR, "continuation of nothing")
        elif opcode != _CONTINUATION and self._fragments is not None:
            raise _Violation(PROTOCOL_ERROR, "new message inside a fragmented one")

    def _check_size(self, first: int, length: int) -> None:
        """The limit holds for the sum of the fragments, a control frame between them apart."""
        if first & 0x08 or self._fragments is None:
            return
        if len(self._fragments) + length > self.limit:
            raise _Violation(TOO_BIG, f"message over {self.limit} bytes")

    def _uncommon(self, first: int, payload: bytes, messages: list[Message], counted: bool) -> None:
        """`counted`: the frame did not arrive whole, so `unfinished` has its number."""
        opcode = first & 0x0F
        if opcode >= _CLOSE:
            self._control(opcode, payload)
            return
        if opcode != _CONTINUATION:
            self._opcode = opcode
            self._fragments = bytearray()
            if not counted:
                self._serial += 1
            if opcode == _TEXT:
                self._utf8 = codecs.getincrementaldecoder("utf-8")()
        assert self._fragments is not None  # `_check_header` refused every other way here
        final = bool(first & _FIN)
        if self._utf8 is not None:
            # Decoded here so that bad text ends at its fragment; decoded again when whole,
            # because a million fragments of one byte must not be a million strings.
            self._utf8.decode(payload, final)
        self._fragments += payload
        if final:
            whole, self._fragments, self._utf8 = self._fragments, None, None
            messages.append(whole.decode() if self._opcode == _TEXT else bytes(whole))

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == _CLOSE:
            self.ended = _parse_close(payload)
            return
        self.control_frames += 1
        if self.control_frames > self.max_control_frames:
            raise _Violation(POLICY, "too many pings")
        if opcode == _PING:
            if self._output is None:
                self._output = bytearray()
            self._output += bytes((_FIN | _PONG, len(payload))) + payload


def _parse_close(payload: bytes) -> End:
    if not payload:
        return End(NO_STATUS, "", by_peer=True)
    if len(payload) == 1:
        raise _Violation(PROTOCOL_ERROR, "close code cut short")
    code = int.from_bytes(payload[:2], "big")
    if not is_close_code(code):
        raise _Violation(PROTOCOL_ERROR, "invalid close code")
    return End(code, payload[2:].decode(), by_peer=True)


SHORT = 1024
"""Payloads below so many bytes find the header of their frame in a table."""


def _head(opcode: int, length: int) -> bytes:
    if length < 126:
        return bytes((_FIN | opcode, length))
    if length < 65536:
        return bytes((_FIN | opcode, 126)) + length.to_bytes(2, "big")
    return bytes((_FIN | opcode, 127)) + length.to_bytes(8, "big")


TEXT_HEADS = [_head(_TEXT, length) for length in range(SHORT)]
"""The header of a text frame, by the length of its payload."""


def text_frame(payload: bytes) -> bytes:
    """One text message; `payload` is its UTF-8."""
    length = len(payload)
    return (TEXT_HEADS[length] if length < SHORT else _head(_TEXT, length)) + payload


def binary_frame(payload: bytes) -> bytes:
    """One binary message."""
    return _head(_BINARY, len(payload)) + payload


PING = bytes((_FIN | _PING, 0))
"""A ping with nothing in it: whatever the peer says next proves that it is there."""


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame; `NO_STATUS` gives one without a code, a long reason is cut to fit.

    What UTF-8 cannot hold (a lone surrogate) is replaced: a close must not fail on its reason.
    """
    if code == NO_STATUS:
        return bytes((_FIN | _CLOSE, 0))
    text = reason.encode(errors="replace")[:MAX_REASON].decode(errors="ignore").encode()
    return bytes((_FIN | _CLOSE, 2 + len(text))) + code.to_bytes(2, "big") + text


def unframe(frames: bytes) -> list[Message]:
    """The messages in `frames`, which this module's `text_frame` and `binary_frame` made.

    For a transport whose server does its own framing (ASGI).
    """
    messages: list[Message] = []
    at = 0
    while at < len(frames):
        first, length = frames[at], frames[at + 1]
        start = at + 2
        if length > 125:
            wide = 2 if length == 126 else 8
            length = int.from_bytes(frames[start : start + wide], "big")
            start += wide
        at = start + length
        payload = frames[start:at]
        messages.append(payload.decode() if first & 0x0F == _TEXT else payload)
    return messages
