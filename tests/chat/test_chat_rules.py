"""What comes of wishes: one room, and what its people may do there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, insert, select, update
from tests.support.chat_histories import ID, Room

from hubbub.chat import events as e
from hubbub.chat import schema


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        schema.metadata.create_all(connection)
        yield connection
    engine.dispose()


@pytest.fixture
def room(connection: Connection) -> Room:
    """Public, with u1 as its owner, and u2 and u3 as members."""
    room = Room(connection)
    room.wish(("u1", e.Create("public", "Lobby")))
    room.wish(("u2", e.JoinRoom()), ("u3", e.JoinRoom()))
    assert not room.refusals
    return room


def refused(room: Room, user: str, wish: e.Wish) -> int:
    """The code that the wish is refused with; 0 where it is not."""
    before, length = len(room.refusals), len(room.log)
    room.wish((user, wish))
    if len(room.refusals) == before:
        assert len(room.log) == length + 1
        return 0
    assert len(room.log) == length, "what is refused is not in the log"
    return room.refusals[-1].code


def said(room: Room, user: str = "u2", text: str = "hello", **more: object) -> int:
    """The id of a new message."""
    assert refused(room, user, e.Say(text=text, **more)) == 0  # type: ignore[arg-type]
    return len(room.log)


def message(room: Room, id: int) -> dict[str, object]:
    found: dict[str, object] = room.fetch().messages[id]
    return found


def test_a_message_is_what_was_said_and_nothing_else(room: Room) -> None:
    id = said(room, text="  hi\r\n there\x07 \n", nonce="n1")
    found = message(room, id)
    assert found["text"] == "hi\n there" and found["user"] == "u2" and found["nonce"] == "n1"
    assert refused(room, "u2", e.Say(text=" \n\x00")) == 422, "nothing is said"
    assert refused(room, "u2", e.Say(text="x" * 10_001)) == 422, "too much is said"
    assert refused(room, "u4", e.Say(text="hi")) == 403, "who is no member"


def test_only_who_wrote_a_message_edits_it_and_what_it_said_is_gone(room: Room) -> None:
    id = said(room, text="the first words")
    assert refused(room, "u1", e.Edit(id, "mine now")) == 403
    assert refused(room, "u2", e.Edit(id, "the second words")) == 0
    assert refused(room, "u2", e.Edit(id, "the third words")) == 0
    found = message(room, id)
    assert found["text"] == "the third words" and found["edited_at"] is not None
    log = b"\n".join(room.log.values())
    assert b"first words" not in log and b"second words" not in log and b"third words" in log
    assert refused(room, "u2", e.Edit(id, "  ")) == 422
    assert refused(room, "u2", e.Edit(999, "x")) == 404


def test_a_deleted_message_is_a_tombstone_and_its_text_is_nowhere(
    room: Room, connection: Connection
) -> None:
    id = said(room, text="my secret")
    reply = said(room, "u3", "what?", reply=id)
    assert message(room, reply)["reply"] == {"id": id, "user": "u2", "text": "my secret"}
    room.wish(("u2", e.Edit(id, "my other secret")), ("u3", e.React(id, "👍")))
    assert refused(room, "u3", e.Delete(id)) == 403, "a member deletes no other's"
    assert refused(room, "u2", e.Delete(id)) == 0
    found = message(room, id)
    assert found["text"] == "" and found["deleted_by"] == "u2" and found["reactions"] == []
    assert message(room, reply)["reply"] == {"id": id, "user": "u2", "text": ""}
    assert b"secret" not in b"\n".join(room.log.values())
    assert "secret" not in repr(room.rows())
    for wish in (e.Edit(id, "x"), e.React(id, "👍"), e.Delete(id), e.Say(text="x", reply=id)):
        assert refused(room, "u2", wish) == 410, wish


def test_a_moderator_deletes_others_messages_and_it_is_noted(
    room: Room, connection: Connection
) -> None:
    id = said(room)
    assert refused(room, "u1", e.Delete(id)) == 0
    c = schema.audit.c
    row = connection.execute(select(c.by, c.action, c.user).where(c.id == len(room.log))).one()
    assert tuple(row) == ("u1", "deleted", "u2")


def test_mentions_are_of_members_alone_and_not_in_code(room: Room) -> None:
    id = said(room, text="@u3 and @U1, not @u4; `@u1` nor me@u1.org. @nobody")
    assert message(room, id)["mentions"] == ["u3", "u1"]
    assert message(room, said(room, text="everybody @room!"))["mentions"] == ["*"]
    assert refused(room, "g1", e.JoinRoom()) == 0
    assert message(room, said(room, "g1", "@room @u1"))["mentions"] == ["u1"], "not by guests"


def test_who_is_banned_is_gone_and_stays_out_until_the_time_is_over(room: Room) -> None:
    assert refused(room, "u2", e.Ban("u3")) == 403, "a member bans nobody"
    assert refused(room, "u1", e.Ban("u2", "spam", seconds=10)) == 0
    assert "u2" not in room.fetch().members
    for wish in (e.Say(text="x"), e.JoinRoom()):
        assert refused(room, "u2", wish) == 403
    assert refused(room, "u1", e.Add("u2")) == 409
    room.at += 10_000
    assert refused(room, "u2", e.JoinRoom()) == 0
    assert refused(room, "u1", e.Ban("u2")) == 0
    room.at += 10**12
    assert refused(room, "u2", e.JoinRoom()) == 403, "for good"
    assert refused(room, "u1", e.Unban("u2")) == 0
    assert refused(room, "u2", e.JoinRoom()) == 0


def test_what_one_wish_takes_away_the_next_of_the_same_batch_has_not(room: Room) -> None:
    room.wish(
        ("u1", e.Kick("u2")),
        ("u2", e.Say(text="still here?")),
        ("u1", e.Mute("u3", 60)),
        ("u3", e.Say(text="hm")),
        ("u1", e.Say(text="quiet")),
    )
    assert [one.code for one in room.refusals] == [403, 403]
    assert [one["text"] for one in room.fetch().messages.values()] == ["quiet"]


def test_roles_are_given_by_owners_and_the_last_owner_stays_one(room: Room) -> None:
    assert refused(room, "u1", e.LeaveRoom()) == 409
    assert refused(room, "u1", e.Appoint("u1", "member")) == 409
    assert refused(room, "u2", e.Appoint("u3", "moderator")) == 403
    assert refused(room, "u1", e.Appoint("u2", "moderator")) == 0
    assert refused(room, "u2", e.Kick("u1")) == 403, "not over an owner"
    assert refused(room, "u2", e.Kick("u3")) == 0
    assert refused(room, "u1", e.Appoint("u2", "owner")) == 0
    assert refused(room, "u1", e.LeaveRoom()) == 0
    assert room.fetch().room["people"] == 1


def test_slow_mode_holds_members_back_but_not_moderators(room: Room) -> None:
    assert refused(room, "u1", e.Change(slow=30)) == 0
    said(room)
    assert refused(room, "u2", e.Say(text="again")) == 429
    assert "29 s" in room.refusals[-1].reason
    said(room, "u1")
    said(room, "u1")
    room.at += 30_000
    said(room)


def test_nothing_is_said_in_an_archived_room_and_all_is_there_when_it_is_restored(
    room: Room,
) -> None:
    id = said(room)
    assert refused(room, "u2", e.Archive()) == 403
    assert refused(room, "u1", e.Archive()) == 0
    for wish in (e.Say(text="x"), e.Edit(id, "x"), e.React(id, "👍"), e.Delete(id)):
        assert refused(room, "u2", wish) == 409
    assert refused(room, "u4", e.JoinRoom()) == 409
    assert refused(room, "u1", e.Restore()) == 0
    said(room)


def test_a_private_room_is_joined_by_invitation_and_not_known_of_else(
    connection: Connection,
) -> None:
    room = Room(connection)
    room.wish(("u1", e.Create("private", "Cellar", members=["u2"])))
    for wish in (e.JoinRoom(), e.Say(text="x"), e.Archive(), e.Change(topic="x"), e.Delete(1)):
        assert refused(room, "u3", wish) == 404
    assert refused(room, "u5", e.JoinRoom()) == 404, "nor for administrators"
    assert refused(room, "u2", e.Invite()) == 403
    assert refused(room, "u1", e.Invite(seconds=60, uses=1)) == 0
    invite = len(room.log)
    assert refused(room, "u3", e.JoinRoom(invite)) == 0
    assert refused(room, "u4", e.JoinRoom(invite)) == 410, "used up"
    assert refused(room, "u1", e.Invite(seconds=60)) == 0
    room.at += 60_000
    assert refused(room, "u4", e.JoinRoom(len(room.log))) == 410, "too late"
    assert refused(room, "u1", e.Invite()) == 0
    assert refused(room, "u1", e.Uninvite(len(room.log))) == 0
    assert refused(room, "u4", e.JoinRoom(len(room.log) - 1)) == 410, "taken back"


def test_names_of_rooms_can_be_read_and_are_each_one_rooms(room: Room) -> None:
    for name in ("", "   ", "\u202eybboL", "a\u200bb", "!!!", "a\nb\x00"):
        assert refused(room, "u1", e.Change(name=name)) == 422, name
    assert refused(room, "u1", e.Change(name="Größe  &  Häuser")) == 0
    found = room.fetch().room
    assert (found["name"], found["slug"]) == ("Größe & Häuser", "grösse-häuser")
    other = {**found, "id": "r2", "slug": "taken"}
    room.connection.execute(insert(schema.rooms).values(other))
    assert refused(room, "u1", e.Change(name="Taken")) == 409
    assert refused(room, "u1", e.Change(name="größe, häuser")) == 0, "its own"


def test_a_conversation_is_of_its_people_and_nobody_is_added(connection: Connection) -> None:
    from hubbub.chat.rules import direct_id

    room = Room(connection)
    assert refused(room, "u1", e.Create("direct", members=["u2"])) == 422, "not by that id"
    id = direct_id(["u2", "u1"])
    assert id == direct_id(["u1", "u2", "u1"]) != direct_id(["u1", "u3"])
    for wish in (e.Add("u3"), e.Kick("u2"), e.LeaveRoom(), e.Change(topic="x")):
        assert refused(room, "u1", wish) == 404


def test_who_is_disabled_says_nothing(room: Room, connection: Connection) -> None:
    connection.execute(update(schema.users).where(schema.users.c.id == "u2").values(disabled_at=1))
    assert refused(room, "u2", e.Say(text="x")) == 403


def test_guests_speak_in_public_rooms_where_they_are_let_in(connection: Connection) -> None:
    for guests, code in ((True, 0), (False, 404)):
        room = Room(connection, guests=guests)
        room.wish(("u1", e.Create("public", "Lobby")))
        assert refused(room, "g1", e.Say(text="hello")) == code
        assert refused(room, "g1", e.Create("public", "Mine")) == 409
        connection.rollback()
        schema.metadata.create_all(connection)


def test_reactions_are_emoji_once_each(room: Room) -> None:
    id = said(room)
    assert refused(room, "u3", e.React(id, "👍🏽")) == 0
    assert refused(room, "u3", e.React(id, "👍🏽")) == 409
    assert refused(room, "u2", e.React(id, "👍🏽")) == 0
    for wrong in ("x", "<b>", "👍👍", " ", "javascript:"):
        assert refused(room, "u3", e.React(id, wrong)) == 422, wrong
    assert message(room, id)["reactions"] == [{"emoji": "👍🏽", "users": ["u3", "u2"]}]
    assert refused(room, "u3", e.Unreact(id, "👍🏽")) == 0
    assert refused(room, "u3", e.Unreact(id, "👍🏽")) == 409
    assert message(room, id)["reactions"] == [{"emoji": "👍🏽", "users": ["u2"]}]


def test_messages_that_were_kept_long_enough_are_gone_with_all_they_said(room: Room) -> None:
    old = said(room, text="old secret")
    room.wish(("u2", e.Edit(old, "old other secret")), ("u3", e.React(old, "👍")))
    new = said(room, "u3", "new", reply=old)
    assert refused(room, "u1", e.Expire(new)) == 403, "the server's alone"
    assert refused(room, "", e.Expire(new)) == 0
    found = room.fetch().messages
    assert list(found) == [new] and found[new]["reply"]["text"] == ""
    assert b"secret" not in b"\n".join(room.log.values())
    assert "secret" not in repr(room.rows()), "not in the tables either"


def test_what_is_no_wish_is_refused_with_a_text(room: Room) -> None:
    from hubbub import Refused
    from hubbub.chat.projection import ROOMS
    from hubbub.model import ClientInfo
    from hubbub.tables import Draft

    for data in (b"{}", b'{"type":"message","text":"forged"}', b"[]", b'{"type":"say","by":"u1"}'):
        draft = Draft(data, info=ClientInfo("u2", ""))
        step = room.chat.begin(room.connection, [(ROOMS + ID, draft)])
        with pytest.raises(Refused) as caught:
            step.take(ROOMS + ID, draft, len(room.log) + 1, room.at)
        assert caught.value.code == 422
