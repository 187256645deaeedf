"""What a page says and hears without a WebSocket: its HTTP streams, as Chromium has them."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import CDPSession, Page
from tests.support.asyncapi import Contract, Listener

STREAM, EMULATION = "/connection/http_stream", "/emulation"


class Stream:
    """One response: lines that come in pieces, the first of them when they are asked for."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._early: list[bytes] | None = []
        self._rest = b""

    def says(self, commands: str) -> None:
        self._listener.says(commands)

    def begin(self, piece: bytes) -> None:
        early, self._early = self._early or [], None
        for one in (piece, *early):
            self.hears(one)

    def hears(self, piece: bytes) -> None:
        if self._early is not None:
            self._early.append(piece)
            return
        lines, found, rest = (self._rest + piece).rpartition(b"\n")
        self._rest = rest
        if found:
            self._listener.hears(lines.decode())


class Streams:
    """Those of a page; what is said and heard on them is held to the contract of their server."""

    def __init__(self, page: Page, contracts: dict[str, Contract]) -> None:
        self._page = page
        self._contracts = contracts
        self._streams: dict[str, Stream] = {}
        self._session: CDPSession
        self._last: Stream | None = None

    async def listen(self) -> None:
        self._session = await self._page.context.new_cdp_session(self._page)
        self._session.on("Network.requestWillBeSent", self._asked)
        self._session.on("Network.responseReceived", self._answered)
        self._session.on("Network.dataReceived", self._heard)
        await self._session.send("Network.enable")

    def _asked(self, event: dict[str, Any]) -> None:
        url, body = urlsplit(event["request"]["url"]), event["request"].get("postData", "")
        if url.path == STREAM:
            self._last = Stream(self._contracts[url.netloc].listener())
            self._streams[event["requestId"]] = self._last
            self._last.says(body)
        elif url.path == EMULATION and self._last is not None:
            self._last.says(json.loads(body)["data"])

    async def _answered(self, event: dict[str, Any]) -> None:
        id = event["requestId"]
        if (stream := self._streams.get(id)) is not None and event["response"]["status"] == 200:
            asked = {"requestId": id}
            told = await self._session.send("Network.streamResourceContent", asked)
            stream.begin(b64decode(told["bufferedData"]))

    def _heard(self, event: dict[str, Any]) -> None:
        if (stream := self._streams.get(event["requestId"])) is not None and "data" in event:
            stream.hears(b64decode(event["data"]))
