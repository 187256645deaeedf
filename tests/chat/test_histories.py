"""State equivalence: what was fetched and then followed is what is fetched now (O-5)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from sqlalchemy import Connection, create_engine
from tests.support.chat_histories import Room, check, play

from hubbub.chat import schema


@pytest.fixture(scope="module")
def database() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        schema.metadata.create_all(connection)
        connection.commit()
        yield connection
    engine.dispose()


def one_history(connection: Connection, seed: int, length: int) -> Room:
    random = Random(seed)
    room = Room(connection)
    try:
        fetched = play(room, random, length)
        check(room, fetched, random)
    except AssertionError as error:
        raise AssertionError(f"in the history of seed {seed}: {error}") from error
    finally:
        connection.rollback()
    return room


def test_a_state_that_was_fetched_and_followed_is_the_state_now(database: Connection) -> None:
    for seed in range(60):
        one_history(database, seed, 25)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_thousand_histories(database: Connection) -> None:
    begin = Random().randrange(10**9)
    kinds = set[bytes]()
    for seed in range(begin, begin + 10_000):
        room = one_history(database, seed, 12)
        kinds.update(data.partition(b",")[0] for data in room.told.values())
    assert len(kinds) == 22, "every kind of event was among them"
