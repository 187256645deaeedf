"""`hubbub.wire.frames` beside the parsers of two other libraries.

`websockets` counts sizes and leaves UTF-8 to its callers; `wsproto` reads UTF-8 and counts no
sizes. Between them they judge all that `FrameParser` decides. Where a judge may differ, a rule
of this file says so by name, with its reason, and says what must hold instead.
"""

from __future__ import annotations

import codecs
from typing import NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st
from websockets.exceptions import PayloadTooBig
from websockets.frames import Frame as WebsocketsFrame
from websockets.frames import Opcode as WebsocketsOpcode
from websockets.protocol import Protocol, Side
from wsproto.frame_protocol import FrameProtocol, ParseFailed
from wsproto.frame_protocol import Opcode as WsprotoOpcode

from hubbub.wire.frames import (
    INVALID_DATA,
    NO_STATUS,
    TOO_BIG,
    End,
    FrameParser,
    Message,
    binary_frame,
    close_frame,
    text_frame,
)

LIMIT = 300
"""Small, so that random messages pass it, and above 125, so that both short lengths occur."""

FILLER = bytes(14 + LIMIT)
"""Finishes every frame that is not over the limit: its header, its key and its payload."""


class Outcome(NamedTuple):
    """What a parser makes of one client's bytes."""

    messages: list[Message]
    pongs: list[bytes]
    end: End | None


# The three parsers


def outcome_of_ours(chunks: list[bytes]) -> Outcome:
    parser = FrameParser(LIMIT)
    messages: list[Message] = []
    output = b""
    for chunk in chunks:
        messages += parser.feed(chunk)
        output += parser.take_output()
    assert all(len(m.encode() if isinstance(m, str) else m) <= LIMIT for m in messages)
    return Outcome(messages, pongs_in(output), parser.ended)


def pongs_in(output: bytes) -> list[bytes]:
    pongs = []
    while output:
        assert output[0] == 0x8A
        stop = 2 + output[1]
        pongs.append(output[2:stop])
        output = output[stop:]
    return pongs


class Websockets(NamedTuple):
    outcome: Outcome
    error: Exception | None


def outcome_of_websockets(data: bytes) -> Websockets:
    """`websockets` hands out frames; the messages and their UTF-8 are put together here."""
    protocol = Protocol(Side.SERVER, max_size=LIMIT)
    protocol.receive_data(data)
    messages: list[Message] = []
    pongs: list[bytes] = []
    payload, opcode, decoder = b"", WebsocketsOpcode.CONT, codecs.getincrementaldecoder("utf-8")()
    for event in protocol.events_received():
        assert isinstance(event, WebsocketsFrame)
        if event.opcode is WebsocketsOpcode.PING:
            pongs.append(bytes(event.data))
        if event.opcode in (WebsocketsOpcode.PING, WebsocketsOpcode.PONG, WebsocketsOpcode.CLOSE):
            continue
        if event.opcode is not WebsocketsOpcode.CONT:
            payload, opcode = b"", event.opcode
            decoder.reset()
        payload += event.data
        if opcode is WebsocketsOpcode.TEXT:
            try:
                decoder.decode(bytes(event.data), event.fin)
            except UnicodeDecodeError as bad_text:
                end = End(INVALID_DATA, "", by_peer=False)
                return Websockets(Outcome(messages, pongs, end), bad_text)
        if event.fin:
            messages.append(payload.decode() if opcode is WebsocketsOpcode.TEXT else payload)
    outcome = Outcome(messages, pongs, None)
    error = protocol.parser_exc
    if error is not None:
        assert protocol.close_sent is not None
        return Websockets(
            outcome._replace(end=End(int(protocol.close_sent.code), "", by_peer=False)), error
        )
    if protocol.close_rcvd is not None:
        close = protocol.close_rcvd
        outcome = outcome._replace(end=End(int(close.code), close.reason, by_peer=True))
    return Websockets(outcome, None)


class Wsproto(NamedTuple):
    outcome: Outcome
    complaint: str


