"""The server under test: where it is, and how it wants to be spoken to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from hubbub.cli.bench.errors import BenchError

CONTRACT = "Room {room}: {text}"
"""What everyone in a room receives for a text sent there."""


class Dialect(NamedTuple):
    """What a server puts around a text, and what it says beside it."""

    before: bytes = b""
    after: bytes = b""
    joined: bytes = b""
    """How the message begins that says the connection is in; empty: it is when it opens."""
    answers: tuple[tuple[bytes, bytes], ...] = ()
    """For a message that begins with the first, what to answer."""
    hello: str = ""
    """What a client says first."""
    contract: str = CONTRACT
    numbered: bool = False
    """Messages bear the numbers of their room, and what is said is acknowledged; see
    `centrifuge.py`."""


JSON_CONTRACT = '{"room":"{room}","text":"{text}"}'

# Engine.IO 4 packets (0 open, 2 ping, 3 pong, 4 message) around Socket.IO packets
# (0 connect, 2 event).
SOCKETIO = Dialect(b'42["message","', b'"]', b"40", ((b"0", b"40"), (b"2", b"3")))

CONNECT = '{"id":1,"connect":{}}'
SUBSCRIBE = '{"id":2,"subscribe":{"channel":"bench:{room}"}}'

DIALECTS = {
    "plain": Dialect(),
    "json": Dialect(b'{"text":"', b'"}', contract=JSON_CONTRACT),
    "socketio": SOCKETIO,
    "socketio-json": SOCKETIO._replace(
        before=b'42["message",{"text":"', after=b'"}]', contract=JSON_CONTRACT
    ),
    "centrifuge": Dialect(
        before=b'{"id":%d,"publish":{"channel":"bench:{room}","data":{"text":"',
        after=b'"}}}',
        joined=b'{"id":2,"subscribe":{',
        hello=f"{CONNECT}\n{SUBSCRIBE}",
        contract='{"push":{"channel":"bench:{room}","pub":{"data":{"text":"{text}"',
        numbered=True,
    ),
}


@dataclass(frozen=True)
class Target:
    """A server, a path with `{room}` in it, and what a member of a room receives."""

    host: str
    port: int
    path: str
    dialect: Dialect = DIALECTS["plain"]
    contract: str = CONTRACT

    @classmethod
    def parse(cls, url: str, dialect: str = "plain", contract: str | None = None) -> Target:
        """Read `ws://host:port/path/{room}`; without a contract, the dialect's holds.

        Raises BenchError for what this generator cannot speak to.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or 80
        except ValueError as error:
            raise BenchError(f"{url!r} is no address: {error}") from None
        if parts.scheme != "ws" or host is None:
            raise BenchError(
                f"{url!r} is not like ws://127.0.0.1:8000/ws/{{room}}; TLS is not spoken"
            )
        if dialect not in DIALECTS:
            raise BenchError(f"no dialect {dialect!r}; there are {', '.join(DIALECTS)}")
        contract = contract or DIALECTS[dialect].contract
        if "{text}" not in contract:
            raise BenchError(f"{{text}} is missing in {contract!r}")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(host, port, path, DIALECTS[dialect], contract)

    @property
    def names_rooms(self) -> bool:
        """Whether a connection says which room it is for."""
        return "{room}" in self.path or "{room}" in self.dialect.hello

    def target_of(self, room: str) -> str:
        """The request target that leads into `room`."""
        return self.path.replace("{room}", room)

    def payload(self, text: bytes) -> bytes:
        """What a client sends to say `text`."""
        return self.dialect.before + text + self.dialect.after

    def body(self, room: str, text: bytes) -> bytes:
        """What everyone in `room` then reads, in whatever frame and packet."""
        return self.contract.replace("{room}", room).encode().replace(b"{text}", text)

    def lead(self, room: str) -> bytes:
        """What stands before the text in `body`."""
        return self.contract.partition("{text}")[0].replace("{room}", room).encode()

    def hello(self, room: str) -> bytes:
        """What a client says first."""
        return self.dialect.hello.replace("{room}", room).encode()

    def answer(self, payload: bytes) -> bytes | None:
        """What the server wants to hear for `payload`; None if it is a message for people."""
        for beginning, answer in self.dialect.answers:
            if payload.startswith(beginning):
                return answer
        return None
