"""One client: it opens, joins its room, and reads with care.

The careful way takes any bytes and is used before and after a measurement, and within one for
whatever is not a plain message. The fast way is in `load.py`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hubbub.cli.bench import frames
from hubbub.cli.bench.errors import ServerGone, WrongMessage
from hubbub.cli.bench.target import Target

CONNECT_TIMEOUT_S = 5.0
READ_BYTES = 65_536

Address = tuple[socket.AddressFamily, Any]
"""What `getaddrinfo` gives: a family, and where to connect in it."""


@dataclass(eq=False, slots=True)
class Room:
    """A room, and what has been said in it."""

    name: str
    members: list[Connection] = field(default_factory=list)
    sent: int = 0
    """Messages since the counts were last set to zero."""
    beginning: bytes = b""
    """How each frame begins that its members receive, up to what differs between messages; where
    messages are numbered, how each line of such a frame does, up to the text."""


@dataclass(eq=False, slots=True)
class Connection:
    """A member of a room."""

    target: Target
    room: Room
    sock: socket.socket
    voice: int = 0
    """The byte by which a talker knows its own messages."""
    tail: bytes = b""
    """The unfinished frame at the end of what was read last."""
    count: int = 0
    """Messages since the counts were last set to zero."""
    upgraded: bool = False
    joined: bool = False

    @classmethod
    def open(cls, target: Target, address: Address, room: Room) -> Connection:
        """Connect to `address` and ask for the upgrade; `receive` does the rest.

        Raises ServerGone if nobody listens.
        """
        family, where_it_is = address
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(CONNECT_TIMEOUT_S)
        try:
            sock.connect(where_it_is)
        except OSError as error:
            sock.close()
            where = f"{target.host}:{target.port}"
            raise ServerGone(f"cannot connect to {where}: {error.strerror or error}") from None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.send(frames.request(target.host, target.port, target.target_of(room.name)))
        sock.setblocking(False)
        return cls(target, room, sock)

    def enter(self) -> None:
        """Ask to be let into the room, once the connection is a WebSocket."""
        self.joined = not self.target.dialect.joined

    def speech(self, text: bytes, most: int) -> Callable[[int], bytes]:
        """What gives the bytes that say `text` so many times, up to `most`."""
        frame = frames.client_frame(frames.TEXT, self.target.payload(text))
        return [frame * count for count in range(most + 1)].__getitem__

    def owed(self) -> int:
        """How much of what was said should have been acknowledged by now, and was not."""
        return 0

    def say(self, text: bytes) -> None:
        """Send one message. A few hundred bytes always fit into an empty socket's buffer."""
        self.sock.send(frames.client_frame(frames.TEXT, self.target.payload(text)))
        self.room.sent += 1

    def receive(self) -> list[bytes]:
        """Read once; return the messages, as whole frames. `upgraded` and `joined` follow.

        Raises ServerGone, or WrongMessage for what is no frame.
        """
        try:
            data = self.sock.recv(READ_BYTES)
        except BlockingIOError:
            return []
        if not data:
            raise ServerGone("the server closed a connection")
        data = self.tail + data
        if not self.upgraded:
            end = frames.response_end(data)
            if not end:
                self.tail = data
                return []
            data = data[end:]
            self.upgraded = True
            self.enter()
        return list(self.sift(data))

    def sift(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages of `data`; answer what else wants it; keep the tail."""
        at = 0
        while frame := frames.frame_at(data, at):
            yield from self.take(frame.opcode, data[at : frame.end], frame.start - at)
            at = frame.end
        self.tail = data[at:]

    def take(self, opcode: int, frame: bytes, start: int) -> list[bytes]:
        """The messages of one frame, whose payload begins at `start`; what else it holds is
        answered. Raises ServerGone if it is the last, WrongMessage if it has no place here.
        """
        payload = frame[start:]
        if opcode == frames.TEXT:
            return self.messages(frame, payload)
        if opcode == frames.PING:
            self.sock.send(frames.client_frame(frames.PONG, payload))
        elif opcode == frames.CLOSE:
            code, reason = int.from_bytes(payload[:2]), payload[2:].decode(errors="replace")
            raise ServerGone(f"the server closed a connection: {code or 1005} {reason}".strip())
        elif opcode != frames.PONG:
            raise WrongMessage(f"a frame that is no text: {frame[:100]!r}")
        return []

    def messages(self, frame: bytes, payload: bytes) -> list[bytes]:
        """The frame itself, if it is a message for people."""
        answer = self.target.answer(payload)
        if answer is not None:
            self.sock.send(frames.client_frame(frames.TEXT, answer))
        elif self.joined:
            return [frame]
        elif payload.startswith(self.target.dialect.joined):
            self.joined = True
        else:
            raise WrongMessage(f"before the room was joined: {payload[:100]!r}")
        return []