def outcome_of_wsproto(data: bytes) -> Wsproto:
    """`wsproto` hands out a message in the pieces that arrived; they are joined here."""
    protocol = FrameProtocol(client=False, extensions=[])
    protocol.receive_bytes(data)
    messages: list[Message] = []
    pongs: list[bytes] = []
    text, binary, ping = "", b"", b""
    try:
        for event in protocol.received_frames():
            payload = event.payload
            if event.opcode is WsprotoOpcode.CLOSE:
                assert isinstance(payload, tuple)
                end = End(int(payload[0]), payload[1] or "", by_peer=True)
                return Wsproto(Outcome(messages, pongs, end), "")
            if event.opcode is WsprotoOpcode.PING:
                assert isinstance(payload, bytes | bytearray)
                ping += payload
                if event.message_finished:
                    pongs.append(ping)
                    ping = b""
            elif event.opcode is WsprotoOpcode.TEXT:
                assert isinstance(payload, str)
                text += payload
                if event.message_finished:
                    messages.append(text)
                    text = ""
            elif event.opcode is WsprotoOpcode.BINARY:
                assert isinstance(payload, bytes | bytearray)
                binary += payload
                if event.message_finished:
                    messages.append(binary)
                    binary = b""
    except ParseFailed as failed:
        end = End(int(failed.code), "", by_peer=False)
        return Wsproto(Outcome(messages, pongs, end), str(failed))
    return Wsproto(Outcome(messages, pongs, None), "")


# Comparing


def same(ours: Outcome, theirs: Outcome) -> bool:
    """The same messages, answers and end; the wording of our own violations is ours."""
    if ours.end is not None and not ours.end.by_peer:
        ours = ours._replace(end=ours.end._replace(reason=""))
    return ours == theirs


HEADER_COMPLAINTS = {
    "client frames must be masked",
    "control frame too long",
    "frame length out of range",
    "reserved bits without an extension",
    "unknown control frame",
    "unknown data frame",
    "fragmented control frame",
    "continuation of nothing",
    "new message inside a fragmented one",
}
"""What we can say of a frame whose payload has not arrived, or never will."""


def agrees_with_websockets(data: bytes, ours: Outcome) -> bool:
    theirs, error = outcome_of_websockets(data)
    if same(ours, theirs):
        return True
    if (ours.messages, ours.pongs) == (theirs.messages, theirs.pongs) and ours.end is not None:
        _, reason, by_peer = ours.end
        if reason in HEADER_COMPLAINTS and not by_peer:
            # Rule 1. They look at reserved bits, the kind and the order of frames when the
            # payload is there, we as soon as the header is. The payload makes them agree.
            if theirs.end is None and not data.endswith(FILLER):
                return agrees_with_websockets(data + FILLER, ours)
            # Rule 2. For the same reason a frame that is wrong and also too big is for them
            # too big, and a length of 2^63, which is no length, is one that is too big.
            if isinstance(error, PayloadTooBig):
                return True
        # Rule 3. They refuse a close frame between fragments. RFC 6455 section 5.4 lets
        # control frames stand there and makes no exception of one.
        if by_peer and str(error) == "incomplete fragmented message":
            return True
        # Rule 4. Of a close frame with a bad code and a bad reason they name the reason.
        if reason == "invalid close code" and isinstance(error, UnicodeDecodeError):
            return True
    if ours.end is not None and ours.end.reason == "control frame too long":
        # Rule 5. They read a control frame whose short length is written in the long form; to
        # us the form alone is too long. What we read before it must be what they read.
        # (wsproto judges this as we do.)
        if is_beginning(ours, theirs):
            return True
    if isinstance(error, PayloadTooBig):
        # Rule 6. They judge a length when it is there, we with the masking key behind it.
        finished = outcome_of_ours([data, bytes(4)])
        if ours.end is None and finished.end is not None:
            return agrees_with_websockets(data + bytes(4), finished)
        # Rule 7. They subtract the fragments so far from the limit for control frames too, so
        # that a long message cannot be pinged through. Section 5.4 wants pings answered
        # between fragments. What they read before it must be what we read.
        return error.size is not None and error.size <= 125 and is_beginning(theirs, ours)
    return False


