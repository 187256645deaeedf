"""What a client gets, and what it raises; made of what `centrifuge-python` gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from hubbub.errors import HubbubError
from hubbub.model import VANISHED, Disconnect, Position

TOO_LARGE = Disconnect(1009, "message size limit")
"""What `centrifuge-python` says of this code."""


class ConnectionClosed(HubbubError):
    """The connection, or the membership of a room, is over, or was lost before an answer came.

    `code` is of the WebSocket close or of the protocol; below 100 it is centrifuge-python's own
    (0: you ended it, 1: unauthorized, 2: what came could not be handled).
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason} ({code})")
        self.code = code
        self.reason = reason


class ReplyError(HubbubError):
    """The server's answer is an error; where it is `temporary`, asking again may help."""

    def __init__(self, code: int, message: str, temporary: bool = False) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.temporary = temporary


class State(NamedTuple):
    """Where a connection stands: "connecting" again when it was lost, "closed" for good."""

    name: Literal["connecting", "connected", "closed"]
    code: int = 0
    reason: str = ""


class ClientInfo(NamedTuple):
    """Who did something: `user` is empty for nobody in particular, `client` is a connection."""

    user: str
    client: str
    conn_info: Any = None
    chan_info: Any = None


class Publication(NamedTuple):
    """Something published: by a client, where there is `info`. `offset` is 0 where none is kept."""

    data: Any
    offset: int = 0
    info: ClientInfo | None = None
    tags: Mapping[str, str] = {}


class Joined(NamedTuple):
    """Somebody came into the room."""

    info: ClientInfo


class Left(NamedTuple):
    """Somebody left the room."""

    info: ClientInfo


class Lost(NamedTuple):
    """We are out of the room, and on the way back to it."""

    code: int
    reason: str


class Back(NamedTuple):
    """We are in the room again; what was missed follows, if all of it was `recovered`.

    None: the room does not let members catch up.
    """

    recovered: bool | None


Event = Publication | Joined | Left | Lost | Back


class History(NamedTuple):
    """What a room remembers, and where the room stands (not: where this page ends)."""

    publications: list[Publication]
    position: Position


class PresenceStats(NamedTuple):
    """How many are in a room."""

    clients: int
    users: int


def close_of(context: Any) -> Disconnect:
    """Why a connection that comes back was lost; the library's own codes mean other things."""
    if context.reason == TOO_LARGE.reason:
        return TOO_LARGE
    code = context.code if context.code >= 1000 else VANISHED.code
    return Disconnect(code, context.reason)


def plain(data: Any) -> Any:
    """`data` as the library's encoder takes it.

    Raises TypeError or ValueError for what JSON cannot hold, here rather than in the library,
    which would close the connection.
    """
    return msgspec.json.decode(msgspec.json.encode(data))


def publication_of(wire: Any) -> Publication:
    info = None if wire.info is None else info_of(wire.info)
    return Publication(wire.data, wire.offset, info, wire.tags)


def info_of(wire: Any) -> ClientInfo:
    return ClientInfo(wire.user, wire.client, wire.conn_info, wire.chan_info)
