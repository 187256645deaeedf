"""A-9: many users at once on one worker whose every look-up is slow: nobody is somebody else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from random import Random
from typing import Any

import pytest
from tests.support.chat import Chat
from tests.support.chat_http import Site

from hubbub.chat import events as e

USERS = [f"user{number}" for number in range(8)]
EACH = 12
"""Wishes of everybody, one behind the other."""


def slowed(call: Callable[..., Awaitable[Any]], random: Random) -> Callable[..., Awaitable[Any]]:
    """`call`, so that others come in between, before it and behind it."""

    async def slow(*args: Any, **more: Any) -> Any:
        for _ in range(random.randrange(12)):
            await asyncio.sleep(0)
        answer = await call(*args, **more)
        for _ in range(random.randrange(12)):
            await asyncio.sleep(0)
        return answer

    return slow


@pytest.fixture
async def slow_place(place: Chat, monkeypatch: pytest.MonkeyPatch) -> Chat:
    random = Random(1)
    for owner, names in (
        (place.rooms, ["seen", "wish", "do", "open", "unread"]),
        (place.people, ["who", "verify_socket_token", "until"]),
        (place.people.logins, ["of_secret", "of_id", "until"]),
        (place.people.accounts, ["get"]),
    ):
        for name in names:
            monkeypatch.setattr(owner, name, slowed(getattr(owner, name), random))
    return place


async def said_by(place: Chat, room: str) -> list[tuple[str, str]]:
    history = await place.hub.history(f"room:{room}", limit=1_000)
    events = [e.event_of(one.data) for one in history.publications]
    return [(event.by, event.text) for event in events if isinstance(event, e.Message)]


async def test_what_comes_over_sockets_at_once_is_of_who_sent_it(slow_place: Chat) -> None:
    place = slow_place
    room = await place.room(await place.person("ann"), "Square", *USERS)
    tokens = [place.people.socket_token(await place.person(name)).token for name in USERS]
    clients = await asyncio.gather(*(place.test.connect(token=token) for token in tokens))
    for name, client in zip(USERS, clients, strict=True):
        assert client.data == {"user": f"u{name}"}

    async def talk(name: str, client: Any) -> list[int]:
        offsets = []
        for number in range(EACH):
            text = f"{name} says {number}"
            wish = {"type": "say", "text": text, "nonce": text}
            done = await client.rpc("chat.do", {"room": room, "wish": wish, "key": text})
            offsets.append(done["offset"])
        return offsets

    offsets = await asyncio.gather(
        *(talk(name, client) for name, client in zip(USERS, clients, strict=True))
    )
    fold = await place.fold("ann", room)
    for name, mine in zip(USERS, offsets, strict=True):
        for number, offset in enumerate(mine):
            if offset in fold.messages:
                said = fold.messages[offset]
                assert (said["user"], said["text"]) == (f"u{name}", f"{name} says {number}")
    found = await said_by(place, room)
    assert len(found) == len(USERS) * EACH
    assert all(by == f"u{text.split()[0]}" for by, text in found)


async def test_what_comes_over_http_at_once_is_of_who_sent_it_and_answered_to_them(
    slow_place: Chat,
) -> None:
    place = slow_place
    room = await place.room(await place.person("ann"), "Square", *USERS)
    async with AsyncExitStack() as stack:
        site = Site(place, stack)
        callers = [await site.of(name) for name in USERS]

        async def talk(caller: Any) -> None:
            for number in range(EACH // 2):
                said = (
                    await caller.post(
                        f"/rooms/{room}/messages", json={"text": f"{caller.name} says {number}"}
                    )
                ).json()
                assert (said["user"], said["text"]) == (caller.id, f"{caller.name} says {number}")
                me = (await caller.get("/session")).json()
                assert me["user"]["id"] == caller.id
                opened = (await caller.get(f"/rooms/{room}/open")).json()
                assert opened["me"]["user"] == caller.id

        await asyncio.gather(*(talk(caller) for caller in callers for _ in range(2)))
    found = await said_by(place, room)
    assert len(found) == len(USERS) * (EACH // 2) * 2
    assert all(by == f"u{text.split()[0]}" for by, text in found)
