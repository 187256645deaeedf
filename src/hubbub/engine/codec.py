"""How members are spoken to: what a room needs to know of an encoding, and the plainest one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from hubbub.model import ClientInfo, Publication
from hubbub.wire.frames import text_frame

_text = msgspec.json.Decoder(str).decode


class Codec(Protocol):
    """Makes one frame of a publication, the same for every member that has this codec."""

    def encoder(self, room: str) -> Callable[[Publication], bytes]:
        """What makes a whole WebSocket frame of each publication of the room."""

    def membership(self, room: str, kind: str, info: ClientInfo) -> bytes:
        """A whole WebSocket frame that tells of a "join" or a "leave"."""


class Bare:
    """A publication is its data: text where it is a JSON string, and JSON otherwise."""

    def encoder(self, room: str) -> Callable[[Publication], bytes]:
        return self._encode

    def _encode(self, publication: Publication) -> bytes:
        data = publication.data
        return text_frame(_text(data).encode() if data[:1] == b'"' else data)

    def membership(self, room: str, kind: str, info: ClientInfo) -> bytes:
        return b""  # nobody is told


BARE = Bare()
_: type[Codec] = Bare
