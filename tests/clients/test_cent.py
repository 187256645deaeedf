"""The libraries that other servers call the API with: `cent` of PyPI, and `cent.js` of npm."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import cent
import pytest
from cent.dto import CentRequest
from tests.support.clients import closed, dial, hear
from tests.support.commands import hubbub_serve
from tests.support.node import node_with_modules
from tests.support.server import DEADLINE, ServerProcess
from websockets.asyncio.client import ClientConnection

from hubbub.embed.tokens import make_token
from hubbub.settings import load

CENT_JS = Path(__file__).with_name("cent")

KEY = "key-of-the-backend"

CONFIGURATION = f"""
api_keys = ["{KEY}"]
token_hmac_secret_key = "a secret of more than thirty-two bytes"

[namespaces.chat]
history_size = 10
presence = true
force_recovery = true

[namespaces.bare]
"""

Ask = Callable[[CentRequest[Any]], Awaitable[Any]]


class Site(NamedTuple):
    """A server in a process of its own, and the file that configures it."""

    server: ServerProcess
    file: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/api"

    @asynccontextmanager
    async def connected(self, user: str) -> AsyncIterator[ClientConnection]:
        """A Centrifuge client of the user."""
        token = make_token(load(self.file), user)
        async with dial(self.server.port, "/connection/websocket") as connection:
            await connection.send(json.dumps({"id": 1, "connect": {"token": token}}))
            assert "connect" in json.loads(await hear(connection))
            yield connection


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    file = tmp_path_factory.mktemp("cent") / "hubbub.toml"
    file.write_text(CONFIGURATION)
    with ServerProcess(command=hubbub_serve("--headless", "--config", str(file))) as server:
        yield Site(server, file)
        log = server.log_now()
    assert KEY not in log
    assert "Traceback" not in log


@pytest.fixture(params=["sync", "async"])
async def ask(request: pytest.FixtureRequest, site: Site) -> AsyncIterator[Ask]:
    """Calls the API with one of the two clients of PyPI's `cent`."""
    if request.param == "sync":
        client = cent.Client(site.url, KEY, timeout=DEADLINE)

        async def in_thread(asked: CentRequest[Any]) -> Any:
            return await asyncio.to_thread(getattr(client, asked.api_method), asked)

        yield in_thread
        client._session.close()  # it has no method for this
        return
    async_client = cent.AsyncClient(site.url, KEY, timeout=DEADLINE)

    async def on_loop(asked: CentRequest[Any]) -> Any:
        return await getattr(async_client, asked.api_method)(asked)

    yield on_loop
    await async_client.close()


async def pushed(client: ClientConnection) -> Any:
    return json.loads(await hear(client))["push"]


async def test_cent_publishes(site: Site, ask: Ask) -> None:
    channel = "chat:publish"
    await ask(cent.HistoryRemoveRequest(channel=channel))
    before = await ask(cent.HistoryRequest(channel=channel))
    assert before.publications == []
    async with site.connected("ann") as ann:
        await ask(cent.SubscribeRequest(user="ann", channel=channel, data={"for": "ann"}))
        assert (await pushed(ann))["subscribe"]["data"] == {"for": "ann"}
        request = cent.PublishRequest(
            channel=channel, data={"n": [1, None]}, tags={"a": "b"}, skip_history=False
        )
        result = await ask(request)
        assert result.offset == before.offset + 1
        assert (await pushed(ann))["pub"] == {
            "data": {"n": [1, None]},
            "offset": result.offset,
            "tags": {"a": "b"},
        }
    await ask(cent.PublishRequest(channel=channel, data="x", b64data="WzJd"))
    after = await ask(cent.HistoryRequest(channel=channel, limit=10, reverse=True))
    assert after.epoch == result.epoch
    assert [one.data for one in after.publications] == [[2], {"n": [1, None]}]
    assert after.publications[1].tags == {"a": "b"}
    since = cent.StreamPosition(offset=result.offset, epoch=result.epoch)
    page = await ask(cent.HistoryRequest(channel=channel, limit=5, since=since))
    assert [one.data for one in page.publications] == [[2]]


async def test_cent_broadcasts(ask: Ask) -> None:
    names = ["chat:one", "nosuch:two", "bare:three"]
    first, second, third = (
        await ask(cent.BroadcastRequest(channels=names, data={}, idempotency_key=""))
    ).responses
    assert first.result.offset >= 1 and first.error is None
    assert (second.error.code, second.error.message) == (102, "unknown channel")
    assert (third.result.offset, third.error) == (0, None)


