"""What looks at a picture, in a process of its own: a decoder is the last thing to be trusted.

Standard input is the picture, the argument a `Job` in JSON. Standard output is a line of JSON, a
`Seen` without its bytes, then these: the preview, and the picture without what it says of where
and by whom it was taken. An exit code other than 0 says that it is no picture.

It is started by the path of this file, without the package around it: that would take longer to
import than most pictures take to decode.
"""

from __future__ import annotations

import json
import os
import re
import struct
import sys
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from io import BytesIO

from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

FORMATS = {
    "image/png": PngImagePlugin.PngImageFile.format,
    "image/jpeg": JpegImagePlugin.JpegImageFile.format,
    "image/gif": GifImagePlugin.GifImageFile.format,
    "image/webp": WebPImagePlugin.WebPImageFile.format,
    "image/avif": AvifImagePlugin.AvifImageFile.format,
}

FRAMES = 1000
"""Of an animated picture."""

ALL_PIXELS = 20
"""How many pictures of the size allowed all frames of one may amount to."""

QUALITY = 80

SMALL_BYTES = 65_536
"""Bytes of a picture that is its own preview, if it is no larger than one."""

CPU_S = 20
MEMORY = 1 << 30
"""Bytes, and so many beside for each pixel that is allowed: several copies are made of it."""
BYTES_A_PIXEL = 16


class NoPicture(ValueError):
    """It is none that can be shown."""


@dataclass(frozen=True, slots=True)
class Job:
    """`type` is what it begins like. `side` is the longest of a preview, in pixels; with `square`
    it is all that is wanted, of the middle."""

    type: str
    pixels: int
    side: int
    square: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """Sizes as it is to be shown. `preview` is a WEBP, empty where the picture itself will do;
    `cleaned` is empty where nothing had to be taken out."""

    width: int
    height: int
    preview: bytes
    cleaned: bytes


# A mode, and what it is turned by: tag 274 of Exif 3.0 (section 4.6.5).
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112


def look(data: bytes, job: Job) -> Seen:
    """Decode the picture once, whole. Raises `NoPicture`, and what a decoder raises."""
    with _opened(data, job) as image:
        turned = _orientation(image)
        width, height = image.size[::-1] if turned >= 5 else image.size
        if job.square:
            return Seen(width, height, _square(image, turned, job.side), b"")
        animated = _frames(image) > 1
        kind, size = image.format, image.size
        noted = bool(image.info.get("exif") or image.info.get("xmp"))
        preview = _preview(image, turned, job.side)
    if kind == "AVIF":
        cleaned = _again(data, job) if noted else data
    else:
        cleaned = _CLEANERS[job.type](data, turned)
        with _opened(cleaned, job) as image:
            if image.size != size:
                raise NoPicture("it is not made as it says")
    if max(width, height) <= job.side and len(cleaned) <= SMALL_BYTES and not animated:
        preview = b""
    return Seen(width, height, preview, b"" if cleaned == data else cleaned)


def _opened(data: bytes, job: Job) -> Image.Image:
    """The picture, of which no more than the header was read."""
    Image.MAX_IMAGE_PIXELS = job.pixels
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = Image.open(BytesIO(data), formats=[FORMATS[job.type]])
    pixels = image.width * image.height
    if not 0 < pixels <= job.pixels:
        raise NoPicture("it has too many pixels")
    if _frames(image) > FRAMES or _frames(image) * pixels > ALL_PIXELS * job.pixels:
        raise NoPicture("it has too many frames")
    return image


def _frames(image: Image.Image) -> int:
    # Photographs may hold others beside them, which are no frames.
    return 1 if image.format in {"JPEG", "MPO"} else getattr(image, "n_frames", 1)


def _orientation(image: Image.Image) -> int:
    turned = image.getexif().get(_ORIENTATION)
    return turned if turned in _TURNS else 1


def _turned(image: Image.Image, turned: int) -> Image.Image:
    return image.transpose(_TURNS[turned]) if turned in _TURNS else image


