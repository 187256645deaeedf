"""Routes: what administrators do."""

from __future__ import annotations

from fastapi import APIRouter

from hubbub.chat.people.http.depends import Admin
from hubbub.chat.people.http.models import (
    DeedAnswer,
    Ended,
    Id,
    KeyAnswer,
    KeysAnswer,
    MadeKeyAnswer,
    MadePass,
    NewBot,
    NewInvitation,
    NewKey,
    PassAnswer,
    Profile,
    SettingsAnswer,
    SettingsChange,
    deed,
    pass_answer,
    profile,
)
from hubbub.chat.people.http.users import Search
from hubbub.chat.people.passes import Made
from hubbub.chat.people.people import People
from hubbub.chat.people.who import Kind
from hubbub.chat.problem import responses
from hubbub.chat.web import LIMIT, Cursor, Limit, Page, cursor, paged, place


def admin_router(people: People) -> APIRouter:
    router = APIRouter(prefix="/admin", tags=["administration"])
    administration = people.administration
    usual = responses(401, 403, 404, 409, 422)

    # People.

    @router.get("/users", responses=responses(400, 401, 403, 422))
    async def users(
        me: Admin,
        q: Search = "",
        kind: Kind | None = None,
        cursor_: Cursor = None,
        limit: Limit = LIMIT,
    ) -> Page[Profile]:
        """All accounts, the latest first: guests, bots and disabled ones, too; or those of a
        kind."""
        before = None
        if cursor_:
            at, id = place(cursor_, int, str)
            before = int(at), str(id)
        found, more = paged(await administration.users(q, before, limit + 1, kind), limit)
        last = found[-1] if more else None
        return Page(
            items=[profile(one) for one in found],
            next=cursor(last.created_at, last.id) if last else None,
        )

    @router.post("/users/{id}/disable", responses=usual)
    async def disable(id: Id, me: Admin) -> Profile:
        """Have nobody sign in to the account, and end what is signed in."""
        return profile(await administration.disable(me, id))

    @router.post("/users/{id}/enable", responses=usual)
    async def enable(id: Id, me: Admin) -> Profile:
        return profile(await administration.enable(me, id))

    @router.put("/administrators/{id}", responses=usual)
    async def appoint(id: Id, me: Admin) -> Profile:
        """Make somebody an administrator."""
        return profile(await administration.appoint(me, id, True))

    @router.delete("/administrators/{id}", responses=usual)
    async def dismiss(id: Id, me: Admin) -> Profile:
        """Have somebody be no administrator any more; never the last one."""
        return profile(await administration.appoint(me, id, False))

    @router.post("/users/{id}/password-link", status_code=201, responses=usual)
    async def password_link(id: Id, me: Admin) -> MadePass:
        """A link by which somebody sets another password."""
        return made_pass(await administration.password_link(me, id))

    @router.delete("/users/{id}/logins", responses=usual)
    async def end_logins(id: Id, me: Admin) -> Ended:
        """End all logins of somebody."""
        return Ended(ended=await administration.end_logins(me, id))

    # Links.

    @router.post("/invitations", status_code=201, responses=usual)
    async def invite(body: NewInvitation, me: Admin) -> MadePass:
        """A link by which accounts are made."""
        return made_pass(await administration.invite(me, body.seconds, body.uses))

    @router.get("/passes", responses=responses(400, 401, 403, 422))
    async def passes(me: Admin, cursor_: Cursor = None, limit: Limit = LIMIT) -> Page[PassAnswer]:
        """The links that are good, without their codes."""
        after = str(place(cursor_, str)[0]) if cursor_ else None
        found, more = paged(await administration.passes(after, limit + 1), limit)
        return Page(
            items=[pass_answer(one) for one in found], next=cursor(found[-1].id) if more else None
        )

    @router.delete("/passes/{id}", status_code=204, responses=usual)
    async def revoke_pass(id: Id, me: Admin) -> None:
        await administration.revoke_pass(me, id)

    # Bots.

    @router.post("/bots", status_code=201, responses=usual)
    async def make_bot(body: NewBot, me: Admin) -> Profile:
        """An account that a program speaks through."""
        return profile(await administration.make_bot(me, body.name, body.display))

    @router.get("/bots/{id}/keys", responses=usual)
    async def keys(id: Id, me: Admin) -> KeysAnswer:
        found = await administration.keys(id)
        return KeysAnswer(items=[KeyAnswer(**one._asdict()) for one in found])

    @router.post("/bots/{id}/keys", status_code=201, responses=usual)
    async def make_key(id: Id, body: NewKey, me: Admin) -> MadeKeyAnswer:
        """A key for the bot."""
        made = await administration.make_key(me, id, body.name)
        return MadeKeyAnswer(**made.made._asdict(), key=made.secret)

    @router.delete("/bots/{id}/keys/{key}", status_code=204, responses=usual)
    async def revoke_key(id: Id, key: Id, me: Admin) -> None:
        await administration.revoke_key(me, id, key)

    # The server.

    @router.get("/settings", responses=responses(401, 403))
    async def settings(me: Admin) -> SettingsAnswer:
        return SettingsAnswer(**(await administration.settings()).model_dump())

    @router.patch("/settings", responses=usual)
    async def change_settings(body: SettingsChange, me: Admin) -> SettingsAnswer:
        """Set some of the server's settings anew."""
        after = await administration.set(me, body.model_dump(exclude_none=True))
        return SettingsAnswer(**after.model_dump())

    @router.get("/audit", responses=responses(400, 401, 403, 422))
    async def audit(me: Admin, cursor_: Cursor = None, limit: Limit = LIMIT) -> Page[DeedAnswer]:
        """What administrators have done, the latest first."""
        before = int(place(cursor_, int)[0]) if cursor_ else None
        found, more = paged(await administration.deeds(before, limit + 1), limit)
        return Page(items=[deed(one) for one in found], next=cursor(found[-1].id) if more else None)

    return router


def made_pass(made: Made) -> MadePass:
    return MadePass(**made.made._asdict(), code=made.code)
