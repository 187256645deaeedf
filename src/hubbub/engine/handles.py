"""Handles: names that can be spoken to, whoever is there, from any thread.

A handle is looked up each time it is used, so one that is kept while its room empties and fills
again speaks to whoever is in it now.
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import get_ident
from typing import TYPE_CHECKING, Any

from hubbub.model import NORMAL, Disconnect
from hubbub.wire.encode import frame_of
from hubbub.wire.frames import TEXT_HEADS, text_frame

if TYPE_CHECKING:
    from hubbub.engine.member import Member
    from hubbub.engine.node import Node
    from hubbub.engine.session import Session


class RoomHandle:
    """A room by its name; not a promise that someone is there."""

    __slots__ = ("_node", "name")

    def __init__(self, node: Node, name: str) -> None:
        self._node = node
        self.name = name

    def __repr__(self) -> str:
        return f"<Room {self.name!r}, {len(self)} here>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RoomHandle):
            return NotImplemented
        return self._node is other._node and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __len__(self) -> int:
        """How many connections are in the room."""
        room = self._node.live.get(self.name)
        return 0 if room is None else len(room.members)

    def __bool__(self) -> bool:
        return True  # an empty room is still a room

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members)

    @property
    def members(self) -> tuple[Member, ...]:
        """Who is in the room, in the order of joining."""
        room = self._node.live.get(self.name)
        return () if room is None else tuple(room.members)  # type: ignore[arg-type]

    @property
    def users(self) -> list[Any]:
        """The users in the room, each once however many connections they have."""
        return self._node.users_of(self.members)

    def broadcast(self, value: Any, *, exclude: Member | None = None) -> None:
        """Send `value` to everyone in the room but `exclude`, and to no one else.

        Text, bytes, or anything JSON can hold (msgspec structs and Pydantic models too); it is
        encoded once. Returns at once, from any thread, and cannot fail because of a member.
        Raises TypeError for a value that JSON cannot hold.
        """
        if type(value) is str:
            # The common case, without the calls of `frame_of`: once for every broadcast.
            payload = value.encode()
            length = len(payload)
            frame = TEXT_HEADS[length] + payload if length < 126 else text_frame(payload)
        else:
            frame = frame_of(value)
        node = self._node
        if get_ident() != node.thread:
            node.run(self._deliver, frame, exclude)
        elif (room := node.live.get(self.name)) is not None:
            if exclude is None and room.pending:
                room.pending.append(frame)  # as `deliver` would, without the call
            else:
                room.deliver(frame, exclude)

    def _deliver(self, frame: bytes, exclude: Session | None) -> None:
        room = self._node.live.get(self.name)
        if room is not None:
            room.deliver(frame, exclude)

    def close(self, code: int = NORMAL.code, reason: str = "") -> None:
        """End the connection of every member, after what they were sent; as `Member.close`."""
        self._node.run(self._close, Disconnect.given(code, reason))

    def _close(self, disconnect: Disconnect) -> None:
        for member in self.members:
            member.hang_up(disconnect)


class UserHandle:
    """A user by id: all the connections that are theirs on this node."""

    __slots__ = ("_node", "id")

    def __init__(self, node: Node, id: str) -> None:
        self._node = node
        self.id = id

    def __repr__(self) -> str:
        return f"<User {self.id!r}, {len(self)} connections>"

    def __len__(self) -> int:
        """How many connections the user has."""
        return len(self._node.present.get(self.id, ()))

    def __bool__(self) -> bool:
        return True  # a user without a connection is still a user

    @property
    def members(self) -> tuple[Member, ...]:
        return tuple(self._node.present.get(self.id, ()))  # type: ignore[arg-type]

    def send(self, value: Any) -> None:
        """Send `value` to each connection of the user; as `Member.send`."""
        self._node.run(self._send, frame_of(value))

    def _send(self, frame: bytes) -> None:
        for member in self.members:
            member._send(frame)

    def disconnect(self, code: int = NORMAL.code, reason: str = "") -> None:
        """End every connection of the user; as `Member.close`."""
        self._node.run(self._disconnect, Disconnect.given(code, reason))

    def _disconnect(self, disconnect: Disconnect) -> None:
        for member in self.members:
            member.hang_up(disconnect)
