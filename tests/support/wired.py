"""Centrifuge clients of a node in process: what each says, and what it is told.

    world = World(without_namespace=OPEN)
    ann = await world.connect("ann")
    assert await ann.ask("subscribe", channel="lobby") == {"subscribe": {...}}
    await world.end()

The clock stands still until the test moves it, and nothing has a socket.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any

from tests.support.stores import ControlledStore

from hubbub.engine.client import Client
from hubbub.engine.events import Admission, Connect, Gate, Ticket
from hubbub.engine.node import Node
from hubbub.model import INVALID_TOKEN, Disconnect
from hubbub.options import RoomOptions
from hubbub.settings import Settings
from hubbub.testing import FakeClock, RecordingSink, settle
from hubbub.wire import centrifuge as wire
from hubbub.wire.centrifuge_json import JSON
from hubbub.wire.frames import unframe

Message = dict[str, Any]

ERRORS = {
    100: "internal server error",
    102: "unknown channel",
    103: "permission denied",
    104: "method not found",
    105: "already subscribed",
    106: "limit exceeded",
    107: "bad request",
    108: "not available",
    109: "token expired",
    110: "expired",
    111: "too many requests",
    112: "unrecoverable position",
}
"""protocol.md section 10.1."""

TEMPORARY = {100, 111}

LET_IN = RoomOptions(allow_subscribe_for_client=True, allow_subscribe_for_anonymous=True)
"""A room that everyone may enter, and nothing else."""


def let_in(**more: Any) -> RoomOptions:
    """The options of `LET_IN`, and more."""
    return RoomOptions(**{**LET_IN.model_dump(exclude_unset=True), **more})


def refused(code: int) -> Message:
    """The reply with this error, as section 10.1 has it."""
    error: Message = {"code": code, "message": ERRORS[code]}
    if code in TEMPORARY:
        error["temporary"] = True
    return {"error": error}


class Sink(RecordingSink):
    """Also keeps what is written when nothing should be: sinks ignore it."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[bytes] = []

    def write(self, frames: bytes) -> None:
        if self.closed is not None:
            self.late.append(frames)
        super().write(frames)


class Peer:
    """A client: commands go in as lines, and what comes out is sorted into replies and pushes."""

    def __init__(self, node: Node, *, pings: bool = True) -> None:
        self.sink = Sink()
        self.client = Client(node, self.sink, JSON, pings=pings)
        self.replies: dict[int, Message] = {}
        """Those that nobody has taken, by id."""
        self._ids = count(1)
        self._pushes: list[Message] = []

    @property
    def closed(self) -> Disconnect | None:
        """What its connection was closed with."""
        return self.sink.closed

    def say(self, *commands: Message | str, apart: bool = False) -> None:
        """Send a line for each command, given as a value or as text, in one WebSocket message.

        With `apart` in a message each, which arrive together.
        """
        texts = [one if isinstance(one, str) else json.dumps(one) for one in commands]
        self.client.received([*texts] if apart else ["\n".join(texts)])

    def command(self, kind: str, **body: Any) -> Message:
        """A command with the next id."""
        return {"id": next(self._ids), kind: body}

    async def ask(self, kind: str, /, **body: Any) -> Any:
        """Say one command; what it is answered, without the id, or with what it was closed."""
        command = self.command(kind, **body)
        self.say(command)
        return await self.answer(command["id"])

    async def answer(self, id: int) -> Any:
        """The reply to a command, without the id; else what the connection was closed with."""
        await settle()
        self.listen()
        return self.replies.pop(id, self.closed)

    async def told(self) -> list[Message]:
        """The pushes since the last time, without the word itself; an empty one is a ping."""
        await settle()
        self.listen()
        pushes, self._pushes = self._pushes, []
        return pushes

    async def heard(self, room: str) -> list[Any]:
        """The data of what was published in `room` since the last time; drops other pushes."""
        pushes = await self.told()
        return [one["pub"]["data"] for one in pushes if one.get("channel") == room and "pub" in one]

    def listen(self) -> None:
        """Sort what was written into replies and pushes, without waiting."""
        for frame in unframe(self.sink.take()):
            assert isinstance(frame, str)
            for line in frame.split("\n"):
                message = json.loads(line)
                if "id" in message:
                    id = message.pop("id")
                    assert id not in self.replies, "answered twice"
                    self.replies[id] = message
                else:
                    self._pushes.append(message.get("push", message))

    def vanish(self) -> None:
        self.client.lost(Disconnect(1006, ""))


