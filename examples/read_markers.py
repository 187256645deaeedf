"""What each user has not read yet, in every room of theirs, and on all their devices alike.

    hubbub serve examples.read_markers:app

Centrifuge clients come in at /connection/websocket, with a user's name for a token ("ann", "bob").
They say how far they have read with rpc("hubbub.read", {"room": "team:tea", "offset": 12}), and
all connections of the same user are told.
"""

import re
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field

from hubbub import Grant, Hub, Join, Refused
from hubbub.model import EVERYONE

TEAMS = {"tea": ["ann", "bob"], "cake": ["ann"]}
"""Who is in which team: with you, a table."""


class Message(BaseModel):
    text: str = Field(min_length=1, max_length=1000)
    by: str = ""


hub = Hub("sqlite:///teams.db")
app = FastAPI(lifespan=hub.lifespan)
app.include_router(hub.router)
rooms = hub.rooms("team:{team}", message=Message, durability="commit", read_markers=True)


def rooms_of(user: str) -> list[str]:
    return [f"team:{team}" for team, members in TEAMS.items() if user in members]


@hub.authenticate
async def who(token: str | None) -> str | None:
    return token if token and rooms_of(token) else None


@rooms.on_join
async def may_join(join: Join) -> Grant:
    if join.room.name not in rooms_of(join.user):
        raise Refused("not a member of this team")
    return Grant(publish=False, history=True)


async def get_user(bearer: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> str:
    if not rooms_of(bearer.credentials):
        raise HTTPException(403, "nobody of ours")
    return bearer.credentials


User = Annotated[str, Depends(get_user)]


@app.post("/teams/{team}", status_code=201)
async def say(team: str, message: Message, user: User) -> dict[str, int]:
    """Say something; "@ann" in it is for ann in particular, and "@all" for everybody."""
    members = TEAMS.get(team, [])
    if user not in members:
        raise HTTPException(403, "not a member of this team")
    names = set(re.findall(r"@(\w+)", message.text))
    mentions = {EVERYONE} if "all" in names else names & set(members)
    position = await rooms(team=team).publish(
        Message(text=message.text, by=user), user=user, mentions=mentions
    )
    assert position is not None
    return {"number": position.offset}


@app.get("/unread")
async def unread(user: User) -> dict[str, dict[str, int]]:
    """How many messages the user has not read in each room, and how many of them are for them."""
    found = await hub.unread(user, rooms_of(user))
    return {one.room: {"unread": one.unread, "for you": one.mentions} for one in found}


@app.post("/teams/{team}/read/{number}")
async def read(team: str, number: int, user: User) -> dict[str, int]:
    """The user has read so far; for a client without a connection."""
    if user not in TEAMS.get(team, []):
        raise HTTPException(403, "not a member of this team")
    return {"read": await rooms(team=team).mark_read(user, number)}
