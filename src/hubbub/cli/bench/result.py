"""What one run gave."""

from __future__ import annotations

from dataclasses import dataclass, field

from hubbub.cli.bench.process import Usage

STEP_S = 0.25
"""Seconds between two points of a result's series, and two reports of progress."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """The numbers of one run of a shape."""

    shape: str
    connections: int
    rooms: int
    connects_per_s: float
    usage: Usage
    """Of the measured part, without the warm-up; of the opening, where nobody talks."""
    deliveries_per_s: float | None = None
    quantiles_ms: list[float] = field(default_factory=list)
    """Milliseconds from sending to receiving, at 0.0, 0.1, … 100.0 percent of the deliveries;
    where all join at once, of a bystander's questions."""
    all_in_ms: float | None = None
    """Milliseconds until all who joined at once had what they asked for."""
    bytes_per_connection: float | None = None
    """Bytes of the server's memory that each idle connection takes."""
    missing: int = 0
    """Deliveries that never came, or came twice."""
    series: list[float] = field(default_factory=list)
    """Deliveries per second (idle: connections so far), one for every `STEP_S` seconds."""
    notes: list[str] = field(default_factory=list)

    def latency_ms(self, percent: float) -> float | None:
        """Milliseconds within which `percent` of the deliveries arrived."""
        return self.quantiles_ms[round(percent * 10)] if self.quantiles_ms else None


def quantiles_ms(nanoseconds: list[int]) -> list[float]:
    """The quantiles of a `Result`; empty if there is nothing to order."""
    if not nanoseconds:
        return []
    ordered, last = sorted(nanoseconds), len(nanoseconds) - 1
    return [ordered[round(last * permille / 1000)] / 1e6 for permille in range(1001)]