class Doorman:
    """A gate that says what the test told it: a token is a user's name if nothing was said."""

    def __init__(self) -> None:
        self.admissions: dict[str, Admission | wire.Error | Disconnect] = {}
        self.tickets: dict[str, Ticket | wire.Error] = {}
        self.until: float | None = None
        """What `renew` says."""
        self.renewed = 0
        self.asked: list[Connect] = []

    async def connect(self, event: Connect) -> Admission | wire.Error | Disconnect:
        self.asked.append(event)
        token = event.token or ""
        return self.admissions.get(token, Admission(user=token or None))

    async def refresh(self, client: Client, token: str) -> Admission | wire.Error | Disconnect:
        return self.admissions.get(token, INVALID_TOKEN)

    async def renew(self, client: Client) -> float | None:
        self.renewed += 1
        return self.until

    async def ticket(self, token: str) -> Ticket | wire.Error:
        return self.tickets.get(token, wire.DENIED)


_: type[Gate] = Doorman


class World:
    """A node with a clock that stands still, its doorman, and the clients that came."""

    def __init__(self, **settings: Any) -> None:
        self.clock = FakeClock()
        self.node = Node(Settings(**settings))
        self.node.bind(self.clock)
        self.gate = Doorman()
        self.node.gate = self.gate
        self.peers: list[Peer] = []
        self.leaving: list[Callable[[], None]] = []
        """What has others go that came."""

    async def open_logs(self) -> ControlledStore:
        """Have durable rooms, in a store that does what the test says."""
        store = ControlledStore()
        await self.node.open_logs(store)
        return store

    def arrive(self, *, pings: bool = True) -> Peer:
        """A client that has said nothing yet."""
        peer = Peer(self.node, pings=pings)
        self.peers.append(peer)
        return peer

    async def connect(self, user: str = "", /, **body: Any) -> Peer:
        """A client that has been let in."""
        peer = self.arrive()
        answer = await peer.ask("connect", **({"token": user} if user else {}), **body)
        assert "connect" in answer, answer
        return peer

    async def join(self, room: str, user: str = "", **body: Any) -> Peer:
        """A client that has been let in, and into `room`; it was told nothing since."""
        peer = await self.connect(user)
        answer = await peer.ask("subscribe", channel=room, **body)
        assert "subscribe" in answer, answer
        await peer.told()
        return peer

    def timers(self) -> int:
        """How many calls are due later."""
        return sum(timer.call is not None for _, _, timer in self.clock._timers)

    def assert_nobody_is_left(self) -> None:
        """No row anywhere of a connection: only what rooms remember may remain."""
        node = self.node
        assert node.live == {}
        assert node.present == {}
        assert node.clients == {}
        assert node.emulated == {}
        assert len(node.client_heartbeat) == 0
        assert len(node.heartbeat) == 0
        assert len(node.revoking) == 0
        assert not node.has_logs or len(node.logs.reading) == 0
        sweep = node.memory.sweeping is not None
        kept = sweep + 2 * node.has_logs  # which are looked after all the time
        assert self.timers() == kept, "a timer is left"

    async def end(self) -> None:
        """Everyone goes, and nothing is left of them."""
        for leave in [peer.vanish for peer in self.peers] + self.leaving:
            leave()
        await settle()
        self.assert_nobody_is_left()
        await self.node.stop()
        await settle()
        assert not self.node._tasks
        assert self.timers() == 0
