"""The load: one thread, raw sockets, epoll, one buffer for all reads.

A server under test passes on millions of messages a second, so a message must cost next to
nothing here. All frames of a run have one length. Once it is known, what a read returned is
counted by division, every frame's header is checked by slices with that length as the step, and
the messages that a talker waits for are counted in the one column that holds its letter. The room
and the text are compared in the first frame of every read, and the counts of every connection
with what was sent, at the end.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from hubbub.cli.bench import frames, process
from hubbub.cli.bench.connection import Connection
from hubbub.cli.bench.crowd import (
    STAMP_DIGITS,
    VOICES,
    Crowd,
    Layout,
    Progress,
    text_of,
)
from hubbub.cli.bench.errors import ServerGone, WrongMessage
from hubbub.cli.bench.result import STEP_S, Result, quantiles_ms
from hubbub.cli.bench.shapes import Kind, Shape
from hubbub.cli.bench.target import Target

BUFFER_BYTES = 262_144

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
    crowd = Crowd(target, fitting, deadline, progress)
    try:
        with _without_collector():
            if fitting.kind is Kind.IDLE:
                result = _run_idle(crowd, fitting, pid, progress)
            else:
                crowd.open()
                load = Load(target, fitting, crowd, pid, progress)
                measure = load.closed if fitting.kind is Kind.CLOSED else load.paced
                result = measure(seconds, warm_up)
    except OSError as error:
        raise ServerGone(f"the server dropped a connection: {error.strerror}") from None
    finally:
        crowd.close()
    if fitting == shape:
        return result
    note = f"{shape.name}: {fitting.connections:,} connections, because no more files may be open"
    return replace(result, notes=[note])


def check(target: Target) -> None:
    """See that two in a room of `target` hear what one says. Raises BenchError."""
    crowd = Crowd(target, Shape("check", "2 in a room", 1, 2, 1), CHECK_S, lambda phase, done: None)
    try:
        crowd.open()
        crowd.learn()
    except OSError as error:
        raise ServerGone(f"the server dropped a connection: {error.strerror}") from None
    finally:
        crowd.close()


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
    return Result(
        shape=shape.name,
        connections=shape.connections,
        rooms=shape.rooms,
        connects_per_s=crowd.connects_per_s,
        usage=usage,
        bytes_per_connection=each,
        series=crowd.series,
    )


class Load:
    """The talking, once everyone is in."""

    def __init__(
        self, target: Target, shape: Shape, crowd: Crowd, pid: int | None, progress: Progress
    ) -> None:
        self._target, self._shape, self._crowd = target, shape, crowd
        self._pid, self._progress = pid, progress
        self._layout: Layout = crowd.learn()
        self._size = self._layout.size
        head = bytes((frames.TEXT_HEAD, self._layout.second))
        self._tails = (b"", head[:1], head)  # how what is left of a message may begin
        self._deliveries = 0
        self._series: list[float] = []
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        # Connections that epoll does not watch, where the sweep is, and when the next one begins.
        self._listeners: list[Connection] = []
        self._cursor = 0
        self._sweep_at = float("inf")

    # Reading -------------------------------------------------------------------------------

    def _read(self, connection: Connection) -> int:
        """Read once. The whole frames, as many as returned, are then at the buffer's front."""
        buffer, size, tail = self._buffer, self._size, connection.tail
        kept = len(tail)
        try:
            if kept:
                buffer[:kept] = tail
                end = kept + connection.sock.recv_into(self._view[kept:])
            else:
                end = connection.sock.recv_into(buffer)
        except BlockingIOError:
            return 0
        if end == kept:
            raise ServerGone("the server closed a connection")
        count = end // size
        stop = count * size
        if stop != end or tail:
            connection.tail = tail = bytes(self._view[stop:end])
        # Bodies are ASCII, so whatever is not a message of ours puts another byte than a text
        # frame's first where the next one should begin, or stands at the end with its own length.
        if buffer[0:stop:size].count(frames.TEXT_HEAD) != count or tail[:2] not in self._tails:
            count = self._read_with_care(connection, end)
        if count:
            if not buffer.startswith(connection.room.beginning):
                raise WrongMessage(f"in {connection.room.name}: {bytes(buffer[:size])!r}")
            connection.count += count
            self._deliveries += count
        return count

    def _read_with_care(self, connection: Connection, end: int) -> int:
        """As `_read`, where something that is no message lies among the bytes."""
        messages = list(connection.sift(bytes(self._view[:end])))
        for message in messages:
            if len(message) != self._size:
                raise WrongMessage(f"in {connection.room.name}: {message[:200]!r}")
        together = b"".join(messages)
        self._view[: len(together)] = together
        return len(messages)

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
            self._read(connection)
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
        bursts: dict[Connection, list[bytes]] = {}
        for room in self._crowd.rooms:
            for voice, talker in zip(VOICES, room.members[: shape.talkers], strict=False):
                talker.voice = voice
                payload = self._target.payload(text_of(voice))
                frame = frames.client_frame(frames.TEXT, payload)
                bursts[talker] = [frame * count for count in range(shape.in_flight + 1)]
        for talker, burst in bursts.items():
            talker.sock.send(burst[-1])
            talker.room.sent += shape.in_flight
        self._pump(bursts, warm_up, "warming up")
        before, self._series, meter = self._deliveries, [], process.Meter(self._pid)
        self._pump(bursts, seconds, "measuring")
        usage, deliveries = meter.read(), self._deliveries - before
        return self._result(usage, deliveries, self._drain())

    def _pump(self, bursts: dict[Connection, list[bytes]], seconds: float, phase: str) -> None:
        """Let the talkers talk: each sends as many messages as it sees its own come back."""
        buffer, read = self._buffer, self._read
        size, voice_at = self._size, self._layout.voice_at
        started = now = time.monotonic()
        end = started + seconds
        while now < end:
            before, step_began = self._deliveries, now
            for talker in self._readable(min(end, now + STEP_S)):
                whole = read(talker)
                own = buffer[voice_at : whole * size : size].count(talker.voice)
                if own:
                    if own > self._shape.in_flight:
                        raise WrongMessage(f"messages came back twice in {talker.room.name}")
                    # A few hundred bytes in flight at most: they always fit the socket's buffer.
                    talker.sock.send(bursts[talker][own])
                    talker.room.sent += own
            now = time.monotonic()
            self._series.append((self._deliveries - before) / (now - step_began))
            self._progress(phase, (now - started) / seconds)

    # By the clock --------------------------------------------------------------------------

    def paced(self, seconds: float, warm_up: float) -> Result:
        """`rate` messages per second, whatever comes back, each with the time it was sent."""
        samples: list[int] = []
        buffer, size, stamp_at = self._buffer, self._size, self._layout.stamp_at
        begin = end = 0

        def sample(connection: Connection, arrived: int) -> None:
            for at in range(stamp_at, self._read(connection) * size, size):
                sent = int(buffer[at : at + STAMP_DIGITS])
                if begin <= sent < end:
                    samples.append(arrived - sent)

        self._talk(warm_up, "warming up", sample)
        before, self._series, meter = self._deliveries, [], process.Meter(self._pid)
        begin = time.monotonic_ns()
        end = begin + round(seconds * 1e9)
        self._talk(seconds, "measuring", sample)
        usage, deliveries = meter.read(), self._deliveries - before
        missing = self._drain(sample)  # what was slow is a sample too
        return self._result(usage, deliveries, missing, quantiles_ms(samples))

    def _talk(self, seconds: float, phase: str, sample: Callable[[Connection, int], None]) -> None:
        """Send by the clock. A delivery has arrived when epoll says that it can be read: the
        time that this process takes to read the others first is not the server's."""
        poll, by_fd, rooms = self._crowd.epoll.poll, self._crowd.by_fd, self._crowd.rooms
        started = now = time.monotonic()
        interval, number, before = 1 / self._shape.rate, 0, self._deliveries
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
                self._series.append((self._deliveries - before) / (now - step_end + STEP_S))
                self._progress(phase, (now - started) / seconds)
                before, step_end = self._deliveries, now + STEP_S

    # The end -------------------------------------------------------------------------------

    def _drain(self, take: Callable[[Connection, int], None] | None = None) -> int:
        """Read what is still under way; returns how many deliveries are missing or too many."""
        rooms = self._crowd.rooms
        expected = sum(room.sent * len(room.members) for room in rooms)
        before, now = self._deliveries, time.monotonic()
        news, deadline = now, now + DRAIN_S
        while self._deliveries < expected and now < min(deadline, news + DRAIN_SILENCE_S):
            for connection in self._readable(now + STEP_S / 10):
                if take is None:
                    self._read(connection)
                else:
                    take(connection, time.monotonic_ns())
            now = time.monotonic()
            if self._deliveries != before:
                before, news = self._deliveries, now
        # What came twice comes now; the listeners' share of it is read by one more sweep.
        for connection in self._readable(time.monotonic() + 3 * SWEEP_S):
            self._read(connection)
        return sum(abs(room.sent - member.count) for room in rooms for member in room.members)

    def _result(
        self,
        usage: process.Usage,
        deliveries: int,
        missing: int,
        quantiles: list[float] | None = None,
    ) -> Result:
        return Result(
            shape=self._shape.name,
            connections=self._shape.connections,
            rooms=self._shape.rooms,
            connects_per_s=self._crowd.connects_per_s,
            usage=usage,
            deliveries_per_s=deliveries / usage.seconds,
            quantiles_ms=quantiles or [],
            missing=missing,
            series=self._series,
        )


@contextmanager
def _without_collector() -> Iterator[None]:
    """No pause of this process may count as the server's; nothing here makes cycles."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
