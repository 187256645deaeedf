"""Files in a bucket of S3, or of what speaks like it; needs the extra `hubbub[s3]`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable
from contextlib import aclosing, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from hubbub import ConfigurationError, Unavailable
from hubbub.chat.files.blobs import EXAMPLES, Blob, Blobs, Missing, Stream, checked, is_key

if TYPE_CHECKING:
    from obstore import PutResult
    from obstore.store import S3Store

    Upload: TypeAlias = asyncio.Future[PutResult]

T = TypeVar("T")

PART = 5 * 1024 * 1024
"""Bytes of a part of an upload: the least that S3 takes. What is smaller goes in one request."""

PIECE = 1024 * 1024
"""Bytes that are asked for at once. Each piece is a request, so that a reader who takes long
holds no connection."""

PAGE = 1000
"""Names of a list that come at once."""

RETRIES = 3
RETRY_S = 20
"""Seconds after which a request that fails is not tried again."""

ABANDON_S = 5.0
"""Seconds that giving up an upload may take. What is left of it then, the bucket's own rule for
incomplete uploads has to remove."""


class S3Blobs:
    """Keeps bytes in the bucket and under the prefix of `store`."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    @classmethod
    def at(cls, address: str) -> Self:
        """What `s3://bucket/prefix?endpoint=…&region=…` names; credentials are the environment's.

        Raises `ConfigurationError`.
        """
        try:
            from obstore.exceptions import BaseError
            from obstore.store import S3Store
        except ImportError:
            raise ConfigurationError(
                "to keep files in S3 takes an extra of the package: pip install 'hubbub[s3]'"
            ) from None
        try:
            bucket, prefix, endpoint, region = _parsed(address)
        except ValueError as error:
            raise ConfigurationError(f"{error}: {EXAMPLES}") from None
        retry_for = timedelta(seconds=RETRY_S)
        try:
            store = S3Store(
                bucket,
                prefix=prefix or None,
                client_options={"allow_http": True} if endpoint.startswith("http:") else None,
                retry_config={"max_retries": RETRIES, "retry_timeout": retry_for},
                config={
                    **({"endpoint": endpoint} if endpoint else {}),
                    **({"region": region} if region else {}),
                },
            )
        except BaseError as error:
            raise ConfigurationError(f"S3 cannot be used: {_first_line(error)}") from None
        return cls(store)

    async def put(self, key: str, data: AsyncIterable[bytes]) -> int:
        from obstore import put_async

        checked(key)
        async with aclosing(_parts(data)) as parts:
            first = await anext(parts, b"")
            if len(first) < PART:
                await _told(put_async(self._store, key, first, use_multipart=False))
                return len(first)
            return await self._put_parts(key, first, parts)

    async def _put_parts(self, key: str, first: bytes, parts: AsyncGenerator[bytes]) -> int:
        from obstore import put_async

        feed = _Feed()
        upload = asyncio.ensure_future(
            put_async(
                self._store,
                key,
                feed,
                use_multipart=True,
                chunk_size=PART,
                max_concurrency=1,  # one part goes, one waits, and one comes: that is enough
            )
        )
        size, part = 0, first
        try:
            while part:
                size += len(part)
                await feed.give(part, upload)
                part = await anext(parts, b"")
            await feed.give(None, upload)
            await _told(asyncio.shield(upload))
        except BaseException:
            # A cancelled upload would leave its parts behind; one that fails takes them back.
            feed.fail()
            await _settled(upload)
            raise
        return size

    async def open(self, key: str, start: int = 0, stop: int | None = None) -> Stream:
        from obstore import head_async

        checked(key)
        if stop is None:
            stop = (await _told(head_async(self._store, key), key))["size"]
        pieces = _Pieces(self._store, key, start, stop)
        await pieces.fetch()
        return pieces

    async def delete(self, key: str) -> None:
        from obstore import delete_async

        with suppress(Missing):
            await _told(delete_async(self._store, checked(key)), key)

    async def list(self) -> AsyncIterator[Blob]:
        from obstore import list as list_objects

        pages = list_objects(self._store, chunk_size=PAGE)
        while True:
            try:
                page = await _told(anext(pages))
            except StopAsyncIteration:
                return
            for one in page:
                if is_key(one["path"]):
                    yield Blob(one["path"], one["size"], one["last_modified"].timestamp())