def agrees_with_wsproto(data: bytes, ours: Outcome) -> bool:
    theirs, complaint = outcome_of_wsproto(data)
    if same(ours, theirs):
        return True
    # Rule 8. They have no limit. What we read before ours must be what they read.
    we_are_full = ours.end is not None and ours.end.code == TOO_BIG and not ours.end.by_peer
    if we_are_full and is_beginning(ours, theirs):
        return True
    # Rule 9. They refuse a length in more bytes than it needs. Section 5.2 obliges the sender;
    # we read it, as most do. What they read before it must be what we read.
    if complaint.startswith("Payload length used") and is_beginning(theirs, ours):
        return True
    if (ours.messages, ours.pongs) == (theirs.messages, theirs.pongs):
        # Rule 10. They look at mask and order when the rest of the header or the payload is
        # there, we as soon as the first two bytes are.
        if theirs.end is None and ours.end is not None and ours.end.reason in HEADER_COMPLAINTS:
            return not data.endswith(FILLER) and agrees_with_wsproto(data + FILLER, ours)
        # Rule 11. As rule 6, of a length that is none.
        if ours.end is None and complaint == "8-byte payload length with non-zero MSB":
            return agrees_with_wsproto(data + bytes(4), outcome_of_ours([data, bytes(4)]))
        # Rule 12. They decode a text while its frame arrives, we when the frame is there.
        if ours.end is None and theirs.end == End(INVALID_DATA, "", by_peer=False):
            finished = outcome_of_ours([data, FILLER])
            return finished.end is not None and finished.end.code == INVALID_DATA
    return False


def is_beginning(short: Outcome, long: Outcome) -> bool:
    return (
        long.messages[: len(short.messages)] == short.messages
        and long.pongs[: len(short.pongs)] == short.pongs
    )


# What clients send


def encoded(first: int, payload: bytes, key: bytes, width: int, *, masked: bool = True) -> bytes:
    """A frame with its length in at least `width` bytes (0, 2 or 8)."""
    length, bit = len(payload), 128 if masked else 0
    if length < 126 and width == 0:
        head = bytes((first, bit | length))
    elif length < 65536 and width < 8:
        head = bytes((first, bit | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, bit | 127)) + length.to_bytes(8, "big")
    if not masked:
        return head + payload
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


KEYS = st.binary(min_size=4, max_size=4)
SIZES = st.one_of(st.integers(0, 8), st.sampled_from([124, 125, 126, 127, LIMIT - 1, LIMIT]))
TEXTS = st.one_of(
    st.text(max_size=40), st.builds(lambda n, c: (c * n)[:n], SIZES, st.sampled_from(["x", "ab"]))
)
BINARIES = st.one_of(st.binary(max_size=60), st.builds(bytes, SIZES))


class Conversation(NamedTuple):
    """Bytes of a well-behaved client, and what it said with them."""

    data: bytes
    said: Outcome


@st.composite
def pieces(draw: st.DrawFn, payload: bytes) -> list[bytes]:
    """`payload` in fragments, cut anywhere, some of them empty."""
    cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=4)))
    return [
        payload[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(payload)], strict=True)
    ]


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    frames: list[bytes] = []
    messages: list[Message] = []
    pongs: list[bytes] = []

    def control() -> None:
        for opcode in draw(st.lists(st.sampled_from([0x9, 0xA]), max_size=2)):
            payload = draw(st.binary(max_size=125))
            frames.append(encoded(0x80 | opcode, payload, draw(KEYS), 0))
            if opcode == 0x9:
                pongs.append(payload)

    for message in draw(st.lists(st.one_of(TEXTS, BINARIES), max_size=6)):
        payload = message.encode() if isinstance(message, str) else message
        if len(payload) > LIMIT:
            continue
        opcode = 0x1 if isinstance(message, str) else 0x2
        *before, last = draw(pieces(payload))
        for fragment in before:
            control()
            frames.append(encoded(opcode, fragment, draw(KEYS), 0))
            opcode = 0x0
        control()
        frames.append(encoded(0x80 | opcode, last, draw(KEYS), 0))
        messages.append(message)
    end = draw(st.none() | st.builds(End, CODES, st.text(max_size=30), st.just(True)))
    if end is not None:
        payload = end.code.to_bytes(2, "big") + end.reason.encode()
        if end.code == NO_STATUS:
            end, payload = End(NO_STATUS, "", by_peer=True), b""
        frames.append(encoded(0x88, payload, draw(KEYS), 0))
    return Conversation(b"".join(frames), Outcome(messages, pongs, end))


