"""A tea shop's dashboard: figures from a background task and from an HTTP route, as they come.

    npm --prefix examples/dashboard ci
    hubbub serve examples.dashboard.app:app

Then open http://127.0.0.1:8000, twice. Orders are in a durable room: a page that lost its
connection gets every one that it missed. Temperatures are in a room that remembers the latest
alone: such a page gets that, and nothing of what was in between.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from math import sin
from pathlib import Path
from time import time
from typing import Annotated, Literal

from fastapi import FastAPI, Header, HTTPException
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field

from hubbub import Conflict, Hub, Keep, Unavailable

HERE = Path(__file__).parent

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may do: nothing from any other host, no script or style within the page."""

EVERY = 0.1
"""Seconds between two readings of the kettles."""


class Order(BaseModel):
    drink: Literal["Green tea", "Black tea", "Mint tea"]
    cups: int = Field(ge=1, le=20)


hub = Hub("sqlite:///dashboard.db", anonymous=True)

orders = hub.rooms(
    "orders",
    message=Order,
    durability="commit",  # stored before it is delivered or acknowledged
    history=Keep(count=1000),
    allow_subscribe_for_client=True,
    allow_subscribe_for_anonymous=True,
    allow_history_for_subscriber=True,
    allow_history_for_anonymous=True,
)

kettles = hub.rooms(
    "kettles",
    message=dict[str, float],
    latest_only=True,  # who cannot keep up gets the latest reading, not all of them
    batch_interval=0.2,  # and so does everybody, at most so often
    history_size=1,
    force_recovery=True,
    force_recovery_mode="cache",  # who comes, or comes back, gets the latest reading alone
    auto_cache_recover=True,
    allow_subscribe_for_client=True,
    allow_subscribe_for_anonymous=True,
)


def read_kettles() -> dict[str, float]:
    """Degrees Celsius in each kettle: with you, sensors."""
    now = time()
    return {
        name: round(60 + 38 * sin(now / seconds), 1)
        for name, seconds in (("Left", 5), ("Middle", 8), ("Right", 13))
    }


async def watch_kettles() -> None:
    while True:
        await kettles().publish(read_kettles())
        await asyncio.sleep(EVERY)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with hub.lifespan(app):
        watching = asyncio.create_task(watch_kettles())
        yield
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


app = FastAPI(lifespan=lifespan)
app.include_router(hub.router)
app.mount("/page", StaticFiles(directory=HERE / "page"))
# The published client is one file; where npm has not brought it yet, the page says so.
app.mount("/npm", StaticFiles(directory=HERE / "node_modules/centrifuge/dist", check_dir=False))


@app.get("/", include_in_schema=False)
async def page() -> FileResponse:
    return FileResponse(HERE / "page/index.html", headers={"Content-Security-Policy": POLICY})


@app.post("/orders", status_code=201)
async def place(
    order: Order, idempotency_key: Annotated[str, Header(max_length=255)] = ""
) -> dict[str, int]:
    try:
        position = await orders().publish(order, idempotency_key=idempotency_key)
    except Conflict:
        raise HTTPException(409, "this key was used for another order") from None
    except Unavailable:  # a full disk, a file that is locked: it will pass
        raise HTTPException(503, "try again", {"Retry-After": "1"}) from None
    assert position is not None
    return {"number": position.offset}
