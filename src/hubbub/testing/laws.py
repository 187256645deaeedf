"""The laws of the seams (`hubbub.contracts`), and what records a transport's calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from hubbub.contracts import Clock, Receiver, Sink
from hubbub.model import Disconnect
from hubbub.testing.client import Closed, until
from hubbub.wire.frames import binary_frame, text_frame


class RecordingSink:
    """A sink that keeps what it is given, and whose peer can be made slow (`contracts.Sink`)."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.closed: Disconnect | None = None
        self.aborted = False
        self.reading = True

    def write(self, frames: bytes) -> None:
        if self.closed is None and not self.aborted:
            self.frames.append(frames)

    def close(self, disconnect: Disconnect) -> None:
        if self.closed is None and not self.aborted:
            self.closed = disconnect

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def stalled(self) -> bool:
        return False

    def take(self) -> bytes:
        """Everything written since the last call."""
        data = b"".join(self.frames)
        self.frames.clear()
        return data


_sink: type[Sink] = RecordingSink


class RecordingReceiver:
    """Keeps what a transport tells it (`contracts.Receiver`)."""

    def __init__(self) -> None:
        self.messages: list[str | bytes] = []
        self.ended: Disconnect | None = None
        self.behind = False

    def received(self, messages: list[str | bytes]) -> None:
        self.messages += messages

    def lost(self, disconnect: Disconnect) -> None:
        self.ended = self.ended or disconnect

    def hang_up(self, disconnect: Disconnect) -> None:
        self.ended = self.ended or disconnect

    def writing_paused(self) -> None:
        self.behind = True

    def writing_resumed(self) -> None:
        self.behind = False


_receiver: type[Receiver] = RecordingReceiver


class Peer(Protocol):
    """The far end of a sink under test."""

    async def send(self, message: str | bytes) -> None: ...

    async def receive(self) -> str | bytes:
        """The next message; raises `Closed` when the sink's side ends the connection."""

    async def vanish(self) -> None: ...


class Wired(NamedTuple):
    """A sink with its receiver attached, and the peer at the other end."""

    sink: Sink
    receiver: RecordingReceiver
    peer: Peer


async def sink_laws(wire: Callable[[], AbstractAsyncContextManager[Wired]]) -> None:
    """Hold a sink to the laws of `contracts.Sink`; `wire` opens a fresh connection each time."""
    async with wire() as (sink, _receiver, peer):
        for number in range(100):
            sink.write(text_frame(str(number).encode()) + binary_frame(bytes([number])))
        sink.write(text_frame(b"x" * 70_000))
        for number in range(100):
            assert await peer.receive() == str(number), "bytes arrive in the order written"
            assert await peer.receive() == bytes([number]), "whole frames at a time"
        assert await peer.receive() == "x" * 70_000

    async with wire() as (sink, _receiver, peer):
        sink.write(text_frame(b"last words"))
        sink.close(Disconnect(4000, "enough"))
        sink.write(text_frame(b"ignored"))
        sink.close(Disconnect(4001, "ignored"))
        assert await peer.receive() == "last words", "what was written goes out before the close"
        try:
            message = await peer.receive()
        except Closed as closed:
            assert (closed.code, closed.reason) == (4000, "enough")
        else:
            raise AssertionError(f"written after close, and yet received: {message!r}")

    async with wire() as (sink, receiver, peer):
        await peer.send("one")
        await until(lambda: receiver.messages == ["one"])
        await peer.vanish()
        await until(lambda: receiver.ended is not None)
        for call in (sink.pause_reading, sink.resume_reading, sink.abort):
            call()
        sink.write(text_frame(b"to nobody"))
        sink.close(Disconnect(1000, ""))  # nothing above raised: that is the law

    async with wire() as (sink, receiver, peer):
        sink.pause_reading()
        sink.pause_reading()
        sink.write(text_frame(b"still written"))
        assert await peer.receive() == "still written", "reading paused does not stop writing"
        await peer.send("later")
        sink.resume_reading()
        sink.resume_reading()
        await until(lambda: receiver.messages == ["later"])
        sink.abort()
        sink.write(text_frame(b"ignored"))


async def clock_laws(clock: Clock, step: Callable[[float], Awaitable[None]]) -> None:
    """Hold a clock to the laws of `contracts.Clock`; `step` lets so many seconds pass."""
    made: list[str] = []
    start = clock.now()
    clock.call_later(0.02, lambda: made.append("later"))
    clock.call_later(0.01, lambda: made.append("sooner"))
    cancelled = clock.call_later(0.01, lambda: made.append("cancelled"))
    cancelled.cancel()
    cancelled.cancel()
    clock.call_later(0.0, lambda: made.append("at once"))
    assert made == [], "a call is never made inside call_later"
    await step(0.05)
    assert made == ["at once", "sooner", "later"], "in the order of their due times"
    assert clock.now() >= start + 0.02, "never before it is due"
    cancelled.cancel()
