"""What was looked up before a right was taken away is not used after it (A-5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.support.chat import Chat

from hubbub.chat import events as e
from hubbub.chat.people import Who
from hubbub.chat.reading import Seen
from hubbub.chat.rooms import channel
from hubbub.testing import Closed, Rejected


class Slow:
    """A call that has its answer, and is slow to give it."""

    def __init__(self, call: Callable[..., Awaitable[Any]]) -> None:
        self._call = call
        self._given = asyncio.Event()
        self.asked = asyncio.Event()

    async def __call__(self, *args: Any, **more: Any) -> Any:
        answer = await self._call(*args, **more)
        self.asked.set()
        await self._given.wait()
        return answer

    def give(self) -> None:
        self._given.set()


@pytest.fixture
def slow_look(place: Chat, monkeypatch: pytest.MonkeyPatch) -> Slow:
    """Whoever is asked about may read the room by the time of the question."""
    slow = Slow(place.rooms.seen)

    async def seen(who: Who, room: str) -> Seen:
        found: Seen = await slow(who, room)
        return found

    monkeypatch.setattr(place.rooms, "seen", seen)
    return slow


async def nothing_is_heard(place: Chat, room: str, *clients: Any) -> None:
    """Of what is said from here on, in the room whose owner is ann."""
    witness = await place.connect("ann", room)
    id = await place.say("ann", room, "secret")
    while (await witness.next(channel(room))).offset != id:
        pass
    for client in clients:
        assert not [one for one in await client.waiting() if one.offset >= id]


async def test_who_was_let_into_a_room_that_is_private_by_now_does_not_enter(
    place: Chat, slow_look: Slow
) -> None:
    ann = await place.person("ann")
    room = await place.room(ann, "Square", "bob")
    await place.person("eve")
    eve, bob = await place.connect("eve"), await place.connect("bob")
    entering = [asyncio.create_task(one.join(channel(room))) for one in (eve, bob)]
    await slow_look.asked.wait()
    await place.rooms.do(ann, room, e.Change(kind="private"))
    slow_look.give()
    refused, joined = await asyncio.gather(*entering, return_exceptions=True)
    assert isinstance(refused, Rejected) and not isinstance(joined, BaseException)
    await nothing_is_heard(place, room, eve)


@pytest.mark.parametrize("wish", [e.Kick("ubob"), e.Ban("ubob")], ids=["kick", "ban"])
async def test_who_was_let_into_a_room_and_is_put_out_does_not_enter(
    place: Chat, slow_look: Slow, wish: e.Wish
) -> None:
    ann = await place.person("ann")
    room = await place.room(ann, "Cellar", "bob", kind="private")
    bob = await place.connect("bob")
    entering = asyncio.create_task(bob.join(channel(room)))
    await slow_look.asked.wait()
    await place.rooms.do(ann, room, wish)
    slow_look.give()
    with pytest.raises(Rejected):
        await entering
    await nothing_is_heard(place, room, bob)


async def test_who_is_put_out_on_the_way_through_the_text_door_does_not_stay(
    place: Chat, slow_look: Slow
) -> None:
    ann = await place.person("ann")
    room = await place.room(ann, "Square", "bob")
    headers = {"cookie": await place.cookie("bob")}
    entering = asyncio.create_task(place.test.connect("/ws/square", headers=headers))
    await slow_look.asked.wait()
    await place.rooms.do(ann, room, e.Ban("ubob"))
    slow_look.give()
    assert (await (await entering).closed()).code == 3503


async def test_whose_login_ends_on_the_way_through_the_text_door_does_not_stay(
    place: Chat, slow_look: Slow
) -> None:
    await place.room(await place.person("ann"), "Square", "bob")
    bob = await place.person("bob")
    headers = {"cookie": await place.cookie("bob")}
    entering = asyncio.create_task(place.test.connect("/ws/square", headers=headers))
    await slow_look.asked.wait()
    await place.people.logins.end(bob.id, bob.login)
    slow_look.give()
    assert (await (await entering).closed()).code == 3503


async def test_whose_login_ends_while_their_socket_opens_does_not_stay(
    place: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = await place.person("bob")
    slow = Slow(place.people.verify_socket_token)

    async def verify(token: str) -> Who | None:
        found: Who | None = await slow(token)
        return found

    monkeypatch.setattr(place.people, "verify_socket_token", verify)
    entering = asyncio.create_task(place.test.connect(token=place.people.socket_token(bob).token))
    await slow.asked.wait()
    await place.people.logins.end(bob.id, bob.login)
    slow.give()
    with pytest.raises((Closed, Rejected)):
        await entering


async def test_a_history_that_was_asked_for_before_is_not_answered_after(
    place: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await place.person("ann")
    room = await place.room(ann, "Square", "bob")
    bob = await place.connect("bob", room)
    logs = place.hub.node.logs
    slow = Slow(logs.page)
    monkeypatch.setattr(logs, "page", slow)
    asking = asyncio.create_task(bob.history(channel(room)))
    await slow.asked.wait()
    await place.rooms.do(ann, room, e.Ban("ubob"))
    slow.give()
    with pytest.raises(Rejected):
        await asking


async def test_a_wish_that_is_sent_again_does_not_put_out_who_has_come_back(place: Chat) -> None:
    ann, bob = await place.person("ann"), await place.person("bob")
    room = await place.room(ann, "Cellar", "bob", kind="private")
    await place.rooms.do(ann, room, e.Kick(bob.id), "once")
    await place.rooms.do(ann, room, e.Add(bob.id))
    client = await place.connect("bob", room)
    await place.rooms.do(ann, room, e.Kick(bob.id), "once")
    told = await client.next(f"user:{bob.id}")
    assert told.data == {"type": "entered", "room": room}
    if await client.waiting(channel(room), "unsubscribe"):
        await client.join(channel(room))
    id = await place.say("ann", room)
    while (await client.next(channel(room))).offset != id:
        pass
