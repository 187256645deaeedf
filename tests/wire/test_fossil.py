"""Deltas in Fossil's format: right for the published decoder, small, and never much work."""

from __future__ import annotations

from random import Random

import pytest
from centrifuge.fossil import apply_delta
from tests.support.documents import change, document, encoded

from hubbub.wire import fossil
from hubbub.wire.fossil import delta

HELLO = b'{"input":"test message which is long enough for fossil"}'


def applied(source: bytes, patch: bytes) -> bytes:
    return bytes(apply_delta(source, patch))


def test_what_has_not_changed_is_one_copy() -> None:
    assert delta(HELLO, HELLO) == b"t\nt@0,cOIc8;"


def test_what_is_around_a_change_is_copied() -> None:
    target = HELLO.replace(b"enough", b"and wide enough")
    patch = delta(HELLO, target)
    assert applied(HELLO, patch) == target
    # 65 bytes: 36 from 0, 9 new ones, and 20 from 36.
    assert patch == b"11\na@0,9:and wide J@a,2XwZgE;"


@pytest.mark.parametrize(
    ("source", "target"),
    [
        pytest.param(b"", b"", id="nothing"),
        pytest.param(b"", HELLO, id="from-nothing"),
        pytest.param(HELLO, b"", id="to-nothing"),
        pytest.param(HELLO, b"7", id="short"),
        pytest.param(b"\0" * 5_000, b"\0" * 70_000, id="long-and-the-same"),
        pytest.param(bytes(range(256)) * 20, bytes(range(255, -1, -1)) * 20, id="turned-around"),
        pytest.param(b"ab" * 3_000, b"ab" * 1_000 + b"c" + b"ab" * 2_000, id="periodic"),
        pytest.param(b"\xff" * 300, b"\x80" * 200 + b"\xff" * 300, id="no-text"),
        pytest.param(b"x" * 17, b"\xff\xff\xff\xff", id="a-large-checksum"),
    ],
)
def test_the_published_decoder_gets_the_target(source: bytes, target: bytes) -> None:
    patch = delta(source, target)
    assert applied(source, patch) == target
    assert len(patch) <= len(target) + 24


@pytest.mark.parametrize("size", [1_000, 10_000, 100_000])
def test_a_delta_is_about_as_long_as_what_has_changed(size: int) -> None:
    random = Random(size)
    rows = document(size, random)
    changes = size // 1_000
    before, after = encoded(rows), encoded(change(rows, changes, random))
    patch = delta(before, after)
    assert applied(before, patch) == after
    # At most 50 bytes of a new name of two or three bytes a character, and 20 of words about it.
    assert len(patch) <= 70 * changes + 20 < size / 10


def test_single_bytes_that_change_cost_about_ten_bytes_each() -> None:
    random = Random(7)
    before = bytes(random.choices(b"abcdefghijklmnop", k=10_000))
    after = bytearray(before)
    for at in range(50, 10_000, 100):
        after[at] = ord("-")
    patch = delta(before, bytes(after))
    assert applied(before, patch) == after
    assert len(patch) <= 10 * 100 + 20


def test_a_row_that_came_in_between_is_all_that_is_said() -> None:
    rows = document(10_000, Random(1))
    more = [*rows[:40], {"new": "row"}, *rows[40:]]
    assert len(delta(encoded(rows), encoded(more))) <= 50


def test_rows_that_changed_places_are_copied() -> None:
    rows = document(10_000, Random(2))
    before, after = encoded(rows), encoded([*rows[50:], *rows[:50]])
    assert len(delta(before, after)) <= 80


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # The first bytes of ä and ö are the same, and the second ones of ä and Ĥ.
        pytest.param("ü" * 30 + "ä" + "ü" * 30, "ü" * 30 + "ö" + "ü" * 30, id="begins-alike"),
        pytest.param("ü" * 30 + "ä" + "ü" * 30, "ü" * 30 + "Ĥ" + "ü" * 30, id="ends-alike"),
        pytest.param("x" * 30 + "🙂" + "y" * 30, "x" * 30 + "🙃" + "y" * 30, id="four-bytes"),
        pytest.param("ä" * 40 + "," + "ö" * 40, "Ĥ" + "ä" * 40 + ";" + "Ķ" + "ö" * 39, id="moved"),
    ],
)
def test_no_character_is_cut_in_two(before: str, after: str) -> None:
    patch = delta(before.encode(), after.encode())
    assert applied(before.encode(), patch).decode() == after
    assert patch.decode()
    assert len(patch) < 40


@pytest.mark.parametrize("length", [63, 64, 4_095, 4_096, 300_000])
def test_numbers_have_as_many_digits_as_they_need(length: int) -> None:
    patch = delta(b"", b"x" * length)
    assert applied(b"", patch) == b"x" * length
    size, _, rest = patch.partition(b"\n")
    assert rest.startswith(size + b":x")
    assert len(size) == 1 + (length >= 64) + (length >= 4_096) + (length >= 262_144)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"a" * 17 + b"b", b"a" * 16 + b"c", id="chance"),
        pytest.param(b"a" * 31 + b"b", b"a", id="many-places"),
        pytest.param(b"a", b"a" * 16 + b"b", id="all-the-same"),
        pytest.param(bytes(range(16)), bytes(range(16, 32)), id="nothing-known"),
    ],
)
def test_the_work_is_in_proportion_to_the_documents(
    monkeypatch: pytest.MonkeyPatch, old: bytes, new: bytes
) -> None:
    same = fossil._same
    work = 0

    def counted(source: bytes, place: int, target: bytes, at: int, most: int) -> int:
        nonlocal work
        found = same(source, place, target, at, most)
        work += 100 + found
        return found

    monkeypatch.setattr(fossil, "_same", counted)
    for size in (10_000, 80_000):
        work = 0
        delta(old * (size // len(old)), new * (size // len(new)))
        assert work <= 100 * size
