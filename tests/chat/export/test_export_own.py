"""All that is somebody's own, and nothing of anybody else's."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from msgspec.json import decode
from sqlalchemy import Connection, insert, update
from tests.support.chat import Chat

from hubbub import Refused
from hubbub.chat import events as e
from hubbub.chat import schema
from hubbub.chat.export import own
from hubbub.chat.files.blobs import new_id
from hubbub.chat.people import Who
from hubbub.chat.views import PreferenceView

AT = 1_764_000_000_000


async def text(place: Chat, user: str) -> bytes:
    return b"".join([some async for some in own.lines(place.hub.tables, user, AT)])


async def lines(place: Chat, who: Who) -> dict[str, list[dict[str, Any]]]:
    """By their type."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in (await text(place, who.id)).splitlines():
        value = decode(line)
        found.setdefault(value.pop("type"), []).append(value)
    return found


async def test_all_of_it_is_there(place: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "PAGE", 2)
    ann, bob = await place.person("ann"), await place.person("bob")
    room = await place.room(ann, "Lobby one", "bob")
    other = await place.room(bob, "Other one", "ann")
    ids = [await place.say("ann", room, f"number {n}") for n in range(5)]
    theirs = await place.say("bob", other, "not mine")
    reply = await place.say("ann", other, "an answer", reply=theirs)
    for emoji in ("👍", "🎉", "🎂"):
        await place.rooms.do(ann, other, e.React(theirs, emoji))
    await place.rooms.prefer(ann, other, PreferenceView(level="mentions", muted=True))

    mine, gone, others = new_id(), new_id(), new_id()

    def more(connection: Connection) -> None:
        identity = {"issuer": "https://id.example", "subject": "s", "user": ann.id}
        connection.execute(insert(schema.identities).values(identity))
        connection.execute(update(schema.users).values(password="$argon2id$secret"))
        file = {
            "kind": "attachment", "name": "plan.pdf", "type": "application/pdf", "size": 5,
            "preview": False, "at": place.rooms.now(),
        }  # fmt: skip
        for id, user, at in ((mine, ann.id, None), (gone, ann.id, AT), (others, bob.id, None)):
            row = {"id": id, "user": user, "gone_at": at, **file}
            connection.execute(insert(schema.files).values(row))

    await place.hub.tables.write(more)
    found = await lines(place, ann)
    (account,) = found["account"]
    assert (account["id"], account["name"], account["at"]) == (ann.id, "ann", AT)
    assert found["identity"] == [{"issuer": "https://id.example", "subject": "s"}]
    assert [(one["id"], one["agent"]) for one in found["login"]] == [(ann.login, "tests")]
    assert {(one["room"], one["role"]) for one in found["room"]} == {
        (room, "owner"),
        (other, "member"),
    }
    assert found["preference"] == [{"room": other, "level": "mentions", "muted": True}]
    assert [(one["room"], one["id"]) for one in found["message"]] == [
        *((room, id) for id in ids),
        (other, reply),
    ]
    answer = found["message"][-1]
    assert (answer["text"], answer["room_name"]) == ("an answer", "Other one")
    assert answer["reply"] == {"id": theirs, "user": bob.id, "text": "not mine"}
    assert {one["emoji"] for one in found["reaction"]} == {"👍", "🎉", "🎂"}
    (file,) = found["file"]
    assert (file["id"], file["name"], file["media_type"]) == (mine, "plan.pdf", "application/pdf")
    assert found["end"] == [{"lines": sum(map(len, found.values())) - 1}]


async def test_no_secret_is_in_it_and_nothing_of_others(place: Chat) -> None:
    ann, bob = await place.person("ann"), await place.person("bob")
    room = await place.room(ann, "Lobby one", "bob")
    message = await place.say("ann", room, "mine")
    await place.say("bob", room, "of bob alone")
    await place.rooms.do(bob, room, e.React(message, "👍"))
    await place.hub.tables.write(_set_password)
    all_of_it = await text(place, ann.id)
    for secret in (b"argon2", b"of bob alone", bob.id.encode(), bob.login.encode()):
        assert secret not in all_of_it
    hashes = await place.hub.tables.read(_secrets)
    assert not any(secret.encode() in all_of_it for secret in hashes)


def _set_password(connection: Connection) -> None:
    connection.execute(update(schema.users).values(password="$argon2id$secret"))


def _secrets(connection: Connection) -> list[str]:
    return list(
        connection.scalars(schema.logins.select().with_only_columns(schema.logins.c.secret))
    )


async def test_messages_in_rooms_that_one_has_left_are_there_without_a_private_rooms_name(
    place: Chat,
) -> None:
    ann, bob = await place.person("ann"), await place.person("bob")
    private = await place.room(bob, "Surprise party", "ann", kind="private")
    public = await place.room(bob, "Open one", "ann")
    banned = await place.room(bob, "Closed one", "ann")
    for room in (private, public, banned):
        await place.say("ann", room, "hello")
    await place.rooms.do(bob, private, e.Kick(ann.id))
    await place.rooms.do(ann, public, e.LeaveRoom())
    await place.rooms.do(bob, banned, e.Ban(ann.id))
    found = await lines(place, ann)
    names = {one["room"]: one["room_name"] for one in found["message"]}
    assert names == {private: None, public: "Open one", banned: None}
    assert "room" not in found


async def test_messages_of_one_moment_are_all_there(
    place: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "PAGE", 2)
    ann = await place.person("ann")
    room = await place.room(ann)
    ids = [await place.say("ann", room) for _ in range(7)]
    await place.hub.tables.write(
        lambda connection: connection.execute(update(schema.messages).values(at=AT))
    )
    assert [one["id"] for one in (await lines(place, ann))["message"]] == ids


async def test_what_was_deleted_says_no_more_than_that(place: Chat) -> None:
    ann = await place.person("ann")
    room = await place.room(ann)
    message = await place.say("ann", room, "regretted")
    await place.rooms.do(ann, room, e.Delete(message))
    assert b"regretted" not in await text(place, ann.id)
    (line,) = (await lines(place, ann))["message"]
    assert line["text"] == "" and line["deleted_at"] is not None


async def test_who_is_nobody_has_nothing(place: Chat) -> None:
    with pytest.raises(Refused, match="no such user"):
        await text(place, "nobody")


async def test_each_kind_comes_in_one_run_in_the_order_that_is_told(place: Chat) -> None:
    ann = await place.person("ann")
    room = await place.room(ann)
    await place.say("ann", room)
    kinds = [decode(line)["type"] for line in (await text(place, ann.id)).splitlines()]
    assert list(Counter(kinds)) == ["account", "login", "room", "message", "end"]
