"""Where the document and its page are: `/asyncapi.json` and `/asyncapi`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse

from hubbub.embed.asyncapi.document import at, document
from hubbub.embed.asyncapi.page import HEADERS, page_of
from hubbub.embed.asyncapi.schemas import Schema
from hubbub.model import VERSION

if TYPE_CHECKING:
    from hubbub.embed.hub import Hub

DOCUMENT, PAGE = "/asyncapi.json", "/asyncapi"


class Documents:
    """Both are made when somebody first asks, and then stay as they are: what they tell of is
    registered before that."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._made: Schema = {}
        self._page = ""

    def document(self, app: Any) -> Schema:
        # Whoever wants none of an application's documents to be seen says so to FastAPI.
        if getattr(app, "openapi_url", "") is None:
            raise HTTPException(404)
        if not self._made:
            title, version = getattr(app, "title", "hubbub"), getattr(app, "version", VERSION)
            self._made = document(self._hub, title, version, getattr(app, "description", ""))
        return self._made

    def page(self, app: Any) -> str:
        made = self.document(app)
        if not self._page:
            self._page = page_of(made)
        return self._page


def add_documents(router: APIRouter, hub: Hub) -> None:
    documents = Documents(hub)

    # In threads: the first of them takes a moment.
    def whole(request: Request) -> JSONResponse:
        address = str(request.url.replace(query="", fragment="")).removesuffix(DOCUMENT)
        return JSONResponse(at(documents.document(request.app), address))

    def page(request: Request) -> HTMLResponse:
        return HTMLResponse(documents.page(request.app), headers=HEADERS)

    router.add_api_route(DOCUMENT, whole, include_in_schema=False)
    router.add_api_route(PAGE, page, include_in_schema=False)
