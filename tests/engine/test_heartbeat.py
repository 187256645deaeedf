import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.engine.heartbeat import Heartbeat
from hubbub.testing import FakeClock


class Peer:
    """Answers pings while `alive`; notes when it is found dead."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.slot = 0
        self.alive = True
        self.heard = True
        self.pings: list[float] = []
        self.found: float | None = None

    def ping(self) -> None:
        self.pings.append(self.clock.now())
        self.heard = self.alive

    def check(self) -> None:
        if not self.heard and self.found is None:
            self.found = self.clock.now()


async def test_each_peer_is_pinged_once_an_interval() -> None:
    clock = FakeClock()
    heartbeat = Heartbeat(clock, 20, 10)
    peer = Peer(clock)
    heartbeat.add(peer)
    await clock.advance(100)
    gaps = [b - a for a, b in zip(peer.pings, peer.pings[1:], strict=False)]
    assert len(peer.pings) == 5
    assert gaps == pytest.approx([20] * 4)


@given(joined=st.floats(0, 100), vanished=st.floats(0, 100))
async def test_a_vanished_peer_is_found_within_interval_and_timeout(
    joined: float, vanished: float
) -> None:
    clock = FakeClock()
    heartbeat = Heartbeat(clock, 20, 10)
    heartbeat.add(Peer(clock))
    await clock.advance(joined)
    peer = Peer(clock)
    heartbeat.add(peer)
    await clock.advance(vanished)
    peer.alive = False
    await clock.advance(60)
    assert peer.found is not None
    assert 9.99 <= peer.found - (joined + vanished) <= 30.01


async def test_a_peer_that_answers_is_never_found_dead_even_after_the_clock_jumped() -> None:
    clock = FakeClock()
    heartbeat = Heartbeat(clock, 20, 10)
    peer = Peer(clock)
    heartbeat.add(peer)
    await clock.advance(7)
    # The loop stood still for eight hours: the beat that was due comes once, late.
    clock._now += 8 * 3600
    await clock.advance(60)
    assert peer.found is None
    assert len(peer.pings) < 10


async def test_it_stands_still_without_peers_and_starts_again() -> None:
    clock = FakeClock()
    heartbeat = Heartbeat(clock, 20, 10)
    peer = Peer(clock)
    heartbeat.add(peer)
    heartbeat.discard(peer)
    heartbeat.discard(peer)
    await clock.advance(100)
    assert peer.pings == []
    heartbeat.add(peer)
    assert len(heartbeat) == 1
    await clock.advance(25)
    assert len(peer.pings) == 1
    heartbeat.stop()


async def test_a_timeout_as_long_as_the_interval_is_checked_before_the_next_ping() -> None:
    clock = FakeClock()
    heartbeat = Heartbeat(clock, 20, 20)
    peer = Peer(clock)
    heartbeat.add(peer)
    peer.alive = False
    await clock.advance(41)
    assert peer.found is not None
