"""What the chat's addresses and headers hold: looked at before the database is asked."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Path, Query

from hubbub.chat.views import ROOM, USER

ID = r"^[A-Za-z0-9_-]{1,64}$"

MAX_NUMBER = 2**53
"""Message ids and the like: what every client can count to."""

RoomId = Annotated[
    str,
    Path(
        alias="room",
        description="A room's id, or its slug behind a `~`.",
        pattern=r"^([A-Za-z0-9_-]{1,64}|~[^\x00-\x20\x7f-\x9f/~]{1,64})$",
        examples=[ROOM, "~lobby"],
    ),
]

UserId = Annotated[str, Path(alias="user", description="A user's id.", pattern=ID, examples=[USER])]

MessageId = Annotated[
    int,
    Path(alias="message", description="A message's id.", ge=1, le=MAX_NUMBER, examples=[311]),
]

Emoji = Annotated[
    str,
    Path(
        alias="emoji",
        description="One emoji, percent-encoded.",
        min_length=1,
        max_length=32,
        pattern=r"^[^\x00-\x20/]+$",
        examples=["👍"],
    ),
]

InviteId = Annotated[
    int, Path(alias="invite", description="An invitation's id.", ge=1, le=MAX_NUMBER, examples=[42])
]

InviteCode = Annotated[
    str,
    Path(
        alias="code",
        description="What the link of an invitation ends in.",
        pattern=r"^[A-Za-z0-9._-]{1,128}$",
        examples=["r7k2m4q9x1za.42.l0ngT0kEnH3rE4uU"],
    ),
]

HookId = Annotated[
    str, Path(alias="hook", description="A webhook's id.", pattern=ID, examples=["hV3xh0cP2aQ1k"])
]

Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        description="The same key again within five minutes is the same request, done once. For "
        "another body it is a conflict (409).",
        max_length=255,
        pattern=r"^[\x20-\x7e]*$",
        examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
    ),
]

Before = Annotated[
    int | None,
    Query(ge=1, le=MAX_NUMBER, description="The last messages before this one.", examples=[311]),
]
After = Annotated[
    int | None,
    Query(ge=0, le=MAX_NUMBER, description="The first messages after this one.", examples=[311]),
]
Around = Annotated[
    int | None,
    Query(ge=1, le=MAX_NUMBER, description="The messages around this one.", examples=[311]),
]

Search = Annotated[
    str,
    Query(
        max_length=80,
        pattern=r"^[^\x00]*$",
        description="Part of the name.",
        examples=["lobby"],
    ),
]

Reason = Annotated[
    str,
    Query(
        max_length=500,
        pattern=r"^[^\x00]*$",
        description="For who it happens to, and for the other moderators.",
        examples=["advertising"],
    ),
]

RoomIds = Annotated[
    list[Annotated[str, Query(pattern=ID)]] | None,
    Query(alias="room", max_length=200, description="These rooms alone.", examples=[[ROOM]]),
]
