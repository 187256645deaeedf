"""The chat in a browser: the files that `make web` builds of web/, served at `/`."""

from __future__ import annotations

import os
from pathlib import Path

from fastapi import APIRouter
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

BUILT = Path(__file__).with_name("client")

INDEX = "index.html"

ASSETS = "assets"
"""The folder of files whose names change with what is in them."""

CHANGING = "no-cache"
"""Kept, and asked for again each time: 304 when unchanged."""

UNCHANGING = "public, max-age=31536000, immutable"

# By hand, because the system's table differs by machine, and under `nosniff` a browser runs no
# module of another type.
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}

ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""The better first; the build leaves a file of each beside what it makes smaller."""

UNBUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>hubbub</title>
<h1>The chat's pages are not built yet</h1>
<p>Run <code>make web</code> in the checkout of hubbub, and load this page again.
<p>Everything else is there already: the API under /api/chat/v1, and the sockets.
</html>
"""


def browser_router(folder: Path = BUILT) -> APIRouter:
    """The files in `folder`: the page at `/`, what stands beside it, and its assets."""
    router = APIRouter(include_in_schema=False)
    files = _Files(directory=folder, check_dir=False)

    async def page(request: Request) -> Response:
        if not is_built(folder):
            return HTMLResponse(UNBUILT, 503, {"Cache-Control": "no-store"})
        return await files.get_response(INDEX, request.scope)

    async def beside(request: Request, name: str) -> Response:
        return await files.get_response(name, request.scope)

    async def asset(request: Request, name: str) -> Response:
        return await files.get_response(f"{ASSETS}/{name}", request.scope)

    for path, answer in (("/", page), ("/{name}", beside), (f"/{ASSETS}/{{name}}", asset)):
        router.add_api_route(path, answer, methods=["GET", "HEAD"])
    return router


def is_built(folder: Path = BUILT) -> bool:
    return (folder / INDEX).is_file()


class _Files(StaticFiles):
    """Files with their types and how long they are kept, in the smallest form that is taken."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        # What has no type here is none of the client's: such as the compressed forms by name.
        return super().lookup_path(path) if Path(path).suffix in CONTENT_TYPES else ("", None)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        path = Path(full_path)
        chosen, encoding = _smallest(path, Headers(scope=scope).get("accept-encoding", ""))
        if encoding:
            stat_result = os.stat(chosen)
        response = super().file_response(chosen, stat_result, scope, status_code)
        if response.status_code == 200:
            response.headers["Content-Type"] = CONTENT_TYPES[path.suffix]
            if encoding:
                response.headers["Content-Encoding"] = encoding
        kept = path.parent.name == ASSETS
        response.headers["Cache-Control"] = UNCHANGING if kept else CHANGING
        response.headers["Vary"] = "Accept-Encoding"
        return response


def _smallest(path: Path, accepted: str) -> tuple[Path, str]:
    """The file to send for `path`, and its encoding: "" for the file as it is."""
    names = [part.partition(";") for part in accepted.lower().split(",")]
    wanted = {name.strip() for name, _, quality in names if quality.strip() != "q=0"}
    for encoding, suffix in ENCODINGS.items():
        smaller = path.with_name(path.name + suffix)
        if encoding in wanted and smaller.is_file():
            return smaller, encoding
    return path, ""
