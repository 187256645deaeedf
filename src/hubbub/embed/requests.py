"""What a request brings, read no further than it may go."""

from __future__ import annotations

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect


async def read_body(request: Request, most: int) -> bytes:
    """The body, of at most `most` bytes. Raises an `HTTPException` for a larger one (413) and for
    one that is not whole (400)."""
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > most:
                # The server drops the rest as it comes, so that the sender gets to read this.
                raise HTTPException(413, f"a body has at most {most} bytes")
    except ClientDisconnect:
        raise HTTPException(400, "the body is not whole") from None
    return bytes(body)
