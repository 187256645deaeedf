"""Pictures are looked at in processes of their own, which may do what they like."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest
from tests.chat.files.blob_laws import stream
from tests.chat.files.pictures import GPS, bomb, noted, opened, picture, polyglot

from hubbub import Unavailable
from hubbub.chat.files import pictures as module
from hubbub.chat.files.pictures import NoPicture, Pictures


@pytest.fixture
def pictures() -> Pictures:
    return Pictures(50_000_000)


async def look(pictures: Pictures, data: bytes, type: str) -> tuple[int, int, bytes, bytes]:
    async with pictures.look(stream(data), type) as seen:
        cleaned = [] if seen.cleaned is None else [piece async for piece in seen.cleaned]
        return seen.width, seen.height, seen.preview, b"".join(cleaned)


def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Have this be what looks at pictures."""
    path = tmp_path / "program.py"
    path.write_text(f"import json, os, sys, time\n{text}\n")
    monkeypatch.setattr(module, "_PROGRAM", [sys.executable, "-S", str(path)])


async def test_a_picture_is_seen_and_comes_back_without_its_notes(pictures: Pictures) -> None:
    data = noted("JPEG", (1200, 800), orientation=8)
    width, height, preview, cleaned = await look(pictures, data, "image/jpeg")
    assert (width, height) == (800, 1200)
    assert opened(preview).size == (427, 640)
    assert opened(cleaned).size == (1200, 800)
    assert GPS not in preview + cleaned


async def test_a_plain_picture_is_left_as_it_is(pictures: Pictures) -> None:
    assert await look(pictures, picture(), "image/png") == (60, 40, b"", b"")


async def test_the_middle_of_a_picture_is_a_square(pictures: Pictures) -> None:
    square = await pictures.square(stream(noted("PNG", (300, 100))), "image/png")
    assert (opened(square).format, opened(square).size) == ("WEBP", (256, 256))
    assert GPS not in square


@pytest.mark.parametrize(
    ("data", "type"),
    [
        (bomb(), "image/png"),
        (bomb(9_000, 9_000), "image/png"),
        (picture()[:-30], "image/png"),
        (picture("GIF"), "image/png"),
        (b"", "image/png"),
        (b"GIF89a", "image/gif"),
        (b"\xff\xd8\xff" + b"\x00" * 3_000_000, "image/jpeg"),
    ],
    ids=["bomb", "large", "short", "other", "empty", "head", "zeros"],
)
async def test_what_is_no_picture_is_said_to_be_none(
    pictures: Pictures, data: bytes, type: str
) -> None:
    with pytest.raises(NoPicture):
        await look(pictures, data, type)
    with pytest.raises(NoPicture):
        await pictures.square(stream(data), type)


async def test_a_script_in_a_picture_does_not_come_back(pictures: Pictures) -> None:
    *_, cleaned = await look(pictures, polyglot(), "image/gif")
    assert b"script" not in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "sys.exit(1)",
        "os.close(0); time.sleep(0.01); sys.exit(1)",
        "os.abort()",
        "sys.stdin.buffer.read(); print('{')",
        "sys.stdin.buffer.read(); print('[]')",
        "sys.stdin.buffer.read(); print('{}')",
        "sys.stdin.buffer.read(); print('x' * 1_000_000)",
        "sys.stdin.buffer.read(); print('{\"preview\": 10}')",
        "sys.stdin.buffer.read(); print('{\"preview\": 10000000000}')",
        "print(json.dumps(dict(width=1, height=1, preview=0, cleaned=9))); sys.stdin.buffer.read()",
    ],
)
async def test_a_process_that_breaks_down_has_seen_no_picture(
    pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    program(tmp_path, monkeypatch, text)
    with pytest.raises(NoPicture):
        await look(pictures, picture("PNG", (2000, 2000)) * 40, "image/png")


async def test_a_process_that_does_not_end_is_ended(
    pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, monkeypatch, "time.sleep(1000)")
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    with pytest.raises(NoPicture):
        await look(pictures, picture(), "image/png")


async def test_who_does_not_want_to_know_any_more_ends_the_process(
    pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    program(
        tmp_path,
        monkeypatch,
        f"with open({str(pipe)!r}, 'w') as pipe: pipe.write(str(os.getpid()))\ntime.sleep(1000)",
    )
    task = asyncio.create_task(look(pictures, picture(), "image/png"))
    process = int(await asyncio.to_thread(pipe.read_text))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


async def test_no_more_than_two_are_looked_at_at_once(
    pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each leaves a file while it runs, and says how many of them there are.
    running = tmp_path / "running"
    running.mkdir()
    program(
        tmp_path,
        monkeypatch,
        f"folder = {str(running)!r}\n"
        "name = os.path.join(folder, str(os.getpid()))\n"
        "open(name, 'w')\n"
        "count = len(os.listdir(folder))\n"
        "sys.stdin.buffer.read()\n"
        "count = max(count, len(os.listdir(folder)))\n"
        "os.unlink(name)\n"
        "print(json.dumps(dict(width=count, height=1, preview=0, cleaned=0)))",
    )
    seen = await asyncio.gather(*(look(pictures, b"", "image/png") for _ in range(8)))
    assert max(count for count, *_ in seen) <= module.AT_ONCE


async def test_the_process_gets_no_secrets(
    pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
    program(
        tmp_path,
        monkeypatch,
        "text = json.dumps(dict(os.environ)).encode()\n"
        "print(json.dumps(dict(width=1, height=1, preview=len(text), cleaned=0)), flush=True)\n"
        "sys.stdout.buffer.write(text)",
    )
    _, _, environment, _ = await look(pictures, b"", "image/png")
    assert b"PYTHONPATH" in environment
    assert b"planted" not in environment


async def test_bytes_that_cannot_be_had_are_no_matter_of_the_picture(pictures: Pictures) -> None:
    async def away() -> AsyncGenerator[bytes]:
        yield picture()[:20]
        raise Unavailable("the bucket is away")

    with pytest.raises(Unavailable):
        async with aclosing(away()) as data, pictures.look(data, "image/png"):
            raise AssertionError("there is nothing to be seen")
