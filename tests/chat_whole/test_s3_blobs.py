"""Files in a bucket: the laws, against a server that speaks S3."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from tests.chat.files.blob_laws import BIG, LAWS, Law, listed, read, stream
from tests.chat.files.conftest import add_people
from tests.chat.files.pictures import GPS, noted, opened, picture
from tests.support.chat import database
from tests.support.tables import watched

from hubbub import Unavailable
from hubbub.chat.files import s3
from hubbub.chat.files.blobs import Blobs, new_id, open_blobs
from hubbub.chat.files.limits import FileLimits
from hubbub.chat.files.sweeper import Sweeper, Swept
from hubbub.chat.files.uploads import Uploads

SECRET = "planted-secret"

_numbers = count(1)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.fixture
def client(endpoint: str) -> Iterator[Any]:
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    yield client
    client.close()


@pytest.fixture
def bucket(client: Any) -> str:
    name = f"bucket-{next(_numbers)}"
    client.create_bucket(Bucket=name)
    return name


@pytest.fixture
def blobs(endpoint: str, bucket: str) -> Blobs:
    return open_blobs(f"s3://{bucket}/of/ours?endpoint={endpoint}&region=us-east-1")


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_a_bucket_keeps_the_law(law: Law, blobs: Blobs) -> None:
    await law(blobs)


def unfinished(client: Any, bucket: str) -> list[Any]:
    found: list[Any] = client.list_multipart_uploads(Bucket=bucket).get("Uploads") or []
    return found


async def test_everything_is_under_the_prefix_and_nothing_else_is_listed(
    blobs: Blobs, client: Any, bucket: str
) -> None:
    key = new_id()
    await blobs.put(key, stream(b"abc"))
    for other in (new_id(), "of/ours/notes.txt", f"of/ours/deeper/{new_id()}"):
        client.put_object(Bucket=bucket, Key=other, Body=b"not ours")
    assert client.get_object(Bucket=bucket, Key=f"of/ours/{key}")["Body"].read() == b"abc"
    assert await listed(blobs) == {key: 3}


async def test_more_than_a_page_is_listed(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "PAGE", 3)
    keys = {new_id() for _ in range(10)}
    for key in keys:
        await blobs.put(key, stream(b"x"))
    assert set(await listed(blobs)) == keys


async def test_an_upload_that_is_given_up_leaves_no_parts(
    blobs: Blobs, client: Any, bucket: str
) -> None:
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield BIG
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(blobs.put(new_id(), endless()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(unfinished, client, bucket) == []
    assert await listed(blobs) == {}


async def test_without_a_bucket_the_files_are_not_available(endpoint: str) -> None:
    blobs = open_blobs(f"s3://not-there?endpoint={endpoint}&region=us-east-1")
    for data in (b"abc", BIG):
        with pytest.raises(Unavailable):
            await blobs.put(new_id(), stream(data))
    with pytest.raises(Unavailable):
        await blobs.open(new_id(), 0, 5)
    with pytest.raises(Unavailable):
        await listed(blobs)


async def test_without_a_server_the_files_are_not_available_and_nothing_secret_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    blobs = open_blobs("s3://bucket?endpoint=http://127.0.0.1:9&region=us-east-1")
    said = []
    for call in (blobs.put(new_id(), stream(BIG)), read(blobs, new_id()), listed(blobs)):
        with pytest.raises(Unavailable) as caught:
            await call
        said.append(str(caught.value))
    assert SECRET not in caplog.text + "".join(said)
    assert all("Debug" not in text and "\n" not in text for text in said)


def test_a_secret_is_not_in_what_is_shown_of_the_blobs(blobs: Blobs) -> None:
    assert SECRET not in repr(vars(blobs))


async def test_a_picture_is_brought_into_a_bucket_and_swept_out_of_it(
    blobs: Blobs, tmp_path: Path
) -> None:
    async with watched(await database("sqlite", tmp_path)) as tables:
        await tables.write(add_people)
        uploads = Uploads(tables, blobs, FileLimits(), now=lambda: 0)
        file = await uploads.attachment("ann", "a.jpg", stream(noted("JPEG", (900, 600))))
        await uploads.attachment("ann", "a.bin", stream(BIG))
        await uploads.avatar("ann", stream(picture()))
        kept = await read(blobs, file.id)
        assert opened(kept).size == (900, 600)
        assert GPS not in kept
        assert len(await listed(blobs)) == 4
        assert await Sweeper(tables, blobs).sweep() == Swept(2, 0)
        assert len(await listed(blobs)) == 1
