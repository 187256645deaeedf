"""Everyone at once: clients who subscribe in one moment, and ask for what was said before.

The server's loop cannot be looked into from here. A bystander asks it a small question every few
milliseconds, whether or not the last was answered; the longest it waits for an answer is an upper
bound on the time for which the loop was not free.
"""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import replace

from hubbub.cli.bench import frames, process
from hubbub.cli.bench.centrifuge import REPLY
from hubbub.cli.bench.connection import Connection
from hubbub.cli.bench.crowd import Crowd, Progress
from hubbub.cli.bench.errors import BenchError, ServerGone, WrongMessage
from hubbub.cli.bench.result import STEP_S, Result, quantiles_ms
from hubbub.cli.bench.shapes import Shape
from hubbub.cli.bench.target import CONNECT, SUBSCRIBE, Target
from hubbub.cli.bench.texts import VOICES, text_of

HISTORY = 100
"""Publications that everyone asks for."""

STATS = b'{"id":%d,"presence_stats":{"channel":"bench:%b"}}'
ASK = b'{"id":3,"history":{"channel":"bench:%b","limit":%d}}'

ASK_EVERY_NS = 5_000_000
HELPERS = Shape("helpers", "who speaks before, and who looks on", 2, 1, 1)


class Bystander:
    """Asks how many are in a room of its own, by the clock."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._number, self._due = 2, time.monotonic_ns()
        self._asked: deque[int] = deque()
        self.waits: list[int] = []
        """Nanoseconds from each question to its answer."""

    @property
    def waiting(self) -> bool:
        return bool(self._asked)

    def look(self, *, ask: bool = True) -> None:
        """Take what answers there are, and ask if it is time."""
        answers = sum(line.startswith(REPLY) for line in self._connection.receive())
        now = time.monotonic_ns()
        for _ in range(answers):
            self.waits.append(now - self._asked.popleft())
        if ask and now >= self._due:
            self._due = now + ASK_EVERY_NS
            self._number += 1
            question = STATS % (self._number, self._connection.room.name.encode())
            self._connection.sock.send(frames.client_frame(frames.TEXT, question))
            self._asked.append(time.monotonic_ns())


class Joining:
    """One run: clients who are connected already come into one room at once."""

    def __init__(self, target: Target, shape: Shape, deadline: float, progress: Progress) -> None:
        if not target.dialect.numbered:
            raise BenchError(f"{shape.name} is spoken in the dialect centrifuge only")
        connect_only = target.dialect._replace(hello=CONNECT, joined=b'{"id":1,"connect":{')
        outside = Target(target.host, target.port, target.path, connect_only, target.contract)
        self._deadline, self._progress = deadline, progress
        self._helpers = Crowd(target, HELPERS, deadline, progress)
        self._crowd = Crowd(outside, shape, deadline, progress)

    def close(self) -> None:
        self._helpers.close()
        self._crowd.close()

    def run(self, pid: int | None) -> Result:
        """Raises BenchError if not everyone gets all of the history."""
        self._helpers.open()
        speaker, onlooker = (room.members[0] for room in self._helpers.rooms)
        self._crowd.open()
        self._speak(speaker)
        bystander = Bystander(onlooker)
        self._progress("joining", 0.0)
        meter, started = process.Meter(pid), time.monotonic()
        histories = self._join(bystander, started + self._deadline)
        all_in = time.monotonic() - started
        while bystander.waiting:
            self._wait(started + self._deadline, "the bystander is not answered")
            bystander.look(ask=False)
        usage = meter.read()
        for history in histories:
            _check(history)
        return replace(
            self._crowd.result(usage),
            quantiles_ms=quantiles_ms(bystander.waits),
            all_in_ms=all_in * 1000,
        )

    def _speak(self, speaker: Connection) -> None:
        """Fill the room's history."""
        deadline = time.monotonic() + self._deadline
        for number in range(HISTORY):
            speaker.say(text_of(VOICES[0], number))
        while speaker.owed():
            self._wait(deadline, "what was said is not acknowledged")
            speaker.receive()

    def _join(self, bystander: Bystander, deadline: float) -> list[bytes]:
        """Have everyone subscribe and ask for the history; returns the answers."""
        (room,) = self._crowd.rooms
        name = room.name.encode()
        both = b"%b\n%b" % (SUBSCRIBE.encode().replace(b"{room}", name), ASK % (name, HISTORY))
        frame = frames.client_frame(frames.TEXT, both)
        for member in room.members:
            member.sock.send(frame)
            bystander.look()
        histories: list[bytes] = []
        while len(histories) < len(room.members):
            if time.monotonic() > deadline:
                missing = len(room.members) - len(histories)
                raise ServerGone(f"{missing:,} of {len(room.members):,} got no history")
            for descriptor, _ in self._crowd.epoll.poll(ASK_EVERY_NS / 1e10):
                histories += self._crowd.by_fd[descriptor].receive()
                bystander.look()
            bystander.look()
        return histories

    def _wait(self, deadline: float, otherwise: str) -> None:
        """Let a helper have something to read."""
        if not self._helpers.epoll.poll(STEP_S) and time.monotonic() > deadline:
            raise ServerGone(otherwise)


def _check(line: bytes) -> None:
    """See that `line` holds the whole history, in its order. Raises WrongMessage."""
    try:
        history = json.loads(line)["history"]
        offsets = [publication["offset"] for publication in history["publications"]]
        top = history["offset"]
    except (ValueError, KeyError, TypeError):
        raise WrongMessage(f"no history: {line[:200]!r}") from None
    if offsets != list(range(top - HISTORY + 1, top + 1)):
        raise WrongMessage(f"{len(offsets)} publications up to {top}: {str(offsets)[:200]}")
