"""The Centrifuge client protocol in Protobuf (protocol.md section 16).

The values are the same as in JSON, `bytes` being whatever they are: what is no JSON there is
marked `binary` for those who are spoken to in JSON. Each message comes after its length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.message import DecodeError, Message
from msgspec import UNSET, Raw, Struct

from hubbub.model import ClientInfo, Publication
from hubbub.wire import centrifuge as values
from hubbub.wire import centrifuge_pb2 as pb
from hubbub.wire.centrifuge import Command, DisconnectPush, Error, JustPublish
from hubbub.wire.encode import is_json_line
from hubbub.wire.streams import BINARY, BYTES, Framing, chunked, delimited, split_delimited

_STRUCTS: Mapping[str, type[Struct]] = {
    name: getattr(values, name)
    for name in (
        "ConnectRequest",
        "SubscribeRequest",
        "UnsubscribeRequest",
        "PublishRequest",
        "PresenceRequest",
        "HistoryRequest",
        "StreamPosition",
        "RpcRequest",
        "SendRequest",
        "RefreshRequest",
        "SubRefreshRequest",
        "FilterNode",
    )
}
"""What the messages of a client are, by their names in the schema."""


class ProtobufCodec:
    """A *message* is one reply or push; `framing` says how they go out."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self.encoding = "protobuf"
        self.wrap = framing.one
        self.PING = framing.one(delimited(b""))

    def commands(self, messages: list[str | bytes]) -> tuple[Sequence[Command | JustPublish], bool]:
        """The commands of binary messages; false if something came that holds none (3501).

        Then the commands are those before it.
        """
        found: list[Command | JustPublish] = []
        for message in messages:
            if type(message) is not bytes or not message:
                return found, False
            pieces, whole = split_delimited(message)
            try:
                found.extend(map(_command, pieces))  # up to the first that is none
            except (DecodeError, RecursionError):
                return found, False
            if not whole:
                return found, False
        return found, True

    def frame(self, messages: list[bytes | int]) -> bytes:
        """What goes out; a number stands for the reply to the `publish` of that id."""
        return self._framing.several(
            [_published(one) if isinstance(one, int) else one for one in messages]
        )

    def reply(self, id: int, kind: str, result: Struct) -> bytes:
        reply = pb.Reply(id=id)
        _fill(getattr(reply, kind), result)
        return _message(reply)

    def error(self, id: int, error: Error) -> bytes:
        return _message(pb.Reply(id=id, error=pb.Error(**error._asdict())))

    def push(self, room: str, kind: str, body: Struct) -> bytes:
        """A push; `room` is empty for one that concerns the connection."""
        push = pb.Push(channel=room)
        _fill(getattr(push, kind), body)
        return _message(pb.Reply(push=push))

    def disconnect(self, code: int, reason: str, reconnect: bool) -> bytes:
        """What goes out last, where the transport has no word for it (section 17)."""
        return self.wrap(self.push("", "disconnect", DisconnectPush(code, reason, reconnect)))

    def membership(self, room: str, kind: str, info: ClientInfo) -> bytes:
        """What goes out for a `join` or a `leave`, the same bytes for everyone."""
        reply = pb.Reply()
        push = reply.push
        push.channel = room
        _put_info((push.join if kind == "join" else push.leave).info, info)
        return self.wrap(_message(reply))

    def encoder(self, room: str) -> Callable[[Publication], bytes]:
        """Makes of a publication what goes out, the same bytes for everyone (section 15)."""
        payload, wrap = self.payloads(room), self.wrap
        return lambda publication: wrap(payload(publication))

    def payloads(self, room: str) -> Callable[[Publication], bytes]:
        """Makes the message of a publication."""

        def encode(publication: Publication) -> bytes:
            return _message(_publication(room, publication))

        return encode

    def entries(self, publications: list[Publication]) -> list[pb.Publication]:
        """Publications as they stand in a reply."""
        return list(map(_entry, publications))

    def whole(self, publication: Publication) -> bytes:
        """The data, whatever it is."""
        return publication.data

    def delta_encoder(self, room: str) -> Callable[[Publication, bytes | None], bytes]:
        """Makes of a publication and its patch what goes out, or with None of the whole."""
        wrap = self.wrap

        def encode(publication: Publication, patch: bytes | None) -> bytes:
            return wrap(_message(_publication(room, publication, patch)))

        return encode

    def delta_entries(
        self, versions: list[tuple[Publication, bytes | None]]
    ) -> list[pb.Publication]:
        """The same as it stands in a reply."""
        return [_entry(*one) for one in versions]

    def info(self, info: ClientInfo) -> pb.ClientInfo:
        message = pb.ClientInfo()
        _put_info(message, info)
        return message