# 1012 to 1014 were registered after the RFC; wsproto does not know the last of them.
CODES = st.one_of(
    st.sampled_from([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, NO_STATUS]),
    st.integers(3000, 4999),
)


@st.composite
def wild_frames(draw: st.DrawFn) -> bytes:
    """One frame with any first byte, any payload, any width of length; sometimes unmasked."""
    likely = st.sampled_from([0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A])
    first = draw(st.one_of(likely, likely, likely, st.integers(0, 255)))
    close = st.builds(
        lambda code, reason: code.to_bytes(2, "big") + reason,
        st.one_of(CODES, st.integers(0, 65535)),
        st.one_of(st.binary(max_size=5), st.text(max_size=5).map(str.encode)),
    )
    payload = draw(
        st.one_of(
            st.binary(max_size=10),
            st.text(max_size=10).map(str.encode),
            st.builds(bytes, st.one_of(SIZES, st.just(LIMIT + 1))),
            close,
        )
    )
    width = draw(st.sampled_from([0, 0, 0, 2, 8]))
    masked = draw(st.sampled_from([True] * 9 + [False]))
    return encoded(first, payload, draw(KEYS), width, masked=masked)


@st.composite
def bare_heads(draw: st.DrawFn) -> bytes:
    """A header that promises what does not come."""
    length = draw(st.sampled_from([0, 125, LIMIT, LIMIT + 1, 2**31, 2**63 - 1, 2**63, 2**64 - 1]))
    first = draw(st.sampled_from([0x01, 0x82, 0x80, 0x89, 0xC1, 0x83]))
    return bytes((first, 255)) + length.to_bytes(8, "big")


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A good client's bytes with a few of them changed, lost or repeated."""
    data = bytearray(draw(conversations()).data)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(["change", "lose", "repeat", "stop"])):
            case "change" if data:
                data[at] = draw(st.integers(0, 255))
            case "lose":
                del data[at : at + draw(st.integers(1, 4))]
            case "repeat":
                data[at:at] = data[at : at + draw(st.integers(1, 8))]
            case _:
                del data[at:]
    return bytes(data)


STREAMS = st.one_of(
    st.lists(wild_frames(), max_size=6).map(b"".join),
    st.tuples(st.lists(wild_frames(), max_size=3).map(b"".join), bare_heads()).map(b"".join),
    mutations(),
    st.binary(max_size=60),
)


