"""The client of the `websockets` library: a well-behaved one, made by others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.support.peers import DEADLINE
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed


def dial(port: int, path: str, **more: Any) -> connect:
    return connect(f"ws://127.0.0.1:{port}{path}", proxy=None, compression=None, **more)


async def hear(client: ClientConnection) -> str | bytes:
    return await asyncio.wait_for(client.recv(), DEADLINE)


async def closed(client: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            await hear(client)
    received = caught.value.rcvd
    return (received.code, received.reason) if received else (1006, "")
