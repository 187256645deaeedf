"""The hub and its Centrifuge clients: what the application does, what it is told, what it risks."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import msgspec
import pytest
from fastapi import Depends, FastAPI, WebSocket
from pydantic import BaseModel

from hubbub import (
    Call,
    ConfigurationError,
    Conflict,
    Disconnected,
    Grant,
    Hub,
    InvalidName,
    Join,
    Leave,
    Message,
    Position,
    Publish,
    Refused,
    Settings,
    Unrecoverable,
)
from hubbub.model import FORCED
from hubbub.testing import Closed, Denied, Rejected, RoomClient, TestHub, until

OPEN: dict[str, Any] = {
    "history_size": 100,
    "presence": True,
    "allow_subscribe_for_client": True,
    "allow_subscribe_for_anonymous": True,
    "allow_publish_for_subscriber": True,
    "allow_publish_for_anonymous": True,
    "allow_history_for_subscriber": True,
    "allow_presence_for_subscriber": True,
}


class Order(BaseModel):
    item: str
    count: int = 1


class Sum(msgspec.Struct):
    numbers: list[int]


def make_hub(**given: Any) -> Hub:
    """With rooms that are open to every user."""
    hub = Hub(settings=Settings(anonymous=True, **given))
    hub.rooms("open:{room}", **OPEN)
    return hub


def make_app(hub: Hub) -> FastAPI:
    app = FastAPI(lifespan=hub.lifespan)
    app.include_router(hub.router)
    return app


@asynccontextmanager
async def running(hub: Hub, **how: Any) -> AsyncIterator[TestHub]:
    async with TestHub(make_app(hub), **how) as test:
        yield test


async def joined(test: TestHub, user: Any, room: str = "open:7") -> RoomClient:
    client = await test.connect(user=user)
    await client.join(room)
    return client


def errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [one for one in caplog.records if one.levelno >= logging.ERROR]


# What the application does. -------------------------------------------------------------------


async def test_a_route_publishes_reads_and_sees_who_is_there() -> None:
    hub = make_hub()
    app = make_app(hub)

    @app.post("/orders")
    async def create(order: Order) -> Any:
        return await hub.publish("open:7", order, tags={"kind": "order"})

    @app.get("/orders")
    async def orders() -> list[Any]:
        return [one.value for one in (await hub.history("open:7")).publications]

    @app.get("/present")
    async def present() -> list[str]:
        return [one.user for one in await hub.presence("open:7")]

    transport = httpx.ASGITransport(app=app)
    async with TestHub(app) as test, httpx.AsyncClient(transport=transport) as http:
        ann = await joined(test, "ann")
        answer = await http.post("http://test/orders", json={"item": "tea"})
        assert answer.json()[0] == 1
        heard = await ann.next("open:7")
        assert (heard.data, heard.tags) == ({"item": "tea", "count": 1}, {"kind": "order"})
        assert (await http.get("http://test/orders")).json() == [{"item": "tea", "count": 1}]
        assert (await http.get("http://test/present")).json() == ["ann"]


async def test_a_thread_can_do_it_all_as_well() -> None:
    hub = make_hub()

    async def there() -> list[Any]:
        first = await hub.publish("open:7", {"from": "a thread"})
        assert first is not None
        page = await hub.history("open:7", since=Position(0, first.epoch))
        return [first.offset, len(page.publications), len(await hub.presence("open:7"))]

    def work() -> list[Any]:
        threads.append(threading.get_ident())
        hub.user("ann").send("psst")
        hub.subscribe("ann", "open:8")
        return asyncio.run(there())

    threads: list[int] = []
    async with running(hub) as test:
        ann = await joined(test, "ann")
        assert await asyncio.to_thread(work) == [1, 1, 1]
        assert threads != [threading.get_ident()]
        assert (await ann.next("open:7")).data == {"from": "a thread"}
        assert (await ann.next(kind="message")).data == "psst"
        await ann.next("open:8", "subscribe")
        await asyncio.to_thread(hub.unsubscribe, "ann", "open:8")
        assert (await ann.next("open:8", "unsubscribe")).code == 2000
        await asyncio.to_thread(hub.disconnect, "ann")
        assert (await ann.closed()).code == 3503


async def test_a_key_publishes_once_and_a_room_without_a_history_has_no_position() -> None:
    hub = make_hub()
    hub.rooms("typing:{room}", **{**OPEN, "history_size": 0})
    async with running(hub) as test:
        ann = await joined(test, "ann")
        await ann.join("typing:7")
        first = await hub.publish("open:7", 1, idempotency_key="a")
        assert await hub.publish("open:7", 1, idempotency_key="a") == first
        with pytest.raises(Conflict):
            await hub.publish("open:7", 2, idempotency_key="a")
        assert await hub.publish("open:7", 3, history=False) is None
        assert await hub.publish("typing:7", 4) is None
        assert [one.data for one in await ann.waiting("open:7")] == [1, 3]
        assert (await ann.next("typing:7")).data == 4
        assert (await hub.history("typing:7")).publications == []


async def test_pages_of_a_history_go_both_ways() -> None:
    hub = make_hub()
    async with running(hub):
        for number in range(1, 8):
            await hub.publish("open:7", number)
        room = hub.room("open:7")
        latest = await room.history(limit=3)
        assert [one.value for one in latest.publications] == [5, 6, 7]
        assert latest.position.offset == 7
        epoch = latest.position.epoch
        before = await room.history(limit=3, before=Position(5, epoch))
        assert [one.value for one in before.publications] == [2, 3, 4]
        since = await room.history(limit=2, since=Position(2, epoch))
        assert [one.value for one in since.publications] == [3, 4]
        with pytest.raises(Unrecoverable, match="begun anew"):
            await room.history(since=Position(2, "other"))


async def test_what_cannot_be_published_is_the_callers_mistake() -> None:
    hub = make_hub()
    async with running(hub):
        with pytest.raises(TypeError):
            await hub.publish("open:7", object())
        with pytest.raises(InvalidName):
            await hub.publish("", 1)
        with pytest.raises(ValueError, match="no code to close with"):
            hub.disconnect("ann", 42)


async def test_every_connection_of_a_user_is_meant() -> None:
    hub = make_hub()
    app = make_app(hub)

    @app.websocket("/own/{room}")
    async def own(websocket: WebSocket, room: str, user: str) -> None:
        async with hub.join(websocket, room, user) as member:
            async for _ in member:
                pass

    async with TestHub(app) as test:
        tabs = [await joined(test, "ann") for _ in range(2)]
        bob = await joined(test, "bob")
        plain = await test.connect("/own/open:7?user=ann")
        assert len(hub.user("ann")) == 3
        assert sorted(hub.room("open:7").users) == ["ann", "bob"]
        hub.user("ann").send({"to": "ann"})
        for tab in tabs:
            assert (await tab.next(kind="message")).data == {"to": "ann"}
        assert await plain.receive_json() == {"to": "ann"}
        elsewhere = await test.connect("/own/open:8?user=ann")
        hub.unsubscribe("ann", "open:7")
        for tab in tabs:
            await tab.next("open:7", "unsubscribe")
        assert await plain.closed() == FORCED
        assert hub.room("open:7").users == ["bob"]
        hub.disconnect("ann", 4500, "bye")
        for tab in tabs:
            assert await tab.closed() == (4500, "bye")
        assert await elsewhere.closed() == (4500, "bye")
        assert await bob.waiting() == []
        assert len(hub.user("ann")) == 0


async def test_a_room_can_be_closed() -> None:
    hub = make_hub()
    async with running(hub) as test:
        ann, eve = await joined(test, "ann"), await joined(test, "eve", "open:8")
        hub.room("open:7").close(4404, "gone")
        assert await ann.closed() == (4404, "gone")
        await eve.publish("open:8", 1)


# Both doors. ----------------------------------------------------------------------------------


async def test_members_of_both_doors_hear_each_other() -> None:
    hub = make_hub()
    app = make_app(hub)

    @app.websocket("/own/{room}")
    async def own(websocket: WebSocket, room: str) -> None:
        async with hub.join(websocket, room, "plain") as member:
            async for text in member:
                member.room.broadcast(text)

    async with TestHub(app) as test:
        plain, ann, bob = (
            await test.connect("/own/open:7"),
            await joined(test, "ann"),
            await joined(test, "bob"),
        )
        elsewhere = await test.connect("/own/open:8")
        room = hub.room("open:7")
        assert len(room) == 3
        assert sorted(room.users) == ["ann", "bob", "plain"]

        await plain.send("text")
        await ann.publish("open:7", {"from": "ann"})
        room.broadcast({"broadcast": 1})
        await room.publish({"published": 1})

        said = ["text", {"from": "ann"}, {"broadcast": 1}, {"published": 1}]
        for client in (ann, bob):
            assert [one.data for one in await client.waiting("open:7")] == said
        assert await plain.receive() == "text"
        assert [await plain.receive_json() for _ in range(3)] == said[1:]
        assert await elsewhere.waiting() == []
        # What was broadcast is in no history.
        stored = [one.value for one in (await room.history()).publications]
        assert stored == [{"from": "ann"}, {"published": 1}]

        (member,) = [one for one in room.members if one.user == "ann"]
        room.broadcast("not for ann", exclude=member)
        member.send("for ann alone")
        assert [one.data for one in await ann.waiting("open:7")] == ["for ann alone"]
        assert (await bob.next("open:7")).data == "not for ann"
        assert await plain.receive() == "not for ann"


async def test_bytes_are_not_for_those_who_are_spoken_to_in_json() -> None:
    hub = make_hub()
    app = make_app(hub)

    @app.websocket("/own/{room}")
    async def own(websocket: WebSocket, room: str) -> None:
        async with hub.join(websocket, room) as member:
            async for _ in member:
                pass

    async with TestHub(app) as test:
        plain, ann = await test.connect("/own/open:7"), await joined(test, "ann")
        hub.room("open:7").broadcast(b"\0")
        assert await plain.receive() == b"\0"
        assert (await ann.closed()).code == 3506


async def test_the_text_door_opens_only_rooms_that_are_open_to_everyone() -> None:
    hub = make_hub()
    hub.rooms("users:{room}", **{**OPEN, "allow_subscribe_for_anonymous": False})
    hub.rooms("quiet:{room}", **{**OPEN, "allow_publish_for_anonymous": False})
    hub.rooms("model:{room}", message=Order, **OPEN)

    @hub.rooms("asked:{room}", **OPEN).on_join
    async def may_join(join: Join) -> Grant:
        return Grant()

    async with running(hub) as test:
        text, ann = await test.connect("/ws/open:7"), await joined(test, "ann")
        await text.send("hi")
        assert await text.receive() == "Room open:7: hi"
        assert (await ann.next("open:7")).data == "Room open:7: hi"
        await ann.publish("open:7", {"a": 1})
        assert await text.receive_json() == {"a": 1}
        await test.connect("/ws/no rule for it")
        for room in ("users:7", "quiet:7", "asked:7", "model:7"):
            with pytest.raises(Denied) as denied:
                await test.connect(f"/ws/{room}")
            assert denied.value.status == 403
    # Where somebody is asked who comes, the text door asks nobody: it is shut.
    hub = Hub(settings=Settings())
    hub.authenticate(lambda: "ann")
    async with running(hub) as test:
        with pytest.raises(Denied):
            await test.connect("/ws/any")


async def test_a_hub_with_rules_and_nobody_to_ask_refuses_to_start() -> None:
    hub = Hub(settings=Settings())
    hub.rooms("open:{room}", **OPEN)
    with pytest.raises(ConfigurationError, match="write @hub.authenticate"):
        async with hub.lifespan(FastAPI()):
            pass


# What clients call and say. -------------------------------------------------------------------


async def test_calls_are_answered_by_name_with_models() -> None:
    hub = make_hub()

    @hub.on_rpc("order")
    async def order(call: Call[Order]) -> Order:
        assert isinstance(call.data, Order)
        return Order(item=f"{call.user}'s {call.data.item}", count=call.data.count)

    @hub.on_rpc("sum")
    def total(call: Call[Sum]) -> int:
        return sum(call.data.numbers)

    @hub.on_rpc("anything")
    async def anything(call: Call[Any]) -> Any:
        return [call.method, call.data]

    @hub.on_rpc("nothing")
    async def nothing(call: Call[None]) -> None:
        if call.user == "eve":
            raise Refused("not you", 403)

    with pytest.raises(ConfigurationError, match="answers 'sum' already"):
        hub.on_rpc("sum")(total)
    async with running(hub) as test:
        ann, eve = await test.connect(user="ann"), await test.connect(user="eve")
        assert await ann.rpc("order", {"item": "tea"}) == {"item": "ann's tea", "count": 1}
        assert await ann.rpc("sum", {"numbers": [1, 2]}) == 3
        assert await ann.rpc("anything", {"a": [1]}) == ["anything", {"a": [1]}]
        assert await ann.rpc("anything") == ["anything", None]
        assert await ann.rpc("nothing") is None
        with pytest.raises(Rejected, match="403 not you"):
            await eve.rpc("nothing")
        with pytest.raises(Rejected, match="104"):
            await ann.rpc("unknown")
        with pytest.raises(Rejected, match="107 item: Field required"):
            await ann.rpc("order", {})
        with pytest.raises(Rejected, match="107 .*numbers"):
            await ann.rpc("sum", {"numbers": "many"})


async def test_without_anything_that_answers_calls_are_not_available() -> None:
    async with running(make_hub()) as test:
        ann = await test.connect(user="ann")
        with pytest.raises(Rejected, match="108"):
            await ann.rpc("sum")
        await ann.send("nobody wants it")
        assert (await ann.closed()).code == 3508


async def test_messages_arrive_in_order_and_one_at_a_time() -> None:
    hub = make_hub()
    said: list[Any] = []

    @hub.on_message
    async def heard(message: Message) -> None:
        await asyncio.sleep(0.001 if message.data % 2 else 0)
        said.append((message.user, message.data))

    async with running(hub) as test:
        ann = await test.connect(user="ann")
        for number in range(10):
            ann.connection.say({"send": {"data": number}})
        await until(lambda: len(said) == 10)
        assert said == [("ann", number) for number in range(10)]


async def test_on_disconnect_is_told_once_for_each_who_was_let_in() -> None:
    hub = make_hub()
    gone: list[Any] = []

    @hub.on_disconnect
    async def tell(event: Disconnected) -> None:
        gone.append((event.user, event.disconnect.code, event.client.user_id))

    async with running(hub) as test:
        ann, bob = await joined(test, "ann"), await test.connect(user="bob")
        await ann.vanish()
        hub.disconnect("bob", 4001, "bye")
        await bob.closed()
        await until(lambda: len(gone) == 2)
        assert gone == [("ann", 1006, "ann"), ("bob", 4001, "bob")]


# What user code can do wrong (D-5). -----------------------------------------------------------


def _raise(kind: str) -> None:
    if kind == "exception":
        raise LookupError("as asked")
    if kind == "exit":
        raise SystemExit(3)
    if kind == "cancelled":
        raise asyncio.CancelledError
    raise AssertionError(kind)


def make_fragile_hub(kind: str) -> tuple[Hub, set[str]]:
    """A hub whose hooks all fail, for who is named in the set that is given back."""
    hub, bad = Hub(settings=Settings(close_seconds=0.05)), {"bad"}
    chats = hub.rooms("chat:{room}", **OPEN)

    async def fail(user: Any) -> None:
        if user in bad:
            if kind == "never":
                await asyncio.Event().wait()
            _raise(kind)

    @hub.authenticate
    async def who(token: str | None) -> str | None:
        await fail(token)
        return token

    @chats.on_join
    async def may_join(join: Join) -> Grant:
        await fail(join.user)
        return Grant(publish=True, history=True)

    @chats.on_publish
    async def clean(publish: Publish[Any]) -> Any:
        await fail(publish.user)
        return publish.data

    @chats.on_leave
    async def left(leave: Leave) -> None:
        await fail(leave.user)

    @hub.on_rpc("call")
    async def call(call: Call[Any]) -> str:
        await fail(call.user)
        return "answered"

    @hub.on_message
    async def message(message: Message) -> None:
        await fail(message.user)

    @hub.on_disconnect
    async def gone(event: Disconnected) -> None:
        await fail(event.user)

    return hub, bad


async def be_well(test: TestHub, user: str) -> None:
    """Somebody whom no hook fails has the whole of it."""
    client = await test.connect(token=user)
    await client.join("chat:7")
    await client.publish("chat:7", user)
    assert (await client.next("chat:7")).data == user
    assert await client.rpc("call") == "answered"
    await client.send("hi")
    await client.leave("chat:7")
    await client.close()


@pytest.mark.parametrize("kind", ["exception", "exit", "cancelled"])
async def test_a_hook_that_fails_is_its_clients_error_and_one_record(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    hub, bad = make_fragile_hub(kind)
    async with running(hub, deadline=0.5) as test:
        with pytest.raises(Rejected, match="100 internal server error"):
            await test.connect(token="bad")
        assert len(errors(caplog)) == 1
        bad.clear()
        client = await test.connect(token="bad")
        bad.add("bad")
        with pytest.raises(Rejected, match="100 internal server error"):
            await client.join("chat:7")
        assert len(errors(caplog)) == 2
        bad.clear()
        await client.join("chat:7")
        bad.add("bad")
        with pytest.raises(Rejected, match="100 internal server error"):
            await client.publish("chat:7", 1)
        with pytest.raises(Rejected, match="100 internal server error"):
            await client.rpc("call")
        await client.send("hi")
        assert len(errors(caplog)) == 5
        assert len(hub.room("chat:7")) == 1
        await client.leave("chat:7")
        await client.vanish()
        await hub.node.hooks.settle()
        assert len(errors(caplog)) == 7
        assert len(hub.room("chat:7")) == 0
        assert hub.node.clients == {}
        await be_well(test, "ann")
    assert len(errors(caplog)) == 7


async def test_a_hook_that_never_returns_holds_up_its_own_client_alone() -> None:
    hub, bad = make_fragile_hub("never")
    async with running(hub, deadline=0.5) as test:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await test.connect(token="bad")
        bad.clear()
        client = await test.connect(token="bad")
        await client.join("chat:7")
        bad.add("bad")
        with pytest.raises(TimeoutError):
            await client.rpc("call")
        with pytest.raises(TimeoutError):
            await client.history("chat:7")  # waits behind the call
        bob = await test.connect(token="bob")
        await bob.join("chat:7")
        await bob.publish("chat:7", "hi")
        assert (await client.next("chat:7")).data == "hi"  # what it hears does not wait
        await be_well(test, "ann")
        hub.disconnect("bad")
        assert (await client.closed()).code == 3503
        await be_well(test, "eve")
        assert hub.room("chat:7").users == ["bob"]


async def test_a_dependency_that_fails_is_no_different(caplog: pytest.LogCaptureFixture) -> None:
    hub = make_hub()
    closed: list[str] = []

    async def opened() -> AsyncIterator[None]:
        try:
            yield
        finally:
            closed.append("opened")

    def broken() -> None:
        raise LookupError("as asked")

    async def breaks_as_it_closes() -> AsyncIterator[None]:
        yield
        raise LookupError("as asked, later")

    @hub.on_rpc("before")
    async def before(
        call: Call[Any],
        opened: Annotated[None, Depends(opened)],
        broken: Annotated[None, Depends(broken)],
    ) -> None: ...

    @hub.on_rpc("after")
    async def after(
        call: Call[Any],
        opened: Annotated[None, Depends(opened)],
        breaks: Annotated[None, Depends(breaks_as_it_closes)],
    ) -> str:
        return "done"

    async with running(hub) as test:
        ann = await joined(test, "ann")
        for method in ("before", "after"):
            with pytest.raises(Rejected, match="100"):
                await ann.rpc(method)
        assert closed == ["opened", "opened"]
        await ann.publish("open:7", 1)
    assert len(errors(caplog)) == 2


async def test_the_end_of_the_server_does_not_wait_for_hooks_for_ever() -> None:
    hub = Hub(settings=Settings(anonymous=True, close_seconds=0.05))

    @hub.on_rpc("call")
    async def call(call: Call[Any]) -> None:
        await asyncio.Event().wait()

    before = asyncio.all_tasks()
    async with running(hub) as test:
        ann = await test.connect()
        ann.connection.say({"id": 99, "rpc": {"method": "call"}})
        await ann.waiting()
    await until(lambda: asyncio.all_tasks() == before)


# Whose call it is. ----------------------------------------------------------------------


async def test_two_users_with_slow_dependencies_are_never_mixed() -> None:
    hub = Hub(settings=Settings())
    turns = iter(range(1_000_000))

    async def slow(x_user: Annotated[str, Depends(lambda: "")]) -> None: ...

    async def header_of(websocket: WebSocket) -> AsyncIterator[str]:
        await asyncio.sleep(0.001 * (next(turns) % 3))
        yield websocket.headers["x-user"]
        await asyncio.sleep(0.001 * (next(turns) % 2))

    async def query_of(user: str, header: Annotated[str, Depends(header_of)]) -> str:
        await asyncio.sleep(0.001 * (next(turns) % 3))
        return f"{user} {header}"

    Who = Annotated[str, Depends(query_of)]

    @hub.authenticate
    async def who(who: Who) -> str:
        return who.split()[0]

    chats = hub.rooms("chat:{room}", history_size=1000)

    @chats.on_join
    async def may_join(join: Join, who: Who) -> Grant:
        assert who == f"{join.user} {join.user}"
        return Grant(publish=True, info=who)

    @chats.on_publish
    async def clean(publish: Publish[Any], who: Who) -> Any:
        assert who == f"{publish.user} {publish.user}"
        return [who, publish.data]

    @hub.on_rpc("me")
    async def me(call: Call[Any], who: Who) -> Any:
        return [who, call.user, call.data]

    async def talk(test: TestHub, user: str) -> None:
        client = await test.connect(headers={"x-user": user}, query=f"user={user}")
        await client.join("chat:7")
        for number in range(10):
            assert await client.rpc("me", number) == [f"{user} {user}", user, number]
            await client.publish("chat:7", [user, number])

    async with running(hub) as test:
        await asyncio.gather(*(talk(test, user) for user in ("ann", "bob", "eve", "joe")))
        page = await hub.history("chat:7", limit=1000)
        assert len(page.publications) == 40
        for one in page.publications:
            who_said, (user, _) = one.value
            assert one.info is not None
            assert who_said == f"{user} {user}"
            assert one.info.user == user


# How long a dependency lives (D-7). -----------------------------------------------------------


async def test_two_hundred_connections_live_with_a_pool_of_five() -> None:
    size, people = 5, 200
    pool: asyncio.Queue[int] = asyncio.Queue()
    for number in range(size):
        pool.put_nowait(number)
    most = 0

    async def session() -> AsyncIterator[int]:
        nonlocal most
        async with asyncio.timeout(20):
            number = await pool.get()
        most = max(most, size - pool.qsize())
        try:
            yield number
        finally:
            pool.put_nowait(number)

    Session = Annotated[int, Depends(session)]
    hub = Hub(settings=Settings())

    @hub.authenticate
    async def who(token: str | None, session: Session) -> str | None:
        await asyncio.sleep(0)
        return token

    chats = hub.rooms("chat:{room}", allow_publish_for_subscriber=True)

    @chats.on_join
    async def may_join(join: Join, session: Session) -> Grant:
        await asyncio.sleep(0)
        return Grant(publish=True)

    @chats.on_publish
    async def clean(publish: Publish[Any], session: Session) -> Any:
        await asyncio.sleep(0)
        return publish.data

    @hub.on_rpc("count")
    async def count(call: Call[Any], session: Session) -> int:
        await asyncio.sleep(0)
        return 1

    async with running(hub, deadline=30) as test:
        clients = await asyncio.gather(
            *(test.connect(token=f"user {number}") for number in range(people))
        )
        assert len(hub.node.clients) == people
        assert pool.qsize() == size
        await asyncio.gather(*(one.join(f"chat:{n % 20}") for n, one in enumerate(clients)))
        assert pool.qsize() == size
        await asyncio.gather(*(one.publish(f"chat:{n % 20}", n) for n, one in enumerate(clients)))
        assert sum(await asyncio.gather(*(one.rpc("count") for one in clients))) == people
        for n, one in enumerate(clients):
            heard = {(await one.next(f"chat:{n % 20}")).data for _ in range(people // 20)}
            assert heard == set(range(n % 20, people, 20))
        assert pool.qsize() == size
        assert most == size


async def test_a_connection_keeps_its_request_only_where_somebody_asks_for_it() -> None:
    for asks in (False, True):
        hub = make_hub()

        @hub.on_rpc("x")
        async def x(call: Call[Any]) -> None: ...

        if asks:

            @hub.on_rpc("y")
            async def y(call: Call[Any], websocket: WebSocket) -> None: ...

        async with running(hub) as test:
            await test.connect(user="ann")
            (client,) = hub.node.clients.values()
            assert (client.scope is not None) == asks


async def test_a_client_that_was_sent_away_while_it_was_asked_about_is_in_no_room() -> None:
    hub = make_hub()
    go_on = asyncio.Event()

    @hub.rooms("slow:{room}").on_join
    async def may_join(join: Join) -> Grant:
        await go_on.wait()
        return Grant()

    async with running(hub) as test:
        ann = await test.connect(user="ann")
        joining = asyncio.ensure_future(ann.join("slow:7"))
        await ann.waiting()
        hub.disconnect("ann")
        go_on.set()
        with pytest.raises(Closed):
            await joining
        assert hub.rooms() == []


@pytest.mark.parametrize("how", ["disconnect", "unsubscribe"])
async def test_a_client_that_was_sent_away_while_it_was_asked_about_publishes_nothing(
    how: str,
) -> None:
    hub = make_hub()
    go_on = asyncio.Event()

    @hub.rooms("slow:{room}", **OPEN).on_publish
    async def clean(publish: Publish[Any]) -> Any:
        await go_on.wait()
        return publish.data

    async with running(hub) as test:
        ann, bob = await joined(test, "ann", "slow:7"), await joined(test, "bob", "slow:7")
        publishing = asyncio.ensure_future(ann.publish("slow:7", "spam"))
        await ann.waiting()
        if how == "disconnect":
            hub.disconnect("ann")
        else:
            hub.unsubscribe("ann", "slow:7")
        go_on.set()
        await asyncio.wait([publishing])
        assert publishing.exception() is not None
        assert await bob.waiting() == []


async def test_a_message_to_a_member_that_is_not_in_yet_goes_nowhere() -> None:
    hub = make_hub()

    @hub.rooms("chat:{room}").on_join
    async def may_join(join: Join) -> Grant:
        join.member.send("too early")
        return Grant()

    async with running(hub) as test:
        ann = await joined(test, "ann", "chat:7")
        assert await ann.waiting() == []
