"""The Protobuf of the Centrifuge protocol, with the classes of a published client as the judge."""

from __future__ import annotations

from typing import Any

import pytest
from centrifuge.protocol import client_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw, Struct

from hubbub.model import ClientInfo, Publication
from hubbub.wire import centrifuge as wire
from hubbub.wire.centrifuge import Command, JustPublish
from hubbub.wire.centrifuge_protobuf import PROTOBUF, PROTOBUF_BYTES
from hubbub.wire.frames import unframe
from hubbub.wire.streams import delimited, split_delimited

HELLO = b'{"input":"hello"}'
ANN = ClientInfo("ann", "7c5b", b'{"name":"Ann"}', b"[1]")
ANYTHING = bytes(range(256))


def said(*commands: Any) -> bytes:
    return b"".join(delimited(one.SerializeToString()) for one in commands)


def read(*messages: str | bytes) -> list[Command] | None:
    """The commands of `messages`; None where something in them is none."""
    commands, whole = PROTOBUF.commands(list(messages))
    full = []
    for one in commands:
        if isinstance(one, JustPublish):
            one = Command(one.id, publish=one.publish)
        assert isinstance(one, Command)
        full.append(one)
    return full if whole else None


def heard(*messages: bytes) -> list[Any]:
    """What a published client makes of messages."""
    found, whole = split_delimited(b"".join(messages))
    assert whole
    return [pb.Reply.FromString(one) for one in found]


def only(*messages: bytes) -> Any:
    (reply,) = heard(*messages)
    return reply


# What is written. ------------------------------------------------------------------------------


def test_a_publication_with_history_is_the_38_bytes_of_the_specification() -> None:
    expected = bytes.fromhex(
        "25 22 23 12 0a 63 68 61 74 3a 69 6e 64 65 78 22 15 22 11 7b 22 69 6e 70 75 74 22 3a 22"
        "68 65 6c 6c 6f 22 7d 30 07"
    )
    publication = Publication(HELLO, 7)
    assert PROTOBUF.payloads("chat:index")(publication) == expected
    assert PROTOBUF.encoder("chat:index")(publication) == bytes((0x82, len(expected))) + expected
    assert PROTOBUF_BYTES.encoder("chat:index")(publication) == expected


@pytest.mark.parametrize("data", [HELLO, ANYTHING, b"", b"\n"])
def test_a_publication_has_its_data_byte_by_byte(data: bytes) -> None:
    publication = Publication(data, 7, ANN, {"kind": "greeting"}, binary=True)
    push = only(PROTOBUF.payloads("a")(publication)).push
    assert push.channel == "a"
    assert push.pub.data == data
    assert push.pub.offset == 7
    assert push.pub.tags == {"kind": "greeting"}
    assert (push.pub.info.user, push.pub.info.client) == ("ann", "7c5b")
    assert (push.pub.info.conn_info, push.pub.info.chan_info) == (b'{"name":"Ann"}', b"[1]")


def test_a_ping_is_one_byte() -> None:
    assert PROTOBUF.PING == b"\x82\x01\x00"
    assert PROTOBUF_BYTES.PING == b"\x00"


def test_replies_leave_in_one_frame_in_their_order() -> None:
    error = PROTOBUF.error(2, wire.INTERNAL)
    frame = PROTOBUF.frame([PROTOBUF.reply(1, "unsubscribe", wire.Empty()), error, 300])
    (payload,) = unframe(frame)
    assert isinstance(payload, bytes)
    first, second, third = heard(payload)
    assert (first.id, first.HasField("unsubscribe")) == (1, True)
    assert (second.id, second.error.code, second.error.temporary) == (2, 100, True)
    assert second.error.message == "internal server error"
    assert (third.id, third.HasField("publish")) == (300, True)


PAGE = [Publication(b"1", 1), Publication(ANYTHING, 2, ANN, binary=True)]

SUBSCRIBED = wire.SubscribeResult(
    expires=True,
    ttl=60,
    recoverable=True,
    epoch="abcd",
    recovered=True,
    offset=2**63,
    positioned=True,
    data=Raw(b"{}"),
    was_recovering=True,
    delta=True,
)

RESULTS: list[tuple[str, Struct]] = [
    (
        "connect",
        wire.ConnectResult(
            "id", "1.0", True, 9, Raw(b"[]"), {"a": SUBSCRIBED}, 25, True, "secret", "node"
        ),
    ),
    ("subscribe", SUBSCRIBED),
    ("publish", wire.Empty()),
    ("presence_stats", wire.PresenceStatsResult(2, 1)),
    ("rpc", wire.DataResult(Raw(b"1"))),
    ("refresh", wire.RefreshResult("id", "1.0", True, 9)),
    ("sub_refresh", wire.SubRefreshResult(True, 9)),
]


