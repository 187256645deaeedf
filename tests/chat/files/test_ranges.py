"""Which part of a file is asked for (RFC 9110 section 14)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.chat.files.ranges import Unsatisfiable, asked


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("", None),
        ("bytes=0-", (0, 100)),
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 20)),
        ("bytes=99-", (99, 100)),
        ("bytes=99-99", (99, 100)),
        ("bytes=0-99", (0, 100)),
        ("bytes=0-100", (0, 100)),
        ("bytes=50-999999999999999999", (50, 100)),
        ("bytes=-1", (99, 100)),
        ("bytes=-100", (0, 100)),
        ("bytes=-500", (0, 100)),
        ("Bytes=5-6", (5, 7)),
        ("bytes= 5-6 ", (5, 7)),
        # Malformed, or more than we do: all of it.
        ("bytes=6-5", None),
        ("bytes=-", None),
        ("bytes=", None),
        ("bytes=a-b", None),
        ("bytes=1-2,5-6", None),
        ("bytes=--5", None),
        ("bytes=5-6\r\nX: y", None),
        ("bytes=٥-٦", None),
        ("bytes=" + "9" * 4000 + "-", None),
        ("items=0-5", None),
        ("0-5", None),
    ],
)
def test_a_part_is_asked_for(header: str | None, part: tuple[int, int] | None) -> None:
    assert asked(header, 100) == part


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_what_is_not_there_cannot_be_asked_for(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        asked(header, 100)


@given(st.text("bytes=0123456789-, ", max_size=20) | st.text(max_size=20), st.integers(1, 10_000))
def test_a_part_is_in_the_file_and_not_empty(header: str, size: int) -> None:
    try:
        part = asked(header, size)
    except Unsatisfiable:
        return
    assert part is None or 0 <= part[0] < part[1] <= size