def _preview(image: Image.Image, turned: int, side: int) -> bytes:
    if image.format in {"JPEG", "MPO"}:
        image.draft("RGB", (side * 2, side * 2))  # a good part of the decoding is never done
    small = _plain(image)
    small.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return _webp(_turned(small, turned))


def _square(image: Image.Image, turned: int, side: int) -> bytes:
    if image.format in {"JPEG", "MPO"}:
        image.draft("RGB", (side * 2, side * 2))
    middle = ImageOps.fit(_plain(image), (side, side), Image.Resampling.LANCZOS)
    return _webp(_turned(middle, turned))


def _webp(image: Image.Image) -> bytes:
    data = BytesIO()
    # Nothing of what came with the picture goes along.
    image.save(data, "WEBP", quality=QUALITY, method=4, exif=b"", xmp=b"", icc_profile=b"")
    return data.getvalue()


def _plain(image: Image.Image) -> Image.Image:
    """In the colours of a screen, eight bits each."""
    mode = "RGBA" if image.has_transparency_data else "RGB"
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    elif image.mode in {"P", "PA", "LA", "1", "F"}:
        image = image.convert(mode)
    if profile and image.mode in {"RGB", "RGBA", "CMYK"}:
        try:
            own = ImageCms.ImageCmsProfile(BytesIO(profile))
            screen = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, own, screen, outputMode=mode)
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None  # a profile that is none: the colours are about right without
        if converted is not None:
            image = converted
    return image.convert(mode)


# Taking out what the picture says of itself, without decoding it. ------------------------------


_MARKER = re.compile(rb"\xff+([^\xff])", re.DOTALL)
_MARKER_IN_SCAN = re.compile(rb"\xff+[^\xff\x00\xd0-\xd7]", re.DOTALL)


def _jpeg(data: bytes, turned: int) -> bytes:
    """ITU-T T.81 annex B. What is behind the end of the picture goes, too."""
    kept = [data[:2]]
    at = 2
    while True:
        begin = _MARKER.match(data, at)
        if begin is None:
            raise NoPicture("a segment does not begin where it should")
        marker, at = begin[1][0], begin.end()
        if marker == 0xD9:
            break
        segment = _take(data, at, int.from_bytes(data[at : at + 2], "big"))
        at += len(segment)
        if len(segment) < 2:
            raise NoPicture("a segment has no length")
        if marker == 0xE0 and segment.startswith(b"JFIF\0", 2) and len(segment) >= 16:
            segment = b"\0\x10" + segment[2:14] + b"\0\0"  # it may hold a smaller picture
        elif not _is_kept(marker, segment[2:]):
            continue
        kept.append(b"\xff" + bytes([marker]) + segment)
        if marker == 0xDA:  # what is coded follows, up to a marker that stands for itself
            end = _MARKER_IN_SCAN.search(data, at)
            stop = len(data) if end is None else end.start()
            kept.append(data[at:stop])
            at = stop
            if end is None:
                break
    if turned != 1:
        note = b"Exif\0\0" + _note(turned)
        first = 2 if kept[1][1] == 0xE0 else 1
        kept.insert(first, b"\xff\xe1" + struct.pack(">H", len(note) + 2) + note)
    return b"".join([*kept, b"\xff\xd9"])


def _is_kept(marker: int, segment: bytes) -> bool:
    if marker == 0xE2:
        return segment.startswith(b"ICC_PROFILE\0")
    if marker == 0xEE:
        return segment.startswith(b"Adobe")
    return not 0xE0 <= marker <= 0xEF and marker != 0xFE


_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP cICP mDCV cLLI sBIT bKGD hIST pHYs sPLT "
    b"acTL fcTL fdAT".split()
)


def _png(data: bytes, turned: int) -> bytes:
    """PNG (third edition) section 5."""
    kept = [_PNG]
    at, kind = len(_PNG), b""
    while kind != b"IEND":
        kind = data[at + 4 : at + 8]
        chunk = _take(data, at, int.from_bytes(data[at : at + 4], "big") + 12)
        at += len(chunk)
        if kind in _PNG_KEPT:
            kept.append(chunk)
        if kind == b"IHDR" and turned != 1:
            note = b"eXIf" + _note(turned)
            kept.append(struct.pack(">I", len(note) - 4) + note + _crc(note))
    return b"".join(kept)


