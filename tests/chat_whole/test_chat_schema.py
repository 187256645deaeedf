"""The API held to its own document: whatever fits it and whatever does not, for every route.

No request is a mistake of the server's; every answer has a shape that the document tells, and
what does not fit is refused.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, MutableMapping
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from typing import Any, TypeVar

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.result import Ok
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.types import Receive, Scope, Send
from tests.support.chat_http import ORIGIN, Site, site

from hubbub.chat import events as e
from hubbub.chat.http import document

T = TypeVar("T")

_numbers = count(1)

EXAMPLES = 5
"""Of each route and kind."""

DEADLINE = 30.0
"""Seconds that a request may take; it takes a fraction of one."""

CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


class Elsewhere:
    """A loop in a thread of its own, on which the application runs: each request comes there."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        return self._begin(work).result(DEADLINE)

    def _begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE)
        self._loop.close()

    def app(self, inner: Any) -> Any:
        """`inner` for servers on other loops: its requests and answers are whole ones."""

        async def outer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                await _lifespan(receive, send)
                return
            asked = [await receive()]
            while asked[-1].get("more_body"):
                asked.append(await receive())
            answers: list[MutableMapping[str, Any]] = []

            async def next_() -> MutableMapping[str, Any]:
                return asked.pop(0) if asked else {"type": "http.disconnect"}

            async def keep(message: MutableMapping[str, Any]) -> None:
                answers.append(message)

            await asyncio.wrap_future(self._begin(inner(scope, next_, keep)))
            for message in answers:
                await send(message)

        return outer


async def _lifespan(receive: Receive, send: Send) -> None:
    for what in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{what}.complete"})


class Place:
    """The chat, and somebody who is signed in and owns a room."""

    def __init__(self, elsewhere: Elsewhere, scene: Site) -> None:
        self.elsewhere = elsewhere
        self.scene = scene
        self.schema = from_dict(document(scene.chat.app))
        self.schema.app = elsewhere.app(scene.chat.app)
        self.known: dict[str, Any] = {}
        self.cookies: dict[str, str] = {}

    def begin(self) -> None:
        """Have somebody new be signed in: what was tried may have been to sign out."""
        self.elsewhere.call(self._begin())

    async def _begin(self) -> None:
        ann = await self.scene.of(f"ann{next(_numbers)}", admin=True)
        bob = await self.scene.of("bob")
        room = await ann.room(kind="public")
        await self.scene.chat.rooms.do(None, room, e.Add(bob.id))
        message = await ann.say(room, "hello @bob")
        await ann.put(f"/rooms/{room}/messages/{message}/reactions/👍")
        hook = (await ann.post(f"/rooms/{room}/hooks", json={"name": "Builds"})).json()
        invite = (await ann.post(f"/rooms/{room}/invites")).json()
        self.cookies = dict(ann.client.cookies)
        # What there is for addresses to speak of.
        self.known = {
            "room": room,
            "user": bob.id,
            "message": message,
            "emoji": "👍",
            "hook": hook["id"],
            "secret": hook["address"].rpartition("/")[2],
            "invite": invite["id"],
            "code": invite["code"],
        }

    def ask(self, case: Case[Any]) -> None:
        # A key that is none would be all that is looked at.
        case.headers.pop("Authorization", None)
        response = case.call(headers={"Origin": ORIGIN}, cookies=self.cookies)
        # Of a query what is not looked at may be anything, and of one said twice the last counts.
        more = [negative_data_rejection] if list(case.operation.body) else []
        case.validate_response(response, checks=[*CHECKS, *more])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    load_all_checks()
    elsewhere = Elsewhere()
    running = site(tmp_path_factory.mktemp("chat"))
    try:
        scene = elsewhere.call(running.__aenter__())
        yield Place(elsewhere, scene)
        elsewhere.call(running.__aexit__(None, None, None))
    finally:
        elsewhere.stop()


QUICKLY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_route_is_as_its_document_says(place: Place, mode: GenerationMode) -> None:
    tried = 0
    for result in place.schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        place.begin()
        parts = operation.path_parameters
        known = {part.name: place.known[part.name] for part in parts if part.name in place.known}
        # What is there; and what is not, and may be no address at all.
        for given_parts in (known, {}) if known else ({},):
            some = operation.as_strategy(generation_mode=mode, path_parameters=given_parts)
            tried += try_all(place, some)
    assert tried > 50 * EXAMPLES


def try_all(place: Place, cases: SearchStrategy[Case[Any]]) -> int:
    """Ask some of these; how many there were. There are none where nothing can be wrong."""
    tried = 0

    @QUICKLY
    @given(cases)
    def ask(case: Case[Any]) -> None:
        nonlocal tried
        tried += 1
        place.ask(case)

    with suppress(Unsatisfiable):
        ask()
    return tried
