"""One text, written by several people at once: Yjs in the browser, pycrdt on the server.

    npm --prefix examples/together ci
    hubbub serve examples.together.app:app

Then open http://127.0.0.1:8000, twice. Changes are binary publications of a durable room; names
and cursors are in one that keeps nothing. Who comes gets the text as it stands, and then what is
changed. It takes pycrdt: `pip install pycrdt`.
"""

import re
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from pycrdt import Doc, Text

from examples.together import states
from hubbub import Hub, Keep

HERE = Path(__file__).parent

NAME = "[a-z0-9-]{1,40}"
"""What a text can be called."""

Name = Annotated[str, InPath(pattern=f"^{NAME}$")]

PAGE = (HERE / "page/index.html").read_text(encoding="utf-8")


def policy(page: str) -> str:
    """What the page may do: nothing from any other host, and no script within it but the map of
    its modules."""
    found = re.search(r'<script type="importmap">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    hashed = b64encode(sha256(found[1].encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self' 'sha256-{hashed}'; style-src 'self'; "
        "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


# A long text that is pasted is one message.
hub = Hub("sqlite:///together.db", anonymous=True, message_bytes=2 * states.MOST)

texts = hub.rooms(
    "text:{name}",
    channel_regex=f"^text:{NAME}$",
    durability="commit",  # stored before it is delivered or acknowledged
    history=Keep(count=1000),  # who was away for longer gets the whole text again
    allow_subscribe_for_client=True,
    allow_subscribe_for_anonymous=True,
    allow_publish_for_subscriber=True,
    allow_publish_for_anonymous=True,
)

people = hub.rooms(
    "people:{name}",
    channel_regex=f"^people:{NAME}$",
    publication_bytes=4096,
    join_leave=True,
    force_push_join_leave=True,
    allow_subscribe_for_client=True,
    allow_subscribe_for_anonymous=True,
    allow_publish_for_subscriber=True,
    allow_publish_for_anonymous=True,
)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with hub.lifespan(app):
        await hub.tables.write(states.create)
        hub.tables.project(states.Keeper())
        yield


app = FastAPI(lifespan=lifespan)
app.include_router(hub.router)
app.mount("/page", StaticFiles(directory=HERE / "page"))
# The packages as they are published; where npm has not brought them yet, the page says so.
app.mount("/npm", StaticFiles(directory=HERE / "node_modules", check_dir=False))


@app.get("/", include_in_schema=False)
async def start() -> RedirectResponse:
    return RedirectResponse("/texts/welcome")


@app.get("/texts/{name}", include_in_schema=False)
async def page(name: Name) -> HTMLResponse:
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": policy(PAGE)})


@app.get("/texts/{name}/state")
async def state(name: Name) -> Response:
    """The text with all that Yjs knows of it, as one update."""
    found = await hub.tables.read(states.find, texts(name=name).name)
    return Response(found, media_type="application/octet-stream")


@app.get("/texts/{name}/text")
async def text(name: Name) -> PlainTextResponse:
    """The text, for whoever does not speak Yjs."""
    doc = Doc[Text]()
    doc.apply_update(await hub.tables.read(states.find, texts(name=name).name))
    return PlainTextResponse(str(doc.get("text", type=Text)))
