"""The load: one thread, raw sockets, epoll.

It must never be what is measured: see `reading.py` for how messages are counted, and below for
who is read when. The counts of every connection are compared with what was sent, at the end.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from hubbub.cli.bench import process
from hubbub.cli.bench.connection import Connection
from hubbub.cli.bench.crowd import Crowd, Progress
from hubbub.cli.bench.errors import ServerGone, WrongMessage
from hubbub.cli.bench.joining import Joining
from hubbub.cli.bench.reading import Numbered, Uniform
from hubbub.cli.bench.result import STEP_S, Result, quantiles_ms
from hubbub.cli.bench.shapes import Kind, Shape
from hubbub.cli.bench.target import Target
from hubbub.cli.bench.texts import VOICES, text_of

T = TypeVar("T", Crowd, Joining)

SWEEP_S = 0.015
SWEEP_SLICE = 32
"""Listeners are read once in `SWEEP_S` seconds, a slice of them between two looks at the talkers:
thousands of reads of one message each would take more time than the server, and a sweep in one
piece would let the talkers wait."""


DRAIN_S = 20.0
DRAIN_SILENCE_S = 5.0
"""What is under way at the end is waited for so long, and so long after the last of it: a server
may deliver in bursts, with a queue of thousands read in between."""

CHECK_S = 5.0
"""Seconds in which a server that is up has passed on one message."""


def run(
    target: Target,
    shape: Shape,
    *,
    seconds: float = 3.0,
    warm_up: float = 1.0,
    pid: int | None = None,
    deadline: float = 60.0,
    progress: Progress = lambda phase, done: None,
) -> Result:
    """Put the load of `shape` on `target`; `pid` is the server's process, if it may be looked at.

    Opening the connections takes `deadline` seconds at most, their first message as long, and the
    rest `warm_up`, `seconds` and a few more. Raises BenchError.
    """
    fitting = shape.within(process.raise_file_limit())
    with _without_collector():
        if fitting.kind is Kind.JOIN:
            with _opened(Joining(target, fitting, deadline, progress)) as joining:
                result = joining.run(pid)
        else:
            with _opened(Crowd(target, fitting, deadline, progress)) as crowd:
                result = _run_with(crowd, fitting, seconds, warm_up, pid, progress)
    if fitting == shape:
        return result
    note = f"{shape.name}: {fitting.connections:,} connections, because no more files may be open"
    return replace(result, notes=[note])


def check(target: Target) -> None:
    """See that two in a room of `target` hear what one says. Raises BenchError."""
    shape = Shape("check", "2 in a room", 1, 2, 1)
    with _opened(Crowd(target, shape, CHECK_S, lambda phase, done: None)) as crowd:
        crowd.open()
        crowd.learn()


def _run_with(
    crowd: Crowd,
    shape: Shape,
    seconds: float,
    warm_up: float,
    pid: int | None,
    progress: Progress,
) -> Result:
    if shape.kind is Kind.IDLE:
        return _run_idle(crowd, shape, pid, progress)
    crowd.open()
    load = Load(shape, crowd, pid, progress)
    measure = load.closed if shape.kind is Kind.CLOSED else load.paced
    return measure(seconds, warm_up)


def _run_idle(crowd: Crowd, shape: Shape, pid: int | None, progress: Progress) -> Result:
    before = None if pid is None else process.settled_bytes(pid)
    meter = process.Meter(pid)
    crowd.open()
    usage = meter.read()
    progress("settling", 1.0)
    each = None
    if pid is not None and before is not None:
        each = (process.settled_bytes(pid) - before) / shape.connections
    progress("checking", 1.0)
    crowd.learn()  # everyone is still there and hears their room
    return replace(crowd.result(usage), bytes_per_connection=each, series=crowd.series)


class Load:
    """The talking, once everyone is in."""

    def __init__(self, shape: Shape, crowd: Crowd, pid: int | None, progress: Progress) -> None:
        self._shape, self._crowd = shape, crowd
        self._pid, self._progress = pid, progress
        layout = crowd.learn()
        self._reader = Numbered() if layout is None else Uniform(layout)
        self._series: list[float] = []
        # Connections that epoll does not watch, where the sweep is, and when the next one begins.
        self._listeners: list[Connection] = []
        self._cursor = 0
        self._sweep_at = float("inf")

    # Reading -------------------------------------------------------------------------------

    def _stop_watching_listeners(self) -> None:
        for room in self._crowd.rooms:
            for connection in room.members[self._shape.talkers :]:
                self._crowd.epoll.unregister(connection.sock.fileno())
                self._listeners.append(connection)
        if self._listeners:
            self._sweep_at = 0.0

    def _sweep(self) -> None:
        """Read the next slice of the listeners."""
        for connection in self._listeners[self._cursor : self._cursor + SWEEP_SLICE]:
            self._reader.read(connection)
        self._cursor += SWEEP_SLICE
        if self._cursor >= len(self._listeners):
            self._cursor = 0
            self._sweep_at = time.monotonic() + SWEEP_S

    def _readable(self, until: float) -> Iterator[Connection]:
        """The watched connections with something to read, as they come, until a moment.

        The listeners are swept on the way.
        """
        poll, by_fd, clock = self._crowd.epoll.poll, self._crowd.by_fd, time.monotonic
        while (now := clock()) < until:
            sweeping = now >= self._sweep_at
            for descriptor, _ in poll(0 if sweeping else min(until, self._sweep_at) - now):
                yield by_fd[descriptor]
            if sweeping:
                self._sweep()

    # As fast as the server can -------------------------------------------------------------

    def closed(self, seconds: float, warm_up: float) -> Result:
        """Each talker has `in_flight` messages under way, and another for each that comes back."""
        self._stop_watching_listeners()
        shape = self._shape
        speeches: dict[Connection, Callable[[int], bytes]] = {}
        for room in self._crowd.rooms:
            for voice, talker in zip(VOICES, room.members[: shape.talkers], strict=False):
                talker.voice = voice
                speeches[talker] = talker.speech(text_of(voice), shape.in_flight)
        for talker, speech in speeches.items():
            talker.sock.send(speech(shape.in_flight))
            talker.room.sent += shape.in_flight
        self._pump(speeches, warm_up, "warming up")
        before, self._series, meter = self._reader.deliveries, [], process.Meter(self._pid)
        self._pump(speeches, seconds, "measuring")
        usage, deliveries = meter.read(), self._reader.deliveries - before
        return self._result(usage, deliveries, self._drain())

    def _pump(
        self, speeches: dict[Connection, Callable[[int], bytes]], seconds: float, phase: str
    ) -> None:
        """Let the talkers talk: each sends as many messages as it sees its own come back."""
        reader, read, own_of = self._reader, self._reader.read, self._reader.own
        started = now = time.monotonic()
        end = started + seconds
        while now < end:
            before, step_began = reader.deliveries, now
            for talker in self._readable(min(end, now + STEP_S)):
                own = own_of(talker.voice) if read(talker) else 0
                if own:
                    if own > self._shape.in_flight:
                        raise WrongMessage(f"messages came back twice in {talker.room.name}")
                    # A few hundred bytes in flight at most: they always fit the socket's buffer.
                    talker.sock.send(speeches[talker](own))
                    talker.room.sent += own
            now = time.monotonic()
            self._series.append((self._reader.deliveries - before) / (now - step_began))
            self._progress(phase, (now - started) / seconds)

    # By the clock --------------------------------------------------------------------------

    def paced(self, seconds: float, warm_up: float) -> Result:
        """`rate` messages per second, whatever comes back, each with the time it was sent."""
        samples: list[int] = []
        reader = self._reader
        begin = end = 0

        def sample(connection: Connection, arrived: int) -> None:
            if reader.read(connection):
                samples.extend(arrived - sent for sent in reader.stamps() if begin <= sent < end)

        self._talk(warm_up, "warming up", sample)
        before, self._series, meter = self._reader.deliveries, [], process.Meter(self._pid)
        begin = time.monotonic_ns()
        end = begin + round(seconds * 1e9)
        self._talk(seconds, "measuring", sample)
        usage, deliveries = meter.read(), self._reader.deliveries - before
        missing = self._drain(sample)  # what was slow is a sample too
        return self._result(usage, deliveries, missing, quantiles_ms(samples))

    def _talk(self, seconds: float, phase: str, sample: Callable[[Connection, int], None]) -> None:
        """Send by the clock. A delivery has arrived when epoll says that it can be read: the
        time that this process takes to read the others first is not the server's."""
        poll, by_fd, rooms = self._crowd.epoll.poll, self._crowd.by_fd, self._crowd.rooms
        started = now = time.monotonic()
        interval, number, before = 1 / self._shape.rate, 0, self._reader.deliveries
        step_end = started + STEP_S
        while now < started + seconds:
            due = started + number * interval
            if now >= due:
                talker = rooms[number % len(rooms)].members[0]
                talker.say(text_of(VOICES[0], time.monotonic_ns()))
                number += 1
                due += interval
            readable = poll(max(0.0, min(due, started + seconds) - now))
            arrived = time.monotonic_ns()
            for descriptor, _ in readable:
                sample(by_fd[descriptor], arrived)
            now = time.monotonic()
            if now >= step_end:
                self._series.append((self._reader.deliveries - before) / (now - step_end + STEP_S))
                self._progress(phase, (now - started) / seconds)
                before, step_end = self._reader.deliveries, now + STEP_S

    # The end -------------------------------------------------------------------------------

    def _drain(self, take: Callable[[Connection, int], None] | None = None) -> int:
        """Read what is still under way; returns how many deliveries are missing or too many.

        Raises WrongMessage if acknowledgements are missing.
        """
        rooms, everyone = self._crowd.rooms, self._crowd.by_fd.values()
        expected = sum(room.sent * len(room.members) for room in rooms)
        before, now = self._reader.deliveries, time.monotonic()
        news, deadline = now, now + DRAIN_S
        while now < min(deadline, news + DRAIN_SILENCE_S) and (
            self._reader.deliveries < expected or any(member.owed() for member in everyone)
        ):
            for connection in self._readable(now + STEP_S / 10):
                if take is None:
                    self._reader.read(connection)
                else:
                    take(connection, time.monotonic_ns())
            now = time.monotonic()
            if self._reader.deliveries != before:
                before, news = self._reader.deliveries, now
        # What came twice comes now; the listeners' share of it is read by one more sweep.
        for connection in self._readable(time.monotonic() + 3 * SWEEP_S):
            self._reader.read(connection)
        if owed := sum(member.owed() for member in everyone):
            raise WrongMessage(f"{owed:,} messages were not acknowledged")
        return sum(abs(room.sent - member.count) for room in rooms for member in room.members)

    def _result(
        self,
        usage: process.Usage,
        deliveries: int,
        missing: int,
        quantiles: list[float] | None = None,
    ) -> Result:
        return replace(
            self._crowd.result(usage),
            deliveries_per_s=deliveries / usage.seconds,
            quantiles_ms=quantiles or [],
            missing=missing,
            series=self._series,
        )


@contextmanager
def _opened(what: T) -> Iterator[T]:
    """`what`, closed at the end; a lost connection is told as such."""
    try:
        yield what
    except OSError as error:
        raise ServerGone(f"the server dropped a connection: {error.strerror}") from None
    finally:
        what.close()


@contextmanager
def _without_collector() -> Iterator[None]:
    """No pause of this process may count as the server's; nothing here makes cycles."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
