"""Routes: people, as others see them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from hubbub.chat.people import avatar
from hubbub.chat.people.http.depends import Me
from hubbub.chat.people.http.models import Id, Profile, ProfileChange, profile
from hubbub.chat.people.people import People
from hubbub.chat.problem import Problem, responses
from hubbub.chat.web import LIMIT, Cursor, Limit, Page, cursor, paged, place

MOST_IDS = 100

Ids = Annotated[
    list[Annotated[str, Query(max_length=64, pattern=r"^[^\x00]*$")]] | None,
    Query(alias="id", max_length=MOST_IDS, description="These, and no others."),
]
Search = Annotated[
    str,
    Query(max_length=64, pattern=r"^[^\x00]*$", description="Part of what they are called."),
]


def users_router(people: People) -> APIRouter:
    router = APIRouter(prefix="/users", tags=["users"])
    accounts = people.accounts

    @router.get("", responses=responses(400, 401, 403, 422))
    async def users(
        me: Me, ids: Ids = None, q: Search = "", cursor_: Cursor = None, limit: Limit = LIMIT
    ) -> Page[Profile]:
        """The accounts with these ids; or all that have a name, by name.

        Guests may ask for ids alone.
        """
        if ids:
            found = await accounts.of_ids(ids)
            return Page(items=[profile(one) for one in sorted(found)], next=None)
        if me.guest:
            raise Problem(403, "no-guests", "Guests cannot look through the people here.")
        after = str(place(cursor_, str)[0]) if cursor_ else None
        found, more = paged(await accounts.directory(q, after, limit + 1), limit)
        return Page(
            items=[profile(one) for one in found],
            next=cursor(found[-1].name or "") if more else None,
        )

    @router.patch("/me", responses=responses(401, 403, 422))
    async def change(body: ProfileChange, me: Me) -> Profile:
        """Change what others see of oneself."""
        changed = await accounts.change_profile(me, display=body.display, status=body.status)
        return profile(changed)

    @router.get("/{id}", responses=responses(401, 404))
    async def user(id: Id, me: Me) -> Profile:
        return profile(await accounts.get(id))

    @router.get(
        "/{id}/avatar",
        response_class=Response,
        responses={**responses(401, 404), 200: {"content": {"image/*": {}}}},
    )
    async def picture(id: Id, me: Me) -> Response:
        """The picture of somebody: theirs, or one that is made of their initials."""
        account = await accounts.get(id)
        if account.avatar and people.avatars is not None:
            brought = await people.avatars(account.avatar)
            if brought is not None:
                return brought
        return avatar.response(account)

    return router
