"""How members are spoken to: what a room needs to know of an encoding, and the plainest one."""

from __future__ import annotations

from typing import Protocol

import msgspec

from hubbub.model import ClientInfo, Publication
from hubbub.wire.frames import text_frame

_text = msgspec.json.Decoder(str).decode


class Codec(Protocol):
    """Makes one frame of a publication, the same for every member that has this codec."""

    def head(self, room: str) -> bytes:
        """What every publication of the room begins with; made once for the room."""

    def publication(self, head: bytes, publication: Publication) -> bytes:
        """A whole WebSocket frame."""

    def membership(self, room: str, kind: str, info: ClientInfo) -> bytes:
        """A whole WebSocket frame that tells of a "join" or a "leave"."""


class Bare:
    """A publication is its data: text where it is a JSON string, and JSON otherwise."""

    def head(self, room: str) -> bytes:
        return b""

    def publication(self, head: bytes, publication: Publication) -> bytes:
        data = publication.data
        if data[:1] == b'"':
            data = _text(data).encode()
        return text_frame(data)

    def membership(self, room: str, kind: str, info: ClientInfo) -> bytes:
        return b""  # nobody is told


BARE = Bare()
_: type[Codec] = Bare
