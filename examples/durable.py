"""Rooms that remember: what was acknowledged is on disk, and who comes back gets what was missed.

    hubbub serve examples.durable:app

A shop's kitchen reads `/connection/websocket` with a Centrifuge client, subscribed to
"orders:KITCHEN". Stop the server, kill it, start it again: no order is lost, none comes twice.
"""

from typing import Annotated, Any

from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel

from hubbub import Conflict, Hub, Keep, Position, Unavailable

hub = Hub("sqlite:///orders.db", anonymous=True)
app = FastAPI(lifespan=hub.lifespan)
app.include_router(hub.router)


class Order(BaseModel):
    table: int
    dish: str


orders = hub.rooms(
    "orders:{kitchen}",
    message=Order,
    durability="commit",  # stored before it is delivered or acknowledged
    history=Keep(days=30),
    allow_subscribe_for_client=True,
    allow_subscribe_for_anonymous=True,
    allow_history_for_subscriber=True,
    allow_history_for_anonymous=True,
)


@app.post("/orders/{kitchen}", status_code=201)
async def place(
    kitchen: str, order: Order, idempotency_key: Annotated[str, Header()] = ""
) -> dict[str, int]:
    try:
        position = await orders(kitchen=kitchen).publish(order, idempotency_key=idempotency_key)
    except Conflict:
        raise HTTPException(409, "this key was used for another order") from None
    except Unavailable:  # a full disk, a database that restarts: it will pass
        raise HTTPException(503, "try again", {"Retry-After": "1"}) from None
    assert position is not None
    return {"number": position.offset}


@app.get("/orders/{kitchen}")
async def read(kitchen: str, before: int | None = None) -> list[dict[str, Any]]:
    """The latest orders, or those before one of them: page by page to the first."""
    start = None if before is None else Position(before, "")
    page = await orders(kitchen=kitchen).history(limit=50, before=start)
    return [{"number": one.offset, "order": one.value} for one in page.publications]
