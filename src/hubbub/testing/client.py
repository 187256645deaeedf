"""A connection of the application under test, and the clock."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, Self

from hubbub.contracts import Clock, Timer
from hubbub.errors import HubbubError
from hubbub.model import Disconnect

DEADLINE = 2.0
"""Seconds of real time a wait may take before it fails; what is awaited takes milliseconds."""

Event = MutableMapping[str, Any]
App = Callable[
    [Event, Callable[[], Awaitable[Event]], Callable[[Event], Awaitable[None]]], Awaitable[None]
]


async def settle() -> None:
    """Let everything run that can run without time passing."""
    for _ in range(20):
        await asyncio.sleep(0)


class FakeTimer:
    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class FakeClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now: float = 0.0) -> None:
        self._now = now
        self._began = time.time()
        self._timers: list[tuple[float, int, FakeTimer]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self._now

    def time(self) -> float:
        return self._began + self._now

    def call_later(self, delay: float, call: Callable[[], None]) -> Timer:
        timer = FakeTimer(call)
        heapq.heappush(self._timers, (self._now + delay, next(self._order), timer))
        return timer

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass: every call due by then is made, and what follows from it runs."""
        end = self._now + seconds
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, due)
            if timer.call is not None:
                timer.call()
                await settle()
        self._now = end
        await settle()


_: type[Clock] = FakeClock


class Denied(HubbubError):
    """The application refused the handshake."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status} {body.decode(errors='replace')}")
        self.status = status
        self.body = body


class Closed(HubbubError):
    """The server closed the connection."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code = code
        self.reason = reason


class TestConnection:
    """A client of the application under test."""

    __test__ = False

    def __init__(self, app: App, scope: Event, deadline: float) -> None:
        self._deadline = deadline
        self._path = scope["path"]
        self._to_app: asyncio.Queue[Event] = asyncio.Queue()
        self._from_app: asyncio.Queue[Event] = asyncio.Queue()
        self._to_app.put_nowait({"type": "websocket.connect"})
        self.subprotocol: str | None = None
        self.task = asyncio.ensure_future(app(scope, self._to_app.get, self._from_app.put))

    async def open(self) -> Self:
        """Wait for the answer to the handshake. Raises `Denied`, or what the application raised."""
        event = await self._next("an answer to the handshake")
        if event["type"] == "websocket.accept":
            self.subprotocol = event.get("subprotocol")
            return self
        if event["type"] == "websocket.close":
            raise Denied(403, b"")
        status, body = event["status"], b""
        more = True
        while more:
            event = await self._next("the rest of a refusal")
            body += event.get("body", b"")
            more = event.get("more_body", False)
        raise Denied(status, body)

    async def send(self, value: Any) -> None:
        """Send text, bytes, or anything JSON can hold."""
        self.say(value)
        await settle()

    def say(self, value: Any) -> None:
        """As `send`, but what follows from it has yet to happen."""
        if isinstance(value, bytes):
            self._to_app.put_nowait({"type": "websocket.receive", "bytes": value})
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            self._to_app.put_nowait({"type": "websocket.receive", "text": text})

    async def receive(self) -> str | bytes:
        """The next message. Raises `Closed`, TimeoutError, or what the application raised."""
        return _message(await self._next("a message"))

    async def receive_anytime(self) -> str | bytes:
        """As `receive`, however long it takes."""
        return _message(await self._event())

    async def receive_json(self) -> Any:
        """The next message, as JSON."""
        return json.loads(await self.receive())

    async def waiting(self) -> list[str | bytes]:
        """Every message that is there, once all that could happen has."""
        await settle()
        messages = []
        while not self._from_app.empty():
            messages.append(await self.receive())
        return messages

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Go, and wait until the application has let go as well."""
        self.let_go(code, reason)
        await self.done()

    def let_go(self, code: int, reason: str = "") -> None:
        """Tell the application that the connection is over."""
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})

    async def vanish(self) -> None:
        """Be gone without a word, and wait until the application has noticed."""
        await self.close(1006)

    async def closed(self) -> Disconnect:
        """Wait until the server closes; messages on the way are dropped."""
        while True:
            try:
                await self.receive()
            except Closed as closed:
                self.let_go(closed.code)
                return Disconnect(closed.code, closed.reason)

    async def done(self) -> None:
        """Wait until the application's call has returned. Raises what it raised."""
        async with self._in_time("the application to return"):
            await self.task

    async def _next(self, what: str) -> Event:
        async with self._in_time(what):
            return await self._event()

    async def _event(self) -> Event:
        got = asyncio.ensure_future(self._from_app.get())
        try:
            await asyncio.wait([got, self.task], return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not got.done():
                got.cancel()
        if got.done() and not got.cancelled():
            return got.result()
        self.task.result()
        raise Closed(1000, "the application returned")

    @asynccontextmanager
    async def _in_time(self, what: str) -> AsyncIterator[None]:
        async with in_time(self._deadline, f"{what} on {self._path}"):
            yield


def _message(event: Event) -> str | bytes:
    if event["type"] == "websocket.close":
        raise Closed(event.get("code", 1000), event.get("reason") or "")
    text: str | None = event.get("text")
    return event["bytes"] if text is None else text


@asynccontextmanager
async def in_time(deadline: float, what: str) -> AsyncIterator[None]:
    """A block that may take `deadline` real seconds; else TimeoutError says `what` it was for."""
    try:
        async with asyncio.timeout(deadline):
            yield
    except TimeoutError:
        raise TimeoutError(f"waited {deadline:g} s for {what}") from None


async def until(condition: Callable[[], object], deadline: float = DEADLINE) -> None:
    """Wait until `condition` holds. Raises TimeoutError after `deadline` real seconds."""
    async with asyncio.timeout(deadline):
        while not condition():  # noqa: ASYNC110 - any condition, not one that has an event
            await asyncio.sleep(0.001)
