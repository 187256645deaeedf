"""Routes: bringing files and pictures of oneself, and having what others brought."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.requests import ClientDisconnect

from hubbub import Refused
from hubbub.chat.files.blobs import Blobs, is_key
from hubbub.chat.files.rows import AVATAR, Stored, find_file
from hubbub.chat.files.serving import Served, no_file
from hubbub.chat.files.uploads import BUSY, Uploads
from hubbub.chat.people import Who
from hubbub.chat.people.http.depends import Me, Person
from hubbub.chat.problem import Problem, of_refused, responses
from hubbub.chat.views import FileView
from hubbub.chat.web import PREFIX
from hubbub.tables import Tables

MayRead = Callable[[Who, str], Awaitable[bool]]
"""Whether somebody may read the room with that id."""

RETRY_S = 5
"""Seconds after which somebody with too many uploads at once may try again."""

Name = Annotated[str, Query(max_length=1000, description="What it is called, for people.")]

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_BYTES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"*/*": {}}},
    206: {"description": "A part of it"},
}


def files_router(uploads: Uploads, tables: Tables, blobs: Blobs, may_read: MayRead) -> APIRouter:
    """The routes of files, under `PREFIX`. The body of an upload is the file, and nothing else:
    what it says of its type is not looked at."""
    router = APIRouter(prefix=PREFIX, tags=["files"])

    @router.post(
        "/files",
        status_code=201,
        openapi_extra=_BODY,
        responses=responses(401, 403, 408, 409, 413, 415, 422, 429),
    )
    async def upload(request: Request, me: Person, name: Name = "") -> FileView:
        """Bring a file, to be sent with a message within a day."""
        with _told():
            file = await uploads.attachment(me.id, name, request.stream(), _length(request))
        return FileView.model_validate(file, from_attributes=True)

    @router.delete("/files/{id}", status_code=204, responses=responses(401, 403, 404))
    async def discard(id: str, me: Me) -> None:
        """Let go of a file of one's own that was not sent."""
        if not is_key(id) or not await uploads.discard(me.id, id):
            raise no_file()

    @router.put(
        "/users/me/avatar",
        status_code=204,
        openapi_extra=_BODY,
        responses=responses(401, 403, 408, 413, 415, 422, 429),
    )
    async def show(request: Request, me: Person) -> None:
        """Bring a picture of oneself: its middle is shown."""
        with _told():
            await uploads.avatar(me.id, request.stream(), _length(request))

    @router.delete("/users/me/avatar", status_code=204, responses=responses(401, 403))
    async def hide(me: Me) -> None:
        """Show the generated picture of oneself again."""
        await uploads.no_avatar(me.id)

    async def seen(who: Who, id: str) -> Stored:
        file = await tables.read(find_file, id) if is_key(id) else None
        if file is None or not await _may_see(who, file, may_read):
            raise no_file()
        return file

    async def preview(id: str, me: Me) -> Response:
        """The smaller picture of a picture; of anything else, the file itself."""
        return Served(blobs, await seen(me, id), preview=True)

    async def file(id: str, me: Me) -> Response:
        """What is in a file."""
        return Served(blobs, await seen(me, id))

    async def named(id: str, name: str, me: Me) -> Response:
        """What is in a file, under any name: it is not looked at."""
        return Served(blobs, await seen(me, id))

    for path, answer in (
        ("/files/{id}", file),
        ("/files/{id}/preview", preview),
        ("/files/{id}/{name}", named),
    ):
        router.add_api_route(
            path,
            answer,
            methods=["GET"],
            response_class=Response,
            responses={**responses(401, 404, 416), **_BYTES},
        )
        router.add_api_route(path, answer, methods=["HEAD"], include_in_schema=False)
    return router


def avatars(tables: Tables, blobs: Blobs) -> Callable[[str], Awaitable[Response | None]]:
    """What serves the pictures that people have brought, by their ids; None for one that is
    gone. They are for everybody who is signed in."""

    async def avatar(id: str) -> Response | None:
        file = await tables.read(find_file, id)
        return None if file is None or file.kind != AVATAR else Served(blobs, file)

    return avatar


async def _may_see(who: Who, file: Stored, may_read: MayRead) -> bool:
    if file.kind == AVATAR:
        return True
    if file.room is None:
        return file.user == who.id
    return await may_read(who, file.room)


def _length(request: Request) -> int | None:
    """What the client says the body's length is. The server has seen to it that it is true."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None


@contextmanager
def _told() -> Iterator[None]:
    """Turns what an upload is refused with into a problem.

    The connection ends with it: what else there is of the body is not read.
    """
    try:
        yield
    except ClientDisconnect:
        raise Problem(400, "gone", "The upload ended early.") from None  # nobody hears it
    except Refused as refused:
        problem = of_refused(refused)
        headers = {"Connection": "close"}
        if refused.code == BUSY:
            headers["Retry-After"] = str(RETRY_S)
        problem.headers = {**(problem.headers or {}), **headers}
        raise problem from None
