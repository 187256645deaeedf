"""State equivalence in the pages: what they make of a first page and of the events since, with
older messages fetched besides, is what a fresh fetch would bring."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from msgspec.json import decode, encode
from sqlalchemy import Connection, create_engine
from tests.support.chat_fold import Fold
from tests.support.chat_histories import Room, play
from tests.support.web_replay import program

from hubbub.chat import schema

HISTORIES = 400

Json = dict[str, Any]


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that replays histories by the pages' own code."""
    return program("replay", tmp_path_factory.mktemp("replay"))


@pytest.fixture(scope="module")
def database() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        schema.metadata.create_all(connection)
        connection.commit()
        yield connection
    engine.dispose()


def case(first: Fold, later: Fold, events: list[tuple[int, bytes]], random: Random) -> Json:
    """A page that shows the last messages of `first` and some of its members, and gets the
    messages before them as `later` has them, some time after that was fetched."""
    messages = sorted(first.messages.values(), key=lambda one: one["id"])
    shown = messages[-random.randint(1, 8) :]
    begin = shown[0]["id"] if shown else 0
    older = [one for id, one in sorted(later.messages.items()) if id < begin]
    known = [offset for offset, _ in events if offset <= later.room["offset"]]
    since = random.randint(0, len(known))
    return {
        "room": first.room,
        "members": list(first.members.values())[: random.choice([1, 2, None])],
        "messages": shown,
        "events": [(offset, decode(data)) for offset, data in events],
        "older": {
            "messages": older,
            "since": since,
            "at": random.randint(max(since, len(known)), len(events)),
        },
    }


def met(asked: Json, now: Json) -> Json:
    """The members that are there now, of those that the page has heard of."""
    heard = {one["user"] for one in asked["members"]}
    heard |= {event["user"] for _, event in asked["events"] if event["type"] == "joined"}
    return {user: one for user, one in now["members"].items() if user in heard}


def cases(connection: Connection, seed: int) -> Iterator[tuple[Json, Json]]:
    """Of one history, each with the state that there is at its end."""
    random, room = Random(seed), Room(connection)
    fetched = play(room, random, 15)
    now = room.fetch().state
    for index, first in enumerate(fetched):
        later = random.choice(fetched[index:])
        for log in (room.told, room.log):
            events = [
                (offset, data) for offset, data in log.items() if offset > first.room["offset"]
            ]
            yield case(first, later, events, random), now
    connection.rollback()


def test_the_pages_have_what_a_fresh_fetch_brings(replay: list[str], database: Connection) -> None:
    found = [(seed, *one) for seed in range(HISTORIES) for one in cases(database, seed)]
    lines = b"\n".join(encode(asked) for _, asked, _ in found)
    run = subprocess.run(replay, input=lines, capture_output=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr.decode()
    answers = [decode(line) for line in run.stdout.splitlines()]
    assert len(answers) == len(found)
    for (seed, asked, now), answer in zip(found, answers, strict=True):
        state = Fold(answer["room"], answer["members"], answer["messages"]).state
        expected = {**now, "members": met(asked, now)}
        assert state == expected, f"in the history of seed {seed}"
    types = {event["type"] for _, asked, _ in found for _, event in asked["events"]}
    assert len(types) >= 21, "nearly every kind of event was among them"
