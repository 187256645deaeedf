"""Whatever happens to a log and to those who use it: all in order and once, or told.

Clients that publish, retry, vanish and come back, another node that appends to the same logs,
trims and removals, and a store that is slow, fails, loses answers or cannot be read. What
everybody saw is held against what is stored in the end (`tests.support.invariants`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import tempfile
from collections.abc import Awaitable, Coroutine, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from tests.support.invariants import Witness
from tests.support.logs import SETTINGS, since
from tests.support.publishers import tell_history
from tests.support.stores import ControlledStore
from tests.support.wired import Message, Peer, World

from hubbub.contracts import Store
from hubbub.errors import Conflict, Unavailable
from hubbub.model import Appended, Draft, LogState, Page
from hubbub.stores.memory import MemoryStore
from hubbub.stores.sqlite import SQLiteStore
from hubbub.testing import settle, until
from hubbub.wire.frames import unframe

ROOMS = ["a", "b"]
CLIENTS = 3
WEIGHTS = {
    "join": 8,
    "publish": 8,
    "vanish": 3,
    "leave": 1,
    "publish_with_a_key": 3,
    "use_a_key_for_something_else": 1,
    "retry": 2,
    "another_node_appends": 2,
    "trim": 1,
    "remove": 0.3,
    "time_passes": 1,
    "turns": 8,
    "calm": 3,
}
"""What happens, and how often."""

LIMIT = 8
"""Publications that are caught up with: less than there come to be."""

UNAVAILABLE = 100

FAILING = Unavailable("fails as it was told to")

T = TypeVar("T")

LOGGER = logging.getLogger("hubbub")


class BusyStore(ControlledStore):
    """Counts what it is doing, so that a test can wait for the end of it."""

    busy = 0

    async def doing(self, work: Awaitable[T]) -> T:
        self.busy += 1
        try:
            return await work
        finally:
            self.busy -= 1

    async def append(self, drafts: Sequence[tuple[str, Draft]]) -> list[Appended]:
        while not self._open.is_set():  # what is held is not under way
            await self._open.wait()
        return await self.doing(super().append(drafts))

    async def read(
        self, room: str, offset: int, limit: int, size: int, *, backwards: bool = False
    ) -> Page:
        return await self.doing(super().read(room, offset, limit, size, backwards=backwards))

    async def states(self, rooms: Sequence[str]) -> list[LogState]:
        return await self.doing(super().states(rooms))

    async def rooms(self, after: str, limit: int) -> list[LogState]:
        return await self.doing(super().rooms(after, limit))

    async def sweep(self, most: int) -> int:
        return await self.doing(super().sweep(most))

    async def check(self) -> None:
        await self.doing(super().check())


class Someone:
    """A client, connection after connection."""

    def __init__(self, name: str, witness: Witness) -> None:
        self.name = name
        self.listener = witness.listener(name)
        self.publisher = witness.publisher(name)
        self.peer: Peer | None = None
        self.joins: dict[int, str] = {}
        """Rooms that it has asked to be let into, by command."""
        self.publishes: dict[int, tuple[str, str]] = {}

    def hear(self) -> None:
        """Take note of what has come, in its order."""
        if self.peer is None:
            return
        for frame in unframe(self.peer.sink.take()):
            assert isinstance(frame, str)
            for line in frame.split("\n"):
                self.hear_one(json.loads(line))
        assert self.peer.closed is None, self.peer.closed

    def hear_one(self, message: Message) -> None:
        id = message.get("id", 0)
        if id in self.joins:
            room = self.joins.pop(id)
            if "subscribe" in message:
                self.listener.subscribed(room, message["subscribe"])
            else:
                assert message["error"]["code"] == UNAVAILABLE, message
        elif id in self.publishes:
            room, key = self.publishes.pop(id)
            if "publish" in message:
                self.publisher.acknowledged(room, key)
            else:
                assert message["error"]["code"] == UNAVAILABLE, message
        elif message.get("push", {}).get("channel") in self.listener.rooms:
            self.listener.pushed(message["push"])  # else it has left, and what comes late is moot


class LogMachine(RuleBasedStateMachine):
    """See the module; a subclass says where the log is."""

    def __init__(self) -> None:
        super().__init__()
        self.level = LOGGER.level
        LOGGER.setLevel(logging.CRITICAL)  # a store that fails is told of, each time
        self.loop = asyncio.new_event_loop()
        self.witness = Witness()
        self.everyone = [Someone(f"client{number}", self.witness) for number in range(CLIENTS)]
        self.python = self.witness.publisher("python", ordered=False)
        self.node = self.witness.publisher("another node")
        self.keyed: list[tuple[str, str, str]] = []  # room, key and id
        self.tasks: set[asyncio.Task[None]] = set()
        self.numbers = 0
        self.store = BusyStore(self.make_store())
        self.run(self.begin())

    def make_store(self) -> Store:
        raise NotImplementedError

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def begin(self) -> None:
        self.world = World(**{**SETTINGS, "recovery_limit": LIMIT})
        await self.world.node.open_logs(self.store)

    def next_id(self, who: str) -> str:
        self.numbers += 1
        return f"{who}-{self.numbers}"

    @rule(seed=st.integers(0, 2**32))
    def live(self, seed: int) -> None:
        """A few things, one after the other, of those that happen all the time."""
        self.run(self.do_some(random.Random(seed)))

    async def do_some(self, dice: random.Random) -> None:
        for what in dice.choices([*WEIGHTS], [*WEIGHTS.values()], k=6):
            await getattr(self, what)(dice, dice.choice(ROOMS))

    # Clients. ---------------------------------------------------------------------------------

    async def join(self, dice: random.Random, room: str) -> None:
        await self.enter(dice.choice(self.everyone), room)

    async def enter(self, one: Someone, room: str) -> None:
        if one.peer is None:
            one.peer = await self.world.connect(one.name)
        one.hear()
        if room not in one.listener.rooms and room not in one.joins.values():
            command = one.peer.command("subscribe", channel=room, **since(one.listener, room))
            one.joins[command["id"]] = room
            one.peer.say(command)

    async def publish(self, dice: random.Random, room: str) -> None:
        one = dice.choice(self.everyone)
        if one.peer is None:
            return
        for _ in range(dice.randint(1, 4)):
            id = self.next_id(one.name)
            command = one.peer.command("publish", channel=room, data={"id": id})
            one.publisher.sent(room, id, {"id": id})
            one.publishes[command["id"]] = room, id
            one.peer.say(command)

    async def vanish(self, dice: random.Random, room: str) -> None:
        """What has been written to it, it may not have read."""
        one = dice.choice(self.everyone)
        if one.peer is None:
            return
        one.peer.vanish()
        self.world.peers.remove(one.peer)
        one.peer = None
        one.joins.clear()
        one.publishes.clear()
        one.listener.cut()

    async def leave(self, dice: random.Random, room: str) -> None:
        one = dice.choice(self.everyone)
        one.hear()
        if one.peer is not None and room in one.listener.rooms:
            one.peer.say(one.peer.command("unsubscribe", channel=room))
            one.listener.left(room)

    # Python, with keys. -----------------------------------------------------------------------

    async def publish_with_a_key(self, dice: random.Random, room: str) -> None:
        self.publish_keyed(room, f"key{self.numbers}")

    async def use_a_key_for_something_else(self, dice: random.Random, room: str) -> None:
        if self.keyed:
            room, key, _ = dice.choice(self.keyed)
            self.publish_keyed(room, key)

    def publish_keyed(self, room: str, key: str) -> None:
        id = self.next_id("python")
        self.python.sent(room, id, {"id": id})
        self.keyed.append((room, key, id))
        self.tasks.add(self.loop.create_task(self.attempt(room, key, id)))

    async def retry(self, dice: random.Random, room: str) -> None:
        if self.keyed:
            self.tasks.add(self.loop.create_task(self.attempt(*dice.choice(self.keyed))))

    async def attempt(self, room: str, key: str, id: str) -> None:
        try:
            position = await self.world.node.room(room).publish({"id": id}, idempotency_key=key)
        except Conflict:
            others = [other for of, k, other in self.keyed if (of, k) == (room, key)]
            assert len(others) > 1, "nothing else has had this key"
        except Unavailable:
            pass  # it may be stored, now or before
        else:
            assert position is not None
            self.python.acknowledged(room, id, *position)

    # Others, and the log itself. --------------------------------------------------------------

    async def another_node_appends(self, dice: random.Random, room: str) -> None:
        ids = [self.next_id("node") for _ in range(dice.choice([1, 2, 3, 12]))]
        for id in ids:
            self.node.sent(room, id, {"id": id})
        drafts = [(room, Draft(b'{"id":"%s"}' % id.encode())) for id in ids]
        for id, appended in zip(ids, await self.store.inner.append(drafts), strict=True):
            self.node.acknowledged(room, id, *appended.position)

    async def trim(self, dice: random.Random, room: str) -> None:
        top = await tell_history(self.witness, self.store.inner, room)
        await self.store.inner.trim(room, top.offset + 1 - dice.randint(0, 6), 0, 1_000)

    async def remove(self, dice: random.Random, room: str) -> None:
        await self.calm(dice, room)  # so that nothing is stored between the two
        await tell_history(self.witness, self.store.inner, room)
        await self.store.inner.remove(room)
        if dice.random() < 0.5 and not self.store.reads_fail:
            await self.world.node.logs.refresh(room)

    async def time_passes(self, dice: random.Random, room: str) -> None:
        await self.world.clock.advance(dice.choice([1, 2, 41]))

    async def turns(self, dice: random.Random, room: str) -> None:
        for _ in range(dice.randint(0, 25)):
            await asyncio.sleep(0)
        for one in self.everyone:
            one.hear()

    async def calm(self, dice: random.Random, room: str) -> None:
        await self.nothing_goes_on()

    # The store. -------------------------------------------------------------------------------

    @rule()
    def hold(self) -> None:
        self.store.hold()

    @rule()
    def release(self) -> None:
        self.store.release()

    @rule(failing=st.booleans())
    def fail(self, failing: bool) -> None:
        self.store.failing = FAILING if failing else None

    @rule(fail=st.booleans())
    def fail_to_read(self, fail: bool) -> None:
        self.store.reads_fail = fail

    @rule()
    def lose_an_answer(self) -> None:
        self.store.lost = True

    # What must hold. --------------------------------------------------------------------------

    async def nothing_goes_on(self) -> None:
        """Wait for all that is under way, but for what is held."""
        for _ in range(3):  # what ends may be the beginning of something
            await settle()
            await until(lambda: not self.store.busy)
        for one in self.everyone:
            one.hear()

    async def end(self) -> None:
        """All is well again: everybody is there, and everybody hears everything."""
        self.store.failing, self.store.reads_fail, self.store.lost = None, False, False
        self.store.release()
        await self.nothing_goes_on()
        await self.world.clock.advance(41)
        await self.nothing_goes_on()
        if self.tasks:
            await asyncio.wait(self.tasks)
            for task in self.tasks:
                task.result()
        for room in ROOMS:
            for one in self.everyone:
                await self.enter(one, room)
        await self.nothing_goes_on()
        for room in ROOMS:
            assert await self.world.node.room(room).publish({"id": f"last-{room}"})
        await self.world.clock.advance(41)
        await self.nothing_goes_on()
        for room in ROOMS:
            await tell_history(self.witness, self.store.inner, room)
        assert all(one.listener.rooms == set(ROOMS) for one in self.everyone)
        self.witness.check().whole()

    def teardown(self) -> None:
        try:
            self.run(self.end())
        finally:
            self.run(self.world.end())
            self.loop.close()
            LOGGER.setLevel(self.level)


class InMemory(LogMachine):
    def make_store(self) -> Store:
        return MemoryStore()


class InFile(LogMachine):
    def make_store(self) -> Store:
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "log.db"
        path.write_bytes(template())
        return SQLiteStore(path)

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.folder.cleanup()


@cache
def template() -> bytes:
    """An empty log, so that not every example has to make the tables."""

    async def make(path: Path) -> None:
        store = SQLiteStore(path)
        await store.start()
        await store.stop()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(make(Path(folder) / "log.db"))
        return (Path(folder) / "log.db").read_bytes()


TestInMemory = InMemory.TestCase
TestInMemory.settings = settings(
    max_examples=200, stateful_step_count=40, report_multiple_bugs=False
)

TestInFile = InFile.TestCase
TestInFile.settings = settings(max_examples=50, stateful_step_count=40, report_multiple_bugs=False)
