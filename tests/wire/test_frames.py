"""RFC 6455 sections 5, 7 and 8 for `hubbub.wire.frames`, clause by clause."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable

import pytest

from hubbub.wire.frames import (
    INVALID_DATA,
    MAX_CONTROL_PAYLOAD,
    MAX_REASON,
    MIN_LIMIT,
    NO_STATUS,
    NORMAL,
    PING,
    POLICY,
    PROTOCOL_ERROR,
    TOO_BIG,
    End,
    FrameParser,
    Message,
    binary_frame,
    close_frame,
    text_frame,
    unframe,
)

LIMIT = 1000
KEY = b"\x37\xfa\x21\x3d"  # the masking key of the RFC's examples

FIN, RSV1, RSV2, RSV3 = 0x80, 0x40, 0x20, 0x10
CONTINUATION, TEXT, BINARY, CLOSE, PING_OPCODE, PONG_OPCODE = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


def head(first: int, length: int, *, masked: bool = True) -> bytes:
    """The first two bytes of a frame and its length, without the masking key."""
    bit = 128 if masked else 0
    if length < 126:
        return bytes((first, bit | length))
    if length < 65536:
        return bytes((first, bit | 126)) + length.to_bytes(2, "big")
    return bytes((first, bit | 127)) + length.to_bytes(8, "big")


def frame(first: int, payload: bytes = b"", key: bytes = KEY) -> bytes:
    """A client's frame. The all-zero key leaves a payload as it is."""
    body = bytes(byte ^ key[at % 4] for at, byte in enumerate(payload)) if any(key) else payload
    return head(first, len(payload)) + key + body


def parse(data: bytes, limit: int = LIMIT) -> tuple[list[Message], End | None]:
    parser = FrameParser(limit)
    return parser.feed(data), parser.ended


def parse_bytewise(data: bytes, limit: int = LIMIT) -> tuple[list[Message], End | None]:
    parser = FrameParser(limit)
    return [m for at in range(len(data)) for m in parser.feed(data[at : at + 1])], parser.ended


def violation(data: bytes, limit: int = LIMIT) -> int:
    """The code with which `data`, after no message at all, is refused, however it is cut."""
    results = []
    for messages, end in (parse(data, limit), parse_bytewise(data, limit)):
        assert messages == []
        assert end is not None
        assert not end.by_peer
        assert end.reason
        results.append(end.code)
    assert results[0] == results[1]
    return results[0]


def test_an_empty_read_brings_nothing() -> None:
    parser = FrameParser(LIMIT)
    assert parser.feed(b"") == []
    assert (parser.ended, parser.unfinished, parser.take_output()) == (None, 0, b"")


# 5.2 and 5.7: the frame, and the examples of the RFC


def test_the_rfcs_masked_hello_is_read() -> None:
    assert parse(bytes.fromhex("818537fa213d7f9f4d5158")) == (["Hello"], None)


def test_the_rfcs_masked_pong_is_no_message() -> None:
    assert parse(bytes.fromhex("8a8537fa213d7f9f4d5158")) == ([], None)


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, 65537])
@pytest.mark.parametrize("key", [KEY, bytes(4), b"\xff\x00\x80\x7f"])
def test_a_payload_of_every_length_class_is_unmasked(length: int, key: bytes) -> None:
    payload = bytes(at % 251 for at in range(length))
    assert parse(frame(FIN | BINARY, payload, key), 100_000) == ([payload], None)


def test_messages_of_one_read_come_in_order_with_their_types() -> None:
    data = frame(FIN | TEXT, b"a") + frame(FIN | BINARY, b"b") + frame(FIN | TEXT)
    assert parse(data) == (["a", b"b", ""], None)


