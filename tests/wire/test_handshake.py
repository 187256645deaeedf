"""RFC 6455 section 4 for `hubbub.wire.handshake`, and what must not pass for a handshake."""

from __future__ import annotations

import base64
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.wire.handshake import (
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MAX_TARGET,
    BadHandshake,
    Handshake,
    Headers,
    accept_key,
    accept_response,
    parse_handshake,
    refuse_response,
)

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="  # the key of RFC 6455 section 1.3

REQUEST: list[bytes] = [
    b"Host: server.example.com",
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Sec-WebSocket-Key: " + KEY,
    b"Sec-WebSocket-Version: 13",
]


def request(
    *extra: bytes,
    line: bytes = b"GET /chat?x=1 HTTP/1.1",
    without: bytes = b"",
    body: bytes = b"",
) -> bytes:
    """A good request with the header lines `extra` at its end; `without` leaves one out."""
    kept = [header for header in REQUEST if header.partition(b":")[0].lower() != without.lower()]
    return b"\r\n".join([line, *kept, *extra, b"", b""]) + body


def replaced(header: bytes) -> bytes:
    """A good request in which `header` stands for the one of the same name."""
    return request(header, without=header.partition(b":")[0])


def refusal(data: bytes) -> BadHandshake:
    with pytest.raises(BadHandshake) as caught:
        parse_handshake(data)
    assert 400 <= caught.value.status < 500
    assert caught.value.reason
    return caught.value


def head_of(response: bytes) -> tuple[bytes, Headers, bytes]:
    """The status line, the headers and the body of a response."""
    head, separator, body = response.partition(b"\r\n\r\n")
    assert separator
    line, *lines = head.split(b"\r\n")
    return line, [(name, value) for name, _, value in (x.partition(b": ") for x in lines)], body


# 4.2.1: reading the client's opening handshake


def test_a_good_request_is_taken_apart() -> None:
    assert parse_handshake(request(b"Origin: https://a.example")) == Handshake(
        target=b"/chat?x=1",
        headers=[
            (b"host", b"server.example.com"),
            (b"upgrade", b"websocket"),
            (b"connection", b"Upgrade"),
            (b"sec-websocket-key", KEY),
            (b"sec-websocket-version", b"13"),
            (b"origin", b"https://a.example"),
        ],
        key=KEY,
        subprotocols=[],
    )


def test_the_rfcs_example_request_is_taken() -> None:
    handshake = parse_handshake(
        b"GET /chat HTTP/1.1\r\n"
        b"Host: server.example.com\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Origin: http://example.com\r\n"
        b"Sec-WebSocket-Protocol: chat, superchat\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n"
    )
    assert handshake.target == b"/chat"
    assert handshake.subprotocols == ["chat", "superchat"]


@pytest.mark.parametrize(
    "header",
    [
        b"Upgrade: WebSocket",
        b"upgrade:websocket",
        b"Upgrade: h2c, websocket",
        b"Connection: keep-alive, Upgrade",
        b"Connection: UPGRADE,",
        b"Connection:\t upgrade \t",
        b"Host:",
        b"Host: [::1]:8000",
    ],
)
def test_tokens_are_compared_as_http_compares_them(header: bytes) -> None:
    assert parse_handshake(replaced(header)).key == KEY


def test_a_list_header_may_be_written_in_several_lines() -> None:
    data = request(
        b"Connection: keep-alive",
        b"Sec-WebSocket-Protocol: chat",
        b"Cookie: a=1",
        b"Sec-WebSocket-Protocol: , superchat ,,v2",
        b"Cookie: b=2",
    )
    handshake = parse_handshake(data)
    assert handshake.subprotocols == ["chat", "superchat", "v2"]
    assert [value for name, value in handshake.headers if name == b"cookie"] == [b"a=1", b"b=2"]


def test_header_values_keep_their_bytes_without_the_space_around_them() -> None:
    headers = dict(parse_handshake(request(b"X-Name:  J\xfcrgen: a  b\t ", b"X-Empty:")).headers)
    assert headers[b"x-name"] == b"J\xfcrgen: a  b"
    assert headers[b"x-empty"] == b""


