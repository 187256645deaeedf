"""Who asks: FastAPI dependencies for every route of the chat.

@router.post("/rooms")
async def make(me: Me, body: NewRoom) -> Room: ...

`Me` is whoever is signed in (401 for nobody), `Person` the same without guests (403), `Admin` an
administrator (403). They want `app.state.people`, and turn away what another site's page would do
in the name of who is signed in (403).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Protocol

from fastapi import Depends
from starlette.requests import HTTPConnection

from hubbub.chat.people.cookies import bearer, secret_of
from hubbub.chat.people.http.origin import SAFE, may_act
from hubbub.chat.people.who import Kind, Who
from hubbub.chat.problem import Problem


class Knows(Protocol):
    """What `app.state.people` has to be for these dependencies."""

    @property
    def origins(self) -> Collection[str]: ...

    async def who(self, connection: HTTPConnection) -> Who | None: ...


async def own_page(connection: HTTPConnection) -> None:
    """Dependency: turn away what another site's page asks a browser to do (403)."""
    scope = connection.scope
    if scope["type"] != "http" or scope["method"] in SAFE or bearer(connection):
        return
    headers = connection.headers
    browser = "origin" in headers or "sec-fetch-site" in headers or secret_of(connection)
    if not browser:
        return  # nobody is signed in there, and every browser says where it comes from
    known: Knows = connection.app.state.people
    if not may_act(headers, scope["scheme"], headers.get("host", ""), known.origins):
        raise Problem(
            403,
            "other-origin",
            "This changes something in the name of who is signed in, and is not known to come "
            "from a page of this server: send its Origin, or use a key instead of the cookie.",
            title="The request is of another site",
        )


OwnPage = Depends(own_page)
"""For a route that nobody has to be signed in for: `dependencies=[OwnPage]`."""


async def anyone(connection: HTTPConnection) -> Who | None:
    """Dependency: who asks; None for somebody who is not signed in."""
    await own_page(connection)
    known: Knows = connection.app.state.people
    return await known.who(connection)


async def me(who: Annotated[Who | None, Depends(anyone)]) -> Who:
    """Dependency: who asks. Raises `Problem` (401) for nobody."""
    if who is None:
        raise Problem(
            401,
            "sign-in",
            "Sign in first.",
            title="Nobody is signed in",
            headers={"WWW-Authenticate": 'Bearer realm="hubbub"'},
        )
    return who


async def person(who: Annotated[Who, Depends(me)]) -> Who:
    """Dependency: who asks, and is no guest (403)."""
    if who.kind is Kind.GUEST:
        raise Problem(403, "no-guests", "Guests cannot do this: it takes an account.")
    return who


async def admin(who: Annotated[Who, Depends(me)]) -> Who:
    """Dependency: the administrator who asks (403)."""
    if not who.admin:
        raise Problem(403, "administrators-only", "This is for administrators of the server.")
    return who


Anyone = Annotated[Who | None, Depends(anyone)]
Me = Annotated[Who, Depends(me)]
Person = Annotated[Who, Depends(person)]
Admin = Annotated[Who, Depends(admin)]
