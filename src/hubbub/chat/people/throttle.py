"""How often something may be tried: a bucket of tokens for each key, in bounded memory.

Counted in this process; several servers let each as many through.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable

MOST = 50_000
"""Keys that are remembered. The one not seen for longest is forgotten first."""


class Throttle:
    """`burst` tries at once for each key, and one more every `seconds`.

    `clock` is monotonic, in seconds.
    """

    def __init__(
        self, burst: int, seconds: float, clock: Callable[[], float], most: int = MOST
    ) -> None:
        self._burst = burst
        self._seconds = seconds
        self._clock = clock
        self._most = most
        # When the bucket of a key will be full again: what is not here is full.
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str) -> float:
        """Take a try; returns 0.0, or the seconds until there is one, and takes nothing."""
        now = self._clock()
        full_at = max(now, self._full_at.get(key, now)) + self._seconds
        wait = full_at - now - self._burst * self._seconds
        if wait > 1e-6:
            return wait
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        self._forget(now)
        return 0.0

    def give_back(self, key: str) -> None:
        """Undo a `take`: it was no guess."""
        full_at = self._full_at.get(key)
        if full_at is not None:
            self._full_at[key] = full_at - self._seconds

    def _forget(self, now: float) -> None:
        while self._full_at:
            key, full_at = next(iter(self._full_at.items()))
            if full_at > now and len(self._full_at) <= self._most:
                return
            del self._full_at[key]


def network(address: str) -> str:
    """What counts as one place: an IPv4 address, or the /64 of an IPv6 one, which is what one
    customer has."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((int(ip), 64), strict=False))
    return str(ip)
