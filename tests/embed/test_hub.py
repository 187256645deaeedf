import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, WebSocket
from pydantic import BaseModel

from hubbub import ConfigurationError, Hub, Join, Leave, Settings
from hubbub.model import RESTART
from hubbub.testing import Closed, Denied, TestHub


def make_app(hub: Hub) -> FastAPI:
    app = FastAPI(lifespan=hub.lifespan)
    app.include_router(hub.router)

    @app.websocket("/talk/{room}")
    async def talk(websocket: WebSocket, room: str, name: str | None = None) -> None:
        async with hub.join(websocket, room, name) as member:
            async for text in member:
                if text == "fail":
                    raise ValueError("as asked")
                if text == "leave":
                    return
                member.room.broadcast(f"{name}: {text!s}")

    return app


async def test_people_in_one_room_hear_each_other_and_nobody_else() -> None:
    hub = Hub(settings=Settings())
    async with TestHub(make_app(hub)) as test:
        ann = await test.connect("/talk/a?name=ann")
        bob = await test.connect("/talk/a?name=bob")
        eve = await test.connect("/talk/b?name=eve")
        await ann.send("hi")
        assert await ann.receive() == "ann: hi"
        assert await bob.receive() == "ann: hi"
        assert await eve.waiting() == []
        assert [room.name for room in hub.rooms()] == ["a", "b"]
        assert hub.room("a").users == ["ann", "bob"]
        assert await hub.stats() == (3, 3, 2, 2)
        await ann.vanish()
        assert hub.room("a").users == ["bob"]


@pytest.mark.parametrize("word", ["fail", "leave"])
async def test_however_the_endpoint_ends_the_member_is_out(word: str) -> None:
    hub = Hub(settings=Settings())
    async with TestHub(make_app(hub)) as test:
        ann = await test.connect("/talk/a")
        await ann.send(word)
        if word == "fail":
            with pytest.raises(ValueError, match="as asked"):
                await ann.done()
            test._connections.clear()
        else:
            with pytest.raises(Closed):
                await ann.receive()
        assert hub.rooms() == []


async def test_the_end_of_the_application_tells_members_to_come_back() -> None:
    hub = Hub(settings=Settings())
    app = make_app(hub)
    async with hub.lifespan(app):
        assert app.state.hub is hub
    async with TestHub(app) as test:
        ann = await test.connect("/ws/a")
        await hub.node.stop()
        assert await ann.closed() == RESTART


async def test_hooks_are_decorators_and_hear_of_both_doors() -> None:
    hub = Hub(settings=Settings())
    heard: list[str] = []

    @hub.on_join
    def joined(join: Join) -> None:
        heard.append(f"+{join.room.name} {join.user}")

    @hub.on_leave
    async def left(leave: Leave) -> None:
        heard.append(f"-{leave.room.name} {leave.user} {leave.disconnect.code}")

    async with TestHub(make_app(hub)) as test:
        ann = await test.connect("/talk/a?name=ann")
        door = await test.connect("/ws/b")
        await ann.close(1001)
        await door.close()
    assert heard == ["+a ann", "+b None", "-a ann 1001", "-b None 1000"]


async def test_a_room_name_that_no_room_can_have_is_refused_before_accepting() -> None:
    async with TestHub(make_app(Hub(settings=Settings()))) as test:
        for path in ("/ws/" + "x" * 256, "/ws/%00", "/talk/%0d%0a"):
            with pytest.raises(Denied) as denied:
                await test.connect(path)
            assert denied.value.status == 400
            assert b"room name" in denied.value.body


async def test_a_page_of_another_origin_is_refused_and_the_log_says_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub = Hub(settings=Settings(origins=["https://app.example.com"]))
    async with TestHub(make_app(hub)) as test:
        for origin in ("http://testserver", "https://app.example.com"):
            await test.connect("/ws/a", headers={"Origin": origin})
        for origin in ("https://evil.com", "null"):
            with pytest.raises(Denied) as denied:
                await test.connect("/ws/a", headers={"Origin": origin})
            assert denied.value.status == 403
    assert "add it to `origins`" in caplog.text


async def test_an_endpoint_may_ask_about_the_page_before_it_does_anything() -> None:
    hub, done = Hub(), []
    app = FastAPI(lifespan=hub.lifespan)

    @app.websocket("/own/{room}", dependencies=[Depends(hub.check_origin)])
    async def own(websocket: WebSocket, room: str) -> None:
        done.append(room)
        async with hub.join(websocket, room) as member:
            async for _ in member:
                pass

    async with TestHub(app) as test:
        with pytest.raises(Denied) as denied:
            await test.connect("/own/a", headers={"Origin": "https://evil.com"})
        assert (denied.value.status, done) == (403, [])
        await test.connect("/own/b", headers={"Origin": "http://testserver"})
        assert done == ["b"]


