"""The JSON of the Centrifuge protocol: bytes as the specification has them, and hostile input."""

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from hubbub.model import ClientInfo, Publication
from hubbub.wire import centrifuge as wire
from hubbub.wire.centrifuge import Command, JustPublish
from hubbub.wire.centrifuge_json import JSON, LISTENING, JsonCodec
from hubbub.wire.encode import NotJson
from hubbub.wire.frames import text_frame, unframe

MESSAGE_BYTES = 65_536
"""What a client may send at once, by default."""

CLIENT = "0d2a9f5e-8c1b-4f6d-9d53-4a1f5f0f7a10"
HELLO = b'{"input":"hello"}'


def read(*messages: str | bytes) -> list[Command] | None:
    """The commands of `messages`; None where something in them is none."""
    commands, whole = JSON.commands(list(messages))
    full = []
    for one in commands:
        if isinstance(one, JustPublish):
            one = Command(one.id, publish=one.publish)
        assert isinstance(one, Command)
        full.append(one)
    return full if whole else None


def pushed(publication: Publication) -> bytes:
    return JSON.encoder("chat:index")(publication)


# Deltas: section 13. -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "expected"),
    [
        (JSON, '{"push":{"channel":"chat:index","pub":%s}}'),
        (LISTENING, '{"channel":"chat:index","pub":%s}'),
    ],
    ids=["both-ways", "one-way"],
)
def test_who_asked_for_deltas_gets_data_as_a_string(codec: JsonCodec, expected: str) -> None:
    encode = codec.delta_encoder("chat:index")
    whole = r'{"data":"{\"input\":\"hello\"}","offset":7}'
    assert unframe(encode(Publication(HELLO, 7), None)) == [expected % whole]
    publication = Publication(HELLO, 8, tags={"a": "b"})
    patch = r'{"data":"3\n3:\"é\",0;","offset":8,"tags":{"a":"b"},"delta":true}'
    assert unframe(encode(publication, '3\n3:"é",0;'.encode())) == [expected % patch]


def test_publications_in_a_reply_are_whole_or_patches() -> None:
    versions = [(Publication(HELLO, 1), None), (Publication(HELLO, 2), b"h\nh@0,0;")]
    assert json.loads(bytes(JSON.delta_entries(versions))) == [
        {"data": HELLO.decode(), "offset": 1},
        {"data": "h\nh@0,0;", "offset": 2, "delta": True},
    ]


def test_what_is_no_json_is_no_string_of_it_either() -> None:
    publication = Publication(b"{\xff", 1, binary=True)
    with pytest.raises(NotJson):
        JSON.delta_encoder("a")(publication, None)
    with pytest.raises(NotJson):
        JSON.whole(publication)
    assert JSON.whole(Publication(b"[1,\n2]", binary=True)) == b"[1,2]"


# What is written: section 15. ----------------------------------------------------------------


def test_a_publication_without_history_is_the_room_and_the_data() -> None:
    expected = b'{"push":{"channel":"chat:index","pub":{"data":{"input":"hello"}}}}'
    assert pushed(Publication(HELLO)) == text_frame(expected)


def test_a_publication_with_history_is_77_bytes_behind_81_4d() -> None:
    expected = b'{"push":{"channel":"chat:index","pub":{"data":{"input":"hello"},"offset":7}}}'
    assert len(expected) == 77
    assert pushed(Publication(HELLO, 7)) == bytes.fromhex("814d") + expected


def test_a_clients_publication_is_146_bytes_behind_81_7e_00_92() -> None:
    expected = (
        b'{"push":{"channel":"chat:index","pub":{"data":{"input":"hello"},"info":{"user":"42",'
        b'"client":"0d2a9f5e-8c1b-4f6d-9d53-4a1f5f0f7a10"},"offset":7}}}'
    )
    assert len(expected) == 146
    frame = pushed(Publication(HELLO, 7, ClientInfo("42", CLIENT)))
    assert frame == bytes.fromhex("817e0092") + expected


