"""Answers that are made at once, without being looked over again, and those that are asked for
again and again."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

JSON = "application/json"

NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "It is what `If-None-Match` says"}
}
"""For the `responses` of a route that answers with `fresh`."""


def there_already(what: str, model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """For the `responses` of a route that makes something, or finds it."""
    return {200: {"description": what, "model": model}}


def at_once(model: BaseModel) -> Response:
    """`model`, which is one person's, as JSON."""
    return Response(_json(model), media_type=JSON, headers={"Cache-Control": "no-store"})


def fresh(request: Request, model: BaseModel) -> Response:
    """As `at_once`, for whoever asks often: nothing (304) for who has the same.

    RFC 9110 section 13.1.2.
    """
    body = _json(model)
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    # Kept, but never shown without asking.
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in _known(request):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=JSON, headers=headers)


def _json(model: BaseModel) -> bytes:
    return model.__pydantic_serializer__.to_json(model)


def _known(request: Request) -> list[str]:
    """The tags of what the client has. Whether a proxy made them weak is all the same here."""
    said = ",".join(request.headers.getlist("if-none-match"))
    return [tag.strip().removeprefix("W/") for tag in said.split(",")]
