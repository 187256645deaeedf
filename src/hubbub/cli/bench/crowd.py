"""Everyone who connects: opened, brought into their rooms, and heard by each other."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from typing import NamedTuple

from hubbub.cli.bench.centrifuge import Subscriber
from hubbub.cli.bench.connection import Address, Connection, Room
from hubbub.cli.bench.errors import BenchError, ServerGone, WrongMessage
from hubbub.cli.bench.process import Usage
from hubbub.cli.bench.result import STEP_S, Result
from hubbub.cli.bench.shapes import Shape
from hubbub.cli.bench.target import Target
from hubbub.cli.bench.texts import FILLER, STAMP_DIGITS, VOICES, text_of

Progress = Callable[[str, float], None]
"""Told what is being done and how much of it, from 0 to 1."""

HANDSHAKES = 64
"""Connections that may be opening at once: fewer than the shortest queue of a common server."""

SILENCE_S = 1.0
"""Seconds without any message after which no more is coming."""


class Layout(NamedTuple):
    """The one frame that all deliveries of a run look like. Offsets and sizes in bytes."""

    size: int
    second: int
    """The byte behind the first, where RFC 6455 begins to tell the length."""
    voice_at: int
    stamp_at: int


class Crowd:
    """The connections of one run."""

    def __init__(self, target: Target, shape: Shape, deadline: float, progress: Progress) -> None:
        if not hasattr(select, "epoll"):
            raise BenchError("the load generator needs Linux (epoll)")
        if shape.rooms > 1 and not target.names_rooms:
            raise BenchError(f"{{room}} is missing in {target.path!r}: {shape.name} has several")
        if not 1 <= shape.talkers <= min(len(VOICES), shape.members):
            raise BenchError(f"{shape.name}: 1 to {len(VOICES)} talkers, all of them members")
        self._target, self._shape = target, shape
        self._deadline, self._progress = deadline, progress
        self._kind = Subscriber if target.dialect.numbered else Connection
        width = len(str(shape.rooms))
        self.rooms = [Room(f"bench-{number:0{width}}") for number in range(shape.rooms)]
        self.by_fd: dict[int, Connection] = {}
        self.epoll = select.epoll()
        self.connects_per_s = 0.0
        self.series: list[float] = []
        """Connections so far, one number for every `STEP_S` seconds of opening."""
        self._layout: Layout | None = None

    def close(self) -> None:
        """End every connection at once: what the server then does is not measured."""
        for connection in self.by_fd.values():
            connection.sock.close()
        self.epoll.close()

    def open(self) -> None:
        """Bring everyone into their rooms. Raises ServerGone when the deadline passes."""
        wanted, started = self._shape.connections, time.monotonic()
        waiting = [room for _ in range(self._shape.members) for room in self.rooms]
        waiting.reverse()
        address, opening, reported = self._address(), set[Connection](), started
        while waiting or opening:
            while waiting and len(opening) < HANDSHAKES:
                opening.add(self._open_one(address, waiting.pop()))
            for descriptor, _ in self.epoll.poll(STEP_S):
                connection = self.by_fd[descriptor]
                connection.receive()
                if connection.joined:
                    opening.discard(connection)
            now, opened = time.monotonic(), len(self.by_fd) - len(opening)
            if now >= reported + STEP_S:
                reported = now
                self.series.append(float(opened))
                self._progress("opening", opened / wanted)
            if now > started + self._deadline and opened < wanted:
                limit = f"{self._deadline:.0f} s"
                raise ServerGone(f"only {opened:,} of {wanted:,} were let in within {limit}")
        self.connects_per_s = wanted / (time.monotonic() - started)

    def _open_one(self, address: Address, room: Room) -> Connection:
        connection = self._kind.open(self._target, address, room)
        room.members.append(connection)
        self.by_fd[connection.sock.fileno()] = connection
        self.epoll.register(connection.sock.fileno(), select.EPOLLIN)
        return connection

    def _address(self) -> Address:
        try:
            found = socket.getaddrinfo(
                self._target.host, self._target.port, type=socket.SOCK_STREAM
            )
        except OSError as error:
            raise ServerGone(f"{self._target.host}: {error.strerror}") from None
        family, _, _, _, address = found[0]
        return family, address

    def result(self, usage: Usage) -> Result:
        """What is known of the run when all are in."""
        return Result(
            shape=self._shape.name,
            connections=self._shape.connections,
            rooms=self._shape.rooms,
            connects_per_s=self.connects_per_s,
            usage=usage,
        )

    def learn(self) -> Layout | None:
        """Have one message heard by every member of every room, and learn the frame from it.

        Where messages are numbered, and so not alike, there is nothing to learn: returns None.

        A server may answer the handshake before it has put the member into the room, so a probe
        that not everyone heard is followed by another. The last is heard by all, and since a room
        keeps its order, nothing is under way behind it. Raises ServerGone when the deadline
        passes, WrongMessage for anything but probes.
        """
        deadline = time.monotonic() + self._deadline
        number, news, silent = 0, 0.0, set(self.by_fd.values())
        while silent:
            now = time.monotonic()
            if now > deadline:
                deaf = f"{len(silent):,} of {len(self.by_fd):,} connections"
                raise ServerGone(f"{deaf} do not hear what is said in their room")
            if now > news + SILENCE_S:
                number, news, silent = number + 1, now, set(self.by_fd.values())
                for room in self.rooms:
                    room.members[0].say(text_of(VOICES[0], number))
            for descriptor, _ in self.epoll.poll(STEP_S):
                connection = self.by_fd[descriptor]
                for frame in connection.receive():
                    news = now
                    if self._probe_in(frame, connection.room, number) == number:
                        silent.discard(connection)
        for room in self.rooms:
            room.sent = 0
        return self._layout

    def _probe_in(self, frame: bytes, room: Room, last: int) -> int:
        """The number of the probe in `frame`. Raises WrongMessage if it holds none of `room`."""
        voice_at = frame.find(FILLER) + len(FILLER)
        stamp_at = voice_at + 1
        digits = frame[stamp_at : stamp_at + STAMP_DIGITS]
        number = int(digits) if digits.isdigit() else 0
        body = self._target.body(room.name, text_of(VOICES[0], number))
        if not 0 < number <= last or body not in frame:
            expected = self._target.body(room.name, text_of(VOICES[0], last))
            raise WrongMessage(f"expected {expected!r} in {room.name}, got {frame[:200]!r}")
        if self._target.dialect.numbered:
            return number
        layout = Layout(len(frame), frame[1], voice_at, stamp_at)
        room.beginning = room.beginning or frame[:voice_at]
        if layout != (self._layout or layout) or not frame.startswith(room.beginning):
            raise WrongMessage(f"{frame[:200]!r} is not framed like the others")
        self._layout = layout
        return number
