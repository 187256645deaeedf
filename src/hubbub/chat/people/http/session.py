"""Routes: signing in and out, what is signed in, and tokens for sockets."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from hubbub.chat.people import cookies
from hubbub.chat.people.http.depends import Anyone, Me, OwnPage
from hubbub.chat.people.http.models import (
    CodeBody,
    Ended,
    GuestSignIn,
    Id,
    Limits,
    LoginAnswer,
    LoginsAnswer,
    NewPassword,
    PassLook,
    ProviderAnswer,
    ResetPassword,
    ServerAnswer,
    Session,
    SessionToken,
    SignIn,
    SignUpBody,
    profile,
)
from hubbub.chat.people.logins import Begun
from hubbub.chat.people.passes import Purpose
from hubbub.chat.people.people import People
from hubbub.chat.people.who import Who
from hubbub.chat.problem import Problem, responses
from hubbub.chat.web import PREFIX, address, agent


def session_router(people: People, limits: Limits) -> APIRouter:
    router = APIRouter(tags=["session"])
    accounts, logins = people.accounts, people.logins

    async def begin(
        request: Request, response: Response, before: Who | None, begun: Begun
    ) -> Session:
        """Answer with a login that has begun, in the place of the one that there was."""
        if before is not None and not cookies.bearer(request):
            await logins.end(before.id, before.login)
        cookies.set_login(request, response, begun.secret)
        user = await accounts.get(begun.who.id)
        return Session(user=profile(user), login=begun.who.login)

    def where(request: Request) -> dict[str, str]:
        return {"agent": agent(request), "place": address(request)}

    async def now(request: Request, response: Response, who: Who) -> Session:
        """Who is signed in. The browser forgets a cookie in the time that it was given first:
        it is given anew."""
        if not cookies.bearer(request):
            cookies.set_login(request, response, cookies.secret_of(request))
        return Session(user=profile(await accounts.get(who.id)), login=who.login)

    @router.get("/server", responses=responses())
    async def server(request: Request, response: Response, who: Anyone) -> ServerAnswer:
        """What there is to know at first: of the server, and who is signed in."""
        settings, set_up = await people.settings(), await people.is_set_up()
        providers = [
            ProviderAnswer(id=id, name=one.config.name, path=f"{PREFIX}/session/oidc/{id}")
            for id, one in people.providers.items()
        ]
        return ServerAnswer(
            **settings.model_dump(),
            set_up=set_up,
            providers=providers,
            limits=limits,
            session=await now(request, response, who) if who is not None else None,
        )

    @router.post("/session", responses=responses(401, 403, 422, 429, 503))
    async def sign_in(
        body: SignIn, request: Request, response: Response, before: Anyone
    ) -> Session:
        """Sign in with a password. The answer sets the cookie."""
        password = body.password.get_secret_value()
        begun = await accounts.sign_in(body.name, password, **where(request))
        return await begin(request, response, before, begun)

    @router.post("/users", status_code=201, responses=responses(403, 409, 422, 429, 503))
    async def sign_up(
        body: SignUpBody, request: Request, response: Response, before: Anyone
    ) -> Session:
        """Make an account, and sign in to it."""
        begun = await accounts.sign_up(
            body.name,
            body.display,
            body.password.get_secret_value(),
            body.code.get_secret_value() if body.code else None,
            **where(request),
        )
        return await begin(request, response, before, begun)

    @router.post("/session/guest", status_code=201, responses=responses(403, 409, 422, 429))
    async def guest(
        body: GuestSignIn, request: Request, response: Response, before: Anyone
    ) -> Session:
        """Come in as a guest."""
        if before is not None:
            raise Problem(409, "signed-in", "You are signed in already: sign out before.")
        begun = await accounts.guest(body.display, **where(request))
        return await begin(request, response, None, begun)

    @router.get("/session", responses=responses(401))
    async def session(me: Me, request: Request, response: Response) -> Session:
        """Who is signed in."""
        return await now(request, response, me)

    @router.delete("/session", status_code=204, responses=responses(403))
    async def sign_out(request: Request, response: Response, me: Anyone) -> None:
        """Sign out, here."""
        cookies.forget_login(request, response)
        if me is not None and not cookies.bearer(request):
            await logins.end(me.id, me.login)

    @router.post("/session/token", responses=responses(401, 403))
    async def token(me: Me) -> SessionToken:
        """A token for a socket, good for a few minutes."""
        made = people.socket_token(me)
        return SessionToken(token=made.token, expires_at=int(made.expires_at * 1000))

    @router.get("/session/logins", responses=responses(401))
    async def own_logins(me: Me) -> LoginsAnswer:
        """One's own logins."""
        found = await logins.list_(me.id)
        items = [LoginAnswer(**one._asdict(), current=one.id == me.login) for one in found]
        return LoginsAnswer(items=items)

    @router.delete("/session/logins", responses=responses(401, 403))
    async def end_others(me: Me) -> Ended:
        """End all logins but this one."""
        return Ended(ended=await logins.end_others(me))

    @router.delete("/session/logins/{id}", status_code=204, responses=responses(401, 403, 404))
    async def end_one(id: Id, me: Me) -> None:
        """End one of one's own logins."""
        if not await logins.end(me.id, id):
            raise Problem(404, "no-such-login", "You have no such login.")

    @router.put("/session/password", status_code=204, responses=responses(401, 403, 422, 429))
    async def change_password(body: NewPassword, request: Request, me: Me) -> None:
        """Set another password. Other logins end."""
        await accounts.change_password(
            me, body.current.get_secret_value(), body.new.get_secret_value(), place=address(request)
        )

    @router.post("/session/password", responses=responses(403, 422, 429))
    async def reset_password(
        body: ResetPassword, request: Request, response: Response, before: Anyone
    ) -> Session:
        """Set the password that a link is for, and sign in. All other logins end."""
        begun = await accounts.reset_password(
            body.code.get_secret_value(), body.password.get_secret_value(), **where(request)
        )
        return await begin(request, response, before, begun)

    @router.post("/passes/look", responses=responses(403, 422, 429), dependencies=[OwnPage])
    async def look(body: CodeBody, request: Request) -> PassLook:
        """What a link is good for."""
        code = body.code.get_secret_value()
        found, user = await accounts.look_at_pass(code, place=address(request))
        return PassLook(
            purpose=Purpose(found.purpose),
            user=profile(user) if user else None,
            expires_at=found.expires_at,
        )

    return router