@pytest.mark.parametrize(("kind", "result"), RESULTS, ids=[kind for kind, _ in RESULTS])
def test_a_result_says_what_its_value_does(kind: str, result: Struct) -> None:
    reply = only(PROTOBUF.reply(7, kind, result))
    assert reply.id == 7
    assert reply.HasField(kind)
    says(getattr(reply, kind), result)


def says(message: Any, value: Struct) -> None:
    for name in value.__struct_fields__:
        expected, got = getattr(value, name), getattr(message, name)
        if isinstance(expected, Raw):
            assert got == bytes(expected)
        elif isinstance(expected, dict):
            assert set(got) == set(expected)
            for key, each in expected.items():
                says(got[key], each)
        elif name != "publications":
            assert got == expected


def test_publications_stand_in_results() -> None:
    entries = PROTOBUF.entries(PAGE)
    history = only(PROTOBUF.reply(1, "history", wire.HistoryResult(entries, "abcd", 2))).history
    assert [(one.offset, one.data) for one in history.publications] == [(1, b"1"), (2, ANYTHING)]
    assert (history.epoch, history.offset) == ("abcd", 2)
    result = wire.SubscribeResult(publications=entries)
    assert len(only(PROTOBUF.reply(1, "subscribe", result)).subscribe.publications) == 2


def test_who_asked_for_deltas_gets_bytes_whole_or_as_a_patch() -> None:
    one = Publication(ANYTHING, 7, ANN, {"a": "b"}, binary=True)
    assert PROTOBUF.whole(one) == ANYTHING
    for patch in (None, b"0\n0;"):
        (frame,) = unframe(PROTOBUF.delta_encoder("a")(one, patch))
        assert isinstance(frame, bytes)
        push = only(frame).push
        assert push.channel == "a"
        (entry,) = PROTOBUF.delta_entries([(one, patch)])
        for told in (push.pub, entry):
            assert (told.data, told.delta) == (ANYTHING if patch is None else patch, bool(patch))
            assert (told.offset, told.info.user, dict(told.tags)) == (7, ANN.user, {"a": "b"})


def test_presence_says_who_is_there() -> None:
    result = wire.PresenceResult({"7c5b": PROTOBUF.info(ANN)})
    presence = only(PROTOBUF.reply(1, "presence", result)).presence.presence
    assert presence["7c5b"].user == "ann"
    nobody = only(PROTOBUF.reply(1, "presence", wire.PresenceResult({})))
    assert nobody.HasField("presence")


@pytest.mark.parametrize("kind", ["join", "leave"])
def test_a_coming_or_going_is_told(kind: str) -> None:
    (payload,) = unframe(PROTOBUF.membership("a", kind, ANN))
    assert isinstance(payload, bytes)
    push = only(payload).push
    assert push.channel == "a"
    assert push.HasField(kind)
    assert getattr(push, kind).info.user == "ann"


def test_pushes_say_what_they_are_about() -> None:
    push = only(PROTOBUF.push("", "message", wire.DataResult(Raw(b"1")))).push
    assert (push.channel, push.message.data) == ("", b"1")
    push = only(PROTOBUF.push("a", "unsubscribe", wire.UnsubscribePush(2000, "out"))).push
    assert (push.unsubscribe.code, push.unsubscribe.reason) == (2000, "out")
    push = only(PROTOBUF.push("a", "subscribe", wire.SubscribePush(True, "abcd", 3, True))).push
    assert (push.subscribe.epoch, push.subscribe.offset) == ("abcd", 3)
    push = only(PROTOBUF.push("", "refresh", wire.RefreshPush(True, 5))).push
    assert (push.refresh.expires, push.refresh.ttl) == (True, 5)
    push = only(PROTOBUF_BYTES.disconnect(3001, "shutdown", True)).push
    assert (push.disconnect.code, push.disconnect.reason) == (3001, "shutdown")
    assert push.disconnect.reconnect


# What is read. ---------------------------------------------------------------------------------


