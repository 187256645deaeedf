"""Clients in process that are told what has changed, and decode it as the published ones do."""

from __future__ import annotations

import json
from base64 import b64decode
from itertools import count
from types import SimpleNamespace
from typing import Any

from centrifuge.codecs import _JsonCodec, _ProtobufCodec
from tests.support.wired import Message, Sink, World

from hubbub.engine.client import Client
from hubbub.model import Disconnect, Position
from hubbub.testing import settle
from hubbub.wire.centrifuge_json import JSON
from hubbub.wire.centrifuge_protobuf import PROTOBUF
from hubbub.wire.frames import unframe


class Follower:
    """A client that follows one room from one connection to the next, in one encoding.

    `told` is what it has been told since it was last asked, by offset and as data: decoded by the
    codec of centrifuge-python. `how` says of each whether it was "whole" or a "patch", or with an
    exclamation mark that it came with the reply.
    """

    def __init__(self, world: World, room: str, *, protobuf: bool = False, **asks: Any) -> None:
        self.world = world
        self.room = room
        self.protobuf = protobuf
        self.told: list[tuple[int, Any]] = []
        self.how: list[str] = []
        self.results: list[Message] = []
        self.bytes = 0
        """Of the data of publications, as it came."""
        self.position = Position(0, "")
        self.prev: bytes | None = None
        self._theirs: Any = _ProtobufCodec if protobuf else _JsonCodec
        self._asks = {"delta": "fossil", **asks}
        self._ids = count(1)
        self._subscribing = 0
        self._granted = False
        self._connect()
        world.leaving.append(self.vanish)

    def vanish(self) -> None:
        self.client.lost(Disconnect(1006, ""))

    def _connect(self) -> None:
        self.sink = Sink()
        codec = PROTOBUF if self.protobuf else JSON
        self.client = Client(self.world.node, self.sink, codec, pings=False)
        self.say("connect")

    def say(self, kind: str, **body: Any) -> int:
        id = next(self._ids)
        self.client.received([self._theirs.encode_commands([{"id": id, kind: body}])])
        return id

    async def come(self) -> Message:
        """Connect, if it is not, and follow the room from where it was; the result."""
        if self.client.disconnect is not None:
            self._connect()
        before = len(self.results)
        self.subscribe()
        await self.hear()
        assert len(self.results) == before + 1, self.sink.closed
        return self.results[-1]

    def subscribe(self) -> None:
        """Say that it follows the room."""
        offset, epoch = self.position
        since = {"recover": True, "offset": offset, "epoch": epoch} if epoch else {}
        self._subscribing = self.say("subscribe", channel=self.room, **since, **self._asks)

    async def go(self) -> None:
        await self.hear()
        self.vanish()
        self.sink.take()

    def begin_anew(self) -> None:
        """Know nothing of before."""
        self.position, self.prev = Position(0, ""), None

    async def hear(self) -> None:
        await settle()
        self.listen()

    def listen(self) -> None:
        for frame in unframe(self.sink.take()):
            assert isinstance(frame, bytes) is self.protobuf
            for reply in self._theirs.decode_replies(frame):
                self._take(reply)

    async def data(self) -> list[Any]:
        """What it has been told since the last time."""
        await self.hear()
        told, self.told = self.told, []
        return [data for _, data in told]

    async def ways(self) -> str:
        """How it has been told since the last time."""
        await self.hear()
        how, self.how = self.how, []
        return " ".join(how)

    def _take(self, reply: Message) -> None:
        assert "error" not in reply, reply
        if "push" in reply:
            if "pub" in reply["push"]:
                self._publication(reply["push"]["pub"], "")
            elif "unsubscribe" in reply["push"]:
                self._subscribing = 0
        elif reply["id"] == self._subscribing:
            result = reply["subscribe"]
            self.results.append(result)
            self._granted = result.get("delta", False)
            self.position = Position(int(result.get("offset", 0)), result.get("epoch", ""))
            for one in result.get("publications", ()):
                self._publication(one, "!")

    def _publication(self, pub: Message, mark: str) -> None:
        data = b64decode(pub["data"]) if self.protobuf else pub["data"]
        patch = pub.get("delta", False)
        self.bytes += len(data if self.protobuf else json.dumps(data))
        if self._granted:
            one = SimpleNamespace(delta=patch, data=data)
            data, self.prev = self._theirs.apply_delta_if_needed(self.prev, one)
            self.how.append(("patch" if patch else "whole") + mark)
        else:
            assert not patch
            self.how.append("plain" + mark)
        if self.protobuf:
            data = json.loads(data)
        offset = int(pub.get("offset", 0))
        if offset:
            assert offset == self.position.offset + 1
            self.position = self.position._replace(offset=offset)
        self.told.append((offset, data))
