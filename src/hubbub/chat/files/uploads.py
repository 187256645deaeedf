"""Bringing files: from a stream of bytes to a row, or to nothing at all.

The bytes are kept first, looked at where they are, and known last: until there is a row nobody
finds them. What stops in between takes them back, and what a crash leaves is for the sweeper.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
)
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import NamedTuple

from hubbub import Refused, Unavailable
from hubbub.chat.events import File
from hubbub.chat.files.blobs import Blobs, Stream, new_id
from hubbub.chat.files.kinds import PICTURES, UNKNOWN, Sniffer, fits
from hubbub.chat.files.limits import FileLimits
from hubbub.chat.files.names import clean_name
from hubbub.chat.files.pictures import AVATAR_SIDE, NoPicture, Pictures
from hubbub.chat.files.rows import (
    ATTACHMENT,
    AVATAR,
    Stored,
    add,
    add_avatar,
    check_unsaid,
    discard,
    forget,
    show_avatar,
)
from hubbub.chat.files.whole import whole
from hubbub.chat.rules import INVALID
from hubbub.tables import Tables

log = logging.getLogger("hubbub.chat")

SLOW, TOO_LARGE, WRONG_TYPE, BUSY = 408, 413, 415, 429
"""Codes to refuse with: statuses of HTTP."""

AT_ONCE = 32
AT_ONCE_EACH = 6
"""Uploads under way on this server, of all users and of one."""

PIECE_S = 30.0
"""Seconds in which something more of a file has to come."""

UPLOAD_S = 900.0
"""Seconds that an upload may take, with all that is done to it."""

SCAN_S = 120.0
"""Seconds that a scanner may take."""


class Scan(NamedTuple):
    """A file that was brought and that nobody can see yet. `open` gives what is in it; close
    that (`contextlib.aclosing`)."""

    user: str
    name: str
    type: str
    size: int
    open: Callable[[], Awaitable[Stream]]


Scanner = Callable[[Scan], Awaitable[None]]
"""Looks at files: it raises `hubbub.Refused` for one that is not to be kept, and the reason is
for its user. Whatever else it raises, the file is not kept either."""


class Uploads:
    """Takes files of at most `limits`. `pictured` is called with a user who has another picture,
    `now` gives Unix seconds."""

    def __init__(
        self,
        tables: Tables,
        blobs: Blobs,
        limits: FileLimits,
        *,
        scanner: Scanner | None = None,
        pictured: Callable[[str], None] = lambda user: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._tables = tables
        self._blobs = blobs
        self._limits = limits
        self._scanner = scanner
        self._pictured = pictured
        self._now = now
        self._pictures = Pictures(limits.pixels)
        self._under_way: Counter[str] = Counter()

    async def attachment(
        self, user: str, name: str, body: AsyncIterable[bytes], length: int | None = None
    ) -> File:
        """Keep `body` as an attachment of the user's that is not said yet.

        `length` is what is known of its size before. Raises `Refused`, with a status of HTTP as
        the code, and `Unavailable`.
        """
        self._check_size(length or 0)
        await self._tables.read(check_unsaid, user, length or 1, self._limits)
        name = clean_name(name)
        async with self._bringing(user) as id:
            type, size = await self._take(id, body)
            self._check_type(type)
            await self._scan(id, user, name, type, size)
            width = height = None
            preview = False
            if type in PICTURES:
                try:
                    size, width, height, preview = await self._look(id, type, size)
                except NoPicture as error:
                    log.info("a file that begins like %s is no picture: %s", type, error)
                    type = UNKNOWN
                    self._check_type(type)
            file = Stored(
                id, ATTACHMENT, user, None, name, type, size, width, height, preview, self._ms()
            )
            await self._tables.write(add, file, self._limits)
        return file.file

    async def avatar(
        self, user: str, body: AsyncIterable[bytes], length: int | None = None
    ) -> Stored:
        """Show the middle of the picture `body` as the user's. Raises as `attachment` does."""
        self._check_size(length or 0)
        async with self._bringing(user) as id:
            type, size = await self._take(id, body)
            if type not in PICTURES:
                raise Refused("a picture is a PNG, JPEG, GIF, WEBP or AVIF", WRONG_TYPE)
            await self._scan(id, user, "avatar", type, size)
            try:
                async with aclosing(await self._blobs.open(id)) as data:
                    picture = await self._pictures.square(data, type)
            except NoPicture:
                raise Refused(
                    "this picture cannot be decoded, or has too many pixels", INVALID
                ) from None
            size = await self._blobs.put(id, _once(picture))
            side = AVATAR_SIDE
            file = Stored(
                id, AVATAR, user, None, "avatar.webp", "image/webp", size, side, side, False,
                self._ms(),
            )  # fmt: skip
            await self._tables.write(add_avatar, file)
        self._pictured(user)
        return file

    async def no_avatar(self, user: str) -> None:
        """Show the generated picture of the user again."""
        await self._tables.write(show_avatar, user, None, self._ms())
        self._pictured(user)

    async def discard(self, user: str, id: str) -> bool:
        """Let go of an attachment of the user's that was not said. Whether there was one."""
        return await self._tables.write(discard, user, id, self._ms())

    def _ms(self) -> int:
        return int(self._now() * 1000)

    def _check_size(self, size: int) -> None:
        if size > self._limits.size:
            raise Refused(f"a file has at most {self._limits.size} bytes", TOO_LARGE)

    def _check_type(self, type: str) -> None:
        limits = self._limits
        if fits(type, limits.denied) or (limits.allowed and not fits(type, limits.allowed)):
            raise Refused(
                f"files of this type are not taken here: it is {type}, by what is in it",
                WRONG_TYPE,
            )

    @asynccontextmanager
    async def _bringing(self, user: str) -> AsyncIterator[str]:
        """An id for what is brought; unless all went well, nothing is kept under it."""
        with self._counted(user):
            id = new_id()
            try:
                async with asyncio.timeout(UPLOAD_S) as deadline:
                    yield id
            except BaseException:
                await whole(self._take_back(id))
                if deadline.expired():
                    raise Refused("the upload took too long: try again", SLOW) from None
                raise

    @contextmanager
    def _counted(self, user: str) -> Iterator[None]:
        under_way = self._under_way
        if under_way[user] >= AT_ONCE_EACH or under_way.total() >= AT_ONCE:
            raise Refused("too many uploads at once: wait until some are done", BUSY)
        under_way[user] += 1
        try:
            yield
        finally:
            under_way[user] -= 1
            if not under_way[user]:
                del under_way[user]

    async def _take(self, id: str, body: AsyncIterable[bytes]) -> tuple[str, int]:
        """Keep what comes. Returns its type and its size."""
        sniffer = Sniffer()
        async with aclosing(self._watched(body, sniffer)) as data:
            size = await self._blobs.put(id, data)
        if not size:
            raise Refused("this file is empty", INVALID)
        return sniffer.type(), size

    async def _watched(self, body: AsyncIterable[bytes], sniffer: Sniffer) -> AsyncGenerator[bytes]:
        size = 0
        pieces = aiter(body)
        while True:
            try:
                async with asyncio.timeout(PIECE_S):
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise Refused("nothing more of the file came: try again", SLOW) from None
            size += len(piece)
            self._check_size(size)
            sniffer.feed(piece)
            yield piece

    async def _scan(self, id: str, user: str, name: str, type: str, size: int) -> None:
        if self._scanner is None:
            return
        try:
            async with asyncio.timeout(SCAN_S) as deadline:
                await self._scanner(Scan(user, name, type, size, lambda: self._blobs.open(id)))
        except Refused as refused:
            log.warning("a file of user %s was refused by the scanner", user)
            raise Refused(refused.reason, INVALID) from None
        except TimeoutError:
            if not deadline.expired():
                raise
            raise Unavailable("the scanner of files does not answer") from None

    async def _look(self, id: str, type: str, size: int) -> tuple[int, int, int, bool]:
        """Make the picture ready to be shown. Returns its bytes, width and height, and whether
        there is a smaller one. Raises `NoPicture`."""
        async with (
            aclosing(await self._blobs.open(id)) as data,
            self._pictures.look(data, type) as picture,
        ):
            if picture.cleaned is not None:
                sniffer = Sniffer()
                size = await self._blobs.put(id, self._watched(picture.cleaned, sniffer))
                if sniffer.type() != type:
                    raise NoPicture("it is another one when cleaned")
            if picture.preview:
                await self._blobs.put(preview_key(id), _once(picture.preview))
            return size, picture.width, picture.height, bool(picture.preview)

    async def _take_back(self, id: str) -> None:
        try:
            # A write that was cancelled may have been carried out.
            await self._tables.write(forget, [id])
            await delete_blobs(self._blobs, id)
        except Unavailable as error:
            log.warning("an upload that failed is left to the sweeper: %s", error)


def preview_key(id: str) -> str:
    """Under which the smaller picture of a file is kept; the file itself is under its id."""
    return f"{id}-preview"


async def delete_blobs(blobs: Blobs, id: str) -> None:
    """Delete what is in a file."""
    await blobs.delete(preview_key(id))
    await blobs.delete(id)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
