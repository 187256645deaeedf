"""The chat in a network that lets no WebSocket through: it is reached by HTTP, and as true."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.e2e.chatting import agree, enter, message, no_connection, pending, write
from tests.e2e.site import Site
from tests.e2e.visitors import Visitors
from tests.support.nginx import WITH_UPGRADE, nginx

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PATIENT_MS = 45_000
"""The longest that a page waits between two tries, and more."""

REFUSING = f"{WITH_UPGRADE} if ($http_upgrade) {{ return 403; }}"


async def test_where_websockets_are_blocked_the_chat_takes_another_way(
    site: Site, visitors: Visitors, tmp_path: Path
) -> None:
    visitors.streams = True
    visitors.server_may_go = True  # Chromium tells of each WebSocket that is refused
    visitors.answers = ["^502 "]  # of nginx, while there is no server behind it
    with nginx(f"127.0.0.1:{site.port}", tmp_path / "nginx", REFUSING) as proxy:
        ann, bob = await site.person("ann"), await site.person("bob")
        tea = await ann.room("Tea", bob)
        his = await enter(visitors, site, bob, tea)
        site.through = proxy
        hers = await visitors.come(site, ann)
        asked: list[str] = []
        hers.on("request", lambda request: asked.append(request.url))
        hers = await enter(visitors, site, ann, tea)
        hers.on("request", lambda request: asked.append(request.url))
        await write(hers, "Can you hear me?")
        await expect(message(his, "Can you hear me?")).to_be_visible()
        await write(his, "Loud and clear")
        await expect(message(hers, "Loud and clear")).to_be_visible()
        await expect(pending(hers)).to_have_count(0)
        assert any(url.endswith("/connection/http_stream") for url in asked)
        assert any(url.endswith("/emulation") for url in asked)

        await site.kill()
        await expect(no_connection(hers)).to_be_visible()
        await write(hers, "written while there was no server")
        await site.start()
        late = message(his, "written while there was no server")
        await expect(late).to_be_visible(timeout=PATIENT_MS)
        await expect(pending(hers)).to_have_count(0)
        await agree(ann, tea, hers, his)
        assert visitors.events(site) >= 3, "what came by streams, too, was held to the document"