def test_what_a_client_says_is_read() -> None:
    tf = pb.FilterNode(op="and", nodes=[pb.FilterNode(key="k", cmp="in", vals=["a", "b"])])
    subscribe = pb.SubscribeRequest(
        channel="a", token="t", recover=True, offset=2**63, epoch="e", data=b"1", flag=3, tf=tf
    )
    found = read(
        said(
            pb.Command(id=1, connect=pb.ConnectRequest(token="t", name="py", data=b"{}")),
            pb.Command(id=2, connect=pb.ConnectRequest(subs={"a": subscribe}, headers={"x": "y"})),
        ),
        said(
            pb.Command(id=3, subscribe=subscribe),
            pb.Command(id=4, history=pb.HistoryRequest(channel="a", limit=-1, reverse=True)),
            pb.Command(id=5, rpc=pb.RPCRequest(method="m", data=ANYTHING)),
            pb.Command(send=pb.SendRequest(data=b"1")),
            pb.Command(id=6, presence_stats=pb.PresenceStatsRequest(channel="a")),
            pb.Command(id=7, ping=pb.PingRequest()),
            pb.Command(),
        ),
    )
    assert found is not None
    connect, again, sub, history, rpc, send, stats, ping, pong = found
    assert connect.connect == wire.ConnectRequest("t", Raw(b"{}"), name="py")
    asked = wire.SubscribeRequest(
        "a",
        "t",
        True,
        2**63,
        "e",
        Raw(b"1"),
        flag=3,
        tf=wire.FilterNode(op="and", nodes=[wire.FilterNode(key="k", cmp="in", vals=["a", "b"])]),
    )
    assert again.connect == wire.ConnectRequest(subs={"a": asked}, headers={"x": "y"})
    assert (sub.id, sub.subscribe) == (3, asked)
    assert history.history == wire.HistoryRequest("a", -1, reverse=True)
    assert rpc.rpc is not None
    assert bytes(rpc.rpc.data) == ANYTHING
    assert (send.id, send.send) == (0, wire.SendRequest(Raw(b"1")))
    assert stats.presence_stats == wire.PresenceRequest("a")
    assert ping.ping is not None
    assert pong == Command()


@pytest.mark.parametrize("data", [b"1", HELLO, b'"\\u00e9"', '"é"'.encode(), b" [1] "])
def test_json_is_published_as_json(data: bytes) -> None:
    command = pb.Command(id=1, publish=pb.PublishRequest(channel="a", data=data))
    (found,), whole = PROTOBUF.commands([said(command)])
    assert whole
    assert type(found) is JustPublish
    assert (found.publish.channel, bytes(found.publish.data)) == ("a", data)
    assert not found.publish.binary


@pytest.mark.parametrize(
    "data", [ANYTHING, b"text", b'"\xff"', b"[1,\n2]", b"NaN", b"[" * 10_000, b"1" * 5_000]
)
def test_anything_else_is_published_as_what_may_be_none(data: bytes) -> None:
    command = pb.Command(id=1, publish=pb.PublishRequest(channel="a", data=data))
    found = read(said(command))
    assert found is not None
    assert found[0].publish is not None
    assert bytes(found[0].publish.data) == data
    assert found[0].publish.binary


PUBLISH = said(pb.Command(id=1, publish=pb.PublishRequest(channel="a", data=b"1")))


@pytest.mark.parametrize(
    "messages",
    [
        ["{}"],
        [b""],
        [PUBLISH[:-1]],
        [b"\x05hello"],
        [b"\x02\x0a\xff"],
        [b"\xff\xff\xff\xff\x7f"],
        [delimited(b"\x2a\x03\x0a\x01\xff")],  # a name that is no UTF-8
        [delimited(b"\x2a" * 200 + b"\x00")],
    ],
)
def test_what_is_no_command_ends_it_and_what_came_before_counts(messages: list[Any]) -> None:
    commands, whole = PROTOBUF.commands([PUBLISH, *messages])
    assert not whole
    assert len(commands) == 1


def test_what_nests_without_end_is_no_command() -> None:
    node = b""
    for _ in range(5_000):
        node = b"\x32" + delimited(node)
    subscribe = b"\x6a" + delimited(node)
    assert read(delimited(b"\x08\x01\x2a" + delimited(subscribe))) is None


@given(data=st.binary(max_size=200))
def test_no_bytes_are_an_error_of_ours(data: bytes) -> None:
    commands, _ = PROTOBUF.commands([data])
    assert all(isinstance(one, Command | JustPublish) for one in commands)


@given(data=st.binary(max_size=60), id=st.integers(0, 2**32 - 1), name=st.text(max_size=20))
def test_whatever_is_published_comes_as_it_is(data: bytes, id: int, name: str) -> None:
    command = pb.Command(id=id, publish=pb.PublishRequest(channel=name, data=data))
    (found,) = read(said(command)) or []
    assert found.publish is not None
    assert (found.id, found.publish.channel, bytes(found.publish.data)) == (id, name, data)