@pytest.mark.parametrize("offset", [0, 1, 2**53, 2**64 - 1])
@pytest.mark.parametrize("tags", [None, {}, {"a": "b", 'q"': "\n"}])
@pytest.mark.parametrize(
    "info", [None, ClientInfo("", "c"), ClientInfo('"é', "c", b'{"n":1}', b"[2]")]
)
def test_a_publication_has_what_is_there_and_no_zero_values(
    offset: int, tags: dict[str, str] | None, info: ClientInfo | None
) -> None:
    expected: dict[str, Any] = {"data": {"input": "hello"}}
    if info is not None:
        expected["info"] = {"user": info.user, "client": info.client}
        if info.conn_info:
            expected["info"] |= {"conn_info": {"n": 1}, "chan_info": [2]}
    if offset:
        expected["offset"] = offset
    if tags:
        expected["tags"] = tags
    publication = Publication(HELLO, offset, info, tags)
    [text] = unframe(pushed(publication))
    assert "\n" not in str(text)
    assert json.loads(text) == {"push": {"channel": "chat:index", "pub": expected}}
    # In a reply it looks alike, and twice the same.
    for _ in range(2):
        assert json.loads(bytes(JSON.entries([publication, publication]))) == [expected] * 2


@pytest.mark.parametrize("size", [0, 60, 125, 126, 900, 1100, 65_535, 65_536])
def test_the_frame_around_a_publication_says_how_long_it_is(size: int) -> None:
    data = b'"%b"' % (b"x" * size)
    [text] = unframe(pushed(Publication(data, 1)))
    assert json.loads(text)["push"]["pub"]["data"] == "x" * size


@given(st.text(max_size=40))
def test_a_rooms_name_is_json_whatever_it_is(room: str) -> None:
    [text] = unframe(JSON.encoder(room)(Publication(b"1")))
    assert json.loads(text) == {"push": {"channel": room, "pub": {"data": 1}}}


# What is written: replies and pushes (sections 1.1, 2.2, 8 and 10). ----------------------------


def test_messages_are_joined_by_line_breaks_in_one_frame() -> None:
    assert JSON.frame([b"{}"]) == text_frame(b"{}")
    assert JSON.frame([b'{"a":1}', b"{}", b'{"b":2}']) == text_frame(b'{"a":1}\n{}\n{"b":2}')


def test_a_ping_is_an_empty_reply() -> None:
    assert bytes.fromhex("8102") + b"{}" == JSON.PING


@pytest.mark.parametrize(
    "kind, result, text",
    [
        ("unsubscribe", wire.Empty(), "{}"),
        ("publish", wire.Empty(), "{}"),
        ("subscribe", wire.SubscribeResult(), "{}"),
        (
            "subscribe",
            wire.SubscribeResult(recoverable=True, epoch="hPqWzRtB", positioned=True, offset=12),
            '{"recoverable":true,"epoch":"hPqWzRtB","offset":12,"positioned":true}',
        ),
        (
            "subscribe",
            wire.SubscribeResult(
                expires=True, ttl=3, was_recovering=True, recovered=True, data=Raw(b"[1]")
            ),
            '{"expires":true,"ttl":3,"recovered":true,"data":[1],"was_recovering":true}',
        ),
        (
            "subscribe",
            wire.SubscribeResult(publications=JSON.entries([Publication(b"1", 2)])),
            '{"publications":[{"data":1,"offset":2}]}',
        ),
        (
            "connect",
            wire.ConnectResult("c", "0.1.0", ping=25, pong=True),
            '{"client":"c","version":"0.1.0","ping":25,"pong":true}',
        ),
        (
            "connect",
            wire.ConnectResult("c", "0", subs={"a": wire.SubscribeResult()}, data=Raw(b"null")),
            '{"client":"c","version":"0","data":null,"subs":{"a":{}}}',
        ),
        ("refresh", wire.RefreshResult("c", "0"), '{"client":"c","version":"0"}'),
        ("sub_refresh", wire.SubRefreshResult(expires=True, ttl=9), '{"expires":true,"ttl":9}'),
        ("sub_refresh", wire.SubRefreshResult(), "{}"),
        ("rpc", wire.DataResult(Raw(b'{"a": 1}')), '{"data":{"a": 1}}'),
        ("rpc", wire.DataResult(), "{}"),
        # These always say their zeros: SDKs index them without a default.
        ("presence", wire.PresenceResult({}), '{"presence":{}}'),
        ("presence_stats", wire.PresenceStatsResult(0, 0), '{"num_clients":0,"num_users":0}'),
        (
            "history",
            wire.HistoryResult(JSON.entries([]), "", 0),
            '{"publications":[],"epoch":"","offset":0}',
        ),
    ],
)
def test_a_reply_has_its_key_and_leaves_out_zero_values(
    kind: str, result: msgspec.Struct, text: str
) -> None:
    assert JSON.reply(5, kind, result).decode() == f'{{"id":5,"{kind}":{text}}}'


