import asyncio
import logging
from typing import Any

import pytest
from tests.engine.conftest import Enter

from hubbub.engine.events import Join, Leave
from hubbub.engine.node import Node
from hubbub.model import Disconnect
from hubbub.testing import FakeClock, settle


async def test_hooks_hear_of_joins_and_leaves_in_order(node: Node, enter: Enter) -> None:
    heard: list[Any] = []
    node.join_hooks.append(heard.append)
    node.leave_hooks.append(heard.append)
    ann, _ = enter("a", user="ann")
    ann.lost(Disconnect(1006, "gone"))
    ann.lost(Disconnect(1006, "again"))
    assert heard == [
        Join(ann, ann.room, "ann"),
        Leave(ann, ann.room, "ann", Disconnect(1006, "gone")),
    ]


async def test_a_member_that_leaves_without_an_end_of_its_connection_left_normally(
    node: Node, enter: Enter
) -> None:
    heard: list[Leave] = []
    node.leave_hooks.append(heard.append)
    ann, _ = enter()
    node.leave(ann)
    node.leave(ann)
    assert [leave.disconnect.code for leave in heard] == [1000]


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)])
async def test_what_a_hook_raises_ends_in_the_log(
    node: Node, enter: Enter, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    heard: list[str] = []

    def sync_hook(event: Join) -> None:
        raise error

    async def async_hook(event: Join) -> None:
        raise error

    node.join_hooks += [sync_hook, async_hook, lambda event: heard.append("last")]
    with caplog.at_level(logging.ERROR, "hubbub"):
        enter()
        await node.hooks.settle()
    assert heard == ["last"]
    assert "sync_hook failed" in caplog.text
    assert "async_hook failed" in caplog.text
    assert len(node.hooks) == 0


async def test_asynchronous_hooks_of_one_member_run_one_after_the_other(
    node: Node, enter: Enter
) -> None:
    heard: list[str] = []
    go_on = asyncio.Event()

    async def slow_join(join: Join) -> None:
        await go_on.wait()
        heard.append(f"joined {join.user}")

    async def left(leave: Leave) -> None:
        heard.append(f"left {leave.user}")

    node.join_hooks.append(slow_join)
    node.leave_hooks.append(left)
    ann, _ = enter(user="ann")
    node.leave(ann)
    node.join_hooks.clear()
    bob, _ = enter(user="bob")
    node.leave(bob)
    await settle()
    assert heard == ["left bob"]
    go_on.set()
    await node.hooks.settle()
    assert heard == ["left bob", "joined ann", "left ann"]


async def test_a_hook_that_holds_up_the_loop_is_named_in_the_log(
    node: Node, enter: Enter, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    def thinks_hard(join: Join) -> None:
        clock._now += 1.5

    node.join_hooks.append(thinks_hard)
    with caplog.at_level(logging.WARNING, "hubbub"):
        enter()
    assert "thinks_hard held up every connection for 1.5 s" in caplog.text


async def test_stopping_waits_for_hooks_within_a_bound_and_then_cancels_them(
    node: Node, enter: Enter
) -> None:
    cancelled: list[str] = []

    async def endless(leave: Leave) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(leave.user)
            raise

    node.leave_hooks.append(endless)
    node.settings = node.settings.model_copy(update={"close_seconds": 0.01})
    enter(user="ann")
    await node.stop()
    await settle()
    assert cancelled == ["ann"]
