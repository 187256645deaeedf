"""Whatever is appended, trimmed, removed and swept: a store says what a list in memory would."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.support.postgres import fresh_database

from hubbub.contracts import Store
from hubbub.model import EVERYONE, ClientInfo, Draft, Fate, Unread
from hubbub.stores.memory import MemoryStore
from hubbub.stores.postgres import PostgresStore
from hubbub.stores.sqlite import SQLiteStore

T = TypeVar("T")

WINDOW = 5
ROOMS = ["a", "b", "\U0001f469"]

tags = st.sampled_from([None, {"x": "1"}, {"x": "1", "y": "\0"}])
drafts = st.builds(
    Draft,
    data=st.sampled_from([b"1", b'"\\u0000"', '"\U0001f469 é"'.encode()]),
    tags=tags,
    key=st.sampled_from(["", "", "k", "K"]),
    info=st.sampled_from([None, ClientInfo("ann", "1"), ClientInfo("bob", "2", b"{}", b"[1]")]),
    version=st.sampled_from([0, 0, 1, 2, 3]),
    version_epoch=st.sampled_from(["", "e"]),
    unread=st.booleans(),
    binary=st.booleans(),
    mentions=st.lists(st.sampled_from(["ann", "bob", "cid", EVERYONE]), max_size=3),
    erase=st.lists(
        st.tuples(st.integers(-1, 12), st.sampled_from([b"0", b'"erased"'])), max_size=2
    ),
)
"""Of all kinds; of some batches none changes more than the log."""

plain = drafts.map(lambda draft: draft._replace(unread=False, erase=()))
offsets = st.integers(0, 40)
users = st.sampled_from(["ann", "bob", "cid", EVERYONE, ""])


class Kept(NamedTuple):
    offset: int
    at: int
    draft: Draft

    @property
    def user(self) -> str:
        return self.draft.info.user if self.draft.info else ""


def published(draft: Draft) -> tuple[bytes, bool, Mapping[str, str] | None]:
    """What of a draft a key stands for."""
    return draft.data, draft.binary, draft.tags


class Log:
    """A room's log, as simple as can be."""

    def __init__(self) -> None:
        self.top = 0
        self.kept: list[Kept] = []
        self.keys: dict[tuple[str, str], Kept] = {}
        self.version: tuple[str, int] = ("", 0)
        self.touched = 0
        self.read: dict[str, int] = {}

    def append(self, draft: Draft, at: int) -> tuple[int, Fate]:
        kept = Kept(self.top + 1, at, draft)
        name = (kept.user, draft.key)
        used = self.keys.get(name)
        if draft.key and used is not None and used.at > at - WINDOW * 1000:
            same = published(used.draft) == published(draft)
            return used.offset, Fate.REPEATED if same else Fate.CONFLICT
        if draft.version:
            epoch, version = self.version
            if epoch == draft.version_epoch and version >= draft.version:
                return self.top, Fate.OUTDATED
            self.version = (draft.version_epoch, draft.version)
        self.top += 1
        self.touched = at
        self.kept.append(kept)
        self.keys[name] = kept
        for offset, data in draft.erase:
            for number, one in enumerate(self.kept[:-1]):
                if one.offset == offset:
                    erased = one.draft._replace(data=data, unread=False, binary=False)
                    self.kept[number] = one._replace(draft=erased)
        return self.top, Fate.STORED

    def mark(self, user: str, offset: int) -> int:
        self.read[user] = max(min(offset, self.top), self.read.get(user, 0))
        return self.read[user]

    def unread(self, room: str, user: str, most: int) -> Unread:
        read = self.read.get(user, 0)
        unread = [
            set(one.draft.mentions)
            for one in self.kept
            if one.draft.unread and one.offset > read and one.user != user
        ]
        mentions = [one for one in unread if one & {user, EVERYONE}]
        return Unread(room, read, min(len(unread), most), min(len(mentions), most), self.top)

    @property
    def first(self) -> int:
        return self.kept[0].offset if self.kept else self.top + 1


