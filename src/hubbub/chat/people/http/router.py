"""The people's routes, all of them."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response

from hubbub.chat.people.http.admin import admin_router
from hubbub.chat.people.http.models import Limits
from hubbub.chat.people.http.oidc import oidc_router
from hubbub.chat.people.http.session import session_router
from hubbub.chat.people.http.users import users_router
from hubbub.chat.people.people import People
from hubbub.chat.web import PREFIX


async def no_store(response: Response) -> None:
    """Dependency: no cache keeps the answer, which is one person's."""
    response.headers["Cache-Control"] = "no-store"


def people_router(people: People, limits: Limits) -> APIRouter:
    """The routes of sessions, users and administrators, under `PREFIX`.

    `limits` is what clients are told. The application has `people` as `app.state.people`, and
    answers problems (`problem.install`).
    """
    router = APIRouter(prefix=PREFIX, dependencies=[Depends(no_store)])
    router.include_router(session_router(people, limits))
    for make in (users_router, admin_router, oidc_router):
        router.include_router(make(people))
    return router
