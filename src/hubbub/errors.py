"""What a programmer sees.

    HubbubError
    ├── ConfigurationError   a setting, an address or a use that cannot work; says what to do
    ├── InvalidName          a room or user name that no one could have (also a ValueError)
    ├── Unrecoverable        a position in a room's history that is of another epoch
    ├── Unavailable          the log cannot be read or written now: try again
    ├── Conflict             an idempotency key that was used for something else
    └── Refused              raised by your hook: the client may not do what it asked for

A broadcast raises none of them because of a member: see `model.Disconnect` for what peers are told.
"""

from __future__ import annotations


class HubbubError(Exception):
    """The root of what hubbub raises on purpose."""


class ConfigurationError(HubbubError):
    """What was asked for cannot work; the text says what to change."""


class InvalidName(HubbubError, ValueError):
    """A room name or user id that cannot be used; the text says why."""


class Unrecoverable(HubbubError):
    """The history that a position belongs to is gone: read from the start."""


class Unavailable(HubbubError):
    """The log cannot be read or written at the moment, and this will pass: try again.

    `unknown` says of a publish that it may be stored all the same (the connection to the
    database broke while it was being committed). With its idempotency key it can be repeated
    safely; without one, look into the history first. Else nothing of it is stored.
    """

    def __init__(self, reason: str, unknown: bool = False) -> None:
        super().__init__(reason)
        self.unknown = unknown


class Conflict(HubbubError):
    """The idempotency key was used in this room, by this user, to publish something else."""


class Refused(HubbubError):
    """Raise it in a hook: the client that asked gets `code` and `reason`, and nobody else does.

    A code of 100 to 1999 answers the request (400 to 1999 are yours; 103 is "permission
    denied"); one of 4000 to 4999 ends the connection, for good from 4500 on.
    Raises ValueError for a code that is neither.
    """

    def __init__(self, reason: str = "permission denied", code: int = 103) -> None:
        if not (100 <= code <= 1999 or 4000 <= code <= 4999):
            raise ValueError(f"{code} is no code to refuse with: 400 to 1999, or 4000 to 4999")
        super().__init__(reason)
        self.reason = reason
        self.code = code