def test_a_length_may_be_written_longer_than_needed() -> None:
    """Section 5.2 asks the sender for the shortest form; to refuse the others gains nothing."""
    two, eight = (3).to_bytes(2, "big"), (3).to_bytes(8, "big")
    data = bytes((FIN | TEXT, 254)) + two + bytes(4) + b"two"
    data += bytes((FIN | TEXT, 255)) + eight + bytes(4) + b"ate"
    assert parse(data) == (["two", "ate"], None)


@pytest.mark.parametrize("at", range(1, 30))
def test_a_frame_may_be_cut_anywhere(at: int) -> None:
    data = frame(FIN | TEXT, b"first message") + frame(FIN | BINARY, bytes(200))
    parser = FrameParser(LIMIT)
    assert parser.feed(data[:at]) + parser.feed(data[at:]) == ["first message", bytes(200)]
    assert parser.unfinished == 0


@pytest.mark.parametrize("length", [0, 10, 126, 70_000])
def test_a_stream_may_come_byte_by_byte(length: int) -> None:
    payload = b"x" * length
    data = frame(FIN | TEXT, payload, bytes(4)) + frame(FIN | TEXT, b"y", bytes(4))
    assert parse_bytewise(data, 100_000) == ([payload.decode(), "y"], None)


@pytest.mark.timeout(20)
def test_a_large_message_in_many_small_reads_is_read_once() -> None:
    """It takes milliseconds; to copy what is there with each read would take minutes."""
    size, read = 8 * 2**20, 200
    data = frame(FIN | BINARY, bytes(size), bytes(4))
    parser = FrameParser(size)
    messages = [m for at in range(0, len(data), read) for m in parser.feed(data[at : at + read])]
    assert messages == [bytes(size)]


@pytest.mark.parametrize("bit", [RSV1, RSV2, RSV3, RSV1 | RSV2 | RSV3])
@pytest.mark.parametrize("first", [FIN | TEXT, FIN | BINARY, TEXT, FIN | PING_OPCODE, FIN | CLOSE])
@pytest.mark.parametrize("payload", [b"", b"hello", b"\xff" * 70, bytes(125)])
def test_a_reserved_bit_without_an_extension_is_refused(
    bit: int, first: int, payload: bytes
) -> None:
    assert violation(frame(bit | first, payload)) == PROTOCOL_ERROR


def test_a_compressed_message_is_refused_since_no_extension_is_negotiated() -> None:
    deflated = bytes.fromhex("f248cdc9c90700")  # "Hello", RFC 7692 section 7.2.3.1
    assert violation(frame(FIN | RSV1 | TEXT, deflated)) == PROTOCOL_ERROR


@pytest.mark.parametrize("opcode", [0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF])
@pytest.mark.parametrize("payload", [b"", b"x", bytes(300)])
def test_a_reserved_opcode_is_refused(opcode: int, payload: bytes) -> None:
    assert violation(frame(FIN | opcode, payload)) == PROTOCOL_ERROR


@pytest.mark.parametrize("first", [RSV1 | FIN | TEXT, FIN | CONTINUATION, FIN | 0x3, FIN | 0xB])
@pytest.mark.parametrize("length", [LIMIT + 1, 70_000])
def test_a_frame_that_is_wrong_and_too_big_is_wrong_first(first: int, length: int) -> None:
    """So that the code does not depend on where the network cut the header."""
    assert violation(head(first, length) + KEY) == PROTOCOL_ERROR


@pytest.mark.parametrize(
    "first", [RSV1 | FIN | TEXT, RSV3 | FIN | BINARY, FIN | CONTINUATION, FIN | 0x3, FIN | 0xB]
)
@pytest.mark.parametrize("length", [5, 125, 126, LIMIT])
def test_a_wrong_header_is_refused_before_its_payload(first: int, length: int) -> None:
    """Else a peer could have us wait for, and keep, bytes that can become nothing."""
    assert violation(head(first, length)[:2]) == PROTOCOL_ERROR
    assert violation(head(first, length) + KEY + b"x") == PROTOCOL_ERROR


