"""The chat over sockets: who hears what, and until when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.chat import Chat, chat

from hubbub.chat import events as e
from hubbub.chat.people import Kind
from hubbub.chat.rooms import channel
from hubbub.testing import Closed, Rejected


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Chat]:
    async with chat(f"sqlite:///{tmp_path}/chat.db", str(tmp_path / "files")) as place:
        yield place


def wish(room: str, what: str, key: str = "", /, **more: Any) -> dict[str, Any]:
    return {"room": room, "wish": {"type": what, **more}, "key": key}


async def test_what_is_said_is_heard_in_its_room_alone(place: Chat) -> None:
    ann, _ = await place.person("ann"), await place.person("bob")
    room, other = await place.room(ann, "One", "bob"), await place.room(ann, "Two", "bob")
    talker = await place.connect("ann", room)
    here, there = await place.connect("bob", room), await place.connect("bob", other)
    done = await talker.rpc("chat.do", wish(room, "say", text="hi @bob", nonce="n"))
    heard = await here.next(channel(room))
    assert heard.offset == done["offset"]
    assert heard.data["type"] == "message" and heard.data["mentions"] == ["ubob"]
    assert (heard.data["by"], heard.data["text"], heard.data["nonce"]) == ("uann", "hi @bob", "n")
    assert heard.info is not None and heard.info.user == "uann"
    assert not await there.waiting(channel(other))


async def test_a_wish_that_is_sent_again_comes_true_once(place: Chat) -> None:
    room = await place.room(await place.person("ann"))
    client = await place.connect("ann", room)
    first = await client.rpc("chat.do", wish(room, "say", "k1", text="once"))
    assert await client.rpc("chat.do", wish(room, "say", "k1", text="once")) == first
    with pytest.raises(Rejected) as caught:
        await client.rpc("chat.do", wish(room, "say", "k1", text="something else"))
    assert caught.value.code == 409
    fold = await place.fold("ann", room)
    assert [one["text"] for one in fold.messages.values()] == ["once"]


async def test_what_is_published_plainly_is_a_message(place: Chat) -> None:
    room = await place.room(await place.person("ann"), "Lobby 2", "bob")
    ann, bob = await place.connect("ann", room), await place.connect("bob", room)
    await ann.publish(channel(room), {"text": "plain"})
    assert (await bob.next(channel(room))).data["text"] == "plain"
    with pytest.raises(Rejected):
        await ann.publish(channel(room), {"type": "banned", "user": "ubob"})
    await place.person("eve")
    eve = await place.connect("eve", room)
    with pytest.raises(Rejected) as caught:
        await eve.publish(channel(room), {"text": "not a member"})
    assert caught.value.code == 403


@pytest.mark.parametrize("how", ["kick", "ban"])
async def test_who_is_removed_hears_nothing_more_and_cannot_come_back_by_resuming(
    place: Chat, how: str
) -> None:
    room = await place.room(await place.person("ann"), "Cellar", "bob", kind="private")
    bob = await place.connect("bob")
    joined = await bob.join(channel(room))
    ann = await place.connect("ann", room)
    await ann.rpc("chat.do", wish(room, how, user="ubob"))
    pushed = await bob.next(channel(room), "unsubscribe")
    assert pushed is not None
    await ann.rpc("chat.do", wish(room, "say", text="he is gone"))
    assert not [one for one in await bob.waiting(channel(room)) if one.data["type"] == "message"]
    for since in (None, joined.position):
        with pytest.raises(Rejected) as caught:
            await bob.join(channel(room), since=since)
        assert caught.value.code == 404, "as if there were none"
    with pytest.raises(Rejected):
        await bob.history(channel(room))
    told = await bob.next("user:ubob")
    while told.data["type"] != "gone":
        told = await bob.next("user:ubob")
    assert told.data["room"] == room


async def test_a_room_that_becomes_private_is_left_by_all_who_are_no_members(place: Chat) -> None:
    room = await place.room(await place.person("ann"), "Square", "bob")
    await place.person("eve")
    bob, eve = await place.connect("bob", room), await place.connect("eve", room)
    ann = await place.connect("ann")
    await ann.rpc("chat.do", wish(room, "change", kind="private"))
    await eve.next(channel(room), "unsubscribe")
    await ann.rpc("chat.do", wish(room, "say", text="among us"))
    while (await bob.next(channel(room))).data.get("text") != "among us":
        pass
    with pytest.raises(Rejected):
        await eve.join(channel(room))


async def test_a_login_that_ends_ends_its_sockets_and_no_others(place: Chat) -> None:
    ann = await place.person("ann")
    room = await place.room(ann)
    client = await place.connect("ann", room)
    bob = await place.connect("bob")
    await place.people.logins.end(ann.id, ann.login)
    assert (await client.closed()).code >= 3500, "for good"
    assert await bob.rpc("chat.away", {"away": False}) is None


async def test_tokens_open_sockets_and_nothing_else_does(place: Chat) -> None:
    ann = await place.person("ann")
    token = place.people.socket_token(ann).token
    client = await place.test.connect(token=token)
    assert await client.rpc("chat.away", {"away": True}) is None
    for wrong in ("", "x", token[:-2] + "aa"):
        with pytest.raises((Rejected, Closed)):
            await place.test.connect(token=wrong)


async def test_nobody_hears_what_is_for_another_users_devices(place: Chat) -> None:
    await place.person("bob")
    ann = await place.connect("ann")
    for room in ("user:ubob", "people2", "demo:x"):
        with pytest.raises(Rejected):
            await ann.join(room)


async def test_typing_is_told_to_the_room_once_and_stored_nowhere(place: Chat) -> None:
    room = await place.room(await place.person("ann"), "Lobby 3", "bob")
    ann, bob = await place.connect("ann", room), await place.connect("bob", room)
    await ann.rpc("chat.typing", {"room": room})
    await ann.rpc("chat.typing", {"room": room})
    heard = await bob.next(channel(room))
    assert heard.data == {"type": "typing", "users": ["uann"]} and heard.offset == 0
    await place.person("eve")
    eve = await place.connect("eve", room)
    with pytest.raises(Rejected):
        await eve.rpc("chat.typing", {"room": room})


async def test_people_are_told_who_is_here_and_who_is_away(place: Chat) -> None:
    bob = await place.connect("bob")
    ann = await place.connect("ann")
    states = [(await bob.next("people")).data for _ in range(2)][-1:]
    assert states == [{"type": "presence", "user": "uann", "state": "online"}]
    await ann.rpc("chat.away", {"away": True})
    assert (await bob.next("people")).data["state"] == "away"
    assert place.sockets.here.states() == {"ubob": "online", "uann": "away"}


async def test_guests_hear_no_people_and_no_room_before_they_are_let_in(place: Chat) -> None:
    ann = await place.person("ann", admin=True)
    room = await place.room(ann)
    await place.person("visitor", kind=Kind.GUEST)
    guest = await place.connect("visitor")
    for closed in (channel(room), "people"):
        with pytest.raises(Rejected):
            await guest.join(closed)
    await place.people.administration.set(ann, {"guests": True})
    await guest.join(channel(room))
    await guest.rpc("chat.do", wish(room, "say", text="hello"))
    assert (await guest.next(channel(room))).data["by"] == "gvisitor"


async def test_wishes_that_are_the_servers_are_not_for_clients(place: Chat) -> None:
    room = await place.room(await place.person("ann"))
    client = await place.connect("ann", room)
    for kind, more in (
        ("expire", {"before": 3}),
        ("create", {"kind": "public", "name": "x"}),
        ("join", {"invite": 1}),
    ):
        with pytest.raises(Rejected):
            await client.rpc("chat.do", wish(room, kind, **more))
    with pytest.raises(Rejected):
        await client.rpc("chat.do", {"room": room, "wish": {"type": "message", "by": "ubob"}})


async def test_a_conversation_is_made_once_by_whichever_of_its_people(place: Chat) -> None:
    ann, bob = await place.connect("ann"), await place.connect("bob")
    direct = {"wish": {"type": "create", "kind": "direct", "members": ["ubob"]}}
    made = await ann.rpc("chat.create", direct)
    told = await bob.next("user:ubob")
    assert told.data == {"type": "entered", "room": made["room"]}
    again = {"wish": {"type": "create", "kind": "direct", "members": ["uann"]}}
    assert (await bob.rpc("chat.create", again))["room"] == made["room"]
    await bob.join(channel(made["room"]))
    await ann.rpc("chat.do", wish(made["room"], "say", text="psst"))
    assert (await bob.next(channel(made["room"]))).data["text"] == "psst"


async def test_unread_messages_are_counted_from_where_one_came_in(place: Chat) -> None:
    room = await place.room(await place.person("ann"), "Lobby 4")
    await place.say("ann", room, "before")
    bob = await place.person("bob")
    await place.rooms.do(bob, room, e.JoinRoom())
    (mine,) = (await place.rooms.mine(bob)).items
    assert (mine.unread.unread, mine.unread.mentions) == (0, 0)
    id = await place.say("ann", room, "hello @bob")
    await place.say("ann", room, "hello all")
    await place.say("bob", room, "my own")
    (mine,) = (await place.rooms.mine(bob)).items
    assert (mine.unread.unread, mine.unread.mentions) == (2, 1)
    client = await place.connect("bob")
    await place.rooms.mark_read(bob, room, id)
    pushed = await client.next("", "message")
    assert pushed.data == {"read": {"room": channel(room), "offset": id}}
    await place.rooms.do(await place.person("ann"), room, e.Delete(id + 1))
    (mine,) = (await place.rooms.mine(bob)).items
    assert (mine.unread.unread, mine.unread.mentions) == (0, 0), "what is deleted is not unread"
