"""Whatever is published, lost and cut: a member sees all in order and once, or is told.

A log that keeps a window and now and then everything is dropped of, members that come and go,
and a way between the two on which publications may be lost. Joining takes three steps, with
anything in between: enter the room, read the log, reply.
"""

import random
from collections import Counter

import pytest

from hubbub.engine.recovery import Recovery, merge, recover
from hubbub.model import Position, Publication

HISTORIES_A_BLOCK = 1_000
BLOCKS = 12
STEPS = 40


class Log:
    def __init__(self, window: int) -> None:
        self.window = window
        self.top = Position(0, "0")
        self.kept: list[Publication] = []

    def publish(self, name: str) -> Publication:
        self.top = Position(self.top.offset + 1, self.top.epoch)
        publication = Publication(name.encode(), self.top.offset)
        self.kept = [*self.kept, publication][-self.window :]
        return publication

    def trim(self, left: int) -> None:
        self.kept = self.kept[-left:] if left else []

    def drop(self) -> None:
        self.top = Position(0, str(int(self.top.epoch) + 1))
        self.kept = []

    def read(self, after: int, limit: int) -> tuple[Position, list[Publication]]:
        return self.top, [one for one in self.kept if one.offset > after][:limit]


class Client:
    """Keeps its position as an SDK does, and holds what it is sent against the truth."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.position: Position | None = None
        self.session: Session | None = None

    def subscribed(self, recovery: Recovery, asked: Position | None) -> None:
        if asked is None or not recovery.recovered:  # told: whatever was before may be missing
            assert not recovery.publications
        else:
            assert recovery.position.offset == asked.offset
            assert asked.epoch in ("", recovery.position.epoch)
        self.position = recovery.position

    def take(self, publication: Publication) -> None:
        assert self.position is not None
        if publication.offset:
            assert publication.offset == self.position.offset + 1
            self.position = Position(publication.offset, self.position.epoch)
            assert publication.data == self.world.truth[self.position]


class Session:
    """One stay in the room: entered, then the log is read, then replied, then live."""

    def __init__(self, client: Client, asked: Position | None) -> None:
        self.client = client
        self.asked = asked
        self.buffer: list[tuple[str, Publication]] | None = []
        self.recovery: Recovery | None = None
        self.owed: list[Publication] = []
        """Past the history, and to be seen by this member, in this order."""

    def cut(self) -> None:
        self.client.session = None

    def read(self, log: Log, limit: int) -> None:
        if self.asked is None:
            self.recovery = Recovery(False, log.top, [])
        else:
            top, available = log.read(self.asked.offset, limit)
            self.recovery = recover(self.asked, top, available)

    def reply(self, seen: Counter[str]) -> None:
        assert self.recovery is not None and self.buffer is not None
        position = self.recovery.position
        buffered = [publication for _, publication in self.buffer]
        if any(epoch != position.epoch for epoch, _ in self.buffer):
            seen["epochs apart"] += 1
            return self.cut()
        merged = merge(self.recovery.publications, buffered, position.offset)
        if merged is None:
            seen["holes"] += 1
            return self.cut()
        if self.asked is not None:
            seen["recovered" if self.recovery.recovered else "told"] += 1
        seen["both"] += bool(self.recovery.publications and buffered)
        seen["in both"] += len(merged) < len(self.recovery.publications) + len(buffered)
        self.buffer = None
        self.client.subscribed(self.recovery, self.asked)
        for publication in merged:
            self.deliver(publication)

    def hear(self, epoch: str, publication: Publication, seen: Counter[str]) -> None:
        if not publication.offset:
            self.owed.append(publication)
        if self.buffer is not None:
            self.buffer.append((epoch, publication))
            return
        assert self.client.position is not None
        expected = self.client.position.offset + 1
        if epoch != self.client.position.epoch or publication.offset > expected:
            seen["insufficient state"] += 1
            self.cut()
        elif publication.offset in (0, expected):
            self.deliver(publication)

    def deliver(self, publication: Publication) -> None:
        if not publication.offset:
            assert self.owed.pop(0) is publication
        self.client.take(publication)


class World:
    def __init__(self, seed: int, seen: Counter[str]) -> None:
        self.random = random.Random(seed)
        self.seen = seen
        self.log = Log(window=self.random.randint(1, 6))
        self.limit = self.random.choice([2, 4, 300])
        self.lossy = self.random.random() < 0.3
        self.clients = [Client(self) for _ in range(3)]
        self.truth: dict[Position, bytes] = {}
        self.published = 0

    def run(self) -> None:
        steps = (self.publish, self.publish_unlogged, self.move, self.cut, self.trim, self.drop)
        weights = (40, 6, 40, 6, 3, 2)
        for step in self.random.choices(steps, weights, k=STEPS):
            step()
        self.settle()

    def publish(self) -> None:
        self.published += 1
        publication = self.log.publish(str(self.published))
        self.truth[self.log.top] = publication.data
        self.tell(publication)

    def publish_unlogged(self) -> None:
        self.published += 1
        self.tell(Publication(str(self.published).encode()))

    def tell(self, publication: Publication) -> None:
        for client in self.clients:
            if client.session and not (self.lossy and self.random.random() < 0.2):
                client.session.hear(self.log.top.epoch, publication, self.seen)

    def move(self) -> None:
        self.move_on(self.random.choice(self.clients))

    def move_on(self, client: Client) -> None:
        session = client.session
        if session is None:
            asked = client.position
            if asked is None and self.random.random() < 0.5:
                asked = Position(0, "")  # a newcomer that wants all there is
            client.session = Session(client, asked)
        elif session.recovery is None:
            session.read(self.log, self.limit)
        elif session.buffer is not None:
            session.reply(self.seen)

    def cut(self) -> None:
        if session := self.random.choice(self.clients).session:
            session.cut()

    def trim(self) -> None:
        self.log.trim(left=self.random.randint(0, 2))

    def drop(self) -> None:
        self.log.drop()

    def settle(self) -> None:
        """With nothing lost any more, everyone ends up live and at the top."""
        self.lossy = False
        self.publish()  # shows those who missed something that they did
        for client in self.clients:
            for _ in range(6):  # three for who is amid joining and cut, three to come back
                self.move_on(client)
            assert client.session is not None and client.session.buffer is None
        self.publish()
        for client in self.clients:
            assert client.session is not None
            assert client.position == self.log.top
            assert not client.session.owed


@pytest.fixture(scope="module")
def seen() -> Counter[str]:
    return Counter()


@pytest.mark.parametrize("block", range(BLOCKS))
def test_everyone_sees_all_in_order_and_once_or_is_told(block: int, seen: Counter[str]) -> None:
    for seed in range(block * HISTORIES_A_BLOCK, (block + 1) * HISTORIES_A_BLOCK):
        try:
            World(seed, seen).run()
        except AssertionError as error:
            error.add_note(f"in the history of seed {seed}")
            raise


def test_the_histories_hold_every_case(seen: Counter[str]) -> None:
    if not seen:
        pytest.skip("it counts what the histories of this module met, and was run without them")
    cases = {"recovered", "told", "both", "in both", "holes", "epochs apart", "insufficient state"}
    assert set(seen) == cases
    assert min(seen.values()) > 100, seen