def chunked(data: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted(cut % (len(data) + 1) for cut in cuts)
    return [data[start:stop] for start, stop in zip([0, *at], [*at, len(data)], strict=True)]


CUTS = st.lists(st.integers(0, 2**16), max_size=8)


# Properties


@settings(max_examples=200, deadline=None)
@given(conversations(), CUTS)
def test_what_a_client_says_is_what_all_three_parsers_hear(
    conversation: Conversation, cuts: list[int]
) -> None:
    data, said = conversation
    assert outcome_of_ours(chunked(data, cuts)) == said
    assert outcome_of_wsproto(data).outcome == said
    assert agrees_with_websockets(data, said)  # for rule 7


@settings(max_examples=250, deadline=None)
@given(STREAMS)
@example(encoded(0xC1, bytes(LIMIT + 1), bytes(4), 0))
@example(encoded(0x02, bytes(250), bytes(4), 0) + encoded(0x89, bytes(60), bytes(4), 0))
@example(encoded(0x02, bytes(250), bytes(4), 0) + encoded(0x80, bytes(60), bytes(4), 0))
@example(encoded(0x01, b"a", bytes(4), 0) + encoded(0x88, b"\x03\xe8", bytes(4), 0))
@example(encoded(0x88, b"\x00\x00\xff", bytes(4), 0))
@example(encoded(0x88, b"", bytes(4), 2))
@example(encoded(0x89, b"a", bytes(4), 2) + encoded(0x81, b"b", bytes(4), 0))
@example(bytes((0x82, 255)) + (2**63).to_bytes(8, "big"))
def test_websockets_reads_and_refuses_what_we_read_and_refuse(data: bytes) -> None:
    assert agrees_with_websockets(data, outcome_of_ours([data]))


@settings(max_examples=250, deadline=None)
@given(STREAMS)
@example(encoded(0x81, b"a", bytes(4), 8))
@example(encoded(0x81, b"\xff and more", bytes(4), 0)[:-3])
@example(encoded(0x02, bytes(LIMIT), bytes(4), 0) + encoded(0x80, b"x", bytes(4), 0))
@example(encoded(0x81, b"", bytes(4), 2) + encoded(0x81, bytes(LIMIT + 1), bytes(4), 0))
@example(b"\x81\x7f")
@example(bytes((0x82, 255)) + (2**63).to_bytes(8, "big"))
def test_wsproto_reads_and_refuses_what_we_read_and_refuse(data: bytes) -> None:
    assert agrees_with_wsproto(data, outcome_of_ours([data]))


@settings(max_examples=250, deadline=None)
@given(STREAMS, CUTS)
@example(encoded(0xC1, bytes(LIMIT + 1), bytes(4), 0), [2])
@example(encoded(0x80, bytes(LIMIT + 1), bytes(4), 0), [2])
def test_no_cutting_of_the_bytes_changes_what_is_read(data: bytes, cuts: list[int]) -> None:
    whole = outcome_of_ours([data])
    assert outcome_of_ours(chunked(data, cuts)) == whole
    assert outcome_of_ours([data[at : at + 1] for at in range(len(data))]) == whole


@settings(max_examples=200, deadline=None)
@given(STREAMS, CUTS)
def test_unfinished_is_a_number_exactly_while_something_is_awaited(
    data: bytes, cuts: list[int]
) -> None:
    parser = FrameParser(LIMIT)
    chunks = chunked(data, cuts)
    numbers = [0]
    for chunk in chunks:
        parser.feed(chunk)
        numbers.append(parser.unfinished)
    assert [n for n in numbers if n] == sorted(n for n in numbers if n)
    if parser.ended is None:
        # Nothing is awaited where a new whole message is read as one.
        probe = parser.feed(encoded(0x81, b"probe", bytes(4), 0))
        assert (probe == ["probe"] and parser.ended is None) == (numbers[-1] == 0)
    else:
        assert numbers[-1] == 0


# Frames we send, read by the clients of others


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(TEXTS, BINARIES, st.builds(bytes, st.sampled_from([65535, 65536]))), max_size=5
    ),
    st.integers(3000, 4999),
    st.text(max_size=200),
)
def test_the_clients_of_others_read_what_we_frame(
    messages: list[Message], code: int, reason: str
) -> None:
    data = b"".join(
        text_frame(m.encode()) if isinstance(m, str) else binary_frame(m) for m in messages
    )
    data += close_frame(code, reason)

    client = Protocol(Side.CLIENT, max_size=None)
    client.receive_data(data)
    *frames, last = client.events_received()
    read: list[Message] = []
    for event in frames:
        assert isinstance(event, WebsocketsFrame)
        assert event.fin
        text = event.opcode is WebsocketsOpcode.TEXT
        read.append(bytes(event.data).decode() if text else bytes(event.data))
    assert read == messages
    assert client.parser_exc is None
    assert isinstance(last, WebsocketsFrame)
    assert last.opcode is WebsocketsOpcode.CLOSE
    assert client.close_rcvd is not None
    assert client.close_rcvd.code == code
    assert reason.startswith(client.close_rcvd.reason)
    if len(reason.encode()) <= 123:
        assert client.close_rcvd.reason == reason

    other = FrameProtocol(client=True, extensions=[])
    other.receive_bytes(data)
    *events, closing = other.received_frames()
    assert [event.payload for event in events] == messages
    assert all(event.message_finished for event in events)
    assert closing.payload == (code, client.close_rcvd.reason)
