"""Handles: names that can be spoken to, whoever is there, from any thread.

A handle is looked up each time it is used, so one that is kept while its room empties and fills
again speaks to whoever is in it now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from threading import get_ident
from typing import TYPE_CHECKING, Any

from hubbub.engine import control, markers
from hubbub.engine.subscription import Subscription
from hubbub.errors import ConfigurationError, InvalidName
from hubbub.model import (
    MAX_KEY,
    NORMAL,
    ClientInfo,
    Disconnect,
    Draft,
    History,
    Position,
    Publication,
    check_room_name,
    user_id,
)
from hubbub.options import RoomOptions
from hubbub.wire.encode import frame_of, to_data, to_json
from hubbub.wire.frames import SHORT, TEXT_HEADS, text_frame

if TYPE_CHECKING:
    from hubbub.engine.member import Member
    from hubbub.engine.node import Node
    from hubbub.engine.session import Session


_NO_OPTIONS = RoomOptions()


def somebody(user: Any) -> str:
    """The id of `user`. Raises `ConfigurationError` for nobody in particular."""
    id = user_id(user)
    if not id:
        raise ConfigurationError("nobody in particular can be mentioned, or have read anything")
    return id


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
        return 0 if room is None else len(room)

    def __bool__(self) -> bool:
        return True  # an empty room is still a room

    def __iter__(self) -> Iterator[Member | Subscription]:
        return iter(self.members)

    @property
    def members(self) -> tuple[Member | Subscription, ...]:
        """Who is in the room, of each kind in the order of joining."""
        room = self._node.live.get(self.name)
        return () if room is None else tuple(room)

    @property
    def users(self) -> list[Any]:
        """The users in the room, each once however many connections they have."""
        return self._node.users_of(self.members)

    def broadcast(self, value: Any, *, exclude: Member | Subscription | None = None) -> None:
        """Send `value` to everyone in the room but `exclude`, and to no one else.

        Text, bytes, or anything JSON can hold (msgspec structs and Pydantic models too); it is
        encoded once. It is not stored: for that there is `publish`. Returns at once, from any
        thread, and cannot fail because of a member. Raises TypeError for a value that JSON
        cannot hold.
        """
        if type(value) is str:
            # The common case, without the calls of `frame_of`: once for every broadcast.
            payload = value.encode()
            length = len(payload)
            frame = TEXT_HEADS[length] + payload if length < SHORT else text_frame(payload)
        else:
            frame = frame_of(value)
        node = self._node
        if get_ident() != node.thread:
            node.run(self._deliver, *to_data(value), exclude)
        elif (room := node.live.get(self.name)) is not None:
            if not room.only_plain:
                self._deliver(*to_data(value), exclude)
            elif exclude is None and room.plain.pending:
                room.plain.pending.append(frame)  # as `deliver` would, without the call
            else:
                room.plain.deliver(frame, exclude)  # type: ignore[arg-type] # a Member, or nobody

    def _deliver(self, data: bytes, binary: bool, exclude: Member | Subscription | None) -> None:
        room = self._node.live.get(self.name)
        if room is not None:
            session = exclude.client if isinstance(exclude, Subscription) else exclude
            room.broadcast(Publication(data, binary=binary), session)

    async def publish(
        self,
        data: Any,
        *,
        user: Any = None,
        tags: Mapping[str, str] | None = None,
        idempotency_key: str = "",
        history: bool = True,
        erase: Mapping[int, Any] | None = None,
        mentions: Collection[Any] = (),
        unread: bool | None = None,
        delta: bool = False,
    ) -> Position | None:
        """Publish `data`, bytes or anything JSON can hold, to everyone in the room, and store it.

        Bytes are given as they are to who speaks Protobuf and to plain members; to who speaks JSON
        only if that is what they are, and else such a member is disconnected (3506).

        Returns where it stands in the room's history; None where the room keeps none, or with
        `history=False`. In a durable room that means: it is committed. `tags` are what members
        may choose by. The same `idempotency_key` of the same `user` within five minutes
        (`idempotency_window`) returns the first one's position and publishes nothing. `user` is
        whose publication it is, as in `join`; nobody's in particular without. From any task of
        any loop.

        In a durable room `erase` are earlier publications, by offset, and what takes the place of
        their data, in the log and in all that is read of it from then on. Members are not told
        but by what is published.

        In one with `read_markers`, `mentions` are the users (as in `join`) whom it is for in
        particular, `model.EVERYONE` among them for all; `unread=False` has it count as unread for
        nobody.

        With `delta` it is a version of what was published before it, and in a room with
        `allowed_delta_types` members who asked for that get what has changed.

        Raises TypeError for a value that JSON cannot hold, and ValueError for one that is larger
        than the room's `publication_bytes`; `InvalidName` for a room that cannot
        be, or a key of more than 255 characters; `ConfigurationError` for what this room cannot
        do; `Conflict` for a key that was used for something else; `Unavailable` where the log
        cannot be written to; and the `Refused` of a `tables.Projection`.
        """
        check_room_name(self.name)
        if len(idempotency_key) > MAX_KEY:
            raise InvalidName(f"an idempotency key has at most {MAX_KEY} characters")
        if isinstance(mentions, str):
            raise TypeError("mentions are the users, one or many: mentions=[user]")
        id = user_id(user)
        sent, binary = to_data(data)
        draft = Draft(
            sent,
            tags or None,
            idempotency_key,
            history,
            info=None if id is None else ClientInfo(id, ""),
            mentions=[somebody(one) for one in mentions],
            erase=[(offset, to_json(value)) for offset, value in (erase or {}).items()],
            binary=binary,
            delta=delta,
        )
        draft = self._fitting(draft, unread)
        return await self._node.awaited(self._node.store(self.name, draft))

    def _fitting(self, draft: Draft, unread: bool | None) -> Draft:
        """`draft`, as the room's options have it. Raises for what they do not allow."""
        rule = self._node.rules.find(self.name)
        options = _NO_OPTIONS if rule is None else rule.options
        if not options.fits(draft.data):
            raise ValueError(
                f"{len(draft.data)} bytes are more than the {options.publication_bytes} that "
                f"a publication may have in {self.name!r} (publication_bytes)"
            )
        if draft.erase and not (draft.history and options.durable):
            raise ConfigurationError(
                f"nothing can be erased in {self.name!r}: that takes a durable room, and a "
                "publication that is stored"
            )
        counts = draft.history and options.read_markers
        if (unread or draft.mentions) and not counts:
            raise ConfigurationError(
                f"nothing counts as unread in {self.name!r}, and nobody can be mentioned: that "
                "takes a room with read_markers=True, and a publication that is stored"
            )
        if draft.delta and not (draft.history and options.allowed_delta_types):
            raise ConfigurationError(
                f"nobody is told what has changed in {self.name!r}: that takes a room with "
                'allowed_delta_types=["fossil"], and a publication that is stored'
            )
        if draft.mentions and unread is False:
            raise ConfigurationError("a publication that mentions somebody counts as unread")
        return draft._replace(unread=counts and unread is not False)

    async def history(
        self,
        *,
        limit: int = 100,
        since: Position | None = None,
        before: Position | None = None,
    ) -> History:
        """What the room remembers: the latest `limit` publications, in their order.

        With `since` the first after that position, with `before` the last before it. A page of
        a durable room also ends at so many bytes (`history_page_bytes`); an empty one is the
        end. Raises `Unrecoverable` for a position of another epoch, and `Unavailable` where the
        log cannot be read.
        """
        return await self._node.awaited(self._node.history(self.name, limit, since, before))

    async def mark_read(self, user: Any, offset: int | Position) -> int:
        """`user` has read the room up to `offset`; of a room with `read_markers`.

        Returns where their marker is: it does not go back, and not beyond where the room stands.
        Every Centrifuge connection that the user has here is told where it is, unless it was
        further on already: a `message` push with `{"read": {"room": …, "offset": …}}`.

        Raises ValueError for an offset below 0; `Unrecoverable` for a position of another epoch;
        `ConfigurationError` for a room without read markers, and for nobody in particular;
        `Unavailable` where the log cannot be written to.
        """
        id = somebody(user)
        return await self._node.awaited(markers.mark(self._node, self.name, id, offset))

    async def presence(self) -> list[ClientInfo]:
        """The connections that are in the room and counted, as `presence` of its options says."""
        return await self._node.on_loop(self._node.presence_of, self.name)

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
    def sessions(self) -> tuple[Session, ...]:
        """The user's connections, of both kinds: `Member` and `Client`."""
        return tuple(self._node.present.get(self.id, ()))

    def send(self, value: Any) -> None:
        """Send `value` to each connection of the user; as `Member.send`."""
        frame_of(value)  # what cannot be sent is the caller's to know
        self._node.run(self._send, value)

    def _send(self, value: Any) -> None:
        for session in self.sessions:
            session.tell(value)

    def disconnect(self, code: int = NORMAL.code, reason: str = "", *, session: str = "") -> None:
        """End every connection of the user, or with `session` those of one login; as
        `Member.close`. Who is just being let in is turned away."""
        self._node.run(self._disconnect, Disconnect.given(code, reason), session)

    def _disconnect(self, why: Disconnect, session: str) -> None:
        if self.id:
            control.disconnect(self._node, self.id, why, session=session)
