"""What a run looks like: how many rooms, how many in each, who talks and when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from hubbub.cli.bench.errors import BenchError

SPARE_FILES = 200
"""Descriptors that a process needs beside its connections."""


class Kind(Enum):
    """When a talker sends."""

    CLOSED = "closed"
    """As soon as a message of its own has come back: as fast as the server can."""
    PACED = "paced"
    """By the clock, whatever comes back: the latency at a load that the server can bear."""
    IDLE = "idle"
    """Never: what a connection costs that is only there."""
    JOIN = "join"
    """Never, but all come in at once and ask for the history; see `joining.py`."""


@dataclass(frozen=True)
class Shape:
    """One kind of load: `rooms` × `members` connections, `talkers` of each room talking."""

    name: str
    about: str
    rooms: int
    members: int
    talkers: int
    kind: Kind = Kind.CLOSED
    in_flight: int = 8
    """Messages of one talker that have not come back yet, where the kind is closed."""
    rate: float = 0.0
    """Messages per second of all talkers together, where the kind is paced."""

    @property
    def connections(self) -> int:
        return self.rooms * self.members

    def within(self, files: int) -> Shape:
        """This shape, with fewer rooms if a process may open only `files` descriptors.

        Raises BenchError if not even one room fits.
        """
        rooms = min(self.rooms, (files - SPARE_FILES) // self.members)
        if rooms < 1:
            raise BenchError(f"{self.name} needs more than the {files} files a process may open")
        return replace(self, rooms=rooms)


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("room32", "1 room of 32, all talk", 1, 32, 32),
        Shape("rooms100", "10 rooms of 100, one talks in each", 10, 100, 1),
        Shape("pairs", "500 rooms of 2, both talk", 500, 2, 2),
        Shape("room1000", "1 room of 1,000, one talks", 1, 1_000, 1),
        Shape("idle", "15,000 connections in rooms of 100, silent", 150, 100, 1, Kind.IDLE),
        Shape("latency", "10 rooms of 100 at 100 msg/s", 10, 100, 1, Kind.PACED, rate=100.0),
        Shape("join1000", "1,000 join a room at once, and its history", 1, 1_000, 1, Kind.JOIN),
    )
}


def shape_named(name: str) -> Shape:
    """The shape called `name`.

    Raises BenchError, with the names there are.
    """
    try:
        return SHAPES[name]
    except KeyError:
        raise BenchError(f"no shape {name!r}; there are {', '.join(SHAPES)}") from None