def test_an_empty_body_may_be_declared() -> None:
    assert parse_handshake(request(b"Content-Length: 0")).key == KEY


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"HEAD", b"get", b"OPTIONS", b"CONNECT", b""])
def test_only_a_get_opens_a_connection(method: bytes) -> None:
    bad = refusal(request(line=method + b" /chat HTTP/1.1"))
    assert bad.status == 405
    assert bad.headers == [(b"allow", b"GET")]


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2", b"http/1.1", b""])
def test_only_http_1_1_opens_a_connection(version: bytes) -> None:
    assert refusal(request(line=b"GET /chat " + version)).status == 400


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET",
        b"GET /chat",
        b"GET  /chat HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GET /chat HTTP/1.1 ",
        b"GET chat HTTP/1.1",
        b"GET * HTTP/1.1",
        b"GET http://other.example/chat HTTP/1.1",
        b"GET \xc3\xa9 HTTP/1.1",
        b"GET /caf\xc3\xa9 HTTP/1.1",
        b"GET /a\0b HTTP/1.1",
        b"GET /a\tb HTTP/1.1",
        b"GET /a\nHost: evil HTTP/1.1",
        b"GET /a\nb HTTP/1.1",
        b"GET /a\rb HTTP/1.1",
        b"GET /a\x7f HTTP/1.1",
    ],
)
def test_a_malformed_request_line_is_refused(line: bytes) -> None:
    assert refusal(request(line=line)).status == 400


@pytest.mark.parametrize(
    ("without", "status"),
    [
        (b"Host", 400),
        (b"Upgrade", 426),
        (b"Connection", 426),
        (b"Sec-WebSocket-Key", 400),
        (b"Sec-WebSocket-Version", 426),
    ],
)
def test_a_missing_header_is_refused(without: bytes, status: int) -> None:
    assert refusal(request(without=without)).status == status


def test_a_request_without_headers_is_refused() -> None:
    assert refusal(b"GET / HTTP/1.1\r\n\r\n").status == 400


@pytest.mark.parametrize(
    "header", [b"Upgrade: websockets", b"Upgrade: h2c", b"Connection: close", b"Connection:"]
)
def test_a_request_for_something_else_is_told_what_this_is(header: bytes) -> None:
    bad = refusal(replaced(header))
    assert bad.status == 426
    assert bad.headers == [(b"upgrade", b"websocket")]


@pytest.mark.parametrize("version", [b"8", b"7", b"0", b"14", b"13, 8", b"013", b"", b"thirteen"])
def test_another_version_is_told_ours(version: bytes) -> None:
    """Section 4.4."""
    bad = refusal(replaced(b"Sec-WebSocket-Version: " + version))
    assert bad.status == 426
    assert bad.headers == [(b"sec-websocket-version", b"13")]


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"x",
        KEY[:-1],
        KEY[:-4],
        KEY + b"AAAA",
        b"dGhlIHNhbXBs ZSBub25jZQ==",
        b"dGhlIHNhbXBsZSBub25j!Q==",
        b"\xff" * 24,
        base64.b64encode(bytes(15)),
        base64.b64encode(bytes(17)),
        base64.b64encode(bytes(1000)),
        base64.urlsafe_b64encode(b"\xff" * 16),
    ],
)
def test_a_bad_key_is_refused(key: bytes) -> None:
    assert refusal(replaced(b"Sec-WebSocket-Key: " + key)).status == 400


# Two parsers on the way must not be able to disagree


@pytest.mark.parametrize(
    "header",
    [
        b"Host: other.example",
        b"host: server.example.com",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Key: " + KEY,
        b"Sec-WebSocket-Version: 13",
    ],
)
def test_a_repeated_header_is_refused(header: bytes) -> None:
    assert refusal(request(header)).status == 400


@pytest.mark.parametrize(
    "headers",
    [
        (b"Origin: https://a.example", b"origin: https://b.example"),
        (b"Content-Length: 0", b"Content-Length: 0"),
        (b"Content-Length: 0", b"Content-Length: 5"),
    ],
)
def test_a_header_given_twice_is_refused(headers: tuple[bytes, ...]) -> None:
    assert refusal(request(*headers)).status == 400


