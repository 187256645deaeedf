"""What is taken from users, also from those who are just about to be given it.

Whether somebody may come in is looked up before they are in. What is taken from them in between
was still theirs when it was looked up, and would be theirs for good: so whoever waits for such an
answer is told what was revoked meanwhile, and holds the answer against it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from hubbub.engine.meanwhile import Meanwhile
from hubbub.model import Disconnect

ANYBODY = ""
"""The subject of who waits for an answer that says who it is; the id of nobody in particular."""


class Revoked(NamedTuple):
    """It is taken from `user`: to be in `room`, or where that is empty, to be connected.

    `session` and `client` are of one login, or of one connection alone, where they are not empty.
    `why` is what the connections that have it are told.
    """

    user: str
    why: Disconnect
    room: str = ""
    session: str = ""
    client: str = ""

    def is_from(self, user: str, session: str, client: str) -> bool:
        """Whether it is taken from this connection."""
        return self.user == user and self.session in ("", session) and self.client in ("", client)


class Revoking(Meanwhile[Revoked]):
    """Tells those who wait, by the id of the user that they are, or for `ANYBODY`."""

    def revoke(self, revoked: Revoked) -> None:
        self.tell(revoked.user, revoked)
        if revoked.user != ANYBODY:
            self.tell(ANYBODY, revoked)


def connection_revoked(
    revoked: Iterable[Revoked], user: str, session: str, client: str = ""
) -> Revoked | None:
    """What of `revoked` ends this connection."""
    for one in revoked:
        if not one.room and one.is_from(user, session, client):
            return one
    return None


def room_revoked(
    revoked: Iterable[Revoked], room: str, user: str, session: str, client: str = ""
) -> bool:
    """Whether it is taken from this connection to be in `room`."""
    return any(one.room == room and one.is_from(user, session, client) for one in revoked)
