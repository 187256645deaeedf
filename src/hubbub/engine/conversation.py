"""What a client says and what it is answered: commands, in order, and answers.

protocol.md section 2. A command is carried out before the next one begins: most at once, and one
that has to ask the application in a task, while those behind it wait. Publishes into the log are
many on their way at once; what is no publish waits until they have landed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from msgspec import MsgspecError

from hubbub.engine import commands as asked
from hubbub.engine.session import Session
from hubbub.errors import Refused, Unavailable
from hubbub.model import (
    BAD_REQUEST,
    INAPPROPRIATE_PROTOCOL,
    Appended,
    Disconnect,
    Draft,
    Fate,
    Publication,
)
from hubbub.wire.centrifuge import BAD_REQUEST as WRONG
from hubbub.wire.centrifuge import (
    BODIES,
    INTERNAL,
    TEMPORARY,
    UNAVAILABLE,
    Command,
    Error,
    JustPublish,
)
from hubbub.wire.encode import LONG, NotJson

if TYPE_CHECKING:
    from hubbub.contracts import Sink
    from hubbub.engine.codec import ClientCodec
    from hubbub.engine.node import Node
    from hubbub.engine.subscription import Subscription

log = logging.getLogger("hubbub")

_PONG = Command()

LARGE = 4_096
"""Bytes of an answer that does not wait for the end of the turn."""

OVERHEAD = 512
"""Bytes a waiting command counts for, so that many small ones are not free."""

Pending = Coroutine[Any, Any, None]
Carry = Callable[[Any, int, Any], "Pending | None"]
"""Given the client, the id of its command and the body of that."""


class State(Enum):
    NEW = "new"
    ASKING = "asking"
    HERE = "here"
    REFUSED = "refused"


class Conversation(Session):
    """One connection's commands and answers, in an encoding that is its `codec`'s to know.

    `subs` are the rooms it is in, by name.
    """

    __slots__ = (
        "_held_bytes",
        "_holding",
        "_landed",
        "_queue",
        "_queued",
        "_replies",
        "_under_way",
        "codec",
        "id",
        "state",
        "subs",
    )

    def __init__(self, node: Node, sink: Sink, codec: ClientCodec, id: str) -> None:
        super().__init__(node, sink)
        self.id = id
        self.codec = codec
        self.state = State.NEW
        self.subs: dict[str, Subscription] = {}
        self._replies: list[bytes | int] = []  # as its codec frames them
        self._queue: deque[Command] | None = None  # while a command is being carried out
        self._queued = 0
        self._under_way = 0  # publishes on their way into the log
        self._landed: asyncio.Future[None] | None = None  # for who waits until there are none
        self._holding = False  # the client's socket is not read
        self._held_bytes = 0  # of the publishes under way, and of the commands in the queue

    def pong(self, id: int) -> None:
        """The client has answered a ping."""
        raise NotImplementedError

    # What arrives.

    def received(self, messages: list[str | bytes]) -> None:
        commands, whole = self.codec.commands(messages)
        if self._queue is None:
            commands = self._publish_all(commands)
        for command in commands:
            self._take(command, messages)
        if not whole:
            self.hang_up(BAD_REQUEST)
        elif self._replies:
            # With what the turn has for the client's rooms, so that both leave together.
            self.node.tick.mark(self)

    def _publish_all(
        self, commands: Sequence[Command | JustPublish]
    ) -> Sequence[Command | JustPublish]:
        """Carry out the publishes that `commands` begin with; returns the rest of them.

        The common case in one piece: what `asked.publish` does for one where nobody has to be
        asked about it. A room gets all that one read brought for it at once.
        """
        drafts: list[Publication] = []
        replies, now = self._replies, self.node.clock.now()
        sub: Subscription | None = None
        durable = unread = False
        for done, command in enumerate(commands):
            if type(command) is not JustPublish:
                break
            request = command.publish
            if sub is None or request.channel != sub.name:
                if sub is not None and drafts:
                    sub.audience.room.publish_all(drafts, now)
                    drafts = []
                sub = self.subs.get(request.channel)
                if sub is None or not sub.publish_at_once:
                    return commands[done:]
                durable, unread = sub.durable, sub.unread
            data = bytes(request.data)
            if not data or len(data) > LONG or not command.id or request.type:
                break
            if durable:
                self.commit(command.id, sub.name, Draft(data, info=sub.info, unread=unread))
            else:
                drafts.append(Publication(data, 0, sub.info))
                replies.append(command.id)
        else:
            done = len(commands)
        if sub is not None and drafts:
            sub.audience.room.publish_all(drafts, now)
        return commands[done:]

    def commit(self, id: int, room: str, draft: Draft) -> None:
        """Publish `draft` in a durable room, and answer command `id` once it is in the log.

        More publishes may follow at once; every other command waits until all have landed.
        """
        self._under_way += 1
        self._hold(len(draft.data))
        self.node.logs.journal.put(room, draft, self._committed, id)

    def _committed(self, id: int, draft: Draft, outcome: Appended | Unavailable) -> None:
        self._under_way -= 1
        self._held_bytes -= len(draft.data) + OVERHEAD
        if self.disconnect is None:
            if not self._replies:
                self.node.tick.mark(self)
            if isinstance(outcome, Unavailable):
                self.refuse(id, UNAVAILABLE)
            elif outcome.fate is Fate.REFUSED:
                self.refuse(id, told(outcome.refused or Refused()))
            else:
                self._replies.append(id)  # as its codec frames the answer to a publish
            if self._holding:
                self._relax()
        if self._landed is not None and not self._under_way and not self._landed.done():
            self._landed.set_result(None)

    async def _once_landed(self, carry_out: Carry, id: int, body: Any) -> None:
        """Carry out a command that comes after publishes which are under way."""
        while self._under_way:
            self._landed = self.node.loop.create_future()
            await self._landed
        self._landed = None
        if self.disconnect is None and (pending := carry_out(self, id, body)) is not None:
            await pending

    def _hold(self, size: int) -> None:
        self._held_bytes += size + OVERHEAD
        if self._held_bytes > self.node.settings.inbox_bytes and not self._holding:
            self._holding = True
            self.sink.pause_reading()

    def _relax(self) -> None:
        """Read on, once little is held."""
        if self._queue is None and self._held_bytes <= self.node.settings.inbox_bytes // 2:
            self._holding = False
            self.sink.resume_reading()

    def _take(self, command: Command | JustPublish, messages: list[str | bytes]) -> None:
        """Carry out `command`, or begin to, or have it wait."""
        if type(command) is JustPublish:
            command = Command(command.id, publish=command.publish)
        assert isinstance(command, Command)
        if self._queue is not None:
            if command == _PONG:
                self.pong(0)  # whoever waits for the application is there all the same
            else:
                self._wait_with(command, len(messages[-1]))
            return
        pending = self._dispatch(command)
        if pending is not None:
            self.flush()
            self._queue = deque()
            self.node.start(self._work(pending))

    def _dispatch(self, command: Command) -> Pending | None:
        if self.disconnect is not None:
            return None
        for name in BODIES:
            body = getattr(command, name)
            if body is not None:
                break
        else:
            self.pong(command.id)
            return None
        carry_out = asked.TABLE.get(name)
        first = name == "connect"
        if (
            carry_out is None
            or (not command.id and name != "send")
            or first is not (self.state is State.NEW)
            or (not first and self.state is not State.HERE)
        ):
            self.hang_up(BAD_REQUEST)
            return None
        if self._under_way and name != "publish":
            return self.asking(command.id, self._once_landed(carry_out, command.id, body))
        try:
            return carry_out(self, command.id, body)
        except (MsgspecError, RecursionError):
            # JSON, but nothing that there are values for: a number of thousands of digits.
            self.refuse(command.id, WRONG)
        except NotJson:
            self.hang_up(INAPPROPRIATE_PROTOCOL)
        except Exception as error:
            self._failed(command.id, error)
        return None

    async def _work(self, pending: Pending) -> None:
        """Wait for `pending`, then carry out what has come in meanwhile."""
        waiting: Pending | None = pending
        while waiting is not None:
            await waiting
            waiting = None
            while self._queue and waiting is None:
                waiting = self._dispatch(self._queue.popleft())
            self.flush()
        self._queue = None
        if self._queued:
            self._held_bytes -= self._queued
            self._queued = 0
            if self._holding:
                self._relax()

    def _wait_with(self, command: Command, size: int) -> None:
        assert self._queue is not None
        self._queue.append(command)
        self._queued += size + OVERHEAD
        self._hold(size)

    async def asking(self, id: int, work: Pending) -> None:
        """Wait for `work`; what it raises is answered to command `id`, and to nobody else."""
        try:
            await work
        except Refused as refused:
            self.refuse(id, told(refused))
        except Unavailable:
            self.refuse(id, UNAVAILABLE)
        except NotJson:
            self.hang_up(INAPPROPRIATE_PROTOCOL)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task and task.cancelling():
                raise  # of us, not of something that a hook awaited
            self._failed(id, error)

    def _failed(self, id: int, error: BaseException) -> None:
        log.error("a hook failed for client %s", self.id, exc_info=error)
        self.refuse(id, INTERNAL)

    # What is answered.

    def reply(self, id: int, kind: str, result: Any) -> None:
        reply = self.codec.reply(id, kind, result)
        self._replies.append(reply)
        if len(reply) > LARGE:
            # One read may ask for a thousand of these: what is too much, the outbox knows.
            self.flush()

    def refuse(self, id: int, why: Error | Disconnect) -> None:
        """Answer with an error, or end the connection."""
        if isinstance(why, Disconnect):
            self.hang_up(why)
            return
        if self.state is State.ASKING:
            self.state = State.REFUSED
        if id:
            self._replies.append(self.codec.error(id, why))

    def violate(self) -> None:
        """It has said something that no client says."""
        self.hang_up(BAD_REQUEST)

    def flush(self) -> None:
        """Write the replies that wait. Before anything that must come after them."""
        if self._replies:
            replies, self._replies = self._replies, []
            if self.disconnect is None:
                self.write(self.codec.frame(replies))

    def push(self, room: str, kind: str, body: Any) -> None:
        """Write a push, after the replies that wait."""
        self._replies.append(self.codec.push(room, kind, body))
        self.flush()

    def forget_commands(self) -> None:
        """Carry out nothing more, and answer nothing."""
        self._queue = None if self._queue is None else deque()
        self._replies.clear()


def told(refused: Refused) -> Error | Disconnect:
    """What a client is told of a refusal, of a hook or of a projection."""
    if refused.code >= 4000:
        return Disconnect(refused.code, refused.reason)
    return Error(refused.code, refused.reason, refused.code in TEMPORARY)