class Machine(RuleBasedStateMachine):
    """What is done to the store and to the model; `open` makes the store."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000
        self.logs = {room: Log() for room in ROOMS}
        self.epochs: dict[str, str] = {}
        self.past: set[tuple[str, str]] = set()
        self.loop = asyncio.new_event_loop()
        self.store = self.open()
        self.run(self.store.start())

    def open(self) -> Store:
        raise NotImplementedError

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(coroutine)

    def teardown(self) -> None:
        self.run(self.store.stop())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    @rule(
        batch=st.sampled_from([drafts, plain]).flatmap(
            lambda kind: st.lists(st.tuples(st.sampled_from(ROOMS), kind), max_size=12)
        )
    )
    def append(self, batch: list[tuple[str, Draft]]) -> None:
        made = self.run(self.store.append(batch))
        expected = [self.logs[room].append(draft, self.now * 1000) for room, draft in batch]
        assert [(one.position.offset, one.fate) for one in made] == expected
        for (room, _), one in zip(batch, made, strict=True):
            self.see(room, one.position.epoch)

    @rule(
        room=st.sampled_from(ROOMS),
        offset=offsets,
        limit=st.integers(0, 8),
        size=st.integers(0, 40),
        backwards=st.booleans(),
    )
    def read(self, room: str, offset: int, limit: int, size: int, backwards: bool) -> None:
        page = self.run(self.store.read(room, offset, limit, size, backwards=backwards))
        log = self.logs[room]
        if backwards:
            wanted = [one for one in reversed(log.kept) if one.offset < offset]
        else:
            wanted = [one for one in log.kept if one.offset > offset]
        expected: list[Kept] = []
        for one in wanted[:limit]:
            size -= len(one.draft.data)
            if expected and size < 0:
                break
            expected.append(one)
        assert [
            (one.offset, one.at, one.data, one.binary, one.tags, one.info)
            for one in page.publications
        ] == [(one.offset, one.at, *published(one.draft), one.draft.info) for one in expected]
        assert page.position.offset == log.top
        self.see(room, page.position.epoch)

    @rule(
        room=st.sampled_from(ROOMS),
        first=offsets,
        age=st.integers(0, 12),
        most=st.integers(1, 6),
    )
    def trim(self, room: str, first: int, age: int, most: int) -> None:
        before = (self.now - age) * 1000
        kept = self.logs[room].kept
        dropped = 0
        while dropped < most and kept and (kept[0].offset < first or kept[0].at < before):
            kept.pop(0)
            dropped += 1
        assert self.run(self.store.trim(room, first, before, most)) == dropped

    @rule(room=st.sampled_from(ROOMS), user=users, offset=st.integers(-1, 40))
    def mark(self, room: str, user: str, offset: int) -> None:
        assert self.run(self.store.mark(room, user, offset)) == self.logs[room].mark(user, offset)

    @rule(user=users, most=st.integers(1, 6))
    def unread(self, user: str, most: int) -> None:
        expected = [self.logs[room].unread(room, user, most) for room in ROOMS]
        assert self.run(self.store.unread(user, ROOMS, most)) == expected

    @rule(room=st.sampled_from(ROOMS))
    def remove(self, room: str) -> None:
        self.run(self.store.remove(room))
        self.logs[room] = Log()
        self.past.add((room, self.epochs.pop(room)))

    @rule(most=st.integers(1, 8))
    def sweep(self, most: int) -> None:
        assert 0 <= self.run(self.store.sweep(most)) <= most

    @rule(seconds=st.integers(1, WINDOW))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(after=st.sampled_from(["", "a", "aa", "b", "\U0001f469"]), limit=st.integers(1, 3))
    def rooms(self, after: str, limit: int) -> None:
        listed = self.run(self.store.rooms(after, limit))
        there = [room for room in sorted(ROOMS) if room > after and self.logs[room].top]
        assert [one.room for one in listed] == there[:limit]
        assert listed == self.run(self.store.states(there[:limit]))

    @invariant()
    def stands(self) -> None:
        for room, state in zip(ROOMS, self.run(self.store.states(ROOMS)), strict=True):
            log = self.logs[room]
            assert state.position.offset == log.top
            assert (state.first, state.touched) == (log.first, log.touched)
            self.see(room, state.position.epoch)

    def see(self, room: str, epoch: str) -> None:
        """An epoch changes when the room is removed, and only then."""
        assert self.epochs.setdefault(room, epoch) == epoch
        assert (room, epoch) not in self.past


class MemoryMachine(Machine):
    def open(self) -> Store:
        return MemoryStore(WINDOW, now=lambda: self.now)


class SQLiteMachine(Machine):
    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        super().__init__()

    def open(self) -> Store:
        return SQLiteStore(self.folder / "log.db", window=WINDOW, now=lambda: self.now)

    @rule()
    def reopen(self) -> None:
        self.run(self.store.stop())
        self.store = self.open()
        self.run(self.store.start())

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.folder)


class PostgresMachine(Machine):
    def open(self) -> Store:
        url = self.run(fresh_database())
        return PostgresStore(url, window=WINDOW, migrate=True, now=lambda: self.now)


MemoryMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
SQLiteMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
PostgresMachine.TestCase.settings = settings(max_examples=10, stateful_step_count=60, deadline=None)
TestMemory = MemoryMachine.TestCase
TestSQLite = SQLiteMachine.TestCase

# It starts a server.
TestPostgres = pytest.mark.slow(pytest.mark.timeout(600)(PostgresMachine.TestCase))
