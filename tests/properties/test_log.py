"""Whatever happens to a log and to those who use it: all in order and once, or told.

Clients that publish, retry, vanish and come back, another node that appends to the same logs,
trims and removals, and a store that is slow, fails, loses answers or cannot be read. What
everybody saw is held against what is stored in the end (`tests.support.invariants`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from collections.abc import Awaitable, Coroutine, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
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
LIMIT = 8
"""Publications that are caught up with: less than there come to be."""

UNAVAILABLE = 100

FAILING = Unavailable("fails as it was told to")

T = TypeVar("T")


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
        logging.getLogger("hubbub").setLevel(logging.CRITICAL)
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

    async def turns(self, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)
        for one in self.everyone:
            one.hear()

    def someone(self, number: int) -> Someone:
        return self.everyone[number % CLIENTS]

    # Clients. ---------------------------------------------------------------------------------

    @rule(who=st.integers(0, 2), room=st.sampled_from(ROOMS))
    def join(self, who: int, room: str) -> None:
        self.run(self.do_join(self.someone(who), room))

    async def do_join(self, one: Someone, room: str) -> None:
        if one.peer is None:
            one.peer = await self.world.connect(one.name)
        if room not in one.listener.rooms and room not in one.joins.values():
            command = one.peer.command("subscribe", channel=room, **since(one.listener, room))
            one.joins[command["id"]] = room
            one.peer.say(command)

    @rule(who=st.integers(0, 2), room=st.sampled_from(ROOMS), many=st.integers(1, 4))
    def publish(self, who: int, room: str, many: int) -> None:
        self.run(self.do_publish(self.someone(who), room, many))

    async def do_publish(self, one: Someone, room: str, many: int) -> None:
        if one.peer is None:
            return
        for _ in range(many):
            id = self.next_id(one.name)
            command = one.peer.command("publish", channel=room, data={"id": id})
            one.publisher.sent(room, id, {"id": id})
            one.publishes[command["id"]] = room, id
            one.peer.say(command)

    @rule(who=st.integers(0, 2))
    def vanish(self, who: int) -> None:
        """What has been written to it, it may not have read."""
        self.run(self.do_vanish(self.someone(who)))

    async def do_vanish(self, one: Someone) -> None:
        if one.peer is not None:
            one.peer.vanish()
            self.world.peers.remove(one.peer)
        one.peer = None
        one.joins.clear()
        one.publishes.clear()
        one.listener.cut()

    @rule(who=st.integers(0, 2), room=st.sampled_from(ROOMS))
    def leave(self, who: int, room: str) -> None:
        self.run(self.do_leave(self.someone(who), room))

    async def do_leave(self, one: Someone, room: str) -> None:
        if one.peer is None or room not in one.listener.rooms:
            return
        one.hear()
        one.peer.say(one.peer.command("unsubscribe", channel=room))
        one.listener.left(room)

    # Python, with keys. -----------------------------------------------------------------------

    @rule(room=st.sampled_from(ROOMS))
    def publish_with_a_key(self, room: str) -> None:
        self.publish_keyed(room, f"key{self.numbers}")

    @rule(which=st.integers(0, 1_000))
    def retry(self, which: int) -> None:
        if self.keyed:
            self.begin_task(self.do_publish_with_a_key(*self.keyed[which % len(self.keyed)]))

    async def do_publish_with_a_key(self, room: str, key: str, id: str) -> None:
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

    @rule(which=st.integers(0, 1_000))
    def use_a_key_for_something_else(self, which: int) -> None:
        if self.keyed:
            room, key, _ = self.keyed[which % len(self.keyed)]
            self.publish_keyed(room, key)

    def publish_keyed(self, room: str, key: str) -> None:
        id = self.next_id("python")
        self.python.sent(room, id, {"id": id})
        self.keyed.append((room, key, id))
        self.begin_task(self.do_publish_with_a_key(room, key, id))

    def begin_task(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.add(self.loop.create_task(work))

    # Others, and the log itself. --------------------------------------------------------------

    @rule(room=st.sampled_from(ROOMS), many=st.integers(1, 12))
    def another_node_appends(self, room: str, many: int) -> None:
        self.run(self.do_append(room, many))

    async def do_append(self, room: str, many: int) -> None:
        ids = [self.next_id("node") for _ in range(many)]
        for id in ids:
            self.node.sent(room, id, {"id": id})
        drafts = [(room, Draft(b'{"id":"%s"}' % id.encode())) for id in ids]
        for id, (position, _) in zip(ids, await self.store.inner.append(drafts), strict=True):
            self.node.acknowledged(room, id, *position)

    @rule(room=st.sampled_from(ROOMS), left=st.integers(0, 6))
    def trim(self, room: str, left: int) -> None:
        self.run(self.do_trim(room, left))

    async def do_trim(self, room: str, left: int) -> None:
        top = await tell_history(self.witness, self.store.inner, room)
        await self.store.inner.trim(room, top.offset + 1 - left, 0, 1_000)

    @precondition(lambda self: self.numbers % 5 == 0)
    @rule(room=st.sampled_from(ROOMS), here=st.booleans())
    def remove(self, room: str, here: bool) -> None:
        self.run(self.do_remove(room, here))

    async def do_remove(self, room: str, here: bool) -> None:
        await self.calm()  # so that nothing is stored between the two
        await tell_history(self.witness, self.store.inner, room)
        await self.store.inner.remove(room)
        if here and not self.store.reads_fail:
            await self.world.node.logs.refresh(room)

    @rule(seconds=st.sampled_from([1, 2, 41]))
    def time_passes(self, seconds: int) -> None:
        self.run(self.world.clock.advance(seconds))

    @rule(count=st.integers(0, 25))
    def let_run(self, count: int) -> None:
        self.run(self.turns(count))

    @rule()
    def wait(self) -> None:
        self.run(self.calm())

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

    async def calm(self) -> None:
        """Wait until nothing goes on any more, but for what is held."""
        for _ in range(3):  # what ends may be the beginning of something
            await settle()
            await until(lambda: not self.store.busy)
        await self.turns(1)

    async def end(self) -> None:
        """All is well again: everybody is there, and everybody hears everything."""
        self.store.failing, self.store.reads_fail, self.store.lost = None, False, False
        self.store.release()
        await self.calm()
        await self.world.clock.advance(41)
        await self.calm()
        if self.tasks:
            await asyncio.wait(self.tasks)
            for task in self.tasks:
                task.result()
        for room in ROOMS:
            for one in self.everyone:
                await self.do_join(one, room)
        await self.calm()
        for room in ROOMS:
            assert await self.world.node.room(room).publish({"id": f"last-{room}"})
        await self.world.clock.advance(41)
        await self.calm()
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