async def test_cent_sees_who_is_there(site: Site, ask: Ask) -> None:
    async with site.connected("bob") as bob:
        override = cent.ChannelOptionsOverride(force_recovery=cent.BoolValue(value=False))
        await ask(
            cent.SubscribeRequest(
                user="bob", channel="chat:who", info={"name": "Bob"}, override=override
            )
        )
        assert "recoverable" not in (await pushed(bob))["subscribe"]
        (info,) = (await ask(cent.PresenceRequest(channel="chat:who"))).presence.values()
        assert (info.user, info.chan_info) == ("bob", {"name": "Bob"})
        stats = await ask(cent.PresenceStatsRequest(channel="chat:who"))
        assert (stats.num_clients, stats.num_users) == (1, 1)
        found = await ask(cent.ChannelsRequest(pattern="chat:w*"))
        assert {name: one.num_clients for name, one in found.channels.items()} == {"chat:who": 1}
        (node,) = (await ask(cent.InfoRequest())).nodes
        assert node.uid and node.name and node.version
        assert (node.num_clients, node.num_subs, node.num_channels, node.num_users) == (1, 1, 1, 1)
        await ask(cent.UnsubscribeRequest(user="bob", channel="chat:who"))
        assert (await pushed(bob))["unsubscribe"]["code"] == 2000
    assert (await ask(cent.PresenceRequest(channel="chat:who"))).presence == {}


async def test_cent_ends_connections(site: Site, ask: Ask) -> None:
    async with site.connected("cat") as cat:
        await ask(cent.RefreshRequest(user="cat", expire_at=4_000_000_000))
        assert (await pushed(cat))["refresh"]["expires"] is True
        why = cent.Disconnect(code=4005, reason="moved")
        await ask(cent.DisconnectRequest(user="cat", whitelist=[], disconnect=why))
        assert await closed(cat) == (4005, "moved")
    async with site.connected("cat") as cat:
        await ask(cent.RefreshRequest(user="cat", expired=True))
        assert (await closed(cat))[0] == 3005
    async with site.connected("cat") as cat:
        await ask(cent.DisconnectRequest(user="cat"))
        assert await closed(cat) == (3503, "force disconnect")


async def test_cent_sends_batches(ask: Ask) -> None:
    first, second, third = (
        await ask(
            cent.BatchRequest(
                requests=[
                    cent.PublishRequest(channel="chat:batch", data=1),
                    cent.PresenceStatsRequest(channel="chat:batch"),
                    cent.BroadcastRequest(channels=["bare:1", "nosuch:1"], data=2),
                ],
                parallel=True,
            )
        )
    ).replies
    assert first.offset >= 1
    assert second.num_clients == 0
    assert [one.error is None for one in third.responses] == [True, False]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (cent.PublishRequest(channel="nosuch:1", data=1), 102),
        (cent.PublishRequest(channel="chat:1", data=None), 107),
        (cent.PresenceRequest(channel="bare:1"), 108),
        (cent.HistoryRequest(channel="bare:1"), 108),
        (
            cent.HistoryRequest(channel="chat:1", since=cent.StreamPosition(offset=1, epoch="x")),
            112,
        ),
    ],
)
async def test_cent_raises_what_the_api_answers(
    ask: Ask, asked: CentRequest[Any], code: int
) -> None:
    with pytest.raises(cent.CentApiResponseError) as caught:
        await ask(asked)
    assert caught.value.code == code


async def test_cent_without_the_key_is_not_authorized(site: Site, ask: Ask) -> None:
    client = cent.Client(site.url, "wrong", timeout=DEADLINE)
    with pytest.raises(cent.CentUnauthorizedError):
        await asyncio.to_thread(client.info, cent.InfoRequest())
    client._session.close()
    for unknown in (cent.BlockUserRequest(user="ann"), cent.GetUserStatusRequest(users=["ann"])):
        with pytest.raises(cent.CentTransportError) as caught:
            await ask(unknown)
        assert caught.value.status_code == 404


# JavaScript. -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, with `cent.js` beside the script."""
    return node_with_modules(CENT_JS)


async def test_cent_js_calls_every_method_it_has(site: Site, node: str) -> None:
    async with site.connected("dan") as dan:
        done = await asyncio.to_thread(
            subprocess.run,
            [node, "methods.cjs", site.url, KEY, "dan"],
            cwd=CENT_JS,
            timeout=DEADLINE,
            capture_output=True,
            text=True,
        )
        assert await closed(dan) == (3503, "force disconnect")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    epoch = told["publish"]["epoch"]
    assert told["publish"]["offset"] == 1
    assert [list(one) for one in told["broadcast"]["responses"]] == [["result"], ["error"]]
    assert [one["user"] for one in told["presence"]["presence"].values()] == ["dan"]
    assert told["presenceStats"] == {"num_clients": 1, "num_users": 1}
    assert told["history"] == {
        "publications": [
            {"data": {"n": 2}, "offset": 2},
            {"data": {"text": "hi"}, "offset": 1, "tags": {"a": "b"}},
        ],
        "offset": 2,
        "epoch": epoch,
    }
    assert told["channels"] == told["allChannels"] == {"channels": {"chat:js": {"num_clients": 1}}}
    assert told["info"]["nodes"][0]["num_clients"] == 1
    assert told["forgotten"] == {"publications": [], "offset": 2, "epoch": epoch}
    assert told["pipeline"] == [{"offset": 3, "epoch": epoch}, {"num_clients": 0, "num_users": 0}]
    assert (told["refused"], told["stranger"]) == ("CentException", 401)
    for nothing in ("subscribe", "refresh", "unsubscribe", "removeHistory", "disconnect"):
        assert told[nothing] == {}
