"""The rows of files, in PostgreSQL."""

from pathlib import Path

import pytest
from tests.chat.files.conftest import add_people
from tests.chat.files.row_laws import LAWS, Law
from tests.support.chat import database
from tests.support.tables import watched


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_in_postgres_it_is_a_law(law: Law, tmp_path: Path) -> None:
    async with watched(await database("postgresql", tmp_path)) as tables:
        await tables.write(add_people)
        await law(tables)
