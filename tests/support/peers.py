"""Peers that misbehave: a WebSocket client on a bare socket that does only what it is told.

    peer = await Peer.connect(server.port, "/ws/lobby")
    await peer.send("hi")
    assert await peer.receive() == "Room lobby: hi"
    peer.reset()

It reads when it is asked to and at no other time, answers a ping when it reads one, and says
nothing of its own. `python -m tests.support.peers PORT PATH` is one in a process of its own.
"""

from __future__ import annotations

import asyncio
import base64
import ctypes
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple, Self

from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode

from hubbub import testing

DEADLINE = 10.0
"""Seconds a wait may take before the test fails; what is awaited takes milliseconds."""

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN, RSV1 = 0x80, 0x40

VANISHED = 1006
"""What `Peer.end` gives for a connection that ended without a close frame."""


class Frame(NamedTuple):
    """One frame from the server."""

    opcode: int
    payload: bytes


class Refused(Exception):
    """The handshake was answered with something else than 101."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Ended(Exception):
    """The server ended the connection."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """A client's frame, masked, made by another library than the one under test."""
    return TheirFrame(Opcode(opcode), payload, fin).serialize(mask=True)


def header(first: int, length: int, *, masked: bool = True) -> bytes:
    """The head of a frame, true or not: any first byte, any length, a mask or none."""
    mask = 0x80 if masked else 0
    key = b"\0\0\0\0" if masked else b""
    if length < 126:
        return bytes((first, mask | length)) + key
    if length < 65_536:
        return struct.pack("!BBH", first, mask | 126, length) + key
    return struct.pack("!BBQ", first, mask | 127, length) + key


async def until(condition: Callable[[], object], deadline: float = DEADLINE) -> None:
    """Wait until `condition` holds. Raises TimeoutError after `deadline` seconds."""
    await testing.until(condition, deadline)


