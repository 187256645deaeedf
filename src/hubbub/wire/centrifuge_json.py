"""The Centrifuge client protocol in JSON (protocol.md sections 1 to 8, 17 and 18)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Raw, Struct

from hubbub.model import ClientInfo, Publication
from hubbub.wire.centrifuge import Command, DisconnectPush, Error, InfoPush, JustPublish
from hubbub.wire.encode import json_line
from hubbub.wire.frames import SHORT, TEXT_HEADS, text_frame
from hubbub.wire.streams import EVENTS, LINES, TEXT, Framing, chunked

_decode = msgspec.json.Decoder(Command).decode
_decode_publish = msgspec.json.Decoder(JustPublish).decode
_encode = msgspec.json.Encoder().encode


class JsonCodec:
    """A *message* is one reply or push, an object in one line; `framing` says how they go out.

    To who only listens (`listening`, section 18) a push is sent as it is, without a reply around.
    """

    def __init__(self, framing: Framing, listening: bool = False) -> None:
        self._framing = framing
        self._head, self._tail = (b"{", b"}") if listening else (b'{"push":{', b"}}")
        self.encoding = "json listening" if listening else "json"
        self.wrap = framing.one
        self.PING = framing.one(b"{}")

    def commands(self, messages: list[str | bytes]) -> tuple[Sequence[Command | JustPublish], bool]:
        """The commands of WebSocket messages; false if something came that holds none (3501).

        Then the commands are those before it.
        """
        try:
            # A line break inside a command would end it for whoever its data goes to.
            if "\n" not in "".join(messages):  # type: ignore[arg-type]
                return [_decode_publish(message) for message in messages], True
        except (msgspec.MsgspecError, TypeError, RecursionError, UnicodeError):
            pass  # not all of them are that, or not all are text
        found: list[Command] = []
        try:
            for message in messages:
                if type(message) is not str:
                    return found, False
                lines = [line for line in message.split("\n") if line]
                if not lines:
                    return found, False
                found.extend(map(_decode, lines))  # up to the first that is none
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return found, False
        return found, True

    def frame(self, messages: list[bytes | int]) -> bytes:
        """What goes out; a number stands for the reply to the `publish` of that id."""
        return self._framing.several(
            [
                b'{"id":%d,"publish":{}}' % one if type(one) is int else one  # type: ignore[misc]
                for one in messages
            ]
        )

    def reply(self, id: int, kind: str, result: Struct) -> bytes:
        return b'{"id":%d,"%b":%b}' % (id, kind.encode(), _encode(result))

    def error(self, id: int, error: Error) -> bytes:
        body: dict[str, object] = {"code": error.code, "message": error.message}
        if error.temporary:
            body["temporary"] = True
        return b'{"id":%d,"error":%b}' % (id, _encode(body))

    def push(self, room: str, kind: str, body: Struct) -> bytes:
        """A push; `room` is empty for one that concerns the connection."""
        channel = b'"channel":%b,' % _encode(room) if room else b""
        return b'%b%b"%b":%b%b' % (self._head, channel, kind.encode(), _encode(body), self._tail)

    def disconnect(self, code: int, reason: str, reconnect: bool) -> bytes:
        """What goes out last, where the transport has no word for it (section 17)."""
        return self.wrap(self.push("", "disconnect", DisconnectPush(code, reason, reconnect)))

    def membership(self, room: str, kind: str, info: ClientInfo) -> bytes:
        """What goes out for a `join` or a `leave`, the same bytes for everyone."""
        return self.wrap(self.push(room, kind, InfoPush(self.info(info))))

    def encoder(self, room: str) -> Callable[[Publication], bytes]:
        """Makes of a publication what goes out, the same bytes for everyone (section 15)."""
        if self._framing is TEXT:
            return self._encoder(room, framed=True)
        payload, wrap = self._encoder(room, framed=False), self.wrap
        return lambda publication: wrap(payload(publication))

    def payloads(self, room: str) -> Callable[[Publication], bytes]:
        """Makes the message of a publication."""
        return self._encoder(room, framed=False)

    def _encoder(self, room: str, framed: bool) -> Callable[[Publication], bytes]:
        head = b'%b"channel":%b,"pub":{"data":' % (self._head, _encode(room))
        rest_of, info_of, tail = self._rest, self._info, self._tail
        end_of = b',"offset":%%d}%b' % tail

        def encode(publication: Publication) -> bytes:
            info, offset, data = publication.info, publication.offset, publication.data
            if publication.binary:
                data = json_line(data)
            if info is not None and offset and publication.tags is None:
                # The common case in one piece.
                json = info.json or info_of(info)
                payload = b"".join((head, data, b',"info":', json, end_of % offset))
            else:
                payload = b"".join((head, data, rest_of(publication), tail))
            if not framed:
                return payload
            length = len(payload)
            return TEXT_HEADS[length] + payload if length < SHORT else text_frame(payload)

        return encode

    def entries(self, publications: list[Publication]) -> Raw:
        """Publications as they stand in a reply. Raises `NotJson`."""
        return Raw(b"[%b]" % b",".join([one.json or self._entry(one) for one in publications]))

    def _entry(self, publication: Publication) -> bytes:
        publication.json = b'{"data":' + self.whole(publication) + self._rest(publication)
        return publication.json

    def whole(self, publication: Publication) -> bytes:
        """The data, as JSON in one line. Raises `NotJson`."""
        return json_line(publication.data) if publication.binary else publication.data

    def delta_encoder(self, room: str) -> Callable[[Publication, bytes | None], bytes]:
        """Makes of a publication and its patch what goes out, or with None of the whole."""
        head, tail = b'%b"channel":%b,"pub":' % (self._head, _encode(room)), self._tail
        entry, wrap = self._delta_entry, self.wrap
        return lambda publication, patch: wrap(head + entry(publication, patch) + tail)

    def delta_entries(self, versions: list[tuple[Publication, bytes | None]]) -> Raw:
        """The same as it stands in a reply. Raises `NotJson`."""
        return Raw(b"[%b]" % b",".join([self._delta_entry(*one) for one in versions]))

    def _delta_entry(self, publication: Publication, patch: bytes | None) -> bytes:
        """The data is a text in either case: that of the patch, or JSON in JSON (section 13)."""
        text = self.whole(publication) if patch is None else patch
        rest = self._rest(publication, patch is not None)
        return b'{"data":%b%b' % (_encode(text.decode()), rest)

    def _rest(self, publication: Publication, patched: bool = False) -> bytes:
        """What follows the data."""
        rest, info = b"", publication.info
        if info is not None:
            rest += b',"info":' + (info.json or self._info(info))
        if publication.offset:
            rest += b',"offset":%d' % publication.offset
        if publication.tags:
            rest += b',"tags":' + _encode(publication.tags)
        return rest + (b',"delta":true}' if patched else b"}")

    def info(self, info: ClientInfo) -> Raw:
        return Raw(info.json or self._info(info))

    def _info(self, info: ClientInfo) -> bytes:
        if not info.json:
            info.json = b'{"user":%b,"client":%b%b%b}' % (
                _encode(info.user),
                _encode(info.client),
                info.conn_info and b',"conn_info":' + info.conn_info,
                info.chan_info and b',"chan_info":' + info.chan_info,
            )
        return info.json


JSON = JsonCodec(TEXT)
JSON_LINES = JsonCodec(LINES)
JSON_EVENTS = JsonCodec(EVENTS)
JSON_LINES_CHUNKED = JsonCodec(chunked(LINES))
JSON_EVENTS_CHUNKED = JsonCodec(chunked(EVENTS))

LISTENING = JsonCodec(TEXT, listening=True)
LISTENING_LINES = JsonCodec(LINES, listening=True)
LISTENING_EVENTS = JsonCodec(EVENTS, listening=True)
LISTENING_LINES_CHUNKED = JsonCodec(chunked(LINES), listening=True)
LISTENING_EVENTS_CHUNKED = JsonCodec(chunked(EVENTS), listening=True)
