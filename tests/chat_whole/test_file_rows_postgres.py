"""The rows of files, in PostgreSQL."""

from pathlib import Path

import pytest
from tests.chat.files.conftest import add_people
from tests.chat.files.row_laws import LAWS, RACES, Law, Race
from tests.support.chat import database
from tests.support.tables import watched


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_in_postgres_it_is_a_law(law: Law, tmp_path: Path) -> None:
    async with watched(await database("postgresql", tmp_path)) as tables:
        await tables.write(add_people)
        await law(tables)


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
async def test_of_two_servers_in_postgres_it_is_a_law(race: Race, tmp_path: Path) -> None:
    url = await database("postgresql", tmp_path)
    async with watched(url) as one, watched(url) as other, watched(url) as third:
        await one.write(add_people)
        await race([one, other, third])
