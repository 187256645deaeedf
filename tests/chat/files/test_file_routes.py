"""Files over HTTP: who may have them, and under which headers nothing in them runs."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response
from sqlalchemy import Connection, select
from tests.chat.files.blob_laws import listed, read, stream
from tests.chat.files.pictures import GPS, bomb, noted, opened, picture, polyglot
from tests.chat.files.site import Rooms, site
from tests.support.tables import Watched

from hubbub.chat.files.blobs import new_id
from hubbub.chat.files.disk import DiskBlobs
from hubbub.chat.files.limits import FileLimits
from hubbub.chat.files.routes import avatars
from hubbub.chat.files.rows import attach, detach
from hubbub.chat.files.uploads import AT_ONCE_EACH
from hubbub.chat.schema import users

FILES = "/api/chat/v1/files"
AVATAR = "/api/chat/v1/users/me/avatar"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(document.cookie)</script>"


@pytest.fixture
def rooms() -> Rooms:
    return Rooms()


@pytest.fixture
def app(tables: Watched, blobs: DiskBlobs, rooms: Rooms) -> FastAPI:
    return site(tables, blobs, FileLimits(size=2_000_000, unsaid=5), rooms)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://chat", headers={"x-user": "ann"}
    ) as client:
        yield client


async def bring(
    client: httpx.AsyncClient, data: bytes = b"Hello, world", name: str = "a.txt", **headers: str
) -> dict[str, Any]:
    answer = await client.post(FILES, content=data, params={"name": name}, headers=headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def told(answer: httpx.Response, status: int) -> str:
    """What the problem is."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    detail: str = answer.json()["detail"]
    return detail


def is_missing(answer: httpx.Response) -> bool:
    """A-10: the same answer for what is not there and what is not for whoever asks."""
    return (answer.status_code, answer.json()) == (
        404,
        {
            "type": "/problems/no-file",
            "title": "No such file",
            "status": 404,
            "detail": "There is no such file, or it is not for you.",
        },
    ) and answer.headers["cache-control"] == "no-store"


# Bringing.


async def test_a_file_is_brought_and_had_again(client: httpx.AsyncClient) -> None:
    file = await bring(client, b"Hello", "a b.txt")
    assert file == {
        "id": file["id"],
        "name": "a b.txt",
        "type": "text/plain; charset=utf-8",
        "size": 5,
        "width": None,
        "height": None,
        "preview": False,
    }
    for path in ("", "/a%20b.txt", "/anything-else", "/preview"):
        answer = await client.get(f"{FILES}/{file['id']}{path}")
        assert (answer.status_code, answer.content) == (200, b"Hello")


async def test_what_a_client_says_of_the_type_is_not_looked_at(client: httpx.AsyncClient) -> None:
    for said in ("image/png", "text/html", "multipart/form-data; boundary=x", "nonsense"):
        file = await bring(client, HTML, "a.png", **{"content-type": said})
        assert file["type"] == "text/plain; charset=utf-8"
        await client.delete(f"{FILES}/{file['id']}")


async def test_nobody_and_guests_bring_nothing(client: httpx.AsyncClient, blobs: DiskBlobs) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("nothing of it is to be read")
        yield b""

    for method, path in (("POST", FILES), ("PUT", AVATAR)):
        answer = await client.request(method, path, content=never(), headers={"x-user": ""})
        told(answer, 401)
        answer = await client.request(method, path, content=never(), headers={"x-user": "guest"})
        told(answer, 403)
    assert await listed(blobs) == {}


async def test_another_sites_page_brings_nothing(client: httpx.AsyncClient) -> None:
    origin = {"origin": "http://evil"}
    told(await client.post(FILES, content=b"a", headers=origin), 403)
    told(await client.put(AVATAR, content=picture(), headers=origin), 403)
    file = await bring(client)
    told(await client.delete(f"{FILES}/{file['id']}", headers=origin), 403)


