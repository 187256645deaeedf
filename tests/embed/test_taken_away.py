"""A right that is taken away is gone on every kind of connection, and no coming back brings it.

Logins that end, users who are put out of a room or of the server, while they are connected, while
they come in, and when they come back for what they missed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI, WebSocket
from tests.support.stores import ControlledStore

from hubbub import Call, Disconnected, Grant, Hub, Identity, Join, Refused
from hubbub.model import FORCED, Disconnect, Position
from hubbub.testing import Closed, Rejected, RoomClient, TestHub, until

KEY = "k" * 40
SIGNED_OUT = Disconnect(4501, "signed out")


class Site:
    """An application that knows who may be where: `banned` are users and rooms, `logins` who they
    are of."""

    def __init__(self) -> None:
        self.store = ControlledStore()
        self.hub = hub = Hub(self.store, api_keys=[KEY])
        self.banned: set[tuple[str, str]] = set()
        self.logins = {f"{user}-{device}": user for user in ("ann", "bob") for device in "12"}
        self.asked: list[tuple[str, str]] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.ended: list[str] = []
        self.app = app = FastAPI(lifespan=hub.lifespan)
        app.include_router(hub.router)
        log = hub.rooms("log:{room}", durability="commit", allow_history_for_subscriber=True)
        memory = hub.rooms(
            "memory:{room}", history_size=9, force_recovery=True, allow_history_for_subscriber=True
        )
        log.on_join(self.may_join)
        memory.on_join(self.may_join)
        hub.authenticate(self.who)

        @hub.on_disconnect
        def keep(event: Disconnected) -> None:
            self.ended.append(event.client.session)

        @app.websocket("/join/{room}/{login}")
        async def join(websocket: WebSocket, room: str, login: str) -> None:
            user = self.logins.get(login)
            async with hub.join(websocket, room, user, session=login) as member:
                async for _ in member:
                    pass

    async def who(self, token: str | None) -> Identity | None:
        user = self.logins.get(token or "")
        await self.may_answer.wait()
        return None if user is None else Identity(user, session=token or "")

    async def may_join(self, join: Join) -> Grant:
        """Looks it up, and takes its time to say it."""
        self.asked.append((join.user, join.room.name))
        banned = (join.user, join.room.name) in self.banned
        await self.may_answer.wait()
        if banned:
            raise Refused("banned")
        return Grant()

    def ban(self, user: str, room: str) -> None:
        self.banned.add((user, room))
        self.hub.unsubscribe(user, room)

    def sign_out(self, login: str) -> None:
        user = self.logins.pop(login)
        self.hub.disconnect(user, *SIGNED_OUT, session=login)


@pytest.fixture
def site() -> Site:
    return Site()


@asynccontextmanager
async def api(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    transport, headers = httpx.ASGITransport(site.app), {"X-API-Key": KEY}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test/api", headers=headers
    ) as client:
        yield client


# Logins. ---------------------------------------------------------------------------------------


async def test_a_login_that_ends_ends_its_connections_of_both_kinds_and_no_others(
    site: Site,
) -> None:
    async with TestHub(site.app) as test:
        clients = {login: await test.connect(token=login) for login in site.logins}
        plain = {login: await test.connect(f"/join/a/{login}") for login in site.logins}
        site.sign_out("ann-1")
        assert await clients.pop("ann-1").closed() == SIGNED_OUT
        assert await plain.pop("ann-1").closed() == SIGNED_OUT
        for client in clients.values():
            await client.join("memory:a")
        assert len(site.hub.room("a")) == len(plain) == 3
        assert site.ended == ["ann-1"]
        with pytest.raises(Closed, match="3500"):
            await test.connect(token="ann-1")
        sessions = {one.session for one in site.hub.user("ann").sessions}
        assert sessions == {"ann-2"}
        site.hub.user("ann").disconnect(session="ann-2")
        assert (await clients["ann-2"].closed()).code == 1000
        site.hub.disconnect("bob")
        for login in ("bob-1", "bob-2"):
            assert await clients[login].closed() == await plain[login].closed() == FORCED


async def test_a_login_that_ends_while_it_comes_in_does_not_come_in(site: Site) -> None:
    async with TestHub(site.app) as test:
        site.may_answer.clear()
        ann = asyncio.ensure_future(test.connect(token="ann-1"))
        other = asyncio.ensure_future(test.connect(token="ann-2"))
        await until(lambda: len(site.hub.node.revoking))
        site.sign_out("ann-1")
        site.may_answer.set()
        with pytest.raises(Closed, match="4501 signed out"):
            await ann
        assert (await other).id


async def test_other_servers_can_end_a_login(site: Site) -> None:
    async with TestHub(site.app) as test, api(site) as client:
        first, second = await test.connect(token="ann-1"), await test.connect(token="ann-2")
        plain = await test.connect("/join/log:a/ann-1")
        for one in (first, second):
            await one.join("log:a")
        body = {"user": "ann", "session": "ann-2", "channel": "log:a"}
        await client.post("/unsubscribe", json=body)
        assert await second.next("log:a", "unsubscribe")
        assert await first.waiting("log:a") == []
        await client.post("/subscribe", json={**body, "channel": "memory:a"})
        assert await second.next("memory:a", "subscribe")
        assert await first.waiting("memory:a") == []
        await client.post("/disconnect", json={"user": "ann", "session": "ann-1"})
        assert await first.closed() == await plain.closed() == FORCED
        await client.post("/refresh", json={"user": "ann", "session": "none", "expired": True})
        await second.join("log:a")


# Rooms. ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", ["log:a", "memory:a"])
async def test_who_is_put_out_of_a_room_gets_nothing_of_it_however_it_comes_back(
    site: Site, room: str
) -> None:
    async with TestHub(site.app) as test:
        ann, plain = await test.connect(token="ann-1"), await test.connect(f"/join/{room}/ann-2")
        bob = await test.connect(token="bob-1")
        joined = await ann.join(room)
        await bob.join(room)
        site.ban("ann", room)
        assert (await ann.next(room, "unsubscribe")).code == 2000
        assert await plain.closed() == FORCED
        await site.hub.publish(room, "without ann")
        assert (await bob.next(room)).data == "without ann"
        since, epoch = Position(0, joined.position.epoch), joined.position.epoch
        again = await test.connect(token="ann-2", subs={room: since})
        assert again.rooms == {}, "rooms of the server's are asked about, and no others"
        for client in (ann, again):
            for recover in (since, Position(0, ""), None):
                with pytest.raises(Rejected, match="103 banned"):
                    await client.join(room, recover=recover)
            with pytest.raises(Rejected, match="103"):
                await client.history(room, since=Position(0, epoch))
            assert await client.waiting() == []
        assert site.hub.room(room).users == ["bob"]


@pytest.mark.parametrize("room", ["log:a", "memory:a"])
async def test_every_resume_asks_anew(site: Site, room: str) -> None:
    async with TestHub(site.app) as test:
        first = await (await test.connect(token="ann-1")).join(room)
        for number in range(1, 4):
            position = await site.hub.publish(room, number)
            again = await test.connect(token="ann-1")
            joined = await again.join(room, recover=Position(0, first.position.epoch))
            assert [one.data for one in joined.publications] == [*range(1, number + 1)]
            assert position is not None
        assert site.asked == [("ann", room)] * 4


async def test_who_is_put_out_while_the_room_asks_about_them_does_not_enter(site: Site) -> None:
    async with TestHub(site.app) as test:
        ann = await test.connect(token="ann-1")
        site.may_answer.clear()
        for room in ("log:a", "memory:a"):
            joining = asyncio.ensure_future(ann.join(room))
            await until(lambda room=room: ("ann", room) in site.asked)  # type: ignore[misc]
            site.ban("ann", room)
            site.may_answer.set()
            with pytest.raises(Rejected, match="103"):
                await joining
            site.may_answer.clear()
            assert len(site.hub.room(room)) == 0


@pytest.mark.parametrize("how", ["ban", "sign_out"])
async def test_a_plain_connection_that_loses_its_right_while_it_comes_in_ends(
    site: Site, how: str
) -> None:
    async with TestHub(site.app) as test:
        site.store.hold_reads()
        coming = asyncio.ensure_future(test.connect("/join/log:a/ann-1"))
        other = asyncio.ensure_future(test.connect("/join/log:a/bob-1"))
        await until(lambda: site.store.reads)
        if how == "ban":
            site.ban("ann", "log:a")
        else:
            site.sign_out("ann-1")
        site.store.release_reads()
        wanted = FORCED if how == "ban" else SIGNED_OUT
        assert await (await coming).closed() == wanted
        await (await other).send("hi")
        assert site.hub.room("log:a").users == ["bob"]


async def test_nobody_in_particular_is_not_meant(site: Site) -> None:
    async with TestHub(site.app) as test:
        nobody = await test.connect("/join/a/guest")
        site.hub.unsubscribe(None, "a")
        site.hub.disconnect(None)
        assert await nobody.waiting() == []
        assert len(site.hub.room("a")) == 1


async def test_a_client_knows_its_login_in_the_hooks(site: Site) -> None:
    async with TestHub(site.app) as test:

        @site.hub.on_rpc("login")
        async def login(call: Call[None]) -> str:
            return call.client.session

        client: RoomClient = await test.connect(token="ann-1")
        assert await client.rpc("login") == "ann-1"
        without = await test.connect(user="eve")
        assert await without.rpc("login") == ""
