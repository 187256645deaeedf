"""Who types, and who is here."""

from __future__ import annotations

import asyncio

import pytest

from hubbub.chat import live
from hubbub.chat.live import Here, Typing


class Told:
    """What a room was told, and a wait for the next of it."""

    def __init__(self) -> None:
        self.all: list[tuple[str, object]] = []
        self.came = asyncio.Event()

    def __call__(self, where: str, what: object) -> None:
        self.all.append((where, what))
        self.came.set()

    async def next(self) -> tuple[str, object]:
        async with asyncio.timeout(10):
            await self.came.wait()
        self.came.clear()
        return self.all[-1]


async def test_all_who_type_at_about_the_same_time_are_one_publication() -> None:
    told = Told()
    typing = Typing(told)
    for number in range(500):
        typing.note("r1", f"u{number}")
        typing.note("r1", f"u{number}")
    assert await told.next() == ("r1", [f"u{number}" for number in range(500)])
    typing.note("r1", "u1")
    typing.note("r1", "new")
    assert await told.next() == ("r1", ["new"]), "that others type on is no news"
    assert len(told.all) == 2


async def test_who_has_said_it_does_not_type_any_more() -> None:
    told = Told()
    typing = Typing(told)
    typing.note("r1", "ann")
    typing.note("r1", "bob")
    typing.said("r1", "ann")
    assert await told.next() == ("r1", ["bob"])
    typing.note("r1", "ann")
    assert await told.next() == ("r1", ["ann"]), "something else"
    typing.stop()


async def test_a_user_is_here_with_any_connection_and_away_with_none_but_away() -> None:
    told = Told()
    here = Here(told)
    here.came("ann", 1)
    here.came("ann", 2)
    here.away("ann", 1, True)
    assert told.all == [("ann", "online")]
    here.away("ann", 2, True)
    here.away("ann", 3, True)  # a connection that is not hers
    assert told.all[-1] == ("ann", "away")
    here.went("ann", 1)
    here.away("ann", 2, False)
    assert told.all[-1] == ("ann", "online") and len(told.all) == 3
    here.stop()


async def test_a_blip_is_no_news_and_going_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "GRACE_S", 0.01)
    told = Told()
    here = Here(told)
    here.came("ann", 1)
    here.went("ann", 1)
    here.came("ann", 2)
    assert told.all == [("ann", "online")] and here.states() == {"ann": "online"}
    told.came.clear()
    here.went("ann", 2)
    here.went("ann", 2)
    assert await told.next() == ("ann", "offline")
    assert here.states() == {}
    here.stop()