async def test_exactly_the_limit_is_taken_and_a_byte_more_is_not(
    client: httpx.AsyncClient, blobs: DiskBlobs
) -> None:
    await bring(client, b"a" * 2_000_000)
    for content in (b"a" * 2_000_001, stream(b"a" * 2_000_001)):
        answer = await client.post(FILES, content=content)
        assert "at most 2000000 bytes" in told(answer, 413)
        assert answer.headers["connection"] == "close"
    assert len(await listed(blobs)) == 1


async def test_what_is_too_large_is_not_read_on(client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 100_000
            yield b"a" * 100_000

    told(await client.post(FILES, content=endless()), 413)
    assert sent == 2_100_000
    length = {"content-length": "2000001"}
    told(await client.post(FILES, content=endless(), headers=length), 413)
    assert sent == 2_100_000


@pytest.mark.parametrize("length", ["-1", "1e3", "٣", "9" * 400, "+5", " "])
async def test_a_length_that_is_none_does_no_harm(client: httpx.AsyncClient, length: str) -> None:
    headers = httpx.Headers({"content-length": length}, encoding="utf-8")
    answer = await client.post(FILES, content=stream(b"Hello"), headers=headers)
    assert answer.status_code == 201


async def test_what_is_refused_is_told_as_a_problem(
    client: httpx.AsyncClient, blobs: DiskBlobs
) -> None:
    assert "empty" in told(await client.post(FILES, content=b""), 422)
    assert "name" in told(await client.post(FILES, content=b"a", params={"name": "a" * 1001}), 422)
    for _ in range(5):
        await bring(client)
    assert "sent yet" in told(await client.post(FILES, content=b"a"), 409)


async def test_too_many_uploads_at_once_are_told_when_to_come_back(
    client: httpx.AsyncClient,
) -> None:
    go = asyncio.Event()
    begun = asyncio.Semaphore(0)

    async def waiting() -> AsyncIterator[bytes]:
        begun.release()
        await go.wait()
        yield b"a"

    tasks = [
        asyncio.create_task(client.post(FILES, content=waiting())) for _ in range(AT_ONCE_EACH)
    ]
    for _ in tasks:
        await begun.acquire()
    answer = await client.post(FILES, content=b"a")
    told(answer, 429)
    assert int(answer.headers["retry-after"]) > 0
    go.set()
    await asyncio.gather(*tasks)


async def test_a_file_of_ones_own_is_let_go_until_it_is_said(
    client: httpx.AsyncClient, tables: Watched
) -> None:
    file, said = await bring(client), await bring(client)
    await tables.write(attach, "room", 1, [said["id"]])
    path = f"{FILES}/{file['id']}"
    assert is_missing(await client.delete(path, headers={"x-user": "bob"}))
    assert is_missing(await client.delete(f"{FILES}/{said['id']}"))
    assert (await client.delete(path)).status_code == 204
    assert is_missing(await client.delete(path))
    assert is_missing(await client.get(path))


# Who may see.


async def test_a_file_that_was_not_said_is_for_who_brought_it_alone(
    client: httpx.AsyncClient,
) -> None:
    file = await bring(client, noted("JPEG", (900, 600)))
    for path in ("", "/a.jpg", "/preview"):
        where = f"{FILES}/{file['id']}{path}"
        assert (await client.get(where)).status_code == 200
        assert is_missing(await client.get(where, headers={"x-user": "bob"}))
        told(await client.get(where, headers={"x-user": ""}), 401)


async def test_a_file_that_was_said_is_for_who_may_read_the_room(
    client: httpx.AsyncClient, tables: Watched, rooms: Rooms
) -> None:
    file = await bring(client)
    await tables.write(attach, "room", 1, [file["id"]])
    where = f"{FILES}/{file['id']}"
    for user, may in (("ann", True), ("bob", True), ("eve", False), ("guest", False)):
        answer = await client.get(where, headers={"x-user": user})
        assert answer.status_code == 200 if may else is_missing(answer)
    rooms.readers["room"] = {"bob"}
    assert is_missing(await client.get(where))  # not even for who brought it
    await tables.write(detach, "room", [1], 5)
    assert is_missing(await client.get(where, headers={"x-user": "bob"}))


async def test_what_is_not_there_is_answered_as_what_is_not_for_one(
    client: httpx.AsyncClient,
) -> None:
    for id in (new_id(), "a", "%00", "a" * 300, "'"):
        for method in ("GET", "DELETE"):
            assert is_missing(await client.request(method, f"{FILES}/{id}"))
    for id in ("..", "%2e%2e%2f%2e%2e%2fetc%2fpasswd"):
        assert (await client.get(f"{FILES}/{id}")).status_code == 404


async def test_a_file_whose_bytes_are_lost_is_missing_and_noted(
    client: httpx.AsyncClient, blobs: DiskBlobs, caplog: pytest.LogCaptureFixture
) -> None:
    file = await bring(client, noted("JPEG", (900, 600)))
    await blobs.delete(file["id"])
    await blobs.delete(f"{file['id']}-preview")
    for path in ("", "/preview"):
        caplog.clear()
        assert is_missing(await client.get(f"{FILES}/{file['id']}{path}"))
        assert file["id"] in caplog.text


# What is in the answer.


def is_safe(answer: httpx.Response) -> bool:
    """Whether nothing in it can run, whatever opens it."""
    csp = answer.headers["content-security-policy"]
    return (
        re.fullmatch(r"default-src 'none'; frame-ancestors 'none'; sandbox", csp) is not None
        and answer.headers.get_list("content-security-policy") == [csp]
        and answer.headers["x-content-type-options"] == "nosniff"
        and answer.headers["cross-origin-resource-policy"] == "same-origin"
    )


@pytest.mark.parametrize(
    ("data", "name", "type"),
    [
        (SVG, "a.svg", "text/plain; charset=utf-8"),
        (HTML, "a.html", "text/plain; charset=utf-8"),
        (HTML, "a.png", "text/plain; charset=utf-8"),
        (b"GIF89a" + HTML, "a.gif", "application/octet-stream"),
        (bomb(), "a.png", "application/octet-stream"),
        (picture("PDF"), "a.pdf", "application/pdf"),
        (b"\x00" + HTML, "a", "application/octet-stream"),
    ],
    ids=["svg", "html", "html-png", "gif-html", "bomb", "pdf", "bytes"],
)
async def test_what_is_no_picture_is_downloaded(
    client: httpx.AsyncClient, data: bytes, name: str, type: str
) -> None:
    file = await bring(client, data, name)
    answer = await client.get(f"{FILES}/{file['id']}/{name}")
    assert answer.content == data
    assert answer.headers["content-type"] == type
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert is_safe(answer)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP", "AVIF"])
async def test_pictures_are_shown_as_what_they_are(client: httpx.AsyncClient, format: str) -> None:
    file = await bring(client, noted(format, (900, 600)), "a.html")
    answer = await client.get(f"{FILES}/{file['id']}/a.html")
    assert answer.headers["content-type"] == f"image/{format.lower()}"
    assert answer.headers["content-disposition"] == 'inline; filename="a.html"'
    assert is_safe(answer)
    assert GPS not in answer.content
    preview = await client.get(f"{FILES}/{file['id']}/preview")
    assert preview.headers["content-type"] == "image/webp"
    assert preview.headers["content-disposition"] == 'inline; filename="a.webp"'
    assert is_safe(preview)
    assert opened(preview.content).size == (640, 427)
    assert int(preview.headers["content-length"]) == len(preview.content)


async def test_a_picture_that_is_a_script_as_well_is_a_picture(client: httpx.AsyncClient) -> None:
    file = await bring(client, polyglot(), "a.js")
    answer = await client.get(f"{FILES}/{file['id']}/a.js")
    assert answer.headers["content-type"] == "image/gif"
    assert b"script" not in answer.content
    assert is_safe(answer)


async def test_a_name_splits_no_header(client: httpx.AsyncClient) -> None:
    file = await bring(client, name='x\r\nSet-Cookie: a=b\r\n\r\n<script>"; filename=evil.html')
    answer = await client.get(f"{FILES}/{file['id']}")
    assert "set-cookie" not in answer.headers
    assert file["name"] == 'x Set-Cookie: a=b <script>"; filename=evil.html'
    assert answer.headers["content-disposition"] == (
        'attachment; filename="x Set-Cookie: a=b <script>_; filename=evil.html"; '
        "filename*=UTF-8''x%20Set-Cookie%3A%20a%3Db%20%3Cscript%3E%22%3B%20filename%3Devil.html"
    )


async def test_a_name_of_any_script_is_kept(client: httpx.AsyncClient) -> None:
    file = await bring(client, name="../Übersicht 日本 👩\u200d💻.txt")
    assert file["name"] == "Übersicht 日本 👩\u200d💻.txt"
    answer = await client.get(f"{FILES}/{file['id']}")
    assert answer.headers["content-disposition"].startswith('attachment; filename="_bersicht')


async def test_every_answer_about_a_file_is_safe(client: httpx.AsyncClient) -> None:
    file = await bring(client, picture())
    where = f"{FILES}/{file['id']}"
    etag = (await client.get(where)).headers["etag"]
    for status, headers in (
        (200, {}),
        (206, {"range": "bytes=0-3"}),
        (304, {"if-none-match": etag}),
        (416, {"range": "bytes=100000-"}),
    ):
        answer = await client.get(where, headers=headers)
        assert answer.status_code == status
        assert is_safe(answer)


# Caching, ranges, HEAD.


async def test_a_browser_keeps_a_file_for_itself_and_asks_no_more(
    client: httpx.AsyncClient,
) -> None:
    file = await bring(client, noted("JPEG", (900, 600)))
    tags = set()
    for path in ("", "/preview"):
        where = f"{FILES}/{file['id']}{path}"
        first = await client.get(where)
        assert first.headers["cache-control"] == "private, max-age=604800, immutable"
        assert first.headers["vary"] == "Cookie, Authorization"
        etag = first.headers["etag"]
        tags.add(etag)
        for asked in (etag, f'"x", W/{etag}', "*"):
            again = await client.get(where, headers={"if-none-match": asked})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == etag
        for asked in ('"x"', "", etag[:-1]):
            again = await client.get(where, headers={"if-none-match": asked})
            assert again.status_code == 200
    assert len(tags) == 2


@pytest.mark.parametrize(
    ("asked", "part", "said"),
    [
        ("bytes=0-4", b"Hello", "bytes 0-4/12"),
        ("bytes=7-", b"world", "bytes 7-11/12"),
        ("bytes=-3", b"rld", "bytes 9-11/12"),
        ("bytes=0-", b"Hello, world", "bytes 0-11/12"),
        ("bytes=11-11", b"d", "bytes 11-11/12"),
        ("bytes=5-1000", b", world", "bytes 5-11/12"),
    ],
)
async def test_a_part_of_a_file_is_had(
    client: httpx.AsyncClient, asked: str, part: bytes, said: str
) -> None:
    file = await bring(client)
    answer = await client.get(f"{FILES}/{file['id']}", headers={"range": asked})
    assert (answer.status_code, answer.content) == (206, part)
    assert answer.headers["content-range"] == said
    assert answer.headers["content-length"] == str(len(part))
    assert answer.headers["content-disposition"] == 'attachment; filename="a.txt"'


async def test_a_part_that_is_not_there_is_not_had(client: httpx.AsyncClient) -> None:
    file = await bring(client)
    for asked in ("bytes=12-", "bytes=-0", "bytes=99999999999-"):
        answer = await client.get(f"{FILES}/{file['id']}", headers={"range": asked})
        assert (answer.status_code, answer.content) == (416, b"")
        assert answer.headers["content-range"] == "bytes */12"


async def test_all_of_a_file_is_had_where_the_range_is_none(client: httpx.AsyncClient) -> None:
    file = await bring(client)
    where = f"{FILES}/{file['id']}"
    for headers in (
        {"range": "bytes=0-1,3-4"},
        {"range": "pages=1-2"},
        {"range": "bytes=5-2"},
        {"range": "bytes=0-1", "if-range": '"other"'},
        {"range": "bytes=0-1", "if-range": "Thu, 26 Nov 2026 00:00:00 GMT"},
    ):
        answer = await client.get(where, headers=headers)
        assert (answer.status_code, answer.content) == (200, b"Hello, world")
        assert answer.headers["accept-ranges"] == "bytes"
    etag = (await client.get(where)).headers["etag"]
    answer = await client.get(where, headers={"range": "bytes=0-1", "if-range": etag})
    assert (answer.status_code, answer.content) == (206, b"He")


async def test_a_large_file_is_had_in_whole_and_in_parts(client: httpx.AsyncClient) -> None:
    data = bytes(range(256)) * 7000
    file = await bring(client, data)
    where = f"{FILES}/{file['id']}"
    assert (await client.get(where)).content == data
    answer = await client.get(where, headers={"range": "bytes=300000-1200000"})
    assert answer.content == data[300_000:1_200_001]


async def test_the_head_of_an_answer_is_that_of_the_whole(
    client: httpx.AsyncClient, blobs: DiskBlobs
) -> None:
    file = await bring(client, noted("JPEG", (900, 600)), "a.jpg")
    for path in ("", "/a.jpg", "/preview"):
        where = f"{FILES}/{file['id']}{path}"
        head, whole = await client.head(where), await client.get(where)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers == whole.headers
        part = await client.head(where, headers={"range": "bytes=0-1"})
        assert part.headers["content-length"] == whole.headers["content-length"]
    told_nothing = await client.head(f"{FILES}/{new_id()}")
    assert told_nothing.status_code == 404


# Pictures of people.


async def shown(tables: Watched, user: str) -> str | None:
    def asked(connection: Connection) -> str | None:
        found: str | None = connection.scalar(select(users.c.avatar).where(users.c.id == user))
        return found

    return await tables.read(asked)


async def test_a_picture_of_oneself_is_for_everybody_who_is_signed_in(
    client: httpx.AsyncClient, tables: Watched, blobs: DiskBlobs
) -> None:
    answer = await client.put(AVATAR, content=noted("JPEG", (900, 600)))
    assert answer.status_code == 204
    id = await shown(tables, "ann")
    assert id is not None
    for user in ("ann", "eve", "guest"):
        answer = await client.get(f"{FILES}/{id}", headers={"x-user": user})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
        assert is_safe(answer)
        assert opened(answer.content).size == (256, 256)
    told(await client.get(f"{FILES}/{id}", headers={"x-user": ""}), 401)
    assert is_missing(await client.delete(f"{FILES}/{id}"))
    assert (await client.delete(AVATAR)).status_code == 204
    assert await shown(tables, "ann") is None
    assert is_missing(await client.get(f"{FILES}/{id}"))


async def test_what_cannot_be_shown_is_no_picture_of_oneself(client: httpx.AsyncClient) -> None:
    assert "a picture is" in told(await client.put(AVATAR, content=SVG), 415)
    assert "cannot be decoded" in told(await client.put(AVATAR, content=bomb()), 422)
    told(await client.put(AVATAR, content=b"a" * 2_000_001), 413)


async def test_pictures_of_people_are_served_by_their_ids_and_nothing_else_is(
    client: httpx.AsyncClient, app: FastAPI, tables: Watched, blobs: DiskBlobs
) -> None:
    serve: Callable[[str], Awaitable[Any]] = avatars(tables, blobs)
    await client.put(AVATAR, content=picture())
    id = await shown(tables, "ann")
    assert id is not None

    @app.get("/served", response_class=Response)
    async def served() -> Any:
        return await serve(id)

    answer = await client.get("/served")
    assert answer.content == await read(blobs, id)
    assert is_safe(answer)
    attachment = await bring(client)
    assert await serve(attachment["id"]) is None
    assert await serve(new_id()) is None


def test_the_documentation_says_what_there_is(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    assert set(paths) == {
        FILES, FILES + "/{id}", FILES + "/{id}/preview", FILES + "/{id}/{name}", AVATAR
    }  # fmt: skip
    body = paths[FILES]["post"]["requestBody"]["content"]
    assert list(body) == ["application/octet-stream"]
    assert set(paths[FILES + "/{id}"]) == {"get", "delete"}