def test_an_error_always_has_code_and_message_and_temporary_only_if_it_is() -> None:
    assert (
        JSON.error(2, wire.DENIED) == b'{"id":2,"error":{"code":103,"message":"permission denied"}}'
    )
    assert JSON.error(2, wire.INTERNAL) == (
        b'{"id":2,"error":{"code":100,"message":"internal server error","temporary":true}}'
    )
    empty = json.loads(JSON.error(9, wire.Error(0, "")))
    assert empty == {"id": 9, "error": {"code": 0, "message": ""}}


def test_who_somebody_is_always_says_user_and_client() -> None:
    assert bytes(JSON.info(ClientInfo("", ""))) == b'{"user":"","client":""}'
    whole = ClientInfo("42", "c", b'{"name":"Ann"}', b"1")
    assert bytes(JSON.info(whole)) == (
        b'{"user":"42","client":"c","conn_info":{"name":"Ann"},"chan_info":1}'
    )


@pytest.mark.parametrize("kind", ["join", "leave"])
def test_a_join_and_a_leave_tell_of_the_client(kind: str) -> None:
    info = ClientInfo("42", CLIENT, b'{"name":"Ann"}')
    expected = (
        f'{{"push":{{"channel":"chat:index","{kind}":{{"info":{{"user":"42",'
        f'"client":"{CLIENT}","conn_info":{{"name":"Ann"}}}}}}}}}}'
    )
    assert JSON.membership("chat:index", kind, info) == text_frame(expected.encode())


@pytest.mark.parametrize(
    "room, kind, body, text",
    [
        (
            "chat:index",
            "unsubscribe",
            wire.UnsubscribePush(2000, "server unsubscribe"),
            '{"channel":"chat:index","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}',
        ),
        (
            "a",
            "unsubscribe",
            wire.UnsubscribePush(0, ""),
            '{"channel":"a","unsubscribe":{"code":0,"reason":""}}',
        ),
        (
            "a",
            "subscribe",
            wire.SubscribePush(True, "e", 3, False, Raw(b"{}")),
            '{"channel":"a","subscribe":{"recoverable":true,"epoch":"e","offset":3,"data":{}}}',
        ),
        ("a", "subscribe", wire.SubscribePush(), '{"channel":"a","subscribe":{}}'),
        ("", "message", wire.DataResult(Raw(b'"hi"')), '{"message":{"data":"hi"}}'),
        ("", "refresh", wire.RefreshPush(True, 60), '{"refresh":{"expires":true,"ttl":60}}'),
        ("", "refresh", wire.RefreshPush(), '{"refresh":{}}'),
    ],
)
def test_a_push_says_its_room_where_it_has_one(
    room: str, kind: str, body: msgspec.Struct, text: str
) -> None:
    assert JSON.push(room, kind, body).decode() == f'{{"push":{text}}}'


# What is read: commands. ----------------------------------------------------------------------


