"""The whole of the policy over HTTP (A-7): every action, by everybody, in every kind of room."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.chat_http import check_cells, site
from tests.support.chat_matrix import cells, scenes
from tests.support.postgres import fresh_database


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_every_cell_of_the_policy_holds_over_http(tmp_path: Path) -> None:
    every = list(cells())
    async with site(tmp_path) as scene:
        assert await check_cells(scene, every) == len(every)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_the_policy_holds_on_postgresql(tmp_path: Path) -> None:
    some = set(list(scenes())[::6])
    async with site(tmp_path, await fresh_database()) as scene:
        assert await check_cells(scene, [cell for cell in cells() if cell[1:] in some])
