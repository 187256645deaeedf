"""A client that only listens: it says once who it is and which rooms it wants (protocol.md
section 18)."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from msgspec import MsgspecError
from msgspec.json import Decoder

from hubbub.engine import commands as asked
from hubbub.engine.client import Client
from hubbub.engine.conversation import State
from hubbub.model import (
    BAD_REQUEST,
    EXPIRED,
    PERMISSION_DENIED,
    SERVER_ERROR,
    TOO_MANY_REQUESTS,
    Disconnect,
)
from hubbub.wire.centrifuge import (
    UNKNOWN_CHANNEL,
    ConnectRequest,
    ConnectResult,
    Error,
    SubscribeResult,
)

if TYPE_CHECKING:
    from hubbub.contracts import Sink
    from hubbub.engine.codec import ClientCodec
    from hubbub.engine.node import Node

_ENDS = {103: PERMISSION_DENIED, 109: EXPIRED, 110: EXPIRED, 111: TOO_MANY_REQUESTS}
"""What the errors of a connect are where nothing can be answered but the end."""

_decode = Decoder(ConnectRequest).decode

CONNECT, SUBSCRIBE = 1, 2
"""The ids of the commands that it is as if it had sent."""


class Listener(Client):
    """What it is told first are the rooms it is in; what comes in them before that waits.

    Of the rooms that it wants it gets those that it may enter, and is not told of the others.
    """

    __slots__ = ("_came_in", "_wanted", "secret")

    def __init__(self, node: Node, sink: Sink, codec: ClientCodec, scope: Any = None) -> None:
        super().__init__(node, sink, codec, scope)
        self.secret = secrets.token_urlsafe(24)
        self._came_in: ConnectResult | None = None
        self._wanted = ""

    def received(self, messages: list[str | bytes]) -> None:
        """The first message is a `ConnectRequest`; whatever else it says, nobody listens."""
        if self.state is not State.NEW:
            return
        try:
            request = _decode(messages[0])
        except (MsgspecError, RecursionError, UnicodeError):
            self.hang_up(BAD_REQUEST)
            return
        self.start_asking()
        self.writing_paused()  # an outbox holds what comes too early, with its limits
        self.node.start(self._come_in(request))

    async def _come_in(self, request: ConnectRequest) -> None:
        try:
            if (pending := asked.connect(self, CONNECT, request)) is not None:
                await pending
            for name, wanted in request.subs.items():
                if self._came_in is None or self.disconnect is not None:
                    return
                self._wanted = wanted.channel = name
                if name in self.subs:
                    continue  # put there by the server, whose word it is
                if (pending := asked.subscribe(self, SUBSCRIBE, wanted)) is not None:
                    await pending
        except (MsgspecError, RecursionError):
            self.hang_up(BAD_REQUEST)  # data that there are no values for
        if self.disconnect is None and self._came_in is not None:
            self.sink.write(self.codec.wrap(self.codec.push("", "connect", self._came_in)))
            self.writing_resumed()

    def reply(self, id: int, kind: str, result: Any) -> None:
        if isinstance(result, ConnectResult):
            result.pong, result.node = False, ""
            self._came_in = result
        elif isinstance(result, SubscribeResult) and self._came_in is not None:
            self._came_in.subs[self._wanted] = result

    def refuse(self, id: int, why: Error | Disconnect) -> None:
        if isinstance(why, Disconnect):
            self.hang_up(why)
        elif self._came_in is None:
            self.hang_up(_ENDS.get(why.code, SERVER_ERROR))
        elif why is UNKNOWN_CHANNEL:
            self.hang_up(BAD_REQUEST)

    # What the heartbeat asks: it is told that the server is there, and answers nothing.

    def check(self) -> None:
        pass
