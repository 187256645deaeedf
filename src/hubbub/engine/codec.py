"""How members are spoken to: what a room and a client need to know of an encoding, and the plainest
one.

A *message* is one reply or push as bytes. What goes out are messages in the framing of the
transport, and what follows what is its codec's to know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from hubbub.model import ClientInfo, Publication
from hubbub.wire.centrifuge import Command, Error, JustPublish
from hubbub.wire.centrifuge_json import JSON
from hubbub.wire.centrifuge_protobuf import PROTOBUF
from hubbub.wire.frames import binary_frame, text_frame

_text = msgspec.json.Decoder(str).decode


class Codec(Protocol):
    """What a room needs: the same bytes for every member that has this codec.

    Codecs of one `encoding` make the same messages, and differ in how they go out.
    """

    encoding: str

    def payloads(self, room: str) -> Callable[[Publication], bytes]:
        """What makes the message of each publication of the room. That raises `NotJson` for
        data that the encoding has no words for."""

    def wrap(self, message: bytes) -> bytes:
        """What goes out of one message."""

    def encoder(self, room: str) -> Callable[[Publication], bytes]:
        """`payloads` and `wrap` in one."""

    def membership(self, room: str, kind: str, info: ClientInfo) -> bytes:
        """What goes out to tell of a "join" or a "leave"."""


class ClientCodec(Codec, Protocol):
    """What a client of the Centrifuge protocol needs beside that."""

    PING: bytes

    def commands(self, messages: list[str | bytes]) -> tuple[Sequence[Command | JustPublish], bool]:
        """The commands of what was read; false if something came that holds none (3501).

        Then the commands are those before it.
        """

    def frame(self, messages: list[bytes | int]) -> bytes:
        """What goes out; a number stands for the reply to the `publish` of that id."""

    def reply(self, id: int, kind: str, result: Struct) -> bytes:
        """The message that answers command `id`."""

    def error(self, id: int, error: Error) -> bytes:
        """The message that answers command `id` with an error."""

    def push(self, room: str, kind: str, body: Struct) -> bytes:
        """A message that answers nothing; `room` is empty for one that concerns the connection."""

    def disconnect(self, code: int, reason: str, reconnect: bool) -> bytes:
        """What goes out last, where the transport has no word for it."""

    def entries(self, publications: list[Publication]) -> Any:
        """Publications as they stand in a reply. Raises `NotJson`."""

    def whole(self, publication: Publication) -> bytes:
        """The data that those have whom a publication was told: what the next one's patch is for.

        Raises `NotJson`.
        """

    def delta_encoder(self, room: str) -> Callable[[Publication, bytes | None], bytes]:
        """What makes what goes out of each publication of the room and its patch, None for the
        whole; for who asked for patches. That raises `NotJson`."""

    def delta_entries(self, versions: list[tuple[Publication, bytes | None]]) -> Any:
        """The same as it stands in a reply. Raises `NotJson`."""

    def info(self, info: ClientInfo) -> Any:
        """Who somebody is, as it stands in a reply."""


class Bare:
    """A publication is its data: text where it is a JSON string, JSON otherwise, and binary where
    it is that."""

    encoding = "bare"

    def payloads(self, room: str) -> Callable[[Publication], bytes]:
        return self._encode

    def wrap(self, message: bytes) -> bytes:
        return message

    def encoder(self, room: str) -> Callable[[Publication], bytes]:
        return self._encode

    def _encode(self, publication: Publication) -> bytes:
        data = publication.data
        if publication.binary:
            return binary_frame(data)
        return text_frame(_text(data).encode() if data[:1] == b'"' else data)

    def membership(self, room: str, kind: str, info: ClientInfo) -> bytes:
        return b""  # nobody is told


BARE = Bare()
_: type[Codec] = Bare
_clients: tuple[ClientCodec, ...] = (JSON, PROTOBUF)