@pytest.mark.parametrize(
    "headers",
    [
        (b"Content-Length: 5",),
        (b"Content-Length: -1",),
        (b"Content-Length: 00",),
        (b"Content-Length: x",),
        (b"Content-Length:",),
        (b"Transfer-Encoding: chunked",),
        (b"Transfer-Encoding: identity",),
        (b"Content-Length: 0", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    ],
)
def test_a_declared_body_is_refused(headers: tuple[bytes, ...]) -> None:
    assert refusal(request(*headers)).status == 400


@pytest.mark.parametrize("rest", [b"hello", b"\r\n", request(), b"\x81\x80\0\0\0\0", b"\0"])
def test_bytes_after_the_request_are_refused(rest: bytes) -> None:
    assert refusal(request(body=rest)).status == 400


@pytest.mark.parametrize("at", [0, 1, 20, 60, len(request()) - 1])
def test_half_a_request_is_refused(at: int) -> None:
    assert refusal(request()[:at]).status == 400


@pytest.mark.parametrize(
    "header",
    [
        b"no colon",
        b": no name",
        b" folded: x",
        b"\tfolded",
        b"Host : evil.example",
        b"Two Words: x",
        b"X\0: x",
        b"X\n: x",
        b"X(: x",
        b"\xc3\xa9: x",
        b"X: a\0b",
        b"X: a\nHost: evil.example",
        b"X: a\rHost: evil.example",
        b"X: a\n\nGET / HTTP/1.1",
    ],
)
def test_a_malformed_header_is_refused(header: bytes) -> None:
    """RFC 9110 section 5.5 on CR, LF and NUL, RFC 9112 section 5.1 on a space before the colon."""
    assert refusal(request(header)).status == 400


def test_lines_that_end_with_a_bare_lf_are_refused() -> None:
    assert refusal(request().replace(b"\r\n", b"\n")).status == 400
    assert refusal(request().replace(b"\r\nUpgrade", b"\nUpgrade")).status == 400


# Limits


def test_ten_thousand_headers_are_refused() -> None:
    assert refusal(request(*[b"a: b"] * 10_000)).status == 431
    assert refusal(request(*[b"%d: b" % number for number in range(10_000)])).status == 431


def test_a_header_of_a_megabyte_is_refused() -> None:
    assert refusal(request(b"Cookie: " + b"x" * 2**20)).status == 431


def test_an_url_of_64_kib_is_refused() -> None:
    assert refusal(request(line=b"GET /" + b"x" * 65536 + b" HTTP/1.1")).status == 431
    assert refusal(request(line=b"GET /?" + b"x" * 60_000 + b" HTTP/1.1")).status == 414


def test_the_limits_themselves_are_allowed() -> None:
    target = b"/" + b"x" * (MAX_TARGET - 1)
    headers = [b"x-%d: y" % number for number in range(MAX_HEADERS - len(REQUEST))]
    data = request(*headers, line=b"GET " + target + b" HTTP/1.1")
    padded = data.replace(b"x-0: y", b"x-0: " + b"y" * (MAX_HEADER_BYTES - len(data) + 1))
    assert len(padded) == MAX_HEADER_BYTES
    assert parse_handshake(padded).target == target


def test_one_over_each_limit_is_refused() -> None:
    assert refusal(request(line=b"GET /" + b"x" * MAX_TARGET + b" HTTP/1.1")).status == 414
    headers = [b"x-%d: y" % number for number in range(MAX_HEADERS - len(REQUEST) + 1)]
    assert refusal(request(*headers)).status == 431
    padding = MAX_HEADER_BYTES + 1 - len(request(b"x: "))
    data = request(b"x: " + b"y" * padding)
    assert len(data) == MAX_HEADER_BYTES + 1
    assert refusal(data).status == 431


# Whatever comes, it is a handshake or a refusal


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_and_raise_nothing_else(data: bytes) -> None:
    refusal(data)
    refusal(data + b"\r\n\r\n")


@given(st.binary(max_size=100))
def test_a_random_request_line_is_a_handshake_or_a_refusal(line: bytes) -> None:
    try:
        handshake = parse_handshake(request(line=line))
    except BadHandshake as bad:
        assert 400 <= bad.status < 500
    else:
        assert line == b"GET " + handshake.target + b" HTTP/1.1"


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.tuples(
                st.sampled_from([line.partition(b":")[0] for line in REQUEST]),
                st.binary(max_size=40),
            ).map(b": ".join),
        ),
        max_size=6,
    ),
    st.sampled_from([b"", *[line.partition(b":")[0] for line in REQUEST]]),
)
def test_random_headers_make_a_handshake_or_a_refusal(lines: list[bytes], without: bytes) -> None:
    try:
        handshake = parse_handshake(request(*lines, without=without))
    except BadHandshake as bad:
        assert 400 <= bad.status < 500
    else:
        assert len(base64.b64decode(handshake.key)) == 16
        for name, value in handshake.headers:
            assert name == name.lower()
            assert not any(byte in name + value for byte in b"\r\n\0")


