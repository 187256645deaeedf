"""What a file is, by what is in it. What its sender says of that is not looked at."""

from __future__ import annotations

import codecs
import re

UNKNOWN = "application/octet-stream"

TEXT = "text/plain; charset=utf-8"
"""Also of HTML, SVG and scripts: here they are read, not run."""

PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"})
"""What a browser may show as a picture: nothing can run in any of these. SVG is none of them."""

HEAD = 4096
"""Bytes of the beginning that are enough to know."""

# Offset, bytes, type; the first that fits.
_MAGIC = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"MZ", "application/vnd.microsoft.portable-executable"),
    (0, b"\x7fELF", "application/x-elf"),
)

# The brand of a file of boxes (ISO/IEC 14496-12 section 4.3), by what it begins with.
_BRANDS = (
    (b"avif", "image/avif"),
    (b"avis", "image/avif"),
    (b"hei", "image/heic"),
    (b"hev", "image/heic"),
    (b"mif1", "image/heif"),
    (b"msf1", "image/heif"),
    (b"M4A ", "audio/mp4"),
    (b"qt  ", "video/quicktime"),
    (b"", "video/mp4"),
)

_ALSO_TEXT = frozenset({"audio/mpeg", "application/vnd.microsoft.portable-executable"})
"""Known by letters that a text may begin with as well."""

_NO_TEXT = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
"""Control characters that no text has; the escape of coloured output is one that some have."""


def type_of(head: bytes) -> str | None:
    """The type of a file that begins with `head`; None where nothing known begins so."""
    for offset, magic, type in _MAGIC:
        if head.startswith(magic, offset) and (offset == 0 or head.startswith(b"RIFF")):
            return type
    if head[4:8] == b"ftyp":
        return next(type for brand, type in _BRANDS if head.startswith(brand, 8))
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head.startswith(b"OggS"):
        return "video/ogg" if b"\x80theora" in head[:64] else "audio/ogg"
    # The first frame of an MPEG-1 or -2 layer III stream (ISO/IEC 11172-3 section 2.4.1.3).
    if head[:1] == b"\xff" and head[1:2] in {b"\xfb", b"\xfa", b"\xf3", b"\xf2"}:
        return "audio/mpeg"
    return None


class Sniffer:
    """Watches a file go by, and then knows its type. Feed it everything, in order."""

    def __init__(self) -> None:
        self._head = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = True

    def feed(self, data: bytes) -> None:
        if len(self._head) < HEAD:
            self._head += data[: HEAD - len(self._head)]
        if self._text:
            try:
                self._decoder.decode(data)
            except UnicodeDecodeError:
                self._text = False
            else:
                self._text = _NO_TEXT.search(data) is None

    def type(self) -> str:
        """The type, once all was fed."""
        known = type_of(self._head)
        if self._text:
            try:
                self._decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                self._text = False  # it ends in the middle of a character
        if known is not None and not (self._text and known in _ALSO_TEXT):
            return known
        return TEXT if self._text else UNKNOWN


def fits(type: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of `patterns`, each a type or a family of them like `image/*`, is of `type`."""
    plain = type.partition(";")[0]
    return any(
        plain == pattern or (pattern.endswith("/*") and plain.startswith(pattern[:-1]))
        for pattern in patterns
    )
