"""The policy over HTTP (A-7): some of its cells. All of them are in tests/chat_whole."""

from __future__ import annotations

import pytest
from tests.support.chat_http import Site, check_cells
from tests.support.chat_matrix import Cell, cells

from hubbub.chat.policy import Action, Place, Role, Standing

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCENES = {
    (Standing(Role.MEMBER), Place("public")),
    (Standing(Role.OWNER), Place("public", archived=True)),
    (Standing(Role.MODERATOR, muted=True), Place("private")),
    (Standing(admin=True), Place("private")),
}


async def test_what_happens_over_http_is_what_the_policy_says(scene: Site) -> None:
    some = [cell for cell in cells() if cell[1:] in SCENES]
    assert len(some) == len(SCENES) * len(Action)
    assert await check_cells(scene, some) == len(some)


async def test_the_matrix_notices_what_is_not_as_the_policy_says(scene: Site) -> None:
    class Other(Cell):
        @property
        def allowed(self) -> bool:
            return not super().allowed

    for action in (Action.SAY, Action.KICK, Action.AUDIT):
        try:
            await check_cells(scene, [Other(action, Standing(Role.MEMBER), Place("public"))])
        except AssertionError:
            continue
        raise AssertionError(f"{action}: nothing noticed")
