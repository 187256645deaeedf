"""A published client in a durable room: the server is killed, and nothing is lost or repeated."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import centrifuge
import httpx
from tests.clients.hearing import DELAYS, SUB_DELAYS, Heard
from tests.support.commands import hubbub_serve
from tests.support.server import ServerProcess

from hubbub.options import OPEN

KEY = "k" * 40
OPTIONS = {**OPEN.model_dump(exclude_none=True), "history_size": 0, "durability": "commit"}
ROOM = "log:kitchen"


def configured(directory: Path) -> list[str]:
    """`hubbub serve` with durable rooms in a file of this directory."""
    file = directory / "hubbub.toml"
    lines = ["anonymous = true", f'api_keys = ["{KEY}"]', "[namespaces.log]"]
    lines += [f"{name} = {json.dumps(value)}" for name, value in OPTIONS.items()]
    file.write_text("\n".join(lines))
    return ["--headless", "--config", str(file), "--store", f"sqlite:///{directory}/log.db"]


async def test_a_subscription_goes_on_where_it_was_after_the_server_was_killed(
    tmp_path: Path,
) -> None:
    arguments = configured(tmp_path)
    client_heard, heard = Heard(), Heard()
    async with ServerProcess(command=hubbub_serve(*arguments)) as server:
        port = server.port
        client = centrifuge.Client(
            f"ws://127.0.0.1:{port}/connection/websocket",
            events=client_heard.handler(centrifuge.ClientEventHandler),
            **DELAYS,
        )
        events = heard.handler(centrifuge.SubscriptionEventHandler)
        sub = client.new_subscription(ROOM, events=events, **SUB_DELAYS)
        await client.connect()
        await sub.subscribe()
        assert (await heard.next("subscribed")).recoverable
        for number in (1, 2, 3):
            await sub.publish(number)
        assert await heard.publications(3) == [1, 2, 3]
        await server.stop(signal.SIGKILL)
    await heard.next("subscribing")
    address = f"http://127.0.0.1:{port}"
    # A log that somebody else writes to while the client is away: the same file, another server.
    async with (
        ServerProcess(command=hubbub_serve(*arguments)) as other,
        httpx.AsyncClient(headers={"X-API-Key": KEY}) as api,
    ):
        for number in (4, 5):
            answer = await api.post(
                f"http://127.0.0.1:{other.port}/api/publish",
                json={"channel": ROOM, "data": number, "idempotency_key": str(number)},
            )
            assert answer.json()["result"]["offset"] == number
        await other.stop(signal.SIGKILL)
    again = [*hubbub_serve(*arguments), "--port", str(port)]
    async with ServerProcess(command=again), httpx.AsyncClient(headers={"X-API-Key": KEY}) as api:
        subscribed = await heard.next("subscribed")
        assert (subscribed.was_recovering, subscribed.recovered) == (True, True)
        body = {"channel": ROOM, "data": 5, "idempotency_key": "5"}
        repeated = await api.post(f"{address}/api/publish", json=body)
        assert repeated.json()["result"]["offset"] == 5
        await sub.publish(6)
        assert await heard.publications(3) == [4, 5, 6]
        history = await sub.history(limit=-1)
        assert [one.data for one in history.publications] == [1, 2, 3, 4, 5, 6]
        await client.disconnect()
        await asyncio.wait_for(client_heard.next("disconnected"), 5)
    assert [event.pub.offset for event in heard.all("publication")] == [1, 2, 3, 4, 5, 6]
