"""Errors as problem details, whatever raised them."""

from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Query
from pydantic import BaseModel, Field

from hubbub import Conflict, InvalidName, Refused, Unavailable
from hubbub.chat.problem import MEDIA_TYPE, Problem, install, later, responses, status_of

SECRET = "correct horse battery staple"


class Body(BaseModel):
    password: Annotated[str, Field(max_length=3)]


def application(raised: Exception | None = None) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None)
    install(app)

    @app.get("/raise", responses=responses(401, 409))
    async def raises() -> None:
        assert raised is not None
        raise raised

    @app.post("/body")
    async def body(body: Body, count: Annotated[int, Query(ge=1)] = 1) -> None: ...

    return app


async def call(app: FastAPI, path: str, **how: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://hubbub") as client:
        return await client.request(how.pop("method", "GET"), path, **how)


@pytest.mark.parametrize(
    ("raised", "status", "kind", "more"),
    [
        (Problem(409, "name-taken", "Taken.", name="ann"), 409, "name-taken", {"name": "ann"}),
        (Refused("not here"), 403, "forbidden", {"detail": "not here", "code": 103}),
        (Refused("no such room", 404), 404, "not-found", {"code": 404}),
        (Refused("slow down", 111), 429, "too-many-requests", {"code": 111}),
        (Refused("away with you", 4501), 403, "forbidden", {"code": 4501}),
        (Unavailable("x"), 503, "unavailable", {"retry_after": 1}),
        (Unavailable("x", unknown=True), 503, "unavailable", {"unknown": True}),
        (Conflict("used before"), 409, "conflict", {"detail": "used before"}),
        (InvalidName("too long"), 400, "invalid-name", {"detail": "too long"}),
        (RuntimeError(SECRET), 500, "internal", {}),
    ],
)
async def test_what_is_raised_is_answered_as_a_problem(
    raised: Exception, status: int, kind: str, more: dict[str, Any]
) -> None:
    answer = await call(application(raised), "/raise")
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    body = answer.json()
    assert body["type"] == f"/problems/{kind}" and body["status"] == status and body["title"]
    assert more.items() <= body.items()
    assert SECRET not in answer.text


async def test_what_is_over_later_says_when() -> None:
    answer = await call(application(later(429, "slow-down", "Wait.", 3.2)), "/raise")
    assert (answer.headers["retry-after"], answer.json()["retry_after"]) == ("4", 4)


async def test_unknown_path_and_wrong_method_are_problems_and_say_what_is_allowed() -> None:
    app = application()
    assert (await call(app, "/nowhere")).json() == {
        "type": "/problems/not-found",
        "title": "Not Found",
        "status": 404,
    }
    wrong = await call(app, "/body")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert wrong.json()["type"] == "/problems/method-not-allowed"


async def test_what_does_not_fit_is_named_and_what_was_sent_is_not_repeated() -> None:
    answer = await call(application(), "/body?count=0", method="POST", json={"password": SECRET})
    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert [(one["in"], one["at"]) for one in errors] == [("query", "count"), ("body", "password")]
    assert SECRET not in answer.text
    broken = await call(application(), "/body", method="POST", content=SECRET)
    assert broken.status_code == 422 and SECRET not in broken.text


@pytest.mark.parametrize(
    ("code", "status"), [(100, 500), (400, 400), (499, 400), (429, 429), (599, 400), (600, 403)]
)
def test_codes_have_their_statuses(code: int, status: int) -> None:
    assert status_of(code) == status


async def test_documentation_knows_the_shape() -> None:
    schema = (await call(application(), "/openapi.json")).json()
    assert schema["components"]["schemas"]["Problem"]["required"] == ["type", "title", "status"]
    told = schema["paths"]["/raise"]["get"]["responses"]
    assert set(told) == {"200", "401", "409", "default"}
    assert told["409"]["content"] == {
        MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}
    }
