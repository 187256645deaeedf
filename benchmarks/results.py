"""What was measured: every run of every server in every shape, medians, and the targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from hubbub.cli.bench.result import Result

Measure = Callable[[Result], float | None]


def deliveries(result: Result) -> float | None:
    """Per second."""
    return result.deliveries_per_s


def idle_bytes(result: Result) -> float | None:
    """Of server memory per connection."""
    return result.bytes_per_connection


def connections(result: Result) -> float | None:
    """How many there were: fewer than the shape says, where a process may not open so many."""
    return float(result.connections)


def connects(result: Result) -> float | None:
    """Per second."""
    return result.connects_per_s


def p50(result: Result) -> float | None:
    """Milliseconds."""
    return result.latency_ms(50)


def p99(result: Result) -> float | None:
    """Milliseconds."""
    return result.latency_ms(99)


def longest(result: Result) -> float | None:
    """Milliseconds."""
    return result.latency_ms(100)


def all_in(result: Result) -> float | None:
    """Milliseconds."""
    return result.all_in_ms


def server_cpu(result: Result) -> float | None:
    """Share of a core."""
    return result.usage.server_cpu


def generator_cpu(result: Result) -> float | None:
    """Share of a core."""
    return result.usage.generator_cpu


def missing(result: Result) -> float | None:
    """Deliveries."""
    return float(result.missing)


@dataclass
class Results:
    """Runs and failures by server and shape."""

    runs: dict[tuple[str, str], list[Result]] = field(default_factory=dict)
    failures: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)

    def values(self, server: str, shape: str, measure: Measure) -> list[float]:
        """What the rounds gave."""
        measured = (measure(result) for result in self.runs.get((server, shape), []))
        return [value for value in measured if value is not None]

    def median(self, server: str, shape: str, measure: Measure) -> float | None:
        """The median of the rounds; None if there is none."""
        values = self.values(server, shape, measure)
        return median(values) if values else None

    def ratio(self, server: str, other: str, shape: str, measure: Measure) -> float | None:
        """The median of `server` by the median of `other`."""
        ours = self.median(server, shape, measure)
        theirs = self.median(other, shape, measure)
        return ours / theirs if ours is not None and theirs else None

    def as_json(self) -> dict[str, Any]:
        return {
            "runs": [
                {"server": server, **asdict(result)}
                for (server, _), results in self.runs.items()
                for result in results
            ],
            "failures": [
                {"server": server, "shape": shape, "why": why}
                for (server, shape), reasons in self.failures.items()
                for why in reasons
            ],
            "unavailable": self.unavailable,
        }


@dataclass(frozen=True)
class Goal:
    """What we want to hold. `times` a peer's number, or a number of our own."""

    server: str
    shape: str
    measure: Measure
    unit: str
    bound: float
    times: str | None = None
    at_most: bool = False

    @property
    def wanted(self) -> str:
        sign = "≤" if self.at_most else "≥"
        factor = f"× {self.times}" if self.times else ""
        return f"{sign} {self.bound:,g} {factor} {self.unit}".replace("  ", " ")

    def reached(self, results: Results) -> float | None:
        """The number to hold against the bound; None if it was not measured."""
        if self.times is None:
            return results.median(self.server, self.shape, self.measure)
        return results.ratio(self.server, self.times, self.shape, self.measure)

    def met(self, reached: float) -> bool:
        return reached <= self.bound if self.at_most else reached >= self.bound


def _goals() -> Iterable[Goal]:
    yield from _room_goals()
    yield from _protocol_goals()


def _room_goals() -> Iterable[Goal]:
    beside_bun = {
        "hubbub-door": {"room32": 1.5, "rooms100": 1.0, "pairs": 1.0, "room1000": 1.0},
        "hubbub-join": {"room32": 1.5, "rooms100": 0.9, "pairs": 0.7, "room1000": 0.9},
    }
    idle = {"hubbub-door": 4_000, "hubbub-join": 18_000}
    for server, shapes in beside_bun.items():
        for shape, bound in shapes.items():
            yield Goal(server, shape, deliveries, "deliveries/s", bound, "bun")
        yield Goal(server, "room32", deliveries, "deliveries/s", 50, "tutorial")
        yield Goal(server, "idle", idle_bytes, "bytes per connection", idle[server], at_most=True)
        yield Goal(server, "latency", p99, "p99", 1.0, "ws", at_most=True)


def _protocol_goals() -> Iterable[Goal]:
    ours = "hubbub-protocol"
    for shape in ("rooms100", "room1000"):
        yield Goal(ours, shape, deliveries, "deliveries/s", 0.7, "hubbub-door")
    for shape in ("room32", "rooms100", "pairs", "room1000"):
        yield Goal(ours, shape, deliveries, "deliveries/s", 30, "socketio-json")
    yield Goal(ours, "room32", deliveries, "deliveries/s", 1.0, "bun")
    yield Goal(ours, "idle", idle_bytes, "bytes per connection", 5_000, at_most=True)
    yield Goal(ours, "join1000", longest, "ms for a bystander", 50, at_most=True)


GOALS = tuple(_goals())