def test_lines_of_one_message_are_commands_in_order() -> None:
    lines = ['{"id":1,"connect":{}}', "", '{"id":2,"subscribe":{"channel":"a"}}', "{}", ""]
    commands = read("\n".join(lines))
    assert commands is not None
    assert [one.id for one in commands] == [1, 2, 0]
    assert commands[1].subscribe is not None
    assert commands[1].subscribe.channel == "a"


def test_messages_that_came_together_are_read_together() -> None:
    commands = read('{"id":1,"connect":{}}', "{}")
    assert commands is not None
    assert [one.id for one in commands] == [1, 0]


def test_a_command_does_not_reach_over_two_messages() -> None:
    assert read('{"id":1,"publish":{"channel":"a","data":[1', ",2]}}") is None
    assert read('{"id":1,"publish":{"channel":"a","data":1}}', "\n") is None
    assert read('{"id":1,"publish":{"channel":"a","data":1}}', "") is None


def test_two_messages_are_not_read_as_two_commands_that_are_divided_elsewhere() -> None:
    first, second = '{"id":1,"publish":{"channel":"a","data":[1', ',2]}}{"id":2,"publish":{}}'
    assert read(first, second) is None
    assert read(first + "\n" + second) is None


def test_what_came_before_something_that_is_no_command_is_still_read() -> None:
    commands, whole = JSON.commands(['{"id":1,"connect":{}}\n{"id":', '{"id":3,"rpc":{}}'])
    assert [one.id for one in commands] == [1]
    assert not whole


def test_fields_that_nobody_knows_are_ignored() -> None:
    text = '{"id":1,"x":[{}],"subscribe":{"channel":"a","flag":1,"profile":{"y":null}},"z":null}'
    commands = read(text)
    assert commands is not None and commands[0].subscribe is not None
    assert commands[0].subscribe.flag == 1


def test_a_publish_is_read_with_whatever_stands_beside_it() -> None:
    for more in ("", ',"subscribe":{"channel":"b"}', ',"unknown":1', ',"publish":{"channel":"z"}'):
        commands = read(f'{{"id":7,"publish":{{"channel":"a","data":1,"key":"k"}}{more}}}')
        assert commands is not None
        assert commands[0].publish is not None
        assert (commands[0].subscribe is not None) == ("subscribe" in more)
    assert (read('{"publish":{"channel":"a"}}') or [])[0].id == 0


def test_a_body_that_is_null_is_none() -> None:
    for kind in wire.BODIES:
        commands = read(f'{{"id":1,"{kind}":null}}')
        assert commands is not None
        assert all(getattr(commands[0], name) is None for name in wire.BODIES)


DEEP = "[" * 10_000 + "]" * 10_000

