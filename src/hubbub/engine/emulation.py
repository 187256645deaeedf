"""A client without a WebSocket: a response that does not end, and requests beside it.

protocol.md section 17. The session is the same; only how commands find it is another.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from hubbub.engine.client import Client

if TYPE_CHECKING:
    from hubbub.contracts import Sink
    from hubbub.engine.codec import ClientCodec
    from hubbub.engine.node import Node


class EmulatedClient(Client):
    """One whose commands come in requests of their own, and are its because they bring `secret`."""

    __slots__ = ("secret",)

    def __init__(self, node: Node, sink: Sink, codec: ClientCodec, scope: Any = None) -> None:
        super().__init__(node, sink, codec, scope)
        self.secret = secrets.token_urlsafe(24)

    def here(self, expires_at: float | None) -> None:
        self.node.emulated[self.secret] = self
        super().here(expires_at)

    def leave(self) -> None:
        self.node.emulated.pop(self.secret, None)
        super().leave()
