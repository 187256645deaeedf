"""What a broadcaster may hand over, and the frame it becomes."""

from __future__ import annotations

import datetime
import enum
import json
import uuid
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel

from hubbub.wire.encode import frame_of, value_of
from hubbub.wire.frames import binary_frame, text_frame, unframe


class Colour(enum.StrEnum):
    RED = "red"


class Order(BaseModel):
    id: uuid.UUID
    placed: datetime.date


ORDER = Order(id=uuid.UUID(int=7), placed=datetime.date(2024, 2, 29))
ORDER_JSON = {"id": "00000000-0000-0000-0000-000000000007", "placed": "2024-02-29"}


@pytest.mark.parametrize("text", ["", "Hello", "κόσμε", Colour.RED])
def test_a_string_is_sent_as_it_is(text: str) -> None:
    assert frame_of(text) == text_frame(text.encode())


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_every_kind_are_a_binary_message(kind: type) -> None:
    assert frame_of(kind(b"\xff\0")) == binary_frame(b"\xff\0")


def test_the_frame_of_a_buffer_does_not_change_with_the_buffer() -> None:
    buffer = bytearray(b"before")
    frame = frame_of(buffer)
    buffer[:] = b"after!"
    assert unframe(frame) == [b"before"]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (2**70, 2**70),
        (1.5, 1.5),
        ([1, "two", None], [1, "two", None]),
        ({"kind": "tick", "at": {"x": [1]}}, {"kind": "tick", "at": {"x": [1]}}),
        (datetime.date(2024, 2, 29), "2024-02-29"),
        (ORDER, ORDER_JSON),
        ({"orders": [ORDER]}, {"orders": [ORDER_JSON]}),
    ],
)
def test_every_other_value_is_sent_as_json(value: Any, read: Any) -> None:
    [message] = unframe(frame_of(value))
    assert isinstance(message, str)
    assert json.loads(message) == read


@pytest.mark.parametrize("value", [object(), {"key": object()}, [{1, object()}], {(1, 2): 3}, len])
def test_a_value_that_json_cannot_hold_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot be sent"):
        frame_of(value)


@pytest.mark.parametrize("value", ["\ud800", {"key": "\ud800"}, {"\ud800": 1}, ["a", "\udfff"]])
def test_a_string_that_is_no_unicode_is_refused(value: Any) -> None:
    with pytest.raises(UnicodeEncodeError):
        frame_of(value)


def test_no_data_is_no_value() -> None:
    assert value_of(b"") is None
    assert value_of(b"[1]") == [1]
    for wrong in (b"[1", b"1e999", b"1" * 5_000):
        with pytest.raises(msgspec.MsgspecError):
            value_of(wrong)
