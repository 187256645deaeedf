"""Bringing files: what is kept of them, and that nothing is kept of what is not."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select
from tests.chat.files.blob_laws import listed, read, stream
from tests.chat.files.pictures import GPS, bomb, noted, opened, picture, polyglot
from tests.support.tables import Watched

from hubbub import Refused, Unavailable
from hubbub.chat.events import File
from hubbub.chat.files import pictures, uploads
from hubbub.chat.files.disk import DiskBlobs
from hubbub.chat.files.kinds import TEXT, UNKNOWN
from hubbub.chat.files.limits import FileLimits
from hubbub.chat.files.rows import AVATAR, Stored, attach, find_file
from hubbub.chat.files.uploads import Scan, Scanner, Uploads, preview_key
from hubbub.chat.schema import files as rows
from hubbub.chat.schema import users

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
MEGABYTE = b"a" * 1_000_000


@pytest.fixture
def make(tables: Watched, blobs: DiskBlobs) -> Any:
    def make(scanner: Scanner | None = None, **limits: Any) -> Uploads:
        return Uploads(tables, blobs, FileLimits(**limits), scanner=scanner, now=lambda: 1.5)

    return make


def everything(connection: Connection) -> list[Any]:
    return list(connection.execute(select(rows.c.id)).scalars())


def every_file(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


async def nothing_is_kept(tables: Watched, blobs: DiskBlobs, folder: Path) -> bool:
    return not every_file(folder) and not await listed(blobs) and not await tables.read(everything)


async def test_a_file_is_kept_and_known(make: Any, tables: Watched, blobs: DiskBlobs) -> None:
    file = await make().attachment("ann", "notes.txt", stream(b"Hello"), 5)
    assert file == File(file.id, "notes.txt", TEXT, 5)
    assert await read(blobs, file.id) == b"Hello"
    stored = await tables.read(find_file, file.id)
    assert stored == Stored(
        file.id, "attachment", "ann", None, "notes.txt", TEXT, 5, None, None, False, 1500
    )


async def test_a_picture_is_kept_without_its_place_and_with_a_smaller_one(
    make: Any, blobs: DiskBlobs
) -> None:
    data = noted("JPEG", (1000, 500), orientation=6)
    file = await make().attachment("ann", "me.jpg", stream(data))
    kept = await read(blobs, file.id)
    assert file == File(file.id, "me.jpg", "image/jpeg", len(kept), 500, 1000, True)
    assert len(kept) < len(data)
    assert GPS not in kept
    assert opened(kept).size == (1000, 500)
    assert opened(await read(blobs, preview_key(file.id))).size == (320, 640)
    assert len(await listed(blobs)) == 2


async def test_a_small_picture_is_kept_as_it_is(make: Any, blobs: DiskBlobs) -> None:
    file = await make().attachment("ann", "a.png", stream(picture()))
    assert (file.type, file.width, file.height, file.preview) == ("image/png", 60, 40, False)
    assert await listed(blobs) == {file.id: len(picture())}


@pytest.mark.parametrize(
    ("data", "name", "type"),
    [
        (SVG, "cat.png", TEXT),
        (b"<script>alert(1)</script>", "cat.jpg", TEXT),
        (bomb(), "cat.png", UNKNOWN),
        (b"GIF89a/*" + b"*/=alert(1)//", "cat.gif", UNKNOWN),
        (picture("TIFF"), "cat.tif", UNKNOWN),
        (picture("PNG")[:-40], "cat.png", UNKNOWN),
        (b"\xff\xd8\xff" + SVG, "cat.jpg", UNKNOWN),
        (picture("PDF"), "cat.png", "application/pdf"),
    ],
    ids=["svg", "html", "bomb", "polyglot", "tiff", "short", "jpeg-svg", "pdf"],
)
async def test_what_is_no_picture_is_kept_to_be_downloaded_whatever_it_is_called(
    make: Any, blobs: DiskBlobs, data: bytes, name: str, type: str
) -> None:
    file = await make().attachment("ann", name, stream(data))
    assert file == File(file.id, name, type, len(data))
    assert await read(blobs, file.id) == data
    assert list(await listed(blobs)) == [file.id]


async def test_a_picture_that_is_a_script_as_well_is_only_a_picture_when_kept(
    make: Any, blobs: DiskBlobs
) -> None:
    file = await make().attachment("ann", "cat.gif", stream(polyglot()))
    assert file.type == "image/gif"
    assert b"script" not in await read(blobs, file.id)


async def test_a_name_is_kept_for_people_alone(make: Any, folder: Path) -> None:
    file = await make().attachment("ann", "../../x\r\nSet-Cookie: a=b/\u202egnp.exe", stream(b"a"))
    assert file.name == "gnp.exe"
    assert every_file(folder) == {file.id}


async def test_exactly_the_limit_is_taken_and_a_byte_more_is_not(
    make: Any, tables: Watched, blobs: DiskBlobs, folder: Path
) -> None:
    bring = make(size=1000)
    with pytest.raises(Refused, match="at most 1000 bytes") as caught:
        await bring.attachment("ann", "a", stream(b"a" * 1001, 100))
    assert caught.value.code == 413
    assert await nothing_is_kept(tables, blobs, folder)
    assert (await bring.attachment("ann", "a", stream(b"a" * 1000, 100))).size == 1000


async def test_too_large_is_known_early_or_as_soon_as_it_is(make: Any) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 100
            yield b"a" * 100

    bring = make(size=1000)
    with pytest.raises(Refused) as caught:
        await bring.attachment("ann", "a", endless(), 1001)
    assert (caught.value.code, taken) == (413, 0)
    with pytest.raises(Refused) as caught:
        await bring.attachment("ann", "a", endless(), 10)
    assert (caught.value.code, taken) == (413, 1100)


async def test_nothing_is_no_file(
    make: Any, tables: Watched, blobs: DiskBlobs, folder: Path
) -> None:
    for pieces in (stream(b""), stream(b"", 1)):
        with pytest.raises(Refused, match="empty") as caught:
            await make().attachment("ann", "a", pieces)
        assert caught.value.code == 422
    assert await nothing_is_kept(tables, blobs, folder)


async def test_an_upload_that_is_broken_off_leaves_nothing(
    make: Any, tables: Watched, blobs: DiskBlobs, folder: Path
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield MEGABYTE
        raise ConnectionResetError

    bring = make()
    for upload in (bring.attachment("ann", "a", broken()), bring.avatar("ann", broken())):
        with pytest.raises(ConnectionResetError):
            await upload
    assert await nothing_is_kept(tables, blobs, folder)


class Steps:
    """Blobs or tables that an upload goes through, and that cancel it at one of its steps."""

    def __init__(self, real: Any, steps: list[str], at: int, when: str) -> None:
        self._real = real
        self._steps = steps
        self._at = at
        self._when = when

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)

        async def step(*args: Any, **kwargs: Any) -> Any:
            self._steps.append(name)
            when = self._when if len(self._steps) == self._at else ""
            task = asyncio.current_task()
            assert task is not None
            if when == "before":
                task.cancel()
            if when == "before" and name == "write":  # which is carried out all the same
                return await asyncio.shield(real(*args, **kwargs))
            done = await real(*args, **kwargs)
            if when == "after":
                task.cancel()
                if name == "put":
                    await asyncio.sleep(0)
            return done

        return step


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(1, 8))
async def test_cancelled_at_any_step_an_upload_leaves_nothing_or_is_whole(
    tables: Watched, blobs: DiskBlobs, folder: Path, at: int, when: str
) -> None:
    # The quota is read, the file is put, opened, put again and previewed, and known: six steps.
    steps: list[str] = []
    bring = Uploads(
        Steps(tables, steps, at, when), Steps(blobs, steps, at, when), FileLimits(), now=lambda: 1
    )
    upload = bring.attachment("ann", "a.jpg", stream(noted("JPEG", (900, 600))))
    (done,) = await asyncio.gather(asyncio.create_task(upload), return_exceptions=True)
    if at == 7 or (at, when) == (6, "after"):
        assert isinstance(done, File if at == 7 else asyncio.CancelledError)
        assert steps == ["read", "put", "open", "put", "put", "write"]
        assert (len(await listed(blobs)), len(await tables.read(everything))) == (2, 1)
    else:
        assert isinstance(done, asyncio.CancelledError)
        assert await nothing_is_kept(tables, blobs, folder)


async def test_where_the_database_is_away_nothing_is_kept_or_all_is_left_to_the_sweeper(
    make: Any,
    tables: Watched,
    blobs: DiskBlobs,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(Unavailable):
        tables.away = True
        await make().attachment("ann", "secret name", stream(b"a"))
    tables.away = False
    assert await nothing_is_kept(tables, blobs, folder)

    async def going_away() -> AsyncIterator[bytes]:
        yield b"secret text"
        tables.away = True

    with pytest.raises(Unavailable):
        await make().attachment("ann", "secret name", going_away())
    assert len(await listed(blobs)) == 1
    assert "left to the sweeper" in caplog.text
    assert "secret" not in caplog.text


async def test_only_so_much_is_brought_and_not_said(
    make: Any, tables: Watched, blobs: DiskBlobs
) -> None:
    bring = make(unsaid=2, unsaid_size=1000)
    first = await bring.attachment("ann", "a", stream(b"a" * 600))

    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("this is known before")
        yield b""

    with pytest.raises(Refused, match="sent yet") as caught:
        await bring.attachment("ann", "a", unread(), 401)
    assert caught.value.code == 409
    with pytest.raises(Refused, match="sent yet"):
        await bring.attachment("ann", "a", stream(b"a" * 401))
    assert list(await listed(blobs)) == [first.id]
    await bring.attachment("ann", "a", stream(b"a" * 400))
    with pytest.raises(Refused, match="sent yet"):
        await bring.attachment("ann", "a", unread())
    await tables.write(attach, "room", 1, [first.id])
    third = await bring.attachment("ann", "a", stream(b"a"))
    assert await bring.discard("ann", third.id)
    assert not await bring.discard("ann", third.id)
    await bring.attachment("ann", "a", stream(b"a"))


async def test_uploads_at_once_are_kept_apart_and_counted(make: Any, blobs: DiskBlobs) -> None:
    bring = make(unsaid=4)
    data = [bytes([65 + number]) * 100_000 for number in range(6)]
    done = await asyncio.gather(
        *(bring.attachment("ann", "a", stream(one, 5000)) for one in data), return_exceptions=True
    )
    kept = {number: one for number, one in enumerate(done) if isinstance(one, File)}
    assert len(kept) == 4
    assert all(isinstance(one, File | Refused) for one in done)
    for number, file in kept.items():
        assert await read(blobs, file.id) == data[number]
    assert len(await listed(blobs)) == 4


async def test_one_user_has_only_so_many_uploads_under_way(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = asyncio.Event()
    under_way: list[str] = []

    async def waiting(user: str) -> AsyncIterator[bytes]:
        under_way.append(user)
        await go.wait()
        yield b"a"

    bring = make()

    def begin(user: str) -> asyncio.Task[File]:
        return asyncio.create_task(bring.attachment(user, "a", waiting(user)))

    async def begun(count: int) -> None:
        async with asyncio.timeout(20):
            while len(under_way) < count:  # noqa: ASYNC110 -- it is counted, not told
                await asyncio.sleep(0)

    tasks = [begin("ann") for _ in range(uploads.AT_ONCE_EACH)]
    await begun(len(tasks))
    with pytest.raises(Refused, match="at once") as caught:
        await begin("ann")
    assert caught.value.code == 429
    with pytest.raises(Refused, match="at once"):
        await bring.avatar("ann", stream(picture()))
    tasks.append(begin("bob"))
    await begun(len(tasks))
    monkeypatch.setattr(uploads, "AT_ONCE", len(tasks))
    with pytest.raises(Refused, match="at once"):
        await begin("bob")
    go.set()
    await asyncio.gather(*tasks)
    await begin("ann")


@pytest.mark.parametrize(
    ("limits", "data", "taken"),
    [
        ({"allowed": ["image/*"]}, picture(), True),
        ({"allowed": ["image/*"]}, b"text", False),
        ({"allowed": ["image/*"]}, picture()[:-30], False),
        ({"allowed": ["text/plain", "image/gif"]}, picture(), False),
        ({"denied": ["image/png"]}, picture(), False),
        ({"denied": ["image/png"]}, picture("GIF"), True),
        ({"denied": ["application/*"]}, b"\x7fELF\x00", False),
        ({"allowed": ["image/*"], "denied": ["image/gif"]}, picture("GIF"), False),
    ],
)
async def test_types_are_taken_by_what_they_are(
    make: Any,
    tables: Watched,
    blobs: DiskBlobs,
    folder: Path,
    limits: dict[str, Any],
    data: bytes,
    taken: bool,
) -> None:
    upload = make(**limits).attachment("ann", "a.png", stream(data))
    if taken:
        assert await read(blobs, (await upload).id) == data
    else:
        with pytest.raises(Refused, match="not taken here") as caught:
            await upload
        assert caught.value.code == 415
        assert await nothing_is_kept(tables, blobs, folder)


@pytest.mark.parametrize("pattern", ["*", "image", "image/", "image/**", "Image/png", "*/*"])
def test_a_pattern_of_types_that_fits_nothing_is_a_mistake(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        FileLimits(denied=(pattern,))


# The scanner.


async def test_a_scanner_sees_the_file_before_anybody_and_before_a_decoder(
    make: Any, tables: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    async def scanner(scan: Scan) -> None:
        async with aclosing(await scan.open()) as data:
            seen.append((scan[:4], b"".join([piece async for piece in data])))
        assert await tables.read(everything) == []
        assert decoded == []

    decoded: list[object] = []
    program = pictures._PROGRAM
    monkeypatch.setattr(pictures, "_PROGRAM", Noted(program, decoded))
    data = noted("PNG")
    await make(scanner).attachment("ann", "../a.png", stream(data))
    assert seen == [(("ann", "a.png", "image/png", len(data)), data)]
    assert decoded


class Noted(list[str]):
    def __init__(self, items: list[str], used: list[object]) -> None:
        super().__init__(items)
        self._used = used

    def __iter__(self) -> Any:
        self._used.append(None)
        return super().__iter__()


async def test_what_a_scanner_refuses_is_not_kept_and_its_user_is_told_why(
    make: Any,
    tables: Watched,
    blobs: DiskBlobs,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scanner(scan: Scan) -> None:
        raise Refused("this file has a virus", 4500)

    bring = make(scanner)
    for upload in (
        bring.attachment("ann", "secret.txt", stream(b"secret")),
        bring.avatar("ann", stream(picture())),
    ):
        with pytest.raises(Refused, match="has a virus") as caught:
            await upload
        assert caught.value.code == 422
    assert await nothing_is_kept(tables, blobs, folder)
    assert "ann" in caplog.text
    assert "secret" not in caplog.text


async def test_what_a_scanner_could_not_scan_is_not_kept(
    make: Any,
    tables: Watched,
    blobs: DiskBlobs,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(scan: Scan) -> None:
        raise ZeroDivisionError

    async def own_timeout(scan: Scan) -> None:
        raise TimeoutError

    async def stuck(scan: Scan) -> None:
        await asyncio.Event().wait()

    for scanner, error in ((broken, ZeroDivisionError), (own_timeout, TimeoutError)):
        with pytest.raises(error):
            await make(scanner).attachment("ann", "a", stream(b"a"))
    monkeypatch.setattr(uploads, "SCAN_S", 0.01)
    with pytest.raises(Unavailable, match="scanner"):
        await make(stuck).attachment("ann", "a", stream(b"a"))
    assert await nothing_is_kept(tables, blobs, folder)


# Time.


async def test_an_upload_that_stands_still_is_ended(
    make: Any,
    tables: Watched,
    blobs: DiskBlobs,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def still() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.Event().wait()

    monkeypatch.setattr(uploads, "PIECE_S", 0.01)
    with pytest.raises(Refused, match="nothing more") as caught:
        await make().attachment("ann", "a", still())
    assert caught.value.code == 408
    monkeypatch.setattr(uploads, "PIECE_S", 20)
    monkeypatch.setattr(uploads, "UPLOAD_S", 0.01)
    with pytest.raises(Refused, match="too long") as caught:
        await make().attachment("ann", "a", still())
    assert caught.value.code == 408
    assert await nothing_is_kept(tables, blobs, folder)


# Avatars.


def avatar_of(connection: Connection, user: str) -> str | None:
    found: str | None = connection.scalar(select(users.c.avatar).where(users.c.id == user))
    return found


async def test_a_picture_of_oneself_is_the_middle_of_what_was_brought(
    make: Any, tables: Watched, blobs: DiskBlobs
) -> None:
    file = await make().avatar("ann", stream(noted("PNG", (900, 500))))
    data = await read(blobs, file.id)
    assert (opened(data).format, opened(data).size) == ("WEBP", (256, 256))
    assert GPS not in data
    assert file == Stored(
        file.id, AVATAR, "ann", None, "avatar.webp", "image/webp", len(data), 256, 256, False, 1500
    )
    assert await tables.read(find_file, file.id) == file
    assert await tables.read(avatar_of, "ann") == file.id
    assert list(await listed(blobs)) == [file.id]


async def test_another_picture_takes_the_place_of_the_one_before(
    make: Any, tables: Watched
) -> None:
    bring = make()
    first = await bring.avatar("ann", stream(picture()))
    second = await bring.avatar("ann", stream(picture("GIF")))
    assert await tables.read(avatar_of, "ann") == second.id
    assert await tables.read(find_file, first.id) is None
    await bring.no_avatar("ann")
    assert await tables.read(avatar_of, "ann") is None
    assert await tables.read(find_file, second.id) is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (SVG, 415),
        (picture("PDF"), 415),
        (bomb(), 422),
        (picture()[:-30], 422),
        (b"", 422),
        (MEGABYTE * 2, 413),
    ],
    ids=["svg", "pdf", "bomb", "short", "empty", "large"],
)
async def test_what_cannot_be_shown_is_no_picture_of_anybody(
    make: Any, tables: Watched, blobs: DiskBlobs, folder: Path, data: bytes, code: int
) -> None:
    with pytest.raises(Refused) as caught:
        await make(size=1_500_000).avatar("ann", stream(data))
    assert caught.value.code == code
    assert await nothing_is_kept(tables, blobs, folder)
    assert await tables.read(avatar_of, "ann") is None


async def test_no_name_and_no_text_is_logged(make: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "hubbub")
    await make().attachment("ann", "planted-name.png", stream(picture()[:-30] + b"planted-text"))
    with pytest.raises(Refused):
        await make(denied=["text/*"]).attachment("ann", "planted-name", stream(b"planted-text"))
    assert "no picture" in caplog.text
    assert "planted" not in caplog.text