@pytest.mark.parametrize("first", [TEXT, FIN | BINARY])
@pytest.mark.parametrize("length", [5, LIMIT])
def test_a_wrong_order_is_refused_before_its_payload(first: int, length: int) -> None:
    assert violation(frame(TEXT, b"a") + head(first, length)[:2]) == PROTOCOL_ERROR


@pytest.mark.parametrize("opcode", [CLOSE, PING_OPCODE, PONG_OPCODE])
def test_a_fragmented_control_frame_is_refused_before_its_payload(opcode: int) -> None:
    assert violation(head(opcode, 125)) == PROTOCOL_ERROR


def test_what_came_before_a_violation_in_the_same_read_is_delivered() -> None:
    messages, end = parse(frame(FIN | TEXT, b"kept") + frame(FIN | 0x3, b"") + frame(FIN | TEXT))
    assert messages == ["kept"]
    assert end == End(PROTOCOL_ERROR, "unknown data frame", by_peer=False)


# 5.1 and 5.3: masks


@pytest.mark.parametrize("length", [0, 5, 125, 126, 65536])
@pytest.mark.parametrize("first", [FIN | TEXT, FIN | BINARY, FIN | PING_OPCODE, FIN | CLOSE])
def test_an_unmasked_frame_is_refused_at_its_second_byte(first: int, length: int) -> None:
    assert violation(head(first, length, masked=False)) == PROTOCOL_ERROR
    assert violation(head(first, length, masked=False)[:2]) == PROTOCOL_ERROR


def test_our_own_frames_are_refused_as_a_clients() -> None:
    assert violation(text_frame(b"Hello")) == PROTOCOL_ERROR
    assert violation(PING) == PROTOCOL_ERROR


# 5.2, 10.4: lengths and limits


@pytest.mark.parametrize("length", [2**63, 2**63 + 1, 2**64 - 1])
def test_a_length_with_the_highest_bit_is_no_length(length: int) -> None:
    assert violation(head(FIN | BINARY, length) + KEY) == PROTOCOL_ERROR


@pytest.mark.parametrize("length", [LIMIT + 1, 65535, 65536, 2**32, 2**62, 2**63 - 1])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_message_over_the_limit_is_refused_at_its_header(opcode: int, length: int) -> None:
    assert violation(head(FIN | opcode, length) + KEY) == TOO_BIG
    assert violation(head(opcode, length) + KEY) == TOO_BIG


