"""The people's routes, all of them."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response

from hubbub.chat.people.http.admin import admin_router
from hubbub.chat.people.http.oidc import oidc_router
from hubbub.chat.people.http.session import session_router
from hubbub.chat.people.http.users import users_router
from hubbub.chat.people.people import People
from hubbub.chat.web import PREFIX


async def no_store(response: Response) -> None:
    """Dependency: no cache keeps the answer, which is one person's."""
    response.headers["Cache-Control"] = "no-store"


def people_router(people: People) -> APIRouter:
    """The routes of sessions, users and administrators, under `PREFIX`.

    The application has `people` as `app.state.people`, and answers problems (`problem.install`).
    """
    router = APIRouter(prefix=PREFIX, dependencies=[Depends(no_store)])
    for make in (session_router, users_router, admin_router, oidc_router):
        router.include_router(make(people))
    return router
