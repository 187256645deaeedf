"""Sockets of people: who they are, until when, and what they are told (A-2, A-4, A-5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI
from tests.support.people import CHEAP, PASSWORD
from tests.support.tables import Watched

from hubbub import Call, Client, Hub, Identity, Settings
from hubbub.chat.people import People
from hubbub.chat.people.logins import SOCKET_S, Begun
from hubbub.chat.people.passwords import Passwords
from hubbub.chat.problem import Problem
from hubbub.testing import Closed, Rejected, TestHub, until


class Scene:
    """People at a hub whose sockets they open, by the clock of the test."""

    def __init__(self, tables: Watched) -> None:
        self.hub = Hub(settings=Settings())
        app = FastAPI(lifespan=self.hub.lifespan)
        app.include_router(self.hub.router)
        self.test = TestHub(app)
        self.ended: list[tuple[str, str]] = []
        self.people = People(
            tables,
            on_login_ended=lambda user, login: self.ended.append((user, login)),
            passwords=Passwords(CHEAP),
            now=self.test.clock.time,
            clock=self.test.clock.now,
        )
        self.asked: list[float | None] = []
        people = self.people

        @self.hub.authenticate
        async def who(token: str | None) -> Identity | None:
            found = await people.verify_socket_token(token) if token else None
            if found is None:
                return None
            return Identity(found, expires_at=await people.until(found))

        @self.hub.on_refresh
        async def again(client: Client) -> float | None:
            self.asked.append(await people.until(client.user))
            return self.asked[-1]

        @self.hub.on_rpc("rename")
        async def rename(call: Call[Any]) -> None:
            raise Problem(409, "name-taken", "Somebody has this name.", name="ann")

    def was_asked(self, times: int) -> bool:
        return len(self.asked) == times

    def token(self, begun: Begun) -> str:
        return self.people.socket_token(begun.who).token


@pytest.fixture
async def root(tables: Watched) -> AsyncIterator[tuple[Scene, Begun]]:
    scene = Scene(tables)
    async with scene.test:
        code = await scene.people.start()
        yield scene, await scene.people.accounts.sign_up("root", "Root", PASSWORD, code)


async def test_socket_is_whose_token_it_shows(root: tuple[Scene, Begun]) -> None:
    scene, begun = root
    client = await scene.test.connect(token=scene.token(begun))
    (connected,) = scene.hub.node.clients.values()
    assert connected.user == begun.who and connected.user_id == begun.who.id
    assert client.ttl == 0, "the server looks after the login by itself"


@pytest.mark.parametrize("token", ["x", "a.b.c", "hubbub_guessed"])
async def test_guessed_token_is_turned_away_for_good(root: tuple[Scene, Begun], token: str) -> None:
    scene, _ = root
    with pytest.raises(Closed) as closed:
        await scene.test.connect(token=token)
    assert closed.value.code == 3500


async def test_old_token_has_the_client_fetch_another_one(root: tuple[Scene, Begun]) -> None:
    scene, begun = root
    token = scene.token(begun)
    await scene.test.clock.advance(SOCKET_S + 1)
    with pytest.raises(Rejected) as rejected:
        await scene.test.connect(token=token)
    assert rejected.value.code == 109


async def test_socket_stays_while_the_login_lives_and_ends_with_it(
    root: tuple[Scene, Begun],
) -> None:
    """A-4, where nothing else ends it: what was lost on the way is made up for."""
    scene, begun = root
    client = await scene.test.connect(token=scene.token(begun))
    for times in (1, 2):
        await scene.test.clock.advance(SOCKET_S)
        await until(partial(scene.was_asked, times))
    assert None not in scene.asked
    await scene.people.logins.end(begun.who.id, begun.who.login)
    assert scene.ended == [(begun.who.id, begun.who.login)]
    await scene.test.clock.advance(SOCKET_S)
    assert (await client.closed()).code == 3005
    assert scene.asked[-1] is None


async def test_problem_is_told_to_a_socket_with_its_status(root: tuple[Scene, Begun]) -> None:
    scene, begun = root
    client = await scene.test.connect(token=scene.token(begun))
    with pytest.raises(Rejected) as rejected:
        await client.rpc("rename", {})
    assert (rejected.value.code, rejected.value.message) == (409, "Somebody has this name.")
