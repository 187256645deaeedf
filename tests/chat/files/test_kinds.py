"""What a file is, by what is in it."""

import gzip
import io
import wave
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hubbub.chat.files.kinds import PICTURES, TEXT, UNKNOWN, Sniffer, fits

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def type_of(data: bytes, size: int = 1000) -> str:
    sniffer = Sniffer()
    for start in range(0, len(data), size):
        sniffer.feed(data[start : start + size])
    return sniffer.type()


def picture(format: str) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(data, format)
    return data.getvalue()


def zipped() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("a.txt", "a")
    return data.getvalue()


def waves() -> bytes:
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setparams((1, 1, 8000, 0, "NONE", ""))
        file.writeframes(b"\x80" * 100)
    return data.getvalue()


def boxes(brand: bytes) -> bytes:
    return b"\x00\x00\x00\x18ftyp" + brand + b"\x00\x00\x00\x00isommp42"


@pytest.mark.parametrize(
    ("data", "type"),
    [
        (picture("PNG"), "image/png"),
        (picture("JPEG"), "image/jpeg"),
        (picture("GIF"), "image/gif"),
        (picture("WEBP"), "image/webp"),
        (picture("AVIF"), "image/avif"),
        (picture("BMP"), UNKNOWN),
        (picture("PDF"), "application/pdf"),
        (zipped(), "application/zip"),
        (gzip.compress(b"a", mtime=0), "application/gzip"),
        (b"7z\xbc\xaf\x27\x1c\x00", "application/x-7z-compressed"),
        (waves(), "audio/wav"),
        (b"RIFF\x04\x00\x00\x00AVI LIST", UNKNOWN),
        (b"12345678WEBP\x00", UNKNOWN),
        (b"fLaC\x00\x00\x00\x22", "audio/flac"),
        (b"ID3\x04\x00\x00", "audio/mpeg"),
        (b"\xff\xfb\x90\x64\x00", "audio/mpeg"),
        (b"\xff\xfe" + "text".encode("utf-16-le"), UNKNOWN),
        (b"OggS\x00\x02" + b"\x00" * 22 + b"\x01\x13OpusHead", "audio/ogg"),
        (b"OggS\x00\x02" + b"\x00" * 22 + b"\x01\x2a\x80theora", "video/ogg"),
        (boxes(b"isom"), "video/mp4"),
        (boxes(b"M4A "), "audio/mp4"),
        (boxes(b"qt  "), "video/quicktime"),
        (boxes(b"heic"), "image/heic"),
        (boxes(b"mif1"), "image/heif"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", "video/webm"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska", "video/x-matroska"),
        (b"MZ\x90\x00\x03\x00", "application/vnd.microsoft.portable-executable"),
        (b"\x7fELF\x02\x01\x01\x00", "application/x-elf"),
        (b"MZ is what it begins with", TEXT),
        (b"ID3 is a tag", TEXT),
        ("Grüße\n\t👋 \x1b[31mred\x1b[0m\r\n".encode(), TEXT),
        ("Grüße".encode("latin-1"), UNKNOWN),
        ("Grüße".encode()[:3], UNKNOWN),
        (b"text\x00", UNKNOWN),
        (SVG, TEXT),
        (b"<!doctype html><script>alert(1)</script>", TEXT),
        (b"\x89PN", UNKNOWN),
        (b"", TEXT),
    ],
)
def test_a_file_is_what_is_in_it(data: bytes, type: str) -> None:
    assert {type_of(data, size) for size in (1, 7, 1000)} == {type}


@given(st.binary(max_size=200) | st.text().map(str.encode), st.integers(1, 200))
def test_pieces_make_no_difference(data: bytes, size: int) -> None:
    assert type_of(data, size) == type_of(data, 1000)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_text_is_text_or_begins_as_something_that_is_never_run(text: str) -> None:
    assert type_of(text.encode()) == TEXT or text.startswith(("GIF8", "%PDF-", "fLaC", "OggS"))


def test_what_is_shown_as_a_picture_is_no_document() -> None:
    assert "image/svg+xml" not in PICTURES
    assert all(type.startswith("image/") for type in PICTURES)


@pytest.mark.parametrize(
    ("type", "patterns", "is_one"),
    [
        ("image/png", ("image/*",), True),
        ("image/png", ("application/pdf", "image/png"), True),
        ("image/png", ("image/pn",), False),
        ("imagery/png", ("image/*",), False),
        (TEXT, ("text/plain",), True),
        ("image/png", (), False),
    ],
)
def test_patterns_are_types_and_families(
    type: str, patterns: tuple[str, ...], is_one: bool
) -> None:
    assert fits(type, patterns) is is_one
