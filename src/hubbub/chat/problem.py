"""What an HTTP client is told when something is wrong: problem details (RFC 9457).

raise Problem(409, "name-taken", "This name is taken.", name=name)

install(app)                                     # handlers, and the schema
@router.get("/rooms", responses=responses(401))  # what the documentation says of a route
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from hubbub import Conflict, InvalidName, Refused, Unavailable

log = logging.getLogger("hubbub.chat")

MEDIA_TYPE = "application/problem+json"

TYPES = "/problems/"
"""What the type of every problem begins with; its slug comes behind it."""

MOST_ERRORS = 20
"""Errors in one request that are told of: whoever sends thousands is not sent more than that."""

RETRY_S = 1
"""Seconds after which to try again what the database was not there for."""

SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457). Other members say more of some types.",
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Which problem."},
        "title": {"type": "string", "description": "The same for every problem of the type."},
        "status": {"type": "integer", "description": "The status of the response."},
        "detail": {"type": "string", "description": "What it is this time, and what to do."},
    },
    "additionalProperties": True,
    "examples": [
        {
            "type": TYPES + "name-taken",
            "title": "The name is taken",
            "status": 409,
            "detail": "Somebody is called ann already: choose another name.",
        }
    ],
}
"""The shape of a problem, in JSON Schema; `install` puts it among the application's."""

_REFERENCE = {"schema": {"$ref": "#/components/schemas/Problem"}}


class Problem(HTTPException):
    """An answer that is an error: raise it in a route, or beneath one.

    `slug` names the type, `title` is the same for all of the type (by default the status's own
    words), `detail` is about this one and says what to do; `more` are members of their own.
    Where a socket's call raises it, the client is told the detail, with the status for a code.
    """

    headers: dict[str, str]

    def __init__(
        self,
        status: int,
        slug: str,
        detail: str = "",
        *,
        title: str = "",
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        self.status = status
        self.slug = slug
        self.title = title or HTTPStatus(status).phrase
        self.more = more
        super().__init__(status, detail or self.title, dict(headers or {}))

    def body(self) -> dict[str, Any]:
        """The members of the problem's object."""
        said = {"type": TYPES + self.slug, "title": self.title, "status": self.status}
        if self.detail != self.title:
            said["detail"] = self.detail
        return {**said, **self.more}

    def response(self) -> JSONResponse:
        return JSONResponse(self.body(), self.status, self.headers, MEDIA_TYPE)


def later(status: int, slug: str, detail: str, seconds: float) -> Problem:
    """A problem that is over in so many seconds: the client is told when to come back."""
    wait = max(1, int(seconds + 0.999))
    return Problem(status, slug, detail, headers={"Retry-After": str(wait)}, retry_after=wait)


# What others raise. -------------------------------------------------------------------------

_REFUSED = {
    100: 500,
    101: 401,
    102: 404,
    103: 403,
    104: 404,
    105: 409,
    106: 429,
    107: 400,
    108: 404,
    109: 401,
    110: 401,
    111: 429,
    112: 409,
}
"""The statuses of the protocol's own codes (protocol.md section 10.1)."""


_STATUSES = frozenset(int(status) for status in HTTPStatus)


def status_of(code: int) -> int:
    """The status for who was refused with `code`: codes from 400 to 599 are statuses."""
    if 400 <= code <= 599:
        return code if code in _STATUSES else 400
    return _REFUSED.get(code, 403)


def of_refused(refused: Refused) -> Problem:
    """What a rule said no with, as a problem; `code` is what a socket would be told."""
    status = status_of(refused.code)
    return Problem(status, _slug(status), refused.reason, code=refused.code)


def of_http(error: HTTPException) -> Problem:
    detail = error.detail if isinstance(error.detail, str) else ""
    if detail == HTTPStatus(error.status_code).phrase:
        detail = ""
    return Problem(error.status_code, _slug(error.status_code), detail, headers=error.headers)


def of_validation(error: RequestValidationError) -> Problem:
    """What does not fit, and where; never what was sent, which may be a secret."""
    errors = [
        {
            "in": str(one["loc"][0]) if one["loc"] else "",
            "at": ".".join(str(part) for part in one["loc"][1:]),
            "text": str(one["msg"]).removeprefix("Value error, "),
        }
        for one in error.errors()[:MOST_ERRORS]
    ]
    said = [f"{one['at'] or one['in']}: {one['text']}" for one in errors]
    return Problem(
        422, "invalid", "; ".join(said[:3]), title="The request does not fit", errors=errors
    )


def of_unavailable(error: Unavailable) -> Problem:
    problem = later(503, "unavailable", "The database does not answer: try again.", RETRY_S)
    if error.unknown:
        problem.detail = (
            "The database went away: what was asked for may have happened all the same."
        )
        problem.more["unknown"] = True
    return problem


_SLUGS = {413: "too-large", 422: "unprocessable"}
"""Of statuses whose own words are not the same in every Python."""


def _slug(status: int) -> str:
    if status in _SLUGS:
        return _SLUGS[status]
    return HTTPStatus(status).phrase.lower().replace("'", "").replace(" ", "-")


def install(app: FastAPI) -> None:
    """Have `app` answer every error with a problem, and its documentation know the shape."""

    @app.exception_handler(Problem)
    async def own(request: Request, error: Problem) -> JSONResponse:
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return of_validation(error).response()

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        return of_http(error).response()

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        return of_refused(error).response()

    @app.exception_handler(Unavailable)
    async def unavailable(request: Request, error: Unavailable) -> JSONResponse:
        log.warning("%s %s: the database is not there", request.method, request.url.path)
        return of_unavailable(error).response()

    @app.exception_handler(Conflict)
    async def conflict(request: Request, error: Conflict) -> JSONResponse:
        return Problem(409, "conflict", str(error)).response()

    @app.exception_handler(InvalidName)
    async def name(request: Request, error: InvalidName) -> JSONResponse:
        return Problem(400, "invalid-name", str(error)).response()

    @app.exception_handler(Exception)
    async def mistake(request: Request, error: Exception) -> JSONResponse:
        # The server logs it: whoever asked is told that it is not their fault, and no more.
        return Problem(500, "internal", "A mistake of the server's; it has been noted.").response()

    made = app.openapi

    def openapi() -> dict[str, Any]:
        schema = made()
        schema.setdefault("components", {}).setdefault("schemas", {})["Problem"] = SCHEMA
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: these problems by name, and that any other error is one too."""
    told: dict[int | str, dict[str, Any]] = {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: _REFERENCE}}
        for status in statuses
    }
    told["default"] = {"description": "A problem", "content": {MEDIA_TYPE: _REFERENCE}}
    return told
