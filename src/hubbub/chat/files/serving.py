"""Answers that bring a file, in a way that nothing in it can run.

What somebody brought is never a document of ours: it has the type that we found, which no browser
is to doubt, no other origin is to use it, and whatever opens it all the same is in a sandbox.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import aclosing

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hubbub.chat.files.blobs import Blobs, Missing
from hubbub.chat.files.kinds import PICTURES
from hubbub.chat.files.names import disposition
from hubbub.chat.files.ranges import Unsatisfiable, asked
from hubbub.chat.files.rows import Stored
from hubbub.chat.files.uploads import preview_key
from hubbub.chat.problem import Problem

log = logging.getLogger("hubbub.chat")

FRESH_S = 7 * 86_400
"""Seconds for which a browser need not ask again. What is in a file never changes."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": f"private, max-age={FRESH_S}, immutable",
    # Who signs in next in the same browser has none of it.
    "Vary": "Cookie, Authorization",
}


def no_file() -> Problem:
    """Said of what is not there, and of what is not for whoever asks: it cannot be told which."""
    return Problem(
        404,
        "no-file",
        "There is no such file, or it is not for you.",
        title="No such file",
        headers={"Cache-Control": "no-store"},
    )


class Served(Response):
    """The bytes of a file, or of its preview: GET and HEAD, conditions, and one range of it.

    Raises `Problem` (404) where they are missing, and `Unavailable`.
    """

    def __init__(self, blobs: Blobs, file: Stored, *, preview: bool = False) -> None:
        self._blobs = blobs
        self._file = file
        self._preview = preview and file.preview
        key = preview_key(file.id) if self._preview else file.id
        self._key = key
        self._etag = f'"{key}"'
        super().__init__()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asking = Headers(scope=scope)
        head = scope["method"] == "HEAD"
        if _holds(asking.get("if-none-match"), self._etag):
            await self._begin(send, 304, {}, last=True)
        elif self._preview:
            await self._send_preview(send, head)
        else:
            await self._send_file(send, head, None if head else self._range(asking))

    async def _send_preview(self, send: Send, head: bool) -> None:
        # Small enough to be held; its size is noted nowhere else.
        try:
            async with aclosing(await self._blobs.open(self._key)) as pieces:
                data = b"".join([piece async for piece in pieces])
        except Missing:
            raise self._lost() from None
        type, name = "image/webp", f"{self._file.name.rpartition('.')[0] or 'preview'}.webp"
        headers = {
            "Content-Type": type,
            "Content-Disposition": disposition("inline", name),
            "Content-Length": str(len(data)),
        }
        await self._begin(send, 200, headers)
        await _send(send, b"" if head else data, last=True)

    async def _send_file(self, send: Send, head: bool, header: str | None) -> None:
        file = self._file
        kind = "inline" if file.type in PICTURES else "attachment"
        headers = {
            "Content-Type": file.type,
            "Content-Disposition": disposition(kind, file.name),
            "Accept-Ranges": "bytes",
        }
        try:
            part = asked(header, file.size)
        except Unsatisfiable:
            nothing = {"Content-Range": f"bytes */{file.size}", "Content-Length": "0"}
            await self._begin(send, 416, nothing, last=True)
            return
        start, stop = part or (0, file.size)
        headers["Content-Length"] = str(stop - start)
        if part:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
        if head:
            await self._begin(send, 200, headers, last=True)
            return
        try:
            opened = await self._blobs.open(self._key, start, stop)
        except Missing:
            raise self._lost() from None
        async with aclosing(opened) as pieces:
            await self._begin(send, 206 if part else 200, headers)
            async for piece in pieces:
                await _send(send, piece)
            await _send(send, b"", last=True)

    def _range(self, asking: Headers) -> str | None:
        """The Range header, unless it is about what somebody has of another file (RFC 9110
        section 13.1.5)."""
        return asking.get("range") if asking.get("if-range", self._etag) == self._etag else None

    def _lost(self) -> Problem:
        log.error("the bytes of file %s are missing", self._file.id)
        return no_file()

    async def _begin(
        self, send: Send, status: int, more: Mapping[str, str], *, last: bool = False
    ) -> None:
        headers = {**HEADERS, "ETag": self._etag, **more}
        if status == 416:
            headers["Cache-Control"] = "no-store"
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        if last:
            await _send(send, b"", last=True)


async def _send(send: Send, body: bytes, *, last: bool = False) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": not last})


def _holds(header: str | None, etag: str) -> bool:
    """Whether an If-None-Match names this tag (RFC 9110 section 13.1.2, weak comparison)."""
    tags = [tag.strip().removeprefix("W/") for tag in (header or "").split(",")]
    return etag in tags or tags == ["*"]
