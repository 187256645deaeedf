"""What a programmer sees.

    HubbubError
    ├── ConfigurationError   a setting, an address or a use that cannot work; says what to do
    └── InvalidName          a room or user name that no one could have (also a ValueError)

A broadcast raises none of them because of a member: see `model.Disconnect` for what peers are told.
"""

from __future__ import annotations


class HubbubError(Exception):
    """The root of what hubbub raises on purpose."""


class ConfigurationError(HubbubError):
    """What was asked for cannot work; the text says what to change."""


class InvalidName(HubbubError, ValueError):
    """A room name or user id that cannot be used; the text says why."""