class _Feed:
    """Hands parts to an upload, one at a time, and can have it fail."""

    def __init__(self) -> None:
        self._parts: asyncio.Queue[bytes | None] = asyncio.Queue(1)
        self._failed = False

    async def give(self, part: bytes | None, upload: Upload) -> None:
        """Give the next part, None after the last one. Raises `Unavailable` where the upload
        has ended before."""
        giving = asyncio.ensure_future(self._parts.put(part))
        both: list[asyncio.Future[Any]] = [giving, upload]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            given = giving.done()
        finally:
            giving.cancel()
        if not given:
            await _told(upload)
            raise Unavailable("the upload into the bucket ended too early")

    def fail(self) -> None:
        self._failed = True
        if self._parts.empty():
            self._parts.put_nowait(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        part = None if self._failed else await self._parts.get()
        if self._failed:
            raise InterruptedError("the upload was given up")
        if part is None:
            raise StopAsyncIteration
        return part


class _Pieces:
    def __init__(self, store: S3Store, key: str, start: int, stop: int) -> None:
        self._store = store
        self._key = key
        self._start = start
        self._stop = stop
        self._piece = b""

    async def fetch(self) -> None:
        """Get the next piece. Raises `Missing`."""
        from obstore import get_range_async

        end = min(self._start + PIECE, self._stop)
        if self._start >= end:
            return
        asked = get_range_async(self._store, self._key, start=self._start, end=end)
        piece = await _told(asked, self._key)
        self._piece = bytes(piece)
        self._start = end if self._piece else self._stop

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._piece:
            await self.fetch()
        piece, self._piece = self._piece, b""
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        self._start = self._stop
        self._piece = b""


async def _parts(data: AsyncIterable[bytes]) -> AsyncGenerator[bytes]:
    """`data` in parts of `PART` bytes, but for the last."""
    buffer = bytearray()
    async for piece in data:
        buffer += piece
        while len(buffer) >= PART:
            yield bytes(buffer[:PART])
            del buffer[:PART]
    if buffer:
        yield bytes(buffer)


async def _told(answer: Awaitable[T], key: str = "") -> T:
    """What S3 answers. Raises `Missing` where there is nothing under `key`, `Unavailable` for
    all else."""
    from obstore.exceptions import BaseError

    try:
        return await answer
    except (BaseError, OSError) as error:
        missing = isinstance(error, FileNotFoundError)
        if missing and "NoSuchBucket" in str(error):
            raise Unavailable("the bucket for files does not exist") from None
        if missing and key:
            raise Missing(key) from None
        raise Unavailable(f"the files cannot be reached: {_first_line(error)}") from None


async def _settled(upload: Upload) -> None:
    """Wait until the upload has ended, however often this is cancelled."""
    deadline = asyncio.get_running_loop().time() + ABANDON_S
    while not upload.done():
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            upload.cancel()
            return
        try:
            await asyncio.wait([upload], timeout=left)
        except asyncio.CancelledError:
            continue  # whoever called has one to raise already
    if not upload.cancelled():
        upload.exception()


def _first_line(error: Exception) -> str:
    """What is wrong, without what the library knows beside."""
    return str(error).partition("\n")[0].partition(": <?xml")[0]


def _parsed(address: str) -> tuple[str, str, str, str]:
    """Bucket, prefix, endpoint and region. Raises ValueError, with a text that quotes nothing."""
    parts = urlsplit(address)
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "credentials have no place in an address: give AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY in the environment"
        )
    if not parts.netloc:
        raise ValueError("the address of a bucket names it")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    endpoint, region = options.pop("endpoint", ""), options.pop("region", "")
    if options:
        raise ValueError("an address of a bucket has the options endpoint and region")
    if endpoint:
        there = urlsplit(endpoint)
        if there.scheme not in {"http", "https"} or not there.hostname or "@" in there.netloc:
            raise ValueError("an endpoint is like https://minio.example.com:9000")
    return parts.netloc, unquote(parts.path).strip("/"), endpoint, region


_: type[Blobs] = S3Blobs
