"""The rows of files, in PostgreSQL."""

import pytest
from tests.chat.files.conftest import add_people
from tests.chat.files.row_laws import LAWS, Law
from tests.support.postgres import fresh_database
from tests.support.tables import postgres_tables

from hubbub.chat.schema import metadata


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "SERIALIZABLE"])
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_in_postgres_it_is_a_law(law: Law, isolation: str) -> None:
    async with postgres_tables(await fresh_database(), metadata, isolation) as tables:
        await tables.write(add_people)
        await law(tables)
