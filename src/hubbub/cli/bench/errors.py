"""What the person at the terminal is told when a measurement cannot be made."""

from __future__ import annotations


class BenchError(Exception):
    """A measurement that cannot be made; the text says why."""


class ServerGone(BenchError):
    """The server refused, closed or lost a connection."""


class WrongMessage(BenchError):
    """A client received what nobody in its room sent."""
