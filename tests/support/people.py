"""The people of a chat in a test: a clock of its own, and passwords that cost little."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from hubbub.chat import problem
from hubbub.chat.people import People
from hubbub.chat.people.http import Limits, people_router
from hubbub.chat.people.logins import Begun
from hubbub.chat.people.passwords import Passwords
from hubbub.chat.problem import Problem
from hubbub.chat.web import PREFIX
from hubbub.tables import Tables

PASSWORD = "correct horse battery"
PLACE = "203.0.113.1"

CHEAP = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))


class Now:
    """Both clocks: `time` is Unix seconds."""

    def __init__(self) -> None:
        self.time = 1_700_000_000.0

    def __call__(self) -> float:
        return self.time

    def pass_(self, seconds: float) -> None:
        self.time += seconds


class CountedPasswords(Passwords):
    """Remembers what was verified against what."""

    def __init__(self) -> None:
        super().__init__(CHEAP)
        self.verified: list[str | None] = []
        self.ran = 0

    async def verify(self, password: str, kept: str | None) -> tuple[bool, str | None]:
        self.verified.append(kept)
        return await super().verify(password, kept)

    async def _run(self, work: Callable[..., Any], *args: str) -> Any:
        self.ran += 1
        return await super()._run(work, *args)


@dataclass
class Scene:
    """What a test of people has at hand."""

    tables: Tables
    now: Now = field(default_factory=Now)
    passwords: CountedPasswords = field(default_factory=CountedPasswords)
    ended: list[tuple[str, str]] = field(default_factory=list)
    """Logins that have ended: of whom, and which."""
    people: People = field(init=False)
    code: str = ""
    """Of the first start's pass."""

    def make(self, **more: Any) -> People:
        return People(
            self.tables,
            on_login_ended=lambda user, login: self.ended.append((user, login)),
            passwords=self.passwords,
            now=self.now,
            clock=self.now,
            **more,
        )

    async def start(self, **more: Any) -> None:
        self.people = self.make(**more)
        self.code = await self.people.start() or ""

    async def admin(self, name: str = "root") -> Begun:
        """The first account."""
        return await self.people.accounts.sign_up(
            name, name.title(), PASSWORD, self.code, place=PLACE
        )

    async def person(self, name: str) -> Begun:
        """A person more; there has to be an administrator."""
        found = await self.people.administration.users("", None, 100)
        by = next(one for one in found if one.admin)
        who = await self.people.logins.of_secret((await self.sign_in(by.name or "")).secret)
        assert who is not None
        made = await self.people.administration.invite(who)
        return await self.people.accounts.sign_up(name, name.title(), PASSWORD, made.code)

    async def sign_in(self, name: str, password: str = PASSWORD, place: str = PLACE) -> Begun:
        return await self.people.accounts.sign_in(name, password, place=place)


LIMITS = Limits(file_bytes=1_000_000, files=3, text=500)


def application(people: People) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None)
    app.state.people = people
    problem.install(app)
    app.include_router(people_router(people, LIMITS))
    return app


@lru_cache(maxsize=1)  # it takes a while to make
def _served(people: People) -> FastAPI:
    return application(people)


class Browser(httpx.AsyncClient):
    """Keeps cookies, and says which page it is on. Paths are those of the API."""

    def __init__(self, people: People, scheme: str = "https", place: str = PLACE) -> None:
        origin = f"{scheme}://chat.example"
        super().__init__(
            transport=httpx.ASGITransport(_served(people), client=(place, 1)),
            base_url=origin + PREFIX,
            headers={"Origin": origin, "User-Agent": "Browser/1"},
        )

    async def sign_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        return await self.post("/session", json={"name": name, "password": password})


async def together(*calls: Any) -> list[Any]:
    """What becomes of `calls` that are made at the same time: results and exceptions."""
    return await asyncio.gather(*calls, return_exceptions=True)


async def refused(call: Awaitable[object], status: int, slug: str) -> Problem:
    """Hold that `call` is refused so."""
    with pytest.raises(Problem) as problem:
        await call
    assert (problem.value.status, problem.value.slug) == (status, slug)
    return problem.value
