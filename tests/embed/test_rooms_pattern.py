"""Rooms with rules: patterns, models, and what the application is asked and told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import pytest
from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, Field

from hubbub import (
    ConfigurationError,
    Grant,
    Hub,
    InvalidName,
    Join,
    Leave,
    Publish,
    Refused,
    Settings,
)
from hubbub.testing import Closed, Info, Rejected, TestHub


class Text(BaseModel):
    text: str = Field(min_length=1, max_length=10)
    loud: bool = False


class Line(msgspec.Struct):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=10)]
    loud: bool = False


@dataclass
class User:
    id: int
    name: str


ANN, BOB = User(1, "Ann"), User(2, "Bob")

SPEAK = {
    "allow_subscribe_for_client": True,
    "allow_publish_for_subscriber": True,
}


def make_hub() -> Hub:
    return Hub(settings=Settings(anonymous=True))


@asynccontextmanager
async def running(hub: Hub) -> AsyncIterator[TestHub]:
    app = FastAPI(lifespan=hub.lifespan)
    app.include_router(hub.router)
    async with TestHub(app) as test:
        yield test


# Patterns. ------------------------------------------------------------------------------------


async def test_a_room_that_no_pattern_is_for_does_not_exist() -> None:
    hub = make_hub()
    hub.rooms("chat:{room}", **SPEAK)
    hub.rooms("files:{path:path}", **SPEAK)
    hub.rooms("news", **SPEAK)
    async with running(hub) as test:
        ann = await test.connect(user=ANN)
        for name in ("chat:7", "files:a:b/c", "news"):
            await ann.join(name)
        for name in ("chat:", "chat:7:8", "files:", "newsflash", "other:7", "other"):
            with pytest.raises(Rejected) as rejected:
                await ann.join(name)
            assert rejected.value.code == 102


async def test_the_first_pattern_that_matches_counts() -> None:
    hub = make_hub()
    hub.rooms("chat:lobby", **SPEAK)
    hub.rooms("chat:{room}")
    async with running(hub) as test:
        ann = await test.connect(user=ANN)
        await ann.join("chat:lobby")
        with pytest.raises(Rejected, match="103"):
            await ann.join("chat:other")


async def test_a_pattern_called_with_its_parameters_is_a_room() -> None:
    hub = make_hub()
    rooms = hub.rooms("team:{team}:room:{room}", **SPEAK)
    assert rooms(team="a", room=7).name == "team:a:room:7"
    assert rooms.pattern in repr(rooms)
    for wrong in ({"team": "a"}, {"team": "a", "room": 7, "more": 1}, {}):
        with pytest.raises(InvalidName, match="take team, room"):
            rooms(**wrong)
    for value in ("", "x:y"):
        with pytest.raises(InvalidName, match="no room of"):
            rooms(team="a", room=value)


def test_what_cannot_be_a_pattern_or_an_option_is_refused_at_once() -> None:
    hub = make_hub()
    hub.rooms("chat:{room}")
    with pytest.raises(ConfigurationError, match="have their rules already"):
        hub.rooms("chat:{room}")
    for pattern in ("chat:{", "chat:{a}{a}", "chat:{1}"):
        with pytest.raises(ConfigurationError, match="is no pattern of rooms"):
            hub.rooms(pattern)
    with pytest.raises(ConfigurationError, match="did you mean history_size"):
        hub.rooms("a:{b}", history_sise=1)
    with pytest.raises(ConfigurationError, match="read_markers is for durable rooms"):
        hub.rooms("marked:{room}", read_markers=True, history_size=5)
    with pytest.raises(ConfigurationError, match="needs a history"):
        hub.rooms("a:{b}", force_recovery=True)
    with pytest.raises(ConfigurationError, match="cannot be read from JSON"):
        hub.rooms("a:{b}", message=Settings.__init__)


def test_each_question_is_asked_of_one_function() -> None:
    rooms = make_hub().rooms("chat:{room}")

    async def may_join(join: Join) -> Grant:
        return Grant()

    async def clean(publish: Publish[Any]) -> Any:
        return publish.data

    assert rooms.on_join(may_join) is may_join
    assert rooms.on_publish(clean) is clean
    with pytest.raises(ConfigurationError, match="have their on_join already"):
        rooms.on_join(may_join)
    with pytest.raises(ConfigurationError, match="have their on_publish already"):
        rooms.on_publish(clean)


def test_what_a_hook_returns_or_is_for_is_checked_as_it_is_registered() -> None:
    rooms = make_hub().rooms("chat:{room}", message=Text)

    async def yes(join: Join) -> bool:
        return True

    async def forgets(publish: Publish[Text]) -> None: ...

    async def for_others(publish: Publish[Line]) -> Line:
        return publish.data

    with pytest.raises(ConfigurationError, match="has to return Grant"):
        rooms.on_join(yes)
    with pytest.raises(ConfigurationError, match="has to return what is published"):
        rooms.on_publish(forgets)
    with pytest.raises(ConfigurationError, match="message="):
        rooms.on_publish(for_others)


# Who may come in. -----------------------------------------------------------------------------


async def test_on_join_sees_the_parameters_the_user_and_what_the_client_said() -> None:
    hub = make_hub()
    asked: list[Any] = []

    @hub.rooms("team:{team}:room:{room}").on_join
    async def may_join(join: Join) -> Grant:
        asked.append((dict(join.params), join.user, join.data, join.room.name, join.member.room))
        return Grant()

    async with running(hub) as test:
        ann = await test.connect(user=ANN)
        await ann.join("team:a:room:7", data={"as": "guest"})
        room = hub.room("team:a:room:7")
        assert asked == [({"team": "a", "room": "7"}, ANN, {"as": "guest"}, room.name, room)]
        assert room.users == [ANN]


async def test_a_grant_says_what_may_be_done_and_else_the_options_do() -> None:
    hub = make_hub()
    grants = {
        "none": Grant(),
        "all": Grant(publish=True, history=True, presence=True),
        "nothing": Grant(publish=False, history=False, presence=False),
    }
    options = {"history_size": 9, "presence": True}

    @hub.rooms("closed:{room}", **options).on_join
    async def may_join(join: Join) -> Grant:
        return grants[join.params["room"]]

    @hub.rooms(
        "open:{room}",
        allow_publish_for_subscriber=True,
        allow_history_for_subscriber=True,
        allow_presence_for_subscriber=True,
        **options,
    ).on_join
    async def come_in(join: Join) -> Grant:
        return grants[join.params["room"]]

    async with running(hub) as test:
        ann = await test.connect(user=ANN)
        for kind, may in [("closed", {"all"}), ("open", {"all", "none"})]:
            for name in grants:
                room = f"{kind}:{name}"
                await ann.join(room)
                for what in (ann.publish(room, 1), ann.history(room), ann.presence(room)):
                    if name in may:
                        await what
                    else:
                        with pytest.raises(Rejected, match="103"):
                            await what


async def test_a_grant_has_information_for_everybody_and_data_for_the_one() -> None:
    hub = make_hub()

    @hub.rooms("chat:{room}", presence=True, join_leave=True, force_push_join_leave=True).on_join
    def may_join(join: Join) -> Grant:
        return Grant(True, presence=True, info={"name": join.user.name}, data=["welcome"])

    async with running(hub) as test:
        ann, bob = await test.connect(user=ANN), await test.connect(user=BOB)
        assert (await ann.join("chat:7")).data == ["welcome"]
        await bob.join("chat:7")
        about_bob = Info("2", bob.id, None, {"name": "Bob"})
        assert (await ann.presence("chat:7"))[bob.id] == about_bob
        assert (await ann.next("chat:7", "join")).info == Info("1", ann.id, None, {"name": "Ann"})
        assert (await ann.next("chat:7", "join")).info == about_bob
        await bob.publish("chat:7", "hi")
        assert (await ann.next("chat:7")).info == about_bob
        await bob.vanish()
        assert (await ann.next("chat:7", "leave")).info == about_bob


async def test_a_grant_ends_when_it_says() -> None:
    hub = make_hub()

    @hub.rooms("chat:{room}").on_join
    async def may_join(join: Join) -> Grant:
        return Grant(expires_at=hub.node.clock.time() + (60 if join.data is None else -1))

    async with running(hub) as test:
        ann = await test.connect(user=ANN)
        await ann.join("chat:7")
        await test.clock.advance(59)
        assert len(hub.room("chat:7")) == 1
        await test.clock.advance(2)
        assert (await ann.next("chat:7", "unsubscribe")).code == 2501
        assert len(hub.room("chat:7")) == 0
        with pytest.raises(Rejected, match="110 expired"):
            await ann.join("chat:7", data="late")


@pytest.mark.parametrize("code", [103, 400, 1999])
async def test_who_is_refused_gets_the_code_and_stays_connected(code: int) -> None:
    hub = make_hub()

    @hub.rooms("chat:{room}").on_join
    async def may_join(join: Join) -> Grant:
        raise Refused("not a member of this room", code)

    async with running(hub) as test:
        ann = await test.connect(user=ANN)
        with pytest.raises(Rejected) as rejected:
            await ann.join("chat:7")
        assert (rejected.value.code, rejected.value.message) == (code, "not a member of this room")
        assert hub.rooms() == []
        await ann.leave("chat:7")


async def test_who_is_refused_with_a_code_of_4000_is_disconnected() -> None:
    hub = make_hub()

    @hub.rooms("chat:{room}").on_join
    async def may_join(join: Join) -> Grant:
        raise Refused("banned", 4503)

    async with running(hub) as test:
        ann = await test.connect(user=ANN)
        with pytest.raises(Closed) as closed:
            await ann.join("chat:7")
        assert (closed.value.code, closed.value.reason) == (4503, "banned")
    for code in (0, 99, 2000, 3500, 5000):
        with pytest.raises(ValueError, match="no code to refuse with"):
            Refused("x", code)


async def test_a_hook_that_returns_something_else_lets_nobody_in(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub = make_hub()

    @hub.rooms("chat:{room}").on_join
    async def may_join(join: Join):  # type: ignore[no-untyped-def] # no annotation to check
        return True

    async with running(hub) as test:
        ann = await test.connect(user=ANN)
        with pytest.raises(Rejected, match="100 internal server error"):
            await ann.join("chat:7")
    assert "returned bool, not a Grant" in caplog.text


# What is published. ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Text, Line])
async def test_what_is_not_the_message_of_the_rooms_is_refused_with_the_reason(kind: Any) -> None:
    hub = make_hub()
    hub.rooms("plain:{room}", message=kind, **SPEAK)

    @hub.rooms("asked:{room}", message=kind, **SPEAK).on_publish
    async def clean(publish: Publish[Any]) -> Any:
        assert isinstance(publish.data, kind)
        publish.data.text = publish.data.text.upper()
        return publish.data

    async with running(hub) as test:
        ann = await test.connect(user=ANN)
        for room, said in (("plain:7", "hi"), ("asked:7", "HI")):
            await ann.join(room)
            await ann.publish(room, {"text": "hi", "unknown": 1})
            assert (await ann.next(room)).data == {"text": said, "loud": False}
            wrong: Any
            for wrong in ({"text": ""}, {"text": "x" * 11}, {}, [], "hi", {"text": 7}):
                with pytest.raises(Rejected) as rejected:
                    await ann.publish(room, wrong)
                assert rejected.value.code == 107
                assert rejected.value.message != "bad request"
            assert await ann.waiting() == []


async def test_on_publish_may_change_refuse_and_end_the_connection() -> None:
    hub = make_hub()
    seen: list[Any] = []

    @hub.rooms("chat:{room}", message=Text, history_size=9, **SPEAK).on_publish
    async def clean(publish: Publish[Text]) -> Text:
        seen.append((publish.user, publish.room.name, dict(publish.params), publish.client.id))
        assert publish.member is not None
        assert publish.member.user == publish.user
        if publish.data.text == "spam":
            raise Refused("no spam", 429)
        if publish.data.text == "bomb":
            raise Refused("bye", 4500)
        return Text(text=publish.data.text, loud=True)

    async with running(hub) as test:
        ann, bob = await test.connect(user=ANN), await test.connect(user=BOB)
        await ann.join("chat:7")
        await bob.join("chat:7")
        await ann.publish("chat:7", {"text": "hi"})
        assert seen == [(ANN, "chat:7", {"room": "7"}, ann.id)]
        assert (await bob.next("chat:7")).data == {"text": "hi", "loud": True}
        with pytest.raises(Rejected, match="429 no spam"):
            await ann.publish("chat:7", {"text": "spam"})
        with pytest.raises(Closed, match="4500 bye"):
            await ann.publish("chat:7", {"text": "bomb"})
        assert await bob.waiting() == []
        assert [one.value["text"] for one in (await hub.history("chat:7")).publications] == ["hi"]


async def test_what_the_server_publishes_is_its_own_affair() -> None:
    hub = make_hub()
    asked: list[Any] = []
    chats = hub.rooms("chat:{room}", message=Text, history_size=9, **SPEAK)

    @chats.on_publish
    async def clean(publish: Publish[Text]) -> Text:
        asked.append(publish)
        return publish.data

    async with running(hub) as test:
        ann = await test.connect(user=ANN)
        await ann.join("chat:7")
        position = await chats(room=7).publish(Text(text="hello"))
        assert position is not None and position.offset == 1
        heard = await ann.next("chat:7")
        assert (heard.data, heard.info) == ({"text": "hello", "loud": False}, None)
        assert asked == []


async def test_on_publish_that_forgets_to_return_publishes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub = make_hub()

    @hub.rooms("chat:{room}", message=Text, **SPEAK).on_publish
    async def clean(publish: Publish[Text]):  # type: ignore[no-untyped-def] # no annotation to check
        publish.data.loud = True

    async with running(hub) as test:
        ann = await test.connect(user=ANN)
        await ann.join("chat:7")
        with pytest.raises(Rejected, match="100"):
            await ann.publish("chat:7", {"text": "hi"})
        assert await ann.waiting() == []
    assert "returned nothing to publish" in caplog.text


async def test_without_a_model_any_json_is_published_null_too() -> None:
    hub = make_hub()

    @hub.rooms("chat:{room}", **SPEAK).on_publish
    async def pass_on(publish: Publish[Any]) -> Any:
        return publish.data

    async with running(hub) as test:
        ann = await test.connect(user=ANN)
        await ann.join("chat:7")
        for value in ({"a": [1, None]}, "x", 0, False, None, ""):
            await ann.publish("chat:7", value)
            assert (await ann.next("chat:7")).data == value


async def test_who_is_not_in_the_room_publishes_only_where_the_options_say_so() -> None:
    hub = make_hub()
    members: list[Any] = []
    for pattern, options in (("in:{room}", SPEAK), ("any:{room}", {"allow_publish_for_client": 1})):

        @hub.rooms(pattern, **options).on_publish
        async def pass_on(publish: Publish[Any]) -> Any:
            members.append(publish.member)
            return publish.data

    async with running(hub) as test:
        ann = await test.connect(user=ANN)
        with pytest.raises(Rejected, match="103"):
            await ann.publish("in:7", 1)
        await ann.publish("any:7", 1)
    assert members == [None]


# Who goes. ------------------------------------------------------------------------------------


async def test_on_leave_is_told_however_it_came_to() -> None:
    hub = make_hub()
    left: list[Any] = []
    chats = hub.rooms("chat:{room}", **SPEAK)

    @chats.on_leave
    async def gone(leave: Leave) -> None:
        left.append((leave.user.name, leave.params["room"], leave.disconnect.code))

    @chats.on_leave
    def also(leave: Leave) -> None:
        left.append(leave.room.name)

    async with running(hub) as test:
        for end, code in [("leave", 0), ("close", 1001), ("vanish", 1006), ("banned", 3503)]:
            ann = await test.connect(user=ANN)
            await ann.join("chat:7")
            if end == "leave":
                await ann.leave("chat:7")
            elif end == "close":
                await ann.close(1001)
            elif end == "vanish":
                await ann.vanish()
            else:
                hub.disconnect(ANN)
                await ann.closed()
            await hub.node.hooks.settle()
            assert left == [("Ann", "7", code), "chat:7"], end
            left.clear()
            if end == "leave":
                await ann.close()


async def test_who_was_refused_never_left() -> None:
    hub = make_hub()
    left: list[Leave] = []
    chats = hub.rooms("chat:{room}")

    @chats.on_join
    async def may_join(join: Join) -> Grant:
        raise Refused()

    @chats.on_leave
    async def gone(leave: Leave) -> None:
        left.append(leave)

    async with running(hub) as test:
        ann = await test.connect(user=ANN)
        with pytest.raises(Rejected):
            await ann.join("chat:7")
        await ann.close()
        await hub.node.hooks.settle()
    assert left == []


async def test_the_hubs_own_hooks_hear_of_these_rooms_as_well() -> None:
    hub = make_hub()
    heard: list[Any] = []
    hub.rooms("chat:{room}", **SPEAK)

    @hub.on_join
    async def joined(join: Join) -> None:
        heard.append(("+", join.room.name, join.user.name, join.params))

    @hub.on_leave
    async def left(leave: Leave) -> None:
        heard.append(("-", leave.room.name, leave.user.name, leave.params))

    async with running(hub) as test:
        ann = await test.connect(user=ANN)
        await ann.join("chat:7")
        await ann.leave("chat:7")
        await hub.node.hooks.settle()
        assert heard == [(sign, "chat:7", "Ann", {"room": "7"}) for sign in "+-"]


# Dependencies. --------------------------------------------------------------------------------


async def test_each_call_has_dependencies_of_its_own_closed_before_the_answer() -> None:
    hub = make_hub()
    log: list[str] = []

    async def session() -> AsyncIterator[str]:
        log.append("open")
        yield "session"
        log.append("closed")

    Session = Annotated[str, Depends(session)]
    chats = hub.rooms("chat:{room}", **SPEAK)

    @chats.on_join
    async def may_join(join: Join, session: Session) -> Grant:
        log.append(f"join with {session}")
        return Grant(publish=True)

    @chats.on_publish
    async def clean(publish: Publish[Any], session: Session) -> Any:
        log.append(f"publish with {session}")
        return publish.data

    @chats.on_leave
    async def gone(leave: Leave, session: Session) -> None:
        log.append(f"leave with {session}")

    async with running(hub) as test:
        ann = await test.connect(user=ANN)
        assert log == []
        await ann.join("chat:7")
        assert log == ["open", "join with session", "closed"]
        await ann.publish("chat:7", 1)
        assert log[3:] == ["open", "publish with session", "closed"]
        await ann.vanish()
        await hub.node.hooks.settle()
        assert log[6:] == ["open", "leave with session", "closed"]


async def test_dependency_overrides_and_http_exceptions_work_as_in_a_route() -> None:
    hub = make_hub()

    def membership() -> str:
        raise HTTPException(404, "no such room")

    @hub.rooms("chat:{room}").on_join
    async def may_join(join: Join, role: Annotated[str, Depends(membership)]) -> Grant:
        return Grant(data=role)

    app = FastAPI(lifespan=hub.lifespan)
    app.include_router(hub.router)
    async with TestHub(app) as test:
        ann = await test.connect(user=ANN)
        with pytest.raises(Rejected, match="404 no such room"):
            await ann.join("chat:7")
        app.dependency_overrides[membership] = lambda: "owner"
        assert (await ann.join("chat:7")).data == "owner"