HOSTILE = {
    "nothing": "",
    "line breaks alone": "\n\n\n",
    "a space": " ",
    "a carriage return between lines": "{}\r\n\r\n{}",
    "a byte order mark": "\ufeff{}",
    "NUL": "\x00",
    "NUL behind a command": "{}\x00",
    "NUL in a string": '{"id":1,"rpc":{"method":"\x00"}}',
    "a raw line break in a string": '{"id":1,"rpc":{"method":"a\nb"}}',
    "a line break in data, which would end everyone's line": (
        '{"id":1,"publish":{"channel":"a","data":{"a":\n1}}}'
    ),
    "a line break in front of data": '{"id":1,"publish":{"channel":"a","data":\n1}}',
    "a line break between fields": '{"id":1,\n"publish":{"channel":"a","data":1}}',
    "two publishes on a line": '{"id":1,"publish":{"channel":"a"}}{"id":2,"publish":{}}',
    "a raw carriage return in a string": '{"id":1,"publish":{"channel":"a","data":"\r"}}',
    "a raw tab in a string": '{"id":1,"publish":{"channel":"a","data":"\t"}}',
    "a lone surrogate, escaped": '{"id":1,"rpc":{"method":"\\ud800"}}',
    "a lone surrogate in data": '{"id":1,"publish":{"channel":"a","data":"\\ud800"}}',
    "a lone surrogate in an unknown field": '{"x":"\\udfff"}',
    "a lone surrogate, raw": '{"id":1,"rpc":{"method":"\ud800"}}',
    "NaN": '{"id":NaN}',
    "NaN in data": '{"id":1,"publish":{"channel":"a","data":NaN}}',
    "Infinity in data": '{"id":1,"publish":{"channel":"a","data":-Infinity}}',
    "an array": "[]",
    "an array of commands": '[{"id":1,"connect":{}}]',
    "a number": "1",
    "a string": '"connect"',
    "null": "null",
    "true": "true",
    "two commands on a line": '{"id":1,"connect":{}}{"id":2,"rpc":{}}',
    "an id that is negative": '{"id":-1,"connect":{}}',
    "an id that is a fraction": '{"id":1.5,"connect":{}}',
    "an id that is a string": '{"id":"1","connect":{}}',
    "an id that is too large": '{"id":4294967296,"connect":{}}',
    "an id that is null": '{"id":null,"connect":{}}',
    "an id that is true": '{"id":true,"connect":{}}',
    "an id of a thousand digits": '{"id":%s,"connect":{}}' % ("9" * 1_000),
    "an id of 60,000 digits": '{"id":%s,"connect":{}}' % ("9" * 60_000),
    "an id that is no number of ours": '{"id":1e400,"connect":{}}',
    "an offset that is negative": '{"id":1,"subscribe":{"channel":"a","offset":-1}}',
    "an offset of 60,000 digits": '{"id":1,"subscribe":{"offset":%s}}' % ("9" * 60_000),
    "a limit below 32 bits": '{"id":1,"history":{"channel":"a","limit":-2147483649}}',
    "a limit above 32 bits": '{"id":1,"history":{"channel":"a","limit":2147483648}}',
    "leading zeros": '{"id":01,"connect":{}}',
    "half an escape": '{"id":1,"rpc":{"method":"\\u12"}}',
    "no escape": '{"id":1,"rpc":{"method":"\\x41"}}',
    "single quotes": "{'id':1}",
    "a comment": '{"id":1,/**/"connect":{}}',
    "a comma too many": '{"id":1,"connect":{},}',
    "depth in a body": f'{{"id":1,"rpc":{DEEP}}}',
    "depth in data": f'{{"id":1,"publish":{{"channel":"a","data":{DEEP}}}}}',
    "depth in an unknown field": f'{{"x":{DEEP}}}',
    "depth of objects": '{"x":' * 10_000 + "1" + "}" * 10_000,
    "depth of a filter": '{"subscribe":{"tf":' + '{"nodes":[' * 5_000 + "]}" * 5_000 + "}}",
    "depth without an end": "[" * MESSAGE_BYTES,
    "half a command": '{"id":1,"subscribe":{"channel":"a"',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_command_is_nothing_worse(text: str) -> None:
    assert len(text) <= MESSAGE_BYTES
    assert read(text) is None


def test_a_binary_message_holds_no_json_commands() -> None:
    assert read(b'{"id":1,"connect":{}}') is None
    assert read(b"") is None


WRONG_VALUES = ["1", "1.5", "-1", '"x"', "[]", "[1]", "{}", '{"a":1}', "true", "1e400", "null"]


def fields() -> list[tuple[str, str]]:
    """Each field of each body."""
    return [
        (body.name, field)
        for body in msgspec.structs.fields(Command)
        for struct in get_args(body.type)
        if isinstance(struct, type) and issubclass(struct, msgspec.Struct)
        for field in struct.__struct_fields__
    ]


@pytest.mark.parametrize("kind, field", fields())
def test_a_field_of_the_wrong_type_is_no_command_and_nothing_worse(kind: str, field: str) -> None:
    answers = [read(f'{{"id":1,"{kind}":{{"{field}":{value}}}}}') for value in WRONG_VALUES]
    if field != "data":  # which may be anything
        assert answers.count(None) >= len(WRONG_VALUES) // 2


@pytest.mark.parametrize("kind", wire.BODIES)
def test_a_body_of_the_wrong_type_is_no_command(kind: str) -> None:
    for value in ("1", '"x"', "[]", "true", "1.5"):
        assert kind == "ping" or read(f'{{"id":1,"{kind}":{value}}}') is None


def test_ten_thousand_commands_in_one_message_are_read() -> None:
    line = '{"id":1,"subscribe":{"channel":"a"}}'
    commands = read("\n".join([line] * 10_000))
    assert commands is not None
    assert len(commands) == 10_000


@pytest.mark.parametrize(
    "place", ["{%s}", '{"id":1,"connect":{"headers":{%s}}}', '{"id":1,"rpc":{"data":{%s}}}']
)
def test_as_many_keys_as_a_message_holds_are_read(place: str) -> None:
    keys = ",".join(f'"{number:x}":""' for number in range(6_000))
    assert len(place % keys) <= MESSAGE_BYTES
    assert read(place % keys) is not None


def test_of_a_key_that_comes_twice_the_last_one_counts() -> None:
    commands = read('{"id":1,"id":2,"rpc":{"method":"a","method":"b"},"rpc":{"method":"c"}}')
    assert commands is not None
    assert commands[0].id == 2
    assert commands[0].rpc is not None and commands[0].rpc.method == "c"


# What is read: anything. -----------------------------------------------------------------------

VALID = [
    '{"id":1,"connect":{"token":"t","data":{"a":[1,null]},"subs":{"a":{"recover":true}}}}',
    '{"id":2,"subscribe":{"channel":"a","recover":true,"offset":3,"epoch":"e","flag":3}}',
    '{"id":2,"subscribe":{"channel":"a","tf":{"key":"k","cmp":"in","vals":["v"]}}}',
    '{"id":3,"unsubscribe":{"channel":"a"}}',
    '{"id":4,"publish":{"channel":"a","data":{"input":"hé\\n"}}}',
    '{"id":5,"presence":{"channel":"a"}}\n{"id":6,"presence_stats":{"channel":"a"}}',
    '{"id":7,"history":{"channel":"a","limit":-1,"since":{"offset":1},"reverse":true}}',
    '{"id":8,"rpc":{"method":"m","data":1.5e3}}',
    '{"send":{"data":"x"}}',
    '{"id":9,"refresh":{"token":"t"}}\n{"id":10,"sub_refresh":{"token":"t"}}\n{}',
]


PIECES = ['"', "{", "}", "[", "]", ",", ":", "\\", "\n", "\x00", "-", "9", "e", "null", "é"]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A valid command with some pieces taken out, doubled, or exchanged for others."""
    text = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 8)))
        twice = st.just(text[start:end] * 2)
        piece = draw(st.sampled_from(PIECES) | twice | st.text(max_size=3))
        text = text[:start] + piece + text[end:]
    return text


@given(st.text(max_size=60) | st.text('{}[]",:\\\n 0123e-nulid', max_size=60))
def test_any_text_is_commands_or_none(text: str) -> None:
    read(text)


@settings(max_examples=500)
@given(mutated())
def test_any_broken_command_is_commands_or_none(text: str) -> None:
    commands = read(text)
    for line, one in zip(
        [line for line in text.split("\n") if line], commands or [], strict=commands is not None
    ):
        assert json.loads(line).get("id", 0) == one.id


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_what_is_published_goes_out_as_it_came_in_and_on_one_line(
    value: Any, escaped: bool, indent: int | None
) -> None:
    data = json.dumps(value, ensure_ascii=escaped, indent=indent).replace("\n", "\r")
    commands = read('{"id":1,"publish":{"channel":"chat:index","data": ' + data + "\t}}")
    assert commands is not None and commands[0].publish is not None
    taken = bytes(commands[0].publish.data)
    assert taken == data.encode()
    [text] = unframe(pushed(Publication(taken, 3)))
    assert isinstance(text, str)
    assert "\n" not in text
    assert data in text
    assert json.loads(text)["push"]["pub"] == {"data": value, "offset": 3}
