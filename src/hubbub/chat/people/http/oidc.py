"""Routes: to a provider, and back from there.

Both are for a browser to go to, so that what fails ends on a page, too: in the fragment of "/".
"""

from __future__ import annotations

import hmac
import logging
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse

from hubbub.chat.people import cookies
from hubbub.chat.people.oidc import Provider, local_path, refused
from hubbub.chat.people.people import People
from hubbub.chat.problem import Problem, responses
from hubbub.chat.web import PREFIX, address, agent

log = logging.getLogger("hubbub.chat")

PURPOSE = "away"

Given = Annotated[str, Query(max_length=4_096)]


def oidc_router(people: People) -> APIRouter:
    router = APIRouter(prefix="/session/oidc", tags=["session"])

    @router.get("/{id}", status_code=303, responses=responses(), response_class=RedirectResponse)
    async def away(id: str, request: Request, next: Given = "/") -> RedirectResponse:
        """Go and sign in at a provider; `next` is the path to come back to."""
        try:
            start = await known(id).start(redirect_uri(request, id))
        except Problem as problem:
            return failed(problem)
        response = RedirectResponse(start.url, 303, {"Cache-Control": "no-store"})
        kept = {"provider": id, "next": local_path(next)[:1024], **start._asdict()}
        del kept["url"]
        sealed = people.seal(PURPOSE).close(kept, cookies.AWAY_S)
        cookies.set_away(request, response, sealed)
        return response

    @router.get(
        "/{id}/callback", status_code=303, responses=responses(), response_class=RedirectResponse
    )
    async def back(
        id: str,
        request: Request,
        state: Given = "",
        code: Given = "",
        error: Given = "",
        iss: Given = "",
    ) -> RedirectResponse:
        """Come back from there: sign in, and go on to where one wanted to go."""
        kept = people.seal(PURPOSE).open(cookies.away_of(request))
        try:
            provider = known(id)
            if kept is None or kept["provider"] != id:
                raise Problem(403, "sign-in-late", "It took too long, or began elsewhere.")
            if not hmac.compare_digest(kept["state"].encode(), state.encode()):
                raise refused("somebody came back who was not sent")
            if iss and iss != provider.config.issuer:  # RFC 9207 section 2.4
                raise refused("somebody came back from another issuer")
            if error or not code:
                raise Problem(403, "sign-in-declined", "The provider has not let you in.")
            claimed = await provider.finish(
                code, redirect_uri(request, id), kept["verifier"], kept["nonce"]
            )
            begun = await people.enter(
                provider, claimed, agent=agent(request), place=address(request)
            )
        except Problem as problem:
            response = failed(problem)
        else:
            response = RedirectResponse(local_path(kept["next"]), 303)
            response.headers["Cache-Control"] = "no-store"
            before = await people.who(request)
            if before is not None and not cookies.bearer(request):
                await people.logins.end(before.id, before.login)
            cookies.set_login(request, response, begun.secret)
        cookies.forget_away(request, response)
        return response

    def known(id: str) -> Provider:
        provider = people.providers.get(id)
        if provider is None:
            raise Problem(404, "no-such-provider", "There is no such provider.")
        return provider

    return router


def redirect_uri(request: Request, id: str) -> str:
    """Where the provider sends people back to: what is registered there for this server."""
    return f"{str(request.base_url).rstrip('/')}{PREFIX}/session/oidc/{id}/callback"


def failed(problem: Problem) -> RedirectResponse:
    return RedirectResponse(f"/#problem={problem.slug}", 303, {"Cache-Control": "no-store"})
