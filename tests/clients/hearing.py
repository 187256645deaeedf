"""Python clients whose events can be awaited; of any release of centrifuge-python."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

import centrifuge
from tests.clients.servers import Addresses
from tests.support.asyncapi import Contract, ListeningCodec, contract_of
from tests.support.protocol_app import SECRET

DEADLINE = 10.0
"""Seconds a wait may take; what is awaited takes a fraction of one."""

DELAYS = {"min_reconnect_delay": 0.02, "max_reconnect_delay": 0.1}
SUB_DELAYS = {"min_resubscribe_delay": 0.02, "max_resubscribe_delay": 0.1}

T = TypeVar("T")


class Heard:
    """What a client or a subscription tells, in its order."""

    def __init__(self) -> None:
        self.log: list[tuple[str, Any]] = []
        self._taken = 0
        self._more = asyncio.Event()

    def hear(self, name: str, event: Any) -> None:
        self.log.append((name, event))
        self._more.set()

    async def next(self, name: str) -> Any:
        """The next event of this name, past those that were taken before; skips what is between."""
        try:
            async with asyncio.timeout(DEADLINE):
                while True:
                    for at in range(self._taken, len(self.log)):
                        if self.log[at][0] == name:
                            self._taken = at + 1
                            return self.log[at][1]
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"waited in vain for {name} after {self.log[-10:]}") from None

    async def code(self, name: str, code: int) -> Any:
        """The next event of this name has this code, and a reason in words."""
        event = await self.next(name)
        assert event.code == code, event
        assert code < 2000 or event.reason[0].isalpha()
        return event

    async def error(self) -> Any:
        """The next error: its own exception."""
        return (await self.next("error")).error

    async def publications(self, count: int) -> list[Any]:
        return [(await self.next("publication")).pub.data for _ in range(count)]

    def all(self, name: str) -> list[Any]:
        return [event for heard, event in self.log if heard == name]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.log]

    def handler(self, base: type[T]) -> T:
        """An instance of `base`, all of whose callbacks are told here."""

        def tell(name: str) -> Callable[[Any, Any], Awaitable[None]]:
            async def told(_: Any, event: Any) -> None:
                self.hear(name.removeprefix("on_"), event)

            return told

        callbacks = {name: tell(name) for name in dir(base) if name.startswith("on_")}
        handler: T = type(f"Heard{base.__name__}", (base,), callbacks)()
        return handler


class Room(NamedTuple):
    """A subscription."""

    sub: centrifuge.Subscription
    heard: Heard
    hello: Any = None


class Guest(NamedTuple):
    """A connection."""

    client: centrifuge.Client
    heard: Heard
    hello: Any = None

    async def join(self, room: str, **options: Any) -> Room:
        """A subscription under way."""
        heard = Heard()
        events = heard.handler(centrifuge.SubscriptionEventHandler)
        sub = self.client.new_subscription(room, events=events, **SUB_DELAYS, **options)
        await sub.subscribe()
        return Room(sub, heard)

    async def joined(self, room: str, **options: Any) -> Room:
        sub, heard, _ = await self.join(room, **options)
        return Room(sub, heard, await heard.next("subscribed"))


class InProtobuf(centrifuge.Client):  # type: ignore[misc] # which is not typed
    """Speaks Protobuf, where data are bytes, of values as the other encoding has them."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options, use_protobuf=True)

    def _encode_data(self, data: Any) -> Any:
        return super()._encode_data(json.dumps(data).encode())

    def _decode_data(self, data: Any) -> Any:
        found = super()._decode_data(data)
        try:
            return json.loads(found) if found else None
        except ValueError:
            return found  # bytes that are no JSON


class Guests:
    """Makes clients of the servers, and disconnects them at the end.

    What they hear is held to the AsyncAPI documents of the servers.
    """

    def __init__(self, servers: Addresses, encoding: str = "json") -> None:
        self._servers = servers
        self._kind = InProtobuf if encoding == "protobuf" else centrifuge.Client
        self._clients: list[centrifuge.Client] = []
        self._contracts: dict[str, Contract] = {}

    async def come(
        self, user: str | None = None, *, at: str = "app", data: Any = None, **options: Any
    ) -> Guest:
        """A client under way to the server of this name or address."""
        heard = Heard()
        client = self._kind(
            f"ws://{self._servers.get(at, at)}/connection/websocket",
            events=heard.handler(centrifuge.ClientEventHandler),
            data=data if user is None else {"user": user, **(data or {})},
            **{**DELAYS, **options},
        )
        self._clients.append(client)
        if at in self._servers:
            if at not in self._contracts:
                self._contracts[at] = await contract_of(f"http://{self._servers[at]}")
            client._codec = ListeningCodec(client._codec, self._contracts[at])
        await client.connect()
        return Guest(client, heard)

    async def connected(self, user: str | None = None, **options: Any) -> Guest:
        client, heard, _ = await self.come(user, **options)
        return Guest(client, heard, await heard.next("connected"))

    async def go(self) -> None:
        for client in self._clients:
            await client.disconnect()
        # It closes its sockets in the background.
        if closing := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(closing, timeout=DEADLINE)
        for contract in self._contracts.values():
            assert contract.faults == []


async def until(ask: Callable[[], Awaitable[object]], answer: object) -> None:
    """Ask again and again until this is the answer."""
    async with asyncio.timeout(DEADLINE):
        while await ask() != answer:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def token(claims: dict[str, Any], secret: str = SECRET) -> str:
    """A token with these claims, signed as the server expects, or with another secret."""
    parts = [{"alg": "HS256", "typ": "JWT"}, claims]
    signed = b".".join(_base64url(json.dumps(part).encode()) for part in parts)
    signature = hmac.digest(secret.encode(), signed, hashlib.sha256)
    return (signed + b"." + _base64url(signature)).decode()


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
