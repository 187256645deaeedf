"""Who is still there: a ring of peers, one slot of which is asked each step.

No timer per connection: one for the node. The ring moves one step per call and never catches
up, so a loop that was blocked, or a laptop that slept, does not find everyone late at once:
between a ping and its check there are always as many turns of the loop as there are steps.
"""

from __future__ import annotations

import math
import random
from typing import Protocol

from hubbub.contracts import Clock, Timer


class Peer(Protocol):
    """What is asked whether it is there."""

    slot: int
    """The heartbeat's own: where on its ring the peer stands."""

    def ping(self) -> None:
        """Ask. Called once an interval."""

    def check(self) -> None:
        """The time to answer is over: end the connection if nothing was heard since `ping`."""


class Heartbeat:
    """Pings each peer every `interval` seconds, and checks it `timeout` (less than that) later.

    A peer that vanished is found at most `interval + timeout` seconds after it was last heard, the
    timeout rounded up to a step of the ring.
    """

    STEPS = 40
    """Steps in an interval: how evenly the pings are spread."""

    def __init__(self, clock: Clock, interval: float, timeout: float) -> None:
        self._clock = clock
        self._delay = interval / self.STEPS
        # The check comes before the next ping, which forgets what was heard.
        # Not sooner than the time to answer is over: so many steps or one more.
        self._lag = min(math.ceil(timeout / self._delay - 1e-9), self.STEPS - 1)
        self._ring: list[set[Peer]] = [set() for _ in range(self.STEPS)]
        self._count = 0
        self._step = 0
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return self._count

    def add(self, peer: Peer, spread: bool = False) -> None:
        """Start asking `peer`, which counts as heard until its first ping.

        That is a whole interval away; with `spread` half to a whole one, at random.
        """
        early = random.randrange(self.STEPS // 2) if spread else 0
        # The slot just passed: its turn is a whole interval away.
        peer.slot = (self._step - 1 - early) % self.STEPS
        self._ring[peer.slot].add(peer)
        self._count += 1
        if self._timer is None:
            self._timer = self._clock.call_later(self._delay, self._beat)

    def discard(self, peer: Peer) -> None:
        """Ask `peer` no more; only for one that was added."""
        slot = self._ring[peer.slot]
        if peer in slot:
            slot.discard(peer)
            self._count -= 1
            if not self._count:
                self.stop()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        self._timer = self._clock.call_later(self._delay, self._beat)
        step = self._step
        self._step = (step + 1) % self.STEPS
        for peer in list(self._ring[(step - self._lag) % self.STEPS]):
            peer.check()
        for peer in list(self._ring[step]):
            peer.ping()