def _published(id: int) -> bytes:
    """The message that answers the `publish` of that id."""
    reply = pb.Reply()
    reply.id = id
    reply.publish.SetInParent()
    return _message(reply)


# What is inside a message is put where it is to be: made by itself, it would be copied there.


def _publication(room: str, publication: Publication, patch: bytes | None = None) -> pb.Reply:
    reply = pb.Reply()
    push = reply.push
    push.channel = room
    _put_entry(push.pub, publication, patch)
    return reply


def _entry(publication: Publication, patch: bytes | None = None) -> pb.Publication:
    message = pb.Publication()
    _put_entry(message, publication, patch)
    return message


def _put_entry(message: pb.Publication, publication: Publication, patch: bytes | None) -> None:
    message.SetInParent()  # also where there is nothing to say
    if patch is None:
        message.data = publication.data
    else:
        message.data, message.delta = patch, True
    if publication.offset:
        message.offset = publication.offset
    if publication.info is not None:
        _put_info(message.info, publication.info)
    if publication.tags:
        message.tags.update(publication.tags)


def _put_info(message: pb.ClientInfo, info: ClientInfo) -> None:
    message.SetInParent()
    message.user, message.client = info.user, info.client
    if info.conn_info:
        message.conn_info = info.conn_info
    if info.chan_info:
        message.chan_info = info.chan_info


def _message(reply: pb.Reply) -> bytes:
    return delimited(reply.SerializeToString())


def _command(data: bytes) -> Command | JustPublish:
    """Raises `DecodeError`."""
    message = pb.Command.FromString(data)
    given = message.ListFields()
    if len(given) == 2 and message.HasField("publish"):
        publish = message.publish
        said = publish.data
        # Most commands are this, and of what every client can read.
        if message.id and not publish.type and is_json_line(said):
            return JustPublish(message.id, values.PublishRequest(publish.channel, Raw(said)))
    command = Command(message.id)
    for field, body in given:
        if field.name == "ping":
            command.ping = Raw(b"{}")
        elif field.name != "id":
            setattr(command, field.name, _struct(body))
    return command


def _struct(message: Message) -> Struct:
    """The value that `message`, one of a client's, stands for."""
    kind = _STRUCTS[message.DESCRIPTOR.name]
    if kind is values.PublishRequest and not is_json_line(message.data):  # type: ignore[attr-defined]
        kind = values.BinaryPublishRequest
    return kind(**{field.name: _value(value) for field, value in message.ListFields()})


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        return Raw(value)
    if isinstance(value, Message):
        return _struct(value)
    if isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {key: _value(each) for key, each in value.items()}
    return [_value(each) for each in value]


def _fill(message: Any, result: Struct) -> None:
    """Set in `message` what is set in `result`, which has the same names."""
    message.SetInParent()  # one that says nothing is still there
    for name in result.__struct_fields__:
        value = getattr(result, name)
        if value is UNSET or value is None:
            continue
        if isinstance(value, Raw):
            setattr(message, name, bytes(value))
        elif isinstance(value, Message):
            getattr(message, name).CopyFrom(value)
        elif isinstance(value, list):
            getattr(message, name).extend(value)
        elif isinstance(value, dict):
            for key, each in value.items():
                if isinstance(each, Message):
                    getattr(message, name)[key].CopyFrom(each)
                else:
                    _fill(getattr(message, name)[key], each)
        else:
            setattr(message, name, value)


PROTOBUF = ProtobufCodec(BINARY)
PROTOBUF_BYTES = ProtobufCodec(BYTES)
PROTOBUF_CHUNKED = ProtobufCodec(chunked(BYTES))
