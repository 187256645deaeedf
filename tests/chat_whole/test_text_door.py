"""The plain door to public rooms, `/ws/{slug}`: what is said there is said in the chat."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, func, select
from tests.support.chat import Chat, chat

from hubbub.chat import events as e
from hubbub.chat import schema
from hubbub.chat.people import Kind, Who
from hubbub.chat.rooms import channel
from hubbub.testing import Denied, TestConnection


@pytest.fixture
async def root(place: Chat) -> Who:
    return await place.person("root", admin=True)


async def welcome(place: Chat, guests: bool = True) -> None:
    root = await place.person("root", admin=True)
    await place.people.administration.set(root, {"guests": guests})


async def come(place: Chat, path: str = "square?name=Visitor", **headers: str) -> TestConnection:
    return await place.test.connect(f"/ws/{path}", headers=headers)


async def heard(door: TestConnection, kind: str) -> dict[str, Any]:
    """The next event of that type."""
    while True:
        event: dict[str, Any] = await door.receive_json()
        if event["type"] == kind:
            return event


async def accounts(place: Chat) -> int:
    def count(connection: Connection) -> int:
        return int(connection.execute(select(func.count()).select_from(schema.users)).scalar_one())

    return await place.hub.tables.read(count)


async def test_what_a_guest_says_there_is_said_in_the_chat_and_the_other_way_round(
    place: Chat,
) -> None:
    await welcome(place)
    room = await place.room(await place.person("ann"), "Square")
    ann, door = await place.connect("ann", room), await come(place)
    await door.send("hello there")
    said = await ann.next(channel(room))
    assert said.data["text"] == "hello there"
    guest = await place.people.accounts.get(said.data["by"])
    assert (guest.kind, guest.display) == (Kind.GUEST, "Visitor")
    assert (await heard(door, "message"))["by"] == guest.id, "who says it hears it, too"
    fold = await place.fold("ann", room)
    assert [(one["user"], one["text"]) for one in fold.messages.values()] == [
        (guest.id, "hello there")
    ]
    id = await place.say("ann", room, "welcome")
    assert (await heard(door, "message"))["text"] == "welcome"
    await place.rooms.do(await place.person("ann"), room, e.Edit(id, "be welcome"))
    assert (await heard(door, "edited"))["text"] == "be welcome"
    assert guest.id not in fold.members, "and is no member for it"


async def test_where_guests_are_not_let_in_there_is_no_room_for_them(place: Chat) -> None:
    ann = await place.person("ann")
    room = await place.room(ann, "Square")
    await place.room(ann, "Cellar", kind="private")
    before = await accounts(place)
    refusals = set()
    for path in ("square", "cellar", f"cellar-{room}", "nowhere", room):
        with pytest.raises(Denied) as caught:
            await come(place, path)
        refusals.add((caught.value.status, caught.value.body))
    assert len(refusals) == 1 and refusals.pop()[0] == 404
    assert await accounts(place) == before, "nor is an account made"


async def test_what_is_private_or_not_there_is_the_same_to_guests_and_to_strangers(
    place: Chat,
) -> None:
    await welcome(place)
    ann = await place.person("ann")
    cellar = await place.room(ann, "Cellar", kind="private")
    archived = await place.room(ann, "Square", "bob")
    await place.rooms.do(ann, archived, e.Ban("ubob"))
    before = await accounts(place)
    for headers in ({}, {"cookie": await place.cookie("bob")}):
        refusals = set()
        paths = ["cellar", f"cellar-{cellar}", "nowhere", "x" * 300, "%00", "%e2%80%ae"]
        for path in [*paths, *(["square"] if headers else [])]:
            with pytest.raises(Denied) as caught:
                await come(place, path, **headers)
            refusals.add((caught.value.status, caught.value.body))
        assert len(refusals) == 1, refusals
    assert await accounts(place) == before


async def test_members_of_a_private_room_do_not_come_by_this_door(place: Chat) -> None:
    cellar = await place.room(await place.person("ann"), "Cellar", kind="private")
    with pytest.raises(Denied):
        await come(place, f"cellar-{cellar}", cookie=await place.cookie("ann"))


@pytest.mark.parametrize("guests", [False, True])
async def test_who_is_signed_in_speaks_as_themselves(place: Chat, guests: bool) -> None:
    await welcome(place, guests)
    room = await place.room(await place.person("ann"), "Square", "bob")
    ann = await place.connect("ann", room)
    door = await come(place, "square?name=Somebody", cookie=await place.cookie("bob"))
    await door.send("it is me")
    assert (await ann.next(channel(room))).data["by"] == "ubob"
    await place.person("eve")
    stranger = await come(place, "square", cookie=await place.cookie("eve"))
    await stranger.send("not a member")
    assert await heard(stranger, "refused") == {
        "type": "refused",
        "code": 403,
        "why": "join this room first",
    }


async def test_bots_speak_as_themselves_with_their_keys(place: Chat, root: Who) -> None:
    room = await place.room(await place.person("ann"), "Square")
    bot = await place.people.administration.make_bot(root, "builds", "Builds")
    made = await place.people.administration.make_key(root, bot.id, "ci")
    await place.rooms.do(await place.person("ann"), room, e.Add(bot.id))
    ann = await place.connect("ann", room)
    door = await come(place, "square", authorization=f"Bearer {made.secret}")
    await door.send("build 7 is green")
    said = await ann.next(channel(room))
    assert (said.data["by"], said.data["text"]) == (bot.id, "build 7 is green")
    await place.people.administration.revoke_key(root, bot.id, made.made.id)
    assert (await door.closed()).code >= 3500
    with pytest.raises(Denied):
        await come(place, "square", authorization=f"Bearer {made.secret}")
    with pytest.raises(Denied):
        await come(place, "square", authorization="Bearer hubbub_nothing")


async def test_guests_who_are_banned_are_cut_and_do_not_come_back_as_who_they_were(
    place: Chat,
) -> None:
    await welcome(place)
    ann = await place.person("ann")
    room = await place.room(ann, "Square")
    listener, door, other = await place.connect("ann", room), await come(place), await come(place)
    await door.send("spam")
    guest = (await listener.next(channel(room))).data["by"]
    await place.rooms.do(ann, room, e.Ban(guest))
    assert (await door.closed()).code == 3503
    await place.say("ann", room, "among us")
    assert (await heard(other, "message"))["by"] == guest
    assert (await heard(other, "message"))["text"] == "among us"


@pytest.mark.parametrize("wish", [e.Kick("ubob"), e.Ban("ubob"), e.Change(kind="private")])
async def test_who_is_put_out_is_cut(place: Chat, wish: e.Wish) -> None:
    ann = await place.person("ann")
    members = [] if isinstance(wish, e.Change) else ["bob"]
    room = await place.room(ann, "Square", *members)
    door = await come(place, "square", cookie=await place.cookie("bob"))
    await place.rooms.do(ann, room, wish)
    assert (await door.closed()).code == 3503


async def test_when_guests_are_let_in_no_more_those_who_are_in_are_cut(place: Chat) -> None:
    await welcome(place)
    await place.room(await place.person("ann"), "Square")
    door, bob = await come(place), await come(place, "square", cookie=await place.cookie("bob"))
    await welcome(place, False)
    assert (await door.closed()).code >= 3500
    await place.say("ann", (await place.rooms.seen(await place.person("ann"), "~square")).room.id)
    assert (await heard(bob, "message"))["text"] == "hello"


async def test_what_cannot_be_said_is_refused_and_the_door_stays_open(place: Chat) -> None:
    await welcome(place)
    ann = await place.person("ann")
    room = await place.room(ann, "Square")
    door = await come(place)
    await door.send(b"\x00\x01")
    assert (await heard(door, "refused"))["code"] == 422
    for text in ("   ", "x" * (e.MAX_TEXT + 1)):
        await door.send(text)
        assert (await heard(door, "refused"))["code"] == 422
    await place.rooms.do(ann, room, e.Archive())
    await door.send("is anybody there?")
    assert (await heard(door, "refused"))["code"] == 409
    await place.rooms.do(ann, room, e.Restore())
    await door.send("and now?")
    assert (await heard(door, "message"))["text"] == "and now?"


GOOD = "https://good.com"

FOREIGN = [
    "https://evil.com",
    "null",
    "https://good.com.evil.com",
    "https://evil-good.com",
    "http://good.com",
    "https://good.com:8443",
    "https://good.com.",
    "https://good.com/",
    "https://sub.good.com",
    "http://testserver.evil.com",
    "http://testserver:81",
    "https://testserver",
    "",
]


@pytest.mark.parametrize("path", ["/ws/square", "/connection/websocket"])
async def test_only_pages_that_may_are_let_in(store: str, tmp_path: Any, path: str) -> None:
    """A-1, at both doors."""
    async with chat(store, str(tmp_path / "files"), origins=[GOOD]) as place:
        await place.room(await place.person("ann"), "Square")
        cookie = await place.cookie("ann")
        for origin in FOREIGN:
            with pytest.raises(Denied) as caught:
                await place.test.connect(path, headers={"cookie": cookie, "origin": origin})
            assert caught.value.status == 403, origin
        for headers in ({"origin": GOOD}, {"origin": "http://testserver"}, {}):
            door = await place.test.connect(path, headers={"cookie": cookie, **headers})
            await door.close()


async def test_a_page_that_may_not_connect_has_no_guest_made(place: Chat) -> None:
    await welcome(place)
    await place.room(await place.person("ann"), "Square")
    before = await accounts(place)
    with pytest.raises(Denied) as caught:
        await come(place, origin="https://evil.com")
    assert caught.value.status == 403
    assert await accounts(place) == before
