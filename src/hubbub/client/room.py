"""A room that a client is in."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, TypeVar

import centrifuge

from hubbub.client.values import (
    Back,
    ClientInfo,
    ConnectionClosed,
    Event,
    History,
    Joined,
    Left,
    Lost,
    PresenceStats,
    Publication,
    info_of,
    plain,
    publication_of,
)
from hubbub.errors import HubbubError
from hubbub.model import SLOW, Position

if TYPE_CHECKING:
    from hubbub.client.connection import Client

T = TypeVar("T")


class Room:
    """A room we are in. Read it with `async for`, or `events()`; it is for one reader.

    Reading ends when we leave, or when the room or the connection is over for good; then `ended`
    says why. It raises `ConnectionClosed` where we were too slow for the room.
    """

    def __init__(self, client: Client, name: str, unread: int) -> None:
        self.name = name
        self.ended: HubbubError | None = None
        """Why we are not in it any more."""
        self._wire: Any = None
        self._client = client
        self._limit = unread
        self._unread: deque[Event] = deque()
        self._news = asyncio.Event()
        self._entered = self._behind = False
        self._handler = centrifuge.SubscriptionEventHandler()
        self._handler.on_subscribing = self._on_subscribing
        self._handler.on_subscribed = self._on_subscribed
        self._handler.on_unsubscribed = self._on_unsubscribed
        self._handler.on_publication = self._on_publication
        self._handler.on_join = self._on_join
        self._handler.on_leave = self._on_leave
        self._handler.on_error = client._on_error

    def _bind(self, wire: Any) -> None:
        self._wire = wire

    async def _enter(self) -> None:
        await self._wire.subscribe()
        await self._wire.ready(self._client._deadline)

    # What we do.

    async def publish(self, data: Any) -> None:
        """Publish anything JSON can hold; it has been published when this returns.

        The protocol's answer does not say where: our own publication comes to us with its offset.
        """
        sent = plain(data)
        await self._ask("publishing", lambda: self._wire.publish(sent))

    async def history(
        self, limit: int = 50, *, since: Position | None = None, reverse: bool = False
    ) -> History:
        """The oldest `limit` publications after `since`; with `reverse` the latest, before it.

        A negative `limit` is for as many as the server gives.
        """
        after = None if since is None else centrifuge.StreamPosition(since.offset, since.epoch)
        result = await self._ask(
            "reading history", lambda: self._wire.history(limit=limit, since=after, reverse=reverse)
        )
        position = Position(result.offset, result.epoch)
        return History([publication_of(each) for each in result.publications], position)

    async def mark_read(self, offset: int) -> int:
        """We have read the room up to `offset`; where our marker is, in a room that keeps them."""
        asked = {"room": self.name, "offset": offset}
        marker: int = (await self._client.rpc("hubbub.read", asked))["offset"]
        return marker

    async def presence(self) -> list[ClientInfo]:
        """Who is in the room: each of a user's connections."""
        result = await self._ask("asking who is there", lambda: self._wire.presence())
        return [info_of(each) for each in result.clients.values()]

    async def presence_stats(self) -> PresenceStats:
        """How many are in the room."""
        result = await self._ask("asking how many are there", lambda: self._wire.presence_stats())
        return PresenceStats(result.num_clients, result.num_users)

    async def leave(self) -> None:
        """Leave the room. What came before can still be read."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._client._deadline):
                await self._finish(ConnectionClosed(0, "left"))

    # What comes.

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Publication:
        while True:
            event = await self._next()
            if event is None:
                raise StopAsyncIteration
            if isinstance(event, Publication):
                return event

    async def events(self) -> AsyncIterator[Event]:
        """All that happens, in order: publications, who comes and goes, `Lost` and `Back`."""
        while (event := await self._next()) is not None:
            yield event

    async def next(self) -> Publication:
        """The next publication, in time. Raises TimeoutError, or why there will be none."""
        try:
            async with asyncio.timeout(self._client._deadline):
                return await anext(self)
        except TimeoutError:
            waited = self._client._deadline
            raise TimeoutError(f"nothing was published in {self.name} in {waited:g} s") from None
        except StopAsyncIteration:
            raise self.ended or ConnectionClosed(0, "left") from None

    async def _next(self) -> Event | None:
        while not self._unread:
            if self._behind and self.ended is not None:
                raise self.ended
            if self.ended is not None:
                return None
            self._news.clear()
            await self._news.wait()
        return self._unread.popleft()

    async def _finish(self, end: HubbubError) -> None:
        """Be out of it, because of `end`."""
        if self.ended is None:
            self.ended = end
            self._news.set()
            try:
                await self._wire.unsubscribe()
            finally:
                self._client._forget(self)

    async def _ask(self, what: str, call: Callable[[], Awaitable[T]]) -> T:
        return await self._client._ask(f"{what} in {self.name}", call, self)

    async def _put(self, event: Event) -> None:
        if self.ended is not None:
            return
        if len(self._unread) < self._limit:
            self._unread.append(event)
            self._news.set()
            return
        # The library reads the socket whether we keep up or not, and holding it up would hold up
        # answers and pongs too. So whoever is behind is told, rather than missing some in silence.
        self._behind = True
        await self._finish(
            ConnectionClosed(SLOW.code, f"too slow for {self.name}: {self._limit} events unread")
        )

    async def _on_subscribing(self, context: Any) -> None:
        for_good = self._client._wire.state is centrifuge.ClientState.DISCONNECTED
        if self._entered and not for_good:
            await self._put(Lost(context.code, context.reason))

    async def _on_subscribed(self, context: Any) -> None:
        if self._entered:
            await self._put(Back(context.recovered if context.was_recovering else None))
        self._entered = True

    async def _on_unsubscribed(self, context: Any) -> None:
        await self._finish(self._client._end(context))

    async def _on_publication(self, context: Any) -> None:
        await self._put(publication_of(context.pub))

    async def _on_join(self, context: Any) -> None:
        await self._put(Joined(info_of(context.info)))

    async def _on_leave(self, context: Any) -> None:
        await self._put(Left(info_of(context.info)))
