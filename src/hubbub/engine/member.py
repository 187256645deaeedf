"""A member: a session in a room, as the programmer holds it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from hubbub.engine.inbox import Inbox
from hubbub.engine.journal import OVERHEAD
from hubbub.engine.session import Session
from hubbub.errors import Refused, Unavailable
from hubbub.model import (
    NORMAL,
    TEXT_ONLY,
    TRY_AGAIN_LATER,
    Appended,
    Disconnect,
    Draft,
    Fate,
    Publication,
)
from hubbub.wire.encode import frame_of, to_json
from hubbub.wire.frames import POLICY, text_frame

if TYPE_CHECKING:
    from hubbub.contracts import Sink
    from hubbub.engine.audience import Audience
    from hubbub.engine.handles import RoomHandle
    from hubbub.engine.node import Node


class Member(Session):
    """One connection in one room.

    `async for` gives what the client sends, text as `str` and binary as `bytes`, one message
    at a time, and ends when the client is gone; then `disconnect` says how, None before.
    """

    __slots__ = ("_inbox", "audiences", "room")

    def __init__(self, node: Node, sink: Sink, user: Any, room: RoomHandle) -> None:
        super().__init__(node, sink, user)
        self.room = room
        self.audiences: tuple[Audience, ...] = ()
        self._inbox: Inbox | None = None

    def __repr__(self) -> str:
        state = "gone" if self.disconnect else "here"
        return f"<{type(self).__name__} of {self.room.name!r}, user {self.user!r}, {state}>"

    def send(self, value: Any) -> None:
        """Send `value` to this member, in order with what its room broadcasts.

        Text, bytes, or anything JSON can hold. Returns at once, from any thread; a member that
        is gone gets nothing, and nothing is raised for it. Raises TypeError for a value that
        JSON cannot hold.
        """
        self.node.run(self._send, frame_of(value))

    def _send(self, frame: bytes) -> None:
        if self.disconnect is None:
            for audience in self.audiences:
                audience.deliver_to(self, frame)

    def tell(self, value: Any) -> None:
        self._send(frame_of(value))

    def leave(self) -> None:
        self.node.leave(self)

    def close(self, code: int = NORMAL.code, reason: str = "") -> None:
        """Take this member out of its room and end its connection, after what it was sent.

        `reason` is cut at 123 bytes of UTF-8. From any thread; harmless when it is gone.
        Raises ValueError for a code that cannot be sent.
        """
        self.node.run(self.hang_up, Disconnect.given(code, reason))

    def received(self, messages: list[str | bytes]) -> None:
        self._unread.put(messages)

    def take_unread(self) -> list[str | bytes]:
        """What the client sent and nobody read; nothing is unread after it."""
        return [] if self._inbox is None else self._inbox.drain()

    def __aiter__(self) -> AsyncGenerator[str | bytes, None]:
        return self._unread.messages()

    @property
    def _unread(self) -> Inbox:
        if self._inbox is None:
            self._inbox = Inbox(self.sink, self.node.settings.inbox_bytes)
            if self.disconnect is not None:
                self._inbox.end()
        return self._inbox

    def _end(self, disconnect: Disconnect) -> None:
        super()._end(disconnect)
        if self._inbox is not None:
            self._inbox.end()


class LoginMember(Member):
    """A member whose connection belongs to a login: others have no place for its name."""

    __slots__ = ("session",)

    def __init__(self, node: Node, sink: Sink, user: Any, room: RoomHandle, session: str) -> None:
        super().__init__(node, sink, user, room)
        self.session = session


class TextDoor(Member):
    """A member without a handler: whatever it says, its room hears, as `Room {room}: {text}`.

    No task and no queue per connection: what one read brought is framed and delivered at once, or
    in a durable room is on its way into the log. While too much of it is, the client is not read.
    """

    __slots__ = ("_under_way",)

    def __init__(self, node: Node, sink: Sink, user: Any, room: RoomHandle) -> None:
        super().__init__(node, sink, user, room)
        self._under_way = 0  # bytes

    def received(self, messages: list[str | bytes]) -> None:
        for audience in self.audiences:
            room = audience.room
            beginning = f"Room {room.name}: "
            before = beginning.encode()
            frames = []
            for message in messages:
                if type(message) is not str:
                    break
                frames.append(text_frame(before + message.encode()))
            if room.log is None and room.only_plain:
                audience.deliver_all(frames)
            else:
                for message in messages[: len(frames)]:
                    data = to_json(f"{beginning}{message!s}")
                    if room.log is None:
                        room.advance(Publication(data))
                    else:
                        self._under_way += len(data) + OVERHEAD
                        draft = Draft(data, unread=room.log.unread)
                        self.node.logs.journal.put(room.name, draft, self._committed)
                if self._under_way > self.node.settings.inbox_bytes:
                    self.sink.pause_reading()
            if len(frames) < len(messages):
                self.hang_up(TEXT_ONLY)

    def _committed(self, id: int, draft: Draft, outcome: Appended | Unavailable) -> None:
        before, few = self._under_way, self.node.settings.inbox_bytes // 2
        self._under_way -= len(draft.data) + OVERHEAD
        if self._under_way <= few < before:
            self.sink.resume_reading()
        # There are no words for it here but the room's own: a close says it.
        if isinstance(outcome, Unavailable):
            self.hang_up(TRY_AGAIN_LATER)
        elif outcome.fate is Fate.REFUSED:
            refused = outcome.refused or Refused()
            code = refused.code if refused.code >= 4000 else POLICY
            self.hang_up(Disconnect(code, refused.reason))
