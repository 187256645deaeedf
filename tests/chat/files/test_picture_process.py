"""What is seen in a picture, and what is left of it: in this process, of pictures we made."""

import io
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms, ImageOps
from tests.chat.files.pictures import (
    GPS,
    SCRIPT,
    animated,
    bomb,
    noted,
    opened,
    picture,
    polyglot,
)

from hubbub.chat.files import picture_process
from hubbub.chat.files.picture_process import Job, NoPicture, Seen, look

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "AVIF")


def job(format: str, pixels: int = 1_000_000, side: int = 640) -> Job:
    return Job(f"image/{format.lower()}", pixels, side)


def seen(data: bytes, format: str, side: int = 640) -> Seen:
    return look(data, job(format, side=side))


def same(one: Image.Image, other: Image.Image) -> bool:
    """Pixel by pixel."""
    return one.size == other.size and (
        ImageChops.difference(one.convert("RGBA"), other.convert("RGBA")).getbbox(alpha_only=False)
        is None
    )


def alike(one: Image.Image, other: Image.Image) -> bool:
    """In the colours of their quarters, give or take what a preview costs."""
    return all(
        abs(value - was) < 24
        for pixel, before in zip(quarters(one), quarters(other), strict=True)
        for value, was in zip(pixel, before, strict=True)
    )


def quarters(image: Image.Image) -> list[tuple[int, ...]]:
    shown = image.convert("RGBA")
    width, height = shown.size
    places = [(width * x // 4, height * y // 4) for x in (1, 3) for y in (1, 3)]
    return [tuple(shown.crop((*place, place[0] + 1, place[1] + 1)).tobytes()) for place in places]


@pytest.mark.parametrize("format", FORMATS)
def test_a_small_plain_picture_stays_as_it_is(format: str) -> None:
    assert seen(picture(format), format) == Seen(60, 40, b"", b"")


@pytest.mark.parametrize("format", FORMATS)
def test_a_large_picture_has_a_smaller_one_of_the_same_shape(format: str) -> None:
    found = seen(picture(format, (900, 300)), format)
    assert (found.width, found.height, found.cleaned) == (900, 300, b"")
    preview = opened(found.preview)
    assert (preview.format, preview.size) == ("WEBP", (640, 213))
    assert alike(preview, opened(picture("PNG", (900, 300))))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_preview_is_the_right_way_up_and_says_nothing_else(format: str, orientation: int) -> None:
    data = noted(format, (180, 120), orientation)
    with opened(data) as image:
        upright = ImageOps.exif_transpose(image)
    found = seen(data, format, 64)
    assert (found.width, found.height) == upright.size
    preview = opened(found.preview)
    assert alike(preview, upright)
    assert GPS not in found.preview
    assert not preview.getexif() and "xmp" not in preview.info


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("orientation", [1, 6])
def test_what_a_picture_says_of_its_place_is_taken_out_and_the_picture_is_the_same(
    format: str, orientation: int
) -> None:
    data = noted(format, orientation=orientation)
    assert GPS in data
    found = seen(data, format)
    assert GPS not in found.cleaned
    cleaned, before = opened(found.cleaned), opened(data)
    assert cleaned.format == format
    upright, was = ImageOps.exif_transpose(cleaned), ImageOps.exif_transpose(before)
    assert upright.size == (found.width, found.height)
    assert alike(upright, was) if format == "AVIF" else same(upright, was)
    turned = {0x0112: orientation} if orientation != 1 and format not in {"GIF", "AVIF"} else {}
    assert dict(cleaned.getexif()) == turned
    assert seen(found.cleaned, format).cleaned == b""


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_the_colours_of_a_picture_are_kept_in_it_and_translated_in_its_preview(
    format: str,
) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = picture(format, (900, 300), icc_profile=profile)
    found = seen(data, format)
    assert found.cleaned == b""
    assert opened(data).info["icc_profile"] == profile
    assert "icc_profile" not in opened(found.preview).info


def test_a_profile_that_is_none_does_no_harm() -> None:
    found = seen(picture("PNG", (900, 300), icc_profile=b"no profile"), "PNG")
    assert alike(opened(found.preview), opened(picture("PNG", (900, 300))))


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "AVIF"])
def test_an_animated_picture_is_kept_with_all_its_frames_and_its_first_is_the_preview(
    format: str,
) -> None:
    data = animated(format)
    found = seen(data, format)
    kept = opened(found.cleaned or data)
    assert GPS not in (found.cleaned or data)
    assert getattr(kept, "n_frames") == 4  # noqa: B009 -- not every format's has it
    assert kept.info.get("loop", 0) == 0
    preview = opened(found.preview)
    assert getattr(preview, "n_frames", 1) == 1
    assert alike(preview, opened(data))


def test_too_many_frames_are_none_to_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_process, "FRAMES", 3)
    with pytest.raises(NoPicture, match="frames"):
        seen(animated("GIF"), "GIF")
    monkeypatch.setattr(picture_process, "FRAMES", 4)
    assert seen(animated("GIF"), "GIF").width == 60
    monkeypatch.setattr(picture_process, "ALL_PIXELS", 0.5)
    with pytest.raises(NoPicture, match="frames"):
        look(animated("GIF"), job("GIF", pixels=60 * 40 * 4))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_pictures_of_every_mode_have_a_preview(mode: str) -> None:
    found = seen(picture("PNG", (900, 300), mode), "PNG")
    assert opened(found.preview).mode == "RGB"


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_what_is_transparent_stays_so(mode: str) -> None:
    image = Image.new(mode, (900, 300))
    data = io.BytesIO()
    image.save(data, "PNG")
    preview = opened(seen(data.getvalue(), "PNG").preview)
    assert preview.mode == "RGBA"
    assert preview.getpixel((5, 5))[3] == 0  # type: ignore[index]


