"""The routes of rooms and messages, all of them."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response

from hubbub.chat.http.admin import admin_router
from hubbub.chat.http.api import Api
from hubbub.chat.http.hooks import hooks_router, incoming_router
from hubbub.chat.http.invites import invites_router, links_router
from hubbub.chat.http.members import bans_router, members_router
from hubbub.chat.http.messages import marks_router, messages_router
from hubbub.chat.http.own import own_router
from hubbub.chat.http.rooms import rooms_router
from hubbub.chat.web import PREFIX


async def no_store(response: Response) -> None:
    """Dependency: no cache keeps the answer, which is one person's."""
    response.headers["Cache-Control"] = "no-store"


def chat_router(api: Api) -> APIRouter:
    """The routes under `PREFIX`.

    The application has `app.state.people`, and answers problems (`problem.install`).
    """
    router = APIRouter(prefix=PREFIX, dependencies=[Depends(no_store)])
    for make in (
        rooms_router,
        own_router,
        members_router,
        bans_router,
        invites_router,
        links_router,
        messages_router,
        marks_router,
        hooks_router,
        incoming_router,
        admin_router,
    ):
        router.include_router(make(api))
    return router
