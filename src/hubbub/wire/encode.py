"""Values to frames, once for all members."""

from __future__ import annotations

import re
from typing import Any, TypeGuard

import msgspec

from hubbub.wire.frames import binary_frame, text_frame


def _plain(value: Any) -> Any:
    """What msgspec asks about types it does not know: Pydantic models have their own dump."""
    dump = getattr(value, "model_dump", None)
    if dump is None:
        raise TypeError(f"{type(value).__name__} cannot be sent: give text, bytes or JSON values")
    return dump(mode="json")


_encode_json = msgspec.json.Encoder(enc_hook=_plain).encode
_skim = msgspec.json.Decoder(msgspec.Raw).decode


class NotJson(ValueError):
    """Data that JSON has no words for, where JSON is spoken (protocol.md section 10.2, 3506)."""


def value_of(data: bytes) -> Any:
    """The value of JSON; None where there is no data.

    Raises `msgspec.MsgspecError` for what is no JSON, or is a number too large for any value.
    """
    return msgspec.json.decode(data) if data else None


LONG = 4_000
"""Bytes of data from which on it is looked at for numbers that some clients cannot read."""

_ENDLESS_NUMBER = re.compile(rb"(?:^|[:\[,\s])-?[0-9]{%d}" % LONG)


def has_endless_number(data: bytes) -> bool:
    """Whether there is a number in JSON so long that some languages refuse the whole text."""
    return len(data) > LONG and _ENDLESS_NUMBER.search(data) is not None


def is_json_line(data: bytes) -> bool:
    """Whether `data` is JSON in one line, which every client can read."""
    try:
        data.decode()
        _skim(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    return b"\n" not in data and b"\r" not in data and not has_endless_number(data)


def json_line(data: bytes) -> bytes:
    """`data`, which may be anything, as JSON in one line. Raises `NotJson`."""
    if not is_json_line(data):
        try:
            data = msgspec.json.format(data, indent=-1)
        except (msgspec.MsgspecError, RecursionError):
            raise NotJson from None
        if not is_json_line(data):
            raise NotJson
    return data


def is_bytes(value: Any) -> TypeGuard[bytes | bytearray | memoryview]:
    """Whether `value` is sent as it is."""
    return isinstance(value, bytes | bytearray | memoryview)


def to_data(value: Any) -> tuple[bytes, bool]:
    """`value` as the data of a publication, and whether it is `binary` there. Raises as
    `to_json`."""
    return (bytes(value), True) if is_bytes(value) else (to_json(value), False)


def to_json(value: Any) -> bytes:
    """`value` as JSON, in one line.

    Raises TypeError for a value that JSON cannot hold, RecursionError for one that holds itself,
    and UnicodeEncodeError for a string that is no Unicode (a lone surrogate).
    """
    data = _encode_json(value)
    return msgspec.json.format(data, indent=-1) if b"\n" in data else data


def frame_of(value: Any) -> bytes:
    """One frame for `value`: text for a string, binary for bytes, JSON in text for the rest.

    Raises TypeError for a value that JSON cannot hold, RecursionError for one that holds
    itself, and UnicodeEncodeError for a string that is no Unicode (a lone surrogate).
    """
    if isinstance(value, str):
        return text_frame(str.encode(value))
    if is_bytes(value):
        return binary_frame(bytes(value))
    return text_frame(_encode_json(value))