async def request(port: int, method: str, path: str, body: bytes = b"") -> bytes:
    """One HTTP request; the body of its answer, which must be a good one."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
    async with asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    status, _, content = answer.partition(b"\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 200 "), answer
    return content


class Peer:
    """A client, connected. `messages` and `ended` are what `listen` has heard."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.messages: list[Any] = []
        self.ended: Ended | None = None
        self._buffer = bytearray()
        self._listener: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, port: int, path: str, *, receive_buffer: int | None = None) -> Self:
        """Shake hands. `receive_buffer`: bytes the kernel holds of what is not read.

        Raises `Refused`.
        """
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        peer = cls(sock)
        try:
            async with asyncio.timeout(DEADLINE):
                await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
                await peer._shake_hands(port, path)
        except BaseException:
            sock.close()
            raise
        return peer

    async def _shake_hands(self, port: int, path: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        head = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        await self.send_raw("\r\n".join([*head, "", ""]).encode())
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if not await self._read():
                raise Refused(0)
        status = int(self._buffer.split(b" ", 2)[1])
        if status != 101:
            raise Refused(status)
        del self._buffer[: end + 4]

    # Saying something.

    async def send(self, message: str | bytes) -> None:
        """Send one whole message."""
        if isinstance(message, str):
            await self.send_raw(frame(TEXT, message.encode()))
        else:
            await self.send_raw(frame(BINARY, message))

    async def send_raw(self, data: bytes) -> None:
        """Send bytes as they are; waits while the server does not read.

        Raises OSError once the server is gone.
        """
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    def send_nowait(self, data: bytes) -> int:
        """Send what fits into the kernel's buffer, and return how many bytes that was."""
        try:
            return self.sock.send(data)
        except BlockingIOError:
            return 0

    # Hearing something.

    async def frame(self) -> Frame:
        """The next frame, whatever it is. Raises `Ended` when there is no next one."""
        async with asyncio.timeout(DEADLINE):
            while (found := self._parse()) is None:
                if not await self._read():
                    raise Ended(VANISHED, "")
        return found

    async def receive(self) -> str | bytes:
        """The next message; answers pings on the way. Raises `Ended`."""
        while True:
            opcode, payload = await self.frame()
            if opcode == PING:
                with suppress(OSError):
                    await self.send_raw(frame(PONG, payload))
            elif opcode == CLOSE:
                with suppress(OSError):
                    await self.send_raw(frame(CLOSE, payload[:2]))
                code = int.from_bytes(payload[:2], "big") if payload else 1005
                raise Ended(code, payload[2:].decode())
            elif opcode != PONG:
                return payload.decode() if opcode == TEXT else payload

    async def read_slowly(self, at_once: int = 1) -> bool:
        """Take at most so many bytes off the socket, unread; False when there will be none."""
        try:
            return bool(await asyncio.get_running_loop().sock_recv(self.sock, at_once))
        except OSError:
            return False

    async def end(self) -> Ended:
        """Read to the end of the connection, and return how it ended."""
        async with asyncio.timeout(DEADLINE):
            while True:
                try:
                    await self.receive()
                except Ended as ended:
                    return ended

    async def gone(self) -> None:
        """Read and drop everything until the server has let go of the socket."""
        async with asyncio.timeout(DEADLINE):
            while await self.read_slowly(65_536):
                pass

    def listen(self, keep: Callable[[str | bytes], Any] = lambda message: message) -> Self:
        """From here on read everything as it comes: `keep` of each message into `messages`."""
        self._listener = asyncio.get_running_loop().create_task(self._listen(keep))
        return self

    async def _listen(self, keep: Callable[[str | bytes], Any]) -> None:
        while True:
            try:
                self.messages.append(keep(await self.receive()))
            except TimeoutError:
                continue
            except Ended as ended:
                self.ended = ended
                return

    async def heard(self, count: int) -> list[Any]:
        """Wait until so many messages were heard, and return all of them."""
        try:
            await until(lambda: len(self.messages) >= count or self.ended)
        except TimeoutError:
            raise TimeoutError(f"{len(self.messages)} of {count} messages came") from None
        assert len(self.messages) >= count, f"{self.ended!r} after {len(self.messages)} messages"
        return self.messages

    async def _read(self) -> bool:
        try:
            data = await asyncio.get_running_loop().sock_recv(self.sock, 262_144)
        except OSError:
            return False
        self._buffer += data
        return bool(data)

    def _parse(self) -> Frame | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        length, start = buffer[1], 2
        assert not length & 0x80, "a server masks nothing"
        assert buffer[0] & 0xF0 == FIN, "our server sends no fragments and no reserved bits"
        if length > 125:
            start += 2 if length == 126 else 8
            if len(buffer) < start:
                return None
            length = int.from_bytes(buffer[2:start], "big")
        if len(buffer) < start + length:
            return None
        found = Frame(buffer[0] & 0x0F, bytes(buffer[start : start + length]))
        del buffer[: start + length]
        return found

    # Going.

    def half_close(self) -> None:
        """Shut the write side: the server sees the end, and may still talk."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Be gone at once with a RST, whatever is under way."""
        # The loop watches the number of a socket that is read, and the next one may have it.
        assert self._listener is None or self._listener.done(), "stop listening before"
        with suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def cut_cable(self) -> None:
        """Hear nothing any more: the kernel drops every packet for this socket, unanswered.

        A filter that lets no byte through (socket(7), SO_ATTACH_FILTER) needs no privileges, and
        to the other side is just what a pulled cable is: no acknowledgement, no RST.
        """
        drop_all = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
        program = struct.pack("HL", 1, ctypes.addressof(drop_all))
        self.sock.setsockopt(socket.SOL_SOCKET, 26, program)  # SO_ATTACH_FILTER

    async def close(self) -> None:
        """Be gone, and leave nothing behind on the loop."""
        await self.stop_listening()
        self.reset()

    async def stop_listening(self) -> None:
        """Read nothing any more."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.wait([self._listener])


class PeerProcess:
    """A well-behaved client in a process of its own, that can be frozen.

    async with PeerProcess(server.port, "/ws/lobby") as peer:
        peer.freeze()
    """

    def __init__(self, port: int, path: str) -> None:
        self._arguments = [str(port), path]

    async def __aenter__(self) -> Self:
        command = [sys.executable, "-m", "tests.support.peers", *self._arguments]
        self._process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            assert await self._process.stdout.readline() == b"connected\n"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()

    def freeze(self) -> None:
        """SIGSTOP: its kernel goes on acknowledging, and nobody answers."""
        self._process.send_signal(signal.SIGSTOP)


async def _main(port: int, path: str) -> None:
    peer = await Peer.connect(port, path)
    sys.stdout.write("connected\n")
    sys.stdout.flush()
    with suppress(Ended):
        while True:
            with suppress(TimeoutError):
                await peer.receive()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2]))