@pytest.mark.parametrize("length", [2**31, 2**62, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_huge_length_costs_no_memory(length: int) -> None:
    data = head(FIN | BINARY, length) + KEY + bytes(100)
    parser = FrameParser(2**20)
    tracemalloc.start()
    try:
        parser.feed(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert parser.ended is not None
    assert peak < 10_000


def test_a_declared_length_costs_only_what_has_arrived() -> None:
    parser = FrameParser(2**30)
    tracemalloc.start()
    try:
        parser.feed(head(FIN | BINARY, 2**30) + KEY + bytes(100))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert parser.ended is None
    assert peak < 10_000


def test_a_message_of_exactly_the_limit_passes() -> None:
    assert parse(frame(FIN | BINARY, bytes(LIMIT))) == ([bytes(LIMIT)], None)
    halves = frame(BINARY, bytes(LIMIT // 2)) + frame(FIN | CONTINUATION, bytes(LIMIT // 2))
    assert parse(halves) == ([bytes(LIMIT)], None)


def test_the_limit_is_bytes_of_payload_not_characters() -> None:
    assert parse(frame(FIN | TEXT, "é".encode() * (LIMIT // 2))) == (["é" * (LIMIT // 2)], None)
    assert violation(frame(FIN | TEXT, "é".encode() * (LIMIT // 2 + 1))) == TOO_BIG


def test_the_smallest_limit_still_holds_for_one_frame_and_for_fragments() -> None:
    assert parse(frame(FIN | BINARY, bytes(MIN_LIMIT)), MIN_LIMIT) == ([bytes(MIN_LIMIT)], None)
    assert violation(frame(FIN | BINARY, bytes(MIN_LIMIT + 1)), MIN_LIMIT) == TOO_BIG
    fragments = frame(BINARY, bytes(MIN_LIMIT)) + frame(FIN | CONTINUATION, b"x")
    assert violation(fragments, MIN_LIMIT) == TOO_BIG


@pytest.mark.parametrize("sizes", [(LIMIT, 1), (1, LIMIT), (400, 400, 201), (125,) * 9])
def test_the_limit_counts_all_fragments_together(sizes: tuple[int, ...]) -> None:
    first, *rest = sizes
    data = frame(BINARY, bytes(first)) + b"".join(frame(CONTINUATION, bytes(n)) for n in rest)
    assert violation(data) == TOO_BIG


def test_a_fragment_over_the_limit_is_refused_at_its_header() -> None:
    assert violation(frame(BINARY, bytes(LIMIT)) + head(CONTINUATION, 1) + KEY) == TOO_BIG


def test_the_count_starts_again_with_each_message() -> None:
    one = frame(BINARY, bytes(LIMIT - 1)) + frame(FIN | CONTINUATION, b"x")
    assert parse(one * 3) == ([bytes(LIMIT - 1) + b"x"] * 3, None)


def test_control_frames_do_not_count_towards_a_messages_size() -> None:
    data = frame(BINARY, bytes(LIMIT)) + frame(FIN | PING_OPCODE, bytes(125)) * 10
    assert parse(data + frame(FIN | CONTINUATION)) == ([bytes(LIMIT)], None)


def test_fragments_of_one_byte_cost_their_bytes_and_no_more() -> None:
    many, batch = 100_000, 10_000
    parser = FrameParser(many)
    fragments = frame(CONTINUATION, b"x") * batch
    tracemalloc.start()
    try:
        parser.feed(frame(TEXT))
        for _ in range(many // batch):
            assert parser.feed(fragments) == []
        kept, _ = tracemalloc.get_traced_memory()
        messages = parser.feed(frame(FIN | CONTINUATION))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert messages == ["x" * many]
    assert kept < 1.25 * many  # a bytearray grows by an eighth
    assert peak < 3 * many


def test_fragments_without_end_are_cut_at_the_limit() -> None:
    parser = FrameParser(LIMIT)
    parser.feed(frame(TEXT))
    fed = 0
    while parser.ended is None:
        assert parser.feed(frame(CONTINUATION, b"x")) == []
        fed += 1
    assert fed == LIMIT + 1
    assert parser.ended.code == TOO_BIG


# 5.4: fragmentation


def test_a_message_in_fragments_is_one_message() -> None:
    data = frame(TEXT, b"Hel") + frame(CONTINUATION) + frame(FIN | CONTINUATION, b"lo")
    assert parse(data) == (["Hello"], None)
    assert parse_bytewise(data) == (["Hello"], None)


def test_a_binary_message_in_fragments_is_bytes_even_if_it_is_no_text() -> None:
    data = frame(BINARY, b"\xff") + frame(FIN | CONTINUATION, b"\xfe")
    assert parse(data) == ([b"\xff\xfe"], None)


def test_a_binary_message_after_a_fragmented_text_is_not_read_as_text() -> None:
    text = frame(TEXT, b"a") + frame(FIN | CONTINUATION, b"b")
    binary = frame(BINARY, b"\xff") + frame(FIN | CONTINUATION, b"\xff")
    assert parse(text + binary + text) == (["ab", b"\xff\xff", "ab"], None)


@pytest.mark.parametrize("first", [CONTINUATION, FIN | CONTINUATION])
def test_a_continuation_of_nothing_is_refused(first: int) -> None:
    assert violation(frame(first, b"x")) == PROTOCOL_ERROR


def test_a_continuation_after_a_finished_message_is_refused() -> None:
    data = frame(TEXT, b"a") + frame(FIN | CONTINUATION, b"b") + frame(FIN | CONTINUATION, b"c")
    messages, end = parse(data)
    assert messages == ["ab"]
    assert end is not None
    assert end.code == PROTOCOL_ERROR


@pytest.mark.parametrize("first", [TEXT, BINARY, FIN | TEXT, FIN | BINARY])
@pytest.mark.parametrize("payload", [b"x", bytes(200)])
def test_a_new_message_inside_a_fragmented_one_is_refused(first: int, payload: bytes) -> None:
    assert violation(frame(TEXT, b"a") + frame(first, payload)) == PROTOCOL_ERROR


def test_control_frames_between_fragments_are_answered_at_once() -> None:
    parser = FrameParser(LIMIT)
    assert parser.feed(frame(TEXT, b"Hel") + frame(FIN | PING_OPCODE, b"now")) == []
    assert parser.take_output() == bytes((FIN | PONG_OPCODE, 3)) + b"now"
    assert parser.feed(frame(FIN | PONG_OPCODE) + frame(FIN | CONTINUATION, b"lo")) == ["Hello"]


def test_a_close_frame_between_fragments_ends_the_stream_and_drops_the_message() -> None:
    parser = FrameParser(LIMIT)
    data = frame(TEXT, b"Hel") + frame(FIN | CLOSE, b"\x03\xe8") + frame(FIN | CONTINUATION, b"lo")
    assert parser.feed(data) == []
    assert parser.ended == End(NORMAL, "", by_peer=True)
    assert parser.unfinished == 0


# 5.5: control frames


@pytest.mark.parametrize("opcode", [CLOSE, PING_OPCODE, PONG_OPCODE])
@pytest.mark.parametrize("length", [126, 127, 65535, 65536, 2**63 - 1, 2**64 - 1])
def test_a_control_frame_over_125_bytes_is_refused_at_its_second_byte(
    opcode: int, length: int
) -> None:
    assert violation(head(FIN | opcode, length)) == PROTOCOL_ERROR
    assert violation(head(FIN | opcode, length)[:2]) == PROTOCOL_ERROR


@pytest.mark.parametrize("opcode", [CLOSE, PING_OPCODE, PONG_OPCODE])
@pytest.mark.parametrize("payload", [b"", b"\x03\xe8", bytes(125)])
def test_a_fragmented_control_frame_is_refused(opcode: int, payload: bytes) -> None:
    assert violation(frame(opcode, payload)) == PROTOCOL_ERROR


@pytest.mark.parametrize("payload", [b"", b"hello", b"\x00\xff\xfe", bytes(MAX_CONTROL_PAYLOAD)])
def test_a_ping_is_answered_with_its_own_payload_once(payload: bytes) -> None:
    parser = FrameParser(LIMIT)
    assert parser.feed(frame(FIN | PING_OPCODE, payload)) == []
    assert parser.take_output() == bytes((FIN | PONG_OPCODE, len(payload))) + payload
    assert parser.take_output() == b""
    assert parser.ended is None


def test_pings_of_one_read_are_answered_in_order_and_before_the_work() -> None:
    parser = FrameParser(LIMIT)
    data = b"".join(
        frame(FIN | PING_OPCODE, text) + frame(FIN | TEXT, text) for text in (b"1", b"2")
    )
    assert parser.feed(data) == ["1", "2"]
    assert parser.take_output() == b"\x8a\x011\x8a\x012"


def test_a_pong_is_not_answered() -> None:
    parser = FrameParser(LIMIT)
    parser.feed(frame(FIN | PONG_OPCODE, b"unasked"))
    assert (parser.take_output(), parser.ended) == (b"", None)


def test_a_ping_before_a_violation_is_still_answered() -> None:
    parser = FrameParser(LIMIT)
    parser.feed(frame(FIN | PING_OPCODE, b"x") + frame(FIN | 0x3))
    assert parser.take_output() == b"\x8a\x01x"


@pytest.mark.parametrize("opcode", [PING_OPCODE, PONG_OPCODE])
def test_a_flood_of_control_frames_ends_the_stream(opcode: int) -> None:
    parser = FrameParser(LIMIT, max_control_frames=10)
    assert parser.feed(frame(FIN | opcode, b"x") * 10) == []
    assert parser.ended is None
    assert parser.feed(frame(FIN | opcode, b"x") + frame(FIN | TEXT, b"late")) == []
    assert parser.ended == End(POLICY, "too many pings", by_peer=False)


def test_the_answers_to_a_flood_are_bounded() -> None:
    parser = FrameParser(LIMIT)
    for _ in range(100):
        parser.feed(frame(FIN | PING_OPCODE, bytes(125), bytes(4)) * 1000)
    assert len(parser.take_output()) == 1000 * (2 + 125)
    assert parser.control_frames == 1001


def test_whoever_owns_the_clock_forgives_the_pings_of_the_past() -> None:
    parser = FrameParser(LIMIT, max_control_frames=10)
    for _ in range(5):
        parser.feed(frame(FIN | PING_OPCODE) * 10)
        parser.control_frames = 0
    assert parser.ended is None


def test_messages_and_fragments_are_not_counted_as_control_frames() -> None:
    parser = FrameParser(LIMIT, max_control_frames=1)
    parser.feed((frame(TEXT, b"a") + frame(FIN | CONTINUATION) + frame(FIN | TEXT)) * 50)
    assert (parser.control_frames, parser.ended) == (0, None)


# 5.5.1, 7.1.5 and 7.4: close frames


def test_a_close_frame_without_a_code_is_read_as_no_status() -> None:
    assert parse(frame(FIN | CLOSE)) == ([], End(NO_STATUS, "", by_peer=True))


def test_a_close_frame_brings_code_and_reason() -> None:
    payload = (1001).to_bytes(2, "big") + "adiós".encode()
    assert parse(frame(FIN | CLOSE, payload)) == ([], End(1001, "adiós", by_peer=True))


def test_a_close_frame_with_half_a_code_is_refused() -> None:
    assert violation(frame(FIN | CLOSE, b"\x03")) == PROTOCOL_ERROR


VALID_CODES = [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999]
INVALID_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]


@pytest.mark.parametrize("code", VALID_CODES)
def test_a_code_a_peer_may_send_is_taken(code: int) -> None:
    assert parse(frame(FIN | CLOSE, code.to_bytes(2, "big"))) == ([], End(code, "", by_peer=True))


@pytest.mark.parametrize("code", INVALID_CODES)
def test_a_code_no_peer_may_send_is_refused(code: int) -> None:
    assert violation(frame(FIN | CLOSE, code.to_bytes(2, "big"))) == PROTOCOL_ERROR


@pytest.mark.parametrize("reason", [b"\xff", b"ok\xc3", b"\xed\xa0\x80", b"x" * 122 + b"\xe2"])
def test_a_reason_that_is_not_utf8_is_refused(reason: bytes) -> None:
    assert violation(frame(FIN | CLOSE, b"\x03\xe8" + reason)) == INVALID_DATA


def test_what_follows_a_close_frame_is_ignored() -> None:
    parser = FrameParser(LIMIT)
    close = frame(FIN | CLOSE, b"\x03\xe8")
    assert parser.feed(frame(FIN | TEXT, b"a") + close + frame(FIN | TEXT, b"b")) == ["a"]
    assert parser.feed(frame(FIN | PING_OPCODE) + frame(FIN | 0x3)) == []
    assert parser.ended == End(NORMAL, "", by_peer=True)
    assert (parser.take_output(), parser.unfinished) == (b"", 0)


def test_what_follows_a_violation_is_ignored_and_not_kept() -> None:
    parser = FrameParser(LIMIT)
    parser.feed(frame(TEXT, b"a") + frame(FIN | 0x3))
    first = parser.ended
    assert parser.feed(frame(FIN | CLOSE) + frame(FIN | TEXT, b"b")) == []
    assert parser.feed(head(FIN | BINARY, LIMIT)) == []
    assert parser.ended is first
    assert parser.unfinished == 0


# 8.1: UTF-8

BAD_UTF8 = [
    b"\xff",
    b"\x80",
    b"\xc0\xaf",  # overlong
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xed\xa0\x80",  # a surrogate
    b"\xf4\x90\x80\x80",  # over U+10FFFF
    b"ok \xc3",  # cut short
    b"\xf0\x9f\x98",
]


@pytest.mark.parametrize("payload", BAD_UTF8)
def test_a_text_that_is_not_utf8_is_refused(payload: bytes) -> None:
    assert violation(frame(FIN | TEXT, payload)) == INVALID_DATA


@pytest.mark.parametrize("payload", BAD_UTF8)
@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_a_text_in_fragments_that_is_not_utf8_is_refused(payload: bytes, at: int) -> None:
    data = frame(TEXT, payload[:at]) + frame(FIN | CONTINUATION, payload[at:])
    assert violation(data) == INVALID_DATA


@pytest.mark.parametrize("text", ["κόσμε", "日本語", "\N{GRINNING FACE}", "\0", "\ufffe\U0010ffff"])
def test_a_character_may_be_cut_between_fragments(text: str) -> None:
    payload = text.encode()
    pieces = [payload[at : at + 1] for at in range(len(payload))]
    data = frame(TEXT) + b"".join(frame(CONTINUATION, piece) for piece in pieces)
    assert parse(data + frame(FIN | CONTINUATION)) == ([text], None)


def test_bad_text_ends_at_its_fragment_and_not_with_its_message() -> None:
    assert violation(frame(TEXT, b"\xff")) == INVALID_DATA
    assert violation(frame(TEXT, b"\xf4") + frame(CONTINUATION, b"\x90")) == INVALID_DATA


def test_a_character_may_not_be_finished_by_the_next_message() -> None:
    data = frame(TEXT, b"\xc3") + frame(FIN | CONTINUATION) + frame(FIN | TEXT, b"\xa9")
    assert violation(data) == INVALID_DATA


# Messages that do not arrive whole: whoever owns the clock watches `unfinished`


def numbers(parser: FrameParser, reads: Iterable[bytes]) -> list[int]:
    """What `unfinished` is after each of `reads`."""
    seen = []
    for data in reads:
        parser.feed(data)
        seen.append(parser.unfinished)
    assert parser.ended is None
    return seen


def single_bytes(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def test_whole_messages_are_never_unfinished() -> None:
    parser = FrameParser(LIMIT)
    fragmented = frame(TEXT, b"a") + frame(FIN | CONTINUATION, b"b")
    assert numbers(parser, [frame(FIN | TEXT, b"a"), fragmented, frame(FIN | PING_OPCODE)]) == [
        0,
        0,
        0,
    ]


@pytest.mark.parametrize("length", [0, 5, 300, 70_000])
def test_one_message_that_drips_in_has_one_number(length: int) -> None:
    """Else a peer that sends a byte a second gets a new deadline with each part of the header."""
    parser = FrameParser(100_000)
    drips = single_bytes(frame(FIN | BINARY, bytes(length), bytes(4)))
    *during, after = numbers(parser, drips)
    assert len(set(during)) == 1
    assert during[0] > 0
    assert after == 0


def test_one_message_in_dripping_fragments_has_one_number() -> None:
    parser = FrameParser(LIMIT)
    data = frame(TEXT, b"abc") + frame(CONTINUATION, b"def") + frame(FIN | CONTINUATION, b"ghi")
    *during, after = numbers(parser, single_bytes(data))
    assert len(set(during)) == 1
    assert during[0] > 0
    assert after == 0


def test_control_frames_between_fragments_do_not_renew_the_number() -> None:
    parser = FrameParser(LIMIT)
    ping = frame(FIN | PING_OPCODE, b"keep me")
    reads = [frame(TEXT, b"a"), *single_bytes(ping), ping + frame(CONTINUATION, b"b")[:3]]
    assert len(set(numbers(parser, reads))) == 1


def test_the_next_unfinished_message_has_another_number() -> None:
    parser = FrameParser(LIMIT)
    whole = frame(FIN | TEXT, b"abc")
    reads = [whole[:4], whole[4:] + whole[:4], whole[4:] + frame(TEXT, b"a")]
    reads += [frame(FIN | CONTINUATION) + frame(TEXT, b"b"), frame(FIN | CONTINUATION) + whole[:1]]
    seen = numbers(parser, reads)
    assert 0 not in seen
    assert len(set(seen)) == len(seen)


def test_a_message_after_a_pause_has_another_number() -> None:
    parser = FrameParser(LIMIT)
    whole = frame(FIN | TEXT, b"abc")
    first, between, second = numbers(parser, [whole[:4], whole[4:], whole[:4]])
    assert between == 0
    assert 0 != first != second != 0


# Frames we send


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, "8100"),
        (1, "8101"),
        (125, "817d"),
        (126, "817e007e"),
        (256, "817e0100"),
        (65535, "817effff"),
        (65536, "817f0000000000010000"),
    ],
)
def test_our_frames_have_the_shortest_head_and_no_mask(length: int, expected: str) -> None:
    payload = b"x" * length
    assert text_frame(payload) == bytes.fromhex(expected) + payload
    assert binary_frame(payload) == bytes.fromhex("82" + expected[2:]) + payload


def test_the_rfcs_unmasked_examples_are_what_we_send() -> None:
    assert text_frame(b"Hello") == bytes.fromhex("810548656c6c6f")
    assert binary_frame(bytes(256))[:4] == bytes.fromhex("827e0100")
    assert binary_frame(bytes(65536))[:10] == bytes.fromhex("827f0000000000010000")


def test_our_ping_is_empty_and_final() -> None:
    assert bytes.fromhex("8900") == PING


def test_our_close_frame_holds_code_and_reason() -> None:
    assert close_frame(NORMAL, "bye") == bytes.fromhex("880503e8") + b"bye"
    assert close_frame(NORMAL) == bytes.fromhex("880203e8")


def test_our_close_frame_without_a_status_is_empty() -> None:
    assert close_frame(NO_STATUS, "unsaid") == bytes.fromhex("8800")


@pytest.mark.parametrize(
    ("reason", "sent"),
    [
        ("x" * MAX_REASON, "x" * MAX_REASON),
        ("x" * 1000, "x" * MAX_REASON),
        ("x" * (MAX_REASON - 1) + "é", "x" * (MAX_REASON - 1)),
        ("\N{GRINNING FACE}" * 40, "\N{GRINNING FACE}" * 30),
    ],
)
def test_a_long_reason_is_cut_between_characters(reason: str, sent: str) -> None:
    body = close_frame(NORMAL, reason)
    assert body[1] == len(body) - 2 <= MAX_CONTROL_PAYLOAD
    assert body[4:].decode() == sent


def test_a_reason_that_utf8_cannot_hold_is_still_sent() -> None:
    """A close must not fail on its reason: a lone surrogate can come from any JSON."""
    assert close_frame(NORMAL, "room \ud800 is gone")[4:] == b"room ? is gone"


# Frames for a server that does its own framing


def test_unframe_of_nothing_is_nothing() -> None:
    assert unframe(b"") == []


def test_unframe_gives_back_what_was_framed() -> None:
    texts = ["", "é", "x" * 125, "x" * 126, "x" * 65535, "x" * 65536]
    messages: list[Message] = [*texts, *(text.encode() for text in texts)]
    frames = b"".join(
        text_frame(m.encode()) if isinstance(m, str) else binary_frame(m) for m in messages
    )
    assert unframe(frames) == messages