async def test_over_plain_asgi_it_says_once_that_it_is_slower(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with TestHub(make_app(Hub(settings=Settings()))) as test:
        with caplog.at_level(logging.WARNING, "hubbub"):
            await test.connect("/ws/a")
            await test.connect("/talk/a")
    assert caplog.text.count("plain ASGI") == 1


async def test_a_member_that_does_not_keep_up_is_cut_by_the_hubs_own_clock() -> None:
    hub = Hub(settings=Settings())
    app = FastAPI(lifespan=hub.lifespan)
    let_go = asyncio.Event()

    @app.websocket("/")
    async def endpoint(websocket: WebSocket) -> None:
        async def stuck(message: object) -> None:
            if message["type"] == "websocket.send":  # type: ignore[index]
                await let_go.wait()
            await send(message)  # type: ignore[arg-type]

        send = websocket._send
        websocket._send = stuck
        async with hub.join(websocket, "a") as member:
            async for _ in member:
                pass

    async with TestHub(app) as test:
        ann = await test.connect("/")
        hub.room("a").broadcast("x" * 70_000)
        assert await ann.waiting() == []
        await test.clock.advance(9)
        assert len(hub.room("a")) == 1
        await test.clock.advance(2)
        assert len(hub.room("a")) == 0
        let_go.set()
        assert (await ann.closed()).code == 3008


async def test_one_socket_can_be_in_one_room_after_another() -> None:
    hub = Hub(settings=Settings())
    app = FastAPI(lifespan=hub.lifespan)

    @app.websocket("/")
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        for room in ("a", "b"):
            async with hub.join(websocket, room) as member:
                async for text in member:
                    member.send(f"{room} {text!s}")
                    break
        await websocket.send_text(await websocket.receive_text())

    async with TestHub(app) as test:
        ann = await test.connect("/")
        await ann.send("1")
        assert await ann.receive() == "a 1"
        assert [room.name for room in hub.rooms()] == ["b"]
        await ann.send("2")
        assert await ann.receive() == "b 2"
        await ann.send("3")
        assert await ann.receive() == "3"


async def test_values_json_can_hold_are_sent_as_json_text() -> None:
    class Order(BaseModel):
        id: int

    hub = Hub(settings=Settings())
    async with TestHub(make_app(hub)) as test:
        ann = await test.connect("/ws/a")
        hub.room("a").broadcast({"created": 7})
        hub.room("a").broadcast(Order(id=7))
        hub.room("a").broadcast(b"\0")
        assert await ann.receive_json() == {"created": 7}
        assert await ann.receive_json() == {"id": 7}
        assert await ann.receive() == b"\0"


async def test_a_user_that_cannot_be_one_is_the_endpoints_mistake() -> None:
    with pytest.raises(ConfigurationError, match="a user is"):
        Hub(settings=Settings()).join(None, "a", user=1.5)  # type: ignore[arg-type]


async def test_a_dependency_is_resolved_and_closed_for_each_message() -> None:
    hub = Hub(settings=Settings())
    app = FastAPI(lifespan=hub.lifespan)
    log: list[str] = []

    async def get_name(name: str) -> str:
        return name

    async def get_session(name: Annotated[str, Depends(get_name)]) -> AsyncIterator[str]:
        log.append("open")
        try:
            yield f"session of {name}"
        finally:
            log.append("closed")

    def get_number() -> int:
        return 42

    @app.websocket("/")
    async def endpoint(websocket: WebSocket) -> None:
        async with hub.join(websocket, "a") as member:
            async for _ in member:
                async with hub.depends(websocket, get_session) as session:
                    member.send(session)
                async with hub.depends(websocket, get_number) as number:
                    member.send(str(number + 1))

    async with TestHub(app) as test:
        ann = await test.connect("/?name=ann")
        assert log == []
        await ann.send("x")
        assert await ann.receive() == "session of ann"
        assert await ann.receive() == "43"
        assert log == ["open", "closed"]
        app.dependency_overrides[get_number] = lambda: 7
        await ann.send("y")
        assert await ann.receive() == "session of ann"
        assert await ann.receive() == "8"
        assert log == ["open", "closed"] * 2


async def test_a_dependency_whose_parameters_do_not_fit_says_so() -> None:
    from fastapi.exceptions import WebSocketRequestValidationError

    hub = Hub(settings=Settings())
    app = FastAPI(lifespan=hub.lifespan)
    caught: list[Exception] = []

    def get_page(page: int) -> int:
        return page

    @app.websocket("/")
    async def endpoint(websocket: WebSocket) -> None:
        async with hub.join(websocket, "a"):
            try:
                async with hub.depends(websocket, get_page):
                    pass
            except WebSocketRequestValidationError as error:
                caught.append(error)

    async with TestHub(app) as test:
        ann = await test.connect("/?page=many")
        await ann.done()
    assert "page" in str(caught[0])


async def test_a_lifespan_of_their_own_composes() -> None:
    hub = Hub(settings=Settings())
    events: list[str] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        events.append("up")
        async with hub.lifespan(app):
            yield
        events.append("down")

    app = FastAPI(lifespan=lifespan)
    app.include_router(hub.router)
    async with TestHub(app) as test:
        ann = await test.connect("/ws/a")
        await ann.send("hi")
        assert await ann.receive() == "Room a: hi"
    assert events == ["up", "down"]


async def test_an_application_without_a_hub_is_told_so() -> None:
    with pytest.raises(ConfigurationError, match="did not start a hub"):
        async with TestHub(FastAPI()):
            pass


async def test_a_wait_that_takes_too_long_says_what_it_waited_for() -> None:
    async with TestHub(make_app(Hub(settings=Settings()))) as test:
        ann = await test.connect("/ws/a")
        ann._deadline = 0.01
        with pytest.raises(TimeoutError, match=r"waited 0.01 s for a message on /ws/a"):
            await ann.receive()