def _crc(data: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(data))


_WEBP_KEPT = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04


def _webp_cleaned(data: bytes, turned: int) -> bytes:
    """RFC 9649 section 2."""
    kept = []
    for kind, chunk in _riff(data):
        if kind == b"VP8X":
            flags = chunk[8] & ~(_WEBP_EXIF | _WEBP_XMP)
            flags |= _WEBP_EXIF if turned != 1 else 0
            chunk = chunk[:8] + bytes([flags]) + chunk[9:]
        if kind in _WEBP_KEPT:
            kept.append(chunk)
    if turned != 1:
        note = _note(turned)
        kept.append(b"EXIF" + struct.pack("<I", len(note)) + note)
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _riff(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at, stop = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while at < stop:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        chunk = _take(data, at, 8 + size)
        yield data[at : at + 4], chunk + b"\0" * (size % 2)
        at += 8 + size + size % 2


_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def _gif(data: bytes, turned: int) -> bytes:
    """GIF89a: comments and what applications note go, but for how often it is to be repeated."""
    at = 13 + _colours(data[10])
    kept = [data[:at]]
    while (kind := data[at : at + 1]) != b";":
        begin = at
        if kind == b"!":
            label = data[at + 1]
            at = _blocks(data, at + 2)
            loops = data[begin + 3 : begin + 14] in _GIF_LOOPS
            if label == 0xF9 or label == 0x01 or (label == 0xFF and loops):
                kept.append(data[begin:at])
        elif kind == b",":
            at = _blocks(data, at + 11 + _colours(data[at + 9]))
            kept.append(data[begin:at])
        elif not kind:
            break  # without an end, as some are
        else:
            raise NoPicture("a block does not begin where it should")
    return b"".join([*kept, b";"])


def _colours(flags: int) -> int:
    """Bytes of the table of colours that there is according to `flags`."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks(data: bytes, at: int) -> int:
    """Where the sub-blocks that begin at `at` end."""
    while size := data[at]:
        at += 1 + size
    return at + 1


def _again(data: bytes, job: Job) -> bytes:
    """An AVIF without its notes. They are not to be had out of it without making it anew."""
    with _opened(data, job) as image:
        if _frames(image) > 1:
            raise NoPicture("it is animated and has notes in it")
        whole = _turned(image, _orientation(image))
        made = BytesIO()
        profile = image.info.get("icc_profile", b"")
        whole.save(made, "AVIF", quality=90, exif=b"", xmp=b"", icc_profile=profile)
    return made.getvalue()


_CLEANERS = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp_cleaned,
    "image/gif": _gif,
}


def _take(data: bytes, at: int, size: int) -> bytes:
    part = data[at : at + size]
    if len(part) < size:
        raise NoPicture("it ends too early")
    return part


def _note(turned: int) -> bytes:
    """Exif that says how the picture is turned, and nothing else: a TIFF of one entry."""
    entry = struct.pack(">HHIHH", _ORIENTATION, 3, 1, turned, 0)
    return b"MM\0*" + struct.pack(">IH", 8, 1) + entry + b"\0\0\0\0"


# The process. --------------------------------------------------------------------------------


def _confine(job: Job) -> None:
    """Take from this process what it does not need, where the system lets us."""
    if sys.platform == "win32":
        return
    import resource

    memory = MEMORY + BYTES_A_PIXEL * job.pixels
    for limit, value in (
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        try:
            resource.setrlimit(limit, (value, value))
        except (ValueError, OSError):
            pass  # a lower limit is in force already, or the system has none
    os.nice(10)  # the server comes first


def main() -> None:
    job = Job(**json.loads(sys.argv[1]))
    _confine(job)
    seen = look(sys.stdin.buffer.read(), job)
    head = asdict(seen) | {"preview": len(seen.preview), "cleaned": len(seen.cleaned)}
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + seen.preview + seen.cleaned)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
