"""Files through a real server and real sockets: clients that go away, and that do not stop."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from blockbuster import blockbuster_ctx
from tests.chat.files.blob_laws import BIG, listed
from tests.chat.files.conftest import add_people
from tests.chat.files.pictures import noted, picture
from tests.chat.files.site import Rooms, site
from tests.support.chat import database
from tests.support.server import Local, serving
from tests.support.tables import Watched, watched

from hubbub.chat.files.disk import DiskBlobs
from hubbub.chat.files.limits import FileLimits
from hubbub.chat.files.rows import check_unsaid
from hubbub.chat.web import PREFIX

LIMITS = FileLimits(size=1_000_000, unsaid=1)

FILES = f"{PREFIX}/files"


@pytest.fixture
async def tables(tmp_path: Path) -> AsyncIterator[Watched]:
    async with watched(await database("sqlite", tmp_path)) as tables:
        await tables.write(add_people)
        yield tables


@pytest.fixture
def blobs(tmp_path: Path) -> DiskBlobs:
    return DiskBlobs(tmp_path / "files")


@pytest.fixture
async def server(tables: Watched, blobs: DiskBlobs) -> AsyncIterator[Local]:
    async with serving(site(tables, blobs, LIMITS, Rooms())) as server:
        yield server


async def connect(server: Local, head: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    request = f"POST {FILES}?name=a HTTP/1.1\r\nHost: chat\r\nX-User: ann\r\n{head}\r\n\r\n"
    writer.write(request.encode())
    return reader, writer


async def idle(server: Local) -> None:
    """Until the application has nothing more to do."""
    async with asyncio.timeout(20):
        while server.tasks:  # noqa: ASYNC110 -- the server tells nobody
            await asyncio.sleep(0.001)


async def begun(server: Local, blobs: DiskBlobs, size: int) -> None:
    """Until so many bytes of an upload are on the disk."""
    async with asyncio.timeout(20):
        while sum((await listed(blobs)).values()) < size:  # noqa: ASYNC110 -- the disk tells nobody
            await asyncio.sleep(0.001)


async def test_a_client_that_goes_away_leaves_nothing(
    server: Local, tables: Watched, blobs: DiskBlobs, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):  # more than one may have waiting
        _, writer = await connect(server, "Content-Length: 900000")
        writer.write(b"a" * 700_000)
        await begun(server, blobs, 262_144)
        writer.transport.abort()
        await idle(server)
        assert await listed(blobs) == {}
        await tables.read(check_unsaid, "ann", 1, LIMITS)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_what_is_too_large_is_answered_and_not_read_on(
    server: Local, blobs: DiskBlobs
) -> None:
    reader, writer = await connect(server, "Transfer-Encoding: chunked")
    sent = 0

    async def send() -> None:
        nonlocal sent
        with suppress(ConnectionError):
            while True:
                writer.write(b"10000\r\n" + b"a" * 65_536 + b"\r\n")
                await writer.drain()
                sent += 65_536

    sending = asyncio.create_task(send())
    async with asyncio.timeout(20):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" in head.lower()
        await sending  # the connection ends
    assert sent < 20_000_000
    assert await listed(blobs) == {}
    writer.close()


async def test_what_says_that_it_is_too_large_is_answered_at_once(
    server: Local, tables: Watched
) -> None:
    reader, writer = await connect(server, "Content-Length: 1000001")
    async with asyncio.timeout(20):
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 413 ")
        await reader.read()
    assert tables.reads == 0
    writer.close()


async def test_a_file_goes_up_and_comes_down(server: Local) -> None:
    data = BIG[:1_000_000]
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{server.port}", headers={"x-user": "ann"}
    ) as client:
        answer = await client.post(FILES, content=data, params={"name": "Größe.bin"})
        assert answer.status_code == 201
        where = f"{FILES}/{answer.json()['id']}"
        down = await client.get(where)
        assert down.content == data
        assert "filename*=UTF-8''Gr%C3%B6%C3%9Fe.bin" in down.headers["content-disposition"]
        part = await client.get(where, headers={"range": "bytes=-5"})
        assert (part.status_code, part.content) == (206, data[-5:])
        head = await client.head(where)
        assert (head.headers["content-length"], head.content) == ("1000000", b"")
        kept = await client.get(where, headers={"if-none-match": down.headers["etag"]})
        assert (kept.status_code, kept.content) == (304, b"")
        none = await client.get(where, headers={"range": "bytes=1000000-"})
        assert (none.status_code, none.content) == (416, b"")


async def test_who_stops_reading_a_file_holds_nothing_up(server: Local, tables: Watched) -> None:
    data = BIG[:1_000_000]
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{server.port}", headers={"x-user": "ann"}
    ) as client:
        answer = await client.post(FILES, content=data)
        where = f"{FILES}/{answer.json()['id']}"
        async with client.stream("GET", where) as slow:
            assert slow.status_code == 200
            assert (await client.get(where)).content == data
    await idle(server)


async def test_nothing_of_it_blocks_the_loop(server: Local) -> None:
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{server.port}", headers={"x-user": "ann"}
    ) as client:
        with blockbuster_ctx("hubbub.chat.files"):
            shown = await client.put(f"{PREFIX}/users/me/avatar", content=picture())
            answer = await client.post(FILES, content=noted("JPEG", (900, 600)))
            for path in ("", "/preview"):
                down = await client.get(f"{FILES}/{answer.json()['id']}{path}")
                assert down.status_code == 200
        assert (shown.status_code, answer.status_code) == (204, 201)
