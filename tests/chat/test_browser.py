"""What a browser is served at `/`, and what it is told of every answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import PlainTextResponse

from hubbub.chat import problem
from hubbub.chat.browser import CONTENT_TYPES, browser_router
from hubbub.chat.headers import SecurityHeaders

FILES = {
    "index.html": "<title>hubbub</title>",
    "sw.js": "self",
    "manifest.webmanifest": "{}",
    "assets/index-abc.js": "export {}",
    "assets/index-abc.js.br": "brotli",
    "assets/index-abc.js.gz": "gzip",
    "assets/index-abc.css": "a {}",
    "assets/index-abc.css.gz": "gzip",
    "notes.txt": "nobody's business",
}

ASSET = "/assets/index-abc.js"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "client"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(text)
    (tmp_path / "secret.html").write_text("beside the folder")
    return folder


@pytest.fixture
async def client(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(docs_url=None, redoc_url=None)
    app.add_middleware(SecurityHeaders)
    problem.install(app)
    app.add_api_route("/there", lambda: PlainTextResponse("there"))
    app.include_router(browser_router(folder))
    transport = httpx.ASGITransport(app)
    plain = {"Accept-Encoding": "identity"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://hubbub", headers=plain
    ) as client:
        yield client


async def test_page_is_served_at_the_root(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert (page.status_code, page.text) == (200, FILES["index.html"])
    head = await client.head("/")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("path", ["/", "/sw.js", "/manifest.webmanifest"])
async def test_what_may_change_is_asked_for_again(client: httpx.AsyncClient, path: str) -> None:
    first = await client.get(path)
    assert first.headers["cache-control"] == "no-cache"
    again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "no-cache"


async def test_what_has_its_version_in_its_name_is_kept_for_good(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.get(ASSET)).headers["cache-control"] == (
        "public, max-age=31536000, immutable"
    )


@pytest.mark.parametrize("path", ["/", "/sw.js", "/manifest.webmanifest", ASSET])
async def test_types_are_ours(client: httpx.AsyncClient, path: str) -> None:
    name = "index.html" if path == "/" else path
    told = (await client.get(path)).headers["content-type"]
    assert told == CONTENT_TYPES[f".{name.rpartition('.')[2]}"]


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br", "br"),
        ("GZIP;q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("deflate", None),
        ("", None),
    ],
)
async def test_smallest_form_that_is_taken_is_sent(
    client: httpx.AsyncClient, accepted: str, encoding: str | None
) -> None:
    async with client.stream("GET", ASSET, headers={"Accept-Encoding": accepted}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()]).decode()
    assert answer.headers.get("content-encoding") == encoding
    suffix = {"br": ".br", "gzip": ".gz", None: ""}[encoding]
    assert raw == FILES[ASSET.removeprefix("/") + suffix]
    assert answer.headers["content-type"] == CONTENT_TYPES[".js"]
    assert answer.headers["content-length"] == str(len(raw))
    assert answer.headers["vary"] == "Accept-Encoding"


async def test_form_that_is_not_there_is_not_sent(client: httpx.AsyncClient) -> None:
    answer = await client.head("/assets/index-abc.css", headers={"Accept-Encoding": "br"})
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/notes.txt",
        "/assets/index-abc.js.gz",
        "/assets",
        "/assets/other.js",
        "/..%2fsecret.html",
        "/%2e%2e/secret.html",
        "/assets/..%2f..%2fsecret.html",
        "/client",
        "/docs",
        "/redoc",
    ],
)
async def test_nothing_but_the_files_is_served(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_is_not_built_is_told_with_what_to_do(
    client: httpx.AsyncClient, folder: Path
) -> None:
    (folder / "index.html").unlink()
    page = await client.get("/")
    assert (page.status_code, page.headers["cache-control"]) == (503, "no-store")
    assert "make web" in page.text
    assert (await client.get("/there")).text == "there"
    assert (await client.get("/sw.js")).status_code == 200


@pytest.mark.parametrize("path", ["/", ASSET, "/none.js", "/there"])
async def test_every_answer_carries_the_security_headers(
    client: httpx.AsyncClient, path: str
) -> None:
    headers = (await client.get(path)).headers
    policy = {
        name: set(sources)
        for name, *sources in (
            part.split() for part in headers["content-security-policy"].split(";")
        )
    }
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == {"'none'"}
    for directive in ("script-src", "style-src", "connect-src", "worker-src", "form-action"):
        assert policy[directive] == {"'self'"}
    assert policy["img-src"] == {"'self'", "blob:"}
    assert policy["require-trusted-types-for"] == {"'script'"}
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
