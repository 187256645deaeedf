"""What clients call: the application's hooks, given data of their types."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from hubbub.embed.hooks import Hook, Model, Wrong, argument_of, json_or_nothing
from hubbub.engine.events import Call
from hubbub.errors import Refused
from hubbub.wire.centrifuge import BAD_REQUEST


def answering(hook: Hook) -> Callable[[Call[Any]], Awaitable[bytes]]:
    """What answers a call with what `hook` returns, as JSON."""
    asked: Model[Any] = Model(argument_of(hook.event_type))

    async def answer(call: Call[Any]) -> bytes:
        try:
            data = asked.decode(call.data or b"null")
        except Wrong as wrong:
            raise Refused(str(wrong), BAD_REQUEST.code) from None
        event = Call(call.client, call.user, call.method, data)
        return json_or_nothing(await hook(call.client, event))

    return answer