def test_sixteen_bits_become_eight_and_printers_colours_those_of_a_screen() -> None:
    deep = io.BytesIO()
    Image.new("I;16", (900, 300), 0x80FF).save(deep, "PNG")
    preview = opened(seen(deep.getvalue(), "PNG").preview)
    assert alike(preview, Image.new("RGB", preview.size, (128, 128, 128)))
    printed = picture("JPEG", (900, 300), "CMYK")
    assert opened(seen(printed, "JPEG").preview).mode == "RGB"


def test_a_square_is_of_the_middle_and_the_right_way_up() -> None:
    data = noted("JPEG", (600, 200), orientation=6)
    found = look(data, replace(job("JPEG", side=256), square=True))
    square = opened(found.preview)
    assert (square.format, square.size) == ("WEBP", (256, 256))
    assert GPS not in found.preview
    with opened(data) as image:
        upright = ImageOps.exif_transpose(image)
    assert alike(square, ImageOps.fit(upright, (256, 256)))
    small = look(picture("PNG", (20, 10)), replace(job("PNG", side=256), square=True))
    assert opened(small.preview).size == (256, 256)


def test_a_photograph_with_others_beside_it_is_one_picture() -> None:
    data = io.BytesIO()
    images = [Image.new("RGB", (60, 40), color) for color in ("red", "blue")]
    images[0].save(data, "MPO", save_all=True, append_images=images[1:])
    found = seen(data.getvalue(), "JPEG")
    assert opened(found.cleaned).format == "JPEG"
    assert len(found.cleaned) < len(data.getvalue())


@pytest.mark.parametrize("size", [(1001, 1000), (1, 1_000_001)])
def test_the_number_of_pixels_is_known_before_any_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises((NoPicture, Image.DecompressionBombWarning)):
        look(bomb(*size), job("PNG"))


def test_exactly_as_many_pixels_as_allowed_are_shown() -> None:
    assert look(picture("PNG", (100, 50)), job("PNG", pixels=5000)).width == 100
    with pytest.raises(Image.DecompressionBombWarning):
        look(picture("PNG", (100, 50)), job("PNG", pixels=4999))


def test_billions_of_pixels_in_few_bytes_are_none_to_be_shown() -> None:
    assert len(bomb()) < 20_000
    with pytest.raises(Image.DecompressionBombError):
        look(bomb(), job("PNG", pixels=50_000_000))


@pytest.mark.parametrize("format", FORMATS)
def test_a_picture_is_only_looked_at_as_what_it_begins_like(format: str) -> None:
    other = "PNG" if format != "PNG" else "GIF"
    with pytest.raises(OSError):
        seen(picture(format), other)


def test_a_script_in_a_picture_is_taken_out_of_it() -> None:
    data = polyglot()
    assert data.startswith(b"GIF89a/*") or data.startswith(b"GIF87a/*")
    found = seen(data, "GIF")
    assert SCRIPT not in found.cleaned
    assert opened(found.cleaned).size == (0x2A2F, 1)


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_cut_short_anywhere_is_none_or_whole(format: str) -> None:
    data = noted(format)
    for length in range(0, len(data), max(1, len(data) // 60)):
        try:
            found = seen(data[:length], format)
        except Exception:  # whatever a decoder says: it is the end of its process
            continue
        assert opened(found.cleaned or data[:length]).size == (60, 40)


@given(st.sampled_from(FORMATS), st.data())
def test_what_is_damaged_is_none_or_can_be_opened(format: str, chosen: st.DataObject) -> None:
    data = bytearray(noted(format, orientation=6))
    for _ in range(chosen.draw(st.integers(1, 4))):
        data[chosen.draw(st.integers(0, len(data) - 1))] = chosen.draw(st.integers(0, 255))
    try:
        found = seen(bytes(data), format)
    except Exception:  # as above
        return
    image = Image.open(io.BytesIO(found.cleaned or bytes(data)))
    assert image.format == format
    assert sorted(image.size) == sorted((found.width, found.height))


def test_a_smaller_picture_in_the_head_of_a_photograph_goes() -> None:
    data = picture("JPEG")
    assert data[2:6] == b"\xff\xe0\0\x10"
    small = b"\2\1" + GPS[:6]
    held = data[:4] + b"\0\x16" + data[6:18] + small + data[20:]
    assert opened(held).size == (60, 40)
    assert seen(held, "JPEG").cleaned == data


def test_a_note_in_a_png_has_the_right_checksum() -> None:
    cleaned = seen(noted("PNG", orientation=3), "PNG").cleaned
    at = cleaned.index(b"eXIf")
    size = int.from_bytes(cleaned[at - 4 : at], "big")
    chunk, crc = cleaned[at : at + 4 + size], cleaned[at + 4 + size : at + 8 + size]
    assert zlib.crc32(chunk) == int.from_bytes(crc, "big")
