"""Rooms with rules: who may connect, who may enter, what may be said; and a route that speaks.

    hubbub serve examples.chat_rules:app

Centrifuge clients come in at /connection/websocket. To look at it in a terminal:

    hubbub talk chat:7 --token ann-s3cret
"""

from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field

from hubbub import Grant, Hub, Join, Publish, Refused


class User(BaseModel):
    id: str
    rooms: list[str]


class Message(BaseModel):
    text: str = Field(min_length=1, max_length=1000)
    by: str = ""


async def get_users() -> dict[str, User]:
    """Users by their token: with you a query, in a session of the database."""
    return {
        "ann-s3cret": User(id="ann", rooms=["7", "8"]),
        "bob-s3cret": User(id="bob", rooms=["7"]),
    }


Users = Annotated[dict[str, User], Depends(get_users)]
Bearer = Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]

hub = Hub()
app = FastAPI(lifespan=hub.lifespan)
app.include_router(hub.router)  # /connection/websocket, for the official Centrifuge clients

chats = hub.rooms("chat:{room_id}", message=Message, history_size=100, presence=True)


@hub.authenticate  # once for each connection; dependencies live for one call, not for one socket
async def who(token: str | None, users: Users) -> User | None:
    return users.get(token or "")


@chats.on_join
async def may_join(join: Join) -> Grant:
    if join.params["room_id"] not in join.user.rooms:
        raise Refused("not a member of this room")
    return Grant(publish=True, history=True, presence=True)


@chats.on_publish  # the message is valid already; what is returned is what the room hears
async def sign(publish: Publish[Message]) -> Message:
    return Message(text=publish.data.text, by=publish.user.id)


@app.post("/rooms/{room_id}", status_code=201)
async def say(room_id: str, message: Message, bearer: Bearer, users: Users) -> None:
    user = users.get(bearer.credentials)
    if user is None or room_id not in user.rooms:
        raise HTTPException(403, "not a member of this room")
    await chats(room_id=room_id).publish(Message(text=message.text, by=user.id))
