"""A client of Centrifuge's protocol, in JSON over WebSocket: as much of it as load needs.

Nothing is taken on trust: every publish must be acknowledged once and in order, and the
publications of a room must come with its offsets one after another. A frame may hold one message
or several, one a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from hubbub.cli.bench import frames
from hubbub.cli.bench.connection import Connection
from hubbub.cli.bench.errors import ServerGone, WrongMessage
from hubbub.cli.bench.texts import FILLER

FIRST_ID = 100_000_000
"""Of the first publish. All ids of a run have nine digits, and so all publishes of a talker one
length."""

SCRIPT = 250
"""Publishes that are written in one go: a part of a thousand."""

PING = b"{}"
REPLY = b'{"id":'
ACKNOWLEDGED = b'{"id":%d,"publish":{}}'

_DIGITS_AT = 18
"""Of an id's last three, in a masked frame: behind 6 bytes of header, `{"id":` and six others."""
_DIGITS = [
    frames.client_frame(frames.TEXT, b'{"id":%d' % number)[_DIGITS_AT:]
    for number in range(FIRST_ID, FIRST_ID + 1000)
]
_JOINING = (b'{"id":1,', b'{"id":2,')  # connect and subscribe
_OFFSET = re.compile(rb'"offset":(\d+)')
_ERROR = re.compile(rb'\{"id":\d+,"error":')


class Stride(NamedTuple):
    """How a frame with one publication looks, as long as its offset has so many digits."""

    size: int
    beginning: bytes
    """From the header to where the text begins."""
    mark_at: int
    """The header's last byte, which tells the length and is in no text if that is over 125."""
    marks: re.Pattern[bytes]
    """As many of that byte as there are."""
    voice_at: int
    digits_at: int
    ending: bytes
    """What follows the offset."""
    limit: int
    """The first offset that has a digit more."""


@dataclass(eq=False, slots=True)
class Subscriber(Connection):
    """A client who subscribes to its room."""

    offset: int = 0
    """Of the last publication that came."""
    asked: int = FIRST_ID - 1
    """The id of the last publish."""
    acknowledged: int = FIRST_ID - 1
    """The id of the last one acknowledged."""
    stride: Stride | None = None

    def enter(self) -> None:
        self.room.beginning = self.target.lead(self.room.name)
        self.sock.send(frames.client_frame(frames.TEXT, self.target.hello(self.room.name)))

    def publish(self, text: bytes) -> bytes:
        """The command that says `text`, with %d for its id."""
        return self.target.payload(text).replace(b"{room}", self.room.name.encode())

    def say(self, text: bytes) -> None:
        self.asked += 1
        self.sock.send(frames.client_frame(frames.TEXT, self.publish(text) % self.asked))
        self.room.sent += 1

    def speech(self, text: bytes, most: int) -> Callable[[int], bytes]:
        return Script(self, self.publish(text))

    def owed(self) -> int:
        return self.asked - self.acknowledged

    def messages(self, frame: bytes, payload: bytes) -> list[bytes]:
        """The lines that are publications, or answers to anything but joining and publishing."""
        if payload.startswith(REPLY) and self._acknowledge(payload, payload.count(b"\n") + 1):
            return []
        lines = [line for line in payload.split(b"\n") if line and self._is_for_us(line)]
        if len(lines) == 1 and payload.startswith(self.room.beginning):
            self.stride = self._stride(frame, len(frame) - len(payload))
        return lines

    def _acknowledge(self, payload: bytes, count: int) -> bool:
        """Whether `payload` acknowledges the next `count` publishes, and nothing else."""
        last = self.acknowledged + count
        if last > self.asked:
            return False
        ids = range(self.acknowledged + 1, last + 1)
        if payload != b"\n".join([ACKNOWLEDGED % number for number in ids]):
            return False
        self.acknowledged = last
        return True

    def _is_for_us(self, line: bytes) -> bool:
        if line.startswith(self.room.beginning):
            self._count(line)
            return True
        if line == PING:
            self.sock.send(frames.client_frame(frames.TEXT, PING))
        elif not line.startswith(REPLY):
            raise WrongMessage(f"in {self.room.name}: {line[:200]!r}")
        elif _ERROR.match(line):
            raise WrongMessage(f"the server answered with an error: {line[:200]!r}")
        elif line.startswith(_JOINING):
            self._join(line)
        elif b'"publish":' in line[:32]:
            if not self._acknowledge(line, 1):
                expected = ACKNOWLEDGED % (self.acknowledged + 1)
                raise WrongMessage(
                    f"acknowledged twice or out of turn: {line[:100]!r}, not {expected!r}"
                )
        else:
            return True
        return False

    def _join(self, line: bytes) -> None:
        try:
            reply = json.loads(line)
        except ValueError:
            raise ServerGone(f"not JSON: {line[:200]!r}") from None
        self.offset = reply.get("subscribe", {}).get("offset", 0)
        self.joined = self.joined or line.startswith(self.target.dialect.joined)

    def _count(self, line: bytes) -> None:
        """See that `line` bears the next offset."""
        found = _OFFSET.search(line, len(self.room.beginning))
        offset = int(found[1]) if found else None
        if offset != self.offset + 1:
            raise WrongMessage(
                f"in {self.room.name}: offset {offset} where {self.offset + 1} comes next"
            )
        self.offset += 1

    def _stride(self, frame: bytes, start: int) -> Stride:
        """What the frame says of those that follow."""
        found = _OFFSET.search(frame, start)
        assert found is not None  # it was counted
        begins = start + len(self.room.beginning)
        return Stride(
            len(frame),
            frame[:begins],
            start - 1,
            re.compile(re.escape(frame[start - 1 : start]) + b"*"),
            begins + len(FILLER),
            found.start(1),
            frame[found.end(1) :],
            10 ** len(found[1]),
        )


class Script:
    """What one talker says: the same text, each time with its next id.

    A mask goes by place, so of two publishes the same bytes differ before and after masking: the
    last digits of the id. They are put between the rest, which is masked once in a thousand.
    """

    def __init__(self, talker: Subscriber, publish: bytes) -> None:
        self._talker, self._publish = talker, publish
        self._size = len(frames.client_frame(frames.TEXT, publish % FIRST_ID))
        self._frames, self._at = b"", 0

    def __call__(self, count: int) -> bytes:
        """The next `count` publishes, as bytes to be sent at once."""
        wanted = count * self._size
        said = self._frames[self._at : self._at + wanted]
        self._at += len(said)
        while len(said) < wanted:
            self._write(self._talker.asked + 1 + len(said) // self._size)
            self._at = min(wanted - len(said), len(self._frames))
            said += self._frames[: self._at]
        self._talker.asked += count
        return said

    def _write(self, first: int) -> None:
        """Frames from id `first` to the end of its block."""
        frame = frames.client_frame(frames.TEXT, self._publish % first)
        before, after = frame[:_DIGITS_AT], frame[_DIGITS_AT + 3 :]
        start = first % 1000
        digits = _DIGITS[start : (start // SCRIPT + 1) * SCRIPT]
        self._frames = before + (after + before).join(digits) + after
