"""Pictures for tests: ordinary ones, and those that somebody has made to do harm."""

import io
import struct
import zlib
from typing import Any

from PIL import Image, PngImagePlugin

GPS = b"N48-51.5 planted"
"""What is planted in the notes of a picture, of where it was taken."""

SCRIPT = b"*/=alert(document.domain)//<script>alert(1)</script>"


def picture(
    format: str = "PNG", size: tuple[int, int] = (60, 40), mode: str = "RGB", **options: Any
) -> bytes:
    """A picture whose upper left quarter is red, and the rest blue."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1] // 2))
    data = io.BytesIO()
    image.convert(mode).save(data, format, **options)
    return data.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    """Notes with a place in them."""
    notes = Image.Exif()
    notes[0x0112] = orientation
    notes[0x010F] = GPS.decode()
    notes.get_ifd(0x8825)[1] = "N"
    notes.get_ifd(0x8825)[2] = (48.0, 51.0, 30.0)
    return notes


def noted(format: str, size: tuple[int, int] = (60, 40), orientation: int = 1) -> bytes:
    """A picture that says where it was taken, in every way its format has."""
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + GPS + b"</x:xmpmeta>"
    match format:
        case "JPEG":
            return picture(format, size, exif=exif(orientation), xmp=xmp, comment=GPS) + GPS
        case "PNG":
            text = PngImagePlugin.PngInfo()
            text.add_text("Comment", GPS.decode())
            text.add_itxt("XML:com.adobe.xmp", xmp.decode(), zip=False)
            return picture(format, size, exif=exif(orientation), pnginfo=text) + GPS
        case "WEBP":
            return picture(format, size, exif=exif(orientation), xmp=xmp) + GPS
        case "AVIF":
            return picture(format, size, exif=exif(orientation), xmp=xmp)
        case _:
            return picture(format, size, comment=GPS) + GPS


def animated(format: str, frames: int = 4, size: tuple[int, int] = (60, 40)) -> bytes:
    images = [Image.new("RGB", size, (40 * number % 256, 0, 99)) for number in range(frames)]
    data = io.BytesIO()
    images[0].save(
        data, format, save_all=True, append_images=images[1:], duration=50, loop=0, comment=GPS
    )
    return data.getvalue()


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG of few bytes that says it has billions of pixels, and has a good part of them."""
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 10_000_000, 9)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def polyglot() -> bytes:
    """A GIF that is a script as well: its width is the beginning of a comment."""
    image = picture("GIF", (0x2A2F, 1))
    assert image[6:8] == b"/*"
    return image[:-1] + b"!\xfe" + bytes([len(SCRIPT)]) + SCRIPT + b"\0;" + SCRIPT


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image
