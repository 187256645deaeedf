from io import BytesIO

import pytest
from google.protobuf.proto import serialize_length_prefixed
from hypothesis import given
from hypothesis import strategies as st

from hubbub.wire.centrifuge_pb2 import DataResult
from hubbub.wire.frames import unframe
from hubbub.wire.streams import (
    BINARY,
    BYTES,
    EVENTS,
    LINES,
    TEXT,
    chunked,
    delimited,
    split_delimited,
)

LENGTHS = [0, 1, 127, 128, 300, 16_383, 16_384, 2**21]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_message_comes_after_its_length_as_protobuf_writes_it(length: int) -> None:
    result, written = DataResult(data=b"x" * length), BytesIO()
    serialize_length_prefixed(result, written)
    message = result.SerializeToString()
    assert delimited(message) == written.getvalue()
    assert split_delimited(delimited(message)) == ([message], True)


@given(messages=st.lists(st.binary(max_size=300)), cut=st.integers(1, 400))
def test_what_ends_within_a_message_gives_those_before_it(messages: list[bytes], cut: int) -> None:
    whole = b"".join(map(delimited, messages))
    assert split_delimited(whole) == (messages, True)
    part = whole[:-cut]
    found, complete = split_delimited(part)
    assert found == messages[: len(found)]
    assert complete == (b"".join(map(delimited, found)) == part)


@given(data=st.binary(max_size=100))
def test_any_bytes_are_split_or_refused(data: bytes) -> None:
    found, complete = split_delimited(data)
    assert sum(map(len, found)) <= len(data)
    assert not complete or len(b"".join(map(delimited, found))) <= len(data)


def test_a_length_without_an_end_is_none() -> None:
    assert split_delimited(b"\x80" * 1000) == ([], False)
    assert split_delimited(b"\xff" * 8 + b"\x7f" + b"x") == ([], False)


def test_messages_follow_one_another_as_their_transport_has_it() -> None:
    one, two = b'{"a":1}', b"{}"
    assert LINES.one(one) == b'{"a":1}\n'
    assert LINES.several([one, two]) == b'{"a":1}\n{}\n'
    assert EVENTS.several([one, two]) == b'data: {"a":1}\n\ndata: {}\n\n'
    assert unframe(TEXT.several([one, two])) == ['{"a":1}\n{}']
    assert unframe(BINARY.several([delimited(one), delimited(two)])) == [b'\x07{"a":1}\x02{}']
    assert BYTES.several([b"\x01a", b"\x00"]) == b"\x01a\x00"


def test_a_chunk_says_how_long_it_is() -> None:
    assert chunked(LINES).one(b"{}") == b"3\r\n{}\n\r\n"
    assert chunked(EVENTS).several([b"1", b"2"]) == b"12\r\ndata: 1\n\ndata: 2\n\n\r\n"
    assert chunked(BYTES).one(b"x" * 300) == b"12c\r\n" + b"x" * 300 + b"\r\n"


@pytest.mark.parametrize("framing", [TEXT, BINARY, LINES, EVENTS, BYTES, chunked(LINES)])
def test_what_goes_out_may_follow_what_went_out(framing: object) -> None:
    assert isinstance(framing, tuple)
    one, several = framing
    assert several([b"m"]) == one(b"m")
