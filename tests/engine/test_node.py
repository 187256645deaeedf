import asyncio
import threading
from dataclasses import dataclass
from typing import Any

import pytest
from tests.engine.conftest import Enter

from hubbub.engine.member import Member
from hubbub.engine.node import Node
from hubbub.errors import ConfigurationError
from hubbub.model import RESTART
from hubbub.settings import Settings
from hubbub.testing import RecordingSink


@dataclass
class User:
    id: Any
    name: str


async def test_stopping_tells_every_member_to_come_back(node: Node, enter: Enter) -> None:
    _, anns = enter("a", user=User(1, "ann"))
    _, bobs = enter("b", user=User("1", "ann"))
    assert [user.name for user in node.users_of(node.room("a").members)] == ["ann"]
    assert list(node.present) == ["1"]
    await node.stop()
    assert anns.closed == bobs.closed == RESTART


@pytest.mark.parametrize("user", [1.5, True, object(), User(None, "x"), User(True, "x")])
def test_a_user_needs_an_id_that_is_one(user: Any) -> None:
    with pytest.raises(ConfigurationError, match="a user is"):
        Node(Settings()).user(user)


def test_it_moves_to_another_loop_only_when_nobody_is_connected() -> None:
    node = Node(Settings())

    async def join() -> None:
        node.bind()
        node.bind()
        node.enter(Member(node, RecordingSink(), None, node.room("a")), "a")

    async def bind_elsewhere() -> None:
        node.bind()

    first = asyncio.new_event_loop()
    first.run_until_complete(join())
    with pytest.raises(ConfigurationError, match="another event loop"):
        asyncio.run(bind_elsewhere())
    first.close()
    threading.Thread(target=node.run, args=(pytest.fail, "called on a closed loop")).start()
    asyncio.run(bind_elsewhere())
    assert not node.live
