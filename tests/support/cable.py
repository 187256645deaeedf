"""A cable to a server that can be cut, and lets pass only what it shall.

async with cable("127.0.0.1:8000") as line:
    ...  # connect to line.at
    line.cut()
    line.mend()
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

CHUNK = 65_536


class Cable:
    """`at` is the address of its near end."""

    def __init__(self, to: str) -> None:
        self._host, _, port = to.rpartition(":")
        self._port = int(port)
        self._whole = True
        self._ends: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self.at = ""
        self.loses: Callable[[bytes], bool] = lambda said: False
        """Whether what a client says, as it comes, gets lost on its way."""

    def cut(self) -> None:
        """Break every connection, and take no other until `mend`."""
        self._whole = False
        for end in self._ends:
            end.transport.abort()

    def mend(self) -> None:
        self._whole = True

    def hold(self) -> None:
        """Let nothing of what the server says pass, until `release`."""
        self._flows.clear()

    def release(self) -> None:
        self._flows.set()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer)
        try:
            if self._whole:
                await self._join(reader, writer)
        finally:
            self._ends.discard(writer)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        self._ends.add(far_writer)
        pumps = [
            asyncio.create_task(self._carry(reader, far_writer, said_by_client=True)),
            asyncio.create_task(self._carry(far_reader, writer, said_by_client=False)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            self._ends.discard(far_writer)
            far_writer.transport.abort()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, said_by_client: bool
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if said_by_client and self.loses(data):
                    continue
                if not said_by_client:
                    await self._flows.wait()
                writer.write(data)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()


@asynccontextmanager
async def cable(to: str) -> AsyncIterator[Cable]:
    line = Cable(to)
    server = await asyncio.start_server(line.connect, "127.0.0.1", 0)
    line.at = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield line
        line.cut()
