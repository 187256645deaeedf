"""What the chat's routes do beside what all do: bound bodies, and keep secrets to themselves."""

from __future__ import annotations

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

MAX_BODY = 256 * 1024
"""Bytes of a request's body: the longest message, with every character escaped, and twice that."""

SECRETS = ("code", "secret")
"""What those parts of a path are called that open something for whoever has them."""

HIDDEN = "-"
"""What stands in their place for whoever logs the request."""


class Route(APIRoute):
    """A route that reads no more than `MAX_BODY` of a request's body (413)."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        conceal(scope)
        await super().handle(scope, _bounded(receive), send)


def conceal(scope: Scope) -> None:
    """Have the path of the request be one without the secrets in it: servers log it, and so does
    whatever else comes across the request. The route has them already."""
    given = scope["path_params"]
    secrets = [given[name] for name in SECRETS if given.get(name)]
    for secret in secrets:
        scope["path"] = scope["path"].replace(secret, HIDDEN)
    if secrets:
        scope["raw_path"] = scope["path"].encode()


def _bounded(receive: Receive) -> Receive:
    read = 0

    async def receive_no_more() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MAX_BODY:
            raise HTTPException(413, f"A body has at most {MAX_BODY} bytes.")
        return message

    return receive_no_more
