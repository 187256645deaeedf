"""The client of rooms that `hubbub.testing` has."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, WebSocket
from starlette.requests import HTTPConnection

from hubbub import (
    Call,
    ConfigurationError,
    Connect,
    Grant,
    Hub,
    Identity,
    Join,
    Message,
    Refused,
    RoomOptions,
    Settings,
)
from hubbub.embed.tokens import make_token
from hubbub.testing import Closed, Denied, Info, Rejected, RoomClient, TestHub

SECRET = "a secret of thirty-two bytes, for tests"

TALK: dict[str, Any] = {
    "history_size": 10,
    "force_recovery": True,
    "presence": True,
    "join_leave": True,
    "allow_subscribe_for_client": True,
    "allow_publish_for_subscriber": True,
    "allow_history_for_subscriber": True,
    "allow_presence_for_subscriber": True,
}


def make_hub(**given: Any) -> Hub:
    hub = Hub(settings=Settings(rooms={"chat:{room}": RoomOptions(**TALK)}, **given))

    @hub.authenticate
    async def who(token: str | None) -> str | None:
        return token and token.removeprefix("I am ")

    return hub


def make_app(hub: Hub, prefix: str = "") -> FastAPI:
    app = FastAPI(lifespan=hub.lifespan)
    app.include_router(hub.router, prefix=prefix)
    return app


@asynccontextmanager
async def running(hub: Hub, **how: Any) -> AsyncIterator[TestHub]:
    async with TestHub(make_app(hub), **how) as test:
        yield test


async def test_two_people_talk() -> None:
    async with running(make_hub()) as hub:
        ann, bob = await hub.connect(user="ann"), await hub.connect(user="bob")
        await ann.join("chat:7")
        await bob.join("chat:7")
        await ann.publish("chat:7", {"text": "hi"})
        heard = await bob.next("chat:7")
        assert heard.data == {"text": "hi"}
        assert heard.offset == 1
        assert heard.info == Info("ann", ann.id)
        assert heard.tags == {}
        assert (await ann.next("chat:7")).data == {"text": "hi"}
        assert await bob.waiting() == []
        await hub.clock.advance(120)
        await ann.publish("chat:7", "still here")
        assert (await bob.next("chat:7")).data == "still here"
        assert ann.pings >= 4


async def test_a_client_that_does_not_answer_pings_is_cut() -> None:
    async with running(make_hub()) as hub:
        mute = await hub.connect(user="mute", pongs=False)
        await hub.clock.advance(60)
        assert (await mute.closed()).code == 3012
        with pytest.raises(Closed):
            await mute.join("chat:7")


async def test_user_is_what_authenticate_would_return_and_it_is_not_asked() -> None:
    hub = Hub(settings=Settings(rooms={"chat:{room}": RoomOptions(**TALK)}))

    @hub.authenticate
    async def who(token: str | None) -> str:
        raise AssertionError("asked all the same")

    @hub.on_rpc("me")
    async def me(call: Call[Any]) -> Any:
        return [call.user.id, call.user.name]

    class User:
        id = 7
        name = "Ann"

    async with running(hub) as test:
        assert await (await test.connect(user=User())).rpc("me") == [7, "Ann"]
        told = await test.connect(user=Identity(user="x", data={"a": 1}, rooms=["chat:1"]))
        assert told.data == {"a": 1}
        assert list(told.rooms) == ["chat:1"]
        assert told.rooms["chat:1"].position.offset == 0


async def test_a_token_goes_to_the_applications_own_authenticate() -> None:
    async with running(make_hub()) as hub:
        ann = await hub.connect(token="I am ann")
        await ann.join("chat:7")
        assert hub.hub.room("chat:7").users == ["ann"]
        # While somebody of the test's own comes in, too.
        both = await asyncio.gather(
            hub.connect(user="bob"), hub.connect(token="I am eve"), hub.connect(user="joe")
        )
        for client in both:
            await client.join("chat:7")
        assert sorted(hub.hub.room("chat:7").users) == ["ann", "bob", "eve", "joe"]
        with pytest.raises(Closed) as closed:
            await hub.connect()
        assert closed.value.code == 3501
        with pytest.raises(ConfigurationError, match="its user, or the token"):
            await hub.connect(user="ann", token="I am ann")


async def test_where_nobody_is_asked_a_user_of_the_test_comes_in_all_the_same() -> None:
    async with running(Hub(settings=Settings())) as hub:
        await hub.connect(user="ann")
        with pytest.raises(Closed) as closed:
            await hub.connect()
        assert closed.value.code == 3501
        assert hub.hub.node.gate is None
    async with running(Hub(settings=Settings(anonymous=True))) as hub:
        both = await asyncio.gather(hub.connect(user="ann"), hub.connect())
        assert [len(hub.hub.user("ann")), len(both)] == [1, 2]


async def test_tokens_of_a_key_can_be_shown_and_renewed() -> None:
    settings = Settings(
        token_hmac_secret_key=SECRET,  # type: ignore[arg-type] # pydantic takes it
        rooms={"chat:{room}": RoomOptions()},
    )
    async with running(Hub(settings=settings)) as hub:
        ann = await hub.connect(token=make_token(settings, "ann", ttl=60))
        assert 58 <= ann.ttl <= 61
        assert await ann.refresh(make_token(settings, "ann", ttl=600)) > 590
        token = make_token(settings, "ann", "chat:7", 60, {"name": "Ann"})
        with pytest.raises(Rejected) as rejected:
            await ann.join("chat:7")
        assert (rejected.value.code, rejected.value.temporary) == (103, False)
        assert (await ann.join("chat:7", token=token)).ttl > 58
        assert await ann.sub_refresh("chat:7", make_token(settings, "ann", "chat:7", 99)) > 97


async def test_what_a_client_missed_it_gets_when_it_comes_back() -> None:
    async with running(make_hub()) as hub:
        ann, bob = await hub.connect(user="ann"), await hub.connect(user="bob")
        await ann.join("chat:7")
        joined = await bob.join("chat:7")
        await bob.vanish()
        await ann.publish("chat:7", 1)
        await hub.hub.publish("chat:7", 2, tags={"from": "us"})
        bob = await hub.connect(user="bob")
        back = await bob.join("chat:7", recover=joined.position)
        assert back.recovered
        assert [(one.data, one.offset) for one in back.publications] == [(1, 1), (2, 2)]
        assert back.publications[1].info is None
        assert back.publications[1].tags == {"from": "us"}
        page = await bob.history("chat:7", limit=1, reverse=True)
        assert [one.data for one in page.publications] == [2]
        page = await bob.history("chat:7", since=joined.position)
        assert [one.data for one in page.publications] == [1, 2]
        assert page.position.offset == 2


async def test_who_is_there_and_who_comes_and_goes() -> None:
    async with running(make_hub()) as hub:
        ann, bob = await hub.connect(user="ann"), await hub.connect(user="bob")
        await ann.join("chat:7", join_leave=True)
        await bob.join("chat:7")
        assert await ann.presence("chat:7") == {
            ann.id: Info("ann", ann.id),
            bob.id: Info("bob", bob.id),
        }
        assert await ann.presence_stats("chat:7") == (2, 2)
        await bob.leave("chat:7")
        came = [await ann.next("chat:7", "join") for _ in range(2)]
        assert [one.info and one.info.user for one in came] == ["ann", "bob"]
        assert (await ann.next("chat:7", "leave")).info == Info("bob", bob.id)


async def test_messages_calls_and_the_servers_own_pushes() -> None:
    hub = make_hub()
    said: list[Any] = []

    @hub.on_message
    async def on_message(message: Message) -> None:
        said.append((message.user, message.data))

    @hub.on_rpc("add")
    async def add(call: Call[Any]) -> int:
        return int(call.data[0] + call.data[1])

    async with running(hub) as test:
        ann = await test.connect(user="ann")
        assert await ann.rpc("add", [1, 2]) == 3
        with pytest.raises(Rejected, match="104 method not found"):
            await ann.rpc("subtract")
        await ann.send({"typing": True})
        assert said == [("ann", {"typing": True})]
        hub.user("ann").send("psst")
        assert (await ann.next(kind="message")).data == "psst"
        hub.subscribe("ann", "chat:1")
        assert (await ann.next("chat:1", "subscribe")).room == "chat:1"
        hub.unsubscribe("ann", "chat:1")
        assert (await ann.next("chat:1", "unsubscribe")).code == 2000
        hub.disconnect("ann")
        assert (await ann.closed()).code == 3503


async def test_a_wait_says_what_it_waited_for_and_what_came() -> None:
    async with running(make_hub(), deadline=0.5) as hub:
        ann = await hub.connect(user="ann")
        await ann.join("chat:7")
        await ann.publish("chat:7", 1)
        await ann.publish("chat:7", 2)
        with pytest.raises(TimeoutError, match=r"waited 0.5 s for a leave of 'chat:7' \(heard"):
            await ann.next("chat:7", "leave")
        assert [one.data for one in await ann.waiting("chat:7", "pub")] == [1, 2]
        with pytest.raises(TimeoutError, match="for the end of the connection"):
            await ann.closed()


@pytest.mark.parametrize("where", ["prefix", "mount", "named mount", "nested"])
async def test_the_door_is_found_wherever_the_application_has_it(where: str) -> None:
    hub = make_hub()
    if where == "prefix":
        app = make_app(hub, "/live")
    elif where == "nested":
        app, outer = FastAPI(lifespan=hub.lifespan), APIRouter(prefix="/v1")
        outer.include_router(hub.router, prefix="/live")
        app.include_router(outer)
    else:
        app, inner = FastAPI(lifespan=hub.lifespan), FastAPI()
        inner.include_router(hub.router)
        app.mount("/live", inner, name="live" if where == "named mount" else None)
    async with TestHub(app) as test:
        ann = await test.connect(user="ann")
        await ann.join("chat:7")
        assert len(hub.room("chat:7")) == 1


async def test_an_application_without_the_door_is_told_so() -> None:
    hub = make_hub()
    async with TestHub(FastAPI(lifespan=hub.lifespan)) as test:
        with pytest.raises(ConfigurationError, match="include_router"):
            await test.connect(user="ann")


async def test_the_request_carries_headers_and_query_and_the_first_command_data() -> None:
    hub = Hub(settings=Settings())
    seen: list[Any] = []

    @hub.authenticate
    async def who(
        connect: Connect, request: HTTPConnection, x_user: Annotated[str, Header()], lang: str
    ) -> str:
        seen.append((request.headers["cookie"], lang, connect.data, dict(connect.headers)))
        return x_user

    async with running(hub) as test:
        headers = {"x-user": "ann", "cookie": "a=b"}
        given = {"emulated": {"Authorization": "me"}, "data": {"v": 1}}
        await test.connect(headers=headers, query="lang=de", **given)  # type: ignore[call-overload]
        assert seen == [("a=b", "de", {"v": 1}, {"Authorization": "me"})]
        with pytest.raises(Denied):
            await test.connect(headers={"origin": "http://elsewhere"})


async def test_leaving_the_block_ends_the_clients_and_nothing_is_left() -> None:
    before = asyncio.all_tasks()
    hub = make_hub()
    async with running(hub) as test:
        client = await test.connect(user="ann")
        assert isinstance(client, RoomClient)
        assert client.id in repr(client)
    assert asyncio.all_tasks() == before
    assert len(hub.node.clients) == 0
    with pytest.raises(Closed):
        await client.join("chat:7")


async def test_what_an_endpoint_raises_is_told_to_who_waits() -> None:
    hub = Hub(settings=Settings(anonymous=True))
    app = FastAPI(lifespan=hub.lifespan)

    def broken() -> None:
        raise LookupError("as asked")

    app.include_router(hub.router, dependencies=[Depends(broken)])
    async with TestHub(app) as test:
        with pytest.raises(LookupError, match="as asked"):
            await test.connect(user="ann")
        test._connections.clear()


async def test_a_grant_has_data_for_the_client() -> None:
    hub = Hub(settings=Settings(anonymous=True))

    @hub.rooms("chat:{room}").on_join
    async def may_join(join: Join) -> Grant:
        if join.data != "please":
            raise Refused("say please", 400)
        return Grant(data={"welcome": join.params["room"]})

    async with running(hub) as test:
        ann = await test.connect()
        with pytest.raises(Rejected, match="400 say please"):
            await ann.join("chat:7")
        assert (await ann.join("chat:7", data="please")).data == {"welcome": "7"}


async def test_the_position_of_a_room_that_the_server_chose_is_kept_over_a_cut() -> None:
    hub = make_hub()
    async with running(hub) as test:
        me = Identity(user="ann", rooms=["chat:1"])
        ann = await test.connect(user=me)
        position = ann.rooms["chat:1"].position
        await ann.vanish()
        await hub.publish("chat:1", "missed")
        ann = await test.connect(user=me, subs={"chat:1": position})
        assert [one.data for one in ann.rooms["chat:1"].publications] == ["missed"]


async def test_an_endpoint_of_ones_own_beside_it(caplog: pytest.LogCaptureFixture) -> None:
    hub = make_hub()
    app = make_app(hub)

    @app.websocket("/own/{room}")
    async def own(websocket: WebSocket, room: str) -> None:
        async with hub.join(websocket, room, "own") as member:
            async for text in member:
                member.room.broadcast(text)

    async with TestHub(app) as test:
        plain, ann = await test.connect("/own/chat:7"), await test.connect(user="ann")
        await ann.join("chat:7")
        await plain.send("hi")
        assert (await ann.next("chat:7")).data == "hi"
        await ann.publish("chat:7", {"a": 1})
        assert await plain.receive() == "hi"
        assert await plain.receive_json() == {"a": 1}