@given(st.integers(0, len(request()) - 1), st.integers(0, 255))
def test_one_wrong_byte_makes_a_handshake_or_a_refusal(at: int, byte: int) -> None:
    data = bytearray(request())
    data[at] = byte
    try:
        handshake = parse_handshake(bytes(data))
    except BadHandshake as bad:
        assert 400 <= bad.status < 500
    else:
        assert handshake.headers[-1] == (b"sec-websocket-version", b"13")


# 4.2.2: our side of the handshake


def test_the_rfcs_key_has_the_rfcs_answer() -> None:
    assert accept_key(KEY) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_the_response_that_opens_a_connection() -> None:
    assert accept_response(KEY, None, []) == (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"upgrade: websocket\r\n"
        b"connection: Upgrade\r\n"
        b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        b"\r\n"
    )


def test_the_subprotocol_and_the_headers_of_the_application_are_sent() -> None:
    given_headers = [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    line, headers, body = head_of(accept_response(KEY, "superchat", given_headers))
    assert line == b"HTTP/1.1 101 Switching Protocols"
    assert headers[3:] == [*given_headers, (b"sec-websocket-protocol", b"superchat")]
    assert body == b""
    assert given_headers == [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]


INJECTIONS: Headers = [
    (b"x", b"a\r\nset-cookie: evil=1"),
    (b"x", b"a\nb"),
    (b"x", b"a\rb"),
    (b"x", b"a\0b"),
    (b"x\r\nset-cookie", b"evil=1"),
    (b"x\n", b"a"),
    (b"x\0", b"a"),
]


@pytest.mark.parametrize("header", INJECTIONS)
def test_a_header_cannot_smuggle_another_into_a_response(header: tuple[bytes, bytes]) -> None:
    with pytest.raises(ValueError, match="line break"):
        accept_response(KEY, None, [header])
    with pytest.raises(ValueError, match="line break"):
        refuse_response(403, [header], b"")


@pytest.mark.parametrize("subprotocol", ["a\r\nset-cookie: evil=1", "a\n", "\0", "日本"])
def test_a_subprotocol_that_is_no_header_value_is_refused(subprotocol: str) -> None:
    with pytest.raises(ValueError):
        accept_response(KEY, subprotocol, [])


def test_a_refusal_is_a_whole_response_that_ends_the_connection() -> None:
    line, headers, body = head_of(refuse_response(403, [], b"not here"))
    names = [name for name, _ in headers]
    fields = dict(headers)
    assert line == b"HTTP/1.1 403 Forbidden"
    assert names == [b"content-type", b"date", b"content-length", b"connection"]
    assert fields[b"content-type"] == b"text/plain; charset=utf-8"
    assert fields[b"content-length"] == b"8"
    assert fields[b"connection"] == b"close"
    assert parsedate_to_datetime(fields[b"date"].decode()).tzinfo is not None
    assert body == b"not here"


def test_the_applications_headers_stand_in_a_refusal_unless_they_frame_it() -> None:
    date = b"Tue, 15 Nov 1994 08:12:31 GMT"
    headers = [
        (b"Content-Type", b"application/json"),
        (b"Date", date),
        (b"Retry-After", b"5"),
        (b"Content-Length", b"1000"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Connection", b"keep-alive"),
    ]
    assert head_of(refuse_response(503, headers, b"{}")) == (
        b"HTTP/1.1 503 Service Unavailable",
        [
            (b"Content-Type", b"application/json"),
            (b"Date", date),
            (b"Retry-After", b"5"),
            (b"content-length", b"2"),
            (b"connection", b"close"),
        ],
        b"{}",
    )


def test_a_status_without_a_name_is_sent_without_one() -> None:
    assert refuse_response(499, [], b"").startswith(b"HTTP/1.1 499 \r\n")


def test_a_refused_handshake_can_be_answered_as_it_says() -> None:
    bad = refusal(replaced(b"Sec-WebSocket-Version: 8"))
    response = refuse_response(bad.status, bad.headers, bad.reason.encode())
    line, headers, body = head_of(response)
    assert line == b"HTTP/1.1 426 Upgrade Required"
    assert (b"sec-websocket-version", b"13") in headers
    assert body == b"only version 13"


def test_what_an_application_says_of_the_handshake_itself_is_left_out() -> None:
    headers = [
        (b"Sec-WebSocket-Extensions", b"permessage-deflate"),
        (b"Upgrade", b"h2c"),
        (b"x", b"y"),
    ]
    response = accept_response(b"dGhlIHNhbXBsZSBub25jZQ==", None, headers)
    assert b"deflate" not in response
    assert b"h2c" not in response
    assert b"x: y" in response
